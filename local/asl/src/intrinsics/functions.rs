//! The functions themselves, each a few lines: arguments in, a value or a refusal out.
//!
//! The limits (10,000 characters to encode or hash, 1,000 items in a range) are those
//! of the Step Functions developer guide, "Intrinsic functions".

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};
use sha2::Digest;

use super::{IntrinsicErrorReason, java_text, numbers};
use crate::scope::RandomSource;

const MAX_TEXT: usize = 10_000;
const MAX_RANGE: usize = 1_000;

/// An intrinsic function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Format,
    StringToJson,
    JsonToString,
    Array,
    ArrayPartition,
    ArrayContains,
    ArrayRange,
    ArrayGetItem,
    ArrayLength,
    ArrayUnique,
    Base64Encode,
    Base64Decode,
    Hash,
    JsonMerge,
    MathRandom,
    MathAdd,
    StringSplit,
    Uuid,
}

/// The name after `States.`, the function, and how many arguments it takes.
const FUNCTIONS: [(&str, Function, usize, usize); 18] = [
    ("Format", Function::Format, 1, usize::MAX),
    ("StringToJson", Function::StringToJson, 1, 1),
    ("JsonToString", Function::JsonToString, 1, 1),
    ("Array", Function::Array, 0, usize::MAX),
    ("ArrayPartition", Function::ArrayPartition, 2, 2),
    ("ArrayContains", Function::ArrayContains, 2, 2),
    ("ArrayRange", Function::ArrayRange, 3, 3),
    ("ArrayGetItem", Function::ArrayGetItem, 2, 2),
    ("ArrayLength", Function::ArrayLength, 1, 1),
    ("ArrayUnique", Function::ArrayUnique, 1, 1),
    ("Base64Encode", Function::Base64Encode, 1, 1),
    ("Base64Decode", Function::Base64Decode, 1, 1),
    ("Hash", Function::Hash, 2, 2),
    ("JsonMerge", Function::JsonMerge, 3, 3),
    ("MathRandom", Function::MathRandom, 2, 3),
    ("MathAdd", Function::MathAdd, 2, 2),
    ("StringSplit", Function::StringSplit, 2, 2),
    ("UUID", Function::Uuid, 0, 0),
];

type Answer = Result<Value, IntrinsicErrorReason>;

fn refuse<T>(message: impl Into<String>) -> Result<T, IntrinsicErrorReason> {
    Err(IntrinsicErrorReason::Refused(message.into()))
}

impl Function {
    pub(super) fn named(name: &str) -> Option<Self> {
        FUNCTIONS.iter().find(|(known, ..)| *known == name).map(|(_, function, ..)| *function)
    }

    pub(super) fn takes(self, count: usize) -> bool {
        let row = FUNCTIONS.iter().find(|(_, function, ..)| *function == self);
        row.is_some_and(|(_, _, least, most)| (*least..=*most).contains(&count))
    }

    /// Applies it to as many arguments as it takes.
    pub(super) fn apply(self, arguments: &[Value], random_source: &RandomSource) -> Answer {
        match (self, arguments) {
            (Self::Format, [template, values @ ..]) => format(template, values),
            (Self::StringToJson, [text]) => string_to_json(text),
            (Self::JsonToString, [value]) => Ok(Value::String(java_text::json(value))),
            (Self::Array, items) => Ok(Value::Array(items.to_vec())),
            (Self::ArrayPartition, [array, size]) => partition(array, size),
            (Self::ArrayContains, [array, item]) => {
                Ok(Value::Bool(items("ArrayContains", array)?.contains(item)))
            }
            (Self::ArrayRange, [first, last, step]) => range(first, last, step),
            (Self::ArrayGetItem, [array, index]) => get_item(array, index),
            (Self::ArrayLength, [array]) => Ok(items("ArrayLength", array)?.len().into()),
            (Self::ArrayUnique, [array]) => unique(array),
            (Self::Base64Encode, [text]) => {
                let text = short_text("Base64Encode", text)?;
                Ok(Value::String(BASE64_STANDARD.encode(text)))
            }
            (Self::Base64Decode, [text]) => base64_decode(text),
            (Self::Hash, [data, algorithm]) => hash(data, algorithm),
            (Self::JsonMerge, [first, second, deep]) => json_merge(first, second, deep),
            (Self::MathRandom, [from, to]) => random(from, to, None, random_source),
            (Self::MathRandom, [from, to, seed]) => random(from, to, Some(seed), random_source),
            (Self::MathAdd, [left, right]) => add(left, right),
            (Self::StringSplit, [text, separators]) => split(text, separators),
            (Self::Uuid, []) => Ok(Value::String(random_source.next_uuid().to_string())),
            _ => refuse(format!("States.{self} does not take {} arguments", arguments.len())),
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = FUNCTIONS.iter().find(|(_, function, ..)| function == self);
        f.write_str(row.map_or("", |(name, ..)| name))
    }
}

fn text<'a>(function: &str, value: &'a Value) -> Result<&'a str, IntrinsicErrorReason> {
    match value.as_str() {
        Some(text) => Ok(text),
        None => refuse(format!("States.{function} takes text, not {}", java_text::json(value))),
    }
}

