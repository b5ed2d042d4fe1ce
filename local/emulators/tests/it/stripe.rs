//! The life of an intent and of its refunds.

use emulators::emulator::{ControlAction, Emulator as _};
use emulators::exchange::HttpRequest;
use emulators::stripe::payment_intents::{
    AUTHORIZATION_VALIDITY, AUTHORIZATION_VALIDITY_OFF_SESSION, IntentStatus,
};
use emulators::stripe::refunds::RefundStatus;
use serde_json::{Value, json};

use crate::support::{ORDER, Till, at, create, create_with, hours, id, look, post, refund, stripe};

#[test]
fn an_intent_is_created_confirmed_and_captured_and_each_step_is_in_the_book() {
    let mut till = Till::new();
    let created = till.ok(&create("pm_card_visa"), at(0));
    assert_eq!(created["status"], "requires_confirmation");
    assert_eq!(created["latest_charge"], Value::Null);
    assert_eq!(till.book(), [0, 0, 0, 0]);

    let confirmed =
        till.ok(&post(&id(&created), "confirm", &[("expand[]", "latest_charge")]), at(1));
    assert_eq!(confirmed["status"], "requires_capture");
    assert_eq!(confirmed["amount_capturable"], 2599);
    assert_eq!(till.book(), [2599, 0, 0, 0]);

    let captured = till.ok(&post(&id(&created), "capture", &[]), at(2));
    assert_eq!(
        (&captured["status"], &captured["amount_received"]),
        (&json!("succeeded"), &json!(2599))
    );
    assert_eq!(till.book(), [2599, 2599, 0, 0]);
    let history: Vec<_> = till
        .gateway
        .ledger()
        .intents()
        .flat_map(|i| i.history.iter().map(|s| (s.what, s.amount)))
        .collect();
    assert_eq!(history, [("created", 0), ("authorized", 2599), ("captured", 2599)]);
}

#[test]
fn the_expanded_charge_tells_the_risk_and_how_long_the_money_is_held() {
    let mut till = Till::new();
    for (card, risk) in [("pm_card_visa", "normal"), ("pm_card_riskLevelElevated", "elevated")] {
        let intent = till.authorized(card);
        let charge = &till.ok(&look(&intent), at(5))["latest_charge"];
        let held = (at(1) + AUTHORIZATION_VALIDITY).as_second();
        assert_eq!(charge["payment_method_details"]["card"]["capture_before"], held);
        assert_eq!(charge["outcome"]["risk_level"], risk);
        let plain = till.ok(&stripe("GET", &format!("/v1/payment_intents/{intent}"), &[]), at(5));
        assert_eq!(plain["latest_charge"], charge["id"], "unexpanded, it is the charge's id");
    }
}

#[test]
fn a_merchant_initiated_confirmation_needs_a_customer_and_holds_the_money_for_less_than_five_days()
{
    let mut till = Till::new();
    let intent = till.created("pm_card_visa");
    let refused = till.say(&post(&intent, "confirm", &[("off_session", "true")]), at(1));
    assert_eq!(refused.status, 400, "{}", refused.value());

    let intent = id(&till.ok(&create_with("pm_card_visa", &[("customer", "cus_1")]), at(0)));
    let confirm =
        post(&intent, "confirm", &[("off_session", "true"), ("expand[]", "latest_charge")]);
    let body = till.ok(&confirm, at(1));
    let before =
        body["latest_charge"]["payment_method_details"]["card"]["capture_before"].as_i64().unwrap();
    assert_eq!(before, (at(1) + AUTHORIZATION_VALIDITY_OFF_SESSION).as_second());
    assert!(before - at(1).as_second() < 5 * 24 * 3_600);
}

#[test]
fn each_test_card_is_refused_in_the_issuers_words_and_the_intent_keeps_no_card() {
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
        let mut till = Till::new();
        let intent = till.created(card);
        let answer =
            till.say(&post(&intent, "confirm", &[("error_on_requires_action", "true")]), at(1));
        let error = &answer.value()["error"];
        assert_eq!(answer.status, 402, "{card}");
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("card_error"), &json!(code)),
            "{card}"
        );
        assert_eq!(error["decline_code"], decline_code, "{card}");
        assert_eq!(error["payment_intent"]["status"], "requires_payment_method", "{card}");
        assert_eq!(error["payment_intent"]["last_payment_error"]["code"], code, "{card}");
        assert_eq!(error["payment_intent"]["payment_method"], Value::Null, "{card}");
        assert_eq!(till.book(), [0, 0, 0, 0], "{card}");
        let order = till.gateway.ledger().order(ORDER);
        assert_eq!((order.confirmed, order.confirms, order.live), (1, 1, 0), "{card}");

        let again = till.say(&post(&intent, "confirm", &[]), at(2));
        assert_eq!(again.status, 400, "{card}: there is no card left to confirm");
        assert_eq!(till.gateway.ledger().order(ORDER).confirms, 1, "{card}");
    }
}

