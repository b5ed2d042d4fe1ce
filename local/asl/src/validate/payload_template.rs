//! Values that are whole payloads: `Parameters`, `Arguments`, `Output`, `Assign`…
//!
//! In `JSONPath` a payload template is evaluated where a field's name ends in
//! `.$`; in `JSONata` wherever a text is `{% … %}`. Both are walked here, each
//! text judged by `values.rs`.

use serde_json::{Map, Value};

use super::diagnostics::{DiagnosticCode, Place, Report};
use super::{paths, values};
use crate::definition::QueryLanguage;

/// Where a field's value is evaluated, its name ends so.
const DYNAMIC: &str = ".$";

/// The name that a `JSONata` expression finds its state's data under.
const RESERVED: &str = "states";

/// A payload of either language.
pub(super) fn payload(report: &mut Report<'_>, language: QueryLanguage, at: &Place, value: &Value) {
    match language {
        QueryLanguage::JsonPath => template(report, at, value),
        QueryLanguage::Jsonata => expressions(report, at, value),
    }
}

/// A payload template: every `.$` field must be a path or a call.
pub(super) fn template(report: &mut Report<'_>, at: &Place, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Some(plain) = name.strip_suffix(DYNAMIC) {
                    dynamic(report, at, fields, (name, plain), value);
                } else {
                    hint(report, at, name, value);
                    template(report, &at.field(name), value);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                template(report, &at.item(index), item);
            }
        }
        _ => {}
    }
}

fn dynamic(
    report: &mut Report<'_>,
    at: &Place,
    fields: &Map<String, Value>,
    (name, plain): (&str, &str),
    value: &Value,
) {
    let is_source = match value.as_str() {
        Some(text) => report.is_open(text) || paths::is_source(text),
        None => false,
    };
    if !is_source {
        report.schema(
            at,
            format!(
                "The value for the field '{name}' must be a valid JSONPath or a valid intrinsic \
                 function call"
            ),
        );
    }
    if fields.contains_key(plain) {
        report.schema(at, format!("The field '{plain}' is defined more than once"));
    }
}

/// AWS warns of a value that was probably meant to be evaluated.
fn hint(report: &mut Report<'_>, at: &Place, name: &str, value: &Value) {
    if let Some(text) = value.as_str()
        && looks_dynamic(text)
    {
        report.warning(
            DiagnosticCode::NoDollar,
            &at.field(name),
            format!(
                "Field value looks like a path, but field name '{name}' does not end with '.$'"
            ),
        );
    }
}

/// Whether a text looks like a path or a call.
pub(super) fn looks_dynamic(text: &str) -> bool {
    ["$.", "$[", "$$.", "States."].iter().any(|start| text.starts_with(start))
        && paths::is_source(text)
}

/// A payload of `JSONata`: every text must be a literal or a whole expression.
pub(super) fn expressions(report: &mut Report<'_>, at: &Place, value: &Value) {
    match value {
        Value::String(text) => values::expression(report, at, text),
        Value::Object(fields) => {
            for (name, value) in fields {
                expressions(report, &at.field(name), value);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                expressions(report, &at.item(index), item);
            }
        }
        _ => {}
    }
}

/// `Assign`: a payload whose fields are variables.
pub(super) fn assign(report: &mut Report<'_>, language: QueryLanguage, at: &Place, value: &Value) {
    let Some(fields) = values::object(report, at, value) else { return };
    for name in fields.keys() {
        let variable = match language {
            QueryLanguage::JsonPath => name.strip_suffix(DYNAMIC).unwrap_or(name),
            QueryLanguage::Jsonata => name,
        };
        if !paths::is_variable_name(variable) {
            report.schema(at, format!("The variable name '{variable}' is not valid"));
        } else if variable == RESERVED {
            report.schema(at, format!("The variable name '{variable}' is reserved"));
        }
    }
    payload(report, language, at, value);
}

/// What must be an object: `ResultSelector`.
pub(super) fn object_template(report: &mut Report<'_>, at: &Place, value: &Value) {
    if values::object(report, at, value).is_some() {
        template(report, at, value);
    }
}
