//! Giving the money back: proven before it is recorded, and the order closed.

use domain::order::Attention;
use domain::payment::{PaymentIntent, PaymentIntentState, PaymentStatus};
use domain::ports::{PaymentRejection, RefundState};
use domain::shipment::LabelRefund;
use domain::{ErrorName, Order, Status, StepError};
use serde_json::{Value, json};
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{ask, error_name, input, now, perform, stored_order, superseded_input};

fn cancel(world: &TestBed, order: &Order) -> Result<Value, StepError> {
    perform(world, "cancel", order)
}

/// An order whose label and goods were given back, and its intent in a state.
fn undone(state: PaymentIntentState) -> (TestBed, Order) {
    let failed = r#"{"InitiateShipping": {"Error": "ShippingRejected"}}"#;
    let order = samples::labeled()
        .begin_compensation(&serde_json::from_str(failed).unwrap(), now())
        .with_label_refund(LabelRefund::Submitted, now())
        .released(now());
    (TestBed::with(&order).intent(samples::payment_intent(state)), order)
}

#[test]
fn before_a_capture_the_hold_is_given_up_and_the_order_closed() {
    let order = samples::authorized();
    let world =
        TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
    let output = cancel(&world, &order).unwrap();
    assert_eq!(output, json!({"orderId": order.order_id, "outcome": "SHIPPING_FAILED"}));
    assert_eq!(
        world.calls(),
        ["orders.load", "orders.save", "payment.retrieve", "payment.cancel", "orders.save"]
    );
    let closed = stored_order(&world, &order);
    assert_eq!(closed.status, Status::ShippingFailed);
    assert_eq!(closed.payment.status, PaymentStatus::Voided);
    assert_eq!(cancel(&world, &order).unwrap(), output, "again: the same, from the record");
    assert_eq!(world.count("payment."), 2);
}

#[test]
fn each_state_of_the_intent_is_undone_as_the_table_says() {
    use PaymentIntentState as S;
    use PaymentStatus::{Refunded, Voided};
    let check = |intent: PaymentIntent,
                 expected: Result<PaymentStatus, ErrorName>,
                 acts: &[&str]| {
        let (world, order) = undone(intent.state);
        let world = world.intent(intent.clone());
        let result = cancel(&world, &order).map_err(|failure| failure.name);
        let money = stored_order(&world, &order).payment.status;
        assert_eq!(result.map(|_| money), expected, "{intent:?}");
        let calls = world.calls();
        let seen: Vec<_> = calls.iter().filter_map(|call| call.strip_prefix("payment.")).collect();
        assert_eq!(seen, acts, "{intent:?}");
    };
    let void = ["look_up", "cancel"];
    check(samples::payment_intent(S::RequiresConfirmation), Ok(Voided), &void);
    check(samples::payment_intent(S::RequiresPaymentMethod), Ok(Voided), &void);
    check(samples::payment_intent(S::RequiresAction), Ok(Voided), &void);
    check(samples::payment_intent(S::RequiresCapture), Ok(Voided), &void);
    check(
        samples::payment_intent(S::Processing),
        Err(ErrorName::PaymentOutcomeUnknown),
        &["look_up"],
    );
    check(samples::payment_intent(S::Succeeded), Ok(Refunded), &["look_up", "refunds", "refund"]);
    check(samples::payment_intent(S::Canceled), Ok(Voided), &["look_up"]);
    let given_back =
        PaymentIntent { refunded_minor: 4499, ..samples::payment_intent(S::Succeeded) };
    check(given_back, Ok(Refunded), &["look_up"]);
}

#[test]
fn an_order_without_an_intent_is_closed_without_a_call() {
    let order = samples::received();
    let world = TestBed::with(&order);
    assert!(cancel(&world, &order).is_ok());
    assert_eq!(world.count("payment."), 0);
    assert_eq!(stored_order(&world, &order).payment.status, PaymentStatus::Voided);
}

#[test]
fn an_execution_that_lost_the_order_or_has_none_changes_nothing() {
    let order = samples::authorized();
    let world =
        TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
    let output = ask(&world, superseded_input("cancel", &order)).unwrap();
    assert_eq!(output["outcome"], "SUPERSEDED");
    assert_eq!(stored_order(&world, &order), order);
    assert_eq!(world.count("payment."), 0);

    let output = cancel(&TestBed::default(), &order).unwrap();
    assert_eq!(output, json!({"orderId": order.order_id, "outcome": "SUPERSEDED"}));
}

#[test]
fn a_fulfilled_order_is_not_touched() {
    let order = samples::fulfilled();
    let world =
        TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::Succeeded));
    assert_eq!(cancel(&world, &order).unwrap()["outcome"], "FULFILLED");
    assert_eq!(stored_order(&world, &order), order);
    assert_eq!(world.calls(), ["orders.load"]);
}

