//! Idempotency keys: replay, mismatch, conflict, age.

use emulators::emulator::Emulator as _;
use emulators::exchange::{HttpRequest, NetworkOutcome};
use emulators::faults::{CallRange, Fault, FaultKind};
use serde_json::json;

use crate::support::{ORDER, Till, at, create, create_with, hours, id, look, post, refund};

fn keyed(call: HttpRequest, key: &str) -> HttpRequest {
    call.header("idempotency-key", key)
}

#[test]
fn the_same_call_under_its_key_gets_the_first_answer_again_and_does_nothing() {
    let mut till = Till::new();
    let call = keyed(create("pm_card_visa"), "ord_1:create:1");
    let first = till.say(&call, at(0));
    let again = till.say(&call, at(60));
    assert_eq!(first.body, again.body);
    assert_eq!(first.header_value("idempotent-replayed"), None);
    assert_eq!(again.header_value("idempotent-replayed"), Some("true"));
    assert_eq!(again.header_value("idempotency-key"), Some("ord_1:create:1"));
    assert_eq!(again.header_value("original-request"), first.header_value("request-id"));
    assert_ne!(again.header_value("request-id"), first.header_value("request-id"));
    assert_eq!(till.gateway.ledger().intents().count(), 1);
}

#[test]
fn a_replay_says_what_was_and_not_what_is() {
    let mut till = Till::new();
    let intent = till.created("pm_card_visa");
    let confirm = keyed(post(&intent, "confirm", &[]), "ord_1:confirm:1");
    till.ok(&confirm, at(1));
    till.ok(&post(&intent, "cancel", &[]), at(2));
    assert_eq!(till.ok(&confirm, at(3))["status"], "requires_capture");
    assert_eq!(till.ok(&look(&intent), at(3))["status"], "canceled");
}

#[test]
fn other_parameters_or_another_path_under_the_key_are_a_mistake() {
    let mut till = Till::new();
    till.ok(&keyed(create("pm_card_visa"), "K"), at(0));
    let other = till.created("pm_card_visa");
    for call in [
        create("pm_card_mastercard"),
        create_with("pm_card_visa", &[("description", "x")]),
        post(&other, "confirm", &[]),
    ] {
        let answer = till.say(&keyed(call, "K"), at(1));
        let error = &answer.value()["error"];
        assert_eq!((answer.status, &error["type"]), (400, &json!("idempotency_error")));
        assert!(error["message"].as_str().unwrap().contains("'K'"));
    }
    assert_eq!(till.gateway.ledger().intents().count(), 2);
}

#[test]
fn a_decline_and_a_refusal_by_state_are_kept() {
    let mut till = Till::new();
    let intent = till.created("pm_card_chargeDeclined");
    let confirm = keyed(post(&intent, "confirm", &[]), "confirm");
    assert_eq!(till.say(&confirm, at(1)).status, 402);
    let again = till.say(&confirm, at(2));
    assert_eq!((again.status, again.header_value("idempotent-replayed")), (402, Some("true")));
    assert_eq!(till.gateway.ledger().order(ORDER).confirms, 1);

    let capture = keyed(post(&intent, "capture", &[]), "capture");
    assert_eq!(till.say(&capture, at(3)).status, 400);
    assert_eq!(till.say(&capture, at(4)).header_value("idempotent-replayed"), Some("true"));
}

#[test]
fn failed_validation_is_not_kept() {
    let mut till = Till::new();
    let wrong = keyed(create_with("pm_card_visa", &[("colour", "blue")]), "K");
    assert_eq!(till.say(&wrong, at(0)).status, 400);
    till.ok(&keyed(create("pm_card_visa"), "K"), at(1));
}

#[test]
fn a_key_is_forgotten_after_a_day_and_its_call_executed_anew() {
    let mut till = Till::new();
    let intent = till.captured("pm_card_visa");
    let half = keyed(refund(&intent, &[("amount", "1000")]), "refund");
    till.ok(&half, at(3));
    till.ok(&half, hours(24));
    assert_eq!(till.book()[3], 1000, "a day has not passed");
    till.ok(&half, at(3 + 24 * 3_600));
    assert_eq!(till.book()[3], 2000, "a day has passed: executed anew");

    let create = keyed(create("pm_card_visa"), "create");
    let first = till.ok(&create, hours(100));
    assert_ne!(id(&first), id(&till.ok(&create, hours(124))));
}

#[test]
fn a_key_on_a_get_means_nothing_and_a_key_out_of_bounds_is_refused() {
    let mut till = Till::new();
    let intent = till.created("pm_card_visa");
    till.ok(&keyed(look(&intent), "K"), at(0));
    till.ok(&keyed(post(&intent, "confirm", &[]), "K"), at(1));
    for key in ["", &"k".repeat(256)] {
        assert_eq!(till.say(&keyed(create("pm_card_visa"), key), at(2)).status, 400);
    }
    till.ok(&keyed(create("pm_card_visa"), &"k".repeat(255)), at(2));
}

