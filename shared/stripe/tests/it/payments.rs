//! Payments: the requests that are sent, and how each response is classified.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use domain::payment::{PaymentIntent, PaymentIntentState, RiskLevel};
use domain::ports::{
    ApiKey, CallOutcome, Method, PaymentCustomer, PaymentIntentRequest, PaymentProvider,
    PaymentRejection, RefundState, Request, Response, TransportError,
};
use domain::{Currency, Money, PaymentIntentId, Private};
use serde_json::{Value, json};
use stripe::{API_VERSION, Stripe};
use testing::contracts::contracts;
use testing::fakes::run;
use testing::samples;
use testing::transport::FixedTransport;

use crate::openapi;

const KEY: &str = "sk_test_canary";

fn stripe_with(
    response: Result<Response, TransportError>,
) -> (Stripe<FixedTransport, ApiKey>, FixedTransport) {
    let transport = FixedTransport { response, requests: Arc::default() };
    let key = ApiKey::test(KEY);
    (Stripe::new(transport.clone(), "https://api.stripe.com", key), transport)
}

fn response(status: u16, headers: &[(&str, &str)], body: &Value) -> Response {
    let headers = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Response { status, headers, body: body.to_string().into_bytes() }
}

fn id() -> PaymentIntentId {
    PaymentIntentId::parse("pi_1PgafyB7WZ01zgkWSjxsAJo3").unwrap()
}

