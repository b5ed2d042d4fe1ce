//! `GET /orders/{orderId}`: an order, with its version as an `ETag`.

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
    let version = format!("\"{}\"", order.version);
    if etag::client_has(request, &version) {
        return Ok(Response::not_modified(&version));
    }
    let body = order_response::from_order(&order, caller.has(Scope::OrdersOperate));
    Ok(Response::json(StatusCode::OK, &body).with_header("etag", version))
}
