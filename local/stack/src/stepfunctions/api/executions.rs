//! Executions: started, stopped, described, listed, redriven.

use std::sync::Arc;

use asl::validate::api::{check_request, errors};
use asl::{Event, StartParameters};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, date, page, refusal};
use crate::aws::AwsError;
use crate::stepfunctions::arn::{ExecutionArn, MachineArn};
use crate::stepfunctions::driver::{Driver, Order, Placed, Told};
use crate::stepfunctions::machines::Resolved;
use crate::stepfunctions::seed;
use crate::stepfunctions::store::executions::{About, Place, Query, Record};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct StartRequest {
    state_machine_arn: String,
    name: Option<String>,
    input: Option<String>,
    trace_header: Option<String>,
    /// The attempt of another execution that asks, where one does: it may ask twice.
    #[serde(skip)]
    parent: Option<String>,
}

/// `StartExecution` as an attempt of another execution asks for it.
pub(in crate::stepfunctions) async fn start_for(
    driver: &Arc<Driver>,
    request: Value,
    parent: String,
) -> Answer {
    check_request("StartExecution", &request)?;
    let request: StartRequest = super::parse(request)?;
    start(driver, StartRequest { parent: Some(parent), ..request }).await
}

pub(super) async fn start(driver: &Arc<Driver>, request: StartRequest) -> Answer {
    let busy = driver.clock.busy("StartExecution");
    let name = request.name.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
    let input = request.input.clone().unwrap_or_else(|| "{}".to_owned());
    let resolved = resolve(driver, &request.state_machine_arn, &name)?;
    let start = started(&resolved, name, input);
    let arn = start.execution_arn.clone();
    let input = start.input.clone();
    let about = about(&resolved, &request);
    let order = Order { revision: Arc::clone(&resolved.revision), start, about };
    let begun_at = match driver.begin(order, &busy).await? {
        Placed::Begun(at) => at,
        Placed::Taken(record) if is_repeat(&record, &input, request.parent.as_deref()) => {
            record.started_at
        }
        Placed::Taken(_) => {
            return Err(errors::execution_already_exists(&arn).into());
        }
    };
    Ok(json!({ "executionArn": arn, "startDate": date(begun_at) }))
}

/// The same start again: of an execution that still runs, with the same input; or
/// by the same attempt of another execution, whatever has become of it since.
fn is_repeat(record: &Record, input: &str, parent: Option<&str>) -> bool {
    let by_same = parent.is_some() && record.about.parent.as_deref() == parent;
    by_same || (record.is_running() && record.start.input == input)
}