#[test]
fn a_card_that_wants_its_owner_waits_for_an_action_where_asking_is_allowed() {
    let mut till = Till::new();
    let intent = till.created("pm_card_authenticationRequired");
    let body = till.ok(&post(&intent, "confirm", &[]), at(1));
    assert_eq!(body["status"], "requires_action");
    assert_eq!(body["next_action"]["type"], "use_stripe_sdk");
    assert_eq!(till.book(), [0, 0, 0, 0]);
}

#[test]
fn a_hesitating_issuer_leaves_the_intent_processing_and_then_approves() {
    let mut till = Till::new();
    let intent = till.created("pm_card_lookalikeProcessing");
    assert_eq!(till.ok(&post(&intent, "confirm", &[]), at(1))["status"], "processing");
    for what in ["confirm", "capture", "cancel"] {
        let answer = till.say(&post(&intent, what, &[]), at(2));
        assert_eq!(answer.value()["error"]["code"], "payment_intent_unexpected_state", "{what}");
    }
    assert_eq!(till.book(), [0, 0, 0, 0]);
    assert_eq!(till.ok(&look(&intent), at(61))["status"], "requires_capture");
    assert_eq!(till.book(), [2599, 0, 0, 0]);
}

#[test]
fn money_that_nobody_takes_in_time_goes_back_by_itself() {
    let mut till = Till::new();
    let intent = till.authorized("pm_card_visa");
    let due = at(1) + AUTHORIZATION_VALIDITY;
    assert_eq!(till.gateway.next_scheduled(), Some(due));
    assert_eq!(
        till.ok(&look(&intent), due - jiff::SignedDuration::from_secs(1))["status"],
        "requires_capture"
    );

    let body = till.ok(&look(&intent), due);
    assert_eq!(
        (&body["status"], &body["cancellation_reason"]),
        (&json!("canceled"), &json!("automatic"))
    );
    assert_eq!(body["canceled_at"], due.as_second());
    assert_eq!(till.book(), [2599, 0, 2599, 0]);
    assert_eq!(till.say(&post(&intent, "capture", &[]), due).status, 400);
    assert_eq!(till.gateway.next_scheduled(), None);
}

#[test]
fn a_captured_or_cancelled_hold_does_not_lapse() {
    let mut till = Till::new();
    till.captured("pm_card_visa");
    let cancelled = till.authorized("pm_card_visa");
    till.ok(&post(&cancelled, "cancel", &[]), at(3));
    assert_eq!(till.gateway.next_scheduled(), None);
    till.gateway.advance_to(hours(24 * 30));
    assert_eq!(till.book(), [2599 * 2, 2599, 2599, 0]);
}

#[test]
fn an_unconfirmed_intent_is_cancelled_without_any_money_moving() {
    let mut till = Till::new();
    let intent = till.created("pm_card_visa");
    let cancel = post(&intent, "cancel", &[("cancellation_reason", "abandoned")]);
    let body = till.ok(&cancel, at(1));
    assert_eq!(
        (&body["status"], &body["cancellation_reason"]),
        (&json!("canceled"), &json!("abandoned"))
    );
    assert_eq!(till.book(), [0, 0, 0, 0]);
}

/// Every operation, on an intent in every state: the status of the answer.
#[test]
fn confirm_capture_and_cancel_are_each_admitted_by_the_states_that_stripe_names_and_no_other() {
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
        for (what, expected) in ["confirm", "capture", "cancel"].into_iter().zip(expected) {
            let mut till = Till::new();
            let intent = in_state(&mut till, state);
            assert_eq!(till.ok(&look(&intent), at(10))["status"], state);
            let answer = till.say(&post(&intent, what, &[]), at(10));
            assert_eq!(answer.status, expected, "{what} in {state}: {}", answer.value());
            if expected == 400 {
                let error = &answer.value()["error"];
                assert_eq!(error["code"], "payment_intent_unexpected_state", "{what} in {state}");
                assert_eq!(error["payment_intent"]["status"], state, "{what} in {state}");
            }
        }
    }
}

