//! Follows the steps of a path through a value as Jayway does, including its irregularities: a
//! definite path can fail, an indefinite one returns fewer values.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

use super::error::{LookupError, PathErrorKind};
use super::syntax::{Filter, Step};

/// The maximum number of visited values. Without it, `$..*..*..*` on a large input would not end in
/// reasonable time.
const MAX_VISITS: usize = 1_000_000;

/// Whether the steps lead to at most one value.
pub(super) fn definite(steps: &[Step]) -> bool {
    steps.iter().enumerate().all(|(index, step)| definite_step(step, index + 1 == steps.len()))
}

fn definite_step(step: &Step, last: bool) -> bool {
    match step {
        Step::Names(names) => names.len() == 1 || last,
        Step::Indexes(indexes) => indexes.len() == 1,
        Step::IndexFromEnd(_) => true,
        Step::Slice(..) | Step::Wildcard | Step::Descent | Step::Filter(_) => false,
    }
}

/// The value that the steps lead to from `root`.
pub(super) fn read<'v>(steps: &[Step], root: &'v Value) -> Result<Cow<'v, Value>, LookupError> {
    read_in(steps, root, root, false)
}

/// Like [`read`], inside a filter: starts at `value`, with `document` as the `$` of the filter.
/// With `strict`, a missing name is an error even on an indefinite path.
pub(super) fn read_in<'v>(
    steps: &[Step],
    value: &'v Value,
    document: &'v Value,
    strict: bool,
) -> Result<Cow<'v, Value>, LookupError> {
    if steps.is_empty() {
        return Ok(Cow::Borrowed(value));
    }
    let mut walk = Walk { document, strict, visits: 0, found: Vec::new() };
    match walk.step(steps, value, &Location::Root, true) {
        // In AWS, an indefinite path returns nothing even if its first step is missing.
        Err(error) if error.kind == PathErrorKind::Missing && !definite(steps) && !strict => {}
        walked => walked?,
    }
    if definite(steps) {
        let missing = || LookupError::missing(format!("No results for path: {}", Canonical(steps)));
        return walk.found.pop().ok_or_else(missing);
    }
    Ok(Cow::Owned(Value::Array(walk.found.into_iter().map(Cow::into_owned).collect())))
}

struct Walk<'v> {
    document: &'v Value,
    strict: bool,
    visits: usize,
    found: Vec<Cow<'v, Value>>,
}

impl<'v> Walk<'v> {
    /// Takes the first of `steps` from `value`. `definite` tells whether all previous steps were.
    fn step(
        &mut self,
        steps: &[Step],
        value: &'v Value,
        location: &Location<'_>,
        definite: bool,
    ) -> Result<(), LookupError> {
        let Some((step, rest)) = steps.split_first() else {
            self.found.push(Cow::Borrowed(value));
            return Ok(());
        };
        self.visit()?;
        match step {
            Step::Names(names) => self.names(names, rest, value, location, definite),
            Step::Indexes(indexes) => {
                let Some(items) = array(step, value, location, definite)? else { return Ok(()) };
                let definite = definite && indexes.len() == 1;
                indexes
                    .iter()
                    .try_for_each(|index| self.item(*index, items, rest, location, definite))
            }
            Step::IndexFromEnd(distance) => {
                let Some(items) = array(step, value, location, definite)? else { return Ok(()) };
                let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
                self.item(length - i64::from(*distance), items, rest, location, definite)
            }
            Step::Slice(from, to) => {
                let Some(items) = array(step, value, location, definite)? else { return Ok(()) };
                bounds(*from, *to, items.len())
                    .try_for_each(|index| self.item(index, items, rest, location, false))
            }
            Step::Wildcard => self.wildcard(rest, value, location),
            Step::Descent => self.descend(rest, value, location),
            Step::Filter(filter) => self.filter(filter, rest, value, location, definite),
        }
    }

