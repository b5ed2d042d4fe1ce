//! `POST /orders`: an order is priced, recorded and started, once.

use crate::support::{ADA, BOB, TestBed, id_of, order_body, place_order, recorded, send};
use domain::order::OutOfStockPolicy;
use domain::{Money, Status};
use serde_json::{Value, json};
use testing::samples;

fn with(name: &str, value: Value) -> Value {
    let mut body = order_body();
    body[name] = value;
    body
}

#[tokio::test]
async fn an_order_is_priced_recorded_and_started() {
    let api = TestBed::new();
    let response = send(&api, place_order(&order_body(), "key-1")).await;
    let id = id_of("key-1");
    assert_eq!(response.status, 202, "{}", response.text);
    assert_eq!(
        response.body,
        json!({
            "orderId": id,
            "status": "RECEIVED",
            "total": {"amount": 4499, "currency": "USD"},
            "links": {"self": format!("/orders/{id}")},
        })
    );
    assert_eq!(response.headers["location"], format!("/orders/{id}"));
    assert_eq!(response.headers["content-type"], "application/json");

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
    let api = TestBed::new();
    let mut body = with("scheduledFor", json!("2026-12-24T17:00:00+01:00"));
    body["paymentCustomer"] = json!("cus_ada");
    body["whenOutOfStock"] = json!("wait");
    body["shippingService"] = json!("express");
    let response = send(&api, place_order(&body, "k")).await;
    assert_eq!((response.status, &response.body["status"]), (202, &json!("SCHEDULED")));
    let input = api.workflow.started.lock().unwrap()[0].1.clone();
    assert_eq!(input["scheduledFor"], "2026-12-24T16:00:00.000Z");
    let order = api.orders.order(&id_of("k")).unwrap();
    assert_eq!(order.when_out_of_stock, OutOfStockPolicy::Wait);
}

#[tokio::test]
async fn an_expected_total_that_differs_is_refused() {
    let expecting = |amount: u64, currency: &str| {
        with("expectedTotal", json!({"amount": amount, "currency": currency}))
    };
    let api = TestBed::new();
    assert_eq!(send(&api, place_order(&expecting(4499, "USD"), "a")).await.status, 202);
    for (key, body) in [("b", expecting(4498, "USD")), ("c", expecting(4499, "EUR"))] {
        let response = send(&api, place_order(&body, key)).await;
        response.assert_problem(409, "total-changed");
        assert_eq!(response.fields(), ["expectedTotal"]);
        assert!(response.text.contains("44.99 USD"), "{}", response.text);
        assert_eq!(api.orders.order(&id_of(key)), None);
    }
}

#[tokio::test]
async fn a_repeated_request_returns_the_same_order_with_its_current_status() {
    let api = TestBed::new();
    send(&api, place_order(&order_body(), "k")).await;
    let repeated = send(&api, place_order(&order_body(), "k")).await;
    assert_eq!((repeated.status, &repeated.body["status"]), (202, &json!("RECEIVED")));
    let started = api.workflow.started.lock().unwrap().clone();
    assert_eq!(started.len(), 2, "the execution may be missing");
    assert_eq!(started[0], started[1]);

    api.orders.orders.lock().unwrap().get_mut(&id_of("k")).unwrap().status = Status::Fulfilled;
    let later = send(&api, place_order(&order_body(), "k")).await;
    assert_eq!((later.status, &later.body["status"]), (202, &json!("FULFILLED")));
    assert_eq!(api.workflow.started.lock().unwrap().len(), 2, "the execution ran already");
    assert_eq!(api.orders.count(), 1);
}

#[tokio::test]
async fn the_same_request_in_another_notation_is_the_same_request() {
    let api = TestBed::new();
    send(&api, place_order(&order_body(), "k")).await;
    let mut spelled_out = with("whenOutOfStock", json!("reject")).to_string();
    spelled_out = spelled_out.replace("Ada Lovelace", "\\u0041da Lovelace").replace(':', " : ");
    let response = send(&api, place_order(&json!(null), "k").text(&spelled_out)).await;
    assert_eq!(response.status, 202, "{}", response.text);
}

#[tokio::test]
async fn a_key_that_was_used_for_another_body_is_refused() {
    let api = TestBed::new();
    send(&api, place_order(&order_body(), "k")).await;
    let others = [
        with("items", json!([{"sku": "MUG", "quantity": 3}])),
        with("paymentMethod", json!("pm_other")),
        with("expectedTotal", json!({"amount": 4499, "currency": "USD"})),
        with("customer", json!({"name": "Eve", "email": "eve@example.com"})),
    ];
    for body in others {
        let response = send(&api, place_order(&body, "k")).await;
        response.assert_problem(422, "idempotency-key-reused");
        assert_eq!(response.fields(), ["Idempotency-Key"]);
    }
    assert_eq!(api.orders.count(), 1);
}

#[tokio::test]
async fn an_order_needs_no_email_address() {
    let api = TestBed::new();
    let response = send(&api, place_order(&with("customer", json!({"name": "Eve"})), "k")).await;
    assert_eq!(response.status, 202, "{}", response.text);
    let order = api.orders.order(&id_of("k")).unwrap();
    assert_eq!(order.customer.unwrap().expose().email, None);
}

