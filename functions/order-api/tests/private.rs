//! A canary in every private field: found in no log line and in no answer but
//! where the client itself put it.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use order_api::Api;
use serde_json::{Value, json};
use support::{ADA, Answer, Call, OP, STRIPE, World, hmac, id_of, order_body, post, send};
use tracing::subscriber::set_default;

/// What would be standard output.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

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

fn full_of_canaries() -> Value {
    let mut body = order_body();
    body["customer"] = json!({"name": CANARIES[0], "email": CANARIES[1], "phone": CANARIES[2]});
    body["shippingAddress"]["street1"] = json!(CANARIES[3]);
    body["shippingAddress"]["city"] = json!(CANARIES[4]);
    body["paymentMethod"] = json!(CANARIES[5]);
    body["paymentCustomer"] = json!(CANARIES[6]);
    body
}

/// Webhooks whose payload is private throughout: not signed, and well signed.
async fn told_by_webhooks(api: &Api<World, World, World>, body: &Value) -> Vec<Answer> {
    let mut answers = Vec::new();
    let event = json!({
        "id": "evt_1", "livemode": false, "mode": "test",
        "data": {"object": body}, "result": {"to_address": body["shippingAddress"]},
    });
    for path in ["/webhooks/stripe", "/webhooks/easypost"] {
        answers.push(send(api, Call::new("POST", path).text(&event.to_string())).await);
    }
    let time = testing::samples::placed_at().to_jiff().as_second();
    for text in [event.to_string(), format!("{event}Canary Lovelace")] {
        let hex = hmac(STRIPE[0], format!("{time}.{text}").as_bytes());
        let call = Call::new("POST", "/webhooks/stripe").text(&text);
        answers
            .push(send(api, call.header("stripe-signature", &format!("t={time},v1={hex}"))).await);
    }
    answers
}

#[tokio::test]
async fn nothing_private_is_logged_or_echoed() {
    let page = Page::default();
    let writer = page.clone();
    let lines = aws::telemetry::subscriber(tracing::Level::TRACE, move || writer.clone());
    let _until_the_end = set_default(lines);

    let api = World::new();
    let body = full_of_canaries();
    let mut answers = vec![send(&api, post(&body, "k")).await];
    assert_eq!(answers[0].status, 202, "{}", answers[0].text);
    answers.push(send(&api, post(&body, "k")).await);

    // Each field once with a value that is wrong, and once with a card in it.
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
        for wrong in ["Canary Lovelace\u{0}", "4242424242424242", "4242 4242 4242 4242"] {
            let mut bad = body.clone();
            match bad.pointer_mut(pointer) {
                Some(value) => *value = json!(wrong),
                None => bad[pointer.trim_start_matches('/')] = json!(wrong),
            }
            answers.push(send(&api, post(&bad, "bad")).await);
        }
    }
    let mut keyed = body.clone();
    keyed["canary@example.com"] = json!("Canary Lovelace");
    answers.push(send(&api, post(&keyed, "bad")).await);
    answers.push(send(&api, post(&json!("Canary Lovelace"), "bad")).await);
    answers.push(send(&api, post(&json!(null), "bad").text("{\"name\": Canary Lovelace}")).await);
    answers.push(send(&api, post(&body, "bad").header("content-type", "Canary Street")).await);
    answers.push(
        send(&api, Call::new("GET", "/orders/canary@example.com").by(ADA, "orders/read")).await,
    );

    answers.extend(told_by_webhooks(&api, &body).await);

    let path = format!("/orders/{}", id_of("k"));
    answers.push(send(&api, Call::new("GET", &path).by(ADA, "orders/read")).await);
    let note = json!({"decision": "approve", "note": "Canary Lovelace called"});
    let review = Call::new("POST", &format!("{path}/review")).by(OP, "orders/operate").json(&note);
    answers.push(send(&api, review).await);
    *api.workflow.workflow_is_down.lock().unwrap() = true;
    answers.push(send(&api, post(&body, "k")).await);
    *api.orders.store_is_down.lock().unwrap() = true;
    answers.push(send(&api, post(&body, "k")).await);
    answers.push(send(&api, Call::new("GET", &path).by(ADA, "orders/read")).await);

    let logged = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("a request could not be served"), "something is logged: {logged}");
    for canary in CANARIES {
        assert!(!logged.contains(canary), "{canary} in {logged}");
        for answer in &answers {
            let said = format!("{} {}", answer.headers, answer.text);
            assert!(!said.contains(canary), "{canary} in {said}");
        }
    }
    assert_eq!(
        format!(
            "{:?}",
            order_api::event::Request::parse(&post(&body, "k").event, testing::samples::placed_at)
                .unwrap()
        ),
        "[request]"
    );
}
