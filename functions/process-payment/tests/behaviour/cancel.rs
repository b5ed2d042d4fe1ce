//! Giving the money back: proven before it is recorded, and the order closed.

use domain::order::Attention;
use domain::payment::{Intent, IntentState, PaymentStatus};
use domain::ports::{GatewayRefusal, RefundState};
use domain::shipment::LabelRefund;
use domain::{Failure, Fault, Order, Status};
use serde_json::{Value, json};
use testing::fakes::{Trouble, World};
use testing::sample;

use crate::support::{ask, fault, input, now, on_record, perform, zombie};

fn cancel(world: &World, order: &Order) -> Result<Value, Failure> {
    perform(world, "cancel", order)
}

/// An order whose label and goods were given back, and its intent in a state.
fn undone(state: IntentState) -> (World, Order) {
    let failed = r#"{"InitiateShipping": {"Error": "ShippingRejected"}}"#;
    let order = sample::labelled()
        .begin_compensation(&serde_json::from_str(failed).unwrap(), now())
        .with_label_refund(LabelRefund::Submitted, now())
        .released(now());
    (World::with(&order).intent(sample::intent(state)), order)
}

#[test]
fn before_a_capture_the_hold_is_given_up_and_the_order_closed() {
    let order = sample::authorised();
    let world = World::with(&order).intent(sample::intent(IntentState::RequiresCapture));
    let output = cancel(&world, &order).unwrap();
    assert_eq!(output, json!({"orderId": order.order_id, "outcome": "SHIPPING_FAILED"}));
    assert_eq!(
        world.calls(),
        ["orders.load", "orders.save", "gateway.look_up", "gateway.cancel", "orders.save"]
    );
    let closed = on_record(&world, &order);
    assert_eq!(closed.status, Status::ShippingFailed);
    assert_eq!(closed.payment.status, PaymentStatus::Voided);
    assert_eq!(cancel(&world, &order).unwrap(), output, "again: the same, from the record");
    assert_eq!(world.count("gateway."), 2);
}

#[test]
fn each_state_of_the_intent_is_undone_as_the_table_says() {
    use IntentState as S;
    use PaymentStatus::{Refunded, Voided};
    let check = |intent: Intent, expected: Result<PaymentStatus, Fault>, acts: &[&str]| {
        let (world, order) = undone(intent.state);
        let world = world.intent(intent.clone());
        let result = cancel(&world, &order).map_err(|failure| failure.fault);
        let money = on_record(&world, &order).payment.status;
        assert_eq!(result.map(|_| money), expected, "{intent:?}");
        let calls = world.calls();
        let seen: Vec<_> = calls.iter().filter_map(|call| call.strip_prefix("gateway.")).collect();
        assert_eq!(seen, acts, "{intent:?}");
    };
    let void = ["look_up", "cancel"];
    check(sample::intent(S::RequiresConfirmation), Ok(Voided), &void);
    check(sample::intent(S::RequiresPaymentMethod), Ok(Voided), &void);
    check(sample::intent(S::RequiresAction), Ok(Voided), &void);
    check(sample::intent(S::RequiresCapture), Ok(Voided), &void);
    check(sample::intent(S::Processing), Err(Fault::PaymentOutcomeUnknown), &["look_up"]);
    check(sample::intent(S::Succeeded), Ok(Refunded), &["look_up", "refunds", "refund"]);
    check(sample::intent(S::Canceled), Ok(Voided), &["look_up"]);
    let given_back = Intent { refunded_minor: 4499, ..sample::intent(S::Succeeded) };
    check(given_back, Ok(Refunded), &["look_up"]);
}

#[test]
fn an_order_without_an_intent_is_closed_without_a_call() {
    let order = sample::received();
    let world = World::with(&order);
    assert!(cancel(&world, &order).is_ok());
    assert_eq!(world.count("gateway."), 0);
    assert_eq!(on_record(&world, &order).payment.status, PaymentStatus::Voided);
}

#[test]
fn an_execution_that_lost_the_order_or_has_none_changes_nothing() {
    let order = sample::authorised();
    let world = World::with(&order).intent(sample::intent(IntentState::RequiresCapture));
    let output = ask(&world, zombie("cancel", &order)).unwrap();
    assert_eq!(output["outcome"], "SUPERSEDED");
    assert_eq!(on_record(&world, &order), order);
    assert_eq!(world.count("gateway."), 0);

    let output = cancel(&World::default(), &order).unwrap();
    assert_eq!(output, json!({"orderId": order.order_id, "outcome": "SUPERSEDED"}));
}

#[test]
fn a_fulfilled_order_is_not_touched() {
    let order = sample::fulfilled();
    let world = World::with(&order).intent(sample::intent(IntentState::Succeeded));
    assert_eq!(cancel(&world, &order).unwrap()["outcome"], "FULFILLED");
    assert_eq!(on_record(&world, &order), order);
    assert_eq!(world.calls(), ["orders.load"]);
}

