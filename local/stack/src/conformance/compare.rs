//! Compares values with recorded values.
//!
//! The rules are those of the recordings' own `compare.py`: placeholders such as `<uuid:1>` and
//! a few bare words (`timestamp`, `date`, …) stand for values that AWS generated, JSON inside
//! strings is compared as JSON, and `1` equals `1.0`. `--dump` writes every pair that a run
//! compared, so that `compare.py` can check this implementation.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Map, Number, Value, json};

/// Words that stand for a date or an identifier without being marked as placeholders.
const BARE_PLACEHOLDERS: [&str; 15] = [
    "timestamp",
    "date",
    "datetime",
    "start-date",
    "stop-date",
    "end-date",
    "RequestId",
    "x-amzn-RequestId",
    "X-Amzn-Trace-Id",
    "x-amz-crc32",
    "x-amzn-requestid",
    "time",
    "entered-time",
    "entered_time",
    "start_time",
];

/// The first difference between the values and its path, or `None` if they agree.
pub(super) fn first_difference(recorded: &Value, actual: &Value) -> Option<String> {
    difference_at(&parse_embedded_json(recorded), &parse_embedded_json(actual), "")
}

/// Whether the values agree.
pub(super) fn agree(recorded: &Value, actual: &Value) -> bool {
    first_difference(recorded, actual).is_none()
}

/// The value with JSON inside strings replaced by the JSON itself.
fn parse_embedded_json(value: &Value) -> Value {
    match value {
        Value::String(text) => match text.trim_start().chars().next() {
            Some('{' | '[') => serde_json::from_str(text)
                .map_or_else(|_| value.clone(), |v| parse_embedded_json(&v)),
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(parse_embedded_json).collect(),
        Value::Object(fields) => match (fields.len(), fields.get("$rawText")) {
            (1, Some(text)) => parse_embedded_json(text),
            _ => fields
                .iter()
                .map(|(name, value)| (name.clone(), parse_embedded_json(value)))
                .collect(),
        },
        other => other.clone(),
    }
}

/// The first difference at or below the path.
fn difference_at(recorded: &Value, actual: &Value, path: &str) -> Option<String> {
    match (recorded, actual) {
        (Value::Bool(left), Value::Bool(right)) if left == right => None,
        (Value::Bool(_), _) | (_, Value::Bool(_)) => Some(unequal(recorded, actual, path)),
        (Value::Number(left), Value::Number(right)) if same_number(left, right) => None,
        (Value::String(text), _) if matches_anything(text) => None,
        (Value::String(pattern), Value::String(text)) if matches(pattern, text) => None,
        (Value::Object(left), Value::Object(right)) => difference_in_fields(left, right, path),
        (Value::Array(left), Value::Array(right)) => difference_in_items(left, right, path),
        (Value::Null, Value::Null) => None,
        _ => Some(unequal(recorded, actual, path)),
    }
}

fn unequal(recorded: &Value, actual: &Value, path: &str) -> String {
    format!("{path}: {} != {}", short(recorded), short(actual))
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(200).collect()
}

fn same_number(left: &Number, right: &Number) -> bool {
    let integer = |n: &Number| n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
    match (integer(left), integer(right)) {
        (Some(left), Some(right)) => left == right,
        _ => left.as_f64().partial_cmp(&right.as_f64()) == Some(Ordering::Equal),
    }
}

fn difference_in_fields(
    recorded: &Map<String, Value>,
    actual: &Map<String, Value>,
    path: &str,
) -> Option<String> {
    let missing = recorded.keys().find(|name| !is_placeholder(name) && !actual.contains_key(*name));
    if let Some(name) = missing {
        return Some(format!("{path}.{name}: missing"));
    }
    let has_placeholder = recorded.keys().any(|name| is_placeholder(name));
    let surplus = actual.iter().find(|(name, _)| !has_placeholder && !recorded.contains_key(*name));
    if let Some((name, value)) = surplus {
        return Some(format!("{path}.{name}: unexpected {}", short(value)));
    }
    recorded
        .iter()
        .find_map(|(name, left)| difference_at(left, actual.get(name)?, &format!("{path}.{name}")))
}

fn difference_in_items(recorded: &[Value], actual: &[Value], path: &str) -> Option<String> {
    if recorded.len() != actual.len() {
        return Some(format!("{path}: length {} != {}", recorded.len(), actual.len()));
    }
    recorded
        .iter()
        .zip(actual)
        .enumerate()
        .find_map(|(index, (left, right))| difference_at(left, right, &format!("{path}[{index}]")))
}

fn matches_anything(text: &str) -> bool {
    BARE_PLACEHOLDERS.contains(&text) || is_placeholder(text)
}

/// Whether the whole text is one placeholder, such as `<uuid:1>`.
fn is_placeholder(text: &str) -> bool {
    placeholder_length(text) == Some(text.len())
}

/// The length of the placeholder at the beginning of the text, if there is one.
fn placeholder_length(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('<')?;
    let name = inner.split_once('>')?.0;
    let (name, number) = name.split_once(':').map_or((name, None), |(name, n)| (name, Some(n)));
    let is_name_char = |c: char| c.is_ascii_alphanumeric() || "_-. /".contains(c);
    let has_name =
        name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_name_char);
    let has_number = number.is_none_or(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()));
    (has_name && has_number).then(|| inner.find('>').map_or(0, |end| end + 2))
}

