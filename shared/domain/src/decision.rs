//! Decisions about an order that waits for one: a review, a cancellation, an operator's
//! action, a restock.
//!
//! A decision is recorded first, on condition that the order still waits with the same
//! task token and has no decision. Then it is sent to that token. If sending fails, the
//! reconciler sends it again while the order still waits.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::policy::ReviewReason;
use crate::{ErrorName, TaskToken, Timestamp};

/// The decision of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReviewDecision {
    /// The order continues.
    Approve,
    /// The order is compensated.
    Reject,
}

/// What an operator does about an order that needs attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperatorAction {
    /// Capture the payment once more.
    Capture,
    /// Go through the steps once more from the first; the finished ones pass without effect.
    Retry,
    /// Compensate: refund the label, release the stock, give back the money.
    Compensate,
    /// Record by hand what a provider will not say, and compensate.
    Settle,
    /// Clear the attention of a closed order.
    Acknowledge,
}

/// The review of an order. Whether it is required is decided once, with the
/// authorization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    /// Whether an operator must decide.
    pub required: bool,
    /// The reasons.
    pub reasons: Vec<ReviewReason>,
    /// The deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// The decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<ReviewDecision>,
    /// The operator: the `sub` of their token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The latest decision recorded for a waiting task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskDecision {
    /// The task token that it is for.
    pub token: TaskToken,
    /// The decision.
    #[serde(flatten)]
    pub kind: DecisionKind,
    /// Who decided: the `sub` of a token, or the name of a component.
    pub by: String,
    /// When it was decided.
    pub at: Timestamp,
    /// The note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether the operator allowed a refund of captured money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<bool>,
}

/// A decision for a waiting task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "action", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DecisionKind {
    /// A review is decided.
    Review(ReviewDecision),
    /// The customer canceled.
    Cancellation,
    /// An operator acts.
    Operator(OperatorAction),
    /// The stock that was short has arrived.
    Restock,
}

/// The result that is sent to a task token.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskResult {
    /// The task succeeds with this output.
    Success(Value),
    /// The task fails with this error and cause.
    Failure(ErrorName, &'static str),
}

impl DecisionKind {
    /// The result that the state machine reads.
    pub fn task_result(self) -> TaskResult {
        match self {
            Self::Review(ReviewDecision::Approve) => {
                TaskResult::Success(json!({"decision": "approve"}))
            }
            Self::Review(ReviewDecision::Reject) => {
                TaskResult::Failure(ErrorName::ReviewRejected, "an operator rejected the order")
            }
            Self::Cancellation => {
                TaskResult::Failure(ErrorName::OrderCancelled, "the customer canceled the order")
            }
            Self::Operator(OperatorAction::Settle) => {
                TaskResult::Success(json!({ "action": OperatorAction::Compensate }))
            }
            Self::Operator(action) => TaskResult::Success(json!({ "action": action })),
            Self::Restock => TaskResult::Success(json!({"restocked": true})),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_task_result_holds_what_the_state_machine_reads() {
        let check =
            |kind: DecisionKind, expected: TaskResult| assert_eq!(kind.task_result(), expected);
        check(
            DecisionKind::Operator(OperatorAction::Capture),
            TaskResult::Success(json!({"action": "capture"})),
        );
        check(
            DecisionKind::Operator(OperatorAction::Compensate),
            TaskResult::Success(json!({"action": "compensate"})),
        );
        check(
            DecisionKind::Operator(OperatorAction::Settle),
            TaskResult::Success(json!({"action": "compensate"})),
        );
        check(
            DecisionKind::Review(ReviewDecision::Reject),
            TaskResult::Failure(ErrorName::ReviewRejected, "an operator rejected the order"),
        );
    }

    #[test]
    fn a_decision_is_stored_flat() {
        let decision = TaskDecision {
            token: TaskToken::parse("t").unwrap(),
            kind: DecisionKind::Operator(OperatorAction::Capture),
            by: "op".into(),
            at: "2026-11-23T04:00:00Z".parse().unwrap(),
            note: None,
            refund: None,
        };
        let written = serde_json::to_value(&decision).unwrap();
        assert_eq!(written["kind"], "OPERATOR");
        assert_eq!(written["action"], "capture");
        assert_eq!(serde_json::from_value::<TaskDecision>(written).unwrap(), decision);
    }
}
