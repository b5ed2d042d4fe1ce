//! A thread: one path of control through the states of a workflow.
//!
//! An execution starts with one thread. A Parallel state has a child thread per branch, a Map state
//! one per running iteration.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::payload::{MAX_PAYLOAD_BYTES, Payload};
use super::protocol::{TaskId, TimerId};
use crate::definition::{State, Workflow};
use crate::history::HistoryTarget;
use crate::retry::RetryState;
use crate::scope::Variables;

/// Identifies a thread within its execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ThreadId(pub(super) u64);

/// One path of control through the states of a workflow.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) parent: Option<Parent>,
    pub(super) history_target: HistoryTarget,
    pub(super) workflow: Arc<Workflow>,
    /// The event that the next event follows.
    pub(super) last_event: u64,
    /// The workflow variables. A child starts with those of its parent.
    pub(super) variables: ThreadVariables,
    /// The item of the innermost enclosing iteration.
    pub(super) item: Option<Arc<Item>>,
    pub(super) visit: StateVisit,
    pub(super) phase: Phase,
}

/// The workflow variables of a thread. A child that assigns none shares those of its parent.
#[derive(Clone, Debug, Default)]
pub(super) struct ThreadVariables {
    pub(super) values: Arc<Variables>,
    /// In bytes of JSON text.
    size: usize,
}

impl ThreadVariables {
    /// Assigns variables, unless they would exceed AWS's limits.
    pub(super) fn assign(&mut self, assigned: &AssignedVariables) -> Result<(), VariablesTooLarge> {
        let replaced = assigned.values.keys().filter_map(|name| self.values.get(name));
        let freed: usize = replaced.map(|value| value.to_string().len()).sum();
        let size = self.size.saturating_sub(freed) + assigned.size();
        if size > MAX_VARIABLES_BYTES || assigned.size() > MAX_PAYLOAD_BYTES {
            return Err(VariablesTooLarge);
        }
        self.size = size;
        Arc::make_mut(&mut self.values).extend(assigned.values.clone());
        Ok(())
    }
}

/// The variables that one state assigns.
#[derive(Debug)]
pub(super) struct AssignedVariables {
    pub(super) values: Variables,
    /// The JSON text of each value.
    pub(super) texts: Vec<String>,
}

impl AssignedVariables {
    fn size(&self) -> usize {
        self.texts.iter().map(String::len).sum()
    }
}

/// The variables would exceed AWS's size limits.
#[derive(Debug)]
pub(super) struct VariablesTooLarge;

/// The parent thread and the index of the child in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parent {
    pub(super) thread: ThreadId,
    pub(super) index: usize,
}

/// An item of a Map state.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) index: usize,
    pub(super) value: Value,
}

/// A visit of a state by a thread.
#[derive(Clone, Debug)]
pub(super) struct StateVisit {
    pub(super) state: Arc<State>,
    pub(super) input: Arc<Payload>,
    pub(super) entered_at: Timestamp,
    pub(super) entered_event: u64,
    /// One per retrier of the state.
    pub(super) retry_states: Vec<RetryState>,
    pub(super) retries: u64,
}

impl StateVisit {
    /// A visit that has not entered its state yet.
    pub(super) fn new(state: Arc<State>, input: Arc<Payload>, at: Timestamp) -> StateVisit {
        let retry_states = vec![RetryState::default(); state.retry.len()];
        StateVisit { state, input, entered_at: at, entered_event: 0, retry_states, retries: 0 }
    }
}

/// AWS's limit for all variables together, in bytes of JSON text: 10 MiB.
const MAX_VARIABLES_BYTES: usize = 10 * 1024 * 1024;

/// The phase of a thread in its state.
#[derive(Debug)]
pub(super) enum Phase {
    /// About to enter the state.
    Entering,
    /// In the state, about to start its work, for the first time or again.
    Starting,
    /// Waiting for the timer of a Wait state.
    Waiting(TimerId),
    /// Waiting for the timer before the next attempt.
    RetryDelay(TimerId),
    /// Waiting for the end of a task.
    RunningTask(TaskId),
    /// Waiting for child threads.
    RunningChildren(ChildGroup),
    /// Stopped by the end of the execution. A redrive continues here.
    Stopped,
}

/// The children of a Parallel or Map state.
#[derive(Debug)]
pub(super) struct ChildGroup {
    pub(super) kind: ChildGroupKind,
    /// The running children by index.
    pub(super) running: BTreeMap<usize, ThreadId>,
    /// The outputs of the children that succeeded.
    pub(super) outputs: Vec<Option<Value>>,
    /// The index of the next child to start.
    pub(super) next: usize,
    /// The maximum number of running children.
    pub(super) concurrency: usize,
    pub(super) failures: usize,
    /// The children were aborted, and the aborts are recorded.
    pub(super) aborted: bool,
}

impl ChildGroup {
    /// A group of `count` children, none of which has started.
    pub(super) fn new(kind: ChildGroupKind, count: usize, concurrency: usize) -> ChildGroup {
        ChildGroup {
            kind,
            running: BTreeMap::new(),
            outputs: vec![None; count],
            next: 0,
            concurrency,
            failures: 0,
            aborted: false,
        }
    }
}

/// What the children execute.
#[derive(Debug)]
pub(super) enum ChildGroupKind {
    Branches,
    Items {
        items: Vec<Value>,
        /// The input of the Map state, which `ItemSelector` reads as `$`.
        input: Value,
        tolerance: Option<Tolerance>,
        /// The `MapRunStarted` event of a distributed Map.
        run_started: Option<u64>,
    },
}

/// How many iterations of a Map state may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tolerance {
    pub(super) failures: usize,
}
