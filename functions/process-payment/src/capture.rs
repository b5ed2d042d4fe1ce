//! Takes the money: the goods are set aside and the label is bought.
//!
//! The intent admits a capture once, so the call is made at once by its id; only
//! an answer that leaves the outcome open is followed by a look-up.

use domain::compensate::{self, payment_not_sent as not_begun, payment_rejected as refused};
use domain::conflict::{AttemptError, load_order, retry_on_conflict, save_order};
use domain::payment::{ForwardAction, PaymentIntent};
use domain::ports::{CallOutcome, LoadOrder, PaymentProvider, SaveOrder};
use domain::step::Step;
use domain::{ErrorName, Order, PaymentIntentId, Status, StepError, Timestamp};

use crate::ProcessPayment;
use crate::event::{Captured, Operation};

impl<O: LoadOrder + SaveOrder, G: PaymentProvider> ProcessPayment<O, G> {
    /// Captures all of the order's money, once, and fulfils the order.
    pub async fn capture(
        &self,
        step: &Step<Operation>,
        at: Timestamp,
    ) -> Result<Captured, StepError> {
        retry_on_conflict(|| self.capture_once(step, at)).await?;
        Ok(Captured { order_id: step.order_id.clone() })
    }

    async fn capture_once(
        &self,
        step: &Step<Operation>,
        at: Timestamp,
    ) -> Result<Order, AttemptError> {
        let order = load_order(&self.orders, &step.order_id).await?;
        order.ensure_can_proceed(step.execution.as_ref())?;
        if order.status == Status::Fulfilled {
            return Ok(order);
        }
        let id = capturable(&order)?;
        // Decided before acting: what cannot be recorded is not done.
        let fulfilled = order.fulfilled(at)?;
        let intent = self.take(&order, id, at).await?;
        self.check_amount(&order, &intent, at).await?;
        save_order(&self.orders, &order, fulfilled).await
    }

    /// The intent, captured.
    async fn take(
        &self,
        order: &Order,
        id: &PaymentIntentId,
        at: Timestamp,
    ) -> Result<PaymentIntent, AttemptError> {
        let refusal =
            match self.gateway.capture(id, &order.payment_idempotency_key("capture")).await {
                CallOutcome::Succeeded(intent)
                    if intent.next_for_capture() == ForwardAction::AlreadyDone =>
                {
                    return Ok(intent);
                }
                CallOutcome::NotSent(why) => return Err(not_begun(&why).into()),
                CallOutcome::Rejected(refusal) => Some(refused(refusal)),
                CallOutcome::Succeeded(_) | CallOutcome::Unknown(_) => None,
            };
        // A refusal too: only the intent's state says whether it was captured
        // before, and whether it still can be.
        let intent = compensate::retrieve_payment_intent(&self.gateway, id).await?;
        match (intent.next_for_capture(), refusal) {
            (ForwardAction::AlreadyDone, _) => Ok(intent),
            (ForwardAction::Reject(fault), _) => {
                Err(fault.with_detail(format!("the intent is {:?}", intent.state)).into())
            }
            (ForwardAction::Unknown, _) => Err(ErrorName::PaymentOutcomeUnknown
                .with_detail("the bank has not answered")
                .into()),
            (ForwardAction::Call, Some(refusal)) => Err(refusal.into()),
            (ForwardAction::Call, None) => {
                Err(self.try_again_later(order, "the capture had no effect", at).await)
            }
        }
    }
}

/// The intent to capture, if the goods are there to take the money for.
fn capturable(order: &Order) -> Result<&PaymentIntentId, StepError> {
    let lacking = |what: &str| ErrorName::PaymentNotCapturable.with_detail(what);
    if !order.holds_stock() {
        return Err(lacking("the order holds no stock"));
    }
    if !order.has_live_label() {
        return Err(lacking("the order has no live label"));
    }
    if order.needs_approval() {
        return Err(lacking("nobody approved the order"));
    }
    order.payment.intent_id.as_ref().ok_or_else(|| lacking("the order has no intent"))
}
