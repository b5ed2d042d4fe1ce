//! Carries executions forward: stores what they are told, then does what they ask.
//!
//! The order of things is the promise. Under the lock of one execution: the engine
//! hears the event; the event is stored; only then are its commands carried out.
//! So a process that dies in between starts again from what was stored, and what
//! was not answered on disk is delivered again ([`Driver::resume`]).
//!
//! What is done is in [`carry_out`].
//!
//! Executions know nothing of each other: each has its own lock, its timers are
//! entries of one heap, and an idle one is dropped from memory but for those
//! entries. Nothing here walks over all of them, except once at the start.

mod carry_out;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use asl::{Event, StartParameters, TaskId};
use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{broadcast, oneshot};

use super::integrations::Services;
use super::live::{Effects, Live, Task};
use super::machines::{Machines, Revision};
use super::progress::Watched;
use super::store::executions::{About, Id, New, Record, to_the_millisecond};
use super::store::{Store, StoreError};
use super::timers::{Due, Timers};
use crate::clock::{BusyGuard, StackClock};
use crate::counters::Counters;

/// Carries out what executions ask for.
pub(super) struct Driver {
    pub(super) store: Store,
    pub(super) clock: StackClock,
    pub(super) machines: Machines,
    services: Services,
    counters: Counters,
    timers: Timers,
    watchers: broadcast::Sender<Watched>,
    memory: Mutex<Memory>,
    /// The key of the next execution. It is given before the execution is stored, so
    /// that its lock can be held from before anyone can find it.
    next_id: AtomicI64,
    /// Who waits for the end of an execution.
    endings: Mutex<HashMap<Id, Vec<oneshot::Sender<BusyGuard>>>>,
}

/// The executions that are in memory.
#[derive(Default)]
struct Memory {
    slots: HashMap<Id, Arc<Slot>>,
    /// Those that were idle when they were last let go, the longest ago first.
    idle: VecDeque<Id>,
}

/// The lock of one execution, and the execution while it is in memory.
type Slot = tokio::sync::Mutex<Option<Live>>;

/// How many idle executions stay in memory, to be read without a replay.
const KEPT: usize = 256;
/// How many moves a slow watcher may lag behind.
const WATCHED: usize = 4096;
/// How long to wait before an event is offered again to a store that failed.
const STORE_RETRY: Duration = Duration::from_millis(500);

/// An execution that is asked for.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) revision: Arc<Revision>,
    pub(super) start: StartParameters,
    pub(super) about: About,
}

/// What an execution is to be told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) event: Event,
    /// The caller's token of a redrive, by which it is known when it is asked again.
    pub(super) redrive_token: Option<String>,
}

impl Told {
    pub(super) fn of(event: Event) -> Self {
        Self { event, redrive_token: None }
    }
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Placed {
    /// It was begun.
    Begun(Timestamp),
    /// One of that name is there already.
    Taken(Box<Record>),
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("timers", &self.timers.len()).finish_non_exhaustive()
    }
}

impl Driver {
    /// A driver over a store; nothing moves before [`Driver::resume`].
    pub(super) async fn new(
        store: Store,
        clock: StackClock,
        services: Services,
        counters: Counters,
    ) -> Result<Arc<Self>, StoreError> {
        let machines = Machines::open(store.clone()).await?;
        let next_id = AtomicI64::new(store.next_id().await?.number());
        let (timers, due) = Timers::new(clock.clone());
        let driver = Arc::new(Self {
            store,
            clock,
            machines,
            services,
            counters,
            timers,
            watchers: broadcast::channel(WATCHED).0,
            memory: Mutex::default(),
            next_id,
            endings: Mutex::default(),
        });
        tokio::spawn(fire(Arc::downgrade(&driver), due));
        Ok(driver)
    }

    /// Takes up every execution that has not ended: its timers are set again, and
    /// tasks whose answer was not stored are delivered again.
    pub(super) async fn resume(self: &Arc<Self>) -> Result<(), StoreError> {
        let busy = self.clock.busy("executions taken up again");
        for id in self.store.running().await? {
            let slot = self.slot(id);
            let mut held = slot.lock().await;
            let live = self.loaded(id, &mut held).await?;
            let effects = Effects {
                set: live.timers.keys().copied().collect(),
                run: open_tasks(live, |task| task.submitted.is_none()),
                submitted: open_tasks(live, |task| task.submitted.is_some()),
                ..Effects::default()
            };
            self.act(id, live, effects, &busy);
            drop(held);
            self.let_go(id, slot);
        }
        Ok(())
    }

    /// Begins an execution, unless its name is taken.
    pub(super) async fn begin(
        self: &Arc<Self>,
        order: Order,
        busy: &BusyGuard,
    ) -> Result<Placed, StoreError> {
        let at = to_the_millisecond(self.clock.now());
        let machine = order.revision.machine();
        let (mut live, step, effects) = Live::begin(machine, order.start.clone(), at);
        let id = Id::of(self.next_id.fetch_add(1, Ordering::Relaxed));
        let new = New {
            id,
            revision: order.revision.id,
            start: order.start,
            about: order.about,
            started_at: at,
            first: step,
        };
        let slot = self.slot(id);
        let mut held = slot.lock().await;
        let written = self.store.begin(new).await?;
        if written.is_none() {
            self.act(id, &mut live, effects, busy);
            *held = Some(live);
        }
        drop(held);
        self.let_go(id, slot);
        Ok(written.map_or(Placed::Begun(at), Placed::Taken))
    }

