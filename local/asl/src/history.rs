//! What an execution writes down, in AWS's names and API shape.
//!
//! The `Journal` gives each event its id, which runs on over all branches. The
//! children of a distributed Map are executions of their own, so their events
//! are counted, because causes name an event's id, but not kept.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Value, json};

/// One line of an execution's history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEvent {
    /// From 1, without gaps.
    pub id: u64,
    /// The event that led to this one; 0 where there is none.
    pub previous_event_id: u64,
    /// When.
    pub timestamp: Timestamp,
    /// What.
    pub event_type: EventType,
    /// The details under their API name, such as
    /// `{"stateEnteredEventDetails": {"name": …, "input": …}}`; an empty object where AWS gives none.
    pub details: Value,
}

macro_rules! event_types {
    ($($name:ident),* $(,)?) => {
        /// The type of a history event, by AWS's name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each name is AWS's own")]
        pub enum EventType { $($name),* }

        impl EventType {
            /// AWS's name.
            pub fn as_str(self) -> &'static str {
                match self { $(EventType::$name => stringify!($name)),* }
            }
        }
    };
}

event_types! {
    ActivityFailed, ActivityScheduled, ActivityScheduleFailed, ActivityStarted, ActivitySucceeded,
    ActivityTimedOut, ChoiceStateEntered, ChoiceStateExited, EvaluationFailed, ExecutionAborted,
    ExecutionFailed, ExecutionRedriven, ExecutionStarted, ExecutionSucceeded, ExecutionTimedOut,
    FailStateEntered, LambdaFunctionFailed, LambdaFunctionScheduled, LambdaFunctionScheduleFailed,
    LambdaFunctionStarted, LambdaFunctionStartFailed, LambdaFunctionSucceeded,
    LambdaFunctionTimedOut, MapIterationAborted, MapIterationFailed, MapIterationStarted,
    MapIterationSucceeded, MapRunAborted, MapRunFailed, MapRunRedriven, MapRunStarted,
    MapRunSucceeded, MapStateAborted, MapStateEntered, MapStateExited, MapStateFailed,
    MapStateStarted, MapStateSucceeded, ParallelStateAborted, ParallelStateEntered,
    ParallelStateExited, ParallelStateFailed, ParallelStateStarted, ParallelStateSucceeded,
    PassStateEntered, PassStateExited, SucceedStateEntered, SucceedStateExited, TaskFailed,
    TaskScheduled, TaskStarted, TaskStartFailed, TaskStateAborted, TaskStateEntered,
    TaskStateExited, TaskSubmitFailed, TaskSubmitted, TaskSucceeded, TaskTimedOut,
    WaitStateAborted, WaitStateEntered, WaitStateExited,
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// AWS ends an execution with event 25,000, whatever it was doing.
pub(crate) const MOST_EVENTS: u64 = 25_000;

/// AWS sets no limit to the events of all children of a distributed Map
/// together. We do, or a definition could keep the engine busy for ever.
const MOST_HIDDEN_EVENTS: u64 = 1_000_000;

/// Which history an event goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    /// The execution's own.
    Own,
    /// That of a child of a distributed Map, by its number.
    Child(usize),
}

/// The histories of an execution.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    events: Vec<HistoryEvent>,
    children: Vec<u64>,
    hidden: u64,
    full: bool,
}

impl Journal {
    pub(crate) fn events(&self) -> &[HistoryEvent] {
        &self.events
    }

    /// A history for one more child execution.
    pub(crate) fn open_child(&mut self) -> Log {
        self.children.push(0);
        Log::Child(self.children.len() - 1)
    }

    /// Whether there was an event for which there was no room: the execution must end.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// Writes an event down and gives its id.
    pub(crate) fn append(
        &mut self,
        log: Log,
        timestamp: Timestamp,
        previous_event_id: u64,
        event_type: EventType,
        details: Value,
    ) -> u64 {
        let Log::Child(child) = log else {
            return self.keep(timestamp, previous_event_id, event_type, details, MOST_EVENTS - 1);
        };
        let count = &mut self.children[child];
        self.hidden += 1;
        *count += 1;
        self.full |= *count >= MOST_EVENTS || self.hidden >= MOST_HIDDEN_EVENTS;
        *count
    }

    /// Writes the event that ends the execution, for which there is always room.
    pub(crate) fn close(
        &mut self,
        timestamp: Timestamp,
        previous_event_id: u64,
        event_type: EventType,
        details: Value,
    ) {
        self.keep(timestamp, previous_event_id, event_type, details, u64::MAX);
    }

    fn keep(
        &mut self,
        timestamp: Timestamp,
        previous_event_id: u64,
        event_type: EventType,
        details: Value,
        most: u64,
    ) -> u64 {
        let id = self.last_id() + 1;
        if id > most {
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

/// Details that AWS does not give.
pub(crate) fn none() -> Value {
    json!({})
}

/// `{"<key>": {"error": …, "cause": …}}`, each only where there is one.
pub(crate) fn failure(key: &str, error: Option<&str>, cause: Option<&str>) -> Value {
    let mut details = serde_json::Map::new();
    details.extend(error.map(|error| ("error".to_owned(), Value::from(error))));
    details.extend(cause.map(|cause| ("cause".to_owned(), Value::from(cause))));
    json!({ key: details })
}
