//! The operations, with AWS's fields and errors.
//!
//! Source: the API reference of Secrets Manager.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::state::{Secret, State, Version};
use crate::aws::error::AwsError;
use crate::template::secret_arn;

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

pub(super) fn get_value(state: &State, body: &Value, caller: &str) -> Result<Value, AwsError> {
    let secret = &state.secrets[find(state, body)?];
    let label = body["VersionStage"].as_str();
    let version = match (body["VersionId"].as_str(), label) {
        (Some(id), _) => secret.versions.iter().find(|version| version.id == id),
        (None, Some(PREVIOUS)) => secret.versions.get(1),
        (None, Some(other)) if other != CURRENT => None,
        (None, _) => secret.current(),
    };
    let version = version.ok_or_else(|| {
        let label = label.unwrap_or(CURRENT);
        not_found(&format!(
            "Secrets Manager can't find the specified secret value for staging label: {label}"
        ))
    })?;
    Ok(json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": version.id,
        "SecretString": version.value_for(caller),
        "VersionStages": [stage_of(secret, version)],
        "CreatedDate": seconds(secret.changed_at),
    }))
}

pub(super) fn describe(state: &State, body: &Value) -> Result<Value, AwsError> {
    Ok(description(&state.secrets[find(state, body)?], "VersionIdsToStages"))
}

pub(super) fn list(state: &State) -> Value {
    let secrets = state.secrets.iter().map(|secret| description(secret, "SecretVersionsToStages"));
    json!({ "SecretList": secrets.collect::<Vec<_>>() })
}

pub(super) fn put_value(state: &mut State, body: &Value, at: Timestamp) -> Result<Value, AwsError> {
    let index = find(state, body)?;
    let value = value_of(body)?.ok_or_else(|| {
        let message = "You must provide either SecretString or SecretBinary.";
        AwsError::client("InvalidRequestException", message)
    })?;
    let secret = &mut state.secrets[index];
    let id = match body["ClientRequestToken"].as_str() {
        Some(token) => match secret.versions.iter().find(|version| version.id == token) {
            Some(version) if version.value == value => token.to_owned(),
            Some(_) => {
                let message = format!(
                    "You can't use ClientRequestToken {token} because that value is already in \
                     use for a version of secret {}.",
                    secret.arn
                );
                return Err(AwsError::client("ResourceExistsException", message));
            }
            None => secret.put(value, at, Some(token.to_owned())),
        },
        None => secret.put(value, at, None),
    };
    Ok(json!({
        "ARN": secret.arn, "Name": secret.name, "VersionId": id, "VersionStages": [CURRENT],
    }))
}

pub(super) fn create(state: &mut State, body: &Value, at: Timestamp) -> Result<Value, AwsError> {
    let name = body["Name"].as_str().unwrap_or_default();
    let is_valid = (1..=512).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+=.@-".contains(&b));
    if !is_valid {
        let message = "Invalid name. Must be a valid name containing alphanumeric characters, or \
                       any of the following: -/_+=.@!";
        return Err(AwsError::client("ValidationException", message));
    }
    if state.secrets.iter().any(|secret| secret.name == name) {
        let message = format!("The operation failed because the secret {name} already exists.");
        return Err(AwsError::client("ResourceExistsException", message));
    }
    let value = value_of(body)?;
    let index = state.create(name.to_owned(), secret_arn(name), at);
    let secret = &mut state.secrets[index];
    let mut answer = json!({ "ARN": secret.arn, "Name": secret.name });
    if let Some(value) = value {
        let token = body["ClientRequestToken"].as_str().map(str::to_owned);
        answer["VersionId"] = json!(secret.put(value, at, token));
    }
    Ok(answer)
}

/// The place of the secret that `SecretId` names: by its name, its ARN, or its ARN without
/// the suffix.
pub(super) fn find(state: &State, body: &Value) -> Result<usize, AwsError> {
    let Some(id) = body["SecretId"].as_str().filter(|id| !id.is_empty()) else {
        return Err(invalid_length("secretId"));
    };
    let is_named = |secret: &Secret| {
        secret.name == id
            || secret.arn == id
            || secret.arn.rsplit_once('-').is_some_and(|(partial, _)| partial == id)
    };
    state
        .secrets
        .iter()
        .position(is_named)
        .ok_or_else(|| not_found("Secrets Manager can't find the specified secret."))
}

fn value_of(body: &Value) -> Result<Option<String>, AwsError> {
    if !body["SecretBinary"].is_null() {
        let message = "The local stack keeps text only: use SecretString.";
        return Err(AwsError::client("InvalidParameterException", message));
    }
    match body["SecretString"].as_str() {
        Some("") => Err(invalid_length("secretString")),
        text => Ok(text.map(str::to_owned)),
    }
}

fn description(secret: &Secret, stages: &str) -> Value {
    let versions: Map<String, Value> = secret
        .versions
        .iter()
        .map(|version| (version.id.clone(), json!([stage_of(secret, version)])))
        .collect();
    json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "CreatedDate": seconds(secret.created_at),
        "LastChangedDate": seconds(secret.changed_at),
        stages: versions,
    })
}

fn stage_of(secret: &Secret, version: &Version) -> &'static str {
    if secret.current().is_some_and(|current| current.id == version.id) {
        CURRENT
    } else {
        PREVIOUS
    }
}

fn seconds(at: Timestamp) -> i64 {
    at.as_second()
}

fn not_found(message: &str) -> AwsError {
    AwsError::client("ResourceNotFoundException", message)
}

fn invalid_length(field: &str) -> AwsError {
    let message = format!(
        "1 validation error detected: Value at '{field}' failed to satisfy constraint: Member \
         must have length greater than or equal to 1"
    );
    AwsError::client("ValidationException", message)
}
