//! The body of a write: UTF-8, JSON, at most 64 KiB, no key twice, no card.
//!
//! Read into a tree that keeps what `serde_json`'s own would lose, a repeated
//! key, so that [`form`](crate::form) can name it.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};

use crate::card;
use crate::event::Request;
use crate::problem::{Kind, Problem};

/// The longest body, in bytes.
pub const LONGEST_BODY: usize = 64 * 1024;

/// JSON as it was sent.
#[derive(Clone, PartialEq)]
pub enum Node {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Node>),
    /// An object, with its keys as they came.
    Object(Vec<(String, Node)>),
}

impl fmt::Debug for Node {
    // A body holds names and addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[body]")
    }
}

/// The body of a request, as JSON.
///
/// `phone` is the field, if any, in which a phone number in `+` form may stand,
/// which a card number may look like.
pub fn read(request: &Request, phone: Option<&str>) -> Result<Node, Problem> {
    declared_as_json(request)?;
    let bytes = request.body()?;
    let text = String::from_utf8(bytes)
        .or(Err(Problem::new(Kind::Invalid, "the body is not valid UTF-8")))?;
    if text.trim().is_empty() {
        return Err(Problem::new(Kind::Invalid, "the body is missing"));
    }
    let body: Node = serde_json::from_str(&text).map_err(|error| not_json(&error))?;
    refuse_cards(&body, "", phone)?;
    Ok(body)
}

fn declared_as_json(request: &Request) -> Result<(), Problem> {
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
    Err(Problem::new(Kind::UnsupportedMediaType, detail))
}

/// By place, never by what stands there.
fn not_json(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    // `serde_json` goes 128 levels deep, and says so only in words.
    let why = if error.to_string().starts_with("recursion limit") {
        "is nested too deeply"
    } else {
        "is not JSON"
    };
    Problem::new(Kind::Invalid, format!("the body {why} (line {line}, column {column})"))
}

fn refuse_cards(node: &Node, path: &str, phone: Option<&str>) -> Result<(), Problem> {
    let refused = || {
        let detail = "looks like a card number: send cards to the payment gateway, never here";
        Err(Problem::field(Kind::Invalid, if path.is_empty() { "(body)" } else { path }, detail))
    };
    match node {
        Node::Number(number) if card::is_in(&number.to_string()) => refused(),
        Node::Text(text) if phone == Some(path) && card::is_plus_phone(text) => Ok(()),
        Node::Text(text) if card::is_in(text) => refused(),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => Ok(()),
        Node::List(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| refuse_cards(item, &format!("{path}[{index}]"), phone)),
        Node::Object(fields) => fields.iter().try_for_each(|(key, value)| {
            if card::is_in(key) {
                return refused();
            }
            refuse_cards(value, &join(path, key), phone)
        }),
    }
}

/// The path of a field. A key that is no plain word is not repeated: it may be
/// anything.
pub(crate) fn join(path: &str, key: &str) -> String {
    let plain = (1..=40).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !key.starts_with(|c: char| c.is_ascii_digit());
    let key = if plain { key } else { "?" };
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Node::Null, Node::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            fields.push(entry);
        }
        Ok(Node::Object(fields))
    }
}
