//! Capturing: the money is taken once, and only for goods that are on their way.

use crate::support::{ask, error_name, input, now, perform, stored_order, superseded_input};
use domain::payment::{PaymentIntent, PaymentIntentState, PaymentStatus};
use domain::ports::PaymentRejection;
use domain::shipment::LabelRefund;
use domain::{Currency, ErrorName, Money, Order, Status, StepError};
use serde_json::{Value, json};
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

fn capture(world: &TestBed, order: &Order) -> Result<Value, StepError> {
    perform(world, "capture", order)
}

fn labelled(state: PaymentIntentState) -> (TestBed, Order) {
    let order = samples::labeled();
    (TestBed::with(&order).intent(samples::payment_intent(state)), order)
}

#[test]
fn the_money_is_taken_in_one_call_one_read_and_one_write() {
    let (world, order) = labelled(PaymentIntentState::RequiresCapture);
    let output = capture(&world, &order).unwrap();
    assert_eq!(
        output,
        json!({"orderId": order.order_id, "status": "FULFILLED", "paymentStatus": "CAPTURED"})
    );
    assert_eq!(world.calls(), ["orders.load", "payment.capture", "orders.save"]);
    let order = stored_order(&world, &order);
    assert_eq!((order.status, order.payment.status), (Status::Fulfilled, PaymentStatus::Captured));
    assert_eq!(capture(&world, &order).unwrap(), output);
    assert_eq!(world.count("payment."), 1, "a fulfilled order calls nobody");
}

#[test]
fn an_order_that_an_operator_sends_on_is_captured() {
    let order = samples::needs_attention();
    let world =
        TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
    assert!(capture(&world, &order).is_ok());
    let captured = stored_order(&world, &order);
    assert_eq!((captured.status, captured.attention), (Status::Fulfilled, None));
    // For the reconciler: another execution may have come to wait meanwhile.
    assert_eq!(captured.task_token, order.task_token);
}

#[test]
fn without_goods_or_label_or_approval_no_money_is_taken() {
    let check = |order: Order| {
        let world = TestBed::with(&order)
            .intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
        assert_eq!(error_name(capture(&world, &order)), ErrorName::PaymentNotCapturable);
        assert_eq!(world.count("payment."), 0);
    };
    check(samples::received());
    check(samples::authorized());
    check(samples::reserved());
    check(samples::shipping());
    check(samples::labeled().released(now()));
    check(samples::labeled().with_label_refund(LabelRefund::Submitted, now()));
    check(Order { review: samples::in_review().review, ..samples::labeled() });
    check(Order { payment: samples::received().payment, ..samples::labeled() });
}

#[test]
fn the_state_of_the_intent_decides_when_the_gateway_refuses() {
    use PaymentIntentState as S;
    let gone = Some(ErrorName::PaymentNotCapturable);
    let check = |state, expected: Option<ErrorName>| {
        let (world, order) = labelled(state);
        let result = capture(&world, &order);
        assert_eq!(result.err().map(|failure| failure.name), expected, "{state:?}");
        let fulfilled = stored_order(&world, &order).status == Status::Fulfilled;
        assert_eq!(fulfilled, expected.is_none(), "{state:?}");
    };
    check(S::RequiresCapture, None);
    check(S::Succeeded, None);
    check(S::Processing, Some(ErrorName::PaymentOutcomeUnknown));
    check(S::Canceled, gone);
    check(S::RequiresConfirmation, gone);
    check(S::RequiresPaymentMethod, gone);
    check(S::RequiresAction, gone);

    let given_back =
        PaymentIntent { refunded_minor: 4499, ..samples::payment_intent(S::Succeeded) };
    let order = samples::labeled();
    let world = TestBed::with(&order).intent(given_back);
    assert_eq!(error_name(capture(&world, &order)), ErrorName::PaymentNotCapturable);
}

#[test]
fn a_refusal_that_the_intent_does_not_explain_is_what_it_says() {
    let check = |refusal, expected| {
        let (world, order) = labelled(PaymentIntentState::RequiresCapture);
        let world = world.on("payment.capture", 1, InjectedFault::PaymentRejected(refusal));
        assert_eq!(error_name(capture(&world, &order)), expected);
    };
    check(PaymentRejection::Misconfigured("answered 401".into()), ErrorName::PaymentMisconfigured);
    check(PaymentRejection::Declined { code: "do_not_honor".into() }, ErrorName::PaymentDeclined);
    // An authorisation that lapsed is refused by a code, without the intent.
    let (world, order) = labelled(PaymentIntentState::Canceled);
    let lapsed = PaymentRejection::Misconfigured("answered 400 charge_expired_for_capture".into());
    let world = world.on("payment.capture", 1, InjectedFault::PaymentRejected(lapsed));
    assert_eq!(error_name(capture(&world, &order)), ErrorName::PaymentNotCapturable);
}

