//! Gives the money back, closes the order, and says how it ended.
//!
//! The last step of every compensation, and the one that never says that money
//! is back before the gateway has said so. Before a capture the intent is
//! cancelled, after it refunded; an order that is closed already is left as it
//! is, but its money is settled all the same.

use domain::compensate::{self, CompensationError};
use domain::conflict::{AttemptError, begin_compensation, retry_on_conflict, save_order};
use domain::payment::PaymentStatus;
use domain::ports::{LoadOrder, PaymentProvider, SaveOrder};
use domain::step::Step;
use domain::{ErrorName, Order, Status, StepError, Timestamp};

use crate::ProcessPayment;
use crate::event::{Cancelled, Operation};

/// What an execution that does not own the order is told.
const SUPERSEDED: &str = "SUPERSEDED";

impl<O: LoadOrder + SaveOrder, G: PaymentProvider> ProcessPayment<O, G> {
    /// Undoes the order's money and closes the order.
    pub async fn cancel(
        &self,
        step: &Step<Operation>,
        at: Timestamp,
    ) -> Result<Cancelled, StepError> {
        let outcome = retry_on_conflict(|| self.cancel_once(step, at)).await?;
        Ok(Cancelled { order_id: step.order_id.clone(), outcome })
    }

    async fn cancel_once(
        &self,
        step: &Step<Operation>,
        at: Timestamp,
    ) -> Result<&'static str, AttemptError> {
        let Some(order) = self.orders.load(&step.order_id).await? else {
            return Ok(SUPERSEDED);
        };
        if !order.is_owned_by(step.execution.as_ref()) {
            return Ok(SUPERSEDED);
        }
        match order.status {
            Status::Fulfilled => Ok(order.status.as_str()),
            status if status.is_closed() => {
                self.settle_closed(&order, at).await?;
                Ok(status.as_str())
            }
            _ => {
                let order = self.last_to_turn_round(order, step, at).await?;
                let money = self.undo_open(&order, at).await?;
                let closed = save_order(&self.orders, &order, order.closed(money, at)?).await?;
                Ok(closed.status.as_str())
            }
        }
    }

    /// The order with its compensation on record, whose label and goods are
    /// given back already.
    async fn last_to_turn_round(
        &self,
        order: Order,
        step: &Step<Operation>,
        at: Timestamp,
    ) -> Result<Order, AttemptError> {
        if order.has_open_shipment() {
            return Err(ErrorName::CompensationIncomplete.with_detail("a shipment is left").into());
        }
        if order.holds_stock() {
            return Err(ErrorName::CompensationIncomplete
                .with_detail("a reservation is left")
                .into());
        }
        begin_compensation(&self.orders, order, &step.failed, at).await
    }

    async fn undo_open(&self, order: &Order, at: Timestamp) -> Result<PaymentStatus, AttemptError> {
        match compensate::cancel_payment(&self.gateway, order).await {
            Ok(money) => Ok(money),
            Err(CompensationError::NoEffect(why)) => {
                Err(self.try_again_later(order, why, at).await)
            }
            Err(CompensationError::Failed(failure)) => Err(failure.into()),
        }
    }

    /// Settles the money of an order that is closed already. What cannot be
    /// settled calls a person; it is no error of this step.
    async fn settle_closed(&self, order: &Order, at: Timestamp) -> Result<(), AttemptError> {
        if is_final(order.payment.status) {
            return Ok(());
        }
        let raised = match compensate::cancel_payment(&self.gateway, order).await {
            Ok(PaymentStatus::RefundFailed) => domain::order::TimelineCode::RefundFailed,
            Ok(_) => return Ok(()),
            Err(_) => domain::order::TimelineCode::PaymentNotFinalized,
        };
        if order.attention.is_none() {
            save_order(&self.orders, order, order.with_attention(raised, at)).await?;
        }
        Ok(())
    }
}

/// Whether the record says that nothing is left to settle, or that a person must.
const fn is_final(status: PaymentStatus) -> bool {
    matches!(status, PaymentStatus::Voided | PaymentStatus::Refunded | PaymentStatus::RefundFailed)
}
