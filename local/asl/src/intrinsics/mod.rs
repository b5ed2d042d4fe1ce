//! Intrinsic functions: `States.Format('…', $.a)` and its kin.
//!
//! An [`Expression`] is parsed once, when the definition is, and evaluated against
//! a [`Scope`]. A function that refuses its arguments answers with an
//! [`IntrinsicError`].
//!
//! `intrinsics/parse.rs` reads the text, `intrinsics/functions.rs` has the
//! functions, `intrinsics/java_text.rs` their way of turning values into text.

mod functions;
mod java_text;
pub(crate) mod numbers;
mod parse;

use std::fmt;

use serde_json::Value;
use thiserror::Error;

use crate::paths::{Path, PathError};
use crate::scope::Scope;
pub(crate) use functions::Function;

/// Text that is not a call of an intrinsic function.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ExpressionSyntaxError {
    /// What is wrong, for people.
    pub message: String,
}

/// A call that could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("The function '{call}' had the following error: {reason}")]
pub struct IntrinsicError {
    /// The whole call as the definition wrote it.
    pub call: String,
    /// What went wrong.
    #[source]
    pub reason: IntrinsicErrorReason,
}

/// Why a function refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IntrinsicErrorReason {
    /// An argument's path leads nowhere.
    #[error(
        "The JsonPath argument for the field '{}' could not be found in the input '{}'",
        .0.path,
        .0.input
    )]
    Argument(PathError),
    /// The arguments do not suit the function.
    #[error("{0}")]
    Refused(String),
}

/// A parsed call of an intrinsic function.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    text: String,
    call: Call,
}

#[derive(Debug, Clone, PartialEq)]
struct Call {
    function: Function,
    arguments: Vec<Argument>,
}

#[derive(Debug, Clone, PartialEq)]
enum Argument {
    /// `'…'`, with its escapes still in it: `States.Format` must see `\{`.
    Text(String),
    /// A number, `true`, `false`, `null`.
    Literal(Value),
    Path(Path),
    Call(Call),
}

impl Expression {
    /// Reads the text of a call.
    pub fn parse(text: &str) -> Result<Self, ExpressionSyntaxError> {
        Ok(Self { text: text.to_owned(), call: parse::call(text)? })
    }

    /// The call as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The paths among its arguments, those of nested calls included.
    pub fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        self.call.collect_paths(&mut paths);
        paths
    }

    /// Carries the call out.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, IntrinsicError> {
        let fault = |reason| IntrinsicError { call: self.text.clone(), reason };
        self.call.evaluate(scope).map_err(fault)
    }
}

/// The call as it was understood.
impl fmt::Display for Expression {
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

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "States.{}(", self.function)?;
        for (index, argument) in self.arguments.iter().enumerate() {
            write!(f, "{}{argument}", if index == 0 { "" } else { ", " })?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(raw) => write!(f, "'{raw}'"),
            Self::Literal(value) => write!(f, "{value}"),
            Self::Path(path) => write!(f, "{path}"),
            Self::Call(call) => write!(f, "{call}"),
        }
    }
}

#[cfg(test)]
mod tests;
