//! `check-inventory`: reserves the stock of an order and releases it.
//!
//! Start with [`CheckInventory::handle`]. Each operation has one file. Each one moves the
//! stock and writes the order in one transaction. So the reservation on the order always
//! matches the stock levels, and stock is reserved and released at most once per order.
//!
//! # Input
//!
//! `{"operation", "orderId", "execution"?, "enteredAt"?, "failed"?}`
//!
//! - `operation`: `reserve` (the default) or `release`.
//! - `execution`: the name of the calling execution. Without it the ownership check is
//!   skipped, as in an invocation by hand.
//! - `enteredAt`: the time at which the state was entered, RFC 3339. Without it the
//!   function reads the system clock.
//! - `failed`: the states that failed so far, by name, as `{"Error", "Cause"}`.
//!
//! Unknown fields are ignored.
//!
//! # Output
//!
//! All fields are always present, because the state machine reads them by path.
//!
//! | operation | output |
//! |---|---|
//! | [`reserve`] | `{orderId, inventoryResult, waitForRestock, restockDeadlineSeconds, shortages: [{sku, requested, available}]}` |
//! | [`release`] | `{orderId, released}`: whether the order's reservation is released |
//!
//! # Errors
//!
//! The name of a [`StepError`] is the `errorType` of the Lambda error. The state machine
//! retries a transient error and catches a final one.
//!
//! | error | kind | operations | meaning |
//! |---|---|---|---|
//! | `StoreUnavailable` | transient | all | a table is unavailable, or the order kept changing |
//! | `StockContended` | transient | all | another transaction wrote one of the stock levels |
//! | `InvalidRequest` | final | all | the input is malformed, or the status does not allow the step |
//! | `OrderNotFound` | final | all | there is no order with this id |
//! | `Superseded` | final | reserve | another execution owns the order |
//! | `CompensationBegun` | final | reserve | the order is being compensated, is closed, or released its stock |
//! | `OrderCancelled` | final | reserve | the customer requested cancellation |
//! | `ReviewRejected` | final | reserve | the order needs an approval and has none |
//! | `CompensationIncomplete` | final | release | a shipment is left; compensation starts over at the label |

pub mod event;
pub mod release;
pub mod reserve;

use domain::operation::InventoryOperation;
use domain::ports::{LoadOrder, ReleaseStock, ReserveStock, SaveOrder};
use domain::task_input::TaskInput;
use domain::{ErrorName, StepError, Timestamp};
use serde_json::Value;

/// The function with its dependencies.
#[derive(Debug, Clone)]
pub struct CheckInventory<O, S> {
    /// The Orders table.
    pub orders: O,
    /// The Inventory table.
    pub stock: S,
}

impl<O: LoadOrder + SaveOrder, S: ReserveStock + ReleaseStock> CheckInventory<O, S> {
    /// Runs the operation that `input` names. `now` is called only if the input has no
    /// `enteredAt`.
    ///
    /// # Errors
    ///
    /// See the table in the [crate documentation](crate).
    pub async fn handle(
        &self,
        input: Value,
        now: impl FnOnce() -> Timestamp + Send,
    ) -> Result<Value, StepError> {
        let input = TaskInput::parse(&input)?;
        let at = input.entered_at.unwrap_or_else(now);
        match input.operation {
            InventoryOperation::Reserve => self.reserve(&input, at).await.map(Value::from),
            InventoryOperation::Release => self.release(&input, at).await.map(Value::from),
        }
    }
}

/// The error of a transaction that lost against another one.
fn stock_contended() -> StepError {
    ErrorName::StockContended.with_detail("another transaction wrote the same stock level")
}
