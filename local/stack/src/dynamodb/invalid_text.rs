//! Numbers and booleans where an attribute value must be text, as in `{"S": 5}`.
//!
//! The emulator does not say which JSON type it found, and DynamoDB's message names it.

use serde_json::Value;

/// The members of an attribute value that hold text.
const TEXT_MEMBERS: [&str; 3] = ["S", "N", "B"];

/// DynamoDB's message for the first value of the wrong type in a request.
pub(super) fn find(request: &Value) -> Option<&'static str> {
    match request {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let wrong = TEXT_MEMBERS.contains(&name.as_str()).then(|| message(value)).flatten();
            wrong.or_else(|| find(value))
        }),
        Value::Array(items) => items.iter().find_map(find),
        _ => None,
    }
}

fn message(value: &Value) -> Option<&'static str> {
    match value {
        Value::Bool(true) => Some("TRUE_VALUE cannot be converted to String"),
        Value::Bool(false) => Some("FALSE_VALUE cannot be converted to String"),
        Value::Number(number) if number.is_f64() => {
            Some("DECIMAL_VALUE cannot be converted to String")
        }
        Value::Number(_) => Some("NUMBER_VALUE cannot be converted to String"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_message_names_the_json_type_at_any_depth() {
        fn check(request: &Value, expected: Option<&str>) {
            assert_eq!(find(request), expected, "{request}");
        }
        check(&json!({ "S": 5 }), Some("NUMBER_VALUE cannot be converted to String"));
        check(&json!({ "N": 1.5 }), Some("DECIMAL_VALUE cannot be converted to String"));
        check(&json!({ "B": true }), Some("TRUE_VALUE cannot be converted to String"));
        let nested = json!({ "Item": { "a": { "L": [{ "M": { "b": { "S": false } } }] } } });
        check(&nested, Some("FALSE_VALUE cannot be converted to String"));
        check(&json!({ "S": "5", "BOOL": true }), None);
        check(&json!({ "M": { "S": { "N": "5" } } }), None);
    }
}
