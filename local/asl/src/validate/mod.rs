//! Static validation: what AWS refuses before anything runs, and in which words.
//!
//! [`validate`] reads the text of a definition and gives the diagnostics that
//! `ValidateStateMachineDefinition` gives; [`invalid_definition_message`] joins them as
//! `CreateStateMachine` does in its error. [`api`] judges the requests of the Step
//! Functions API themselves: names, ARNs, lengths, inputs.
//!
//! Everything works on the raw JSON, because what the typed definition
//! (`crate::definition`) cannot hold is exactly what has to be reported. Read
//! `state_machine.rs`, then `state.rs`, whose table is the language; `diagnostics.rs` has the
//! sentences. Where no recording shows AWS's sentence, ours says the same in its
//! style: whether a definition is valid never depends on that.
//!
//! No text makes it panic, or take more than a time in proportion to its length.

pub mod api;
mod choice;
mod diagnostics;
mod json;
mod jsonata;
mod map;
mod paths;
mod payload_template;
mod resource;
mod retry;
mod state;
mod state_machine;
mod task;
mod values;

use serde_json::{Value, json};

pub use diagnostics::{Diagnostic, DiagnosticCode, Severity};
use diagnostics::{Place, Report};
use json::{Document, Fault};

/// How a machine is run, which decides what it may contain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StateMachineType {
    /// Up to a year, every step recorded.
    #[default]
    Standard,
    /// Up to five minutes: no callbacks, jobs or activities.
    Express,
}

/// For whom a definition is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// As AWS judges it when a machine is created: every resource must exist.
    #[default]
    Aws,
    /// As it stands in a repository, by the States Language itself: a text with
    /// `${Substitution}` has no value yet, and a resource need only be a URI.
    Template,
}

/// What to judge by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ValidationOptions {
    /// How the machine would be run.
    pub machine_type: StateMachineType,
    /// For whom.
    pub profile: Profile,
}

impl ValidationOptions {
    /// As AWS, for this type of machine.
    pub fn aws(machine_type: StateMachineType) -> Self {
        Self { machine_type, profile: Profile::Aws }
    }

    /// A definition that is not deployed.
    pub fn template() -> Self {
        Self { machine_type: StateMachineType::Standard, profile: Profile::Template }
    }

    fn is_express(self) -> bool {
        self.machine_type == StateMachineType::Express
    }
}

/// Judges a definition: errors and warnings, in the order in which AWS reports
/// them.
pub fn validate(definition: &str, options: ValidationOptions) -> Vec<Diagnostic> {
    let mut report = Report::new(&options);
    match json::read(definition) {
        Ok(Document { value: Value::Object(definition), repeated }) => {
            state_machine::check(&mut report, &definition, &repeated);
        }
        Ok(_) | Err(Fault::Empty) => {
            let wrong = "Definition must be a valid JSON object";
            report.placeless(DiagnosticCode::SchemaValidationFailed, wrong);
        }
        Err(Fault::TooDeep) => {
            let wrong = "The states are too deeply nested";
            report.error(DiagnosticCode::TooDeeplyNested, &Place::root(), wrong);
        }
        Err(Fault::Syntax { message, location }) => {
            report.elsewhere(DiagnosticCode::InvalidJsonDescription, location, message);
        }
    }
    report.into_found()
}

/// Whether a machine could be created with this definition.
pub fn is_valid(definition: &str, options: ValidationOptions) -> bool {
    invalid_definition_message(&validate(definition, options)).is_none()
}

/// The message of the error `InvalidDefinition`, if there is any error among the
/// diagnostics.
pub fn invalid_definition_message(diagnostics: &[Diagnostic]) -> Option<String> {
    let errors: Vec<_> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(Diagnostic::to_line)
        .collect();
    (!errors.is_empty())
        .then(|| format!("Invalid State Machine Definition: '{}'", errors.join(", ")))
}

/// The answer of `ValidateStateMachineDefinition`: the diagnostics of at least
/// this severity, at most so many of them.
pub fn validation_response(diagnostics: &[Diagnostic], least: Severity, at_most: usize) -> Value {
    let asked: Vec<_> = diagnostics
        .iter()
        .filter(|diagnostic| least == Severity::Warning || diagnostic.severity == Severity::Error)
        .collect();
    let failed = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    let shown: Vec<_> = asked.iter().take(at_most).map(|diagnostic| shown(diagnostic)).collect();
    json!({
        "result": if failed { "FAIL" } else { "OK" },
        "diagnostics": shown,
        "truncated": asked.len() > at_most,
    })
}

fn shown(diagnostic: &Diagnostic) -> Value {
    let mut shown = json!({
        "severity": diagnostic.severity.as_str(),
        "code": diagnostic.code.as_str(),
        "message": diagnostic.message,
    });
    if let Some(location) = &diagnostic.location {
        shown["location"] = json!(location);
    }
    shown
}

#[cfg(test)]
mod tests;
