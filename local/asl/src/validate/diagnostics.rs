//! What validation finds, and where: the diagnostics and their collector.
//!
//! A [`Place`] is a location as AWS writes it (`/States/A/Choices[0]/Next`); a
//! [`Report`] gathers [`Diagnostic`]s in the order in which the rules speak.
//! The sentences that several rules share are spelled here once.

use std::rc::Rc;

use super::{Profile, ValidationOptions};

/// More diagnostics of one severity than this are not kept: AWS shows at most 100,
/// and one more tells that there are more.
const KEPT: usize = 101;

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The machine cannot be created.
    Error,
    /// The machine can be created but is probably not what was meant.
    Warning,
}

impl Severity {
    /// AWS's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
        }
    }
}

/// AWS's codes for what can be wrong with a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiagnosticCode {
    /// The text is not JSON.
    InvalidJsonDescription,
    /// A field is missing, unknown, or has a value that it cannot have.
    SchemaValidationFailed,
    /// `Next`, `Default` or `StartAt` names no state, or nothing leads to a state.
    MissingTransitionTarget,
    /// No state ends the machine.
    MissingEndState,
    /// Two states share a name.
    DuplicateStateName,
    /// A state's name cannot be a name.
    InvalidStateName,
    /// Two Map states share a label.
    DuplicateLabelName,
    /// A Map state's label cannot be a label.
    InvalidLabelName,
    /// Deeper than can be read.
    TooDeeplyNested,
    /// Text between `{%` and `%}` that is not `JSONata`.
    InvalidJsonataExpression,
    /// `JSONata` that Step Functions does not evaluate.
    UnsupportedJsonataExpression,
    /// A value that looks like a path in a field that is not evaluated.
    NoDollar,
    /// A path in the `Result` of a Pass state, which is not evaluated.
    PassResultIsStatic,
}

impl DiagnosticCode {
    /// AWS's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJsonDescription => "INVALID_JSON_DESCRIPTION",
            Self::SchemaValidationFailed => "SCHEMA_VALIDATION_FAILED",
            Self::MissingTransitionTarget => "MISSING_TRANSITION_TARGET",
            Self::MissingEndState => "MISSING_END_STATE",
            Self::DuplicateStateName => "DUPLICATE_STATE_NAME",
            Self::InvalidStateName => "INVALID_STATE_NAME",
            Self::DuplicateLabelName => "DUPLICATE_LABEL_NAME",
            Self::InvalidLabelName => "INVALID_LABEL_NAME",
            Self::TooDeeplyNested => "TOO_DEEPLY_NESTED",
            Self::InvalidJsonataExpression => "INVALID_JSONATA_EXPRESSION",
            Self::UnsupportedJsonataExpression => "UNSUPPORTED_JSONATA_EXPRESSION",
            Self::NoDollar => "NO_DOLLAR",
            Self::PassResultIsStatic => "PASS_RESULT_IS_STATIC",
        }
    }
}

/// One thing that is wrong with a definition, as AWS words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// What kind of fault.
    pub code: DiagnosticCode,
    /// The sentence.
    pub message: String,
    /// `/States/A/Next`; some diagnostics have none.
    pub location: Option<String>,
}

impl Diagnostic {
    /// `CODE: message at /location`, as `CreateStateMachine` lists it. A
    /// diagnostic without a location is listed `at null`.
    pub fn to_line(&self) -> String {
        let location = self.location.as_deref().unwrap_or("null");
        format!("{}: {} at {location}", self.code.as_str(), self.message)
    }
}

/// A location within a definition. It is spelled only where something is found,
/// so that a long name costs nothing to what is below it.
#[derive(Debug, Clone, Default)]
pub(super) struct Place(Option<Rc<Step>>);

#[derive(Debug)]
struct Step {
    from: Place,
    to: To,
}

#[derive(Debug)]
enum To {
    Field(Box<str>),
    Item(usize),
}

impl Place {
    /// The definition itself.
    pub(super) fn root() -> Self {
        Self::default()
    }

    /// A field of what is here.
    pub(super) fn field(&self, name: &str) -> Self {
        self.step(To::Field(name.into()))
    }

