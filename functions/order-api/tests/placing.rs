//! `POST /orders`: what is accepted, priced and started, once.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use domain::order::OutOfStockPolicy;
use domain::{Money, Status};
use serde_json::{Value, json};
use support::{ADA, BOB, World, id_of, order_body, post, send};
use testing::samples;

fn with(name: &str, value: Value) -> Value {
    let mut body = order_body();
    body[name] = value;
    body
}

#[tokio::test]
async fn an_order_is_priced_recorded_started_and_answered() {
    let api = World::new();
    let answer = send(&api, post(&order_body(), "key-1")).await;
    let id = id_of("key-1");
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert_eq!(
        answer.body,
        json!({
            "orderId": id,
            "status": "RECEIVED",
            "total": {"amount": 4499, "currency": "USD"},
            "links": {"self": format!("/orders/{id}")},
        })
    );
    assert_eq!(answer.headers["location"], format!("/orders/{id}"));
    assert_eq!(answer.headers["content-type"], "application/json");

    let order = api.orders.order(&id).unwrap();
    assert_eq!(order.customer_id.as_str(), ADA);
    assert_eq!(order.created_at, samples::placed_at());
    assert_eq!(
        order.items.iter().map(|line| line.title.as_str()).collect::<Vec<_>>(),
        ["mug", "tee"]
    );
    assert_eq!(order.total, Money::new(4499, domain::Currency::Usd));
    let started = api.workflow.started.lock().unwrap().clone();
    assert_eq!(started, [(id.to_string(), json!({ "orderId": id }))]);
}

#[tokio::test]
async fn a_scheduled_order_carries_its_date_into_the_execution() {
    let api = World::new();
    let mut body = with("scheduledFor", json!("2026-12-24T17:00:00+01:00"));
    body["paymentCustomer"] = json!("cus_ada");
    body["whenOutOfStock"] = json!("wait");
    body["shippingService"] = json!("express");
    let answer = send(&api, post(&body, "k")).await;
    assert_eq!((answer.status, &answer.body["status"]), (202, &json!("SCHEDULED")));
    let input = api.workflow.started.lock().unwrap()[0].1.clone();
    assert_eq!(input["scheduledFor"], "2026-12-24T16:00:00.000Z");
    let order = api.orders.order(&id_of("k")).unwrap();
    assert_eq!(order.when_out_of_stock, OutOfStockPolicy::Wait);
}

#[tokio::test]
async fn the_expected_total_is_held_against_ours() {
    let expecting = |amount: u64, currency: &str| {
        with("expectedTotal", json!({"amount": amount, "currency": currency}))
    };
    let api = World::new();
    assert_eq!(send(&api, post(&expecting(4499, "USD"), "a")).await.status, 202);
    for (key, body) in [("b", expecting(4498, "USD")), ("c", expecting(4499, "EUR"))] {
        let answer = send(&api, post(&body, key)).await;
        answer.is_problem(409, "total-changed");
        assert_eq!(answer.fields(), ["expectedTotal"]);
        assert!(answer.text.contains("44.99 USD"), "{}", answer.text);
        assert_eq!(api.orders.order(&id_of(key)), None);
    }
}

#[tokio::test]
async fn the_same_request_is_the_same_order_with_its_status_of_now() {
    let api = World::new();
    send(&api, post(&order_body(), "k")).await;
    let again = send(&api, post(&order_body(), "k")).await;
    assert_eq!((again.status, &again.body["status"]), (202, &json!("RECEIVED")));
    let started = api.workflow.started.lock().unwrap().clone();
    assert_eq!(started.len(), 2, "its execution may be missing");
    assert_eq!(started[0], started[1]);

    api.orders.orders.lock().unwrap().get_mut(&id_of("k")).unwrap().status = Status::Fulfilled;
    let later = send(&api, post(&order_body(), "k")).await;
    assert_eq!((later.status, &later.body["status"]), (202, &json!("FULFILLED")));
    assert_eq!(api.workflow.started.lock().unwrap().len(), 2, "its execution ran");
    assert_eq!(api.orders.count(), 1);
}

#[tokio::test]
async fn the_same_request_written_otherwise_is_the_same_request() {
    let api = World::new();
    send(&api, post(&order_body(), "k")).await;
    let mut spelled_out = with("whenOutOfStock", json!("reject")).to_string();
    spelled_out = spelled_out.replace("Ada Lovelace", "\\u0041da Lovelace").replace(':', " : ");
    let answer = send(&api, post(&json!(null), "k").text(&spelled_out)).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
}

