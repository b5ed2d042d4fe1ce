//! What AWS and others said of definitions and requests, and what we say.
//!
//! Everything here goes through `asl::validate`, which the AWS endpoint uses too.

use std::path::Path;

use anyhow::{Context, Result};
use asl::validate::api::{self, ApiError};
use asl::validate::{
    Severity, StateMachineType, ValidationOptions, invalid_definition_message, validate,
    validation_response,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::compare::Pair;
use super::report::{Group, Part, Verdict};
use super::vectors::{Request, text};

/// Where a definition comes from and who judged it.
#[derive(Debug, Deserialize)]
struct Provenance {
    /// `valid/NAME` or `invalid/NAME`.
    file: String,
    judge: String,
}

impl Provenance {
    fn is_by_aws(&self) -> bool {
        ["AWS CreateStateMachine", "AWS ValidateStateMachineDefinition"]
            .iter()
            .any(|judge| self.judge.starts_with(judge))
    }

    /// As AWS judges what is deployed, or as a linter judges what is not; the type of
    /// the machine was kept only in AWS's words.
    fn options(&self) -> ValidationOptions {
        match (self.is_by_aws(), self.judge.contains("Express state machine")) {
            (true, true) => ValidationOptions::aws(StateMachineType::Express),
            (true, false) => ValidationOptions::aws(StateMachineType::Standard),
            (false, _) => ValidationOptions::template(),
        }
    }
}

/// Judges every definition of the folder.
pub(super) fn judge_all(folder: &Path) -> Result<Vec<Verdict>> {
    let list = folder.join("PROVENANCE.json");
    let reading = |path: &Path| format!("cannot read {}", path.display());
    let text = std::fs::read_to_string(&list).with_context(|| reading(&list))?;
    let list: Vec<Provenance> = serde_json::from_str(&text).with_context(|| reading(&list))?;
    list.iter()
        .map(|provenance| {
            let path = folder.join(&provenance.file);
            let bytes = std::fs::read(&path).with_context(|| reading(&path))?;
            Ok(judge_definition(provenance, &String::from_utf8_lossy(&bytes)))
        })
        .collect()
}

fn judge_definition(provenance: &Provenance, definition: &str) -> Verdict {
    let ours = match invalid_definition_message(&validate(definition, provenance.options())) {
        None => json!("valid"),
        Some(message) if provenance.file.starts_with("valid/") => json!(message),
        Some(_) => json!("invalid"),
    };
    let theirs = provenance.file.split('/').next().unwrap_or_default();
    let group =
        if provenance.is_by_aws() { Group::DefinitionsByAws } else { Group::DefinitionsByOthers };
    verdict(&provenance.file, group, json!(theirs), ours)
}

fn verdict(name: &str, group: Group, recorded: Value, actual: Value) -> Verdict {
    let parts = vec![(Part::Outcome, Pair { recorded, actual })];
    Verdict { name: name.to_owned(), group, parts, skipped: None }
}

/// Judges what AWS answered to `ValidateStateMachineDefinition`.
pub(super) fn judge_validation(request: &Request) -> Verdict {
    let body = body(request);
    let definition = body["definition"].as_str().unwrap_or_default();
    let least = match body["severity"].as_str() {
        Some("WARNING") => Severity::Warning,
        _ => Severity::Error,
    };
    let at_most = body["maxResults"].as_u64().and_then(|most| usize::try_from(most).ok());
    let found = validate(definition, ValidationOptions::aws(api::state_machine_type(&body)));
    let ours = validation_response(&found, least, at_most.unwrap_or(100));
    verdict(&request.name, Group::Validate, request.expected.clone(), ours)
}

/// Judges a call that AWS refused.
pub(super) fn judge_refusal(request: &Request) -> Verdict {
    let operation = api::operation_from_snake_case(&request.api);
    let recorded = Refusal::recorded(&request.expected);
    let ours = refuse(&operation, &body(request), &recorded);
    let ours = ours.map_or(json!("it was accepted"), |ours| {
        ours.shaped_as(&request.expected, &recorded.operation.unwrap_or(operation))
    });
    verdict(&request.name, Group::Api, request.expected.clone(), ours)
}

/// The request with the texts that the recording holds as JSON.
fn body(request: &Request) -> Value {
    let mut body = request.body.clone();
    for member in ["definition", "input", "output"] {
        if let Some(value) = body.get_mut(member) {
            *value = json!(value.as_str().map_or_else(|| text(value), str::to_owned));
        }
    }
    Value::Object(body)
}

/// Who refuses, and in which words.
enum Ours {
    Service(ApiError),
    Client(String),
}

/// What was recorded of a refusal, as far as it says in which world the call was made.
struct Refusal {
    code: String,
    message: String,
    operation: Option<String>,
}

impl Refusal {
    fn recorded(expected: &Value) -> Self {
        let at = |path: &str| expected.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let message = at("/Error/Message").or_else(|| at("/exception_value"));
        let message = message.or_else(|| at("")).unwrap_or_default();
        let between = |start: &str, end: &str| {
            Some(message.split_once(start)?.1.split_once(end)?.0.to_owned())
        };
        let code = at("/Error/Code").or_else(|| at("/exception_typename"));
        let code = code.or_else(|| between("An error occurred (", ")")).unwrap_or_default();
        let operation = between("when calling the ", " operation");
        Self { code, message, operation }
    }

    /// The member that was complained about and its value.
    fn complaint(&self) -> Option<(&str, &str)> {
        let (value, rest) = self.message.split_once("Value '")?.1.split_once("' at '")?;
        Some((rest.split_once('\'')?.0, value))
    }

    /// The member whose value was too short to be sent: the only such value is none.
    fn too_short(&self) -> Option<&str> {
        let rest = self.message.split_once("Invalid length for parameter ")?.1;
        rest.split_once(", value: 0,").map(|(member, _)| member)
    }
}

/// What we answer: from the request alone, or else from what existed when the call
/// was made, which only the recorded code tells; and where the recording left out the
/// very member that was refused, what we say of a member with that value.
fn refuse(operation: &str, body: &Value, recorded: &Refusal) -> Option<Ours> {
    if let Err(error) = api::check_request(operation, body) {
        return Some(Ours::Service(error));
    }
    if let Some(message) = api::sdk_validation_error(operation, body) {
        return Some(Ours::Client(message));
    }
    if let Some(error) = by_what_exists(body, &recorded.code) {
        return Some(Ours::Service(error));
    }
    if let Some((member, value)) = recorded.complaint() {
        let said = api::member_errors(member, value);
        let same = said.iter().find(|error| error.message == recorded.message);
        return same.or(said.first()).cloned().map(Ours::Service);
    }
    let said = api::sdk_member_errors(recorded.too_short()?, "");
    said.into_iter().next().map(Ours::Client)
}

fn by_what_exists(body: &Value, code: &str) -> Option<ApiError> {
    let member = |name: &str| body[name].as_str();
    let named =
        |kind: &str, rest: &str| format!("arn:aws:states:us-east-1:111111111111:{kind}:{rest}");
    Some(match code {
        "StateMachineDoesNotExist" => {
            api::errors::state_machine_does_not_exist(member("stateMachineArn")?)
        }
        "ExecutionDoesNotExist" => api::errors::execution_does_not_exist(member("executionArn")?),
        "ActivityDoesNotExist" => api::errors::activity_does_not_exist(member("activityArn")?),
        "StateMachineAlreadyExists" => {
            api::errors::state_machine_already_exists(&named("stateMachine", member("name")?))
        }
        "ExecutionAlreadyExists" => {
            let machine = member("stateMachineArn")?.rsplit(':').next()?;
            let execution = format!("{machine}:{}", member("name")?);
            api::errors::execution_already_exists(&named("execution", &execution))
        }
        _ => return None,
    })
}

impl Ours {
    /// Written in the way in which the recording wrote AWS's answer.
    fn shaped_as(&self, expected: &Value, operation: &str) -> Value {
        let (code, message, raised) = match self {
            Self::Service(ApiError { code, message }) => {
                let raised = format!(
                    "An error occurred ({code}) when calling the {operation} operation: {message}"
                );
                (code.as_str(), message, raised)
            }
            Self::Client(message) => ("ParamValidationError", message, message.clone()),
        };
        match expected {
            Value::String(_) => json!(raised),
            _ if expected.get("exception_typename").is_some() => {
                json!({"exception_typename": code, "exception_value": raised})
            }
            _ => json!({"Error": {"Code": code, "Message": message}, "message": message}),
        }
    }
}
