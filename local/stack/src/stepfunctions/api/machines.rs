//! State machines: created, described, listed, updated, deleted, judged.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::validate::api::{check_definition, errors, state_machine_type};
use asl::validate::{Severity, ValidationOptions};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, date, executions, page};
use crate::aws::AwsError;
use crate::stepfunctions::arn::MachineArn;
use crate::stepfunctions::driver::Driver;
use crate::stepfunctions::machines::{Resolved, Revision};
use crate::stepfunctions::store::machines::{MachineDocument, RevisionDocument, Version};

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

pub(super) async fn create(driver: &Arc<Driver>, request: CreateRequest) -> Answer {
    let kind = request.kind.clone().unwrap_or_else(|| "STANDARD".to_owned());
    let _changing = driver.machines.changing.lock().await;
    let now = driver.clock.now();
    let revision = RevisionDocument {
        revision_id: None,
        definition: request.definition,
        role_arn: request.role_arn,
        created_at: now,
        logging: request.logging_configuration.unwrap_or_else(no_logging),
        tracing: request.tracing_configuration.unwrap_or_else(no_tracing),
        encryption: request.encryption_configuration.unwrap_or_else(own_key),
    };
    let version = request.publish.then(|| version(now, request.version_description));
    if let Some(there) = driver.machines.get(&request.name) {
        return created_before(driver, &there, &kind, &revision, version.as_ref());
    }
    let machine = MachineDocument {
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
    let machine = driver.machines.write(machine, Some(revision), version).await?;
    Ok(created(&machine))
}

/// The same wish again is the same machine; role and tags do not count.
fn created_before(
    driver: &Driver,
    there: &MachineDocument,
    kind: &str,
    revision: &RevisionDocument,
    version: Option<&Version>,
) -> Answer {
    let arn = MachineArn::unqualified(&there.name);
    if there.deleting {
        return Err(errors::state_machine_deleting(&arn.to_string()).into());
    }
    let current = driver.machines.revision(there.revision)?;
    let published = there.versions.values().next();
    let same = there.kind == kind
        && current.document.definition == revision.definition
        && current.document.logging == revision.logging
        && current.document.tracing == revision.tracing
        && current.document.encryption == revision.encryption
        && published.map(|version| &version.description) == version.map(|v| &v.description);
    if same {
        return Ok(created(there));
    }
    Err(errors::state_machine_already_exists(&arn.to_string()).into())
}

fn created(machine: &MachineDocument) -> Value {
    let mut answer = json!({
        "stateMachineArn": MachineArn::unqualified(&machine.name).to_string(),
        "creationDate": date(machine.created_at),
    });
    if let Some(number) = machine.versions.keys().next() {
        answer["stateMachineVersionArn"] = json!(version_arn(machine, *number));
    }
    answer
}

pub(super) fn version_arn(machine: &MachineDocument, number: u32) -> String {
    MachineArn::qualified(&machine.name, &number.to_string()).to_string()
}

pub(super) fn version(created_at: Timestamp, description: Option<String>) -> Version {
    Version { revision: 0, created_at, description }
}

fn no_logging() -> Value {
    json!({ "level": "OFF", "includeExecutionData": false })
}

fn no_tracing() -> Value {
    json!({ "enabled": false })
}

fn own_key() -> Value {
    json!({ "type": "AWS_OWNED_KEY" })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct MachineRequest {
    state_machine_arn: String,
    included_data: Option<String>,
}

pub(super) fn describe(driver: &Driver, request: &MachineRequest) -> Answer {
    let resolved = resolve(driver, &request.state_machine_arn)?;
    let machine = &resolved.machine;
    let with_data = request.included_data.as_deref() != Some("METADATA_ONLY");
    let mut answer = shown(&resolved.revision, with_data);
    answer["stateMachineArn"] = json!(request.state_machine_arn);
    answer["name"] = json!(machine.name);
    answer["status"] = json!(if machine.deleting { "DELETING" } else { "ACTIVE" });
    answer["type"] = json!(machine.kind);
    answer["creationDate"] = date(machine.created_at);
    if let Some(version) = resolved.version.and_then(|number| machine.versions.get(&number)) {
        answer["creationDate"] = date(version.created_at);
        if let Some(description) = &version.description {
            answer["description"] = json!(description);
        }
    }
    Ok(answer)
}

/// What a revision says of itself.
fn shown(revision: &Revision, with_data: bool) -> Value {
    let document = &revision.document;
    let mut answer = json!({
        "roleArn": document.role_arn,
        "loggingConfiguration": document.logging,
        "tracingConfiguration": document.tracing,
        "encryptionConfiguration": document.encryption,
    });
    // Without its data the definition is empty: the field itself is required.
    answer["definition"] = json!(if with_data { document.definition.as_str() } else { "" });
    if let Some(revision_id) = &document.revision_id {
        answer["revisionId"] = json!(revision_id);
    }
    answer
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
) -> Answer {
    let record = executions::find(driver, &request.execution_arn).await?;
    let revision = driver.machines.revision(record.revision)?;
    let with_data = request.included_data.as_deref() != Some("METADATA_ONLY");
    let mut answer = shown(&revision, with_data);
    answer["stateMachineArn"] = json!(record.start.state_machine_arn);
    answer["name"] = json!(record.start.state_machine_name);
    answer["updateDate"] = date(revision.document.created_at);
    Ok(answer)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ListRequest {
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn list(driver: &Driver, request: &ListRequest) -> Answer {
    let after = page::place("state machines", request.next_token.as_deref())?;
    let size = page::size(request.max_results);
    let mut machines = driver.machines.all();
    machines.retain(|machine| after.as_ref().is_none_or(|after| machine.name > *after));
    let more = machines.len() > size;
    machines.truncate(size);
    let shown: Vec<_> = machines
        .iter()
        .map(|machine| {
            json!({
                "stateMachineArn": MachineArn::unqualified(&machine.name).to_string(),
                "name": machine.name,
                "type": machine.kind,
                "creationDate": date(machine.created_at),
            })
        })
        .collect();
    let mut answer = json!({ "stateMachines": shown });
    if let Some(last) = machines.last().filter(|_| more) {
        answer["nextToken"] = json!(page::token("state machines", &last.name));
    }
    Ok(answer)
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

pub(super) async fn update(driver: &Arc<Driver>, request: UpdateRequest) -> Answer {
    let _changing = driver.machines.changing.lock().await;
    let resolved = resolve(driver, &request.state_machine_arn)?;
    let machine = resolved.machine;
    if machine.deleting {
        return Err(errors::state_machine_deleting(&request.state_machine_arn).into());
    }
    if let Some(definition) = &request.definition {
        check_definition(definition, state_machine_type(&json!({ "type": machine.kind })))?;
    }
    let now = driver.clock.now();
    let publish = request.publish;
    let version = publish.then(|| version(now, request.version_description.clone()));
    let revision = revised(&resolved.revision.document, request, now);
    let machine = driver.machines.write(machine, revision, version).await?;
    let current = driver.machines.revision(machine.revision)?;
    let mut answer = json!({ "updateDate": date(now) });
    if let Some(revision_id) = &current.document.revision_id {
        answer["revisionId"] = json!(revision_id);
    }
    if publish {
        answer["stateMachineVersionArn"] = json!(version_arn(&machine, machine.next_version - 1));
    }
    Ok(answer)
}

/// The revision that a request makes of the one before; none where it says the same.
fn revised(
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

pub(super) async fn delete(driver: &Arc<Driver>, request: &MachineRequest) -> Answer {
    let arn = MachineArn::parse(&request.state_machine_arn)?;
    let _changing = driver.machines.changing.lock().await;
    // Deleting what is not there is no error.
    let Some(mut machine) = driver.machines.get(&arn.name) else { return Ok(json!({})) };
    if driver.store.running_of(machine.name.clone()).await? == 0 {
        driver.machines.remove(&machine.name).await?;
    } else {
        machine.deleting = true;
        driver.machines.write(machine, None, None).await?;
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

/// How many diagnostics are shown unless less is asked for.
const DIAGNOSTICS: usize = 100;

pub(super) fn validate(request: &ValidateRequest) -> Value {
    let options = ValidationOptions::aws(state_machine_type(&json!({ "type": request.kind })));
    let diagnostics = asl::validate::validate(&request.definition, options);
    let least = match request.severity.as_deref() {
        Some("WARNING") => Severity::Warning,
        _ => Severity::Error,
    };
    let at_most = request.max_results.filter(|&most| most > 0).unwrap_or(DIAGNOSTICS);
    asl::validate::validation_response(&diagnostics, least, at_most)
}

/// The machine, or the version of it, that an ARN names.
pub(super) fn resolve(driver: &Driver, arn: &str) -> Result<Resolved, AwsError> {
    let parsed = MachineArn::parse(arn)?;
    let ours = parsed.to_string() == arn;
    driver
        .machines
        .resolve(&parsed, 0)
        .filter(|_| ours)
        .ok_or_else(|| errors::state_machine_does_not_exist(arn).into())
}
