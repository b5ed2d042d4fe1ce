//! Validates requests of the Step Functions API. It is pure, so that the local endpoint and the
//! conformance run share one implementation.
//!
//! [`check_request`] returns AWS's error for everything that follows from the request alone: member
//! constraints (`ValidationException`), ARNs (`InvalidArn`), names (`InvalidName`), inputs
//! (`InvalidExecutionInput`), definitions (`InvalidDefinition`) and logging. The endpoint checks
//! what depends on existing resources; [`errors`] has the messages. [`sdk_validation_error`]
//! returns the errors that an AWS SDK raises before it sends a request.
//!
//! `shapes.rs` has the table of operations and members.

pub mod errors;
mod shapes;

use serde_json::Value;

use super::json::{self, JsonError};
use super::{StateMachineType, ValidationOptions, invalid_definition_message, validate};
pub use errors::{ApiError, ApiErrorCode};
use shapes::{Member, OPERATIONS, Rule};

/// Checks a request. `operation` is the name in `X-Amz-Target`, such as `StartExecution`; requests
/// of unknown operations pass.
///
/// # Errors
/// Returns the [`ApiError`] of AWS if the request is invalid regardless of existing resources.
pub fn check_request(operation: &str, request: &Value) -> Result<(), ApiError> {
    let Some(members) = shapes::members(operation) else { return Ok(()) };
    check_members(members, request)?;
    check_arns(members, request)?;
    match operation {
        "CreateStateMachine" => check_create_state_machine(request),
        "UpdateStateMachine" => check_update_state_machine(request),
        "CreateActivity" => check_name(request),
        "StartExecution" | "StartSyncExecution" => check_start_execution(request),
        "SendTaskSuccess" => check_output(request),
        _ => Ok(()),
    }
}

/// The API name of an operation from its name in the AWS SDK for Python: `StartExecution` from
/// `start_execution`.
pub fn operation_from_snake_case(name: &str) -> String {
    let capitalize = |word: &str| {
        let mut chars = word.chars();
        let first = chars.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(chars).collect::<String>()
    };
    name.split('_').map(capitalize).collect()
}

fn check_members(members: &[Member], request: &Value) -> Result<(), ApiError> {
    let violations: Vec<_> = members
        .iter()
        .filter_map(|member| {
            constraint_violation(member, request.get(member.name).unwrap_or(&Value::Null))
        })
        .collect();
    let plural = match violations.len() {
        0 => return Ok(()),
        1 => "error",
        _ => "errors",
    };
    let count = violations.len();
    let violations = violations.join("; ");
    let message = format!("{count} validation {plural} detected: {violations}");
    Err(ApiError::new(ApiErrorCode::ValidationException, message))
}

fn constraint_violation(member: &Member, value: &Value) -> Option<String> {
    let name = member.name;
    if value.is_null() {
        let message = "failed to satisfy constraint: Member must not be null";
        return member.required.then(|| format!("Value null at '{name}' {message}"));
    }
    let constraint = match (member.rule, value) {
        (
            Rule::Length { min, max } | Rule::Sensitive { min, max } | Rule::AliasName { min, max },
            Value::String(text),
        ) => match range_constraint(utf16_length(text), min, max) {
            Some(constraint) => format!("Member must have length {constraint}"),
            None if matches!(member.rule, Rule::AliasName { .. }) => alias_constraint(text)?,
            None => return None,
        },
        (Rule::Number { min, max }, Value::Number(number)) => {
            let constraint = range_constraint(number.as_i64()?, min, max)?;
            format!("Member must have value {constraint}")
        }
        (Rule::Enum(allowed), Value::String(value)) if !allowed.contains(&value.as_str()) => {
            format!("Member must satisfy enum value set: [{}]", allowed.join(", "))
        }
        _ => return None,
    };
    let printed_value = match (member.rule, value) {
        (Rule::Sensitive { .. }, _) => String::new(),
        (_, Value::String(text)) => format!("'{text}' "),
        (_, other) => format!("'{other}' "),
    };
    Some(format!("Value {printed_value}at '{name}' failed to satisfy constraint: {constraint}"))
}

/// The length as Java counts it, in UTF-16 units.
fn utf16_length(text: &str) -> usize {
    text.encode_utf16().count()
}

fn alias_constraint(name: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let is_alias = name.chars().all(allowed) && !name.chars().all(|c| c.is_ascii_digit());
    let pattern = r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$";
    (!is_alias).then(|| format!("Member must satisfy regular expression pattern: {pattern}"))
}

fn range_constraint<T: PartialOrd + Copy + std::fmt::Display>(
    value: T,
    min: T,
    max: T,
) -> Option<String> {
    if value < min {
        Some(format!("greater than or equal to {min}"))
    } else if value > max {
        Some(format!("less than or equal to {max}"))
    } else {
        None
    }
}

