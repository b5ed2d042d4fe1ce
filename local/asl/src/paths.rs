//! JSONPath as Step Functions reads it, and the reference paths that it writes.
//!
//! AWS evaluates paths with Jayway `JsonPath`, by all signs 2.0.0: `[-1]` finds nothing
//! and `[(@.length-1)]` the last item, functions are names like any other, words in a
//! filter need no quotes, and names have no escapes. So this module keeps that
//! library's dialect, its distinction of definite and indefinite paths, and the words
//! of its complaints, which reach users inside an execution's `cause`. A definite
//! path gives its one value or fails; an indefinite one (wildcard, filter, slice,
//! descent, several names or indexes) gives an array of all that it finds.
//!
//! `paths/parse.rs` reads the text, `paths/walk.rs` follows it, `paths/filter.rs`
//! decides `[?(…)]`. `scope.rs` says what the roots `$`, `$$` and `$name` stand
//! for; `template.rs` is the main caller.

mod filter;
mod parse;
mod walk;

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::scope::Scope;
use filter::Filter;

/// Text that is not a path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct PathSyntaxError {
    /// What is wrong, for people.
    pub message: String,
}

/// A path that is well formed but cannot be followed through this input.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct PathError {
    /// The path as the definition wrote it.
    pub path: String,
    /// Which of the ways in which a path fails.
    pub kind: PathErrorKind,
    /// Jayway's words: `No results for path: $['a']`, `Missing property in path $['a']`…
    pub reason: String,
    /// The value in which it was looked for, as JSON.
    pub input: String,
}

/// The ways in which a path fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathErrorKind {
    /// It leads nowhere.
    Missing,
    /// There is no input to look in: it is `null`.
    NullInput,
    /// It would visit more values, or copy more of them, than any honest document holds.
    TooWide,
    /// A reference path cannot be written to this input.
    Unwritable,
}

/// A path that reads: `$.a.b`, `$$.Execution.Id`, `$name[0]`, `$..x[?(@.y > 1)]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    text: String,
    root: Root,
    steps: Vec<Step>,
}

/// What a path starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// `$`: the input.
    Input,
    /// `$$`: the context object.
    Context,
    /// `$name`: a workflow variable.
    Variable(String),
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    /// `.a`, `['a']`, `['a','b']`.
    Names(Vec<String>),
    /// `[0]`, `[0,2]`; a negative one finds nothing.
    Indexes(Vec<i64>),
    /// `[(@.length-1)]`.
    FromEnd(u32),
    /// `[1:]`, `[:2]`, `[1:2]`.
    Slice(Option<i64>, Option<i64>),
    /// `.*`, `[*]`.
    Wildcard,
    /// `..`: every value below, and then the next step.
    Descent,
    /// `[?(…)]`.
    Filter(Filter),
}

impl Path {
    /// Reads the text of a path.
    pub fn parse(text: &str) -> Result<Self, PathSyntaxError> {
        let (root, steps) = parse::path(text)?;
        Ok(Self { text: text.to_owned(), root, steps })
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it starts from.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Whether it is the root by itself: `$`, `$$` or `$name`.
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether it leads to one value at most.
    pub fn is_definite(&self) -> bool {
        walk::definite(&self.steps)
    }

    /// Whether it has only names and single indexes, so that it could be written to.
    pub fn is_reference(&self) -> bool {
        self.steps.iter().all(|step| match step {
            Step::Names(names) => names.len() == 1,
            Step::Indexes(indexes) => indexes.len() == 1,
            _ => false,
        })
    }

    /// The value that the path leads to; an indefinite path gives an array of all.
    pub fn read(&self, scope: &Scope<'_>) -> Result<Value, PathError> {
        let found = self.find(scope).and_then(|found| {
            if scope.copy_budget.admits(&found) {
                Ok(found.into_owned())
            } else {
                Err(Miss::too_wide())
            }
        });
        found.map_err(|miss| self.fault(miss, scope))
    }

    /// Whether the path leads anywhere, without building what it leads to.
    pub fn is_present(&self, scope: &Scope<'_>) -> bool {
        self.find(scope).is_ok()
    }

    /// The value, borrowed where it can be.
    pub(crate) fn find<'v>(&self, scope: &Scope<'v>) -> Result<Cow<'v, Value>, Miss> {
        let root = match &self.root {
            Root::Input => scope.input,
            Root::Context => scope.context,
            Root::Variable(name) => scope
                .variables
                .get(name)
                .ok_or_else(|| Miss::missing(format!("No results for path: $['{name}']")))?,
        };
        if root.is_null() && self.root == Root::Input {
            return Err(Miss { kind: PathErrorKind::NullInput, reason: NULL_INPUT.to_owned() });
        }
        walk::read(&self.steps, root)
    }

    /// What is told of a miss in this scope.
    pub(crate) fn fault(&self, miss: Miss, scope: &Scope<'_>) -> PathError {
        let input = match &self.root {
            Root::Input => scope.input.to_string(),
            Root::Context => scope.context.to_string(),
            Root::Variable(name) => match scope.variables.get(name) {
                Some(value) => value.to_string(),
                None => Value::Object(scope.variables.clone()).to_string(),
            },
        };
        PathError { path: self.text.clone(), kind: miss.kind, reason: miss.reason, input }
    }
}

