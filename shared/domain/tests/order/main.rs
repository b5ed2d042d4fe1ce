//! What an order on record allows and what it rejects.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod audit;
mod recovery;
mod retry;

use domain::compensation::Outcome;
use domain::decision::{DecisionKind, OperatorAction, ReviewDecision};
use domain::order::*;
use domain::payment::PaymentStatus;
use domain::shipment::LabelRefund;
use domain::{ErrorName, ExecutionName, Sku, Status, Timestamp};
use testing::samples;

const FAILED_AT_SHIPPING: &str = r#"{"InitiateShipping": {"Error": "ShippingRejected"}}"#;

fn now() -> Timestamp {
    samples::placed_at().plus_minutes(1)
}

fn compensating(order: &Order) -> Order {
    order.begin_compensation(&serde_json::from_str(FAILED_AT_SHIPPING).unwrap(), now())
}

#[test]
fn every_write_raises_the_version_by_one() {
    let order = samples::received();
    assert_eq!(order.version, 1);
    assert_eq!(samples::authorized().version, 3);
    assert_eq!(order.with_next_attempt(now()).version, 2);
    assert_eq!(compensating(&samples::reserved()).version, samples::reserved().version + 1);
}

#[test]
fn an_order_is_read_as_it_was_written() {
    for order in [
        samples::received(),
        samples::in_review(),
        samples::fulfilled(),
        compensating(&samples::needs_attention()),
    ] {
        let written = serde_json::to_value(&order).unwrap();
        assert_eq!(serde_json::from_value::<Order>(written).unwrap(), order);
    }
}

#[test]
fn debug_printing_an_order_reveals_nothing_private() {
    let print = format!("{:?}", samples::fulfilled());
    for private in ["Ada", "ada@example.com", "4155550123", "Montgomery", "pm_card_visa"] {
        assert!(!print.contains(private), "{private}");
    }
}

#[test]
fn a_forward_step_learns_why_it_may_not_proceed() {
    let mine = samples::received().execution;
    let other = samples::received().order_id.restart_execution(1);
    let check = |order: &Order, by: Option<&ExecutionName>, expected: Option<ErrorName>| {
        assert_eq!(order.ensure_can_proceed(by).err().map(|failure| failure.name), expected);
    };
    let order = samples::authorized();
    let canceled = Order { cancel_requested_at: Some(now()), ..order.clone() };
    check(&order, Some(&mine), None);
    check(&order, None, None);
    check(&order, Some(&other), Some(ErrorName::Superseded));
    check(&compensating(&order), Some(&mine), Some(ErrorName::CompensationBegun));
    check(&compensating(&order), Some(&other), Some(ErrorName::Superseded));
    check(&canceled, Some(&mine), Some(ErrorName::OrderCancelled));
    check(&compensating(&canceled), Some(&mine), Some(ErrorName::CompensationBegun));
    let closed = Order { status: Status::Cancelled, ..order };
    check(&closed, Some(&mine), Some(ErrorName::CompensationBegun));
    check(&samples::fulfilled(), Some(&mine), None);
}

#[test]
fn an_order_under_review_needs_approval_until_it_is_approved() {
    let order = samples::in_review();
    let decided = |decision| order.decide_review(decision, "op-1", None, now()).unwrap();
    assert!(order.needs_approval());
    assert!(decided(ReviewDecision::Reject).needs_approval());
    assert!(!decided(ReviewDecision::Approve).needs_approval());
    assert!(!samples::authorized().needs_approval());
}

#[test]
fn the_step_after_a_wait_ends_the_wait() {
    let order = samples::in_review().reserved(now()).unwrap();
    assert_eq!((order.task_token, order.attention, order.waits_for), (None, None, None));
}

#[test]
fn a_review_is_decided_once_and_before_its_deadline() {
    let order = samples::in_review();
    let decide = |order: &Order, at| order.decide_review(ReviewDecision::Approve, "op-1", None, at);
    let decided = decide(&order, now()).unwrap();
    assert!(decided.is_approved());
    assert_eq!(decided.task_token, order.task_token, "the wait goes on until the result is sent");
    assert_eq!(decided.task_decision.as_ref().unwrap().token, order.task_token.clone().unwrap());

    assert_eq!(decide(&decided, now()), Err(DecisionError::AlreadyDecided));
    let deadline = order.review.as_ref().unwrap().deadline.unwrap();
    assert!(decide(&order, deadline).is_ok());
    assert_eq!(decide(&order, deadline.plus_minutes(1)), Err(DecisionError::DeadlinePassed));
    assert_eq!(decide(&samples::authorized(), now()), Err(DecisionError::NotWaiting));
    assert_eq!(decide(&compensating(&order), now()), Err(DecisionError::Compensating));
    let canceled = Order { cancel_requested_at: Some(now()), ..order };
    assert_eq!(decide(&canceled, now()), Err(DecisionError::Compensating));
}

