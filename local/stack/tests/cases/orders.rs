//! Orders from their placement to their end, with the real functions.

use emulators::webhooks::stripe_signature;
use jiff::Timestamp;
use local_stack::scenarios::client::Client;
use local_stack::scenarios::read_json;
use local_stack::scenarios::runner::final_status;
use local_stack::stack::{STRIPE_WEBHOOK_SECRET, Stack};
use local_stack::stepfunctions::ProgressEvent;
use local_stack::workspace;
use serde_json::{Value, json};

use crate::case::{Case, items, real_stack, text};
use crate::client::get;

/// Webhooks arrive while the answer to the capture is still under way.
pub(crate) async fn early_and_repeated_events(case: &Case) {
    let input = case.input();
    let stack = real_stack("2026-11-23T04:00:00Z", true).await;
    let client = Client::new(stack.urls());
    let late = json!({ "at": "gateway.capture", "kind": "late", "delayMs": 5000 });
    client.inject_faults(&[late], None).await.unwrap();
    let mut progress = stack.step_functions().subscribe();
    let order = read_json(&workspace::root().join(text(&input["order"]))).unwrap();
    let placed = client.place_order(&order, "early-events").await.unwrap();
    let id = text(&placed.body["orderId"]);
    // The notification holds the clock.
    let _capturing = loop {
        let notification = progress.recv().await.unwrap();
        if matches!(&notification.progress.event,
            ProgressEvent::StateEntered { state, .. } if state == "CapturePayment")
        {
            break notification;
        }
    };
    for (number, event) in items(&input["send"]).iter().enumerate() {
        send_event(&stack, &client, &format!("evt_early_{number}"), event, id).await;
    }
    let expected = &input["expect"];
    assert_eq!(final_status(&stack, id).await.unwrap(), text(&expected["status"]));
    let ledger = ledger(&stack, id).await.to_string();
    let count = |event: &str| ledger.matches(&format!("\"what\":\"{event}\"")).count();
    assert_eq!(json!(count("captured")), expected["captures"], "{ledger}");
    assert_eq!(json!(count("refunded")), expected["refunds"], "{ledger}");
    stack.shutdown().await;
}

/// Sends a genuine event about the order's payment.
async fn send_event(stack: &Stack, client: &Client, event_id: &str, kind: &Value, order: &str) {
    let intent = ledger(stack, order).await["intents"][0]["id"].clone();
    let object =
        json!({ "object": "payment_intent", "id": intent, "metadata": { "order_id": order } });
    let event = json!({
        "id": event_id, "object": "event", "type": kind, "livemode": false,
        "data": { "object": object },
    });
    let body = event.to_string().into_bytes();
    let signature = stripe_signature(STRIPE_WEBHOOK_SECRET, stack.clock().now(), &body);
    let header = ("stripe-signature", signature.as_str());
    let answer = client.deliver_webhook("/webhooks/stripe", header, body).await.unwrap();
    assert_eq!(answer.status, 200, "{event}");
}

/// The payments of an order in Stripe's ledger.
async fn ledger(stack: &Stack, order: &str) -> Value {
    get(format!("{}/_ledger?order={order}", stack.urls().stripe)).send().await.json()
}

/// Each order either counts its lines together or is refused.
pub(crate) async fn one_sku_on_two_lines(case: &Case) {
    let input = case.input();
    let (sku, received) = input["stock"].as_object().unwrap().iter().next().unwrap();
    let received = received.as_u64().unwrap();
    for order in items(&input["orders"]) {
        let stack = real_stack("2026-11-23T04:00:00Z", true).await;
        let placed = Client::new(stack.urls()).place_order(order, "two-lines").await.unwrap();
        let sold = if placed.status == 202 {
            let wanted = items(&order["items"]).iter().map(|item| item["quantity"].as_u64());
            let wanted: u64 = wanted.map(Option::unwrap).sum();
            let status = final_status(&stack, text(&placed.body["orderId"])).await.unwrap();
            let (expected, sold) =
                if wanted <= received { ("FULFILLED", wanted) } else { ("OUT_OF_STOCK", 0) };
            assert_eq!(status, expected, "{order}");
            sold
        } else {
            assert!((400..500).contains(&placed.status), "{}", placed.body);
            0
        };
        assert_eq!(available(&stack, sku).await, received - sold, "{order}");
        stack.shutdown().await;
    }
}

async fn available(stack: &Stack, sku: &str) -> u64 {
    let item = stack.item("Inventory", &json!({ "sku": { "S": sku } })).await.unwrap();
    text(&item["available"]["N"]).parse().unwrap()
}

pub(crate) async fn schedules_with_an_offset(case: &Case) {
    let input = case.input();
    let stack = real_stack(text(&input["base_time"]), true).await;
    let client = Client::new(stack.urls());
    let orders = items(&input["orders"]);
    for (number, order) in orders.iter().enumerate() {
        let key = format!("order-{number}");
        let due: Timestamp = text(&order["scheduledFor"]).parse().unwrap();
        let held = stack.clock().busy("the test reads the order before its time");
        let placed = client.place_order(order, &key).await.unwrap();
        assert_eq!(placed.status, 202, "{}", placed.body);
        let id = text(&placed.body["orderId"]);
        let read = client.order(id).await.unwrap();
        assert_eq!(read["scheduledFor"], due.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string());
        let mut same = order.clone();
        same["scheduledFor"] = json!(due.to_string());
        let again = client.place_order(&same, &key).await.unwrap();
        assert_eq!(again.body["orderId"], placed.body["orderId"], "{}", again.body);
        drop(held);
        assert_eq!(final_status(&stack, id).await.unwrap(), "FULFILLED");
        assert_eq!(end_of_wait(&stack, id).await, due);
    }
    for refused in items(&input["refused"]) {
        let mut order = orders[0].clone();
        order["scheduledFor"] = refused.clone();
        let answer = client.place_order(&order, text(refused)).await.unwrap();
        assert!([400, 422].contains(&answer.status), "{refused}: {}", answer.body);
    }
    stack.shutdown().await;
}

/// When the order's execution left its Wait state.
async fn end_of_wait(stack: &Stack, order: &str) -> Timestamp {
    let states = stack.step_functions();
    let history = states.history(&states.execution_arn(order)).await.unwrap();
    let exited = history.iter().find(|event| event.event_type.to_string() == "WaitStateExited");
    exited.expect("a Wait state").timestamp
}
