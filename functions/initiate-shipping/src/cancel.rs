//! `cancel`: requests the refund of the order's label.
//!
//! A compensating step. It first records that compensation began, so no purchase can be
//! recorded afterwards. It then records only what the provider shows. If the provider
//! rejects the refund, the function raises attention and compensation continues.

use domain::compensate;
use domain::conflict::{
    AttemptError, begin_compensation, load_order, retry_on_conflict, save_order,
};
use domain::operation::ShippingOperation;
use domain::ports::{LoadOrder, SaveOrder, ShippingProvider};
use domain::shipment::LabelRefund;
use domain::task_input::TaskInput;
use domain::{Status, StepError, Timestamp};

use crate::InitiateShipping;
use crate::event::CancelOutput;

/// The result for an execution that does not own the order.
const SUPERSEDED: &str = "SUPERSEDED";

impl<O: LoadOrder + SaveOrder, S: ShippingProvider> InitiateShipping<O, S> {
    /// Requests the refund of the order's label, once. A fulfilled order, and an order that
    /// another execution owns, is left unchanged.
    ///
    /// # Errors
    ///
    /// See the table in the [crate documentation](crate).
    pub async fn cancel(
        &self,
        input: &TaskInput<ShippingOperation>,
        at: Timestamp,
    ) -> Result<CancelOutput, StepError> {
        let label_refund = retry_on_conflict(|| self.cancel_once(input, at)).await?;
        Ok(CancelOutput { order_id: input.order_id.clone(), label_refund })
    }

    async fn cancel_once(
        &self,
        input: &TaskInput<ShippingOperation>,
        at: Timestamp,
    ) -> Result<&'static str, AttemptError> {
        let order = load_order(&self.orders, &input.order_id).await?;
        if !order.is_owned_by(input.execution.as_ref()) {
            return Ok(SUPERSEDED);
        }
        if order.status == Status::Fulfilled {
            return Ok(LabelRefund::None.name());
        }
        let order = begin_compensation(&self.orders, order, &input.failed, at).await?;
        let Some(stored) = &order.shipment else {
            return Ok(LabelRefund::None.name());
        };
        if let Some(refund) = stored.refund {
            return Ok(refund.name());
        }
        let (id, claim) = (&stored.shipment_id, order.label_claim());
        let refund = compensate::return_label(&self.shipping_provider, id, claim).await?;
        save_order(&self.orders, &order, order.with_label_refund(refund, at)).await?;
        Ok(refund.name())
    }
}
