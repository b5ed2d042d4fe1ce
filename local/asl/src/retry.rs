//! What happens to an error: which retrier or catcher it meets, and how long the
//! pause before the next attempt is.
//!
//! Errors are matched by name, with four names that stand for more than
//! themselves, see [`matches()`]. `interpreter/error_handling.rs` uses this.

use crate::decimal::Decimal;
use crate::scope::RandomSource;

/// One entry of `Retry`.
#[derive(Debug)]
pub(crate) struct Retrier {
    pub(crate) error_equals: Vec<String>,
    pub(crate) interval_seconds: u64,
    pub(crate) max_attempts: u64,
    pub(crate) backoff_rate: Decimal,
    pub(crate) max_delay_seconds: Option<u64>,
    pub(crate) jitter: Jitter,
}

/// What `JitterStrategy` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Jitter {
    /// The pause is as computed.
    None,
    /// The pause is anything from nothing to what was computed.
    Full,
}

/// Where one retrier stands, since its state was entered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attempts {
    made: u64,
    /// The last pause, before the limit and the jitter.
    last_ms: u64,
}

/// No pause is longer than this: a hundred years, which keeps sums in range.
const LONGEST_PAUSE_MS: u64 = 100 * 366 * 24 * 3600 * 1000;

impl Retrier {
    /// The pause before the next attempt in milliseconds, or none when it gives up.
    pub(crate) fn next_pause_ms(
        &self,
        attempts: &mut Attempts,
        random_source: &RandomSource,
    ) -> Option<u64> {
        if attempts.made >= self.max_attempts {
            return None;
        }
        let pause = match attempts.made {
            0 => self.interval_seconds.saturating_mul(1000),
            _ => self.backoff_rate.times(attempts.last_ms),
        };
        attempts.made += 1;
        attempts.last_ms = pause.min(LONGEST_PAUSE_MS);
        let limit = self.max_delay_seconds.map_or(u64::MAX, |limit| limit.saturating_mul(1000));
        let pause = attempts.last_ms.min(limit);
        Some(match self.jitter {
            Jitter::None => pause,
            // In whole seconds, the unit of every other pause: AWS documents no
            // finer grain, and a history reads the same however busy the machine is.
            Jitter::Full => random_source.next_u64() % (pause / 1000 + 1) * 1000,
        })
    }
}

/// What a retrier or a catcher looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ErrorName<'a> {
    /// The error's name, where it has one.
    pub(crate) name: Option<&'a str>,
    /// The error is a missed heartbeat, which goes by two names.
    pub(crate) heartbeat: bool,
}

/// Whether one of these names, from an `ErrorEquals`, means this error.
///
/// `States.ALL` means every error, `States.TaskFailed` every one but
/// `States.Timeout`, and `States.HeartbeatTimeout` a missed heartbeat, which is
/// recorded as `States.Timeout`. What neither can be retried nor caught
/// (`States.Runtime`) never comes here.
pub(crate) fn matches(error_equals: &[String], error: ErrorName<'_>) -> bool {
    let timed_out = error.name == Some("States.Timeout");
    error_equals.iter().any(|name| match name.as_str() {
        "States.ALL" => true,
        "States.TaskFailed" => !timed_out,
        "States.HeartbeatTimeout" if error.heartbeat => true,
        name => error.name == Some(name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retrier(rate: &str, limit: Option<u64>, jitter: Jitter) -> Retrier {
        Retrier {
            error_equals: vec!["States.ALL".to_owned()],
            interval_seconds: 2,
            max_attempts: 5,
            backoff_rate: Decimal::parse(rate).unwrap(),
            max_delay_seconds: limit,
            jitter,
        }
    }

    fn pauses(retrier: &Retrier) -> Vec<u64> {
        let (mut attempts, random_source) = (Attempts::default(), RandomSource::seeded(1));
        std::iter::from_fn(|| retrier.next_pause_ms(&mut attempts, &random_source)).collect()
    }

    #[test]
    fn each_pause_is_the_last_one_times_the_rate() {
        let slow = retrier("1.5", None, Jitter::None);
        assert_eq!(pauses(&slow), [2000, 3000, 4500, 6750, 10125]);
        let limited = retrier("2", Some(5), Jitter::None);
        assert_eq!(pauses(&limited), [2000, 4000, 5000, 5000, 5000]);
    }

    #[test]
    fn full_jitter_never_waits_longer_than_the_pause() {
        let jittered = pauses(&retrier("2", None, Jitter::Full));
        for (drawn, most) in jittered.iter().zip([2000, 4000, 8000, 16000, 32000]) {
            assert!(*drawn <= most, "{drawn} > {most}");
        }
    }

    #[test]
    fn a_rate_beyond_reason_stays_in_range() {
        let wild = retrier("1e30", None, Jitter::None);
        assert_eq!(pauses(&wild).last(), Some(&LONGEST_PAUSE_MS));
    }

    #[test]
    fn names_that_stand_for_more_than_themselves() {
        let check = |names: &[&str], name: Option<&str>, heartbeat, expected| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(
                matches(&names, ErrorName { name, heartbeat }),
                expected,
                "{names:?} {name:?}"
            );
        };
        check(&["States.ALL"], Some("Anything"), false, true);
        check(&["States.ALL"], None, false, true);
        check(&["States.TaskFailed"], Some("Anything"), false, true);
        check(&["States.TaskFailed"], Some("States.Timeout"), false, false);
        check(&["States.Timeout"], Some("States.Timeout"), true, true);
        check(&["States.HeartbeatTimeout"], Some("States.Timeout"), true, true);
        check(&["States.HeartbeatTimeout"], Some("States.Timeout"), false, false);
        check(&["One", "Other"], Some("Other"), false, true);
        check(&["One"], None, false, false);
    }
}
