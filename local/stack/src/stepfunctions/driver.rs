//! Drives executions forward: stores each event, then carries out what the engine asks for.
//!
//! The order of these steps is the guarantee. Under the lock of one execution, the engine
//! handles the event, the store commits it, and only then does the driver carry out the
//! engine's commands ([`effects`]). A process that dies in between resumes from the store, and
//! runs every task again whose outcome was not stored ([`Driver::resume`]).
//!
//! Executions are independent: each has its own lock, their timers share one heap, and an idle
//! execution leaves memory except for its timers. Only [`Driver::resume`] visits all of them.

mod effects;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use asl::{Event, StartParameters, TaskId};
use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{broadcast, oneshot};

use super::arn::ExecutionArn;
use super::live_execution::{Effects, LiveExecution, OpenTask};
use super::progress::ProgressNotification;
use super::state_machines::{Revision, StateMachines};
use super::store::executions::{
    ExecutionId, NewExecution, Record, StartContext, truncate_to_millisecond,
};
use super::store::{Store, StoreError};
use super::task::TaskRunner;
use super::timers::{DueTimer, Timers};
use crate::clock::{BusyGuard, StackClock};
use crate::counters::Counters;

/// Drives all executions of the stack.
pub(super) struct Driver {
    pub(super) store: Store,
    pub(super) clock: StackClock,
    pub(super) state_machines: StateMachines,
    tasks: Arc<dyn TaskRunner>,
    counters: Counters,
    timers: Timers,
    subscribers: broadcast::Sender<ProgressNotification>,
    memory: Mutex<Memory>,
    /// The id of the next execution. The driver assigns it before the execution is stored, so
    /// that it holds the execution's lock before anyone can find the execution.
    next_id: AtomicI64,
    /// Parents that wait for the end of an execution.
    end_waiters: Mutex<HashMap<ExecutionId, Vec<oneshot::Sender<BusyGuard>>>>,
}

/// The executions that are in memory.
#[derive(Default)]
struct Memory {
    slots: HashMap<ExecutionId, Arc<Slot>>,
    /// Executions in the order in which they were last released, the oldest first.
    released: VecDeque<ExecutionId>,
}

/// The lock of one execution, and the execution while it is in memory.
type Slot = tokio::sync::Mutex<Option<LiveExecution>>;

/// How many executions stay in memory after their release, to be read without a replay.
const MAX_RELEASED_IN_MEMORY: usize = 256;
/// How many notifications a slow subscriber may lag behind.
const PROGRESS_CAPACITY: usize = 4096;
/// The delay before the driver offers an event again to a store that failed.
const STORE_RETRY: Duration = Duration::from_millis(500);

/// An execution to start.
#[derive(Debug)]
pub(super) struct ExecutionRequest {
    pub(super) arn: ExecutionArn,
    pub(super) revision: Arc<Revision>,
    pub(super) start: StartParameters,
    pub(super) context: StartContext,
}

/// The result of [`Driver::start`].
#[derive(Debug)]
pub(super) enum StartOutcome {
    /// The execution started at this time.
    Started(Timestamp),
    /// An execution of that name exists.
    NameTaken(Box<Record>),
}

/// An event to apply to an execution.
#[derive(Debug)]
pub(super) struct PendingEvent {
    pub(super) event: Event,
    /// The `clientToken` of a redrive, which identifies a repeated request.
    pub(super) redrive_token: Option<String>,
}

impl PendingEvent {
    pub(super) fn new(event: Event) -> Self {
        Self { event, redrive_token: None }
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("timers", &self.timers.len()).finish_non_exhaustive()
    }
}

impl Driver {
    /// Creates a driver over a store. Executions move only after [`Driver::resume`]. `tasks`
    /// makes the task runner, which may refer to the driver itself.
    pub(super) async fn new(
        store: Store,
        clock: StackClock,
        counters: Counters,
        tasks: impl FnOnce(Weak<Self>) -> Arc<dyn TaskRunner>,
    ) -> Result<Arc<Self>, StoreError> {
        let state_machines = StateMachines::open(store.clone()).await?;
        let next_id = AtomicI64::new(store.next_id().await?.value());
        let (timers, due) = Timers::new(clock.clone());
        let driver = Arc::new_cyclic(|driver| Self {
            store,
            clock,
            state_machines,
            tasks: tasks(Weak::clone(driver)),
            counters,
            timers,
            subscribers: broadcast::channel(PROGRESS_CAPACITY).0,
            memory: Mutex::default(),
            next_id,
            end_waiters: Mutex::default(),
        });
        tokio::spawn(deliver_due_timers(Arc::downgrade(&driver), due));
        Ok(driver)
    }

    /// Resumes every running execution: sets its timers, and runs the tasks again whose
    /// outcome is not in the store.
    pub(super) async fn resume(self: &Arc<Self>) -> Result<(), StoreError> {
        let busy = self.clock.busy("executions resumed");
        for id in self.store.running().await? {
            let slot = self.slot(id);
            let mut guard = slot.lock().await;
            let live = self.load(id, &mut guard).await?;
            let effects = Effects {
                set: live.timers.keys().copied().collect(),
                run: open_tasks(live, |task| task.submitted.is_none()),
                submitted: open_tasks(live, |task| task.submitted.is_some()),
                ..Effects::default()
            };
            self.carry_out(id, live, effects, &busy);
            drop(guard);
            self.release(id, slot);
        }
        Ok(())
    }

