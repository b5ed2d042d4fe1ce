//! Ports of Step Functions.

use std::future::Future;

use serde::Serialize;
use serde_json::Value;

use crate::{ExecutionName, TaskToken, Timestamp};

/// Step Functions could not be reached, or refused us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the workflow service is unavailable: {0}")]
pub struct WorkflowUnavailable(pub String);

impl From<WorkflowUnavailable> for crate::StepError {
    fn from(error: WorkflowUnavailable) -> Self {
        // No step of the state machine speaks to Step Functions, so that it names
        // no fault of its own for this one.
        crate::ErrorName::StoreUnavailable.with_detail(error.to_string())
    }
}

/// Starts executions (`states:StartExecution`).
pub trait StartExecution: Sync {
    /// Starts one of this name and input; that it was started before is no error.
    fn start(
        &self,
        name: &ExecutionName,
        input: &Value,
    ) -> impl Future<Output = Result<(), WorkflowUnavailable>> + Send;
}

/// Stops executions (`states:StopExecution`).
pub trait StopExecution: Sync {
    /// Stops the one of this name; that there is none that runs is no error.
    fn stop(
        &self,
        name: &ExecutionName,
        cause: &'static str,
    ) -> impl Future<Output = Result<(), WorkflowUnavailable>> + Send;
}

/// Whether an answer reached its wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum TaskDelivery {
    /// It did.
    Delivered,
    /// The wait is over: timed out, answered before, or gone.
    TaskEnded,
}

/// Answers waits (`states:SendTaskSuccess`, `states:SendTaskFailure`).
pub trait SendTaskResult: Sync {
    /// Ends the wait of this token as the message says.
    fn send(
        &self,
        token: &TaskToken,
        message: &crate::decision::TaskResult,
    ) -> impl Future<Output = Result<TaskDelivery, WorkflowUnavailable>> + Send;
}

/// Whether an execution is still under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionState {
    /// It runs, or waits.
    Running,
    /// It has ended, one way or another.
    Ended,
}

/// Asks how executions are (`states:DescribeExecution`).
pub trait DescribeExecution: Sync {
    /// The state of the execution of this name; none when there is no such one.
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
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Timestamp>,
    /// The states that it was in, in the order in which it entered them.
    pub states: Vec<StateVisit>,
}

/// A visit of an execution to a state.
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
    /// When it was left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exited_at: Option<Timestamp>,
    /// How often its task was tried; 0 for a state without one.
    pub attempts: u32,
    /// The error of the last attempt that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Reads executions (`states:DescribeExecution`, `states:GetExecutionHistory`).
pub trait ReadExecution: Sync {
    /// The execution of this name, if there is one.
    fn read(
        &self,
        name: &ExecutionName,
    ) -> impl Future<Output = Result<Option<ExecutionView>, WorkflowUnavailable>> + Send;
}
