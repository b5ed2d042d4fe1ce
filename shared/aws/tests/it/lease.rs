//! The lease of the sweep in the emulator's table.

use domain::ledger::ScanOrders as _;
use domain::ports::{ListDueOrders as _, SweepLease as _};
use testing::samples;

use crate::test_bed::{ORDERS, TestBed};

#[tokio::test]
async fn the_lease_is_held_by_one_at_a_time() {
    let bed = TestBed::new();
    let (one, other) = (bed.aws().orders(ORDERS), bed.aws().orders(ORDERS));
    let at = samples::placed_at();
    let end = at.plus_seconds(55);
    assert_eq!(one.take(at, end).await, Ok(Some(1)));
    assert_eq!(other.take(at.plus_seconds(54), end).await, Ok(None), "it is held");
    assert_eq!(one.end_at(1, at.plus_seconds(70)).await, Ok(true));
    assert_eq!(other.take(end, at.plus_minutes(2)).await, Ok(None), "it was extended");
    assert_eq!(one.end_at(1, at).await, Ok(true));
    assert_eq!(other.take(at, end).await, Ok(Some(2)), "it was returned");
    assert_eq!(one.end_at(1, at).await, Ok(false), "it is another's now");
    assert_eq!(one.take(end, at.plus_minutes(2)).await, Ok(Some(3)), "it ended by itself");
}

#[tokio::test]
async fn the_lease_is_no_order() {
    let orders = TestBed::new().aws().orders(ORDERS);
    let at = samples::placed_at();
    orders.take(at, at.plus_minutes(1)).await.unwrap();
    let page = orders.scan(None).await.unwrap();
    assert!(page.entries.is_empty(), "{:?}", page.entries);
    let due = orders.due_orders(0, at.plus_minutes(60), None, 10).await.unwrap();
    assert!(due.orders.is_empty(), "{:?}", due.orders);
}