#[tokio::test]
async fn a_key_that_was_used_for_another_body_is_refused() {
    let api = World::new();
    send(&api, post(&order_body(), "k")).await;
    let others = [
        with("items", json!([{"sku": "MUG", "quantity": 3}])),
        with("paymentMethod", json!("pm_other")),
        with("expectedTotal", json!({"amount": 4499, "currency": "USD"})),
        with("customer", json!({"name": "Eve", "email": "eve@example.com"})),
    ];
    for body in others {
        let answer = send(&api, post(&body, "k")).await;
        answer.is_problem(422, "idempotency-key-reused");
        assert_eq!(answer.fields(), ["Idempotency-Key"]);
    }
    assert_eq!(api.orders.count(), 1);
}

#[tokio::test]
async fn the_same_key_of_another_customer_is_another_order() {
    let api = World::new();
    let hers = send(&api, post(&order_body(), "k")).await;
    let his = send(&api, post(&order_body(), "k").by(BOB, "orders/write")).await;
    assert_eq!(his.status, 202);
    assert_ne!(hers.body["orderId"], his.body["orderId"]);
}

#[tokio::test]
async fn a_repeat_is_not_judged_by_prices_and_dates_of_today() {
    let api = World::new();
    let mut body = with("scheduledFor", json!("2026-11-24T04:00:00Z"));
    body["paymentCustomer"] = json!("cus_ada");
    body["expectedTotal"] = json!({"amount": 4499, "currency": "USD"});
    assert_eq!(send(&api, post(&body, "k")).await.status, 202);
    api.inventory.shelves.lock().unwrap().clear();
    let much_later = samples::placed_at().plus_hours(48);
    let again = send(&api, post(&body, "k").at(much_later)).await;
    assert_eq!((again.status, &again.body["total"]["amount"]), (202, &json!(4499)));
    let fresh = send(&api, post(&body, "fresh").at(much_later)).await;
    assert_eq!(fresh.fields(), ["scheduledFor"]);
}

#[tokio::test]
async fn an_order_that_cannot_be_priced_names_its_line() {
    let api = World::new();
    let check = async |items: Value, field: &str| {
        let answer = send(&api, post(&with("items", items), "k")).await;
        answer.is_problem(422, "unprocessable");
        assert_eq!(answer.fields(), [field]);
        assert_eq!(api.orders.count(), 0);
    };
    let line = |sku: &str, quantity: u32| json!({"sku": sku, "quantity": quantity});
    check(json!([line("MUG", 1), line("NIL", 1)]), "items[1].sku").await;
    check(json!([line("MUG", 1), line("CUP", 1)]), "items[1].sku").await;
    check(json!([line("FAN", 1)]), "items[0].sku").await;
    check(json!([line("PIN", 1)]), "items").await;
}

#[tokio::test]
async fn fifty_lines_are_taken() {
    let api = World::new();
    let items: Vec<_> = (0..50).map(|_| json!({"sku": "MUG", "quantity": 999})).collect();
    let answer = send(&api, post(&with("items", json!(items)), "k")).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert_eq!(answer.body["total"]["amount"], 50 * 999 * 1250);
}

#[tokio::test]
async fn when_the_store_is_away_the_client_is_told_to_come_again() {
    let api = World::new();
    *api.orders.store_is_down.lock().unwrap() = true;
    let answer = send(&api, post(&order_body(), "k")).await;
    answer.is_problem(503, "unavailable");
    assert_eq!(answer.headers["retry-after"], "1");
    assert!(api.workflow.started.lock().unwrap().is_empty());

    let api = World::new();
    *api.inventory.store_is_down.lock().unwrap() = true;
    send(&api, post(&order_body(), "k")).await.is_problem(503, "unavailable");
    assert_eq!(api.orders.count(), 0);
}

#[tokio::test]
async fn an_order_that_could_not_be_started_is_begun_by_the_same_request() {
    let api = World::new();
    *api.workflow.workflow_is_down.lock().unwrap() = true;
    let answer = send(&api, post(&order_body(), "k")).await;
    answer.is_problem(503, "unavailable");
    assert_eq!(api.orders.count(), 1, "it is on record");
    *api.workflow.workflow_is_down.lock().unwrap() = false;
    assert_eq!(send(&api, post(&order_body(), "k")).await.status, 202);
    assert_eq!(api.workflow.started.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_event_without_a_time_asks_the_clock() {
    let api = World::new();
    let mut call = post(&order_body(), "k");
    call.event["requestContext"]["timeEpoch"] = json!(null);
    let now = samples::placed_at().plus_hours(1);
    order_api::handle(&call.event, &api, || now).await.unwrap();
    assert_eq!(api.orders.order(&id_of("k")).unwrap().created_at, now);
}

#[tokio::test]
async fn what_is_no_event_is_a_failure_that_quotes_nothing() {
    let api = World::new();
    for event in [json!(null), json!("canary"), json!({"requestContext": {"http": "canary"}})] {
        let failure = order_api::handle(&event, &api, samples::placed_at).await.unwrap_err();
        assert_eq!(failure.name, domain::ErrorName::InvalidRequest);
        assert!(!failure.detail.contains("canary"), "{}", failure.detail);
    }
}
