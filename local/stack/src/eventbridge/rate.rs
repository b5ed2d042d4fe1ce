//! Times at whole multiples of a rate since the Unix epoch.
//!
//! Whole minutes, hours and days of UTC are such multiples, so a restart does not shift a
//! schedule.

use jiff::{SignedDuration, Timestamp};

/// The first multiple after a time.
pub(super) fn next_multiple_after(at: Timestamp, interval: SignedDuration) -> Timestamp {
    let interval = interval.as_secs().max(1);
    multiple(at.as_second().div_euclid(interval) + 1, interval)
}

/// The first multiple at or after a time.
pub(super) fn first_multiple_from(at: Timestamp, interval: SignedDuration) -> Timestamp {
    let just_before = at.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MIN);
    next_multiple_after(just_before, interval)
}

/// The last multiple at or before a time.
pub(super) fn last_multiple_until(at: Timestamp, interval: SignedDuration) -> Timestamp {
    let interval = interval.as_secs().max(1);
    multiple(at.as_second().div_euclid(interval), interval)
}

fn multiple(number: i64, interval: i64) -> Timestamp {
    Timestamp::from_second(number.saturating_mul(interval)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_at_whole_multiples_of_their_rate() {
        fn check(at: &str, minutes: i64, after: &str, from: &str) {
            let (at, interval) = (at.parse().unwrap(), SignedDuration::from_mins(minutes));
            assert_eq!(next_multiple_after(at, interval).to_string(), after, "after {at}");
            assert_eq!(first_multiple_from(at, interval).to_string(), from, "from {at}");
            let last = last_multiple_until(at, interval);
            let next = next_multiple_after(last, interval);
            assert!(last <= at && next.to_string() == after, "until {at}");
        }
        let (four, one_past) = ("2026-11-23T04:00:00Z", "2026-11-23T04:01:00Z");
        check(four, 1, one_past, four);
        check("2026-11-23T04:00:00.001Z", 1, one_past, one_past);
        check("2026-11-23T04:00:59.999Z", 1, one_past, one_past);
        check(four, 60, "2026-11-23T05:00:00Z", four);
        check(four, 1440, "2026-11-24T00:00:00Z", "2026-11-24T00:00:00Z");
        check("1969-12-31T23:59:30Z", 1, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z");
    }
}
