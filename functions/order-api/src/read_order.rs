//! `GET /orders/{orderId}`: an order as this caller may see it, with an `ETag`.

use lambda_http::http::StatusCode;

use crate::api::{Api, Inventory, Orders, Workflow};
use crate::caller::{Caller, Scope};
use crate::event::{Request, Response};
use crate::problem::Problem;
use crate::{etag, order_lookup, order_response};

/// Returns the order, or 304 when the client has this version.
pub(crate) async fn read<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    id: &str,
) -> Result<Response, Problem> {
    let caller = Caller::authorize(request, &[Scope::OrdersRead, Scope::OrdersOperate])?;
    let order = order_lookup::load_visible(api, &caller, id).await?;
    let body = order_response::from_order(&order, &caller, request.at);
    let tag = etag::of(Some(order.version), &body);
    Ok(etag::conditional(request, &tag, Response::json(StatusCode::OK, &body)))
}
