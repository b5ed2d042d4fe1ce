//! Converts YAML to JSON and expands CloudFormation's short forms: `!Ref x` becomes
//! `{"Ref": "x"}`, `!GetAtt a.b` becomes `{"Fn::GetAtt": ["a", "b"]}`.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// Converts a document to JSON. The error says why it is not one YAML document.
pub(super) fn to_json(text: &str) -> Result<Value, String> {
    let mut documents = Yaml::load_from_str(text).map_err(|error| error.to_string())?;
    match documents.len() {
        1 => Ok(node(documents.remove(0))),
        other => Err(format!("expected one document, found {other}")),
    }
}

fn node(yaml: Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(scalar) => value(&scalar),
        Yaml::Sequence(items) => items.into_iter().map(node).collect(),
        Yaml::Mapping(pairs) => {
            let field = |(name, value)| Some((text(&node(name))?, node(value)));
            Value::Object(pairs.into_iter().filter_map(field).collect::<Map<_, _>>())
        }
        Yaml::Tagged(tag, inner) => intrinsic(&tag.suffix, node(*inner)),
        Yaml::Representation(text, ..) => Value::String(text.into_owned()),
        Yaml::Alias(_) | Yaml::BadValue => Value::Null,
    }
}

fn value(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => json!(value),
        Scalar::Integer(value) => json!(value),
        Scalar::FloatingPoint(value) => json!(value.into_inner()),
        Scalar::String(value) => json!(value),
    }
}

/// The key of a mapping: a text or, rarely, a number.
fn text(name: &Value) -> Option<String> {
    match name {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn intrinsic(name: &str, argument: Value) -> Value {
    match (name, argument) {
        ("Ref" | "Condition", argument) => json!({ name: argument }),
        ("GetAtt", Value::String(path)) => {
            let parts: Vec<_> = path.splitn(2, '.').collect();
            json!({ "Fn::GetAtt": parts })
        }
        (name, argument) => json!({ format!("Fn::{name}"): argument }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_expanded() {
        fn check(yaml: &str, expected: Value) {
            assert_eq!(to_json(yaml), Ok(expected), "{yaml}");
        }
        check("a: !Ref B", json!({ "a": { "Ref": "B" } }));
        check("a: !Sub \"x-${B}\"", json!({ "a": { "Fn::Sub": "x-${B}" } }));
        check("a: !GetAtt B.Arn", json!({ "a": { "Fn::GetAtt": ["B", "Arn"] } }));
        check(
            "a: !Join [\"-\", [x, !Ref B]]",
            json!({ "a": { "Fn::Join": ["-", ["x", { "Ref": "B" }]] } }),
        );
        check("a: [1, true, null, 1.5, \"2\"]", json!({ "a": [1, true, null, 1.5, "2"] }));
    }

    #[test]
    fn invalid_yaml_is_an_error() {
        assert!(to_json("a: [").is_err());
        assert!(to_json("a: 1\n---\nb: 2").is_err());
    }
}
