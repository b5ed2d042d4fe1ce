//! The timers of all executions, in one heap, through the stack's clock.
//!
//! One task sleeps until the earliest is due. Whoever changes which one that is
//! sends it a guard, which it drops only once it sleeps until the new time: so
//! with `--skip` the clock never leaps past a timer that was just set, nor to one
//! that was just taken away. A timer that fires is handed over with a guard.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asl::TimerId;
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::store::executions::Id;
use crate::clock::{BusyGuard, StackClock};

/// A timer that is due: whose, which, and a guard until it is seen to.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) execution: Id,
    pub(super) timer: TimerId,
    pub(super) busy: BusyGuard,
}

/// The heap; a clone is the same heap.
#[derive(Debug, Clone)]
pub(super) struct Timers {
    heap: Arc<Mutex<BTreeSet<Entry>>>,
    clock: StackClock,
    changed: UnboundedSender<BusyGuard>,
}

/// When, whose, which: together the name of a timer in the heap.
type Entry = (Timestamp, Id, TimerId);

impl Timers {
    /// An empty heap, and where its timers arrive when they are due.
    pub(super) fn new(clock: StackClock) -> (Self, UnboundedReceiver<Due>) {
        let (changed, inbox) = unbounded_channel();
        let (due, arrivals) = unbounded_channel();
        let heap = Arc::new(Mutex::new(BTreeSet::new()));
        tokio::spawn(watch(Arc::clone(&heap), clock.clone(), inbox, due));
        (Self { heap, clock, changed }, arrivals)
    }

    /// Sets a timer; setting it again changes nothing.
    pub(super) fn set(&self, due: Timestamp, execution: Id, timer: TimerId) {
        self.change(|heap| heap.insert((due, execution, timer)));
    }

    /// Takes a timer away, if it is there.
    pub(super) fn cancel(&self, due: Timestamp, execution: Id, timer: TimerId) {
        self.change(|heap| heap.remove(&(due, execution, timer)));
    }

    /// How many are set.
    pub(super) fn len(&self) -> usize {
        lock(&self.heap).len()
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<Entry>) -> bool) {
        let mut heap = lock(&self.heap);
        let before = earliest(&heap);
        if change(&mut heap) && earliest(&heap) != before {
            // A send fails only when the runtime, and all waiting with it, is ending.
            let _ending = self.changed.send(self.clock.busy("a timer that changed"));
        }
    }
}

fn lock(heap: &Mutex<BTreeSet<Entry>>) -> MutexGuard<'_, BTreeSet<Entry>> {
    heap.lock().unwrap_or_else(PoisonError::into_inner)
}

fn earliest(heap: &BTreeSet<Entry>) -> Option<Timestamp> {
    heap.first().map(|&(due, ..)| due)
}

async fn watch(
    heap: Arc<Mutex<BTreeSet<Entry>>>,
    clock: StackClock,
    mut changes: UnboundedReceiver<BusyGuard>,
    due: UnboundedSender<Due>,
) {
    let mut held = None;
    loop {
        let next = earliest(&lock(&heap));
        // In this order: sleep first, so that the guard goes only after the clock
        // knows of the new timer.
        tokio::select! {
            biased;
            busy = sleep(&clock, next) => fire(&heap, &clock, &due, &busy),
            change = changes.recv() => match change {
                Some(busy) => held = Some(busy),
                None => return,
            },
            () = release(&mut held) => {}
        }
    }
}

async fn sleep(clock: &StackClock, until: Option<Timestamp>) -> BusyGuard {
    match until {
        Some(due) => clock.sleep_until(due).await,
        None => pending().await,
    }
}

async fn release(held: &mut Option<BusyGuard>) {
    drop(held.take());
    pending::<()>().await;
}

fn fire(
    heap: &Mutex<BTreeSet<Entry>>,
    clock: &StackClock,
    due: &UnboundedSender<Due>,
    busy: &BusyGuard,
) {
    let now = clock.now();
    let mut heap = lock(heap);
    while heap.first().is_some_and(|&(at, ..)| at <= now) {
        let Some((_, execution, timer)) = heap.pop_first() else { break };
        // Nobody to take it means that the driver has ended.
        let _ended = due.send(Due { execution, timer, busy: busy.clone() });
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use jiff::SignedDuration;

    use super::*;
    use crate::clock::ClockSettings;
    use crate::stepfunctions::store::executions::Id;

    fn leaping() -> StackClock {
        StackClock::new(ClockSettings { speed: NonZeroU32::MIN, skip: true, start: None })
    }

    #[tokio::test]
    async fn timers_arrive_in_the_order_in_which_they_are_due() {
        let clock = leaping();
        let (timers, mut arrivals) = Timers::new(clock.clone());
        let busy = clock.busy("setting");
        let start = clock.now();
        for (hours, timer) in [(30, 3), (10, 1), (20, 2)] {
            timers.set(start + SignedDuration::from_hours(hours), Id::of(1), TimerId(timer));
        }
        drop(busy);
        for expected in 1..=3 {
            let due = arrivals.recv().await.unwrap();
            assert_eq!(due.timer, TimerId(expected));
            let ran = clock.now().duration_since(start).as_hours();
            assert_eq!(ran, i64::try_from(expected).unwrap() * 10, "timer {expected}");
        }
        assert_eq!(timers.len(), 0);
    }

    #[tokio::test]
    async fn the_clock_does_not_leap_to_a_timer_that_was_taken_away() {
        let clock = leaping();
        let (timers, mut arrivals) = Timers::new(clock.clone());
        let busy = clock.busy("setting");
        let start = clock.now();
        let soon = start + SignedDuration::from_hours(1);
        timers.set(soon, Id::of(1), TimerId(1));
        timers.set(start + SignedDuration::from_hours(2), Id::of(1), TimerId(2));
        timers.cancel(soon, Id::of(1), TimerId(1));
        drop(busy);
        let due = arrivals.recv().await.unwrap();
        assert_eq!(due.timer, TimerId(2));
    }
}
