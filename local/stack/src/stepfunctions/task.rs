//! One attempt of a Task state: the call, its outcome, and the port that runs it.
//!
//! The driver asks a [`TaskRunner`] to run attempts and knows nothing of the services behind
//! it. `integrations.rs` implements the port.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use asl::{Event, StartParameters, TaskId, TaskRequest};
use serde_json::Value;

use super::arn::ExecutionArn;
use crate::clock::BusyGuard;

/// One attempt of one task, to be run.
#[derive(Debug)]
pub(super) struct TaskCall {
    pub(super) request: Arc<TaskRequest>,
    /// The execution that the task belongs to.
    pub(super) start: Arc<StartParameters>,
    pub(super) task: TaskId,
    /// Held until the outcome is stored.
    pub(super) busy: BusyGuard,
}

/// The outcome of an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TaskOutcome {
    /// The result, as JSON text.
    Succeeded(String),
    /// The service accepted the job, with this response; the result comes later.
    Submitted(String),
    /// The error's name and cause, as AWS writes them.
    Failed { error: String, cause: String },
}

impl TaskOutcome {
    /// The event that reports this outcome to the execution.
    pub(super) fn into_event(self, task: TaskId) -> Event {
        match self {
            Self::Succeeded(output) => Event::TaskSucceeded { task, output },
            Self::Submitted(output) => Event::TaskSubmitted { task, output },
            Self::Failed { error, cause } => {
                Event::TaskFailed { task, error: Some(error), cause: Some(cause) }
            }
        }
    }
}

/// An outcome that is not ready yet.
pub(super) type OutcomeFuture<'a> = Pin<Box<dyn Future<Output = TaskOutcome> + Send + 'a>>;

/// Runs the attempts of tasks.
pub(super) trait TaskRunner: Send + Sync + fmt::Debug {
    /// Runs one attempt.
    fn run<'a>(&'a self, call: &'a TaskCall) -> OutcomeFuture<'a>;

    /// The outcome of a task that started `child` and waited for it (`.sync`). `child` has
    /// ended, or does not exist. With `json_output` (`.sync:2`) its input and output are JSON
    /// values in place of text.
    fn child_outcome<'a>(&'a self, child: &'a ExecutionArn, json_output: bool)
    -> OutcomeFuture<'a>;
}

/// The child execution of a `.sync` task, from the response with which the service accepted
/// the job.
pub(super) fn child_arn(submitted: &str) -> Option<ExecutionArn> {
    let submitted: Value = serde_json::from_str(submitted).ok()?;
    ExecutionArn::parse(submitted.get("ExecutionArn")?.as_str()?).ok()
}
