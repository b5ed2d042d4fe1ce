//! Checks a Task state: its resource, parameters, credentials and timeouts.

use serde_json::{Map, Value};

use super::context::State;
use super::fields;
use super::location::Location;
use super::options::Profile;
use super::payload_template;
use super::report::Report;
use super::resource::{self, Target};
use super::values::{self, MAX_INTEGER};
use crate::definition::QueryLanguage;

/// Checks a Task state.
pub(super) fn check(report: &mut Report<'_>, state: &State<'_>) {
    match state.field("Resource") {
        None => report.required(&state.location, &["Resource"]),
        Some((location, value)) => {
            if let Some(target) =
                resource::check_task_resource(report, &location, value, state.context.express)
            {
                check_parameters(report, state, &target);
            }
        }
    }
    for field in ["TimeoutSeconds", "HeartbeatSeconds"] {
        if let Some((location, value)) = state.field(field) {
            values::integer(report, state.language, &location, value, (1, MAX_INTEGER));
        }
        if state.language == QueryLanguage::JsonPath {
            fields::value_or_path(report, &state.location, state.fields, field);
        }
    }
    check_heartbeat_below_timeout(report, state);
    if let Some((location, value)) = state.field("Credentials") {
        check_credentials(report, state.language, &location, value);
    }
}

fn check_heartbeat_below_timeout(report: &mut Report<'_>, state: &State<'_>) {
    let seconds = |field| state.fields.get(field).and_then(Value::as_i64);
    if let (Some(heartbeat), Some(timeout)) =
        (seconds("HeartbeatSeconds"), seconds("TimeoutSeconds"))
        && heartbeat >= timeout
    {
        report.schema(&state.location, "'HeartbeatSeconds' must be smaller than 'TimeoutSeconds'");
    }
}

/// The States Language requires only that credentials are an object; AWS requires a role.
fn check_credentials(
    report: &mut Report<'_>,
    language: QueryLanguage,
    location: &Location,
    value: &Value,
) {
    if language == QueryLanguage::Jsonata && value.is_string() {
        return payload_template::expressions(report, location, value);
    }
    let Some(credentials) = values::object(report, location, value) else { return };
    if report.options.profile == Profile::Aws && !has_field(credentials, "RoleArn", language) {
        report_missing(report, location, "RoleArn");
    }
    payload_template::payload(report, language, location, value);
}

fn report_missing(report: &mut Report<'_>, location: &Location, field: &str) {
    report.schema(location, format!("The field '{field}' is required but was missing"));
}

fn has_field(fields: &Map<String, Value>, field: &str, language: QueryLanguage) -> bool {
    let computed = language == QueryLanguage::JsonPath;
    fields.contains_key(field) || (computed && fields.contains_key(&format!("{field}.$")))
}

/// Checks the parameters of the optimized integrations that AWS knows.
fn check_parameters(report: &mut Report<'_>, state: &State<'_>, target: &Target) {
    if report.options.profile != Profile::Aws {
        return;
    }
    let field = match state.language {
        QueryLanguage::JsonPath => "Parameters",
        QueryLanguage::Jsonata => "Arguments",
    };
    let Some((location, Value::Object(parameters))) = state.field(field) else { return };
    let Some((required, optional)) = target.parameters() else { return };
    for name in required.iter().filter(|name| !has_field(parameters, name, state.language)) {
        report_missing(report, &location, name);
    }
    for name in parameters.keys() {
        let parameter = match state.language {
            QueryLanguage::JsonPath => name.strip_suffix(".$").unwrap_or(name),
            QueryLanguage::Jsonata => name,
        };
        if !required.contains(&parameter) && !optional.contains(&parameter) {
            report.schema(
                &location,
                format!("The field '{parameter}' is not supported by Step Functions"),
            );
        }
    }
}