    /// Starts an execution, unless its name is taken.
    pub(super) async fn start(
        self: &Arc<Self>,
        request: ExecutionRequest,
        busy: &BusyGuard,
    ) -> Result<StartOutcome, StoreError> {
        let at = truncate_to_millisecond(self.clock.now());
        let machine = request.revision.machine();
        let (mut live, first, effects) = LiveExecution::start(machine, request.start.clone(), at);
        let id = ExecutionId::new(self.next_id.fetch_add(1, Ordering::Relaxed));
        let new = NewExecution {
            id,
            arn: request.arn,
            revision: request.revision.id,
            start: request.start,
            context: request.context,
            started_at: at,
            first,
        };
        let slot = self.slot(id);
        let mut guard = slot.lock().await;
        let existing = self.store.insert(new).await?;
        if existing.is_none() {
            self.carry_out(id, &mut live, effects, busy);
            *guard = Some(live);
        }
        drop(guard);
        self.release(id, slot);
        Ok(existing.map_or(StartOutcome::Started(at), StartOutcome::NameTaken))
    }

    /// Applies an event to an execution. Returns false if it changed nothing.
    pub(super) async fn apply_event(
        self: &Arc<Self>,
        id: ExecutionId,
        event: &Event,
        busy: &BusyGuard,
    ) -> Result<bool, StoreError> {
        self.apply_event_if(id, busy, |_| Some(PendingEvent::new(event.clone()))).await
    }

    /// Applies the event that `choose` returns for the execution's current state, under one
    /// lock. Returns false if there is no event or it changed nothing.
    pub(super) async fn apply_event_if(
        self: &Arc<Self>,
        id: ExecutionId,
        busy: &BusyGuard,
        choose: impl FnOnce(&LiveExecution) -> Option<PendingEvent> + Send,
    ) -> Result<bool, StoreError> {
        let slot = self.slot(id);
        let mut guard = slot.lock().await;
        let live = self.load(id, &mut guard).await?;
        let applied = choose(live).and_then(|pending| {
            let (mut update, effects) = live.apply(&pending.event, self.clock.now())?;
            update.redrive_token = pending.redrive_token;
            Some((update, effects))
        });
        let Some((update, effects)) = applied else {
            drop(guard);
            self.release(id, slot);
            return Ok(false);
        };
        if let Err(error) = self.store.append(id, update).await {
            // The state in memory is ahead of the store: drop it, so that the next caller
            // replays what the store has.
            *guard = None;
            return Err(error);
        }
        self.carry_out(id, live, effects, busy);
        drop(guard);
        self.release(id, slot);
        Ok(true)
    }

    /// Applies an event that must not get lost: tries again until the store accepts it.
    async fn deliver(self: &Arc<Self>, id: ExecutionId, event: Event, busy: &BusyGuard) {
        while let Err(error) = self.apply_event(id, &event, busy).await {
            if matches!(error, StoreError::Closed) {
                return;
            }
            tracing::error!(%error, "could not store an event; trying again");
            tokio::time::sleep(STORE_RETRY).await;
        }
    }

    /// Reads the current state of an execution.
    pub(super) async fn read<T>(
        self: &Arc<Self>,
        id: ExecutionId,
        read: impl FnOnce(&LiveExecution) -> T + Send,
    ) -> Result<T, StoreError> {
        let slot = self.slot(id);
        let mut guard = slot.lock().await;
        let value = read(self.load(id, &mut guard).await?);
        drop(guard);
        self.release(id, slot);
        Ok(value)
    }

    /// Subscribes to the progress of all executions, from now on.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<ProgressNotification> {
        self.subscribers.subscribe()
    }

    /// How many timers are set on the stack's clock.
    #[cfg(test)]
    pub(super) fn timers(&self) -> usize {
        self.timers.len()
    }

    /// The lock of an execution.
    fn slot(&self, id: ExecutionId) -> Arc<Slot> {
        Arc::clone(lock(&self.memory).slots.entry(id).or_default())
    }

    /// The execution in its slot; replays it from the store if it is not in memory.
    async fn load<'a>(
        &self,
        id: ExecutionId,
        slot: &'a mut Option<LiveExecution>,
    ) -> Result<&'a mut LiveExecution, StoreError> {
        let live = if let Some(live) = slot.take() {
            live
        } else {
            let (record, events) = self.store.load(id).await?;
            let revision = self.state_machines.revision(record.revision)?;
            LiveExecution::replay(revision.machine(), &record, events)
        };
        Ok(slot.insert(live))
    }

    /// Releases an execution, and evicts those that were released first when there are many.
    fn release(&self, id: ExecutionId, slot: Arc<Slot>) {
        drop(slot);
        let mut memory = lock(&self.memory);
        memory.released.push_back(id);
        while memory.released.len() > MAX_RELEASED_IN_MEMORY {
            let Some(oldest) = memory.released.pop_front() else { return };
            memory.evict(oldest);
        }
    }
}

impl Memory {
    /// Drops an execution from memory, unless it is in use or has work in this process.
    fn evict(&mut self, id: ExecutionId) {
        let Some(slot) = self.slots.get(&id) else { return };
        let unused = Arc::strong_count(slot) == 1;
        let idle =
            slot.try_lock().is_ok_and(|live| live.as_ref().is_none_or(LiveExecution::is_idle));
        if unused && idle {
            self.slots.remove(&id);
        }
    }
}

/// Delivers each due timer to its execution, in a separate tokio task.
async fn deliver_due_timers(driver: Weak<Driver>, mut due: UnboundedReceiver<DueTimer>) {
    while let Some(DueTimer { execution, timer, busy }) = due.recv().await {
        let Some(driver) = driver.upgrade() else { return };
        tokio::spawn(async move {
            driver.deliver(execution, Event::TimerFired { timer }, &busy).await;
        });
    }
}

fn open_tasks(live: &LiveExecution, matches: impl Fn(&OpenTask) -> bool) -> Vec<TaskId> {
    live.tasks.iter().filter(|(_, task)| matches(task)).map(|(&id, _)| id).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
