//! How data moves through a state: what it takes from its input, what it passes
//! on, and what it puts where.
//!
//! ```text
//! input ─ InputPath ─ Parameters ─▶ the state's work ─ ResultSelector ─ ResultPath ─ OutputPath ─▶ output
//! ```
//!
//! `ResultPath` puts the result into the state's *raw* input, not into what
//! `InputPath` left of it. `Assign` sees the result as it came. This is the place
//! where a second query language would have its own five steps.

use serde_json::{Map, Value};

use crate::definition::Place;
use crate::paths::Path;
use crate::scope::{Scope, Variables};
use crate::template::{EvaluationError, Template};

/// The data fields of one state.
#[derive(Debug, Default)]
pub(crate) struct DataFlow {
    pub(crate) input: Selection,
    pub(crate) parameters: Option<Template>,
    pub(crate) result_selector: Option<Template>,
    pub(crate) result_path: Place,
    pub(crate) output: Selection,
    pub(crate) assign: Option<Template>,
}

/// What `InputPath` and `OutputPath` let through.
#[derive(Debug, Default)]
pub(crate) enum Selection {
    /// Everything.
    #[default]
    Whole,
    /// An empty object (`null`).
    Nothing,
    /// What the path leads to.
    At(Path),
}

impl Selection {
    /// The part of the scope's `$` that is let through.
    pub(crate) fn of(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        match self {
            Selection::Whole => Ok(scope.input.clone()),
            Selection::Nothing => Ok(Value::Object(Map::new())),
            Selection::At(path) => Ok(path.read(scope)?),
        }
    }
}

impl DataFlow {
    /// `Parameters`, or the effective input as it is.
    pub(crate) fn payload(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        apply(self.parameters.as_ref(), scope)
    }

    /// From the work's result to the state's output.
    pub(crate) fn deliver(
        &self,
        raw_input: &Value,
        result: &Scope<'_>,
    ) -> Result<Value, EvaluationError> {
        let selected = apply(self.result_selector.as_ref(), result)?;
        let placed = self.result_path.put(raw_input, selected)?;
        self.output.of(&result.with_input(&placed))
    }

    /// The variables that the state sets, if any.
    pub(crate) fn assigned(&self, scope: &Scope<'_>) -> Result<Option<Variables>, EvaluationError> {
        assigned(self.assign.as_ref(), scope)
    }
}

impl Place {
    /// `input` with `result` where `ResultPath` says.
    pub(crate) fn put(&self, input: &Value, result: Value) -> Result<Value, EvaluationError> {
        match self {
            Place::Whole => Ok(result),
            Place::Nowhere => Ok(input.clone()),
            Place::At(path) => Ok(path.write(input.clone(), result)?),
        }
    }
}

/// The variables that an `Assign` field sets, if there is one.
pub(crate) fn assigned(
    assign: Option<&Template>,
    scope: &Scope<'_>,
) -> Result<Option<Variables>, EvaluationError> {
    let Some(template) = assign else { return Ok(None) };
    match template.evaluate(scope)? {
        Value::Object(variables) => Ok(Some(variables)),
        _ => Ok(None),
    }
}

fn apply(template: Option<&Template>, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
    match template {
        Some(template) => template.evaluate(scope),
        None => Ok(scope.input.clone()),
    }
}
