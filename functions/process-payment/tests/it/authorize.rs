//! `authorize`: one hold on the card, for every answer of the payment provider.

use crate::support::{error_name, input, invoke, now, perform, stored_order, superseded_input};
use domain::decision::ReviewDecision;
use domain::order::{Attention, NewOrder, TimelineCode};
use domain::payment::{PaymentIntent, PaymentIntentState, PaymentStatus};
use domain::ports::PaymentRejection;
use domain::{Currency, ErrorName, Money, Order, Status, StepError};
use serde_json::{Value, json};
use testing::fakes::{Card, InjectedFault, TestBed};
use testing::samples;

fn authorize(test_bed: &TestBed, order: &Order) -> Result<Value, StepError> {
    perform(test_bed, "authorize", order)
}

/// A received order whose stored intent is in this state at the provider.
fn with_stored_intent(state: PaymentIntentState) -> (TestBed, Order) {
    let intent = samples::payment_intent(state);
    let order = samples::received().with_intent(&intent.id, now());
    (TestBed::with(&order).intent(intent), order)
}

#[test]
fn a_new_order_is_authorized_with_two_calls_one_read_and_two_writes() {
    let order = samples::received();
    let test_bed = TestBed::with(&order);
    let output = authorize(&test_bed, &order).unwrap();
    assert_eq!(
        output,
        json!({
            "orderId": order.order_id, "paymentStatus": "AUTHORIZED", "reviewRequired": false,
            "reviewReasons": [], "reviewDeadlineSeconds": 1,
        })
    );
    assert_eq!(
        test_bed.calls(),
        ["orders.load", "payment.create", "orders.save", "payment.confirm", "orders.save"]
    );
    let order = stored_order(&test_bed, &order);
    assert_eq!(order.status, Status::Authorized);
    assert_eq!(order.payment.status, PaymentStatus::Authorized);
    let capture_before =
        samples::payment_intent(PaymentIntentState::RequiresCapture).capture_before;
    assert_eq!(order.payment.capture_before, capture_before);
}

#[test]
fn an_authorized_order_is_answered_from_its_record_without_a_provider_call() {
    for order in
        [samples::authorized(), samples::reserved(), samples::labeled(), samples::fulfilled()]
    {
        let test_bed = TestBed::with(&order);
        let output = authorize(&test_bed, &order).unwrap();
        assert_eq!(output["paymentStatus"], "AUTHORIZED");
        assert_eq!(test_bed.calls(), ["orders.load"], "{}", order.status);
    }
}

#[test]
fn a_stored_intent_is_retrieved_and_its_state_decides() {
    use PaymentIntentState::{
        Canceled, Processing, RequiresAction, RequiresCapture, RequiresConfirmation,
        RequiresPaymentMethod, Succeeded,
    };
    let check = |state, expected: Option<ErrorName>, confirmations: usize| {
        let (test_bed, order) = with_stored_intent(state);
        let result = authorize(&test_bed, &order);
        assert_eq!(result.err().map(|failure| failure.name), expected, "{state:?}");
        assert_eq!(test_bed.authorization_requests(), confirmations, "{state:?}");
        assert_eq!(test_bed.count("payment.create"), 0, "{state:?}");
    };
    check(RequiresConfirmation, None, 1);
    check(RequiresCapture, None, 0);
    check(Succeeded, None, 0);
    check(RequiresPaymentMethod, Some(ErrorName::PaymentDeclined), 0);
    check(RequiresAction, Some(ErrorName::PaymentDeclined), 0);
    check(Processing, Some(ErrorName::PaymentOutcomeUnknown), 0);
    check(Canceled, Some(ErrorName::PaymentNotCapturable), 0);

    let refunded = PaymentIntent { refunded_minor: 4499, ..samples::payment_intent(Succeeded) };
    let order = samples::received().with_intent(&refunded.id, now());
    let test_bed = TestBed::with(&order).intent(refunded);
    assert_eq!(error_name(authorize(&test_bed, &order)), ErrorName::PaymentNotCapturable);
}

#[test]
fn the_card_issuers_answer_decides_the_result() {
    let check = |card, expected: ErrorName| {
        let order = samples::received();
        let test_bed = TestBed::with(&order).card(card);
        assert_eq!(error_name(authorize(&test_bed, &order)), expected, "{card:?}");
        assert_eq!(error_name(authorize(&test_bed, &order)), expected, "{card:?}, second call");
        assert_eq!(test_bed.authorization_requests(), 1, "{card:?}");
        assert_eq!(stored_order(&test_bed, &order).payment.status, PaymentStatus::None);
    };
    check(Card::Declined, ErrorName::PaymentDeclined);
    check(Card::NeedsAction, ErrorName::PaymentDeclined);
    check(Card::Silent, ErrorName::PaymentOutcomeUnknown);
}

