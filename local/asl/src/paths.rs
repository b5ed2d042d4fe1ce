//! JSONPath as Step Functions reads it, and the reference paths that it writes.
//!
//! AWS evaluates paths with Jayway JsonPath, so this module keeps that library's
//! dialect, its distinction of definite and indefinite paths, and the words of
//! its complaints, which reach users inside an execution's `cause`. `scope.rs`
//! says what the roots `$`, `$$` and `$name` stand for; `template.rs` is the main
//! caller.

use serde_json::Value;
use thiserror::Error;

use crate::scope::Scope;

/// Text that is not a path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct PathSyntax {
    /// What is wrong, for people.
    pub message: String,
}

/// A path that is well formed but cannot be followed through this input.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct PathFault {
    /// The path as the definition wrote it.
    pub path: String,
    /// Jayway's words: `No results for path: $['a']`, `Missing property in path $['a']`…
    pub reason: String,
    /// The value in which it was looked for, as JSON.
    pub input: String,
}

/// A path that reads: `$.a.b`, `$$.Execution.Id`, `$name[0]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    text: String,
    root: Root,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Root {
    Input,
    Context,
    Variable(String),
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Name(String),
    Index(i64),
}

impl Path {
    /// Reads the text of a path.
    pub fn parse(text: &str) -> Result<Self, PathSyntax> {
        let (root, steps) = split(text)?;
        Ok(Self { text: text.to_owned(), root, steps })
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The value that the path leads to; an indefinite path gives an array of all.
    pub fn read(&self, scope: &Scope<'_>) -> Result<Value, PathFault> {
        let root = self.root_value(scope)?;
        let mut at = root;
        for step in &self.steps {
            at = match step {
                Step::Name(name) => at.get(name),
                Step::Index(index) => nth(at, *index),
            }
            .ok_or_else(|| self.fault(root, format!("No results for path: {}", self.text)))?;
        }
        Ok(at.clone())
    }

    fn root_value<'a>(&self, scope: &Scope<'a>) -> Result<&'a Value, PathFault> {
        match &self.root {
            Root::Input => Ok(scope.input),
            Root::Context => Ok(scope.context),
            Root::Variable(name) => scope.variables.get(name).ok_or_else(|| PathFault {
                path: self.text.clone(),
                reason: format!("No results for path: $['{name}']"),
                input: Value::Object(scope.variables.clone()).to_string(),
            }),
        }
    }

    fn fault(&self, input: &Value, reason: String) -> PathFault {
        PathFault { path: self.text.clone(), reason, input: input.to_string() }
    }
}

/// A path that can be written to: names and indexes only, from `$`.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferencePath {
    text: String,
    steps: Vec<Step>,
}

impl ReferencePath {
    /// Reads the text of a reference path.
    pub fn parse(text: &str) -> Result<Self, PathSyntax> {
        match split(text)? {
            (Root::Input, steps) => Ok(Self { text: text.to_owned(), steps }),
            _ => Err(PathSyntax { message: format!("{text} is not a reference path") }),
        }
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `into` with `value` at this path: what `ResultPath` does.
    pub fn write(&self, into: Value, value: Value) -> Result<Value, PathFault> {
        let mut whole = into;
        let mut at = &mut whole;
        for step in &self.steps {
            let Step::Name(name) = step else { return Err(self.unwritable(&whole)) };
            if at.is_null() {
                *at = Value::Object(serde_json::Map::new());
            }
            match at {
                Value::Object(fields) => at = fields.entry(name).or_insert(Value::Null),
                other => {
                    let other = other.clone();
                    return Err(self.unwritable(&other));
                }
            }
        }
        *at = value;
        Ok(whole)
    }

    fn unwritable(&self, input: &Value) -> PathFault {
        let input = input.to_string();
        PathFault {
            path: self.text.clone(),
            reason: format!("Unable to apply step to input {input}"),
            input,
        }
    }
}

fn nth(array: &Value, index: i64) -> Option<&Value> {
    let array = array.as_array()?;
    let from_end = usize::try_from(index.unsigned_abs()).ok()?;
    if index < 0 { array.get(array.len().checked_sub(from_end)?) } else { array.get(from_end) }
}

fn split(text: &str) -> Result<(Root, Vec<Step>), PathSyntax> {
    let wrong = || PathSyntax { message: format!("{text} is not a path") };
    let rest = text.strip_prefix('$').ok_or_else(wrong)?;
    let (root, rest) = match rest.strip_prefix('$') {
        Some(rest) => (Root::Context, rest),
        None => {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, rest) = rest.split_at(end);
            let root = if name.is_empty() { Root::Input } else { Root::Variable(name.to_owned()) };
            (root, rest)
        }
    };
    let mut steps = Vec::new();
    let mut rest = rest;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (index, after) = inner.split_once(']').ok_or_else(wrong)?;
            steps.push(match index.strip_prefix('\'').and_then(|name| name.strip_suffix('\'')) {
                Some(name) => Step::Name(name.to_owned()),
                None => Step::Index(index.parse().ok().ok_or_else(wrong)?),
            });
            rest = after;
        } else {
            let name = rest.strip_prefix('.').ok_or_else(wrong)?;
            let (name, after) = name.split_at(name.find(['.', '[']).unwrap_or(name.len()));
            steps.push(Step::Name(name.to_owned()));
            rest = after;
        }
    }
    Ok((root, steps))
}
