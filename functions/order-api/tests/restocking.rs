//! `POST /inventory/{sku}/restock`: goods come in once, and wake whom they can
//! serve, oldest first.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use domain::order::Attention;
use domain::{CustomerId, Order, OrderId, Quantity, Sku, Status};
use order_api::Api;
use serde_json::json;
use support::{ADA, Answer, Call, World, send};
use testing::samples;

type Shop = Api<World, World, World>;

/// An order for so many mugs, the `n`th that waits for them.
fn waiting(n: i64, mugs: u32) -> Order {
    let at = samples::placed_at().plus_minutes(n);
    let mut request = samples::new_order();
    request.order_id = OrderId::for_request(&CustomerId::parse(ADA).unwrap(), &n.to_string());
    request.items.truncate(1);
    request.items[0].quantity = Quantity::try_from(mugs).unwrap();
    let received = Order::accept(request, at);
    let held = samples::payment_intent(domain::payment::PaymentIntentState::RequiresCapture);
    let authorised = received.authorized(&held, &domain::policy::ReviewPolicy::default(), at);
    let short = authorised.unwrap().backordered(&Sku::parse("MUG").unwrap(), at);
    let mut order = samples::waiting(short, Status::Backordered, Attention::Backorder);
    order.task_token = Some(domain::TaskToken::parse(format!("token-of-{n}")).unwrap());
    order
}

/// A shop without mugs, in which these wait for some.
fn shop(orders: &[Order]) -> Shop {
    let api = World::new();
    for order in orders {
        api.orders.orders.lock().unwrap().insert(order.order_id.clone(), order.clone());
    }
    api.inventory.shelves.lock().unwrap().get_mut(&Sku::parse("MUG").unwrap()).unwrap().available =
        0;
    api
}

fn call(sku: &str, quantity: u32, key: &str) -> Call {
    Call::new("POST", &format!("/inventory/{sku}/restock"))
        .by("clerk", "inventory/write")
        .header("idempotency-key", key)
        .json(&json!({ "quantity": quantity }))
}

async fn restock(api: &Shop, quantity: u32, key: &str) -> Answer {
    let answer = send(api, call("MUG", quantity, key)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

fn told(api: &Shop) -> Vec<String> {
    let answered = api.workflow.answered.lock().unwrap();
    answered.iter().map(|(token, _)| token.to_string()).collect()
}

#[tokio::test]
async fn of_three_that_wait_the_two_oldest_are_served_by_two() {
    let api = shop(&[waiting(3, 1), waiting(1, 1), waiting(2, 1)]);
    let answer = restock(&api, 2, "k").await;
    assert_eq!(answer.body, json!({"sku": "MUG", "available": 2, "resumed": 2}));
    assert_eq!(told(&api), ["token-of-1", "token-of-2"]);
}

#[tokio::test]
async fn an_order_that_is_too_large_does_not_hold_up_a_smaller_one() {
    let api = shop(&[waiting(1, 5), waiting(2, 2), waiting(3, 2)]);
    assert_eq!(restock(&api, 3, "k").await.body["resumed"], 1);
    assert_eq!(told(&api), ["token-of-2"]);
}

#[tokio::test]
async fn goods_come_in_once_for_a_key_and_nobody_is_woken_twice() {
    let api = shop(&[waiting(1, 1), waiting(2, 1)]);
    restock(&api, 1, "k").await;
    let again = restock(&api, 1, "k").await;
    assert_eq!(again.body, json!({"sku": "MUG", "available": 1, "resumed": 0}));
    assert_eq!(
        told(&api),
        ["token-of-1", "token-of-1"],
        "the second is not woken for the same mug"
    );
    let other = send(&api, call("MUG", 2, "k")).await;
    other.is_problem(422, "idempotency-key-reused");
    assert_eq!(restock(&api, 1, "another").await.body["available"], 2);
}

#[tokio::test]
async fn only_who_waits_is_woken() {
    let cancelled = waiting(1, 1).request_cancellation(ADA, samples::placed_at()).unwrap().unwrap();
    let mut not_yet = waiting(2, 1);
    not_yet.task_token = None;
    let api = shop(&[cancelled, not_yet, waiting(3, 1)]);
    assert_eq!(restock(&api, 1, "k").await.body["resumed"], 1);
    assert_eq!(told(&api), ["token-of-3"]);
}

#[tokio::test]
async fn a_restock_that_makes_no_sense_is_refused() {
    let api = shop(&[]);
    for quantity in [json!(0), json!(-1), json!(1.5), json!("3"), json!(1_000_001), json!(null)] {
        let bad = call("MUG", 1, "k").json(&json!({ "quantity": quantity }));
        let answer = send(&api, bad).await;
        answer.is_problem(400, "invalid-request");
        assert_eq!(answer.fields(), ["quantity"]);
    }
    let keyless = call("MUG", 1, "k").without("idempotency-key");
    assert_eq!(send(&api, keyless).await.fields(), ["Idempotency-Key"]);
    send(&api, call("NIL", 1, "k")).await.is_problem(404, "not-found");
    send(&api, call("a b", 1, "k")).await.is_problem(404, "not-found");
    let customer = call("MUG", 1, "k").by(ADA, "orders/write");
    send(&api, customer).await.is_problem(403, "forbidden");
    *api.inventory.store_is_down.lock().unwrap() = true;
    send(&api, call("MUG", 1, "k")).await.is_problem(503, "unavailable");
}
