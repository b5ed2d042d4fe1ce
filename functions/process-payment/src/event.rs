//! The outputs of `process-payment` as JSON.
//!
//! Every output has all of its fields, because the state machine reads them by path.
//! The input is [`domain::task_input::TaskInput`].

use domain::OrderId;
use domain::policy::ReviewReason;
use serde_json::{Value, json};

/// The output of `authorize`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizeOutput {
    /// The order.
    pub order_id: OrderId,
    /// Whether an operator still has to review the order.
    pub review_required: bool,
    /// Why the order needs or needed a review.
    pub review_reasons: Vec<ReviewReason>,
    /// Seconds until the review deadline, at least 1: the minimum of a state's timeout.
    pub review_deadline_seconds: u64,
}

impl From<AuthorizeOutput> for Value {
    fn from(output: AuthorizeOutput) -> Self {
        json!({
            "orderId": output.order_id,
            "paymentStatus": "AUTHORIZED",
            "reviewRequired": output.review_required,
            "reviewReasons": output.review_reasons,
            "reviewDeadlineSeconds": output.review_deadline_seconds,
        })
    }
}

/// The output of `capture`: the payment is captured and the order is fulfilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureOutput {
    /// The order.
    pub order_id: OrderId,
}

impl From<CaptureOutput> for Value {
    fn from(output: CaptureOutput) -> Self {
        json!({ "orderId": output.order_id, "status": "FULFILLED", "paymentStatus": "CAPTURED" })
    }
}

/// The output of `cancel`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelOutput {
    /// The order.
    pub order_id: OrderId,
    /// The final status of the order, or `SUPERSEDED` if the calling execution does not
    /// own it.
    pub outcome: &'static str,
}

impl From<CancelOutput> for Value {
    fn from(output: CancelOutput) -> Self {
        json!({ "orderId": output.order_id, "outcome": output.outcome })
    }
}
