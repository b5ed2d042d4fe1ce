//! The table of recent orders against the emulator: concurrent requests never add more orders
//! than there was room for, and what was written is read back.

use aws::RecentOrders;
use domain::ports::{AddRecentOrderResult, PlaceOrder, TrackRecentOrders};
use domain::recent_orders::{OrderLimits, RecentOrder};
use domain::{CustomerId, OrderId, Timestamp};
use serde_json::json;
use testing::samples;

use crate::test_bed::{Injected, ORDERS, RECENT_ORDERS, TestBed};

const LIMITS: OrderLimits =
    OrderLimits { per_hour: 3, open: 50, scheduled: 10, failed_per_hour: 50 };

fn at() -> Timestamp {
    samples::placed_at()
}

fn ada() -> CustomerId {
    samples::received().customer_id
}

fn id(key: &str) -> OrderId {
    OrderId::for_request(&ada(), key)
}

fn table(bed: &TestBed) -> RecentOrders {
    bed.aws().recent_orders(RECENT_ORDERS, ORDERS)
}

#[tokio::test]
async fn of_requests_that_read_the_same_record_only_as_many_add_an_order_as_there_is_room() {
    let bed = TestBed::new();
    let table = table(&bed);
    let before = table.recent_orders(&ada()).await.unwrap();
    let mut results = Vec::new();
    for number in 0..5 {
        let update = before.admit(&id(&number.to_string()), false, &LIMITS, at());
        let update = update.unwrap().unwrap();
        results.push(table.add_recent_order(&ada(), &update).await.unwrap());
    }
    let added = |result: &&AddRecentOrderResult| **result == AddRecentOrderResult::Added;
    assert_eq!(results.iter().filter(added).count(), 3, "{results:?}");
    let after = table.recent_orders(&ada()).await.unwrap();
    assert_eq!((after.added, after.orders.len()), (3, 3));
    assert!(after.admit(&id("next"), false, &LIMITS, at()).is_err());
}

#[tokio::test]
async fn an_order_that_ended_an_hour_ago_leaves_the_record_with_the_next_order() {
    let bed = TestBed::new();
    let table = table(&bed);
    let order = samples::fulfilled();
    bed.aws().orders(ORDERS).place(&order).await.unwrap();
    let mut record = table.recent_orders(&ada()).await.unwrap();
    let update = record.admit(&order.order_id, true, &LIMITS, at()).unwrap().unwrap();
    let _added = table.add_recent_order(&ada(), &update).await.unwrap();

    let later = at().plus_hours(2);
    record = table.recent_orders(&ada()).await.unwrap();
    let entry = RecentOrder { at: at(), scheduled: true, end: None };
    assert_eq!(record.orders.get(&order.order_id), Some(&entry), "as it was written");
    let ids = [order.order_id.clone(), id("never-stored")];
    let found = table.current_orders(&ids).await.unwrap();
    assert_eq!(found.as_slice(), std::slice::from_ref(&order));
    record.learn(&ids, &found, later);
    let update = record.admit(&id("next"), false, &LIMITS, later).unwrap().unwrap();
    let _added = table.add_recent_order(&ada(), &update).await.unwrap();
    let expires = later.plus_days(100).to_jiff().as_second().to_string();
    let sent = bed.last_request();
    assert_eq!(sent["ExpressionAttributeValues"][":expiresAt"], json!({"N": expires}));
    let record = table.recent_orders(&ada()).await.unwrap();
    assert_eq!(record.orders.keys().collect::<Vec<_>>(), [&id("next")]);
}

#[tokio::test]
async fn every_read_is_strongly_consistent() {
    let bed = TestBed::new();
    let table = table(&bed);
    table.recent_orders(&ada()).await.unwrap();
    assert_eq!(bed.last_request()["ConsistentRead"], true);
    table.current_orders(&[id("any")]).await.unwrap();
    assert_eq!(bed.last_request()["RequestItems"][ORDERS]["ConsistentRead"], true);
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_unavailable() {
    let bed = TestBed::new();
    let table = table(&bed);
    let update = table.recent_orders(&ada()).await.unwrap();
    let update = update.admit(&id("any"), false, &LIMITS, at()).unwrap().unwrap();
    for _ in 0..2 {
        bed.inject(Injected::ConnectionError);
    }
    let error = table.add_recent_order(&ada(), &update).await.unwrap_err();
    assert_eq!(error.0, "UpdateItem: no connection");
}