#[tokio::test]
async fn a_repeat_of_a_request_whose_order_was_erased_places_and_reveals_nothing() {
    let api = TestBed::new();
    assert_eq!(send(&api, place_order(&order_body(), "k")).await.status, 202);
    let order = api.orders.order(&id_of("k")).unwrap();
    let erased = order.without_personal_data(samples::placed_at());
    api.orders.insert(erased.clone());
    api.workflow.started.lock().unwrap().clear();
    // The same body, another one, and one that could not be accepted today.
    let others = [
        order_body(),
        with("customer", json!({"name": "Eve"})),
        with("items", json!([{"sku": "NIL", "quantity": 1}])),
    ];
    let mut answers = Vec::new();
    for body in others {
        let response = send(&api, place_order(&body, "k")).await;
        response.assert_problem(422, "idempotency-key-reused");
        assert_eq!(response.fields(), ["Idempotency-Key"]);
        answers.push(response.text);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "the answer does not tell whether the body is the same");
    assert_eq!(recorded(&api, &erased), erased);
    assert_eq!(api.orders.count(), 1);
    assert!(api.workflow.started.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_same_key_of_another_customer_places_another_order() {
    let api = TestBed::new();
    let of_ada = send(&api, place_order(&order_body(), "k")).await;
    let of_bob = send(&api, place_order(&order_body(), "k").by(BOB, "orders/write")).await;
    assert_eq!(of_bob.status, 202);
    assert_ne!(of_ada.body["orderId"], of_bob.body["orderId"]);
}

#[tokio::test]
async fn a_repeated_request_ignores_new_prices_and_the_new_time() {
    let api = TestBed::new();
    let mut body = with("scheduledFor", json!("2026-11-24T04:00:00Z"));
    body["paymentCustomer"] = json!("cus_ada");
    body["expectedTotal"] = json!({"amount": 4499, "currency": "USD"});
    assert_eq!(send(&api, place_order(&body, "k")).await.status, 202);
    api.inventory.stock.lock().unwrap().clear();
    let much_later = samples::placed_at().plus_hours(48);
    let repeated = send(&api, place_order(&body, "k").at(much_later)).await;
    assert_eq!((repeated.status, &repeated.body["total"]["amount"]), (202, &json!(4499)));
    let fresh = send(&api, place_order(&body, "fresh").at(much_later)).await;
    assert_eq!(fresh.fields(), ["scheduledFor"]);
}

#[tokio::test]
async fn a_line_that_cannot_be_priced_is_named() {
    let api = TestBed::new();
    let check = async |items: Value, field: &str| {
        let response = send(&api, place_order(&with("items", items), "k")).await;
        response.assert_problem(422, "unprocessable");
        assert_eq!(response.fields(), [field]);
        assert_eq!(api.orders.count(), 0);
    };
    let line = |sku: &str, quantity: u32| json!({"sku": sku, "quantity": quantity});
    check(json!([line("MUG", 1), line("NIL", 1)]), "items[1].sku").await;
    check(json!([line("MUG", 1), line("CUP", 1)]), "items[1].sku").await;
    check(json!([line("FAN", 1)]), "items[0].sku").await;
    check(json!([line("PIN", 1)]), "items").await;
}

#[tokio::test]
async fn fifty_lines_are_accepted() {
    let api = TestBed::new();
    let items: Vec<_> = (0..50).map(|_| json!({"sku": "MUG", "quantity": 999})).collect();
    let response = send(&api, place_order(&with("items", json!(items)), "k")).await;
    assert_eq!(response.status, 202, "{}", response.text);
    assert_eq!(response.body["total"]["amount"], 50 * 999 * 1250);
}

#[tokio::test]
async fn an_unavailable_store_asks_the_client_to_retry() {
    let api = TestBed::new();
    *api.orders.store_is_down.lock().unwrap() = true;
    let response = send(&api, place_order(&order_body(), "k")).await;
    response.assert_problem(503, "unavailable");
    assert_eq!(response.headers["retry-after"], "1");
    assert!(api.workflow.started.lock().unwrap().is_empty());

    let api = TestBed::new();
    *api.inventory.store_is_down.lock().unwrap() = true;
    send(&api, place_order(&order_body(), "k")).await.assert_problem(503, "unavailable");
    assert_eq!(api.orders.count(), 0);
}

#[tokio::test]
async fn a_repeated_request_starts_an_order_that_could_not_be_started() {
    let api = TestBed::new();
    *api.workflow.workflow_is_down.lock().unwrap() = true;
    let response = send(&api, place_order(&order_body(), "k")).await;
    response.assert_problem(503, "unavailable");
    assert_eq!(api.orders.count(), 1, "the order is recorded");
    *api.workflow.workflow_is_down.lock().unwrap() = false;
    assert_eq!(send(&api, place_order(&order_body(), "k")).await.status, 202);
    assert_eq!(api.workflow.started.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_event_without_a_time_uses_the_clock() {
    let api = TestBed::new();
    let mut request = place_order(&order_body(), "k");
    request.event["requestContext"]["timeEpoch"] = json!(null);
    let now = samples::placed_at().plus_hours(1);
    order_api::handle(&request.event, &api, || now).await.unwrap();
    assert_eq!(api.orders.order(&id_of("k")).unwrap().created_at, now);
}

#[tokio::test]
async fn an_input_that_is_not_an_event_fails_and_is_not_quoted() {
    let api = TestBed::new();
    for event in [json!(null), json!("canary"), json!({"requestContext": {"http": "canary"}})] {
        let failure = order_api::handle(&event, &api, samples::placed_at).await.unwrap_err();
        assert_eq!(failure.name, domain::ErrorName::InvalidRequest);
        assert!(!failure.detail.contains("canary"), "{}", failure.detail);
    }
}
