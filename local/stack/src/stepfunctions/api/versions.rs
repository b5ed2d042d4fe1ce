//! Versions of state machines, which never change, and aliases, which lead to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::validate::api::errors;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::machines::{resolve, version, version_arn};
use super::{Answer, date, page, refusal};
use crate::aws::AwsError;
use crate::stepfunctions::arn::MachineArn;
use crate::stepfunctions::driver::Driver;
use crate::stepfunctions::store::machines::{Alias, MachineDocument};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PublishRequest {
    state_machine_arn: String,
    description: Option<String>,
    revision_id: Option<String>,
}

/// The newest revision gets a number, unless it has one already.
pub(super) async fn publish(driver: &Arc<Driver>, request: PublishRequest) -> Answer {
    let _changing = driver.machines.changing.lock().await;
    let resolved = resolve(driver, &request.state_machine_arn)?;
    let machine = resolved.machine;
    let current = driver.machines.revision(machine.revision)?;
    let current_id = current.document.revision_id.as_deref().unwrap_or("INITIAL");
    if request.revision_id.as_deref().is_some_and(|asked| asked != current_id) {
        let asked = request.revision_id.as_deref().unwrap_or_default();
        return Err(errors::revision_is_not_current(asked, current_id).into());
    }
    let published = machine.versions.iter().rev().find(|(_, v)| v.revision == machine.revision);
    if let Some((&number, version)) = published {
        return Ok(published_as(&machine, number, version.created_at));
    }
    let now = driver.clock.now();
    let version = version(now, request.description);
    let machine = driver.machines.write(machine, None, Some(version)).await?;
    Ok(published_as(&machine, machine.next_version - 1, now))
}

