//! `capture`: the amount is captured once, and only for an order with stock and a label.

use crate::support::{error_name, input, invoke, now, perform, stored_order, superseded_input};
use domain::payment::{PaymentIntent, PaymentIntentState, PaymentStatus};
use domain::ports::PaymentRejection;
use domain::shipment::LabelRefund;
use domain::{Currency, ErrorName, Money, Order, Status, StepError};
use serde_json::{Value, json};
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

fn capture(test_bed: &TestBed, order: &Order) -> Result<Value, StepError> {
    perform(test_bed, "capture", order)
}

fn labeled(state: PaymentIntentState) -> (TestBed, Order) {
    let order = samples::labeled();
    (TestBed::with(&order).intent(samples::payment_intent(state)), order)
}

#[test]
fn a_capture_takes_one_call_one_read_and_one_write() {
    let (test_bed, order) = labeled(PaymentIntentState::RequiresCapture);
    let output = capture(&test_bed, &order).unwrap();
    assert_eq!(
        output,
        json!({"orderId": order.order_id, "status": "FULFILLED", "paymentStatus": "CAPTURED"})
    );
    assert_eq!(test_bed.calls(), ["orders.load", "payment.capture", "orders.save"]);
    let order = stored_order(&test_bed, &order);
    assert_eq!((order.status, order.payment.status), (Status::Fulfilled, PaymentStatus::Captured));
    assert_eq!(capture(&test_bed, &order).unwrap(), output);
    assert_eq!(test_bed.count("payment."), 1, "a fulfilled order causes no call");
}

#[test]
fn an_order_resumed_by_an_operator_is_captured() {
    let order = samples::needs_attention();
    let test_bed =
        TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
    assert!(capture(&test_bed, &order).is_ok());
    let captured = stored_order(&test_bed, &order);
    assert_eq!((captured.status, captured.attention), (Status::Fulfilled, None));
    // The token stays for the reconciler: another execution may wait under it.
    assert_eq!(captured.task_token, order.task_token);
}

