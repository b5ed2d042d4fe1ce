//! EasyPost's webhooks: its published signature vector, and which events concern an
//! order.

use std::collections::BTreeMap;

use domain::ports::{
    ProviderMode, WebhookEvent, WebhookKeys, WebhookRejection, WebhookRequest, WebhookSource as _,
    WebhookSubject,
};
use domain::{OrderId, Private, ShipmentId};
use easypost::EasyPostWebhooks;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use testing::contracts::contracts;
use testing::samples;

const SECRET: &str = "secret";

type Received = Result<Option<WebhookEvent>, WebhookRejection>;

fn receive(secret: &str, header: &str, body: &str) -> Received {
    let headers = BTreeMap::from([("x-hmac-signature".to_owned(), header.to_owned())]);
    let received_at = samples::placed_at();
    let request = WebhookRequest { headers: &headers, body: body.as_bytes(), received_at };
    let secrets = vec![Private::new(secret.to_owned())];
    EasyPostWebhooks.receive(&request, &WebhookKeys { secrets, mode: ProviderMode::Test })
}

/// Receives a correctly signed body in test mode.
fn receive_signed(body: &str) -> Received {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    let signature = hex::encode(mac.chain_update(body).finalize().into_bytes());
    receive(SECRET, &format!("hmac-sha256-hex={signature}"), body)
}

fn event(result: &Value) -> Value {
    json!({"id": "evt_1", "mode": "test", "result": result})
}

#[test]
fn the_published_signature_vector_is_accepted_and_a_changed_body_is_not() {
    let Some(folder) = contracts("easypost") else { return };
    let fixtures = std::fs::read_to_string(folder.join("client-library-fixtures.json"));
    let fixtures: Value = serde_json::from_str(&fixtures.unwrap()).unwrap();
    let signature = fixtures["webhooks"]["hmac_signature"].as_str().unwrap();
    // The file ends with a newline that was not signed.
    let body = std::fs::read_to_string(folder.join("event-body.json")).unwrap();
    let body = body.trim_end();
    for secret in ["s\u{e9}cret", "se\u{301}cret"] {
        assert!(receive(secret, signature, body).is_ok());
        let changed = body.replace("FedEx", "UPS");
        assert_eq!(receive(secret, signature, &changed), Err(WebhookRejection::Forged));
    }
}

#[test]
fn an_event_names_its_shipment_and_the_order_in_its_reference() {
    let order = samples::new_order().order_id;
    let check = |result: &Value, expected: Option<OrderId>| {
        let received = receive_signed(&event(result).to_string()).unwrap().unwrap();
        let shipment = ShipmentId::parse("shp_1").unwrap();
        assert_eq!(received.id.as_str(), "evt_1");
        assert_eq!(received.subject, WebhookSubject::Shipment { shipment, order: expected });
    };
    check(&json!({"object": "Tracker", "id": "trk_1", "shipment_id": "shp_1"}), None);
    check(&json!({"object": "Shipment", "id": "shp_1", "reference": "not one of ours"}), None);
    check(&json!({"object": "Shipment", "id": "shp_1", "reference": order}), Some(order));
}

#[test]
fn an_event_about_no_shipment_or_of_the_other_mode_is_ignored() {
    for result in [
        json!({}),
        json!({"object": "Batch", "id": "batch_1"}),
        json!({"object": "Tracker", "id": "trk_1", "shipment_id": null}),
    ] {
        assert_eq!(receive_signed(&event(&result).to_string()), Ok(None), "{result}");
    }
    let mut live = event(&json!({"object": "Shipment", "id": "shp_1"}));
    live["mode"] = json!("production");
    assert_eq!(receive_signed(&live.to_string()), Ok(None));
    live.as_object_mut().unwrap().remove("mode");
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
        r#"{"id":null}"#,
        r#"{"id":"evt_1","mode":"live"}"#,
        r#"{"id":"evt_1","result":"x"}"#,
        &"[".repeat(5_000),
    ] {
        assert_eq!(receive_signed(body), Err(WebhookRejection::Malformed), "{body:.40}");
    }
}

#[test]
fn the_documented_example_is_an_event() {
    let contract = EasyPostWebhooks.contract();
    assert!(receive_signed(&contract.event_example.to_string()).unwrap().is_some());
}
