//! Payload templates: `Parameters`, `ResultSelector`, `ItemSelector`, `Assign`.
//!
//! A field whose name ends in `.$` contains a path or a call of an intrinsic function; the name
//! loses the `.$` and the field gets the computed value. Everything else is copied. [`PathOrCall`]
//! is such a value on its own, as in `ErrorPath` and `CausePath`.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::intrinsics::{
    IntrinsicCall, IntrinsicError, IntrinsicErrorReason, IntrinsicSyntaxError,
};
use crate::paths::{Path, PathError, PathErrorKind, PathSyntaxError};
use crate::scope::Scope;

/// An error in computing data. [`EvaluationError::error`] is the AWS error name; `Display` is the
/// cause without the prefix "An error occurred while executing the state …", which the interpreter
/// adds.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EvaluationError {
    /// The path of a `.$` field found nothing.
    #[error(
        "The JSONPath '{path}' specified for the field '{field}' could not be found in the input '{input}'"
    )]
    Field {
        /// The field, with its `.$`.
        field: String,
        /// The path as written.
        path: String,
        /// The value that was searched, as JSON.
        input: String,
    },
    /// An intrinsic function failed.
    #[error(transparent)]
    Intrinsic(#[from] IntrinsicError),
    /// The path of `InputPath`, `OutputPath`, `ItemsPath`, … found nothing, or the path of
    /// `ResultPath` cannot be written.
    #[error("{}", path_cause(.0))]
    Path(#[from] PathError),
    /// The `Variable` or `…Path` of a choice rule found nothing.
    #[error(
        "Invalid path '{path}': The choice state's condition path references an invalid value."
    )]
    Condition {
        /// The path as written.
        path: String,
    },
}

impl EvaluationError {
    /// The AWS error name.
    pub fn error(&self) -> &'static str {
        match self {
            Self::Intrinsic(error) => match error.reason {
                IntrinsicErrorReason::Argument(_) => "States.Runtime",
                IntrinsicErrorReason::Rejected(_) => "States.IntrinsicFailure",
            },
            Self::Path(error) if error.kind == PathErrorKind::Unwritable => {
                "States.ResultPathMatchFailure"
            }
            Self::Field { .. } | Self::Path(_) | Self::Condition { .. } => "States.Runtime",
        }
    }
}

fn path_cause(error: &PathError) -> String {
    match error.kind {
        PathErrorKind::NullInput | PathErrorKind::Unwritable => error.reason.clone(),
        PathErrorKind::Missing | PathErrorKind::LimitExceeded => {
            format!("Invalid path '{}' : {}", error.path, error.reason)
        }
    }
}

/// A `.$` field that contains neither a path nor a call.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the value of the field '{field}' must be a valid JSONPath or a valid intrinsic function call"
)]
pub struct TemplateSyntaxError {
    /// The field, with its `.$`.
    pub field: String,
    /// The error of the parser.
    #[source]
    pub reason: PathOrCallSyntaxError,
}

/// The text is neither a path nor a call.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PathOrCallSyntaxError {
    /// It starts like a path.
    #[error(transparent)]
    Path(#[from] PathSyntaxError),
    /// It starts like a call.
    #[error(transparent)]
    IntrinsicCall(#[from] IntrinsicSyntaxError),
    /// The value is not a string.
    #[error("a path or a call must be a string")]
    NotString,
}

/// A path or a call of an intrinsic function: the value of a `.$` field.
#[derive(Debug, Clone, PartialEq)]
pub enum PathOrCall {
    /// A path.
    Path(Path),
    /// A call of an intrinsic function.
    Call(IntrinsicCall),
}

impl PathOrCall {
    /// Parses a path or a call.
    ///
    /// # Errors
    /// Returns a [`PathOrCallSyntaxError`] if the text is neither.
    pub fn parse(text: &str) -> Result<Self, PathOrCallSyntaxError> {
        if text.starts_with('$') {
            Ok(Self::Path(Path::parse(text)?))
        } else {
            Ok(Self::Call(IntrinsicCall::parse(text)?))
        }
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Path(path) => path.as_str(),
            Self::Call(call) => call.as_str(),
        }
    }

    /// Evaluates it. If a path finds nothing, the error names the field, as AWS does for templates,
    /// `ErrorPath` and `CausePath`.
    ///
    /// # Errors
    /// Returns an [`EvaluationError`] if the path or the call fails.
    pub fn evaluate_for(&self, field: &str, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        self.evaluate(scope).map_err(|error| in_field(error, field))
    }

    /// Evaluates it.
    ///
    /// # Errors
    /// Returns an [`EvaluationError`] if the path or the call fails.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        match self {
            Self::Path(path) => Ok(path.read(scope)?),
            Self::Call(call) => Ok(call.evaluate(scope)?),
        }
    }
}

/// A parsed payload template.
#[derive(Debug, Clone, PartialEq)]
pub struct PayloadTemplate(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Literal(Value),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
    Computed { field: String, path_or_call: PathOrCall },
}

impl PayloadTemplate {
    /// Parses a template.
    ///
    /// # Errors
    /// Returns a [`TemplateSyntaxError`] if a `.$` field contains neither a path nor a call.
    pub fn parse(value: &Value) -> Result<Self, TemplateSyntaxError> {
        Node::parse(value).map(Self)
    }

    /// Evaluates the template.
    ///
    /// # Errors
    /// Returns an [`EvaluationError`] if a path or a call fails.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        self.0.evaluate(scope)
    }

    /// The template as written.
    pub fn to_value(&self) -> Value {
        self.0.to_value()
    }
}

