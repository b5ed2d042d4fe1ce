//! Values as text: JSON as Jackson writes it, and Java's `toString` of lists and maps, which
//! `States.Format` shows (`{Id=…, Name=…}`).

use serde_json::Value;

use super::numbers;

/// Compact JSON.
pub(super) fn json(value: &Value) -> String {
    let mut text = String::new();
    write_json(value, &mut text);
    text
}

fn write_json(value: &Value, output: &mut String) {
    match value {
        Value::Number(number) => output.push_str(&numbers::text(number)),
        Value::Array(items) => {
            output.push('[');
            for (index, item) in items.iter().enumerate() {
                output.push_str(if index == 0 { "" } else { "," });
                write_json(item, output);
            }
            output.push(']');
        }
        Value::Object(fields) => {
            output.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                output.push_str(if index == 0 { "" } else { "," });
                output.push_str(&Value::String(name.clone()).to_string());
                output.push(':');
                write_json(value, output);
            }
            output.push('}');
        }
        other => output.push_str(&other.to_string()),
    }
}

/// Java's `toString`: strings without quotes, lists and maps in Java's notation.
pub(super) fn to_string(value: &Value) -> String {
    let mut text = String::new();
    write_to_string(value, &mut text);
    text
}

fn write_to_string(value: &Value, output: &mut String) {
    match value {
        Value::String(text) => output.push_str(text),
        Value::Number(number) => output.push_str(&numbers::text(number)),
        Value::Array(items) => {
            output.push('[');
            for (index, item) in items.iter().enumerate() {
                output.push_str(if index == 0 { "" } else { ", " });
                write_to_string(item, output);
            }
            output.push(']');
        }
        Value::Object(fields) => {
            output.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                output.push_str(if index == 0 { "" } else { ", " });
                output.push_str(name);
                output.push('=');
                write_to_string(value, output);
            }
            output.push('}');
        }
        other => output.push_str(&other.to_string()),
    }
}
