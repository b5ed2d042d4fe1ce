//! Requests to the HTTP API: the event that the function gets, and the function's answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local_stack::stack::Stack;
use serde_json::Value;

use crate::case::{Case, items, probe_stack, real_stack, text};
use crate::client::{RequestBuilder, Response, get, post};

/// Compares the event with a probe, and the answer with the real function.
pub(crate) async fn one_request(case: &Case) {
    let (request, expected) = (&case.input()["request"], &case.input()["expect"]);
    let probe = probe_stack().await;
    let target = text(&request["target"]);
    check_event(&send(&probe, request, target).await.json(), expected);
    probe.shutdown().await;
    if expected.get("http_status").or(expected.get("http_status_in")).is_some() {
        let real = real_stack("2026-11-23T04:00:00Z", true).await;
        // The product refuses query parameters that it does not know.
        let (path, _) = target.split_once('?').unwrap_or((target, ""));
        check_answer(&send(&real, request, path).await, expected);
        real.shutdown().await;
    }
}

async fn send(stack: &Stack, request: &Value, target: &str) -> Response {
    assert_eq!(request["method"], "GET");
    let mut builder = get(format!("{}{target}", stack.urls().api));
    for (name, value) in request["headers"].as_object().into_iter().flatten() {
        // The cases were written when scopes had a colon.
        builder = builder.header(name, &text(value).replace("orders:read", "orders/read"));
    }
    for line in request["header_lines"].as_array().into_iter().flatten() {
        let (name, value) = text(line).split_once(": ").unwrap();
        builder = builder.header(name, value);
    }
    builder.send().await
}

fn check_event(event: &Value, expected: &Value) {
    for (field, value) in expected["event"].as_object().into_iter().flatten() {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    assert_eq!(event[field][name], *value, "{field}.{name}: {event}");
                }
            }
            value => assert_eq!(event[field], *value, "{field}: {event}"),
        }
    }
    assert_eq!(event["requestContext"]["http"]["path"], event["rawPath"]);
    assert_eq!(event["headers"].get("cookie"), None);
    for name in expected["event_header_names_include"].as_array().into_iter().flatten() {
        assert!(event["headers"].get(text(name)).is_some(), "{name}: {event}");
    }
}

fn check_answer(answer: &Response, expected: &Value) {
    if let Some(status) = expected["http_status"].as_u64() {
        assert_eq!(u64::from(answer.status), status, "{answer:?}");
    }
    if let Some(statuses) = expected["http_status_in"].as_array() {
        assert!(statuses.contains(&answer.status.into()), "{answer:?}");
    }
    if let Some(content_type) = expected["content_type"].as_str() {
        assert_eq!(answer.header("content-type"), content_type);
    }
    for (field, value) in expected["body"].as_object().into_iter().flatten() {
        assert_eq!(answer.json()[field], *value);
    }
}

/// One body under several content types.
pub(crate) async fn bodies(case: &Case) {
    let input = case.input();
    let stack = probe_stack().await;
    let url = format!("{}{}", stack.urls().api, text(&input["target"]));
    let body = text(&input["body"]);
    for request in items(&input["requests"]) {
        let builder: RequestBuilder = post(&url).body(body.to_owned());
        let builder = match request["content-type"].as_str() {
            Some(content_type) => builder.header("content-type", content_type),
            None => builder,
        };
        let event = builder.send().await.json();
        assert_eq!(event["isBase64Encoded"], request["base64"], "{request}");
        let found = text(&event["body"]);
        if request["base64"] == true {
            assert_eq!(STANDARD.decode(found).unwrap(), body.as_bytes());
        } else {
            assert_eq!(found, body);
        }
    }
    stack.shutdown().await;
}
