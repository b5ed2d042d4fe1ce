//! `[?(…)]`: which items a path keeps, with Jayway's loose comparisons: a number or
//! a boolean equals the text that spells it, `null` is less than everything else, and a
//! comparison with what is missing, or of what cannot be compared, does not hold.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use serde_json::Value;

use super::parse::{quoted, steps_in_filter, wrong};
use super::{PathSyntaxError, Quoted, Step, walk, write_steps};
use crate::intrinsics::numbers;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    /// `a || b`.
    Or(Vec<Filter>),
    /// `a && b`.
    And(Vec<Filter>),
    /// `!(a)`.
    Not(Box<Filter>),
    /// `@.a`, and `!@.a` with `false`.
    Exists(Side, bool),
    /// `@.a > 1`.
    Compare(Side, Operator, Side),
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Side {
    /// `@…` (`true`) or `$…`.
    Path(bool, Vec<Step>),
    /// A literal.
    Literal(Value),
}

/// How two sides are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
    Contains,
    Size,
    Empty,
    All,
}

const OPERATORS: [(&str, Operator); 12] = [
    ("==", Operator::Eq),
    ("!=", Operator::Ne),
    ("<", Operator::Lt),
    ("<=", Operator::Le),
    (">", Operator::Gt),
    (">=", Operator::Ge),
    ("IN", Operator::In),
    ("NIN", Operator::NotIn),
    ("CONTAINS", Operator::Contains),
    ("SIZE", Operator::Size),
    ("EMPTY", Operator::Empty),
    ("ALL", Operator::All),
];

impl Filter {
    /// Reads what stands between `[?(` and `)]`.
    pub(super) fn parse(chars: &[char], depth: usize) -> Result<Self, PathSyntaxError> {
        let mut parser = Parser { chars, at: 0, depth, groups: 0 };
        let filter = parser.or()?;
        parser.skip_blanks();
        match parser.peek() {
            None => Ok(filter),
            Some(c) => Err(wrong(format!("unexpected '{c}' in a filter"))),
        }
    }

    /// Whether an item passes; `document` is the filter's `$`.
    pub(super) fn accepts(&self, item: &Value, document: &Value) -> bool {
        match self {
            Self::Or(filters) => filters.iter().any(|filter| filter.accepts(item, document)),
            Self::And(filters) => filters.iter().all(|filter| filter.accepts(item, document)),
            Self::Not(filter) => !filter.accepts(item, document),
            Self::Exists(side, wanted) => side.exists(item, document) == *wanted,
            Self::Compare(left, operator, right) => {
                let (left, right) = (left.value(item, document), right.value(item, document));
                operator.holds(left.as_deref(), right.as_deref())
            }
        }
    }
}

impl Side {
    /// Jayway looks for existence from the item, even where the path begins with `$`.
    fn exists(&self, item: &Value, document: &Value) -> bool {
        match self {
            Self::Path(_, steps) => walk::read_in(steps, item, document, true).is_ok(),
            Self::Literal(_) => true,
        }
    }

    fn value<'v>(&'v self, item: &'v Value, document: &'v Value) -> Option<Cow<'v, Value>> {
        match self {
            Self::Path(current, steps) => {
                let model = if *current { item } else { document };
                walk::read_in(steps, model, document, false).ok()
            }
            Self::Literal(value) => Some(Cow::Borrowed(value)),
        }
    }
}

