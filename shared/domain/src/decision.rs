//! Answers to an order that waits: recorded first, sent afterwards
//! (`workflow.md`, section 5).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::policy::ReviewReason;
use crate::{ErrorName, TaskToken, Timestamp};

/// What a person said about an order under review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReviewDecision {
    /// Go on.
    Approve,
    /// Give it up.
    Reject,
}

/// What an operator says about an order that is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperatorAction {
    /// Try to take the money once more.
    Capture,
    /// Undo everything.
    Compensate,
    /// Seen: a closed order needs nothing more.
    Acknowledge,
}

/// The review of an order. Whether one is required is decided once, with the
/// authorisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    /// Whether a person must look.
    pub required: bool,
    /// Why.
    pub reasons: Vec<ReviewReason>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<ReviewDecision>,
    /// By whom: the `sub` of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What they wrote about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The latest answer to a wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskDecision {
    /// The token that it answers.
    pub token: TaskToken,
    /// What was said.
    #[serde(flatten)]
    pub kind: DecisionKind,
    /// By whom: the `sub` of the token, or the name of the part that did.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they wrote about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether the operator agreed to give captured money back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<bool>,
}

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "action", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DecisionKind {
    /// A review was decided.
    Review(ReviewDecision),
    /// The customer cancelled.
    Cancellation,
    /// An operator decided.
    Operator(OperatorAction),
    /// What was short is there again.
    Restock,
}

/// What is sent to the token.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskResult {
    /// The task succeeds with this output.
    Success(Value),
    /// The task fails with this error and this cause.
    Failure(ErrorName, &'static str),
}

impl DecisionKind {
    /// What this answer means to the state machine.
    pub fn task_result(self) -> TaskResult {
        match self {
            Self::Review(ReviewDecision::Approve) => {
                TaskResult::Success(json!({"decision": "approve"}))
            }
            Self::Review(ReviewDecision::Reject) => {
                TaskResult::Failure(ErrorName::ReviewRejected, "a person rejected the order")
            }
            Self::Cancellation => {
                TaskResult::Failure(ErrorName::OrderCancelled, "the customer cancelled the order")
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
    fn an_answer_says_to_the_state_machine_what_its_choices_read() {
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
            DecisionKind::Review(ReviewDecision::Reject),
            TaskResult::Failure(ErrorName::ReviewRejected, "a person rejected the order"),
        );
    }

    #[test]
    fn an_answer_is_written_flat() {
        let answer = TaskDecision {
            token: TaskToken::parse("t").unwrap(),
            kind: DecisionKind::Operator(OperatorAction::Capture),
            by: "op".into(),
            at: "2026-11-23T04:00:00Z".parse().unwrap(),
            note: None,
            refund: None,
        };
        let written = serde_json::to_value(&answer).unwrap();
        assert_eq!(written["kind"], "OPERATOR");
        assert_eq!(written["action"], "capture");
        assert_eq!(serde_json::from_value::<TaskDecision>(written).unwrap(), answer);
    }
}
