//! JSON in and out (`workflow.md`, section 2). Every output has all of its
//! fields always, because the state machine reads them by path.

use domain::OrderId;
pub use domain::operation::PaymentOperation as Operation;
use domain::policy::ReviewReason;
use serde_json::{Value, json};

/// The money is authorised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorized {
    /// The order.
    pub order_id: OrderId,
    /// Whether a person must look and has not yet.
    pub review_required: bool,
    /// Why one must, or had to.
    pub review_reasons: Vec<ReviewReason>,
    /// How long they have: at least 1, for a state's timeout admits no less.
    pub review_deadline_seconds: u64,
}

impl From<Authorized> for Value {
    fn from(done: Authorized) -> Self {
        json!({
            "orderId": done.order_id,
            "paymentStatus": "AUTHORIZED",
            "reviewRequired": done.review_required,
            "reviewReasons": done.review_reasons,
            "reviewDeadlineSeconds": done.review_deadline_seconds,
        })
    }
}

/// The money is captured and the order is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The order.
    pub order_id: OrderId,
}

impl From<Captured> for Value {
    fn from(done: Captured) -> Self {
        json!({ "orderId": done.order_id, "status": "FULFILLED", "paymentStatus": "CAPTURED" })
    }
}

/// How the order ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    /// The order.
    pub order_id: OrderId,
    /// Its last status, or SUPERSEDED for an execution that does not own it.
    pub outcome: &'static str,
}

impl From<Cancelled> for Value {
    fn from(done: Cancelled) -> Self {
        json!({ "orderId": done.order_id, "outcome": done.outcome })
    }
}
