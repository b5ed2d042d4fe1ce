//! The parcel of an order: `initiate-shipping`.
//!
//! Two operations, one file each: [`book`] buys the label, [`cancel`] asks for
//! its price back. The shipment is created and stored before its label is
//! bought, and an order has one shipment for ever: so it has at most one label.
//!
//! [`event`] is JSON in and out; [`easypost`] is the carrier over HTTPS. What
//! never happens twice, and why, is written in `domain::order`.

pub mod book;
pub mod cancel;
pub mod easypost;
pub mod event;

use domain::ports::{Called, Carrier, CarrierRefusal, LoadOrder, SaveOrder};
use domain::shipment::CarrierShipment;
use domain::step::Step;
use domain::{Failure, Fault, Moment, ShipmentId};
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

impl<O: LoadOrder + SaveOrder, C: Carrier> InitiateShipping<O, C> {
    /// Does what the input asks for. `now` is asked only when the input brings
    /// no time of its own.
    pub async fn handle(
        &self,
        input: Value,
        now: impl FnOnce() -> Moment + Send,
    ) -> Result<Value, Failure> {
        let step = Step::parse(&input, Operation::from_name)?;
        let at = step.entered_at.unwrap_or_else(now);
        match step.operation {
            Operation::Book => self.book(&step, at).await.map(Value::from),
            Operation::Cancel => self.cancel(&step, at).await.map(Value::from),
        }
    }

    /// What the shipment is now. The carrier's word on it is the authority, so
    /// without it nobody knows what became of an earlier call.
    async fn look_up(&self, id: &ShipmentId) -> Result<CarrierShipment, Failure> {
        match self.carrier.look_up(id).await {
            Called::Done(shipment) => Ok(shipment),
            Called::Refused(refusal) => Err(misconfigured(refusal)),
            Called::NotBegun(why) | Called::Unknown(why) => {
                Err(Fault::ShipmentOutcomeUnknown.because(format!("look-up: {why}")))
            }
        }
    }
}

/// The carrier did nothing, and may when it is asked again.
fn unavailable(why: &str) -> Failure {
    Fault::CarrierUnavailable.because(why)
}

/// The carrier said no to something that it never refuses an account in order.
fn misconfigured(refusal: CarrierRefusal) -> Failure {
    Fault::CarrierMisconfigured.because(match refusal {
        CarrierRefusal::Rejected(why) | CarrierRefusal::Misconfigured(why) => why,
        CarrierRefusal::BoughtAlready => "the label was bought already".to_owned(),
        CarrierRefusal::NotFound => "the carrier knows no such shipment".to_owned(),
    })
}
