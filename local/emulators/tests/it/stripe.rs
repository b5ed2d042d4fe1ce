//! The life of an intent and its refunds in the Stripe emulator.

use emulators::emulator::{ControlAction, Emulator as _};
use emulators::exchange::HttpRequest;
use emulators::stripe::payment_intents::{
    AUTHORIZATION_VALIDITY, AUTHORIZATION_VALIDITY_OFF_SESSION, IntentStatus,
};
use emulators::stripe::refunds::RefundStatus;
use serde_json::{Value, json};

use crate::support::{
    ORDER, StripeHarness, action_request, at, create_request, create_request_with, hours, id,
    refund_request, retrieve_request, stripe_request,
};

#[test]
fn the_ledger_records_the_creation_confirmation_and_capture_of_an_intent() {
    let mut stripe = StripeHarness::new();
    let created = stripe.send_ok(&create_request("pm_card_visa"), at(0));
    assert_eq!(created["status"], "requires_confirmation");
    assert_eq!(created["latest_charge"], Value::Null);
    assert_eq!(stripe.totals(), [0, 0, 0, 0]);

    let confirmed = stripe.send_ok(
        &action_request(&id(&created), "confirm", &[("expand[]", "latest_charge")]),
        at(1),
    );
    assert_eq!(confirmed["status"], "requires_capture");
    assert_eq!(confirmed["amount_capturable"], 2599);
    assert_eq!(stripe.totals(), [2599, 0, 0, 0]);

    let captured = stripe.send_ok(&action_request(&id(&created), "capture", &[]), at(2));
    assert_eq!(
        (&captured["status"], &captured["amount_received"]),
        (&json!("succeeded"), &json!(2599))
    );
    assert_eq!(stripe.totals(), [2599, 2599, 0, 0]);
    let history: Vec<_> = stripe
        .emulator
        .ledger()
        .intents()
        .flat_map(|i| i.history.iter().map(|s| (s.event, s.amount)))
        .collect();
    assert_eq!(history, [("created", 0), ("authorized", 2599), ("captured", 2599)]);
}

#[test]
fn the_expanded_charge_shows_the_risk_and_when_the_authorization_expires() {
    let mut stripe = StripeHarness::new();
    for (card, risk) in [("pm_card_visa", "normal"), ("pm_card_riskLevelElevated", "elevated")] {
        let intent = stripe.authorized_intent(card);
        let charge = &stripe.send_ok(&retrieve_request(&intent), at(5))["latest_charge"];
        let held = (at(1) + AUTHORIZATION_VALIDITY).as_second();
        assert_eq!(charge["payment_method_details"]["card"]["capture_before"], held);
        assert_eq!(charge["outcome"]["risk_level"], risk);
        let plain = stripe
            .send_ok(&stripe_request("GET", &format!("/v1/payment_intents/{intent}"), &[]), at(5));
        assert_eq!(plain["latest_charge"], charge["id"], "without expand it is the charge's id");
    }
}

#[test]
fn an_off_session_confirmation_needs_a_customer_and_holds_the_money_for_less_than_five_days() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.created_intent("pm_card_visa");
    let refused =
        stripe.send(&action_request(&intent, "confirm", &[("off_session", "true")]), at(1));
    assert_eq!(refused.status, 400, "{}", refused.value());

    let intent =
        id(&stripe.send_ok(&create_request_with("pm_card_visa", &[("customer", "cus_1")]), at(0)));
    let confirm = action_request(
        &intent,
        "confirm",
        &[("off_session", "true"), ("expand[]", "latest_charge")],
    );
    let body = stripe.send_ok(&confirm, at(1));
    let before =
        body["latest_charge"]["payment_method_details"]["card"]["capture_before"].as_i64().unwrap();
    assert_eq!(before, (at(1) + AUTHORIZATION_VALIDITY_OFF_SESSION).as_second());
    assert!(before - at(1).as_second() < 5 * 24 * 3_600);
}

