//! The Orders table against the emulator: each condition has a test here that
//! fails without it.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use aws::Orders;
use domain::Order;
use domain::compensation::FailedStates;
use domain::ports::{LoadOrder, PlaceOrder, PlaceResult, SaveOrder, SaveResult, StoreUnavailable};
use serde_json::json;
use support::{Instead, ORDERS, World};
use testing::samples;

fn orders(world: &World) -> Orders {
    world.aws().orders(ORDERS)
}

async fn placed(world: &World, order: &Order) -> Orders {
    let orders = orders(world);
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
        let orders = placed(&World::new(), &order).await;
        assert_eq!(orders.load(&order.order_id).await, Ok(Some(order)));
    }
}

#[tokio::test]
async fn an_order_of_nobody_is_no_error() {
    assert_eq!(orders(&World::new()).load(&samples::received().order_id).await, Ok(None));
}

#[tokio::test]
async fn a_load_is_strongly_consistent() {
    let world = World::new();
    orders(&world).load(&samples::received().order_id).await.unwrap();
    assert_eq!(world.last_request()["ConsistentRead"], true);
}

#[tokio::test]
async fn a_repeat_meets_its_own_order_and_changes_nothing() {
    let world = World::new();
    let first = samples::authorized();
    let orders = placed(&world, &first).await;
    let repeat = orders.place(&samples::received()).await;
    assert_eq!(repeat, Ok(PlaceResult::Exists(Box::new(first.clone()))));
    assert_eq!(orders.load(&first.order_id).await, Ok(Some(first)));
    assert_eq!(world.calls(), ["PutItem", "PutItem", "GetItem"], "a repeat costs no read");
}

#[tokio::test]
async fn a_save_is_refused_when_the_order_changed_since_it_was_read() {
    let world = World::new();
    let read = samples::received();
    let orders = placed(&world, &read).await;
    let mine = read.with_next_attempt(samples::placed_at());
    let theirs = read.with_attention(domain::order::TimelineCode::Disputed, samples::placed_at());
    assert_eq!(orders.save(&read, &theirs).await, Ok(SaveResult::Saved));
    assert_eq!(orders.save(&read, &mine).await, Ok(SaveResult::Conflict));
    assert_eq!(orders.load(&read.order_id).await, Ok(Some(theirs)));
}

#[tokio::test]
async fn a_save_never_makes_an_order_that_is_not_there() {
    let world = World::new();
    let order = samples::received();
    let after = order.with_next_attempt(samples::placed_at());
    assert_eq!(orders(&world).save(&order, &after).await, Ok(SaveResult::Conflict));
    assert_eq!(orders(&world).load(&order.order_id).await, Ok(None));
}

#[tokio::test]
async fn a_save_writes_what_changed_and_leaves_what_a_newer_release_added() {
    let world = World::new();
    let before = samples::in_review();
    let orders = placed(&world, &before).await;
    let key = json!({"orderId": {"S": before.order_id}});
    world.call(
        "UpdateItem",
        &json!({
            "TableName": ORDERS, "Key": key, "UpdateExpression": "SET giftWrap = :w",
            "ExpressionAttributeValues": {":w": {"S": "stars"}},
        }),
    );
    let after = before.reserved(samples::placed_at().plus_minutes(1)).unwrap();
    assert_eq!(orders.save(&before, &after).await, Ok(SaveResult::Saved));
    let sent = world.last_request()["UpdateExpression"].as_str().unwrap().to_owned();
    assert!(!sent.contains("shippingAddress"), "{sent}");
    assert!(sent.contains("REMOVE") && sent.contains("#taskToken"), "the wait is over: {sent}");

    let item = world.call("GetItem", &json!({"TableName": ORDERS, "Key": key}))["Item"].clone();
    assert_eq!(item["giftWrap"]["S"], "stars");
    assert_eq!(orders.load(&before.order_id).await, Ok(Some(after)));
}

#[tokio::test]
async fn a_save_whose_answer_is_lost_is_found_to_be_done_by_reading_again() {
    let world = World::new();
    let before = samples::received();
    let orders = placed(&world, &before).await;
    let after = before.with_next_attempt(samples::placed_at());
    world.next(Instead::LoseAnswer);
    // The quick retry meets what the first attempt wrote.
    assert_eq!(orders.save(&before, &after).await, Ok(SaveResult::Conflict));
    assert_eq!(orders.load(&before.order_id).await, Ok(Some(after)));
}

#[tokio::test]
async fn a_store_that_cannot_be_reached_says_so_and_quotes_nothing() {
    let check = |result: Result<(), StoreUnavailable>, expected: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("secret"), "{error}");
    };
    let world = World::new();
    let orders = world.aws_trying(1).orders(ORDERS);
    let (before, order_id) = (samples::received(), samples::received().order_id);
    let after = before.with_next_attempt(samples::placed_at());
    world.next(Instead::Refuse);
    check(orders.load(&order_id).await.map(drop), "GetItem: no connection");
    world.refuse_with("AccessDeniedException");
    check(orders.load(&order_id).await.map(drop), "GetItem: AccessDeniedException");
    world.refuse_with("ThrottlingException");
    check(orders.save(&before, &after).await.map(drop), "UpdateItem: ThrottlingException");
    world.next(Instead::Refuse);
    check(orders.place(&before).await.map(drop), "PutItem: no connection");
    world.next(Instead::Answer(500, json!("secret")));
    check(orders.place(&before).await.map(drop), "PutItem: ");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_names_its_order_and_nothing_in_it() {
    let world = World::new();
    let order = samples::received();
    let orders = placed(&world, &order).await;
    world.call(
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
