//! Takes the money: the goods are set aside and the label is bought.
//!
//! The intent admits a capture once, so the call is made at once by its id; only
//! an answer that leaves the outcome open is followed by a look-up.

use domain::payment::{Forward, Intent};
use domain::ports::{Called, Gateway, LoadOrder, SaveOrder};
use domain::rounds::{Stop, load, record, settle};
use domain::step::Step;
use domain::undo::{self, gateway_not_begun as not_begun, gateway_refused as refused};
use domain::{Failure, Fault, IntentId, Moment, Order, Status};

use crate::ProcessPayment;
use crate::event::{Captured, Operation};

impl<O: LoadOrder + SaveOrder, G: Gateway> ProcessPayment<O, G> {
    /// Captures all of the order's money, once, and fulfils the order.
    pub async fn capture(&self, step: &Step<Operation>, at: Moment) -> Result<Captured, Failure> {
        settle(|| self.capture_once(step, at)).await?;
        Ok(Captured { order_id: step.order_id.clone() })
    }

    async fn capture_once(&self, step: &Step<Operation>, at: Moment) -> Result<Order, Stop> {
        let order = load(&self.orders, &step.order_id).await?;
        order.guard_forward(step.execution.as_ref())?;
        if order.status == Status::Fulfilled {
            return Ok(order);
        }
        let id = capturable(&order)?;
        // Decided before acting: what cannot be recorded is not done.
        let fulfilled = order.fulfilled(at)?;
        let intent = self.take(&order, id, at).await?;
        self.check_amount(&order, &intent, at).await?;
        record(&self.orders, &order, fulfilled).await
    }

    /// The intent, captured.
    async fn take(&self, order: &Order, id: &IntentId, at: Moment) -> Result<Intent, Stop> {
        let refusal = match self.gateway.capture(id, &order.payment_key("capture")).await {
            Called::Done(intent) if intent.next_for_capture() == Forward::Done => {
                return Ok(intent);
            }
            Called::NotBegun(why) => return Err(not_begun(&why).into()),
            Called::Refused(refusal) => Some(refused(refusal)),
            Called::Done(_) | Called::Unknown(_) => None,
        };
        // A refusal too: only the intent's state says whether it was captured
        // before, and whether it still can be.
        let intent = undo::intent(&self.gateway, id).await?;
        match (intent.next_for_capture(), refusal) {
            (Forward::Done, _) => Ok(intent),
            (Forward::Refuse(fault), _) => {
                Err(fault.because(format!("the intent is {:?}", intent.state)).into())
            }
            (Forward::Unknown, _) => {
                Err(Fault::PaymentOutcomeUnknown.because("the bank has not answered").into())
            }
            (Forward::Call, Some(refusal)) => Err(refusal.into()),
            (Forward::Call, None) => {
                Err(self.try_again_later(order, "the capture had no effect", at).await)
            }
        }
    }
}

/// The intent to capture, if the goods are there to take the money for.
fn capturable(order: &Order) -> Result<&IntentId, Failure> {
    let lacking = |what: &str| Fault::PaymentNotCapturable.because(what);
    if !order.holds_stock() {
        return Err(lacking("the order holds no stock"));
    }
    if !order.has_live_label() {
        return Err(lacking("the order has no live label"));
    }
    if order.lacks_approval() {
        return Err(lacking("nobody approved the order"));
    }
    order.payment.intent_id.as_ref().ok_or_else(|| lacking("the order has no intent"))
}