fn read(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// One request of each kind that the functions send.
fn every_request() -> Vec<Request> {
    let (stripe, transport) = stripe_with(Err(TransportError::NotSent("a test".into())));
    let order = samples::received();
    let customer = Private::new("cus_1".to_owned());
    let plain = PaymentIntentRequest {
        order_id: &order.order_id,
        amount: order.total,
        payment_method: order.payment_method.as_ref().unwrap(),
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
    let requests = transport.requests.lock().unwrap();
    requests.clone()
}

#[test]
fn every_request_matches_the_openapi_document() {
    let Some(folder) = contracts("stripe") else { return };
    let spec = read(folder.join("openapi-subset.2023-08-16.json"));
    for request in every_request() {
        let violation = openapi::violation(&spec, &request);
        assert_eq!(violation, None, "{request:?}");
    }
}

#[test]
fn every_request_is_identical_in_every_release() {
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
fn every_request_has_the_key_and_version_and_every_post_an_idempotency_key() {
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

/// An outcome about an intent, in a few words.
fn description(outcome: &CallOutcome<PaymentIntent, PaymentRejection>) -> String {
    match outcome {
        CallOutcome::Succeeded(intent) => format!("succeeded {:?}", intent.state),
        CallOutcome::Rejected(PaymentRejection::Declined { code }) => format!("declined {code}"),
        CallOutcome::Rejected(PaymentRejection::UnexpectedState(intent)) => {
            format!("unexpected {:?}", intent.state)
        }
        CallOutcome::Rejected(PaymentRejection::NotFound) => "not found".to_owned(),
        CallOutcome::Rejected(PaymentRejection::Account(problem)) => format!("account: {problem}"),
        CallOutcome::Rejected(PaymentRejection::Misconfigured(_)) => "misconfigured".to_owned(),
        CallOutcome::NotSent(_) => "not sent".to_owned(),
        CallOutcome::Throttled(reason) => format!("throttled: {reason}"),
        CallOutcome::Unknown(_) => "unknown".to_owned(),
    }
}

fn confirmed(
    response: Result<Response, TransportError>,
) -> CallOutcome<PaymentIntent, PaymentRejection> {
    let (stripe, _) = stripe_with(response);
    run(stripe.confirm(&id(), false, "key")).unwrap()
}

/// The outcome of each recorded response, except the two that are refunds.
const RECORDED: [(&str, &str); 17] = [
    ("api_error_500", "unknown"),
    ("bad_key", "account: KEY_REJECTED"),
    ("cancel_canceled", "succeeded Canceled"),
    ("capture_succeeded", "succeeded Succeeded"),
    ("capture_wrong_state", "unexpected Canceled"),
    ("create_replayed", "succeeded RequiresCapture"),
    ("create_requires_capture", "succeeded RequiresCapture"),
    ("declined_authentication_required", "declined authentication_required"),
    ("declined_generic_decline", "declined generic_decline"),
    ("declined_insufficient_funds", "declined insufficient_funds"),
    ("declined_lost_card", "declined generic_decline"),
    ("idempotency_in_use", "not sent"),
    ("idempotency_mismatch", "misconfigured"),
    ("lock_timeout", "throttled: answered 429 lock_timeout"),
    ("rate_limit", "throttled: answered 429 rate_limit"),
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
fn every_recorded_response_is_classified_correctly() {
    let Some(folder) = contracts("stripe") else { return };
    let mut seen = 0;
    for entry in fs::read_dir(folder.join("responses")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        seen += 1;
        if matches!(name.as_str(), "refund_pending" | "refund_succeeded") {
            let (stripe, _) = stripe_with(Ok(recorded(path)));
            let refund = run(stripe.refund(&id(), "key")).unwrap();
            let pending = name == "refund_pending";
            let expected = if pending { RefundState::Pending } else { RefundState::Succeeded };
            assert_eq!(refund, CallOutcome::Succeeded(expected), "{name}");
            continue;
        }
        let expected = RECORDED.iter().find(|(recorded, _)| *recorded == name);
        let (_, expected) = expected.unwrap_or_else(|| panic!("{name} has no expectation"));
        assert_eq!(description(&confirmed(Ok(recorded(path)))), *expected, "{name}");
    }
    assert!(seen >= 19, "only {seen} recordings");
}

#[test]
fn every_field_of_the_recorded_intent_is_read() {
    let Some(folder) = contracts("stripe") else { return };
    let response = recorded(folder.join("responses/create_requires_capture.json"));
    let CallOutcome::Succeeded(intent) = confirmed(Ok(response)) else { panic!("not succeeded") };
    let expected = PaymentIntent {
        id: id(),
        state: PaymentIntentState::RequiresCapture,
        amount: Money::new(2599, Currency::Usd),
        received_minor: 0,
        refunded_minor: 0,
        capture_before: None,
        risk: RiskLevel::Normal,
        disputed: false,
    };
    assert_eq!(intent, expected);
}

#[test]
fn the_intent_shows_how_much_was_captured() {
    let Some(folder) = contracts("stripe") else { return };
    let captured = read(folder.join("responses/capture_succeeded.json"))["body"].clone();
    for (received, is_full) in [(captured["amount"].as_u64().unwrap(), true), (1, false)] {
        let mut intent = captured.clone();
        intent["amount_received"] = json!(received);
        let CallOutcome::Succeeded(intent) = confirmed(Ok(response(200, &[], &intent))) else {
            panic!("not succeeded")
        };
        assert_eq!((intent.received_minor, intent.is_captured_in_full()), (received, is_full));
    }
}

#[test]
fn the_charge_shows_whether_the_customer_disputes_it() {
    for disputed in [false, true] {
        let change = |charge: &mut Value| charge["disputed"] = json!(disputed);
        let Some(response) = with_charge(change) else { return };
        let CallOutcome::Succeeded(intent) = confirmed(Ok(response)) else {
            panic!("not succeeded")
        };
        assert_eq!(intent.disputed, disputed);
    }
}

/// A recorded intent with the recorded charge, changed, as its latest charge.
fn with_charge(change: impl Fn(&mut Value)) -> Option<Response> {
    let folder = contracts("stripe")?;
    let mut latest = read(folder.join("fixtures.2026-08.json"))["resources"]["charge"].clone();
    change(&mut latest);
    let mut intent = read(folder.join("responses/capture_succeeded.json"))["body"].clone();
    intent["latest_charge"] = latest;
    Some(response(200, &[], &intent))
}

#[test]
fn an_expanded_charge_shows_the_capture_deadline_the_risk_and_the_refunded_amount() {
    let check = |change: fn(&mut Value), deadline: Option<&str>, risk, refunded| {
        let Some(response) = with_charge(change) else { return };
        let CallOutcome::Succeeded(intent) = confirmed(Ok(response)) else {
            panic!("not succeeded")
        };
        assert_eq!(intent.capture_before, deadline.map(|at| at.parse().unwrap()));
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
        let CallOutcome::Succeeded(intent) = confirmed(Ok(response)) else {
            panic!("not succeeded")
        };
        assert_eq!(intent.risk, risk, "{level}");
    }
    check(
        |charge| charge["outcome"]["type"] = json!("manual_review"),
        None,
        RiskLevel::ManualReview,
        0,
    );
    check(|charge| charge["review"] = json!("prv_1"), None, RiskLevel::ManualReview, 0);
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
fn a_response_is_classified_by_what_it_says_about_the_effect() {
    let check = |status, headers: &[(&str, &str)], body: &Value, expected: &str| {
        let outcome = confirmed(Ok(response(status, headers, body)));
        assert_eq!(description(&outcome), expected, "{status} {headers:?} {body}");
        assert!(!format!("{outcome:?}").contains("canary"), "{outcome:?}");
    };
    let invalid = |code| error("invalid_request_error", code);
    let retry = [("stripe-should-retry", "true")];
    let stop = [("stripe-should-retry", "false")];
    // The effect is unknown.
    check(500, &[], &error("api_error", None), "unknown");
    check(500, &retry, &error("api_error", None), "unknown");
    check(500, &stop, &json!("<html>"), "unknown");
    check(503, &[], &Value::Null, "unknown");
    check(302, &[], &Value::Null, "unknown");
    check(100, &[], &Value::Null, "unknown");
    check(200, &[], &Value::Null, "unknown");
    check(200, &[], &json!({"id": "pi_1"}), "unknown");
    let unknown_status = json!({"id": "pi_1", "status": "on_fire", "amount": 1, "currency": "usd"});
    check(200, &[], &unknown_status, "unknown");
    check(400, &[], &invalid(Some("payment_intent_unexpected_state")), "unknown");
    // The call certainly took no effect.
    check(409, &[], &invalid(Some("lock_timeout")), "not sent");
    check(409, &[], &error("idempotency_error", Some("idempotency_key_in_use")), "not sent");
    check(429, &[], &json!([]), "throttled: answered 429");
    let locked = json!({"error": {"code": "lock_timeout", "type": "invalid_request_error"}});
    check(429, &[], &locked, "throttled: answered 429 lock_timeout");
    // Stripe advises against a quick retry of a rate limit.
    check(429, &[("stripe-should-retry", "false")], &json!([]), "throttled: answered 429");
    check(400, &retry, &invalid(None), "not sent");
    // The call was rejected.
    check(409, &stop, &invalid(None), "misconfigured");
    check(400, &[], &invalid(Some("parameter_unknown")), "misconfigured");
    check(400, &[], &error("idempotency_error", None), "misconfigured");
    check(401, &[], &invalid(None), "account: KEY_REJECTED");
    check(402, &[], &invalid(None), "account: WALLET_EMPTY");
    check(403, &[], &invalid(None), "account: ACCESS_DENIED");
    check(418, &[], &Value::Null, "misconfigured");
    check(404, &[], &invalid(Some("resource_missing")), "not found");
    check(402, &[], &error("card_error", Some("expired_card")), "declined expired_card");
    check(402, &retry, &error("card_error", Some("expired_card")), "declined expired_card");
    check(402, &[], &json!("<html>"), "declined generic_decline");
    check(400, &[], &error("card_error", Some("invalid_cvc")), "declined invalid_cvc");
    let unsupported_currency =
        json!({"id": "pi_1", "status": "succeeded", "amount": 1, "currency": "inr"});
    check(200, &[], &unsupported_currency, "misconfigured");
    let wrong_id = json!({"id": "ch_1", "status": "succeeded", "amount": 1, "currency": "usd"});
    check(200, &[], &wrong_id, "misconfigured");
}

#[test]
fn without_a_response_the_outcome_is_unknown_unless_nothing_was_sent() {
    let check = |failed, expected: &str| assert_eq!(description(&confirmed(Err(failed))), expected);
    check(TransportError::NotSent("refused".into()), "not sent");
    check(TransportError::NoResponse("timed out".into()), "unknown");
}

#[test]
fn the_customer_is_not_told_that_a_card_is_lost_stolen_or_suspected_of_fraud() {
    let check = |decline_code: &str, expected: &str| {
        let body = json!({"error": {
            "type": "card_error", "code": "card_declined", "decline_code": decline_code,
        }});
        let outcome = confirmed(Ok(response(402, &[], &body)));
        assert_eq!(description(&outcome), format!("declined {expected}"));
    };
    for hidden in [
        "lost_card",
        "stolen_card",
        "fraudulent",
        "merchant_blacklist",
        "pickup_card",
        "restricted_card",
        "security_violation",
        "a_code_added_later",
    ] {
        check(hidden, "generic_decline");
    }
    check("insufficient_funds", "insufficient_funds");
    check("generic_decline", "generic_decline");
}

#[test]
fn refunds_are_read_in_the_order_of_the_list() {
    let states = ["pending", "succeeded", "failed", "canceled", "requires_action"];
    let data: Vec<_> = states.map(|status| json!({"id": "re_1", "status": status})).into();
    let (stripe, _) =
        stripe_with(Ok(response(200, &[], &json!({"data": data, "has_more": false}))));
    let failed = RefundState::Failed;
    let expected = vec![RefundState::Pending, RefundState::Succeeded, failed, failed, failed];
    assert_eq!(run(stripe.refunds(&id())).unwrap(), CallOutcome::Succeeded(expected));
}

#[test]
fn a_customer_shows_which_customer_of_the_shop_it_is() {
    let read = |id: &str, status: u16, body: &Value| {
        let (stripe, _) = stripe_with(Ok(response(status, &[], body)));
        run(stripe.customer(&Private::new(id.to_owned()))).unwrap()
    };
    let known = |customer_id: Option<&str>| {
        CallOutcome::Succeeded(PaymentCustomer { customer_id: customer_id.map(str::to_owned) })
    };
    let unknown = CallOutcome::Rejected(PaymentRejection::NotFound);
    let customer = json!({"id": "cus_1", "metadata": {"customer_id": "ada", "other": "1"}});
    assert_eq!(read("cus_1", 200, &customer), known(Some("ada")));
    assert_eq!(read("cus_1", 200, &json!({"id": "cus_1", "metadata": {}})), known(None));
    assert_eq!(read("cus_1", 200, &json!({"id": "cus_1", "deleted": true})), unknown);
    assert_eq!(read("../cus_1", 200, &customer), unknown);
    let missing = error("invalid_request_error", Some("resource_missing"));
    assert_eq!(read("cus_1", 404, &missing), unknown);
}

#[test]
fn debug_output_contains_no_private_data() {
    let (stripe, _) = stripe_with(Ok(response(200, &[], &Value::Null)));
    for request in every_request() {
        let output = format!("{request:?} {stripe:?}");
        assert!(!output.contains("canary") && !output.contains("pm_card"), "{output}");
    }
}
