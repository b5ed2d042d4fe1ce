//! `POST /orders/{orderId}/cancel`: a customer takes an order back, while that
//! is possible (`workflow.md`, section 5).

use domain::conflict::MAX_ATTEMPTS;
use domain::order::CancellationError;
use domain::ports::SaveResult;
use domain::{Order, OrderId, Status};
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::{Caller, Scope};
use crate::event::{Reply, Request};
use crate::problem::{Kind, Problem};
use crate::view::Links;
use crate::{Api, Inventory, Orders, Workflow, answers, orders, schema};

/// A cancellation that is on record.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CancelledOrder)]
pub(crate) struct CancelView {
    #[schema(value_type = schema::OrderIdText)]
    order_id: OrderId,
    /// Its status of now: what was begun is undone first.
    #[schema(value_type = schema::StatusWord)]
    status: Status,
    links: Links,
}

impl From<CancellationError> for Problem {
    fn from(refused: CancellationError) -> Self {
        Self::new(Kind::Conflict, refused.to_string())
    }
}

/// Records the cancellation, then tells the wait, or stops what has not begun.
pub(crate) async fn cancel<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    id: &str,
) -> Result<Reply, Problem> {
    let caller = Caller::with(request, &[Scope::OrdersWrite])?;
    for _ in 0..MAX_ATTEMPTS {
        let before = orders::visible(api, &caller, id).await?;
        let Some(after) = before.request_cancellation(caller.id.as_str(), request.at)? else {
            // Asked for once more: what it told nobody, it tells now.
            answers::send(api, &before).await?;
            return Ok(accepted(&before));
        };
        if api.orders.save(&before, &after).await? == SaveResult::Saved {
            answers::send(api, &after).await?;
            stop(api, &after).await;
            return Ok(accepted(&after));
        }
    }
    Err(Problem::unavailable("the order kept changing; send the request again", "contended"))
}

fn accepted(order: &Order) -> Reply {
    let answer = CancelView {
        order_id: order.order_id.clone(),
        status: order.status,
        links: Links::to(&order.order_id),
    };
    Reply::json(202, &answer)
}

/// Stops the execution of an order that was closed before it began. Should that
/// fail, the execution finds the order closed when it wakes, and ends.
async fn stop<O: Orders, I: Inventory, W: Workflow>(api: &Api<O, I, W>, order: &Order) {
    if order.status != Status::Cancelled {
        return;
    }
    if let Err(error) =
        api.workflow.stop(&order.execution, "the customer cancelled the order").await
    {
        let (order_id, cause) = (order.order_id.as_str(), error.to_string());
        tracing::warn!(
            orderId = order_id,
            cause,
            "an execution without an order could not be stopped"
        );
    }
}
