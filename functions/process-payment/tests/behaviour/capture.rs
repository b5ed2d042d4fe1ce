//! Capturing: the money is taken once, and only for goods that are on their way.

use crate::support::{ask, fault, input, now, on_record, perform, zombie};
use domain::payment::{Intent, IntentState, PaymentStatus};
use domain::ports::GatewayRefusal;
use domain::shipment::LabelRefund;
use domain::{Currency, Failure, Fault, Money, Order, Status};
use serde_json::{Value, json};
use testing::fakes::{Trouble, World};
use testing::sample;

fn capture(world: &World, order: &Order) -> Result<Value, Failure> {
    perform(world, "capture", order)
}

fn labelled(state: IntentState) -> (World, Order) {
    let order = sample::labelled();
    (World::with(&order).intent(sample::intent(state)), order)
}

#[test]
fn the_money_is_taken_in_one_call_one_read_and_one_write() {
    let (world, order) = labelled(IntentState::RequiresCapture);
    let output = capture(&world, &order).unwrap();
    assert_eq!(
        output,
        json!({"orderId": order.order_id, "status": "FULFILLED", "paymentStatus": "CAPTURED"})
    );
    assert_eq!(world.calls(), ["orders.load", "gateway.capture", "orders.save"]);
    let order = on_record(&world, &order);
    assert_eq!((order.status, order.payment.status), (Status::Fulfilled, PaymentStatus::Captured));
    assert_eq!(capture(&world, &order).unwrap(), output);
    assert_eq!(world.count("gateway."), 1, "a fulfilled order calls nobody");
}

#[test]
fn an_order_that_an_operator_sends_on_is_captured() {
    let order = sample::stuck();
    let world = World::with(&order).intent(sample::intent(IntentState::RequiresCapture));
    assert!(capture(&world, &order).is_ok());
    let captured = on_record(&world, &order);
    assert_eq!((captured.status, captured.attention), (Status::Fulfilled, None));
    // For the reconciler: another execution may have come to wait meanwhile.
    assert_eq!(captured.task_token, order.task_token);
}

#[test]
fn without_goods_or_label_or_approval_no_money_is_taken() {
    let check = |order: Order| {
        let world = World::with(&order).intent(sample::intent(IntentState::RequiresCapture));
        assert_eq!(fault(capture(&world, &order)), Fault::PaymentNotCapturable);
        assert_eq!(world.count("gateway."), 0);
    };
    check(sample::received());
    check(sample::authorised());
    check(sample::reserved());
    check(sample::shipping());
    check(sample::labelled().released(now()));
    check(sample::labelled().with_label_refund(LabelRefund::Submitted, now()));
    check(Order { review: sample::in_review().review, ..sample::labelled() });
    check(Order { payment: sample::received().payment, ..sample::labelled() });
}

#[test]
fn the_state_of_the_intent_decides_when_the_gateway_refuses() {
    use IntentState as S;
    let gone = Some(Fault::PaymentNotCapturable);
    let check = |state, expected: Option<Fault>| {
        let (world, order) = labelled(state);
        let result = capture(&world, &order);
        assert_eq!(result.err().map(|failure| failure.fault), expected, "{state:?}");
        let fulfilled = on_record(&world, &order).status == Status::Fulfilled;
        assert_eq!(fulfilled, expected.is_none(), "{state:?}");
    };
    check(S::RequiresCapture, None);
    check(S::Succeeded, None);
    check(S::Processing, Some(Fault::PaymentOutcomeUnknown));
    check(S::Canceled, gone);
    check(S::RequiresConfirmation, gone);
    check(S::RequiresPaymentMethod, gone);
    check(S::RequiresAction, gone);

    let given_back = Intent { refunded_minor: 4499, ..sample::intent(S::Succeeded) };
    let order = sample::labelled();
    let world = World::with(&order).intent(given_back);
    assert_eq!(fault(capture(&world, &order)), Fault::PaymentNotCapturable);
}

#[test]
fn a_refusal_that_the_intent_does_not_explain_is_what_it_says() {
    let check = |refusal, expected| {
        let (world, order) = labelled(IntentState::RequiresCapture);
        let world = world.on("gateway.capture", 1, Trouble::GatewayRefuses(refusal));
        assert_eq!(fault(capture(&world, &order)), expected);
    };
    check(GatewayRefusal::Misconfigured("answered 401".into()), Fault::PaymentMisconfigured);
    check(GatewayRefusal::Declined { code: "do_not_honor".into() }, Fault::PaymentDeclined);
    // An authorisation that lapsed is refused by a code, without the intent.
    let (world, order) = labelled(IntentState::Canceled);
    let lapsed = GatewayRefusal::Misconfigured("answered 400 charge_expired_for_capture".into());
    let world = world.on("gateway.capture", 1, Trouble::GatewayRefuses(lapsed));
    assert_eq!(fault(capture(&world, &order)), Fault::PaymentNotCapturable);
}

