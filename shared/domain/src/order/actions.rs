//! What a caller may do with an order now.
//!
//! Nothing here repeats a rule: an action is offered if the function that records it
//! accepts it. So what a page offers and what the API accepts cannot differ.

use serde::Serialize;

use super::record::Order;
use crate::Timestamp;
use crate::decision::{OperatorAction, ReviewDecision};
use crate::settlement::{Claims, LabelClaim, MoneyClaim};

/// Something that a caller may do with an order.
///
/// The names are public; a deployed one is never renamed. That of an operator's action is
/// `resume:` and the word that the request has.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
pub enum Action {
    /// Cancel the order.
    #[serde(rename = "cancel")]
    #[strum(serialize = "cancel")]
    Cancel,
    /// Approve or reject the order.
    #[serde(rename = "review")]
    #[strum(serialize = "review")]
    Review,
    /// Try again to capture the payment.
    #[serde(rename = "resume:capture")]
    #[strum(serialize = "resume:capture")]
    Capture,
    /// Go through the steps once more.
    #[serde(rename = "resume:retry")]
    #[strum(serialize = "resume:retry")]
    Retry,
    /// Compensate, without a refund of captured money.
    #[serde(rename = "resume:compensate")]
    #[strum(serialize = "resume:compensate")]
    Compensate,
    /// Compensate, and refund captured money.
    #[serde(rename = "resume:compensate-with-refund")]
    #[strum(serialize = "resume:compensate-with-refund")]
    CompensateWithRefund,
    /// Record by hand what a provider will not say about money or label.
    #[serde(rename = "resume:settle")]
    #[strum(serialize = "resume:settle")]
    Settle,
    /// Clear the attention of a closed order.
    #[serde(rename = "resume:acknowledge")]
    #[strum(serialize = "resume:acknowledge")]
    Acknowledge,
}

/// What the caller may do at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permissions {
    /// Cancel orders that the caller may see.
    pub cancel: bool,
    /// Decide about orders, as an operator.
    pub operate: bool,
}

impl Action {
    /// Every action.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Whether it needs the permission to operate.
    const fn is_for_operators(self) -> bool {
        !matches!(self, Self::Cancel)
    }
}

impl Order {
    /// What this caller may do with the order at this time, in the order of [`Action`].
    /// A cancellation that is on record already is not offered again.
    pub fn actions(&self, permissions: Permissions, by: &str, at: Timestamp) -> Vec<Action> {
        let is_permitted = |action: Action| {
            if action.is_for_operators() { permissions.operate } else { permissions.cancel }
        };
        let offered = |action: &Action| is_permitted(*action) && self.accepts(*action, by, at);
        Action::ALL.iter().copied().filter(offered).collect()
    }

    fn accepts(&self, action: Action, by: &str, at: Timestamp) -> bool {
        let review = |decision| self.decide_review(decision, by, None, at).is_ok();
        let operator =
            |action, refund| self.apply_operator_action(action, refund, by, None, at).is_ok();
        let settle = |claims| self.settle(claims, false, by, "", at).is_ok();
        let (money, label) = (Some(MoneyClaim::Voided), Some(LabelClaim::None));
        match action {
            Action::Settle => {
                settle(Claims { money, label: None }) || settle(Claims { money: None, label })
            }
            Action::Cancel => matches!(self.request_cancellation(by, at), Ok(Some(_))),
            Action::Review => review(ReviewDecision::Approve) || review(ReviewDecision::Reject),
            Action::Capture => operator(OperatorAction::Capture, false),
            Action::Retry => operator(OperatorAction::Retry, false),
            Action::Compensate => operator(OperatorAction::Compensate, false),
            Action::CompensateWithRefund => operator(OperatorAction::Compensate, true),
            Action::Acknowledge => operator(OperatorAction::Acknowledge, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serde_and_strum_agree_on_the_names() {
        for action in Action::ALL {
            assert_eq!(serde_json::to_value(action).unwrap(), action.to_string());
        }
    }
}
