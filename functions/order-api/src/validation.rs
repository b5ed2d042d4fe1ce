//! Validates the fields of a body.
//!
//! An operation asks [`Fields`] for each field by name, with a rule. Missing,
//! malformed, repeated and unknown fields become [`FieldError`]s, collected so that a
//! client can correct all of them at once. No value is quoted.

use domain::{Currency, Money, Quantity, Sku, Timestamp};

use crate::choice::{self, Choice};
use crate::invisible::is_invisible;
use crate::problem::{FieldError, Problem, ProblemKind};
use crate::request_body::{JsonNode, WHOLE_BODY, join_path};
use crate::schema::MAX_AMOUNT;

/// The maximum number of errors in a problem.
const MAX_ERRORS: usize = 20;

/// What a value must be, as a sentence that follows the field's name.
pub(crate) type Violation = String;

/// A value could not be read; its [`FieldError`] is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Invalid;

/// Reads a body as an object.
///
/// `read` asks for the fields and builds a value of them.
///
/// # Errors
/// The body is not an object, or some of its fields are not valid.
pub(crate) fn object<T>(
    body: &JsonNode,
    read: impl FnOnce(&mut Fields<'_>) -> Result<T, Invalid>,
) -> Result<T, Problem> {
    let mut errors = Vec::new();
    let value = read_object(body, "", &mut errors, read);
    match value {
        Ok(value) if errors.is_empty() => Ok(value),
        _ => {
            errors.truncate(MAX_ERRORS);
            Err(Problem::with_fields(ProblemKind::InvalidRequest, errors))
        }
    }
}

/// The fields of one object of the body.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    path: String,
    entries: &'a [(String, JsonNode)],
    known: Vec<&'static str>,
    errors: &'a mut Vec<FieldError>,
}

