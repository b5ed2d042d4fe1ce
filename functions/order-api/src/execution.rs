//! `GET /orders/{orderId}/execution`: the states that the order's execution has
//! been in, read from its history, for an operator and for the web page.

use serde_json::json;

use crate::caller::{Caller, Scope};
use crate::event::{Reply, Request};
use crate::problem::Problem;
use crate::{Api, Inventory, Orders, Workflow, orders};

/// Shows the execution that owns the order; 404 when there is none.
pub(crate) async fn show<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    id: &str,
) -> Result<Reply, Problem> {
    let caller = Caller::with(request, &[Scope::OrdersOperate])?;
    let order = orders::visible(api, &caller, id).await?;
    let execution = api.workflow.read(&order.execution).await?.ok_or_else(Problem::not_found)?;
    Ok(Reply::json(200, &json!(execution)))
}
