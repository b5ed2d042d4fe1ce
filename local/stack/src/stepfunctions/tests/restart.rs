//! What a process that dies leaves behind, and what the next one makes of it.
//!
//! A process's death is a runtime that is dropped in the middle: no task goes on,
//! no destructor tidies up the store.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::bench::{Act, Bench, START, date, function, only};
use crate::stepfunctions::{Moved, Place};

/// Lives once: everything in `life` that still runs when it is over is cut off.
fn live<T>(folder: &Path, start: &str, life: impl AsyncFnOnce(Bench) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let place = Place::File(folder.join("executions.db"));
    let result = runtime.block_on(async { life(Bench::over(place, start).await).await });
    runtime.shutdown_background();
    result
}

const LATER: &str = "2026-11-23T06:00:00Z";

#[test]
fn a_task_whose_answer_was_not_stored_is_delivered_again() {
    let folder = TempDir::new().unwrap();
    let arn = live(folder.path(), START, async |bench| {
        let definition = json!({
            "StartAt": "First",
            "States": {
                "First": next(function("first"), "Second"),
                "Second": next(function("second"), "Third"),
                "Third": end(function("third")),
            }
        });
        let machine = bench.machine("Chain", &definition).await;
        bench.script.then("first", Act::Return(json!({ "from": "first" })));
        bench.script.then("second", Act::Hang);
        let arn = bench.begin(&machine, "one", &json!({})).await;
        bench.script.called(2).await;
        arn
    });
    live(folder.path(), LATER, async |mut bench| {
        let ended = bench.ended(&arn).await;
        assert_eq!(ended["status"], "SUCCEEDED");
        let names: Vec<_> = bench.script.calls();
        assert_eq!(
            names,
            [
                ("second".to_owned(), json!({ "from": "first" })),
                ("third".to_owned(), json!({ "from": "first" })),
            ],
            "what was stored is not repeated, what was not is delivered again"
        );
        let types = bench.types(&arn).await;
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
fn a_wait_goes_on_and_ends_when_it_would_have_ended() {
    let folder = TempDir::new().unwrap();
    let arn = live(folder.path(), START, async |bench| {
        let _held = bench.clock.busy("the test");
        let wait = only(json!({ "Type": "Wait", "Timestamp": "2026-11-23T07:00:00Z" }));
        let machine = bench.machine("Waiter", &wait).await;
        bench.begin(&machine, "one", &json!({})).await
    });
    live(folder.path(), LATER, async |mut bench| {
        let ended = bench.ended(&arn).await;
        let seven: Timestamp = "2026-11-23T07:00:00Z".parse().unwrap();
        let late = date(&ended["stopDate"]).duration_since(seven);
        assert!(late.abs() < SignedDuration::from_secs(10), "{late:?}");
    });
}

#[test]
fn a_wait_that_ended_while_nobody_was_there_is_over_at_once() {
    let folder = TempDir::new().unwrap();
    let arn = live(folder.path(), START, async |bench| {
        let _held = bench.clock.busy("the test");
        let wait = only(json!({ "Type": "Wait", "Seconds": 60 }));
        let machine = bench.machine("Waiter", &wait).await;
        bench.begin(&machine, "one", &json!({})).await
    });
    live(folder.path(), LATER, async |mut bench| {
        let ended = bench.ended(&arn).await;
        assert_eq!(ended["status"], "SUCCEEDED");
    });
}

#[test]
fn a_token_given_before_the_death_is_good_after_it() {
    let folder = TempDir::new().unwrap();
    let (arn, token) = live(folder.path(), START, async |mut bench| {
        let _held = bench.clock.busy("the test");
        let task = json!({
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": { "FunctionName": "ask", "Payload": { "token.$": "$$.Task.Token" } },
        });
        let machine = bench.machine("Asker", &only(task)).await;
        let arn = bench.begin(&machine, "one", &json!({})).await;
        bench.moved(&arn, |step| matches!(step, Moved::Waiting)).await;
        let (_, payload) = bench.script.calls().remove(0);
        (arn, payload["token"].as_str().unwrap().to_owned())
    });
    live(folder.path(), LATER, async |mut bench| {
        assert_eq!(bench.describe(&arn).await["status"], "RUNNING");
        let body = json!({ "taskToken": token, "output": r#""yes""# });
        bench.call("SendTaskSuccess", body).await;
        assert_eq!(bench.ended(&arn).await["output"], r#""yes""#);
        assert!(bench.script.calls().is_empty(), "a task that was submitted is not called again");
    });
}

#[test]
fn what_has_ended_stays_as_it_was() {
    let folder = TempDir::new().unwrap();
    let before = live(folder.path(), START, async |mut bench| {
        let machine = bench.machine("Echo", &only(function("echo"))).await;
        let ended = bench.run(&machine, "one", &json!({ "a": [1, 2] })).await;
        let arn = ended["executionArn"].as_str().unwrap().to_owned();
        (ended, bench.history(&arn).await)
    });
    live(folder.path(), LATER, async |bench| {
        let arn = before.0["executionArn"].as_str().unwrap();
        assert_eq!(bench.describe(arn).await, before.0);
        assert_eq!(bench.history(arn).await, before.1, "a replay writes the same history");
        let listed = bench.call("ListStateMachines", json!({})).await;
        assert_eq!(listed["stateMachines"][0]["name"], "Echo");
    });
}

#[test]
fn a_parent_that_waited_for_its_child_hears_of_it_after_the_death() {
    let folder = TempDir::new().unwrap();
    let arn = live(folder.path(), START, async |bench| {
        let _held = bench.clock.busy("the test");
        let child = bench.machine("Child", &only(json!({ "Type": "Wait", "Seconds": 9 }))).await;
        let task = json!({
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Parameters": { "StateMachineArn": child, "Input": { "a": 1 } },
            "OutputPath": "$.Output",
        });
        let parent = bench.machine("Parent", &only(task)).await;
        let arn = bench.begin(&parent, "one", &json!({})).await;
        loop {
            let types = bench.types(&arn).await;
            if types.contains(&"TaskSubmitted".to_owned()) {
                break arn;
            }
            tokio::task::yield_now().await;
        }
    });
    live(folder.path(), LATER, async |mut bench| {
        let ended = bench.ended(&arn).await;
        assert_eq!(ended["output"], r#"{"a":1}"#);
    });
}

#[test]
fn a_service_that_was_halted_hears_no_more_of_its_calls() {
    let folder = TempDir::new().unwrap();
    let arn = live(folder.path(), START, async |bench| {
        let machine = bench.machine("Echo", &only(function("echo"))).await;
        bench.script.then("echo", Act::Hang);
        let arn = bench.begin(&machine, "one", &json!({})).await;
        bench.script.called(1).await;
        bench.states.halt().await;
        let stop = bench.refused("StopExecution", json!({ "executionArn": arn })).await;
        assert_eq!(stop.status, 500);
        arn
    });
    live(folder.path(), LATER, async |mut bench| {
        assert_eq!(bench.ended(&arn).await["status"], "SUCCEEDED");
        assert_eq!(bench.script.calls().len(), 1);
    });
}
