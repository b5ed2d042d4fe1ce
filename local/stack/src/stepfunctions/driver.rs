//! Carries executions forward: stores what they are told, then does what they ask.
//!
//! The order of things is the promise. Under the lock of one execution: the engine
//! hears the event; the event is stored; only then are its commands carried out.
//! So a process that dies in between starts again from what was stored, and what
//! was not answered on disk is delivered again ([`Driver::resume`]).
//!
//! Executions know nothing of each other: each has its own lock, its timers are
//! entries of one heap, and an idle one is dropped from memory but for those
//! entries. Nothing here walks over all of them, except once at the start.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use asl::{Event, Pattern, Resource, Start, Status, TaskId, TimerId};
use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{broadcast, oneshot};

use super::arn::ExecutionArn;
use super::integrations::{Call, Outcome, Services, states};
use super::live::{Effects, Live, Task};
use super::machines::{Machines, Revision};
use super::progress::{self, Moved, Progress, Watched};
use super::store::executions::{About, Id, New, Record, to_the_millisecond};
use super::store::{Store, StoreError};
use super::timers::{Due, Timers};
use crate::clock::{Busy, StackClock};
use crate::counters::{Count, Counters};

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
    endings: Mutex<HashMap<Id, Vec<oneshot::Sender<Busy>>>>,
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
    pub(super) start: Start,
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
        busy: &Busy,
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
        busy: &Busy,
    ) -> Result<bool, StoreError> {
        self.tell_if(id, busy, |_| Some(Told::of(event.clone()))).await
    }

    /// Tells an execution what `choose` makes of it, if anything, in one go.
    pub(super) async fn tell_if(
        self: &Arc<Self>,
        id: Id,
        busy: &Busy,
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
    async fn deliver(self: &Arc<Self>, id: Id, event: Event, busy: &Busy) {
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

    /// Waits for the end of an execution; whoever ended it hands over its guard.
    async fn ended(&self, child: &Record, busy: Busy) -> Result<Busy, StoreError> {
        let (tell, told) = oneshot::channel();
        lock(&self.endings).entry(child.id).or_default().push(tell);
        // Looked at again, now that the end can no longer be missed.
        let (machine, name) = (&child.start.state_machine_name, &child.start.execution_name);
        let record = self.store.find(machine.clone(), name.clone()).await?;
        if record.is_none_or(|record| !record.is_running()) {
            drop(told);
            self.forget_watchers(child.id);
            return Ok(busy);
        }
        drop(busy);
        told.await.map_err(|_ending| StoreError::Closed)
    }

    /// Forgets those who no longer wait for this execution's end.
    fn forget_watchers(&self, id: Id) {
        let mut endings = lock(&self.endings);
        if let Some(waiting) = endings.get_mut(&id) {
            waiting.retain(|waiting| !waiting.is_closed());
            if waiting.is_empty() {
                endings.remove(&id);
            }
        }
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

/// Doing what an execution asks for.
impl Driver {
    fn act(self: &Arc<Self>, id: Id, live: &mut Live, effects: Effects, busy: &Busy) {
        self.report(live, &effects);
        for (timer, armed) in effects.cancelled {
            match armed.sleeper {
                Some(sleeper) => sleeper.abort(),
                None => self.timers.cancel(armed.due, id, timer),
            }
        }
        for timer in effects.set {
            self.arm(id, live, timer, busy);
        }
        for task in effects.abandoned {
            self.abandon(&task, busy);
        }
        for task in effects.run {
            self.run(id, live, task, busy);
        }
        for task in effects.submitted {
            self.follow(id, live, task, busy);
        }
        if *live.execution.status() != Status::Running {
            for waiting in lock(&self.endings).remove(&id).into_iter().flatten() {
                // Whoever waited may have gone.
                let _gone = waiting.send(busy.clone());
            }
            self.clear_away(&live.start.state_machine_name, busy);
        }
    }

    /// A machine that is being deleted goes with its last execution.
    fn clear_away(self: &Arc<Self>, machine: &str, busy: &Busy) {
        if !self.machines.get(machine).is_some_and(|machine| machine.deleting) {
            return;
        }
        let (driver, machine, busy) = (Arc::clone(self), machine.to_owned(), busy.clone());
        tokio::spawn(async move {
            let _changing = driver.machines.changing.lock().await;
            let last = driver.store.running_of(machine.clone()).await.is_ok_and(|left| left == 0);
            if last && let Err(error) = driver.machines.remove(&machine).await {
                tracing::error!(%error, "a deleted state machine could not be removed");
            }
            drop(busy);
        });
    }

    /// Sets a timer: in real time where it binds a running process, on the stack's
    /// clock otherwise.
    fn arm(self: &Arc<Self>, id: Id, live: &mut Live, timer: TimerId, busy: &Busy) {
        let Some(armed) = live.timers.get_mut(&timer) else { return };
        let task = armed.task.and_then(|task| live.tasks.get(&task));
        let Some(wait) = task.and_then(|task| task.limit(armed.kind)) else {
            return self.timers.set(armed.due, id, timer);
        };
        let driver = Arc::clone(self);
        let busy = busy.clone();
        let sleeper = tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            // In a task of its own: being told cancels this timer's sleeper.
            tokio::spawn(async move {
                driver.deliver(id, Event::TimerFired { timer }, &busy).await;
            });
        });
        armed.sleeper = Some(sleeper.abort_handle());
    }

    /// Calls what a task calls, and tells the execution what came of it.
    fn run(self: &Arc<Self>, id: Id, live: &Live, task: TaskId, busy: &Busy) {
        let Some(open) = live.tasks.get(&task) else { return };
        if matches!(open.request.resource, Resource::Activity { .. }) {
            return;
        }
        let call = Call {
            request: Arc::clone(&open.request),
            start: Arc::clone(&live.start),
            task,
            busy: busy.clone(),
        };
        let driver = Arc::clone(self);
        tokio::spawn(async move {
            let outcome = driver.services.call(&driver, &call).await;
            driver.deliver(id, outcome.into_event(task), &call.busy).await;
        });
    }

    /// Waits for the end of a job that was taken (`.sync`). A token is waited for
    /// by nobody: its answer comes from outside.
    fn follow(self: &Arc<Self>, id: Id, live: &Live, task: TaskId, busy: &Busy) {
        let Some(open) = live.tasks.get(&task) else { return };
        let Resource::Service { pattern, .. } = &open.request.resource else { return };
        if !matches!(pattern, Pattern::Sync | Pattern::Sync2) {
            return;
        }
        let json_output = *pattern == Pattern::Sync2;
        let Some(job) = open.submitted.as_deref().and_then(states::child) else {
            return;
        };
        let driver = Arc::clone(self);
        let busy = busy.clone();
        tokio::spawn(async move {
            match driver.outcome(&job, json_output, busy).await {
                Ok((outcome, busy)) => driver.deliver(id, outcome.into_event(task), &busy).await,
                Err(error) => tracing::debug!(%error, "a job is no longer waited for"),
            }
        });
    }

    /// What a job comes to, once it has ended.
    async fn outcome(
        self: &Arc<Self>,
        job: &ExecutionArn,
        json_output: bool,
        busy: Busy,
    ) -> Result<(Outcome, Busy), StoreError> {
        let child = self.store.find(job.machine.clone(), job.name.clone()).await?;
        let Some(child) = child else { return Ok((states::gone(job), busy)) };
        let busy = self.ended(&child, busy).await?;
        Ok((states::result(self, job, json_output).await, busy))
    }

    /// A job whose result nobody waits for any more is stopped, as AWS does.
    fn abandon(self: &Arc<Self>, task: &Task, busy: &Busy) {
        let Some(job) = task.submitted.as_deref().and_then(states::child) else {
            return;
        };
        let synchronous = matches!(
            &task.request.resource,
            Resource::Service { pattern: Pattern::Sync | Pattern::Sync2, .. }
        );
        if !synchronous {
            return;
        }
        let driver = Arc::clone(self);
        let busy = busy.clone();
        tokio::spawn(async move {
            if let Ok(Some(child)) = driver.store.find(job.machine, job.name).await {
                let stop = Event::StopRequested { error: None, cause: None };
                driver.deliver(child.id, stop, &busy).await;
            }
        });
    }

    /// Tells watchers and counters what is new.
    fn report(&self, live: &mut Live, effects: &Effects) {
        let Some(fresh) = live.execution.history().get(live.told..) else { return };
        let order = order_of(&live.start.execution_name);
        if effects.retried {
            self.counters.add(order, Count::Transition);
        }
        for event in fresh {
            if event.event_type.as_str().ends_with("StateEntered") {
                self.counters.add(order, Count::Transition);
            }
            if let Some(moved) = progress::of_history(event) {
                self.publish(&live.start, event.timestamp, moved);
            }
        }
        for task in effects.run.iter().filter_map(|task| live.tasks.get(task)) {
            let request = &task.request;
            let moved = Moved::Attempted { state: request.state.clone(), attempt: request.attempt };
            self.publish(&live.start, self.clock.now(), moved);
        }
        for armed in effects.set.iter().filter_map(|timer| live.timers.get(timer)) {
            if armed.kind == asl::TimerKind::RetryDelay {
                let now = live.last_at();
                self.publish(&live.start, now, progress::retrying(now, armed.due));
            }
        }
        live.told = live.execution.history().len();
    }

    fn publish(&self, start: &Start, at: Timestamp, step: Moved) {
        let progress = Progress {
            execution_arn: start.execution_arn.clone(),
            execution: start.execution_name.clone(),
            state_machine: start.state_machine_name.clone(),
            at,
            step,
        };
        let busy = self.clock.busy("a move that is watched");
        // With nobody watching there is nobody to tell.
        let _unwatched = self.watchers.send(Watched { progress, busy });
    }
}

impl Outcome {
    fn into_event(self, task: TaskId) -> Event {
        match self {
            Self::Succeeded(output) => Event::TaskSucceeded { task, output },
            Self::Submitted(output) => Event::TaskSubmitted { task, output },
            Self::Failed { error, cause } => {
                Event::TaskFailed { task, error: Some(error), cause: Some(cause) }
            }
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
pub(super) fn order_of(execution: &str) -> &str {
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
