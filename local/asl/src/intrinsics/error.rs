//! The errors of parsing and evaluating intrinsic functions.

use thiserror::Error;

use crate::paths::PathError;

/// The text is not a call of an intrinsic function.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct IntrinsicSyntaxError {
    /// What is wrong, for people.
    pub message: String,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IntrinsicErrorReason {
    /// The path of an argument leads to no value.
    #[error(
        "The JsonPath argument for the field '{}' could not be found in the input '{}'",
        .0.path,
        .0.input
    )]
    Argument(PathError),
    /// The function does not accept these arguments.
    #[error("{0}")]
    Rejected(String),
}