#[test]
fn each_declined_test_card_returns_its_documented_error_and_the_intent_loses_its_card() {
    let cases = [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
        ("pm_card_authenticationRequired", "authentication_required", "authentication_required"),
    ];
    for (card, code, decline_code) in cases {
        let mut stripe = StripeHarness::new();
        let intent = stripe.created_intent(card);
        let response = stripe.send(
            &action_request(&intent, "confirm", &[("error_on_requires_action", "true")]),
            at(1),
        );
        let error = &response.value()["error"];
        assert_eq!(response.status, 402, "{card}");
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("card_error"), &json!(code)),
            "{card}"
        );
        assert_eq!(error["decline_code"], decline_code, "{card}");
        assert_eq!(error["payment_intent"]["status"], "requires_payment_method", "{card}");
        assert_eq!(error["payment_intent"]["last_payment_error"]["code"], code, "{card}");
        assert_eq!(error["payment_intent"]["payment_method"], Value::Null, "{card}");
        assert_eq!(stripe.totals(), [0, 0, 0, 0], "{card}");
        let order = stripe.emulator.ledger().order(ORDER);
        assert_eq!((order.confirmed, order.confirms, order.live), (1, 1, 0), "{card}");

        let again = stripe.send(&action_request(&intent, "confirm", &[]), at(2));
        assert_eq!(again.status, 400, "{card}: the intent has no card");
        assert_eq!(stripe.emulator.ledger().order(ORDER).confirms, 1, "{card}");
    }
}

#[test]
fn a_card_that_requires_authentication_waits_for_an_action_if_the_call_allows_it() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.created_intent("pm_card_authenticationRequired");
    let body = stripe.send_ok(&action_request(&intent, "confirm", &[]), at(1));
    assert_eq!(body["status"], "requires_action");
    assert_eq!(body["next_action"]["type"], "use_stripe_sdk");
    assert_eq!(stripe.totals(), [0, 0, 0, 0]);
}

#[test]
fn a_slow_issuer_leaves_the_intent_processing_and_then_approves() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.created_intent("pm_card_lookalikeProcessing");
    assert_eq!(
        stripe.send_ok(&action_request(&intent, "confirm", &[]), at(1))["status"],
        "processing"
    );
    for action in ["confirm", "capture", "cancel"] {
        let response = stripe.send(&action_request(&intent, action, &[]), at(2));
        assert_eq!(
            response.value()["error"]["code"],
            "payment_intent_unexpected_state",
            "{action}"
        );
    }
    assert_eq!(stripe.totals(), [0, 0, 0, 0]);
    assert_eq!(stripe.send_ok(&retrieve_request(&intent), at(61))["status"], "requires_capture");
    assert_eq!(stripe.totals(), [2599, 0, 0, 0]);
}

#[test]
fn an_authorization_not_captured_in_time_is_released() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.authorized_intent("pm_card_visa");
    let due = at(1) + AUTHORIZATION_VALIDITY;
    assert_eq!(stripe.emulator.next_scheduled(), Some(due));
    assert_eq!(
        stripe.send_ok(&retrieve_request(&intent), due - jiff::SignedDuration::from_secs(1))["status"],
        "requires_capture"
    );

    let body = stripe.send_ok(&retrieve_request(&intent), due);
    assert_eq!(
        (&body["status"], &body["cancellation_reason"]),
        (&json!("canceled"), &json!("automatic"))
    );
    assert_eq!(body["canceled_at"], due.as_second());
    assert_eq!(stripe.totals(), [2599, 0, 2599, 0]);
    assert_eq!(stripe.send(&action_request(&intent, "capture", &[]), due).status, 400);
    assert_eq!(stripe.emulator.next_scheduled(), None);
}

