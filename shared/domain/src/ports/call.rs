//! How a call of a provider ends.

/// How a call of a provider ended: done, refused, or unknown, and the harmless
/// fourth, that it surely never began.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum CallOutcome<T, R> {
    /// It had its effect; this is what the provider holds now.
    Succeeded(T),
    /// The provider said no.
    Rejected(R),
    /// It surely had no effect: never sent, or turned away unread. Try again later.
    NotSent(String),
    /// It may have had its effect, or not: look the object up.
    Unknown(String),
}