fn read_object<T>(
    node: &JsonNode,
    path: &str,
    errors: &mut Vec<FieldError>,
    read: impl FnOnce(&mut Fields<'_>) -> Result<T, Invalid>,
) -> Result<T, Invalid> {
    let JsonNode::Object(entries) = node else {
        let field = if path.is_empty() { WHOLE_BODY } else { path };
        errors.push(FieldError::new(field, "must be an object"));
        return Err(Invalid);
    };
    let mut fields = Fields { path: path.to_owned(), entries, known: vec![], errors };
    let value = read(&mut fields);
    fields.refuse_repeated_and_unknown();
    value
}

impl<'a> Fields<'a> {
    /// A required field.
    pub(crate) fn required<T>(
        &mut self,
        name: &'static str,
        rule: impl FnOnce(&JsonNode) -> Result<T, Violation>,
    ) -> Result<T, Invalid> {
        match self.find(name) {
            Some(node) => self.check(name, rule(node)),
            None => self.refuse(name, "is required"),
        }
    }

    /// An optional field. `null` is not valid: a client leaves the field out.
    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        rule: impl FnOnce(&JsonNode) -> Result<T, Violation>,
    ) -> Result<Option<T>, Invalid> {
        match self.find(name) {
            Some(node) => self.check(name, rule(node)).map(Some),
            None => Ok(None),
        }
    }

    /// A required object.
    pub(crate) fn object<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Fields<'_>) -> Result<T, Invalid>,
    ) -> Result<T, Invalid> {
        match self.find(name) {
            Some(node) => read_object(node, &join_path(&self.path, name), self.errors, read),
            None => self.refuse(name, "is required"),
        }
    }

    /// An optional object.
    pub(crate) fn optional_object<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Fields<'_>) -> Result<T, Invalid>,
    ) -> Result<Option<T>, Invalid> {
        if self.find(name).is_none() {
            return Ok(None);
        }
        self.object(name, read).map(Some)
    }

    /// A required array of 1 to `max` objects.
    pub(crate) fn array<T>(
        &mut self,
        name: &'static str,
        max: usize,
        read: impl Fn(&mut Fields<'_>) -> Result<T, Invalid>,
    ) -> Result<Vec<T>, Invalid> {
        let Some(node) = self.find(name) else { return self.refuse(name, "is required") };
        let JsonNode::Array(items) = node else { return self.refuse(name, "must be an array") };
        if items.is_empty() || items.len() > max {
            return self.refuse(name, &format!("must have 1 to {max} entries"));
        }
        let path = join_path(&self.path, name);
        // Reads every entry before it stops, to collect all errors.
        let values: Vec<Result<T, Invalid>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| read_object(item, &format!("{path}[{index}]"), self.errors, &read))
            .collect();
        values.into_iter().collect()
    }

    /// Refuses a field that was read already.
    pub(crate) fn refuse<T>(&mut self, name: &str, detail: &str) -> Result<T, Invalid> {
        self.record(name, detail);
        Err(Invalid)
    }

    fn record(&mut self, name: &str, detail: &str) {
        self.errors.push(FieldError::new(join_path(&self.path, name), detail));
    }

    fn find(&mut self, name: &'static str) -> Option<&'a JsonNode> {
        self.known.push(name);
        let entries = self.entries;
        entries.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    fn check<T>(&mut self, name: &'static str, result: Result<T, Violation>) -> Result<T, Invalid> {
        match result {
            Ok(value) => Ok(value),
            Err(violation) => self.refuse(name, &violation),
        }
    }

    fn refuse_repeated_and_unknown(&mut self) {
        for (index, (key, _)) in self.entries.iter().enumerate() {
            if self.entries.iter().take(index).any(|(earlier, _)| earlier == key) {
                self.record(key, "is given more than once");
            } else if !self.known.contains(&key.as_str()) {
                self.record(key, "is not a known field");
            }
            if self.errors.len() >= MAX_ERRORS {
                return;
            }
        }
    }
}

/// A string of 1 to `max` characters without control characters, invisible characters or outer
/// spaces.
pub(crate) fn text(max: usize) -> impl Fn(&JsonNode) -> Result<String, Violation> {
    move |node| {
        let text = string(node)?;
        let length = text.chars().count();
        if length == 0 || length > max {
            return Err(format!("must have 1 to {max} characters"));
        }
        if text.chars().any(char::is_control) || text.trim() != text {
            return Err("must be plain text without control characters or outer spaces".to_owned());
        }
        if text.chars().any(is_invisible) {
            let detail = "must not contain characters without width or that change the direction \
                          of the text";
            return Err(detail.to_owned());
        }
        Ok(text.to_owned())
    }
}

/// A string that `parse` accepts; the parser's error says what it must be.
pub(crate) fn parsed<T, E: std::fmt::Display>(
    parse: impl Fn(&str) -> Result<T, E>,
) -> impl Fn(&JsonNode) -> Result<T, Violation> {
    move |node| parse(string(node)?).map_err(|error| error.to_string())
}

/// One of the words of an enum.
pub(crate) fn choice<T: Choice>(node: &JsonNode) -> Result<T, Violation> {
    choice::parse(string(node)?).ok_or_else(choice::expected::<T>)
}

/// `true` or `false`.
pub(crate) fn boolean(node: &JsonNode) -> Result<bool, Violation> {
    match node {
        JsonNode::Bool(value) => Ok(*value),
        _ => Err("must be true or false".to_owned()),
    }
}

/// An integer from `min` to `max`. As in JSON Schema, `2.0` is an integer.
pub(crate) fn integer(min: u64, max: u64) -> impl Fn(&JsonNode) -> Result<u64, Violation> {
    move |node| {
        let number = match node {
            JsonNode::Number(number) => {
                let text = number.to_string();
                text.strip_suffix(".0").unwrap_or(&text).parse::<u64>().ok()
            }
            _ => None,
        };
        number
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| format!("must be an integer from {min} to {max}"))
    }
}

