//! Answers to an order that waits: recorded first, sent afterwards
//! (`workflow.md`, section 5).
//!
//! What is on record counts. Should it not reach the wait, whoever asks again
//! is told that it was decided already, and it is sent once more; so does the
//! reconciler as long as the order waits.

use domain::backorders::send_task_result;
use domain::conflict::MAX_ATTEMPTS;
use domain::order::DecisionError;
use domain::ports::{SaveResult, WorkflowUnavailable};
use domain::{Order, OrderId};

use crate::problem::Problem;
use crate::{Api, Inventory, Orders, Workflow};

/// Records what `decide` makes of the order, and tells the wait.
///
/// Gives back the order as it is recorded.
pub(crate) async fn record_and_send<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    id: &OrderId,
    decide: impl Fn(&Order) -> Result<Order, DecisionError>,
) -> Result<Order, Problem> {
    for _ in 0..MAX_ATTEMPTS {
        let before = load(api, id).await?;
        let after = match decide(&before) {
            Ok(after) => after,
            Err(refused) => {
                if refused == DecisionError::AlreadyDecided {
                    send(api, &before).await?;
                }
                return Err(refused.into());
            }
        };
        if api.orders.save(&before, &after).await? == SaveResult::Saved {
            send(api, &after).await?;
            return Ok(after);
        }
    }
    Err(Problem::unavailable("the order kept changing; send the request again", "contended"))
}

/// The order's id in a path; what is none is an order of nobody.
pub(crate) fn order_id(text: &str) -> Result<OrderId, Problem> {
    OrderId::parse(text).or(Err(Problem::not_found()))
}

/// The order of this id; for callers who may see every order.
pub(crate) async fn load<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    id: &OrderId,
) -> Result<Order, Problem> {
    api.orders.load(id).await?.ok_or_else(Problem::not_found)
}

/// Tells the wait that the order is in what is on record for it. That the wait has
/// moved on is fine.
pub(crate) async fn send<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    order: &Order,
) -> Result<(), Problem> {
    let told = send_task_result(&api.workflow, order).await;
    told.map(|_moved_on_is_fine| ()).map_err(|WorkflowUnavailable(cause)| undelivered(cause))
}

/// What is on record is not lost; but whoever asked may wish to hurry.
pub(crate) fn undelivered(cause: String) -> Problem {
    Problem::unavailable("the decision is on record and not delivered yet; send it again", cause)
}
