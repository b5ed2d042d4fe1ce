//! The system's clocks: the time of day for the one input that brings no time of
//! its own, and the time that calls of providers take.
//!
//! Time comes with the event; only a hand-made invocation leaves it out.

use std::time::Instant;

use domain::Timestamp;

/// What the system's clock shows.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
pub fn now() -> Timestamp {
    Timestamp::from_jiff(jiff::Timestamp::now())
}

/// What tells how long something took, and when it was. Nothing is decided by it.
pub trait Clock: Sync {
    /// The moment.
    fn now(&self) -> Timestamp;
    /// Milliseconds since some beginning; they never run backwards.
    fn monotonic_ms(&self) -> u64;
}

/// The system's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    began: Instant,
}

impl SystemClock {
    /// Counts from here.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    pub fn start() -> Self {
        Self { began: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
