//! The gateway over its wire: every request is one that the gateway's document
//! describes, every recorded answer is sorted as it must be.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use domain::payment::{PaymentIntent, PaymentIntentState, RiskLevel};
use domain::ports::{
    CallOutcome, Method, PaymentIntentRequest, PaymentProvider, PaymentRejection, RefundState,
    Request, Response, TransportError,
};
use domain::{Currency, Money, PaymentIntentId, Private};
use serde_json::{Value, json};
use stripe::{API_VERSION, Stripe};
use testing::fakes::run;
use testing::samples;

use crate::openapi;
use testing::contracts::contracts;
use testing::transport::FixedTransport;

const KEY: &str = "sk_test_canary";

fn gateway(answer: Result<Response, TransportError>) -> (Stripe<FixedTransport>, FixedTransport) {
    let wire = FixedTransport { response: answer, requests: Arc::default() };
    let key = Private::new(KEY.to_owned());
    (Stripe::new(wire.clone(), "https://api.stripe.com", key), wire)
}

fn answer(status: u16, headers: &[(&str, &str)], body: &Value) -> Response {
    let headers = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Response { status, headers, body: body.to_string().into_bytes() }
}

fn id() -> PaymentIntentId {
    PaymentIntentId::parse("pi_1PgafyB7WZ01zgkWSjxsAJo3").unwrap()
}

fn read(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Every request that the function can make.
fn every_request() -> Vec<Request> {
    let (stripe, wire) = gateway(Err(TransportError::NotSent("a test".into())));
    let order = samples::received();
    let customer = Private::new("cus_1".to_owned());
    let plain = PaymentIntentRequest {
        order_id: &order.order_id,
        amount: order.total,
        payment_method: &order.payment_method,
        payment_customer: None,
    };
    let saved = PaymentIntentRequest { payment_customer: Some(&customer), ..plain.clone() };
    run(async {
        let _ = stripe.create(&plain, &order.payment_idempotency_key("create")).await;
        let _ = stripe.create(&saved, &order.payment_idempotency_key("create")).await;
        let _ = stripe.confirm(&id(), false, &order.payment_idempotency_key("confirm")).await;
        let _ = stripe.confirm(&id(), true, &order.payment_idempotency_key("confirm")).await;
        let _ = stripe.capture(&id(), &order.payment_idempotency_key("capture")).await;
        let _ = stripe.cancel(&id(), &order.payment_idempotency_key("cancel")).await;
        let _ = stripe.refund(&id(), &order.payment_idempotency_key("refund")).await;
        let _ = stripe.refunds(&id()).await;
        let _ = stripe.retrieve(&id()).await;
    })
    .unwrap();
    let asked = wire.requests.lock().unwrap();
    asked.clone()
}

#[test]
fn every_request_is_one_that_the_gateway_describes() {
    let Some(folder) = contracts("stripe") else { return };
    let spec = read(folder.join("openapi-subset.2023-08-16.json"));
    for request in every_request() {
        let fault = openapi::fault_of(&spec, &request);
        assert_eq!(fault, None, "{request:?}");
    }
}

#[test]
fn a_request_is_the_same_to_the_byte_in_every_release() {
    let form = |request: &Request| String::from_utf8(request.body.clone()).unwrap();
    let seen: Vec<_> = every_request()
        .iter()
        .map(|request| {
            let path = request.url.strip_prefix("https://api.stripe.com/v1/").unwrap();
            format!("{:?} {path} {}", request.method, form(request)).replace(id().as_str(), "ID")
        })
        .collect();
    let order = samples::received().order_id;
    let create = format!(
        "Post payment_intents amount=4499&currency=usd&payment_method=pm_card_visa\
         &capture_method=manual&automatic_payment_methods%5Benabled%5D=true\
         &automatic_payment_methods%5Ballow_redirects%5D=never&metadata%5Border_id%5D={order}"
    );
    let confirm = "Post payment_intents/ID/confirm \
                   error_on_requires_action=true&expand%5B%5D=latest_charge";
    assert_eq!(
        seen,
        [
            create.clone(),
            format!("{create}&customer=cus_1"),
            confirm.to_owned(),
            format!("{confirm}&off_session=true"),
            "Post payment_intents/ID/capture ".to_owned(),
            "Post payment_intents/ID/cancel ".to_owned(),
            "Post refunds payment_intent=ID".to_owned(),
            "Get refunds?payment_intent=ID&limit=100 ".to_owned(),
            "Get payment_intents/ID?expand%5B%5D=latest_charge ".to_owned(),
        ]
    );
}

#[test]
fn every_request_names_key_and_version_and_every_post_its_idempotency_key() {
    for request in every_request() {
        let header = |name: &str| {
            let found = request.headers.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.clone())
        };
        assert_eq!(header("authorization"), Some(format!("Bearer {KEY}")));
        assert_eq!(header("stripe-version").as_deref(), Some(API_VERSION));
        let key = header("idempotency-key");
        assert_eq!(key.is_some(), request.method == Method::Post, "{request:?}");
        assert!(key.is_none_or(|key| key.len() <= 255 && key.ends_with(":1")));
        let form = Some("application/x-www-form-urlencoded".to_owned());
        let expected = if request.method == Method::Post { form } else { None };
        assert_eq!(header("content-type"), expected);
    }
}

