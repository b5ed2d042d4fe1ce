//! The conventions of `aws-sdk:` integrations, and `aws-sdk:sfn`.
//!
//! Field names are in `PascalCase`, times are text, and error names begin with the SDK's name
//! of the service.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Failure;
use super::authorizer::Authorizer;
use super::metadata::request_id;
use crate::aws::AwsError;
use crate::iam::access;
use crate::stepfunctions::api;
use crate::stepfunctions::driver::Driver;
use crate::stepfunctions::task::TaskCall;

/// `arn:aws:states:::aws-sdk:sfn:…`: the API of this service.
pub(super) async fn step_functions(
    driver: &Arc<Driver>,
    api: &str,
    call: &TaskCall,
    authorizer: Authorizer<'_>,
) -> Result<String, Failure> {
    let request = rename_fields(without_nulls(&call.request.parameters), &camel_case);
    let operation = pascal_case(api);
    let needed = access::of_step_functions(&operation, &request, None);
    let response = match authorizer.check(needed.as_slice()) {
        // Boxed, because the API can start executions whose tasks call the API.
        Ok(()) => Box::pin(api::call(driver, &operation, request)).await,
        Err(denied) => Err(denied.to_json_error()),
    };
    match response {
        Ok(result) => Ok(with_dates_as_text(rename_fields(result, &pascal_case)).to_string()),
        Err(error) => Err(failure("Sfn", MODELED_ERRORS, &error)),
    }
}

/// The error of the SDK itself when it received no response.
pub(super) const SDK_CLIENT_EXCEPTION: &str = "SdkClientException";

/// An error in the SDK's form. An error that the service's API model does not name gets the
/// service's generic name.
pub(super) fn failure(service: &str, modeled: &[&str], error: &AwsError) -> Failure {
    if error.code == SDK_CLIENT_EXCEPTION {
        return Failure::new(format!("{service}.{SDK_CLIENT_EXCEPTION}"), error.message.clone());
    }
    let name = if modeled.contains(&error.code.as_str()) {
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

/// The SDK's class name of an error: its code, always with the suffix `Exception`.
pub(super) fn exception(code: &str) -> String {
    if code.ends_with("Exception") { code.to_owned() } else { format!("{code}Exception") }
}

/// `updateItem` to `UpdateItem`.
pub(super) fn pascal_case(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// Renames the parameters to the API's `camelCase` at the top level only, because the levels
/// below may be an execution's input.
pub(super) fn with_camel_case_names(parameters: Value) -> Value {
    match parameters {
        Value::Object(fields) => Value::Object(
            fields.into_iter().map(|(name, value)| (camel_case(&name), value)).collect(),
        ),
        other => other,
    }
}

/// `StateMachineArn` to `stateMachineArn`.
fn camel_case(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// Removes parameters that are null: the SDK treats them as absent.
pub(super) fn without_nulls(parameters: &Value) -> Value {
    match parameters {
        Value::Object(fields) => {
            let given = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(given.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        other => other.clone(),
    }
}

/// Renames every field at every depth.
fn rename_fields(value: Value, rename: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (rename(&name), rename_fields(value, rename)))
                .collect(),
        ),
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| rename_fields(item, rename)).collect())
        }
        other => other,
    }
}

/// Renders times as SDK integrations do: `2026-11-23T04:00:00.123Z`.
fn with_dates_as_text(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.into_iter().map(date_as_text).collect()),
        Value::Array(items) => Value::Array(items.into_iter().map(with_dates_as_text).collect()),
        other => other,
    }
}

fn date_as_text((name, value): (String, Value)) -> (String, Value) {
    let is_date = name.ends_with("Date") || name == "Timestamp";
    let text =
        value.as_number().filter(|_| is_date).and_then(|seconds| iso_8601(&seconds.to_string()));
    let value = text.map_or_else(|| with_dates_as_text(value), Value::String);
    (name, value)
}

/// Renders epoch seconds with a fraction. Works on the decimal digits, because a float would
/// round them.
fn iso_8601(seconds: &str) -> Option<String> {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let millisecond: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let millisecond = whole.parse::<i64>().ok()?.checked_mul(1000)?.checked_add(millisecond)?;
    let at = Timestamp::from_millisecond(millisecond).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

/// The fields of a response in `PascalCase`, for the optimized integration.
pub(super) fn pascal_case_fields(value: Value) -> Map<String, Value> {
    match rename_fields(value, &pascal_case) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The errors that the API model of Step Functions names.
const MODELED_ERRORS: &[&str] = &[
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
    fn errors_have_the_names_that_the_sdk_gives_them() {
        let check = |service: &str, code: &str, expected: &str| {
            let error = AwsError::client(code, "no");
            let modeled = ["ConditionalCheckFailedException", "InvalidToken"];
            assert_eq!(failure(service, &modeled, &error).error, expected);
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
    fn a_response_has_the_sdks_field_names_and_times() {
        let response =
            json!({ "executionArn": "arn", "startDate": 1_795_000_000.25, "list": [{"a": 1}] });
        let converted = with_dates_as_text(rename_fields(response, &pascal_case));
        assert_eq!(
            converted,
            json!({
                "ExecutionArn": "arn", "StartDate": "2026-11-18T11:06:40.250Z", "List": [{"A": 1}]
            })
        );
    }
}
