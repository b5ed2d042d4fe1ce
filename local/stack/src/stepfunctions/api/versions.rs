//! Operations on versions, which never change, and on aliases, which route to versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::validate::api::errors;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::lookup::find_state_machine;
use super::page;
use super::response::{ApiResult, client_error, epoch_seconds};
use super::state_machines::{new_version, version_arn};
use crate::aws::AwsError;
use crate::stepfunctions::arn::StateMachineArn;
use crate::stepfunctions::driver::Driver;
use crate::stepfunctions::store::state_machines::{Alias, StateMachineDocument};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PublishRequest {
    state_machine_arn: String,
    description: Option<String>,
    revision_id: Option<String>,
}

/// Publishes the newest revision as a version, unless it is one already.
pub(super) async fn publish(driver: &Arc<Driver>, request: PublishRequest) -> ApiResult {
    let _change = driver.state_machines.change_lock.lock().await;
    let resolved = find_state_machine(driver, &request.state_machine_arn, 0)?;
    let machine = resolved.machine;
    let current = driver.state_machines.revision(machine.revision)?;
    let current_id = current.document.revision_id.as_deref().unwrap_or("INITIAL");
    if request.revision_id.as_deref().is_some_and(|requested| requested != current_id) {
        let requested = request.revision_id.as_deref().unwrap_or_default();
        return Err(errors::revision_is_not_current(requested, current_id).into());
    }
    let published = machine.versions.iter().rev().find(|(_, v)| v.revision == machine.revision);
    if let Some((&number, version)) = published {
        return Ok(version_response(&machine, number, version.created_at));
    }
    let now = driver.clock.now();
    let version = new_version(now, request.description);
    let machine = driver.state_machines.write(machine, None, Some(version)).await?;
    Ok(version_response(&machine, machine.next_version - 1, now))
}

