//! The outcome of a call of a provider.

/// The outcome of a call of a provider. A call has more than two: a caller must handle
/// [`Unknown`](Self::Unknown), and never takes it for a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum CallOutcome<T, R> {
    /// It had its effect; this is what the provider holds now.
    Succeeded(T),
    /// The provider rejected it.
    Rejected(R),
    /// It certainly had no effect: it was never sent. Retry later.
    NotSent(String),
    /// It certainly had no effect: the provider's rate limit turned it away. The provider
    /// works, and we send too much, so retry for as long as it takes.
    Throttled(String),
    /// It may have had its effect: look the object up.
    Unknown(String),
}