    /// An element of the array that is here.
    pub(super) fn item(&self, index: usize) -> Self {
        self.step(To::Item(index))
    }

    fn step(&self, to: To) -> Self {
        Self(Some(Rc::new(Step { from: self.clone(), to })))
    }

    fn spelled(&self) -> String {
        let mut steps = Vec::new();
        let mut at = self;
        while let Some(step) = &at.0 {
            steps.push(&step.to);
            at = &step.from;
        }
        if steps.is_empty() {
            return "/".to_owned();
        }
        steps.into_iter().rev().map(To::spelled).collect()
    }
}

impl To {
    fn spelled(&self) -> String {
        match self {
            Self::Field(name) => format!("/{name}"),
            Self::Item(index) => format!("[{index}]"),
        }
    }
}

/// The diagnostics found so far, and what the rules ask of the options.
#[derive(Debug)]
pub(super) struct Report<'o> {
    /// What was asked.
    pub(super) options: &'o ValidationOptions,
    found: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl<'o> Report<'o> {
    /// Nothing found yet.
    pub(super) fn new(options: &'o ValidationOptions) -> Self {
        Self { options, found: Vec::new(), errors: 0, warnings: 0 }
    }

    /// All that was found.
    pub(super) fn into_found(self) -> Vec<Diagnostic> {
        self.found
    }

    /// Whether the machine cannot be created.
    pub(super) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Whether this text holds a `${Substitution}` whose value nobody knows
    /// yet: then no rule can judge it.
    pub(super) fn is_open(&self, text: &str) -> bool {
        self.options.profile == Profile::Template
            && text.split_once("${").is_some_and(|(_, rest)| rest.contains('}'))
    }

    /// Adds an error.
    pub(super) fn error(&mut self, code: DiagnosticCode, at: &Place, message: impl Into<String>) {
        self.push(Severity::Error, code, || Some(at.spelled()), message.into());
    }

    /// Adds an error that has no location.
    pub(super) fn placeless(&mut self, code: DiagnosticCode, message: impl Into<String>) {
        self.push(Severity::Error, code, || None, message.into());
    }

    /// Adds an error at a location that was spelled elsewhere.
    pub(super) fn elsewhere(
        &mut self,
        code: DiagnosticCode,
        location: String,
        message: impl Into<String>,
    ) {
        self.push(Severity::Error, code, || Some(location), message.into());
    }

    /// Adds a warning.
    pub(super) fn warning(&mut self, code: DiagnosticCode, at: &Place, message: impl Into<String>) {
        self.push(Severity::Warning, code, || Some(at.spelled()), message.into());
    }

    /// Adds an error of the commonest kind.
    pub(super) fn schema(&mut self, at: &Place, message: impl Into<String>) {
        self.error(DiagnosticCode::SchemaValidationFailed, at, message);
    }

    /// A field that its object cannot have.
    pub(super) fn unsupported(&mut self, object: &Place, field: &str) {
        self.schema(object, format!("Field '{field}' is not supported"));
    }

    /// Fields that their object must have.
    pub(super) fn required(&mut self, object: &Place, fields: &[&str]) {
        if !fields.is_empty() {
            self.schema(object, format!("These fields are required: [{}]", fields.join(", ")));
        }
    }

    /// A value of another JSON type than the field's.
    pub(super) fn wrong_type(&mut self, at: &Place, wanted: &str) {
        self.schema(at, format!("Expected value of type {wanted}"));
    }

    /// A value outside its field's list.
    pub(super) fn not_listed(&mut self, at: &Place, field: &str, values: &[&str]) {
        let values = values.join(", ");
        self.schema(at, format!("The field '{field}' should have one of these values: [{values}]"));
    }

    fn push(
        &mut self,
        severity: Severity,
        code: DiagnosticCode,
        location: impl FnOnce() -> Option<String>,
        message: String,
    ) {
        let kept = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        if *kept < KEPT {
            *kept += 1;
            self.found.push(Diagnostic { severity, code, message, location: location() });
        }
    }
}