/// An answer to a call about an intent, in a word.
fn word(called: &CallOutcome<PaymentIntent, PaymentRejection>) -> String {
    match called {
        CallOutcome::Succeeded(intent) => format!("done {:?}", intent.state),
        CallOutcome::Rejected(PaymentRejection::Declined { code }) => format!("declined {code}"),
        CallOutcome::Rejected(PaymentRejection::UnexpectedState(intent)) => {
            format!("wrong {:?}", intent.state)
        }
        CallOutcome::Rejected(PaymentRejection::NotFound) => "not found".to_owned(),
        CallOutcome::Rejected(PaymentRejection::Misconfigured(_)) => "misconfigured".to_owned(),
        CallOutcome::NotSent(_) => "not begun".to_owned(),
        CallOutcome::Unknown(_) => "unknown".to_owned(),
    }
}

fn confirmed(
    answer: Result<Response, TransportError>,
) -> CallOutcome<PaymentIntent, PaymentRejection> {
    let (stripe, _) = gateway(answer);
    run(stripe.confirm(&id(), false, "key")).unwrap()
}

/// What each recorded answer means; the two that hold a refund are read as such.
const RECORDED: [(&str, &str); 17] = [
    ("api_error_500", "unknown"),
    ("bad_key", "misconfigured"),
    ("cancel_canceled", "done Canceled"),
    ("capture_succeeded", "done Succeeded"),
    ("capture_wrong_state", "wrong Canceled"),
    ("create_replayed", "done RequiresCapture"),
    ("create_requires_capture", "done RequiresCapture"),
    ("declined_authentication_required", "declined authentication_required"),
    ("declined_generic_decline", "declined generic_decline"),
    ("declined_insufficient_funds", "declined insufficient_funds"),
    ("declined_lost_card", "declined generic_decline"),
    ("idempotency_in_use", "not begun"),
    ("idempotency_mismatch", "misconfigured"),
    ("lock_timeout", "not begun"),
    ("rate_limit", "not begun"),
    ("refund_already_refunded", "misconfigured"),
    ("resource_missing", "not found"),
];

fn recorded(path: PathBuf) -> Response {
    let file = read(path);
    let headers = file["headers"].as_object().unwrap().iter();
    Response {
        status: file["status"].as_u64().unwrap().try_into().unwrap(),
        headers: headers.map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned())).collect(),
        body: file["body"].to_string().into_bytes(),
    }
}

#[test]
fn every_recorded_answer_is_sorted_as_it_must_be() {
    let Some(folder) = contracts("stripe") else { return };
    let mut seen = 0;
    for entry in fs::read_dir(folder.join("responses")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        seen += 1;
        if matches!(name.as_str(), "refund_pending" | "refund_succeeded") {
            let (stripe, _) = gateway(Ok(recorded(path)));
            let refund = run(stripe.refund(&id(), "key")).unwrap();
            let pending = name == "refund_pending";
            let expected = if pending { RefundState::Pending } else { RefundState::Succeeded };
            assert_eq!(refund, CallOutcome::Succeeded(expected), "{name}");
            continue;
        }
        let expected = RECORDED.iter().find(|(recorded, _)| *recorded == name);
        let (_, expected) = expected.unwrap_or_else(|| panic!("{name} has no expectation"));
        assert_eq!(word(&confirmed(Ok(recorded(path)))), *expected, "{name}");
    }
    assert!(seen >= 19, "only {seen} recordings");
}

