//! `cancel`: the return of the money is proven before it is recorded, and the order is closed.

use domain::decision::OperatorAction;
use domain::order::{Attention, DecisionError};
use domain::payment::{PaymentIntent, PaymentIntentState, PaymentStatus, RefundPermission};
use domain::ports::{PaymentRejection, RefundState};
use domain::settlement::{Claims, MoneyClaim};
use domain::shipment::LabelRefund;
use domain::{ErrorName, Order, Status, StepError};
use serde_json::{Value, json};
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{error_name, input, invoke, now, perform, stored_order, superseded_input};

fn cancel(test_bed: &TestBed, order: &Order) -> Result<Value, StepError> {
    perform(test_bed, "cancel", order)
}

/// An order whose label and stock were returned, and whose intent is in this state.
fn ready_to_cancel(state: PaymentIntentState) -> (TestBed, Order) {
    let failed = r#"{"InitiateShipping": {"Error": "ShippingRejected"}}"#;
    let order = samples::labeled()
        .begin_compensation(&serde_json::from_str(failed).unwrap(), now())
        .with_label_refund(LabelRefund::Submitted, now())
        .released(now());
    (TestBed::with(&order).intent(samples::payment_intent(state)), order)
}

#[test]
fn before_capture_the_intent_is_canceled_and_the_order_closed() {
    let order = samples::authorized();
    let test_bed =
        TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
    let output = cancel(&test_bed, &order).unwrap();
    assert_eq!(output, json!({"orderId": order.order_id, "outcome": "SHIPPING_FAILED"}));
    assert_eq!(
        test_bed.calls(),
        ["orders.load", "orders.save", "payment.retrieve", "payment.cancel", "orders.save"]
    );
    let closed = stored_order(&test_bed, &order);
    assert_eq!(closed.status, Status::ShippingFailed);
    assert_eq!(closed.payment.status, PaymentStatus::Voided);
    assert_eq!(cancel(&test_bed, &order).unwrap(), output, "a repeat answers from the record");
    assert_eq!(test_bed.count("payment."), 2);
}

#[test]
fn each_intent_state_leads_to_its_compensating_call() {
    use PaymentIntentState as S;
    use PaymentStatus::{Refunded, Voided};
    let check = |intent: PaymentIntent,
                 expected: Result<PaymentStatus, ErrorName>,
                 acts: &[&str]| {
        let (test_bed, order) = ready_to_cancel(intent.state);
        let test_bed = test_bed.intent(intent.clone());
        let result = cancel(&test_bed, &order).map_err(|failure| failure.name);
        let money = stored_order(&test_bed, &order).payment.status;
        assert_eq!(result.map(|_| money), expected, "{intent:?}");
        let calls = test_bed.calls();
        let seen: Vec<_> = calls.iter().filter_map(|call| call.strip_prefix("payment.")).collect();
        assert_eq!(seen, acts, "{intent:?}");
    };
    let void = ["retrieve", "cancel"];
    check(samples::payment_intent(S::RequiresConfirmation), Ok(Voided), &void);
    check(samples::payment_intent(S::RequiresPaymentMethod), Ok(Voided), &void);
    check(samples::payment_intent(S::RequiresAction), Ok(Voided), &void);
    check(samples::payment_intent(S::RequiresCapture), Ok(Voided), &void);
    check(
        samples::payment_intent(S::Processing),
        Err(ErrorName::PaymentOutcomeUnknown),
        &["retrieve"],
    );
    check(samples::payment_intent(S::Succeeded), Ok(Refunded), &["retrieve", "refunds", "refund"]);
    check(samples::payment_intent(S::Canceled), Ok(Voided), &["retrieve"]);
    let refunded = PaymentIntent { refunded_minor: 4499, ..samples::payment_intent(S::Succeeded) };
    check(refunded, Ok(Refunded), &["retrieve"]);
}

#[test]
fn an_order_without_an_intent_is_closed_without_a_call() {
    let order = samples::received();
    let test_bed = TestBed::with(&order);
    assert!(cancel(&test_bed, &order).is_ok());
    assert_eq!(test_bed.count("payment."), 0);
    assert_eq!(stored_order(&test_bed, &order).payment.status, PaymentStatus::Voided);
}