fn in_state(till: &mut Till, state: &str) -> String {
    let intent = till.created(match state {
        "requires_payment_method" => "pm_card_chargeDeclined",
        "requires_action" => "pm_card_authenticationRequired",
        "processing" => "pm_card_lookalikeProcessing",
        _ => "pm_card_visa",
    });
    if state != "requires_confirmation" {
        till.say(&post(&intent, "confirm", &[]), at(1));
    }
    match state {
        "succeeded" => till.ok(&post(&intent, "capture", &[]), at(2)),
        "canceled" => till.ok(&post(&intent, "cancel", &[]), at(2)),
        _ => Value::Null,
    };
    intent
}

#[test]
fn a_capture_of_less_gives_the_rest_back_and_a_capture_of_more_is_refused() {
    let mut till = Till::new();
    let intent = till.authorized("pm_card_visa");
    for wrong in ["2600", "0", "-1", "all"] {
        let answer = till.say(&post(&intent, "capture", &[("amount_to_capture", wrong)]), at(2));
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.value());
    }
    assert_eq!(till.book(), [2599, 0, 0, 0]);
    till.ok(&post(&intent, "capture", &[("amount_to_capture", "2000")]), at(3));
    assert_eq!(till.book(), [2599, 2000, 599, 0]);
}

#[test]
fn an_intent_with_automatic_capture_is_captured_when_it_is_confirmed() {
    let mut till = Till::new();
    let params = [
        ("amount", "500"),
        ("currency", "usd"),
        ("payment_method", "pm_card_visa"),
        ("confirm", "true"),
    ];
    let body = till.ok(&stripe("POST", "/v1/payment_intents", &params), at(0));
    assert_eq!(body["status"], "succeeded");
    assert_eq!(till.gateway.ledger().totals().captured, 500);
}

#[test]
fn refunds_give_back_what_was_captured_and_never_more() {
    let mut till = Till::new();
    let intent = till.captured("pm_card_visa");
    let over = till.say(&refund(&intent, &[("amount", "2600")]), at(3));
    assert_eq!((over.status, &over.value()["error"]["param"]), (400, &json!("amount")));

    let part = till.ok(&refund(&intent, &[("amount", "599")]), at(4));
    assert_eq!((&part["status"], &part["amount"]), (&json!("succeeded"), &json!(599)));
    assert_eq!(till.book(), [2599, 2599, 0, 599]);
    let rest = till.ok(&refund(&intent, &[]), at(5));
    assert_eq!(rest["amount"], 2000);
    assert_eq!(till.book(), [2599, 2599, 0, 2599]);

    let none = till.say(&refund(&intent, &[]), at(6));
    assert_eq!(
        (none.status, &none.value()["error"]["code"]),
        (400, &json!("charge_already_refunded"))
    );
    let charge = &till.ok(&look(&intent), at(7))["latest_charge"];
    assert_eq!((&charge["refunded"], &charge["amount_refunded"]), (&json!(true), &json!(2599)));
}

#[test]
fn what_was_never_captured_cannot_be_refunded() {
    for state in ["requires_confirmation", "requires_capture", "canceled"] {
        let mut till = Till::new();
        let intent = in_state(&mut till, state);
        let answer = till.say(&refund(&intent, &[]), at(9));
        assert_eq!(answer.status, 400, "{state}");
        assert_eq!(till.gateway.ledger().refunds().count(), 0, "{state}");
    }
}

#[test]
fn a_pending_refund_succeeds_later_and_counts_from_the_start() {
    let mut till = Till::new();
    let intent = till.captured("pm_card_pendingRefund");
    let asked = till.ok(&refund(&intent, &[]), at(3));
    assert_eq!(
        (&asked["status"], &asked["pending_reason"]),
        (&json!("pending"), &json!("processing"))
    );
    assert_eq!(till.book(), [2599, 2599, 0, 2599]);
    let path = format!("/v1/refunds/{}", id(&asked));
    assert_eq!(till.ok(&stripe("GET", &path, &[]), hours(1))["status"], "succeeded");
    assert_eq!(till.book(), [2599, 2599, 0, 2599]);
}

#[test]
fn a_refund_that_fails_later_gives_the_money_back_to_the_shop_and_may_be_made_again() {
    let mut till = Till::new();
    let intent = till.captured("pm_card_refundFail");
    assert_eq!(till.ok(&refund(&intent, &[]), at(3))["status"], "succeeded");
    let listed = till.ok(&stripe("GET", "/v1/refunds", &[("payment_intent", &intent)]), hours(1));
    assert_eq!(listed["data"][0]["status"], "failed");
    assert_eq!(listed["data"][0]["failure_reason"], "expired_or_canceled_card");
    assert_eq!(till.book(), [2599, 2599, 0, 0]);
    assert_eq!(till.gateway.ledger().order(ORDER).failed_refunds, 1);
    assert_eq!(till.ok(&refund(&intent, &[]), hours(2))["amount"], 2599);
}

