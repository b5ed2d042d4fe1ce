//! JSON values with their text, AWS's size limits, and the conversions of values that path fields
//! refer to.

use jiff::Timestamp;
use serde_json::Value;

/// A value and its JSON text. History, limits and the next state need both.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) value: Value,
    pub(super) text: String,
}

impl Payload {
    pub(super) fn new(value: Value) -> Payload {
        Payload { text: value.to_string(), value }
    }
}

/// AWS's limit for the input, result and output of a state, in bytes of JSON text.
pub(super) const MAX_PAYLOAD_BYTES: usize = 256 * 1024;

/// The maximum nesting of data. A loop of states could nest its data one level deeper each time
/// until recursion overflows the stack. The JSON parser has the same limit.
pub(super) const MAX_PAYLOAD_DEPTH: usize = 128;

/// Whether a value nests more than `levels` arrays and objects.
pub(super) fn is_deeper_than(value: &Value, levels: usize) -> bool {
    let Some(left) = levels.checked_sub(1) else {
        return value.is_array() || value.is_object();
    };
    match value {
        Value::Array(items) => items.iter().any(|item| is_deeper_than(item, left)),
        Value::Object(fields) => fields.values().any(|field| is_deeper_than(field, left)),
        _ => false,
    }
}

/// Reads a number of seconds; a numeric string is accepted.
pub(super) fn seconds(value: &Value) -> Result<u64, &'static str> {
    let whole = match value {
        Value::Number(_) | Value::String(_) => display_value(value).parse::<i64>().ok(),
        _ => None,
    };
    let whole = whole.ok_or("cannot be parsed as a long value")?;
    u64::try_from(whole).or(Err("references a negative value"))
}

pub(super) fn timestamp(value: &Value) -> Result<Timestamp, &'static str> {
    const INVALID: &str =
        "does not reference a valid ISO-8601 extended offset date-time format string";
    let text = value.as_str().ok_or(INVALID)?;
    // jiff also accepts a space instead of the `T`; AWS does not.
    let has_t = text.as_bytes().get(10) == Some(&b'T');
    text.parse::<Timestamp>().ok().filter(|_| has_t).ok_or(INVALID)
}

/// A value as AWS prints it in causes: strings without quotes.
pub(super) fn display_value(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