    fn visit(&mut self) -> Result<(), LookupError> {
        self.visits += 1;
        if self.visits > MAX_VISITS {
            let reason = format!("the path visits more than {MAX_VISITS} values");
            return Err(LookupError { kind: PathErrorKind::LimitExceeded, reason });
        }
        Ok(())
    }

    fn names(
        &mut self,
        names: &[String],
        rest: &[Step],
        value: &'v Value,
        location: &Location<'_>,
        definite: bool,
    ) -> Result<(), LookupError> {
        let Some(fields) = value.as_object() else {
            return if definite { Err(property_not_found(names, location)) } else { Ok(()) };
        };
        if let [name] = names {
            self.name(name, rest, fields, location, definite)
        } else if rest.is_empty() {
            self.merge(names, fields, location)
        } else {
            names.iter().try_for_each(|name| self.name(name, rest, fields, location, false))
        }
    }

    fn name(
        &mut self,
        name: &str,
        rest: &[Step],
        fields: &'v Map<String, Value>,
        location: &Location<'_>,
        definite: bool,
    ) -> Result<(), LookupError> {
        let child_location = Location::Name(location, name);
        match fields.get(name) {
            Some(value) => self.step(rest, value, &child_location, definite),
            None if rest.is_empty() && self.strict => {
                Err(LookupError::missing(format!("No results for path: {child_location}")))
            }
            None if !rest.is_empty() && (definite || self.strict) => {
                Err(LookupError::missing(format!("Missing property in path {child_location}")))
            }
            None => Ok(()),
        }
    }

    /// Several names at the end of a path return one object with those that exist.
    fn merge(
        &mut self,
        names: &[String],
        fields: &'v Map<String, Value>,
        location: &Location<'_>,
    ) -> Result<(), LookupError> {
        let mut merged = Map::new();
        for name in names {
            match fields.get(name) {
                Some(value) => drop(merged.insert(name.clone(), value.clone())),
                None if self.strict => {
                    let child_location = Location::Name(location, name);
                    return Err(LookupError::missing(format!(
                        "Missing property in path {child_location}"
                    )));
                }
                None => {}
            }
        }
        self.found.push(Cow::Owned(Value::Object(merged)));
        Ok(())
    }

    fn item(
        &mut self,
        index: i64,
        items: &'v [Value],
        rest: &[Step],
        location: &Location<'_>,
        definite: bool,
    ) -> Result<(), LookupError> {
        let index = usize::try_from(index).ok();
        match index.and_then(|index| Some((index, items.get(index)?))) {
            Some((index, item)) => {
                self.step(rest, item, &Location::Index(location, index), definite)
            }
            None => Ok(()),
        }
    }

    fn wildcard(
        &mut self,
        rest: &[Step],
        value: &'v Value,
        location: &Location<'_>,
    ) -> Result<(), LookupError> {
        children(value, location, |child, child_location| {
            match self.step(rest, child, child_location, false) {
                Err(error) if error.kind == PathErrorKind::Missing && !self.strict => Ok(()),
                other => other,
            }
        })
    }

    /// `..`: applies the next step to the value and to all its descendants.
    fn descend(
        &mut self,
        rest: &[Step],
        value: &'v Value,
        location: &Location<'_>,
    ) -> Result<(), LookupError> {
        self.visit()?;
        let Some((next, after)) = rest.split_first() else { return Ok(()) };
        if self.applies(next, after, value) {
            // Jayway skips the step if it applies to an array and more steps follow:
            // `$..[0].a` reads `a` of every item.
            if value.is_array() && !after.is_empty() {
                children(value, location, |child, child_location| {
                    self.step(after, child, child_location, false)
                })?;
            } else {
                self.step(rest, value, location, false)?;
            }
        }
        children(value, location, |child, child_location| self.descend(rest, child, child_location))
    }

