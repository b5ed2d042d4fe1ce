//! Step Functions as an optimized integration: `states:startExecution`, `.sync`, `.sync:2`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Builder;

use super::authorizer::Authorizer;
use super::metadata::{HttpResponse, request_id};
use super::{Failure, sdk, unsupported};
use crate::aws::AwsError;
use crate::iam::access;
use crate::stepfunctions::api;
use crate::stepfunctions::arn::ExecutionArn;
use crate::stepfunctions::driver::Driver;
use crate::stepfunctions::seed::seed;
use crate::stepfunctions::store::executions::Record;
use crate::stepfunctions::task::{TaskCall, TaskOutcome};

/// `arn:aws:states:::states:startExecution` and its patterns.
pub(super) async fn start_execution(
    driver: &Arc<Driver>,
    api: &str,
    call: &TaskCall,
    authorizer: Authorizer<'_>,
) -> Result<String, Failure> {
    if api != "startExecution" {
        return Err(unsupported("states", api, false));
    }
    let request = start_request(call);
    let needed = access::of_step_functions("StartExecution", &request, None);
    let response = match authorizer.check(needed.as_slice()) {
        // Boxed, because the child execution may start further executions.
        Ok(()) => Box::pin(api::start_child(driver, request, attempt_key(call))).await,
        Err(denied) => Err(denied.to_json_error()),
    };
    let response = response.map_err(|error| start_failure(&error))?;
    let arn = response["executionArn"].as_str().unwrap_or_default().to_owned();
    let http = HttpResponse {
        status: 200,
        request_id: request_id(),
        content_type: "application/x-amz-json-1.0",
        length: response.to_string().len(),
        extra: vec![("connection", "keep-alive".to_owned())],
    };
    let started_at = match find(driver, &arn).await {
        Some(record) => json!(record.started_at.as_millisecond()),
        None => Value::Null,
    };
    Ok(json!({
        "ExecutionArn": arn,
        "SdkHttpMetadata": http.sdk_http_metadata(&driver.clock),
        "SdkResponseMetadata": http.sdk_response_metadata(),
        "StartDate": started_at,
    })
    .to_string())
}

/// The `StartExecution` request that the task's parameters describe. A missing name is derived
/// from the attempt, so that running the attempt again after a restart finds the same child.
fn start_request(call: &TaskCall) -> Value {
    let parameters = sdk::without_nulls(&call.request.parameters);
    let mut request = sdk::with_camel_case_names(parameters);
    match request.get("input") {
        None | Some(Value::String(_)) => {}
        Some(input) => request["input"] = json!(input.to_string()),
    }
    if request.get("name").is_none() {
        request["name"] = json!(derived_uuid(&attempt_key(call)));
    }
    request
}

/// Identifies this attempt among all attempts of all executions.
fn attempt_key(call: &TaskCall) -> String {
    format!("{} {}", call.start.execution_arn, call.task.0)
}

fn derived_uuid(text: &str) -> String {
    let (high, low) = (seed(text), seed(&format!("{text} again")));
    let bits = (u128::from(high) << 64) | u128::from(low);
    Builder::from_random_bytes(bits.to_be_bytes()).into_uuid().to_string()
}

fn start_failure(error: &AwsError) -> Failure {
    // The API model does not name this error, so it has the service's generic name.
    let name = match error.code.as_str() {
        "AccessDeniedException" => "AWSStepFunctionsException".to_owned(),
        code => sdk::exception(code),
    };
    Failure::new(
        format!("StepFunctions.{name}"),
        format!(
            "{} (Service: AWSStepFunctions; Status Code: {}; Error Code: {}; Request ID: {}; \
             Proxy: null)",
            error.message,
            error.status,
            error.code,
            request_id()
        ),
    )
}

/// The outcome of the task that waited for this child execution.
pub(super) async fn child_outcome(
    driver: &Arc<Driver>,
    child: &ExecutionArn,
    json_output: bool,
) -> TaskOutcome {
    let Some(record) = find(driver, &child.to_string()).await else {
        let cause = format!("Execution Does Not Exist: '{child}'");
        return Failure::new("States.TaskFailed", cause).into();
    };
    let description = description(driver, &record, json_output).to_string();
    if record.status == "SUCCEEDED" {
        TaskOutcome::Succeeded(description)
    } else {
        Failure::new("States.TaskFailed", description).into()
    }
}

/// The `DescribeExecution` response in the form of the optimized integration: times in
/// milliseconds, and with `.sync:2` input and output as JSON values.
fn description(driver: &Driver, record: &Record, json_output: bool) -> Value {
    let described = sdk::pascal_case_fields(api::describe_execution(driver, record, true));
    let mut fields: BTreeMap<_, _> = described.into_iter().collect();
    fields.insert("StartDate".to_owned(), json!(record.started_at.as_millisecond()));
    if let Some(stopped_at) = record.stopped_at {
        fields.insert("StopDate".to_owned(), json!(stopped_at.as_millisecond()));
    }
    if let Some(redriven_at) = record.redriven_at {
        fields.insert("RedriveDate".to_owned(), json!(redriven_at.as_millisecond()));
    }
    for field in ["Input", "Output"] {
        let parsed = fields.get(field).and_then(Value::as_str).map(serde_json::from_str);
        if let Some(Ok(parsed)) = parsed.filter(|_| json_output) {
            fields.insert(field.to_owned(), parsed);
        }
    }
    json!(fields)
}

async fn find(driver: &Driver, arn: &str) -> Option<Record> {
    let arn = ExecutionArn::parse(arn).ok()?;
    driver.store.find(arn).await.ok().flatten()
}
