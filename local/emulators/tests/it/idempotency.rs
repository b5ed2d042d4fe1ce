//! Idempotency keys: replay, mismatch, conflict, expiration.

use emulators::emulator::Emulator as _;
use emulators::exchange::{HttpRequest, NetworkOutcome};
use emulators::faults::{CallRange, Fault, FaultKind};
use serde_json::json;

use crate::support::{
    ORDER, StripeHarness, action_request, at, create_request, create_request_with, hours, id,
    refund_request, retrieve_request,
};

fn with_key(call: HttpRequest, key: &str) -> HttpRequest {
    call.header("idempotency-key", key)
}

#[test]
fn a_repeated_call_with_its_idempotency_key_gets_the_first_response_and_has_no_effect() {
    let mut stripe = StripeHarness::new();
    let call = with_key(create_request("pm_card_visa"), "ord_1:create:1");
    let first = stripe.send(&call, at(0));
    let again = stripe.send(&call, at(60));
    assert_eq!(first.body, again.body);
    assert_eq!(first.header_value("idempotent-replayed"), None);
    assert_eq!(again.header_value("idempotent-replayed"), Some("true"));
    assert_eq!(again.header_value("idempotency-key"), Some("ord_1:create:1"));
    assert_eq!(again.header_value("original-request"), first.header_value("request-id"));
    assert_ne!(again.header_value("request-id"), first.header_value("request-id"));
    assert_eq!(stripe.emulator.ledger().intents().count(), 1);
}

#[test]
fn a_replay_returns_the_first_response_and_not_the_current_state() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.created_intent("pm_card_visa");
    let confirm = with_key(action_request(&intent, "confirm", &[]), "ord_1:confirm:1");
    stripe.send_ok(&confirm, at(1));
    stripe.send_ok(&action_request(&intent, "cancel", &[]), at(2));
    assert_eq!(stripe.send_ok(&confirm, at(3))["status"], "requires_capture");
    assert_eq!(stripe.send_ok(&retrieve_request(&intent), at(3))["status"], "canceled");
}

#[test]
fn other_parameters_or_another_path_with_the_same_idempotency_key_are_an_error() {
    let mut stripe = StripeHarness::new();
    stripe.send_ok(&with_key(create_request("pm_card_visa"), "K"), at(0));
    let other = stripe.created_intent("pm_card_visa");
    for call in [
        create_request("pm_card_mastercard"),
        create_request_with("pm_card_visa", &[("description", "x")]),
        action_request(&other, "confirm", &[]),
    ] {
        let response = stripe.send(&with_key(call, "K"), at(1));
        let error = &response.value()["error"];
        assert_eq!((response.status, &error["type"]), (400, &json!("idempotency_error")));
        assert!(error["message"].as_str().unwrap().contains("'K'"));
    }
    assert_eq!(stripe.emulator.ledger().intents().count(), 2);
}

#[test]
fn a_decline_and_an_invalid_state_error_are_stored_under_the_idempotency_key() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.created_intent("pm_card_chargeDeclined");
    let confirm = with_key(action_request(&intent, "confirm", &[]), "confirm");
    assert_eq!(stripe.send(&confirm, at(1)).status, 402);
    let again = stripe.send(&confirm, at(2));
    assert_eq!((again.status, again.header_value("idempotent-replayed")), (402, Some("true")));
    assert_eq!(stripe.emulator.ledger().order(ORDER).confirms, 1);

    let capture = with_key(action_request(&intent, "capture", &[]), "capture");
    assert_eq!(stripe.send(&capture, at(3)).status, 400);
    assert_eq!(stripe.send(&capture, at(4)).header_value("idempotent-replayed"), Some("true"));
}

#[test]
fn failed_validation_is_not_stored_under_the_idempotency_key() {
    let mut stripe = StripeHarness::new();
    let wrong = with_key(create_request_with("pm_card_visa", &[("color", "blue")]), "K");
    assert_eq!(stripe.send(&wrong, at(0)).status, 400);
    stripe.send_ok(&with_key(create_request("pm_card_visa"), "K"), at(1));
}

#[test]
fn an_idempotency_key_expires_after_a_day_and_its_call_is_executed_again() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.captured_intent("pm_card_visa");
    let half = with_key(refund_request(&intent, &[("amount", "1000")]), "refund");
    stripe.send_ok(&half, at(3));
    stripe.send_ok(&half, hours(24));
    assert_eq!(stripe.totals()[3], 1000, "a day has not passed");
    stripe.send_ok(&half, at(3 + 24 * 3_600));
    assert_eq!(stripe.totals()[3], 2000, "a day has passed: executed again");

    let create = with_key(create_request("pm_card_visa"), "create");
    let first = stripe.send_ok(&create, hours(100));
    assert_ne!(id(&first), id(&stripe.send_ok(&create, hours(124))));
}

#[test]
fn a_get_ignores_its_idempotency_key_and_a_key_of_invalid_length_is_rejected() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.created_intent("pm_card_visa");
    stripe.send_ok(&with_key(retrieve_request(&intent), "K"), at(0));
    stripe.send_ok(&with_key(action_request(&intent, "confirm", &[]), "K"), at(1));
    for key in ["", &"k".repeat(256)] {
        assert_eq!(stripe.send(&with_key(create_request("pm_card_visa"), key), at(2)).status, 400);
    }
    stripe.send_ok(&with_key(create_request("pm_card_visa"), &"k".repeat(255)), at(2));
}