#[test]
fn an_execution_that_lost_the_order_or_has_none_changes_nothing() {
    let order = samples::authorized();
    let test_bed =
        TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
    let output = invoke(&test_bed, superseded_input("cancel", &order)).unwrap();
    assert_eq!(output["outcome"], "SUPERSEDED");
    assert_eq!(stored_order(&test_bed, &order), order);
    assert_eq!(test_bed.count("payment."), 0);

    let output = cancel(&TestBed::default(), &order).unwrap();
    assert_eq!(output, json!({"orderId": order.order_id, "outcome": "SUPERSEDED"}));
}

#[test]
fn a_fulfilled_order_is_left_unchanged() {
    let order = samples::fulfilled();
    let test_bed =
        TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::Succeeded));
    assert_eq!(cancel(&test_bed, &order).unwrap()["outcome"], "FULFILLED");
    assert_eq!(stored_order(&test_bed, &order), order);
    assert_eq!(test_bed.calls(), ["orders.load"]);
}

#[test]
fn an_open_shipment_or_reservation_must_be_returned_first() {
    // Also when the stock was released before the label was refunded.
    let released_first = samples::labeled().released(now());
    for order in [
        samples::reserved(),
        samples::shipping(),
        samples::labeled(),
        samples::needs_attention(),
        released_first,
    ] {
        let test_bed = TestBed::with(&order)
            .intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
        assert_eq!(error_name(cancel(&test_bed, &order)), ErrorName::CompensationIncomplete);
        assert_eq!(stored_order(&test_bed, &order), order);
        assert_eq!(test_bed.count("payment."), 0);
    }
}

#[test]
fn the_first_decided_outcome_holds() {
    let (test_bed, order) = ready_to_cancel(PaymentIntentState::RequiresCapture);
    let mut request = input("cancel", &order);
    request["failed"] = json!({"ProcessPayment": {"Error": "PaymentDeclined"}});
    assert_eq!(invoke(&test_bed, request).unwrap()["outcome"], "SHIPPING_FAILED");
}

#[test]
fn the_compensation_is_recorded_before_the_provider_is_called() {
    let order = samples::authorized();
    let test_bed = TestBed::with(&order)
        .intent(samples::payment_intent(PaymentIntentState::RequiresCapture))
        .on("payment.retrieve", 1, InjectedFault::NotSent);
    assert_eq!(error_name(cancel(&test_bed, &order)), ErrorName::PaymentOutcomeUnknown);
    assert!(stored_order(&test_bed, &order).compensation.is_some());
}

#[test]
fn the_compensation_is_decided_from_the_current_record() {
    // The customer cancels between the read and the write.
    let order = samples::authorized();
    let cancellation = InjectedFault::ConcurrentWrite(|order| {
        let mut order = order.with_next_attempt(now());
        order.cancel_requested_at = Some(now());
        order
    });
    let test_bed = TestBed::with(&order)
        .intent(samples::payment_intent(PaymentIntentState::RequiresCapture))
        .on("orders.save", 1, cancellation);
    assert_eq!(cancel(&test_bed, &order).unwrap()["outcome"], "CANCELLED");
}

#[test]
fn a_void_without_an_answer_is_looked_up_at_once() {
    let (test_bed, order) = ready_to_cancel(PaymentIntentState::RequiresCapture);
    let test_bed = test_bed.on("payment.cancel", 1, InjectedFault::ResponseLost);
    assert!(cancel(&test_bed, &order).is_ok());
    assert_eq!(test_bed.count("payment.retrieve"), 2);
    assert_eq!(stored_order(&test_bed, &order).payment.status, PaymentStatus::Voided);
}

#[test]
fn a_void_without_effect_is_not_recorded_and_is_repeated_under_a_new_key() {
    for fault in [InjectedFault::RequestLost, InjectedFault::StoredFailure] {
        let (test_bed, order) = ready_to_cancel(PaymentIntentState::RequiresCapture);
        let test_bed = test_bed.on("payment.cancel", 1, fault);
        assert_eq!(error_name(cancel(&test_bed, &order)), ErrorName::PaymentGatewayUnavailable);
        let now = stored_order(&test_bed, &order);
        assert_eq!((now.payment.attempt, now.payment.status), (2, PaymentStatus::Authorized));
        assert!(!now.status.is_closed());
        assert!(cancel(&test_bed, &order).is_ok());
    }
}