#[test]
fn a_refund_can_be_on_its_way_and_fail_after_all() {
    fn check(card: &str, told_to_fail: bool) {
        let mut till = Till::new();
        let intent = till.captured(card);
        if told_to_fail {
            till.gateway
                .perform(&ControlAction::FailRefund { order: ORDER.to_owned() }, at(2))
                .unwrap();
        }
        assert_eq!(till.ok(&refund(&intent, &[]), at(3))["status"], "pending", "{card}");
        let listed =
            till.ok(&stripe("GET", "/v1/refunds", &[("payment_intent", &intent)]), hours(1));
        assert_eq!(listed["data"][0]["status"], "failed", "{card}");
        assert_eq!(till.book(), [2599, 2599, 0, 0], "{card}");
    }
    check("pm_card_lookalikeRefundPendsThenFails", false);
    check("pm_card_pendingRefund", true);
}

#[test]
fn what_happens_in_the_world_can_be_told_to_the_gateway() {
    let order = || ORDER.to_owned();
    let mut till = Till::new();
    let nothing = till
        .gateway
        .perform(&ControlAction::ExpireAuthorization { order: order() }, at(0))
        .unwrap_err();
    assert_eq!(nothing.to_string(), "order ord_1 has no money held");
    let intent = till.authorized("pm_card_visa");
    till.gateway.perform(&ControlAction::ExpireAuthorization { order: order() }, at(2)).unwrap();
    assert_eq!(till.ok(&look(&intent), at(3))["status"], "canceled");

    let intent = till.captured("pm_card_visa");
    till.gateway.perform(&ControlAction::FailRefund { order: order() }, at(4)).unwrap();
    till.ok(&refund(&intent, &[]), at(5));
    till.gateway.advance_to(hours(1));
    assert!(till.gateway.ledger().refunds().all(|refund| refund.status == RefundStatus::Failed));

    till.gateway.perform(&ControlAction::Dispute { order: order() }, hours(2)).unwrap();
    assert_eq!(till.ok(&look(&intent), hours(2))["latest_charge"]["disputed"], true);
    assert!(
        till.gateway.perform(&ControlAction::RejectRefund { order: order() }, hours(2)).is_err()
    );
}

#[test]
fn a_disputed_card_is_disputed_after_the_capture() {
    let mut till = Till::new();
    let intent = till.captured("pm_card_createDispute");
    assert_eq!(till.ok(&look(&intent), at(10))["latest_charge"]["disputed"], false);
    assert_eq!(till.ok(&look(&intent), hours(2))["latest_charge"]["disputed"], true);
    let events: Vec<_> =
        till.gateway.take_events().into_iter().map(|event| event.event_type).collect();
    assert_eq!(events.last().unwrap(), "charge.dispute.created");
}

#[test]
fn a_secret_that_does_not_look_like_a_test_key_is_refused_and_not_repeated() {
    // Keys in the form of Stripe's, of no account.
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
        let answer = Till::new().say(&call, at(0));
        assert_eq!(answer.status, expected, "{authorization}");
        assert!(!String::from_utf8(answer.body).unwrap().contains("live"), "{authorization}");
    }
    assert_eq!(Till::new().say(&HttpRequest::new("GET", "/v1/payment_intents"), at(0)).status, 401);
}

