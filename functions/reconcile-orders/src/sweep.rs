//! A sweep: resumes the backorders that can be served, then inspects the open orders that
//! are due, then removes personal data that expired.
//!
//! A failure about one order never stops the others: it is logged and counted, and the
//! order is inspected again in a few minutes. A sweep ends early only if many orders fail.
//! Then a dependency is down that they all need, and waiting for each timeout would take
//! the time of the orders that do not need it. The next sweep starts with those.

use aws::metrics::Metric;
use domain::backorders::BackorderResumer;
use domain::conflict::{AttemptError, retry_on_conflict, save_order};
use domain::order::{Attention, OPEN_ORDER_BUCKETS};
use domain::ports::{OrderList, PaymentProvider, ReadCatalog, ShippingProvider};
use domain::{Order, OrderId, StepError, Timestamp};

use crate::event::{Scope, SweepOutput};
use crate::{Orders, ReconcileOrders, Workflow};

/// How many orders of a bucket one sweep inspects, longest due first. The next sweep takes
/// the rest.
const MAX_DUE_PER_BUCKET: u32 = 100;
/// How many orders may fail in one sweep. With 15 s each, the timeout of a provider call,
/// they take half of the function's 300 s.
const MAX_FAILED: u32 = 10;
/// How many pages of backorders one sweep reads, 50 orders each.
const MAX_BACKORDER_PAGES: usize = 40;
/// Of how many orders a sweep measures how long they have needed attention, the oldest
/// orders first. An empty queue costs half a read unit.
const MEASURED_ORDERS: u32 = 20;

impl<O, I, W, P, S> ReconcileOrders<O, I, W, P, S>
where
    O: Orders,
    I: ReadCatalog,
    W: Workflow,
    P: PaymentProvider,
    S: ShippingProvider,
{
    /// Inspects the orders in scope.
    ///
    /// # Errors
    ///
    /// `StoreUnavailable` if the due orders or the backorders cannot be listed.
    pub async fn sweep(&self, scope: Scope, at: Timestamp) -> Result<SweepOutput, StepError> {
        match scope {
            Scope::Nothing => Ok(SweepOutput::default()),
            Scope::Order(id) => Ok(self.inspect_or_postpone(&id, false, at).await),
            Scope::Due => {
                // Backorders need no provider. If they cannot be listed, the due orders
                // are inspected all the same.
                let resumed = self.resume_backorders(at).await;
                let mut output = self.inspect_due_orders(at).await?;
                output += resumed?;
                // Last, because no order waits for it.
                output += self.erase_personal_data(at).await?;
                self.measure(output, at).await;
                Ok(output)
            }
        }
    }

    async fn inspect_due_orders(&self, at: Timestamp) -> Result<SweepOutput, StepError> {
        let mut output = SweepOutput::default();
        for bucket in 0..OPEN_ORDER_BUCKETS {
            for id in self.orders.due_orders(bucket, at, MAX_DUE_PER_BUCKET).await? {
                if output.failed == MAX_FAILED {
                    let failed = output.failed;
                    tracing::warn!(failed, "the sweep ends early because too many orders failed");
                    return Ok(output);
                }
                output += self.inspect_or_postpone(&id, true, at).await;
            }
        }
        Ok(output)
    }

    /// Emits the metrics of a sweep. A queue that cannot be read is not measured.
    async fn measure(&self, output: SweepOutput, at: Timestamp) {
        Metric::SweepDelay(output.delay_seconds).emit_now();
        if output.failed > 0 {
            Metric::InspectionsFailed(output.failed).emit_now();
        }
        for attention in Attention::ALL {
            let list = OrderList::Attention(*attention);
            if let Ok(page) = self.orders.list(&list, None, MEASURED_ORDERS).await {
                let ages = page.orders.iter().filter_map(Order::attention_since);
                let longest = ages.map(|since| at.seconds_since(since)).max();
                Metric::AttentionAge(*attention, longest.unwrap_or(0)).emit_now();
            }
        }
    }

    async fn inspect_or_postpone(&self, id: &OrderId, if_due: bool, at: Timestamp) -> SweepOutput {
        match retry_on_conflict(|| self.inspect(id, if_due, at)).await {
            Ok(output) => output,
            Err(error) => {
                log_failure(id, &error);
                self.postpone(id, at).await;
                SweepOutput { inspected: 1, failed: 1, ..SweepOutput::default() }
            }
        }
    }

    /// Moves the next inspection of an order a few minutes ahead, so that an order that
    /// keeps failing does not take the time of the others. If this write fails too, the
    /// order stays due.
    async fn postpone(&self, id: &OrderId, at: Timestamp) {
        let postponed = retry_on_conflict(|| async {
            match self.orders.load(id).await? {
                Some(order) if order.is_due(at) => {
                    save_order(&self.orders, &order, order.postponed(at)).await.map(drop)
                }
                _ => Ok::<_, AttemptError>(()),
            }
        });
        let _stays_due_on_error = postponed.await;
    }

    async fn resume_backorders(&self, at: Timestamp) -> Result<SweepOutput, StepError> {
        let resumer =
            BackorderResumer { orders: &self.orders, stock: &self.stock, workflow: &self.workflow };
        let list = OrderList::Attention(Attention::Backorder);
        let result = resumer.resume_backorders(&list, MAX_BACKORDER_PAGES, at).await?;
        let mut output = SweepOutput { resumed: result.resumed, ..SweepOutput::default() };
        for (id, error) in result.failed {
            log_failure(&id, &error);
            output.failed += 1;
        }
        Ok(output)
    }
}

pub(crate) fn log_failure(id: &OrderId, failure: &StepError) {
    let (order_id, error) = (id.as_str(), failure.name.as_str());
    let detail = failure.detail.as_str();
    tracing::warn!(orderId = order_id, error, detail, "the order could not be processed");
}
