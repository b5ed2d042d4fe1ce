//! Authorising: one hold, whatever the gateway answers.

use crate::support::{ask, fault, input, now, on_record, perform, zombie};
use domain::answer::Decision;
use domain::order::{Attention, NewOrder};
use domain::payment::{Intent, IntentState, PaymentStatus};
use domain::ports::GatewayRefusal;
use domain::{Currency, Failure, Fault, Money, Order, Status};
use serde_json::{Value, json};
use testing::fakes::{Card, Trouble, World};
use testing::sample;

fn authorize(world: &World, order: &Order) -> Result<Value, Failure> {
    perform(world, "authorize", order)
}

/// A received order whose intent is stored, and a gateway that knows it so.
fn stored(state: IntentState) -> (World, Order) {
    let intent = sample::intent(state);
    let order = sample::received().with_intent(&intent.id, now());
    (World::with(&order).intent(intent), order)
}

#[test]
fn the_money_of_a_new_order_is_held_in_two_calls_one_read_and_two_writes() {
    let order = sample::received();
    let world = World::with(&order);
    let output = authorize(&world, &order).unwrap();
    assert_eq!(
        output,
        json!({
            "orderId": order.order_id, "paymentStatus": "AUTHORIZED", "reviewRequired": false,
            "reviewReasons": [], "reviewDeadlineSeconds": 1,
        })
    );
    assert_eq!(
        world.calls(),
        ["orders.load", "gateway.create", "orders.save", "gateway.confirm", "orders.save"]
    );
    let order = on_record(&world, &order);
    assert_eq!(order.status, Status::Authorized);
    assert_eq!(order.payment.status, PaymentStatus::Authorized);
    let lapses = sample::intent(IntentState::RequiresCapture).capture_before;
    assert_eq!(order.payment.capture_before, lapses);
}

#[test]
fn an_authorised_order_is_answered_from_the_record_and_nobody_is_called() {
    for order in [sample::authorised(), sample::reserved(), sample::labelled(), sample::fulfilled()]
    {
        let world = World::with(&order);
        let output = authorize(&world, &order).unwrap();
        assert_eq!(output["paymentStatus"], "AUTHORIZED");
        assert_eq!(world.calls(), ["orders.load"], "{}", order.status);
    }
}

#[test]
fn a_stored_intent_is_looked_up_and_its_state_decides() {
    use IntentState::{
        Canceled, Processing, RequiresAction, RequiresCapture, RequiresConfirmation,
        RequiresPaymentMethod, Succeeded,
    };
    let check = |state, expected: Option<Fault>, bank: usize| {
        let (world, order) = stored(state);
        let result = authorize(&world, &order);
        assert_eq!(result.err().map(|failure| failure.fault), expected, "{state:?}");
        assert_eq!(world.asked_the_bank(), bank, "{state:?}");
        assert_eq!(world.count("gateway.create"), 0, "{state:?}");
    };
    check(RequiresConfirmation, None, 1);
    check(RequiresCapture, None, 0);
    check(Succeeded, None, 0);
    check(RequiresPaymentMethod, Some(Fault::PaymentDeclined), 0);
    check(RequiresAction, Some(Fault::PaymentDeclined), 0);
    check(Processing, Some(Fault::PaymentOutcomeUnknown), 0);
    check(Canceled, Some(Fault::PaymentNotCapturable), 0);

    let given_back = Intent { refunded_minor: 4499, ..sample::intent(Succeeded) };
    let order = sample::received().with_intent(&given_back.id, now());
    let world = World::with(&order).intent(given_back);
    assert_eq!(fault(authorize(&world, &order)), Fault::PaymentNotCapturable);
}

#[test]
fn what_the_bank_says_to_a_confirmation_decides() {
    let check = |card, expected: Fault| {
        let order = sample::received();
        let world = World::with(&order).card(card);
        assert_eq!(fault(authorize(&world, &order)), expected, "{card:?}");
        assert_eq!(fault(authorize(&world, &order)), expected, "{card:?}, asked again");
        assert_eq!(world.asked_the_bank(), 1, "{card:?}");
        assert_eq!(on_record(&world, &order).payment.status, PaymentStatus::None);
    };
    check(Card::Declined, Fault::PaymentDeclined);
    check(Card::NeedsAction, Fault::PaymentDeclined);
    check(Card::Silent, Fault::PaymentOutcomeUnknown);
}

