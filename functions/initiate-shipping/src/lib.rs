//! `initiate-shipping`: buys the shipping label of an order and refunds it.
//!
//! Start with [`InitiateShipping::handle`]. Each operation has one file. The function
//! creates a shipment and stores its id on the order before it buys the label, and an
//! order never gets a second shipment. So an order has at most one live label.
//!
//! # Input
//!
//! `{"operation", "orderId", "execution"?, "enteredAt"?, "failed"?}`
//!
//! - `operation`: `book` (the default) or `cancel`.
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
//! | [`book`] | `{orderId, shipmentId, carrier, service, trackingCode}` |
//! | [`cancel`] | `{orderId, labelRefund}`: `SUBMITTED`, `NONE` (no label was bought), `REFUSED` (an operator must act), `KEPT` (an operator had it kept) or `SUPERSEDED` |
//!
//! # Errors
//!
//! The name of a [`StepError`] is the `errorType` of the Lambda error. The state machine
//! retries a transient error and catches a final one.
//!
//! | error | kind | operations | meaning |
//! |---|---|---|---|
//! | `StoreUnavailable` | transient | all | the Orders table is unavailable, or the order kept changing |
//! | `CarrierUnavailable` | transient | all | the shipping provider did nothing, or no carrier returned a rate; call again |
//! | `CarrierThrottled` | transient | all | the provider's rate limit turned the call away; call again |
//! | `ShipmentOutcomeUnknown` | transient | all | the provider may have acted, and a lookup fails |
//! | `InvalidRequest` | final | all | the input is malformed, or the order has no reserved stock to ship |
//! | `OrderNotFound` | final | all | there is no order with this id |
//! | `CarrierMisconfigured` | final | all | the provider rejects the account or the request |
//! | `Superseded` | final | book | another execution owns the order |
//! | `CompensationBegun` | final | book | the order is being compensated, is closed, or refunded its label |
//! | `OrderCancelled` | final | book | the customer requested cancellation |
//! | `PaymentNotCapturable` | final | book | the payment is not authorized, or expires in less than 12 hours |
//! | `ShippingRejected` | final | book | the provider rejects address or parcel, offers no rate that is fast enough and below the postage ceiling, or refuses to sell two rates |

pub mod book;
pub mod cancel;
pub mod event;

use domain::conflict::record_cause;
use domain::operation::ShippingOperation;
use domain::policy::PostageCeiling;
use domain::ports::{LoadOrder, SaveOrder, ShippingProvider};
use domain::task_input::TaskInput;
use domain::{StepError, Timestamp};
use serde_json::Value;

/// The function with its dependencies.
#[derive(Debug, Clone)]
pub struct InitiateShipping<O, S> {
    /// The Orders table.
    pub orders: O,
    /// The shipping provider.
    pub shipping_provider: S,
    /// What postage may cost at most.
    pub postage_ceiling: PostageCeiling,
}

impl<O: LoadOrder + SaveOrder, S: ShippingProvider> InitiateShipping<O, S> {
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
        let result = match input.operation {
            ShippingOperation::Book => self.book(&input, at).await.map(Value::from),
            ShippingOperation::Cancel => self.cancel(&input, at).await.map(Value::from),
        };
        match result {
            Ok(output) => Ok(output),
            Err(failure) => {
                let (id, execution) = (&input.order_id, input.execution.as_ref());
                Err(record_cause(&self.orders, id, execution, at, failure).await)
            }
        }
    }
}