/// An integer from `min` to `max`.
pub(crate) fn integer_u32(min: u32, max: u32) -> impl Fn(&JsonNode) -> Result<u32, Violation> {
    // In range, so the conversion succeeds.
    move |node| Ok(u32::try_from(integer(min.into(), max.into())(node)?).unwrap_or(max))
}

/// A SKU.
pub(crate) fn sku(node: &JsonNode) -> Result<Sku, Violation> {
    parsed(|text| Sku::parse(text))(node)
}

/// The quantity of a line item.
pub(crate) fn quantity(node: &JsonNode) -> Result<Quantity, Violation> {
    let number = integer_u32(1, Quantity::MAX)(node)?;
    Quantity::try_from(number).map_err(|error| error.to_string())
}

/// A date and time in RFC 3339.
pub(crate) fn timestamp(node: &JsonNode) -> Result<Timestamp, Violation> {
    parsed(parse_timestamp)(node)
}

/// Parses a date and time in RFC 3339, with an offset: a missing one is never guessed.
///
/// # Errors
/// What is wrong, as a sentence that follows the field's name.
pub(crate) fn parse_timestamp(text: &str) -> Result<Timestamp, &'static str> {
    const EXPECTED: &str = "must be a date and time such as 2026-11-23T04:00:00Z";
    let (Some(date), Some(separator), Some(rest)) =
        (text.get(..10), text.get(10..11), text.get(11..))
    else {
        return Err(EXPECTED);
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.'));
    let (time, offset) = rest.split_at(end.unwrap_or(rest.len()));
    if !has_shape(date, "0000-00-00")
        || !has_shape(time.split('.').next().unwrap_or_default(), "00:00:00")
    {
        return Err(EXPECTED);
    }
    match separator {
        "T" | "t" => {}
        " " => return Err("must have a T, and no blank, between date and time"),
        _ => return Err(EXPECTED),
    }
    check_offset(offset)?;
    text.parse().or(Err(EXPECTED))
}

/// Checks the offset from UTC of a date and time in RFC 3339.
fn check_offset(offset: &str) -> Result<(), &'static str> {
    if matches!(offset, "Z" | "z") {
        return Ok(());
    }
    if offset.is_empty() {
        return Err("has no offset from UTC: end it with Z, or with an offset such as +09:00");
    }
    let hours_and_minutes = offset.strip_prefix(['+', '-']).filter(|rest| has_shape(rest, "00:00"));
    let is_in_range = |text: &str| text.get(..2) < Some("24") && text.get(3..) < Some("60");
    match hours_and_minutes {
        Some(text) if is_in_range(text) => Ok(()),
        Some(_) => Err("has an offset from UTC that does not exist: the largest is 23:59"),
        None => Err("must end with Z, or with an offset from UTC such as +09:00"),
    }
}

/// Whether a text has digits where `shape` has zeros, and the same characters elsewhere.
fn has_shape(text: &str, shape: &str) -> bool {
    let fits =
        |(c, expected): (u8, u8)| if expected == b'0' { c.is_ascii_digit() } else { c == expected };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

/// An amount of money, `{amount, currency}`, in one of the accepted currencies.
pub(crate) fn money(accepted: &[Currency]) -> impl Fn(&mut Fields<'_>) -> Result<Money, Invalid> {
    move |fields| {
        let amount = fields.required("amount", integer(0, MAX_AMOUNT));
        let currency = fields.required("currency", |node| {
            let code = string(node)?;
            Currency::from_code(code)
                .filter(|currency| accepted.contains(currency))
                .ok_or_else(|| "must be a currency that the shop accepts".to_owned())
        });
        Ok(Money::new(amount?, currency?))
    }
}

fn string(node: &JsonNode) -> Result<&str, Violation> {
    match node {
        JsonNode::String(text) => Ok(text),
        _ => Err("must be a string".to_owned()),
    }
}
