//! Step Functions itself, optimised: `states:startExecution`, `.sync`, `.sync:2`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Builder;

use super::metadata::{Answer, request_id};
use super::{Call, Failure, Outcome, sdk};
use crate::aws::AwsError;
use crate::stepfunctions::api;
use crate::stepfunctions::arn::ExecutionArn;
use crate::stepfunctions::driver::Driver;
use crate::stepfunctions::seed;
use crate::stepfunctions::store::executions::Record;

/// `arn:aws:states:::states:startExecution` and its patterns.
pub(super) async fn start(driver: &Arc<Driver>, api: &str, call: &Call) -> Result<String, Failure> {
    if api != "startExecution" {
        return Err(super::not_served("states", api, false));
    }
    // Boxed, because what is started may start more.
    let answer = Box::pin(api::start_for(driver, request(call), parent(call))).await;
    let answer = answer.map_err(|error| refused(&error))?;
    let arn = answer["executionArn"].as_str().unwrap_or_default().to_owned();
    let http = Answer {
        status: 200,
        request_id: request_id(),
        content_type: "application/x-amz-json-1.0",
        length: answer.to_string().len(),
        extra: vec![("connection", "keep-alive".to_owned())],
    };
    let started_at = match child_record(driver, &arn).await {
        Some(record) => json!(record.started_at.as_millisecond()),
        None => Value::Null,
    };
    Ok(json!({
        "ExecutionArn": arn,
        "SdkHttpMetadata": http.http(&driver.clock),
        "SdkResponseMetadata": http.response(),
        "StartDate": started_at,
    })
    .to_string())
}

/// `StartExecution` as the parameters ask for it. A name that is not given is made
/// up so that it stays the same when this attempt is delivered again.
fn request(call: &Call) -> Value {
    let parameters = sdk::without_nulls(&call.request.parameters);
    let mut request = sdk::decapitalised(parameters);
    match request.get("input") {
        None | Some(Value::String(_)) => {}
        Some(input) => request["input"] = json!(input.to_string()),
    }
    if request.get("name").is_none() {
        request["name"] = json!(uuid_of(&parent(call)));
    }
    request
}

/// This attempt of this execution, of which there is one.
fn parent(call: &Call) -> String {
    format!("{} {}", call.start.execution_arn, call.task.0)
}

fn uuid_of(text: &str) -> String {
    let (high, low) = (seed(text), seed(&format!("{text} again")));
    let bits = (u128::from(high) << 64) | u128::from(low);
    Builder::from_random_bytes(bits.to_be_bytes()).into_uuid().to_string()
}

fn refused(error: &AwsError) -> Failure {
    Failure::new(
        format!("StepFunctions.{}", sdk::exception(&error.code)),
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

/// The execution that a `.sync` task waits for, read off what it was told when the
/// job was taken.
pub(in crate::stepfunctions) fn child(submitted: &str) -> Option<ExecutionArn> {
    let submitted: Value = serde_json::from_str(submitted).ok()?;
    ExecutionArn::parse(submitted.get("ExecutionArn")?.as_str()?).ok()
}

/// The job is not there: it can have no result.
pub(in crate::stepfunctions) fn gone(job: &ExecutionArn) -> Outcome {
    Failure::new("States.TaskFailed", format!("Execution Does Not Exist: '{job}'")).into()
}

/// What a job that has ended gives to the task that waited for it.
pub(in crate::stepfunctions) async fn result(
    driver: &Arc<Driver>,
    job: &ExecutionArn,
    json_output: bool,
) -> Outcome {
    let Some(record) = child_record(driver, &job.to_string()).await else { return gone(job) };
    let described = described(driver, &record, json_output).to_string();
    if record.status == "SUCCEEDED" {
        Outcome::Succeeded(described)
    } else {
        Failure::new("States.TaskFailed", described).into()
    }
}

/// `DescribeExecution` in the words of the optimised integration: times in
/// milliseconds, and with `.sync:2` input and output as JSON.
fn described(driver: &Driver, record: &Record, json_output: bool) -> Value {
    let described = sdk::fields(api::describe(driver, record, true));
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

async fn child_record(driver: &Driver, arn: &str) -> Option<Record> {
    let arn = ExecutionArn::parse(arn).ok()?;
    driver.store.find(arn.machine, arn.name).await.ok().flatten()
}
