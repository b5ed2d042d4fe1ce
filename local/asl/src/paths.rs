//! JSONPath as Step Functions evaluates it, and the reference paths of `ResultPath`.
//!
//! AWS uses Jayway `JsonPath`, apparently 2.0.0: `[-1]` finds nothing and `[(@.length-1)]` the last
//! item, function names are ordinary names, filters accept unquoted strings, and names have no
//! escapes. This module implements that dialect, its distinction between definite and indefinite
//! paths, and its error messages, which appear in the `cause` of executions. A definite path
//! returns one value or fails. An indefinite path (wildcard, filter, slice, descent, several names
//! or indexes) returns an array of everything it finds.
//!
//! `paths/syntax.rs` has the parsed form, `parse.rs` and `parse_filter.rs` the parsers, `walk.rs`
//! and `filter.rs` the evaluation. `scope.rs` defines the roots; `template.rs` is the main caller.

mod error;
mod filter;
mod parse;
mod parse_filter;
mod syntax;
mod walk;

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

pub(crate) use error::LookupError;
use error::NULL_INPUT;
pub use error::{PathError, PathErrorKind, PathSyntaxError};
pub use syntax::Root;
use syntax::{Step, write_steps};

use crate::scope::Scope;

/// A path that reads: `$.a.b`, `$$.Execution.Id`, `$name[0]`, `$..x[?(@.y > 1)]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    text: String,
    root: Root,
    steps: Vec<Step>,
}

impl Path {
    /// Parses the text of a path.
    ///
    /// # Errors
    /// Returns a [`PathSyntaxError`] if the text is not a path.
    pub fn parse(text: &str) -> Result<Self, PathSyntaxError> {
        let (root, steps) = parse::path(text)?;
        Ok(Self { text: text.to_owned(), root, steps })
    }

    /// The path as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The root of the path.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Whether the path is a root without steps: `$`, `$$` or `$name`.
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether the path leads to at most one value.
    pub fn is_definite(&self) -> bool {
        walk::definite(&self.steps)
    }

    /// Whether the path has only names and single indexes, so that it could be written to.
    pub fn is_reference(&self) -> bool {
        self.steps.iter().all(|step| match step {
            Step::Names(names) => names.len() == 1,
            Step::Indexes(indexes) => indexes.len() == 1,
            _ => false,
        })
    }

    /// The value that the path leads to; for an indefinite path, the array of all values.
    ///
    /// # Errors
    /// Returns a [`PathError`] if the path leads to no value or exceeds a limit.
    pub fn read(&self, scope: &Scope<'_>) -> Result<Value, PathError> {
        let found = self.find(scope).and_then(|found| {
            if scope.copy_budget.spend(&found) {
                Ok(found.into_owned())
            } else {
                Err(LookupError::copy_limit_exceeded())
            }
        });
        found.map_err(|error| self.error(error, scope))
    }

    /// Whether the path leads to a value. Does not copy the value.
    pub fn is_present(&self, scope: &Scope<'_>) -> bool {
        self.find(scope).is_ok()
    }

    /// The value, borrowed if possible.
    pub(crate) fn find<'v>(&self, scope: &Scope<'v>) -> Result<Cow<'v, Value>, LookupError> {
        let root = match &self.root {
            Root::Input => scope.input,
            Root::Context => scope.context,
            Root::Variable(name) => scope
                .variables
                .get(name)
                .ok_or_else(|| LookupError::missing(format!("No results for path: $['{name}']")))?,
        };
        if root.is_null() && self.root == Root::Input {
            return Err(LookupError {
                kind: PathErrorKind::NullInput,
                reason: NULL_INPUT.to_owned(),
            });
        }
        walk::read(&self.steps, root)
    }

    /// Adds the path and the input to a lookup error.
    pub(crate) fn error(&self, error: LookupError, scope: &Scope<'_>) -> PathError {
        let input = match &self.root {
            Root::Input => scope.input.to_string(),
            Root::Context => scope.context.to_string(),
            Root::Variable(name) => match scope.variables.get(name) {
                Some(value) => value.to_string(),
                None => Value::Object(scope.variables.clone()).to_string(),
            },
        };
        PathError { path: self.text.clone(), kind: error.kind, reason: error.reason, input }
    }
}

/// The path in the canonical form of Jayway, `$['a'][0]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.root {
            Root::Input => f.write_str("$")?,
            Root::Context => f.write_str("$$")?,
            Root::Variable(name) => write!(f, "${name}")?,
        }
        write_steps(f, &self.steps)
    }
}

/// A path that can be written to: names and single indexes from `$`.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferencePath {
    text: String,
    steps: Vec<ReferenceStep>,
}

#[derive(Debug, Clone, PartialEq)]
enum ReferenceStep {
    Name(String),
    Index(i64),
}

impl ReferencePath {
    /// Parses the text of a reference path.
    ///
    /// # Errors
    /// Returns a [`PathSyntaxError`] if the text is not a reference path.
    pub fn parse(text: &str) -> Result<Self, PathSyntaxError> {
        let invalid = || PathSyntaxError { message: format!("'{text}' is not a reference path") };
        let (root, steps) = parse::path(text)?;
        if root != Root::Input {
            return Err(invalid());
        }
        let steps =
            steps.into_iter().map(|step| ReferenceStep::from_step(step).ok_or_else(invalid));
        Ok(Self { text: text.to_owned(), steps: steps.collect::<Result<_, _>>()? })
    }

    /// The path as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns `into` with `value` at this path, as `ResultPath` does. Missing objects on the way
    /// are created; array items must exist.
    ///
    /// # Errors
    /// Returns a [`PathError`] of kind [`PathErrorKind::Unwritable`] if the path does not fit
    /// `into`.
    pub fn write(&self, into: Value, value: Value) -> Result<Value, PathError> {
        let mut document = into;
        match self.location_mut(&mut document) {
            Some(location_mut) => {
                *location_mut = value;
                Ok(document)
            }
            None => Err(self.unwritable(&document)),
        }
    }

    fn location_mut<'v>(&self, document: &'v mut Value) -> Option<&'v mut Value> {
        let mut at = document;
        for step in &self.steps {
            at = match step {
                ReferenceStep::Name(name) => {
                    fields(at)?.entry(name.as_str()).or_insert(Value::Null)
                }
                ReferenceStep::Index(index) => {
                    let items = at.as_array_mut()?;
                    items.get_mut(usize::try_from(*index).ok()?)?
                }
            };
        }
        Some(at)
    }

    /// The input in the cause is unchanged except for nulls: a failed write creates only nulls, and
    /// only where nothing existed.
    fn unwritable(&self, input: &Value) -> PathError {
        let input = input.to_string();
        PathError {
            path: self.text.clone(),
            kind: PathErrorKind::Unwritable,
            reason: format!("Unable to apply ReferencePath {} to input {input}", self.text),
            input,
        }
    }
}

impl ReferenceStep {
    fn from_step(step: Step) -> Option<Self> {
        match step {
            Step::Names(mut names) if names.len() == 1 => names.pop().map(Self::Name),
            Step::Indexes(indexes) => match indexes[..] {
                [index] => Some(Self::Index(index)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The object at this location; replaces null with an empty object.
fn fields(at: &mut Value) -> Option<&mut Map<String, Value>> {
    if at.is_null() {
        *at = Value::Object(Map::new());
    }
    at.as_object_mut()
}

#[cfg(test)]
mod tests;
