//! The words of an `aws-sdk:` integration: names in `PascalCase`, times as text,
//! errors under the SDK's name of the service. And Step Functions through it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::metadata::request_id;
use super::{Call, Failure};
use crate::aws::AwsError;
use crate::stepfunctions::api;
use crate::stepfunctions::driver::Driver;

/// `arn:aws:states:::aws-sdk:sfn:…`: the API of this very service.
pub(super) async fn step_functions(
    driver: &Arc<Driver>,
    api: &str,
    call: &Call,
) -> Result<String, Failure> {
    let request = renamed(without_nulls(&call.request.parameters), &uncapitalised);
    // Boxed, because the API can start executions whose tasks call the API.
    let answer = Box::pin(api::call(driver, &capitalised(api), request)).await;
    match answer {
        Ok(result) => Ok(with_dates_as_text(renamed(result, &capitalised)).to_string()),
        Err(error) => Err(failure("Sfn", MODELLED, &error)),
    }
}

/// What the SDK itself says when no answer came.
pub(super) const UNREACHABLE: &str = "SdkClientException";

/// An error as the SDK words it. One without a name of its own goes by the service's.
pub(super) fn failure(service: &str, modelled: &[&str], error: &AwsError) -> Failure {
    if error.code == UNREACHABLE {
        return Failure::new(format!("{service}.{UNREACHABLE}"), error.message.clone());
    }
    let name = if modelled.contains(&error.code.as_str()) {
        exception(&error.code)
    } else {
        exception(service)
    };
    Failure::new(
        format!("{service}.{name}"),
        format!(
            "{} (Service: {service}, Status Code: {}, Request ID: {}) (SDK Attempt Count: 1)",
            error.message,
            error.status,
            request_id()
        ),
    )
}

/// The SDK's class of an error: its code, which always ends in `Exception`.
pub(super) fn exception(code: &str) -> String {
    if code.ends_with("Exception") { code.to_owned() } else { format!("{code}Exception") }
}

/// `updateItem` to `UpdateItem`.
pub(super) fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// Parameters under the names that the API has for them, at the top level only:
/// what is below may be an input.
pub(super) fn decapitalised(parameters: Value) -> Value {
    match parameters {
        Value::Object(fields) => Value::Object(
            fields.into_iter().map(|(name, value)| (uncapitalised(&name), value)).collect(),
        ),
        other => other,
    }
}

/// `StateMachineArn` to `stateMachineArn`.
fn uncapitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// A parameter that is null is one that was not given.
pub(super) fn without_nulls(parameters: &Value) -> Value {
    match parameters {
        Value::Object(fields) => {
            let given = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(given.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        other => other.clone(),
    }
}

/// Every field, at every depth, under its other name.
pub(super) fn renamed(value: Value, rename: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (rename(&name), renamed(value, rename)))
                .collect(),
        ),
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| renamed(item, rename)).collect())
        }
        other => other,
    }
}

/// Times are text to an SDK integration: `2026-11-23T04:00:00.123Z`.
fn with_dates_as_text(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.into_iter().map(date_as_text).collect()),
        Value::Array(items) => Value::Array(items.into_iter().map(with_dates_as_text).collect()),
        other => other,
    }
}

fn date_as_text((name, value): (String, Value)) -> (String, Value) {
    let is_date = name.ends_with("Date") || name == "Timestamp";
    let text = value.as_number().filter(|_| is_date).and_then(|seconds| iso(&seconds.to_string()));
    let value = text.map_or_else(|| with_dates_as_text(value), Value::String);
    (name, value)
}

/// Epoch seconds with a fraction, as text; read as decimal digits.
fn iso(seconds: &str) -> Option<String> {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let millisecond: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let millisecond = whole.parse::<i64>().ok()?.checked_mul(1000)?.checked_add(millisecond)?;
    let at = Timestamp::from_millisecond(millisecond).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

/// Top-level fields of an answer, for the optimised integration.
pub(super) fn fields(value: Value) -> Map<String, Value> {
    match renamed(value, &capitalised) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The errors of Step Functions that have a name of their own.
const MODELLED: &[&str] = &[
    "ActivityDoesNotExist",
    "ConflictException",
    "ExecutionAlreadyExists",
    "ExecutionDoesNotExist",
    "ExecutionLimitExceeded",
    "ExecutionNotRedrivable",
    "InvalidArn",
    "InvalidDefinition",
    "InvalidExecutionInput",
    "InvalidLoggingConfiguration",
    "InvalidName",
    "InvalidOutput",
    "InvalidToken",
    "InvalidTracingConfiguration",
    "MissingRequiredParameter",
    "ResourceNotFound",
    "ServiceQuotaExceededException",
    "StateMachineAlreadyExists",
    "StateMachineDeleting",
    "StateMachineDoesNotExist",
    "StateMachineLimitExceeded",
    "StateMachineTypeNotSupported",
    "TaskDoesNotExist",
    "TaskTimedOut",
    "TooManyTags",
    "ValidationException",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_are_named_as_the_sdk_names_them() {
        let check = |service: &str, code: &str, expected: &str| {
            let error = AwsError::client(code, "no");
            let modelled = ["ConditionalCheckFailedException", "InvalidToken"];
            assert_eq!(failure(service, &modelled, &error).error, expected);
        };
        check(
            "DynamoDb",
            "ConditionalCheckFailedException",
            "DynamoDb.ConditionalCheckFailedException",
        );
        check("DynamoDb", "ValidationException", "DynamoDb.DynamoDbException");
        check("Sfn", "InvalidToken", "Sfn.InvalidTokenException");
        check("DynamoDb", "SdkClientException", "DynamoDb.SdkClientException");
    }

    #[test]
    fn answers_get_the_sdks_names_and_times() {
        let answer =
            json!({ "executionArn": "arn", "startDate": 1_795_000_000.25, "list": [{"a": 1}] });
        let shown = with_dates_as_text(renamed(answer, &capitalised));
        assert_eq!(
            shown,
            json!({
                "ExecutionArn": "arn", "StartDate": "2026-11-18T11:06:40.250Z", "List": [{"A": 1}]
            })
        );
    }
}
