//! The port of the payment provider.

use std::future::Future;

use super::Called;
use crate::payment::Intent;
use crate::{IntentId, OrderId};

/// Why the gateway said no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayRefusal {
    /// The bank refused the card; the code is safe to show.
    Declined {
        /// The gateway's code, generic where the true one must not be shown.
        code: String,
    },
    /// The intent is in a state that does not admit the call.
    WrongState(Intent),
    /// There is no such object.
    NotFound,
    /// It refuses our key or our request: nothing that a retry could mend.
    Misconfigured(String),
}

/// What to charge, and for what.
#[derive(Debug, Clone)]
pub struct IntentRequest<'a> {
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
    Done,
    /// It could not be given back.
    Failed,
}

/// The payment gateway. `key` is the idempotency key of a call.
pub trait Gateway: Sync {
    /// Creates an intent, without confirming it.
    fn create(
        &self,
        request: &IntentRequest<'_>,
        key: &str,
    ) -> impl Future<Output = Called<Intent, GatewayRefusal>> + Send;
    /// Confirms it: authorises the card.
    fn confirm(
        &self,
        id: &IntentId,
        off_session: bool,
        key: &str,
    ) -> impl Future<Output = Called<Intent, GatewayRefusal>> + Send;
    /// Captures all of it.
    fn capture(
        &self,
        id: &IntentId,
        key: &str,
    ) -> impl Future<Output = Called<Intent, GatewayRefusal>> + Send;
    /// Cancels it: gives the hold up.
    fn cancel(
        &self,
        id: &IntentId,
        key: &str,
    ) -> impl Future<Output = Called<Intent, GatewayRefusal>> + Send;
    /// Refunds all of it.
    fn refund(
        &self,
        id: &IntentId,
        key: &str,
    ) -> impl Future<Output = Called<RefundState, GatewayRefusal>> + Send;
    /// The refunds of it, newest first.
    fn refunds(
        &self,
        id: &IntentId,
    ) -> impl Future<Output = Called<Vec<RefundState>, GatewayRefusal>> + Send;
    /// What it is now.
    fn look_up(&self, id: &IntentId)
    -> impl Future<Output = Called<Intent, GatewayRefusal>> + Send;
}