fn short_text<'a>(function: &str, value: &'a Value) -> Result<&'a str, IntrinsicErrorReason> {
    let text = text(function, value)?;
    if text.chars().count() > MAX_TEXT {
        return refuse(format!("States.{function} takes at most {MAX_TEXT} characters"));
    }
    Ok(text)
}

fn items<'a>(function: &str, value: &'a Value) -> Result<&'a Vec<Value>, IntrinsicErrorReason> {
    match value.as_array() {
        Some(items) => Ok(items),
        None => refuse(format!("States.{function} takes an array, not {}", java_text::json(value))),
    }
}

/// A number, rounded where it is no integer.
fn whole(function: &str, value: &Value) -> Result<i64, IntrinsicErrorReason> {
    match value.as_number().and_then(numbers::round) {
        Some(number) => Ok(number),
        None => refuse(format!("States.{function} takes a number, not {}", java_text::json(value))),
    }
}

/// Each `{}` gives way to the next value; `\{`, `\}` and `\\` stand for themselves.
fn format(template: &Value, values: &[Value]) -> Answer {
    let template = text("Format", template)?;
    let (mut formatted, mut values) = (String::new(), values.iter());
    let mut chars = template.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek().copied()) {
            ('\\', Some(escaped @ ('{' | '}' | '\\' | '\''))) => {
                formatted.push(escaped);
                chars.next();
            }
            ('{', Some('}')) => {
                chars.next();
                match values.next() {
                    Some(value) => formatted.push_str(&java_text::plain(value)),
                    None => return refuse("there are more {} in the template than arguments"),
                }
            }
            _ => formatted.push(c),
        }
    }
    match values.next() {
        None => Ok(Value::String(formatted)),
        Some(_) => refuse("there are more arguments than {} in the template"),
    }
}

/// Blank text is no JSON, and AWS answers `null` for it.
fn string_to_json(value: &Value) -> Answer {
    let text = text("StringToJson", value)?;
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    match serde_json::from_str(text) {
        // Java's parser knows no negative zero among the integers.
        Ok(Value::Number(number)) if text.trim() == "-0" => {
            Ok(numbers::round(&number).unwrap_or(0).into())
        }
        Ok(value) => Ok(value),
        Err(why) => refuse(format!("Invalid JSON was provided: {why}")),
    }
}

fn partition(array: &Value, size: &Value) -> Answer {
    let array = items("ArrayPartition", array)?;
    match usize::try_from(whole("ArrayPartition", size)?) {
        Ok(size) if size > 0 => {
            Ok(array.chunks(size).map(|chunk| Value::Array(chunk.to_vec())).collect())
        }
        _ => refuse("the chunk size of States.ArrayPartition must be a positive integer"),
    }
}

fn range(first: &Value, last: &Value, step: &Value) -> Answer {
    let [first, last, step] = [first, last, step].map(|value| whole("ArrayRange", value));
    let (first, last, step) = (first?, last?, step?);
    if step == 0 {
        return refuse("the increment of States.ArrayRange cannot be zero");
    }
    let mut numbers = Vec::new();
    let mut next = Some(first);
    while let Some(number) =
        next.filter(|number| (*number <= last) == (step > 0) || *number == last)
    {
        if numbers.len() == MAX_RANGE {
            return refuse(format!("States.ArrayRange gives at most {MAX_RANGE} items"));
        }
        numbers.push(Value::from(number));
        next = number.checked_add(step);
    }
    Ok(Value::Array(numbers))
}

fn get_item(array: &Value, index: &Value) -> Answer {
    let array = items("ArrayGetItem", array)?;
    let index = whole("ArrayGetItem", index)?;
    match usize::try_from(index).ok().and_then(|index| array.get(index)) {
        Some(item) => Ok(item.clone()),
        None => {
            refuse(format!("Index {index} is out of bounds for an array of length {}", array.len()))
        }
    }
}

