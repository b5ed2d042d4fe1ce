//! The intrinsic functions. Each takes its arguments and returns a value or an error.
//!
//! The limits (10,000 characters to encode or hash, 1,000 items in a range) are those of the Step
//! Functions developer guide, "Intrinsic functions".

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};
use sha2::Digest;

use super::error::IntrinsicErrorReason;
use super::syntax::Function;
use super::{java_text, numbers};
use crate::scope::RandomSource;

const MAX_TEXT: usize = 10_000;
const MAX_RANGE: usize = 1_000;

type Evaluated = Result<Value, IntrinsicErrorReason>;

fn reject<T>(message: impl Into<String>) -> Result<T, IntrinsicErrorReason> {
    Err(IntrinsicErrorReason::Rejected(message.into()))
}

impl Function {
    /// Applies the function to its arguments.
    pub(super) fn apply(self, arguments: &[Value], random_source: &RandomSource) -> Evaluated {
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
            _ => reject(format!("States.{self} does not take {} arguments", arguments.len())),
        }
    }
}

fn text<'a>(function: &str, value: &'a Value) -> Result<&'a str, IntrinsicErrorReason> {
    match value.as_str() {
        Some(text) => Ok(text),
        None => reject(format!("States.{function} takes text, not {}", java_text::json(value))),
    }
}

fn short_text<'a>(function: &str, value: &'a Value) -> Result<&'a str, IntrinsicErrorReason> {
    let text = text(function, value)?;
    if text.chars().count() > MAX_TEXT {
        return reject(format!("States.{function} takes at most {MAX_TEXT} characters"));
    }
    Ok(text)
}

fn items<'a>(function: &str, value: &'a Value) -> Result<&'a Vec<Value>, IntrinsicErrorReason> {
    match value.as_array() {
        Some(items) => Ok(items),
        None => reject(format!("States.{function} takes an array, not {}", java_text::json(value))),
    }
}

/// An integer; other numbers are rounded.
fn integer(function: &str, value: &Value) -> Result<i64, IntrinsicErrorReason> {
    match value.as_number().and_then(numbers::round) {
        Some(number) => Ok(number),
        None => reject(format!("States.{function} takes a number, not {}", java_text::json(value))),
    }
}

/// Replaces each `{}` with the next value; `\{`, `\}` and `\\` are escapes.
fn format(template: &Value, values: &[Value]) -> Evaluated {
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
                    Some(value) => formatted.push_str(&java_text::to_string(value)),
                    None => return reject("there are more {} in the template than arguments"),
                }
            }
            _ => formatted.push(c),
        }
    }
    match values.next() {
        None => Ok(Value::String(formatted)),
        Some(_) => reject("there are more arguments than {} in the template"),
    }
}

/// AWS returns `null` for blank text.
fn string_to_json(value: &Value) -> Evaluated {
    let text = text("StringToJson", value)?;
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    match serde_json::from_str(text) {
        // Java's parser has no negative integer zero.
        Ok(Value::Number(number)) if text.trim() == "-0" => {
            Ok(numbers::round(&number).unwrap_or(0).into())
        }
        Ok(value) => Ok(value),
        Err(error) => reject(format!("Invalid JSON was provided: {error}")),
    }
}

fn partition(array: &Value, size: &Value) -> Evaluated {
    let array = items("ArrayPartition", array)?;
    match usize::try_from(integer("ArrayPartition", size)?) {
        Ok(size) if size > 0 => {
            Ok(array.chunks(size).map(|chunk| Value::Array(chunk.to_vec())).collect())
        }
        _ => reject("the chunk size of States.ArrayPartition must be a positive integer"),
    }
}

fn range(first: &Value, last: &Value, step: &Value) -> Evaluated {
    let [first, last, step] = [first, last, step].map(|value| integer("ArrayRange", value));
    let (first, last, step) = (first?, last?, step?);
    if step == 0 {
        return reject("the increment of States.ArrayRange cannot be zero");
    }
    let mut numbers = Vec::new();
    let mut next = Some(first);
    while let Some(number) =
        next.filter(|number| (*number <= last) == (step > 0) || *number == last)
    {
        if numbers.len() == MAX_RANGE {
            return reject(format!("States.ArrayRange gives at most {MAX_RANGE} items"));
        }
        numbers.push(Value::from(number));
        next = number.checked_add(step);
    }
    Ok(Value::Array(numbers))
}

