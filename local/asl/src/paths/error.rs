//! The errors of parsing and evaluating paths.

use thiserror::Error;

/// The text is not a path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct PathSyntaxError {
    /// What is wrong, for people.
    pub message: String,
}

/// A well-formed path that cannot be evaluated on this input.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct PathError {
    /// The path as written in the definition.
    pub path: String,
    /// The kind of error.
    pub kind: PathErrorKind,
    /// The error in the words of Jayway: `No results for path: $['a']`, `Missing property in path
    /// $['a']`, ….
    pub reason: String,
    /// The value that was searched, as JSON.
    pub input: String,
}

/// The kinds of [`PathError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathErrorKind {
    /// The path leads to no value.
    Missing,
    /// The input is `null`.
    NullInput,
    /// The path would visit or copy more values than the engine allows.
    LimitExceeded,
    /// A reference path cannot be written in this input.
    Unwritable,
}

pub(super) const NULL_INPUT: &str = "Unable to apply Path transformation to null or empty input.";

/// The error of a lookup, before the path and the input are added.
#[derive(Debug)]
pub(crate) struct LookupError {
    pub(super) kind: PathErrorKind,
    pub(super) reason: String,
}

impl LookupError {
    pub(crate) fn copy_limit_exceeded() -> Self {
        let reason = "the state copies more data than it may".to_owned();
        Self { kind: PathErrorKind::LimitExceeded, reason }
    }

    pub(crate) fn missing(reason: String) -> Self {
        Self { kind: PathErrorKind::Missing, reason }
    }
}