/// Whether the text matches the recorded pattern, in which each placeholder matches any text.
fn matches(pattern: &str, text: &str) -> bool {
    if pattern == text {
        return true;
    }
    let parts = literals(pattern);
    let [first, middle @ .., last] = &parts[..] else { return false };
    let Some(rest) = text.strip_prefix(first.as_str()) else { return false };
    let Some(mut rest) = rest.strip_suffix(last.as_str()) else { return false };
    for part in middle {
        match rest.split_once(part.as_str()) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

/// The parts of the pattern between its placeholders. The word `date` is a placeholder too.
fn literals(pattern: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut rest, mut before) = (pattern, None);
    while let Some(c) = rest.chars().next() {
        let whole_word = || before.is_none_or(|c: char| !is_word(c));
        let after_date =
            rest.strip_prefix("date").filter(|after| whole_word() && !after.starts_with(is_word));
        if let Some(length) = placeholder_length(rest) {
            parts.push(String::new());
            (before, rest) = (Some('>'), rest.split_at(length).1);
        } else if let Some(after) = after_date {
            parts.push(String::new());
            (before, rest) = (Some('e'), after);
        } else {
            parts.last_mut().into_iter().for_each(|part| part.push(c));
            (before, rest) = (Some(c), rest.split_at(c.len_utf8()).1);
        }
    }
    parts
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A recorded value and the actual one.
pub(super) struct Pair {
    /// The recorded value.
    pub(super) recorded: Value,
    /// The actual value.
    pub(super) actual: Value,
}

/// Pairs two histories for comparison. In a `sorted` recording, some events have no id, are in
/// the order of the recorder, or are missing: each recorded event is paired with an actual event
/// that agrees with it, at any position.
pub(super) fn pair_histories(recorded: &[Value], actual: &[Value], sorted: bool) -> Pair {
    if !sorted {
        return Pair { recorded: json!(recorded), actual: json!(actual) };
    }
    let mut used = BTreeSet::new();
    let mut paired = Vec::new();
    for event in recorded {
        let find = |by_type: bool| {
            (0..actual.len())
                .find(|index| !used.contains(index) && fits(event, &actual[*index], by_type))
        };
        // If none agrees, an event of the same type shows the most useful difference.
        let index = find(false).or_else(|| find(true));
        used.extend(index);
        paired.push(index.map_or(Value::Null, |index| without_ids(event, &actual[index])));
    }
    // Ids have no gaps, so the largest one is the number of events.
    let count = recorded.iter().filter_map(|event| event["id"].as_u64()).max();
    Pair {
        recorded: json!({"events": recorded, "count": count}),
        actual: json!({"events": paired, "count": actual.len()}),
    }
}

fn fits(recorded: &Value, actual: &Value, by_type: bool) -> bool {
    let same_type = recorded["type"] == actual["type"];
    if by_type { same_type } else { same_type && agree(recorded, &without_ids(recorded, actual)) }
}

/// The actual event; without its ids if the recorded event has none.
fn without_ids(recorded: &Value, actual: &Value) -> Value {
    let mut actual = actual.clone();
    if recorded["id"] == 0 {
        actual["id"] = recorded["id"].clone();
        actual["prev"] = recorded["prev"].clone();
    }
    actual
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_match_anything_and_numbers_compare_by_value() {
        let check = |recorded: Value, actual: Value, expected: bool| {
            assert_eq!(agree(&recorded, &actual), expected, "{recorded} and {actual}");
        };
        check(json!("<uuid:1>"), json!(7), true);
        check(json!("<request-id>"), json!("x"), true);
        check(json!("date"), json!(null), true);
        check(json!("arn:<resource:1>:end"), json!("arn:x:y:end"), true);
        check(json!("arn:<resource:1>:end"), json!("arn:x:y"), false);
        check(json!("on date at <time>"), json!("on Monday at 9"), true);
        check(json!("update"), json!("upx"), false);
        check(json!("<1>"), json!("x"), false);
        check(json!(1), json!(1.0), true);
        check(json!(true), json!(1), false);
        check(json!("{\"a\": 1}"), json!({"a": 1.0}), true);
        check(json!({"$rawText": "[1]"}), json!("[1]"), true);
        check(json!({"a": 1}), json!({"a": 1, "b": 2}), false);
        check(json!({"<uuid:1>": 1}), json!({"x": 1}), true);
        check(json!(null), json!(null), true);
        check(json!("a<x>b<y>c"), json!("a1b2c"), true);
        check(json!("a<x>a"), json!("a"), false);
    }

    #[test]
    fn a_difference_has_a_path() {
        let found = first_difference(&json!([{"a": [1, 2]}]), &json!([{"a": [1, 3]}]));
        assert_eq!(found.as_deref(), Some("[0].a[1]: 2 != 3"));
    }

    #[test]
    fn sorted_events_are_compared_as_a_multiset() {
        let event = |id: u64, kind: &str| json!({"id": id, "prev": 0, "type": kind});
        let recorded = [event(1, "A"), event(0, "C"), event(0, "B"), event(4, "E")];
        let actual = [event(1, "A"), event(2, "B"), event(3, "C"), event(4, "E")];
        let pair = pair_histories(&recorded, &actual, true);
        assert_eq!(first_difference(&pair.recorded, &pair.actual), None);
        let pair = pair_histories(&recorded, &actual[..3], true);
        assert!(first_difference(&pair.recorded, &pair.actual).is_some());
    }
}
