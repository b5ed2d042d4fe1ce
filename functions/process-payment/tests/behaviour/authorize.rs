//! Authorising: one hold, whatever the gateway answers.

use crate::support::{ask, error_name, input, now, perform, stored_order, superseded_input};
use domain::decision::ReviewDecision;
use domain::order::{Attention, NewOrder};
use domain::payment::{PaymentIntent, PaymentIntentState, PaymentStatus};
use domain::ports::PaymentRejection;
use domain::{Currency, ErrorName, Money, Order, Status, StepError};
use serde_json::{Value, json};
use testing::fakes::{Card, InjectedFault, TestBed};
use testing::samples;

fn authorize(world: &TestBed, order: &Order) -> Result<Value, StepError> {
    perform(world, "authorize", order)
}

/// A received order whose intent is stored, and a gateway that knows it so.
fn stored(state: PaymentIntentState) -> (TestBed, Order) {
    let intent = samples::payment_intent(state);
    let order = samples::received().with_intent(&intent.id, now());
    (TestBed::with(&order).intent(intent), order)
}

#[test]
fn the_money_of_a_new_order_is_held_in_two_calls_one_read_and_two_writes() {
    let order = samples::received();
    let world = TestBed::with(&order);
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
        ["orders.load", "payment.create", "orders.save", "payment.confirm", "orders.save"]
    );
    let order = stored_order(&world, &order);
    assert_eq!(order.status, Status::Authorized);
    assert_eq!(order.payment.status, PaymentStatus::Authorized);
    let lapses = samples::payment_intent(PaymentIntentState::RequiresCapture).capture_before;
    assert_eq!(order.payment.capture_before, lapses);
}

#[test]
fn an_authorised_order_is_answered_from_the_record_and_nobody_is_called() {
    for order in
        [samples::authorized(), samples::reserved(), samples::labeled(), samples::fulfilled()]
    {
        let world = TestBed::with(&order);
        let output = authorize(&world, &order).unwrap();
        assert_eq!(output["paymentStatus"], "AUTHORIZED");
        assert_eq!(world.calls(), ["orders.load"], "{}", order.status);
    }
}

#[test]
fn a_stored_intent_is_looked_up_and_its_state_decides() {
    use PaymentIntentState::{
        Canceled, Processing, RequiresAction, RequiresCapture, RequiresConfirmation,
        RequiresPaymentMethod, Succeeded,
    };
    let check = |state, expected: Option<ErrorName>, bank: usize| {
        let (world, order) = stored(state);
        let result = authorize(&world, &order);
        assert_eq!(result.err().map(|failure| failure.name), expected, "{state:?}");
        assert_eq!(world.authorization_requests(), bank, "{state:?}");
        assert_eq!(world.count("payment.create"), 0, "{state:?}");
    };
    check(RequiresConfirmation, None, 1);
    check(RequiresCapture, None, 0);
    check(Succeeded, None, 0);
    check(RequiresPaymentMethod, Some(ErrorName::PaymentDeclined), 0);
    check(RequiresAction, Some(ErrorName::PaymentDeclined), 0);
    check(Processing, Some(ErrorName::PaymentOutcomeUnknown), 0);
    check(Canceled, Some(ErrorName::PaymentNotCapturable), 0);

    let given_back = PaymentIntent { refunded_minor: 4499, ..samples::payment_intent(Succeeded) };
    let order = samples::received().with_intent(&given_back.id, now());
    let world = TestBed::with(&order).intent(given_back);
    assert_eq!(error_name(authorize(&world, &order)), ErrorName::PaymentNotCapturable);
}

#[test]
fn what_the_bank_says_to_a_confirmation_decides() {
    let check = |card, expected: ErrorName| {
        let order = samples::received();
        let world = TestBed::with(&order).card(card);
        assert_eq!(error_name(authorize(&world, &order)), expected, "{card:?}");
        assert_eq!(error_name(authorize(&world, &order)), expected, "{card:?}, asked again");
        assert_eq!(world.authorization_requests(), 1, "{card:?}");
        assert_eq!(stored_order(&world, &order).payment.status, PaymentStatus::None);
    };
    check(Card::Declined, ErrorName::PaymentDeclined);
    check(Card::NeedsAction, ErrorName::PaymentDeclined);
    check(Card::Silent, ErrorName::PaymentOutcomeUnknown);
}

