//! Collects the diagnostics of a validation, in the order in which the rules report them.
//!
//! The messages that several rules share are written here.

use super::diagnostics::{Diagnostic, DiagnosticCode, Severity};
use super::location::Location;
use super::options::{Profile, ValidationOptions};

/// The maximum number of diagnostics per severity. AWS shows at most 100; one more tells that the
/// list is truncated.
const MAX_PER_SEVERITY: usize = 101;

/// The diagnostics found so far, and the options of the validation.
#[derive(Debug)]
pub(super) struct Report<'o> {
    /// The options of the validation.
    pub(super) options: &'o ValidationOptions,
    found: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl<'o> Report<'o> {
    /// An empty report.
    pub(super) fn new(options: &'o ValidationOptions) -> Self {
        Self { options, found: Vec::new(), errors: 0, warnings: 0 }
    }

    /// All diagnostics.
    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.found
    }

    /// Whether the state machine cannot be created.
    pub(super) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Whether the string contains a `${Substitution}`, so that no rule can check it yet.
    pub(super) fn has_substitution(&self, text: &str) -> bool {
        self.options.profile == Profile::Template
            && text.split_once("${").is_some_and(|(_, rest)| rest.contains('}'))
    }

    /// Adds an error.
    pub(super) fn error(
        &mut self,
        code: DiagnosticCode,
        location: &Location,
        message: impl Into<String>,
    ) {
        self.push(Severity::Error, code, || Some(location.to_string()), message.into());
    }

    /// Adds an error without a location.
    pub(super) fn error_without_location(
        &mut self,
        code: DiagnosticCode,
        message: impl Into<String>,
    ) {
        self.push(Severity::Error, code, || None, message.into());
    }

    /// Adds an error at a location that is already printed.
    pub(super) fn error_at(
        &mut self,
        code: DiagnosticCode,
        location: String,
        message: impl Into<String>,
    ) {
        self.push(Severity::Error, code, || Some(location), message.into());
    }

    /// Adds a warning.
    pub(super) fn warning(
        &mut self,
        code: DiagnosticCode,
        location: &Location,
        message: impl Into<String>,
    ) {
        self.push(Severity::Warning, code, || Some(location.to_string()), message.into());
    }

    /// Adds a `SCHEMA_VALIDATION_FAILED` error.
    pub(super) fn schema(&mut self, location: &Location, message: impl Into<String>) {
        self.error(DiagnosticCode::SchemaValidationFailed, location, message);
    }

    /// Reports a field that its object does not support.
    pub(super) fn unsupported(&mut self, object: &Location, field: &str) {
        self.schema(object, format!("Field '{field}' is not supported"));
    }

    /// Reports missing required fields.
    pub(super) fn required(&mut self, object: &Location, fields: &[&str]) {
        if !fields.is_empty() {
            self.schema(object, format!("These fields are required: [{}]", fields.join(", ")));
        }
    }

    /// Reports a value of the wrong JSON type.
    pub(super) fn wrong_type(&mut self, location: &Location, expected: &str) {
        self.schema(location, format!("Expected value of type {expected}"));
    }

    /// Reports a value that is not among the allowed values of its field.
    pub(super) fn not_in_enum(&mut self, location: &Location, field: &str, values: &[&str]) {
        let values = values.join(", ");
        self.schema(
            location,
            format!("The field '{field}' should have one of these values: [{values}]"),
        );
    }

    fn push(
        &mut self,
        severity: Severity,
        code: DiagnosticCode,
        location: impl FnOnce() -> Option<String>,
        message: String,
    ) {
        let count = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        if *count < MAX_PER_SEVERITY {
            *count += 1;
            self.found.push(Diagnostic { severity, code, message, location: location() });
        }
    }
}
