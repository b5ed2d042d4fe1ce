//! An open order whose execution is missing, or ended without closing the order.
//!
//! The order is restarted under a new execution. Finished steps pass without effect, and
//! the execution continues from the recorded facts, forward or with the compensation. It
//! owns the order from the write that names it, so an old execution that still runs, or
//! that is redriven by hand, changes nothing.

use aws::metrics::Metric;
use domain::conflict::{AttemptError, save_order};
use domain::order::Recovery;
use domain::ports::{PaymentProvider, ReadCatalog, ShippingProvider};
use domain::{Order, Timestamp};

use crate::event::SweepOutput;
use crate::{Orders, ReconcileOrders, Workflow};

/// The cause with which the previous execution is stopped.
const SUPERSEDED: &str = "another execution owns the order";

impl<O, I, W, P, S> ReconcileOrders<O, I, W, P, S>
where
    O: Orders,
    I: ReadCatalog,
    W: Workflow,
    P: PaymentProvider,
    S: ShippingProvider,
{
    /// Starts an execution that does not exist: a process crashed between the write of the
    /// order and the start, in `order-api` or in an earlier restart.
    pub(crate) async fn start_missing(
        &self,
        order: Order,
        at: Timestamp,
    ) -> Result<SweepOutput, AttemptError> {
        if order.recovery(at)? == Recovery::Skip {
            return self.inspect_running(order, at).await;
        }
        self.start(&order).await?;
        log(&order, "a missing execution was started");
        // The execution writes the order. Until it does, the order stays due.
        Ok(SweepOutput { started: 1, ..SweepOutput::default() })
    }

    /// Restarts an order whose execution ended, or escalates it to an operator.
    pub(crate) async fn restart_ended(
        &self,
        order: Order,
        at: Timestamp,
    ) -> Result<SweepOutput, AttemptError> {
        match order.recovery(at)? {
            Recovery::Restart(restarted) => {
                let restarted = save_order(&self.orders, &order, *restarted).await?;
                Metric::ExecutionsEndedEarly.emit_now();
                self.start(&restarted).await?;
                log(&restarted, "the execution ended early; the order is restarted");
                Ok(SweepOutput { restarted: 1, ..SweepOutput::default() })
            }
            Recovery::Escalate(escalated) => {
                save_order(&self.orders, &order, *escalated).await?;
                Metric::ExecutionsEndedEarly.emit_now();
                log(&order, "executions keep ending early; an operator must decide");
                Ok(SweepOutput { raised: 1, ..SweepOutput::default() })
            }
            Recovery::Skip => self.inspect_running(order, at).await,
        }
    }

    /// Starts the execution that owns the order. Stops the previous one first, because an
    /// operator may have redriven it since it ended.
    async fn start(&self, order: &Order) -> Result<(), AttemptError> {
        if let Some(previous) = order.previous_execution() {
            self.workflow.stop(&previous, SUPERSEDED).await?;
        }
        Ok(self.workflow.start(&order.execution, &order.execution_input()).await?)
    }
}

fn log(order: &Order, message: &'static str) {
    let (order_id, execution) = (order.order_id.as_str(), order.execution.as_str());
    tracing::warn!(orderId = order_id, execution, "{message}");
}