#[test]
fn a_capture_that_wins_against_the_void_is_refunded() {
    let (test_bed, order) = ready_to_cancel(PaymentIntentState::Succeeded);
    let held = InjectedFault::PaymentIntentIs(samples::payment_intent(
        PaymentIntentState::RequiresCapture,
    ));
    let test_bed = test_bed.on("payment.retrieve", 1, held);
    assert!(cancel(&test_bed, &order).is_ok());
    assert_eq!(
        test_bed.calls()[1..],
        [
            "payment.retrieve",
            "payment.cancel",
            "payment.retrieve",
            "payment.refunds",
            "payment.refund",
            "orders.save"
        ]
    );
    assert_eq!(stored_order(&test_bed, &order).payment.status, PaymentStatus::Refunded);
}

#[test]
fn an_existing_refund_is_not_repeated() {
    let (test_bed, order) = ready_to_cancel(PaymentIntentState::Succeeded);
    let test_bed = test_bed.refund(RefundState::Succeeded);
    assert!(cancel(&test_bed, &order).is_ok());
    assert_eq!(test_bed.count("payment.refund"), 1, "the list call only");
    assert_eq!(stored_order(&test_bed, &order).payment.status, PaymentStatus::Refunded);
}

#[test]
fn a_refund_without_an_answer_is_found_in_the_list() {
    let (test_bed, order) = ready_to_cancel(PaymentIntentState::Succeeded);
    let test_bed = test_bed.on("payment.refund", 1, InjectedFault::ResponseLost);
    assert!(cancel(&test_bed, &order).is_ok());
    assert_eq!(test_bed.refunds(), 1);
    assert_eq!(stored_order(&test_bed, &order).payment.status, PaymentStatus::Refunded);
}

#[test]
fn a_refund_without_effect_is_repeated_under_a_new_key() {
    let (test_bed, order) = ready_to_cancel(PaymentIntentState::Succeeded);
    let test_bed = test_bed.on("payment.refund", 1, InjectedFault::RequestLost);
    assert_eq!(error_name(cancel(&test_bed, &order)), ErrorName::PaymentGatewayUnavailable);
    assert_eq!(stored_order(&test_bed, &order).payment.attempt, 2);
    assert!(cancel(&test_bed, &order).is_ok());
    assert_eq!(test_bed.refunds(), 1);
}

#[test]
fn a_rejected_refund_or_void_does_not_close_the_order_and_is_repeated_under_a_new_key() {
    for (state, point, to) in [
        (PaymentIntentState::Succeeded, "payment.refund", PaymentStatus::Refunded),
        (PaymentIntentState::RequiresCapture, "payment.cancel", PaymentStatus::Voided),
    ] {
        let (test_bed, order) = ready_to_cancel(state);
        let rejection = PaymentRejection::Misconfigured("answered 400".into());
        let test_bed = test_bed.on(point, 1, InjectedFault::PaymentRejected(rejection));
        assert_eq!(error_name(cancel(&test_bed, &order)), ErrorName::PaymentMisconfigured);
        let rejected = stored_order(&test_bed, &order);
        assert_eq!((rejected.status.is_closed(), rejected.payment.attempt), (false, 2), "{point}");
        assert!(cancel(&test_bed, &order).is_ok());
        assert_eq!(stored_order(&test_bed, &order).payment.status, to);
    }
}

/// An order that an operator had compensated, once its label and stock are returned.
fn compensated_by_operator(order: &Order, refund: bool) -> Order {
    let compensate = OperatorAction::Compensate;
    order.apply_operator_action(compensate, refund, "op-1", None, now()).unwrap()
}

#[test]
fn a_capture_that_was_not_on_record_is_refunded_only_with_permission() {
    let order = compensated_by_operator(&samples::needs_attention(), false)
        .with_label_refund(LabelRefund::Submitted, now())
        .released(now())
        .restarted(now());
    let test_bed =
        TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::Succeeded));
    for _ in 0..2 {
        assert_eq!(error_name(cancel(&test_bed, &order)), ErrorName::RefundNotPermitted);
        assert_eq!(test_bed.refunds(), 0);
        let found = stored_order(&test_bed, &order);
        assert_eq!((found.payment.status, found.status), (PaymentStatus::Captured, order.status));
    }
    let stopped = stored_order(&test_bed, &order);
    let waiting = samples::waiting(stopped, Status::NeedsAttention, Attention::Operator);
    let unchanged =
        waiting.apply_operator_action(OperatorAction::Compensate, false, "op-1", None, now());
    assert_eq!(unchanged, Err(DecisionError::RefundNotConfirmed), "the capture is on record");
    let permitted = compensated_by_operator(&waiting, true);
    test_bed.put(&permitted);
    assert!(cancel(&test_bed, &permitted).is_ok());
    assert_eq!(test_bed.refunds(), 1);
    let closed = stored_order(&test_bed, &permitted);
    assert_eq!(closed.payment.status, PaymentStatus::Refunded);
}