#[test]
fn a_captured_or_canceled_authorization_does_not_expire() {
    let mut stripe = StripeHarness::new();
    stripe.captured_intent("pm_card_visa");
    let canceled = stripe.authorized_intent("pm_card_visa");
    stripe.send_ok(&action_request(&canceled, "cancel", &[]), at(3));
    assert_eq!(stripe.emulator.next_scheduled(), None);
    stripe.emulator.advance_to(hours(24 * 30));
    assert_eq!(stripe.totals(), [2599 * 2, 2599, 2599, 0]);
}

#[test]
fn canceling_an_unconfirmed_intent_moves_no_money() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.created_intent("pm_card_visa");
    let cancel = action_request(&intent, "cancel", &[("cancellation_reason", "abandoned")]);
    let body = stripe.send_ok(&cancel, at(1));
    assert_eq!(
        (&body["status"], &body["cancellation_reason"]),
        (&json!("canceled"), &json!("abandoned"))
    );
    assert_eq!(stripe.totals(), [0, 0, 0, 0]);
}

/// Every action on an intent in every state: the status of the response.
#[test]
fn confirm_capture_and_cancel_are_allowed_only_in_the_documented_states() {
    let cases = [
        ("requires_payment_method", [400, 400, 200]),
        ("requires_confirmation", [200, 400, 200]),
        ("requires_action", [200, 400, 200]),
        ("processing", [400, 400, 400]),
        ("requires_capture", [400, 200, 200]),
        ("succeeded", [400, 400, 400]),
        ("canceled", [400, 400, 400]),
    ];
    for (state, expected) in cases {
        for (action, expected) in ["confirm", "capture", "cancel"].into_iter().zip(expected) {
            let mut stripe = StripeHarness::new();
            let intent = in_state(&mut stripe, state);
            assert_eq!(stripe.send_ok(&retrieve_request(&intent), at(10))["status"], state);
            let response = stripe.send(&action_request(&intent, action, &[]), at(10));
            assert_eq!(response.status, expected, "{action} in {state}: {}", response.value());
            if expected == 400 {
                let error = &response.value()["error"];
                assert_eq!(error["code"], "payment_intent_unexpected_state", "{action} in {state}");
                assert_eq!(error["payment_intent"]["status"], state, "{action} in {state}");
            }
        }
    }
}

fn in_state(stripe: &mut StripeHarness, state: &str) -> String {
    let intent = stripe.created_intent(match state {
        "requires_payment_method" => "pm_card_chargeDeclined",
        "requires_action" => "pm_card_authenticationRequired",
        "processing" => "pm_card_lookalikeProcessing",
        _ => "pm_card_visa",
    });
    if state != "requires_confirmation" {
        stripe.send(&action_request(&intent, "confirm", &[]), at(1));
    }
    match state {
        "succeeded" => stripe.send_ok(&action_request(&intent, "capture", &[]), at(2)),
        "canceled" => stripe.send_ok(&action_request(&intent, "cancel", &[]), at(2)),
        _ => Value::Null,
    };
    intent
}

#[test]
fn a_partial_capture_releases_the_rest_and_an_excessive_capture_is_rejected() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.authorized_intent("pm_card_visa");
    for invalid in ["2600", "0", "-1", "all"] {
        let response = stripe
            .send(&action_request(&intent, "capture", &[("amount_to_capture", invalid)]), at(2));
        assert_eq!(response.status, 400, "{invalid}: {}", response.value());
    }
    assert_eq!(stripe.totals(), [2599, 0, 0, 0]);
    stripe.send_ok(&action_request(&intent, "capture", &[("amount_to_capture", "2000")]), at(3));
    assert_eq!(stripe.totals(), [2599, 2000, 599, 0]);
}

#[test]
fn an_intent_with_automatic_capture_is_captured_when_it_is_confirmed() {
    let mut stripe = StripeHarness::new();
    let params = [
        ("amount", "500"),
        ("currency", "usd"),
        ("payment_method", "pm_card_visa"),
        ("confirm", "true"),
    ];
    let body = stripe.send_ok(&stripe_request("POST", "/v1/payment_intents", &params), at(0));
    assert_eq!(body["status"], "succeeded");
    assert_eq!(stripe.emulator.ledger().totals().captured, 500);
}