fn version_response(machine: &StateMachineDocument, number: u32, at: Timestamp) -> Value {
    let arn = version_arn(machine, number);
    json!({ "stateMachineVersionArn": arn, "creationDate": epoch_seconds(at) })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ListRequest {
    state_machine_arn: String,
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// Lists the newest version first.
pub(super) fn list(driver: &Driver, request: &ListRequest) -> ApiResult {
    let machine = find_state_machine(driver, &request.state_machine_arn, 0)?.machine;
    let versions = machine.versions.iter().rev().map(|(&number, version)| {
        json!({
            "stateMachineVersionArn": version_arn(&machine, number),
            "creationDate": epoch_seconds(version.created_at),
        })
    });
    list_page(request, "stateMachineVersions", "versions", versions.collect())
}

fn list_page(request: &ListRequest, field: &str, kind: &str, items: Vec<Value>) -> ApiResult {
    let list = format!("{kind} of {}", request.state_machine_arn);
    let position = page::position(&list, request.next_token.as_deref())?;
    let skip: usize =
        position.map_or(Ok(0), |text| text.parse()).map_err(|_error| errors::invalid_token())?;
    let size = page::size(request.max_results);
    let more = items.len() > skip + size;
    let page: Vec<_> = items.into_iter().skip(skip).take(size).collect();
    let mut response = json!({ field: page });
    if more {
        response["nextToken"] = json!(page::next_token(&list, &(skip + size).to_string()));
    }
    Ok(response)
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

pub(super) async fn create_alias(driver: &Arc<Driver>, request: AliasRequest) -> ApiResult {
    let _change = driver.state_machines.change_lock.lock().await;
    let (mut machine, routes) = parse_routes(driver, &request.routing_configuration)?;
    let arn = StateMachineArn::qualified(&machine.name, &request.name).to_string();
    let now = driver.clock.now();
    let alias =
        Alias { description: request.description, routes, created_at: now, updated_at: now };
    if let Some(existing) = machine.aliases.get(&request.name) {
        if existing.routes == alias.routes && existing.description == alias.description {
            let at = epoch_seconds(existing.created_at);
            return Ok(json!({ "stateMachineAliasArn": arn, "creationDate": at }));
        }
        let message = format!(
            "Failed to create alias because an alias with the same name and a \
             different routing configuration already exists: '{arn}'"
        );
        return client_error("ConflictException", message);
    }
    machine.aliases.insert(request.name, alias);
    driver.state_machines.write(machine, None, None).await?;
    Ok(json!({ "stateMachineAliasArn": arn, "creationDate": epoch_seconds(now) }))
}

pub(super) async fn update_alias(driver: &Arc<Driver>, request: AliasRequest) -> ApiResult {
    let _change = driver.state_machines.change_lock.lock().await;
    let (mut machine, name) = find_alias(driver, &request.state_machine_alias_arn)?;
    let now = driver.clock.now();
    let routes = match request.routing_configuration.as_slice() {
        [] => None,
        routes => Some(parse_routes(driver, routes)?.1),
    };
    if let Some(alias) = machine.aliases.get_mut(&name) {
        alias.routes = routes.unwrap_or_else(|| alias.routes.clone());
        alias.description = request.description.or_else(|| alias.description.clone());
        alias.updated_at = now;
    }
    driver.state_machines.write(machine, None, None).await?;
    Ok(json!({ "updateDate": epoch_seconds(now) }))
}

/// As on AWS, deleting an alias that does not exist succeeds.
pub(super) async fn delete_alias(driver: &Arc<Driver>, request: &AliasRequest) -> ApiResult {
    let _change = driver.state_machines.change_lock.lock().await;
    if let Ok((mut machine, name)) = find_alias(driver, &request.state_machine_alias_arn) {
        machine.aliases.remove(&name);
        driver.state_machines.write(machine, None, None).await?;
    }
    Ok(json!({}))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct VersionRequest {
    state_machine_version_arn: String,
}

/// Deletes a version unless an alias routes to it. Its running executions continue.
pub(super) async fn delete(driver: &Arc<Driver>, request: &VersionRequest) -> ApiResult {
    let _change = driver.state_machines.change_lock.lock().await;
    let arn = StateMachineArn::parse(&request.state_machine_version_arn)?;
    let number: Option<u32> = arn.qualifier.as_deref().and_then(|text| text.parse().ok());
    let Some((mut machine, number)) = driver.state_machines.get(&arn.name).zip(number) else {
        return Ok(json!({}));
    };
    let routes_here = |alias: &Alias| alias.routes.iter().any(|&(version, _)| version == number);
    let aliases = machine.aliases.iter().filter(|(_, alias)| routes_here(alias));
    let aliases: Vec<_> = aliases.map(|(name, _)| name.as_str()).collect();
    if !aliases.is_empty() {
        return Err(errors::version_is_referenced(&aliases).into());
    }
    machine.versions.remove(&number);
    driver.state_machines.write(machine, None, None).await?;
    Ok(json!({}))
}

pub(super) fn describe_alias(driver: &Driver, request: &AliasRequest) -> ApiResult {
    let (machine, name) = find_alias(driver, &request.state_machine_alias_arn)?;
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
    let mut response = json!({
        "stateMachineAliasArn": request.state_machine_alias_arn,
        "name": name,
        "routingConfiguration": routes,
        "creationDate": epoch_seconds(alias.created_at),
        "updateDate": epoch_seconds(alias.updated_at),
    });
    if let Some(description) = &alias.description {
        response["description"] = json!(description);
    }
    Ok(response)
}

pub(super) fn list_aliases(driver: &Driver, request: &ListRequest) -> ApiResult {
    let machine = find_state_machine(driver, &request.state_machine_arn, 0)?.machine;
    let aliases = machine.aliases.iter().map(|(name, alias)| {
        json!({
            "stateMachineAliasArn": StateMachineArn::qualified(&machine.name, name).to_string(),
            "creationDate": epoch_seconds(alias.created_at),
        })
    });
    list_page(request, "stateMachineAliases", "aliases", aliases.collect())
}

/// The state machine of all routes, and each route's version and weight. Weights add up to 100.
fn parse_routes(
    driver: &Driver,
    routes: &[Route],
) -> Result<(StateMachineDocument, Vec<(u32, u32)>), AwsError> {
    let invalid = |message: &str| AwsError::client("ValidationException", message);
    let mut machines = BTreeMap::new();
    let mut parsed = Vec::new();
    for route in routes {
        let resolved = find_state_machine(driver, &route.state_machine_version_arn, 0)?;
        let number = resolved.version.filter(|_| resolved.alias.is_none());
        let number = number.ok_or_else(|| invalid("Routing configuration names a version"))?;
        parsed.push((number, route.weight));
        machines.insert(resolved.machine.name.clone(), resolved.machine);
    }
    if parsed.iter().map(|&(_, weight)| weight).sum::<u32>() != 100 {
        return Err(invalid("Sum of routing configuration weights must equal 100"));
    }
    match (machines.pop_first(), machines.is_empty()) {
        (Some((_, machine)), true) => Ok((machine, parsed)),
        _ => Err(invalid("Routing configuration must name versions of one state machine")),
    }
}

fn find_alias(driver: &Driver, arn: &str) -> Result<(StateMachineDocument, String), AwsError> {
    let parsed = StateMachineArn::parse(arn)?;
    let machine = driver.state_machines.get(&parsed.name);
    let name = parsed.qualifier;
    machine
        .zip(name)
        .filter(|(machine, name)| machine.aliases.contains_key(name))
        .ok_or_else(|| no_such_alias(arn))
}

fn no_such_alias(arn: &str) -> AwsError {
    errors::resource_not_found(arn).into()
}
