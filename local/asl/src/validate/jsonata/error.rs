//! The error of parsing a `JSONata` expression.

/// Text that is not `JSONata`, with the message of the reference implementation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError(pub(crate) String);
