//! Stripe's webhooks: its published signature vector, and which events concern an
//! order.

use std::collections::BTreeMap;

use domain::ports::{
    ProviderMode, WebhookEvent, WebhookKeys, WebhookRejection, WebhookRequest, WebhookSource as _,
    WebhookSubject,
};
use domain::{OrderId, PaymentIntentId, Private, Timestamp};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use stripe::StripeWebhooks;
use testing::contracts::contracts;
use testing::samples;

const SECRET: &str = "whsec_test";

type Received = Result<Option<WebhookEvent>, WebhookRejection>;

fn receive(secret: &str, mode: ProviderMode, header: &str, body: &str, at: Timestamp) -> Received {
    let headers = BTreeMap::from([("stripe-signature".to_owned(), header.to_owned())]);
    let request = WebhookRequest { headers: &headers, body: body.as_bytes(), received_at: at };
    let secrets = vec![Private::new(secret.to_owned())];
    StripeWebhooks.receive(&request, &WebhookKeys { secrets, mode })
}

/// Receives a correctly signed body in test mode.
fn receive_signed(body: &str) -> Received {
    let at = samples::placed_at();
    let time = at.to_jiff().as_second();
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    let mac = mac.chain_update(format!("{time}.{body}"));
    let header = format!("t={time},v1={}", hex::encode(mac.finalize().into_bytes()));
    receive(SECRET, ProviderMode::Test, &header, body, at)
}

/// Without the check of the timestamp before the signature, this is `Forged`.
#[test]
fn an_old_request_is_stale_with_any_signature() {
    let at = samples::placed_at();
    let time = at.to_jiff().as_second() - 301;
    let header = format!("t={time},v1={}", "00".repeat(32));
    let received = receive(SECRET, ProviderMode::Test, &header, "{}", at);
    assert_eq!(received, Err(WebhookRejection::Stale));
}

fn event(object: &Value) -> Value {
    json!({"id": "evt_1", "livemode": false, "data": {"object": object}})
}

#[test]
fn the_published_signature_vector_is_accepted_and_a_changed_body_is_not() {
    let Some(folder) = contracts("stripe") else { return };
    let text = std::fs::read_to_string(folder.join("webhook-signature-vector.json")).unwrap();
    let vector: Value = serde_json::from_str(&text).unwrap();
    let text = |name: &str| vector[name].as_str().unwrap();
    let at = Timestamp::from_seconds(vector["timestamp"].as_i64().unwrap()).unwrap();
    let check = |body: &str| receive(text("secret"), ProviderMode::Test, text("header"), body, at);
    assert!(check(text("payload")).is_ok());
    let changed = text("payload").replace("evt_1", "evt_2");
    assert_eq!(check(&changed), Err(WebhookRejection::Forged));
}

#[test]
fn an_event_names_its_payment_intent_and_the_order_in_its_metadata() {
    let order = samples::new_order().order_id;
    let check = |object: &Value, expected: Option<OrderId>| {
        let received = receive_signed(&event(object).to_string()).unwrap().unwrap();
        let intent = PaymentIntentId::parse("pi_1").unwrap();
        assert_eq!(received.id.as_str(), "evt_1");
        assert_eq!(received.subject, WebhookSubject::Payment { intent, order: expected });
    };
    check(&json!({"object": "payment_intent", "id": "pi_1"}), None);
    check(&json!({"object": "dispute", "id": "du_1", "payment_intent": "pi_1"}), None);
    check(&json!({"object": "charge", "id": "ch_1", "payment_intent": {"id": "pi_1"}}), None);
    let metadata = json!({"order_id": order});
    check(
        &json!({"object": "refund", "payment_intent": "pi_1", "metadata": metadata}),
        Some(order),
    );
    let foreign = json!({"order_id": "not one of ours"});
    check(&json!({"object": "refund", "payment_intent": "pi_1", "metadata": foreign}), None);
}

#[test]
fn an_event_about_no_payment_intent_or_of_the_other_mode_is_ignored() {
    for object in [
        json!({}),
        json!({"object": "customer", "id": "cus_1"}),
        json!({"object": "charge", "id": "ch_1", "payment_intent": null}),
        json!({"object": "payment_intent", "id": "pi_"}),
    ] {
        assert_eq!(receive_signed(&event(&object).to_string()), Ok(None), "{object}");
    }
    let mut live = event(&json!({"object": "payment_intent", "id": "pi_1"}));
    live["livemode"] = json!(true);
    assert_eq!(receive_signed(&live.to_string()), Ok(None));
    live.as_object_mut().unwrap().remove("livemode");
    assert!(receive_signed(&live.to_string()).unwrap().is_some(), "it does not state its mode");
}

#[test]
fn a_signed_body_that_is_not_an_event_is_malformed() {
    for body in [
        "",
        "{",
        "[]",
        "null",
        "[\"evt_1\"]",
        "{}",
        r#"{"id":"evt_1"}{"#,
        r#"{"id":"evt 1"}"#,
        r#"{"id":1}"#,
        r#"{"id":"evt_1","livemode":"false"}"#,
        r#"{"id":"evt_1","data":[]}"#,
        r#"{"id":"evt_1","data":{"object":"pi_1"}}"#,
        &"[".repeat(5_000),
    ] {
        assert_eq!(receive_signed(body), Err(WebhookRejection::Malformed), "{body:.40}");
    }
}

#[test]
fn the_documented_example_is_an_event() {
    let contract = StripeWebhooks.contract();
    assert!(receive_signed(&contract.event_example.to_string()).unwrap().is_some());
}