#[test]
fn a_decline_tells_the_reason_in_a_word() {
    let order = samples::received();
    let world = TestBed::with(&order).card(Card::Declined);
    assert_eq!(authorize(&world, &order).unwrap_err().detail, "insufficient_funds");
}

#[test]
fn a_gateway_that_is_down_is_tried_again_later_and_nothing_is_recorded() {
    let check = |world: TestBed, order: &Order, writes: usize| {
        assert_eq!(error_name(authorize(&world, order)), ErrorName::PaymentGatewayUnavailable);
        assert_eq!(world.count("orders.save"), writes);
        assert_eq!(stored_order(&world, order).payment.attempt, 1);
        assert!(authorize(&world, order).is_ok(), "the next try passes");
        assert_eq!(world.authorization_requests(), 1);
    };
    let order = samples::received();
    check(TestBed::with(&order).on("payment.create", 1, InjectedFault::NotSent), &order, 0);
    check(TestBed::with(&order).on("payment.confirm", 1, InjectedFault::NotSent), &order, 1);
}

#[test]
fn a_confirmation_whose_answer_is_lost_is_looked_up_at_once() {
    let order = samples::received();
    let world = TestBed::with(&order).on("payment.confirm", 1, InjectedFault::ResponseLost);
    assert!(authorize(&world, &order).is_ok());
    assert_eq!(world.count("payment."), 3, "create, confirm, look up");
    assert_eq!(world.authorization_requests(), 1);
    assert_eq!(stored_order(&world, &order).payment.attempt, 1);
}

#[test]
fn a_lost_decline_is_not_confirmed_again() {
    let order = samples::received();
    let world = TestBed::with(&order).card(Card::Declined).on(
        "payment.confirm",
        1,
        InjectedFault::ResponseLost,
    );
    assert_eq!(error_name(authorize(&world, &order)), ErrorName::PaymentDeclined);
    assert_eq!(error_name(authorize(&world, &order)), ErrorName::PaymentDeclined);
    assert_eq!(world.authorization_requests(), 1);
}

#[test]
fn a_call_without_effect_gets_a_key_of_its_own_for_the_next_try() {
    for (point, trouble) in [
        ("payment.confirm", InjectedFault::StoredFailure),
        ("payment.confirm", InjectedFault::RequestLost),
        // Nothing to look up, and nothing that costs.
        ("payment.create", InjectedFault::StoredFailure),
        ("payment.create", InjectedFault::RequestLost),
        ("payment.create", InjectedFault::ResponseLost),
    ] {
        let order = samples::received();
        let world = TestBed::with(&order).on(point, 1, trouble.clone());
        assert_eq!(error_name(authorize(&world, &order)), ErrorName::PaymentGatewayUnavailable);
        assert_eq!(stored_order(&world, &order).payment.attempt, 2, "{point} {trouble:?}");
        assert!(authorize(&world, &order).is_ok(), "{point} {trouble:?}: the next try passes");
        assert_eq!(world.authorization_requests(), 1, "{point} {trouble:?}");
    }
}

#[test]
fn an_outcome_that_cannot_be_looked_up_stays_unknown_and_the_key_stays() {
    for trouble in [InjectedFault::NotSent, InjectedFault::RequestLost] {
        let order = samples::received();
        let world = TestBed::with(&order).on("payment.confirm", 1, InjectedFault::ResponseLost).on(
            "payment.retrieve",
            1,
            trouble,
        );
        assert_eq!(error_name(authorize(&world, &order)), ErrorName::PaymentOutcomeUnknown);
        assert_eq!(stored_order(&world, &order).payment.attempt, 1);
        assert!(authorize(&world, &order).is_ok());
        assert_eq!(world.authorization_requests(), 1);
    }
}

#[test]
fn an_intent_that_moved_on_is_looked_up() {
    let order = samples::received();
    let moved = samples::payment_intent(PaymentIntentState::RequiresCapture);
    let refusal = InjectedFault::PaymentRejected(PaymentRejection::UnexpectedState(moved));
    // Refused as if moved on, though it is not: the look-up is the authority.
    let world = TestBed::with(&order).on("payment.confirm", 1, refusal);
    assert_eq!(error_name(authorize(&world, &order)), ErrorName::PaymentGatewayUnavailable);
    assert!(authorize(&world, &order).is_ok());
    assert_eq!(world.authorization_requests(), 1);
}

