//! The money of an order: `process-payment`.
//!
//! Three operations, one file each: [`authorize`] puts a hold on the card and
//! says whether a person must look, [`capture`] takes the money once the label
//! is bought, [`cancel`] gives it back and closes the order. Each decides by the
//! facts on the record and by what the gateway's intent is, acts, and records.
//!
//! [`event`] is JSON in and out; [`intent`] is what the three have in common;
//! The gateway over HTTPS is `aws::stripe`. What never happens twice, and why, is
//! written in `domain::payment` and in `domain::order`.

pub mod authorize;
pub mod cancel;
pub mod capture;
pub mod event;
mod intent;

use domain::policy::ReviewPolicy;
use domain::ports::{LoadOrder, PaymentProvider, SaveOrder};
use domain::step::Step;
use domain::{StepError, Timestamp};
use serde_json::Value;

use crate::event::Operation;

/// The function, with the world that it works on.
#[derive(Debug, Clone)]
pub struct ProcessPayment<O, G> {
    /// The Orders table.
    pub orders: O,
    /// The payment gateway.
    pub gateway: G,
    /// When a person must look.
    pub review: ReviewPolicy,
}

impl<O: LoadOrder + SaveOrder, G: PaymentProvider> ProcessPayment<O, G> {
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
            Operation::Authorize => self.authorize(&step, at).await.map(Value::from),
            Operation::Capture => self.capture(&step, at).await.map(Value::from),
            Operation::Cancel => self.cancel(&step, at).await.map(Value::from),
        }
    }
}
