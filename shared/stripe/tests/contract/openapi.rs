//! A small reader of the gateway's interface document: whether a request is
//! one that it describes. As much of it as our requests need, and no more lenient.

use domain::ports::{Method, Request};
use serde_json::{Map, Value, json};
use url::Url;
use url::form_urlencoded;

/// What is wrong with this request; nothing when the document describes it.
pub(crate) fn fault_of(spec: &Value, request: &Request) -> Option<String> {
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

/// The operation whose path, with its parameters, is this one.
fn operation<'a>(spec: &'a Value, path: &str, method: Method) -> Result<&'a Value, String> {
    let verb = match method {
        Method::Get => "get",
        Method::Post => "post",
    };
    let paths = spec["paths"].as_object().ok_or("the document has no paths")?;
    paths
        .iter()
        .find(|(template, verbs)| fits(template, path) && verbs.get(verb).is_some())
        .map(|(_, verbs)| &verbs[verb])
        .ok_or_else(|| format!("{verb} {path} is not in the document"))
}

fn fits(template: &str, path: &str) -> bool {
    let (wanted, given) = (template.split('/'), path.split('/'));
    wanted.clone().count() == given.clone().count()
        && wanted.zip(given).all(|(wanted, given)| {
            if wanted.starts_with('{') { given.starts_with("pi_") } else { wanted == given }
        })
}

/// The parameters of one kind as the schema of an object.
fn parameters(operation: &Value, kind: &str) -> Value {
    let listed = operation["parameters"].as_array().cloned().unwrap_or_default();
    let of_kind = || listed.iter().filter(|parameter| parameter["in"] == kind);
    let name = |parameter: &Value| parameter["name"].as_str().unwrap_or_default().to_owned();
    let required: Vec<_> = of_kind().filter(|p| p["required"] == true).map(name).collect();
    let properties: Map<_, _> = of_kind().map(|p| (name(p), p["schema"].clone())).collect();
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
            (None, free @ Value::Object(_)) => free,
            (None, _) => return Err(format!("{at} is not known")),
        };
        check_value(schema, value, &at)?;
    }
    Ok(())
}

fn check_value(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits = choices.iter().any(|choice| check_value(choice, value, at).is_ok());
        return if fits { Ok(()) } else { Err(format!("{at} is none of what it may be")) };
    }
    let wrong = || format!("{at} is no {}", schema["type"]);
    match (schema["type"].as_str().unwrap_or_default(), value) {
        ("object", Value::Object(fields)) => return check_object(schema, fields, at),
        ("array", Value::Array(items)) => {
            return items.iter().try_for_each(|item| check_value(&schema["items"], item, at));
        }
        ("integer", Value::String(text)) if text.parse::<u64>().is_ok() => {}
        ("boolean", Value::String(text)) if matches!(text.as_str(), "true" | "false") => {}
        ("string", Value::String(text)) => {
            let longest = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
            if text.is_empty() || u64::try_from(text.len()).unwrap() > longest {
                return Err(format!("{at} is empty or too long"));
            }
        }
        _ => return Err(wrong()),
    }
    match schema["enum"].as_array() {
        Some(words) if !words.contains(value) => Err(format!("{at} is none of {words:?}")),
        _ => Ok(()),
    }
}

/// A form as the tree that its names spell: `a[b]=1` and `list[]=1`.
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
fn the_reader_finds_what_is_wrong_with_a_request() {
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
        let fault = fault_of(&spec, &request);
        match (fault, expected) {
            (None, None) => {}
            (Some(fault), Some(expected)) if fault.contains(expected) => {}
            (fault, _) => panic!("{path} {body}: {fault:?}, not {expected:?}"),
        }
    };
    let full = "amount=1&on=true&how=fast&tags[]=a&tags[]=b&more[k]=v&either=x";
    check(Method::Post, "/v1/things", full, None);
    check(Method::Get, "/v1/things/pi_1?expand%5B%5D=charge", "", None);
    check(Method::Post, "/v1/things", "", Some("amount is missing"));
    check(Method::Post, "/v1/things", "amount=1.5", Some("amount is no"));
    check(Method::Post, "/v1/things", "amount=1&amount=2", Some("twice"));
    check(Method::Post, "/v1/things", "amount=1&on=yes", Some("on is no"));
    check(Method::Post, "/v1/things", "amount=1&how=soon", Some("how is none of"));
    check(Method::Post, "/v1/things", "amount=1&tags=a", Some("tags is no"));
    check(Method::Post, "/v1/things", "amount=1&either=y", Some("either is none of"));
    check(Method::Post, "/v1/things", "amount=1&surprise=1", Some("surprise is not known"));
    check(Method::Post, "/v1/other", "amount=1", Some("not in the document"));
    check(Method::Get, "/v1/things", "", Some("not in the document"));
    check(Method::Get, "/v1/things/pi_1?shrink=1", "", Some("shrink is not known"));
    check(Method::Get, "/v1/things/pi_1", "amount=1", Some("no body"));
}