#[test]
fn a_gateway_that_is_down_is_asked_again_with_the_same_key() {
    let (world, order) = labelled(PaymentIntentState::RequiresCapture);
    let world = world.on("payment.capture", 1, InjectedFault::NotSent);
    assert_eq!(error_name(capture(&world, &order)), ErrorName::PaymentGatewayUnavailable);
    assert_eq!(stored_order(&world, &order).payment.attempt, 1);
    assert!(capture(&world, &order).is_ok());
}

#[test]
fn a_capture_whose_answer_is_lost_is_looked_up_at_once() {
    let (world, order) = labelled(PaymentIntentState::RequiresCapture);
    let world = world.on("payment.capture", 1, InjectedFault::ResponseLost);
    assert!(capture(&world, &order).is_ok());
    assert_eq!(world.count("payment.capture"), 1);
    assert_eq!(world.count("payment.retrieve"), 1);
}

#[test]
fn a_capture_without_effect_gets_a_key_of_its_own_for_the_next_try() {
    let (world, order) = labelled(PaymentIntentState::RequiresCapture);
    let world = world.on("payment.capture", 1, InjectedFault::StoredFailure);
    assert_eq!(error_name(capture(&world, &order)), ErrorName::PaymentGatewayUnavailable);
    assert_eq!(stored_order(&world, &order).payment.attempt, 2);
    assert!(capture(&world, &order).is_ok());
}

#[test]
fn an_answer_that_shows_no_capture_is_not_believed() {
    for state in [
        PaymentIntentState::RequiresCapture,
        PaymentIntentState::Processing,
        PaymentIntentState::Canceled,
    ] {
        let (world, order) = labelled(PaymentIntentState::RequiresCapture);
        let world = world.on(
            "payment.capture",
            1,
            InjectedFault::PaymentIntentIs(samples::payment_intent(state)),
        );
        assert_eq!(error_name(capture(&world, &order)), ErrorName::PaymentGatewayUnavailable);
        assert_eq!(world.count("payment.retrieve"), 1, "{state:?}");
        assert!(capture(&world, &order).is_ok());
    }
}

#[test]
fn an_outcome_that_cannot_be_looked_up_stays_unknown() {
    let (world, order) = labelled(PaymentIntentState::RequiresCapture);
    let world = world.on("payment.capture", 1, InjectedFault::ResponseLost).on(
        "payment.retrieve",
        1,
        InjectedFault::NotSent,
    );
    assert_eq!(error_name(capture(&world, &order)), ErrorName::PaymentOutcomeUnknown);
    assert_eq!(stored_order(&world, &order).payment.attempt, 1);
    assert_ne!(stored_order(&world, &order).status, Status::Fulfilled);
    assert!(capture(&world, &order).is_ok());
    assert_eq!(world.payment_intents_in(PaymentIntentState::Succeeded), 1);
}

#[test]
fn another_amount_is_never_called_fulfilled() {
    let order = samples::labeled();
    let intent = PaymentIntent {
        amount: Money::new(9999, Currency::Usd),
        ..samples::payment_intent(PaymentIntentState::RequiresCapture)
    };
    let world = TestBed::with(&order).intent(intent);
    assert_eq!(error_name(capture(&world, &order)), ErrorName::PaymentMisconfigured);
    let order = stored_order(&world, &order);
    assert!(order.attention.is_some());
    assert_ne!(order.status, Status::Fulfilled);
}

#[test]
fn an_order_that_turned_round_or_was_taken_over_is_not_captured() {
    let order = samples::labeled();
    let turned = order.begin_compensation(&serde_json::from_str("{}").unwrap(), now());
    for (order, request, expected) in [
        (&turned, input("capture", &turned), ErrorName::CompensationBegun),
        (&order, superseded_input("capture", &order), ErrorName::Superseded),
    ] {
        let world = TestBed::with(order)
            .intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
        assert_eq!(error_name(ask(&world, request)), expected);
        assert_eq!(world.count("payment."), 0);
    }
}

#[test]
fn a_compensation_that_begins_during_the_capture_wins_the_record() {
    let (world, order) = labelled(PaymentIntentState::RequiresCapture);
    let turn = InjectedFault::ConcurrentWrite(|order| {
        order.begin_compensation(&serde_json::from_str("{}").unwrap(), now())
    });
    let world = world.on("orders.save", 1, turn);
    assert_eq!(error_name(capture(&world, &order)), ErrorName::CompensationBegun);
    assert_ne!(stored_order(&world, &order).status, Status::Fulfilled);
}