/// The errors of all operations for a member with this name and value, for when the rest of the
/// request is unknown.
pub fn member_errors(member: &str, value: &str) -> Vec<ApiError> {
    members_named(member)
        .filter_map(|member| {
            let value = match member.rule {
                Rule::Number { .. } => Value::from(value.parse::<i64>().ok()?),
                _ => Value::from(value),
            };
            check_members(&[*member], &serde_json::json!({ (member.name): value })).err()
        })
        .collect()
}

fn members_named(name: &str) -> impl Iterator<Item = &'static Member> {
    let members = OPERATIONS.iter().flat_map(|(_, members)| members.iter());
    members.filter(move |member| member.name == name)
}

/// The error that an AWS SDK raises before it sends the request, with the message of botocore:
/// missing members and strings that are too short. SDKs leave maximum lengths to the service.
pub fn sdk_validation_error(operation: &str, request: &Value) -> Option<String> {
    let members = shapes::members(operation)?;
    let missing = |member: &Member| member.required && request.get(member.name).is_none();
    let mut violations: Vec<_> = members
        .iter()
        .filter(|member| missing(member))
        .map(|member| format!("Missing required parameter in input: \"{}\"", member.name))
        .collect();
    violations.extend(
        members.iter().filter_map(|member| too_short(member, request.get(member.name)?.as_str()?)),
    );
    (!violations.is_empty())
        .then(|| format!("Parameter validation failed:\n{}", violations.join("\n")))
}

fn too_short(member: &Member, text: &str) -> Option<String> {
    let (Rule::Length { min, .. } | Rule::Sensitive { min, .. } | Rule::AliasName { min, .. }) =
        member.rule
    else {
        return None;
    };
    let length = text.chars().count();
    (length < min).then(|| {
        let name = member.name;
        format!("Invalid length for parameter {name}, value: {length}, valid min length: {min}")
    })
}

/// The errors of all operations that an AWS SDK raises for a member with this name and value, for
/// when the rest of the request is unknown.
pub fn sdk_member_errors(member: &str, value: &str) -> Vec<String> {
    let violations = members_named(member).filter_map(|member| too_short(member, value));
    violations
        .map(|constraint_violation| format!("Parameter validation failed:\n{constraint_violation}"))
        .collect()
}

/// The resource types of ARN members.
const ARN_RESOURCE_TYPES: &[(&str, &[&str])] = &[
    ("stateMachineArn", &["stateMachine"]),
    ("stateMachineVersionArn", &["stateMachine"]),
    ("stateMachineAliasArn", &["stateMachine"]),
    ("executionArn", &["execution"]),
    ("activityArn", &["activity"]),
];

fn check_arns(members: &[Member], request: &Value) -> Result<(), ApiError> {
    for (name, resource_types) in ARN_RESOURCE_TYPES {
        if !members.iter().any(|member| member.name == *name) {
            continue;
        }
        if let Some(arn) = request.get(*name).and_then(Value::as_str) {
            check_arn(arn, resource_types)?;
        }
    }
    Ok(())
}

fn check_arn(arn: &str, resource_types: &[&str]) -> Result<(), ApiError> {
    let invalid = |reason: String| {
        Err(ApiError::new(ApiErrorCode::InvalidArn, format!("Invalid Arn: '{reason}'")))
    };
    let parts: Vec<_> = arn.splitn(7, ':').collect();
    let ["arn", partition, "states", region, account, resource_type, name] = parts.as_slice()
    else {
        return invalid(format!("Invalid ARN prefix: {arn}"));
    };
    if [partition, region, account, name].into_iter().any(|part| part.is_empty()) {
        return invalid(format!("Invalid ARN prefix: {arn}"));
    }
    if !resource_types.contains(resource_type) {
        return invalid(format!("Resource type not valid in this context: {resource_type}"));
    }
    Ok(())
}

fn check_create_state_machine(request: &Value) -> Result<(), ApiError> {
    check_name(request)?;
    check_role(request)?;
    check_logging(request)?;
    check_version_description(request)?;
    check_definition_member(request, state_machine_type(request))
}

/// The endpoint checks the definition, because it knows the type of the state machine.
fn check_update_state_machine(request: &Value) -> Result<(), ApiError> {
    let changes = ["definition", "roleArn", "loggingConfiguration", "tracingConfiguration"];
    if changes.iter().all(|member| request.get(*member).is_none()) {
        return Err(ApiError::new(
            ApiErrorCode::MissingRequiredParameter,
            "Either the definition, the role ARN, the LoggingConfiguration, or the \
             TracingConfiguration must be specified",
        ));
    }
    check_role(request)?;
    check_logging(request)?;
    check_version_description(request)
}

/// The state machine type that a request specifies.
pub fn state_machine_type(request: &Value) -> StateMachineType {
    match request.get("type").and_then(Value::as_str) {
        Some("EXPRESS") => StateMachineType::Express,
        _ => StateMachineType::Standard,
    }
}

