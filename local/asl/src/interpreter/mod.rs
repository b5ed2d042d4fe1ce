//! Runs a machine: events with their time in, commands and history out.

mod protocol;

use std::sync::Arc;

use jiff::Timestamp;

pub use protocol::{
    Command, Event, Pattern, Resource, Start, Status, TaskId, TaskRequest, TimerId, TimerKind,
};

use crate::definition::Machine;
use crate::history::HistoryEvent;

/// One execution of a state machine.
#[derive(Debug)]
pub struct Execution {
    history: Vec<HistoryEvent>,
    status: Status,
}

impl Execution {
    /// Starts an execution, and says what to do first.
    pub fn start(_machine: Arc<Machine>, _start: Start, _at: Timestamp) -> (Execution, Vec<Command>) {
        (Execution { history: Vec::new(), status: Status::Running }, Vec::new())
    }

    /// Tells the execution what happened, and says what to do next.
    pub fn handle(&mut self, _event: Event, _at: Timestamp) -> Vec<Command> {
        Vec::new()
    }

    /// Everything that was written down so far.
    pub fn history(&self) -> &[HistoryEvent] {
        &self.history
    }

    /// Where the execution stands.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The attempt that this token answers, while it waits.
    pub fn task_for_token(&self, _token: &str) -> Option<TaskId> {
        None
    }
}
