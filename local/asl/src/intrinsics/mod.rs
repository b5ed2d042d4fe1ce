//! Intrinsic functions: `States.Format('…', $.a)` and the others.
//!
//! An [`IntrinsicCall`] is parsed once, with its definition, and evaluated in a [`Scope`]. A call
//! that fails returns an [`IntrinsicError`].
//!
//! `intrinsics/syntax.rs` has the parsed form, `parse.rs` the parser, `functions.rs` the functions
//! and `java_text.rs` the conversion of values to text.

mod error;
mod functions;
mod java_text;
pub(crate) mod numbers;
mod parse;
mod syntax;

use std::fmt;

use serde_json::Value;
use thiserror::Error;

pub use error::{IntrinsicErrorReason, IntrinsicSyntaxError};
use syntax::{Argument, Call, Function};

use crate::paths::Path;
use crate::scope::Scope;

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("The function '{call}' had the following error: {reason}")]
pub struct IntrinsicError {
    /// The whole call as written in the definition.
    pub call: String,
    /// Why it failed.
    #[source]
    pub reason: IntrinsicErrorReason,
}

/// A parsed call of an intrinsic function.
#[derive(Debug, Clone, PartialEq)]
pub struct IntrinsicCall {
    text: String,
    call: Call,
}

impl IntrinsicCall {
    /// Parses the text of a call.
    ///
    /// # Errors
    /// Returns an [`IntrinsicSyntaxError`] if the text is not a call of an intrinsic function.
    pub fn parse(text: &str) -> Result<Self, IntrinsicSyntaxError> {
        Ok(Self { text: text.to_owned(), call: parse::call(text)? })
    }

    /// The call as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The paths among its arguments, including those of nested calls.
    pub fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        self.call.collect_paths(&mut paths);
        paths
    }

    /// Evaluates the call.
    ///
    /// # Errors
    /// Returns an [`IntrinsicError`] if an argument's path leads to no value or the function does
    /// not accept its arguments.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, IntrinsicError> {
        let to_error = |reason| IntrinsicError { call: self.text.clone(), reason };
        self.call.evaluate(scope).map_err(to_error)
    }
}

/// The call in canonical form.
impl fmt::Display for IntrinsicCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.call)
    }
}

impl Call {
    fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, IntrinsicErrorReason> {
        let mut values = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            values.push(argument.evaluate(scope)?);
        }
        if self.function == Function::Format
            && let Some(Argument::Text(raw)) = self.arguments.first()
        {
            values[0] = Value::String(raw.clone());
        }
        self.function.apply(&values, scope.random_source)
    }

    fn collect_paths<'a>(&'a self, into: &mut Vec<&'a Path>) {
        for argument in &self.arguments {
            match argument {
                Argument::Path(path) => into.push(path),
                Argument::Call(call) => call.collect_paths(into),
                Argument::Text(_) | Argument::Literal(_) => {}
            }
        }
    }
}

impl Argument {
    fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, IntrinsicErrorReason> {
        match self {
            Self::Text(raw) => Ok(Value::String(parse::unescape(raw))),
            Self::Literal(value) => Ok(value.clone()),
            Self::Path(path) => path.read(scope).map_err(IntrinsicErrorReason::Argument),
            Self::Call(call) => call.evaluate(scope),
        }
    }
}

#[cfg(test)]
mod tests;
