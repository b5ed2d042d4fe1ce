//! Decisions about a waiting order: recorded first, then sent to Step Functions.
//!
//! The recorded decision counts. If it does not reach the execution, the caller gets
//! 503 and may repeat the request; the repeat is refused as decided already, and the
//! decision is sent again. The reconciler also sends it while the order waits.

use domain::backorders::send_task_result;
use domain::conflict::MAX_ATTEMPTS;
use domain::order::DecisionError;
use domain::ports::{SaveResult, WorkflowUnavailable};
use domain::{Order, OrderId};

use crate::api::{Api, Inventory, Orders, Workflow};
use crate::order_lookup;
use crate::problem::Problem;

/// Records the order that `decide` returns, and sends the decision.
///
/// Returns the recorded order.
pub(crate) async fn record_and_send<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    id: &OrderId,
    decide: impl Fn(&Order) -> Result<Order, DecisionError>,
) -> Result<Order, Problem> {
    for _ in 0..MAX_ATTEMPTS {
        let before = order_lookup::load(api, id).await?;
        let after = match decide(&before) {
            Ok(after) => after,
            Err(error) => {
                if error == DecisionError::AlreadyDecided {
                    send(api, &before).await?;
                }
                return Err(error.into());
            }
        };
        if api.orders.save(&before, &after).await? == SaveResult::Saved {
            send(api, &after).await?;
            return Ok(after);
        }
    }
    Err(Problem::contended("send the request again"))
}

/// Sends the recorded decision to the waiting task. A task that has already ended is
/// not an error.
pub(crate) async fn send<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    order: &Order,
) -> Result<(), Problem> {
    let delivery = send_task_result(&api.workflow, order).await;
    delivery.map(|_| ()).map_err(|WorkflowUnavailable(cause)| undelivered(cause))
}

/// The decision is recorded, and Step Functions has not received it.
pub(crate) fn undelivered(cause: String) -> Problem {
    Problem::unavailable("the decision is recorded but not delivered: send it again", cause)
}
