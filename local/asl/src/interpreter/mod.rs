//! Runs a machine: events with their time in, commands and history out.
//!
//! [`Execution::handle`] takes an event to the thread that it is about
//! (`thread.rs`), and then every thread that can go on goes on until it must wait
//! for the next event. `states.rs` has what each type of state does, `task.rs`
//! and `parallel_map.rs` the two that take longer, `error_handling.rs` where errors go, and
//! `redrive.rs` how an execution that failed goes on. What the driver and an
//! execution say to each other is in `protocol.rs`.
//!
//! It promises: the same start and the same events give the same commands and
//! the same history; no event, however late, repeated or unknown, does harm;
//! nothing is written down after the end; and every run of [`Execution::handle`]
//! ends, because every step writes to a history that has a limit.

mod context;
mod error_handling;
mod parallel_map;
mod protocol;
mod redrive;
mod states;
mod task;
mod thread;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub use protocol::{
    Command, Event, ExecutionStatus, IntegrationPattern, Resource, StartParameters, TaskId,
    TaskRequest, TimerId, TimerKind,
};

use crate::definition::{Kind, StateMachine};
use crate::history::{self, EventType, HistoryEvent, Journal, Log};
use crate::scope::RandomSource;
use error_handling::Failure;
use task::Attempt;
use thread::{Data, Doing, Memory, Step, Thread, ThreadId};

/// One execution of a state machine.
#[derive(Debug)]
pub struct Execution {
    machine: Arc<StateMachine>,
    start: StartParameters,
    input: Arc<Data>,
    started_at: Timestamp,
    now: Timestamp,
    status: ExecutionStatus,
    redrives: u32,
    redriven_at: Option<Timestamp>,
    journal: Journal,
    random_source: RandomSource,
    threads: BTreeMap<ThreadId, Thread>,
    /// The threads that can go on, the next one first.
    ready: VecDeque<ThreadId>,
    attempts: BTreeMap<TaskId, Attempt>,
    tokens: BTreeMap<String, TaskId>,
    timers: BTreeMap<TimerId, Alarm>,
    last_thread: u64,
    last_task: u64,
    last_timer: u64,
    commands: Vec<Command>,
}

/// What to do when a timer is due.
#[derive(Clone, Copy, Debug)]
enum Alarm {
    /// Wake the thread: its Wait state or its pause is over.
    Wake(ThreadId),
    /// The task took too long.
    TimeOut(TaskId),
    /// The task's worker was silent for too long.
    Silence(TaskId),
    /// The execution took too long.
    End,
}

impl Execution {
    /// Starts an execution, and says what to do first.
    ///
    /// An input that is not JSON, which the API refuses, ends it at once.
    pub fn start(
        machine: Arc<StateMachine>,
        start: StartParameters,
        at: Timestamp,
    ) -> (Execution, Vec<Command>) {
        let input = serde_json::from_str::<Value>(&start.input);
        let mut execution = Execution {
            input: Arc::new(Data::new(input.as_ref().cloned().unwrap_or_default())),
            random_source: RandomSource::seeded(start.seed),
            machine,
            start,
            started_at: at,
            now: at,
            status: ExecutionStatus::Running,
            redrives: 0,
            redriven_at: None,
            journal: Journal::default(),
            threads: BTreeMap::new(),
            ready: VecDeque::new(),
            attempts: BTreeMap::new(),
            tokens: BTreeMap::new(),
            timers: BTreeMap::new(),
            last_thread: 0,
            last_task: 0,
            last_timer: 0,
            commands: Vec::new(),
        };
        execution.record_start();
        match input {
            Ok(_) => execution.begin(),
            Err(error) => {
                execution.end_failed(0, &Failure::runtime(format!("Invalid input: {error}")));
            }
        }
        execution.run();
        let commands = execution.take_commands();
        (execution, commands)
    }

