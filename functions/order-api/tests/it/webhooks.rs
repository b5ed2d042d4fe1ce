//! A webhook that its provider did not sign changes nothing; a signed one only makes
//! the reconciler inspect the order.

use std::sync::Arc;

use crate::support::{
    EASYPOST, STRIPE, TestApi, TestBed, TestRequest, TestResponse, TestSettings, hmac, keys, send,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::ports::ProviderMode;
use domain::{Order, Timestamp};
use serde_json::{Value, json};
use testing::samples;
use unicode_normalization::UnicodeNormalization as _;

/// An hour after the sample order was placed.
fn now() -> Timestamp {
    samples::placed_at().plus_hours(1)
}

fn post(path: &str, body: &str) -> TestRequest {
    TestRequest::new("POST", path).at(now()).text(body)
}

/// An event of Stripe, signed with this secret at this time.
fn stripe_at(body: &str, secret: &str, at: Timestamp) -> TestRequest {
    let time = at.to_jiff().as_second();
    let signature = hmac(secret, format!("{time}.{body}").as_bytes());
    post("/webhooks/stripe", body).header("stripe-signature", &format!("t={time},v1={signature}"))
}

fn stripe(body: &Value) -> TestRequest {
    stripe_at(&body.to_string(), STRIPE[0], now())
}

/// An event of EasyPost, signed with this secret.
fn easypost_with(body: &str, secret: &str) -> TestRequest {
    let secret: String = secret.nfkd().collect();
    let signature = format!("hmac-sha256-hex={}", hmac(&secret, body.as_bytes()));
    post("/webhooks/easypost", body).header("x-hmac-signature", &signature)
}

fn easypost(body: &Value) -> TestRequest {
    easypost_with(&body.to_string(), EASYPOST[0])
}

/// A dispute of the sample order's charge.
fn dispute(id: &str) -> Value {
    json!({
        "id": id, "object": "event", "type": "charge.dispute.created", "livemode": false,
        "created": 1, "data": {"object": {
            "id": "du_1", "object": "dispute", "payment_intent": "pi_sample", "amount": 4499,
        }},
    })
}

/// A tracker update of the sample order's shipment.
fn tracker(id: &str) -> Value {
    json!({
        "id": id, "object": "Event", "description": "tracker.updated", "mode": "test",
        "result": {"id": "trk_1", "object": "Tracker", "status": "in_transit",
            "shipment_id": "shp_sample"},
    })
}

/// The sample order as it is recorded.
fn order(api: &TestApi) -> Order {
    api.orders.order(&samples::fulfilled().order_id).unwrap()
}

/// A shop whose sample order is fulfilled and finalized.
fn finalized_shop() -> TestApi {
    TestBed::with(&Order { open: None, check_at: None, ..samples::fulfilled() })
}

#[track_caller]
fn assert_received(response: &TestResponse) {
    assert_eq!(
        (response.status, &response.body),
        (200, &json!({"received": true})),
        "{}",
        response.text
    );
}

/// Whether the request makes an inspection of the finalized sample order due now.
async fn triggers_inspection(request: TestRequest) -> bool {
    let api = finalized_shop();
    assert_received(&send(&api, request).await);
    let order = order(&api);
    assert_eq!(order.check_at.is_some(), order.open.is_some());
    order.check_at == Some(now())
}

#[tokio::test]
async fn an_event_makes_an_inspection_due_now_and_changes_nothing_else() {
    for request in [stripe(&dispute("evt_1")), easypost(&tracker("evt_1"))] {
        let api = finalized_shop();
        let before = order(&api);
        assert_received(&send(&api, request).await);
        let after = order(&api);
        assert_eq!(after.check_at, Some(now()));
        assert!(after.open.is_some(), "the finalized order is open again");
        assert_eq!(after.version, before.version + 1);
        assert_eq!(
            (after.status, &after.timeline, &after.payment, &after.shipment, after.attention),
            (before.status, &before.timeline, &before.payment, &before.shipment, before.attention),
            "the content of the event is not trusted"
        );
        assert!(api.workflow.task_results.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_repeated_event_changes_nothing_at_any_time_and_in_any_order() {
    let api = finalized_shop();
    for id in ["evt_1", "evt_2", "evt_3"] {
        assert_received(&send(&api, stripe(&dispute(id))).await);
    }
    let before = order(&api);
    for id in ["evt_3", "evt_1", "evt_2", "evt_1"] {
        let at = now().plus_hours(30);
        let request = stripe_at(&dispute(id).to_string(), STRIPE[0], at).at(at);
        assert_received(&send(&api, request).await);
    }
    assert_eq!(order(&api), before);
}

#[tokio::test]
async fn a_request_without_a_signature_is_told_that_it_has_none() {
    for path in ["/webhooks/stripe", "/webhooks/easypost"] {
        let response = send(&finalized_shop(), post(path, "{}")).await;
        response.assert_problem(400, "bad-signature");
        let detail = response.body["detail"].as_str().unwrap();
        assert!(detail.contains("is missing"), "{detail}");
    }
}

#[tokio::test]
async fn an_event_that_the_provider_did_not_sign_is_refused_and_changes_nothing() {
    let body = dispute("evt_1").to_string();
    let (late, early) = (now().plus_minutes(-6), now().plus_minutes(6));
    let other = dispute("evt_2").to_string();
    let tracked = tracker("evt_1").to_string();
    let forged_stripe = [
        post("/webhooks/stripe", &body),
        post("/webhooks/stripe", &body).header("stripe-signature", "t=1,v1=00"),
        stripe_at(&body, "whsec_of_another_account", now()),
        stripe_at(&body, EASYPOST[0], now()),
        stripe_at(&body, "", now()),
        stripe_at(&body, STRIPE[0], late),
        stripe_at(&body, STRIPE[0], early),
        // Changed after it was signed.
        stripe_at(&body, STRIPE[0], now()).text(&other),
        stripe_at(&body, STRIPE[0], now()).text(&format!("{body} ")),
        // EasyPost's signature instead of Stripe's.
        easypost_with(&body, STRIPE[0]).path("/webhooks/stripe"),
    ];
    let forged_easypost = [
        post("/webhooks/easypost", &tracked),
        easypost_with(&tracked, "secret of another account"),
        easypost_with(&tracked, ""),
        easypost_with(&tracked, EASYPOST[0]).text(&tracked.replace("in_transit", "delivered")),
        easypost_with(&tracked, EASYPOST[0]).header("x-hmac-signature", "hmac-sha256-hex="),
    ];
    for request in forged_stripe.into_iter().chain(forged_easypost) {
        let api = finalized_shop();
        let before = order(&api);
        send(&api, request).await.assert_problem(400, "bad-signature");
        assert_eq!(order(&api), before);
    }
}

#[tokio::test]
async fn the_old_secret_is_valid_during_a_rotation_and_not_afterwards() {
    let (stripe_event, easypost_event) =
        (dispute("evt_1").to_string(), tracker("evt_1").to_string());
    for secret in STRIPE {
        assert!(triggers_inspection(stripe_at(&stripe_event, secret, now())).await, "{secret}");
    }
    for secret in EASYPOST {
        assert!(triggers_inspection(easypost_with(&easypost_event, secret)).await, "{secret}");
    }
    let mut api = finalized_shop();
    api.settings = settings(&STRIPE[..1], &EASYPOST[..1], ProviderMode::Test);
    for request in
        [stripe_at(&stripe_event, STRIPE[1], now()), easypost_with(&easypost_event, EASYPOST[1])]
    {
        send(&api, request).await.assert_problem(400, "bad-signature");
    }
}

fn settings(stripe: &[&str], easypost: &[&str], mode: ProviderMode) -> Arc<TestSettings> {
    Arc::new(TestSettings::with_webhooks(stripe, easypost, mode))
}

#[tokio::test]
async fn a_secret_that_was_rotated_just_now_is_accepted_at_once() {
    let mut api = finalized_shop();
    let settings = settings(&STRIPE[1..], &EASYPOST[1..], ProviderMode::Test);
    api.settings = settings.clone();
    let event = dispute("evt_1").to_string();
    let signed_with_new = || stripe_at(&event, STRIPE[0], now());
    send(&api, signed_with_new()).await.assert_problem(400, "bad-signature");
    settings.newer.lock().unwrap().insert("stripe", keys(&STRIPE, ProviderMode::Test));
    assert_received(&send(&api, signed_with_new()).await);
    assert_eq!(order(&api).check_at, Some(now()));
    let reads = *settings.read_again.lock().unwrap();
    assert_received(&send(&api, stripe_at(&event, STRIPE[1], now())).await);
    assert_eq!(*settings.read_again.lock().unwrap(), reads, "a good signature reads nothing");
}

#[tokio::test]
async fn without_a_secret_the_provider_is_asked_to_send_the_event_again() {
    let mut api = finalized_shop();
    let settings = settings(&[], &[], ProviderMode::Test);
    api.settings = settings.clone();
    for request in [stripe(&dispute("evt_1")), easypost(&tracker("evt_1"))] {
        send(&api, request).await.assert_problem(503, "unavailable");
    }
    assert_eq!(order(&api).check_at, None, "an unverified event changes nothing");
    settings.newer.lock().unwrap().insert("stripe", keys(&STRIPE, ProviderMode::Test));
    assert_received(&send(&api, stripe(&dispute("evt_1"))).await);
}

#[tokio::test]
async fn an_event_of_the_other_mode_is_ignored() {
    let mut live = dispute("evt_1");
    live["livemode"] = json!(true);
    let mut production = tracker("evt_1");
    production["mode"] = json!("production");
    for request in [stripe(&live), easypost(&production)] {
        assert!(!triggers_inspection(request.clone()).await);
        let mut api = finalized_shop();
        api.settings = settings(&STRIPE, &EASYPOST, ProviderMode::Live);
        assert_received(&send(&api, request).await);
        assert_eq!(order(&api).check_at, Some(now()), "in live mode it counts");
    }
    let mut api = finalized_shop();
    api.settings = settings(&STRIPE, &EASYPOST, ProviderMode::Live);
    assert_received(&send(&api, stripe(&dispute("evt_1"))).await);
    assert_eq!(order(&api).check_at, None);
}

#[tokio::test]
async fn the_order_is_found_by_its_id_or_by_the_provider_id_that_it_stored() {
    let id = samples::fulfilled().order_id;
    let mut by_metadata = dispute("evt_1");
    by_metadata["data"]["object"]["metadata"] = json!({"order_id": id});
    let mut intent = dispute("evt_1");
    intent["data"]["object"] = json!({"id": "pi_sample", "object": "payment_intent"});
    let mut expanded = dispute("evt_1");
    expanded["data"]["object"]["payment_intent"] = json!({"id": "pi_sample", "amount": 4499});
    let mut shipment = tracker("evt_1");
    shipment["result"] = json!({"id": "shp_sample", "object": "Shipment", "reference": id});
    for request in [stripe(&by_metadata), stripe(&intent), stripe(&expanded), easypost(&shipment)] {
        assert!(triggers_inspection(request).await);
    }
}

#[tokio::test]
async fn an_event_about_no_order_of_ours_changes_nothing() {
    let with = |pointer: &str, value: Value| {
        let mut event = dispute("evt_1");
        *event.pointer_mut(pointer).unwrap() = value;
        stripe(&event)
    };
    let about = |object: Value| with("/data/object", object);
    let tracks = |result: Value| {
        let mut event = tracker("evt_1");
        event["result"] = result;
        easypost(&event)
    };
    let id = samples::fulfilled().order_id;
    for request in [
        about(json!({})),
        about(json!({"id": "cus_1", "object": "customer"})),
        about(json!({"id": "pi_other", "object": "payment_intent"})),
        about(json!({"id": "ch_1", "object": "charge", "payment_intent": null})),
        about(json!({"id": "pi_", "object": "payment_intent", "metadata": {"order_id": id}})),
        // It names our order, and is about another payment.
        about(json!({"id": "pi_x", "object": "payment_intent", "metadata": {"order_id": id}})),
        about(json!({"id": "pi_x", "object": "payment_intent", "metadata": {"order_id": "x"}})),
        tracks(json!({"id": "trk_1", "object": "Tracker", "shipment_id": null})),
        tracks(json!({"id": "trk_1", "object": "Tracker", "shipment_id": "shp_other"})),
        tracks(json!({"id": "shp_other", "object": "Shipment", "reference": id})),
        tracks(json!({"id": "batch_1", "object": "Batch"})),
    ] {
        let body = request.event["body"].clone();
        assert!(!triggers_inspection(request).await, "{body}");
    }
}

#[tokio::test]
async fn an_event_during_a_running_step_changes_nothing() {
    for stage in
        [samples::received(), samples::authorized(), samples::shipping(), samples::labeled()]
    {
        let api = TestBed::with(&stage);
        let mut event = dispute("evt_1");
        event["data"]["object"]["metadata"] = json!({"order_id": stage.order_id});
        assert_received(&send(&api, stripe(&event)).await);
        assert_eq!(order(&api), stage, "{:?}", stage.status);
    }
    for stage in [samples::in_review(), samples::needs_attention()] {
        let api = TestBed::with(&stage);
        assert_received(&send(&api, stripe(&dispute("evt_1"))).await);
        assert_eq!(
            order(&api).webhook_pending_at,
            Some(now()),
            "{:?} has no running step",
            stage.status
        );
    }
}

#[tokio::test]
async fn a_signed_body_that_is_not_an_event_is_refused() {
    for body in [
        "",
        "{",
        "[]",
        "null",
        "\"x\"",
        "{}",
        "\u{0}",
        "[\"evt_1\"]",
        "{\"id\":\"evt_1\"}{",
        &"[".repeat(5_000),
    ] {
        for request in [stripe_at(body, STRIPE[0], now()), easypost_with(body, EASYPOST[0])] {
            send(&finalized_shop(), request).await.assert_problem(400, "invalid-request");
        }
    }
    let with = |event: Value, pointer: &str, value: Value| {
        let mut event = event;
        *event.pointer_mut(pointer).unwrap() = value;
        event
    };
    for (pointer, value) in [
        ("/id", json!("")),
        ("/id", json!("evt 1\n")),
        ("/id", json!("e".repeat(256))),
        ("/id", json!(1)),
        ("/livemode", json!("false")),
        ("/data", json!(null)),
        ("/data", json!([])),
        ("/data/object", json!("pi_sample")),
    ] {
        let request = stripe(&with(dispute("evt_1"), pointer, value));
        send(&finalized_shop(), request).await.assert_problem(400, "invalid-request");
    }
    for (pointer, value) in
        [("/id", json!(null)), ("/mode", json!("live")), ("/result", json!("x"))]
    {
        let request = easypost(&with(tracker("evt_1"), pointer, value));
        send(&finalized_shop(), request).await.assert_problem(400, "invalid-request");
    }
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused() {
    let padded = |length: usize| {
        let mut event = dispute("evt_1");
        let bare = event.to_string().len();
        event["data"]["object"]["id"] = json!("x".repeat(length - bare + "du_1".len()));
        event.to_string()
    };
    let longest = padded(64 * 1024);
    assert_eq!(longest.len(), 64 * 1024);
    assert!(triggers_inspection(stripe_at(&longest, STRIPE[0], now())).await);
    let longer = padded(64 * 1024 + 1);
    send(&finalized_shop(), stripe_at(&longer, STRIPE[0], now()))
        .await
        .assert_problem(413, "too-large");
    send(&finalized_shop(), easypost_with(&longer, EASYPOST[0]))
        .await
        .assert_problem(413, "too-large");
}

#[tokio::test]
async fn the_signature_covers_the_decoded_bytes_of_a_base64_body() {
    let body = dispute("evt_1").to_string();
    let mut request = stripe_at(&body, STRIPE[0], now());
    request.event["body"] = json!(BASE64_STANDARD.encode(&body));
    request.event["isBase64Encoded"] = json!(true);
    assert!(triggers_inspection(request.clone()).await);
    // The base64 text was not signed.
    request.event["isBase64Encoded"] = json!(false);
    send(&finalized_shop(), request).await.assert_problem(400, "bad-signature");
}

#[tokio::test]
async fn an_event_that_cannot_be_recorded_is_requested_again() {
    for request in [stripe(&dispute("evt_1")), easypost(&tracker("evt_1"))] {
        let api = finalized_shop();
        *api.orders.store_is_down.lock().unwrap() = true;
        let response = send(&api, request.clone()).await;
        response.assert_problem(503, "unavailable");
        assert_eq!(response.headers["retry-after"], "1");
        *api.orders.store_is_down.lock().unwrap() = false;
        assert_received(&send(&api, request).await);
        assert_eq!(order(&api).check_at, Some(now()));
    }
}

#[tokio::test]
async fn a_concurrent_write_is_retried() {
    let api = finalized_shop();
    let mut written = order(&api);
    written.version += 1;
    *api.orders.concurrent_write.lock().unwrap() = Some(written);
    assert_received(&send(&api, stripe(&dispute("evt_1"))).await);
    assert_eq!(order(&api).check_at, Some(now()));
    assert_eq!(order(&api).version, samples::fulfilled().version + 2);
}

#[tokio::test]
async fn a_webhook_needs_no_token_and_accepts_only_post() {
    for path in ["/webhooks/stripe", "/webhooks/easypost"] {
        let response = send(&finalized_shop(), TestRequest::new("GET", path)).await;
        response.assert_problem(405, "method-not-allowed");
        assert_eq!(response.headers["allow"], "POST");
    }
    send(&finalized_shop(), TestRequest::new("POST", "/webhooks/paypal"))
        .await
        .assert_problem(404, "not-found");
}
