//! Reads an execution state by state, from its history.
//!
//! The workflow has no parallel branches, so each event belongs to the state that was
//! entered last.

use aws_sdk_sfn::error::SdkError;
use aws_sdk_sfn::operation::get_execution_history::GetExecutionHistoryError;
use aws_sdk_sfn::types::HistoryEvent;
use domain::ports::{ExecutionView, ReadExecution, StateVisit, WorkflowUnavailable};
use domain::{ExecutionName, Timestamp};

use crate::Workflow;
use crate::workflow::{does_not_exist, unavailable};

/// Events per page, the maximum of `GetExecutionHistory`.
const PAGE_SIZE: i32 = 1000;
/// Step Functions ends an execution at 25,000 events.
const MAX_PAGES: usize = 25;

impl ReadExecution for Workflow {
    async fn read(
        &self,
        name: &ExecutionName,
    ) -> Result<Option<ExecutionView>, WorkflowUnavailable> {
        let arn = self.execution_arn(name);
        let execution = match self.client().describe_execution().execution_arn(&arn).send().await {
            Ok(execution) => execution,
            Err(error) if does_not_exist(&error) => return Ok(None),
            Err(error) => return Err(unavailable("DescribeExecution", &error)),
        };
        let Some(events) = self.history(&arn).await? else { return Ok(None) };
        Ok(Some(ExecutionView {
            status: execution.status().as_str().to_owned(),
            started_at: timestamp(execution.start_date())?,
            stopped_at: execution.stop_date().map(timestamp).transpose()?,
            states: visits(&events)?,
        }))
    }
}

impl Workflow {
    /// The events of an execution, oldest first; `None` if it does not exist.
    async fn history(&self, arn: &str) -> Result<Option<Vec<HistoryEvent>>, WorkflowUnavailable> {
        let mut events = Vec::new();
        let mut next_token = None;
        for _ in 0..MAX_PAGES {
            let page = self
                .client()
                .get_execution_history()
                .execution_arn(arn)
                .max_results(PAGE_SIZE)
                .include_execution_data(false)
                .set_next_token(next_token)
                .send()
                .await;
            let page = match page {
                Ok(page) => page,
                Err(error) if has_no_history(&error) => return Ok(None),
                Err(error) => return Err(unavailable("GetExecutionHistory", &error)),
            };
            events.extend(page.events);
            next_token = page.next_token;
            if next_token.is_none() {
                break;
            }
        }
        Ok(Some(events))
    }
}

fn has_no_history<R>(error: &SdkError<GetExecutionHistoryError, R>) -> bool {
    error.as_service_error().is_some_and(GetExecutionHistoryError::is_execution_does_not_exist)
}

fn timestamp(date: &aws_smithy_types::DateTime) -> Result<Timestamp, WorkflowUnavailable> {
    date.to_millis()
        .ok()
        .and_then(|millis| Timestamp::from_millis(millis).ok())
        .ok_or_else(|| WorkflowUnavailable("the history contains an invalid date".to_owned()))
}

/// The visits to states, in order.
fn visits(events: &[HistoryEvent]) -> Result<Vec<StateVisit>, WorkflowUnavailable> {
    let mut visits: Vec<StateVisit> = Vec::new();
    for event in events {
        let event_type = event.r#type().as_str();
        if let Some(entered) = event.state_entered_event_details() {
            visits.push(StateVisit {
                name: entered.name().to_owned(),
                kind: event_type.trim_end_matches("StateEntered").to_owned(),
                entered_at: timestamp(event.timestamp())?,
                exited_at: None,
                attempts: 0,
                error: None,
            });
        } else if let Some(visit) = visits.last_mut() {
            if event.state_exited_event_details().is_some() {
                visit.exited_at = Some(timestamp(event.timestamp())?);
            }
            if matches!(event_type, "TaskScheduled" | "LambdaFunctionScheduled") {
                visit.attempts += 1;
            }
            if let Some(error) = error_name(event) {
                visit.error = Some(error.to_owned());
            }
        }
    }
    Ok(visits)
}

/// The error name in an event that reports a failure.
fn error_name(event: &HistoryEvent) -> Option<&str> {
    None.or_else(|| event.lambda_function_failed_event_details()?.error())
        .or_else(|| event.lambda_function_timed_out_event_details()?.error())
        .or_else(|| event.lambda_function_schedule_failed_event_details()?.error())
        .or_else(|| event.lambda_function_start_failed_event_details()?.error())
        .or_else(|| event.task_failed_event_details()?.error())
        .or_else(|| event.task_timed_out_event_details()?.error())
        .or_else(|| event.task_start_failed_event_details()?.error())
        .or_else(|| event.task_submit_failed_event_details()?.error())
        .or_else(|| event.execution_failed_event_details()?.error())
}
