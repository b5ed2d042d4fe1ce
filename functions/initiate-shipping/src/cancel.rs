//! Asks the carrier for the price of the label back.
//!
//! The first step of a compensation that has come this far: it records first
//! that the order turned round, so that no purchase is recorded afterwards, and
//! then believes only what the carrier shows. A refusal calls a person, and the
//! compensation goes on.

use domain::conflict::{
    AttemptError, begin_compensation, load_order, retry_on_conflict, save_order,
};
use domain::ports::{LoadOrder, SaveOrder, ShippingProvider};
use domain::shipment::LabelRefund;
use domain::step::Step;
use domain::{Status, StepError, Timestamp, compensate};

use crate::InitiateShipping;
use crate::event::{Cancelled, Operation};

/// What an execution that does not own the order is told.
const SUPERSEDED: &str = "SUPERSEDED";

impl<O: LoadOrder + SaveOrder, C: ShippingProvider> InitiateShipping<O, C> {
    /// Gives the order's label back, once. An order that is fulfilled, or that
    /// another execution owns, is left as it is.
    pub async fn cancel(
        &self,
        step: &Step<Operation>,
        at: Timestamp,
    ) -> Result<Cancelled, StepError> {
        let label_refund = retry_on_conflict(|| self.cancel_once(step, at)).await?;
        Ok(Cancelled { order_id: step.order_id.clone(), label_refund })
    }

    async fn cancel_once(
        &self,
        step: &Step<Operation>,
        at: Timestamp,
    ) -> Result<&'static str, AttemptError> {
        let order = load_order(&self.orders, &step.order_id).await?;
        if !order.is_owned_by(step.execution.as_ref()) {
            return Ok(SUPERSEDED);
        }
        if order.status == Status::Fulfilled {
            return Ok(LabelRefund::None.name());
        }
        let order = begin_compensation(&self.orders, order, &step.failed, at).await?;
        let Some(stored) = &order.shipment else {
            return Ok(LabelRefund::None.name());
        };
        if let Some(refund) = stored.refund {
            return Ok(refund.name());
        }
        let refund = compensate::refund_label(&self.carrier, &stored.shipment_id).await?;
        save_order(&self.orders, &order, order.with_label_refund(refund, at)).await?;
        Ok(refund.name())
    }
}