fn plan(till: &mut Till, at: &str, kind: FaultKind) {
    let fault = Fault::new(at, CallRange::nth(1), kind);
    let fault = if kind == FaultKind::Delay { fault.with_delay_ms(10) } else { fault };
    till.gateway.fault_plan_mut().add(vec![fault]).unwrap();
}

fn answered(delivery: NetworkOutcome) -> (u16, serde_json::Value, bool) {
    let NetworkOutcome::Response(answer) = delivery else { panic!("no answer but {delivery:?}") };
    (answer.status, answer.value(), answer.header_value("idempotent-replayed") == Some("true"))
}

#[test]
fn a_500_is_kept_whether_or_not_it_had_its_effect() {
    for (kind, authorized) in
        [(FaultKind::ServerError, 0), (FaultKind::ServerErrorAfterEffect, 2599)]
    {
        let mut till = Till::new();
        let intent = till.created("pm_card_visa");
        plan(&mut till, "gateway.confirm", kind);
        let confirm = keyed(post(&intent, "confirm", &[]), "confirm:1");
        let (status, body, replayed) = answered(till.gateway.handle_with_faults(&confirm, at(1)));
        assert_eq!((status, &body["error"]["type"], replayed), (500, &json!("api_error"), false));
        assert_eq!(till.book()[0], authorized, "{kind:?}");

        let (status, _, replayed) = answered(till.gateway.handle_with_faults(&confirm, at(2)));
        assert_eq!((status, replayed), (500, true), "{kind:?}: the same key gets the same 500");
        assert_eq!(till.book()[0], authorized, "{kind:?}");

        let another = keyed(post(&intent, "confirm", &[]), "confirm:2");
        let expected = if authorized == 0 { 200 } else { 400 };
        assert_eq!(
            answered(till.gateway.handle_with_faults(&another, at(3))).0,
            expected,
            "{kind:?}"
        );
        assert_eq!(till.book()[0], 2599, "{kind:?}");
    }
}

#[test]
fn a_429_is_not_kept() {
    let mut till = Till::new();
    plan(&mut till, "gateway.create", FaultKind::TooManyRequests);
    let create = keyed(create("pm_card_visa"), "K");
    let (status, body, _) = answered(till.gateway.handle_with_faults(&create, at(0)));
    assert_eq!((status, &body["error"]["code"]), (429, &json!("rate_limit")));
    let (status, _, replayed) = answered(till.gateway.handle_with_faults(&create, at(1)));
    assert_eq!((status, replayed), (200, false));
}

#[test]
fn a_call_under_a_key_in_flight_is_a_conflict_until_the_first_has_ended() {
    for kind in [FaultKind::Delay, FaultKind::Hang] {
        let mut till = Till::new();
        let intent = till.created("pm_card_visa");
        plan(&mut till, "gateway.confirm", kind);
        let confirm = keyed(post(&intent, "confirm", &[]), "confirm");
        let ticket = match till.gateway.handle_with_faults(&confirm, at(1)) {
            NetworkOutcome::Delayed { response: answer, in_flight: ticket, delay_ms: 10 }
                if answer.status == 200 =>
            {
                ticket
            }
            NetworkOutcome::Hang(ticket) => ticket,
            other => panic!("{other:?}"),
        };
        let (status, body, _) = answered(till.gateway.handle_with_faults(&confirm, at(2)));
        assert_eq!((status, &body["error"]["code"]), (409, &json!("idempotency_key_in_use")));

        till.gateway.release(&ticket);
        let (status, _, replayed) = answered(till.gateway.handle_with_faults(&confirm, at(3)));
        assert_eq!(
            (status, replayed),
            (200, kind == FaultKind::Delay),
            "{kind:?}: only a call that had its effect is kept"
        );
        assert_eq!(till.gateway.ledger().order(ORDER).confirms, 1, "{kind:?}");
    }
}

#[test]
fn a_call_that_its_key_answers_cannot_be_refused_by_the_plan() {
    let mut till = Till::new();
    let intent = till.created("pm_card_visa");
    let confirm = keyed(post(&intent, "confirm", &[]), "confirm");
    till.gateway.handle_with_faults(&confirm, at(1));
    for kind in [FaultKind::Reject, FaultKind::ServerError, FaultKind::ServerErrorAfterEffect] {
        till.gateway
            .fault_plan_mut()
            .add(vec![Fault::new("gateway.confirm", CallRange::ALL, kind)])
            .unwrap();
    }
    let (status, _, replayed) = answered(till.gateway.handle_with_faults(&confirm, at(2)));
    assert_eq!((status, replayed), (200, true));
    assert!(till.gateway.fault_plan().triggered_counts().is_empty(), "none of them was met");
}