#[test]
fn a_decline_names_the_decline_code() {
    let order = samples::received();
    let test_bed = TestBed::with(&order).card(Card::Declined);
    assert_eq!(authorize(&test_bed, &order).unwrap_err().detail, "insufficient_funds");
}

#[test]
fn an_unreachable_provider_is_a_transient_error_and_records_nothing() {
    let check = |test_bed: TestBed, order: &Order, writes: usize| {
        assert_eq!(error_name(authorize(&test_bed, order)), ErrorName::PaymentGatewayUnavailable);
        assert_eq!(test_bed.count("orders.save"), writes);
        assert_eq!(stored_order(&test_bed, order).payment.attempt, 1);
        assert!(authorize(&test_bed, order).is_ok(), "the next attempt succeeds");
        assert_eq!(test_bed.authorization_requests(), 1);
    };
    let order = samples::received();
    check(TestBed::with(&order).on("payment.create", 1, InjectedFault::NotSent), &order, 0);
    check(TestBed::with(&order).on("payment.confirm", 1, InjectedFault::NotSent), &order, 1);
}

#[test]
fn a_rate_limit_makes_the_order_late_and_has_no_effect() {
    for point in ["payment.create", "payment.confirm"] {
        let order = samples::received();
        let test_bed = TestBed::with(&order).on(point, 1, InjectedFault::Throttled);
        let error = error_name(authorize(&test_bed, &order));
        assert_eq!(error, ErrorName::PaymentThrottled, "{point}");
        assert_eq!(stored_order(&test_bed, &order).payment.attempt, 1, "{point}");
        assert!(authorize(&test_bed, &order).is_ok(), "{point}");
        assert_eq!(test_bed.authorization_requests(), 1, "{point}");
    }
}

#[test]
fn a_confirmation_without_an_answer_is_looked_up_at_once() {
    let order = samples::received();
    let test_bed = TestBed::with(&order).on("payment.confirm", 1, InjectedFault::ResponseLost);
    assert!(authorize(&test_bed, &order).is_ok());
    assert_eq!(test_bed.count("payment."), 3, "create, confirm, retrieve");
    assert_eq!(test_bed.authorization_requests(), 1);
    assert_eq!(stored_order(&test_bed, &order).payment.attempt, 1);
}

#[test]
fn a_lost_decline_is_not_confirmed_again() {
    let order = samples::received();
    let test_bed = TestBed::with(&order).card(Card::Declined).on(
        "payment.confirm",
        1,
        InjectedFault::ResponseLost,
    );
    assert_eq!(error_name(authorize(&test_bed, &order)), ErrorName::PaymentDeclined);
    assert_eq!(error_name(authorize(&test_bed, &order)), ErrorName::PaymentDeclined);
    assert_eq!(test_bed.authorization_requests(), 1);
}

#[test]
fn a_call_without_effect_is_repeated_under_a_new_key() {
    for (point, fault) in [
        ("payment.confirm", InjectedFault::StoredFailure),
        ("payment.confirm", InjectedFault::RequestLost),
        // There is no id to retrieve, and an unconfirmed intent costs nothing.
        ("payment.create", InjectedFault::StoredFailure),
        ("payment.create", InjectedFault::RequestLost),
        ("payment.create", InjectedFault::ResponseLost),
    ] {
        let order = samples::received();
        let test_bed = TestBed::with(&order).on(point, 1, fault.clone());
        assert_eq!(error_name(authorize(&test_bed, &order)), ErrorName::PaymentGatewayUnavailable);
        assert_eq!(stored_order(&test_bed, &order).payment.attempt, 2, "{point} {fault:?}");
        assert!(
            authorize(&test_bed, &order).is_ok(),
            "{point} {fault:?}: the next attempt succeeds"
        );
        assert_eq!(test_bed.authorization_requests(), 1, "{point} {fault:?}");
    }
}

#[test]
fn an_outcome_that_cannot_be_looked_up_stays_unknown_and_keeps_the_key() {
    for fault in [InjectedFault::NotSent, InjectedFault::RequestLost] {
        let order = samples::received();
        let test_bed = TestBed::with(&order)
            .on("payment.confirm", 1, InjectedFault::ResponseLost)
            .on("payment.retrieve", 1, fault);
        assert_eq!(error_name(authorize(&test_bed, &order)), ErrorName::PaymentOutcomeUnknown);
        assert_eq!(stored_order(&test_bed, &order).payment.attempt, 1);
        assert!(authorize(&test_bed, &order).is_ok());
        assert_eq!(test_bed.authorization_requests(), 1);
    }
}

