//! Step Functions: starts executions, answers waits, reads what became of one.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::SdkError;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionError;
use aws_sdk_sfn::operation::get_execution_history::GetExecutionHistoryError;
use aws_sdk_sfn::operation::send_task_failure::SendTaskFailureError;
use aws_sdk_sfn::operation::send_task_success::SendTaskSuccessError;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::operation::stop_execution::StopExecutionError;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use domain::decision::TaskResult;
use domain::ports::{
    DescribeExecution, ExecutionState, ExecutionView, ReadExecution, SendTaskResult,
    StartExecution, StateVisit, StopExecution, TaskDelivery, WorkflowUnavailable,
};
use domain::{ExecutionName, TaskToken, Timestamp};
use serde_json::Value;

use crate::clients::describe;

/// Events a page, the most that the service gives.
const PAGE: i32 = 1000;
/// An execution ends at 25,000 events.
const PAGES: usize = 25;

/// The state machine.
#[derive(Debug, Clone)]
pub struct Workflow {
    client: Client,
    arn: String,
}

impl Workflow {
    /// The state machine of this ARN, through this client.
    pub fn new(client: Client, state_machine_arn: impl Into<String>) -> Self {
        Self { client, arn: state_machine_arn.into() }
    }

    /// The ARN of an execution. A qualifier of the state machine's (a version or
    /// an alias) is no part of it.
    fn execution_arn(&self, name: &ExecutionName) -> String {
        let parts: Vec<_> = self.arn.split(':').collect();
        let machine = parts.get(6).copied().unwrap_or_default();
        let prefix = parts.get(..5).unwrap_or_default().join(":");
        format!("{prefix}:execution:{machine}:{name}")
    }
}

impl StartExecution for Workflow {
    async fn start(&self, name: &ExecutionName, input: &Value) -> Result<(), WorkflowUnavailable> {
        let sent = self
            .client
            .start_execution()
            .state_machine_arn(&self.arn)
            .name(name.as_str())
            .input(input.to_string())
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) if is_started(&error) => Ok(()),
            Err(error) => Err(unavailable("StartExecution", &error)),
        }
    }
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
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(unavailable("StopExecution", &error)),
        }
    }
}

fn is_absent<R>(error: &SdkError<StopExecutionError, R>) -> bool {
    error.as_service_error().is_some_and(StopExecutionError::is_execution_does_not_exist)
}

/// An execution of this name ran and ended.
fn is_started<R>(error: &SdkError<StartExecutionError, R>) -> bool {
    error.as_service_error().is_some_and(StartExecutionError::is_execution_already_exists)
}

