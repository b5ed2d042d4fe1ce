//! The parcel of an order: `initiate-shipping`.
//!
//! Two operations, one file each: [`book`] buys the label, [`cancel`] asks for
//! its price back. The shipment is created and stored before its label is
//! bought, and an order has one shipment for ever: so it has at most one label.
//!
//! [`event`] is JSON in and out; the carrier over HTTPS is `aws::easypost`. What
//! never happens twice, and why, is written in `domain::order`.

pub mod book;
pub mod cancel;
pub mod event;

use domain::ports::{LoadOrder, SaveOrder, ShippingProvider};
use domain::step::Step;
use domain::{StepError, Timestamp};
use serde_json::Value;

use crate::event::Operation;

/// The function, with the world that it works on.
#[derive(Debug, Clone)]
pub struct InitiateShipping<O, C> {
    /// The Orders table.
    pub orders: O,
    /// The carrier.
    pub carrier: C,
}

impl<O: LoadOrder + SaveOrder, C: ShippingProvider> InitiateShipping<O, C> {
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
            Operation::Book => self.book(&step, at).await.map(Value::from),
            Operation::Cancel => self.cancel(&step, at).await.map(Value::from),
        }
    }
}