#[test]
fn refunds_never_exceed_the_captured_amount() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.captured_intent("pm_card_visa");
    let over = stripe.send(&refund_request(&intent, &[("amount", "2600")]), at(3));
    assert_eq!((over.status, &over.value()["error"]["param"]), (400, &json!("amount")));

    let part = stripe.send_ok(&refund_request(&intent, &[("amount", "599")]), at(4));
    assert_eq!((&part["status"], &part["amount"]), (&json!("succeeded"), &json!(599)));
    assert_eq!(stripe.totals(), [2599, 2599, 0, 599]);
    let rest = stripe.send_ok(&refund_request(&intent, &[]), at(5));
    assert_eq!(rest["amount"], 2000);
    assert_eq!(stripe.totals(), [2599, 2599, 0, 2599]);

    let none = stripe.send(&refund_request(&intent, &[]), at(6));
    assert_eq!(
        (none.status, &none.value()["error"]["code"]),
        (400, &json!("charge_already_refunded"))
    );
    let charge = &stripe.send_ok(&retrieve_request(&intent), at(7))["latest_charge"];
    assert_eq!((&charge["refunded"], &charge["amount_refunded"]), (&json!(true), &json!(2599)));
}

#[test]
fn an_intent_that_was_not_captured_cannot_be_refunded() {
    for state in ["requires_confirmation", "requires_capture", "canceled"] {
        let mut stripe = StripeHarness::new();
        let intent = in_state(&mut stripe, state);
        let response = stripe.send(&refund_request(&intent, &[]), at(9));
        assert_eq!(response.status, 400, "{state}");
        assert_eq!(stripe.emulator.ledger().refunds().count(), 0, "{state}");
    }
}

#[test]
fn a_pending_refund_counts_as_refunded_at_once_and_succeeds_later() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.captured_intent("pm_card_pendingRefund");
    let requested = stripe.send_ok(&refund_request(&intent, &[]), at(3));
    assert_eq!(
        (&requested["status"], &requested["pending_reason"]),
        (&json!("pending"), &json!("processing"))
    );
    assert_eq!(stripe.totals(), [2599, 2599, 0, 2599]);
    let path = format!("/v1/refunds/{}", id(&requested));
    assert_eq!(stripe.send_ok(&stripe_request("GET", &path, &[]), hours(1))["status"], "succeeded");
    assert_eq!(stripe.totals(), [2599, 2599, 0, 2599]);
}

#[test]
fn a_failed_refund_returns_the_money_to_the_shop_and_can_be_repeated() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.captured_intent("pm_card_refundFail");
    assert_eq!(stripe.send_ok(&refund_request(&intent, &[]), at(3))["status"], "succeeded");
    let listed = stripe
        .send_ok(&stripe_request("GET", "/v1/refunds", &[("payment_intent", &intent)]), hours(1));
    assert_eq!(listed["data"][0]["status"], "failed");
    assert_eq!(listed["data"][0]["failure_reason"], "expired_or_canceled_card");
    assert_eq!(stripe.totals(), [2599, 2599, 0, 0]);
    assert_eq!(stripe.emulator.ledger().order(ORDER).failed_refunds, 1);
    assert_eq!(stripe.send_ok(&refund_request(&intent, &[]), hours(2))["amount"], 2599);
}

#[test]
fn a_pending_refund_can_fail() {
    fn check(card: &str, fail_refunds: bool) {
        let mut stripe = StripeHarness::new();
        let intent = stripe.captured_intent(card);
        if fail_refunds {
            stripe
                .emulator
                .perform(&ControlAction::FailRefund { order: ORDER.to_owned() }, at(2))
                .unwrap();
        }
        assert_eq!(
            stripe.send_ok(&refund_request(&intent, &[]), at(3))["status"],
            "pending",
            "{card}"
        );
        let listed = stripe.send_ok(
            &stripe_request("GET", "/v1/refunds", &[("payment_intent", &intent)]),
            hours(1),
        );
        assert_eq!(listed["data"][0]["status"], "failed", "{card}");
        assert_eq!(stripe.totals(), [2599, 2599, 0, 0], "{card}");
    }
    check("pm_card_lookalikeRefundPendsThenFails", false);
    check("pm_card_pendingRefund", true);
}

