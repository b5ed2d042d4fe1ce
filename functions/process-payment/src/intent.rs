//! What the operations have in common about an intent, besides what they share
//! with the reconciler (`domain::undo`): trying again, and refusing a wrong amount.

use domain::order::Attention;
use domain::payment::Intent;
use domain::ports::{Gateway, LoadOrder, SaveOrder};
use domain::rounds::{Stop, record};
use domain::{Fault, Moment, Order};

use crate::ProcessPayment;

impl<O: LoadOrder + SaveOrder, G: Gateway> ProcessPayment<O, G> {
    /// After a look-up showed that a call had no effect: the next try has a key
    /// of its own, because the gateway may replay this one's failure for a day.
    pub(crate) async fn try_again_later(&self, order: &Order, why: &str, at: Moment) -> Stop {
        match record(&self.orders, order, order.with_next_try(at)).await {
            Ok(_) => Fault::PaymentGatewayUnavailable.because(why).into(),
            Err(stop) => stop,
        }
    }

    /// Refuses, and calls a person to, an intent for another amount or currency.
    pub(crate) async fn check_amount(
        &self,
        order: &Order,
        intent: &Intent,
        at: Moment,
    ) -> Result<(), Stop> {
        if intent.amount == order.total {
            return Ok(());
        }
        if order.attention != Some(Attention::Operator) {
            record(&self.orders, order, order.with_attention("PAYMENT_AMOUNT_DIFFERS", at)).await?;
        }
        Err(Fault::PaymentMisconfigured.because("the intent is for another amount").into())
    }
}
