//! Answers to an order that waits: recorded first, sent afterwards
//! (`workflow.md`, section 5).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::policy::ReviewReason;
use crate::{Fault, Moment, TaskToken};

/// What a person said about an order under review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Go on.
    Approve,
    /// Give it up.
    Reject,
}

/// What an operator says about an order that is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
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
    pub deadline: Option<Moment>,
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// By whom: the `sub` of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
    /// What they wrote about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The latest answer to a wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The token that it answers.
    pub token: TaskToken,
    /// What was said.
    #[serde(flatten)]
    pub kind: AnswerKind,
    /// By whom: the `sub` of the token, or the name of the part that did.
    pub by: String,
    /// When.
    pub at: Moment,
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
pub enum AnswerKind {
    /// A review was decided.
    Review(Decision),
    /// The customer cancelled.
    Cancellation,
    /// An operator decided.
    Operator(Action),
    /// What was short is there again.
    Restock,
}

/// What is sent to the token.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// The task succeeds with this output.
    Success(Value),
    /// The task fails with this error and this cause.
    Failure(Fault, &'static str),
}

impl AnswerKind {
    /// What this answer means to the state machine.
    pub fn message(self) -> Message {
        match self {
            Self::Review(Decision::Approve) => Message::Success(json!({"decision": "approve"})),
            Self::Review(Decision::Reject) => {
                Message::Failure(Fault::ReviewRejected, "a person rejected the order")
            }
            Self::Cancellation => {
                Message::Failure(Fault::OrderCancelled, "the customer cancelled the order")
            }
            Self::Operator(action) => Message::Success(json!({ "action": action })),
            Self::Restock => Message::Success(json!({"restocked": true})),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_to_the_state_machine_what_its_choices_read() {
        let check = |kind: AnswerKind, expected: Message| assert_eq!(kind.message(), expected);
        check(
            AnswerKind::Operator(Action::Capture),
            Message::Success(json!({"action": "capture"})),
        );
        check(
            AnswerKind::Operator(Action::Compensate),
            Message::Success(json!({"action": "compensate"})),
        );
        check(
            AnswerKind::Review(Decision::Reject),
            Message::Failure(Fault::ReviewRejected, "a person rejected the order"),
        );
    }

    #[test]
    fn an_answer_is_written_flat() {
        let answer = Answer {
            token: TaskToken::parse("t").unwrap(),
            kind: AnswerKind::Operator(Action::Capture),
            by: "op".into(),
            at: "2026-11-23T04:00:00Z".parse().unwrap(),
            note: None,
            refund: None,
        };
        let written = serde_json::to_value(&answer).unwrap();
        assert_eq!(written["kind"], "OPERATOR");
        assert_eq!(written["action"], "capture");
        assert_eq!(serde_json::from_value::<Answer>(written).unwrap(), answer);
    }
}
