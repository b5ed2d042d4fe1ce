//! `capture`: captures the authorized amount once stock is reserved and the label bought.
//!
//! An intent can be captured only once, so the function calls `capture` with the stored id
//! without a lookup first. It retrieves the intent only if the answer leaves the outcome
//! open.

use domain::compensate::{self, payment_not_sent, payment_rejected, payment_throttled};
use domain::conflict::{AttemptError, load_order, retry_on_conflict, save_order};
use domain::operation::PaymentOperation;
use domain::payment::{ForwardAction, PaymentIntent};
use domain::ports::{CallOutcome, LoadOrder, PaymentProvider, SaveOrder};
use domain::task_input::TaskInput;
use domain::{ErrorName, Order, PaymentIntentId, Status, StepError, Timestamp};

use crate::ProcessPayment;
use crate::event::CaptureOutput;
use crate::payment_intent::issuer_has_not_answered;

impl<O: LoadOrder + SaveOrder, P: PaymentProvider> ProcessPayment<O, P> {
    /// Captures the total of the order, once, and marks the order as fulfilled.
    ///
    /// # Errors
    ///
    /// See the table in the [crate documentation](crate).
    pub async fn capture(
        &self,
        input: &TaskInput<PaymentOperation>,
        at: Timestamp,
    ) -> Result<CaptureOutput, StepError> {
        retry_on_conflict(|| self.capture_once(input, at)).await?;
        Ok(CaptureOutput { order_id: input.order_id.clone() })
    }

    async fn capture_once(
        &self,
        input: &TaskInput<PaymentOperation>,
        at: Timestamp,
    ) -> Result<Order, AttemptError> {
        let order = load_order(&self.orders, &input.order_id).await?;
        order.ensure_can_proceed(input.execution.as_ref())?;
        if order.status == Status::Fulfilled {
            return Ok(order);
        }
        let id = capturable_intent(&order)?;
        // Built first: without a valid record of the capture, nothing is captured.
        let fulfilled = order.fulfilled(at)?;
        let intent = self.capture_intent(&order, id, at).await?;
        self.ensure_amount_matches(&order, &intent, at).await?;
        save_order(&self.orders, &order, fulfilled).await
    }

    /// Captures the intent and returns it as captured.
    async fn capture_intent(
        &self,
        order: &Order,
        id: &PaymentIntentId,
        at: Timestamp,
    ) -> Result<PaymentIntent, AttemptError> {
        let key = order.payment_idempotency_key("capture");
        let error = match self.payment_provider.capture(id, &key).await {
            CallOutcome::Succeeded(intent)
                if intent.next_for_capture() == ForwardAction::AlreadyDone =>
            {
                return Ok(intent);
            }
            CallOutcome::NotSent(why) => return Err(payment_not_sent(&why).into()),
            CallOutcome::Throttled(why) => return Err(payment_throttled(&why).into()),
            CallOutcome::Rejected(rejection) => payment_rejected(rejection),
            CallOutcome::Succeeded(_) | CallOutcome::Unknown(_) => {
                payment_not_sent("the capture had no effect")
            }
        };
        // Also after a rejection: only the state of the intent says whether an earlier
        // call captured it, and whether it can still be captured.
        let intent = compensate::retrieve_payment_intent(&self.payment_provider, id).await?;
        match intent.next_for_capture() {
            ForwardAction::AlreadyDone => Ok(intent),
            ForwardAction::Reject(error) => {
                Err(error.with_detail(format!("the intent is {:?}", intent.state)).into())
            }
            ForwardAction::Unknown => Err(issuer_has_not_answered().into()),
            ForwardAction::Call => Err(self.fail_with_new_key(order, error, at).await),
        }
    }
}

/// Returns the intent to capture if the order has stock, a live label and its approval.
fn capturable_intent(order: &Order) -> Result<&PaymentIntentId, StepError> {
    let not_capturable = |detail: &str| ErrorName::PaymentNotCapturable.with_detail(detail);
    if !order.holds_stock() {
        return Err(not_capturable("the order holds no stock"));
    }
    if !order.has_live_label() {
        return Err(not_capturable("the order has no live label"));
    }
    if order.needs_approval() {
        return Err(not_capturable("the order is not approved"));
    }
    order.payment.intent_id.as_ref().ok_or_else(|| not_capturable("the order has no intent"))
}
