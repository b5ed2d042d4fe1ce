//! The port of the payment provider.

use std::future::Future;

use super::CallOutcome;
use crate::payment::PaymentIntent;
use crate::{OrderId, PaymentIntentId};

/// Why the gateway said no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentRejection {
    /// The bank refused the card; the code is safe to show.
    Declined {
        /// The gateway's code, generic where the true one must not be shown.
        code: String,
    },
    /// The intent is in a state that does not admit the call.
    UnexpectedState(PaymentIntent),
    /// There is no such object.
    NotFound,
    /// It refuses our key or our request: nothing that a retry could mend.
    Misconfigured(String),
}

/// What to charge, and for what.
#[derive(Debug, Clone)]
pub struct PaymentIntentRequest<'a> {
    /// The order that is paid.
    pub order_id: &'a OrderId,
    /// How much.
    pub amount: crate::Money,
    /// The card: `pm_…`.
    pub payment_method: &'a crate::Private<String>,
    /// Whose saved card it is: `cus_…`. With one, it is charged off-session.
    pub payment_customer: Option<&'a crate::Private<String>>,
}

/// How far a refund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundState {
    /// The money is on its way.
    Pending,
    /// The money is back.
    Succeeded,
    /// It could not be given back.
    Failed,
}

/// The payment gateway. `key` is the idempotency key of a call.
pub trait PaymentProvider: Sync {
    /// Creates an intent, without confirming it.
    fn create(
        &self,
        request: &PaymentIntentRequest<'_>,
        key: &str,
    ) -> impl Future<Output = CallOutcome<PaymentIntent, PaymentRejection>> + Send;
    /// Confirms it: authorises the card.
    fn confirm(
        &self,
        id: &PaymentIntentId,
        off_session: bool,
        key: &str,
    ) -> impl Future<Output = CallOutcome<PaymentIntent, PaymentRejection>> + Send;
    /// Captures all of it.
    fn capture(
        &self,
        id: &PaymentIntentId,
        key: &str,
    ) -> impl Future<Output = CallOutcome<PaymentIntent, PaymentRejection>> + Send;
    /// Cancels it: gives the hold up.
    fn cancel(
        &self,
        id: &PaymentIntentId,
        key: &str,
    ) -> impl Future<Output = CallOutcome<PaymentIntent, PaymentRejection>> + Send;
    /// Refunds all of it.
    fn refund(
        &self,
        id: &PaymentIntentId,
        key: &str,
    ) -> impl Future<Output = CallOutcome<RefundState, PaymentRejection>> + Send;
    /// The refunds of it, newest first.
    fn refunds(
        &self,
        id: &PaymentIntentId,
    ) -> impl Future<Output = CallOutcome<Vec<RefundState>, PaymentRejection>> + Send;
    /// What it is now.
    fn retrieve(
        &self,
        id: &PaymentIntentId,
    ) -> impl Future<Output = CallOutcome<PaymentIntent, PaymentRejection>> + Send;
}
