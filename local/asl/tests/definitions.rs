//! Compares validation with recorded decisions: the definitions, rejected calls and validations in
//! `../shared/conformance/asl`.
//!
//! All definitions that AWS validated must have the same result here. Of the definitions that third
//! parties validated, `definitions-differences.md` lists exactly those with a different result,
//! with the reason. Rejected calls and validations must match word for word. Every definition that
//! AWS executed is valid.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use asl::validate::api::{self, ApiError, ApiErrorCode};
use asl::validate::{self, Severity, StateMachineType, ValidationOptions};
use serde_json::Value;

/// The folder of the recordings, if this checkout has it.
#[expect(clippy::disallowed_methods, reason = "only the environment tells whether this runs in CI")]
fn recordings() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = here.join("../../../shared/conformance/asl");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "no recordings at {}", folder.display());
    None
}

/// The folder of the recordings; returns early if it is absent.
macro_rules! recordings_or_skip {
    () => {
        match recordings() {
            Some(folder) => folder,
            None => {
                println!("skipped: ../shared/conformance/asl is absent");
                return;
            }
        }
    };
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read_json(path: &Path) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All vectors of one kind.
fn vectors(folder: &Path, kind: &str) -> Vec<Value> {
    let mut files: Vec<_> = std::fs::read_dir(folder.join("vectors"))
        .expect("the vectors")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    let all = files
        .iter()
        .flat_map(|file| read_json(file)["vectors"].as_array().expect("a list of vectors").clone());
    all.filter(|vector| vector["kind"] == kind).collect()
}

/// A definition as sent: the text of `{"$rawText": …}`, or the printed JSON.
fn sent(value: &Value) -> String {
    match value.get("$rawText").unwrap_or(value) {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// AWS validates definitions for deployment; third parties validate files in a repository. Only the
/// message tells whether AWS validated an Express workflow.
fn options(validator: &str) -> ValidationOptions {
    let by_aws = ["AWS CreateStateMachine", "AWS ValidateStateMachineDefinition"];
    if !by_aws.iter().any(|aws| validator.starts_with(aws)) {
        return ValidationOptions::template();
    }
    let express = validator.contains("Express state machine does not support");
    ValidationOptions::aws(if express {
        StateMachineType::Express
    } else {
        StateMachineType::Standard
    })
}

/// The files with a different result here, with our message, and the number of files.
fn differing(folder: &Path, by_aws: bool) -> (Vec<(String, String)>, usize) {
    let folder = folder.join("definitions");
    let provenance = read_json(&folder.join("PROVENANCE.json"));
    let mut differing = Vec::new();
    let mut total = 0;
    for row in provenance.as_array().expect("rows") {
        let file = row["file"].as_str().expect("a file");
        let options = options(row["judge"].as_str().expect("a judge"));
        if (options.profile == validate::Profile::Aws) != by_aws {
            continue;
        }
        total += 1;
        let diagnostics = validate::validate(&read(&folder.join(file)), options);
        let message = validate::invalid_definition_message(&diagnostics);
        if message.is_none() != file.starts_with("valid/") {
            differing.push((file.to_owned(), message.unwrap_or_else(|| "valid".to_owned())));
        }
    }
    (differing, total)
}

#[test]
fn every_definition_that_aws_validated_has_the_same_result() {
    let folder = recordings_or_skip!();
    let (differing, total) = differing(&folder, true);
    assert_eq!(differing, []);
    assert!(total > 0, "no definition was validated by AWS");
}

#[test]
fn third_party_results_differ_only_where_the_list_explains_it() {
    let folder = recordings_or_skip!();
    let (differing, total) = differing(&folder, false);
    println!("{} of {total} differ: {differing:#?}", differing.len());
    let list = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("definitions-differences.md"));
    let listed: BTreeSet<_> =
        list.lines().filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`')).collect();
    let found: BTreeSet<_> = differing.iter().map(|(file, _)| file.as_str()).collect();
    assert_eq!(found, listed, "definitions-differences.md does not list the actual differences");
    assert!(differing.len() * 50 <= total, "fewer than 98% agree");
}

#[test]
fn every_definition_that_aws_ran_is_valid() {
    let folder = recordings_or_skip!();
    let mut rejected = Vec::new();
    for vector in vectors(&folder, "execution") {
        let definition = sent(vector.get("definition_text").unwrap_or(&vector["definition"]));
        let flags = vector["flags"].as_array().expect("flags");
        let express = flags.iter().any(|flag| flag == "express");
        let kind = if express { StateMachineType::Express } else { StateMachineType::Standard };
        let diagnostics = validate::validate(&definition, ValidationOptions::aws(kind));
        if let Some(message) = validate::invalid_definition_message(&diagnostics) {
            rejected.push(format!("{}: {message}", vector["name"]));
        }
    }
    assert_eq!(rejected, Vec::<String>::new());
}

#[test]
fn every_recorded_validation_response_matches_word_for_word() {
    let folder = recordings_or_skip!();
    for vector in vectors(&folder, "validate_definition") {
        let request = &vector["request"];
        let options = ValidationOptions::aws(api::state_machine_type(request));
        let diagnostics = validate::validate(&sent(&request["definition"]), options);
        let error = validate::validation_response(&diagnostics, Severity::Error, 100);
        assert_eq!(error, vector["expected"], "{}", vector["name"]);
    }
}

/// The engine parses everything that validation accepts.
#[test]
fn the_engine_parses_every_valid_definition() {
    let folder = recordings_or_skip!().join("definitions");
    let provenance = read_json(&folder.join("PROVENANCE.json"));
    let mut unparsed = Vec::new();
    for row in provenance.as_array().expect("rows") {
        let definition = read(&folder.join(row["file"].as_str().expect("a file")));
        let diagnostics = validate::validate(&definition, ValidationOptions::default());
        if validate::invalid_definition_message(&diagnostics).is_some() {
            continue;
        }
        if let Err(reason) = asl::StateMachine::parse(&definition) {
            unparsed.push(format!("{}: {reason}", row["file"]));
        }
    }
    assert_eq!(unparsed, Vec::<String>::new());
}

/// The code and message of a recorded error.
fn recorded(expected: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(error) = expected.get("Error") {
        return (text(&error["Code"]), text(&error["Message"]));
    }
    let whole = text(expected.get("exception_value").unwrap_or(expected));
    let code = whole.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    match (code, whole.split_once("operation: ")) {
        (Some((code, _)), Some((_, message))) => (code.to_owned(), message.to_owned()),
        _ => (text(&expected["exception_typename"]), whole),
    }
}

/// The member and value in a message.
fn member_and_value(message: &str) -> Option<(&str, &str)> {
    if let Some((_, rest)) = message.split_once("Invalid length for parameter ") {
        return rest.split_once(", value: 0").map(|(member, _)| (member, ""));
    }
    let (_, rest) = message.split_once("detected: Value '")?;
    let (value, rest) = rest.split_once("' at '")?;
    let (member, _) = rest.split_once("' failed")?;
    Some((member, value))
}

/// The request as sent: definitions and data are strings.
fn as_sent(request: &Value) -> Value {
    let mut request = request.clone();
    for member in ["definition", "input", "output"] {
        if let Some(value) = request.get(member) {
            request[member] = Value::from(sent(value));
        }
    }
    request
}

/// Our errors for a recorded call: one error, or, if the recording lacks the rejected call, the
/// errors of all operations.
fn our_errors(vector: &Value, code: &str, message: &str) -> Vec<ApiError> {
    let operation = api::operation_from_snake_case(vector["api"].as_str().expect("an operation"));
    let request = as_sent(&vector["request"]);
    if let Some(message) = api::sdk_validation_error(&operation, &request) {
        return vec![ApiError::new(ApiErrorCode::ParamValidationError, message)];
    }
    if let Err(rejected) = api::check_request(&operation, &request) {
        return vec![rejected];
    }
    // Some recordings have the error of another call than the one they show. The message names
    // the member and value, which some operation must reject.
    match member_and_value(message).filter(|(member, _)| request.get(*member).is_none()) {
        Some((member, value)) => {
            let by_client = api::sdk_member_errors(member, value).into_iter();
            let by_client =
                by_client.map(|reason| ApiError::new(ApiErrorCode::ParamValidationError, reason));
            api::member_errors(member, value).into_iter().chain(by_client).collect()
        }
        None => vec![resource_error(&operation, &request, code)],
    }
}

/// The error that depends on existing resources.
fn resource_error(operation: &str, request: &Value, code: &str) -> ApiError {
    let member = |name: &str| request[name].as_str().unwrap_or_default();
    let arn =
        |kind: &str, name: &str| format!("arn:aws:states:us-east-1:111111111111:{kind}:{name}");
    match (operation, code) {
        ("CreateStateMachine", _) => {
            let existing = arn("stateMachine", member("name"));
            api::errors::state_machine_already_exists(&existing)
        }
        ("StartExecution", "ExecutionAlreadyExists") => {
            let machine = member("stateMachineArn").rsplit(':').next().unwrap_or_default();
            let name = format!("{machine}:{}", member("name"));
            api::errors::execution_already_exists(&arn("execution", &name))
        }
        (_, "ExecutionDoesNotExist") => {
            api::errors::execution_does_not_exist(member("executionArn"))
        }
        (_, "ActivityDoesNotExist") => api::errors::activity_does_not_exist(member("activityArn")),
        (_, "StateMachineTypeNotSupported") => api::errors::state_machine_type_not_supported(),
        _ => api::errors::state_machine_does_not_exist(member("stateMachineArn")),
    }
}

/// Whether a text matches a recording, in which `<resource:1>` stands for any text.
fn matches_recording(recorded: &str, text: &str) -> bool {
    let Some((before, rest)) = recorded.split_once('<') else { return recorded == text };
    let Some((_, after)) = rest.split_once('>') else { return recorded == text };
    let Some(text) = text.strip_prefix(before) else { return false };
    text.char_indices()
        .any(|(at, _)| text.get(at..).is_some_and(|text| matches_recording(after, text)))
}

#[test]
fn every_recorded_error_of_a_call_matches_word_for_word() {
    let folder = recordings_or_skip!();
    let mut differing = Vec::new();
    for vector in vectors(&folder, "api_error") {
        let (code, message) = recorded(&vector["expected"]);
        let our_errors = our_errors(&vector, &code, &message);
        if !our_errors
            .iter()
            .any(|error| error.code.as_str() == code && matches_recording(&message, &error.message))
        {
            differing.push(format!("{}: {code}: {message}\n  {our_errors:?}", vector["name"]));
        }
    }
    assert_eq!(differing, Vec::<String>::new());
}
