//! Retriers: which errors they match, and the delay before the next attempt.
//!
//! [`matches()`] also matches the errors of catchers. `interpreter/error_handling.rs` uses this
//! module.

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

/// `JitterStrategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Jitter {
    /// The delay is used as computed.
    None,
    /// The delay is drawn between zero and the computed value.
    Full,
}

/// The state of one retrier since its state was entered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RetryState {
    retries: u64,
    /// The last delay, before `MaxDelaySeconds` and jitter.
    last_delay_ms: u64,
}

/// The maximum delay: a hundred years, which keeps sums in range.
const MAX_DELAY_MS: u64 = 100 * 366 * 24 * 3600 * 1000;

impl Retrier {
    /// The delay before the next attempt in milliseconds, or `None` if no attempts remain.
    pub(crate) fn next_delay_ms(
        &self,
        state: &mut RetryState,
        random_source: &RandomSource,
    ) -> Option<u64> {
        if state.retries >= self.max_attempts {
            return None;
        }
        let delay = match state.retries {
            0 => self.interval_seconds.saturating_mul(1000),
            _ => self.backoff_rate.multiply(state.last_delay_ms),
        };
        state.retries += 1;
        state.last_delay_ms = delay.min(MAX_DELAY_MS);
        let max_delay_ms =
            self.max_delay_seconds.map_or(u64::MAX, |seconds| seconds.saturating_mul(1000));
        let delay = state.last_delay_ms.min(max_delay_ms);
        Some(match self.jitter {
            Jitter::None => delay,
            // Whole seconds: AWS documents no finer resolution, and the history does not
            // depend on the load of the machine.
            Jitter::Full => random_source.next_u64() % (delay / 1000 + 1) * 1000,
        })
    }
}

/// The error that a retrier or catcher is matched against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ErrorName<'a> {
    /// The error name, if there is one.
    pub(crate) name: Option<&'a str>,
    /// The error is a heartbeat timeout, which has two names.
    pub(crate) is_heartbeat_timeout: bool,
}

/// Whether an `ErrorEquals` list matches an error.
///
/// `States.ALL` matches every error, `States.TaskFailed` every error except `States.Timeout`, and
/// `States.HeartbeatTimeout` a heartbeat timeout, which is recorded as `States.Timeout`. Errors
/// that can be neither retried nor caught (`States.Runtime`) never reach this function.
pub(crate) fn matches(error_equals: &[String], error: ErrorName<'_>) -> bool {
    let timed_out = error.name == Some("States.Timeout");
    error_equals.iter().any(|name| match name.as_str() {
        "States.ALL" => true,
        "States.TaskFailed" => !timed_out,
        "States.HeartbeatTimeout" if error.is_heartbeat_timeout => true,
        name => error.name == Some(name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retrier(rate: &str, max_delay: Option<u64>, jitter: Jitter) -> Retrier {
        Retrier {
            error_equals: vec!["States.ALL".to_owned()],
            interval_seconds: 2,
            max_attempts: 5,
            backoff_rate: Decimal::parse(rate).unwrap(),
            max_delay_seconds: max_delay,
            jitter,
        }
    }

    fn delays(retrier: &Retrier) -> Vec<u64> {
        let (mut state, random_source) = (RetryState::default(), RandomSource::seeded(1));
        std::iter::from_fn(|| retrier.next_delay_ms(&mut state, &random_source)).collect()
    }

    #[test]
    fn each_delay_is_the_last_delay_times_the_backoff_rate() {
        let slow = retrier("1.5", None, Jitter::None);
        assert_eq!(delays(&slow), [2000, 3000, 4500, 6750, 10125]);
        let limited = retrier("2", Some(5), Jitter::None);
        assert_eq!(delays(&limited), [2000, 4000, 5000, 5000, 5000]);
    }

    #[test]
    fn full_jitter_never_exceeds_the_computed_delay() {
        let jittered = delays(&retrier("2", None, Jitter::Full));
        for (drawn, max) in jittered.iter().zip([2000, 4000, 8000, 16000, 32000]) {
            assert!(*drawn <= max, "{drawn} > {max}");
        }
    }

    #[test]
    fn a_huge_backoff_rate_stays_in_range() {
        let wild = retrier("1e30", None, Jitter::None);
        assert_eq!(delays(&wild).last(), Some(&MAX_DELAY_MS));
    }

    #[test]
    fn predefined_error_names_match_several_errors() {
        let check = |names: &[&str], name: Option<&str>, is_heartbeat_timeout, expected| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(
                matches(&names, ErrorName { name, is_heartbeat_timeout }),
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