#[test]
fn an_operator_can_capture_only_an_order_that_can_be_shipped() {
    let stuck = samples::needs_attention();
    let capture = |order: &Order| {
        order.apply_operator_action(OperatorAction::Capture, false, "op-1", None, now())
    };
    assert!(capture(&stuck).is_ok());
    let released = Order { reservation: stuck.released(now()).reservation, ..stuck.clone() };
    assert_eq!(capture(&released), Err(DecisionError::NotCapturable));
    let unlabeled = Order { shipment: None, ..stuck.clone() };
    assert_eq!(capture(&unlabeled), Err(DecisionError::NotCapturable));
    let compensating_order = Order { compensation: compensating(&stuck).compensation, ..stuck };
    assert_eq!(capture(&compensating_order), Err(DecisionError::NotCapturable));
    assert_eq!(capture(&samples::labeled()), Err(DecisionError::NotWaiting));
}

#[test]
fn an_operators_compensate_begins_compensation_in_the_same_write() {
    let stuck = samples::needs_attention();
    let order = stuck
        .apply_operator_action(OperatorAction::Compensate, false, "op-1", None, now())
        .unwrap();
    assert_eq!(order.compensation.as_ref().unwrap().outcome, Outcome::PaymentFailed);
    assert_eq!(order.task_token, stuck.task_token);

    let mut captured = stuck;
    captured.payment.status = PaymentStatus::Captured;
    let compensate = |refund| {
        captured.apply_operator_action(OperatorAction::Compensate, refund, "op-1", None, now())
    };
    assert_eq!(compensate(false), Err(DecisionError::RefundNotConfirmed));
    assert!(compensate(true).is_ok());
}

#[test]
fn the_outcome_is_decided_once() {
    let order = compensating(&samples::needs_attention());
    let decided = order.compensation.clone();
    let stuck = samples::waiting(order, Status::NeedsAttention, Attention::Operator);
    let later = Order { cancel_requested_at: Some(now()), ..stuck };
    let again =
        later.apply_operator_action(OperatorAction::Compensate, true, "op-1", None, now()).unwrap();
    assert_eq!(again.compensation, decided);
}

#[test]
fn only_the_attention_of_a_closed_order_can_be_acknowledged() {
    let acknowledge = |order: &Order| {
        order.apply_operator_action(OperatorAction::Acknowledge, false, "op", None, now())
    };
    assert_eq!(acknowledge(&samples::needs_attention()), Err(DecisionError::NothingToAcknowledge));
    assert_eq!(acknowledge(&samples::fulfilled()), Err(DecisionError::NothingToAcknowledge));
    let raised = samples::fulfilled().with_attention(TimelineCode::Disputed, now());
    let seen = acknowledge(&raised).unwrap();
    assert_eq!(seen.attention, None);
    assert_eq!(seen.acknowledged.as_ref().unwrap().by, "op");
    // The customer reads the timeline: it does not name the operator.
    assert_eq!(seen.timeline.last().unwrap().detail.as_deref(), Some("ACKNOWLEDGED"));
}

#[test]
fn an_order_that_closes_keeps_the_token_of_its_wait() {
    // Another execution may have closed it while its own still waits.
    let waiting = samples::in_review();
    let closed = compensating(&waiting);
    let waiting = Order { task_token: waiting.task_token, ..closed };
    let closed = waiting.closed(PaymentStatus::Voided, now()).unwrap();
    assert!(closed.task_token.is_some());
    assert_eq!(closed.attention, None);
    assert_eq!(
        samples::needs_attention().fulfilled(now()).unwrap().task_token,
        samples::needs_attention().task_token
    );
}

#[test]
fn an_order_closes_with_the_outcome_that_was_decided_and_no_other() {
    assert!(samples::reserved().closed(PaymentStatus::Voided, now()).is_err());
    let closed = compensating(&samples::reserved()).closed(PaymentStatus::Voided, now()).unwrap();
    assert_eq!(closed.status, Status::ShippingFailed);
    assert!(closed.fulfilled(now()).is_err(), "closed stays closed");
}

#[test]
fn attention_raised_by_compensation_outlives_the_closing_of_the_order() {
    let order = compensating(&samples::labeled()).with_label_refund(LabelRefund::Refused, now());
    assert_eq!(order.attention, Some(Attention::Operator));
    let closed = order.released(now()).closed(PaymentStatus::Voided, now()).unwrap();
    assert_eq!(closed.attention, Some(Attention::Operator));
    let stuck = samples::waiting(order.clone(), Status::NeedsAttention, Attention::Operator);
    let closed = stuck.released(now()).closed(PaymentStatus::Voided, now()).unwrap();
    assert_eq!(closed.attention, Some(Attention::Operator), "a wait in between hides nothing");
    // But the attention of a wait ends with the wait.
    let waited =
        compensating(&samples::needs_attention()).closed(PaymentStatus::Voided, now()).unwrap();
    assert_eq!(waited.attention, None);
}

