//! Operations on state machines: create, describe, list, update, delete, validate.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::validate::api::{check_definition, errors, state_machine_type};
use asl::validate::{Severity, ValidationOptions};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::lookup::{find_execution, find_state_machine};
use super::page;
use super::response::{ApiResult, epoch_seconds};
use crate::stepfunctions::arn::StateMachineArn;
use crate::stepfunctions::driver::Driver;
use crate::stepfunctions::state_machines::Revision;
use crate::stepfunctions::store::state_machines::{
    RevisionDocument, StateMachineDocument, Version,
};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CreateRequest {
    name: String,
    definition: String,
    role_arn: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    publish: bool,
    version_description: Option<String>,
    logging_configuration: Option<Value>,
    tracing_configuration: Option<Value>,
    encryption_configuration: Option<Value>,
    tags: Vec<Value>,
}

pub(super) async fn create(driver: &Arc<Driver>, request: CreateRequest) -> ApiResult {
    let kind = request.kind.clone().unwrap_or_else(|| "STANDARD".to_owned());
    let _change = driver.state_machines.change_lock.lock().await;
    let now = driver.clock.now();
    let revision = RevisionDocument {
        revision_id: None,
        definition: request.definition,
        role_arn: request.role_arn,
        created_at: now,
        logging: request.logging_configuration.unwrap_or_else(logging_off),
        tracing: request.tracing_configuration.unwrap_or_else(tracing_off),
        encryption: request.encryption_configuration.unwrap_or_else(aws_owned_key),
    };
    let version = request.publish.then(|| new_version(now, request.version_description));
    if let Some(existing) = driver.state_machines.get(&request.name) {
        return create_again(driver, &existing, &kind, &revision, version.as_ref());
    }
    let machine = StateMachineDocument {
        name: request.name,
        kind,
        created_at: now,
        deleting: false,
        revision: 0,
        versions: BTreeMap::new(),
        next_version: 1,
        aliases: BTreeMap::new(),
        tags: request.tags,
    };
    let machine = driver.state_machines.write(machine, Some(revision), version).await?;
    Ok(create_response(&machine))
}

/// `CreateStateMachine` of a name that exists: succeeds if the request is the same, apart from
/// role and tags.
fn create_again(
    driver: &Driver,
    existing: &StateMachineDocument,
    kind: &str,
    revision: &RevisionDocument,
    version: Option<&Version>,
) -> ApiResult {
    let arn = StateMachineArn::unqualified(&existing.name);
    if existing.deleting {
        return Err(errors::state_machine_deleting(&arn.to_string()).into());
    }
    let current = driver.state_machines.revision(existing.revision)?;
    let published = existing.versions.values().next();
    let same = existing.kind == kind
        && current.document.definition == revision.definition
        && current.document.logging == revision.logging
        && current.document.tracing == revision.tracing
        && current.document.encryption == revision.encryption
        && published.map(|version| &version.description) == version.map(|v| &v.description);
    if same {
        return Ok(create_response(existing));
    }
    Err(errors::state_machine_already_exists(&arn.to_string()).into())
}

fn create_response(machine: &StateMachineDocument) -> Value {
    let mut response = json!({
        "stateMachineArn": StateMachineArn::unqualified(&machine.name).to_string(),
        "creationDate": epoch_seconds(machine.created_at),
    });
    if let Some(number) = machine.versions.keys().next() {
        response["stateMachineVersionArn"] = json!(version_arn(machine, *number));
    }
    response
}

pub(super) fn version_arn(machine: &StateMachineDocument, number: u32) -> String {
    StateMachineArn::qualified(&machine.name, &number.to_string()).to_string()
}

/// A version whose revision the store fills in.
pub(super) fn new_version(created_at: Timestamp, description: Option<String>) -> Version {
    Version { revision: 0, created_at, description }
}

fn logging_off() -> Value {
    json!({ "level": "OFF", "includeExecutionData": false })
}

fn tracing_off() -> Value {
    json!({ "enabled": false })
}

