//! The timers of all executions, in one heap, on the stack's clock.
//!
//! One task sleeps until the earliest timer is due. A change of the earliest timer sends that
//! task a guard, which it drops only when it sleeps until the new time. So with `--skip` the
//! clock never skips ahead past a timer that was just set, nor to one that was just canceled. A
//! timer that fires is delivered with a guard.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asl::TimerId;
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::store::executions::ExecutionId;
use crate::clock::{BusyGuard, StackClock};

/// A timer that is due, with a guard that holds the clock until the timer is delivered.
#[derive(Debug)]
pub(super) struct DueTimer {
    pub(super) execution: ExecutionId,
    pub(super) timer: TimerId,
    pub(super) busy: BusyGuard,
}

/// The heap. Clones share one heap.
#[derive(Debug, Clone)]
pub(super) struct Timers {
    heap: Arc<Mutex<BTreeSet<Entry>>>,
    clock: StackClock,
    changed: UnboundedSender<BusyGuard>,
}

/// Due time, execution and timer; together they identify a timer in the heap.
type Entry = (Timestamp, ExecutionId, TimerId);

impl Timers {
    /// An empty heap, and the channel on which due timers arrive.
    pub(super) fn new(clock: StackClock) -> (Self, UnboundedReceiver<DueTimer>) {
        let (changed, inbox) = unbounded_channel();
        let (due, due_timers) = unbounded_channel();
        let heap = Arc::new(Mutex::new(BTreeSet::new()));
        tokio::spawn(run(Arc::clone(&heap), clock.clone(), inbox, due));
        (Self { heap, clock, changed }, due_timers)
    }

    /// Sets a timer. Setting it again changes nothing.
    pub(super) fn set(&self, due: Timestamp, execution: ExecutionId, timer: TimerId) {
        self.change(|heap| heap.insert((due, execution, timer)));
    }

    /// Cancels a timer, if it is set.
    pub(super) fn cancel(&self, due: Timestamp, execution: ExecutionId, timer: TimerId) {
        self.change(|heap| heap.remove(&(due, execution, timer)));
    }

    /// The number of timers that are set.
    pub(super) fn len(&self) -> usize {
        lock(&self.heap).len()
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<Entry>) -> bool) {
        let mut heap = lock(&self.heap);
        let before = earliest(&heap);
        if change(&mut heap) && earliest(&heap) != before {
            // Sending fails only while the runtime shuts down.
            let _shutdown = self.changed.send(self.clock.busy("a changed timer"));
        }
    }
}

fn lock(heap: &Mutex<BTreeSet<Entry>>) -> MutexGuard<'_, BTreeSet<Entry>> {
    heap.lock().unwrap_or_else(PoisonError::into_inner)
}

fn earliest(heap: &BTreeSet<Entry>) -> Option<Timestamp> {
    heap.first().map(|&(due, ..)| due)
}

async fn run(
    heap: Arc<Mutex<BTreeSet<Entry>>>,
    clock: StackClock,
    mut changes: UnboundedReceiver<BusyGuard>,
    due: UnboundedSender<DueTimer>,
) {
    let mut held = None;
    loop {
        let next = earliest(&lock(&heap));
        // Polled in this order, so that the guard is released only after the clock knows the
        // new time to sleep until.
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
    due: &UnboundedSender<DueTimer>,
    busy: &BusyGuard,
) {
    let now = clock.now();
    let mut heap = lock(heap);
    while heap.first().is_some_and(|&(at, ..)| at <= now) {
        let Some((_, execution, timer)) = heap.pop_first() else { break };
        // Sending fails only after the driver has stopped.
        let _stopped = due.send(DueTimer { execution, timer, busy: busy.clone() });
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use jiff::SignedDuration;

    use super::*;
    use crate::clock::ClockSettings;
    use crate::stepfunctions::store::executions::ExecutionId;

    fn skipping_clock() -> StackClock {
        StackClock::new(ClockSettings { speed: NonZeroU32::MIN, skip: true, start: None })
    }

    #[tokio::test]
    async fn timers_arrive_in_the_order_in_which_they_are_due() {
        let clock = skipping_clock();
        let (timers, mut due_timers) = Timers::new(clock.clone());
        let busy = clock.busy("setting");
        let start = clock.now();
        for (hours, timer) in [(30, 3), (10, 1), (20, 2)] {
            timers.set(
                start + SignedDuration::from_hours(hours),
                ExecutionId::new(1),
                TimerId(timer),
            );
        }
        drop(busy);
        for expected in 1..=3 {
            let due = due_timers.recv().await.unwrap();
            assert_eq!(due.timer, TimerId(expected));
            let elapsed = clock.now().duration_since(start).as_hours();
            assert_eq!(elapsed, i64::try_from(expected).unwrap() * 10, "timer {expected}");
        }
        assert_eq!(timers.len(), 0);
    }

    #[tokio::test]
    async fn the_clock_does_not_skip_ahead_to_a_canceled_timer() {
        let clock = skipping_clock();
        let (timers, mut due_timers) = Timers::new(clock.clone());
        let busy = clock.busy("setting");
        let start = clock.now();
        let soon = start + SignedDuration::from_hours(1);
        timers.set(soon, ExecutionId::new(1), TimerId(1));
        timers.set(start + SignedDuration::from_hours(2), ExecutionId::new(1), TimerId(2));
        timers.cancel(soon, ExecutionId::new(1), TimerId(1));
        drop(busy);
        let due = due_timers.recv().await.unwrap();
        assert_eq!(due.timer, TimerId(2));
    }
}
