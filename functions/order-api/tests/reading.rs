//! `GET /orders/{orderId}` and its execution: what is seen, and by whom.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use domain::Order;
use domain::compensation::FailedStates;
use domain::payment::PaymentStatus;
use serde_json::{Value, json};
use support::{ADA, BOB, Call, OP, World, send};
use testing::samples;

fn get(order: &Order) -> Call {
    Call::new("GET", &format!("/orders/{}", order.order_id)).by(ADA, "orders/read")
}

async fn seen(order: &Order) -> Value {
    let answer = send(&World::with(order), get(order)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

#[tokio::test]
async fn a_new_order_shows_what_was_ordered_and_what_may_be_done() {
    let order = samples::received();
    assert_eq!(
        seen(&order).await,
        json!({
            "orderId": order.order_id,
            "status": "RECEIVED",
            "total": {"amount": 4499, "currency": "USD"},
            "items": [
                {"sku": "MUG", "title": "Mug", "quantity": 2, "unitPrice": {"amount": 1250, "currency": "USD"}},
                {"sku": "TEE", "title": "T-shirt", "quantity": 1, "unitPrice": {"amount": 1999, "currency": "USD"}},
            ],
            "timeline": [{"at": "2026-11-23T04:00:00.000Z", "status": "RECEIVED"}],
            "cancellable": true,
            "createdAt": "2026-11-23T04:00:00.000Z",
            "updatedAt": "2026-11-23T04:00:00.000Z",
        })
    );
}

#[tokio::test]
async fn the_shipment_is_shown_once_the_order_is_fulfilled() {
    let labelled = seen(&samples::labeled()).await;
    assert_eq!(labelled["shipment"], Value::Null);
    assert_eq!(labelled["cancellable"], false);
    let fulfilled = seen(&samples::fulfilled()).await;
    assert_eq!(
        fulfilled["shipment"],
        json!({
            "carrier": "USPS", "service": "GroundAdvantage",
            "trackingCode": "9400100000000000000000", "trackingUrl": "https://track.example/1",
        })
    );
    assert_eq!(fulfilled["payment"], json!({"status": "CAPTURED"}));
    assert_eq!(fulfilled["failure"], Value::Null);
}

#[tokio::test]
async fn a_failure_says_what_a_customer_may_know() {
    let declined: FailedStates =
        serde_json::from_str(r#"{"ProcessPayment": {"Error": "PaymentDeclined"}}"#).unwrap();
    let turned = samples::received().begin_compensation(&declined, samples::placed_at());
    assert_eq!(seen(&turned).await["failure"], Value::Null, "it is not closed yet");
    assert_eq!(seen(&turned).await["cancellable"], false);
    let closed = turned.closed(PaymentStatus::Voided, samples::placed_at()).unwrap();
    let view = seen(&closed).await;
    assert_eq!(view["status"], "PAYMENT_FAILED");
    assert_eq!(
        view["failure"],
        json!({"code": "PAYMENT_FAILED", "reason": "The payment could not be completed."})
    );
}

#[tokio::test]
async fn a_scheduled_order_shows_its_date() {
    let mut request = samples::new_order();
    request.scheduled_for = Some(samples::placed_at().plus_hours(24));
    let view = seen(&Order::accept(request, samples::placed_at())).await;
    assert_eq!(view["scheduledFor"], "2026-11-24T04:00:00.000Z");
}

#[tokio::test]
async fn nothing_private_is_shown_at_any_stage() {
    for order in [samples::in_review(), samples::needs_attention(), samples::fulfilled()] {
        let text = seen(&order).await.to_string();
        for private in [
            "Ada",
            "ada@",
            "4155550123",
            "Montgomery",
            "94104",
            "pm_card",
            "pi_sample",
            "shp_",
            "token-",
        ] {
            assert!(!text.contains(private), "{private} in {text}");
        }
    }
}

#[tokio::test]
async fn an_order_is_seen_by_its_owner_and_by_operators_only() {
    let order = samples::received();
    let api = World::with(&order);
    let path = format!("/orders/{}", order.order_id);
    let check = async |sub: &str, scopes: &str, status: u64| {
        let answer = send(&api, Call::new("GET", &path).by(sub, scopes)).await;
        assert_eq!(answer.status, status, "{sub} {scopes}");
        answer
    };
    check(ADA, "orders/read", 200).await;
    check(OP, "orders/operate", 200).await;
    check(ADA, "orders/write", 403).await;
    let foreign = check(BOB, "orders/read orders/write", 404).await;
    let nobody = send(&api, get(&sample_other())).await;
    assert_eq!(foreign.text, nobody.text, "an order of somebody else's looks like none");
    assert_eq!(send(&api, Call::new("GET", &path)).await.status, 401);
}

/// An order that is on nobody's record.
fn sample_other() -> Order {
    let mut order = samples::received();
    order.order_id = domain::OrderId::for_request(&order.customer_id, "other");
    order
}

#[tokio::test]
async fn a_client_that_has_this_version_is_told_so() {
    let order = samples::authorized();
    let api = World::with(&order);
    let first = send(&api, get(&order)).await;
    let etag = first.headers["etag"].as_str().unwrap().to_owned();
    assert_eq!(etag, "\"3\"");
    for known in [etag.as_str(), "W/\"3\"", "\"1\", \"3\"", "*"] {
        let answer = send(&api, get(&order).header("if-none-match", known)).await;
        assert_eq!((answer.status, answer.text.as_str()), (304, ""), "{known}");
        assert_eq!(answer.headers["etag"], "\"3\"");
    }
    for other in ["\"2\"", "3", "canary", ""] {
        assert_eq!(send(&api, get(&order).header("if-none-match", other)).await.status, 200);
    }
}

#[tokio::test]
async fn when_the_store_is_away_so_is_the_answer() {
    let order = samples::received();
    let api = World::with(&order);
    *api.orders.store_is_down.lock().unwrap() = true;
    let answer = send(&api, get(&order)).await;
    answer.is_problem(503, "unavailable");
    assert_eq!(answer.headers["retry-after"], "1");
    assert!(!answer.text.contains("GetItem"), "{}", answer.text);
}

#[tokio::test]
async fn an_operator_sees_the_execution_state_by_state() {
    let order = samples::received();
    let api = World::with(&order);
    let path = format!("/orders/{}/execution", order.order_id);
    let call = |sub, scopes| Call::new("GET", &path).by(sub, scopes);
    send(&api, call(OP, "orders/operate")).await.is_problem(404, "not-found");
    let name = order.execution.to_string();
    api.workflow.started.lock().unwrap().push((name, json!({})));
    let answer = send(&api, call(OP, "orders/operate")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["status"], "RUNNING");
    assert_eq!(answer.body["states"][0]["name"], "ProcessPayment");
    assert_eq!(answer.body["states"][0]["type"], "Task");
    send(&api, call(ADA, "orders/read")).await.is_problem(403, "forbidden");
    *api.workflow.workflow_is_down.lock().unwrap() = true;
    send(&api, call(OP, "orders/operate")).await.is_problem(503, "unavailable");
}
