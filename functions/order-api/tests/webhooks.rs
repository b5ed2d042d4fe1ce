//! The providers' events: whoever did not sign one changes nothing, and whoever
//! did only makes the reconciler look.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that unwraps says enough")]

mod support;

use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::ports::ProviderMode;
use domain::{Order, Timestamp};
use order_api::Api;
use serde_json::{Value, json};
use support::{Answer, Call, EASYPOST, STRIPE, World, hmac, send, webhooks};
use testing::samples;
use unicode_normalization::UnicodeNormalization as _;

/// An hour after the sample order was placed.
fn now() -> Timestamp {
    samples::placed_at().plus_hours(1)
}

fn post(path: &str, body: &str) -> Call {
    Call::new("POST", path).at(now()).text(body)
}

/// An event of the gateway's, signed with this secret at this time.
fn stripe_at(body: &str, secret: &str, at: Timestamp) -> Call {
    let time = at.to_jiff().as_second();
    let signature = hmac(secret, format!("{time}.{body}").as_bytes());
    post("/webhooks/stripe", body).header("stripe-signature", &format!("t={time},v1={signature}"))
}

fn stripe(body: &Value) -> Call {
    stripe_at(&body.to_string(), STRIPE[0], now())
}

/// An event of the carrier's, signed with this secret.
fn easypost_with(body: &str, secret: &str) -> Call {
    let secret: String = secret.nfkd().collect();
    let signature = format!("hmac-sha256-hex={}", hmac(&secret, body.as_bytes()));
    post("/webhooks/easypost", body).header("x-hmac-signature", &signature)
}

fn easypost(body: &Value) -> Call {
    easypost_with(&body.to_string(), EASYPOST[0])
}

/// An event about the sample order's money: a dispute of its charge.
fn dispute(id: &str) -> Value {
    json!({
        "id": id, "object": "event", "type": "charge.dispute.created", "livemode": false,
        "created": 1, "data": {"object": {
            "id": "du_1", "object": "dispute", "payment_intent": "pi_sample", "amount": 4499,
        }},
    })
}

/// An event about the sample order's parcel: it is on its way.
fn tracker(id: &str) -> Value {
    json!({
        "id": id, "object": "Event", "description": "tracker.updated", "mode": "test",
        "result": {"id": "trk_1", "object": "Tracker", "status": "in_transit",
            "shipment_id": "shp_sample"},
    })
}

/// The sample order as the world has it.
fn order(api: &Api<World, World, World>) -> Order {
    api.orders.order(&samples::fulfilled().order_id).unwrap()
}

/// A shop whose sample order was fulfilled and settled.
fn settled() -> Api<World, World, World> {
    World::with(&Order { open: None, check_at: None, ..samples::fulfilled() })
}

#[track_caller]
fn is_received(answer: &Answer) {
    assert_eq!((answer.status, &answer.body), (200, &json!({"received": true})), "{}", answer.text);
}

/// Sends it to a shop whose sample order is settled: whether a look is due now.
async fn makes_us_look(call: Call) -> bool {
    let api = settled();
    is_received(&send(&api, call).await);
    let order = order(&api);
    assert_eq!(order.check_at.is_some(), order.open.is_some());
    order.check_at == Some(now())
}