#[test]
fn a_gateway_that_is_down_is_asked_again_with_the_same_key() {
    let (world, order) = labelled(IntentState::RequiresCapture);
    let world = world.on("gateway.capture", 1, Trouble::Down);
    assert_eq!(fault(capture(&world, &order)), Fault::PaymentGatewayUnavailable);
    assert_eq!(on_record(&world, &order).payment.attempt, 1);
    assert!(capture(&world, &order).is_ok());
}

#[test]
fn a_capture_whose_answer_is_lost_is_looked_up_at_once() {
    let (world, order) = labelled(IntentState::RequiresCapture);
    let world = world.on("gateway.capture", 1, Trouble::LostAfter);
    assert!(capture(&world, &order).is_ok());
    assert_eq!(world.count("gateway.capture"), 1);
    assert_eq!(world.count("gateway.look_up"), 1);
}

#[test]
fn a_capture_without_effect_gets_a_key_of_its_own_for_the_next_try() {
    let (world, order) = labelled(IntentState::RequiresCapture);
    let world = world.on("gateway.capture", 1, Trouble::KeptFailure);
    assert_eq!(fault(capture(&world, &order)), Fault::PaymentGatewayUnavailable);
    assert_eq!(on_record(&world, &order).payment.attempt, 2);
    assert!(capture(&world, &order).is_ok());
}

#[test]
fn an_answer_that_shows_no_capture_is_not_believed() {
    for state in [IntentState::RequiresCapture, IntentState::Processing, IntentState::Canceled] {
        let (world, order) = labelled(IntentState::RequiresCapture);
        let world = world.on("gateway.capture", 1, Trouble::GatewayShows(sample::intent(state)));
        assert_eq!(fault(capture(&world, &order)), Fault::PaymentGatewayUnavailable);
        assert_eq!(world.count("gateway.look_up"), 1, "{state:?}");
        assert!(capture(&world, &order).is_ok());
    }
}

#[test]
fn an_outcome_that_cannot_be_looked_up_stays_unknown() {
    let (world, order) = labelled(IntentState::RequiresCapture);
    let world =
        world.on("gateway.capture", 1, Trouble::LostAfter).on("gateway.look_up", 1, Trouble::Down);
    assert_eq!(fault(capture(&world, &order)), Fault::PaymentOutcomeUnknown);
    assert_eq!(on_record(&world, &order).payment.attempt, 1);
    assert_ne!(on_record(&world, &order).status, Status::Fulfilled);
    assert!(capture(&world, &order).is_ok());
    assert_eq!(world.intents_in(IntentState::Succeeded), 1);
}

#[test]
fn another_amount_is_never_called_fulfilled() {
    let order = sample::labelled();
    let intent = Intent {
        amount: Money::new(9999, Currency::Usd),
        ..sample::intent(IntentState::RequiresCapture)
    };
    let world = World::with(&order).intent(intent);
    assert_eq!(fault(capture(&world, &order)), Fault::PaymentMisconfigured);
    let order = on_record(&world, &order);
    assert!(order.attention.is_some());
    assert_ne!(order.status, Status::Fulfilled);
}

#[test]
fn an_order_that_turned_round_or_was_taken_over_is_not_captured() {
    let order = sample::labelled();
    let turned = order.begin_compensation(&serde_json::from_str("{}").unwrap(), now());
    for (order, request, expected) in [
        (&turned, input("capture", &turned), Fault::CompensationBegun),
        (&order, zombie("capture", &order), Fault::Superseded),
    ] {
        let world = World::with(order).intent(sample::intent(IntentState::RequiresCapture));
        assert_eq!(fault(ask(&world, request)), expected);
        assert_eq!(world.count("gateway."), 0);
    }
}

#[test]
fn a_compensation_that_begins_during_the_capture_wins_the_record() {
    let (world, order) = labelled(IntentState::RequiresCapture);
    let turn = Trouble::Meanwhile(|order| {
        order.begin_compensation(&serde_json::from_str("{}").unwrap(), now())
    });
    let world = world.on("orders.save", 1, turn);
    assert_eq!(fault(capture(&world, &order)), Fault::CompensationBegun);
    assert_ne!(on_record(&world, &order).status, Status::Fulfilled);
}
