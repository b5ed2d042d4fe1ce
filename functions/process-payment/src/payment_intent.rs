//! What the three operations share about the payment intent: how a call is repeated, and
//! the check of its amount.
//!
//! What the operations share with the reconciler is in [`domain::compensate`].

use domain::conflict::{AttemptError, save_order};
use domain::order::{Attention, TimelineCode};
use domain::payment::PaymentIntent;
use domain::ports::{LoadOrder, PaymentProvider, SaveOrder};
use domain::{ErrorName, Order, StepError, Timestamp};

use crate::ProcessPayment;

impl<O: LoadOrder + SaveOrder, P: PaymentProvider> ProcessPayment<O, P> {
    /// Records a new attempt and returns the error of the last one.
    ///
    /// Call it only after a lookup showed that the last call had no effect. The next
    /// call then has another idempotency key: the provider replays a stored failure or
    /// rejection under the old key for a day.
    pub(crate) async fn fail_with_new_key(
        &self,
        order: &Order,
        error: StepError,
        at: Timestamp,
    ) -> AttemptError {
        match save_order(&self.orders, order, order.with_next_attempt(at)).await {
            Ok(_) => error.into(),
            Err(conflict) => conflict,
        }
    }

    /// Checks that the intent is for the total of the order. Raises attention if not.
    ///
    /// # Errors
    ///
    /// `PaymentMisconfigured` if amount or currency differ; a conflict or
    /// `StoreUnavailable` if the attention cannot be recorded.
    pub(crate) async fn ensure_amount_matches(
        &self,
        order: &Order,
        intent: &PaymentIntent,
        at: Timestamp,
    ) -> Result<(), AttemptError> {
        if intent.amount == order.total {
            return Ok(());
        }
        if order.attention != Some(Attention::Operator) {
            let raised = order.with_attention(TimelineCode::PaymentAmountMismatch, at);
            save_order(&self.orders, order, raised).await?;
        }
        Err(ErrorName::PaymentMisconfigured
            .with_detail("the payment intent is for another amount than the order's total")
            .into())
    }
}

/// The error for an intent whose confirmation or capture the card issuer has not answered yet.
pub(crate) fn issuer_has_not_answered() -> StepError {
    ErrorName::PaymentOutcomeUnknown.with_detail("the card issuer has not answered")
}