fn aws_owned_key() -> Value {
    json!({ "type": "AWS_OWNED_KEY" })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct MachineRequest {
    state_machine_arn: String,
    included_data: Option<String>,
}

pub(super) fn describe(driver: &Driver, request: &MachineRequest) -> ApiResult {
    let resolved = find_state_machine(driver, &request.state_machine_arn, 0)?;
    let machine = &resolved.machine;
    let with_data = request.included_data.as_deref() != Some("METADATA_ONLY");
    let mut response = describe_revision(&resolved.revision, with_data);
    response["stateMachineArn"] = json!(request.state_machine_arn);
    response["name"] = json!(machine.name);
    response["status"] = json!(if machine.deleting { "DELETING" } else { "ACTIVE" });
    response["type"] = json!(machine.kind);
    response["creationDate"] = epoch_seconds(machine.created_at);
    if let Some(version) = resolved.version.and_then(|number| machine.versions.get(&number)) {
        response["creationDate"] = epoch_seconds(version.created_at);
        if let Some(description) = &version.description {
            response["description"] = json!(description);
        }
    }
    Ok(response)
}

/// The fields of a description that depend on the revision.
fn describe_revision(revision: &Revision, with_data: bool) -> Value {
    let document = &revision.document;
    let mut response = json!({
        "roleArn": document.role_arn,
        "loggingConfiguration": document.logging,
        "tracingConfiguration": document.tracing,
        "encryptionConfiguration": document.encryption,
    });
    // The field is required, so without data it is empty.
    response["definition"] = json!(if with_data { document.definition.as_str() } else { "" });
    if let Some(revision_id) = &document.revision_id {
        response["revisionId"] = json!(revision_id);
    }
    response
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ForExecutionRequest {
    execution_arn: String,
    included_data: Option<String>,
}

pub(super) async fn describe_for_execution(
    driver: &Arc<Driver>,
    request: &ForExecutionRequest,
) -> ApiResult {
    let record = find_execution(driver, &request.execution_arn).await?;
    let revision = driver.state_machines.revision(record.revision)?;
    let with_data = request.included_data.as_deref() != Some("METADATA_ONLY");
    let mut response = describe_revision(&revision, with_data);
    response["stateMachineArn"] = json!(record.start.state_machine_arn);
    response["name"] = json!(record.start.state_machine_name);
    response["updateDate"] = epoch_seconds(revision.document.created_at);
    Ok(response)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ListRequest {
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn list(driver: &Driver, request: &ListRequest) -> ApiResult {
    let after = page::position("state machines", request.next_token.as_deref())?;
    let size = page::size(request.max_results);
    let mut machines = driver.state_machines.all();
    machines.retain(|machine| after.as_ref().is_none_or(|after| machine.name > *after));
    let more = machines.len() > size;
    machines.truncate(size);
    let items: Vec<_> = machines
        .iter()
        .map(|machine| {
            json!({
                "stateMachineArn": StateMachineArn::unqualified(&machine.name).to_string(),
                "name": machine.name,
                "type": machine.kind,
                "creationDate": epoch_seconds(machine.created_at),
            })
        })
        .collect();
    let mut response = json!({ "stateMachines": items });
    if let Some(last) = machines.last().filter(|_| more) {
        response["nextToken"] = json!(page::next_token("state machines", &last.name));
    }
    Ok(response)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct UpdateRequest {
    state_machine_arn: String,
    definition: Option<String>,
    role_arn: Option<String>,
    publish: bool,
    version_description: Option<String>,
    logging_configuration: Option<Value>,
    tracing_configuration: Option<Value>,
    encryption_configuration: Option<Value>,
}

pub(super) async fn update(driver: &Arc<Driver>, request: UpdateRequest) -> ApiResult {
    let _change = driver.state_machines.change_lock.lock().await;
    let resolved = find_state_machine(driver, &request.state_machine_arn, 0)?;
    let machine = resolved.machine;
    if machine.deleting {
        return Err(errors::state_machine_deleting(&request.state_machine_arn).into());
    }
    if let Some(definition) = &request.definition {
        check_definition(definition, state_machine_type(&json!({ "type": machine.kind })))?;
    }
    let now = driver.clock.now();
    let publish = request.publish;
    let version = publish.then(|| new_version(now, request.version_description.clone()));
    let revision = update_revision(&resolved.revision.document, request, now);
    let machine = driver.state_machines.write(machine, revision, version).await?;
    let current = driver.state_machines.revision(machine.revision)?;
    let mut response = json!({ "updateDate": epoch_seconds(now) });
    if let Some(revision_id) = &current.document.revision_id {
        response["revisionId"] = json!(revision_id);
    }
    if publish {
        response["stateMachineVersionArn"] = json!(version_arn(&machine, machine.next_version - 1));
    }
    Ok(response)
}

/// The revision that an update creates; none if it changes nothing.
fn update_revision(
    before: &RevisionDocument,
    request: UpdateRequest,
    now: Timestamp,
) -> Option<RevisionDocument> {
    let mut after = before.clone();
    after.definition = request.definition.unwrap_or(after.definition);
    after.role_arn = request.role_arn.unwrap_or(after.role_arn);
    after.logging = request.logging_configuration.unwrap_or(after.logging);
    after.tracing = request.tracing_configuration.unwrap_or(after.tracing);
    after.encryption = request.encryption_configuration.unwrap_or(after.encryption);
    if after == *before {
        return None;
    }
    after.revision_id = Some(Uuid::new_v4().to_string());
    after.created_at = now;
    Some(after)
}

pub(super) async fn delete(driver: &Arc<Driver>, request: &MachineRequest) -> ApiResult {
    let arn = StateMachineArn::parse(&request.state_machine_arn)?;
    let _change = driver.state_machines.change_lock.lock().await;
    // As on AWS, deleting a state machine that does not exist succeeds.
    let Some(mut machine) = driver.state_machines.get(&arn.name) else { return Ok(json!({})) };
    if driver.store.count_running(machine.name.clone()).await? == 0 {
        driver.state_machines.remove(&machine.name).await?;
    } else {
        machine.deleting = true;
        driver.state_machines.write(machine, None, None).await?;
    }
    Ok(json!({}))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ValidateRequest {
    definition: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    severity: Option<String>,
    max_results: Option<usize>,
}

/// The default maximum number of diagnostics.
const DEFAULT_MAX_DIAGNOSTICS: usize = 100;

pub(super) fn validate(request: &ValidateRequest) -> Value {
    let options = ValidationOptions::aws(state_machine_type(&json!({ "type": request.kind })));
    let diagnostics = asl::validate::validate(&request.definition, options);
    let severity = match request.severity.as_deref() {
        Some("WARNING") => Severity::Warning,
        _ => Severity::Error,
    };
    let max_results = request.max_results.filter(|&max| max > 0);
    asl::validate::validation_response(
        &diagnostics,
        severity,
        max_results.unwrap_or(DEFAULT_MAX_DIAGNOSTICS),
    )
}
