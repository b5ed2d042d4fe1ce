//! Static validation: rejects what AWS rejects when a state machine is created, with AWS's
//! messages.
//!
//! [`validate`] returns the diagnostics of `ValidateStateMachineDefinition`;
//! [`invalid_definition_message`] joins them into the error message of `CreateStateMachine`.
//! [`api`] validates the requests of the Step Functions API.
//!
//! The rules work on raw JSON, because the typed definition (`crate::definition`) cannot represent
//! the mistakes that have to be reported. Whether a definition is valid follows AWS; where no
//! recording shows the message, ours follows AWS's style. No text makes validation panic or take
//! more than linear time.
//!
//! Start with `state_machine.rs` and the table in `fields.rs`.

pub mod api;
mod choice;
mod context;
mod diagnostics;
mod escape;
mod fields;
mod json;
mod jsonata;
mod location;
mod map;
mod options;
mod paths;
mod payload_template;
mod report;
mod resource;
mod retry;
mod state;
mod state_machine;
mod task;
mod transitions;
mod values;

use serde_json::{Value, json};

pub use diagnostics::{Diagnostic, DiagnosticCode, Severity};
use json::{Document, JsonError};
use location::Location;
pub use options::{Profile, StateMachineType, ValidationOptions};
use report::Report;

/// Validates a definition. Returns errors and warnings in the order in which AWS reports them.
pub fn validate(definition: &str, options: ValidationOptions) -> Vec<Diagnostic> {
    let mut report = Report::new(&options);
    match json::read(definition) {
        Ok(Document { value: Value::Object(definition), duplicate_states }) => {
            state_machine::check(&mut report, &definition, &duplicate_states);
        }
        Ok(_) | Err(JsonError::Empty) => {
            let message = "Definition must be a valid JSON object";
            report.error_without_location(DiagnosticCode::SchemaValidationFailed, message);
        }
        Err(JsonError::TooDeep) => {
            let message = "The states are too deeply nested";
            report.error(DiagnosticCode::TooDeeplyNested, &Location::root(), message);
        }
        Err(JsonError::Syntax { message, location }) => {
            report.error_at(DiagnosticCode::InvalidJsonDescription, location, message);
        }
    }
    report.into_diagnostics()
}

/// Whether a state machine could be created with this definition.
pub fn is_valid(definition: &str, options: ValidationOptions) -> bool {
    invalid_definition_message(&validate(definition, options)).is_none()
}

/// The message of an `InvalidDefinition` error, if any of the diagnostics is an error.
pub fn invalid_definition_message(diagnostics: &[Diagnostic]) -> Option<String> {
    let errors: Vec<_> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(Diagnostic::to_line)
        .collect();
    (!errors.is_empty())
        .then(|| format!("Invalid State Machine Definition: '{}'", errors.join(", ")))
}

/// The response of `ValidateStateMachineDefinition`: at most `max_results` diagnostics of at least
/// `min_severity`.
pub fn validation_response(
    diagnostics: &[Diagnostic],
    min_severity: Severity,
    max_results: usize,
) -> Value {
    let selected: Vec<_> = diagnostics
        .iter()
        .filter(|diagnostic| {
            min_severity == Severity::Warning || diagnostic.severity == Severity::Error
        })
        .collect();
    let failed = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    let listed: Vec<_> =
        selected.iter().take(max_results).map(|diagnostic| to_json(diagnostic)).collect();
    json!({
        "result": if failed { "FAIL" } else { "OK" },
        "diagnostics": listed,
        "truncated": selected.len() > max_results,
    })
}

fn to_json(diagnostic: &Diagnostic) -> Value {
    let mut object = json!({
        "severity": diagnostic.severity.as_str(),
        "code": diagnostic.code.as_str(),
        "message": diagnostic.message,
    });
    if let Some(location) = &diagnostic.location {
        object["location"] = json!(location);
    }
    object
}

#[cfg(test)]
mod tests;