#[test]
fn a_refusal_of_our_account_or_request_is_final() {
    for point in ["payment.create", "payment.confirm"] {
        for refusal in
            [PaymentRejection::Misconfigured("answered 401".into()), PaymentRejection::NotFound]
        {
            let order = samples::received();
            let world = TestBed::with(&order).on(point, 1, InjectedFault::PaymentRejected(refusal));
            assert_eq!(error_name(authorize(&world, &order)), ErrorName::PaymentMisconfigured);
        }
    }
}

#[test]
fn an_intent_for_another_amount_is_never_confirmed_and_calls_a_person() {
    for other in [Money::new(4500, Currency::Usd), Money::new(4499, Currency::Eur)] {
        let order = samples::received();
        let world = TestBed::with(&order).charging(other);
        assert_eq!(error_name(authorize(&world, &order)), ErrorName::PaymentMisconfigured);
        assert_eq!(world.authorization_requests(), 0);
        assert_eq!(stored_order(&world, &order).attention, Some(Attention::Operator));
        let version = stored_order(&world, &order).version;
        assert_eq!(error_name(authorize(&world, &order)), ErrorName::PaymentMisconfigured);
        assert_eq!(stored_order(&world, &order).version, version, "raised once");
    }
}

#[test]
fn two_that_create_at_once_confirm_one_intent() {
    let order = samples::received();
    // The other one stored its own intent first.
    let world = TestBed::with(&order)
        .intent(samples::payment_intent(PaymentIntentState::RequiresConfirmation))
        .on(
            "orders.save",
            1,
            InjectedFault::ConcurrentWrite(|order| {
                order.with_intent(
                    &samples::payment_intent(PaymentIntentState::RequiresConfirmation).id,
                    now(),
                )
            }),
        );
    assert!(authorize(&world, &order).is_ok());
    let winner = samples::payment_intent(PaymentIntentState::RequiresConfirmation).id;
    assert_eq!(stored_order(&world, &order).payment.intent_id, Some(winner));
    assert_eq!(world.authorization_requests(), 1);
    assert_eq!(
        world.payment_intents_in(PaymentIntentState::RequiresConfirmation),
        1,
        "the loser's costs nothing"
    );
}

#[test]
fn an_order_that_turned_round_or_was_cancelled_or_taken_over_goes_no_further() {
    let failed = serde_json::from_str("{}").unwrap();
    let cancelled = Order { cancel_requested_at: Some(now()), ..samples::received() };
    let closed = Order { status: Status::Cancelled, ..samples::received() };
    let check = |order: Order, request: Value, expected| {
        let world = TestBed::with(&order);
        assert_eq!(error_name(ask(&world, request)), expected);
        assert_eq!(world.calls(), ["orders.load"]);
    };
    let turned = samples::received().begin_compensation(&failed, now());
    check(turned.clone(), input("authorize", &turned), ErrorName::CompensationBegun);
    check(cancelled.clone(), input("authorize", &cancelled), ErrorName::OrderCancelled);
    check(closed.clone(), input("authorize", &closed), ErrorName::CompensationBegun);
    let order = samples::received();
    check(order.clone(), superseded_input("authorize", &order), ErrorName::Superseded);
}

#[test]
fn a_cancellation_in_the_middle_stops_at_the_next_write() {
    let order = samples::received();
    let cancel = InjectedFault::ConcurrentWrite(|order| {
        let mut order = order.with_next_attempt(now());
        order.cancel_requested_at = Some(now());
        order
    });
    let before = TestBed::with(&order).on("orders.save", 1, cancel.clone());
    assert_eq!(error_name(authorize(&before, &order)), ErrorName::OrderCancelled);
    assert_eq!(before.authorization_requests(), 0);
    let after = TestBed::with(&order).on("orders.save", 2, cancel);
    assert_eq!(error_name(authorize(&after, &order)), ErrorName::OrderCancelled);
    assert_eq!(stored_order(&after, &order).status, Status::Received);
}

