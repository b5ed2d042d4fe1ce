//! Rate limits over all calls of an account, in calls per second.
//!
//! Without a limit every call is admitted. A second begins with each full second of the times
//! that the emulator is given.

use jiff::Timestamp;

/// A limit of calls per second.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RateLimit {
    per_second: Option<u32>,
    second: i64,
    admitted: u32,
}

impl RateLimit {
    /// No limit.
    pub(crate) const fn none() -> Self {
        Self { per_second: None, second: 0, admitted: 0 }
    }

    /// Sets or removes the limit.
    pub(crate) const fn set(&mut self, per_second: Option<u32>) {
        self.per_second = per_second;
    }

    /// Counts a call. Whether it is within the limit.
    pub(crate) fn admits(&mut self, at: Timestamp) -> bool {
        let Some(limit) = self.per_second else { return true };
        let second = at.as_second();
        if second != self.second {
            (self.second, self.admitted) = (second, 0);
        }
        let is_admitted = self.admitted < limit;
        self.admitted += u32::from(is_admitted);
        is_admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_admits_so_many_calls_in_each_second_and_none_admits_all() {
        let at = |ms: i64| Timestamp::from_millisecond(ms).unwrap();
        let mut limit = RateLimit::none();
        assert!((0..100).all(|_| limit.admits(at(0))));
        limit.set(Some(2));
        let seen: Vec<bool> = [1000, 1001, 1999, 2000, 2001, 2002]
            .into_iter()
            .map(|ms| limit.admits(at(ms)))
            .collect();
        assert_eq!(seen, [true, true, false, true, true, false]);
    }
}
