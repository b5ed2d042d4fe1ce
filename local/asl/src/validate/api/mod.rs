//! The Step Functions API's own validation of requests: pure, so that the real
//! endpoint and the conformance run judge by one implementation.
//!
//! [`check_request`] gives AWS's error for what can be told from the request
//! alone: bounds of members (`ValidationException`), ARNs (`InvalidArn`), names
//! (`InvalidName`), inputs (`InvalidExecutionInput`), the definition
//! (`InvalidDefinition`), logging. What depends on what exists is the endpoint's;
//! [`errors`] has its sentences. [`sdk_validation_error`] says what an SDK refuses
//! before it sends anything.
//!
//! `shapes.rs` is the table of operations and members.

pub mod errors;
mod shapes;

use serde_json::Value;
use thiserror::Error;

use super::json::{self, Fault};
use super::{StateMachineType, ValidationOptions, invalid_definition_message, validate};
use shapes::{Member, OPERATIONS, Rule};

/// An error of the API, as AWS answers it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// AWS's code, such as `InvalidArn`.
    pub code: &'static str,
    /// AWS's sentence.
    pub message: String,
}

impl ApiError {
    /// An error with this code and sentence.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// What AWS answers to a request whatever exists, if it refuses it. The
/// operation is named as in `X-Amz-Target`: `StartExecution`. An operation that
/// is not known is not judged.
pub fn check_request(operation: &str, request: &Value) -> Result<(), ApiError> {
    let Some(members) = shapes::members(operation) else { return Ok(()) };
    check_members(members, request)?;
    check_arns(members, request)?;
    match operation {
        "CreateStateMachine" => create_state_machine(request),
        "UpdateStateMachine" => update_state_machine(request),
        "CreateActivity" => name(request),
        "StartExecution" | "StartSyncExecution" => start_execution(request),
        "SendTaskSuccess" => output(request),
        _ => Ok(()),
    }
}

/// The name of an operation in the API, from its name in Python's SDK:
/// `start_execution` is `StartExecution`.
pub fn operation_from_snake_case(python: &str) -> String {
    let capitalised = |word: &str| {
        let mut chars = word.chars();
        let first = chars.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(chars).collect::<String>()
    };
    python.split('_').map(capitalised).collect()
}

fn check_members(members: &[Member], request: &Value) -> Result<(), ApiError> {
    let complaints: Vec<_> = members
        .iter()
        .filter_map(|member| complaint(member, request.get(member.name).unwrap_or(&Value::Null)))
        .collect();
    let plural = match complaints.len() {
        0 => return Ok(()),
        1 => "error",
        _ => "errors",
    };
    let count = complaints.len();
    let complaints = complaints.join("; ");
    let message = format!("{count} validation {plural} detected: {complaints}");
    Err(ApiError::new("ValidationException", message))
}

fn complaint(member: &Member, value: &Value) -> Option<String> {
    let name = member.name;
    if value.is_null() {
        let wrong = "failed to satisfy constraint: Member must not be null";
        return member.required.then(|| format!("Value null at '{name}' {wrong}"));
    }
    let wanted = match (member.rule, value) {
        (
            Rule::Text { least, most }
            | Rule::Private { least, most }
            | Rule::Alias { least, most },
            Value::String(text),
        ) => match beyond(length(text), least, most) {
            Some(wanted) => format!("Member must have length {wanted}"),
            None if matches!(member.rule, Rule::Alias { .. }) => wanted_alias(text)?,
            None => return None,
        },
        (Rule::Number { least, most }, Value::Number(number)) => {
            let wanted = beyond(number.as_i64()?, least, most)?;
            format!("Member must have value {wanted}")
        }
        (Rule::Word(words), Value::String(word)) if !words.contains(&word.as_str()) => {
            format!("Member must satisfy enum value set: [{}]", words.join(", "))
        }
        _ => return None,
    };
    let shown = match (member.rule, value) {
        (Rule::Private { .. }, _) => String::new(),
        (_, Value::String(text)) => format!("'{text}' "),
        (_, other) => format!("'{other}' "),
    };
    Some(format!("Value {shown}at '{name}' failed to satisfy constraint: {wanted}"))
}

/// Java counts UTF-16 units.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

fn wanted_alias(name: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let is_alias = name.chars().all(allowed) && !name.chars().all(|c| c.is_ascii_digit());
    let pattern = r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$";
    (!is_alias).then(|| format!("Member must satisfy regular expression pattern: {pattern}"))
}

fn beyond<T: PartialOrd + Copy + std::fmt::Display>(found: T, least: T, most: T) -> Option<String> {
    if found < least {
        Some(format!("greater than or equal to {least}"))
    } else if found > most {
        Some(format!("less than or equal to {most}"))
    } else {
        None
    }
}

/// All complaints that any operation makes about a member of this name with this
/// value: for when a complaint is known and the request is not.
pub fn member_errors(member: &str, value: &str) -> Vec<ApiError> {
    named(member)
        .filter_map(|member| {
            let value = match member.rule {
                Rule::Number { .. } => Value::from(value.parse::<i64>().ok()?),
                _ => Value::from(value),
            };
            check_members(&[*member], &serde_json::json!({ (member.name): value })).err()
        })
        .collect()
}

fn named(name: &str) -> impl Iterator<Item = &'static Member> {
    let members = OPERATIONS.iter().flat_map(|(_, members)| members.iter());
    members.filter(move |member| member.name == name)
}