impl Node {
    fn parse(value: &Value) -> Result<Self, TemplateSyntaxError> {
        match value {
            Value::Array(items) => {
                items.iter().map(Self::parse).collect::<Result<_, _>>().map(Self::Array)
            }
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| Self::parse_field(name, value))
                .collect::<Result<_, _>>()
                .map(Self::Object),
            other => Ok(Self::Literal(other.clone())),
        }
    }

    fn parse_field(name: &str, value: &Value) -> Result<(String, Self), TemplateSyntaxError> {
        let Some(target) = name.strip_suffix(".$") else {
            return Ok((name.to_owned(), Self::parse(value)?));
        };
        let path_or_call =
            value.as_str().ok_or(PathOrCallSyntaxError::NotString).and_then(PathOrCall::parse);
        let path_or_call = path_or_call
            .map_err(|reason| TemplateSyntaxError { field: name.to_owned(), reason })?;
        Ok((target.to_owned(), Self::Computed { field: name.to_owned(), path_or_call }))
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Literal(value) => value.clone(),
            Self::Array(items) => items.iter().map(Self::to_value).collect(),
            Self::Object(fields) => {
                let fields = fields.iter().map(|(name, node)| match node {
                    Self::Computed { field, .. } => (field.clone(), node.to_value()),
                    node => (name.clone(), node.to_value()),
                });
                Value::Object(fields.collect())
            }
            Self::Computed { path_or_call, .. } => Value::from(path_or_call.as_str()),
        }
    }

    fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Array(items) => items
                .iter()
                .map(|item| item.evaluate(scope))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Self::Object(fields) => {
                let mut object = Map::new();
                for (name, node) in fields {
                    object.insert(name.clone(), node.evaluate(scope)?);
                }
                Ok(Value::Object(object))
            }
            Self::Computed { field, path_or_call } => path_or_call.evaluate_for(field, scope),
        }
    }
}

/// Adds the field name to the error of a path in a template.
fn in_field(error: EvaluationError, field: &str) -> EvaluationError {
    match error {
        EvaluationError::Path(PathError { kind: PathErrorKind::Missing, path, input, .. }) => {
            EvaluationError::Field { field: field.to_owned(), path, input }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::scope::{TestScope, Variables};

    fn evaluate(template: &Value, input: &Value) -> Result<Value, (String, &'static str)> {
        let variables: Variables = [("v".to_owned(), json!([1, 2]))].into_iter().collect();
        let scope = TestScope::new(json!({"Id": "arn"}), variables);
        let template =
            PayloadTemplate::parse(template).map_err(|reason| (reason.to_string(), "syntax"))?;
        template.evaluate(&scope.scope(input)).map_err(|error| (error.to_string(), error.error()))
    }

    #[test]
    fn computed_fields_lose_their_suffix_and_other_fields_are_copied() {
        let template = json!({
            "plain": "$.a",
            "a.$": "$.a",
            "deep": [{"b.$": "$.list[0]", "c": [true, "States.UUID()"]}],
            "context.$": "$$.Id",
            "variable.$": "$v[1]",
            "call.$": "States.Format('<{}>', $.a)",
        });
        let expected = json!({
            "plain": "$.a",
            "a": "x",
            "deep": [{"b": 1, "c": [true, "States.UUID()"]}],
            "context": "arn",
            "variable": 2,
            "call": "<x>",
        });
        assert_eq!(evaluate(&template, &json!({"a": "x", "list": [1]})), Ok(expected));
    }

    #[test]
    fn an_error_names_its_field_and_has_the_error_name_of_aws() {
        let check = |template: Value, input: Value, cause: &str, error: &'static str| {
            assert_eq!(evaluate(&template, &input), Err((cause.to_owned(), error)));
        };
        check(
            json!({"x": {"field.$": "$.no"}}),
            json!({"a": 1}),
            "The JSONPath '$.no' specified for the field 'field.$' could not be found in the input '{\"a\":1}'",
            "States.Runtime",
        );
        check(
            json!({"field.$": "$"}),
            Value::Null,
            "Unable to apply Path transformation to null or empty input.",
            "States.Runtime",
        );
        check(
            json!({"field.$": "States.ArrayGetItem($.a, 3)"}),
            json!({"a": []}),
            "The function 'States.ArrayGetItem($.a, 3)' had the following error: Index 3 is out of bounds for an array of length 0",
            "States.IntrinsicFailure",
        );
        check(
            json!({"field.$": "States.ArrayLength($.no)"}),
            json!({}),
            "The function 'States.ArrayLength($.no)' had the following error: The JsonPath argument for the field '$.no' could not be found in the input '{}'",
            "States.Runtime",
        );
        check(
            json!({"field.$": 1}),
            json!({}),
            "the value of the field 'field.$' must be a valid JSONPath or a valid intrinsic function call",
            "syntax",
        );
    }

    fn any_template() -> impl Strategy<Value = Value> {
        let field = prop_oneof!["[a-c]{1,2}", "[a-c]{0,2}\\.\\$"];
        let leaf = prop_oneof![
            Just(json!("$")),
            Just(json!("$.a[0]")),
            Just(json!("States.Array($.a, 'x')")),
            Just(json!("plain")),
            any::<i32>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 30, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(field.clone(), inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_template_prints_as_written(template in any_template()) {
            if let Ok(parsed) = PayloadTemplate::parse(&template) {
                prop_assert_eq!(parsed.to_value(), template);
            }
        }

        #[test]
        fn evaluation_never_panics(template in any_template(), number in any::<i32>()) {
            let _ = evaluate(&template, &json!({"a": [number]}));
        }
    }
}
