//! Intrinsic functions: `States.Format('…', $.a)` and its kin.
//!
//! An [`Expression`] is parsed once, when the definition is, and evaluated against
//! a [`Scope`]. A function that refuses its arguments answers with
//! [`IntrinsicFault`], worded as AWS words it.

use serde_json::Value;
use thiserror::Error;

use crate::scope::Scope;

/// Text that is not a call of an intrinsic function.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ExpressionSyntax {
    /// What is wrong, for people.
    pub message: String,
}

/// A call that could not be carried out. `States.IntrinsicFailure` unless AWS
/// reports it under `States.Runtime`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("The function '{call}' had the following error: {message}")]
pub struct IntrinsicFault {
    /// The call as the definition wrote it.
    pub call: String,
    /// What went wrong, in AWS's words.
    pub message: String,
}

/// A parsed call of an intrinsic function.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    text: String,
}

impl Expression {
    /// Reads the text of a call.
    pub fn parse(text: &str) -> Result<Self, ExpressionSyntax> {
        if text.starts_with("States.") {
            Ok(Self { text: text.to_owned() })
        } else {
            Err(ExpressionSyntax { message: format!("{text} is not a call") })
        }
    }

    /// The call as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Carries the call out.
    pub fn evaluate(&self, _scope: &Scope<'_>) -> Result<Value, IntrinsicFault> {
        Err(IntrinsicFault { call: self.text.clone(), message: "it is not known".to_owned() })
    }
}