#[tokio::test]
async fn an_event_makes_the_reconciler_look_now_and_changes_nothing_else() {
    for call in [stripe(&dispute("evt_1")), easypost(&tracker("evt_1"))] {
        let api = settled();
        let before = order(&api);
        is_received(&send(&api, call).await);
        let after = order(&api);
        assert_eq!(after.check_at, Some(now()));
        assert!(after.open.is_some(), "a settled order is opened again");
        assert_eq!(after.version, before.version + 1);
        assert_eq!(
            (after.status, &after.timeline, &after.payment, &after.shipment, after.attention),
            (before.status, &before.timeline, &before.payment, &before.shipment, before.attention),
            "what the event says is not believed"
        );
        assert!(api.workflow.answered.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_repeat_changes_nothing_however_late_and_in_whichever_order() {
    let api = settled();
    for id in ["evt_1", "evt_2", "evt_3"] {
        is_received(&send(&api, stripe(&dispute(id))).await);
    }
    let before = order(&api);
    for id in ["evt_3", "evt_1", "evt_2", "evt_1"] {
        let at = now().plus_hours(30);
        let call = stripe_at(&dispute(id).to_string(), STRIPE[0], at).at(at);
        is_received(&send(&api, call).await);
    }
    assert_eq!(order(&api), before);
}

#[tokio::test]
async fn what_the_provider_did_not_sign_is_refused_and_changes_nothing() {
    let body = dispute("evt_1").to_string();
    let (late, early) = (now().plus_minutes(-6), now().plus_minutes(6));
    let other = dispute("evt_2").to_string();
    let tracked = tracker("evt_1").to_string();
    let forged_stripe = [
        post("/webhooks/stripe", &body),
        post("/webhooks/stripe", &body).header("stripe-signature", "t=1,v1=00"),
        stripe_at(&body, "whsec_of_somebody_else", now()),
        stripe_at(&body, EASYPOST[0], now()),
        stripe_at(&body, "", now()),
        stripe_at(&body, STRIPE[0], late),
        stripe_at(&body, STRIPE[0], early),
        // Signed once, and then changed.
        stripe_at(&body, STRIPE[0], now()).text(&other),
        stripe_at(&body, STRIPE[0], now()).text(&format!("{body} ")),
        // The carrier's signature is none of the gateway's.
        easypost_with(&body, STRIPE[0]).path("/webhooks/stripe"),
    ];
    let forged_easypost = [
        post("/webhooks/easypost", &tracked),
        easypost_with(&tracked, "secret of somebody else"),
        easypost_with(&tracked, ""),
        easypost_with(&tracked, EASYPOST[0]).text(&tracked.replace("in_transit", "delivered")),
        easypost_with(&tracked, EASYPOST[0]).header("x-hmac-signature", "hmac-sha256-hex="),
    ];
    for call in forged_stripe.into_iter().chain(forged_easypost) {
        let api = settled();
        let before = order(&api);
        send(&api, call).await.is_problem(400, "bad-signature");
        assert_eq!(order(&api), before);
    }
}

#[tokio::test]
async fn during_a_rotation_the_old_secret_holds_too_and_afterwards_no_more() {
    let (gateway, carrier) = (dispute("evt_1").to_string(), tracker("evt_1").to_string());
    for secret in STRIPE {
        assert!(makes_us_look(stripe_at(&gateway, secret, now())).await, "{secret}");
    }
    for secret in EASYPOST {
        assert!(makes_us_look(easypost_with(&carrier, secret)).await, "{secret}");
    }
    let mut api = settled();
    api.webhooks = webhooks(&STRIPE[..1], &EASYPOST[..1], ProviderMode::Test);
    for call in [stripe_at(&gateway, STRIPE[1], now()), easypost_with(&carrier, EASYPOST[1])] {
        send(&api, call).await.is_problem(400, "bad-signature");
    }
}

#[tokio::test]
async fn an_event_of_the_other_mode_is_not_for_us() {
    let mut live = dispute("evt_1");
    live["livemode"] = json!(true);
    let mut production = tracker("evt_1");
    production["mode"] = json!("production");
    for call in [stripe(&live), easypost(&production)] {
        assert!(!makes_us_look(call.clone()).await);
        let mut api = settled();
        api.webhooks = webhooks(&STRIPE, &EASYPOST, ProviderMode::Live);
        is_received(&send(&api, call).await);
        assert_eq!(order(&api).check_at, Some(now()), "in live mode it is");
    }
    let mut api = settled();
    api.webhooks = webhooks(&STRIPE, &EASYPOST, ProviderMode::Live);
    is_received(&send(&api, stripe(&dispute("evt_1"))).await);
    assert_eq!(order(&api).check_at, None);
}

#[tokio::test]
async fn the_order_is_found_by_its_own_id_or_by_the_id_that_it_has_stored() {
    let id = samples::fulfilled().order_id;
    let mut by_metadata = dispute("evt_1");
    by_metadata["data"]["object"]["metadata"] = json!({"order_id": id});
    let mut intent = dispute("evt_1");
    intent["data"]["object"] = json!({"id": "pi_sample", "object": "payment_intent"});
    let mut expanded = dispute("evt_1");
    expanded["data"]["object"]["payment_intent"] = json!({"id": "pi_sample", "amount": 4499});
    let mut shipment = tracker("evt_1");
    shipment["result"] = json!({"id": "shp_sample", "object": "Shipment", "reference": id});
    for call in [stripe(&by_metadata), stripe(&intent), stripe(&expanded), easypost(&shipment)] {
        assert!(makes_us_look(call).await);
    }
}

#[tokio::test]
async fn an_event_about_nothing_of_ours_is_received_and_changes_nothing() {
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
    for call in [
        about(json!({})),
        about(json!({"id": "cus_1", "object": "customer"})),
        about(json!({"id": "pi_other", "object": "payment_intent"})),
        about(json!({"id": "ch_1", "object": "charge", "payment_intent": null})),
        about(json!({"id": "pi_", "object": "payment_intent", "metadata": {"order_id": id}})),
        // It says that it is for our order, and is another payment.
        about(json!({"id": "pi_x", "object": "payment_intent", "metadata": {"order_id": id}})),
        about(json!({"id": "pi_x", "object": "payment_intent", "metadata": {"order_id": "x"}})),
        tracks(json!({"id": "trk_1", "object": "Tracker", "shipment_id": null})),
        tracks(json!({"id": "trk_1", "object": "Tracker", "shipment_id": "shp_other"})),
        tracks(json!({"id": "shp_other", "object": "Shipment", "reference": id})),
        tracks(json!({"id": "batch_1", "object": "Batch"})),
    ] {
        let said = call.event["body"].clone();
        assert!(!makes_us_look(call).await, "{said}");
    }
}

#[tokio::test]
async fn an_event_that_comes_early_leaves_the_step_at_work_alone() {
    for stage in
        [samples::received(), samples::authorized(), samples::shipping(), samples::labeled()]
    {
        let api = World::with(&stage);
        let mut event = dispute("evt_1");
        event["data"]["object"]["metadata"] = json!({"order_id": stage.order_id});
        is_received(&send(&api, stripe(&event)).await);
        assert_eq!(order(&api), stage, "{:?}", stage.status);
    }
    for stage in [samples::in_review(), samples::needs_attention()] {
        let api = World::with(&stage);
        is_received(&send(&api, stripe(&dispute("evt_1"))).await);
        assert_eq!(
            order(&api).webhook_pending_at,
            Some(now()),
            "{:?} has no step at work",
            stage.status
        );
    }
}

#[tokio::test]
async fn what_is_well_signed_and_no_event_is_refused() {
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
        for call in [stripe_at(body, STRIPE[0], now()), easypost_with(body, EASYPOST[0])] {
            send(&settled(), call).await.is_problem(400, "invalid-request");
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
        let call = stripe(&with(dispute("evt_1"), pointer, value));
        send(&settled(), call).await.is_problem(400, "invalid-request");
    }
    for (pointer, value) in
        [("/id", json!(null)), ("/mode", json!("live")), ("/result", json!("x"))]
    {
        let call = easypost(&with(tracker("evt_1"), pointer, value));
        send(&settled(), call).await.is_problem(400, "invalid-request");
    }
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused_before_its_signature_is_computed() {
    let padded = |length: usize| {
        let mut event = dispute("evt_1");
        let bare = event.to_string().len();
        event["data"]["object"]["id"] = json!("x".repeat(length - bare + "du_1".len()));
        event.to_string()
    };
    let longest = padded(64 * 1024);
    assert_eq!(longest.len(), 64 * 1024);
    assert!(makes_us_look(stripe_at(&longest, STRIPE[0], now())).await);
    let longer = padded(64 * 1024 + 1);
    send(&settled(), stripe_at(&longer, STRIPE[0], now())).await.is_problem(413, "too-large");
    send(&settled(), easypost_with(&longer, EASYPOST[0])).await.is_problem(413, "too-large");
}

#[tokio::test]
async fn the_signature_is_over_the_bytes_also_when_they_come_in_base64() {
    let body = dispute("evt_1").to_string();
    let mut call = stripe_at(&body, STRIPE[0], now());
    call.event["body"] = json!(BASE64_STANDARD.encode(&body));
    call.event["isBase64Encoded"] = json!(true);
    assert!(makes_us_look(call.clone()).await);
    // The base64 itself was not signed.
    call.event["isBase64Encoded"] = json!(false);
    send(&settled(), call).await.is_problem(400, "bad-signature");
}

#[tokio::test]
async fn what_cannot_be_stored_is_asked_for_again() {
    for call in [stripe(&dispute("evt_1")), easypost(&tracker("evt_1"))] {
        let api = settled();
        *api.orders.store_is_down.lock().unwrap() = true;
        let answer = send(&api, call.clone()).await;
        answer.is_problem(503, "unavailable");
        assert_eq!(answer.headers["retry-after"], "1");
        *api.orders.store_is_down.lock().unwrap() = false;
        is_received(&send(&api, call).await);
        assert_eq!(order(&api).check_at, Some(now()));
    }
}

#[tokio::test]
async fn an_order_that_changes_meanwhile_is_read_again() {
    let api = settled();
    let mut theirs = order(&api);
    theirs.version += 1;
    *api.orders.meanwhile.lock().unwrap() = Some(theirs);
    is_received(&send(&api, stripe(&dispute("evt_1"))).await);
    assert_eq!(order(&api).check_at, Some(now()));
    assert_eq!(order(&api).version, samples::fulfilled().version + 2);
}

#[tokio::test]
async fn no_token_is_needed_and_no_other_method_is_taken() {
    for path in ["/webhooks/stripe", "/webhooks/easypost"] {
        let answer = send(&settled(), Call::new("GET", path)).await;
        answer.is_problem(405, "method-not-allowed");
        assert_eq!(answer.headers["allow"], "POST");
    }
    send(&settled(), Call::new("POST", "/webhooks/paypal")).await.is_problem(404, "not-found");
}

/// The folder of the contracts; a run without them says that it skips.
fn contracts() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contracts");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(option_env!("CI") != Some("true"), "the contracts are missing");
    println!("skipped: no contracts");
    None
}

#[tokio::test]
async fn the_gateways_own_vector_is_taken() {
    let Some(folder) = contracts() else { return };
    let text =
        std::fs::read_to_string(folder.join("stripe/webhook-signature-vector.json")).unwrap();
    let vector: Value = serde_json::from_str(&text).unwrap();
    let text = |name: &str| vector[name].as_str().unwrap();
    let at = Timestamp::from_seconds(vector["timestamp"].as_i64().unwrap()).unwrap();
    let mut api = settled();
    api.webhooks = webhooks(&[text("secret")], &EASYPOST, ProviderMode::Test);
    let call = |body: &str| {
        let call = post("/webhooks/stripe", body).at(at);
        call.header("stripe-signature", text("header"))
    };
    is_received(&send(&api, call(text("payload"))).await);
    let changed = text("payload").replace("evt_1", "evt_2");
    send(&api, call(&changed)).await.is_problem(400, "bad-signature");
}

#[tokio::test]
async fn the_carriers_own_vector_is_taken() {
    let Some(folder) = contracts() else { return };
    let fixtures = std::fs::read_to_string(folder.join("easypost/client-library-fixtures.json"));
    let fixtures: Value = serde_json::from_str(&fixtures.unwrap()).unwrap();
    let vector = &fixtures["webhooks"];
    // The file ends with a line's end, which was not signed.
    let body = std::fs::read_to_string(folder.join("easypost/event-body.json")).unwrap();
    let body = body.trim_end();
    let signature = vector["hmac_signature"].as_str().unwrap();
    let call = |body: &str| post("/webhooks/easypost", body).header("x-hmac-signature", signature);
    for secret in ["s\u{e9}cret", "se\u{301}cret"] {
        let mut api = settled();
        api.webhooks = webhooks(&STRIPE, &[secret], ProviderMode::Test);
        is_received(&send(&api, call(body)).await);
        send(&api, call(&body.replace("FedEx", "UPS"))).await.is_problem(400, "bad-signature");
    }
}
