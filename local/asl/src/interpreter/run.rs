//! Starting an execution, handling events, and the main loop.
//!
//! [`Execution::start`] and [`Execution::handle`] are the only entry points. After each event the
//! loop advances ready threads until all of them wait, the execution ends, or the history is full.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::execution::{Execution, TimerAction};
use super::failure::Failure;
use super::payload::Payload;
use super::protocol::{Command, Event, ExecutionStatus, StartParameters, TimerId, TimerKind};
use super::thread::{Phase, StateVisit, Thread, ThreadId, ThreadVariables};
use crate::definition::{StateMachine, StateType};
use crate::history::{EventType, History, HistoryTarget};
use crate::scope::RandomSource;

impl Execution {
    /// Starts an execution and returns the first commands.
    ///
    /// An input that is not JSON, which the API rejects, fails the execution immediately.
    pub fn start(
        state_machine: Arc<StateMachine>,
        start: StartParameters,
        now: Timestamp,
    ) -> (Execution, Vec<Command>) {
        let input = serde_json::from_str::<Value>(&start.input);
        let mut execution = Execution {
            input: Arc::new(Payload::new(input.as_ref().cloned().unwrap_or_default())),
            random_source: RandomSource::seeded(start.seed),
            state_machine,
            start,
            started_at: now,
            now,
            status: ExecutionStatus::Running,
            redrive_count: 0,
            redriven_at: None,
            history: History::default(),
            threads: BTreeMap::new(),
            ready: VecDeque::new(),
            task_attempts: BTreeMap::new(),
            tokens: BTreeMap::new(),
            timers: BTreeMap::new(),
            last_thread: 0,
            last_task: 0,
            last_timer: 0,
            commands: Vec::new(),
        };
        execution.record_start();
        match input {
            Ok(_) => execution.start_first_thread(),
            Err(error) => {
                execution.end_failed(0, &Failure::runtime(format!("Invalid input: {error}")));
            }
        }
        execution.run();
        let commands = execution.take_commands();
        (execution, commands)
    }

    /// Applies an event and returns the commands that follow from it.
    pub fn handle(&mut self, event: Event, now: Timestamp) -> Vec<Command> {
        self.now = now;
        match event {
            Event::Redriven => self.redrive(),
            _ if !self.is_running() => {}
            Event::TaskStarted { task, worker } => self.task_started(task, worker.as_deref()),
            Event::TaskSubmitted { task, output } => self.task_submitted(task, &output),
            Event::TaskSucceeded { task, output } => self.task_succeeded(task, &output),
            Event::TaskFailed { task, error, cause } => self.task_failed(task, error, cause),
            Event::TaskHeartbeat { task } => self.task_heartbeat(task),
            Event::TimerFired { timer } => self.timer_fired(timer),
            Event::StopRequested { error, cause } => self.stop(error, cause),
        }
        self.run();
        self.take_commands()
    }

    /// The collected commands, without pairs that cancel each other: a task canceled before it was
    /// started, or a timer canceled before it was set.
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

    fn record_start(&mut self) {
        let details = json!({ "executionStartedEventDetails": {
            "input": self.start.input,
            "inputDetails": { "truncated": false },
            "roleArn": self.start.role_arn,
        }});
        self.history.append(
            HistoryTarget::Execution,
            self.now,
            0,
            EventType::ExecutionStarted,
            details,
        );
    }

    /// Starts the first thread and the execution timer.
    fn start_first_thread(&mut self) {
        self.set_execution_timer();
        let workflow = Arc::clone(&self.state_machine.workflow);
        let Some(state) = workflow.states.get(&workflow.start_at).cloned() else { return };
        let visit = StateVisit::new(state, Arc::clone(&self.input), self.now);
        self.spawn(Thread {
            parent: None,
            history_target: HistoryTarget::Execution,
            workflow,
            // In AWS, the first state has no previous event.
            last_event: 0,
            variables: ThreadVariables::default(),
            item: None,
            visit,
            phase: Phase::Entering,
        });
    }

    pub(super) fn set_execution_timer(&mut self) {
        if let Some(seconds) = self.state_machine.timeout_seconds() {
            self.set_timer(
                seconds.saturating_mul(1000),
                TimerKind::ExecutionTimeout,
                None,
                TimerAction::TimeOutExecution,
            );
        }
    }

    /// Advances ready threads until all of them wait.
    fn run(&mut self) {
        while self.is_running() {
            if self.history.is_full() {
                return self.end_history_full();
            }
            let Some(id) = self.ready.pop_front() else { return };
            self.advance(id);
        }
    }

    /// Advances a thread by one step.
    fn advance(&mut self, id: ThreadId) {
        let Some(thread) = self.threads.get(&id) else { return };
        let outcome = match thread.phase {
            Phase::Entering => {
                self.enter(id);
                self.execute_state(id)
            }
            Phase::Starting => self.execute_state(id),
            _ => Ok(()),
        };
        if let Err(failure) = outcome {
            self.fail(id, failure);
        }
    }

    /// Starts the work of the thread's state.
    fn execute_state(&mut self, id: ThreadId) -> Result<(), Failure> {
        let state = Arc::clone(&self.threads[&id].visit.state);
        match &state.kind {
            StateType::Pass { result } => self.pass(id, result.as_ref()),
            StateType::Task(task) => self.start_task(id, &state, task),
            StateType::Choice { choices, default } => self.choice(id, choices, default.as_ref()),
            StateType::Wait(wait_time) => self.wait(id, wait_time),
            StateType::Succeed => self.succeed(id),
            StateType::Fail { error, cause } => self.fail_state(id, error.as_ref(), cause.as_ref()),
            StateType::Parallel { branches } => self.start_parallel(id, branches),
            StateType::Map(map) => self.start_map(id, map),
            StateType::Unsupported => {
                Err(self.runtime_failure(id, "It is not supported by this engine."))
            }
        }
    }

    fn timer_fired(&mut self, timer: TimerId) {
        match self.timers.remove(&timer) {
            None => {}
            Some(TimerAction::ResumeThread(thread)) => self.resume_thread(thread),
            Some(TimerAction::TimeOutTask(task)) => self.task_timed_out(task, false),
            Some(TimerAction::TimeOutHeartbeat(task)) => self.task_timed_out(task, true),
            Some(TimerAction::TimeOutExecution) => self.end_timed_out(),
        }
    }
}