/// What an AWS SDK refuses before it sends a request, in botocore's words:
/// members that are missing and texts that are too short. (What is too long is
/// left to the server.)
pub fn sdk_validation_error(operation: &str, request: &Value) -> Option<String> {
    let members = shapes::members(operation)?;
    let missing = |member: &Member| member.required && request.get(member.name).is_none();
    let mut complaints: Vec<_> = members
        .iter()
        .filter(|member| missing(member))
        .map(|member| format!("Missing required parameter in input: \"{}\"", member.name))
        .collect();
    complaints.extend(
        members.iter().filter_map(|member| too_short(member, request.get(member.name)?.as_str()?)),
    );
    (!complaints.is_empty())
        .then(|| format!("Parameter validation failed:\n{}", complaints.join("\n")))
}

fn too_short(member: &Member, text: &str) -> Option<String> {
    let (Rule::Text { least, .. } | Rule::Private { least, .. } | Rule::Alias { least, .. }) =
        member.rule
    else {
        return None;
    };
    let length = text.chars().count();
    (length < least).then(|| {
        let name = member.name;
        format!("Invalid length for parameter {name}, value: {length}, valid min length: {least}")
    })
}

/// Whether an SDK would refuse a member of this name with this value, in
/// botocore's words: for when the complaint is known and the request is not.
pub fn sdk_member_errors(member: &str, value: &str) -> Vec<String> {
    let complaints = named(member).filter_map(|member| too_short(member, value));
    complaints.map(|complaint| format!("Parameter validation failed:\n{complaint}")).collect()
}

/// Which resource a member's ARN names.
const RESOURCES: &[(&str, &[&str])] = &[
    ("stateMachineArn", &["stateMachine"]),
    ("stateMachineVersionArn", &["stateMachine"]),
    ("stateMachineAliasArn", &["stateMachine"]),
    ("executionArn", &["execution"]),
    ("activityArn", &["activity"]),
];

fn check_arns(members: &[Member], request: &Value) -> Result<(), ApiError> {
    for (name, kinds) in RESOURCES {
        if !members.iter().any(|member| member.name == *name) {
            continue;
        }
        if let Some(arn) = request.get(*name).and_then(Value::as_str) {
            check_arn(arn, kinds)?;
        }
    }
    Ok(())
}

fn check_arn(arn: &str, kinds: &[&str]) -> Result<(), ApiError> {
    let invalid = |why: String| Err(ApiError::new("InvalidArn", format!("Invalid Arn: '{why}'")));
    let parts: Vec<_> = arn.splitn(7, ':').collect();
    let ["arn", partition, "states", region, account, kind, name] = parts.as_slice() else {
        return invalid(format!("Invalid ARN prefix: {arn}"));
    };
    if [partition, region, account, name].into_iter().any(|part| part.is_empty()) {
        return invalid(format!("Invalid ARN prefix: {arn}"));
    }
    if !kinds.contains(kind) {
        return invalid(format!("Resource type not valid in this context: {kind}"));
    }
    Ok(())
}

fn create_state_machine(request: &Value) -> Result<(), ApiError> {
    name(request)?;
    role(request)?;
    logging(request)?;
    version_description(request)?;
    definition(request, machine_type(request))
}

