//! Rules for the fields that several state types share, and for Pass, Wait and Fail states.
//!
//! `choice.rs`, `map.rs`, `task.rs` and `retry.rs` check the other fields.

use serde_json::{Map, Value};

use super::context::State;
use super::diagnostics::DiagnosticCode;
use super::fields::{self, LANGUAGES, TYPES, WITH_NEXT};
use super::location::Location;
use super::paths::AllowedRoots;
use super::report::Report;
use super::values::{self, MAX_INTEGER};
use super::{payload_template, retry};
use crate::definition::QueryLanguage::{self, JsonPath, Jsonata};

/// The query language of a state.
pub(super) fn query_language(
    report: &mut Report<'_>,
    location: &Location,
    fields: &Map<String, Value>,
    inherited: QueryLanguage,
) -> QueryLanguage {
    let Some(value) = fields.get("QueryLanguage") else { return inherited };
    values::enum_value(
        report,
        &location.field("QueryLanguage"),
        "QueryLanguage",
        value,
        &LANGUAGES,
    );
    let own = fields::language(value);
    if (inherited, own) == (Jsonata, JsonPath) {
        let message =
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine";
        report.schema(location, message);
    }
    own
}

/// The type of a state, if it is valid.
pub(super) fn state_type<'s>(
    report: &mut Report<'_>,
    location: &Location,
    fields: &'s Map<String, Value>,
) -> Option<&'s str> {
    let Some(value) = fields.get("Type") else {
        report.required(location, &["Type"]);
        return None;
    };
    let type_name = values::string(report, &location.field("Type"), value)?;
    if !TYPES.contains(&type_name) {
        report.not_in_enum(&location.field("Type"), "Type", &TYPES);
        return None;
    }
    Some(type_name)
}

/// Checks the fields that several types share. Fields of the other query language have been
/// reported already and are skipped.
pub(super) fn check_common(report: &mut Report<'_>, state: &State<'_>) {
    if let Some((location, value)) = state.field("Comment") {
        values::string(report, &location, value);
    }
    if WITH_NEXT.contains(&state.type_name) {
        next_or_end(report, state);
    }
    match state.language {
        JsonPath => paths_and_templates(report, state),
        Jsonata => {
            for field in ["Arguments", "Output"] {
                if let Some((location, value)) = state.field(field) {
                    payload_template::expressions(report, &location, value);
                }
            }
        }
    }
    if let Some((location, value)) = state.field("Assign") {
        payload_template::assign(report, state.language, &location, value);
    }
    retry::check(report, state);
}

fn next_or_end(report: &mut Report<'_>, state: &State<'_>) {
    fields::exactly_one(report, &state.location, state.fields, &["Next", "End"]);
    if let Some((location, value)) = state.field("Next") {
        values::string(report, &location, value);
    }
    if let Some((location, value)) = state.field("End") {
        values::boolean(report, &location, value);
        if value == &Value::Bool(false) {
            report.schema(&location, "Value must be true");
        }
    }
}

fn paths_and_templates(report: &mut Report<'_>, state: &State<'_>) {
    for field in ["InputPath", "OutputPath"] {
        if let Some((location, value)) = state.field(field) {
            values::path_or_null(report, &location, value);
        }
    }
    if let Some((location, value)) = state.field("ResultPath").filter(|(_, value)| !value.is_null())
    {
        values::reference_path(report, &location, value, AllowedRoots::Input);
    }
    if let Some((location, value)) = state.field("Parameters") {
        payload_template::template(report, &location, value);
    }
    if let Some((location, value)) = state.field("ResultSelector") {
        payload_template::object_template(report, &location, value);
    }
}

/// Checks a Pass state.
pub(super) fn check_pass(report: &mut Report<'_>, state: &State<'_>) {
    if let Some((location, value)) = state.field("Result")
        && value.as_str().is_some_and(payload_template::looks_like_path_or_call)
    {
        let message = "Attempt to use a path in the result of a pass state.";
        report.warning(DiagnosticCode::PassResultIsStatic, &location, message);
    }
}

/// Checks a Wait state.
pub(super) fn check_wait(report: &mut Report<'_>, state: &State<'_>) {
    let ways: &[&str] = match state.language {
        JsonPath => &["Seconds", "SecondsPath", "Timestamp", "TimestampPath"],
        Jsonata => &["Seconds", "Timestamp"],
    };
    fields::exactly_one(report, &state.location, state.fields, ways);
    if let Some((location, value)) = state.field("Seconds") {
        values::integer(report, state.language, &location, value, (0, MAX_INTEGER));
    }
    if let Some((location, value)) = state.field("Timestamp") {
        values::timestamp(report, state.language, &location, value);
    }
    for field in ["SecondsPath", "TimestampPath"] {
        if let Some((location, value)) = state.field(field) {
            values::reference_path(report, &location, value, AllowedRoots::Variables);
        }
    }
}

/// Checks a Fail state.
pub(super) fn check_fail(report: &mut Report<'_>, state: &State<'_>) {
    for (field, path) in [("Error", "ErrorPath"), ("Cause", "CausePath")] {
        fields::at_most_one(report, &state.location, state.fields, &[field, path]);
        if let Some((location, value)) = state.field(field)
            && let Some(text) = values::string(report, &location, value)
            && state.language == Jsonata
        {
            values::expression(report, &location, text);
        }
        if let Some((location, value)) = state.field(path) {
            values::path_or_function(report, &location, value);
        }
    }
}
