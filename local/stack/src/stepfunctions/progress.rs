//! The progress of executions, as subscribers receive it while it happens.

use asl::{EventType, HistoryEvent};
use jiff::{SignedDuration, Timestamp};

use super::history_event::{event_detail, event_error, is_failure};
use crate::clock::BusyGuard;

/// One progress report. Its guard keeps the clock from skipping ahead until the subscriber
/// drops it, so a subscriber can act at the moment at which a wait begins.
#[derive(Debug, Clone)]
pub struct ProgressNotification {
    /// What happened.
    pub progress: Progress,
    /// Held until the subscriber has handled the report.
    pub busy: BusyGuard,
}

/// One event of one execution.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The execution's ARN.
    pub execution_arn: String,
    /// The execution's name.
    pub execution: String,
    /// The state machine's name.
    pub state_machine: String,
    /// The time, on the stack's clock.
    pub at: Timestamp,
    /// What happened.
    pub event: ProgressEvent,
}

/// What can happen to an execution.
#[derive(Debug, Clone, PartialEq)]
pub enum ProgressEvent {
    /// The execution started.
    Started,
    /// The execution entered a state.
    StateEntered {
        /// The state's name.
        state: String,
        /// The state's type: `Task`, `Choice`, ….
        kind: String,
    },
    /// The execution left a state.
    StateExited {
        /// The state's name.
        state: String,
        /// The state's type: `Task`, `Choice`, ….
        kind: String,
    },
    /// An attempt of a task began.
    TaskAttempted {
        /// The state's name.
        state: String,
        /// The number of the attempt, from 1.
        attempt: u32,
    },
    /// A task was submitted and waits for its task token to come back.
    WaitingForToken,
    /// An attempt of a task failed; a retry or a catch may follow.
    TaskFailed {
        /// The error's name.
        error: Option<String>,
    },
    /// The next attempt waits for its retry delay.
    RetryScheduled {
        /// When the delay ends.
        due: Timestamp,
        /// The length of the delay, in seconds.
        delay_seconds: i64,
    },
    /// The execution was redriven.
    Redriven,
    /// The execution ended.
    Ended {
        /// `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
        status: String,
        /// The error's name, if it ended with one.
        error: Option<String>,
    },
}

/// The progress that a history event reports, if any.
pub(super) fn from_history(event: &HistoryEvent) -> Option<ProgressEvent> {
    let name = event.event_type.as_str();
    if let Some(kind) = name.strip_suffix("StateEntered") {
        let state = event_detail(event, "stateEnteredEventDetails", "name")?;
        return Some(ProgressEvent::StateEntered { state, kind: kind.to_owned() });
    }
    if let Some(kind) = name.strip_suffix("StateExited") {
        let state = event_detail(event, "stateExitedEventDetails", "name")?;
        return Some(ProgressEvent::StateExited { state, kind: kind.to_owned() });
    }
    match event.event_type {
        EventType::TaskSubmitted => waiting_for_token(event),
        EventType::ExecutionStarted => Some(ProgressEvent::Started),
        EventType::ExecutionRedriven => Some(ProgressEvent::Redriven),
        EventType::ExecutionSucceeded => Some(ended("SUCCEEDED", event)),
        EventType::ExecutionFailed => Some(ended("FAILED", event)),
        EventType::ExecutionTimedOut => Some(ended("TIMED_OUT", event)),
        EventType::ExecutionAborted => Some(ended("ABORTED", event)),
        _ if is_failure(event.event_type) => {
            Some(ProgressEvent::TaskFailed { error: event_error(event) })
        }
        _ => None,
    }
}

/// The progress event of a retry delay that begins now.
pub(super) fn retry_scheduled(now: Timestamp, due: Timestamp) -> ProgressEvent {
    let delay: SignedDuration = due.duration_since(now);
    ProgressEvent::RetryScheduled { due, delay_seconds: delay.as_secs() }
}

fn waiting_for_token(event: &HistoryEvent) -> Option<ProgressEvent> {
    let resource = event_detail(event, "taskSubmittedEventDetails", "resource")?;
    resource.ends_with(".waitForTaskToken").then_some(ProgressEvent::WaitingForToken)
}

fn ended(status: &str, event: &HistoryEvent) -> ProgressEvent {
    ProgressEvent::Ended { status: status.to_owned(), error: event_error(event) }
}
