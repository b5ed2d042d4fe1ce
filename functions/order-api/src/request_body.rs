//! The body of a write: UTF-8 JSON of at most 64 KiB that contains no card number.
//!
//! The JSON is parsed into [`JsonNode`], which keeps repeated keys, so that
//! [`validation`](crate::validation) can name them. `serde_json::Value` drops them.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};

use crate::card_number;
use crate::event::Request;
use crate::problem::{Problem, ProblemKind};

/// The name that problems give the body as a whole.
pub(crate) const WHOLE_BODY: &str = "(body)";

/// JSON as the client sent it.
#[derive(Clone, PartialEq)]
pub(crate) enum JsonNode {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<JsonNode>),
    /// An object, with its keys in order, repeated ones included.
    Object(Vec<(String, JsonNode)>),
}

impl fmt::Debug for JsonNode {
    // A body holds names and addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[body]")
    }
}

/// Parses the body of a request.
///
/// `phone_field` is the path of the field that may hold a phone number in `+` form;
/// such a number can look like a card number.
///
/// # Errors
/// The body is missing, too large, not declared as JSON, not JSON, or contains a card
/// number.
pub(crate) fn parse(request: &Request, phone_field: Option<&str>) -> Result<JsonNode, Problem> {
    require_json_content_type(request)?;
    let bytes = request.body()?;
    let text = String::from_utf8(bytes)
        .or(Err(Problem::new(ProblemKind::InvalidRequest, "the body is not valid UTF-8")))?;
    if text.trim().is_empty() {
        return Err(Problem::new(ProblemKind::InvalidRequest, "the body is missing"));
    }
    let body: JsonNode = serde_json::from_str(&text).map_err(|error| not_json(&error))?;
    refuse_card_numbers(&body, "", phone_field)?;
    Ok(body)
}

fn require_json_content_type(request: &Request) -> Result<(), Problem> {
    let declared = request.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let mut parts = declared.split(';').map(str::trim);
    let is_json = parts.next() == Some("application/json");
    let is_utf8 = parts.all(|parameter| {
        let charset = parameter.strip_prefix("charset=").map(|name| name.trim_matches('"'));
        charset.is_none_or(|name| name == "utf-8")
    });
    if is_json && is_utf8 {
        return Ok(());
    }
    let detail = "send the body as `content-type: application/json`, in UTF-8";
    Err(Problem::new(ProblemKind::UnsupportedMediaType, detail))
}

/// Names the position of the error, and quotes nothing.
fn not_json(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    // `serde_json` stops at 128 levels, and only its message tells that error apart.
    let reason = if error.to_string().starts_with("recursion limit") {
        "is nested too deeply"
    } else {
        "is not JSON"
    };
    let detail = format!("the body {reason} (line {line}, column {column})");
    Problem::new(ProblemKind::InvalidRequest, detail)
}

fn refuse_card_numbers(
    node: &JsonNode,
    path: &str,
    phone_field: Option<&str>,
) -> Result<(), Problem> {
    let refused = || {
        let field = if path.is_empty() { WHOLE_BODY } else { path };
        let detail = "looks like a card number: send cards to the payment provider, never here";
        Err(Problem::with_field(ProblemKind::InvalidRequest, field, detail))
    };
    match node {
        JsonNode::Number(number) if card_number::is_in(&number.to_string()) => refused(),
        JsonNode::String(text)
            if phone_field == Some(path) && card_number::is_international_phone(text) =>
        {
            Ok(())
        }
        JsonNode::String(text) if card_number::is_in(text) => refused(),
        JsonNode::Null | JsonNode::Bool(_) | JsonNode::Number(_) | JsonNode::String(_) => Ok(()),
        JsonNode::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
            refuse_card_numbers(item, &format!("{path}[{index}]"), phone_field)
        }),
        JsonNode::Object(fields) => fields.iter().try_for_each(|(key, value)| {
            if card_number::is_in(key) {
                return refused();
            }
            refuse_card_numbers(value, &join_path(path, key), phone_field)
        }),
    }
}

/// The path of a field. A key that is not an identifier becomes `?`: it may hold
/// anything, and paths are sent back.
pub(crate) fn join_path(path: &str, key: &str) -> String {
    let is_identifier = (1..=40).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !key.starts_with(|c: char| c.is_ascii_digit());
    let key = if is_identifier { key } else { "?" };
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl<'de> Deserialize<'de> for JsonNode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonNodeVisitor)
    }
}

struct JsonNodeVisitor;

impl<'de> Visitor<'de> for JsonNodeVisitor {
    type Value = JsonNode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<JsonNode, E> {
        Ok(JsonNode::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<JsonNode, E> {
        Ok(JsonNode::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<JsonNode, E> {
        Ok(JsonNode::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<JsonNode, E> {
        Ok(JsonNode::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<JsonNode, E> {
        Ok(serde_json::Number::from_f64(value).map_or(JsonNode::Null, JsonNode::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<JsonNode, E> {
        Ok(JsonNode::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<JsonNode, E> {
        Ok(JsonNode::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<JsonNode, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(JsonNode::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<JsonNode, A::Error> {
        let mut fields = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            fields.push(entry);
        }
        Ok(JsonNode::Object(fields))
    }
}
