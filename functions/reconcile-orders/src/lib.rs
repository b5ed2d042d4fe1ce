//! Nothing is lost: `reconcile-orders` (`workflow.md`, section 6).
//!
//! Every minute [`look`] takes the open orders that are due and examines each:
//! [`examine`] starts the execution that is missing, tells a wait again what was
//! answered, and notices what a person must know; `takeover` puts another
//! execution in the place of one that ended without closing its order; [`settle`]
//! looks after an order that is closed, until its money and its label are final
//! and nothing of it waits any more. Then it wakes the back-orders that can be
//! served. Once a day it compares the books. [`event`] is JSON in and out.
//!
//! It changes nothing by guessing: whether an execution has ended, and what became
//! of money and label, is looked up; and each write is conditional on the order
//! being as it was read. So wherever it dies, the next tick goes on, and a tick
//! over unchanged tables with nothing due does nothing.

pub mod compare;
pub mod event;
mod examine;
mod look;
mod settle;
mod takeover;

use aws::clock::{Clock as _, SystemClock};
use domain::ledger::{ListLabels, ListPaymentIntents, ReadStockLevels, ScanOrders};
use domain::ports::{
    DescribeExecution, ListDueOrders, ListOrders, LoadOrder, PaymentProvider, ReadCatalog,
    SaveOrder, SendTaskResult, ShippingProvider, StartExecution, StopExecution,
};
use domain::{StepError, Timestamp};
use serde_json::Value;

use crate::compare::{Compare, Range, TIME_MS};
use crate::event::{Event, Operation};

/// What looking after the orders asks of the Orders table.
pub trait Orders: LoadOrder + SaveOrder + ListDueOrders + ListOrders {}
impl<T: LoadOrder + SaveOrder + ListDueOrders + ListOrders> Orders for T {}

/// What is asked of Step Functions.
pub trait Workflow: StartExecution + StopExecution + DescribeExecution + SendTaskResult {}
impl<T: StartExecution + StopExecution + DescribeExecution + SendTaskResult> Workflow for T {}

/// The function, with the world that it works on.
#[derive(Debug, Clone)]
pub struct ReconcileOrders<O, I, W, G, C> {
    /// The Orders table.
    pub orders: O,
    /// The Inventory table.
    pub stock: I,
    /// Step Functions.
    pub workflow: W,
    /// The payment gateway.
    pub gateway: G,
    /// The carrier.
    pub carrier: C,
}

impl<O, I, W, G, C> ReconcileOrders<O, I, W, G, C>
where
    O: Orders + ScanOrders,
    I: ReadCatalog + ReadStockLevels,
    W: Workflow,
    G: PaymentProvider + ListPaymentIntents,
    C: ShippingProvider + ListLabels,
{
    /// Does what the event asks for. `now` is asked only when the event brings no
    /// time of its own.
    pub async fn handle(
        &self,
        input: Value,
        now: impl FnOnce() -> Timestamp + Send,
    ) -> Result<Value, StepError> {
        let event = Event::parse(&input)?;
        let at = event.at.unwrap_or_else(now);
        match event.operation {
            Operation::Look(which) => self.look(which, at).await.map(Value::from),
            Operation::Compare => self.compare(&input, at).await,
        }
    }

    async fn compare(&self, input: &Value, at: Timestamp) -> Result<Value, StepError> {
        let range = Range::of(input, at)?;
        let Self { orders, stock, gateway, carrier, .. } = self;
        let clock = SystemClock::start();
        let has_time = || clock.monotonic_ms() < TIME_MS;
        let report = Compare { orders, stock, gateway, carrier }.run(range, &has_time).await;
        Ok(serde_json::json!(report))
    }
}