#[test]
fn a_label_or_goods_that_are_left_come_first() {
    // Even if the goods were given back before the label.
    let disordered = sample::labelled().released(now());
    for order in
        [sample::reserved(), sample::shipping(), sample::labelled(), sample::stuck(), disordered]
    {
        let world = World::with(&order).intent(sample::intent(IntentState::RequiresCapture));
        assert_eq!(fault(cancel(&world, &order)), Fault::CompensationIncomplete);
        assert_eq!(on_record(&world, &order), order);
        assert_eq!(world.count("gateway."), 0);
    }
}

#[test]
fn the_outcome_that_was_decided_first_holds() {
    let (world, order) = undone(IntentState::RequiresCapture);
    let mut request = input("cancel", &order);
    request["failed"] = json!({"ProcessPayment": {"Error": "PaymentDeclined"}});
    assert_eq!(ask(&world, request).unwrap()["outcome"], "SHIPPING_FAILED");
}

#[test]
fn the_compensation_is_on_record_before_the_gateway_is_asked() {
    let order = sample::authorised();
    let world = World::with(&order).intent(sample::intent(IntentState::RequiresCapture)).on(
        "gateway.look_up",
        1,
        Trouble::Down,
    );
    assert_eq!(fault(cancel(&world, &order)), Fault::PaymentOutcomeUnknown);
    assert!(on_record(&world, &order).compensation.is_some());
}

#[test]
fn the_compensation_is_decided_on_the_record_as_it_is() {
    // A customer cancels between the read and the write.
    let order = sample::authorised();
    let asked = Trouble::Meanwhile(|order| {
        let mut order = order.with_next_try(now());
        order.cancel_requested_at = Some(now());
        order
    });
    let world = World::with(&order).intent(sample::intent(IntentState::RequiresCapture)).on(
        "orders.save",
        1,
        asked,
    );
    assert_eq!(cancel(&world, &order).unwrap()["outcome"], "CANCELLED");
}

#[test]
fn a_void_whose_answer_is_lost_is_looked_up_at_once() {
    let (world, order) = undone(IntentState::RequiresCapture);
    let world = world.on("gateway.cancel", 1, Trouble::LostAfter);
    assert!(cancel(&world, &order).is_ok());
    assert_eq!(world.count("gateway.look_up"), 2);
    assert_eq!(on_record(&world, &order).payment.status, PaymentStatus::Voided);
}

#[test]
fn a_void_without_effect_is_not_recorded_and_gets_a_key_of_its_own() {
    for trouble in [Trouble::LostBefore, Trouble::KeptFailure] {
        let (world, order) = undone(IntentState::RequiresCapture);
        let world = world.on("gateway.cancel", 1, trouble);
        assert_eq!(fault(cancel(&world, &order)), Fault::PaymentGatewayUnavailable);
        let now = on_record(&world, &order);
        assert_eq!((now.payment.attempt, now.payment.status), (2, PaymentStatus::Authorized));
        assert!(!now.status.is_closed());
        assert!(cancel(&world, &order).is_ok());
    }
}

#[test]
fn a_capture_that_was_faster_than_the_void_is_refunded() {
    let (world, order) = undone(IntentState::Succeeded);
    let held = Trouble::GatewayShows(sample::intent(IntentState::RequiresCapture));
    let world = world.on("gateway.look_up", 1, held);
    assert!(cancel(&world, &order).is_ok());
    assert_eq!(
        world.calls()[1..],
        [
            "gateway.look_up",
            "gateway.cancel",
            "gateway.look_up",
            "gateway.refunds",
            "gateway.refund",
            "orders.save"
        ]
    );
    assert_eq!(on_record(&world, &order).payment.status, PaymentStatus::Refunded);
}

#[test]
fn a_refund_that_is_there_already_is_not_made_again() {
    let (world, order) = undone(IntentState::Succeeded);
    let world = world.refund(RefundState::Done);
    assert!(cancel(&world, &order).is_ok());
    assert_eq!(world.count("gateway.refund"), 1, "the list, not the call");
    assert_eq!(on_record(&world, &order).payment.status, PaymentStatus::Refunded);
}

#[test]
fn a_refund_whose_answer_is_lost_is_found_in_the_list() {
    let (world, order) = undone(IntentState::Succeeded);
    let world = world.on("gateway.refund", 1, Trouble::LostAfter);
    assert!(cancel(&world, &order).is_ok());
    assert_eq!(world.refunds(), 1);
    assert_eq!(on_record(&world, &order).payment.status, PaymentStatus::Refunded);
}