    fn applies(&self, next: &Step, after: &[Step], value: &'v Value) -> bool {
        match next {
            Step::Names(names) => match value.as_object() {
                Some(fields) if definite_step(next, after.is_empty()) => {
                    names.iter().all(|name| fields.contains_key(name))
                }
                other => other.is_some(),
            },
            Step::Indexes(_) | Step::IndexFromEnd(_) | Step::Slice(..) => value.is_array(),
            Step::Wildcard => value.is_array() || value.is_object(),
            Step::Filter(filter) => {
                (value.is_array() || value.is_object()) && filter.accepts(value, self.document)
            }
            Step::Descent => false,
        }
    }

    fn filter(
        &mut self,
        filter: &Filter,
        rest: &[Step],
        value: &'v Value,
        location: &Location<'_>,
        definite: bool,
    ) -> Result<(), LookupError> {
        match value {
            Value::Object(_) if filter.accepts(value, self.document) => {
                self.step(rest, value, location, false)
            }
            Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
                self.visit()?;
                // According to the developer guide, `@` matches objects only.
                if item.is_object() && filter.accepts(item, self.document) {
                    self.step(rest, item, &Location::Index(location, index), false)
                } else {
                    Ok(())
                }
            }),
            Value::Object(_) => Ok(()),
            _ if definite => Err(LookupError::missing(format!(
                "Filter: [?] can not be applied to primitives. Current context is: {value}"
            ))),
            _ => Ok(()),
        }
    }
}

/// The items of an array; `None` if the path is indefinite and the value is not an array.
fn array<'v>(
    step: &Step,
    value: &'v Value,
    location: &Location<'_>,
    definite: bool,
) -> Result<Option<&'v [Value]>, LookupError> {
    match value {
        Value::Array(items) => Ok(Some(items)),
        _ if !definite => Ok(None),
        Value::Null => Err(LookupError::missing(format!("The path {location} is null"))),
        _ => Err(LookupError::missing(format!(
            "Filter: {step} can only be applied to arrays. Current context is: {value}"
        ))),
    }
}

/// The index range of a slice. `[-2:]` is the last two items and `[:-2]` all but those; with two
/// bounds, Jayway does not count from the end.
fn bounds(from: Option<i64>, to: Option<i64>, length: usize) -> std::ops::Range<i64> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    match (from, to) {
        (Some(from), Some(to)) => from.max(0)..to.min(length),
        (Some(from), None) if from < 0 => (length + from).max(0)..length,
        (Some(from), None) => from..length,
        (None, Some(to)) if to < 0 => 0..length + to,
        (None, Some(to)) => 0..to.min(length),
        (None, None) => 0..length,
    }
}

fn children<'v, E>(
    value: &'v Value,
    location: &Location<'_>,
    mut each: impl FnMut(&'v Value, &Location<'_>) -> Result<(), E>,
) -> Result<(), E> {
    match value {
        Value::Object(fields) => {
            fields.iter().try_for_each(|(name, value)| each(value, &Location::Name(location, name)))
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| each(item, &Location::Index(location, index))),
        _ => Ok(()),
    }
}

fn property_not_found(names: &[String], location: &Location<'_>) -> LookupError {
    let step = Step::Names(names.to_vec());
    LookupError::missing(format!("Property {step} not found in path {location}"))
}

/// The current location, printed only in errors.
enum Location<'a> {
    Root,
    Name(&'a Location<'a>, &'a str),
    Index(&'a Location<'a>, usize),
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("$"),
            Self::Name(before, name) => write!(f, "{before}['{name}']"),
            Self::Index(before, index) => write!(f, "{before}[{index}]"),
        }
    }
}

/// Steps as Jayway prints them in errors: names unescaped, filters as `[?]`.
struct Canonical<'a>(&'a [Step]);

impl fmt::Display for Canonical<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        self.0.iter().try_for_each(|step| match step {
            Step::Names(names) => write!(f, "['{}']", names.join("','")),
            other => write!(f, "{other}"),
        })
    }
}
