//! A sweep: inspects the open orders that are due and resumes the backorders that can be
//! served, in the order of [`passes`](crate::passes), then removes personal data that expired.
//!
//! A failure about one order never stops the others: it is logged and counted, and the
//! order is inspected again in a few minutes.

use std::sync::Arc;

use aws::clock::{Clock as _, SystemClock};
use aws::metrics::Metric;
use domain::backorders::BackorderResumer;
use domain::conflict::{AttemptError, retry_on_conflict, save_order};
use domain::order::Attention;
use domain::ports::{ExecutionState, OrderList, PaymentProvider, ReadCatalog, ShippingProvider};
use domain::{ExecutionName, Order, OrderId, StepError, Timestamp};

use crate::circuit_breaker::Refusal;
use crate::described_once::{DescribedOnce, KnownStates};
use crate::event::{Scope, SweepOutput};
use crate::passes::{DueSweep, ElapsedMs, PROVIDERS_UNTIL_MS};
use crate::{Orders, ReconcileOrders, Workflow};

/// How many pages of backorders one sweep reads, 50 orders each.
const MAX_BACKORDER_PAGES: usize = 40;
/// Of how many orders a sweep measures how long they have needed attention, the oldest
/// orders first. An empty queue costs half a read unit.
const MEASURED_ORDERS: u32 = 20;

impl<O, I, W, P, S> ReconcileOrders<O, I, W, P, S>
where
    O: Orders,
    I: ReadCatalog + Clone,
    W: Workflow,
    P: PaymentProvider + Clone,
    S: ShippingProvider + Clone,
{
    /// Inspects the orders in scope.
    ///
    /// # Errors
    ///
    /// `StoreUnavailable` if the due orders or the backorders cannot be listed.
    pub async fn sweep(&self, scope: Scope, at: Timestamp) -> Result<SweepOutput, StepError> {
        let clock = SystemClock::start();
        self.sweep_timed(scope, at, &|| clock.monotonic_ms()).await
    }

    /// A sweep that takes its time limits from this clock.
    ///
    /// # Errors
    ///
    /// As [`sweep`](Self::sweep).
    pub async fn sweep_timed(
        &self,
        scope: Scope,
        at: Timestamp,
        elapsed_ms: ElapsedMs<'_>,
    ) -> Result<SweepOutput, StepError> {
        match scope {
            Scope::Nothing => Ok(SweepOutput::default()),
            Scope::Order(id) => Ok(self.inspect_or_postpone(&id, at).await),
            Scope::Ended(id, execution) => {
                Ok(self.believing_end_of(&execution).inspect_or_postpone(&id, at).await)
            }
            Scope::Due => {
                let mut output = DueSweep::new(self, at, elapsed_ms).run().await?;
                if elapsed_ms() < PROVIDERS_UNTIL_MS {
                    // Last, because no order waits for it.
                    output += self.erase_personal_data(at).await?;
                }
                self.measure(output, at).await;
                Ok(output)
            }
        }
    }

    /// The function that takes this execution as ended without asking Step Functions. If it was
    /// redriven in the meantime, the order is restarted under a new execution, and the redriven
    /// one is stopped and changes nothing.
    fn believing_end_of(
        &self,
        execution: &ExecutionName,
    ) -> ReconcileOrders<O, I, DescribedOnce<W>, P, S> {
        let known = KnownStates::default();
        known.insert(execution, Some(ExecutionState::Ended));
        let ReconcileOrders {
            orders, stock, workflow, payment_provider, shipping_provider, ..
        } = self.clone();
        ReconcileOrders {
            orders,
            stock,
            workflow: DescribedOnce {
                workflow,
                known,
                breaker: Arc::default(),
                refusal: Refusal::default(),
            },
            payment_provider,
            shipping_provider,
            retention_days: self.retention_days,
        }
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

    async fn inspect_or_postpone(&self, id: &OrderId, at: Timestamp) -> SweepOutput {
        match retry_on_conflict(|| self.inspect(id, false, at)).await {
            Ok(output) => output,
            Err(error) => self.failed(id, &error, at).await,
        }
    }

    /// Logs and counts a failed inspection and postpones the next one.
    pub(crate) async fn failed(
        &self,
        id: &OrderId,
        error: &StepError,
        at: Timestamp,
    ) -> SweepOutput {
        log_failure(id, error);
        self.postpone(id, at).await;
        SweepOutput { inspected: 1, failed: 1, ..SweepOutput::default() }
    }

    /// Moves the next inspection of an order a few minutes ahead, so that an order that
    /// keeps failing does not take the time of the others. If this write fails too, the
    /// order stays due.
    pub(crate) async fn postpone(&self, id: &OrderId, at: Timestamp) {
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

    pub(crate) async fn resume_backorders(&self, at: Timestamp) -> Result<SweepOutput, StepError> {
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
