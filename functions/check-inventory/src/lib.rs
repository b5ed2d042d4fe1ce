//! The stock of an order: `check-inventory`.
//!
//! Two operations, one file each: [`reserve`] takes every line of the order from
//! the shelves, or none, and [`release`] gives them back. Each moves the stock
//! and writes the order in one transaction, so the order's reservation is always
//! the other half of the shelves' entries.
//!
//! [`event`] is JSON in and out. What never happens twice, and why, is written
//! in `domain::order`.

pub mod event;
pub mod release;
pub mod reserve;

use domain::ports::{LoadOrder, ReleaseStock, ReserveStock, SaveOrder};
use domain::step::Step;
use domain::{ErrorName, StepError, Timestamp};
use serde_json::Value;

use crate::event::Operation;

/// The function, with the world that it works on.
#[derive(Debug, Clone)]
pub struct CheckInventory<O, S> {
    /// The Orders table.
    pub orders: O,
    /// The shelves.
    pub stock: S,
}

impl<O: LoadOrder + SaveOrder, S: ReserveStock + ReleaseStock> CheckInventory<O, S> {
    /// Does what the input asks for. `now` is asked only when the input brings
    /// no time of its own.
    pub async fn handle(
        &self,
        input: Value,
        now: impl FnOnce() -> Timestamp + Send,
    ) -> Result<Value, StepError> {
        let step = Step::parse(&input)?;
        let at = step.entered_at.unwrap_or_else(now);
        match step.operation {
            Operation::Reserve => self.reserve(&step, at).await.map(Value::from),
            Operation::Release => self.release(&step, at).await.map(Value::from),
        }
    }
}

/// Another order was at the same shelf; the state machine waits and tries again.
fn contended() -> StepError {
    ErrorName::StockContended.with_detail("another order was at the same shelf")
}