#[test]
fn a_decline_tells_the_reason_in_a_word() {
    let order = sample::received();
    let world = World::with(&order).card(Card::Declined);
    assert_eq!(authorize(&world, &order).unwrap_err().detail, "insufficient_funds");
}

#[test]
fn a_gateway_that_is_down_is_tried_again_later_and_nothing_is_recorded() {
    let check = |world: World, order: &Order, writes: usize| {
        assert_eq!(fault(authorize(&world, order)), Fault::PaymentGatewayUnavailable);
        assert_eq!(world.count("orders.save"), writes);
        assert_eq!(on_record(&world, order).payment.attempt, 1);
        assert!(authorize(&world, order).is_ok(), "the next try passes");
        assert_eq!(world.asked_the_bank(), 1);
    };
    let order = sample::received();
    check(World::with(&order).on("gateway.create", 1, Trouble::Down), &order, 0);
    check(World::with(&order).on("gateway.confirm", 1, Trouble::Down), &order, 1);
}

#[test]
fn a_confirmation_whose_answer_is_lost_is_looked_up_at_once() {
    let order = sample::received();
    let world = World::with(&order).on("gateway.confirm", 1, Trouble::LostAfter);
    assert!(authorize(&world, &order).is_ok());
    assert_eq!(world.count("gateway."), 3, "create, confirm, look up");
    assert_eq!(world.asked_the_bank(), 1);
    assert_eq!(on_record(&world, &order).payment.attempt, 1);
}

#[test]
fn a_lost_decline_is_not_confirmed_again() {
    let order = sample::received();
    let world =
        World::with(&order).card(Card::Declined).on("gateway.confirm", 1, Trouble::LostAfter);
    assert_eq!(fault(authorize(&world, &order)), Fault::PaymentDeclined);
    assert_eq!(fault(authorize(&world, &order)), Fault::PaymentDeclined);
    assert_eq!(world.asked_the_bank(), 1);
}

#[test]
fn a_call_without_effect_gets_a_key_of_its_own_for_the_next_try() {
    for (point, trouble) in [
        ("gateway.confirm", Trouble::KeptFailure),
        ("gateway.confirm", Trouble::LostBefore),
        // Nothing to look up, and nothing that costs.
        ("gateway.create", Trouble::KeptFailure),
        ("gateway.create", Trouble::LostBefore),
        ("gateway.create", Trouble::LostAfter),
    ] {
        let order = sample::received();
        let world = World::with(&order).on(point, 1, trouble.clone());
        assert_eq!(fault(authorize(&world, &order)), Fault::PaymentGatewayUnavailable);
        assert_eq!(on_record(&world, &order).payment.attempt, 2, "{point} {trouble:?}");
        assert!(authorize(&world, &order).is_ok(), "{point} {trouble:?}: the next try passes");
        assert_eq!(world.asked_the_bank(), 1, "{point} {trouble:?}");
    }
}

#[test]
fn an_outcome_that_cannot_be_looked_up_stays_unknown_and_the_key_stays() {
    for trouble in [Trouble::Down, Trouble::LostBefore] {
        let order = sample::received();
        let world = World::with(&order).on("gateway.confirm", 1, Trouble::LostAfter).on(
            "gateway.look_up",
            1,
            trouble,
        );
        assert_eq!(fault(authorize(&world, &order)), Fault::PaymentOutcomeUnknown);
        assert_eq!(on_record(&world, &order).payment.attempt, 1);
        assert!(authorize(&world, &order).is_ok());
        assert_eq!(world.asked_the_bank(), 1);
    }
}

