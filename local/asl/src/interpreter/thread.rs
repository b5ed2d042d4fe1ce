//! A thread of control: one walk through a workflow's states.
//!
//! An execution begins with one. A Parallel state has one for each branch, a Map
//! state one for each iteration under way, as children of the thread that is in
//! that state.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{TaskId, TimerId};
use crate::definition::{State, Workflow};
use crate::history::Log;
use crate::retry::Attempts;
use crate::scope::Variables;

/// Names a thread within its execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ThreadId(pub(super) u64);

/// One walk through a workflow's states.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) parent: Option<Parent>,
    pub(super) log: Log,
    pub(super) workflow: Arc<Workflow>,
    /// What the next event follows from.
    pub(super) last_event: u64,
    /// The variables that its states see; a child begins with its parent's.
    pub(super) memory: Memory,
    /// The item of the innermost iteration around it.
    pub(super) item: Option<Arc<Item>>,
    pub(super) step: Step,
    pub(super) doing: Doing,
}

/// The variables of a thread. A child that sets none shares its parent's.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) variables: Arc<Variables>,
    /// In bytes of JSON text.
    size: usize,
}

impl Memory {
    /// Sets variables to values with these JSON texts; not if that were too much.
    pub(super) fn assign(&mut self, assigned: &Assigned) -> Result<(), TooMuch> {
        let replaced = assigned.values.keys().filter_map(|name| self.variables.get(name));
        let freed: usize = replaced.map(|value| value.to_string().len()).sum();
        let size = self.size.saturating_sub(freed) + assigned.size();
        if size > LARGEST_MEMORY || assigned.size() > LARGEST_PAYLOAD {
            return Err(TooMuch);
        }
        self.size = size;
        Arc::make_mut(&mut self.variables).extend(assigned.values.clone());
        Ok(())
    }
}

/// The variables that one state sets.
#[derive(Debug)]
pub(super) struct Assigned {
    pub(super) values: Variables,
    /// The JSON text of each.
    pub(super) texts: Vec<String>,
}

impl Assigned {
    fn size(&self) -> usize {
        self.texts.iter().map(String::len).sum()
    }
}

/// The variables would be larger than AWS lets them be.
#[derive(Debug)]
pub(super) struct TooMuch;

/// Whose child a thread is, and the how-manieth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parent {
    pub(super) thread: ThreadId,
    pub(super) slot: usize,
}

/// An item of a Map state.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) index: usize,
    pub(super) value: Value,
}

/// The state in which a thread is.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) state: Arc<State>,
    pub(super) input: Arc<Data>,
    pub(super) entered_at: Timestamp,
    pub(super) entered_event: u64,
    /// One for each retrier of the state.
    pub(super) attempts: Vec<Attempts>,
    pub(super) retries: u64,
}

impl Step {
    /// About to enter a state.
    pub(super) fn into_state(state: Arc<State>, input: Arc<Data>, at: Timestamp) -> Step {
        let attempts = vec![Attempts::default(); state.retry.len()];
        Step { state, input, entered_at: at, entered_event: 0, attempts, retries: 0 }
    }
}

/// A value and its JSON text, which history, limits and the next state all need.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) value: Value,
    pub(super) text: String,
}

impl Data {
    pub(super) fn new(value: Value) -> Data {
        Data { text: value.to_string(), value }
    }
}

/// AWS's limit for the input, the result and the output of a state, in bytes of JSON text.
pub(super) const LARGEST_PAYLOAD: usize = 256 * 1024;

/// AWS's limit for all variables together, in bytes of JSON text: 10 MiB.
const LARGEST_MEMORY: usize = 10 * 1024 * 1024;

/// A loop of states could nest its data one level deeper at each turn, until
/// nobody can walk it any more. Text that is nested deeper is not read either.
pub(super) const DEEPEST_PAYLOAD: usize = 128;

/// Whether a value has more than so many arrays and objects inside each other.
pub(super) fn is_deeper_than(value: &Value, levels: usize) -> bool {
    let Some(left) = levels.checked_sub(1) else {
        return value.is_array() || value.is_object();
    };
    match value {
        Value::Array(items) => items.iter().any(|item| is_deeper_than(item, left)),
        Value::Object(fields) => fields.values().any(|field| is_deeper_than(field, left)),
        _ => false,
    }
}

/// What a thread is doing in its state.
#[derive(Debug)]
pub(super) enum Doing {
    /// About to enter the state.
    Entering,
    /// In the state, about to begin its work, for the first time or again.
    Beginning,
    /// Until the timer is due: a Wait state.
    Waiting(TimerId),
    /// Until the timer is due: the pause before another attempt.
    Pausing(TimerId),
    /// Until the task is answered.
    Calling(TaskId),
    /// Until its children are done.
    Forked(Fan),
    /// Stopped in the middle by the end of the execution; a redrive goes on from here.
    Stopped,
}

/// The children of a Parallel or a Map state.
#[derive(Debug)]
pub(super) struct Fan {
    pub(super) work: Work,
    /// The children under way, by slot.
    pub(super) children: BTreeMap<usize, ThreadId>,
    /// The outputs of those that are done.
    pub(super) outputs: Vec<Option<Value>>,
    /// The first slot that was not begun.
    pub(super) next: usize,
    /// How many may be under way at once.
    pub(super) concurrency: usize,
    pub(super) failures: usize,
    /// The children were stopped, and that was written down.
    pub(super) cut: bool,
}

/// What the children do.
#[derive(Debug)]
pub(super) enum Work {
    Branches,
    Items {
        items: Vec<Value>,
        /// What `ItemSelector` reads under `$`.
        input: Value,
        tolerance: Option<Tolerance>,
        /// The event that began the run of a distributed Map.
        run_started: Option<u64>,
    },
}

/// How many iterations may fail before the Map state does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tolerance {
    pub(super) failures: usize,
}
