//! The port of the payment provider: payment intents that are created, confirmed, captured,
//! canceled and refunded, each by its id.

use std::future::Future;

use super::call::CallOutcome;
use crate::account::AccountProblem;
use crate::payment::PaymentIntent;
use crate::{OrderId, PaymentIntentId};

/// Why the payment provider rejected a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentRejection {
    /// The card issuer declined the card.
    Declined {
        /// The decline code; generic where the true one must not be revealed.
        code: String,
    },
    /// The intent is in a state that does not allow the call.
    UnexpectedState(PaymentIntent),
    /// There is no such object.
    NotFound,
    /// Our request is rejected: a retry does not help.
    Misconfigured(String),
    /// Our account is not served: an operator must act.
    Account(AccountProblem),
}

/// A payment intent to create.
#[derive(Debug, Clone)]
pub struct PaymentIntentRequest<'a> {
    /// The order that it pays.
    pub order_id: &'a OrderId,
    /// The amount to charge.
    pub amount: crate::Money,
    /// The provider's token for the payment method (example: `pm_card_visa` of Stripe).
    pub payment_method: &'a crate::Private<String>,
    /// The provider's customer whose saved payment method it is. With one, the payment is
    /// confirmed off-session.
    pub payment_customer: Option<&'a crate::Private<String>>,
}

/// A customer of the payment provider, who has saved payment methods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentCustomer {
    /// Our customer, as the shop wrote it on the provider's customer when the card was saved.
    pub customer_id: Option<String>,
}

/// The state of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundState {
    /// On its way.
    Pending,
    /// Succeeded.
    Succeeded,
    /// Failed.
    Failed,
}

/// The payment provider.
///
/// `key` is the idempotency key of a call: the same key has the same effect once, so a
/// key always belongs to one byte-identical request.
pub trait PaymentProvider: Sync {
    /// Creates an intent without confirming it. That costs nothing.
    fn create(
        &self,
        request: &PaymentIntentRequest<'_>,
        key: &str,
    ) -> impl Future<Output = CallOutcome<PaymentIntent, PaymentRejection>> + Send;
    /// Confirms an intent: authorizes the payment.
    fn confirm(
        &self,
        id: &PaymentIntentId,
        off_session: bool,
        key: &str,
    ) -> impl Future<Output = CallOutcome<PaymentIntent, PaymentRejection>> + Send;
    /// Captures an intent in full.
    fn capture(
        &self,
        id: &PaymentIntentId,
        key: &str,
    ) -> impl Future<Output = CallOutcome<PaymentIntent, PaymentRejection>> + Send;
    /// Cancels an intent: releases the hold.
    fn cancel(
        &self,
        id: &PaymentIntentId,
        key: &str,
    ) -> impl Future<Output = CallOutcome<PaymentIntent, PaymentRejection>> + Send;
    /// Refunds an intent in full.
    fn refund(
        &self,
        id: &PaymentIntentId,
        key: &str,
    ) -> impl Future<Output = CallOutcome<RefundState, PaymentRejection>> + Send;
    /// Lists the refunds of an intent, newest first.
    fn refunds(
        &self,
        id: &PaymentIntentId,
    ) -> impl Future<Output = CallOutcome<Vec<RefundState>, PaymentRejection>> + Send;
    /// Retrieves a customer by the provider's id.
    fn customer(
        &self,
        id: &crate::Private<String>,
    ) -> impl Future<Output = CallOutcome<PaymentCustomer, PaymentRejection>> + Send;
    /// Retrieves an intent.
    fn retrieve(
        &self,
        id: &PaymentIntentId,
    ) -> impl Future<Output = CallOutcome<PaymentIntent, PaymentRejection>> + Send;
}
