//! The HTTP API of orders and inventory.
//!
//! [`handle`] takes an HTTP API v2 event and returns a response, both as JSON, over
//! the ports that [`Api`] holds. Lambda calls it with the AWS ports, a test with its own.
//!
//! A request is decoded in [`event`] and dispatched in `routes` to one module per
//! operation, such as `place_order`. A body is parsed strictly by `request_body` and
//! `validation`. An error becomes a [`problem`] that names the invalid field.
//! [`document`] describes all of it as OpenAPI. [`console`] serves the web page.

mod api;
mod audit;
mod board;
mod caller;
mod cancel_order;
mod card_number;
mod choice;
pub mod console;
mod decisions;
pub mod document;
mod etag;
pub mod event;
mod idempotency_key;
mod inventory;
mod invisible;
mod list_orders;
mod operator_view;
mod order_limits;
mod order_lookup;
mod order_response;
mod paging;
mod place_order;
mod place_order_request;
pub mod problem;
mod read_execution;
mod read_order;
mod request_body;
mod resume_order;
mod review_order;
mod routes;
mod schema;
mod stock_changes;
mod validation;
mod webhooks;

use domain::{StepError, Timestamp};
use serde_json::Value;

pub use crate::api::{Api, Inventory, Orders, PaymentIdPrefixes, WebhookSources, Workflow};
use crate::event::Request;

/// Answers one HTTP API v2 event.
///
/// `now` is called only when the event carries no time.
///
/// # Errors
/// The input is not an HTTP API v2 event. Everything that a client can send gets a
/// response instead.
pub async fn handle<O: Orders, I: Inventory, W: Workflow>(
    event: &Value,
    api: &Api<O, I, W>,
    now: impl Fn() -> Timestamp,
) -> Result<Value, StepError> {
    let request = Request::parse(event, now)?;
    let response = match routes::dispatch(&request, api).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(&routes::loggable_route(&request, &api.webhooks)),
    };
    Ok(response.into_event())
}