#[test]
fn a_label_or_goods_that_are_left_come_first() {
    // Even if the goods were given back before the label.
    let disordered = samples::labeled().released(now());
    for order in [
        samples::reserved(),
        samples::shipping(),
        samples::labeled(),
        samples::needs_attention(),
        disordered,
    ] {
        let world = TestBed::with(&order)
            .intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
        assert_eq!(error_name(cancel(&world, &order)), ErrorName::CompensationIncomplete);
        assert_eq!(stored_order(&world, &order), order);
        assert_eq!(world.count("payment."), 0);
    }
}

#[test]
fn the_outcome_that_was_decided_first_holds() {
    let (world, order) = undone(PaymentIntentState::RequiresCapture);
    let mut request = input("cancel", &order);
    request["failed"] = json!({"ProcessPayment": {"Error": "PaymentDeclined"}});
    assert_eq!(ask(&world, request).unwrap()["outcome"], "SHIPPING_FAILED");
}

#[test]
fn the_compensation_is_on_record_before_the_gateway_is_asked() {
    let order = samples::authorized();
    let world = TestBed::with(&order)
        .intent(samples::payment_intent(PaymentIntentState::RequiresCapture))
        .on("payment.retrieve", 1, InjectedFault::NotSent);
    assert_eq!(error_name(cancel(&world, &order)), ErrorName::PaymentOutcomeUnknown);
    assert!(stored_order(&world, &order).compensation.is_some());
}

#[test]
fn the_compensation_is_decided_on_the_record_as_it_is() {
    // A customer cancels between the read and the write.
    let order = samples::authorized();
    let asked = InjectedFault::ConcurrentWrite(|order| {
        let mut order = order.with_next_attempt(now());
        order.cancel_requested_at = Some(now());
        order
    });
    let world = TestBed::with(&order)
        .intent(samples::payment_intent(PaymentIntentState::RequiresCapture))
        .on("orders.save", 1, asked);
    assert_eq!(cancel(&world, &order).unwrap()["outcome"], "CANCELLED");
}

#[test]
fn a_void_whose_answer_is_lost_is_looked_up_at_once() {
    let (world, order) = undone(PaymentIntentState::RequiresCapture);
    let world = world.on("payment.cancel", 1, InjectedFault::ResponseLost);
    assert!(cancel(&world, &order).is_ok());
    assert_eq!(world.count("payment.retrieve"), 2);
    assert_eq!(stored_order(&world, &order).payment.status, PaymentStatus::Voided);
}

#[test]
fn a_void_without_effect_is_not_recorded_and_gets_a_key_of_its_own() {
    for trouble in [InjectedFault::RequestLost, InjectedFault::StoredFailure] {
        let (world, order) = undone(PaymentIntentState::RequiresCapture);
        let world = world.on("payment.cancel", 1, trouble);
        assert_eq!(error_name(cancel(&world, &order)), ErrorName::PaymentGatewayUnavailable);
        let now = stored_order(&world, &order);
        assert_eq!((now.payment.attempt, now.payment.status), (2, PaymentStatus::Authorized));
        assert!(!now.status.is_closed());
        assert!(cancel(&world, &order).is_ok());
    }
}

#[test]
fn a_capture_that_was_faster_than_the_void_is_refunded() {
    let (world, order) = undone(PaymentIntentState::Succeeded);
    let held = InjectedFault::PaymentIntentIs(samples::payment_intent(
        PaymentIntentState::RequiresCapture,
    ));
    let world = world.on("payment.retrieve", 1, held);
    assert!(cancel(&world, &order).is_ok());
    assert_eq!(
        world.calls()[1..],
        [
            "payment.retrieve",
            "payment.cancel",
            "payment.retrieve",
            "payment.refunds",
            "payment.refund",
            "orders.save"
        ]
    );
    assert_eq!(stored_order(&world, &order).payment.status, PaymentStatus::Refunded);
}

#[test]
fn a_refund_that_is_there_already_is_not_made_again() {
    let (world, order) = undone(PaymentIntentState::Succeeded);
    let world = world.refund(RefundState::Succeeded);
    assert!(cancel(&world, &order).is_ok());
    assert_eq!(world.count("payment.refund"), 1, "the list, not the call");
    assert_eq!(stored_order(&world, &order).payment.status, PaymentStatus::Refunded);
}

#[test]
fn a_refund_whose_answer_is_lost_is_found_in_the_list() {
    let (world, order) = undone(PaymentIntentState::Succeeded);
    let world = world.on("payment.refund", 1, InjectedFault::ResponseLost);
    assert!(cancel(&world, &order).is_ok());
    assert_eq!(world.refunds(), 1);
    assert_eq!(stored_order(&world, &order).payment.status, PaymentStatus::Refunded);
}

#[test]
fn a_refund_without_effect_is_tried_again_with_another_key() {
    let (world, order) = undone(PaymentIntentState::Succeeded);
    let world = world.on("payment.refund", 1, InjectedFault::RequestLost);
    assert_eq!(error_name(cancel(&world, &order)), ErrorName::PaymentGatewayUnavailable);
    assert_eq!(stored_order(&world, &order).payment.attempt, 2);
    assert!(cancel(&world, &order).is_ok());
    assert_eq!(world.refunds(), 1);
}

