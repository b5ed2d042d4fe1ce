//! Ports of Step Functions.

use std::future::Future;

use serde::Serialize;
use serde_json::Value;

use crate::{ExecutionName, TaskToken, Timestamp};

/// Step Functions could not be reached, or rejected the call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the workflow service is unavailable: {0}")]
pub struct WorkflowUnavailable(pub String);

impl From<WorkflowUnavailable> for crate::StepError {
    fn from(error: WorkflowUnavailable) -> Self {
        // No step of the state machine calls Step Functions, so that it has no error name
        // for this.
        crate::ErrorName::StoreUnavailable.with_detail(error.to_string())
    }
}

/// Starts executions (`states:StartExecution`).
pub trait StartExecution: Sync {
    /// Starts an execution. That it was started before is not an error.
    fn start(
        &self,
        name: &ExecutionName,
        input: &Value,
    ) -> impl Future<Output = Result<(), WorkflowUnavailable>> + Send;
}

/// Stops executions (`states:StopExecution`).
pub trait StopExecution: Sync {
    /// Stops an execution. That it does not run is not an error.
    fn stop(
        &self,
        name: &ExecutionName,
        cause: &'static str,
    ) -> impl Future<Output = Result<(), WorkflowUnavailable>> + Send;
}

/// Whether a task result reached its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum TaskDelivery {
    /// It reached the task.
    Delivered,
    /// The task has ended: it timed out or has a result already.
    TaskEnded,
}

/// Ends waiting tasks (`states:SendTaskSuccess`, `states:SendTaskFailure`).
pub trait SendTaskResult: Sync {
    /// Sends a result to the task of a token.
    fn send(
        &self,
        token: &TaskToken,
        result: &crate::decision::TaskResult,
    ) -> impl Future<Output = Result<TaskDelivery, WorkflowUnavailable>> + Send;
}

/// Whether an execution is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionState {
    /// It is running.
    Running,
    /// It has ended.
    Ended,
}

/// Describes executions (`states:DescribeExecution`).
pub trait DescribeExecution: Sync {
    /// The state of an execution; none if it does not exist.
    fn execution_state(
        &self,
        name: &ExecutionName,
    ) -> impl Future<Output = Result<Option<ExecutionState>, WorkflowUnavailable>> + Send;
}

/// An execution as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionView {
    /// RUNNING, SUCCEEDED, FAILED, `TIMED_OUT` or ABORTED.
    pub status: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Timestamp>,
    /// The states that it entered, in order.
    pub states: Vec<StateVisit>,
}

/// A state that an execution entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StateVisit {
    /// The state's name.
    pub name: String,
    /// The state's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it was entered.
    pub entered_at: Timestamp,
    /// When it was exited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exited_at: Option<Timestamp>,
    /// The number of attempts of its task; 0 for a state without a task.
    pub attempts: u32,
    /// The error of the last attempt that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Reads executions (`states:DescribeExecution`, `states:GetExecutionHistory`).
pub trait ReadExecution: Sync {
    /// The execution, if it exists.
    fn read(
        &self,
        name: &ExecutionName,
    ) -> impl Future<Output = Result<Option<ExecutionView>, WorkflowUnavailable>> + Send;
}
