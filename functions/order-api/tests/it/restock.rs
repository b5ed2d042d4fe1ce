//! `POST /inventory/{sku}/restock`: stock is added once, and resumes the
//! backorders that it can serve, oldest first.

use crate::support::{ADA, TestApi, TestBed, TestRequest, TestResponse, send};
use domain::order::Attention;
use domain::{CustomerId, Order, OrderId, Quantity, Sku, Status};
use serde_json::json;
use testing::samples;

/// The `n`th order that waits for mugs, for this many of them.
fn backorder(n: i64, mugs: u32) -> Order {
    let at = samples::placed_at().plus_minutes(n);
    let mut request = samples::new_order();
    request.order_id = OrderId::for_request(&CustomerId::parse(ADA).unwrap(), &n.to_string());
    request.items.truncate(1);
    request.items[0].quantity = Quantity::try_from(mugs).unwrap();
    let received = Order::accept(request, at);
    let held = samples::payment_intent(domain::payment::PaymentIntentState::RequiresCapture);
    let authorized = received.authorized(&held, &domain::policy::ReviewPolicy::default(), at);
    let short = authorized.unwrap().backordered(&Sku::parse("MUG").unwrap(), at);
    let mut order = samples::waiting(short, Status::Backordered, Attention::Backorder);
    order.task_token = Some(domain::TaskToken::parse(format!("token-of-{n}")).unwrap());
    order
}

/// A shop without mugs, in which these orders wait for some.
fn shop(orders: &[Order]) -> TestApi {
    let api = TestBed::new();
    for order in orders {
        api.orders.insert(order.clone());
    }
    api.inventory.stock.lock().unwrap().get_mut(&Sku::parse("MUG").unwrap()).unwrap().available = 0;
    api
}

fn request(sku: &str, quantity: u32, key: &str) -> TestRequest {
    TestRequest::new("POST", &format!("/inventory/{sku}/restock"))
        .by("clerk", "inventory/write")
        .header("idempotency-key", key)
        .json(&json!({ "quantity": quantity }))
}

async fn restock(api: &TestApi, quantity: u32, key: &str) -> TestResponse {
    let response = send(api, request("MUG", quantity, key)).await;
    assert_eq!(response.status, 200, "{}", response.text);
    response
}

fn resumed(api: &TestApi) -> Vec<String> {
    let results = api.workflow.task_results.lock().unwrap();
    results.iter().map(|(token, _)| token.to_string()).collect()
}

#[tokio::test]
async fn two_mugs_resume_the_two_oldest_of_three_backorders() {
    let api = shop(&[backorder(3, 1), backorder(1, 1), backorder(2, 1)]);
    let response = restock(&api, 2, "k").await;
    assert_eq!(response.body, json!({"sku": "MUG", "available": 2, "resumed": 2}));
    assert_eq!(resumed(&api), ["token-of-1", "token-of-2"]);
}

#[tokio::test]
async fn a_large_backorder_does_not_block_a_smaller_one() {
    let api = shop(&[backorder(1, 5), backorder(2, 2), backorder(3, 2)]);
    assert_eq!(restock(&api, 3, "k").await.body["resumed"], 1);
    assert_eq!(resumed(&api), ["token-of-2"]);
}

#[tokio::test]
async fn stock_is_added_once_for_each_key_and_serves_one_backorder_once() {
    let api = shop(&[backorder(1, 1), backorder(2, 1)]);
    restock(&api, 1, "k").await;
    let repeated = restock(&api, 1, "k").await;
    assert_eq!(repeated.body, json!({"sku": "MUG", "available": 1, "resumed": 0}));
    assert_eq!(
        resumed(&api),
        ["token-of-1", "token-of-1"],
        "the same mug does not resume the second backorder"
    );
    let other = send(&api, request("MUG", 2, "k")).await;
    other.assert_problem(422, "idempotency-key-reused");
    assert_eq!(restock(&api, 1, "another").await.body["available"], 2);
}

#[tokio::test]
async fn only_a_waiting_order_is_resumed() {
    let canceled =
        backorder(1, 1).request_cancellation(ADA, samples::placed_at()).unwrap().unwrap();
    let mut not_waiting = backorder(2, 1);
    not_waiting.task_token = None;
    let api = shop(&[canceled, not_waiting, backorder(3, 1)]);
    assert_eq!(restock(&api, 1, "k").await.body["resumed"], 1);
    assert_eq!(resumed(&api), ["token-of-3"]);
}

#[tokio::test]
async fn an_invalid_restock_is_refused() {
    let api = shop(&[]);
    for quantity in [json!(0), json!(-1), json!(1.5), json!("3"), json!(1_000_001), json!(null)] {
        let invalid = request("MUG", 1, "k").json(&json!({ "quantity": quantity }));
        let response = send(&api, invalid).await;
        response.assert_problem(400, "invalid-request");
        assert_eq!(response.fields(), ["quantity"]);
    }
    let without_key = request("MUG", 1, "k").without_header("idempotency-key");
    assert_eq!(send(&api, without_key).await.fields(), ["Idempotency-Key"]);
    send(&api, request("NIL", 1, "k")).await.assert_problem(404, "not-found");
    send(&api, request("a b", 1, "k")).await.assert_problem(404, "not-found");
    let customer = request("MUG", 1, "k").by(ADA, "orders/write");
    send(&api, customer).await.assert_problem(403, "forbidden");
    *api.inventory.store_is_down.lock().unwrap() = true;
    send(&api, request("MUG", 1, "k")).await.assert_problem(503, "unavailable");
}