#[test]
fn an_intent_that_moved_on_is_looked_up() {
    let order = sample::received();
    let moved = sample::intent(IntentState::RequiresCapture);
    let refusal = Trouble::GatewayRefuses(GatewayRefusal::WrongState(moved));
    // Refused as if moved on, though it is not: the look-up is the authority.
    let world = World::with(&order).on("gateway.confirm", 1, refusal);
    assert_eq!(fault(authorize(&world, &order)), Fault::PaymentGatewayUnavailable);
    assert!(authorize(&world, &order).is_ok());
    assert_eq!(world.asked_the_bank(), 1);
}

#[test]
fn a_refusal_of_our_account_or_request_is_final() {
    for point in ["gateway.create", "gateway.confirm"] {
        for refusal in
            [GatewayRefusal::Misconfigured("answered 401".into()), GatewayRefusal::NotFound]
        {
            let order = sample::received();
            let world = World::with(&order).on(point, 1, Trouble::GatewayRefuses(refusal));
            assert_eq!(fault(authorize(&world, &order)), Fault::PaymentMisconfigured);
        }
    }
}

#[test]
fn an_intent_for_another_amount_is_never_confirmed_and_calls_a_person() {
    for other in [Money::new(4500, Currency::Usd), Money::new(4499, Currency::Eur)] {
        let order = sample::received();
        let world = World::with(&order).charging(other);
        assert_eq!(fault(authorize(&world, &order)), Fault::PaymentMisconfigured);
        assert_eq!(world.asked_the_bank(), 0);
        assert_eq!(on_record(&world, &order).attention, Some(Attention::Operator));
        let version = on_record(&world, &order).version;
        assert_eq!(fault(authorize(&world, &order)), Fault::PaymentMisconfigured);
        assert_eq!(on_record(&world, &order).version, version, "raised once");
    }
}

#[test]
fn two_that_create_at_once_confirm_one_intent() {
    let order = sample::received();
    // The other one stored its own intent first.
    let world = World::with(&order).intent(sample::intent(IntentState::RequiresConfirmation)).on(
        "orders.save",
        1,
        Trouble::Meanwhile(|order| {
            order.with_intent(&sample::intent(IntentState::RequiresConfirmation).id, now())
        }),
    );
    assert!(authorize(&world, &order).is_ok());
    let winner = sample::intent(IntentState::RequiresConfirmation).id;
    assert_eq!(on_record(&world, &order).payment.intent_id, Some(winner));
    assert_eq!(world.asked_the_bank(), 1);
    assert_eq!(world.intents_in(IntentState::RequiresConfirmation), 1, "the loser's costs nothing");
}

#[test]
fn an_order_that_turned_round_or_was_cancelled_or_taken_over_goes_no_further() {
    let failed = serde_json::from_str("{}").unwrap();
    let cancelled = Order { cancel_requested_at: Some(now()), ..sample::received() };
    let closed = Order { status: Status::Cancelled, ..sample::received() };
    let check = |order: Order, request: Value, expected| {
        let world = World::with(&order);
        assert_eq!(fault(ask(&world, request)), expected);
        assert_eq!(world.calls(), ["orders.load"]);
    };
    let turned = sample::received().begin_compensation(&failed, now());
    check(turned.clone(), input("authorize", &turned), Fault::CompensationBegun);
    check(cancelled.clone(), input("authorize", &cancelled), Fault::OrderCancelled);
    check(closed.clone(), input("authorize", &closed), Fault::CompensationBegun);
    let order = sample::received();
    check(order.clone(), zombie("authorize", &order), Fault::Superseded);
}

#[test]
fn a_cancellation_in_the_middle_stops_at_the_next_write() {
    let order = sample::received();
    let cancel = Trouble::Meanwhile(|order| {
        let mut order = order.with_next_try(now());
        order.cancel_requested_at = Some(now());
        order
    });
    let before = World::with(&order).on("orders.save", 1, cancel.clone());
    assert_eq!(fault(authorize(&before, &order)), Fault::OrderCancelled);
    assert_eq!(before.asked_the_bank(), 0);
    let after = World::with(&order).on("orders.save", 2, cancel);
    assert_eq!(fault(authorize(&after, &order)), Fault::OrderCancelled);
    assert_eq!(on_record(&after, &order).status, Status::Received);
}

