//! Checks whole payloads: `Parameters`, `Arguments`, `Output`, `Assign`, ….
//!
//! In `JSONPath`, fields whose names end in `.$` are evaluated; in `JSONata`, all strings of the
//! form `{% … %}`. `values.rs` checks each string.

use serde_json::{Map, Value};

use super::diagnostics::DiagnosticCode;
use super::location::Location;
use super::report::Report;
use super::{paths, values};
use crate::definition::QueryLanguage;

/// The suffix of the names of computed fields.
const COMPUTED_SUFFIX: &str = ".$";

/// The variable through which a `JSONata` expression reads its state.
const RESERVED_VARIABLE: &str = "states";

/// Checks a payload in either language.
pub(super) fn payload(
    report: &mut Report<'_>,
    language: QueryLanguage,
    location: &Location,
    value: &Value,
) {
    match language {
        QueryLanguage::JsonPath => template(report, location, value),
        QueryLanguage::Jsonata => expressions(report, location, value),
    }
}

/// Checks a payload template: every `.$` field must be a path or a call.
pub(super) fn template(report: &mut Report<'_>, location: &Location, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Some(target) = name.strip_suffix(COMPUTED_SUFFIX) {
                    check_computed_field(report, location, fields, (name, target), value);
                } else {
                    warn_if_suffix_missing(report, location, name, value);
                    template(report, &location.field(name), value);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                template(report, &location.item(index), item);
            }
        }
        _ => {}
    }
}

fn check_computed_field(
    report: &mut Report<'_>,
    location: &Location,
    fields: &Map<String, Value>,
    (name, target): (&str, &str),
    value: &Value,
) {
    let is_path_or_call = match value.as_str() {
        Some(text) => report.has_substitution(text) || paths::is_path_or_call(text),
        None => false,
    };
    if !is_path_or_call {
        report.schema(
            location,
            format!(
                "The value for the field '{name}' must be a valid JSONPath or a valid intrinsic \
                 function call"
            ),
        );
    }
    if fields.contains_key(target) {
        report.schema(location, format!("The field '{target}' is defined more than once"));
    }
}

/// AWS warns about values that were probably meant to be evaluated.
fn warn_if_suffix_missing(report: &mut Report<'_>, location: &Location, name: &str, value: &Value) {
    if let Some(text) = value.as_str()
        && looks_like_path_or_call(text)
    {
        report.warning(
            DiagnosticCode::NoDollar,
            &location.field(name),
            format!(
                "Field value looks like a path, but field name '{name}' does not end with '.$'"
            ),
        );
    }
}

/// Whether a string looks like a path or a call.
pub(super) fn looks_like_path_or_call(text: &str) -> bool {
    ["$.", "$[", "$$.", "States."].iter().any(|start| text.starts_with(start))
        && paths::is_path_or_call(text)
}

/// Checks a `JSONata` payload: every string must be a literal or a whole expression.
pub(super) fn expressions(report: &mut Report<'_>, location: &Location, value: &Value) {
    match value {
        Value::String(text) => values::expression(report, location, text),
        Value::Object(fields) => {
            for (name, value) in fields {
                expressions(report, &location.field(name), value);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                expressions(report, &location.item(index), item);
            }
        }
        _ => {}
    }
}

/// Checks `Assign`: a payload whose fields are variables.
pub(super) fn assign(
    report: &mut Report<'_>,
    language: QueryLanguage,
    location: &Location,
    value: &Value,
) {
    let Some(fields) = values::object(report, location, value) else { return };
    for name in fields.keys() {
        let variable = match language {
            QueryLanguage::JsonPath => name.strip_suffix(COMPUTED_SUFFIX).unwrap_or(name),
            QueryLanguage::Jsonata => name,
        };
        if !paths::is_variable_name(variable) {
            report.schema(location, format!("The variable name '{variable}' is not valid"));
        } else if variable == RESERVED_VARIABLE {
            report.schema(location, format!("The variable name '{variable}' is reserved"));
        }
    }
    payload(report, language, location, value);
}

/// Checks `ResultSelector`, which must be an object.
pub(super) fn object_template(report: &mut Report<'_>, location: &Location, value: &Value) {
    if values::object(report, location, value).is_some() {
        template(report, location, value);
    }
}