#[test]
fn control_actions_change_stripes_objects() {
    let order = || ORDER.to_owned();
    let mut stripe = StripeHarness::new();
    let error = stripe
        .emulator
        .perform(&ControlAction::ExpireAuthorization { order: order() }, at(0))
        .unwrap_err();
    assert_eq!(error.to_string(), "order ord_1 has no money held");
    let intent = stripe.authorized_intent("pm_card_visa");
    stripe.emulator.perform(&ControlAction::ExpireAuthorization { order: order() }, at(2)).unwrap();
    assert_eq!(stripe.send_ok(&retrieve_request(&intent), at(3))["status"], "canceled");

    let intent = stripe.captured_intent("pm_card_visa");
    stripe.emulator.perform(&ControlAction::FailRefund { order: order() }, at(4)).unwrap();
    stripe.send_ok(&refund_request(&intent, &[]), at(5));
    stripe.emulator.advance_to(hours(1));
    assert!(stripe.emulator.ledger().refunds().all(|refund| refund.status == RefundStatus::Failed));

    stripe.emulator.perform(&ControlAction::Dispute { order: order() }, hours(2)).unwrap();
    assert_eq!(
        stripe.send_ok(&retrieve_request(&intent), hours(2))["latest_charge"]["disputed"],
        true
    );
    assert!(
        stripe.emulator.perform(&ControlAction::RejectRefund { order: order() }, hours(2)).is_err()
    );
}

#[test]
fn the_charge_of_a_dispute_card_is_disputed_after_its_capture() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.captured_intent("pm_card_createDispute");
    assert_eq!(
        stripe.send_ok(&retrieve_request(&intent), at(10))["latest_charge"]["disputed"],
        false
    );
    assert_eq!(
        stripe.send_ok(&retrieve_request(&intent), hours(2))["latest_charge"]["disputed"],
        true
    );
    let events: Vec<_> =
        stripe.emulator.take_events().into_iter().map(|event| event.event_type).collect();
    assert_eq!(events.last().unwrap(), "charge.dispute.created");
}

#[test]
fn only_test_api_keys_are_accepted_and_no_error_repeats_a_rejected_key() {
    // In Stripe's key format, but of no account.
    let cases = [
        ("Bearer sk_test_abc", 200),
        ("Bearer rk_test_abc", 200),
        ("Basic c2tfdGVzdF9hYmM6", 200),
        ("Bearer sk_live_abc", 401),
        ("Bearer rk_live_abc", 401),
        ("Bearer sk_test_", 401),
        ("Bearer pk_test_abc", 401),
        ("Bearer sk_test_abc def", 401),
        ("Basic c2tfbGl2ZV9hYmM6", 401),
        ("Basic !", 401),
        ("Digest sk_test_abc", 401),
        ("", 401),
    ];
    for (authorization, expected) in cases {
        let call =
            HttpRequest::new("GET", "/v1/payment_intents").header("authorization", authorization);
        let response = StripeHarness::new().send(&call, at(0));
        assert_eq!(response.status, expected, "{authorization}");
        assert!(!String::from_utf8(response.body).unwrap().contains("live"), "{authorization}");
    }
    assert_eq!(
        StripeHarness::new().send(&HttpRequest::new("GET", "/v1/payment_intents"), at(0)).status,
        401
    );
}

