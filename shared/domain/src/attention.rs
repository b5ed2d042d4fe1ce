//! The reasons for which a person should look at an order.

use serde::{Deserialize, Serialize};

use crate::account::AccountProblem;
use crate::{ErrorName, StepError, Timestamp};

/// Why a person should look at an order. Independent of its status: a closed order
/// can need attention too.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::VariantArray,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Attention {
    /// An operator must approve or reject it.
    Review,
    /// It waits for a restock.
    Backorder,
    /// An operator must decide how it goes on, or finish what could not be undone.
    Operator,
}

impl Attention {
    /// Every reason.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;
}

/// Why an order waits for an operator: which account has a problem, and which one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttentionCause {
    /// [`ErrorName::PaymentMisconfigured`] or [`ErrorName::CarrierMisconfigured`].
    pub error: String,
    /// The problem.
    pub problem: AccountProblem,
    /// When a step met it.
    pub at: Timestamp,
}

impl AttentionCause {
    /// The cause that a failed step leaves; none for an error that is not about an account.
    pub fn of(failure: &StepError, at: Timestamp) -> Option<Self> {
        let is_about_account = matches!(
            failure.name,
            ErrorName::PaymentMisconfigured | ErrorName::CarrierMisconfigured
        );
        is_about_account.then(|| Self {
            error: failure.name.as_str().to_owned(),
            problem: failure.problem.unwrap_or(AccountProblem::RequestRejected),
            at,
        })
    }
}
