//! `GET /orders/{orderId}`: an order, with its version as an `ETag`.

use lambda_http::http::StatusCode;

use crate::api::{Api, Inventory, Orders, Workflow};
use crate::caller::{Caller, Scope};
use crate::event::{Request, Response};
use crate::problem::Problem;
use crate::{order_lookup, order_response};

/// Returns the order, or 304 when the client has this version.
pub(crate) async fn read<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    id: &str,
) -> Result<Response, Problem> {
    let caller = Caller::authorize(request, &[Scope::OrdersRead, Scope::OrdersOperate])?;
    let order = order_lookup::load_visible(api, &caller, id).await?;
    let etag = format!("\"{}\"", order.version);
    if request.header("if-none-match").is_some_and(|header| matches_etag(header, &etag)) {
        return Ok(Response::not_modified(&etag));
    }
    let body = order_response::from_order(&order);
    Ok(Response::json(StatusCode::OK, &body).with_header("etag", etag))
}

/// The weak comparison of RFC 9110, section 8.8.3.2, with each entry of `If-None-Match`.
fn matches_etag(header: &str, etag: &str) -> bool {
    let mut entries = header.split(',').map(str::trim);
    entries.any(|entry| entry == "*" || entry.trim_start_matches("W/") == etag)
}
