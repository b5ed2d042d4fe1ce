//! A new service on the store of a service that died.
//!
//! The tests simulate the death of the process by shutting a runtime down in the middle of its
//! work: no task continues, and no destructor cleans up the store.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::test_bed::{Response, START, TestBed, function, parse_time, single_state};
use crate::stepfunctions::{ProgressEvent, StoreLocation};

/// Runs one process: everything that still runs when `body` returns is cut off.
fn run_process<T>(folder: &Path, start: &str, body: impl AsyncFnOnce(TestBed) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let store = StoreLocation::File(folder.join("executions.db"));
    let result = runtime.block_on(async { body(TestBed::on(store, start).await).await });
    runtime.shutdown_background();
    result
}

const LATER: &str = "2026-11-23T06:00:00Z";

#[test]
fn a_task_whose_outcome_was_not_stored_runs_again() {
    let folder = TempDir::new().unwrap();
    let arn = run_process(folder.path(), START, async |bed| {
        let definition = json!({
            "StartAt": "First",
            "States": {
                "First": next(function("first"), "Second"),
                "Second": next(function("second"), "Third"),
                "Third": end(function("third")),
            }
        });
        let machine = bed.create("Chain", &definition).await;
        bed.functions.respond_once("first", Response::Return(json!({ "from": "first" })));
        bed.functions.respond_once("second", Response::Hang);
        let arn = bed.start(&machine, "one", &json!({})).await;
        bed.functions.wait_for_calls(2).await;
        arn
    });
    run_process(folder.path(), LATER, async |mut bed| {
        let ended = bed.wait_for_end(&arn).await;
        assert_eq!(ended["status"], "SUCCEEDED");
        let names: Vec<_> = bed.functions.calls();
        assert_eq!(
            names,
            [
                ("second".to_owned(), json!({ "from": "first" })),
                ("third".to_owned(), json!({ "from": "first" })),
            ],
            "only the task without a stored outcome is called again"
        );
        let types = bed.event_types(&arn).await;
        assert_eq!(types.iter().filter(|name| *name == "LambdaFunctionScheduled").count(), 3);
    });
}

fn next(mut state: Value, to: &str) -> Value {
    state["Next"] = json!(to);
    state
}

fn end(mut state: Value) -> Value {
    state["End"] = json!(true);
    state
}

#[test]
fn a_wait_ends_at_its_original_time() {
    let folder = TempDir::new().unwrap();
    let arn = run_process(folder.path(), START, async |bed| {
        let _busy = bed.clock.busy("the test");
        let wait = single_state(json!({ "Type": "Wait", "Timestamp": "2026-11-23T07:00:00Z" }));
        let machine = bed.create("Waiter", &wait).await;
        bed.start(&machine, "one", &json!({})).await
    });
    run_process(folder.path(), LATER, async |mut bed| {
        let ended = bed.wait_for_end(&arn).await;
        let seven: Timestamp = "2026-11-23T07:00:00Z".parse().unwrap();
        let late = parse_time(&ended["stopDate"]).duration_since(seven);
        assert!(late.abs() < SignedDuration::from_secs(10), "{late:?}");
    });
}

#[test]
fn a_wait_that_was_due_while_no_service_ran_ends_at_once() {
    let folder = TempDir::new().unwrap();
    let arn = run_process(folder.path(), START, async |bed| {
        let _busy = bed.clock.busy("the test");
        let wait = single_state(json!({ "Type": "Wait", "Seconds": 60 }));
        let machine = bed.create("Waiter", &wait).await;
        bed.start(&machine, "one", &json!({})).await
    });
    run_process(folder.path(), LATER, async |mut bed| {
        let ended = bed.wait_for_end(&arn).await;
        assert_eq!(ended["status"], "SUCCEEDED");
    });
}

#[test]
fn a_task_token_from_before_the_restart_stays_valid() {
    let folder = TempDir::new().unwrap();
    let (arn, token) = run_process(folder.path(), START, async |mut bed| {
        let _busy = bed.clock.busy("the test");
        let task = json!({
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": { "FunctionName": "approve", "Payload": { "token.$": "$$.Task.Token" } },
        });
        let machine = bed.create("Approval", &single_state(task)).await;
        let arn = bed.start(&machine, "one", &json!({})).await;
        bed.wait_for(&arn, |event| matches!(event, ProgressEvent::WaitingForToken)).await;
        let (_, payload) = bed.functions.calls().remove(0);
        (arn, payload["token"].as_str().unwrap().to_owned())
    });
    run_process(folder.path(), LATER, async |mut bed| {
        assert_eq!(bed.describe(&arn).await["status"], "RUNNING");
        let body = json!({ "taskToken": token, "output": r#""yes""# });
        bed.call("SendTaskSuccess", body).await;
        assert_eq!(bed.wait_for_end(&arn).await["output"], r#""yes""#);
        assert!(bed.functions.calls().is_empty(), "a submitted task is not called again");
    });
}

#[test]
fn an_ended_execution_does_not_change() {
    let folder = TempDir::new().unwrap();
    let before = run_process(folder.path(), START, async |mut bed| {
        let machine = bed.create("Echo", &single_state(function("echo"))).await;
        let ended = bed.run(&machine, "one", &json!({ "a": [1, 2] })).await;
        let arn = ended["executionArn"].as_str().unwrap().to_owned();
        (ended, bed.history(&arn).await)
    });
    run_process(folder.path(), LATER, async |bed| {
        let arn = before.0["executionArn"].as_str().unwrap();
        assert_eq!(bed.describe(arn).await, before.0);
        assert_eq!(bed.history(arn).await, before.1, "a replay gives the same history");
        let listed = bed.call("ListStateMachines", json!({})).await;
        assert_eq!(listed["stateMachines"][0]["name"], "Echo");
    });
}

#[test]
fn a_parent_that_waits_for_its_child_gets_its_result_after_the_restart() {
    let folder = TempDir::new().unwrap();
    let arn = run_process(folder.path(), START, async |bed| {
        let _busy = bed.clock.busy("the test");
        let child =
            bed.create("Child", &single_state(json!({ "Type": "Wait", "Seconds": 9 }))).await;
        let task = json!({
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Parameters": { "StateMachineArn": child, "Input": { "a": 1 } },
            "OutputPath": "$.Output",
        });
        let parent = bed.create("Parent", &single_state(task)).await;
        let arn = bed.start(&parent, "one", &json!({})).await;
        loop {
            let types = bed.event_types(&arn).await;
            if types.contains(&"TaskSubmitted".to_owned()) {
                break arn;
            }
            tokio::task::yield_now().await;
        }
    });
    run_process(folder.path(), LATER, async |mut bed| {
        let ended = bed.wait_for_end(&arn).await;
        assert_eq!(ended["output"], r#"{"a":1}"#);
    });
}

#[test]
fn a_halted_service_ignores_the_outcomes_of_its_tasks() {
    let folder = TempDir::new().unwrap();
    let arn = run_process(folder.path(), START, async |bed| {
        let machine = bed.create("Echo", &single_state(function("echo"))).await;
        bed.functions.respond_once("echo", Response::Hang);
        let arn = bed.start(&machine, "one", &json!({})).await;
        bed.functions.wait_for_calls(1).await;
        bed.states.halt().await;
        let stop = bed.call_error("StopExecution", json!({ "executionArn": arn })).await;
        assert_eq!(stop.status, 500);
        arn
    });
    run_process(folder.path(), LATER, async |mut bed| {
        assert_eq!(bed.wait_for_end(&arn).await["status"], "SUCCEEDED");
        assert_eq!(bed.functions.calls().len(), 1);
    });
}
