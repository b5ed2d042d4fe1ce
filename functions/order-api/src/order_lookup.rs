//! Finds the order that a path names.

use domain::{Order, OrderId};

use crate::api::{Api, Inventory, Orders, Workflow};
use crate::caller::Caller;
use crate::problem::Problem;

/// The order id in a path. A malformed id names no order.
pub(crate) fn parse_id(text: &str) -> Result<OrderId, Problem> {
    OrderId::parse(text).or(Err(Problem::not_found()))
}

/// The order of this id, for callers who may see every order.
pub(crate) async fn load<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    id: &OrderId,
) -> Result<Order, Problem> {
    api.orders.load(id).await?.ok_or_else(Problem::not_found)
}

/// The order of this id, if this caller may know that it exists.
pub(crate) async fn load_visible<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    caller: &Caller,
    id: &str,
) -> Result<Order, Problem> {
    let order = api.orders.load(&parse_id(id)?).await?;
    order.filter(|order| caller.may_see(order)).ok_or_else(Problem::not_found)
}