#[test]
fn a_risky_or_dear_order_waits_for_a_person_until_its_deadline() {
    let order = samples::received();
    let world = TestBed::with(&order).card(Card::Risky);
    let output = authorize(&world, &order).unwrap();
    assert_eq!(output["reviewRequired"], true);
    assert_eq!(output["reviewReasons"], json!(["ELEVATED_RISK"]));
    assert_eq!(output["reviewDeadlineSeconds"], 48 * 3600);
    let again = authorize(&world, &order).unwrap();
    assert_eq!(again, output, "decided once, with the authorisation");
}

#[test]
fn a_recorded_decision_holds_for_an_execution_that_took_over() {
    let order = samples::in_review();
    let decided = |decision| order.decide_review(decision, "op-1", None, now()).unwrap();
    let approved = decided(ReviewDecision::Approve);
    let output = authorize(&TestBed::with(&approved), &approved).unwrap();
    assert_eq!(output["reviewRequired"], false);
    assert_eq!(output["reviewReasons"], json!(["ELEVATED_RISK"]));

    let rejected = decided(ReviewDecision::Reject);
    let result = authorize(&TestBed::with(&rejected), &rejected);
    assert_eq!(error_name(result), ErrorName::ReviewRejected);
}

#[test]
fn a_review_whose_deadline_has_passed_is_rejected() {
    let order = samples::in_review();
    let deadline = order.review.as_ref().unwrap().deadline.unwrap();
    let at = |entered| {
        let mut request = input("authorize", &order);
        request["enteredAt"] = json!(entered);
        ask(&TestBed::with(&order), request)
    };
    assert_eq!(at(deadline).unwrap()["reviewDeadlineSeconds"], 1);
    assert_eq!(error_name(at(deadline.plus_minutes(1))), ErrorName::ReviewRejected);
    // One that was decided in time stays decided.
    let approved = order.decide_review(ReviewDecision::Approve, "op-1", None, now()).unwrap();
    let mut request = input("authorize", &approved);
    request["enteredAt"] = json!(deadline.plus_minutes(1));
    let output = ask(&TestBed::with(&approved), request).unwrap();
    assert_eq!(output["reviewRequired"], false);
    assert_eq!(output["reviewDeadlineSeconds"], 1);
}

#[test]
fn a_table_that_cannot_be_reached_is_tried_again_later() {
    for point in ["orders.load", "orders.save"] {
        for trouble in [InjectedFault::NotSent, InjectedFault::ResponseLost] {
            let order = samples::received();
            let world = TestBed::with(&order).on(point, 1, trouble);
            assert_eq!(error_name(authorize(&world, &order)), ErrorName::StoreUnavailable);
            assert!(authorize(&world, &order).is_ok());
            assert_eq!(world.authorization_requests(), 1);
        }
    }
}

#[test]
fn an_order_that_keeps_changing_is_given_up_after_eight_rounds() {
    let order = samples::received();
    let mut world = TestBed::with(&order);
    for nth in 1..=20 {
        let change = InjectedFault::ConcurrentWrite(|order| {
            order.with_attention(domain::order::TimelineCode::Disputed, now())
        });
        world = world.on("orders.save", nth, change);
    }
    assert_eq!(error_name(authorize(&world, &order)), ErrorName::StoreUnavailable);
    assert_eq!(world.count("orders.load"), 8);
}

#[test]
fn an_order_that_cannot_become_authorised_costs_nobody_anything() {
    let order = Order { status: Status::NeedsAttention, ..samples::received() };
    let world = TestBed::with(&order);
    assert_eq!(error_name(authorize(&world, &order)), ErrorName::InvalidRequest);
    assert_eq!(world.calls(), ["orders.load"]);
}

#[test]
fn an_order_that_is_not_there_is_not_found() {
    let order = samples::received();
    assert_eq!(error_name(authorize(&TestBed::default(), &order)), ErrorName::OrderNotFound);
}

#[test]
fn a_scheduled_order_is_authorised_like_any_other() {
    let request = NewOrder {
        scheduled_for: Some(now()),
        payment_customer: Some("cus_1".to_owned()),
        ..samples::new_order()
    };
    let order = Order::accept(request, samples::placed_at());
    let world = TestBed::with(&order);
    assert!(authorize(&world, &order).is_ok());
    assert_eq!(stored_order(&world, &order).status, Status::Authorized);
}
