//! The limits per customer: 429 with `Retry-After`, and what counts against each limit.

use std::sync::Arc;

use domain::compensation::{FailedState, FailedStates};
use domain::payment::PaymentStatus;
use domain::steps::State;
use domain::{ErrorName, Order, Timestamp};
use serde_json::{Value, json};
use testing::samples;

use crate::support::{
    BOB, FakeRecentOrders, LIMITS, TestApi, TestBed, TestResponse, id_of, order_body, place_order,
    send,
};

struct Shop {
    api: TestApi,
    recent: Arc<FakeRecentOrders>,
}

impl Shop {
    fn new() -> Self {
        let recent = Arc::new(FakeRecentOrders::default());
        let mut api = TestBed::new();
        api.recent_orders = Arc::clone(&recent) as _;
        Self { api, recent }
    }

    /// Places an order of Ada's, so many minutes after the first.
    async fn place(&self, key: &str, minute: i64) -> TestResponse {
        self.place_body(&order_body(), key, minute).await
    }

    async fn place_body(&self, body: &Value, key: &str, minute: i64) -> TestResponse {
        send(&self.api, place_order(body, key).at(minutes(minute))).await
    }

    /// Places so many orders in the first minute.
    async fn place_all(&self, count: u32) {
        for number in 0..count {
            let placed = self.place(&format!("order-{number}"), 0).await;
            assert_eq!(placed.status, 202, "{number}: {}", placed.text);
        }
    }

    fn order(&self, key: &str) -> Order {
        self.api.orders.order(&id_of(key)).unwrap()
    }

    /// Writes the current state of an order.
    fn becomes(&self, order: Order) {
        let mut orders = self.recent.orders.lock().unwrap();
        orders.retain(|other| other.order_id != order.order_id);
        orders.push(order);
    }

    /// Records for each order that it is as it was placed.
    fn all_are_open(&self, count: u32) {
        for number in 0..count {
            self.becomes(self.order(&format!("order-{number}")));
        }
    }
}

fn minutes(minute: i64) -> Timestamp {
    samples::placed_at().plus_minutes(minute)
}

fn ended(order: &Order, state: State, error: &str, minute: i64) -> Order {
    let failed = FailedState { error: error.to_owned(), shortages: Vec::new() };
    let failed = FailedStates::from([(state, failed)]);
    let order = order.begin_compensation(&failed, minutes(minute));
    order.closed(PaymentStatus::Voided, minutes(minute)).unwrap()
}

#[track_caller]
fn assert_refused(response: &TestResponse, says: &str, retry_after: &str) {
    response.assert_problem(429, "too-many-orders");
    let detail = response.body["detail"].as_str().unwrap();
    assert!(detail.contains(says), "{detail}");
    assert_eq!(response.headers["retry-after"], retry_after, "{detail}");
}

#[tokio::test]
async fn a_customer_may_place_a_limited_number_of_orders_within_an_hour() {
    let shop = Shop::new();
    for number in 0..LIMITS.per_hour {
        let key = format!("order-{number}");
        assert_eq!(shop.place(&key, i64::from(number)).await.status, 202);
        shop.becomes(ended(&shop.order(&key), State::InitiateShipping, "ShippingRejected", 1));
    }
    let refused = shop.place("too-many", 10).await;
    assert_refused(&refused, "6 orders within an hour", "3000");
    assert!(shop.api.orders.order(&id_of("too-many")).is_none(), "nothing is stored");
    let of_another = place_order(&order_body(), "bob").by(BOB, "orders/write").at(minutes(10));
    assert_eq!(send(&shop.api, of_another).await.status, 202, "another customer");
    assert_eq!(shop.place("later", 60).await.status, 202, "the first was an hour ago");
    let refused = shop.place("again", 60).await;
    assert_refused(&refused, "within an hour", "60");
}

#[tokio::test]
async fn a_repeated_request_of_an_accepted_order_is_never_refused() {
    let shop = Shop::new();
    shop.place_all(LIMITS.open).await;
    shop.all_are_open(LIMITS.open);
    assert_eq!(shop.place("new", 0).await.status, 429);
    assert_eq!(shop.place("order-0", 0).await.status, 202);
    assert_eq!(shop.place("order-0", 90).await.status, 202, "also later");
}

#[tokio::test]
async fn open_orders_are_limited_until_one_ends() {
    let shop = Shop::new();
    shop.place_all(LIMITS.open).await;
    shop.all_are_open(LIMITS.open);
    assert_refused(&shop.place("new", 61).await, "5 open orders", "300");
    shop.becomes(ended(&shop.order("order-0"), State::InitiateShipping, "ShippingRejected", 61));
    assert_eq!(shop.place("new", 61).await.status, 202);
}

#[tokio::test]
async fn scheduled_orders_are_limited_and_others_go_on() {
    let shop = Shop::new();
    let mut body = order_body();
    body["paymentCustomer"] = json!("cus_ada");
    body["scheduledFor"] = json!("2026-12-24T16:00:00Z");
    for number in 0..LIMITS.scheduled {
        let key = format!("order-{number}");
        assert_eq!(shop.place_body(&body, &key, 0).await.status, 202);
    }
    shop.all_are_open(LIMITS.scheduled);
    let refused = shop.place_body(&body, "scheduled", 0).await;
    assert_refused(&refused, "2 scheduled orders", "300");
    assert_eq!(shop.place("at-once", 0).await.status, 202);
}

#[tokio::test]
async fn orders_that_are_declined_or_out_of_stock_count_and_outages_do_not() {
    let declined = ErrorName::PaymentDeclined.as_str();
    for (state, error, expected) in [
        (State::ProcessPayment, declined, 429),
        (State::OutOfStock, "OutOfStock", 429),
        (State::ProcessPayment, "PaymentGatewayUnavailable", 202),
    ] {
        let shop = Shop::new();
        shop.place_all(LIMITS.failed_per_hour).await;
        for number in 0..LIMITS.failed_per_hour {
            let order = shop.order(&format!("order-{number}"));
            shop.becomes(ended(&order, state, error, i64::from(number)));
        }
        let next = shop.place("next", 30).await;
        assert_eq!(next.status, expected, "{state:?} {error}: {}", next.text);
        if expected == 429 {
            assert_refused(&next, "declined or out of stock", "1800");
        }
        assert_eq!(shop.place("later", 60).await.status, 202, "{state:?} {error}");
    }
}

#[tokio::test]
async fn an_order_that_was_counted_and_never_stored_counts_for_a_few_minutes() {
    let shop = Shop::new();
    shop.place_all(LIMITS.open).await;
    // Of these five orders, none can be read.
    assert_refused(&shop.place("soon", 1).await, "5 open orders", "300");
    assert_eq!(shop.place("later", 5).await.status, 202);
}

#[tokio::test]
async fn an_order_far_below_the_limits_costs_no_read_of_other_orders() {
    let shop = Shop::new();
    shop.place_all(LIMITS.failed_per_hour).await;
    assert_eq!(*shop.recent.reads.lock().unwrap(), 0);
}