#[test]
fn the_recorded_intent_is_read_whole() {
    let Some(folder) = contracts("stripe") else { return };
    let response = recorded(folder.join("responses/create_requires_capture.json"));
    let CallOutcome::Succeeded(intent) = confirmed(Ok(response)) else { panic!("not done") };
    let expected = PaymentIntent {
        id: id(),
        state: PaymentIntentState::RequiresCapture,
        amount: Money::new(2599, Currency::Usd),
        refunded_minor: 0,
        capture_before: None,
        risk: RiskLevel::Normal,
        disputed: false,
    };
    assert_eq!(intent, expected);
}

#[test]
fn a_charge_tells_whether_the_customer_disputes_it() {
    for disputed in [false, true] {
        let change = |charge: &mut Value| charge["disputed"] = json!(disputed);
        let Some(response) = with_charge(change) else { return };
        let CallOutcome::Succeeded(intent) = confirmed(Ok(response)) else { panic!("not done") };
        assert_eq!(intent.disputed, disputed);
    }
}

/// The recorded charge, expanded in an intent, with what decides anything in it.
fn with_charge(change: impl Fn(&mut Value)) -> Option<Response> {
    let folder = contracts("stripe")?;
    let mut expanded = read(folder.join("fixtures.2026-08.json"))["resources"]["charge"].clone();
    change(&mut expanded);
    let mut intent = read(folder.join("responses/capture_succeeded.json"))["body"].clone();
    intent["latest_charge"] = expanded;
    Some(answer(200, &[], &intent))
}

#[test]
fn an_expanded_charge_tells_the_lapse_the_risk_and_what_went_back() {
    let check = |change: fn(&mut Value), lapse: Option<&str>, risk, refunded| {
        let Some(response) = with_charge(change) else { return };
        let CallOutcome::Succeeded(intent) = confirmed(Ok(response)) else { panic!("not done") };
        assert_eq!(intent.capture_before, lapse.map(|at| at.parse().unwrap()));
        assert_eq!((intent.risk, intent.refunded_minor), (risk, refunded));
    };
    check(|_| {}, None, RiskLevel::Normal, 0);
    check(|charge| charge["amount_refunded"] = json!(2599), None, RiskLevel::Normal, 2599);
    for (level, risk) in [
        ("normal", RiskLevel::Normal),
        ("not_assessed", RiskLevel::Normal),
        ("elevated", RiskLevel::Elevated),
    ] {
        let Some(response) = with_charge(|c| c["outcome"]["risk_level"] = json!(level)) else {
            return;
        };
        let CallOutcome::Succeeded(intent) = confirmed(Ok(response)) else { panic!("not done") };
        assert_eq!(intent.risk, risk, "{level}");
    }
    check(
        |charge| charge["outcome"]["risk_level"] = json!("highest"),
        None,
        RiskLevel::Elevated,
        0,
    );
    check(
        |charge| charge["payment_method_details"]["card"]["capture_before"] = json!(1_795_405_999),
        Some("2026-11-23T03:53:19Z"),
        RiskLevel::Normal,
        0,
    );
}

fn error(kind: &str, code: Option<&str>) -> Value {
    json!({"error": {"type": kind, "code": code, "message": "sk_test_canary of Ada"}})
}

