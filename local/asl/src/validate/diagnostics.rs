//! Diagnostics of a definition, with the codes and severities of AWS.

/// The severity of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Severity {
    /// The state machine cannot be created.
    Error,
    /// The state machine can be created, but probably has a mistake.
    Warning,
}

impl Severity {
    /// The AWS name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The codes of AWS's diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum DiagnosticCode {
    /// The text is not JSON.
    InvalidJsonDescription,
    /// A field is missing, unknown or invalid.
    SchemaValidationFailed,
    /// `Next`, `Default` or `StartAt` names no state, or no transition leads to a state.
    MissingTransitionTarget,
    /// No state ends the state machine.
    MissingEndState,
    /// Two states have the same name.
    DuplicateStateName,
    /// The name of a state is invalid.
    InvalidStateName,
    /// Two Map states have the same label.
    DuplicateLabelName,
    /// The label of a Map state is invalid.
    InvalidLabelName,
    /// The definition is nested too deeply.
    TooDeeplyNested,
    /// The text between `{%` and `%}` is not `JSONata`.
    InvalidJsonataExpression,
    /// Step Functions does not evaluate this `JSONata` expression.
    UnsupportedJsonataExpression,
    /// A value that looks like a path in a field that is not evaluated.
    NoDollar,
    /// A path in the `Result` of a Pass state, which is not evaluated.
    PassResultIsStatic,
}

impl DiagnosticCode {
    /// The AWS name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One problem of a definition, in the words of AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The severity.
    pub severity: Severity,
    /// The code.
    pub code: DiagnosticCode,
    /// The message.
    pub message: String,
    /// The location, such as `/States/A/Next`; some diagnostics have none.
    pub location: Option<String>,
}

impl Diagnostic {
    /// `CODE: message at /location`, as `CreateStateMachine` lists it. A diagnostic without a
    /// location is listed `at null`.
    pub fn to_line(&self) -> String {
        let location = self.location.as_deref().unwrap_or("null");
        format!("{}: {} at {location}", self.code.as_str(), self.message)
    }
}
