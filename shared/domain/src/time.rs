//! Timestamps in UTC with milliseconds, in a format whose text order is time order.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// A point in time in UTC with milliseconds, such as `2026-11-23T04:00:00.000Z`.
///
/// The text always has three digits of fraction, so that it sorts as the time does: the
/// indexes of the tables are sorted by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(jiff::Timestamp);

/// The text is not an RFC 3339 date and time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a date and time such as 2026-11-23T04:00:00Z")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// From milliseconds since 1970 in UTC, the unit of `timeEpoch` in an HTTP event.
    ///
    /// # Errors
    /// [`InvalidTimestamp`] if the year is beyond 9999.
    pub fn from_millis(millis: i64) -> Result<Self, InvalidTimestamp> {
        jiff::Timestamp::from_millisecond(millis).map(Self).or(Err(InvalidTimestamp))
    }

    /// From a timestamp of `jiff`. The part below a millisecond is dropped.
    pub fn from_jiff(at: jiff::Timestamp) -> Self {
        Self::from_millis(at.as_millisecond()).unwrap_or(Self(jiff::Timestamp::UNIX_EPOCH))
    }

    /// From seconds since 1970 in UTC.
    ///
    /// # Errors
    /// [`InvalidTimestamp`] if the year is beyond 9999.
    pub fn from_seconds(seconds: i64) -> Result<Self, InvalidTimestamp> {
        jiff::Timestamp::from_second(seconds).map(Self).or(Err(InvalidTimestamp))
    }

    /// This point in time as a timestamp of `jiff`.
    pub fn to_jiff(self) -> jiff::Timestamp {
        self.0
    }

    /// The day in UTC, such as `2026-11-23`.
    pub fn day(self) -> String {
        self.0.strftime("%Y-%m-%d").to_string()
    }

    /// Adds hours, which may be negative. Stops at the first and last valid timestamp.
    #[must_use]
    pub fn plus_hours(self, hours: i64) -> Self {
        self.plus(SignedDuration::from_hours(hours))
    }

    /// Adds whole days of 24 hours. Stops at the last valid timestamp.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        self.plus_hours(24 * i64::from(days))
    }

    /// Subtracts whole days of 24 hours. Stops at the first valid timestamp.
    #[must_use]
    pub fn minus_days(self, days: u32) -> Self {
        self.plus_hours(-24 * i64::from(days))
    }

    /// Adds minutes, which may be negative. Stops at the first and last valid timestamp.
    #[must_use]
    pub fn plus_minutes(self, minutes: i64) -> Self {
        self.plus(SignedDuration::from_mins(minutes))
    }

    /// Adds seconds. Stops at the last valid timestamp.
    #[must_use]
    pub fn plus_seconds(self, seconds: u64) -> Self {
        self.plus(SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)))
    }

    fn plus(self, duration: SignedDuration) -> Self {
        let end = if duration.is_negative() { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        Self::from_jiff(self.0.checked_add(duration).unwrap_or(end))
    }

    /// The whole seconds since `earlier`, rounded up; 0 if it is not earlier.
    pub fn seconds_since(self, earlier: Self) -> u64 {
        let millis = self.0.as_millisecond().saturating_sub(earlier.0.as_millisecond());
        u64::try_from(millis).map_or(0, |millis| millis.div_ceil(1000))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        text.parse::<jiff::Timestamp>().map(Self::from_jiff).or(Err(InvalidTimestamp))
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(text: String) -> Result<Self, InvalidTimestamp> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(at: Timestamp) -> Self {
        at.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_written_with_three_digits_of_fraction() {
        let check = |text: &str, expected: &str| {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), expected);
        };
        check("2026-11-23T04:00:00Z", "2026-11-23T04:00:00.000Z");
        check("2026-11-23T04:00:00.1Z", "2026-11-23T04:00:00.100Z");
        check("2026-11-23T04:00:00.123999Z", "2026-11-23T04:00:00.123Z");
        check("2026-11-23T05:00:00+01:00", "2026-11-23T04:00:00.000Z");
    }

    #[test]
    fn text_that_is_not_a_timestamp_is_rejected() {
        for text in ["", "tomorrow", "2026-11-23", "2026-13-01T00:00:00Z"] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
        }
    }

    #[test]
    fn seconds_since_round_up_and_are_never_negative() {
        let at = |millis| Timestamp::from_millis(millis).unwrap();
        assert_eq!(at(1_001).seconds_since(at(0)), 2);
        assert_eq!(at(1_000).seconds_since(at(0)), 1);
        assert_eq!(at(0).seconds_since(at(5_000)), 0);
    }
}
