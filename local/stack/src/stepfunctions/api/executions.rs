//! Operations on executions: start, stop, describe, list, redrive.
//!
//! Express executions start under any name. As on AWS, only `StartSyncExecution` returns their
//! result.

use std::sync::Arc;

use asl::validate::api::{check_request, errors};
use asl::{Event, StartParameters};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::lookup::{find_execution, find_state_machine};
use super::page;
use super::response::{ApiResult, client_error, epoch_seconds};
use crate::aws::AwsError;
use crate::clock::BusyGuard;
use crate::stepfunctions::arn::{ExecutionArn, StateMachineArn};
use crate::stepfunctions::driver::{Driver, ExecutionRequest, PendingEvent, StartOutcome};
use crate::stepfunctions::seed::seed;
use crate::stepfunctions::state_machines::Resolved;
use crate::stepfunctions::store::executions::{PageKey, Record, StartContext};
use crate::stepfunctions::store::listing::ExecutionQuery;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct StartRequest {
    state_machine_arn: String,
    name: Option<String>,
    input: Option<String>,
    trace_header: Option<String>,
    /// The task attempt that starts this execution as its child, if one does. It may repeat
    /// the request.
    #[serde(skip)]
    parent: Option<String>,
}

/// `StartExecution` by a task attempt of another execution.
pub(in crate::stepfunctions) async fn start_child(
    driver: &Arc<Driver>,
    request: Value,
    parent: String,
) -> ApiResult {
    check_request("StartExecution", &request)?;
    let request: StartRequest = super::parse(request)?;
    start(driver, StartRequest { parent: Some(parent), ..request }).await
}

pub(super) async fn start(driver: &Arc<Driver>, request: StartRequest) -> ApiResult {
    let busy = driver.clock.busy("StartExecution");
    let name = request.name.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
    let resolved = resolve(driver, &request.state_machine_arn, &name)?;
    let (arn, started_at) = begin(driver, &request, name, &resolved, &busy).await?;
    Ok(json!({ "executionArn": arn.to_string(), "startDate": epoch_seconds(started_at) }))
}

/// `StartSyncExecution`: starts an Express execution and waits for its end.
pub(super) async fn start_sync(driver: &Arc<Driver>, request: StartRequest) -> ApiResult {
    let busy = driver.clock.busy("StartSyncExecution");
    let name = request.name.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
    let resolved = resolve(driver, &request.state_machine_arn, &name)?;
    if !resolved.machine.is_express() {
        return Err(errors::state_machine_type_not_supported().into());
    }
    let (arn, _) = begin(driver, &request, name, &resolved, &busy).await?;
    let lost = || AwsError::server("InternalServerError", "The execution is not in the store.");
    let started = driver.store.find(arn).await?.ok_or_else(lost)?;
    let _busy = driver.wait_for_end(&started, busy).await?;
    let mut response = describe(driver, &driver.store.get(started.id).await?, true);
    if let Some(fields) = response.as_object_mut() {
        fields.retain(|field, _| !field.starts_with("redrive"));
    }
    Ok(response)
}

/// Starts an execution. A repeated request gets the time of the first one.
async fn begin(
    driver: &Arc<Driver>,
    request: &StartRequest,
    name: String,
    resolved: &Resolved,
    busy: &BusyGuard,
) -> Result<(ExecutionArn, Timestamp), AwsError> {
    let input = request.input.clone().unwrap_or_else(|| "{}".to_owned());
    let express_id = resolved.machine.is_express().then(|| Uuid::new_v4().to_string());
    let arn = ExecutionArn { express_id, ..ExecutionArn::standard(&resolved.machine.name, &name) };
    let new = ExecutionRequest {
        arn: arn.clone(),
        revision: Arc::clone(&resolved.revision),
        start: start_parameters(resolved, &arn, input.clone()),
        context: start_context(resolved, request),
    };
    let started_at = match driver.start(new, busy).await? {
        StartOutcome::Started(at) => at,
        StartOutcome::NameTaken(record)
            if is_repeat(&record, &input, request.parent.as_deref()) =>
        {
            record.started_at
        }
        StartOutcome::NameTaken(_) => {
            return Err(errors::execution_already_exists(&arn.to_string()).into());
        }
    };
    Ok((arn, started_at))
}

/// Whether the request repeats the one that started this execution: it still runs and has the
/// same input, or the same task attempt started it, even if it has ended since.
fn is_repeat(record: &Record, input: &str, parent: Option<&str>) -> bool {
    let same_parent = parent.is_some() && record.context.parent.as_deref() == parent;
    same_parent || (record.is_running() && record.start.input == input)
}