    /// Tells the execution what happened, and says what to do next.
    pub fn handle(&mut self, event: Event, at: Timestamp) -> Vec<Command> {
        self.now = at;
        match event {
            Event::Redriven => self.redrive(),
            _ if !self.is_running() => {}
            Event::TaskStarted { task, worker } => self.task_started(task, worker.as_deref()),
            Event::TaskSubmitted { task, output } => self.task_submitted(task, &output),
            Event::TaskSucceeded { task, output } => self.task_succeeded(task, &output),
            Event::TaskFailed { task, error, cause } => self.task_failed(task, error, cause),
            Event::TaskHeartbeat { task } => self.task_alive(task),
            Event::TimerFired { timer } => self.timer_fired(timer),
            Event::StopRequested { error, cause } => self.stop(error, cause),
        }
        self.run();
        self.take_commands()
    }

    /// Everything that was written down so far.
    pub fn history(&self) -> &[HistoryEvent] {
        self.journal.events()
    }

    /// Where the execution stands.
    pub fn status(&self) -> &ExecutionStatus {
        &self.status
    }

    /// The attempt that this token answers, while it waits.
    pub fn task_for_token(&self, token: &str) -> Option<TaskId> {
        self.tokens.get(token).copied()
    }

    /// How it began.
    pub fn start_parameters(&self) -> &StartParameters {
        &self.start
    }

    /// When it began.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// How often it was redriven.
    pub fn redrive_count(&self) -> u32 {
        self.redrives
    }

    /// The commands for the driver, without those that took each other back: a
    /// call that was abandoned before it was made, a timer cancelled before it was set.
    fn take_commands(&mut self) -> Vec<Command> {
        let mut commands = std::mem::take(&mut self.commands);
        let (mut calls, mut timers) = (BTreeMap::new(), BTreeMap::new());
        for command in &commands {
            match command {
                Command::StartTask { task, .. } | Command::CancelTask { task } => {
                    *calls.entry(*task).or_insert(0) += 1;
                }
                Command::SetTimer { timer, .. } | Command::CancelTimer { timer } => {
                    *timers.entry(*timer).or_insert(0) += 1;
                }
            }
        }
        commands.retain(|command| match command {
            Command::StartTask { task, .. } | Command::CancelTask { task } => calls[task] < 2,
            Command::SetTimer { timer, .. } | Command::CancelTimer { timer } => timers[timer] < 2,
        });
        commands
    }

    fn is_running(&self) -> bool {
        self.status == ExecutionStatus::Running
    }

    fn record_start(&mut self) {
        let details = json!({ "executionStartedEventDetails": {
            "input": self.start.input,
            "inputDetails": { "truncated": false },
            "roleArn": self.start.role_arn,
        }});
        self.journal.append(Log::Own, self.now, 0, EventType::ExecutionStarted, details);
    }

    /// The first thread, and the timer that ends it all.
    fn begin(&mut self) {
        self.set_execution_timer();
        let workflow = Arc::clone(&self.machine.workflow);
        let Some(state) = workflow.states.get(&workflow.start_at).cloned() else { return };
        let step = Step::into_state(state, Arc::clone(&self.input), self.now);
        self.spawn(Thread {
            parent: None,
            log: Log::Own,
            workflow,
            // The first state follows from nothing, not from the start: AWS's rule.
            last_event: 0,
            memory: Memory::default(),
            item: None,
            step,
            doing: Doing::Entering,
        });
    }

    fn set_execution_timer(&mut self) {
        if let Some(seconds) = self.machine.timeout_seconds() {
            self.set_timer(
                seconds.saturating_mul(1000),
                TimerKind::ExecutionTimeout,
                None,
                Alarm::End,
            );
        }
    }

    fn spawn(&mut self, thread: Thread) -> ThreadId {
        self.last_thread += 1;
        let id = ThreadId(self.last_thread);
        self.threads.insert(id, thread);
        self.ready.push_back(id);
        id
    }

