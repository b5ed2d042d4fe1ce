//! The state machine: starts and stops executions, sends task results, reports whether an
//! execution has ended.
//!
//! Starting an execution that exists and stopping one that does not both succeed, so a
//! caller may repeat either. The history of an execution is read in `execution_history`.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::SdkError;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionError;
use aws_sdk_sfn::operation::send_task_failure::SendTaskFailureError;
use aws_sdk_sfn::operation::send_task_success::SendTaskSuccessError;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::operation::stop_execution::StopExecutionError;
use aws_sdk_sfn::types::ExecutionStatus;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use domain::decision::TaskResult;
use domain::ports::{
    DescribeExecution, ExecutionState, SendTaskResult, StartExecution, StopExecution, TaskDelivery,
    WorkflowUnavailable,
};
use domain::{ExecutionName, TaskToken};
use serde_json::Value;

use crate::service_error::describe;

/// The state machine.
#[derive(Debug, Clone)]
pub struct Workflow {
    client: Client,
    state_machine_arn: String,
}

impl Workflow {
    /// The state machine of this ARN, called through this client.
    pub fn new(client: Client, state_machine_arn: impl Into<String>) -> Self {
        Self { client, state_machine_arn: state_machine_arn.into() }
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// The ARN of an execution. It omits the version or alias that may qualify the ARN
    /// of the state machine.
    pub(crate) fn execution_arn(&self, name: &ExecutionName) -> String {
        let parts: Vec<_> = self.state_machine_arn.split(':').collect();
        let state_machine = parts.get(6).copied().unwrap_or_default();
        let prefix = parts.get(..5).unwrap_or_default().join(":");
        format!("{prefix}:execution:{state_machine}:{name}")
    }
}

impl StartExecution for Workflow {
    async fn start(&self, name: &ExecutionName, input: &Value) -> Result<(), WorkflowUnavailable> {
        let call = self.client.start_execution().state_machine_arn(&self.state_machine_arn);
        match call.name(name.as_str()).input(input.to_string()).send().await {
            Ok(_) => Ok(()),
            Err(error) if exists_already(&error) => Ok(()),
            Err(error) => Err(unavailable("StartExecution", &error)),
        }
    }
}

/// Whether an execution of this name has run with another input or has ended.
fn exists_already<R>(error: &SdkError<StartExecutionError, R>) -> bool {
    error.as_service_error().is_some_and(StartExecutionError::is_execution_already_exists)
}

impl StopExecution for Workflow {
    async fn stop(
        &self,
        name: &ExecutionName,
        cause: &'static str,
    ) -> Result<(), WorkflowUnavailable> {
        let call = self.client.stop_execution().execution_arn(self.execution_arn(name));
        match call.cause(cause).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(unavailable("StopExecution", &error)),
        }
    }
}

fn is_missing<R>(error: &SdkError<StopExecutionError, R>) -> bool {
    error.as_service_error().is_some_and(StopExecutionError::is_execution_does_not_exist)
}

impl SendTaskResult for Workflow {
    async fn send(
        &self,
        token: &TaskToken,
        result: &TaskResult,
    ) -> Result<TaskDelivery, WorkflowUnavailable> {
        match result {
            TaskResult::Success(output) => {
                let call = self.client.send_task_success().task_token(token.as_str());
                let sent = call.output(output.to_string()).send().await;
                delivery("SendTaskSuccess", sent, |error| {
                    matches!(
                        error,
                        SendTaskSuccessError::TaskTimedOut(_)
                            | SendTaskSuccessError::TaskDoesNotExist(_)
                            | SendTaskSuccessError::InvalidToken(_)
                    )
                })
            }
            TaskResult::Failure(error, cause) => {
                let call = self.client.send_task_failure().task_token(token.as_str());
                let sent = call.error(error.as_str()).cause(*cause).send().await;
                delivery("SendTaskFailure", sent, |error| {
                    matches!(
                        error,
                        SendTaskFailureError::TaskTimedOut(_)
                            | SendTaskFailureError::TaskDoesNotExist(_)
                            | SendTaskFailureError::InvalidToken(_)
                    )
                })
            }
        }
    }
}

fn delivery<T, E, R>(
    operation: &str,
    sent: Result<T, SdkError<E, R>>,
    task_has_ended: impl Fn(&E) -> bool,
) -> Result<TaskDelivery, WorkflowUnavailable>
where
    E: ProvideErrorMetadata,
{
    match sent {
        Ok(_) => Ok(TaskDelivery::Delivered),
        Err(error) if error.as_service_error().is_some_and(task_has_ended) => {
            Ok(TaskDelivery::TaskEnded)
        }
        Err(error) => Err(unavailable(operation, &error)),
    }
}

impl DescribeExecution for Workflow {
    async fn execution_state(
        &self,
        name: &ExecutionName,
    ) -> Result<Option<ExecutionState>, WorkflowUnavailable> {
        let call = self.client.describe_execution().execution_arn(self.execution_arn(name));
        match call.send().await {
            Ok(execution) => Ok(Some(match execution.status() {
                ExecutionStatus::Succeeded
                | ExecutionStatus::Failed
                | ExecutionStatus::TimedOut
                | ExecutionStatus::Aborted => ExecutionState::Ended,
                // Includes statuses that AWS may add later: an order is restarted only
                // if its execution is known to have ended.
                _ => ExecutionState::Running,
            })),
            Err(error) if does_not_exist(&error) => Ok(None),
            Err(error) => Err(unavailable("DescribeExecution", &error)),
        }
    }
}

pub(crate) fn does_not_exist<R>(error: &SdkError<DescribeExecutionError, R>) -> bool {
    error.as_service_error().is_some_and(DescribeExecutionError::is_execution_does_not_exist)
}

pub(crate) fn unavailable<E, R>(operation: &str, error: &SdkError<E, R>) -> WorkflowUnavailable
where
    E: ProvideErrorMetadata,
{
    WorkflowUnavailable(describe(operation, error))
}
