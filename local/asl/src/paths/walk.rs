//! Following the steps of a path through a value, as Jayway does, its oddities
//! included: what is definite may fail, what is indefinite finds fewer.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

use super::filter::Filter;
use super::{Miss, PathErrorKind, Step};

/// More steps than this are no reading but an attack: `$..*..*..*` on a large input
/// would take for ever.
const MAX_VISITS: usize = 1_000_000;

/// Whether these steps lead to one value at most.
pub(super) fn definite(steps: &[Step]) -> bool {
    steps.iter().enumerate().all(|(index, step)| definite_step(step, index + 1 == steps.len()))
}

fn definite_step(step: &Step, last: bool) -> bool {
    match step {
        Step::Names(names) => names.len() == 1 || last,
        Step::Indexes(indexes) => indexes.len() == 1,
        Step::FromEnd(_) => true,
        Step::Slice(..) | Step::Wildcard | Step::Descent | Step::Filter(_) => false,
    }
}

/// What these steps lead to from `root`.
pub(super) fn read<'v>(steps: &[Step], root: &'v Value) -> Result<Cow<'v, Value>, Miss> {
    read_in(steps, root, root, false)
}

/// As [`read`], inside a filter: from `model`, with `document` under the filter's
/// `$`; with `strict`, a missing name fails even on an indefinite path.
pub(super) fn read_in<'v>(
    steps: &[Step],
    model: &'v Value,
    document: &'v Value,
    strict: bool,
) -> Result<Cow<'v, Value>, Miss> {
    if steps.is_empty() {
        return Ok(Cow::Borrowed(model));
    }
    let mut walk = Walk { document, strict, visits: 0, found: Vec::new() };
    match walk.step(steps, model, &At::Root, true) {
        // AWS answers an indefinite path with nothing where even its beginning is missing.
        Err(miss) if miss.kind == PathErrorKind::Missing && !definite(steps) && !strict => {}
        walked => walked?,
    }
    if definite(steps) {
        let missing = || Miss::missing(format!("No results for path: {}", Canonical(steps)));
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
    /// Takes the first of `steps` from `model`; `definite` says that all before were.
    fn step(
        &mut self,
        steps: &[Step],
        model: &'v Value,
        at: &At<'_>,
        definite: bool,
    ) -> Result<(), Miss> {
        let Some((step, rest)) = steps.split_first() else {
            self.found.push(Cow::Borrowed(model));
            return Ok(());
        };
        self.visit()?;
        match step {
            Step::Names(names) => self.names(names, rest, model, at, definite),
            Step::Indexes(indexes) => {
                let Some(items) = array(step, model, at, definite)? else { return Ok(()) };
                let still = definite && indexes.len() == 1;
                indexes.iter().try_for_each(|index| self.item(*index, items, rest, at, still))
            }
            Step::FromEnd(distance) => {
                let Some(items) = array(step, model, at, definite)? else { return Ok(()) };
                let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
                self.item(length - i64::from(*distance), items, rest, at, definite)
            }
            Step::Slice(from, to) => {
                let Some(items) = array(step, model, at, definite)? else { return Ok(()) };
                bounds(*from, *to, items.len())
                    .try_for_each(|index| self.item(index, items, rest, at, false))
            }
            Step::Wildcard => self.wildcard(rest, model, at),
            Step::Descent => self.descend(rest, model, at),
            Step::Filter(filter) => self.filter(filter, rest, model, at, definite),
        }
    }

    fn visit(&mut self) -> Result<(), Miss> {
        self.visits += 1;
        if self.visits > MAX_VISITS {
            let reason = format!("the path visits more than {MAX_VISITS} values");
            return Err(Miss { kind: PathErrorKind::TooWide, reason });
        }
        Ok(())
    }

    fn names(
        &mut self,
        names: &[String],
        rest: &[Step],
        model: &'v Value,
        at: &At<'_>,
        definite: bool,
    ) -> Result<(), Miss> {
        let Some(fields) = model.as_object() else {
            return if definite { Err(no_object(names, at)) } else { Ok(()) };
        };
        if let [name] = names {
            self.name(name, rest, fields, at, definite)
        } else if rest.is_empty() {
            self.merge(names, fields, at)
        } else {
            names.iter().try_for_each(|name| self.name(name, rest, fields, at, false))
        }
    }

    fn name(
        &mut self,
        name: &str,
        rest: &[Step],
        fields: &'v Map<String, Value>,
        at: &At<'_>,
        definite: bool,
    ) -> Result<(), Miss> {
        let here = At::Name(at, name);
        match fields.get(name) {
            Some(value) => self.step(rest, value, &here, definite),
            None if rest.is_empty() && self.strict => {
                Err(Miss::missing(format!("No results for path: {here}")))
            }
            None if !rest.is_empty() && (definite || self.strict) => {
                Err(Miss::missing(format!("Missing property in path {here}")))
            }
            None => Ok(()),
        }
    }

    /// Several names at the end of a path give one object of those that are there.
    fn merge(
        &mut self,
        names: &[String],
        fields: &'v Map<String, Value>,
        at: &At<'_>,
    ) -> Result<(), Miss> {
        let mut merged = Map::new();
        for name in names {
            match fields.get(name) {
                Some(value) => drop(merged.insert(name.clone(), value.clone())),
                None if self.strict => {
                    let here = At::Name(at, name);
                    return Err(Miss::missing(format!("Missing property in path {here}")));
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
        at: &At<'_>,
        definite: bool,
    ) -> Result<(), Miss> {
        let place = usize::try_from(index).ok();
        match place.and_then(|place| Some((place, items.get(place)?))) {
            Some((place, item)) => self.step(rest, item, &At::Index(at, place), definite),
            None => Ok(()),
        }
    }

    fn wildcard(&mut self, rest: &[Step], model: &'v Value, at: &At<'_>) -> Result<(), Miss> {
        children(model, at, |child, here| match self.step(rest, child, here, false) {
            Err(miss) if miss.kind == PathErrorKind::Missing && !self.strict => Ok(()),
            other => other,
        })
    }

    /// `..`: the next step is tried on the model and on everything below it.
    fn descend(&mut self, rest: &[Step], model: &'v Value, at: &At<'_>) -> Result<(), Miss> {
        self.visit()?;
        let Some((next, after)) = rest.split_first() else { return Ok(()) };
        if self.applies(next, after, model) {
            // Jayway skips the step itself where it is applied to an array and more
            // follow: `$..[0].a` reads `a` of every item.
            if model.is_array() && !after.is_empty() {
                children(model, at, |child, here| self.step(after, child, here, false))?;
            } else {
                self.step(rest, model, at, false)?;
            }
        }
        children(model, at, |child, here| self.descend(rest, child, here))
    }

    fn applies(&self, next: &Step, after: &[Step], model: &'v Value) -> bool {
        match next {
            Step::Names(names) => match model.as_object() {
                Some(fields) if definite_step(next, after.is_empty()) => {
                    names.iter().all(|name| fields.contains_key(name))
                }
                other => other.is_some(),
            },
            Step::Indexes(_) | Step::FromEnd(_) | Step::Slice(..) => model.is_array(),
            Step::Wildcard => model.is_array() || model.is_object(),
            Step::Filter(filter) => {
                (model.is_array() || model.is_object()) && filter.accepts(model, self.document)
            }
            Step::Descent => false,
        }
    }

    fn filter(
        &mut self,
        filter: &Filter,
        rest: &[Step],
        model: &'v Value,
        at: &At<'_>,
        definite: bool,
    ) -> Result<(), Miss> {
        match model {
            Value::Object(_) if filter.accepts(model, self.document) => {
                self.step(rest, model, at, false)
            }
            Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
                self.visit()?;
                // `@` matches objects only, says the developer guide.
                if item.is_object() && filter.accepts(item, self.document) {
                    self.step(rest, item, &At::Index(at, index), false)
                } else {
                    Ok(())
                }
            }),
            Value::Object(_) => Ok(()),
            _ if definite => Err(Miss::missing(format!(
                "Filter: [?] can not be applied to primitives. Current context is: {model}"
            ))),
            _ => Ok(()),
        }
    }
}

/// The items of an array, none where the path is indefinite and it is no array.
fn array<'v>(
    step: &Step,
    model: &'v Value,
    at: &At<'_>,
    definite: bool,
) -> Result<Option<&'v [Value]>, Miss> {
    match model {
        Value::Array(items) => Ok(Some(items)),
        _ if !definite => Ok(None),
        Value::Null => Err(Miss::missing(format!("The path {at} is null"))),
        _ => Err(Miss::missing(format!(
            "Filter: {step} can only be applied to arrays. Current context is: {model}"
        ))),
    }
}

/// The indexes of a slice, as Jayway counts: `[-2:]` are the last two and `[:-2]` all but
/// them, but with two bounds none counts from the end.
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
    model: &'v Value,
    at: &At<'_>,
    mut each: impl FnMut(&'v Value, &At<'_>) -> Result<(), E>,
) -> Result<(), E> {
    match model {
        Value::Object(fields) => {
            fields.iter().try_for_each(|(name, value)| each(value, &At::Name(at, name)))
        }
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| each(item, &At::Index(at, index)))
        }
        _ => Ok(()),
    }
}

fn no_object(names: &[String], at: &At<'_>) -> Miss {
    let step = Step::Names(names.to_vec());
    Miss::missing(format!("Property {step} not found in path {at}"))
}

/// Where a walk stands; printed only when it fails.
enum At<'a> {
    Root,
    Name(&'a At<'a>, &'a str),
    Index(&'a At<'a>, usize),
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("$"),
            Self::Name(before, name) => write!(f, "{before}['{name}']"),
            Self::Index(before, index) => write!(f, "{before}[{index}]"),
        }
    }
}

/// Steps as Jayway prints them in a complaint: names unescaped, filters as `[?]`.
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