/// Parameters, and the code and parameter of the error.
type InvalidCase = (&'static [(&'static str, &'static str)], &'static str, &'static str);

#[test]
fn an_invalid_call_is_rejected_with_the_invalid_parameter() {
    let good = [("amount", "2599"), ("currency", "usd"), ("payment_method", "pm_card_visa")];
    let cases: [InvalidCase; 12] = [
        (&[("amount", "")], "parameter_missing", "amount"),
        (&[("amount", "12.5")], "parameter_invalid_integer", "amount"),
        (&[("amount", "-5")], "parameter_invalid_integer", "amount"),
        (&[("amount", "49")], "amount_too_small", "amount"),
        (&[("amount", "100000000")], "amount_too_large", "amount"),
        (&[("currency", "")], "parameter_missing", "currency"),
        (&[("currency", "xxx")], "", "currency"),
        (&[("payment_method", "pm_card_missing")], "resource_missing", "payment_method"),
        (&[("capture_method", "someday")], "", "capture_method"),
        (&[("confirm", "perhaps")], "", "confirm"),
        (&[("color", "blue")], "parameter_unknown", "color"),
        (&[("limit[deep]", "1")], "parameter_unknown", "limit"),
    ];
    for (invalid, code, param) in cases {
        let kept = good.iter().filter(|(name, _)| invalid.iter().all(|(other, _)| name != other));
        let params: Vec<_> = kept.chain(invalid).copied().collect();
        let mut stripe = StripeHarness::new();
        let response = stripe.send(&stripe_request("POST", "/v1/payment_intents", &params), at(0));
        let error = &response.value()["error"];
        assert_eq!(response.status, 400, "{invalid:?}");
        assert_eq!(error["code"].as_str().unwrap_or(""), code, "{invalid:?}: {error}");
        assert_eq!(error["param"], param, "{invalid:?}: {error}");
        assert_eq!(stripe.emulator.ledger().intents().count(), 0, "{invalid:?}");
    }
}

#[test]
fn unknown_objects_routes_and_versions_are_rejected() {
    let mut stripe = StripeHarness::new();
    let missing = stripe.send(&retrieve_request("pi_missing"), at(0));
    assert_eq!(
        (missing.status, &missing.value()["error"]["code"]),
        (404, &json!("resource_missing"))
    );
    for (method, path) in
        [("GET", "/v1/customers"), ("DELETE", "/v1/payment_intents"), ("POST", "/")]
    {
        assert_eq!(
            stripe.send(&stripe_request(method, path, &[]), at(0)).status,
            404,
            "{method} {path}"
        );
    }
    let call =
        HttpRequest::new("GET", "/v1/payment_intents").header("authorization", "Bearer sk_test_x");
    let old = stripe.send(&call.header("stripe-version", "2020-08-27"), at(0));
    assert_eq!(old.status, 400);
    let expand = stripe_request(
        "GET",
        "/v1/payment_intents/pi_missing",
        &[("expand[]", "customer.sources")],
    );
    assert_eq!(stripe.send(&expand, at(0)).status, 400);
}

#[test]
fn lists_are_paginated_and_newest_first() {
    let mut stripe = StripeHarness::new();
    let ids: Vec<_> =
        (0..5).map(|n| id(&stripe.send_ok(&create_request("pm_card_visa"), at(n)))).collect();
    let first =
        stripe.send_ok(&stripe_request("GET", "/v1/payment_intents", &[("limit", "2")]), at(9));
    assert_eq!((id(&first["data"][0]), id(&first["data"][1])), (ids[4].clone(), ids[3].clone()));
    assert_eq!(first["has_more"], true);
    let next = [("limit", "100"), ("starting_after", ids[3].as_str())];
    let rest = stripe.send_ok(&stripe_request("GET", "/v1/payment_intents", &next), at(9));
    assert_eq!(rest["data"].as_array().unwrap().len(), 3);
    assert_eq!(rest["has_more"], false);
    let since = at(3).as_second().to_string();
    let recent = stripe
        .send_ok(&stripe_request("GET", "/v1/payment_intents", &[("created[gte]", &since)]), at(9));
    assert_eq!(recent["data"].as_array().unwrap().len(), 2);
    assert_eq!(
        stripe.send(&stripe_request("GET", "/v1/payment_intents", &[("limit", "0")]), at(9)).status,
        400
    );
}

#[test]
fn the_ledger_is_shown_for_one_order_and_for_all() {
    let mut stripe = StripeHarness::new();
    stripe.captured_intent("pm_card_visa");
    let other = [
        ("amount", "700"),
        ("currency", "usd"),
        ("payment_method", "pm_card_visa"),
        ("metadata[order_id]", "ord_2"),
    ];
    let other = id(&stripe.send_ok(&stripe_request("POST", "/v1/payment_intents", &other), at(3)));
    stripe.send_ok(
        &action_request(&other, "confirm", &[]).header("idempotency-key", "ord_2:confirm:1"),
        at(4),
    );

    let all = stripe.emulator.ledger_json(None);
    assert_eq!(
        all["totals"],
        json!({ "authorized": 3299, "captured": 3299, "voided": 0, "refunded": 0 })
    );
    assert_eq!(all["intents"].as_array().unwrap().len(), 2);
    let one = stripe.emulator.ledger_json(Some("ord_2"));
    assert_eq!(one["totals"]["captured"], 700);
    assert_eq!(one["intents"].as_array().unwrap().len(), 1);
    assert_eq!(one["intents"][0]["history"][1]["key"], "ord_2:confirm:1");
    assert_eq!(one["orders"]["ord_2"]["confirmed"], 1);
    assert_eq!(stripe.emulator.ledger_json(Some("ord_missing"))["totals"]["captured"], 0);
    assert!(
        stripe.emulator.ledger().intents().all(|intent| intent.status == IntentStatus::Succeeded)
    );
}

#[test]
fn the_same_calls_at_the_same_times_give_the_same_bytes() {
    let run = || {
        let mut stripe = StripeHarness::new();
        let intent = stripe.captured_intent("pm_card_visa");
        stripe.send(&refund_request(&intent, &[]), at(5));
        (stripe.send(&retrieve_request(&intent), at(6)), stripe.emulator.take_events())
    };
    assert_eq!(run(), run());
}

#[test]
fn a_disputed_charge_is_not_refunded() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.captured_intent("pm_card_visa");
    stripe.emulator.perform(&ControlAction::Dispute { order: ORDER.to_owned() }, at(2)).unwrap();
    let response = stripe.send(&refund_request(&intent, &[]), at(3));
    assert_eq!(response.status, 400);
    assert_eq!(response.value()["error"]["code"], "charge_disputed");
    assert_eq!(stripe.emulator.ledger().refunds().count(), 0);
}