/// Parameters, and the code and the parameter that the refusal names.
type Wrong = (&'static [(&'static str, &'static str)], &'static str, &'static str);

#[test]
fn wrong_calls_are_refused_by_the_parameter_at_fault() {
    let good = [("amount", "2599"), ("currency", "usd"), ("payment_method", "pm_card_visa")];
    let cases: [Wrong; 12] = [
        (&[("amount", "")], "parameter_missing", "amount"),
        (&[("amount", "12.5")], "parameter_invalid_integer", "amount"),
        (&[("amount", "-5")], "parameter_invalid_integer", "amount"),
        (&[("amount", "49")], "amount_too_small", "amount"),
        (&[("amount", "100000000")], "amount_too_large", "amount"),
        (&[("currency", "")], "parameter_missing", "currency"),
        (&[("currency", "xxx")], "", "currency"),
        (&[("payment_method", "pm_card_nobody")], "resource_missing", "payment_method"),
        (&[("capture_method", "someday")], "", "capture_method"),
        (&[("confirm", "perhaps")], "", "confirm"),
        (&[("colour", "blue")], "parameter_unknown", "colour"),
        (&[("limit[deep]", "1")], "parameter_unknown", "limit"),
    ];
    for (wrong, code, param) in cases {
        let kept = good.iter().filter(|(name, _)| wrong.iter().all(|(other, _)| name != other));
        let params: Vec<_> = kept.chain(wrong).copied().collect();
        let mut till = Till::new();
        let answer = till.say(&stripe("POST", "/v1/payment_intents", &params), at(0));
        let error = &answer.value()["error"];
        assert_eq!(answer.status, 400, "{wrong:?}");
        assert_eq!(error["code"].as_str().unwrap_or(""), code, "{wrong:?}: {error}");
        assert_eq!(error["param"], param, "{wrong:?}: {error}");
        assert_eq!(till.gateway.ledger().intents().count(), 0, "{wrong:?}");
    }
}

#[test]
fn unknown_objects_routes_and_versions_are_refused() {
    let mut till = Till::new();
    let missing = till.say(&look("pi_nobody"), at(0));
    assert_eq!(
        (missing.status, &missing.value()["error"]["code"]),
        (404, &json!("resource_missing"))
    );
    for (method, path) in
        [("GET", "/v1/customers"), ("DELETE", "/v1/payment_intents"), ("POST", "/")]
    {
        assert_eq!(till.say(&stripe(method, path, &[]), at(0)).status, 404, "{method} {path}");
    }
    let call =
        HttpRequest::new("GET", "/v1/payment_intents").header("authorization", "Bearer sk_test_x");
    let old = till.say(&call.header("stripe-version", "2020-08-27"), at(0));
    assert_eq!(old.status, 400);
    let expand =
        stripe("GET", "/v1/payment_intents/pi_nobody", &[("expand[]", "customer.sources")]);
    assert_eq!(till.say(&expand, at(0)).status, 400);
}

#[test]
fn lists_come_newest_first_a_page_at_a_time() {
    let mut till = Till::new();
    let ids: Vec<_> = (0..5).map(|n| id(&till.ok(&create("pm_card_visa"), at(n)))).collect();
    let first = till.ok(&stripe("GET", "/v1/payment_intents", &[("limit", "2")]), at(9));
    assert_eq!((id(&first["data"][0]), id(&first["data"][1])), (ids[4].clone(), ids[3].clone()));
    assert_eq!(first["has_more"], true);
    let next = [("limit", "100"), ("starting_after", ids[3].as_str())];
    let rest = till.ok(&stripe("GET", "/v1/payment_intents", &next), at(9));
    assert_eq!(rest["data"].as_array().unwrap().len(), 3);
    assert_eq!(rest["has_more"], false);
    let since = at(3).as_second().to_string();
    let young = till.ok(&stripe("GET", "/v1/payment_intents", &[("created[gte]", &since)]), at(9));
    assert_eq!(young["data"].as_array().unwrap().len(), 2);
    assert_eq!(
        till.say(&stripe("GET", "/v1/payment_intents", &[("limit", "0")]), at(9)).status,
        400
    );
}

#[test]
fn the_ledger_is_shown_by_order_and_in_all() {
    let mut till = Till::new();
    till.captured("pm_card_visa");
    let other = [
        ("amount", "700"),
        ("currency", "usd"),
        ("payment_method", "pm_card_visa"),
        ("metadata[order_id]", "ord_2"),
    ];
    let other = id(&till.ok(&stripe("POST", "/v1/payment_intents", &other), at(3)));
    till.ok(&post(&other, "confirm", &[]).header("idempotency-key", "ord_2:confirm:1"), at(4));

    let all = till.gateway.ledger_json(None);
    assert_eq!(
        all["totals"],
        json!({ "authorized": 3299, "captured": 3299, "voided": 0, "refunded": 0 })
    );
    assert_eq!(all["intents"].as_array().unwrap().len(), 2);
    let one = till.gateway.ledger_json(Some("ord_2"));
    assert_eq!(one["totals"]["captured"], 700);
    assert_eq!(one["intents"].as_array().unwrap().len(), 1);
    assert_eq!(one["intents"][0]["history"][1]["key"], "ord_2:confirm:1");
    assert_eq!(one["orders"]["ord_2"]["confirmed"], 1);
    assert_eq!(till.gateway.ledger_json(Some("ord_nobody"))["totals"]["captured"], 0);
    assert!(till.gateway.ledger().intents().all(|intent| intent.status == IntentStatus::Succeeded));
}

#[test]
fn the_same_calls_at_the_same_times_give_the_same_bytes() {
    let run = || {
        let mut till = Till::new();
        let intent = till.captured("pm_card_visa");
        till.say(&refund(&intent, &[]), at(5));
        (till.say(&look(&intent), at(6)), till.gateway.take_events())
    };
    assert_eq!(run(), run());
}
