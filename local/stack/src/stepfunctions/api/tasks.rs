//! Answers to tasks that wait for them, by their tokens.

use std::sync::Arc;

use asl::validate::api::errors;
use asl::{Event, TaskId};
use serde::Deserialize;
use serde_json::json;

use super::Answer;
use crate::stepfunctions::driver::{Driver, Told};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SuccessRequest {
    task_token: String,
    output: String,
}

pub(super) async fn success(driver: &Arc<Driver>, request: SuccessRequest) -> Answer {
    let output = request.output;
    answer(driver, request.task_token, |task| Event::TaskSucceeded { task, output }).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FailureRequest {
    task_token: String,
    error: Option<String>,
    cause: Option<String>,
}

pub(super) async fn failure(driver: &Arc<Driver>, request: FailureRequest) -> Answer {
    let FailureRequest { task_token, error, cause } = request;
    answer(driver, task_token, |task| Event::TaskFailed { task, error, cause }).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HeartbeatRequest {
    task_token: String,
}

pub(super) async fn heartbeat(driver: &Arc<Driver>, request: HeartbeatRequest) -> Answer {
    answer(driver, request.task_token, |task| Event::TaskHeartbeat { task }).await
}

/// Tells the execution that the token belongs to, if it still waits for it.
async fn answer(
    driver: &Arc<Driver>,
    token: String,
    event: impl FnOnce(TaskId) -> Event + Send,
) -> Answer {
    let busy = driver.clock.busy("an answer to a task");
    let Some(id) = driver.store.by_token(token.clone()).await? else {
        return Err(errors::invalid_token().into());
    };
    let waited_for = driver.tell_if(id, &busy, |live| {
        live.execution.task_for_token(&token).map(|task| Told::of(event(task)))
    });
    if waited_for.await? {
        return Ok(json!({}));
    }
    Err(errors::task_timed_out().into())
}