#[test]
fn an_answer_is_sorted_by_what_it_says_about_the_effect() {
    let check = |status, headers: &[(&str, &str)], body: &Value, expected: &str| {
        let called = confirmed(Ok(answer(status, headers, body)));
        assert_eq!(word(&called), expected, "{status} {headers:?} {body}");
        assert!(!format!("{called:?}").contains("canary"), "{called:?}");
    };
    let invalid = |code| error("invalid_request_error", code);
    let retry = [("stripe-should-retry", "true")];
    let stop = [("stripe-should-retry", "false")];
    // Nobody knows.
    check(500, &[], &error("api_error", None), "unknown");
    check(500, &retry, &error("api_error", None), "unknown");
    check(500, &stop, &json!("<html>"), "unknown");
    check(503, &[], &Value::Null, "unknown");
    check(302, &[], &Value::Null, "unknown");
    check(100, &[], &Value::Null, "unknown");
    check(200, &[], &Value::Null, "unknown");
    check(200, &[], &json!({"id": "pi_1"}), "unknown");
    let odd = json!({"id": "pi_1", "status": "on_fire", "amount": 1, "currency": "usd"});
    check(200, &[], &odd, "unknown");
    check(400, &[], &invalid(Some("payment_intent_unexpected_state")), "unknown");
    // Surely nothing happened.
    check(409, &[], &invalid(Some("lock_timeout")), "not begun");
    check(409, &[], &error("idempotency_error", Some("idempotency_key_in_use")), "not begun");
    check(429, &[], &json!([]), "not begun");
    check(400, &retry, &invalid(None), "not begun");
    // Final.
    check(409, &stop, &invalid(None), "misconfigured");
    check(400, &[], &invalid(Some("parameter_unknown")), "misconfigured");
    check(400, &[], &error("idempotency_error", None), "misconfigured");
    check(401, &[], &invalid(None), "misconfigured");
    check(403, &[], &invalid(None), "misconfigured");
    check(418, &[], &Value::Null, "misconfigured");
    check(404, &[], &invalid(Some("resource_missing")), "not found");
    check(402, &[], &error("card_error", Some("expired_card")), "declined expired_card");
    check(402, &retry, &error("card_error", Some("expired_card")), "declined expired_card");
    check(402, &[], &json!("<html>"), "declined generic_decline");
    check(400, &[], &error("card_error", Some("invalid_cvc")), "declined invalid_cvc");
    let foreign = json!({"id": "pi_1", "status": "succeeded", "amount": 1, "currency": "inr"});
    check(200, &[], &foreign, "misconfigured");
    let nameless = json!({"id": "ch_1", "status": "succeeded", "amount": 1, "currency": "usd"});
    check(200, &[], &nameless, "misconfigured");
}

#[test]
fn no_answer_is_not_begun_only_when_nothing_was_sent() {
    let check = |failed, expected: &str| assert_eq!(word(&confirmed(Err(failed))), expected);
    check(TransportError::NotSent("refused".into()), "not begun");
    check(TransportError::NoResponse("timed out".into()), "unknown");
}

#[test]
fn a_card_that_is_lost_or_stolen_or_a_fraud_is_declined_without_saying_so() {
    let check = |decline: &str, expected: &str| {
        let body = json!({"error": {
            "type": "card_error", "code": "card_declined", "decline_code": decline,
        }});
        let called = confirmed(Ok(answer(402, &[], &body)));
        assert_eq!(word(&called), format!("declined {expected}"));
    };
    for secret in [
        "lost_card",
        "stolen_card",
        "fraudulent",
        "merchant_blacklist",
        "pickup_card",
        "restricted_card",
        "security_violation",
        "a_code_of_next_year",
    ] {
        check(secret, "generic_decline");
    }
    check("insufficient_funds", "insufficient_funds");
    check("generic_decline", "generic_decline");
}

#[test]
fn refunds_are_read_in_the_gateways_order() {
    let states = ["pending", "succeeded", "failed", "canceled", "requires_action"];
    let data: Vec<_> = states.map(|status| json!({"id": "re_1", "status": status})).into();
    let (stripe, _) = gateway(Ok(answer(200, &[], &json!({"data": data, "has_more": false}))));
    let failed = RefundState::Failed;
    let expected = vec![RefundState::Pending, RefundState::Succeeded, failed, failed, failed];
    assert_eq!(run(stripe.refunds(&id())).unwrap(), CallOutcome::Succeeded(expected));
}

#[test]
fn nothing_private_is_in_a_debug_print() {
    let (stripe, _) = gateway(Ok(answer(200, &[], &Value::Null)));
    for request in every_request() {
        let print = format!("{request:?} {stripe:?}");
        assert!(!print.contains("canary") && !print.contains("pm_card"), "{print}");
    }
}