impl SendTaskResult for Workflow {
    async fn send(
        &self,
        token: &TaskToken,
        message: &TaskResult,
    ) -> Result<TaskDelivery, WorkflowUnavailable> {
        match message {
            TaskResult::Success(output) => {
                let call = self.client.send_task_success().task_token(token.as_str());
                let sent = call.output(output.to_string()).send().await;
                delivered("SendTaskSuccess", sent, |error| {
                    matches!(
                        error,
                        SendTaskSuccessError::TaskTimedOut(_)
                            | SendTaskSuccessError::TaskDoesNotExist(_)
                            | SendTaskSuccessError::InvalidToken(_)
                    )
                })
            }
            TaskResult::Failure(fault, cause) => {
                let call = self.client.send_task_failure().task_token(token.as_str());
                let sent = call.error(fault.as_str()).cause(*cause).send().await;
                delivered("SendTaskFailure", sent, |error| {
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

fn delivered<T, E, R>(
    operation: &str,
    sent: Result<T, SdkError<E, R>>,
    has_moved_on: impl Fn(&E) -> bool,
) -> Result<TaskDelivery, WorkflowUnavailable>
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata,
{
    match sent {
        Ok(_) => Ok(TaskDelivery::Delivered),
        Err(error) if error.as_service_error().is_some_and(has_moved_on) => {
            Ok(TaskDelivery::TaskEnded)
        }
        Err(error) => Err(unavailable(operation, &error)),
    }
}

fn unavailable<E, R>(operation: &str, error: &SdkError<E, R>) -> WorkflowUnavailable
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata,
{
    WorkflowUnavailable(describe(operation, error))
}

impl DescribeExecution for Workflow {
    async fn execution_state(
        &self,
        name: &ExecutionName,
    ) -> Result<Option<ExecutionState>, WorkflowUnavailable> {
        let call = self.client.describe_execution().execution_arn(self.execution_arn(name));
        match call.send().await {
            Ok(described) => Ok(Some(match described.status() {
                ExecutionStatus::Succeeded
                | ExecutionStatus::Failed
                | ExecutionStatus::TimedOut
                | ExecutionStatus::Aborted => ExecutionState::Ended,
                // Also what a later release of the service may call it: an order
                // is taken over only from one that is seen to have ended.
                _ => ExecutionState::Running,
            })),
            Err(error) if is_unknown(&error) => Ok(None),
            Err(error) => Err(unavailable("DescribeExecution", &error)),
        }
    }
}

impl ReadExecution for Workflow {
    async fn read(
        &self,
        name: &ExecutionName,
    ) -> Result<Option<ExecutionView>, WorkflowUnavailable> {
        let arn = self.execution_arn(name);
        let described = match self.client.describe_execution().execution_arn(&arn).send().await {
            Ok(described) => described,
            Err(error) if is_unknown(&error) => return Ok(None),
            Err(error) => return Err(unavailable("DescribeExecution", &error)),
        };
        let Some(events) = self.history(&arn).await? else { return Ok(None) };
        Ok(Some(ExecutionView {
            status: described.status().as_str().to_owned(),
            started_at: moment(described.start_date())?,
            stopped_at: described.stop_date().map(moment).transpose()?,
            states: visits(&events)?,
        }))
    }
}

fn is_unknown<R>(error: &SdkError<DescribeExecutionError, R>) -> bool {
    error.as_service_error().is_some_and(DescribeExecutionError::is_execution_does_not_exist)
}

impl Workflow {
    /// All events of an execution, oldest first.
    async fn history(&self, arn: &str) -> Result<Option<Vec<HistoryEvent>>, WorkflowUnavailable> {
        let mut events = Vec::new();
        let mut from = None;
        for _ in 0..PAGES {
            let page = self
                .client
                .get_execution_history()
                .execution_arn(arn)
                .max_results(PAGE)
                .include_execution_data(false)
                .set_next_token(from)
                .send()
                .await;
            let page = match page {
                Ok(page) => page,
                Err(error) if is_gone(&error) => return Ok(None),
                Err(error) => return Err(unavailable("GetExecutionHistory", &error)),
            };
            events.extend(page.events);
            from = page.next_token;
            if from.is_none() {
                break;
            }
        }
        Ok(Some(events))
    }
}

fn is_gone<R>(error: &SdkError<GetExecutionHistoryError, R>) -> bool {
    error.as_service_error().is_some_and(GetExecutionHistoryError::is_execution_does_not_exist)
}

fn moment(at: &aws_smithy_types::DateTime) -> Result<Timestamp, WorkflowUnavailable> {
    at.to_millis()
        .ok()
        .and_then(|millis| Timestamp::from_millis(millis).ok())
        .ok_or_else(|| WorkflowUnavailable("a date in the history cannot be read".to_owned()))
}

/// The states that an execution was in. It has no branches, so an event
/// belongs to the state that was entered last.
fn visits(events: &[HistoryEvent]) -> Result<Vec<StateVisit>, WorkflowUnavailable> {
    let mut visits: Vec<StateVisit> = Vec::new();
    for event in events {
        let kind = event.r#type().as_str();
        if let Some(entered) = event.state_entered_event_details() {
            visits.push(StateVisit {
                name: entered.name().to_owned(),
                kind: kind.trim_end_matches("StateEntered").to_owned(),
                entered_at: moment(event.timestamp())?,
                exited_at: None,
                attempts: 0,
                error: None,
            });
        } else if let Some(visit) = visits.last_mut() {
            if event.state_exited_event_details().is_some() {
                visit.exited_at = Some(moment(event.timestamp())?);
            }
            if matches!(kind, "TaskScheduled" | "LambdaFunctionScheduled") {
                visit.attempts += 1;
            }
            if let Some(error) = error_of(event) {
                visit.error = Some(error);
            }
        }
    }
    Ok(visits)
}

/// The error that an event tells of.
fn error_of(event: &HistoryEvent) -> Option<String> {
    let error = None
        .or_else(|| event.lambda_function_failed_event_details()?.error())
        .or_else(|| event.lambda_function_timed_out_event_details()?.error())
        .or_else(|| event.lambda_function_schedule_failed_event_details()?.error())
        .or_else(|| event.lambda_function_start_failed_event_details()?.error())
        .or_else(|| event.task_failed_event_details()?.error())
        .or_else(|| event.task_timed_out_event_details()?.error())
        .or_else(|| event.task_start_failed_event_details()?.error())
        .or_else(|| event.task_submit_failed_event_details()?.error())
        .or_else(|| event.execution_failed_event_details()?.error());
    error.map(str::to_owned)
}