#[test]
fn a_refund_that_is_refused_is_no_refund() {
    let (world, order) = undone(PaymentIntentState::Succeeded);
    let refusal = PaymentRejection::Misconfigured("answered 403".into());
    let world = world.on("payment.refund", 1, InjectedFault::PaymentRejected(refusal));
    assert_eq!(error_name(cancel(&world, &order)), ErrorName::PaymentMisconfigured);
    assert!(!stored_order(&world, &order).status.is_closed());
}

#[test]
fn a_refund_that_fails_calls_a_person_and_the_order_is_closed() {
    let check = |world: TestBed, order: &Order| {
        assert!(cancel(&world, order).is_ok());
        let closed = stored_order(&world, order);
        assert_eq!(closed.payment.status, PaymentStatus::RefundFailed);
        assert_eq!(closed.attention, Some(Attention::Operator));
        assert!(closed.status.is_closed());
    };
    let (world, order) = undone(PaymentIntentState::Succeeded);
    check(world.refund(RefundState::Failed), &order);
    let (world, order) = undone(PaymentIntentState::Succeeded);
    check(world.failing_refunds(), &order);
}

#[test]
fn money_that_went_back_only_in_part_calls_a_person() {
    let (world, order) = undone(PaymentIntentState::Succeeded);
    let part = PaymentIntent {
        refunded_minor: 1,
        ..samples::payment_intent(PaymentIntentState::Succeeded)
    };
    let world = world.intent(part);
    assert!(cancel(&world, &order).is_ok());
    assert_eq!(stored_order(&world, &order).attention, Some(Attention::Operator));
}

#[test]
fn an_intent_that_the_gateway_does_not_know_is_not_called_undone() {
    let (world, order) = undone(PaymentIntentState::RequiresCapture);
    let world =
        world.on("payment.retrieve", 1, InjectedFault::PaymentRejected(PaymentRejection::NotFound));
    assert_eq!(error_name(cancel(&world, &order)), ErrorName::PaymentMisconfigured);
    assert!(!stored_order(&world, &order).status.is_closed());
}

#[test]
fn a_gateway_that_is_down_leaves_the_order_open() {
    for point in ["payment.retrieve", "payment.cancel"] {
        let (world, order) = undone(PaymentIntentState::RequiresCapture);
        let world = world.on(point, 1, InjectedFault::NotSent);
        assert!(error_name(cancel(&world, &order)).is_transient());
        assert!(!stored_order(&world, &order).status.is_closed());
        assert!(cancel(&world, &order).is_ok());
        assert_eq!(world.payment_intents_in(PaymentIntentState::Canceled), 1);
    }
}

/// A closed order whose money was never settled.
fn closed() -> Order {
    Order { status: Status::Cancelled, ..samples::authorized() }
}

#[test]
fn the_money_of_a_closed_order_is_settled_and_nothing_recorded() {
    for (state, to) in [
        (PaymentIntentState::RequiresCapture, PaymentIntentState::Canceled),
        (PaymentIntentState::RequiresConfirmation, PaymentIntentState::Canceled),
        (PaymentIntentState::Succeeded, PaymentIntentState::Succeeded),
    ] {
        let order = closed();
        let world = TestBed::with(&order).intent(samples::payment_intent(state));
        assert_eq!(cancel(&world, &order).unwrap()["outcome"], "CANCELLED");
        assert_eq!(world.payment_intents_in(to), 1);
        assert_eq!(world.refunds(), usize::from(state == PaymentIntentState::Succeeded));
        assert_eq!(stored_order(&world, &order), order);
    }
}

#[test]
fn what_cannot_be_settled_of_a_closed_order_calls_a_person_and_is_no_error() {
    let order = closed();
    let world = || {
        TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::RequiresCapture))
    };
    for world in [
        world().on("payment.retrieve", 1, InjectedFault::NotSent),
        world().on(
            "payment.retrieve",
            1,
            InjectedFault::PaymentRejected(PaymentRejection::NotFound),
        ),
        world().on("payment.cancel", 1, InjectedFault::RequestLost),
        world().intent(samples::payment_intent(PaymentIntentState::Processing)),
        world().intent(samples::payment_intent(PaymentIntentState::Succeeded)).failing_refunds(),
    ] {
        assert_eq!(cancel(&world, &order).unwrap()["outcome"], "CANCELLED");
        let raised = stored_order(&world, &order);
        assert_eq!(raised.attention, Some(Attention::Operator));
        assert_eq!(raised.payment, order.payment, "nothing else is recorded");
        assert_eq!(raised.status, Status::Cancelled);
    }
}

#[test]
fn a_closed_order_without_an_intent_is_left_alone() {
    let order = Order { status: Status::Cancelled, ..samples::received() };
    let world = TestBed::with(&order);
    assert_eq!(cancel(&world, &order).unwrap()["outcome"], "CANCELLED");
    assert_eq!(world.calls(), ["orders.load"]);
}
