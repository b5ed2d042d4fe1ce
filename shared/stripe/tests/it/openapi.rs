//! Checks a request against Stripe's OpenAPI document. Supports only the part of OpenAPI
//! that our requests need, and rejects everything else.

use domain::ports::{Method, Request};
use serde_json::{Map, Value, json};
use url::Url;
use url::form_urlencoded;

/// Why the document does not allow this request; `None` if it does.
pub(crate) fn violation(spec: &Value, request: &Request) -> Option<String> {
    check(spec, request).err()
}

fn check(spec: &Value, request: &Request) -> Result<(), String> {
    let url = Url::parse(&request.url).map_err(|error| error.to_string())?;
    let operation = operation(spec, url.path(), request.method)?;
    let query = nested(url.query().unwrap_or_default().as_bytes())?;
    check_object(&parameters(operation, "query"), &query, "query")?;
    let form = nested(&request.body)?;
    let schema =
        &operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
    match request.method {
        Method::Get if !form.is_empty() => Err("a GET has no body".to_owned()),
        Method::Get => Ok(()),
        Method::Post => check_object(schema, &form, "body"),
    }
}

/// The operation whose path template matches this path.
fn operation<'a>(spec: &'a Value, path: &str, method: Method) -> Result<&'a Value, String> {
    let verb = match method {
        Method::Get => "get",
        Method::Post => "post",
    };
    let paths = spec["paths"].as_object().ok_or("the document has no paths")?;
    paths
        .iter()
        .find(|(template, operations)| matches(template, path) && operations.get(verb).is_some())
        .map(|(_, operations)| &operations[verb])
        .ok_or_else(|| format!("{verb} {path} is not in the document"))
}

fn matches(template: &str, path: &str) -> bool {
    let (expected, given) = (template.split('/'), path.split('/'));
    expected.clone().count() == given.clone().count()
        && expected.zip(given).all(|(expected, given)| {
            if expected.starts_with('{') { given.starts_with("pi_") } else { expected == given }
        })
}

/// The parameters in one location, as the schema of an object.
fn parameters(operation: &Value, location: &str) -> Value {
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let in_location = || parameters.iter().filter(|parameter| parameter["in"] == location);
    let name = |parameter: &Value| parameter["name"].as_str().unwrap_or_default().to_owned();
    let required: Vec<_> = in_location().filter(|p| p["required"] == true).map(name).collect();
    let properties: Map<_, _> = in_location().map(|p| (name(p), p["schema"].clone())).collect();
    json!({"required": required, "properties": properties, "additionalProperties": false})
}

fn check_object(schema: &Value, given: &Map<String, Value>, at: &str) -> Result<(), String> {
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !given.contains_key(name) {
            return Err(format!("{at}: {name} is missing"));
        }
    }
    for (name, value) in given {
        let at = format!("{at}.{name}");
        let known = schema["properties"].get(name);
        let schema = match (known, &schema["additionalProperties"]) {
            (Some(known), _) => known,
            (None, additional @ Value::Object(_)) => additional,
            (None, _) => return Err(format!("{at} is unknown")),
        };
        check_value(schema, value, &at)?;
    }
    Ok(())
}

fn check_value(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits = choices.iter().any(|choice| check_value(choice, value, at).is_ok());
        return if fits { Ok(()) } else { Err(format!("{at} matches no alternative")) };
    }
    let wrong = || format!("{at} is not a valid {}", schema["type"]);
    match (schema["type"].as_str().unwrap_or_default(), value) {
        ("object", Value::Object(fields)) => return check_object(schema, fields, at),
        ("array", Value::Array(items)) => {
            return items.iter().try_for_each(|item| check_value(&schema["items"], item, at));
        }
        ("integer", Value::String(text)) if text.parse::<u64>().is_ok() => {}
        ("boolean", Value::String(text)) if matches!(text.as_str(), "true" | "false") => {}
        ("string", Value::String(text)) => {
            let max_length = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
            if text.is_empty() || u64::try_from(text.len()).unwrap() > max_length {
                return Err(format!("{at} is empty or too long"));
            }
        }
        _ => return Err(wrong()),
    }
    match schema["enum"].as_array() {
        Some(words) if !words.contains(value) => Err(format!("{at} is not one of {words:?}")),
        _ => Ok(()),
    }
}

