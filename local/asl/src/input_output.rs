//! Input and output processing of a state.
//!
//! ```text
//! raw input ─ InputPath ─ Parameters ─▶ work ─ ResultSelector ─ ResultPath ─ OutputPath ─▶ output
//! ```
//!
//! `ResultPath` writes the result into the *raw* input, not into the part that `InputPath`
//! selected. `Assign` reads the result before `ResultSelector`.

use serde_json::{Map, Value};

use crate::paths::{Path, ReferencePath};
use crate::scope::{Scope, Variables};
use crate::template::{EvaluationError, PayloadTemplate};

/// The input and output fields of a state.
#[derive(Debug, Default)]
pub(crate) struct DataFlow {
    pub(crate) input_path: PathFilter,
    pub(crate) parameters: Option<PayloadTemplate>,
    pub(crate) result_selector: Option<PayloadTemplate>,
    pub(crate) result_path: ResultPath,
    pub(crate) output_path: PathFilter,
    pub(crate) assign: Option<PayloadTemplate>,
}

/// The part of a value that `InputPath` or `OutputPath` selects.
#[derive(Debug, Default)]
pub(crate) enum PathFilter {
    /// Everything.
    #[default]
    All,
    /// An empty object (`null`).
    Empty,
    /// The value at the path.
    Path(Path),
}

/// Where the result of a state goes.
#[derive(Debug, Default)]
pub(crate) enum ResultPath {
    /// The result replaces the input.
    #[default]
    ReplaceInput,
    /// The result is discarded (`null`).
    Discard,
    /// The result is written into the input.
    At(ReferencePath),
}

impl PathFilter {
    /// The selected part of `$`.
    pub(crate) fn select(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        match self {
            PathFilter::All => Ok(scope.input.clone()),
            PathFilter::Empty => Ok(Value::Object(Map::new())),
            PathFilter::Path(path) => Ok(path.read(scope)?),
        }
    }
}

impl DataFlow {
    /// The evaluated `Parameters`, or the selected input without them.
    pub(crate) fn effective_input(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        evaluate_or_input(self.parameters.as_ref(), scope)
    }

    /// The output of the state, from the result of its work (`$` of `result`).
    pub(crate) fn output(
        &self,
        raw_input: &Value,
        result: &Scope<'_>,
    ) -> Result<Value, EvaluationError> {
        let selected = evaluate_or_input(self.result_selector.as_ref(), result)?;
        let placed = self.result_path.apply(raw_input, selected)?;
        self.output_path.select(&result.with_input(&placed))
    }

    /// The variables that the state assigns, if any.
    pub(crate) fn assigned_variables(
        &self,
        scope: &Scope<'_>,
    ) -> Result<Option<Variables>, EvaluationError> {
        evaluate_assign(self.assign.as_ref(), scope)
    }
}

impl ResultPath {
    /// `input` with `result` written at the `ResultPath`.
    pub(crate) fn apply(&self, input: &Value, result: Value) -> Result<Value, EvaluationError> {
        match self {
            ResultPath::ReplaceInput => Ok(result),
            ResultPath::Discard => Ok(input.clone()),
            ResultPath::At(path) => Ok(path.write(input.clone(), result)?),
        }
    }
}

/// The variables that an `Assign` field assigns, if there is one.
pub(crate) fn evaluate_assign(
    assign: Option<&PayloadTemplate>,
    scope: &Scope<'_>,
) -> Result<Option<Variables>, EvaluationError> {
    let Some(template) = assign else { return Ok(None) };
    match template.evaluate(scope)? {
        Value::Object(variables) => Ok(Some(variables)),
        _ => Ok(None),
    }
}

fn evaluate_or_input(
    template: Option<&PayloadTemplate>,
    scope: &Scope<'_>,
) -> Result<Value, EvaluationError> {
    match template {
        Some(template) => template.evaluate(scope),
        None => Ok(scope.input.clone()),
    }
}
