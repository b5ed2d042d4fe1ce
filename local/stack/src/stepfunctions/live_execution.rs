//! An execution in memory: the engine's state, its open tasks and its timers.
//!
//! It is built by replaying the events in the store, so it can be dropped whenever it is idle:
//! the store and the timer heap hold the rest. Nothing here does I/O: it returns work for the
//! driver as [`Effects`], and changes for the store as an [`ExecutionUpdate`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use asl::{
    Command, Event, Execution, ExecutionStatus, IntegrationPattern, Resource, StartParameters,
    StateMachine, TaskId, TaskRequest, TimerId, TimerKind,
};
use jiff::Timestamp;
use tokio::task::AbortHandle;

use super::store::executions::{Completion, ExecutionUpdate, Record, truncate_to_millisecond};

/// One execution, replayed up to its last event.
#[derive(Debug)]
pub(super) struct LiveExecution {
    pub(super) start: Arc<StartParameters>,
    pub(super) execution: Execution,
    /// Timers that the execution has set and that have neither fired nor been canceled.
    pub(super) timers: BTreeMap<TimerId, ArmedTimer>,
    /// Attempts without an outcome.
    pub(super) tasks: BTreeMap<TaskId, OpenTask>,
    /// How many of the history events have been published to subscribers.
    pub(super) published: usize,
    /// The sequence number of the next event in the store.
    next_seq: u64,
    /// The time of the last event. Event times never decrease, even if the clock does.
    last_at: Timestamp,
}

/// A timer that an execution has set.
#[derive(Debug)]
pub(super) struct ArmedTimer {
    pub(super) due: Timestamp,
    pub(super) kind: TimerKind,
    pub(super) task: Option<TaskId>,
    /// The sleeper of a timer in real time; all other timers are in the heap.
    pub(super) sleeper: Option<AbortHandle>,
}

/// An attempt without an outcome.
#[derive(Debug)]
pub(super) struct OpenTask {
    pub(super) request: Arc<TaskRequest>,
    /// The response with which the service accepted the job.
    pub(super) submitted: Option<String>,
}

/// What the driver has to do after an event.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Attempts to run.
    pub(super) run: Vec<TaskId>,
    /// Attempts that a service accepted as jobs.
    pub(super) submitted: Vec<TaskId>,
    /// Attempts whose outcome no longer matters.
    pub(super) abandoned: Vec<OpenTask>,
    /// Timers to set.
    pub(super) set: Vec<TimerId>,
    /// Timers to cancel.
    pub(super) canceled: Vec<(TimerId, ArmedTimer)>,
    /// Whether a retry delay ended, which AWS counts as a state transition.
    pub(super) retried: bool,
}

impl LiveExecution {
    /// Starts a new execution. The caller stores the update before it carries out the effects.
    pub(super) fn start(
        machine: Arc<StateMachine>,
        start: StartParameters,
        at: Timestamp,
    ) -> (Self, ExecutionUpdate, Effects) {
        let (execution, commands) = Execution::start(machine, start.clone(), at);
        let mut live = Self::new(start, execution, at);
        let mut update = ExecutionUpdate::default();
        let mut effects = Effects::default();
        live.record_commands(commands, &mut update, &mut effects);
        live.mark_tasks_started(at, &mut update, &mut effects);
        live.complete(&ExecutionStatus::Running, at, &mut update, &mut effects);
        live.next_seq = seq_after(&update);
        (live, update, effects)
    }

    /// Rebuilds an execution from its events in the store.
    pub(super) fn replay(
        machine: Arc<StateMachine>,
        record: &Record,
        events: Vec<(Event, Timestamp)>,
    ) -> Self {
        let start = record.start.clone();
        let (execution, commands) = Execution::start(machine, start.clone(), record.started_at);
        let mut live = Self::new(start, execution, record.started_at);
        live.record_commands(commands, &mut ExecutionUpdate::default(), &mut Effects::default());
        for (event, at) in events {
            live.handle(&event, at, &mut ExecutionUpdate::default(), &mut Effects::default());
            live.next_seq += 1;
            live.last_at = at;
        }
        if *live.execution.status() != ExecutionStatus::Running {
            live.timers.clear();
            live.tasks.clear();
        }
        live.published = live.execution.history().len();
        live
    }

    fn new(start: StartParameters, execution: Execution, at: Timestamp) -> Self {
        Self {
            start: Arc::new(start),
            execution,
            timers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            published: 0,
            next_seq: 0,
            last_at: at,
        }
    }

    /// Applies an event. Returns `None` if it changes nothing: it is too late, a repeat, or
    /// about a task or timer that does not exist.
    pub(super) fn apply(
        &mut self,
        event: &Event,
        now: Timestamp,
    ) -> Option<(ExecutionUpdate, Effects)> {
        let at = truncate_to_millisecond(now).max(self.last_at);
        let mut before = self.execution.status().clone();
        let mut update = ExecutionUpdate { seq: self.next_seq, ..ExecutionUpdate::default() };
        let mut effects = Effects::default();
        if !self.handle(event, at, &mut update, &mut effects) {
            return None;
        }
        update.events.push((event.clone(), at));
        if *event == Event::Redriven {
            // The redriven execution may end again within this event.
            update.redriven_at = Some(at);
            before = ExecutionStatus::Running;
        }
        self.mark_tasks_started(at, &mut update, &mut effects);
        self.complete(&before, at, &mut update, &mut effects);
        self.next_seq = seq_after(&update);
        self.last_at = at;
        Some((update, effects))
    }

    /// Whether the execution has no work in this process, so that it may be dropped.
    pub(super) fn is_idle(&self) -> bool {
        self.tasks.values().all(OpenTask::is_waiting)
            && self.timers.values().all(|timer| timer.sleeper.is_none())
    }