fn get_item(array: &Value, index: &Value) -> Evaluated {
    let array = items("ArrayGetItem", array)?;
    let index = integer("ArrayGetItem", index)?;
    match usize::try_from(index).ok().and_then(|index| array.get(index)) {
        Some(item) => Ok(item.clone()),
        None => {
            reject(format!("Index {index} is out of bounds for an array of length {}", array.len()))
        }
    }
}

fn unique(array: &Value) -> Evaluated {
    let mut unique: Vec<Value> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for item in items("ArrayUnique", array)? {
        if seen.insert(java_text::json(item)) {
            unique.push(item.clone());
        }
    }
    Ok(Value::Array(unique))
}

fn base64_decode(value: &Value) -> Evaluated {
    let text = short_text("Base64Decode", value)?;
    let bytes = BASE64_STANDARD.decode(text);
    let bytes = bytes.or_else(|error| reject(format!("the text is not base64: {error}")))?;
    Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned()))
}

fn hash(data: &Value, algorithm: &Value) -> Evaluated {
    let data = match data {
        Value::String(text) => text.clone(),
        other => java_text::json(other),
    };
    if data.chars().count() > MAX_TEXT {
        return reject(format!("States.Hash takes at most {MAX_TEXT} characters"));
    }
    let digest = match text("Hash", algorithm)? {
        "MD5" => hex::encode(md5::Md5::digest(&data)),
        "SHA-1" => hex::encode(sha1::Sha1::digest(&data)),
        "SHA-256" => hex::encode(sha2::Sha256::digest(&data)),
        "SHA-384" => hex::encode(sha2::Sha384::digest(&data)),
        "SHA-512" => hex::encode(sha2::Sha512::digest(&data)),
        other => return reject(format!("the algorithm '{other}' is not supported")),
    };
    Ok(Value::String(digest))
}

/// AWS supports only the shallow merge and rejects `true` for the deep one.
fn json_merge(first: &Value, second: &Value, deep: &Value) -> Evaluated {
    if deep != &Value::Bool(false) {
        return reject(
            "States.JsonMerge supports the shallow mode only: its third argument is false",
        );
    }
    let (Value::Object(first), Value::Object(second)) = (first, second) else {
        return reject("States.JsonMerge takes two JSON objects");
    };
    let mut merged: Map<String, Value> = first.clone();
    merged.extend(second.iter().map(|(name, value)| (name.clone(), value.clone())));
    Ok(Value::Object(merged))
}

/// A number from `from` (inclusive) to `to` (exclusive), as in the developer guide.
fn random(
    from: &Value,
    to: &Value,
    seed: Option<&Value>,
    random_source: &RandomSource,
) -> Evaluated {
    let (from, to) = (integer("MathRandom", from)?, integer("MathRandom", to)?);
    let width = to.checked_sub(from).and_then(|width| u64::try_from(width).ok());
    let Some(width) = width.filter(|width| *width > 0) else {
        return reject("the end of States.MathRandom must be greater than its start");
    };
    let draw = match seed {
        Some(seed) => java_random(width, integer("MathRandom", seed)?),
        None => random_source.next_u64() % width,
    };
    let number = i64::try_from(draw).ok().and_then(|draw| from.checked_add(draw));
    number.map_or_else(|| reject("States.MathRandom overflowed"), |number| Ok(number.into()))
}

/// The first `nextInt(width)` of `java.util.Random`. Java specifies the algorithm, so the same seed
/// gives the same number as on AWS.
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
    // Values above the largest multiple of `width` are drawn again to avoid bias.
    let largest_multiple = (1 << 31) / width * width;
    loop {
        let bits = next_31_bits();
        if bits < largest_multiple {
            return bits % width;
        }
    }
}

fn add(left: &Value, right: &Value) -> Evaluated {
    let (left, right) = (integer("MathAdd", left)?, integer("MathAdd", right)?);
    match left.checked_add(right) {
        Some(sum) => Ok(sum.into()),
        None => reject("the sum of States.MathAdd is out of range"),
    }
}

/// Splits at every character of `separators`, without empty parts.
fn split(value: &Value, separators: &Value) -> Evaluated {
    let (value, separators) = (text("StringSplit", value)?, text("StringSplit", separators)?);
    let parts = value.split(|c| separators.contains(c)).filter(|part| !part.is_empty());
    Ok(parts.map(|part| Value::String(part.to_owned())).collect())
}
