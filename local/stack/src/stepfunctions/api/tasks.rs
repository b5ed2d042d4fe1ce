//! Results and heartbeats for waiting tasks, by their task tokens.

use std::sync::Arc;

use asl::validate::api::errors;
use asl::{Event, TaskId};
use serde::Deserialize;
use serde_json::json;

use super::response::ApiResult;
use crate::stepfunctions::driver::{Driver, PendingEvent};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SuccessRequest {
    task_token: String,
    output: String,
}

pub(super) async fn success(driver: &Arc<Driver>, request: SuccessRequest) -> ApiResult {
    let output = request.output;
    send(driver, request.task_token, |task| Event::TaskSucceeded { task, output }).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FailureRequest {
    task_token: String,
    error: Option<String>,
    cause: Option<String>,
}

pub(super) async fn failure(driver: &Arc<Driver>, request: FailureRequest) -> ApiResult {
    let FailureRequest { task_token, error, cause } = request;
    send(driver, task_token, |task| Event::TaskFailed { task, error, cause }).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HeartbeatRequest {
    task_token: String,
}

pub(super) async fn heartbeat(driver: &Arc<Driver>, request: HeartbeatRequest) -> ApiResult {
    send(driver, request.task_token, |task| Event::TaskHeartbeat { task }).await
}

/// Applies the event to the execution that the token belongs to, if its task still waits.
async fn send(
    driver: &Arc<Driver>,
    token: String,
    event: impl FnOnce(TaskId) -> Event + Send,
) -> ApiResult {
    let busy = driver.clock.busy("a task result");
    let Some(id) = driver.store.find_by_token(token.clone()).await? else {
        return Err(errors::invalid_token().into());
    };
    let applied = driver.apply_event_if(id, &busy, |live| {
        live.execution.task_for_token(&token).map(|task| PendingEvent::new(event(task)))
    });
    if applied.await? {
        return Ok(json!({}));
    }
    Err(errors::task_timed_out().into())
}