/// An order that an operator settled by hand, and that has nothing left but its payment.
fn settled(money: MoneyClaim) -> Order {
    let claims = Claims { money: Some(money), label: None };
    samples::needs_attention()
        .settle(claims, false, "op-1", "Seen in the dashboard.", now())
        .unwrap()
        .with_label_refund(LabelRefund::Submitted, now())
        .released(now())
}

#[test]
fn a_claim_closes_the_order_only_where_the_provider_gives_no_answer() {
    use MoneyClaim::{Captured, Refunded, Voided};
    let no_answer = || {
        [
            InjectedFault::PaymentRejected(PaymentRejection::NotFound),
            InjectedFault::NotSent,
            InjectedFault::PaymentIntentIs(samples::payment_intent(PaymentIntentState::Processing)),
        ]
    };
    for claim in [Captured, Refunded, Voided] {
        for fault in no_answer() {
            let order = settled(claim);
            let test_bed = TestBed::with(&order).on("payment.retrieve", 1, fault);
            assert!(cancel(&test_bed, &order).is_ok());
            let closed = stored_order(&test_bed, &order);
            assert_eq!(closed.payment.status, claim.status());
            assert_eq!(closed.attention.is_some(), claim == Captured, "kept money is raised");
        }
    }
    // The hold is still there: the provider is believed, and the hold is released.
    for claim in [Captured, Refunded, Voided] {
        let order = settled(claim);
        let test_bed = TestBed::with(&order)
            .intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
        assert!(cancel(&test_bed, &order).is_ok());
        assert_eq!(stored_order(&test_bed, &order).payment.status, PaymentStatus::Voided);
        assert_eq!(test_bed.payment_intents_in(PaymentIntentState::Canceled), 1);
    }
}

#[test]
fn captured_money_that_an_operator_lets_the_shop_keep_is_not_refunded() {
    let captured = || samples::payment_intent(PaymentIntentState::Succeeded);
    let order = settled(MoneyClaim::Captured);
    let test_bed = TestBed::with(&order).intent(captured());
    assert!(cancel(&test_bed, &order).is_ok());
    let closed = stored_order(&test_bed, &order);
    assert_eq!((closed.payment.status, test_bed.refunds()), (PaymentStatus::Captured, 0));
    assert_eq!(closed.attention, Some(Attention::Operator));
    // The other claims are wrong, and permit no refund.
    let order = settled(MoneyClaim::Voided);
    let test_bed = TestBed::with(&order).intent(captured());
    assert_eq!(error_name(cancel(&test_bed, &order)), ErrorName::RefundNotPermitted);
    assert_eq!(test_bed.refunds(), 0);
}

#[test]
fn without_an_operator_a_capture_is_refunded() {
    let (test_bed, order) = ready_to_cancel(PaymentIntentState::Succeeded);
    assert_eq!(order.payment.refund_permission, RefundPermission::NotAsked);
    assert!(cancel(&test_bed, &order).is_ok());
    assert_eq!(test_bed.refunds(), 1);
}

#[test]
fn a_failed_refund_raises_attention_and_the_order_is_closed() {
    let check = |test_bed: TestBed, order: &Order| {
        assert!(cancel(&test_bed, order).is_ok());
        let closed = stored_order(&test_bed, order);
        assert_eq!(closed.payment.status, PaymentStatus::RefundFailed);
        assert_eq!(closed.attention, Some(Attention::Operator));
        assert!(closed.status.is_closed());
    };
    let (test_bed, order) = ready_to_cancel(PaymentIntentState::Succeeded);
    check(test_bed.refund(RefundState::Failed), &order);
    let (test_bed, order) = ready_to_cancel(PaymentIntentState::Succeeded);
    check(test_bed.failing_refunds(), &order);
}

#[test]
fn a_partial_refund_raises_attention() {
    let (test_bed, order) = ready_to_cancel(PaymentIntentState::Succeeded);
    let part = PaymentIntent {
        refunded_minor: 1,
        ..samples::payment_intent(PaymentIntentState::Succeeded)
    };
    let test_bed = test_bed.intent(part);
    assert!(cancel(&test_bed, &order).is_ok());
    assert_eq!(stored_order(&test_bed, &order).attention, Some(Attention::Operator));
}