#[test]
fn an_intent_that_changed_state_is_looked_up() {
    let order = samples::received();
    let shown = samples::payment_intent(PaymentIntentState::RequiresCapture);
    let rejection = InjectedFault::PaymentRejected(PaymentRejection::UnexpectedState(shown));
    // The rejection shows a state that the intent is not in. The lookup is believed.
    let test_bed = TestBed::with(&order).on("payment.confirm", 1, rejection);
    assert_eq!(error_name(authorize(&test_bed, &order)), ErrorName::PaymentGatewayUnavailable);
    assert!(authorize(&test_bed, &order).is_ok());
    assert_eq!(test_bed.authorization_requests(), 1);
}

#[test]
fn a_rejection_of_our_account_or_request_is_final() {
    for point in ["payment.create", "payment.confirm"] {
        for rejection in
            [PaymentRejection::Misconfigured("answered 401".into()), PaymentRejection::NotFound]
        {
            let order = samples::received();
            let test_bed =
                TestBed::with(&order).on(point, 1, InjectedFault::PaymentRejected(rejection));
            assert_eq!(error_name(authorize(&test_bed, &order)), ErrorName::PaymentMisconfigured);
        }
    }
}

#[test]
fn an_intent_for_another_amount_is_never_confirmed_and_raises_attention() {
    for other in [Money::new(4500, Currency::Usd), Money::new(4499, Currency::Eur)] {
        let order = samples::received();
        let test_bed = TestBed::with(&order).charging(other);
        assert_eq!(error_name(authorize(&test_bed, &order)), ErrorName::PaymentMisconfigured);
        assert_eq!(test_bed.authorization_requests(), 0);
        assert_eq!(stored_order(&test_bed, &order).attention, Some(Attention::Operator));
        let version = stored_order(&test_bed, &order).version;
        assert_eq!(error_name(authorize(&test_bed, &order)), ErrorName::PaymentMisconfigured);
        assert_eq!(stored_order(&test_bed, &order).version, version, "raised once");
    }
}

#[test]
fn two_concurrent_creations_confirm_one_intent() {
    let order = samples::received();
    // The other writer stored its own intent first.
    let test_bed = TestBed::with(&order)
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
    assert!(authorize(&test_bed, &order).is_ok());
    let winner = samples::payment_intent(PaymentIntentState::RequiresConfirmation).id;
    assert_eq!(stored_order(&test_bed, &order).payment.intent_id, Some(winner));
    assert_eq!(test_bed.authorization_requests(), 1);
    assert_eq!(
        test_bed.payment_intents_in(PaymentIntentState::RequiresConfirmation),
        1,
        "the unstored intent is never confirmed"
    );
}

#[test]
fn a_compensating_canceled_or_restarted_order_is_not_authorized() {
    let failed = serde_json::from_str("{}").unwrap();
    let canceled = Order { cancel_requested_at: Some(now()), ..samples::received() };
    let closed = Order { status: Status::Cancelled, ..samples::received() };
    let check = |order: Order, request: Value, expected| {
        let test_bed = TestBed::with(&order);
        assert_eq!(error_name(invoke(&test_bed, request)), expected);
        assert_eq!(test_bed.calls(), ["orders.load"]);
    };
    let compensating = samples::received().begin_compensation(&failed, now());
    check(compensating.clone(), input("authorize", &compensating), ErrorName::CompensationBegun);
    check(canceled.clone(), input("authorize", &canceled), ErrorName::OrderCancelled);
    check(closed.clone(), input("authorize", &closed), ErrorName::CompensationBegun);
    let order = samples::received();
    check(order.clone(), superseded_input("authorize", &order), ErrorName::Superseded);
}