#[test]
fn without_stock_label_or_approval_nothing_is_captured() {
    let check = |order: Order| {
        let test_bed = TestBed::with(&order)
            .intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
        assert_eq!(error_name(capture(&test_bed, &order)), ErrorName::PaymentNotCapturable);
        assert_eq!(test_bed.count("payment."), 0);
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
fn the_intent_state_decides_when_the_provider_rejects_the_capture() {
    use PaymentIntentState as S;
    let not_capturable = Some(ErrorName::PaymentNotCapturable);
    let check = |state, expected: Option<ErrorName>| {
        let (test_bed, order) = labeled(state);
        let result = capture(&test_bed, &order);
        assert_eq!(result.err().map(|failure| failure.name), expected, "{state:?}");
        let fulfilled = stored_order(&test_bed, &order).status == Status::Fulfilled;
        assert_eq!(fulfilled, expected.is_none(), "{state:?}");
    };
    check(S::RequiresCapture, None);
    check(S::Succeeded, None);
    check(S::Processing, Some(ErrorName::PaymentOutcomeUnknown));
    check(S::Canceled, not_capturable);
    check(S::RequiresConfirmation, not_capturable);
    check(S::RequiresPaymentMethod, not_capturable);
    check(S::RequiresAction, not_capturable);

    let refunded = PaymentIntent { refunded_minor: 4499, ..samples::payment_intent(S::Succeeded) };
    let order = samples::labeled();
    let test_bed = TestBed::with(&order).intent(refunded);
    assert_eq!(error_name(capture(&test_bed, &order)), ErrorName::PaymentNotCapturable);
}

#[test]
fn a_rejection_that_the_intent_does_not_explain_keeps_its_meaning() {
    let check = |rejection, expected| {
        let (test_bed, order) = labeled(PaymentIntentState::RequiresCapture);
        let test_bed = test_bed.on("payment.capture", 1, InjectedFault::PaymentRejected(rejection));
        assert_eq!(error_name(capture(&test_bed, &order)), expected);
        // The provider repeats a rejection under the same key for a day.
        assert_eq!(stored_order(&test_bed, &order).payment.attempt, 2);
        assert!(capture(&test_bed, &order).is_ok());
    };
    check(PaymentRejection::Misconfigured("answered 401".into()), ErrorName::PaymentMisconfigured);
    check(PaymentRejection::Declined { code: "do_not_honor".into() }, ErrorName::PaymentDeclined);
    // An expired authorization is rejected with a code and without the intent.
    let (test_bed, order) = labeled(PaymentIntentState::Canceled);
    let expired = PaymentRejection::Misconfigured("answered 400 charge_expired_for_capture".into());
    let test_bed = test_bed.on("payment.capture", 1, InjectedFault::PaymentRejected(expired));
    assert_eq!(error_name(capture(&test_bed, &order)), ErrorName::PaymentNotCapturable);
}

#[test]
fn a_part_that_was_captured_by_hand_does_not_pay_the_order() {
    let (test_bed, order) = labeled(PaymentIntentState::Succeeded);
    let part = PaymentIntent {
        received_minor: 1000,
        ..samples::payment_intent(PaymentIntentState::Succeeded)
    };
    let test_bed = test_bed.intent(part);
    assert_eq!(error_name(capture(&test_bed, &order)), ErrorName::PaymentNotCapturable);
    assert_ne!(stored_order(&test_bed, &order).status, Status::Fulfilled);
}

#[test]
fn an_unreachable_provider_is_called_again_with_the_same_key() {
    let (test_bed, order) = labeled(PaymentIntentState::RequiresCapture);
    let test_bed = test_bed.on("payment.capture", 1, InjectedFault::NotSent);
    assert_eq!(error_name(capture(&test_bed, &order)), ErrorName::PaymentGatewayUnavailable);
    assert_eq!(stored_order(&test_bed, &order).payment.attempt, 1);
    assert!(capture(&test_bed, &order).is_ok());
}

#[test]
fn a_rate_limit_makes_the_capture_late_and_has_no_effect() {
    let (test_bed, order) = labeled(PaymentIntentState::RequiresCapture);
    let test_bed = test_bed.on("payment.capture", 1, InjectedFault::Throttled);
    assert_eq!(error_name(capture(&test_bed, &order)), ErrorName::PaymentThrottled);
    assert_eq!(stored_order(&test_bed, &order).payment.attempt, 1);
    assert!(capture(&test_bed, &order).is_ok());
}

#[test]
fn a_capture_without_an_answer_is_looked_up_at_once() {
    let (test_bed, order) = labeled(PaymentIntentState::RequiresCapture);
    let test_bed = test_bed.on("payment.capture", 1, InjectedFault::ResponseLost);
    assert!(capture(&test_bed, &order).is_ok());
    assert_eq!(test_bed.count("payment.capture"), 1);
    assert_eq!(test_bed.count("payment.retrieve"), 1);
}

#[test]
fn a_capture_without_effect_is_repeated_under_a_new_key() {
    let (test_bed, order) = labeled(PaymentIntentState::RequiresCapture);
    let test_bed = test_bed.on("payment.capture", 1, InjectedFault::StoredFailure);
    assert_eq!(error_name(capture(&test_bed, &order)), ErrorName::PaymentGatewayUnavailable);
    assert_eq!(stored_order(&test_bed, &order).payment.attempt, 2);
    assert!(capture(&test_bed, &order).is_ok());
}

#[test]
fn an_answer_that_shows_no_capture_is_verified_by_a_look_up() {
    for state in [
        PaymentIntentState::RequiresCapture,
        PaymentIntentState::Processing,
        PaymentIntentState::Canceled,
    ] {
        let (test_bed, order) = labeled(PaymentIntentState::RequiresCapture);
        let test_bed = test_bed.on(
            "payment.capture",
            1,
            InjectedFault::PaymentIntentIs(samples::payment_intent(state)),
        );
        assert_eq!(error_name(capture(&test_bed, &order)), ErrorName::PaymentGatewayUnavailable);
        assert_eq!(test_bed.count("payment.retrieve"), 1, "{state:?}");
        assert!(capture(&test_bed, &order).is_ok());
    }
}

#[test]
fn an_outcome_that_cannot_be_looked_up_stays_unknown() {
    let (test_bed, order) = labeled(PaymentIntentState::RequiresCapture);
    let test_bed = test_bed.on("payment.capture", 1, InjectedFault::ResponseLost).on(
        "payment.retrieve",
        1,
        InjectedFault::NotSent,
    );
    assert_eq!(error_name(capture(&test_bed, &order)), ErrorName::PaymentOutcomeUnknown);
    assert_eq!(stored_order(&test_bed, &order).payment.attempt, 1);
    assert_ne!(stored_order(&test_bed, &order).status, Status::Fulfilled);
    assert!(capture(&test_bed, &order).is_ok());
    assert_eq!(test_bed.payment_intents_in(PaymentIntentState::Succeeded), 1);
}

#[test]
fn an_order_with_another_captured_amount_is_never_fulfilled() {
    let order = samples::labeled();
    let intent = PaymentIntent {
        amount: Money::new(9999, Currency::Usd),
        ..samples::payment_intent(PaymentIntentState::RequiresCapture)
    };
    let test_bed = TestBed::with(&order).intent(intent);
    assert_eq!(error_name(capture(&test_bed, &order)), ErrorName::PaymentMisconfigured);
    let order = stored_order(&test_bed, &order);
    assert!(order.attention.is_some());
    assert_ne!(order.status, Status::Fulfilled);
}

#[test]
fn a_compensating_or_restarted_order_is_not_captured() {
    let order = samples::labeled();
    let compensating = order.begin_compensation(&serde_json::from_str("{}").unwrap(), now());
    for (order, request, expected) in [
        (&compensating, input("capture", &compensating), ErrorName::CompensationBegun),
        (&order, superseded_input("capture", &order), ErrorName::Superseded),
    ] {
        let test_bed = TestBed::with(order)
            .intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
        assert_eq!(error_name(invoke(&test_bed, request)), expected);
        assert_eq!(test_bed.count("payment."), 0);
    }
}

#[test]
fn a_compensation_that_begins_during_the_capture_wins() {
    let (test_bed, order) = labeled(PaymentIntentState::RequiresCapture);
    let compensation = InjectedFault::ConcurrentWrite(|order| {
        order.begin_compensation(&serde_json::from_str("{}").unwrap(), now())
    });
    let test_bed = test_bed.on("orders.save", 1, compensation);
    assert_eq!(error_name(capture(&test_bed, &order)), ErrorName::CompensationBegun);
    assert_ne!(stored_order(&test_bed, &order).status, Status::Fulfilled);
}