const NULL_INPUT: &str = "Unable to apply Path transformation to null or empty input.";

/// Why a walk found nothing, before the path and the input are known.
#[derive(Debug)]
pub(crate) struct Miss {
    kind: PathErrorKind,
    reason: String,
}

impl Miss {
    fn too_wide() -> Self {
        let reason = "the state copies more data than it may".to_owned();
        Self { kind: PathErrorKind::TooWide, reason }
    }

    fn missing(reason: String) -> Self {
        Self { kind: PathErrorKind::Missing, reason }
    }
}

/// The path in Jayway's canonical form, `$['a'][0]`: what it was read as.
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

fn write_steps(f: &mut fmt::Formatter<'_>, steps: &[Step]) -> fmt::Result {
    steps.iter().try_for_each(|step| write!(f, "{step}"))
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A name without brackets may hold a quote.
            Self::Names(names) if names.iter().any(|name| name.contains('\'')) => {
                names.iter().try_for_each(|name| write!(f, ".{name}"))
            }
            Self::Names(names) => write_list(f, names.iter().map(|name| format!("'{name}'"))),
            Self::FromEnd(distance) => write!(f, "[(@.length-{distance})]"),
            Self::Indexes(indexes) => write_list(f, indexes.iter()),
            Self::Slice(from, to) => {
                f.write_str("[")?;
                from.map_or(Ok(()), |from| write!(f, "{from}"))?;
                f.write_str(":")?;
                to.map_or(Ok(()), |to| write!(f, "{to}"))?;
                f.write_str("]")
            }
            Self::Wildcard => f.write_str("[*]"),
            Self::Descent => f.write_str(".."),
            Self::Filter(filter) => write!(f, "[?({filter})]"),
        }
    }
}

fn write_list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    items: impl Iterator<Item = T>,
) -> fmt::Result {
    for (index, item) in items.enumerate() {
        write!(f, "{}{item}", if index == 0 { "[" } else { "," })?;
    }
    f.write_str("]")
}

/// A filter's text in single quotes, escaped so that it reads back as itself.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("'")?;
        for c in self.0.chars() {
            f.write_str(if c == '\'' { "\\'" } else { "" })?;
            write!(f, "{c}")?;
        }
        f.write_str("'")
    }
}

/// A path that can be written to: names and single indexes, from `$`.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferencePath {
    text: String,
    steps: Vec<Place>,
}

#[derive(Debug, Clone, PartialEq)]
enum Place {
    Name(String),
    Index(i64),
}

impl ReferencePath {
    /// Reads the text of a reference path.
    pub fn parse(text: &str) -> Result<Self, PathSyntaxError> {
        let refuse = || PathSyntaxError { message: format!("'{text}' is not a reference path") };
        let (root, steps) = parse::path(text)?;
        if root != Root::Input {
            return Err(refuse());
        }
        let steps = steps.into_iter().map(|step| Place::of(step).ok_or_else(refuse));
        Ok(Self { text: text.to_owned(), steps: steps.collect::<Result<_, _>>()? })
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `into` with `value` at this path: what `ResultPath` does. Objects on the way
    /// are made where there is nothing; an array's item must be there already.
    pub fn write(&self, into: Value, value: Value) -> Result<Value, PathError> {
        let mut whole = into;
        match self.slot(&mut whole) {
            Some(slot) => {
                *slot = value;
                Ok(whole)
            }
            None => Err(self.unwritable(&whole)),
        }
    }

    fn slot<'v>(&self, whole: &'v mut Value) -> Option<&'v mut Value> {
        let mut at = whole;
        for step in &self.steps {
            at = match step {
                Place::Name(name) => fields(at)?.entry(name.as_str()).or_insert(Value::Null),
                Place::Index(index) => {
                    let items = at.as_array_mut()?;
                    items.get_mut(usize::try_from(*index).ok()?)?
                }
            };
        }
        Some(at)
    }

    /// The input in the cause is what it was before: a failed write made at most
    /// nulls on the way, and those only where nothing stood.
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

impl Place {
    fn of(step: Step) -> Option<Self> {
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

/// The object at this place, made where there is nothing yet.
fn fields(at: &mut Value) -> Option<&mut Map<String, Value>> {
    if at.is_null() {
        *at = Value::Object(Map::new());
    }
    at.as_object_mut()
}

#[cfg(test)]
mod tests;
