//! An order whose execution is missing, or has ended without closing it.
//!
//! The new execution passes the finished steps without effect and goes on,
//! forward or back, from the facts. It owns the order from the write that names
//! it: whatever of the old one still runs, or is woken by hand, changes nothing.

use domain::conflict::{AttemptError, save_order};
use domain::order::Recovery;
use domain::ports::{PaymentProvider, ReadCatalog, ShippingProvider};
use domain::{Order, Timestamp};

use crate::event::Looked;
use crate::{Orders, ReconcileOrders, Workflow};

/// Why an execution is stopped from which its order was taken.
const TAKEN_OVER: &str = "another execution owns the order";

impl<O, I, W, G, C> ReconcileOrders<O, I, W, G, C>
where
    O: Orders,
    I: ReadCatalog,
    W: Workflow,
    G: PaymentProvider,
    C: ShippingProvider,
{
    /// Somebody died between a record and the start of its execution: the one who
    /// accepted the order, or the one who took it over.
    pub(crate) async fn start_missing(
        &self,
        order: Order,
        at: Timestamp,
    ) -> Result<Looked, AttemptError> {
        if order.recovery(at)? == Recovery::Skip {
            return self.attend(order, at).await;
        }
        self.start(&order).await?;
        tell_of(&order, "an execution was missing, and was started");
        // The execution writes by itself; should it not, this one stays due.
        Ok(Looked { started: 1, ..Looked::default() })
    }

    /// Its execution is seen to have ended: another goes on, or a person must look.
    pub(crate) async fn recover(
        &self,
        order: Order,
        at: Timestamp,
    ) -> Result<Looked, AttemptError> {
        match order.recovery(at)? {
            Recovery::Restart(taken) => {
                let taken = save_order(&self.orders, &order, *taken).await?;
                self.start(&taken).await?;
                tell_of(&taken, "an execution ended before its time; another goes on");
                Ok(Looked { taken_over: 1, ..Looked::default() })
            }
            Recovery::Escalate(given_up) => {
                save_order(&self.orders, &order, *given_up).await?;
                tell_of(&order, "executions keep ending before their time; a person must look");
                Ok(Looked { raised: 1, ..Looked::default() })
            }
            Recovery::Skip => self.attend(order, at).await,
        }
    }

    /// Starts the execution that owns the order. The one before it is stopped all
    /// the same: somebody may have woken it since it was seen to have ended.
    async fn start(&self, order: &Order) -> Result<(), AttemptError> {
        if let Some(before) = order.previous_execution() {
            self.workflow.stop(&before, TAKEN_OVER).await?;
        }
        Ok(self.workflow.start(&order.execution, &order.execution_input()).await?)
    }
}

fn tell_of(order: &Order, what: &'static str) {
    let (order_id, execution) = (order.order_id.as_str(), order.execution.as_str());
    tracing::warn!(orderId = order_id, execution, "{what}");
}