#[test]
fn a_risky_or_dear_order_waits_for_a_person_until_its_deadline() {
    let order = sample::received();
    let world = World::with(&order).card(Card::Risky);
    let output = authorize(&world, &order).unwrap();
    assert_eq!(output["reviewRequired"], true);
    assert_eq!(output["reviewReasons"], json!(["ELEVATED_RISK"]));
    assert_eq!(output["reviewDeadlineSeconds"], 48 * 3600);
    let again = authorize(&world, &order).unwrap();
    assert_eq!(again, output, "decided once, with the authorisation");
}

#[test]
fn a_recorded_decision_holds_for_an_execution_that_took_over() {
    let order = sample::in_review();
    let decided = |decision| order.decide_review(decision, "op-1", None, now()).unwrap();
    let approved = decided(Decision::Approve);
    let output = authorize(&World::with(&approved), &approved).unwrap();
    assert_eq!(output["reviewRequired"], false);
    assert_eq!(output["reviewReasons"], json!(["ELEVATED_RISK"]));

    let rejected = decided(Decision::Reject);
    let result = authorize(&World::with(&rejected), &rejected);
    assert_eq!(fault(result), Fault::ReviewRejected);
}

#[test]
fn a_review_whose_deadline_has_passed_is_rejected() {
    let order = sample::in_review();
    let deadline = order.review.as_ref().unwrap().deadline.unwrap();
    let at = |entered| {
        let mut request = input("authorize", &order);
        request["enteredAt"] = json!(entered);
        ask(&World::with(&order), request)
    };
    assert_eq!(at(deadline).unwrap()["reviewDeadlineSeconds"], 1);
    assert_eq!(fault(at(deadline.plus_minutes(1))), Fault::ReviewRejected);
    // One that was decided in time stays decided.
    let approved = order.decide_review(Decision::Approve, "op-1", None, now()).unwrap();
    let mut request = input("authorize", &approved);
    request["enteredAt"] = json!(deadline.plus_minutes(1));
    let output = ask(&World::with(&approved), request).unwrap();
    assert_eq!(output["reviewRequired"], false);
    assert_eq!(output["reviewDeadlineSeconds"], 1);
}

#[test]
fn a_table_that_cannot_be_reached_is_tried_again_later() {
    for point in ["orders.load", "orders.save"] {
        for trouble in [Trouble::Down, Trouble::LostAfter] {
            let order = sample::received();
            let world = World::with(&order).on(point, 1, trouble);
            assert_eq!(fault(authorize(&world, &order)), Fault::StoreUnavailable);
            assert!(authorize(&world, &order).is_ok());
            assert_eq!(world.asked_the_bank(), 1);
        }
    }
}

#[test]
fn an_order_that_keeps_changing_is_given_up_after_eight_rounds() {
    let order = sample::received();
    let mut world = World::with(&order);
    for nth in 1..=20 {
        let change = Trouble::Meanwhile(|order| order.with_attention("CHANGED", now()));
        world = world.on("orders.save", nth, change);
    }
    assert_eq!(fault(authorize(&world, &order)), Fault::StoreUnavailable);
    assert_eq!(world.count("orders.load"), 8);
}

#[test]
fn an_order_that_cannot_become_authorised_costs_nobody_anything() {
    let order = Order { status: Status::NeedsAttention, ..sample::received() };
    let world = World::with(&order);
    assert_eq!(fault(authorize(&world, &order)), Fault::InvalidRequest);
    assert_eq!(world.calls(), ["orders.load"]);
}

#[test]
fn an_order_that_is_not_there_is_not_found() {
    let order = sample::received();
    assert_eq!(fault(authorize(&World::default(), &order)), Fault::OrderNotFound);
}

#[test]
fn a_scheduled_order_is_authorised_like_any_other() {
    let request = NewOrder {
        scheduled_for: Some(now()),
        payment_customer: Some("cus_1".to_owned()),
        ..sample::request()
    };
    let order = Order::accept(request, sample::placed_at());
    let world = World::with(&order);
    assert!(authorize(&world, &order).is_ok());
    assert_eq!(on_record(&world, &order).status, Status::Authorized);
}
