//! Sequences of Step Functions calls.

use std::collections::BTreeMap;

use asl::validate::api::operation_from_snake_case;
use jiff::SignedDuration;
use local_stack::stack::Stack;
use local_stack::stepfunctions::{ProgressEvent, ProgressNotification};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;

use crate::case::{Case, items, probe_stack, text};
use crate::definitions::create;

struct Session {
    stack: Stack,
    progress: Receiver<ProgressNotification>,
    machine: Value,
    /// What steps returned, by the names in their `save`.
    saved: BTreeMap<String, Value>,
}

pub(crate) async fn check(case: &Case) {
    let input = case.input();
    let stack = probe_stack().await;
    let machine = create(&stack, input).await.unwrap();
    let progress = stack.step_functions().subscribe();
    let mut session = Session { stack, progress, machine, saved: BTreeMap::new() };
    for step in items(&input["steps"]) {
        let result = session.run(step).await;
        if let Some(name) = step["save"].as_str() {
            session.saved.insert(name.to_owned(), result);
        }
    }
    session.stack.shutdown().await;
}

impl Session {
    async fn run(&mut self, step: &Value) -> Value {
        if let Some(seconds) = step["sleep"].as_i64() {
            let until = self.stack.clock().now() + SignedDuration::from_secs(seconds);
            drop(self.stack.clock().sleep_until(until).await);
            return Value::Null;
        }
        if let Some(item) = step.get("read_token") {
            return self.read_token(item).await;
        }
        let operation = operation_from_snake_case(text(&step["call"]));
        let arguments = self.arguments(&operation, &step["args"]);
        let result = self.stack.step_functions().api(&operation, arguments).await;
        let expected = &step["expect"];
        if let Some(code) = expected["error"].as_str() {
            let error = result.unwrap_err();
            assert_eq!(error.code, code);
            assert!(error.message.contains(text(&expected["message_contains"])), "{error}");
            return Value::Null;
        }
        let response = result.unwrap();
        self.check(&response, expected);
        response
    }

    /// The arguments, with `{name}` and `{name.field}` replaced by what an earlier step returned.
    fn arguments(&self, operation: &str, arguments: &Value) -> Value {
        let mut arguments = arguments.clone();
        for value in arguments.as_object_mut().unwrap().values_mut() {
            let place = value.as_str().and_then(|text| text.strip_prefix('{')?.strip_suffix('}'));
            let Some(place) = place else { continue };
            let (name, field) = place.split_once('.').unwrap_or((place, ""));
            if let Some(saved) = self.saved.get(name) {
                *value = if field.is_empty() { saved.clone() } else { saved[field].clone() };
            }
        }
        if operation == "StartExecution" {
            arguments["stateMachineArn"] = self.machine.clone();
        }
        arguments
    }

    fn check(&self, response: &Value, expected: &Value) {
        if let Some(first) = expected["differs_from"].as_str() {
            for field in items(&expected["fields"]).iter().map(text) {
                assert_ne!(response[field], self.saved[first][field]);
            }
        }
        if let Some(part) = expected["executionArn_contains"].as_str() {
            assert!(text(&response["executionArn"]).contains(part), "{response}");
        }
        if let Some(status) = expected.get("status") {
            assert_eq!(response["status"], *status);
        }
        if let Some(output) = expected.get("output") {
            let found: Value = serde_json::from_str(text(&response["output"])).unwrap();
            assert_eq!(found, *output);
        }
    }

    /// Waits until a task has stored its token, and reads it.
    async fn read_token(&mut self, item: &Value) -> Value {
        while !matches!(
            self.progress.recv().await.unwrap().progress.event,
            ProgressEvent::WaitingForToken
        ) {}
        let found = self.stack.item(text(&item["table"]), &item["key"]).await.unwrap();
        json!(text(&found[text(&item["attribute"])]["S"]))
    }
}
