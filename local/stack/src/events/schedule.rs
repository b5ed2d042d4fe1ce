//! A schedule: ticks at the whole multiples of its rate, whole minutes, hours or days
//! of UTC, so that a restart shifts none of them.
//!
//! One tick runs at a time, its retries included. Those that come due meanwhile
//! coalesce into the next one, as nothing is gained by looking twice; one that is late
//! has the time of the last that it stands for.
//!
//! With `--skip`, the schedule of the open orders ticks by need; [`super::open`] says
//! when that is.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::open::Open;
use super::{Target, shape};
use crate::clock::{Busy, StackClock};
use crate::lambda::Delivered;
use crate::template::TemplateSchedule;

/// A schedule at work.
#[derive(Debug)]
pub(super) struct Ticking {
    pub(super) schedule: TemplateSchedule,
    pub(super) clock: StackClock,
    pub(super) target: Arc<dyn Target>,
}

impl Ticking {
    /// Ticks for ever: by need where there is something to tell it by, else each time.
    pub(super) fn run(self, open: Option<Open>) -> impl Future<Output = ()> + Send {
        // Taken now, so that the clock cannot leap over the first tick.
        let busy = self.clock.busy("a schedule that starts");
        async move {
            match open {
                Some(open) => self.by_need(open, busy).await,
                None => self.each_time(busy).await,
            }
        }
    }

    async fn each_time(&self, mut busy: Busy) {
        loop {
            let due = next_after(self.clock.now(), self.schedule.every);
            let sleep = self.clock.sleep_along(due);
            drop(busy);
            busy = self.tick(due, sleep.await).await.busy;
        }
    }

    async fn by_need(&self, mut open: Open, busy: Busy) {
        let mut held = Some(busy);
        loop {
            let next = open.next().await;
            let mut sleep = pin!(open.sleep_until(next));
            // Only now, when the clock knows of the timer.
            drop(held.take());
            tokio::select! {
                biased; // A tick that is due comes first: no stream of writes starves it.
                (due, busy) = &mut sleep => held = Some(self.tick_and_listen(&mut open, due, busy).await),
                heard = open.hear() => match heard {
                    Some(busy) => held = Some(busy),
                    None => return, // The tables are gone.
                },
            }
        }
    }

    /// A tick, and what is written meanwhile.
    async fn tick_and_listen(&self, open: &mut Open, due: Timestamp, busy: Busy) -> Busy {
        open.looks();
        let mut tick = pin!(self.tick(due, busy));
        loop {
            tokio::select! {
                biased;
                Delivered { succeeded, busy } = &mut tick => {
                    open.has_looked(succeeded);
                    return busy;
                }
                // The tick holds the clock, or waits for its own next try.
                Some(busy) = open.hear() => drop(busy),
            }
        }
    }

    async fn tick(&self, due: Timestamp, busy: Busy) -> Delivered {
        let last = last_until(self.clock.now(), self.schedule.every).max(due);
        let event = shape::scheduled(&self.schedule.name, last);
        let event = Bytes::from(event.to_string());
        self.target.deliver(&self.schedule.function, event, busy).await
    }
}

/// The first whole multiple of the rate after a time.
pub(super) fn next_after(at: Timestamp, every: SignedDuration) -> Timestamp {
    let every = every.as_secs().max(1);
    multiple(at.as_second().div_euclid(every) + 1, every)
}

/// The first whole multiple of the rate that is not before a time.
pub(super) fn first_from(at: Timestamp, every: SignedDuration) -> Timestamp {
    let just_before = at.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MIN);
    next_after(just_before, every)
}

/// The last whole multiple of the rate that is not after a time.
fn last_until(at: Timestamp, every: SignedDuration) -> Timestamp {
    let every = every.as_secs().max(1);
    multiple(at.as_second().div_euclid(every), every)
}

fn multiple(number: i64, every: i64) -> Timestamp {
    Timestamp::from_second(number.saturating_mul(every)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_at_whole_multiples_of_their_rate() {
        fn check(at: &str, minutes: i64, after: &str, from: &str) {
            let (at, every) = (at.parse().unwrap(), SignedDuration::from_mins(minutes));
            assert_eq!(next_after(at, every).to_string(), after, "after {at}");
            assert_eq!(first_from(at, every).to_string(), from, "from {at}");
            let last = last_until(at, every);
            assert!(last <= at && next_after(last, every).to_string() == after, "until {at}");
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