/// The definition is judged by the endpoint, which knows the machine's type.
fn update_state_machine(request: &Value) -> Result<(), ApiError> {
    let changes = ["definition", "roleArn", "loggingConfiguration", "tracingConfiguration"];
    if changes.iter().all(|member| request.get(*member).is_none()) {
        return Err(ApiError::new(
            "MissingRequiredParameter",
            "Either the definition, the role ARN, the LoggingConfiguration, or the \
             TracingConfiguration must be specified",
        ));
    }
    role(request)?;
    logging(request)?;
    version_description(request)
}

/// The type that a request asks for.
pub fn machine_type(request: &Value) -> StateMachineType {
    match request.get("type").and_then(Value::as_str) {
        Some("EXPRESS") => StateMachineType::Express,
        _ => StateMachineType::Standard,
    }
}

/// Whether a definition may be that of a machine of this type.
pub fn check_definition(definition: &str, machine_type: StateMachineType) -> Result<(), ApiError> {
    match invalid_definition_message(&validate(definition, ValidationOptions::aws(machine_type))) {
        None => Ok(()),
        Some(message) => Err(ApiError::new("InvalidDefinition", message)),
    }
}

fn definition(request: &Value, machine_type: StateMachineType) -> Result<(), ApiError> {
    match request.get("definition").and_then(Value::as_str) {
        Some(definition) => check_definition(definition, machine_type),
        None => Ok(()),
    }
}

/// White space, brackets, wildcards, special and control characters are in no name.
fn name(request: &Value) -> Result<(), ApiError> {
    let Some(name) = request.get("name").and_then(Value::as_str) else { return Ok(()) };
    let special = |c: char| "<>{}[]?*\"#%\\^|~`$&,;:/".contains(c);
    if name.contains(|c: char| c.is_whitespace() || c.is_control() || special(c)) {
        return Err(ApiError::new("InvalidName", format!("Invalid Name: '{name}'")));
    }
    Ok(())
}

fn role(request: &Value) -> Result<(), ApiError> {
    let Some(role) = request.get("roleArn").and_then(Value::as_str) else { return Ok(()) };
    let parts: Vec<_> = role.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", _, _, resource] if resource.starts_with("role/") => Ok(()),
        _ => Err(ApiError::new("InvalidArn", format!("Invalid Role Arn: '{role}'"))),
    }
}

fn logging(request: &Value) -> Result<(), ApiError> {
    let Some(logging) = request.get("loggingConfiguration") else { return Ok(()) };
    let level = logging.get("level").and_then(Value::as_str).unwrap_or("OFF");
    let destinations = logging.get("destinations").and_then(Value::as_array).map_or(0, Vec::len);
    if level != "OFF" && destinations != 1 {
        return Err(ApiError::new(
            "InvalidLoggingConfiguration",
            "Invalid Logging Configuration: Must specify exactly one Log Destination.",
        ));
    }
    Ok(())
}

fn version_description(request: &Value) -> Result<(), ApiError> {
    let publishes = request.get("publish").and_then(Value::as_bool).unwrap_or(false);
    if request.get("versionDescription").is_some() && !publishes {
        let wrong = "Version description can only be set when publish is true";
        return Err(ApiError::new("ValidationException", wrong));
    }
    Ok(())
}

fn start_execution(request: &Value) -> Result<(), ApiError> {
    name(request)?;
    let input = request.get("input").and_then(Value::as_str).unwrap_or("{}");
    match not_json(input) {
        None => Ok(()),
        Some(why) => {
            let message = format!("Invalid State Machine Execution Input: '{why}'");
            Err(ApiError::new("InvalidExecutionInput", message))
        }
    }
}

fn output(request: &Value) -> Result<(), ApiError> {
    let output = request.get("output").and_then(Value::as_str).unwrap_or("{}");
    match not_json(output) {
        None => Ok(()),
        Some(why) => Err(ApiError::new("InvalidOutput", format!("Invalid Output: '{why}'"))),
    }
}

