//! Validation against what AWS and others judged: the recorded definitions,
//! refused calls and validations in `../shared/conformance/asl`.
//!
//! A definition that AWS judged is judged the same, every one. Of those that
//! others judged, `definitions-differences.md` lists each on which we differ, with
//! why AWS is believed to side with us; the list must be exact. Refused calls and
//! validations agree word for word. Every definition that AWS ran, in any vector,
//! is valid.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use asl::validate::api::{self, ApiError, ApiErrorCode};
use asl::validate::{self, Severity, StateMachineType, ValidationOptions};
use serde_json::Value;

/// The recordings; none where this checkout stands without them.
#[expect(clippy::disallowed_methods, reason = "whether this is CI is known from nowhere else")]
fn recordings() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = here.join("../../../shared/conformance/asl");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "no recordings at {}", folder.display());
    None
}

/// The recordings, or an early return that says that there was nothing to judge by.
macro_rules! recordings_or_skip {
    () => {
        match recordings() {
            Some(folder) => folder,
            None => {
                println!("skipped: ../shared/conformance/asl is not here");
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

/// A definition as it was sent: `{"$rawText": …}` is that text, JSON is printed.
fn sent(value: &Value) -> String {
    match value.get("$rawText").unwrap_or(value) {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// AWS judges what is to be deployed, the others what stands in a repository.
/// Whether AWS judged an express machine is recorded only in its sentence.
fn options(judge: &str) -> ValidationOptions {
    let by_aws = ["AWS CreateStateMachine", "AWS ValidateStateMachineDefinition"];
    if !by_aws.iter().any(|aws| judge.starts_with(aws)) {
        return ValidationOptions::template();
    }
    let express = judge.contains("Express state machine does not support");
    ValidationOptions::aws(if express {
        StateMachineType::Express
    } else {
        StateMachineType::Standard
    })
}

/// The files that we judge otherwise, with our reason, and how many there are of
/// this judge.
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
        let refusal = validate::invalid_definition_message(&diagnostics);
        if refusal.is_none() != file.starts_with("valid/") {
            differing.push((file.to_owned(), refusal.unwrap_or_else(|| "valid".to_owned())));
        }
    }
    (differing, total)
}

#[test]
fn every_definition_that_aws_judged_is_judged_the_same() {
    let folder = recordings_or_skip!();
    let (differing, total) = differing(&folder, true);
    assert_eq!(differing, []);
    assert!(total > 0, "no definition was judged by AWS");
}

#[test]
fn the_definitions_that_others_judged_differ_only_where_the_list_says_why() {
    let folder = recordings_or_skip!();
    let (differing, total) = differing(&folder, false);
    println!("{} of {total} differ: {differing:#?}", differing.len());
    let list = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("definitions-differences.md"));
    let listed: BTreeSet<_> =
        list.lines().filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`')).collect();
    let found: BTreeSet<_> = differing.iter().map(|(file, _)| file.as_str()).collect();
    assert_eq!(found, listed, "definitions-differences.md is not what is");
    assert!(differing.len() * 50 <= total, "fewer than 98 % agree");
}

#[test]
fn every_definition_that_aws_ran_is_valid() {
    let folder = recordings_or_skip!();
    let mut refused = Vec::new();
    for vector in vectors(&folder, "execution") {
        let definition = sent(vector.get("definition_text").unwrap_or(&vector["definition"]));
        let flags = vector["flags"].as_array().expect("flags");
        let express = flags.iter().any(|flag| flag == "express");
        let kind = if express { StateMachineType::Express } else { StateMachineType::Standard };
        let diagnostics = validate::validate(&definition, ValidationOptions::aws(kind));
        if let Some(refusal) = validate::invalid_definition_message(&diagnostics) {
            refused.push(format!("{}: {refusal}", vector["name"]));
        }
    }
    assert_eq!(refused, Vec::<String>::new());
}

#[test]
fn every_recorded_validation_is_answered_word_for_word() {
    let folder = recordings_or_skip!();
    for vector in vectors(&folder, "validate_definition") {
        let request = &vector["request"];
        let options = ValidationOptions::aws(api::state_machine_type(request));
        let diagnostics = validate::validate(&sent(&request["definition"]), options);
        let answer = validate::validation_response(&diagnostics, Severity::Error, 100);
        assert_eq!(answer, vector["expected"], "{}", vector["name"]);
    }
}

/// What validation lets through, the engine reads: the two do not drift apart.
#[test]
fn every_definition_that_is_let_through_is_read_by_the_engine() {
    let folder = recordings_or_skip!().join("definitions");
    let provenance = read_json(&folder.join("PROVENANCE.json"));
    let mut unread = Vec::new();
    for row in provenance.as_array().expect("rows") {
        let definition = read(&folder.join(row["file"].as_str().expect("a file")));
        let diagnostics = validate::validate(&definition, ValidationOptions::default());
        if validate::invalid_definition_message(&diagnostics).is_some() {
            continue;
        }
        if let Err(why) = asl::StateMachine::parse(&definition) {
            unread.push(format!("{}: {why}", row["file"]));
        }
    }
    assert_eq!(unread, Vec::<String>::new());
}

/// A refusal as the recordings have it: code and sentence.
fn recorded(expected: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(error) = expected.get("Error") {
        return (text(&error["Code"]), text(&error["Message"]));
    }
    let whole = text(expected.get("exception_value").unwrap_or(expected));
    let code = whole.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    match (code, whole.split_once("operation: ")) {
        (Some((code, _)), Some((_, sentence))) => (code.to_owned(), sentence.to_owned()),
        _ => (text(&expected["exception_typename"]), whole),
    }
}

/// The member and the value that a complaint cites.
fn cited(sentence: &str) -> Option<(&str, &str)> {
    if let Some((_, rest)) = sentence.split_once("Invalid length for parameter ") {
        return rest.split_once(", value: 0").map(|(member, _)| (member, ""));
    }
    let (_, rest) = sentence.split_once("detected: Value '")?;
    let (value, rest) = rest.split_once("' at '")?;
    let (member, _) = rest.split_once("' failed")?;
    Some((member, value))
}

/// The request as it went over the wire: definitions and data are texts there.
fn on_the_wire(request: &Value) -> Value {
    let mut request = request.clone();
    for member in ["definition", "input", "output"] {
        if let Some(value) = request.get(member) {
            request[member] = Value::from(sent(value));
        }
    }
    request
}

/// What we answer to a recorded call: one answer, or, where the refused call was
/// not recorded, each of those that some operation could give.
fn answers(vector: &Value, code: &str, sentence: &str) -> Vec<ApiError> {
    let operation = api::operation_from_snake_case(vector["api"].as_str().expect("an operation"));
    let request = on_the_wire(&vector["request"]);
    if let Some(client) = api::sdk_validation_error(&operation, &request) {
        return vec![ApiError::new(ApiErrorCode::ParamValidationError, client)];
    }
    if let Err(refused) = api::check_request(&operation, &request) {
        return vec![refused];
    }
    // Some recordings keep the refusal of another call than the one they show.
    // The refusal cites what it refused: some operation must refuse just that.
    match cited(sentence).filter(|(member, _)| request.get(*member).is_none()) {
        Some((member, value)) => {
            let by_client = api::sdk_member_errors(member, value).into_iter();
            let by_client =
                by_client.map(|why| ApiError::new(ApiErrorCode::ParamValidationError, why));
            api::member_errors(member, value).into_iter().chain(by_client).collect()
        }
        None => vec![in_that_world(&operation, &request, code)],
    }
}

/// The answer where what exists is what made AWS refuse the call.
fn in_that_world(operation: &str, request: &Value, code: &str) -> ApiError {
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

/// Whether a text is what was recorded, where `<resource:1>` stands for any text.
fn agrees(recorded: &str, text: &str) -> bool {
    let Some((before, rest)) = recorded.split_once('<') else { return recorded == text };
    let Some((_, after)) = rest.split_once('>') else { return recorded == text };
    let Some(text) = text.strip_prefix(before) else { return false };
    text.char_indices().any(|(at, _)| text.get(at..).is_some_and(|text| agrees(after, text)))
}

#[test]
fn every_recorded_refusal_of_a_call_is_given_word_for_word() {
    let folder = recordings_or_skip!();
    let mut differing = Vec::new();
    for vector in vectors(&folder, "api_error") {
        let (code, sentence) = recorded(&vector["expected"]);
        let answers = answers(&vector, &code, &sentence);
        if !answers
            .iter()
            .any(|answer| answer.code.as_str() == code && agrees(&sentence, &answer.message))
        {
            differing.push(format!("{}: {code}: {sentence}\n  {answers:?}", vector["name"]));
        }
    }
    assert_eq!(differing, Vec::<String>::new());
}
