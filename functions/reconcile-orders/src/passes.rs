//! A sweep over the due orders, in passes: work that needs no provider comes first, so that no
//! order waits for another order's provider.
//!
//! 1. Open orders, without a provider: missing starts, restarts, undelivered decisions. An
//!    inspection that would call a provider ends there and is repeated in pass 3.
//! 2. Backorders, which need no provider either.
//! 3. Closed orders and those that pass 1 left, with the providers. One that fails is not
//!    called again in this sweep; see [`circuit_breaker`](crate::circuit_breaker). The orders
//!    that need it are postponed, and everything else goes on.
//!
//! Passes 1 and 3 inspect [`MAX_CONCURRENT`] orders at a time, and start none after their time
//! limits. What is left stays due, and the next sweep takes the longest due first. The bucket
//! that a sweep starts with changes every minute.

use std::sync::Arc;

use domain::conflict::retry_on_conflict;
use domain::order::OPEN_ORDER_BUCKETS;
use domain::ports::{DueOrder, PaymentProvider, ReadCatalog, ShippingProvider};
use domain::{OrderId, StepError, Timestamp};
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::circuit_breaker::{CircuitBreaker, Guarded, Refusal, Service};
use crate::described_once::{DescribedOnce, KnownStates};
use crate::event::SweepOutput;
use crate::{Orders, ReconcileOrders, Workflow};

/// How many orders are inspected at the same time. With four calls of 300 ms an order, a sweep
/// makes about 50 calls of a provider a second, half of what Stripe allows a live account.
const MAX_CONCURRENT: usize = 16;
/// When the first pass stops to start inspections, in milliseconds since the sweep began.
pub(crate) const OPEN_ORDERS_UNTIL_MS: u64 = 30_000;
/// When the pass with the providers stops to start inspections. An inspection that runs then
/// makes at most five calls of 15 s. So a sweep ends within 135 s, before Lambda's 300 s, and
/// is usually over when the next one begins.
pub(crate) const PROVIDERS_UNTIL_MS: u64 = 60_000;
/// How many due orders of a bucket one sweep lists.
const MAX_DUE_PER_BUCKET: usize = 5_000;
/// How many due orders are on a page.
const PAGE_SIZE: u32 = 100;

/// The milliseconds since the sweep began.
pub(crate) type ElapsedMs<'a> = &'a (dyn Fn() -> u64 + Sync);

/// A sweep over the due orders.
pub(crate) struct DueSweep<'a, O, I, W, P, S> {
    pub(crate) function: &'a ReconcileOrders<O, I, W, P, S>,
    pub(crate) at: Timestamp,
    pub(crate) elapsed_ms: ElapsedMs<'a>,
    payment_breaker: Arc<CircuitBreaker>,
    shipping_breaker: Arc<CircuitBreaker>,
    step_functions: Arc<CircuitBreaker>,
    known: KnownStates,
}

/// Whether an inspection may call the providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Providers {
    NotCalled,
    Called,
}

/// What became of one due order.
struct Attempt {
    output: SweepOutput,
    /// The order, if it needs a provider that this pass does not call.
    needs_provider: Option<OrderId>,
}