#[test]
fn a_refund_without_effect_is_tried_again_with_another_key() {
    let (world, order) = undone(IntentState::Succeeded);
    let world = world.on("gateway.refund", 1, Trouble::LostBefore);
    assert_eq!(fault(cancel(&world, &order)), Fault::PaymentGatewayUnavailable);
    assert_eq!(on_record(&world, &order).payment.attempt, 2);
    assert!(cancel(&world, &order).is_ok());
    assert_eq!(world.refunds(), 1);
}

#[test]
fn a_refund_that_is_refused_is_no_refund() {
    let (world, order) = undone(IntentState::Succeeded);
    let refusal = GatewayRefusal::Misconfigured("answered 403".into());
    let world = world.on("gateway.refund", 1, Trouble::GatewayRefuses(refusal));
    assert_eq!(fault(cancel(&world, &order)), Fault::PaymentMisconfigured);
    assert!(!on_record(&world, &order).status.is_closed());
}

#[test]
fn a_refund_that_fails_calls_a_person_and_the_order_is_closed() {
    let check = |world: World, order: &Order| {
        assert!(cancel(&world, order).is_ok());
        let closed = on_record(&world, order);
        assert_eq!(closed.payment.status, PaymentStatus::RefundFailed);
        assert_eq!(closed.attention, Some(Attention::Operator));
        assert!(closed.status.is_closed());
    };
    let (world, order) = undone(IntentState::Succeeded);
    check(world.refund(RefundState::Failed), &order);
    let (world, order) = undone(IntentState::Succeeded);
    check(world.failing_refunds(), &order);
}

#[test]
fn money_that_went_back_only_in_part_calls_a_person() {
    let (world, order) = undone(IntentState::Succeeded);
    let part = Intent { refunded_minor: 1, ..sample::intent(IntentState::Succeeded) };
    let world = world.intent(part);
    assert!(cancel(&world, &order).is_ok());
    assert_eq!(on_record(&world, &order).attention, Some(Attention::Operator));
}

#[test]
fn an_intent_that_the_gateway_does_not_know_is_not_called_undone() {
    let (world, order) = undone(IntentState::RequiresCapture);
    let world = world.on("gateway.look_up", 1, Trouble::GatewayRefuses(GatewayRefusal::NotFound));
    assert_eq!(fault(cancel(&world, &order)), Fault::PaymentMisconfigured);
    assert!(!on_record(&world, &order).status.is_closed());
}

#[test]
fn a_gateway_that_is_down_leaves_the_order_open() {
    for point in ["gateway.look_up", "gateway.cancel"] {
        let (world, order) = undone(IntentState::RequiresCapture);
        let world = world.on(point, 1, Trouble::Down);
        assert!(fault(cancel(&world, &order)).is_transient());
        assert!(!on_record(&world, &order).status.is_closed());
        assert!(cancel(&world, &order).is_ok());
        assert_eq!(world.intents_in(IntentState::Canceled), 1);
    }
}

/// A closed order whose money was never settled.
fn closed() -> Order {
    Order { status: Status::Cancelled, ..sample::authorised() }
}

#[test]
fn the_money_of_a_closed_order_is_settled_and_nothing_recorded() {
    for (state, to) in [
        (IntentState::RequiresCapture, IntentState::Canceled),
        (IntentState::RequiresConfirmation, IntentState::Canceled),
        (IntentState::Succeeded, IntentState::Succeeded),
    ] {
        let order = closed();
        let world = World::with(&order).intent(sample::intent(state));
        assert_eq!(cancel(&world, &order).unwrap()["outcome"], "CANCELLED");
        assert_eq!(world.intents_in(to), 1);
        assert_eq!(world.refunds(), usize::from(state == IntentState::Succeeded));
        assert_eq!(on_record(&world, &order), order);
    }
}

#[test]
fn what_cannot_be_settled_of_a_closed_order_calls_a_person_and_is_no_error() {
    let order = closed();
    let world = || World::with(&order).intent(sample::intent(IntentState::RequiresCapture));
    for world in [
        world().on("gateway.look_up", 1, Trouble::Down),
        world().on("gateway.look_up", 1, Trouble::GatewayRefuses(GatewayRefusal::NotFound)),
        world().on("gateway.cancel", 1, Trouble::LostBefore),
        world().intent(sample::intent(IntentState::Processing)),
        world().intent(sample::intent(IntentState::Succeeded)).failing_refunds(),
    ] {
        assert_eq!(cancel(&world, &order).unwrap()["outcome"], "CANCELLED");
        let raised = on_record(&world, &order);
        assert_eq!(raised.attention, Some(Attention::Operator));
        assert_eq!(raised.payment, order.payment, "nothing else is recorded");
        assert_eq!(raised.status, Status::Cancelled);
    }
}

#[test]
fn a_closed_order_without_an_intent_is_left_alone() {
    let order = Order { status: Status::Cancelled, ..sample::received() };
    let world = World::with(&order);
    assert_eq!(cancel(&world, &order).unwrap()["outcome"], "CANCELLED");
    assert_eq!(world.calls(), ["orders.load"]);
}
