//! The system clock, read nowhere else in the functions.
//!
//! A decision takes its time from the event. Only an invocation made by hand lacks a
//! time; it gets [`now`]. [`Clock`] measures calls and never decides anything.

use std::time::Instant;

use domain::Timestamp;

/// The current time.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
pub fn now() -> Timestamp {
    Timestamp::from_jiff(jiff::Timestamp::now())
}

/// Measures durations and dates the metrics.
pub trait Clock: Sync {
    /// The current time.
    fn now(&self) -> Timestamp;
    /// Milliseconds since an arbitrary start; never decreases.
    fn monotonic_ms(&self) -> u64;
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts at 0 now.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
