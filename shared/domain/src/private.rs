//! Values that must never be printed: names, addresses, e-mail, tokens.
//!
//! [`Private`] has a `Debug` that shows nothing, so that a forgotten `{:?}` of
//! a whole order, in a log line or a failed assertion, gives away nothing.

use serde::{Deserialize, Serialize};

/// A value that serialises as itself, for the table and the providers, and
/// debug-prints as `[private]`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that sends it on.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> std::fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[private]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_value_prints_nothing_of_itself() {
        assert_eq!(format!("{:?}", Private::new("Ada Lovelace")), "[private]");
    }
}