impl Operator {
    fn holds(self, left: Option<&Value>, right: Option<&Value>) -> bool {
        let (Some(left), Some(right)) = (left, right) else { return false };
        let order = || order(left, right);
        // Only `null` can be compared with `null`, except for equality.
        let both = left.is_null() == right.is_null();
        let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let among = |list: &Value, item: &Value| items(list).iter().any(|one| equal(one, item));
        match self {
            Self::Eq => equal(left, right),
            Self::Ne => order().is_some_and(Ordering::is_ne),
            Self::Lt => both && order().is_some_and(Ordering::is_lt),
            Self::Le => both && order().is_some_and(Ordering::is_le),
            Self::Gt => both && order().is_some_and(Ordering::is_gt),
            Self::Ge => both && order().is_some_and(Ordering::is_ge),
            Self::In => among(right, left),
            Self::NotIn => !among(right, left),
            Self::Contains => match (left, right) {
                (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
                _ => among(left, right),
            },
            Self::Size => length(left).is_some() && length(left) == right.as_u64(),
            Self::Empty => length(left).map(|length| length == 0) == right.as_bool(),
            Self::All => left.is_array() && items(right).iter().all(|one| among(left, one)),
        }
    }
}

fn length(value: &Value) -> Option<u64> {
    let length = match value {
        Value::String(text) => text.encode_utf16().count(),
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => return None,
    };
    u64::try_from(length).ok()
}

fn equal(left: &Value, right: &Value) -> bool {
    order(left, right).is_some_and(Ordering::is_eq)
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Some(right.is_null().cmp(&left.is_null())),
        (Value::Number(left), Value::Number(right)) => numbers::compare(left, right),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        // Java compares UTF-16 units, not code points.
        (Value::String(left), Value::String(right)) => {
            Some(left.encode_utf16().cmp(right.encode_utf16()))
        }
        (Value::String(text), Value::Number(_) | Value::Bool(_)) => order(&spelled(text)?, right),
        (Value::Number(_) | Value::Bool(_), Value::String(text)) => order(left, &spelled(text)?),
        _ => (left == right).then_some(Ordering::Equal),
    }
}

/// The number or boolean that a text spells.
fn spelled(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text.trim()).ok()?;
    (value.is_number() || value.is_boolean()).then_some(value)
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    depth: usize,
    groups: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// Passes over `sign` if it is next.
    fn take(&mut self, sign: &str) -> bool {
        self.skip_blanks();
        let length = sign.chars().count();
        let next = self.chars.get(self.at..self.at + length);
        let found = next.is_some_and(|next| next.iter().copied().eq(sign.chars()));
        if found {
            self.at += length;
        }
        found
    }

    fn or(&mut self) -> Result<Filter, PathSyntaxError> {
        let mut filters = vec![self.and()?];
        while self.take("||") {
            filters.push(self.and()?);
        }
        Ok(if filters.len() == 1 { filters.remove(0) } else { Filter::Or(filters) })
    }

    fn and(&mut self) -> Result<Filter, PathSyntaxError> {
        let mut filters = vec![self.operand()?];
        while self.take("&&") {
            filters.push(self.operand()?);
        }
        Ok(if filters.len() == 1 { filters.remove(0) } else { Filter::And(filters) })
    }

    fn operand(&mut self) -> Result<Filter, PathSyntaxError> {
        self.groups += 1;
        if self.groups > 256 {
            return Err(wrong("a filter has too many parts"));
        }
        if self.take("!") {
            self.skip_blanks();
            return match self.peek() {
                Some('@' | '$') => Ok(Filter::Exists(self.path()?, false)),
                _ => self.operand().map(|filter| Filter::Not(Box::new(filter))),
            };
        }
        if self.take("(") {
            let filter = self.or()?;
            return if self.take(")") { Ok(filter) } else { Err(wrong("a '(' is not closed")) };
        }
        self.expression()
    }

    fn expression(&mut self) -> Result<Filter, PathSyntaxError> {
        let left = self.side()?;
        let after_left = self.at;
        match self.operator() {
            Some(operator) => Ok(Filter::Compare(left, operator, self.side()?)),
            None if matches!(left, Side::Path(..)) => {
                self.at = after_left;
                Ok(Filter::Exists(left, true))
            }
            None => Err(wrong("a filter compares something with a path")),
        }
    }

    fn operator(&mut self) -> Option<Operator> {
        self.skip_blanks();
        let symbol = |c: &char| matches!(c, '<' | '>' | '=' | '~' | '!');
        let rest = &self.chars[self.at..];
        let length = match rest.first() {
            Some(first) if symbol(first) => rest.iter().take_while(|c| symbol(c)).count(),
            _ => rest.iter().take_while(|c| c.is_alphabetic()).count(),
        };
        let name = rest[..length].iter().collect::<String>().to_uppercase();
        let (_, operator) = OPERATORS.iter().find(|(sign, _)| *sign == name)?;
        self.at += length;
        Some(*operator)
    }

    fn side(&mut self) -> Result<Side, PathSyntaxError> {
        self.skip_blanks();
        match self.peek() {
            Some('@' | '$') => self.path(),
            Some('\'' | '"') => {
                let (text, after) = quoted(self.chars, self.at)?;
                self.at = after;
                Ok(Side::Literal(Value::String(text)))
            }
            Some('[' | '{') => self.json(),
            Some(_) => self.word(),
            None => Err(wrong("a filter ends too early")),
        }
    }

    /// A path ends where an operator, a blank or a closing bracket follows.
    fn path(&mut self) -> Result<Side, PathSyntaxError> {
        let current = self.peek() == Some('@');
        self.at += 1;
        let start = self.at;
        while let Some(c) = self.peek() {
            match c {
                '[' => self.at = matching(self.chars, self.at)? + 1,
                '<' | '>' | '=' | '~' | '!' | ')' | '&' | '|' | ',' => break,
                c if c.is_whitespace() => break,
                _ => self.at += 1,
            }
        }
        let steps = steps_in_filter(&self.chars[start..self.at], self.depth)?;
        Ok(Side::Path(current, steps))
    }

    /// An array or an object, in JSON or with single quotes.
    fn json(&mut self) -> Result<Side, PathSyntaxError> {
        let end = matching(self.chars, self.at)? + 1;
        let text: String = self.chars[self.at..end].iter().collect();
        self.at = end;
        let json = serde_json::from_str(&text);
        let json = json.or_else(|_| serde_json::from_str(&text.replace('\'', "\"")));
        json.map(Side::Literal).map_err(|why| wrong(format!("{text} in a filter: {why}")))
    }

    /// A number, `true`, `false`, `null`, or else a text without quotes.
    fn word(&mut self) -> Result<Side, PathSyntaxError> {
        let plain = |c: &&char| c.is_alphanumeric() || "-+._:/#".contains(**c);
        let word: String = self.chars[self.at..].iter().take_while(plain).collect();
        self.at += word.chars().count();
        if word.is_empty() {
            return Err(wrong(format!("a value is missing at position {} of a filter", self.at)));
        }
        Ok(Side::Literal(serde_json::from_str(&word).unwrap_or(Value::String(word))))
    }
}

