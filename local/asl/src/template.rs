//! Payload templates: `Parameters`, `ResultSelector`, `ItemSelector`, `Assign`.
//!
//! A field whose name ends in `.$` holds a path or a call of an intrinsic
//! function; its value takes the field's place without the `.$`. Everything else
//! is copied. [`Source`] is such a value by itself, as `ErrorPath`, `CausePath`
//! and the like take it.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::intrinsics::{Expression, ExpressionSyntax, IntrinsicFault};
use crate::paths::{Path, PathFault, PathFaultKind, PathSyntax};
use crate::scope::Scope;

/// Data that could not be computed. [`DataFault::error`] is AWS's error name and
/// the `Display` its cause, without the state's "An error occurred while
/// executing the state …" before it, which the interpreter adds.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DataFault {
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
    Intrinsic(#[from] IntrinsicFault),
    /// The path of `InputPath`, `OutputPath`, `ItemsPath`… found nothing, or that of
    /// `ResultPath` cannot be written.
    #[error("{}", path_cause(.0))]
    Path(#[from] PathFault),
    /// A choice rule's `Variable` or `…Path` found nothing.
    #[error(
        "Invalid path '{path}': The choice state's condition path references an invalid value."
    )]
    Condition {
        /// The path as written.
        path: String,
    },
}

impl DataFault {
    /// The name under which AWS reports it.
    pub fn error(&self) -> &'static str {
        match self {
            Self::Intrinsic(_) => "States.IntrinsicFailure",
            Self::Path(fault) if fault.kind == PathFaultKind::Unwritable => {
                "States.ResultPathMatchFailure"
            }
            Self::Field { .. } | Self::Path(_) | Self::Condition { .. } => "States.Runtime",
        }
    }
}

fn path_cause(fault: &PathFault) -> String {
    match fault.kind {
        PathFaultKind::NullInput | PathFaultKind::Unwritable => fault.reason.clone(),
        PathFaultKind::Missing | PathFaultKind::TooWide => {
            format!("Invalid path '{}' : {}", fault.path, fault.reason)
        }
    }
}

/// Text that is neither a path nor a call.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the value of the field '{field}' must be a valid JSONPath or a valid intrinsic function call"
)]
pub struct TemplateSyntax {
    /// The field, with its `.$`; empty where the value stands by itself.
    pub field: String,
    /// What the parser said.
    #[source]
    pub why: SourceSyntax,
}

/// Why a [`Source`] is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceSyntax {
    /// It begins like a path.
    #[error(transparent)]
    Path(#[from] PathSyntax),
    /// It begins like a call.
    #[error(transparent)]
    Expression(#[from] ExpressionSyntax),
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
    pub fn parse(text: &str) -> Result<Self, SourceSyntax> {
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
    pub fn evaluate_for(&self, field: &str, scope: &Scope<'_>) -> Result<Value, DataFault> {
        self.evaluate(scope).map_err(|fault| in_field(fault, field))
    }

    /// The value it stands for.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, DataFault> {
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
    pub fn parse(value: &Value) -> Result<Self, TemplateSyntax> {
        Node::parse(value).map(Self)
    }

    /// The payload that it gives.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, DataFault> {
        self.0.evaluate(scope)
    }
}

impl Node {
    fn parse(value: &Value) -> Result<Self, TemplateSyntax> {
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

    fn parse_field(name: &str, value: &Value) -> Result<(String, Self), TemplateSyntax> {
        let Some(plain) = name.strip_suffix(".$") else {
            return Ok((name.to_owned(), Self::parse(value)?));
        };
        let source = value.as_str().ok_or(SourceSyntax::NotText).and_then(Source::parse);
        let source = source.map_err(|why| TemplateSyntax { field: name.to_owned(), why })?;
        Ok((plain.to_owned(), Self::Computed { field: name.to_owned(), source }))
    }

    fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, DataFault> {
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
fn in_field(fault: DataFault, field: &str) -> DataFault {
    match fault {
        DataFault::Path(PathFault { kind: PathFaultKind::Missing, path, input, .. }) => {
            DataFault::Field { field: field.to_owned(), path, input }
        }
        other => other,
    }
}