#[test]
fn the_shop_captures_a_part_and_refunds_the_charge_in_the_dashboard() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.authorized_intent("pm_card_visa");
    let capture = |amount| ControlAction::CapturePart { order: ORDER.to_owned(), amount };
    assert!(stripe.emulator.perform(&capture(2600), at(2)).is_err(), "more than is held");
    stripe.emulator.perform(&capture(1000), at(2)).unwrap();
    let part = stripe.send_ok(&retrieve_request(&intent), at(3));
    assert_eq!((&part["status"], &part["amount_received"]), (&json!("succeeded"), &json!(1000)));
    let refund = ControlAction::RefundCharge { order: ORDER.to_owned() };
    stripe.emulator.perform(&refund, at(4)).unwrap();
    let refunded = stripe.send_ok(&retrieve_request(&intent), at(5));
    assert_eq!(refunded["latest_charge"]["amount_refunded"], 1000);
    assert!(stripe.emulator.perform(&refund, at(6)).is_err(), "nothing is left");
}

#[test]
fn a_charge_in_review_says_so() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.authorized_intent("pm_card_lookalikeManualReview");
    let charge = &stripe.send_ok(&retrieve_request(&intent), at(3))["latest_charge"];
    assert_eq!(charge["outcome"]["type"], "manual_review");
    assert!(charge["review"].as_str().unwrap().starts_with("prv_"));
}
