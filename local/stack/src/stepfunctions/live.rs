//! An execution in memory: the engine's state, and what it has asked for that is
//! still open. It is made by replaying the store's events, and can be dropped
//! whenever it is idle: the store and the timer heap hold the rest.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use asl::{
    Command, Event, Execution, ExecutionStatus, IntegrationPattern, Resource, StartParameters,
    StateMachine, TaskId, TaskRequest, TimerId, TimerKind,
};
use jiff::Timestamp;
use tokio::task::AbortHandle;

use super::store::executions::{Ended, Record, Step, to_the_millisecond};

/// One execution, replayed up to now.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) start: Arc<StartParameters>,
    pub(super) execution: Execution,
    /// Timers that it has set and that have neither fired nor been cancelled.
    pub(super) timers: BTreeMap<TimerId, Armed>,
    /// Attempts that have not been answered.
    pub(super) tasks: BTreeMap<TaskId, Task>,
    /// How many of its history events watchers have been told of.
    pub(super) told: usize,
    /// The number of the next event in the store.
    seq: u64,
    /// The time of the last event; time never goes back, even if the clock does.
    last_at: Timestamp,
}

/// A timer that an execution has set.
#[derive(Debug)]
pub(super) struct Armed {
    pub(super) due: Timestamp,
    pub(super) kind: TimerKind,
    pub(super) task: Option<TaskId>,
    /// The sleeper of a timer that runs in real time; others are in the heap.
    pub(super) sleeper: Option<AbortHandle>,
}

/// An attempt that has not been answered.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) request: Arc<TaskRequest>,
    /// What the service said when it took the job.
    pub(super) submitted: Option<String>,
}

/// What is to be done in the world after an execution was told something.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Attempts to begin.
    pub(super) run: Vec<TaskId>,
    /// Attempts that were taken as jobs, whose end is to be waited for.
    pub(super) submitted: Vec<TaskId>,
    /// Attempts whose answer no longer counts.
    pub(super) abandoned: Vec<Task>,
    /// Timers to set.
    pub(super) set: Vec<TimerId>,
    /// Timers to take away.
    pub(super) cancelled: Vec<(TimerId, Armed)>,
    /// A retry's pause that is over, so that the state is tried again.
    pub(super) retried: bool,
}

impl Live {
    /// Begins a new execution. The step is what the store must be told of it.
    pub(super) fn begin(
        machine: Arc<StateMachine>,
        start: StartParameters,
        at: Timestamp,
    ) -> (Self, Step, Effects) {
        let (execution, commands) = Execution::start(machine, start.clone(), at);
        let mut live = Self::new(start, execution, at);
        let mut step = Step::default();
        let mut effects = Effects::default();
        live.absorb(commands, at, &mut step, &mut effects);
        live.close(&ExecutionStatus::Running, at, &mut step, &mut effects);
        live.seq = next_seq(&step);
        (live, step, effects)
    }

    /// Brings an execution back to where the store says that it is.
    pub(super) fn replay(
        machine: Arc<StateMachine>,
        record: &Record,
        events: Vec<(Event, Timestamp)>,
    ) -> Self {
        let start = record.start.clone();
        let (execution, commands) = Execution::start(machine, start.clone(), record.started_at);
        let mut live = Self::new(start, execution, record.started_at);
        live.take_in(commands, &mut Step::default(), &mut Effects::default());
        for (event, at) in events {
            live.hear(&event, at, &mut Step::default(), &mut Effects::default());
            live.seq += 1;
            live.last_at = at;
        }
        if *live.execution.status() != ExecutionStatus::Running {
            live.timers.clear();
            live.tasks.clear();
        }
        live.told = live.execution.history().len();
        live
    }

    fn new(start: StartParameters, execution: Execution, at: Timestamp) -> Self {
        Self {
            start: Arc::new(start),
            execution,
            timers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            told: 0,
            seq: 0,
            last_at: at,
        }
    }

    /// Tells the execution what happened. `None` when it changes nothing: too
    /// late, a repeat, or about something that it does not know.
    pub(super) fn tell(&mut self, event: &Event, now: Timestamp) -> Option<(Step, Effects)> {
        let at = to_the_millisecond(now).max(self.last_at);
        let mut before = self.execution.status().clone();
        let mut step = Step { seq: self.seq, ..Step::default() };
        let mut effects = Effects::default();
        if !self.hear(event, at, &mut step, &mut effects) {
            return None;
        }
        step.events.push((event.clone(), at));
        if *event == Event::Redriven {
            // It runs again, even if it ends again in the same go.
            step.redriven_at = Some(at);
            before = ExecutionStatus::Running;
        }
        self.start_runs(at, &mut step, &mut effects);
        self.close(&before, at, &mut step, &mut effects);
        self.seq = next_seq(&step);
        self.last_at = at;
        Some((step, effects))
    }

