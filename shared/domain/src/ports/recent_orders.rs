//! The port of the table of recent orders, for the limits per customer.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use super::orders::StoreUnavailable;
use crate::recent_orders::{RecentOrders, RecentOrdersUpdate};
use crate::{CustomerId, Order, OrderId};

/// What a call of [`TrackRecentOrders`] returns.
pub type RecentOrdersFuture<'a, T> =
    Pin<Box<dyn Future<Output = Result<T, StoreUnavailable>> + Send + 'a>>;

/// The result of adding an order to the record of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum AddRecentOrderResult {
    /// It counts from now on.
    Added,
    /// Other requests added orders since the record was read: read it and decide again.
    Conflict,
}

/// Reads and writes the recent orders of a customer (`dynamodb:GetItem` and
/// `dynamodb:UpdateItem` on `RecentOrders`, `dynamodb:BatchGetItem` on Orders). Every read is
/// strongly consistent.
pub trait TrackRecentOrders: Debug + Send + Sync {
    /// The recent orders of a customer.
    fn recent_orders<'a>(
        &'a self,
        customer: &'a CustomerId,
    ) -> RecentOrdersFuture<'a, RecentOrders>;

    /// The orders of these ids that exist.
    fn current_orders<'a>(&'a self, ids: &'a [OrderId]) -> RecentOrdersFuture<'a, Vec<Order>>;

    /// Adds an order, unless more orders than `update.max_added` were added before.
    fn add_recent_order<'a>(
        &'a self,
        customer: &'a CustomerId,
        update: &'a RecentOrdersUpdate,
    ) -> RecentOrdersFuture<'a, AddRecentOrderResult>;
}
