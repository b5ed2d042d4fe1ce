//! The execution history, with the event names and the shape of AWS's API.
//!
//! `History` gives each event its id; ids are shared by all branches. The children of a distributed
//! Map are separate executions: their events are counted, because error causes name event ids,
//! but not kept.

use jiff::Timestamp;
use serde_json::{Value, json};

/// One event of an execution history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEvent {
    /// The event id: 1, 2, 3, ….
    pub id: u64,
    /// The id of the event that led to this one; 0 if there is none.
    pub previous_event_id: u64,
    /// When the event was recorded.
    pub timestamp: Timestamp,
    /// The event type.
    pub event_type: EventType,
    /// The details under their API name; an empty object if AWS has none. For example
    /// `{"stateEnteredEventDetails": {"name": …, "input": …}}`.
    pub details: Value,
}

/// The type of a history event, by its AWS name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::IntoStaticStr)]
#[expect(missing_docs, reason = "the names are those of AWS")]
pub enum EventType {
    ActivityFailed,
    ActivityScheduled,
    ActivityScheduleFailed,
    ActivityStarted,
    ActivitySucceeded,
    ActivityTimedOut,
    ChoiceStateEntered,
    ChoiceStateExited,
    EvaluationFailed,
    ExecutionAborted,
    ExecutionFailed,
    ExecutionRedriven,
    ExecutionStarted,
    ExecutionSucceeded,
    ExecutionTimedOut,
    FailStateEntered,
    LambdaFunctionFailed,
    LambdaFunctionScheduled,
    LambdaFunctionScheduleFailed,
    LambdaFunctionStarted,
    LambdaFunctionStartFailed,
    LambdaFunctionSucceeded,
    LambdaFunctionTimedOut,
    MapIterationAborted,
    MapIterationFailed,
    MapIterationStarted,
    MapIterationSucceeded,
    MapRunAborted,
    MapRunFailed,
    MapRunRedriven,
    MapRunStarted,
    MapRunSucceeded,
    MapStateAborted,
    MapStateEntered,
    MapStateExited,
    MapStateFailed,
    MapStateStarted,
    MapStateSucceeded,
    ParallelStateAborted,
    ParallelStateEntered,
    ParallelStateExited,
    ParallelStateFailed,
    ParallelStateStarted,
    ParallelStateSucceeded,
    PassStateEntered,
    PassStateExited,
    SucceedStateEntered,
    SucceedStateExited,
    TaskFailed,
    TaskScheduled,
    TaskStarted,
    TaskStartFailed,
    TaskStateAborted,
    TaskStateEntered,
    TaskStateExited,
    TaskSubmitFailed,
    TaskSubmitted,
    TaskSucceeded,
    TaskTimedOut,
    WaitStateAborted,
    WaitStateEntered,
    WaitStateExited,
}

impl EventType {
    /// The AWS name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// AWS fails an execution at event 25,000.
pub(crate) const MAX_EVENTS: u64 = 25_000;

/// A limit for the events of all children of distributed Maps together. AWS has none; this engine
/// needs one so that no definition runs forever.
const MAX_CHILD_EVENTS: u64 = 1_000_000;

/// The history that an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HistoryTarget {
    /// The history of the execution itself.
    Execution,
    /// The history of a child execution of a distributed Map, by its number.
    Child(usize),
}

/// The histories of an execution and its child executions.
#[derive(Debug, Default)]
pub(crate) struct History {
    events: Vec<HistoryEvent>,
    child_event_counts: Vec<u64>,
    child_events: u64,
    /// An event did not fit.
    full: bool,
}

impl History {
    pub(crate) fn events(&self) -> &[HistoryEvent] {
        &self.events
    }

    /// Adds the history of a child execution.
    pub(crate) fn add_child(&mut self) -> HistoryTarget {
        self.child_event_counts.push(0);
        HistoryTarget::Child(self.child_event_counts.len() - 1)
    }

    /// Whether an event did not fit, so that the execution must end.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// Records an event and returns its id.
    pub(crate) fn append(
        &mut self,
        target: HistoryTarget,
        timestamp: Timestamp,
        previous_event_id: u64,
        event_type: EventType,
        details: Value,
    ) -> u64 {
        let HistoryTarget::Child(child) = target else {
            return self.push(timestamp, previous_event_id, event_type, details, MAX_EVENTS - 1);
        };
        let count = &mut self.child_event_counts[child];
        self.child_events += 1;
        *count += 1;
        self.full |= *count >= MAX_EVENTS || self.child_events >= MAX_CHILD_EVENTS;
        *count
    }

    /// Records the event that ends the execution. It always fits.
    pub(crate) fn close(
        &mut self,
        timestamp: Timestamp,
        previous_event_id: u64,
        event_type: EventType,
        details: Value,
    ) {
        self.push(timestamp, previous_event_id, event_type, details, u64::MAX);
    }

    fn push(
        &mut self,
        timestamp: Timestamp,
        previous_event_id: u64,
        event_type: EventType,
        details: Value,
        max_id: u64,
    ) -> u64 {
        let id = self.last_id() + 1;
        if id > max_id {
            self.full = true;
            return self.last_id();
        }
        self.events.push(HistoryEvent { id, previous_event_id, timestamp, event_type, details });
        id
    }

    pub(crate) fn last_id(&self) -> u64 {
        self.events.last().map_or(0, |event| event.id)
    }
}

/// Details of an event that has none.
pub(crate) fn no_details() -> Value {
    json!({})
}

/// `{"<key>": {"error": …, "cause": …}}`, without the absent ones.
pub(crate) fn failure_details(key: &str, error: Option<&str>, cause: Option<&str>) -> Value {
    let mut details = serde_json::Map::new();
    details.extend(error.map(|error| ("error".to_owned(), Value::from(error))));
    details.extend(cause.map(|cause| ("cause".to_owned(), Value::from(cause))));
    json!({ key: details })
}
