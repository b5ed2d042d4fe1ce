//! What the three operations have in common about an intent: asking what it is,
//! and what the gateway's answers are called.

use domain::order::Attention;
use domain::payment::Intent;
use domain::ports::{Called, Gateway, GatewayRefusal, LoadOrder, SaveOrder};
use domain::rounds::{Stop, record};
use domain::{Failure, Fault, IntentId, Moment, Order};

use crate::ProcessPayment;

impl<O: LoadOrder + SaveOrder, G: Gateway> ProcessPayment<O, G> {
    /// What the intent is now. The gateway's word on it is the authority, so
    /// without it nobody knows what became of an earlier call.
    pub(crate) async fn look_up(&self, id: &IntentId) -> Result<Intent, Failure> {
        match self.gateway.look_up(id).await {
            Called::Done(intent) => Ok(intent),
            Called::Refused(refusal) => Err(refused(refusal)),
            Called::NotBegun(why) | Called::Unknown(why) => {
                Err(Fault::PaymentOutcomeUnknown.because(format!("look-up: {why}")))
            }
        }
    }

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

/// The gateway did nothing, and may when it is asked again.
pub(crate) fn not_begun(why: &str) -> Failure {
    Fault::PaymentGatewayUnavailable.because(why)
}

/// The gateway said no.
pub(crate) fn refused(refusal: GatewayRefusal) -> Failure {
    match refusal {
        GatewayRefusal::Declined { code } => Fault::PaymentDeclined.because(code),
        GatewayRefusal::WrongState(intent) => Fault::PaymentMisconfigured
            .because(format!("the gateway refuses this of an intent in {:?}", intent.state)),
        GatewayRefusal::NotFound => {
            Fault::PaymentMisconfigured.because("the gateway knows no such object")
        }
        GatewayRefusal::Misconfigured(why) => Fault::PaymentMisconfigured.because(why),
    }
}
