//! `reconcile-orders`: makes sure that no order is lost, and compares the ledgers daily.
//!
//! Start with [`ReconcileOrders::handle`]. It has two operations:
//!
//! - A sweep ([`sweep`]) runs every minute, inspects each open order that is due, and
//!   resumes backorders that can be served. `passes` puts what needs no provider first and
//!   stops calling a provider that fails (`circuit_breaker`). `inspect` starts a missing execution, sends a
//!   recorded decision that the waiting task never got, and raises attention; `restart`
//!   restarts an order under a new execution if the old one ended without closing it;
//!   `finalize` follows a closed order until its payment and label are final; `erase` removes
//!   its personal data after the retention period.
//! - A reconciliation ([`reconciliation`]) compares the ledgers of the payment provider,
//!   the shipping provider, the stock and the orders.
//!
//! A sweep never guesses. It looks up whether an execution ended and what became of
//! payment and label, and every write is conditional on the order as it was read. So after
//! a crash the next sweep continues, and a sweep with nothing due changes nothing.
//!
//! # Input and output
//!
//! | input | does | output |
//! |---|---|---|
//! | `Scheduled Event` of a rule named `*-open-orders` | sweep over the due orders | [`SweepOutput`] |
//! | `Scheduled Event` of a rule named `*-compare-books` | reconciliation | [`Report`](reconciliation::Report) |
//! | `Step Functions Execution Status Change` | inspects the order of that execution, and believes that it ended | `SweepOutput` |
//! | `{"operation": "look", "orderId"?, "time"?}` (the default operation) | inspects this order, or all due ones | `SweepOutput` |
//! | `{"operation": "compare", "days"?, "time"?}` | reconciliation | `Report` |
//!
//! `time` is the present, RFC 3339. Without it the function reads the system clock.
//! Unknown fields are ignored.
//!
//! # Errors
//!
//! | error | kind | meaning |
//! |---|---|---|
//! | `InvalidRequest` | final | the input is malformed |
//! | `StoreUnavailable` | transient | the index of due orders cannot be read; the next sweep tries again |
//!
//! A failure about one order never fails the sweep. It is logged and counted in `failed`,
//! and the order is inspected again five minutes later. So are the orders in `deferred`, which
//! need a provider that fails in this sweep.

mod circuit_breaker;
mod described_once;
mod erase;
pub mod event;
mod finalize;
mod inspect;
pub mod lease;
mod passes;
pub mod reconciliation;
mod restart;
pub mod sweep;

use aws::clock::{Clock, SystemClock};
use domain::ledger::{ListLabels, ListPaymentIntents, ReadStockLevels, ScanOrders};
use domain::ports::{
    DescribeExecution, ListDueOrders, ListOrders, ListRetainedOrders, LoadOrder, PaymentProvider,
    ReadCatalog, SaveOrder, SendTaskResult, ShippingProvider, StartExecution, StopExecution,
    SweepLease,
};
use domain::{StepError, Timestamp};
use serde_json::Value;

use crate::event::{Event, Operation, Scope, SweepOutput};
use crate::reconciliation::{Ledgers, Range, Reconciliation, TIME_LIMIT_MS};

/// The ports of the Orders table that a sweep uses.
pub trait Orders:
    LoadOrder + SaveOrder + ListDueOrders + ListOrders + ListRetainedOrders + Clone
{
}
impl<T> Orders for T where
    T: LoadOrder + SaveOrder + ListDueOrders + ListOrders + ListRetainedOrders + Clone
{
}

/// The ports of Step Functions that a sweep uses.
pub trait Workflow:
    StartExecution + StopExecution + DescribeExecution + SendTaskResult + Clone
{
}
impl<T> Workflow for T where
    T: StartExecution + StopExecution + DescribeExecution + SendTaskResult + Clone
{
}

/// The function with its dependencies.
#[derive(Debug, Clone)]
pub struct ReconcileOrders<O, I, W, P, S> {
    /// The Orders table.
    pub orders: O,
    /// The Inventory table.
    pub stock: I,
    /// Step Functions.
    pub workflow: W,
    /// The payment provider.
    pub payment_provider: P,
    /// The shipping provider.
    pub shipping_provider: S,
    /// How many days after an order is final its personal data is removed.
    pub retention_days: u32,
}

impl<O, I, W, P, S> ReconcileOrders<O, I, W, P, S>
where
    O: Orders + ScanOrders,
    I: ReadCatalog + ReadStockLevels + Clone,
    W: Workflow,
    P: PaymentProvider + ListPaymentIntents + Clone,
    S: ShippingProvider + ListLabels + Clone,
{
    /// Runs the operation that `input` asks for. `now` is called only if the input has no
    /// `time`.
    ///
    /// # Errors
    ///
    /// See the table in the [crate documentation](crate).
    pub async fn handle(
        &self,
        input: Value,
        now: impl FnOnce() -> Timestamp + Send,
    ) -> Result<Value, StepError> {
        let event = Event::parse(&input)?;
        let at = event.at.unwrap_or_else(now);
        match event.operation {
            Operation::Sweep(scope) => self.sweep(scope, at).await.map(Value::from),
            Operation::Reconcile => self.reconcile(&input, at).await,
        }
    }

    /// Runs the operation that `input` asks for, but sweeps over the due orders only while no
    /// other process does: see [`lease`]. `pause` lasts [`lease::EXTEND_AFTER_SECONDS`].
    ///
    /// # Errors
    ///
    /// As [`Self::handle`]; `StoreUnavailable` if the lease cannot be taken.
    pub async fn handle_alone(
        &self,
        input: Value,
        clock: &impl Clock,
        pause: impl AsyncFn(),
    ) -> Result<Value, StepError>
    where
        O: SweepLease,
    {
        let event = Event::parse(&input)?;
        if event.operation != Operation::Sweep(Scope::Due) {
            return self.handle(input, || clock.now()).await;
        }
        // An event may have waited for up to a minute.
        let at = event.at.map_or_else(|| clock.now(), |at| at.max(clock.now()));
        let sweep = self.handle(input, || at);
        let output = lease::alone(&self.orders, at, clock, pause, sweep).await?;
        Ok(output.unwrap_or_else(|| SweepOutput::default().into()))
    }

    async fn reconcile(&self, input: &Value, at: Timestamp) -> Result<Value, StepError> {
        let range = Range::parse(input, at)?;
        let ledgers = Ledgers {
            orders: &self.orders,
            stock: &self.stock,
            payment_provider: &self.payment_provider,
            shipping_provider: &self.shipping_provider,
        };
        let clock = SystemClock::start();
        let has_time = || clock.monotonic_ms() < TIME_LIMIT_MS;
        let reconciliation = Reconciliation { ledgers, range, has_time: &has_time };
        Ok(serde_json::json!(reconciliation.run().await))
    }
}
