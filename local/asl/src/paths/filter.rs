//! Evaluates filters, `[?(…)]`, with the loose comparisons of Jayway: a number or boolean equals
//! the string that spells it, `null` is less than any other value, and a comparison of missing or
//! incomparable values is false.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::syntax::{Filter, Operand, Operator};
use super::walk;
use crate::intrinsics::numbers;

impl Filter {
    /// Whether an item passes the filter; `document` is the `$` of the filter.
    pub(super) fn accepts(&self, item: &Value, document: &Value) -> bool {
        match self {
            Self::Or(filters) => filters.iter().any(|filter| filter.accepts(item, document)),
            Self::And(filters) => filters.iter().all(|filter| filter.accepts(item, document)),
            Self::Not(filter) => !filter.accepts(item, document),
            Self::Exists(operand, expected) => operand.exists(item, document) == *expected,
            Self::Compare(left, operator, right) => {
                let (left, right) = (left.value(item, document), right.value(item, document));
                operator.holds(left.as_deref(), right.as_deref())
            }
        }
    }
}

impl Operand {
    /// Jayway tests for existence relative to the item, even if the path starts with `$`.
    fn exists(&self, item: &Value, document: &Value) -> bool {
        match self {
            Self::Path(_, steps) => walk::read_in(steps, item, document, true).is_ok(),
            Self::Literal(_) => true,
        }
    }

    fn value<'v>(&'v self, item: &'v Value, document: &'v Value) -> Option<Cow<'v, Value>> {
        match self {
            Self::Path(from_item, steps) => {
                let value = if *from_item { item } else { document };
                walk::read_in(steps, value, document, false).ok()
            }
            Self::Literal(value) => Some(Cow::Borrowed(value)),
        }
    }
}

impl Operator {
    fn holds(self, left: Option<&Value>, right: Option<&Value>) -> bool {
        let (Some(left), Some(right)) = (left, right) else { return false };
        let compare = || compare(left, right);
        // Except for equality, `null` can be compared only with `null`.
        let comparable = left.is_null() == right.is_null();
        let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let contains =
            |list: &Value, item: &Value| items(list).iter().any(|element| is_equal(element, item));
        match self {
            Self::Eq => is_equal(left, right),
            Self::Ne => compare().is_some_and(Ordering::is_ne),
            Self::Lt => comparable && compare().is_some_and(Ordering::is_lt),
            Self::Le => comparable && compare().is_some_and(Ordering::is_le),
            Self::Gt => comparable && compare().is_some_and(Ordering::is_gt),
            Self::Ge => comparable && compare().is_some_and(Ordering::is_ge),
            Self::In => contains(right, left),
            Self::NotIn => !contains(right, left),
            Self::Contains => match (left, right) {
                (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
                _ => contains(left, right),
            },
            Self::Size => length(left).is_some() && length(left) == right.as_u64(),
            Self::Empty => length(left).map(|length| length == 0) == right.as_bool(),
            Self::All => {
                left.is_array() && items(right).iter().all(|element| contains(left, element))
            }
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

fn is_equal(left: &Value, right: &Value) -> bool {
    compare(left, right).is_some_and(Ordering::is_eq)
}

fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Some(right.is_null().cmp(&left.is_null())),
        (Value::Number(left), Value::Number(right)) => numbers::compare(left, right),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        // Java compares UTF-16 units, not code points.
        (Value::String(left), Value::String(right)) => {
            Some(left.encode_utf16().cmp(right.encode_utf16()))
        }
        (Value::String(text), Value::Number(_) | Value::Bool(_)) => {
            compare(&parse_scalar(text)?, right)
        }
        (Value::Number(_) | Value::Bool(_), Value::String(text)) => {
            compare(left, &parse_scalar(text)?)
        }
        _ => (left == right).then_some(Ordering::Equal),
    }
}

/// The number or boolean that a string spells.
fn parse_scalar(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text.trim()).ok()?;
    (value.is_number() || value.is_boolean()).then_some(value)
}
