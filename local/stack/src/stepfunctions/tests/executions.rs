//! Starting, waiting, retrying, stopping, redriving, listing, and what is written down.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::bench::{Act, Bench, START, date, function, only};
use crate::lambda::InvokeError;
use crate::stepfunctions::Moved;

fn with(mut state: Value, field: &str, value: Value) -> Value {
    state[field] = value;
    state
}

#[tokio::test]
async fn a_task_calls_its_function_and_its_answer_is_the_output() {
    let mut bench = Bench::new().await;
    bench.script.then("greet", Act::Return(json!({ "greeting": "hello" })));
    let machine = bench.machine("Greeter", &only(function("greet"))).await;
    let ended = bench.run(&machine, "one", &json!({ "who": "world" })).await;
    assert_eq!(ended["status"], "SUCCEEDED");
    assert_eq!(ended["output"], r#"{"greeting":"hello"}"#);
    assert_eq!(ended["input"], r#"{"who":"world"}"#);
    assert_eq!(bench.script.calls(), [("greet".to_owned(), json!({ "who": "world" }))]);
    let arn = ended["executionArn"].as_str().unwrap();
    assert_eq!(
        bench.types(arn).await,
        [
            "ExecutionStarted",
            "TaskStateEntered",
            "LambdaFunctionScheduled",
            "LambdaFunctionStarted",
            "LambdaFunctionSucceeded",
            "TaskStateExited",
            "ExecutionSucceeded"
        ]
    );
}

#[tokio::test]
async fn a_retry_waits_on_the_stacks_clock_and_costs_a_transition() {
    let mut bench = Bench::new().await;
    bench.script.then("pay", Act::Throw("Runtime.ExitError"));
    bench.script.then("pay", Act::Refuse(InvokeError::Throttled));
    let task = with(
        function("pay"),
        "Retry",
        json!([
            { "ErrorEquals": ["Runtime.ExitError"], "IntervalSeconds": 15, "MaxAttempts": 3 },
            { "ErrorEquals": ["Lambda.TooManyRequestsException"], "IntervalSeconds": 3600 }
        ]),
    );
    let machine = bench.machine("Payer", &only(task)).await;
    let ended = bench.run(&machine, "ord_1", &json!({})).await;
    assert_eq!(ended["status"], "SUCCEEDED");
    let start: Timestamp = START.parse().unwrap();
    let ran = bench.clock.now().duration_since(start);
    let expected = SignedDuration::from_secs(3615);
    assert!((ran - expected).abs() < SignedDuration::from_secs(10), "{ran:?}");
    assert_eq!(bench.counters.for_order("ord_1").transitions, 3);
    assert_eq!(bench.script.calls().len(), 3);
}

#[tokio::test]
async fn days_of_waiting_take_no_time() {
    let mut bench = Bench::new().await;
    let wait = only(json!({ "Type": "Wait", "Seconds": 30 * 24 * 3600 }));
    let machine = bench.machine("Waiter", &wait).await;
    let ended = bench.run(&machine, "long", &json!({ "a": 1 })).await;
    assert_eq!(ended["output"], r#"{"a":1}"#);
    let took = date(&ended["stopDate"]).duration_since(date(&ended["startDate"]));
    let late = took - SignedDuration::from_hours(30 * 24);
    assert!(late.abs() < SignedDuration::from_secs(10), "{late:?}");
}

#[tokio::test]
async fn the_same_start_is_the_same_execution_while_it_runs_and_refused_afterwards() {
    let mut bench = Bench::new().await;
    let wait = only(json!({ "Type": "Wait", "Seconds": 60 }));
    let machine = bench.machine("Waiter", &wait).await;
    let held = bench.clock.busy("the test");
    let body = json!({ "stateMachineArn": machine, "name": "one", "input": r#"{"a": 1}"# });
    let first = bench.call("StartExecution", body.clone()).await;
    let second = bench.call("StartExecution", body.clone()).await;
    assert_eq!(first, second);
    let mut other = body.clone();
    other["input"] = json!(r#"{"a":1}"#);
    let arn = first["executionArn"].as_str().unwrap();
    let taken = format!("Execution Already Exists: '{arn}'");
    let refusal = bench.refused("StartExecution", other).await;
    assert_eq!((refusal.code.as_str(), &refusal.message), ("ExecutionAlreadyExists", &taken));
    drop(held);
    bench.ended(arn).await;
    let refusal = bench.refused("StartExecution", body).await;
    assert_eq!((refusal.code.as_str(), &refusal.message), ("ExecutionAlreadyExists", &taken));
}

#[tokio::test]
async fn a_hundred_starts_of_one_name_at_once_are_one_execution() {
    let mut bench = Bench::new().await;
    let machine = bench.machine("Echo", &only(function("echo"))).await;
    let held = bench.clock.busy("the test");
    bench.script.then("echo", Act::Hang);
    let starts: Vec<_> = (0..100)
        .map(|_| {
            let states = bench.states.clone();
            let body = json!({ "stateMachineArn": machine, "name": "one" });
            tokio::spawn(async move { states.api("StartExecution", body).await })
        })
        .collect();
    let mut arns = Vec::new();
    for start in starts {
        arns.push(start.await.unwrap().unwrap()["executionArn"].as_str().unwrap().to_owned());
    }
    arns.dedup();
    assert_eq!(arns.len(), 1);
    assert_eq!(bench.script.calls().len(), 1);
    drop(held);
    bench.call("StopExecution", json!({ "executionArn": arns[0] })).await;
    assert_eq!(bench.ended(&arns[0]).await["status"], "ABORTED");
}

#[tokio::test]
async fn a_stop_ends_it_where_it_is() {
    let mut bench = Bench::new().await;
    let machine = bench.machine("Echo", &only(function("echo"))).await;
    bench.script.then("echo", Act::Hang);
    let arn = bench.begin(&machine, "one", &json!({})).await;
    bench.script.called(1).await;
    let body = json!({ "executionArn": arn, "error": "Enough", "cause": "by hand" });
    let stopped = bench.call("StopExecution", body).await;
    let ended = bench.ended(&arn).await;
    assert_eq!(ended["status"], "ABORTED");
    assert_eq!(ended["error"], "Enough");
    assert_eq!(ended["cause"], "by hand");
    assert_eq!(ended["stopDate"], stopped["stopDate"]);
    assert_eq!(ended["redriveStatus"], "REDRIVABLE");
    let again = bench.call("StopExecution", json!({ "executionArn": arn })).await;
    assert_eq!(again, stopped, "a second stop changes nothing");
}

#[tokio::test]
async fn a_redrive_goes_on_from_the_step_that_failed() {
    let mut bench = Bench::new().await;
    let definition = json!({
        "StartAt": "First",
        "States": {
            "First": with(function("first"), "Next", json!("Second")),
            "Second": with(function("second"), "End", json!(true)),
        }
    });
    let machine = bench.machine("Two", &definition).await;
    bench.script.then("second", Act::Throw("Broken"));
    let failed = bench.run(&machine, "one", &json!({})).await;
    assert_eq!((&failed["status"], &failed["error"]), (&json!("FAILED"), &json!("Broken")));
    let arn = failed["executionArn"].as_str().unwrap().to_owned();
    let redrive = json!({ "executionArn": arn, "clientToken": "t-1" });
    let redriven = bench.call("RedriveExecution", redrive.clone()).await;
    assert_eq!(redriven, bench.call("RedriveExecution", redrive).await, "one token, one redrive");
    let ended = bench.ended(&arn).await;
    assert_eq!(ended["status"], "SUCCEEDED");
    assert_eq!(ended["redriveCount"], 1);
    assert_eq!(ended["redriveDate"], redriven["redriveDate"]);
    let called: Vec<_> = bench.script.calls().into_iter().map(|(name, _)| name).collect();
    assert_eq!(called, ["first", "second", "second"]);
    let refusal = bench.refused("RedriveExecution", json!({ "executionArn": arn })).await;
    assert_eq!(refusal.code, "ExecutionNotRedrivable");
    assert_eq!(ended["redriveStatusReason"], "Execution is SUCCEEDED and cannot be redriven");
}

#[tokio::test]
async fn a_redrive_that_fails_again_at_once_was_a_redrive_all_the_same() {
    let mut bench = Bench::new().await;
    let fail = only(json!({ "Type": "Fail", "Error": "No" }));
    let machine = bench.machine("Failer", &fail).await;
    let failed = bench.run(&machine, "one", &json!({})).await;
    let arn = failed["executionArn"].as_str().unwrap();
    let redriven = bench.call("RedriveExecution", json!({ "executionArn": arn })).await;
    let ended = bench.ended(arn).await;
    assert_eq!((&ended["status"], &ended["redriveCount"]), (&json!("FAILED"), &json!(1)));
    assert_eq!(ended["redriveDate"], redriven["redriveDate"]);
    assert!(date(&ended["stopDate"]) >= date(&redriven["redriveDate"]));
}

#[tokio::test]
async fn executions_are_listed_newest_first_by_pages_and_filters() {
    let mut bench = Bench::new().await;
    let machine = bench.machine("Echo", &only(function("echo"))).await;
    for number in 0..5 {
        if number == 2 {
            bench.script.then("echo", Act::Throw("Broken"));
        }
        bench.run(&machine, &format!("e{number}"), &json!({})).await;
    }
    let mut names = Vec::new();
    let mut body = json!({ "stateMachineArn": machine, "maxResults": 2 });
    loop {
        let page = bench.call("ListExecutions", body.clone()).await;
        let executions = page["executions"].as_array().unwrap();
        assert!(executions.len() <= 2);
        names.extend(executions.iter().map(|e| e["name"].as_str().unwrap().to_owned()));
        match page.get("nextToken") {
            Some(token) => body["nextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(names, ["e4", "e3", "e2", "e1", "e0"]);
    let failed = json!({ "stateMachineArn": machine, "statusFilter": "FAILED" });
    let failed = bench.call("ListExecutions", failed).await;
    assert_eq!(failed["executions"].as_array().unwrap().len(), 1);
    assert_eq!(failed["executions"][0]["name"], "e2");
}

#[tokio::test]
async fn the_history_comes_in_pages_forwards_and_backwards() {
    let mut bench = Bench::new().await;
    let machine = bench.machine("Echo", &only(function("echo"))).await;
    let ended = bench.run(&machine, "one", &json!({ "secret": 1 })).await;
    let arn = ended["executionArn"].as_str().unwrap();
    for (reverse, expected) in [(false, [1, 2, 3, 4, 5, 6, 7]), (true, [7, 6, 5, 4, 3, 2, 1])] {
        let mut ids = Vec::new();
        let mut body = json!({ "executionArn": arn, "maxResults": 3, "reverseOrder": reverse });
        loop {
            let page = bench.call("GetExecutionHistory", body.clone()).await;
            let events = page["events"].as_array().unwrap();
            ids.extend(events.iter().map(|event| event["id"].as_u64().unwrap()));
            match page.get("nextToken") {
                Some(token) => body["nextToken"] = token.clone(),
                None => break,
            }
        }
        assert_eq!(ids, expected);
    }
    let without = json!({ "executionArn": arn, "includeExecutionData": false });
    let without = bench.call("GetExecutionHistory", without).await;
    assert!(!without.to_string().contains("secret"));
    let first = &bench.history(arn).await[0];
    assert_eq!(first["previousEventId"], 0);
    assert_eq!(
        first["executionStartedEventDetails"]["inputDetails"],
        json!({ "truncated": false })
    );
}

#[tokio::test]
async fn watchers_see_each_move_in_order() {
    let mut bench = Bench::new().await;
    bench.script.then("echo", Act::Throw("Broken"));
    let task = with(
        function("echo"),
        "Retry",
        json!([{ "ErrorEquals": ["Broken"], "IntervalSeconds": 5 }]),
    );
    let machine = bench.machine("Echo", &only(task)).await;
    bench.begin(&machine, "one", &json!({})).await;
    let mut seen = Vec::new();
    loop {
        let watched = bench.moves.recv().await.unwrap();
        let label = match &watched.progress.step {
            Moved::Attempted { attempt, .. } => format!("attempt {attempt}"),
            Moved::Retrying { delay_seconds, .. } => format!("retry in {delay_seconds}"),
            Moved::Faltered { error } => error.clone().unwrap(),
            Moved::Entered { state, kind } => format!("enter {state} {kind}"),
            Moved::Ended { status, .. } => status.clone(),
            other => format!("{other:?}"),
        };
        let ended = matches!(watched.progress.step, Moved::Ended { .. });
        seen.push(label);
        if ended {
            break;
        }
    }
    assert_eq!(
        seen,
        [
            "Started",
            "enter Only Task",
            "attempt 1",
            "Broken",
            "retry in 5",
            "attempt 2",
            "Exited { state: \"Only\", kind: \"Task\" }",
            "SUCCEEDED"
        ]
    );
}

#[tokio::test]
async fn more_executions_than_are_kept_in_memory_all_come_to_their_end() {
    let mut bench = Bench::new().await;
    let wait = only(json!({ "Type": "Wait", "SecondsPath": "$.seconds" }));
    let machine = bench.machine("Waiter", &wait).await;
    let held = bench.clock.busy("the test");
    let mut arns = Vec::new();
    for number in 0..400 {
        let input = json!({ "seconds": 1000 + number });
        arns.push(bench.begin(&machine, &format!("e{number}"), &input).await);
    }
    drop(held);
    bench.ended(arns.last().unwrap()).await;
    for arn in &arns {
        assert_eq!(bench.describe(arn).await["status"], "SUCCEEDED");
    }
}