fn unique(array: &Value) -> Answer {
    let mut unique: Vec<Value> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for item in items("ArrayUnique", array)? {
        if seen.insert(java_text::json(item)) {
            unique.push(item.clone());
        }
    }
    Ok(Value::Array(unique))
}

fn base64_decode(value: &Value) -> Answer {
    let text = short_text("Base64Decode", value)?;
    let bytes = BASE64_STANDARD.decode(text);
    let bytes = bytes.or_else(|why| refuse(format!("the text is not base64: {why}")))?;
    Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned()))
}

fn hash(data: &Value, algorithm: &Value) -> Answer {
    let data = match data {
        Value::String(text) => text.clone(),
        other => java_text::json(other),
    };
    if data.chars().count() > MAX_TEXT {
        return refuse(format!("States.Hash takes at most {MAX_TEXT} characters"));
    }
    let digest = match text("Hash", algorithm)? {
        "MD5" => hex(&md5::Md5::digest(&data)),
        "SHA-1" => hex(&sha1::Sha1::digest(&data)),
        "SHA-256" => hex(&sha2::Sha256::digest(&data)),
        "SHA-384" => hex(&sha2::Sha384::digest(&data)),
        "SHA-512" => hex(&sha2::Sha512::digest(&data)),
        other => return refuse(format!("the algorithm '{other}' is not supported")),
    };
    Ok(Value::String(digest))
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Only the shallow merge exists; AWS refuses `true` for the deep one.
fn json_merge(first: &Value, second: &Value, deep: &Value) -> Answer {
    if deep != &Value::Bool(false) {
        return refuse(
            "States.JsonMerge supports the shallow mode only: its third argument is false",
        );
    }
    let (Value::Object(first), Value::Object(second)) = (first, second) else {
        return refuse("States.JsonMerge takes two JSON objects");
    };
    let mut merged: Map<String, Value> = first.clone();
    merged.extend(second.iter().map(|(name, value)| (name.clone(), value.clone())));
    Ok(Value::Object(merged))
}

/// From `from` inclusive to `to` exclusive, as the guide says.
fn random(from: &Value, to: &Value, seed: Option<&Value>, random_source: &RandomSource) -> Answer {
    let (from, to) = (whole("MathRandom", from)?, whole("MathRandom", to)?);
    let width = to.checked_sub(from).and_then(|width| u64::try_from(width).ok());
    let Some(width) = width.filter(|width| *width > 0) else {
        return refuse("the end of States.MathRandom must be greater than its start");
    };
    let draw = match seed {
        Some(seed) => java_random(width, whole("MathRandom", seed)?),
        None => random_source.next_u64() % width,
    };
    let number = i64::try_from(draw).ok().and_then(|draw| from.checked_add(draw));
    number.map_or_else(|| refuse("States.MathRandom overflowed"), |number| Ok(number.into()))
}

/// The first `nextInt(width)` of `java.util.Random`, whose algorithm is part of Java's
/// specification: the same seed gives the same number as on AWS.
fn java_random(width: u64, seed: i64) -> u64 {
    const MASK: u64 = (1 << 48) - 1;
    let mut state = (seed.cast_unsigned() ^ 0x0005_DEEC_E66D) & MASK;
    let mut next_31_bits = || {
        state = state.wrapping_mul(0x0005_DEEC_E66D).wrapping_add(0xB) & MASK;
        state >> 17
    };
    if width > 1 << 31 {
        return ((next_31_bits() << 31) | next_31_bits()) % width;
    }
    if width.is_power_of_two() {
        return (width * next_31_bits()) >> 31;
    }
    // What does not fill a whole round of `width` is drawn again, to favour no number.
    let whole_rounds = (1 << 31) / width * width;
    loop {
        let bits = next_31_bits();
        if bits < whole_rounds {
            return bits % width;
        }
    }
}

fn add(left: &Value, right: &Value) -> Answer {
    let (left, right) = (whole("MathAdd", left)?, whole("MathAdd", right)?);
    match left.checked_add(right) {
        Some(sum) => Ok(sum.into()),
        None => refuse("the sum of States.MathAdd is out of range"),
    }
}

/// Each character of `separators` separates; what is empty between two is left out.
fn split(value: &Value, separators: &Value) -> Answer {
    let (value, separators) = (text("StringSplit", value)?, text("StringSplit", separators)?);
    let parts = value.split(|c| separators.contains(c)).filter(|part| !part.is_empty());
    Ok(parts.map(|part| Value::String(part.to_owned())).collect())
}
