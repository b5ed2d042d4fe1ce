//! The API of Step Functions, operation by operation, with AWS's errors and texts.
//!
//! What can be told from a request alone is judged by `asl::validate::api`; what
//! depends on what exists is judged here. [`machines`], [`versions`],
//! [`executions`], [`history`] and [`tasks`] hold the operations; this file says
//! which is which, and has what they share.

mod executions;
mod history;
mod machines;
mod page;
mod tasks;
mod versions;

use std::sync::Arc;

use asl::validate::api::{ApiError, check_request};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(super) use executions::{describe, find, start_for};

use super::arn::BadArn;
use super::driver::Driver;
use super::store::StoreError;
use crate::aws::AwsError;

/// What every operation comes to.
pub(super) type Answer = Result<Value, AwsError>;

/// Carries out one operation, such as `StartExecution`, with its JSON body.
pub(super) async fn call(driver: &Arc<Driver>, operation: &str, body: Value) -> Answer {
    check_request(operation, &body)?;
    match operation {
        "CreateStateMachine" => machines::create(driver, parse(body)?).await,
        "DescribeStateMachine" => machines::describe(driver, &parse(body)?),
        "DescribeStateMachineForExecution" => {
            machines::describe_for_execution(driver, &parse(body)?).await
        }
        "ListStateMachines" => machines::list(driver, &parse(body)?),
        "UpdateStateMachine" => machines::update(driver, parse(body)?).await,
        "DeleteStateMachine" => machines::delete(driver, &parse(body)?).await,
        "ValidateStateMachineDefinition" => Ok(machines::validate(&parse(body)?)),
        "PublishStateMachineVersion" => versions::publish(driver, parse(body)?).await,
        "ListStateMachineVersions" => versions::list(driver, &parse(body)?),
        "CreateStateMachineAlias" => versions::create_alias(driver, parse(body)?).await,
        "UpdateStateMachineAlias" => versions::update_alias(driver, parse(body)?).await,
        "DeleteStateMachineVersion" => versions::delete(driver, &parse(body)?).await,
        "DeleteStateMachineAlias" => versions::delete_alias(driver, &parse(body)?).await,
        "DescribeStateMachineAlias" => versions::describe_alias(driver, &parse(body)?),
        "ListStateMachineAliases" => versions::list_aliases(driver, &parse(body)?),
        "StartExecution" => executions::start(driver, parse(body)?).await,
        "StopExecution" => executions::stop(driver, parse(body)?).await,
        "DescribeExecution" => executions::describe_by_arn(driver, &parse(body)?).await,
        "ListExecutions" => executions::list(driver, parse(body)?).await,
        "RedriveExecution" => executions::redrive(driver, parse(body)?).await,
        "GetExecutionHistory" => history::page(driver, &parse(body)?).await,
        "SendTaskSuccess" => tasks::success(driver, parse(body)?).await,
        "SendTaskFailure" => tasks::failure(driver, parse(body)?).await,
        "SendTaskHeartbeat" => tasks::heartbeat(driver, parse(body)?).await,
        _ => Err(AwsError::bare(400, "UnknownOperationException")),
    }
}

/// Reads a request; a field of the wrong type is a `SerializationException`.
fn parse<T: DeserializeOwned>(body: Value) -> Result<T, AwsError> {
    let body = if body.is_null() { json!({}) } else { body };
    serde_json::from_value(body)
        .map_err(|error| AwsError::client("SerializationException", error.to_string()))
}

impl From<StoreError> for AwsError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store of executions failed");
        AwsError::server("InternalServerError", "The request could not be stored.")
    }
}

impl From<BadArn> for AwsError {
    fn from(BadArn(message): BadArn) -> Self {
        AwsError::client("InvalidArn", message)
    }
}

impl From<ApiError> for AwsError {
    fn from(error: ApiError) -> Self {
        AwsError::client(error.code.as_str(), error.message)
    }
}

fn refusal<T>(code: &str, message: impl Into<String>) -> Result<T, AwsError> {
    Err(AwsError::client(code, message))
}

/// A time as AWS's JSON has it: seconds since the epoch, to the millisecond.
fn date(at: Timestamp) -> Value {
    let milliseconds = at.as_millisecond();
    let (seconds, rest) = (milliseconds.div_euclid(1000), milliseconds.rem_euclid(1000));
    // Read from digits: the number nearest to them, with no arithmetic in between.
    let text = format!("{seconds}.{rest:03}");
    text.parse::<f64>().map_or(Value::Null, Value::from)
}
