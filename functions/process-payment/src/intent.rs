//! What the operations have in common about an intent, besides what they share
//! with the reconciler (`domain::compensate`): trying again, and refusing a wrong amount.

use domain::conflict::{AttemptError, save_order};
use domain::order::Attention;
use domain::payment::PaymentIntent;
use domain::ports::{LoadOrder, PaymentProvider, SaveOrder};
use domain::{ErrorName, Order, Timestamp};

use crate::ProcessPayment;

impl<O: LoadOrder + SaveOrder, G: PaymentProvider> ProcessPayment<O, G> {
    /// After a look-up showed that a call had no effect: the next try has a key
    /// of its own, because the gateway may replay this one's failure for a day.
    pub(crate) async fn try_again_later(
        &self,
        order: &Order,
        why: &str,
        at: Timestamp,
    ) -> AttemptError {
        match save_order(&self.orders, order, order.with_next_attempt(at)).await {
            Ok(_) => ErrorName::PaymentGatewayUnavailable.with_detail(why).into(),
            Err(stop) => stop,
        }
    }

    /// Refuses, and calls a person to, an intent for another amount or currency.
    pub(crate) async fn check_amount(
        &self,
        order: &Order,
        intent: &PaymentIntent,
        at: Timestamp,
    ) -> Result<(), AttemptError> {
        if intent.amount == order.total {
            return Ok(());
        }
        if order.attention != Some(Attention::Operator) {
            save_order(
                &self.orders,
                order,
                order.with_attention(domain::order::TimelineCode::PaymentAmountMismatch, at),
            )
            .await?;
        }
        Err(ErrorName::PaymentMisconfigured.with_detail("the intent is for another amount").into())
    }
}
