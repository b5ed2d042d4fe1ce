//! Values as text: JSON as Jackson writes it, and what Java's `toString` makes of
//! lists and maps, which `States.Format` shows (`{Id=…, Name=…}`).

use serde_json::Value;

use super::numbers;

/// Compact JSON.
pub(super) fn json(value: &Value) -> String {
    let mut text = String::new();
    write_json(value, &mut text);
    text
}

fn write_json(value: &Value, into: &mut String) {
    match value {
        Value::Number(number) => into.push_str(&numbers::text(number)),
        Value::Array(items) => {
            into.push('[');
            for (index, item) in items.iter().enumerate() {
                into.push_str(if index == 0 { "" } else { "," });
                write_json(item, into);
            }
            into.push(']');
        }
        Value::Object(fields) => {
            into.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                into.push_str(if index == 0 { "" } else { "," });
                into.push_str(&Value::String(name.clone()).to_string());
                into.push(':');
                write_json(value, into);
            }
            into.push('}');
        }
        other => into.push_str(&other.to_string()),
    }
}

/// Java's `toString`: text bare, lists and maps in Java's own notation.
pub(super) fn plain(value: &Value) -> String {
    let mut text = String::new();
    write_plain(value, &mut text);
    text
}

fn write_plain(value: &Value, into: &mut String) {
    match value {
        Value::String(text) => into.push_str(text),
        Value::Number(number) => into.push_str(&numbers::text(number)),
        Value::Array(items) => {
            into.push('[');
            for (index, item) in items.iter().enumerate() {
                into.push_str(if index == 0 { "" } else { ", " });
                write_plain(item, into);
            }
            into.push(']');
        }
        Value::Object(fields) => {
            into.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                into.push_str(if index == 0 { "" } else { ", " });
                into.push_str(name);
                into.push('=');
                write_plain(value, into);
            }
            into.push('}');
        }
        other => into.push_str(&other.to_string()),
    }
}