    /// The time of the last event.
    pub(super) fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// Passes the event to the engine and records the engine's commands. Returns false if
    /// nothing changed.
    fn handle(
        &mut self,
        event: &Event,
        at: Timestamp,
        update: &mut ExecutionUpdate,
        effects: &mut Effects,
    ) -> bool {
        let before = (self.execution.history().len(), self.execution.status().clone());
        let commands = self.execution.handle(event.clone(), at);
        let unchanged = before.0 == self.execution.history().len()
            && before.1 == *self.execution.status()
            && commands.is_empty();
        if unchanged {
            return false;
        }
        self.close_task_or_timer(event, effects);
        self.record_commands(commands, update, effects);
        true
    }

    /// Closes the task or timer that the event is about.
    fn close_task_or_timer(&mut self, event: &Event, effects: &mut Effects) {
        match event {
            Event::TaskSucceeded { task, .. } | Event::TaskFailed { task, .. } => {
                self.tasks.remove(task);
            }
            Event::TaskSubmitted { task, output } => {
                if let Some(open) = self.tasks.get_mut(task) {
                    open.submitted = Some(output.clone());
                    effects.submitted.push(*task);
                }
            }
            Event::TimerFired { timer } => {
                let fired = self.timers.remove(timer);
                effects.retried |= fired.is_some_and(|timer| timer.kind == TimerKind::RetryDelay);
            }
            _ => {}
        }
    }

    /// Records the engine's commands as open tasks, timers and effects.
    fn record_commands(
        &mut self,
        commands: Vec<Command>,
        update: &mut ExecutionUpdate,
        effects: &mut Effects,
    ) {
        for command in commands {
            match command {
                Command::StartTask { task, request } => {
                    self.open_task(task, request, update, effects);
                }
                Command::CancelTask { task } => effects.abandoned.extend(self.tasks.remove(&task)),
                Command::SetTimer { timer, due, kind, task } => {
                    self.timers.insert(timer, ArmedTimer { due, kind, task, sleeper: None });
                    effects.set.push(timer);
                }
                Command::CancelTimer { timer } => {
                    let armed = self.timers.remove(&timer);
                    effects.canceled.extend(armed.map(|armed| (timer, armed)));
                }
            }
        }
    }

    fn open_task(
        &mut self,
        task: TaskId,
        request: TaskRequest,
        update: &mut ExecutionUpdate,
        effects: &mut Effects,
    ) {
        update.tokens.extend(request.token.clone());
        effects.run.push(task);
        self.tasks.insert(task, OpenTask { request: Arc::new(request), submitted: None });
    }

    /// Applies `TaskStarted` to every task that the driver is about to run, so that the store
    /// commits it together with the event that scheduled the task. An activity starts only
    /// when a worker takes it.
    fn mark_tasks_started(
        &mut self,
        at: Timestamp,
        update: &mut ExecutionUpdate,
        effects: &mut Effects,
    ) {
        let mut next = 0;
        // Handling the event may add tasks to `effects.run`.
        while let Some(&task) = effects.run.get(next) {
            next += 1;
            let is_activity = self.tasks.get(&task).is_none_or(OpenTask::is_activity);
            let event = Event::TaskStarted { task, worker: None };
            if !is_activity && self.handle(&event, at, update, effects) {
                update.events.push((event, at));
            }
        }
    }

    /// If the execution has ended, records its completion and closes every task and timer.
    fn complete(
        &mut self,
        before: &ExecutionStatus,
        at: Timestamp,
        update: &mut ExecutionUpdate,
        effects: &mut Effects,
    ) {
        let status = self.execution.status();
        if status == before || *status == ExecutionStatus::Running {
            return;
        }
        update.completion = Some(Completion { status: status.clone(), at });
        effects.canceled.extend(std::mem::take(&mut self.timers));
        effects.abandoned.extend(std::mem::take(&mut self.tasks).into_values());
        effects.run.clear();
        effects.set.clear();
    }
}

impl OpenTask {
    /// Whether the task waits for a result from outside, with no call in progress.
    fn is_waiting(&self) -> bool {
        self.submitted.is_some() || self.is_activity()
    }

    fn is_activity(&self) -> bool {
        matches!(self.request.resource, Resource::Activity { .. })
    }

    /// Whether the task waits for a child execution (`.sync` or `.sync:2`).
    pub(super) fn is_synchronous(&self) -> bool {
        matches!(
            &self.request.resource,
            Resource::Service { pattern: IntegrationPattern::Sync | IntegrationPattern::Sync2, .. }
        )
    }

    /// The limit that a timer of this kind sets on a running function, in real time. A call
    /// that is made again after a restart gets the whole limit again. `None` if the limit is
    /// on the stack's clock.
    pub(super) fn real_time_limit(&self, kind: TimerKind) -> Option<Duration> {
        let seconds = match kind {
            TimerKind::TaskTimeout => self.request.timeout_seconds,
            TimerKind::Heartbeat => self.request.heartbeat_seconds,
            _ => None,
        };
        seconds.filter(|_| self.awaits_function()).map(Duration::from_secs)
    }

    /// Whether the task invokes a Lambda function and waits for its response.
    fn awaits_function(&self) -> bool {
        match &self.request.resource {
            Resource::Lambda { .. } => true,
            Resource::Service { service, pattern, .. } => {
                service == "lambda" && *pattern == IntegrationPattern::RequestResponse
            }
            Resource::Activity { .. } => false,
        }
    }
}

fn seq_after(update: &ExecutionUpdate) -> u64 {
    update.seq + u64::try_from(update.events.len()).unwrap_or(u64::MAX)
}
