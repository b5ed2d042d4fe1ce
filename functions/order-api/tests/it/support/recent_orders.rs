//! The recent orders of the customers, in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use domain::ports::{AddRecentOrderResult, RecentOrdersFuture, TrackRecentOrders};
use domain::recent_orders::{RecentOrders, RecentOrdersUpdate};
use domain::{CustomerId, Order, OrderId};

/// The records, and the orders that they name.
#[derive(Debug, Default)]
pub(crate) struct FakeRecentOrders {
    records: Mutex<BTreeMap<CustomerId, RecentOrders>>,
    /// The orders as they are now.
    pub(crate) orders: Mutex<Vec<Order>>,
    /// How often orders were read.
    pub(crate) reads: Mutex<u32>,
}

impl TrackRecentOrders for FakeRecentOrders {
    fn recent_orders<'a>(
        &'a self,
        customer: &'a CustomerId,
    ) -> RecentOrdersFuture<'a, RecentOrders> {
        let record = self.records.lock().unwrap().get(customer).cloned().unwrap_or_default();
        Box::pin(async move { Ok(record) })
    }

    fn current_orders<'a>(&'a self, ids: &'a [OrderId]) -> RecentOrdersFuture<'a, Vec<Order>> {
        *self.reads.lock().unwrap() += 1;
        let mut found = self.orders.lock().unwrap().clone();
        found.retain(|order| ids.contains(&order.order_id));
        Box::pin(async move { Ok(found) })
    }

    fn add_recent_order<'a>(
        &'a self,
        customer: &'a CustomerId,
        update: &'a RecentOrdersUpdate,
    ) -> RecentOrdersFuture<'a, AddRecentOrderResult> {
        let mut records = self.records.lock().unwrap();
        let record = records.entry(customer.clone()).or_default();
        let result = if record.added <= update.max_added {
            record.added += 1;
            record.orders.retain(|id, _| !update.removed.contains(id));
            record.orders.extend(update.set.clone());
            AddRecentOrderResult::Added
        } else {
            AddRecentOrderResult::Conflict
        };
        Box::pin(async move { Ok(result) })
    }
}