/// The nested object that a form's names describe: `a[b]=1` and `list[]=1`.
fn nested(form: &[u8]) -> Result<Map<String, Value>, String> {
    let mut tree = Map::new();
    for (name, value) in form_urlencoded::parse(form) {
        let value = json!(value);
        let (outer, inner) = match name.split_once('[') {
            None => (name.to_string(), None),
            Some((outer, inner)) => {
                let inner = inner.strip_suffix(']').ok_or(format!("{name} is not closed"))?;
                (outer.to_owned(), Some(inner.to_owned()))
            }
        };
        let twice = format!("{name} is given twice");
        let entry = tree.entry(outer);
        match inner.as_deref() {
            None => {
                if !entry.or_insert(Value::Null).take().is_null() {
                    return Err(twice);
                }
                let _null = tree.insert(name.into_owned(), value);
            }
            Some("") => entry.or_insert(json!([])).as_array_mut().ok_or(twice)?.push(value),
            Some(inner) => {
                let fields = entry.or_insert(json!({})).as_object_mut().ok_or(twice.clone())?;
                if fields.insert(inner.to_owned(), value).is_some() {
                    return Err(twice);
                }
            }
        }
    }
    Ok(tree)
}

#[test]
fn each_kind_of_violation_is_found() {
    let spec = json!({"paths": {
        "/v1/things": {"post": {"requestBody": {"content": {"application/x-www-form-urlencoded":
            {"schema": {"required": ["amount"], "additionalProperties": false, "properties": {
                "amount": {"type": "integer"},
                "on": {"type": "boolean"},
                "how": {"type": "string", "enum": ["fast", "slow"]},
                "tags": {"type": "array", "items": {"type": "string"}},
                "more": {"type": "object", "additionalProperties": {"type": "string"}},
                "either": {"anyOf": [{"type": "boolean"}, {"type": "string", "enum": ["x"]}]},
            }}}}}}},
        "/v1/things/{thing}": {"get": {"parameters": [
            {"in": "query", "name": "expand", "schema": {"type": "array", "items": {"type": "string"}}},
        ]}},
    }});
    let check = |method, path: &str, body: &str, expected: Option<&str>| {
        let url = format!("https://api.example.com{path}");
        let request = Request { method, url, headers: vec![], body: body.as_bytes().to_vec() };
        let violation = violation(&spec, &request);
        match (violation, expected) {
            (None, None) => {}
            (Some(violation), Some(expected)) if violation.contains(expected) => {}
            (violation, _) => panic!("{path} {body}: {violation:?}, not {expected:?}"),
        }
    };
    let full = "amount=1&on=true&how=fast&tags[]=a&tags[]=b&more[k]=v&either=x";
    check(Method::Post, "/v1/things", full, None);
    check(Method::Get, "/v1/things/pi_1?expand%5B%5D=charge", "", None);
    check(Method::Post, "/v1/things", "", Some("amount is missing"));
    check(Method::Post, "/v1/things", "amount=1.5", Some("amount is not a valid"));
    check(Method::Post, "/v1/things", "amount=1&amount=2", Some("twice"));
    check(Method::Post, "/v1/things", "amount=1&on=yes", Some("on is not a valid"));
    check(Method::Post, "/v1/things", "amount=1&how=soon", Some("how is not one of"));
    check(Method::Post, "/v1/things", "amount=1&tags=a", Some("tags is not a valid"));
    check(Method::Post, "/v1/things", "amount=1&either=y", Some("either matches no"));
    check(Method::Post, "/v1/things", "amount=1&surprise=1", Some("surprise is unknown"));
    check(Method::Post, "/v1/other", "amount=1", Some("not in the document"));
    check(Method::Get, "/v1/things", "", Some("not in the document"));
    check(Method::Get, "/v1/things/pi_1?shrink=1", "", Some("shrink is unknown"));
    check(Method::Get, "/v1/things/pi_1", "amount=1", Some("no body"));
}
