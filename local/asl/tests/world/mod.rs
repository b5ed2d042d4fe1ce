//! A world for an execution to live in: virtual time, timers, and calls that wait
//! for the test to answer them.

#![allow(dead_code, reason = "each test file uses its own part of it")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use asl::{
    Command, Event, Execution, ExecutionStatus, StartParameters, StateMachine, TaskId, TaskRequest,
    TimerId,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// When every world begins.
pub(crate) const DAWN: &str = "2026-11-23T04:00:00Z";

/// An execution with its clock, its timers and its open calls.
pub(crate) struct World {
    pub(crate) execution: Execution,
    pub(crate) now: Timestamp,
    pub(crate) timers: BTreeMap<TimerId, Timestamp>,
    pub(crate) calls: VecDeque<(TaskId, TaskRequest)>,
    pub(crate) abandoned: Vec<TaskId>,
    /// What it was told, to be replayed.
    pub(crate) told: Vec<(Event, Timestamp)>,
}

pub(crate) fn start_of(input: &Value) -> StartParameters {
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

impl World {
    pub(crate) fn new(definition: &Value, input: &Value) -> World {
        let machine = StateMachine::parse(&definition.to_string()).expect("a state machine");
        World::of(Arc::new(machine), start_of(input))
    }

    pub(crate) fn of(machine: Arc<StateMachine>, start: StartParameters) -> World {
        let now = DAWN.parse().expect("a time");
        let (execution, commands) = Execution::start(machine, start, now);
        let mut world = World {
            execution,
            now,
            timers: BTreeMap::new(),
            calls: VecDeque::new(),
            abandoned: Vec::new(),
            told: Vec::new(),
        };
        world.obey(commands);
        world
    }

    fn obey(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::StartTask { task, request } => self.calls.push_back((task, request)),
                Command::CancelTask { task } => {
                    self.calls.retain(|(open, _)| *open != task);
                    self.abandoned.push(task);
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

    pub(crate) fn tell(&mut self, event: Event) {
        self.told.push((event.clone(), self.now));
        self.forget(&event);
        let commands = self.execution.handle(event, self.now);
        self.obey(commands);
    }

    /// What an event is about is no longer open.
    fn forget(&mut self, event: &Event) {
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

    /// The oldest open call.
    pub(crate) fn call(&mut self) -> (TaskId, TaskRequest) {
        self.calls.pop_front().expect("a call is open")
    }

    /// Answers the oldest open call.
    pub(crate) fn answer(&mut self, result: &Value) {
        let (task, _) = self.call();
        self.tell(Event::TaskSucceeded { task, output: result.to_string() });
    }

    /// Fails the oldest open call.
    pub(crate) fn fail(&mut self, error: &str) {
        let (task, _) = self.call();
        let cause = Some("because".to_owned());
        self.tell(Event::TaskFailed { task, error: Some(error.to_owned()), cause });
    }

    /// Lets time pass until the next timer is due, and gives the seconds that passed.
    pub(crate) fn wait(&mut self) -> i64 {
        let (timer, due) = self
            .timers
            .iter()
            .map(|(timer, due)| (*timer, *due))
            .min_by_key(|(timer, due)| (*due, *timer))
            .expect("a timer is set");
        self.timers.remove(&timer);
        let before = self.now;
        self.now = self.now.max(due);
        self.tell(Event::TimerFired { timer });
        self.now.duration_since(before).as_secs()
    }

    pub(crate) fn pass_seconds(&mut self, seconds: i64) {
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

    /// The history as lines: id, previous id, type, and the name where there is one.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.execution.history().iter().map(line).collect()
    }

    /// The lines from this event on.
    pub(crate) fn lines_from(&self, id: usize) -> Vec<String> {
        self.lines().split_off(id - 1)
    }
}

fn line(event: &asl::HistoryEvent) -> String {
    let details = event.details.as_object().and_then(|details| details.values().next());
    let text =
        |field: &str| details.and_then(|details| details.get(field)).map(ToString::to_string);
    let name = text("name").map(|name| name.replace('"', "")).unwrap_or_default();
    let index = text("index").unwrap_or_default();
    format!("{} {} {} {name} {index}", event.id, event.previous_event_id, event.event_type)
        .trim_end()
        .to_owned()
}
