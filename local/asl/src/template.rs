//! Payload templates: `Parameters`, `ResultSelector`, `ItemSelector`, `Assign`.
//!
//! A field whose name ends in `.$` holds a path or a call of an intrinsic
//! function; its value takes the field's place without the `.$`. Everything else
//! is copied. [`Source`] is such a value by itself, as `ErrorPath`, `CausePath`
//! and the like take it.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::intrinsics::{Expression, ExpressionSyntaxError, IntrinsicError, IntrinsicErrorReason};
use crate::paths::{Path, PathError, PathErrorKind, PathSyntaxError};
use crate::scope::Scope;

/// Data that could not be computed. [`EvaluationError::error`] is AWS's error name and
/// the `Display` its cause, without the state's "An error occurred while
/// executing the state …" before it, which the interpreter adds.
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
        /// The value in which it was looked for, as JSON.
        input: String,
    },
    /// An intrinsic function refused.
    #[error(transparent)]
    Intrinsic(#[from] IntrinsicError),
    /// The path of `InputPath`, `OutputPath`, `ItemsPath`… found nothing, or that of
    /// `ResultPath` cannot be written.
    #[error("{}", path_cause(.0))]
    Path(#[from] PathError),
    /// A choice rule's `Variable` or `…Path` found nothing.
    #[error(
        "Invalid path '{path}': The choice state's condition path references an invalid value."
    )]
    Condition {
        /// The path as written.
        path: String,
    },
}

impl EvaluationError {
    /// The name under which AWS reports it.
    pub fn error(&self) -> &'static str {
        match self {
            Self::Intrinsic(fault) => match fault.reason {
                IntrinsicErrorReason::Argument(_) => "States.Runtime",
                IntrinsicErrorReason::Refused(_) => "States.IntrinsicFailure",
            },
            Self::Path(fault) if fault.kind == PathErrorKind::Unwritable => {
                "States.ResultPathMatchFailure"
            }
            Self::Field { .. } | Self::Path(_) | Self::Condition { .. } => "States.Runtime",
        }
    }
}

fn path_cause(fault: &PathError) -> String {
    match fault.kind {
        PathErrorKind::NullInput | PathErrorKind::Unwritable => fault.reason.clone(),
        PathErrorKind::Missing | PathErrorKind::TooWide => {
            format!("Invalid path '{}' : {}", fault.path, fault.reason)
        }
    }
}

/// Text that is neither a path nor a call.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the value of the field '{field}' must be a valid JSONPath or a valid intrinsic function call"
)]
pub struct TemplateSyntaxError {
    /// The field, with its `.$`; empty where the value stands by itself.
    pub field: String,
    /// What the parser said.
    #[source]
    pub why: SourceSyntaxError,
}

/// Why a [`Source`] is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceSyntaxError {
    /// It begins like a path.
    #[error(transparent)]
    Path(#[from] PathSyntaxError),
    /// It begins like a call.
    #[error(transparent)]
    Expression(#[from] ExpressionSyntaxError),
    /// The value is no text.
    #[error("a path or a call is text")]
    NotText,
}

/// A path or a call: what a `.$` field holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A path.
    Path(Path),
    /// A call of an intrinsic function.
    Call(Expression),
}

impl Source {
    /// Reads a path or a call.
    pub fn parse(text: &str) -> Result<Self, SourceSyntaxError> {
        if text.starts_with('$') {
            Ok(Self::Path(Path::parse(text)?))
        } else {
            Ok(Self::Call(Expression::parse(text)?))
        }
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Path(path) => path.as_str(),
            Self::Call(call) => call.as_str(),
        }
    }

    /// The value it stands for, a failure being reported with the field's name, as
    /// AWS does for templates, `ErrorPath`, `CausePath` and the like.
    pub fn evaluate_for(&self, field: &str, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        self.evaluate(scope).map_err(|fault| in_field(fault, field))
    }

    /// The value it stands for.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        match self {
            Self::Path(path) => Ok(path.read(scope)?),
            Self::Call(call) => Ok(call.evaluate(scope)?),
        }
    }
}

/// A parsed payload template.
#[derive(Debug, Clone, PartialEq)]
pub struct Template(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Literal(Value),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
    Computed { field: String, source: Source },
}

impl Template {
    /// Reads a template as it stands in the definition.
    pub fn parse(value: &Value) -> Result<Self, TemplateSyntaxError> {
        Node::parse(value).map(Self)
    }

    /// The payload that it gives.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        self.0.evaluate(scope)
    }

    /// The template as it stands in the definition.
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
        let Some(plain) = name.strip_suffix(".$") else {
            return Ok((name.to_owned(), Self::parse(value)?));
        };
        let source = value.as_str().ok_or(SourceSyntaxError::NotText).and_then(Source::parse);
        let source = source.map_err(|why| TemplateSyntaxError { field: name.to_owned(), why })?;
        Ok((plain.to_owned(), Self::Computed { field: name.to_owned(), source }))
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
            Self::Computed { source, .. } => Value::from(source.as_str()),
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
            Self::Computed { field, source } => source.evaluate_for(field, scope),
        }
    }
}

/// A path that fails inside a template is reported with the field's name.
fn in_field(fault: EvaluationError, field: &str) -> EvaluationError {
    match fault {
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
    use crate::scope::{CopyBudget, RandomSource, Variables};

    fn evaluate(template: &Value, input: &Value) -> Result<Value, (String, &'static str)> {
        let variables: Variables = [("v".to_owned(), json!([1, 2]))].into_iter().collect();
        let (context, random_source) = (json!({"Id": "arn"}), RandomSource::seeded(1));
        let copy_budget = CopyBudget::default();
        let scope = Scope {
            input,
            context: &context,
            variables: &variables,
            random_source: &random_source,
            copy_budget: &copy_budget,
        };
        let template = Template::parse(template).map_err(|why| (why.to_string(), "syntax"))?;
        template.evaluate(&scope).map_err(|fault| (fault.to_string(), fault.error()))
    }

    #[test]
    fn computed_fields_lose_their_suffix_and_the_rest_is_copied() {
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
    fn what_fails_names_its_field_and_is_reported_under_its_own_name() {
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
        fn a_template_is_printed_as_it_was_written(template in any_template()) {
            if let Ok(parsed) = Template::parse(&template) {
                prop_assert_eq!(parsed.to_value(), template);
            }
        }

        #[test]
        fn no_template_makes_evaluation_panic(template in any_template(), number in any::<i32>()) {
            let _ = evaluate(&template, &json!({"a": [number]}));
        }
    }
}