/// Checks a definition of a state machine of this type.
///
/// # Errors
/// Returns an `InvalidDefinition` error with all diagnostics.
pub fn check_definition(
    definition: &str,
    state_machine_type: StateMachineType,
) -> Result<(), ApiError> {
    match invalid_definition_message(&validate(
        definition,
        ValidationOptions::aws(state_machine_type),
    )) {
        None => Ok(()),
        Some(message) => Err(ApiError::new(ApiErrorCode::InvalidDefinition, message)),
    }
}

fn check_definition_member(
    request: &Value,
    state_machine_type: StateMachineType,
) -> Result<(), ApiError> {
    match request.get("definition").and_then(Value::as_str) {
        Some(definition) => check_definition(definition, state_machine_type),
        None => Ok(()),
    }
}

/// Names contain no white space, brackets, wildcards, special or control characters.
fn check_name(request: &Value) -> Result<(), ApiError> {
    let Some(name) = request.get("name").and_then(Value::as_str) else { return Ok(()) };
    let special = |c: char| "<>{}[]?*\"#%\\^|~`$&,;:/".contains(c);
    if name.contains(|c: char| c.is_whitespace() || c.is_control() || special(c)) {
        return Err(ApiError::new(ApiErrorCode::InvalidName, format!("Invalid Name: '{name}'")));
    }
    Ok(())
}

fn check_role(request: &Value) -> Result<(), ApiError> {
    let Some(role) = request.get("roleArn").and_then(Value::as_str) else { return Ok(()) };
    let parts: Vec<_> = role.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", _, _, resource] if resource.starts_with("role/") => Ok(()),
        _ => Err(ApiError::new(ApiErrorCode::InvalidArn, format!("Invalid Role Arn: '{role}'"))),
    }
}

fn check_logging(request: &Value) -> Result<(), ApiError> {
    let Some(logging) = request.get("loggingConfiguration") else { return Ok(()) };
    let level = logging.get("level").and_then(Value::as_str).unwrap_or("OFF");
    let destinations = logging.get("destinations").and_then(Value::as_array).map_or(0, Vec::len);
    if level != "OFF" && destinations != 1 {
        return Err(ApiError::new(
            ApiErrorCode::InvalidLoggingConfiguration,
            "Invalid Logging Configuration: Must specify exactly one Log Destination.",
        ));
    }
    Ok(())
}

fn check_version_description(request: &Value) -> Result<(), ApiError> {
    let publishes = request.get("publish").and_then(Value::as_bool).unwrap_or(false);
    if request.get("versionDescription").is_some() && !publishes {
        let message = "Version description can only be set when publish is true";
        return Err(ApiError::new(ApiErrorCode::ValidationException, message));
    }
    Ok(())
}

fn check_start_execution(request: &Value) -> Result<(), ApiError> {
    check_name(request)?;
    let input = request.get("input").and_then(Value::as_str).unwrap_or("{}");
    match json_error(input) {
        None => Ok(()),
        Some(reason) => {
            let message = format!("Invalid State Machine Execution Input: '{reason}'");
            Err(ApiError::new(ApiErrorCode::InvalidExecutionInput, message))
        }
    }
}

fn check_output(request: &Value) -> Result<(), ApiError> {
    let output = request.get("output").and_then(Value::as_str).unwrap_or("{}");
    match json_error(output) {
        None => Ok(()),
        Some(reason) => {
            Err(ApiError::new(ApiErrorCode::InvalidOutput, format!("Invalid Output: '{reason}'")))
        }
    }
}

/// Why a text is not JSON, if it is not.
fn json_error(text: &str) -> Option<String> {
    match json::read(text) {
        Ok(_) => None,
        Err(JsonError::Empty) => Some("No content to map due to end-of-input".to_owned()),
        Err(JsonError::TooDeep) => Some("The document is too deeply nested".to_owned()),
        Err(JsonError::Syntax { message, .. }) => Some(message),
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
        let got = got.as_ref().err().map(|error| (error.code.as_str(), error.message.as_str()));
        assert_eq!(got, expected, "{operation} {request}");
    }

    #[test]
    fn a_valid_request_passes() {
        let create = json!({"name": "m", "definition": DEFINITION, "roleArn": ROLE});
        check("CreateStateMachine", &create, None);
        check("StartExecution", &json!({"stateMachineArn": MACHINE}), None);
        check("StartExecution", &json!({"stateMachineArn": MACHINE, "input": "[1]"}), None);
        check("ListExecutions", &json!({"stateMachineArn": MACHINE, "maxResults": 1000}), None);
        check("NoSuchOperation", &json!({}), None);
    }

    #[test]
    fn all_constraint_violations_are_reported_together() {
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
    fn an_alias_name_must_not_look_like_a_version() {
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
    fn an_arn_must_have_the_resource_type_of_its_member() {
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
    fn names_inputs_and_logging_are_checked() {
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
    fn an_sdk_rejects_short_strings_before_sending() {
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
