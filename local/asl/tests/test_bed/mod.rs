//! A test bed for an execution: virtual time, timers, and open calls that the test completes.

#![allow(dead_code, reason = "each test file uses only some of the helpers")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use asl::{
    Command, Event, Execution, ExecutionStatus, StartParameters, StateMachine, TaskId, TaskRequest,
    TimerId,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// The start time of every test bed.
pub(crate) const START_TIME: &str = "2026-11-23T04:00:00Z";

/// An execution with its clock, its timers and its open calls.
pub(crate) struct TestBed {
    pub(crate) execution: Execution,
    pub(crate) now: Timestamp,
    pub(crate) timers: BTreeMap<TimerId, Timestamp>,
    pub(crate) calls: VecDeque<(TaskId, TaskRequest)>,
    pub(crate) canceled: Vec<TaskId>,
    /// The events sent so far, for a replay.
    pub(crate) sent: Vec<(Event, Timestamp)>,
}

pub(crate) fn start_parameters(input: &Value) -> StartParameters {
    StartParameters {
        execution_arn: "arn:aws:states:us-east-1:000000000000:execution:machine:name".to_owned(),
        execution_name: "name".to_owned(),
        state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:machine".to_owned(),
        state_machine_name: "machine".to_owned(),
        role_arn: "arn:aws:iam::000000000000:role/machine".to_owned(),
        input: input.to_string(),
        redrivable: true,
        seed: 7,
    }
}

impl TestBed {
    pub(crate) fn new(definition: &Value, input: &Value) -> TestBed {
        let machine = StateMachine::parse(&definition.to_string()).expect("a state machine");
        TestBed::from_machine(Arc::new(machine), start_parameters(input))
    }

    pub(crate) fn from_machine(machine: Arc<StateMachine>, start: StartParameters) -> TestBed {
        let now = START_TIME.parse().expect("a time");
        let (execution, commands) = Execution::start(machine, start, now);
        let mut test_bed = TestBed {
            execution,
            now,
            timers: BTreeMap::new(),
            calls: VecDeque::new(),
            canceled: Vec::new(),
            sent: Vec::new(),
        };
        test_bed.apply(commands);
        test_bed
    }

    fn apply(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::StartTask { task, request } => self.calls.push_back((task, request)),
                Command::CancelTask { task } => {
                    self.calls.retain(|(open, _)| *open != task);
                    self.canceled.push(task);
                }
                Command::SetTimer { timer, due, .. } => {
                    self.timers.insert(timer, due);
                }
                Command::CancelTimer { timer } => {
                    self.timers.remove(&timer);
                }
            }
        }
    }

    pub(crate) fn send(&mut self, event: Event) {
        self.sent.push((event.clone(), self.now));
        self.remove_completed(&event);
        let commands = self.execution.handle(event, self.now);
        self.apply(commands);
    }

    /// Removes the timer or call that the event completes.
    fn remove_completed(&mut self, event: &Event) {
        match event {
            Event::TimerFired { timer } => {
                self.timers.remove(timer);
            }
            Event::TaskSucceeded { task, .. } | Event::TaskFailed { task, .. } => {
                self.calls.retain(|(open, _)| open != task);
            }
            _ => {}
        }
    }

    /// Takes the oldest open call.
    pub(crate) fn next_call(&mut self) -> (TaskId, TaskRequest) {
        self.calls.pop_front().expect("an open call")
    }

    /// Completes the oldest open call with a result.
    pub(crate) fn succeed_task(&mut self, result: &Value) {
        let (task, _) = self.next_call();
        self.send(Event::TaskSucceeded { task, output: result.to_string() });
    }

    /// Fails the oldest open call.
    pub(crate) fn fail_task(&mut self, error: &str) {
        let (task, _) = self.next_call();
        let cause = Some("because".to_owned());
        self.send(Event::TaskFailed { task, error: Some(error.to_owned()), cause });
    }

    /// Advances to the next timer, fires it, and returns the seconds that passed.
    pub(crate) fn fire_next_timer(&mut self) -> i64 {
        let (timer, due) = self
            .timers
            .iter()
            .map(|(timer, due)| (*timer, *due))
            .min_by_key(|(timer, due)| (*due, *timer))
            .expect("a timer");
        self.timers.remove(&timer);
        let before = self.now;
        self.now = self.now.max(due);
        self.send(Event::TimerFired { timer });
        self.now.duration_since(before).as_secs()
    }

    pub(crate) fn advance_seconds(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    pub(crate) fn status(&self) -> &ExecutionStatus {
        self.execution.status()
    }

    pub(crate) fn output(&self) -> Value {
        match self.status() {
            ExecutionStatus::Succeeded { output } => serde_json::from_str(output).expect("JSON"),
            other => panic!("not succeeded: {other:?}"),
        }
    }

    pub(crate) fn error(&self) -> (String, String) {
        match self.status() {
            ExecutionStatus::Failed { error, cause } => {
                (error.clone().unwrap_or_default(), cause.clone().unwrap_or_default())
            }
            other => panic!("not failed: {other:?}"),
        }
    }

    /// The history as lines: id, previous id, type, and the name if there is one.
    pub(crate) fn event_lines(&self) -> Vec<String> {
        self.execution.history().iter().map(event_line).collect()
    }

    /// The history lines from this event id on.
    pub(crate) fn event_lines_from(&self, id: usize) -> Vec<String> {
        self.event_lines().split_off(id - 1)
    }
}

fn event_line(event: &asl::HistoryEvent) -> String {
    let details = event.details.as_object().and_then(|details| details.values().next());
    let text =
        |field: &str| details.and_then(|details| details.get(field)).map(ToString::to_string);
    let name = text("name").map(|name| name.replace('"', "")).unwrap_or_default();
    let index = text("index").unwrap_or_default();
    format!("{} {} {} {name} {index}", event.id, event.previous_event_id, event.event_type)
        .trim_end()
        .to_owned()
}
