//! Values that must never be printed: names, addresses, email addresses, tokens.
//!
//! The `Debug` of [`Private`] shows nothing, so that a `{:?}` of a whole order in a log
//! line or a failed assertion reveals nothing.

use serde::{Deserialize, Serialize};

/// A value that serializes as itself, for the tables and the providers, and
/// debug-prints as `[private]`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the code that sends it to where it belongs.
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
    fn a_private_value_does_not_print_itself() {
        assert_eq!(format!("{:?}", Private::new("Ada Lovelace")), "[private]");
    }
}