impl<'a, O, I, W, P, S> DueSweep<'a, O, I, W, P, S>
where
    O: Orders,
    I: ReadCatalog + Clone,
    W: Workflow,
    P: PaymentProvider + Clone,
    S: ShippingProvider + Clone,
{
    pub(crate) fn new(
        function: &'a ReconcileOrders<O, I, W, P, S>,
        at: Timestamp,
        elapsed_ms: ElapsedMs<'a>,
    ) -> Self {
        Self {
            function,
            at,
            elapsed_ms,
            payment_breaker: Arc::default(),
            shipping_breaker: Arc::default(),
            step_functions: Arc::default(),
            known: KnownStates::default(),
        }
    }

    /// Runs the three passes.
    ///
    /// # Errors
    ///
    /// `StoreUnavailable` if the due orders or the backorders cannot be listed. What could be
    /// listed was processed all the same.
    pub(crate) async fn run(&self) -> Result<SweepOutput, StepError> {
        let (due, listed) = self.list_due_orders().await;
        let (closed, open): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|due| due.status.is_closed());
        let (mut output, left) = self.inspect_all(ids(open), Providers::NotCalled).await;
        let resumed = self.function.resume_backorders(self.at).await;
        let with_providers = left.into_iter().chain(ids(closed)).collect();
        output += self.inspect_all(with_providers, Providers::Called).await.0;
        output += resumed?;
        listed.map(|()| output)
    }

    /// Lists the due orders bucket by bucket, from the minute's bucket on. Returns those that
    /// could be listed, and whether that is all of them.
    async fn list_due_orders(&self) -> (Vec<DueOrder>, Result<(), StepError>) {
        let mut due = Vec::new();
        for bucket in buckets(self.at) {
            if let Err(error) = self.list_bucket(bucket, &mut due).await {
                return (due, Err(error));
            }
        }
        (due, Ok(()))
    }

    async fn list_bucket(&self, bucket: u8, due: &mut Vec<DueOrder>) -> Result<(), StepError> {
        let (listed_before, mut after) = (due.len(), None);
        loop {
            let orders = &self.function.orders;
            let page = orders.due_orders(bucket, self.at, after.as_ref(), PAGE_SIZE).await?;
            due.extend(page.orders);
            after = page.next;
            if after.is_none() || due.len() - listed_before >= MAX_DUE_PER_BUCKET {
                return Ok(());
            }
        }
    }

    /// Inspects orders while there is time. Returns the orders that need a provider which this
    /// pass does not call.
    async fn inspect_all(
        &self,
        ids: Vec<OrderId>,
        providers: Providers,
    ) -> (SweepOutput, Vec<OrderId>) {
        let until = match providers {
            Providers::NotCalled => OPEN_ORDERS_UNTIL_MS,
            Providers::Called => PROVIDERS_UNTIL_MS,
        };
        let goes_on = |_: &OrderId| (self.elapsed_ms)() < until && !self.step_functions.is_open();
        let (mut output, mut left) = (SweepOutput::default(), Vec::new());
        let inspections = ids.into_iter().take_while(goes_on).map(|id| self.attempt(id, providers));
        let mut inspections = stream::iter(inspections).buffer_unordered(MAX_CONCURRENT);
        while let Some(attempt) = inspections.next().await {
            output += attempt.output;
            left.extend(attempt.needs_provider);
        }
        (output, left)
    }

    async fn attempt(&self, id: OrderId, providers: Providers) -> Attempt {
        let refusal = Refusal::default();
        let function = self.guarded(providers, &refusal);
        let inspection = retry_on_conflict(|| Box::pin(function.inspect(&id, true, self.at)));
        let output = match (refusal.race(inspection).await, providers) {
            (Ok(Ok(output)), _) => output,
            (Ok(Err(error)), _) => self.function.failed(&id, &error, self.at).await,
            (Err(Service::StepFunctions), _) => SweepOutput::default(),
            (Err(Service::Provider), Providers::NotCalled) => {
                return Attempt { output: SweepOutput::default(), needs_provider: Some(id) };
            }
            (Err(Service::Provider), Providers::Called) => {
                self.function.postpone(&id, self.at).await;
                SweepOutput { deferred: 1, ..SweepOutput::default() }
            }
        };
        Attempt { output, needs_provider: None }
    }

    /// The function for one inspection of this sweep.
    fn guarded(
        &self,
        providers: Providers,
        refusal: &Refusal,
    ) -> ReconcileOrders<O, I, DescribedOnce<W>, Guarded<P>, Guarded<S>> {
        let ReconcileOrders { orders, stock, workflow, .. } = self.function;
        let breaker = |breaker: &Arc<CircuitBreaker>| match providers {
            Providers::NotCalled => Arc::new(CircuitBreaker::opened()),
            Providers::Called => Arc::clone(breaker),
        };
        ReconcileOrders {
            orders: orders.clone(),
            stock: stock.clone(),
            workflow: DescribedOnce {
                workflow: workflow.clone(),
                known: self.known.clone(),
                breaker: Arc::clone(&self.step_functions),
                refusal: refusal.clone(),
            },
            payment_provider: Guarded {
                provider: self.function.payment_provider.clone(),
                breaker: breaker(&self.payment_breaker),
                refusal: refusal.clone(),
            },
            shipping_provider: Guarded {
                provider: self.function.shipping_provider.clone(),
                breaker: breaker(&self.shipping_breaker),
                refusal: refusal.clone(),
            },
            retention_days: self.function.retention_days,
        }
    }
}

fn ids(due: Vec<DueOrder>) -> Vec<OrderId> {
    due.into_iter().map(|due| due.order_id).collect()
}

/// All buckets, from another one every minute.
fn buckets(at: Timestamp) -> impl Iterator<Item = u8> {
    let count = i64::from(OPEN_ORDER_BUCKETS);
    let minute = at.to_jiff().as_second().div_euclid(60);
    (0..count).filter_map(move |n| u8::try_from((minute + n).rem_euclid(count)).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sweep_lists_all_buckets_and_each_minute_another_one_first() {
        let minute =
            |n: i64| buckets(Timestamp::from_seconds(n * 60 + 7).unwrap()).collect::<Vec<_>>();
        let firsts: Vec<_> = (0..8).map(|n| minute(n)[0]).collect();
        assert_eq!(firsts, (0..8).collect::<Vec<_>>());
        assert_eq!(minute(6), [6, 7, 0, 1, 2, 3, 4, 5]);
    }
}