fn published_as(machine: &MachineDocument, number: u32, at: Timestamp) -> Value {
    json!({ "stateMachineVersionArn": version_arn(machine, number), "creationDate": date(at) })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ListRequest {
    state_machine_arn: String,
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// The newest version comes first.
pub(super) fn list(driver: &Driver, request: &ListRequest) -> Answer {
    let machine = resolve(driver, &request.state_machine_arn)?.machine;
    let versions = machine.versions.iter().rev().map(|(&number, version)| {
        json!({
            "stateMachineVersionArn": version_arn(&machine, number),
            "creationDate": date(version.created_at),
        })
    });
    paged(request, "stateMachineVersions", "versions", versions.collect())
}

fn paged(request: &ListRequest, field: &str, what: &str, items: Vec<Value>) -> Answer {
    let list = format!("{what} of {}", request.state_machine_arn);
    let place = page::place(&list, request.next_token.as_deref())?;
    let skip: usize =
        place.map_or(Ok(0), |text| text.parse()).map_err(|_unsaid| errors::invalid_token())?;
    let size = page::size(request.max_results);
    let more = items.len() > skip + size;
    let shown: Vec<_> = items.into_iter().skip(skip).take(size).collect();
    let mut answer = json!({ field: shown });
    if more {
        answer["nextToken"] = json!(page::token(&list, &(skip + size).to_string()));
    }
    Ok(answer)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Route {
    state_machine_version_arn: String,
    weight: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AliasRequest {
    name: String,
    state_machine_alias_arn: String,
    description: Option<String>,
    routing_configuration: Vec<Route>,
}

pub(super) async fn create_alias(driver: &Arc<Driver>, request: AliasRequest) -> Answer {
    let _changing = driver.machines.changing.lock().await;
    let (mut machine, routes) = routed(driver, &request.routing_configuration)?;
    let arn = MachineArn::qualified(&machine.name, &request.name).to_string();
    let now = driver.clock.now();
    let alias =
        Alias { description: request.description, routes, created_at: now, updated_at: now };
    if let Some(there) = machine.aliases.get(&request.name) {
        if there.routes == alias.routes && there.description == alias.description {
            let at = date(there.created_at);
            return Ok(json!({ "stateMachineAliasArn": arn, "creationDate": at }));
        }
        let message = format!(
            "Failed to create alias because an alias with the same name and a \
                               different routing configuration already exists: '{arn}'"
        );
        return refusal("ConflictException", message);
    }
    machine.aliases.insert(request.name, alias);
    driver.machines.write(machine, None, None).await?;
    Ok(json!({ "stateMachineAliasArn": arn, "creationDate": date(now) }))
}

pub(super) async fn update_alias(driver: &Arc<Driver>, request: AliasRequest) -> Answer {
    let _changing = driver.machines.changing.lock().await;
    let (mut machine, name) = alias_of(driver, &request.state_machine_alias_arn)?;
    let now = driver.clock.now();
    let routes = match request.routing_configuration.as_slice() {
        [] => None,
        routes => Some(routed(driver, routes)?.1),
    };
    if let Some(alias) = machine.aliases.get_mut(&name) {
        alias.routes = routes.unwrap_or_else(|| alias.routes.clone());
        alias.description = request.description.or_else(|| alias.description.clone());
        alias.updated_at = now;
    }
    driver.machines.write(machine, None, None).await?;
    Ok(json!({ "updateDate": date(now) }))
}

/// Deleting what is not there is no error.
pub(super) async fn delete_alias(driver: &Arc<Driver>, request: &AliasRequest) -> Answer {
    let _changing = driver.machines.changing.lock().await;
    if let Ok((mut machine, name)) = alias_of(driver, &request.state_machine_alias_arn) {
        machine.aliases.remove(&name);
        driver.machines.write(machine, None, None).await?;
    }
    Ok(json!({}))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct VersionRequest {
    state_machine_version_arn: String,
}

/// A version goes unless an alias leads to it; executions of it go on.
pub(super) async fn delete(driver: &Arc<Driver>, request: &VersionRequest) -> Answer {
    let _changing = driver.machines.changing.lock().await;
    let arn = MachineArn::parse(&request.state_machine_version_arn)?;
    let number: Option<u32> = arn.qualifier.as_deref().and_then(|text| text.parse().ok());
    let Some((mut machine, number)) = driver.machines.get(&arn.name).zip(number) else {
        return Ok(json!({}));
    };
    let leads = |alias: &Alias| alias.routes.iter().any(|&(version, _)| version == number);
    let aliases = machine.aliases.iter().filter(|(_, alias)| leads(alias));
    let aliases: Vec<_> = aliases.map(|(name, _)| name.as_str()).collect();
    if !aliases.is_empty() {
        return Err(errors::version_is_referenced(&aliases).into());
    }
    machine.versions.remove(&number);
    driver.machines.write(machine, None, None).await?;
    Ok(json!({}))
}

pub(super) fn describe_alias(driver: &Driver, request: &AliasRequest) -> Answer {
    let (machine, name) = alias_of(driver, &request.state_machine_alias_arn)?;
    let Some(alias) = machine.aliases.get(&name) else {
        return Err(no_such_alias(&request.state_machine_alias_arn));
    };
    let routes: Vec<_> = alias
        .routes
        .iter()
        .map(|&(number, weight)| {
            json!({ "stateMachineVersionArn": version_arn(&machine, number), "weight": weight })
        })
        .collect();
    let mut answer = json!({
        "stateMachineAliasArn": request.state_machine_alias_arn,
        "name": name,
        "routingConfiguration": routes,
        "creationDate": date(alias.created_at),
        "updateDate": date(alias.updated_at),
    });
    if let Some(description) = &alias.description {
        answer["description"] = json!(description);
    }
    Ok(answer)
}

pub(super) fn list_aliases(driver: &Driver, request: &ListRequest) -> Answer {
    let machine = resolve(driver, &request.state_machine_arn)?.machine;
    let aliases = machine.aliases.iter().map(|(name, alias)| {
        json!({
            "stateMachineAliasArn": MachineArn::qualified(&machine.name, name).to_string(),
            "creationDate": date(alias.created_at),
        })
    });
    paged(request, "stateMachineAliases", "aliases", aliases.collect())
}

/// The machine that all routes belong to, and the routes: weights add up to 100.
fn routed(
    driver: &Driver,
    routes: &[Route],
) -> Result<(MachineDocument, Vec<(u32, u32)>), AwsError> {
    let wrong = |message: &str| AwsError::client("ValidationException", message);
    let mut machines = BTreeMap::new();
    let mut parsed = Vec::new();
    for route in routes {
        let resolved = resolve(driver, &route.state_machine_version_arn)?;
        let number = resolved.version.filter(|_| resolved.alias.is_none());
        let number = number.ok_or_else(|| wrong("Routing configuration names a version"))?;
        parsed.push((number, route.weight));
        machines.insert(resolved.machine.name.clone(), resolved.machine);
    }
    if parsed.iter().map(|&(_, weight)| weight).sum::<u32>() != 100 {
        return Err(wrong("Sum of routing configuration weights must equal 100"));
    }
    match (machines.pop_first(), machines.is_empty()) {
        (Some((_, machine)), true) => Ok((machine, parsed)),
        _ => Err(wrong("Routing configuration must name versions of one state machine")),
    }
}

fn alias_of(driver: &Driver, arn: &str) -> Result<(MachineDocument, String), AwsError> {
    let parsed = MachineArn::parse(arn)?;
    let machine = driver.machines.get(&parsed.name);
    let name = parsed.qualifier;
    machine
        .zip(name)
        .filter(|(machine, name)| machine.aliases.contains_key(name))
        .ok_or_else(|| no_such_alias(arn))
}

fn no_such_alias(arn: &str) -> AwsError {
    errors::resource_not_found(arn).into()
}
