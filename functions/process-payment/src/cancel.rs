//! Gives the money back, closes the order, and says how it ended.
//!
//! The last step of every compensation, and the one that never says that money
//! is back before the gateway has said so. Before a capture the intent is
//! cancelled, after it refunded; an order that is closed already is left as it
//! is, but its money is settled all the same.

use domain::payment::{Intent, IntentState, PaymentStatus, Undo};
use domain::ports::{Called, Gateway, GatewayRefusal, LoadOrder, RefundState, SaveOrder};
use domain::rounds::{Stop, record, settle, turn_round};
use domain::step::Step;
use domain::{Failure, Fault, IntentId, Moment, Order, Status};

use crate::ProcessPayment;
use crate::event::{Cancelled, Operation};
use crate::intent::{not_begun, refused};

/// What an execution that does not own the order is told.
const SUPERSEDED: &str = "SUPERSEDED";

/// Why the money is not settled. Not an error of the order: of its undoing.
enum Unsettled {
    /// A look-up showed that the call had no effect.
    NoEffect(&'static str),
    /// The gateway cannot be asked, or refuses.
    Failed(Failure),
}

impl From<Failure> for Unsettled {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

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
        match self.undo(order).await {
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
        let raised = match self.undo(order).await {
            Ok(PaymentStatus::RefundFailed) => "REFUND_FAILED",
            Ok(_) => return Ok(()),
            Err(_) => "PAYMENT_UNSETTLED",
        };
        if order.attention.is_none() {
            record(&self.orders, order, order.with_attention(raised, at)).await?;
        }
        Ok(())
    }

    /// Undoes the money as the state of the intent asks for.
    async fn undo(&self, order: &Order) -> Result<PaymentStatus, Unsettled> {
        let Some(id) = &order.payment.intent_id else {
            return Ok(PaymentStatus::Voided);
        };
        let intent = self.look_up(id).await?;
        match intent.next_for_cancel() {
            Undo::Done => Ok(settled(&intent)),
            Undo::Void => self.void(order, id).await,
            Undo::Refund => self.refund(order, id).await,
            Undo::Unknown => Err(undecided().into()),
        }
    }

    async fn void(&self, order: &Order, id: &IntentId) -> Result<PaymentStatus, Unsettled> {
        match self.gateway.cancel(id, &order.payment_key("cancel")).await {
            Called::Done(intent) if intent.state == IntentState::Canceled => {
                return Ok(PaymentStatus::Voided);
            }
            Called::NotBegun(why) => return Err(not_begun(&why).into()),
            Called::Done(_)
            | Called::Refused(GatewayRefusal::WrongState(_))
            | Called::Unknown(_) => {}
            Called::Refused(refusal) => return Err(refused(refusal).into()),
        }
        // A capture in flight may have been faster: then it is to be refunded.
        let intent = self.look_up(id).await?;
        match intent.next_for_cancel() {
            Undo::Done => Ok(settled(&intent)),
            Undo::Void => Err(Unsettled::NoEffect("the void had no effect")),
            Undo::Refund => self.refund(order, id).await,
            Undo::Unknown => Err(undecided().into()),
        }
    }

    async fn refund(&self, order: &Order, id: &IntentId) -> Result<PaymentStatus, Unsettled> {
        if let Some(money) = self.refunded(id).await? {
            return Ok(money);
        }
        let refusal = match self.gateway.refund(id, &order.payment_key("refund")).await {
            Called::Done(state) => return Ok(refund_status(state)),
            Called::NotBegun(why) => return Err(not_begun(&why).into()),
            Called::Refused(refusal) => Some(refused(refusal)),
            Called::Unknown(_) => None,
        };
        match (self.refunded(id).await?, refusal) {
            (Some(money), _) => Ok(money),
            (None, Some(refusal)) => Err(refusal.into()),
            (None, None) => Err(Unsettled::NoEffect("the refund had no effect")),
        }
    }

    /// What the refunds of an intent came to; none when there is none.
    async fn refunded(&self, id: &IntentId) -> Result<Option<PaymentStatus>, Failure> {
        match self.gateway.refunds(id).await {
            Called::Done(refunds) if refunds.contains(&RefundState::PendingOrDone) => {
                Ok(Some(PaymentStatus::Refunded))
            }
            Called::Done(refunds) if refunds.is_empty() => Ok(None),
            Called::Done(_) => Ok(Some(PaymentStatus::RefundFailed)),
            Called::Refused(refusal) => Err(refused(refusal)),
            Called::NotBegun(why) | Called::Unknown(why) => {
                Err(Fault::PaymentOutcomeUnknown.because(format!("refunds: {why}")))
            }
        }
    }
}

/// Whether the record says that nothing is left to settle, or that a person must.
const fn is_final(status: PaymentStatus) -> bool {
    matches!(status, PaymentStatus::Voided | PaymentStatus::Refunded | PaymentStatus::RefundFailed)
}

/// What is on record of an intent of which nothing is left to undo. One that was
/// given back only in part has money of the customer's left: a person must look.
fn settled(intent: &Intent) -> PaymentStatus {
    match intent.state {
        IntentState::Succeeded if intent.refunded_minor < intent.amount.amount_minor() => {
            PaymentStatus::RefundFailed
        }
        IntentState::Succeeded => PaymentStatus::Refunded,
        _ => PaymentStatus::Voided,
    }
}

const fn refund_status(state: RefundState) -> PaymentStatus {
    match state {
        RefundState::PendingOrDone => PaymentStatus::Refunded,
        RefundState::Failed => PaymentStatus::RefundFailed,
    }
}

fn undecided() -> Failure {
    Fault::PaymentOutcomeUnknown.because("the bank has not answered")
}