/// Why a text is not JSON, if it is not.
fn not_json(text: &str) -> Option<String> {
    match json::read(text) {
        Ok(_) => None,
        Err(Fault::Empty) => Some("No content to map due to end-of-input".to_owned()),
        Err(Fault::TooDeep) => Some("The document is too deeply nested".to_owned()),
        Err(Fault::Syntax { message, .. }) => Some(message),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:m";
    const ROLE: &str = "arn:aws:iam::000000000000:role/r";
    const DEFINITION: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#;

    fn check(operation: &str, request: &Value, expected: Option<(&str, &str)>) {
        let got = check_request(operation, request);
        let got = got.as_ref().err().map(|error| (error.code, error.message.as_str()));
        assert_eq!(got, expected, "{operation} {request}");
    }

    #[test]
    fn a_request_that_can_be_right_is_let_through() {
        let create = json!({"name": "m", "definition": DEFINITION, "roleArn": ROLE});
        check("CreateStateMachine", &create, None);
        check("StartExecution", &json!({"stateMachineArn": MACHINE}), None);
        check("StartExecution", &json!({"stateMachineArn": MACHINE, "input": "[1]"}), None);
        check("ListExecutions", &json!({"stateMachineArn": MACHINE, "maxResults": 1000}), None);
        check("NoSuchOperation", &json!({}), None);
    }

    #[test]
    fn members_out_of_bounds_are_named_together() {
        check(
            "ListExecutions",
            &json!({"stateMachineArn": MACHINE, "maxResults": 1001}),
            Some((
                "ValidationException",
                "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy \
                 constraint: Member must have value less than or equal to 1000",
            )),
        );
        check(
            "CreateStateMachine",
            &json!({"name": "", "roleArn": ROLE}),
            Some((
                "ValidationException",
                "2 validation errors detected: Value '' at 'name' failed to satisfy constraint: \
                 Member must have length greater than or equal to 1; Value null at 'definition' \
                 failed to satisfy constraint: Member must not be null",
            )),
        );
    }

    #[test]
    fn an_alias_is_not_named_like_a_version() {
        let request = |name: &str| json!({"name": name, "routingConfiguration": []});
        check("CreateStateMachineAlias", &request("live-2.0"), None);
        check(
            "CreateStateMachineAlias",
            &request("123"),
            Some((
                "ValidationException",
                "1 validation error detected: Value '123' at 'name' failed to satisfy \
                 constraint: Member must satisfy regular expression pattern: \
                 ^(?=.*[a-zA-Z_\\-\\.])[a-zA-Z0-9_\\-\\.]+$",
            )),
        );
    }

    #[test]
    fn an_arn_is_of_the_kind_that_its_member_names() {
        check(
            "DescribeStateMachine",
            &json!({"stateMachineArn": "not_a_valid_arn"}),
            Some(("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'")),
        );
        check(
            "DescribeExecution",
            &json!({"executionArn": MACHINE}),
            Some((
                "InvalidArn",
                "Invalid Arn: 'Resource type not valid in this context: stateMachine'",
            )),
        );
    }

    #[test]
    fn names_inputs_and_logging_have_rules_of_their_own() {
        check(
            "StartExecution",
            &json!({"stateMachineArn": MACHINE, "name": "a b"}),
            Some(("InvalidName", "Invalid Name: 'a b'")),
        );
        check(
            "StartExecution",
            &json!({"stateMachineArn": MACHINE, "input": "nothing"}),
            Some((
                "InvalidExecutionInput",
                "Invalid State Machine Execution Input: 'Unrecognized token 'nothing': was \
                 expecting (JSON String, Number, Array, Object or token 'null', 'true' or \
                 'false')\n at [Source: (String)\"nothing\"; line: 1, column: 8]'",
            )),
        );
        let logged = json!({"name": "m", "definition": DEFINITION, "roleArn": ROLE,
            "loggingConfiguration": {"level": "ALL"}});
        check(
            "CreateStateMachine",
            &logged,
            Some((
                "InvalidLoggingConfiguration",
                "Invalid Logging Configuration: Must specify exactly one Log Destination.",
            )),
        );
    }

    #[test]
    fn an_sdk_refuses_what_is_too_short_before_it_is_sent() {
        let request = json!({"stateMachineArn": MACHINE, "nextToken": ""});
        assert_eq!(
            sdk_validation_error("ListExecutions", &request).as_deref(),
            Some(
                "Parameter validation failed:\nInvalid length for parameter nextToken, value: 0, \
                 valid min length: 1"
            )
        );
        assert_eq!(operation_from_snake_case("start_execution"), "StartExecution");
    }
}