fn add_fault(stripe: &mut StripeHarness, at: &str, kind: FaultKind) {
    let fault = Fault::new(at, CallRange::nth(1), kind);
    let fault = if kind == FaultKind::Delay { fault.with_delay_ms(10) } else { fault };
    stripe.emulator.fault_plan_mut().add(vec![fault]).unwrap();
}

fn response_parts(outcome: NetworkOutcome) -> (u16, serde_json::Value, bool) {
    let NetworkOutcome::Response(response) = outcome else { panic!("no response but {outcome:?}") };
    (
        response.status,
        response.value(),
        response.header_value("idempotent-replayed") == Some("true"),
    )
}

#[test]
fn a_500_is_stored_under_the_idempotency_key_with_or_without_its_effect() {
    for (kind, authorized) in
        [(FaultKind::ServerError, 0), (FaultKind::ServerErrorAfterEffect, 2599)]
    {
        let mut stripe = StripeHarness::new();
        let intent = stripe.created_intent("pm_card_visa");
        add_fault(&mut stripe, "gateway.confirm", kind);
        let confirm = with_key(action_request(&intent, "confirm", &[]), "confirm:1");
        let (status, body, replayed) =
            response_parts(stripe.emulator.handle_with_faults(&confirm, at(1)));
        assert_eq!((status, &body["error"]["type"], replayed), (500, &json!("api_error"), false));
        assert_eq!(stripe.totals()[0], authorized, "{kind:?}");

        let (status, _, replayed) =
            response_parts(stripe.emulator.handle_with_faults(&confirm, at(2)));
        assert_eq!((status, replayed), (500, true), "{kind:?}: the same key gets the same 500");
        assert_eq!(stripe.totals()[0], authorized, "{kind:?}");

        let another = with_key(action_request(&intent, "confirm", &[]), "confirm:2");
        let expected = if authorized == 0 { 200 } else { 400 };
        assert_eq!(
            response_parts(stripe.emulator.handle_with_faults(&another, at(3))).0,
            expected,
            "{kind:?}"
        );
        assert_eq!(stripe.totals()[0], 2599, "{kind:?}");
    }
}

#[test]
fn a_429_is_not_stored_under_the_idempotency_key() {
    let mut stripe = StripeHarness::new();
    add_fault(&mut stripe, "gateway.create", FaultKind::TooManyRequests);
    let create = with_key(create_request("pm_card_visa"), "K");
    let (status, body, _) = response_parts(stripe.emulator.handle_with_faults(&create, at(0)));
    assert_eq!((status, &body["error"]["code"]), (429, &json!("rate_limit")));
    let (status, _, replayed) = response_parts(stripe.emulator.handle_with_faults(&create, at(1)));
    assert_eq!((status, replayed), (200, false));
}

#[test]
fn a_call_whose_idempotency_key_is_in_flight_is_a_conflict_until_the_first_call_ends() {
    for kind in [FaultKind::Delay, FaultKind::Hang] {
        let mut stripe = StripeHarness::new();
        let intent = stripe.created_intent("pm_card_visa");
        add_fault(&mut stripe, "gateway.confirm", kind);
        let confirm = with_key(action_request(&intent, "confirm", &[]), "confirm");
        let in_flight = match stripe.emulator.handle_with_faults(&confirm, at(1)) {
            NetworkOutcome::Delayed { response, in_flight, delay_ms: 10 }
                if response.status == 200 =>
            {
                in_flight
            }
            NetworkOutcome::Hang(in_flight) => in_flight,
            other => panic!("{other:?}"),
        };
        let (status, body, _) = response_parts(stripe.emulator.handle_with_faults(&confirm, at(2)));
        assert_eq!((status, &body["error"]["code"]), (409, &json!("idempotency_key_in_use")));

        stripe.emulator.release(&in_flight);
        let (status, _, replayed) =
            response_parts(stripe.emulator.handle_with_faults(&confirm, at(3)));
        assert_eq!(
            (status, replayed),
            (200, kind == FaultKind::Delay),
            "{kind:?}: only the response of an executed call is stored"
        );
        assert_eq!(stripe.emulator.ledger().order(ORDER).confirms, 1, "{kind:?}");
    }
}

#[test]
fn a_replayed_call_meets_no_fault_that_needs_execution() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.created_intent("pm_card_visa");
    let confirm = with_key(action_request(&intent, "confirm", &[]), "confirm");
    stripe.emulator.handle_with_faults(&confirm, at(1));
    for kind in [FaultKind::Reject, FaultKind::ServerError, FaultKind::ServerErrorAfterEffect] {
        stripe
            .emulator
            .fault_plan_mut()
            .add(vec![Fault::new("gateway.confirm", CallRange::ALL, kind)])
            .unwrap();
    }
    let (status, _, replayed) = response_parts(stripe.emulator.handle_with_faults(&confirm, at(2)));
    assert_eq!((status, replayed), (200, true));
    assert!(
        stripe.emulator.fault_plan().triggered_counts().is_empty(),
        "none of them was triggered"
    );
}