#[test]
fn an_intent_that_the_provider_does_not_know_is_not_recorded_as_voided() {
    let (test_bed, order) = ready_to_cancel(PaymentIntentState::RequiresCapture);
    let test_bed = test_bed.on(
        "payment.retrieve",
        1,
        InjectedFault::PaymentRejected(PaymentRejection::NotFound),
    );
    assert_eq!(error_name(cancel(&test_bed, &order)), ErrorName::PaymentMisconfigured);
    assert!(!stored_order(&test_bed, &order).status.is_closed());
}

#[test]
fn an_unreachable_provider_leaves_the_order_open() {
    for point in ["payment.retrieve", "payment.cancel"] {
        let (test_bed, order) = ready_to_cancel(PaymentIntentState::RequiresCapture);
        let test_bed = test_bed.on(point, 1, InjectedFault::NotSent);
        assert!(error_name(cancel(&test_bed, &order)).is_transient());
        assert!(!stored_order(&test_bed, &order).status.is_closed());
        assert!(cancel(&test_bed, &order).is_ok());
        assert_eq!(test_bed.payment_intents_in(PaymentIntentState::Canceled), 1);
    }
}

#[test]
fn a_rate_limit_makes_the_compensation_late() {
    let check = |state, points: &[&'static str]| {
        for point in points {
            let (test_bed, order) = ready_to_cancel(state);
            let test_bed = test_bed.on(point, 1, InjectedFault::Throttled);
            let error = error_name(cancel(&test_bed, &order));
            assert_eq!(error, ErrorName::PaymentThrottled, "{point}");
            assert!(!stored_order(&test_bed, &order).status.is_closed());
            assert!(cancel(&test_bed, &order).is_ok(), "{point}");
        }
    };
    check(PaymentIntentState::RequiresCapture, &["payment.retrieve", "payment.cancel"]);
    check(PaymentIntentState::Succeeded, &["payment.refunds", "payment.refund"]);
}

/// A closed order whose authorization was never voided.
fn closed() -> Order {
    Order { status: Status::Cancelled, ..samples::authorized() }
}

#[test]
fn the_payment_of_a_closed_order_is_returned_and_nothing_is_recorded() {
    for (state, to) in [
        (PaymentIntentState::RequiresCapture, PaymentIntentState::Canceled),
        (PaymentIntentState::RequiresConfirmation, PaymentIntentState::Canceled),
        (PaymentIntentState::Succeeded, PaymentIntentState::Succeeded),
    ] {
        let order = closed();
        let test_bed = TestBed::with(&order).intent(samples::payment_intent(state));
        assert_eq!(cancel(&test_bed, &order).unwrap()["outcome"], "CANCELLED");
        assert_eq!(test_bed.payment_intents_in(to), 1);
        assert_eq!(test_bed.refunds(), usize::from(state == PaymentIntentState::Succeeded));
        assert_eq!(stored_order(&test_bed, &order), order);
    }
}

#[test]
fn a_closed_order_whose_payment_cannot_be_returned_raises_attention_and_is_no_error() {
    let order = closed();
    let test_bed = || {
        TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::RequiresCapture))
    };
    for test_bed in [
        test_bed().on("payment.retrieve", 1, InjectedFault::NotSent),
        test_bed().on(
            "payment.retrieve",
            1,
            InjectedFault::PaymentRejected(PaymentRejection::NotFound),
        ),
        test_bed().on("payment.cancel", 1, InjectedFault::RequestLost),
        test_bed().intent(samples::payment_intent(PaymentIntentState::Processing)),
        test_bed().intent(samples::payment_intent(PaymentIntentState::Succeeded)).failing_refunds(),
    ] {
        assert_eq!(cancel(&test_bed, &order).unwrap()["outcome"], "CANCELLED");
        let raised = stored_order(&test_bed, &order);
        assert_eq!(raised.attention, Some(Attention::Operator));
        assert_eq!(raised.payment, order.payment, "only the attention is recorded");
        assert_eq!(raised.status, Status::Cancelled);
    }
}

#[test]
fn a_closed_order_without_an_intent_is_left_unchanged() {
    let order = Order { status: Status::Cancelled, ..samples::received() };
    let test_bed = TestBed::with(&order);
    assert_eq!(cancel(&test_bed, &order).unwrap()["outcome"], "CANCELLED");
    assert_eq!(test_bed.calls(), ["orders.load"]);
}