/// The bracket that closes the one at `open`, passing over what is in quotes.
fn matching(chars: &[char], open: usize) -> Result<usize, PathSyntaxError> {
    let (mut depth, mut at) = (0_usize, open);
    while at < chars.len() {
        match chars[at] {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            '\'' | '"' => at = quoted(chars, at)?.1 - 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(at);
        }
        at += 1;
    }
    Err(wrong("a bracket in a filter is not closed"))
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |f: &mut fmt::Formatter<'_>, filters: &[Self], sign: &str| {
            filters.iter().enumerate().try_for_each(|(index, filter)| {
                f.write_str(if index == 0 { "" } else { sign })?;
                write!(f, "({filter})")
            })
        };
        match self {
            Self::Or(filters) => join(f, filters, " || "),
            Self::And(filters) => join(f, filters, " && "),
            Self::Not(filter) => write!(f, "!({filter})"),
            Self::Exists(side, wanted) => write!(f, "{}{side}", if *wanted { "" } else { "!" }),
            Self::Compare(left, operator, right) => write!(f, "{left} {operator} {right}"),
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(current, steps) => {
                f.write_str(if *current { "@" } else { "$" })?;
                write_steps(f, steps)
            }
            Self::Literal(Value::String(text)) => write!(f, "{}", Quoted(text)),
            Self::Literal(value) => write!(f, "{value}"),
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = OPERATORS.iter().find(|(_, operator)| operator == self);
        f.write_str(name.map_or("", |(sign, _)| sign))
    }
}
