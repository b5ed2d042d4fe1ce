//! Ports of the Orders table.

use std::future::Future;

use serde::{Deserialize, Serialize};

use crate::order::Attention;
use crate::{CustomerId, Order, OrderId, PaymentIntentId, ShipmentId, Sku, Timestamp};

/// The tables could not be read or written; whether a write happened is open.
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
    /// The order, if there is one.
    fn load(
        &self,
        id: &OrderId,
    ) -> impl Future<Output = Result<Option<Order>, StoreUnavailable>> + Send;
}

/// How a conditional write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum SaveResult {
    /// It is on record.
    Saved,
    /// Somebody else wrote the order since it was read: read again, decide again.
    Conflict,
}

/// Writes what changed of one order (`dynamodb:UpdateItem` on Orders).
pub trait SaveOrder: Sync {
    /// Writes the difference, on condition that the version is `before`'s.
    fn save(
        &self,
        before: &Order,
        after: &Order,
    ) -> impl Future<Output = Result<SaveResult, StoreUnavailable>> + Send;
}

/// How placing an order ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceResult {
    /// It is on record now.
    Created,
    /// It was on record already, as this.
    Exists(Box<Order>),
}

/// Writes a new order (`dynamodb:PutItem` on Orders).
pub trait PlaceOrder: Sync {
    /// Writes the order, on condition that there is none with its id.
    fn place(
        &self,
        order: &Order,
    ) -> impl Future<Output = Result<PlaceResult, StoreUnavailable>> + Send;
}

/// A list of orders that a person reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderList {
    /// A customer's own, newest first.
    Customer(CustomerId),
    /// Those that need attention for this reason, oldest first.
    Attention(Attention),
    /// Those of a bucket of the open ones, the next to be looked at first.
    Open(u8),
    /// Those that wait for a restock of this, oldest first.
    WaitingFor(Sku),
}

/// A place in a list of orders: the order there, and what the list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageCursor {
    /// The order.
    pub order_id: OrderId,
    /// When it was placed, or when it should be looked at.
    pub at: Timestamp,
}

/// A part of a list of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPage {
    /// The orders as they are now; one that has left the list meanwhile is left out.
    pub orders: Vec<Order>,
    /// Where the list goes on, if it does.
    pub next: Option<PageCursor>,
}

/// Lists orders (`dynamodb:Query` on the indexes of Orders, and
/// `dynamodb:BatchGetItem`).
pub trait ListOrders: Sync {
    /// At most `limit` orders of a list, from the place after `after` on.
    fn list(
        &self,
        list: &OrderList,
        after: Option<&PageCursor>,
        limit: u32,
    ) -> impl Future<Output = Result<OrderPage, StoreUnavailable>> + Send;
}

/// Lists the open orders at which the reconciler should look (`dynamodb:Query`
/// on an index of Orders).
pub trait ListDueOrders: Sync {
    /// At most `limit` orders of a bucket whose `checkAt` is not after `at`, the
    /// longest due first. The index is a little late: read each before acting.
    fn due_orders(
        &self,
        bucket: u8,
        at: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<OrderId>, StoreUnavailable>> + Send;
}

/// Finds the order that a provider's object belongs to (`dynamodb:Query` on the
/// indexes of Orders). The index is a little late: a hint that comes too early
/// finds nothing, and need not.
pub trait FindOrder: Sync {
    /// The order of this payment intent, if it is ours.
    fn by_payment_intent(
        &self,
        id: &PaymentIntentId,
    ) -> impl Future<Output = Result<Option<OrderId>, StoreUnavailable>> + Send;

    /// The order of this shipment, if it is ours.
    fn by_shipment(
        &self,
        id: &ShipmentId,
    ) -> impl Future<Output = Result<Option<OrderId>, StoreUnavailable>> + Send;
}
