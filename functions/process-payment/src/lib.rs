//! `process-payment`: authorizes, captures, and voids or refunds the payment of an order.
//!
//! Start with [`ProcessPayment::handle`]. Each operation has one file and the same shape:
//! load the order, decide from the recorded facts, call the payment provider, record the
//! result. The order stores the id of its payment intent before the intent is confirmed,
//! and only the stored intent is ever confirmed. So no order is charged twice, however
//! often a step runs and wherever the process dies.
//!
//! # Input
//!
//! `{"operation", "orderId", "execution"?, "enteredAt"?, "failed"?}`
//!
//! - `operation`: `authorize` (the default), `capture` or `cancel`.
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
//! | [`authorize`] | `{orderId, paymentStatus: "AUTHORIZED", reviewRequired, reviewReasons, reviewDeadlineSeconds}` |
//! | [`capture`] | `{orderId, status: "FULFILLED", paymentStatus: "CAPTURED"}` |
//! | [`cancel`] | `{orderId, outcome}`: the final status of the order, or `SUPERSEDED` |
//!
//! # Errors
//!
//! The name of a [`StepError`] is the `errorType` of the Lambda error. The state machine
//! retries a transient error and catches a final one.
//!
//! | error | kind | operations | meaning |
//! |---|---|---|---|
//! | `StoreUnavailable` | transient | all | the Orders table is unavailable, or the order kept changing |
//! | `PaymentGatewayUnavailable` | transient | all | the payment provider did nothing; call again |
//! | `PaymentThrottled` | transient | all | the provider's rate limit turned the call away; call again |
//! | `PaymentOutcomeUnknown` | transient | all | the provider may have acted, or the card issuer has not answered |
//! | `InvalidRequest` | final | all | the input is malformed, or the status does not allow the step |
//! | `OrderNotFound` | final | authorize, capture | there is no order with this id |
//! | `Superseded` | final | authorize, capture | another execution owns the order |
//! | `CompensationBegun` | final | authorize, capture | the order is being compensated, or is closed |
//! | `OrderCancelled` | final | authorize, capture | the customer requested cancellation |
//! | `PaymentDeclined` | final | authorize, capture | the issuer declined the card |
//! | `PaymentNotCapturable` | final | authorize, capture | the intent is canceled or refunded; for capture also: no reserved stock, no live label, or no approval |
//! | `PaymentMisconfigured` | final | all | the provider rejects the account or the request, or the intent has another amount |
//! | `RefundNotPermitted` | final | cancel | the payment is captured, and the operator who had the order compensated did not permit a refund |
//! | `ReviewRejected` | final | authorize | an operator rejected the order, or the review deadline passed |
//! | `CompensationIncomplete` | final | cancel | a shipment or a reservation is left; compensation starts over at the label |

pub mod authorize;
pub mod cancel;
pub mod capture;
pub mod event;
mod payment_intent;

use domain::conflict::record_cause;
use domain::operation::PaymentOperation;
use domain::policy::ReviewPolicy;
use domain::ports::{LoadOrder, PaymentProvider, SaveOrder};
use domain::task_input::TaskInput;
use domain::{StepError, Timestamp};
use serde_json::Value;

/// The function with its dependencies.
#[derive(Debug, Clone)]
pub struct ProcessPayment<O, P> {
    /// The Orders table.
    pub orders: O,
    /// The payment provider.
    pub payment_provider: P,
    /// The rule that decides which orders an operator must review.
    pub review_policy: ReviewPolicy,
}

impl<O: LoadOrder + SaveOrder, P: PaymentProvider> ProcessPayment<O, P> {
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
            PaymentOperation::Authorize => self.authorize(&input, at).await.map(Value::from),
            PaymentOperation::Capture => self.capture(&input, at).await.map(Value::from),
            PaymentOperation::Cancel => self.cancel(&input, at).await.map(Value::from),
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
