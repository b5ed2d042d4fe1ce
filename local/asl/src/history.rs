//! What an execution writes down, in AWS's names and API shape.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

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
    MapIterationSucceeded, MapStateAborted, MapStateEntered, MapStateExited, MapStateFailed,
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
