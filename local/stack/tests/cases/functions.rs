//! Invocations of functions.

use bytes::Bytes;
use local_stack::lambda::InvokeOutcome;
use local_stack::stack::Stack;
use serde_json::{Value, json};

use crate::case::{Case, items, probe_stack, text};
use crate::client::{Response, post};

/// A function that answers with a number of bytes. Its process survives both answers.
pub(crate) async fn answers_of_a_size(case: &Case) {
    let stack = probe_stack().await;
    let first = pid(&stack).await;
    for invocation in items(&case.input()["invoke"]) {
        let event = json!({ "do": "size", "bytes": invocation["payload"]["bytes"] });
        let outcome = invoke(&stack, event).await;
        let expected = &invocation["expect"];
        assert_eq!(json!(outcome.function_error), expected["function_error"]);
        if let Some(length) = expected["length"].as_u64() {
            assert_eq!(outcome.payload.len() as u64, length);
        }
        if let Some(payload) = expected.get("payload") {
            let found: Value = serde_json::from_slice(&outcome.payload).unwrap();
            assert_eq!(found, *payload);
        }
    }
    assert_eq!(pid(&stack).await, first);
    stack.shutdown().await;
}

async fn invoke(stack: &Stack, event: Value) -> InvokeOutcome {
    stack.lambda().invoke("process-payment", Bytes::from(event.to_string())).await.unwrap()
}

async fn pid(stack: &Stack) -> Value {
    let outcome = invoke(stack, json!({ "do": "pid" })).await;
    serde_json::from_slice::<Value>(&outcome.payload).unwrap()["pid"].clone()
}

/// An event that is too large. The file gives its size in words.
pub(crate) async fn refused_event(case: &Case) {
    let stack = probe_stack().await;
    let body = json!({ "pad": "x".repeat(1_500_000) }).to_string();
    let refused = send(&stack, &case.input()["request"], body).await;
    assert_eq!(refused.status, case.input()["expect"]["http_status"]);
    let message = "byte payload is too large for the Event invocation type (limit 1048576 bytes)";
    assert!(text(&refused.json()["Message"]).ends_with(message), "{}", refused.json());
    stack.shutdown().await;
}

pub(crate) async fn empty_payload(case: &Case) {
    let stack = probe_stack().await;
    let (request, expected) = (&case.input()["request"], &case.input()["expect"]);
    let empty = send(&stack, request, text(&request["body"]).to_owned()).await;
    assert_eq!(empty.status, expected["http_status"]);
    let same = send(&stack, request, text(&expected["same_answer_as_body"]).to_owned()).await;
    assert_eq!(empty.body, same.body);
    stack.shutdown().await;
}

/// Sends the request of a case, with this body, to the AWS endpoint of the stack.
async fn send(stack: &Stack, request: &Value, body: String) -> Response {
    let path = text(&request["url"]).split_once(":4566").unwrap().1;
    let mut post = post(format!("{}{path}", stack.urls().aws)).body(body);
    for (name, value) in request["headers"].as_object().into_iter().flatten() {
        post = post.header(name, text(value));
    }
    post.send().await
}
