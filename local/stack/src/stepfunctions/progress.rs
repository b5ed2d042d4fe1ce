//! What is told to whoever watches executions move, as it happens.

use asl::{EventType, HistoryEvent};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::clock::BusyGuard;

/// A move, with a guard that keeps the clock from leaping until it was looked at:
/// whoever watches can act at the very moment that a wait begins.
#[derive(Debug, Clone)]
pub struct Watched {
    /// What happened.
    pub progress: Progress,
    /// Held until the watcher is done with it.
    pub busy: BusyGuard,
}

/// One move of one execution.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The execution's ARN.
    pub execution_arn: String,
    /// The execution's name.
    pub execution: String,
    /// The state machine's name.
    pub state_machine: String,
    /// When, on the stack's clock.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub step: Moved,
}

/// What can happen to an execution.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "moved", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Moved {
    /// It began.
    Started,
    /// A state was entered.
    Entered {
        /// The state's name.
        state: String,
        /// `Task`, `Choice`, ….
        kind: String,
    },
    /// A state was left.
    Exited {
        /// The state's name.
        state: String,
        /// `Task`, `Choice`, ….
        kind: String,
    },
    /// A task took up its work.
    Attempted {
        /// The state's name.
        state: String,
        /// From 1.
        attempt: u32,
    },
    /// A task was handed over, and now waits for its token.
    Waiting,
    /// A task failed; a retry or a catch may follow.
    Faltered {
        /// The error's name.
        error: Option<String>,
    },
    /// The next attempt waits for its time.
    Retrying {
        /// When it is due.
        due: Timestamp,
        /// How long that is from now, in seconds.
        delay_seconds: i64,
    },
    /// It was started again from where it had failed.
    Redriven,
    /// It ended.
    Ended {
        /// `SUCCEEDED`, `FAILED`, `TIMED_OUT`, `ABORTED`.
        status: String,
        /// The error's name, where it ended with one.
        error: Option<String>,
    },
}

/// What a line of history tells a watcher, if anything.
pub(super) fn of_history(event: &HistoryEvent) -> Option<Moved> {
    let name = event.event_type.as_str();
    if let Some(kind) = name.strip_suffix("StateEntered") {
        let state = detail(event, "stateEnteredEventDetails", "name")?;
        return Some(Moved::Entered { state, kind: kind.to_owned() });
    }
    if let Some(kind) = name.strip_suffix("StateExited") {
        let state = detail(event, "stateExitedEventDetails", "name")?;
        return Some(Moved::Exited { state, kind: kind.to_owned() });
    }
    match event.event_type {
        EventType::TaskSubmitted => waiting(event),
        EventType::ExecutionStarted => Some(Moved::Started),
        EventType::ExecutionRedriven => Some(Moved::Redriven),
        EventType::ExecutionSucceeded => Some(ended("SUCCEEDED", event)),
        EventType::ExecutionFailed => Some(ended("FAILED", event)),
        EventType::ExecutionTimedOut => Some(ended("TIMED_OUT", event)),
        EventType::ExecutionAborted => Some(ended("ABORTED", event)),
        _ if is_failure(event.event_type) => Some(Moved::Faltered { error: error(event) }),
        _ => None,
    }
}

/// A pause before another attempt.
pub(super) fn retrying(now: Timestamp, due: Timestamp) -> Moved {
    let delay: SignedDuration = due.duration_since(now);
    Moved::Retrying { due, delay_seconds: delay.as_secs() }
}

fn waiting(event: &HistoryEvent) -> Option<Moved> {
    let resource = detail(event, "taskSubmittedEventDetails", "resource")?;
    resource.ends_with(".waitForTaskToken").then_some(Moved::Waiting)
}

pub(crate) fn is_failure(event_type: EventType) -> bool {
    matches!(
        event_type,
        EventType::ActivityFailed
            | EventType::ActivityTimedOut
            | EventType::ActivityScheduleFailed
            | EventType::LambdaFunctionFailed
            | EventType::LambdaFunctionTimedOut
            | EventType::LambdaFunctionScheduleFailed
            | EventType::LambdaFunctionStartFailed
            | EventType::TaskFailed
            | EventType::TaskTimedOut
            | EventType::TaskStartFailed
            | EventType::TaskSubmitFailed
            | EventType::EvaluationFailed
    )
}

fn ended(status: &str, event: &HistoryEvent) -> Moved {
    Moved::Ended { status: status.to_owned(), error: error(event) }
}

/// The error that an event carries, under whichever name its details go.
pub(crate) fn error(event: &HistoryEvent) -> Option<String> {
    let details = event.details.as_object()?.values().next()?;
    Some(details.get("error")?.as_str()?.to_owned())
}

pub(crate) fn detail(event: &HistoryEvent, details: &str, field: &str) -> Option<String> {
    Some(event.details.get(details)?.get(field)?.as_str()?.to_owned())
}
