//! `POST /orders/{orderId}/cancel`: the customer cancels an order, or an operator for the
//! customer.
//!
//! Possible until the label is being bought. The order records the request first;
//! then the waiting task is ended, or the execution of an order that has not begun
//! is stopped. In any other state the next step finds the request on the order.

use domain::conflict::MAX_ATTEMPTS;
use domain::ports::SaveResult;
use domain::{Order, OrderId, Status};
use lambda_http::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{Api, Inventory, Orders, Workflow};
use crate::caller::{Caller, Scope};
use crate::event::{Request, Response};
use crate::order_response::Links;
use crate::problem::Problem;
use crate::{decisions, order_lookup, schema};

/// A recorded cancellation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CanceledOrder)]
pub(crate) struct CancelResponse {
    #[schema(value_type = schema::OrderIdSchema)]
    order_id: OrderId,
    /// The current status. It becomes `CANCELLED` when compensation is complete.
    #[schema(value_type = schema::StatusSchema)]
    status: Status,
    links: Links,
}

/// Records the cancellation and ends what waits for the order.
pub(crate) async fn cancel<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    id: &str,
) -> Result<Response, Problem> {
    let caller = Caller::authorize(request, &[Scope::OrdersWrite, Scope::OrdersOperate])?;
    for _ in 0..MAX_ATTEMPTS {
        let before = order_lookup::load_visible(api, &caller, id).await?;
        let Some(after) = before.request_cancellation(caller.id.as_str(), request.at)? else {
            // Requested before: deliver it in case that failed.
            decisions::send(api, &before).await?;
            return Ok(accepted(&before));
        };
        if api.orders.save(&before, &after).await? == SaveResult::Saved {
            decisions::send(api, &after).await?;
            stop_execution(api, &after).await;
            return Ok(accepted(&after));
        }
    }
    Err(Problem::contended("send the request again"))
}

fn accepted(order: &Order) -> Response {
    let body = CancelResponse {
        order_id: order.order_id.clone(),
        status: order.status,
        links: Links::to(&order.order_id),
    };
    Response::json(StatusCode::ACCEPTED, &body)
}

/// Stops the execution of an order that was closed before it began. If this fails,
/// the execution finds the order closed at its scheduled time, and ends.
async fn stop_execution<O: Orders, I: Inventory, W: Workflow>(api: &Api<O, I, W>, order: &Order) {
    if order.status != Status::Cancelled {
        return;
    }
    let stopped = api.workflow.stop(&order.execution, "the customer canceled the order").await;
    if let Err(error) = stopped {
        let (order_id, cause) = (order.order_id.as_str(), error.to_string());
        tracing::warn!(
            orderId = order_id,
            cause,
            "the execution of a canceled order could not be stopped"
        );
    }
}
