//! Gives the money back, closes the order, and says how it ended.
//!
//! The last step of every compensation, and the one that never says that money
//! is back before the gateway has said so. Before a capture the intent is
//! cancelled, after it refunded; an order that is closed already is left as it
//! is, but its money is settled all the same.

use domain::payment::PaymentStatus;
use domain::ports::{Gateway, LoadOrder, SaveOrder};
use domain::rounds::{Stop, record, settle, turn_round};
use domain::step::Step;
use domain::undo::{self, Unsettled};
use domain::{Failure, Fault, Moment, Order, Status};

use crate::ProcessPayment;
use crate::event::{Cancelled, Operation};

/// What an execution that does not own the order is told.
const SUPERSEDED: &str = "SUPERSEDED";

impl<O: LoadOrder + SaveOrder, G: Gateway> ProcessPayment<O, G> {
    /// Undoes the order's money and closes the order.
    pub async fn cancel(&self, step: &Step<Operation>, at: Moment) -> Result<Cancelled, Failure> {
        let outcome = settle(|| self.cancel_once(step, at)).await?;
        Ok(Cancelled { order_id: step.order_id.clone(), outcome })
    }

    async fn cancel_once(&self, step: &Step<Operation>, at: Moment) -> Result<&'static str, Stop> {
        let Some(order) = self.orders.load(&step.order_id).await? else {
            return Ok(SUPERSEDED);
        };
        if !order.is_owned_by(step.execution.as_ref()) {
            return Ok(SUPERSEDED);
        }
        match order.status {
            Status::Fulfilled => Ok(order.status.name()),
            status if status.is_closed() => {
                self.settle_closed(&order, at).await?;
                Ok(status.name())
            }
            _ => {
                let order = self.last_to_turn_round(order, step, at).await?;
                let money = self.undo_open(&order, at).await?;
                let closed = record(&self.orders, &order, order.closed(money, at)?).await?;
                Ok(closed.status.name())
            }
        }
    }

    /// The order with its compensation on record, whose label and goods are
    /// given back already.
    async fn last_to_turn_round(
        &self,
        order: Order,
        step: &Step<Operation>,
        at: Moment,
    ) -> Result<Order, Stop> {
        if order.has_open_shipment() {
            return Err(Fault::CompensationIncomplete.because("a shipment is left").into());
        }
        if order.holds_stock() {
            return Err(Fault::CompensationIncomplete.because("a reservation is left").into());
        }
        turn_round(&self.orders, order, &step.failed, at).await
    }

    async fn undo_open(&self, order: &Order, at: Moment) -> Result<PaymentStatus, Stop> {
        match undo::money(&self.gateway, order).await {
            Ok(money) => Ok(money),
            Err(Unsettled::NoEffect(why)) => Err(self.try_again_later(order, why, at).await),
            Err(Unsettled::Failed(failure)) => Err(failure.into()),
        }
    }

    /// Settles the money of an order that is closed already. What cannot be
    /// settled calls a person; it is no error of this step.
    async fn settle_closed(&self, order: &Order, at: Moment) -> Result<(), Stop> {
        if is_final(order.payment.status) {
            return Ok(());
        }
        let raised = match undo::money(&self.gateway, order).await {
            Ok(PaymentStatus::RefundFailed) => "REFUND_FAILED",
            Ok(_) => return Ok(()),
            Err(_) => "PAYMENT_UNSETTLED",
        };
        if order.attention.is_none() {
            record(&self.orders, order, order.with_attention(raised, at)).await?;
        }
        Ok(())
    }
}

/// Whether the record says that nothing is left to settle, or that a person must.
const fn is_final(status: PaymentStatus) -> bool {
    matches!(status, PaymentStatus::Voided | PaymentStatus::Refunded | PaymentStatus::RefundFailed)
}