#[test]
fn a_concurrent_cancellation_stops_the_step_at_its_next_write() {
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
fn a_risky_order_waits_for_review_until_its_deadline() {
    let order = samples::received();
    let test_bed = TestBed::with(&order).card(Card::Risky);
    let output = authorize(&test_bed, &order).unwrap();
    assert_eq!(output["reviewRequired"], true);
    assert_eq!(output["reviewReasons"], json!(["ELEVATED_RISK"]));
    assert_eq!(output["reviewDeadlineSeconds"], 48 * 3600);
    let again = authorize(&test_bed, &order).unwrap();
    assert_eq!(again, output, "decided once, at authorization");
}

#[test]
fn a_recorded_decision_holds_after_a_restart() {
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
        invoke(&TestBed::with(&order), request)
    };
    assert_eq!(at(deadline).unwrap()["reviewDeadlineSeconds"], 1);
    assert_eq!(error_name(at(deadline.plus_minutes(1))), ErrorName::ReviewRejected);
    // A decision made in time outlives the deadline.
    let approved = order.decide_review(ReviewDecision::Approve, "op-1", None, now()).unwrap();
    let mut request = input("authorize", &approved);
    request["enteredAt"] = json!(deadline.plus_minutes(1));
    let output = invoke(&TestBed::with(&approved), request).unwrap();
    assert_eq!(output["reviewRequired"], false);
    assert_eq!(output["reviewDeadlineSeconds"], 1);
}

#[test]
fn an_unreachable_table_is_a_transient_error() {
    for point in ["orders.load", "orders.save"] {
        for fault in [InjectedFault::NotSent, InjectedFault::ResponseLost] {
            let order = samples::received();
            let test_bed = TestBed::with(&order).on(point, 1, fault);
            assert_eq!(error_name(authorize(&test_bed, &order)), ErrorName::StoreUnavailable);
            assert!(authorize(&test_bed, &order).is_ok());
            assert_eq!(test_bed.authorization_requests(), 1);
        }
    }
}

#[test]
fn an_order_that_keeps_changing_fails_after_eight_attempts() {
    let order = samples::received();
    let mut test_bed = TestBed::with(&order);
    for nth in 1..=20 {
        let change = InjectedFault::ConcurrentWrite(|order| {
            order.with_attention(TimelineCode::Disputed, now())
        });
        test_bed = test_bed.on("orders.save", nth, change);
    }
    assert_eq!(error_name(authorize(&test_bed, &order)), ErrorName::StoreUnavailable);
    assert_eq!(test_bed.count("orders.load"), 8);
}

#[test]
fn an_order_that_cannot_become_authorized_causes_no_call() {
    let order = Order { status: Status::NeedsAttention, ..samples::received() };
    let test_bed = TestBed::with(&order);
    assert_eq!(error_name(authorize(&test_bed, &order)), ErrorName::InvalidRequest);
    assert_eq!(test_bed.calls(), ["orders.load"]);
}

#[test]
fn an_unknown_order_is_not_found() {
    let order = samples::received();
    assert_eq!(error_name(authorize(&TestBed::default(), &order)), ErrorName::OrderNotFound);
}

#[test]
fn a_scheduled_order_is_authorized_like_any_other() {
    let request = NewOrder {
        scheduled_for: Some(now()),
        payment_customer: Some("cus_1".to_owned()),
        ..samples::new_order()
    };
    let order = Order::accept(request, samples::placed_at());
    let test_bed = TestBed::with(&order).saved_cards_of("cus_1", Some("customer-1"));
    assert!(authorize(&test_bed, &order).is_ok());
    assert_eq!(stored_order(&test_bed, &order).status, Status::Authorized);
}

#[test]
fn a_saved_card_of_another_customer_is_declined_before_any_money_moves() {
    let request = NewOrder { payment_customer: Some("cus_1".to_owned()), ..samples::new_order() };
    let order = Order::accept(request, samples::placed_at());
    for owner in [Some("customer-2"), Some(""), None] {
        let test_bed = TestBed::with(&order).saved_cards_of("cus_1", owner);
        assert_eq!(error_name(authorize(&test_bed, &order)), ErrorName::PaymentDeclined);
        assert_eq!(test_bed.calls(), ["orders.load", "payment.customer"], "{owner:?}");
    }
    let unknown = TestBed::with(&order);
    assert_eq!(error_name(authorize(&unknown, &order)), ErrorName::PaymentDeclined);
}

#[test]
fn a_saved_card_that_cannot_be_looked_up_is_tried_again_later() {
    let request = NewOrder { payment_customer: Some("cus_1".to_owned()), ..samples::new_order() };
    let order = Order::accept(request, samples::placed_at());
    for fault in [InjectedFault::NotSent, InjectedFault::ResponseLost] {
        let test_bed = TestBed::with(&order).saved_cards_of("cus_1", Some("customer-1"));
        let test_bed = test_bed.on("payment.customer", 1, fault);
        let error = error_name(authorize(&test_bed, &order));
        assert_eq!(error, ErrorName::PaymentGatewayUnavailable);
        assert!(authorize(&test_bed, &order).is_ok());
    }
}