    /// Tells an execution what happened. False when it changed nothing.
    pub(super) async fn tell(
        self: &Arc<Self>,
        id: Id,
        event: &Event,
        busy: &BusyGuard,
    ) -> Result<bool, StoreError> {
        self.tell_if(id, busy, |_| Some(Told::of(event.clone()))).await
    }

    /// Tells an execution what `choose` makes of it, if anything, in one go.
    pub(super) async fn tell_if(
        self: &Arc<Self>,
        id: Id,
        busy: &BusyGuard,
        choose: impl FnOnce(&Live) -> Option<Told> + Send,
    ) -> Result<bool, StoreError> {
        let slot = self.slot(id);
        let mut held = slot.lock().await;
        let live = self.loaded(id, &mut held).await?;
        let told = choose(live).and_then(|told| {
            let (mut step, effects) = live.tell(&told.event, self.clock.now())?;
            step.redrive_token = told.redrive_token;
            Some((step, effects))
        });
        let Some((step, effects)) = told else {
            drop(held);
            self.let_go(id, slot);
            return Ok(false);
        };
        if let Err(error) = self.store.append(id, step).await {
            // What is in memory has not happened: the next to come replays.
            *held = None;
            return Err(error);
        }
        self.act(id, live, effects, busy);
        drop(held);
        self.let_go(id, slot);
        Ok(true)
    }

    /// As [`Driver::tell`], for what must not get lost: offered until the store
    /// takes it.
    async fn deliver(self: &Arc<Self>, id: Id, event: Event, busy: &BusyGuard) {
        while let Err(error) = self.tell(id, &event, busy).await {
            if matches!(error, StoreError::Closed) {
                return;
            }
            tracing::error!(%error, "an event could not be stored; it is offered again");
            tokio::time::sleep(STORE_RETRY).await;
        }
    }

    /// Reads something off an execution, as it is now.
    pub(super) async fn read<T>(
        self: &Arc<Self>,
        id: Id,
        read: impl FnOnce(&Live) -> T + Send,
    ) -> Result<T, StoreError> {
        let slot = self.slot(id);
        let mut held = slot.lock().await;
        let seen = read(self.loaded(id, &mut held).await?);
        drop(held);
        self.let_go(id, slot);
        Ok(seen)
    }

    /// Every move of every execution from now on.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Watched> {
        self.watchers.subscribe()
    }

    /// How many timers are set on the stack's clock.
    #[cfg(test)]
    pub(super) fn timers(&self) -> usize {
        self.timers.len()
    }

    /// The lock of an execution.
    fn slot(&self, id: Id) -> Arc<Slot> {
        Arc::clone(lock(&self.memory).slots.entry(id).or_default())
    }

    /// The execution in its slot, replayed from the store when it is not there.
    async fn loaded<'a>(
        &self,
        id: Id,
        held: &'a mut Option<Live>,
    ) -> Result<&'a mut Live, StoreError> {
        let live = if let Some(live) = held.take() {
            live
        } else {
            let (record, events) = self.store.load(id).await?;
            let revision = self.machines.revision(record.revision)?;
            Live::replay(revision.machine(), &record, events)
        };
        Ok(held.insert(live))
    }

    /// Forgets the executions that have been idle for longest, when there are many.
    fn let_go(&self, id: Id, slot: Arc<Slot>) {
        drop(slot);
        let mut memory = lock(&self.memory);
        memory.idle.push_back(id);
        while memory.idle.len() > KEPT {
            let Some(oldest) = memory.idle.pop_front() else { return };
            memory.forget(oldest);
        }
    }
}

impl Memory {
    /// Drops an execution, unless somebody is at it or something of it runs here.
    fn forget(&mut self, id: Id) {
        let Some(slot) = self.slots.get(&id) else { return };
        let alone = Arc::strong_count(slot) == 1;
        let idle = slot.try_lock().is_ok_and(|held| held.as_ref().is_none_or(Live::is_idle));
        if alone && idle {
            self.slots.remove(&id);
        }
    }
}

/// Tells executions that their timers are due, each on its own.
async fn fire(driver: std::sync::Weak<Driver>, mut due: UnboundedReceiver<Due>) {
    while let Some(Due { execution, timer, busy }) = due.recv().await {
        let Some(driver) = driver.upgrade() else { return };
        tokio::spawn(async move {
            driver.deliver(execution, Event::TimerFired { timer }, &busy).await;
        });
    }
}

/// The order that an execution is about: its name, without the `-r…` of a restart.
pub(crate) fn order_of(execution: &str) -> &str {
    let Some((order, restart)) = execution.rsplit_once("-r") else { return execution };
    let counted = !restart.is_empty() && restart.bytes().all(|byte| byte.is_ascii_digit());
    if counted { order } else { execution }
}

fn open_tasks(live: &Live, which: impl Fn(&Task) -> bool) -> Vec<TaskId> {
    live.tasks.iter().filter(|(_, task)| which(task)).map(|(&id, _)| id).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::order_of;

    #[test]
    fn an_execution_is_about_the_order_that_it_is_named_after() {
        for (execution, order) in [
            ("ord_1", "ord_1"),
            ("ord_1-r2", "ord_1"),
            ("ord_1-r12", "ord_1"),
            ("ord_1-r", "ord_1-r"),
            ("ord-red", "ord-red"),
        ] {
            assert_eq!(order_of(execution), order);
        }
    }
}
