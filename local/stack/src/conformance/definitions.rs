//! Compares the verdicts of AWS and of linters on definitions and requests with ours.
//!
//! Ours come from `asl::validate`, which the AWS endpoint uses too.

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

/// The origin of a definition, and the service or linter that judged it.
#[derive(Debug, Deserialize)]
struct Provenance {
    /// `valid/NAME` or `invalid/NAME`.
    file: String,
    judge: String,
}

impl Provenance {
    fn is_judged_by_aws(&self) -> bool {
        ["AWS CreateStateMachine", "AWS ValidateStateMachineDefinition"]
            .iter()
            .any(|judge| self.judge.starts_with(judge))
    }

    /// AWS judges deployed definitions; a linter judges templates. The type of the state machine
    /// appears only in AWS's message.
    fn options(&self) -> ValidationOptions {
        match (self.is_judged_by_aws(), self.judge.contains("Express state machine")) {
            (true, true) => ValidationOptions::aws(StateMachineType::Express),
            (true, false) => ValidationOptions::aws(StateMachineType::Standard),
            (false, _) => ValidationOptions::template(),
        }
    }
}

/// Compares our verdict on every definition in the folder.
pub(super) fn compare_all(folder: &Path) -> Result<Vec<Verdict>> {
    let list = folder.join("PROVENANCE.json");
    let reading = |path: &Path| format!("cannot read {}", path.display());
    let text = std::fs::read_to_string(&list).with_context(|| reading(&list))?;
    let list: Vec<Provenance> = serde_json::from_str(&text).with_context(|| reading(&list))?;
    list.iter()
        .map(|provenance| {
            let path = folder.join(&provenance.file);
            let bytes = std::fs::read(&path).with_context(|| reading(&path))?;
            Ok(compare_definition(provenance, &String::from_utf8_lossy(&bytes)))
        })
        .collect()
}

fn compare_definition(provenance: &Provenance, definition: &str) -> Verdict {
    let ours = match invalid_definition_message(&validate(definition, provenance.options())) {
        None => json!("valid"),
        Some(message) if provenance.file.starts_with("valid/") => json!(message),
        Some(_) => json!("invalid"),
    };
    let theirs = provenance.file.split('/').next().unwrap_or_default();
    let group = if provenance.is_judged_by_aws() {
        Group::DefinitionsByAws
    } else {
        Group::DefinitionsByOthers
    };
    verdict(&provenance.file, group, json!(theirs), ours)
}

fn verdict(name: &str, group: Group, recorded: Value, actual: Value) -> Verdict {
    let parts = vec![(Part::Outcome, Pair { recorded, actual })];
    Verdict { name: name.to_owned(), group, parts, skipped: None }
}

/// Compares our response to `ValidateStateMachineDefinition` with AWS's.
pub(super) fn compare_validation(request: &Request) -> Verdict {
    let body = body(request);
    let definition = body["definition"].as_str().unwrap_or_default();
    let severity = match body["severity"].as_str() {
        Some("WARNING") => Severity::Warning,
        _ => Severity::Error,
    };
    let max_results = body["maxResults"].as_u64().and_then(|max| usize::try_from(max).ok());
    let found = validate(definition, ValidationOptions::aws(api::state_machine_type(&body)));
    let ours = validation_response(&found, severity, max_results.unwrap_or(100));
    verdict(&request.name, Group::Validate, request.expected.clone(), ours)
}

/// Compares our response to a request that AWS rejected.
pub(super) fn compare_rejection(request: &Request) -> Verdict {
    let operation = api::operation_from_snake_case(&request.api);
    let recorded = RecordedError::parse(&request.expected);
    let ours = our_error(&operation, &body(request), &recorded);
    let ours = ours.map_or(json!("accepted"), |ours| {
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

/// Our error, from the service or from the SDK's own validation.
enum OurError {
    Service(ApiError),
    Client(String),
}

/// The recorded error of AWS. It shows which resources existed when the request was made.
struct RecordedError {
    code: String,
    message: String,
    operation: Option<String>,
}

impl RecordedError {
    fn parse(expected: &Value) -> Self {
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

    /// The invalid member and its value.
    fn invalid_member(&self) -> Option<(&str, &str)> {
        let (value, rest) = self.message.split_once("Value '")?.1.split_once("' at '")?;
        Some((rest.split_once('\'')?.0, value))
    }

    /// The member whose value was too short for the SDK to send; such a value is empty.
    fn too_short(&self) -> Option<&str> {
        let rest = self.message.split_once("Invalid length for parameter ")?.1;
        rest.split_once(", value: 0,").map(|(member, _)| member)
    }
}

/// Our error for the request. It follows from the request alone, or from what existed when the
/// request was made, which only the recorded code shows. If the recording omits the invalid
/// member, it is our error for a member with that value.
fn our_error(operation: &str, body: &Value, recorded: &RecordedError) -> Option<OurError> {
    if let Err(error) = api::check_request(operation, body) {
        return Some(OurError::Service(error));
    }
    if let Some(message) = api::sdk_validation_error(operation, body) {
        return Some(OurError::Client(message));
    }
    if let Some(error) = error_from_existing_resources(body, &recorded.code) {
        return Some(OurError::Service(error));
    }
    if let Some((member, value)) = recorded.invalid_member() {
        let errors = api::member_errors(member, value);
        let same = errors.iter().find(|error| error.message == recorded.message);
        return same.or(errors.first()).cloned().map(OurError::Service);
    }
    let errors = api::sdk_member_errors(recorded.too_short()?, "");
    errors.into_iter().next().map(OurError::Client)
}

fn error_from_existing_resources(body: &Value, code: &str) -> Option<ApiError> {
    let member = |name: &str| body[name].as_str();
    let arn =
        |kind: &str, rest: &str| format!("arn:aws:states:us-east-1:111111111111:{kind}:{rest}");
    Some(match code {
        "StateMachineDoesNotExist" => {
            api::errors::state_machine_does_not_exist(member("stateMachineArn")?)
        }
        "ExecutionDoesNotExist" => api::errors::execution_does_not_exist(member("executionArn")?),
        "ActivityDoesNotExist" => api::errors::activity_does_not_exist(member("activityArn")?),
        "StateMachineAlreadyExists" => {
            api::errors::state_machine_already_exists(&arn("stateMachine", member("name")?))
        }
        "ExecutionAlreadyExists" => {
            let machine = member("stateMachineArn")?.rsplit(':').next()?;
            let execution = format!("{machine}:{}", member("name")?);
            api::errors::execution_already_exists(&arn("execution", &execution))
        }
        _ => return None,
    })
}

impl OurError {
    /// The error in the form in which the recording has AWS's error.
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
