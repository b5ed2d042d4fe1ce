//! The API of Step Functions, with AWS's error codes and messages.
//!
//! `asl::validate::api` checks what depends on the request alone; the operations check what
//! depends on what exists. [`state_machines`], [`versions`], [`executions`], [`history`] and
//! [`tasks`] hold the operations; this file dispatches to them.

mod executions;
mod history;
mod lookup;
mod page;
mod response;
mod state_machines;
mod tasks;
mod versions;

use std::sync::Arc;

use asl::validate::api::{ApiError, check_request};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(super) use executions::{describe as describe_execution, start_child};
pub(super) use lookup::find_execution;
pub(super) use response::ApiResult;

use super::arn::InvalidArn;
use super::driver::Driver;
use super::store::StoreError;
use crate::aws::AwsError;

/// Runs one operation, such as `StartExecution`, with its JSON body.
pub(super) async fn call(driver: &Arc<Driver>, operation: &str, body: Value) -> ApiResult {
    check_request(operation, &body)?;
    match operation {
        "CreateStateMachine" => state_machines::create(driver, parse(body)?).await,
        "DescribeStateMachine" => state_machines::describe(driver, &parse(body)?),
        "DescribeStateMachineForExecution" => {
            state_machines::describe_for_execution(driver, &parse(body)?).await
        }
        "ListStateMachines" => state_machines::list(driver, &parse(body)?),
        "UpdateStateMachine" => state_machines::update(driver, parse(body)?).await,
        "DeleteStateMachine" => state_machines::delete(driver, &parse(body)?).await,
        "ValidateStateMachineDefinition" => Ok(state_machines::validate(&parse(body)?)),
        "PublishStateMachineVersion" => versions::publish(driver, parse(body)?).await,
        "ListStateMachineVersions" => versions::list(driver, &parse(body)?),
        "CreateStateMachineAlias" => versions::create_alias(driver, parse(body)?).await,
        "UpdateStateMachineAlias" => versions::update_alias(driver, parse(body)?).await,
        "DeleteStateMachineVersion" => versions::delete(driver, &parse(body)?).await,
        "DeleteStateMachineAlias" => versions::delete_alias(driver, &parse(body)?).await,
        "DescribeStateMachineAlias" => versions::describe_alias(driver, &parse(body)?),
        "ListStateMachineAliases" => versions::list_aliases(driver, &parse(body)?),
        "StartExecution" => executions::start(driver, parse(body)?).await,
        "StartSyncExecution" => executions::start_sync(driver, parse(body)?).await,
        "StopExecution" => executions::stop(driver, parse(body)?).await,
        "DescribeExecution" => executions::describe_by_arn(driver, &parse(body)?).await,
        "ListExecutions" => executions::list(driver, parse(body)?).await,
        "RedriveExecution" => executions::redrive(driver, parse(body)?).await,
        "GetExecutionHistory" => history::get(driver, &parse(body)?).await,
        "SendTaskSuccess" => tasks::success(driver, parse(body)?).await,
        "SendTaskFailure" => tasks::failure(driver, parse(body)?).await,
        "SendTaskHeartbeat" => tasks::heartbeat(driver, parse(body)?).await,
        _ => Err(AwsError::not_served("Step Functions", &SERVED)),
    }
}

/// The operations of [`call`].
pub(super) const SERVED: [&str; 25] = [
    "CreateStateMachine",
    "CreateStateMachineAlias",
    "DeleteStateMachine",
    "DeleteStateMachineAlias",
    "DeleteStateMachineVersion",
    "DescribeExecution",
    "DescribeStateMachine",
    "DescribeStateMachineAlias",
    "DescribeStateMachineForExecution",
    "GetExecutionHistory",
    "ListExecutions",
    "ListStateMachineAliases",
    "ListStateMachineVersions",
    "ListStateMachines",
    "PublishStateMachineVersion",
    "RedriveExecution",
    "SendTaskFailure",
    "SendTaskHeartbeat",
    "SendTaskSuccess",
    "StartExecution",
    "StartSyncExecution",
    "StopExecution",
    "UpdateStateMachine",
    "UpdateStateMachineAlias",
    "ValidateStateMachineDefinition",
];

/// Reads a request; a field of the wrong type is a `SerializationException`.
fn parse<T: DeserializeOwned>(body: Value) -> Result<T, AwsError> {
    let body = if body.is_null() { json!({}) } else { body };
    serde_json::from_value(body)
        .map_err(|error| AwsError::client("SerializationException", error.to_string()))
}

impl From<StoreError> for AwsError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the execution store failed");
        AwsError::server("InternalServerError", "The request could not be stored.")
    }
}

impl From<InvalidArn> for AwsError {
    fn from(InvalidArn(message): InvalidArn) -> Self {
        AwsError::client("InvalidArn", message)
    }
}

impl From<ApiError> for AwsError {
    fn from(error: ApiError) -> Self {
        AwsError::client(error.code.as_str(), error.message)
    }
}
