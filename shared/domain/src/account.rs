//! What is wrong with our account at a provider: a key that is missing or rejected, a wallet
//! that is empty.
//!
//! Such a problem is not the fault of an order. The order waits for an operator, who reads
//! the problem from the record ([`AttentionCause`](crate::attention::AttentionCause)), solves
//! it with the provider and lets the order retry.

use serde::{Deserialize, Serialize};

/// Why a provider does not serve our account.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountProblem {
    /// No API key is stored.
    KeyMissing,
    /// The provider rejects the API key (401).
    KeyRejected,
    /// The provider wants to be paid first (402): the wallet for postage is empty.
    WalletEmpty,
    /// The API key may not make this call (403).
    AccessDenied,
    /// The API key, or an object of the provider, is of the other mode than the deployment.
    WrongMode,
    /// The provider rejects a request that it accepts from a working account.
    RequestRejected,
}

impl AccountProblem {
    /// Every problem.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The problem that an HTTP status stands for, if it is one of our account.
    pub const fn of_status(status: u16) -> Option<Self> {
        match status {
            401 => Some(Self::KeyRejected),
            402 => Some(Self::WalletEmpty),
            403 => Some(Self::AccessDenied),
            _ => None,
        }
    }

    /// The problem in words, for an operator.
    pub const fn text(self) -> &'static str {
        match self {
            Self::KeyMissing => "no API key is stored",
            Self::KeyRejected => "the API key is rejected",
            Self::WalletEmpty => "the provider wants to be paid first: the wallet is empty",
            Self::AccessDenied => "the API key may not make this call",
            Self::WrongMode => "the mode of the API key or of the object is not the deployment's",
            Self::RequestRejected => "the request is rejected",
        }
    }
}
