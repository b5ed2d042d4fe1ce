//! A Task state: what it calls, with what, as whom, and for how long.

use serde_json::{Map, Value};

use super::diagnostics::{Place, Report};
use super::resource::{self, Target};
use super::state::{self, State};
use super::values::{self, LARGEST};
use super::{Profile, payload_template};
use crate::definition::QueryLanguage;

/// Judges a Task state.
pub(super) fn check(report: &mut Report<'_>, state: &State<'_>) {
    match state.field("Resource") {
        None => report.required(&state.at, &["Resource"]),
        Some((at, value)) => {
            if let Some(target) = resource::of_task(report, &at, value, state.around.express) {
                parameters(report, state, &target);
            }
        }
    }
    for field in ["TimeoutSeconds", "HeartbeatSeconds"] {
        if let Some((at, value)) = state.field(field) {
            values::whole(report, state.language, &at, value, (1, LARGEST));
        }
        if state.language == QueryLanguage::JsonPath {
            state::or_path(report, &state.at, state.fields, field);
        }
    }
    heartbeat_within_timeout(report, state);
    if let Some((at, value)) = state.field("Credentials") {
        credentials(report, state.language, &at, value);
    }
}

fn heartbeat_within_timeout(report: &mut Report<'_>, state: &State<'_>) {
    let seconds = |field| state.fields.get(field).and_then(Value::as_i64);
    if let (Some(heartbeat), Some(timeout)) =
        (seconds("HeartbeatSeconds"), seconds("TimeoutSeconds"))
        && heartbeat >= timeout
    {
        report.schema(&state.at, "'HeartbeatSeconds' must be smaller than 'TimeoutSeconds'");
    }
}

/// The language says only that credentials are an object; AWS wants a role.
fn credentials(report: &mut Report<'_>, language: QueryLanguage, at: &Place, value: &Value) {
    if language == QueryLanguage::Jsonata && value.is_string() {
        return payload_template::expressions(report, at, value);
    }
    let Some(credentials) = values::object(report, at, value) else { return };
    if report.options.profile == Profile::Aws && !has(credentials, "RoleArn", language) {
        missing(report, at, "RoleArn");
    }
    payload_template::payload(report, language, at, value);
}

fn missing(report: &mut Report<'_>, at: &Place, field: &str) {
    report.schema(at, format!("The field '{field}' is required but was missing"));
}

fn has(fields: &Map<String, Value>, field: &str, language: QueryLanguage) -> bool {
    let dynamic = language == QueryLanguage::JsonPath;
    fields.contains_key(field) || (dynamic && fields.contains_key(&format!("{field}.$")))
}

/// What AWS knows of the parameters of the integrations it optimises.
fn parameters(report: &mut Report<'_>, state: &State<'_>, target: &Target) {
    if report.options.profile != Profile::Aws {
        return;
    }
    let field = match state.language {
        QueryLanguage::JsonPath => "Parameters",
        QueryLanguage::Jsonata => "Arguments",
    };
    let Some((at, Value::Object(given))) = state.field(field) else { return };
    let Some((required, optional)) = target.parameters() else { return };
    for name in required.iter().filter(|name| !has(given, name, state.language)) {
        missing(report, &at, name);
    }
    for name in given.keys() {
        let plain = match state.language {
            QueryLanguage::JsonPath => name.strip_suffix(".$").unwrap_or(name),
            QueryLanguage::Jsonata => name,
        };
        if !required.contains(&plain) && !optional.contains(&plain) {
            report.schema(&at, format!("The field '{plain}' is not supported by Step Functions"));
        }
    }
}