    /// Whether nothing of it runs in this process, so that it may be dropped.
    pub(super) fn is_idle(&self) -> bool {
        self.tasks.values().all(Task::is_waiting)
            && self.timers.values().all(|timer| timer.sleeper.is_none())
    }

    /// The time of the last event.
    pub(super) fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// Hands the event to the engine, and takes in what it asks for. False when
    /// nothing came of it.
    fn hear(
        &mut self,
        event: &Event,
        at: Timestamp,
        step: &mut Step,
        effects: &mut Effects,
    ) -> bool {
        let before = (self.execution.history().len(), self.execution.status().clone());
        let commands = self.execution.handle(event.clone(), at);
        let same = before.0 == self.execution.history().len()
            && before.1 == *self.execution.status()
            && commands.is_empty();
        if same {
            return false;
        }
        self.settle(event, effects);
        self.take_in(commands, step, effects);
        true
    }

    /// Closes what the event answers.
    fn settle(&mut self, event: &Event, effects: &mut Effects) {
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

    fn absorb(
        &mut self,
        commands: Vec<Command>,
        at: Timestamp,
        step: &mut Step,
        effects: &mut Effects,
    ) {
        self.take_in(commands, step, effects);
        self.start_runs(at, step, effects);
    }

    /// Notes down what the engine asks for.
    fn take_in(&mut self, commands: Vec<Command>, step: &mut Step, effects: &mut Effects) {
        for command in commands {
            match command {
                Command::StartTask { task, request } => self.open(task, request, step, effects),
                Command::CancelTask { task } => effects.abandoned.extend(self.tasks.remove(&task)),
                Command::SetTimer { timer, due, kind, task } => {
                    self.timers.insert(timer, Armed { due, kind, task, sleeper: None });
                    effects.set.push(timer);
                }
                Command::CancelTimer { timer } => {
                    let armed = self.timers.remove(&timer);
                    effects.cancelled.extend(armed.map(|armed| (timer, armed)));
                }
            }
        }
    }

    fn open(&mut self, task: TaskId, request: TaskRequest, step: &mut Step, effects: &mut Effects) {
        step.tokens.extend(request.token.clone());
        effects.run.push(task);
        self.tasks.insert(task, Task { request: Arc::new(request), submitted: None });
    }

    /// A call is begun as soon as it is asked for; the store learns of both in
    /// one go. Activities begin when a worker takes them.
    fn start_runs(&mut self, at: Timestamp, step: &mut Step, effects: &mut Effects) {
        let mut begun = 0;
        while let Some(&task) = effects.run.get(begun) {
            begun += 1;
            let is_activity =
                self.tasks.get(&task).is_none_or(|task| task.request.resource.is_activity());
            let event = Event::TaskStarted { task, worker: None };
            if !is_activity && self.hear(&event, at, step, effects) {
                step.events.push((event, at));
            }
        }
    }

    /// When it has ended, says so to the store, and leaves nothing open.
    fn close(
        &mut self,
        before: &ExecutionStatus,
        at: Timestamp,
        step: &mut Step,
        effects: &mut Effects,
    ) {
        let status = self.execution.status();
        if status == before || *status == ExecutionStatus::Running {
            return;
        }
        step.ended = Some(Ended { status: status.clone(), at });
        effects.cancelled.extend(std::mem::take(&mut self.timers));
        effects.abandoned.extend(std::mem::take(&mut self.tasks).into_values());
        effects.run.clear();
        effects.set.clear();
    }
}

impl Task {
    /// Whether it waits for somebody's answer, and no call of it is under way.
    fn is_waiting(&self) -> bool {
        self.submitted.is_some() || self.request.resource.is_activity()
    }

    /// The limit in real time that a timer of this kind puts on a call that a process
    /// answers while it runs: the whole of it, also for a call that is made again
    /// after a restart. None where the limit is on the stack's clock.
    pub(super) fn limit(&self, kind: TimerKind) -> Option<Duration> {
        let seconds = match kind {
            TimerKind::TaskTimeout => self.request.timeout_seconds,
            TimerKind::Heartbeat => self.request.heartbeat_seconds,
            _ => None,
        };
        seconds.filter(|_| self.is_call_to_a_function()).map(Duration::from_secs)
    }

    /// A Lambda function that is called and waited for.
    fn is_call_to_a_function(&self) -> bool {
        match &self.request.resource {
            Resource::Lambda { .. } => true,
            Resource::Service { service, pattern, .. } => {
                service == "lambda" && *pattern == IntegrationPattern::RequestResponse
            }
            Resource::Activity { .. } => false,
        }
    }
}

/// What the driver asks of a resource.
trait IsActivity {
    fn is_activity(&self) -> bool;
}

impl IsActivity for Resource {
    fn is_activity(&self) -> bool {
        matches!(self, Resource::Activity { .. })
    }
}

fn next_seq(step: &Step) -> u64 {
    step.seq + u64::try_from(step.events.len()).unwrap_or(u64::MAX)
}
