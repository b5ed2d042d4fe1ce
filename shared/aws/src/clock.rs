//! The system's clock, for the one input that brings no time of its own.
//!
//! Time comes with the event; only a hand-made invocation leaves it out.

use domain::Moment;

/// What the system's clock shows.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
pub fn now() -> Moment {
    Moment::from_timestamp(jiff::Timestamp::now())
}
