//! A canary in every private field appears in no log line and in no response.

use crate::support::{
    ADA, OP, STRIPE, TestApi, TestBed, TestRequest, TestResponse, hmac, id_of, order_body,
    place_order, send,
};
use serde_json::{Value, json};
use testing::log_buffer::LogBuffer;
use tracing::subscriber::set_default;

const CANARIES: [&str; 9] = [
    "Canary Lovelace",
    "canary@example.com",
    "+14155550199",
    "Canary Street",
    "Canaryville",
    "pm_canary",
    "cus_canary",
    "4242424242424242",
    "4242 4242",
];

fn order_of_canaries() -> Value {
    let mut body = order_body();
    body["customer"] = json!({"name": CANARIES[0], "email": CANARIES[1], "phone": CANARIES[2]});
    body["shippingAddress"]["street1"] = json!(CANARIES[3]);
    body["shippingAddress"]["city"] = json!(CANARIES[4]);
    body["paymentMethod"] = json!(CANARIES[5]);
    body["paymentCustomer"] = json!(CANARIES[6]);
    body
}

/// Webhooks with canaries in their payload, unsigned and signed.
async fn send_webhooks(api: &TestApi, body: &Value) -> Vec<TestResponse> {
    let mut responses = Vec::new();
    let event = json!({
        "id": "evt_1", "livemode": false, "mode": "test",
        "data": {"object": body}, "result": {"to_address": body["shippingAddress"]},
    });
    for path in ["/webhooks/stripe", "/webhooks/easypost"] {
        responses.push(send(api, TestRequest::new("POST", path).text(&event.to_string())).await);
    }
    let time = testing::samples::placed_at().to_jiff().as_second();
    for text in [event.to_string(), format!("{event}Canary Lovelace")] {
        let hex = hmac(STRIPE[0], format!("{time}.{text}").as_bytes());
        let request = TestRequest::new("POST", "/webhooks/stripe").text(&text);
        responses.push(
            send(api, request.header("stripe-signature", &format!("t={time},v1={hex}"))).await,
        );
    }
    responses
}

/// Requests that are refused because of a value with a canary in it.
fn invalid_requests(body: &Value) -> Vec<TestRequest> {
    let place = |body: &Value| place_order(body, "bad");
    let mut requests = Vec::new();
    for pointer in [
        "/customer/name",
        "/customer/email",
        "/customer/phone",
        "/shippingAddress/country",
        "/shippingAddress/postalCode",
        "/items/0/sku",
        "/paymentMethod",
        "/paymentCustomer",
        "/shippingService",
        "/scheduledFor",
    ] {
        // An invalid value, and a card number in two notations.
        for invalid in ["Canary Lovelace\u{0}", "4242424242424242", "4242 4242 4242 4242"] {
            let mut changed = body.clone();
            match changed.pointer_mut(pointer) {
                Some(value) => *value = json!(invalid),
                None => changed[pointer.trim_start_matches('/')] = json!(invalid),
            }
            requests.push(place(&changed));
        }
    }
    let mut canary_key = body.clone();
    canary_key["canary@example.com"] = json!("Canary Lovelace");
    requests.push(place(&canary_key));
    requests.push(place(&json!("Canary Lovelace")));
    requests.push(place(&json!(null)).text("{\"name\": Canary Lovelace}"));
    requests.push(place(body).header("content-type", "Canary Street"));
    let path = "/orders/canary@example.com";
    requests.push(TestRequest::new("GET", path).by(ADA, "orders/read"));
    requests
}

#[tokio::test]
async fn no_private_value_is_logged_or_echoed() {
    let log = LogBuffer::new();
    let writer = log.clone();
    let subscriber = aws::telemetry::subscriber(tracing::Level::TRACE, move || writer.clone());
    let _guard = set_default(subscriber);

    let api = TestBed::new();
    let body = order_of_canaries();
    let mut responses = vec![send(&api, place_order(&body, "k")).await];
    assert_eq!(responses[0].status, 202, "{}", responses[0].text);
    responses.push(send(&api, place_order(&body, "k")).await);

    for request in invalid_requests(&body) {
        responses.push(send(&api, request).await);
    }
    responses.extend(send_webhooks(&api, &body).await);

    let path = format!("/orders/{}", id_of("k"));
    responses.push(send(&api, TestRequest::new("GET", &path).by(ADA, "orders/read")).await);
    let note = json!({"decision": "approve", "note": "Canary Lovelace called"});
    let review =
        TestRequest::new("POST", &format!("{path}/review")).by(OP, "orders/operate").json(&note);
    responses.push(send(&api, review).await);
    *api.workflow.workflow_is_down.lock().unwrap() = true;
    responses.push(send(&api, place_order(&body, "k")).await);
    *api.orders.store_is_down.lock().unwrap() = true;
    responses.push(send(&api, place_order(&body, "k")).await);
    responses.push(send(&api, TestRequest::new("GET", &path).by(ADA, "orders/read")).await);

    let logged = log.take_text();
    assert!(logged.contains("a request could not be served"), "the failure is logged: {logged}");
    for canary in CANARIES {
        assert!(!logged.contains(canary), "{canary} in {logged}");
        for response in &responses {
            let sent = format!("{} {}", response.headers, response.text);
            assert!(!sent.contains(canary), "{canary} in {sent}");
        }
    }
    assert_eq!(
        format!(
            "{:?}",
            order_api::event::Request::parse(
                &place_order(&body, "k").event,
                testing::samples::placed_at
            )
            .unwrap()
        ),
        "[request]"
    );
}
