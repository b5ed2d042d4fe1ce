//! The Orders table against the emulator. Each condition of a write has a test that
//! fails without it.

use aws::Orders;
use domain::Order;
use domain::compensation::FailedStates;
use domain::ports::{LoadOrder, PlaceOrder, PlaceResult, SaveOrder, SaveResult, StoreUnavailable};
use serde_json::json;
use testing::samples;

use crate::test_bed::{Injected, ORDERS, TestBed};

fn orders(bed: &TestBed) -> Orders {
    bed.aws().orders(ORDERS)
}

async fn placed(bed: &TestBed, order: &Order) -> Orders {
    let orders = orders(bed);
    assert_eq!(orders.place(order).await, Ok(PlaceResult::Created));
    orders
}

#[tokio::test]
async fn an_order_is_read_as_it_was_written_at_every_stage() {
    for order in [
        samples::received(),
        samples::in_review(),
        samples::needs_attention(),
        samples::fulfilled(),
        samples::labeled().begin_compensation(&FailedStates::new(), samples::placed_at()),
    ] {
        let orders = placed(&TestBed::new(), &order).await;
        assert_eq!(orders.load(&order.order_id).await, Ok(Some(order)));
    }
}

#[tokio::test]
async fn loading_an_unknown_order_is_not_an_error() {
    assert_eq!(orders(&TestBed::new()).load(&samples::received().order_id).await, Ok(None));
}

#[tokio::test]
async fn a_load_is_strongly_consistent() {
    let bed = TestBed::new();
    orders(&bed).load(&samples::received().order_id).await.unwrap();
    assert_eq!(bed.last_request()["ConsistentRead"], true);
}

#[tokio::test]
async fn a_repeated_place_returns_the_existing_order_and_changes_nothing() {
    let bed = TestBed::new();
    let first = samples::authorized();
    let orders = placed(&bed, &first).await;
    let repeat = orders.place(&samples::received()).await;
    assert_eq!(repeat, Ok(PlaceResult::Exists(Box::new(first.clone()))));
    assert_eq!(orders.load(&first.order_id).await, Ok(Some(first)));
    assert_eq!(bed.calls(), ["PutItem", "PutItem", "GetItem"], "a repeat costs no read");
}

#[tokio::test]
async fn a_save_conflicts_if_the_order_changed_since_it_was_read() {
    let bed = TestBed::new();
    let read = samples::received();
    let orders = placed(&bed, &read).await;
    let mine = read.with_next_attempt(samples::placed_at());
    let theirs = read.with_attention(domain::order::TimelineCode::Disputed, samples::placed_at());
    assert_eq!(orders.save(&read, &theirs).await, Ok(SaveResult::Saved));
    assert_eq!(orders.save(&read, &mine).await, Ok(SaveResult::Conflict));
    assert_eq!(orders.load(&read.order_id).await, Ok(Some(theirs)));
}

#[tokio::test]
async fn a_save_never_creates_an_order() {
    let bed = TestBed::new();
    let order = samples::received();
    let after = order.with_next_attempt(samples::placed_at());
    assert_eq!(orders(&bed).save(&order, &after).await, Ok(SaveResult::Conflict));
    assert_eq!(orders(&bed).load(&order.order_id).await, Ok(None));
}

#[tokio::test]
async fn a_save_writes_only_what_changed_and_keeps_what_a_newer_release_added() {
    let bed = TestBed::new();
    let before = samples::in_review();
    let orders = placed(&bed, &before).await;
    let key = json!({"orderId": {"S": before.order_id}});
    bed.call(
        "UpdateItem",
        &json!({
            "TableName": ORDERS, "Key": key, "UpdateExpression": "SET giftWrap = :w",
            "ExpressionAttributeValues": {":w": {"S": "stars"}},
        }),
    );
    let after = before.reserved(samples::placed_at().plus_minutes(1)).unwrap();
    assert_eq!(orders.save(&before, &after).await, Ok(SaveResult::Saved));
    let sent = bed.last_request()["UpdateExpression"].as_str().unwrap().to_owned();
    assert!(!sent.contains("shippingAddress"), "{sent}");
    assert!(sent.contains("REMOVE") && sent.contains("#taskToken"), "the wait is over: {sent}");

    let item = bed.call("GetItem", &json!({"TableName": ORDERS, "Key": key}))["Item"].clone();
    assert_eq!(item["giftWrap"]["S"], "stars");
    assert_eq!(orders.load(&before.order_id).await, Ok(Some(after)));
}

#[tokio::test]
async fn a_save_whose_response_is_lost_is_found_by_reading_the_order_again() {
    let bed = TestBed::new();
    let before = samples::received();
    let orders = placed(&bed, &before).await;
    let after = before.with_next_attempt(samples::placed_at());
    bed.inject(Injected::LostResponse);
    // The SDK's retry finds what the first attempt wrote.
    assert_eq!(orders.save(&before, &after).await, Ok(SaveResult::Conflict));
    assert_eq!(orders.load(&before.order_id).await, Ok(Some(after)));
}

#[tokio::test]
async fn the_error_of_an_unavailable_table_names_the_operation_and_quotes_nothing() {
    let check = |result: Result<(), StoreUnavailable>, expected: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("secret"), "{error}");
    };
    let bed = TestBed::new();
    let orders = bed.aws_with_attempts(1).orders(ORDERS);
    let (before, order_id) = (samples::received(), samples::received().order_id);
    let after = before.with_next_attempt(samples::placed_at());
    bed.inject(Injected::ConnectionError);
    check(orders.load(&order_id).await.map(drop), "GetItem: no connection");
    bed.reject_with("AccessDeniedException");
    check(orders.load(&order_id).await.map(drop), "GetItem: AccessDeniedException");
    bed.reject_with("ThrottlingException");
    check(orders.save(&before, &after).await.map(drop), "UpdateItem: ThrottlingException");
    bed.inject(Injected::ConnectionError);
    check(orders.place(&before).await.map(drop), "PutItem: no connection");
    bed.inject(Injected::Response(500, json!("secret")));
    check(orders.place(&before).await.map(drop), "PutItem: ");
}

#[tokio::test]
async fn the_error_for_a_malformed_order_names_it_and_quotes_nothing() {
    let bed = TestBed::new();
    let order = samples::received();
    let orders = placed(&bed, &order).await;
    bed.call(
        "UpdateItem",
        &json!({
            "TableName": ORDERS, "Key": {"orderId": {"S": order.order_id}},
            "UpdateExpression": "SET #s = :s", "ExpressionAttributeNames": {"#s": "status"},
            "ExpressionAttributeValues": {":s": {"S": "canary"}},
        }),
    );
    let error = orders.load(&order.order_id).await.unwrap_err().to_string();
    assert!(error.contains(order.order_id.as_str()), "{error}");
    assert!(!error.contains("canary"), "{error}");
}