/// The state machine that the execution runs on; checks that it can run.
fn resolve(driver: &Driver, arn: &str, execution: &str) -> Result<Resolved, AwsError> {
    let draw = u32::try_from(seed(execution) % 100).unwrap_or_default();
    let resolved = find_state_machine(driver, arn, draw)?;
    if resolved.machine.deleting {
        return Err(errors::state_machine_deleting(arn).into());
    }
    resolved
        .revision
        .machine()
        .check_supported()
        .map_err(|unsupported| AwsError::client("ValidationException", unsupported.to_string()))?;
    Ok(resolved)
}

fn start_parameters(resolved: &Resolved, arn: &ExecutionArn, input: String) -> StartParameters {
    StartParameters {
        seed: seed(&arn.to_string()),
        execution_arn: arn.to_string(),
        execution_name: arn.name.clone(),
        state_machine_arn: StateMachineArn::unqualified(&arn.machine).to_string(),
        state_machine_name: arn.machine.clone(),
        role_arn: resolved.revision.document.role_arn.clone(),
        redrivable: !resolved.machine.is_express(),
        input,
    }
}

fn start_context(resolved: &Resolved, request: &StartRequest) -> StartContext {
    let qualified =
        |qualifier: &str| StateMachineArn::qualified(&resolved.machine.name, qualifier).to_string();
    StartContext {
        version: resolved.version.map(|number| qualified(&number.to_string())),
        alias: resolved.alias.as_deref().map(qualified),
        trace_header: request.trace_header.clone(),
        parent: request.parent.clone(),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct StopRequest {
    execution_arn: String,
    error: Option<String>,
    cause: Option<String>,
}

pub(super) async fn stop(driver: &Arc<Driver>, request: StopRequest) -> ApiResult {
    let busy = driver.clock.busy("StopExecution");
    let record = find_execution(driver, &request.execution_arn).await?;
    let event = Event::StopRequested { error: request.error, cause: request.cause };
    // Stopping an execution that has ended changes nothing and returns its stop date.
    driver.apply_event(record.id, &event, &busy).await?;
    let record = find_execution(driver, &request.execution_arn).await?;
    let stopped_at = record.stopped_at.unwrap_or_else(|| driver.clock.now());
    Ok(json!({ "stopDate": epoch_seconds(stopped_at) }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DescribeRequest {
    execution_arn: String,
    included_data: Option<String>,
}

pub(super) async fn describe_by_arn(driver: &Arc<Driver>, request: &DescribeRequest) -> ApiResult {
    let record = find_execution(driver, &request.execution_arn).await?;
    let with_data = request.included_data.as_deref() != Some("METADATA_ONLY");
    Ok(describe(driver, &record, with_data))
}

/// The `DescribeExecution` response for an execution.
pub(in crate::stepfunctions) fn describe(
    driver: &Driver,
    record: &Record,
    with_data: bool,
) -> Value {
    let start = &record.start;
    let mut response = json!({
        "executionArn": start.execution_arn,
        "stateMachineArn": start.state_machine_arn,
        "name": start.execution_name,
        "status": record.status,
        "startDate": epoch_seconds(record.started_at),
    });
    let mut put = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            response[field] = value;
        }
    };
    put("stopDate", record.stopped_at.map(epoch_seconds));
    put("input", with_data.then(|| json!(start.input)));
    put("inputDetails", Some(json!({ "included": with_data })));
    put("output", record.output.as_ref().filter(|_| with_data).map(|output| json!(output)));
    put("outputDetails", record.output.as_ref().map(|_| json!({ "included": with_data })));
    put("traceHeader", record.context.trace_header.as_ref().map(|header| json!(header)));
    put("error", record.error.as_ref().map(|error| json!(error)));
    put("cause", record.cause.as_ref().map(|cause| json!(cause)));
    put("stateMachineVersionArn", record.context.version.as_ref().map(|arn| json!(arn)));
    put("stateMachineAliasArn", record.context.alias.as_ref().map(|arn| json!(arn)));
    put("redriveCount", Some(json!(record.redrives)));
    put("redriveDate", record.redriven_at.map(epoch_seconds));
    let reason = check_redrivable(driver, record).err();
    let status = if reason.is_some() { "NOT_REDRIVABLE" } else { "REDRIVABLE" };
    put("redriveStatus", Some(json!(status)));
    put("redriveStatusReason", reason.map(|reason| json!(reason)));
    response
}

/// The time after its end within which an execution can be redriven.
/// <https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>
const REDRIVE_PERIOD: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Checks whether the execution can be redriven; the error is AWS's reason.
fn check_redrivable(driver: &Driver, record: &Record) -> Result<(), String> {
    if record.is_running() || record.status == "SUCCEEDED" {
        return Err(format!("Execution is {} and cannot be redriven", record.status));
    }
    let ended = record.stopped_at.unwrap_or(record.started_at);
    if driver.clock.now().duration_since(ended) > REDRIVE_PERIOD {
        return Err("Execution has exceeded the redrivable period of 14 days".to_owned());
    }
    Ok(())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RedriveRequest {
    execution_arn: String,
    client_token: Option<String>,
}

pub(super) async fn redrive(driver: &Arc<Driver>, request: RedriveRequest) -> ApiResult {
    let busy = driver.clock.busy("RedriveExecution");
    let record = find_execution(driver, &request.execution_arn).await?;
    let repeated = request.client_token.is_some() && record.redrive_token == request.client_token;
    if repeated && record.redriven_at.is_some() {
        return Ok(json!({ "redriveDate": record.redriven_at.map(epoch_seconds) }));
    }
    let not_redrivable = || errors::execution_not_redrivable(&request.execution_arn);
    check_redrivable(driver, &record).map_err(|_reason| not_redrivable())?;
    let pending = PendingEvent { event: Event::Redriven, redrive_token: request.client_token };
    if !driver.apply_event_if(record.id, &busy, |_| Some(pending)).await? {
        return Err(not_redrivable().into());
    }
    let record = find_execution(driver, &request.execution_arn).await?;
    Ok(json!({ "redriveDate": record.redriven_at.map(epoch_seconds) }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ListRequest {
    state_machine_arn: Option<String>,
    map_run_arn: Option<String>,
    status_filter: Option<String>,
    redrive_filter: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) async fn list(driver: &Arc<Driver>, request: ListRequest) -> ApiResult {
    if let Some(map_run) = &request.map_run_arn {
        return client_error("ResourceNotFound", format!("Resource not found: '{map_run}'"));
    }
    let Some(arn) = &request.state_machine_arn else {
        let message = "Must provide a stateMachineArn or a mapRunArn";
        return client_error("ValidationException", message);
    };
    let parsed = StateMachineArn::parse(arn)?;
    if find_state_machine(driver, arn, 0)?.machine.is_express() {
        return Err(errors::state_machine_type_not_supported().into());
    }
    let list = format!("{arn} {:?} {:?}", request.status_filter, request.redrive_filter);
    let size = page::size(request.max_results);
    let query = ExecutionQuery {
        started_through: parsed.qualifier.is_some().then(|| parsed.to_string()),
        machine: parsed.name,
        status: request.status_filter,
        redriven: request.redrive_filter.map(|filter| filter == "REDRIVEN"),
        after: page::position(&list, request.next_token.as_deref())?
            .map(|position| parse_page_key(&position))
            .transpose()?,
        limit: size + 1,
    };
    let mut records = driver.store.list(query).await?;
    let more = records.len() > size;
    records.truncate(size);
    let mut response = json!({ "executions": records.iter().map(list_item).collect::<Vec<_>>() });
    if let Some(last) = records.last().filter(|_| more) {
        let PageKey { started_at, id } = last.page_key();
        response["nextToken"] = json!(page::next_token(&list, &format!("{started_at}.{id}")));
    }
    Ok(response)
}

fn parse_page_key(text: &str) -> Result<PageKey, AwsError> {
    let key = text.split_once('.').and_then(|(started_at, id)| {
        Some(PageKey { started_at: started_at.parse().ok()?, id: id.parse().ok()? })
    });
    key.ok_or_else(|| errors::invalid_token().into())
}

fn list_item(record: &Record) -> Value {
    let mut item = json!({
        "executionArn": record.start.execution_arn,
        "stateMachineArn": record.start.state_machine_arn,
        "name": record.start.execution_name,
        "status": record.status,
        "startDate": epoch_seconds(record.started_at),
        "redriveCount": record.redrives,
    });
    let optional = [
        ("stopDate", record.stopped_at.map(epoch_seconds)),
        ("stateMachineVersionArn", record.context.version.as_ref().map(|arn| json!(arn))),
        ("stateMachineAliasArn", record.context.alias.as_ref().map(|arn| json!(arn))),
        ("redriveDate", record.redriven_at.map(epoch_seconds)),
    ];
    for (field, value) in optional {
        if let Some(value) = value {
            item[field] = value;
        }
    }
    item
}