fn resolve(driver: &Driver, arn: &str, execution: &str) -> Result<Resolved, AwsError> {
    let parsed = MachineArn::parse(arn)?;
    let draw = u32::try_from(seed(execution) % 100).unwrap_or_default();
    let ours = parsed.to_string() == arn;
    let resolved = driver.machines.resolve(&parsed, draw).filter(|_| ours);
    let resolved = resolved.ok_or_else(|| errors::state_machine_does_not_exist(arn))?;
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

fn started(resolved: &Resolved, name: String, input: String) -> StartParameters {
    let machine = &resolved.machine.name;
    let arn = ExecutionArn { machine: machine.clone(), name: name.clone() }.to_string();
    StartParameters {
        seed: seed(&arn),
        execution_arn: arn,
        execution_name: name,
        state_machine_arn: MachineArn::unqualified(machine).to_string(),
        state_machine_name: machine.clone(),
        role_arn: resolved.revision.document.role_arn.clone(),
        redrivable: resolved.machine.kind != "EXPRESS",
        input,
    }
}

fn about(resolved: &Resolved, request: &StartRequest) -> About {
    let qualified =
        |qualifier: &str| MachineArn::qualified(&resolved.machine.name, qualifier).to_string();
    About {
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

pub(super) async fn stop(driver: &Arc<Driver>, request: StopRequest) -> Answer {
    let busy = driver.clock.busy("StopExecution");
    let record = find(driver, &request.execution_arn).await?;
    let event = Event::StopRequested { error: request.error, cause: request.cause };
    // An execution that has ended stays as it is, and says when that was.
    driver.tell(record.id, &event, &busy).await?;
    let record = find(driver, &request.execution_arn).await?;
    Ok(json!({ "stopDate": date(record.stopped_at.unwrap_or_else(|| driver.clock.now())) }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DescribeRequest {
    execution_arn: String,
    included_data: Option<String>,
}

pub(super) async fn describe_by_arn(driver: &Arc<Driver>, request: &DescribeRequest) -> Answer {
    let record = find(driver, &request.execution_arn).await?;
    let with_data = request.included_data.as_deref() != Some("METADATA_ONLY");
    Ok(describe(driver, &record, with_data))
}

/// What `DescribeExecution` says of an execution.
pub(in crate::stepfunctions) fn describe(
    driver: &Driver,
    record: &Record,
    with_data: bool,
) -> Value {
    let start = &record.start;
    let mut answer = json!({
        "executionArn": start.execution_arn,
        "stateMachineArn": start.state_machine_arn,
        "name": start.execution_name,
        "status": record.status,
        "startDate": date(record.started_at),
    });
    let mut put = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            answer[field] = value;
        }
    };
    put("stopDate", record.stopped_at.map(date));
    put("input", with_data.then(|| json!(start.input)));
    put("inputDetails", Some(json!({ "included": with_data })));
    put("output", record.output.as_ref().filter(|_| with_data).map(|output| json!(output)));
    put("outputDetails", record.output.as_ref().map(|_| json!({ "included": with_data })));
    put("traceHeader", record.about.trace_header.as_ref().map(|header| json!(header)));
    put("error", record.error.as_ref().map(|error| json!(error)));
    put("cause", record.cause.as_ref().map(|cause| json!(cause)));
    put("stateMachineVersionArn", record.about.version.as_ref().map(|arn| json!(arn)));
    put("stateMachineAliasArn", record.about.alias.as_ref().map(|arn| json!(arn)));
    put("redriveCount", Some(json!(record.redrives)));
    put("redriveDate", record.redriven_at.map(date));
    let obstacle = redrivable(driver, record).err();
    let status = if obstacle.is_some() { "NOT_REDRIVABLE" } else { "REDRIVABLE" };
    put("redriveStatus", Some(json!(status)));
    put("redriveStatusReason", obstacle.map(|reason| json!(reason)));
    answer
}

/// How long after its end an execution may be redriven.
const REDRIVE_WITHIN: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Whether `RedriveExecution` would be accepted; otherwise why not.
fn redrivable(driver: &Driver, record: &Record) -> Result<(), String> {
    if record.is_running() || record.status == "SUCCEEDED" {
        return Err(format!("Execution is {} and cannot be redriven", record.status));
    }
    let ended = record.stopped_at.unwrap_or(record.started_at);
    if driver.clock.now().duration_since(ended) > REDRIVE_WITHIN {
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

pub(super) async fn redrive(driver: &Arc<Driver>, request: RedriveRequest) -> Answer {
    let busy = driver.clock.busy("RedriveExecution");
    let record = find(driver, &request.execution_arn).await?;
    let repeated = request.client_token.is_some() && record.redrive_token == request.client_token;
    if repeated && record.redriven_at.is_some() {
        return Ok(json!({ "redriveDate": record.redriven_at.map(date) }));
    }
    let not_redrivable = || errors::execution_not_redrivable(&request.execution_arn);
    redrivable(driver, &record).map_err(|_reason| not_redrivable())?;
    let told = Told { event: Event::Redriven, redrive_token: request.client_token };
    if !driver.tell_if(record.id, &busy, |_| Some(told)).await? {
        return Err(not_redrivable().into());
    }
    let record = find(driver, &request.execution_arn).await?;
    Ok(json!({ "redriveDate": record.redriven_at.map(date) }))
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

pub(super) async fn list(driver: &Arc<Driver>, request: ListRequest) -> Answer {
    if let Some(map_run) = &request.map_run_arn {
        return refusal("ResourceNotFound", format!("Resource not found: '{map_run}'"));
    }
    let Some(arn) = &request.state_machine_arn else {
        let message = "Must provide a stateMachineArn or a mapRunArn";
        return refusal("ValidationException", message);
    };
    let parsed = MachineArn::parse(arn)?;
    super::machines::resolve(driver, arn)?;
    let list = format!("{arn} {:?} {:?}", request.status_filter, request.redrive_filter);
    let size = page::size(request.max_results);
    let query = Query {
        by: parsed.qualifier.is_some().then(|| parsed.to_string()),
        machine: parsed.name,
        status: request.status_filter,
        redriven: request.redrive_filter.map(|filter| filter == "REDRIVEN"),
        after: page::place(&list, request.next_token.as_deref())?
            .map(|place| parse_place(&place))
            .transpose()?,
        limit: size + 1,
    };
    let mut records = driver.store.list(query).await?;
    let more = records.len() > size;
    records.truncate(size);
    let mut answer = json!({ "executions": records.iter().map(listed).collect::<Vec<_>>() });
    if let Some(last) = records.last().filter(|_| more) {
        let Place { started_at, id } = last.place();
        answer["nextToken"] = json!(page::token(&list, &format!("{started_at}.{id}")));
    }
    Ok(answer)
}

fn parse_place(text: &str) -> Result<Place, AwsError> {
    let place = text.split_once('.').and_then(|(started_at, id)| {
        Some(Place { started_at: started_at.parse().ok()?, id: id.parse().ok()? })
    });
    place.ok_or_else(|| errors::invalid_token().into())
}

fn listed(record: &Record) -> Value {
    let mut item = json!({
        "executionArn": record.start.execution_arn,
        "stateMachineArn": record.start.state_machine_arn,
        "name": record.start.execution_name,
        "status": record.status,
        "startDate": date(record.started_at),
        "redriveCount": record.redrives,
    });
    let optional = [
        ("stopDate", record.stopped_at.map(date)),
        ("stateMachineVersionArn", record.about.version.as_ref().map(|arn| json!(arn))),
        ("stateMachineAliasArn", record.about.alias.as_ref().map(|arn| json!(arn))),
        ("redriveDate", record.redriven_at.map(date)),
    ];
    for (field, value) in optional {
        if let Some(value) = value {
            item[field] = value;
        }
    }
    item
}

/// The execution of that ARN.
pub(in crate::stepfunctions) async fn find(driver: &Driver, arn: &str) -> Result<Record, AwsError> {
    let parsed = ExecutionArn::parse(arn)?;
    let ours = parsed.to_string() == arn;
    let record = driver.store.find(parsed.machine, parsed.name).await?;
    record.filter(|_| ours).ok_or_else(|| errors::execution_does_not_exist(arn).into())
}
