//! Ports of the Orders table.

use std::future::Future;

use serde::{Deserialize, Serialize};

use crate::order::Attention;
use crate::{CustomerId, Order, OrderId, PaymentIntentId, ShipmentId, Sku, Status, Timestamp};

/// The tables could not be read or written. A write may have happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store is unavailable: {0}")]
pub struct StoreUnavailable(pub String);

impl From<StoreUnavailable> for crate::StepError {
    fn from(error: StoreUnavailable) -> Self {
        crate::ErrorName::StoreUnavailable.with_detail(error.to_string())
    }
}

/// Reads one order, strongly consistent (`dynamodb:GetItem` on Orders).
pub trait LoadOrder: Sync {
    /// The order, if it exists.
    fn load(
        &self,
        id: &OrderId,
    ) -> impl Future<Output = Result<Option<Order>, StoreUnavailable>> + Send;
}

/// The result of a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum SaveResult {
    /// It is stored.
    Saved,
    /// Another writer changed the order since it was read: read it and decide again.
    Conflict,
}

/// Writes the changes of one order (`dynamodb:UpdateItem` on Orders).
pub trait SaveOrder: Sync {
    /// Writes the difference, on condition that the version is still that of `before`.
    fn save(
        &self,
        before: &Order,
        after: &Order,
    ) -> impl Future<Output = Result<SaveResult, StoreUnavailable>> + Send;
}

/// The result of placing an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceResult {
    /// It is stored.
    Created,
    /// It existed already, as this.
    Exists(Box<Order>),
}

/// Writes a new order (`dynamodb:PutItem` on Orders).
pub trait PlaceOrder: Sync {
    /// Writes the order, on condition that its id is new.
    fn place(
        &self,
        order: &Order,
    ) -> impl Future<Output = Result<PlaceResult, StoreUnavailable>> + Send;
}

/// A list of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderList {
    /// Those of a customer, newest first.
    Customer(CustomerId),
    /// Those that need attention for this reason, oldest first.
    Attention(Attention),
    /// Those in a bucket of the open orders, by the time of their next check.
    Open(u8),
    /// Those that wait for a restock of this SKU, oldest first.
    WaitingFor(Sku),
    /// Those that were closed on this day (`2026-11-28`, UTC), the latest first.
    ClosedOn(String),
}

/// A position in a list of orders: the order and the value that the list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageCursor {
    /// The order.
    pub order_id: OrderId,
    /// When it was placed, when its next check is, or when it was closed.
    pub at: Timestamp,
}

/// A page of a list of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPage {
    /// The orders as they are now; one that has left the list is left out.
    pub orders: Vec<Order>,
    /// Where the next page starts, if there is one.
    pub next: Option<PageCursor>,
}

/// Lists orders (`dynamodb:Query` on the indexes of Orders, and
/// `dynamodb:BatchGetItem`).
pub trait ListOrders: Sync {
    /// At most `limit` orders of a list, starting after `after`.
    fn list(
        &self,
        list: &OrderList,
        after: Option<&PageCursor>,
        limit: u32,
    ) -> impl Future<Output = Result<OrderPage, StoreUnavailable>> + Send;
}

/// What the index of open orders says about an order that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueOrder {
    /// Its id.
    pub order_id: OrderId,
    /// Its status. A closed order is in the index until it is finalized.
    pub status: Status,
}

/// A page of the open orders that are due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DuePage {
    /// The orders, the longest due first.
    pub orders: Vec<DueOrder>,
    /// Where the next page starts, if there is one.
    pub next: Option<PageCursor>,
}

/// Lists the open orders that are due for a check (`dynamodb:Query` on an index of
/// Orders).
pub trait ListDueOrders: Sync {
    /// At most `limit` orders of a bucket whose `checkAt` is not after `at`, starting after
    /// `after`. The index lags behind: read each order before acting.
    fn due_orders(
        &self,
        bucket: u8,
        at: Timestamp,
        after: Option<&PageCursor>,
        limit: u32,
    ) -> impl Future<Output = Result<DuePage, StoreUnavailable>> + Send;
}

/// Lists the orders whose personal data may have to be removed (`dynamodb:Query` on an index
/// of Orders).
pub trait ListRetainedOrders: Sync {
    /// At most `limit` orders with personal data that were finalized at or before `until`, the
    /// longest ago first. The index lags behind: read each order before acting.
    fn retained_orders(
        &self,
        until: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<OrderId>, StoreUnavailable>> + Send;
}

/// Finds the order that a provider's object belongs to (`dynamodb:Query` on the indexes
/// of Orders). The index lags behind: a webhook that comes very early finds nothing, and
/// the reconciler checks the order without it.
pub trait FindOrder: Sync {
    /// The order of a payment intent, if it is known.
    fn by_payment_intent(
        &self,
        id: &PaymentIntentId,
    ) -> impl Future<Output = Result<Option<OrderId>, StoreUnavailable>> + Send;

    /// The order of a shipment, if it is known.
    fn by_shipment(
        &self,
        id: &ShipmentId,
    ) -> impl Future<Output = Result<Option<OrderId>, StoreUnavailable>> + Send;
}