    /// Every thread that can go on goes on until it must wait.
    fn run(&mut self) {
        while self.is_running() {
            if self.journal.is_full() {
                return self.end_full();
            }
            let Some(id) = self.ready.pop_front() else { return };
            self.advance(id);
        }
    }

    /// Takes a thread one step further.
    fn advance(&mut self, id: ThreadId) {
        let Some(thread) = self.threads.get(&id) else { return };
        let outcome = match thread.doing {
            Doing::Entering => {
                self.enter(id);
                self.work(id)
            }
            Doing::Beginning => self.work(id),
            _ => Ok(()),
        };
        if let Err(failure) = outcome {
            self.fail(id, failure);
        }
    }

    /// Begins what the state does.
    fn work(&mut self, id: ThreadId) -> Result<(), Failure> {
        let state = Arc::clone(&self.threads[&id].step.state);
        match &state.kind {
            Kind::Pass { result } => self.pass(id, result.as_ref()),
            Kind::Task(task) => self.call(id, &state, task),
            Kind::Choice { choices, default } => self.choose(id, choices, default.as_ref()),
            Kind::Wait(pause) => self.wait(id, pause),
            Kind::Succeed => self.succeed(id),
            Kind::Fail { error, cause } => self.fail_state(id, error.as_ref(), cause.as_ref()),
            Kind::Parallel { branches } => self.fork(id, branches),
            Kind::Map(map) => self.map(id, map),
            Kind::Unsupported => {
                Err(self.runtime_failure(id, "It is not supported by this engine."))
            }
        }
    }

    fn timer_fired(&mut self, timer: TimerId) {
        match self.timers.remove(&timer) {
            None => {}
            Some(Alarm::Wake(thread)) => self.wake(thread),
            Some(Alarm::TimeOut(task)) => self.task_timed_out(task, false),
            Some(Alarm::Silence(task)) => self.task_timed_out(task, true),
            Some(Alarm::End) => self.end_timed_out(),
        }
    }

    /// Writes down what follows from the thread's last event, and makes it the last.
    fn record(&mut self, id: ThreadId, event_type: EventType, details: Value) -> u64 {
        let event = self.record_aside(id, event_type, details);
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.last_event = event;
        }
        event
    }

    /// Writes down what follows from the thread's last event, but leads to nothing.
    fn record_aside(&mut self, id: ThreadId, event_type: EventType, details: Value) -> u64 {
        let Some(thread) = self.threads.get(&id) else { return 0 };
        self.journal.append(thread.log, self.now, thread.last_event, event_type, details)
    }

    fn set_timer(
        &mut self,
        after_ms: u64,
        kind: TimerKind,
        task: Option<TaskId>,
        alarm: Alarm,
    ) -> TimerId {
        let after = SignedDuration::from_millis(i64::try_from(after_ms).unwrap_or(i64::MAX));
        let due = self.now.checked_add(after).unwrap_or(Timestamp::MAX);
        self.set_timer_at(due, kind, task, alarm)
    }

    fn set_timer_at(
        &mut self,
        due: Timestamp,
        kind: TimerKind,
        task: Option<TaskId>,
        alarm: Alarm,
    ) -> TimerId {
        self.last_timer += 1;
        let timer = TimerId(self.last_timer);
        self.timers.insert(timer, alarm);
        self.commands.push(Command::SetTimer { timer, due, kind, task });
        timer
    }

    fn cancel_timer(&mut self, timer: TimerId) {
        if self.timers.remove(&timer).is_some() {
            self.commands.push(Command::CancelTimer { timer });
        }
    }

    /// Event 25,000 ends the execution.
    fn end_full(&mut self) {
        let cause = format!(
            "The execution reached the maximum number of history events ({}).",
            history::MOST_EVENTS
        );
        self.end_failed(self.journal.last_id(), &Failure::runtime(cause));
    }
}