#[test]
fn a_backorder_keeps_its_place_and_its_first_deadline() {
    let sku = |name: &str| Sku::parse(name).unwrap();
    let first = samples::authorized().backordered(&sku("MUG"), now());
    let waiting = samples::waiting(first.clone(), Status::Backordered, Attention::Backorder);
    let again = waiting.backordered(&sku("TEE"), now().plus_hours(5));
    assert_eq!(again.backorder, first.backorder);
    assert_eq!(again.waits_for, Some(sku("TEE")));
    assert_eq!(again.task_token, None);
}

#[test]
fn the_input_of_an_execution_is_the_order_id_and_the_date() {
    let order = samples::received();
    assert_eq!(order.execution_input(), serde_json::json!({"orderId": order.order_id}));
    let later = Order { scheduled_for: Some(now()), ..order.clone() };
    assert_eq!(
        later.execution_input(),
        serde_json::json!({"orderId": order.order_id, "scheduledFor": now()})
    );
}

#[test]
fn the_timeline_says_that_a_review_expired() {
    let failed = serde_json::from_str(r#"{"AwaitReview": {"Error": "States.Timeout"}}"#).unwrap();
    let order = samples::in_review().begin_compensation(&failed, now());
    let last = order.timeline.last().unwrap();
    assert_eq!(last.detail.as_deref(), Some("REVIEW_EXPIRED"));
}

#[test]
fn a_cancellation_is_accepted_while_the_status_allows_it() {
    let cancel = |order: &Order| order.request_cancellation("customer-1", now());
    for order in
        [samples::received(), samples::authorized(), samples::in_review(), samples::reserved()]
    {
        let canceled = cancel(&order).unwrap().unwrap();
        assert_eq!(canceled.cancel_requested_at, Some(now()));
        assert_eq!((canceled.status, canceled.version), (order.status, order.version + 1));
        assert_eq!(canceled.ensure_can_proceed(None).unwrap_err().name, ErrorName::OrderCancelled);
        assert_eq!(cancel(&canceled), Ok(None), "once is enough");
        assert!(!canceled.is_cancelable());
    }
    let check = |order: Order, error| assert_eq!(cancel(&order), Err(error));
    check(samples::shipping(), CancellationError::AlreadyShipping);
    check(samples::labeled(), CancellationError::AlreadyShipping);
    check(samples::needs_attention(), CancellationError::WithOperator);
    check(samples::fulfilled(), CancellationError::Closed);
    check(compensating(&samples::reserved()), CancellationError::Compensating);
}

#[test]
fn a_cancellation_decides_the_wait_unless_it_is_decided_already() {
    let order = samples::in_review();
    let canceled = order.request_cancellation("customer-1", now()).unwrap().unwrap();
    let decision = canceled.task_decision.unwrap();
    assert_eq!((decision.kind, decision.by.as_str()), (DecisionKind::Cancellation, "customer-1"));
    assert_eq!(Some(decision.token), order.task_token);

    let approved = order.decide_review(ReviewDecision::Approve, "op", None, now()).unwrap();
    let canceled = approved.request_cancellation("customer-1", now()).unwrap().unwrap();
    assert_eq!(canceled.task_decision, approved.task_decision, "the next step meets the flag");
    assert_eq!(
        samples::authorized().request_cancellation("c", now()).unwrap().unwrap().task_decision,
        None
    );
}

#[test]
fn a_scheduled_order_without_an_intent_is_canceled_at_once() {
    let mut request = samples::new_order();
    request.scheduled_for = Some(now().plus_hours(24));
    let order = Order::accept(request, samples::placed_at());
    let closed = order.request_cancellation("customer-1", now()).unwrap().unwrap();
    assert_eq!(closed.status, Status::Cancelled);
    assert_eq!(closed.version, order.version + 1);
    assert!(closed.open.is_some(), "until its execution has ended");

    let begun = order.with_intent(
        &samples::payment_intent(domain::payment::PaymentIntentState::RequiresConfirmation).id,
        now(),
    );
    let canceled = begun.request_cancellation("customer-1", now()).unwrap().unwrap();
    assert_eq!(canceled.status, Status::Scheduled, "its intent is compensated first");
}

#[test]
fn a_restock_is_recorded_once_for_an_order_that_waits_for_one() {
    let short = samples::authorized().backordered(&Sku::parse("MUG").unwrap(), now());
    assert_eq!(short.restocked(now()), Err(DecisionError::NotWaiting));
    let order = samples::waiting(short, Status::Backordered, Attention::Backorder);
    let restocked = order.restocked(now()).unwrap();
    assert_eq!(restocked.task_decision.as_ref().unwrap().kind, DecisionKind::Restock);
    assert_eq!(restocked.task_token, order.task_token);
    assert_eq!(restocked.waits_for, order.waits_for, "it keeps its place until it is resumed");
    assert_eq!(restocked.restocked(now()), Err(DecisionError::AlreadyDecided));
    assert_eq!(samples::in_review().restocked(now()), Err(DecisionError::NotWaiting));
    assert_eq!(compensating(&order).restocked(now()), Err(DecisionError::Compensating));
}
