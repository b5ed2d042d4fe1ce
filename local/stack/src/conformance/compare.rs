//! What counts as equal to a recording.
//!
//! The same rules as the recordings' own `compare.py`: text such as `<uuid:1>` and a
//! few bare words (`timestamp`, `date`, …) stand for what AWS made up, JSON inside
//! strings is compared as JSON, and `1` equals `1.0`. `--dump` writes every pair that
//! a run compared, so that the two can be held against each other.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Map, Number, Value, json};

/// Words that stand for a date or an identifier by themselves.
const BARE: [&str; 15] = [
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

/// Nothing when `actual` agrees with what was recorded, else where and how it does not.
pub(super) fn difference(recorded: &Value, actual: &Value) -> Option<String> {
    differ(&deep(recorded), &deep(actual), "")
}

/// Whether they agree.
pub(super) fn agree(recorded: &Value, actual: &Value) -> bool {
    difference(recorded, actual).is_none()
}

/// The value with the JSON inside its strings read.
fn deep(value: &Value) -> Value {
    match value {
        Value::String(text) => match text.trim_start().chars().next() {
            Some('{' | '[') => {
                serde_json::from_str(text).map_or_else(|_| value.clone(), |v| deep(&v))
            }
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(deep).collect(),
        Value::Object(fields) => match (fields.len(), fields.get("$rawText")) {
            (1, Some(text)) => deep(text),
            _ => fields.iter().map(|(name, value)| (name.clone(), deep(value))).collect(),
        },
        other => other.clone(),
    }
}

fn differ(recorded: &Value, actual: &Value, path: &str) -> Option<String> {
    match (recorded, actual) {
        (Value::Bool(left), Value::Bool(right)) if left == right => None,
        (Value::Bool(_), _) | (_, Value::Bool(_)) => Some(unequal(recorded, actual, path)),
        (Value::Number(left), Value::Number(right)) if same_number(left, right) => None,
        (Value::String(text), _) if stands_for_anything(text) => None,
        (Value::String(pattern), Value::String(text)) if matches(pattern, text) => None,
        (Value::Object(left), Value::Object(right)) => differ_in_fields(left, right, path),
        (Value::Array(left), Value::Array(right)) => differ_in_items(left, right, path),
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

fn differ_in_fields(
    recorded: &Map<String, Value>,
    actual: &Map<String, Value>,
    path: &str,
) -> Option<String> {
    let missing = recorded.keys().find(|name| !is_wild(name) && !actual.contains_key(*name));
    if let Some(name) = missing {
        return Some(format!("{path}.{name}: missing"));
    }
    let open = recorded.keys().any(|name| is_wild(name));
    let surplus = actual.iter().find(|(name, _)| !open && !recorded.contains_key(*name));
    if let Some((name, value)) = surplus {
        return Some(format!("{path}.{name}: unexpected {}", short(value)));
    }
    recorded
        .iter()
        .find_map(|(name, left)| differ(left, actual.get(name)?, &format!("{path}.{name}")))
}

fn differ_in_items(recorded: &[Value], actual: &[Value], path: &str) -> Option<String> {
    if recorded.len() != actual.len() {
        return Some(format!("{path}: length {} != {}", recorded.len(), actual.len()));
    }
    recorded
        .iter()
        .zip(actual)
        .enumerate()
        .find_map(|(index, (left, right))| differ(left, right, &format!("{path}[{index}]")))
}

fn stands_for_anything(text: &str) -> bool {
    BARE.contains(&text) || is_wild(text)
}

/// Whether the whole text is one placeholder, such as `<uuid:1>`.
fn is_wild(text: &str) -> bool {
    placeholder(text) == Some(text.len())
}

/// The length of the placeholder that the text begins with.
fn placeholder(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('<')?;
    let name = inner.split_once('>')?.0;
    let (name, number) = name.split_once(':').map_or((name, None), |(name, n)| (name, Some(n)));
    let part = |c: char| c.is_ascii_alphanumeric() || "_-. /".contains(c);
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(part);
    let numbered = number.is_none_or(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()));
    (named && numbered).then(|| inner.find('>').map_or(0, |end| end + 2))
}

/// Whether the text is what was recorded, with any text for each placeholder in it.
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

/// What stands around the placeholders and the words `date`; one part where there are none.
fn literals(pattern: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut rest, mut before) = (pattern, None);
    while let Some(c) = rest.chars().next() {
        let whole_word = || before.is_none_or(|c: char| !is_word(c));
        let after_date =
            rest.strip_prefix("date").filter(|after| whole_word() && !after.starts_with(is_word));
        if let Some(length) = placeholder(rest) {
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

/// A recorded and an actual value, side by side, that compare as one.
pub(super) struct Pair {
    /// As recorded.
    pub(super) recorded: Value,
    /// As run.
    pub(super) actual: Value,
}

/// Arranges a history for comparison. Events without an id were sorted by whoever
/// recorded them, and some left out: each is paired with an actual event that agrees
/// with it, wherever that stands.
pub(super) fn pair_histories(recorded: &[Value], actual: &[Value], sorted: bool) -> Pair {
    if !sorted {
        return Pair { recorded: json!(recorded), actual: json!(actual) };
    }
    let mut used = BTreeSet::new();
    let mut paired = Vec::new();
    for event in recorded {
        let place = |loose: bool| {
            (0..actual.len())
                .find(|place| !used.contains(place) && fits(event, &actual[*place], loose))
        };
        // Where none agrees, one of the same type shows the difference best.
        let place = place(false).or_else(|| place(true));
        used.extend(place);
        paired.push(place.map_or(Value::Null, |place| without_ids(event, &actual[place])));
    }
    // Ids run on without gaps, so the last one is the number of events.
    let count = recorded.iter().filter_map(|event| event["id"].as_u64()).max();
    Pair {
        recorded: json!({"events": recorded, "count": count}),
        actual: json!({"events": paired, "count": actual.len()}),
    }
}

fn fits(recorded: &Value, actual: &Value, loose: bool) -> bool {
    let same_type = recorded["type"] == actual["type"];
    if loose { same_type } else { same_type && agree(recorded, &without_ids(recorded, actual)) }
}

/// The actual event with the recorded ids where none were kept.
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
    fn placeholders_stand_for_anything_and_numbers_for_their_value() {
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
    fn a_difference_says_where() {
        let found = difference(&json!([{"a": [1, 2]}]), &json!([{"a": [1, 3]}]));
        assert_eq!(found.as_deref(), Some("[0].a[1]: 2 != 3"));
    }

    #[test]
    fn sorted_events_are_compared_as_a_multiset() {
        let event = |id: u64, kind: &str| json!({"id": id, "prev": 0, "type": kind});
        let recorded = [event(1, "A"), event(0, "C"), event(0, "B"), event(4, "E")];
        let actual = [event(1, "A"), event(2, "B"), event(3, "C"), event(4, "E")];
        let pair = pair_histories(&recorded, &actual, true);
        assert_eq!(difference(&pair.recorded, &pair.actual), None);
        let pair = pair_histories(&recorded, &actual[..3], true);
        assert!(difference(&pair.recorded, &pair.actual).is_some());
    }
}
