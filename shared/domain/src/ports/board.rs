//! Ports of the operators' overview: every open order, counted rather than loaded.

use std::collections::BTreeMap;
use std::future::Future;

use super::StoreUnavailable;
use crate::order::Attention;
use crate::{Order, OrderId, Status, Timestamp};

/// What the index of open orders says about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOrder {
    /// Its id.
    pub order_id: OrderId,
    /// Its status. A closed order is in the index until it is finalized.
    pub status: Status,
    /// When it was placed.
    pub created_at: Timestamp,
    /// Whether it compensates.
    pub compensates: bool,
}

/// Reads the indexes of orders without the orders (`dynamodb:Query` on the indexes of
/// Orders). The indexes lag behind by less than a second.
pub trait CountOrders: Sync {
    /// Every open order, in no order.
    fn open_orders(&self) -> impl Future<Output = Result<Vec<OpenOrder>, StoreUnavailable>> + Send;

    /// The number of orders that need attention for this reason.
    fn attention_count(
        &self,
        attention: Attention,
    ) -> impl Future<Output = Result<u64, StoreUnavailable>> + Send;

    /// The number of orders of each status that were closed on a day, such as
    /// `2026-11-28`.
    fn closed_on(
        &self,
        day: &str,
    ) -> impl Future<Output = Result<BTreeMap<Status, u64>, StoreUnavailable>> + Send;
}

/// Reads many orders at once, eventually consistent (`dynamodb:BatchGetItem` on Orders).
pub trait LoadOrders: Sync {
    /// The orders of these ids that exist, in the same order.
    fn load_all(
        &self,
        ids: &[OrderId],
    ) -> impl Future<Output = Result<Vec<Order>, StoreUnavailable>> + Send;
}
