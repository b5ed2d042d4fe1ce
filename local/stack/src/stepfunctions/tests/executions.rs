//! Executions: start, wait, retry, stop, redrive, list, history and progress.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::test_bed::{ROLE, Response, START, TestBed, function, parse_time, single_state};
use crate::lambda::InvokeError;
use crate::stepfunctions::ProgressEvent;

fn with(mut state: Value, field: &str, value: Value) -> Value {
    state[field] = value;
    state
}

#[tokio::test]
async fn a_task_invokes_its_function_and_its_response_is_the_output() {
    let mut bed = TestBed::new().await;
    bed.functions.respond_once("greet", Response::Return(json!({ "greeting": "hello" })));
    let machine = bed.create("Greeter", &single_state(function("greet"))).await;
    let ended = bed.run(&machine, "one", &json!({ "who": "world" })).await;
    assert_eq!(ended["status"], "SUCCEEDED");
    assert_eq!(ended["output"], r#"{"greeting":"hello"}"#);
    assert_eq!(ended["input"], r#"{"who":"world"}"#);
    assert_eq!(bed.functions.calls(), [("greet".to_owned(), json!({ "who": "world" }))]);
    let arn = ended["executionArn"].as_str().unwrap();
    assert_eq!(
        bed.event_types(arn).await,
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
async fn a_retry_waits_on_the_stacks_clock_and_counts_as_a_transition() {
    let mut bed = TestBed::new().await;
    bed.functions.respond_once("pay", Response::Fail("Runtime.ExitError"));
    bed.functions.respond_once("pay", Response::InvokeError(InvokeError::Throttled));
    let task = with(
        function("pay"),
        "Retry",
        json!([
            { "ErrorEquals": ["Runtime.ExitError"], "IntervalSeconds": 15, "MaxAttempts": 3 },
            { "ErrorEquals": ["Lambda.TooManyRequestsException"], "IntervalSeconds": 3600 }
        ]),
    );
    let machine = bed.create("Payer", &single_state(task)).await;
    let ended = bed.run(&machine, "ord_1", &json!({})).await;
    assert_eq!(ended["status"], "SUCCEEDED");
    let start: Timestamp = START.parse().unwrap();
    let elapsed = bed.clock.now().duration_since(start);
    let expected = SignedDuration::from_secs(3615);
    assert!((elapsed - expected).abs() < SignedDuration::from_secs(10), "{elapsed:?}");
    assert_eq!(bed.counters.for_order("ord_1").transitions, 3);
    assert_eq!(bed.functions.calls().len(), 3);
}

#[tokio::test]
async fn the_clock_skips_a_wait_of_days() {
    let mut bed = TestBed::new().await;
    let wait = single_state(json!({ "Type": "Wait", "Seconds": 30 * 24 * 3600 }));
    let machine = bed.create("Waiter", &wait).await;
    let ended = bed.run(&machine, "long", &json!({ "a": 1 })).await;
    assert_eq!(ended["output"], r#"{"a":1}"#);
    let took = parse_time(&ended["stopDate"]).duration_since(parse_time(&ended["startDate"]));
    let late = took - SignedDuration::from_hours(30 * 24);
    assert!(late.abs() < SignedDuration::from_secs(10), "{late:?}");
}

#[tokio::test]
async fn a_repeated_start_returns_the_running_execution_and_is_rejected_after_its_end() {
    let mut bed = TestBed::new().await;
    let wait = single_state(json!({ "Type": "Wait", "Seconds": 60 }));
    let machine = bed.create("Waiter", &wait).await;
    let busy = bed.clock.busy("the test");
    let body = json!({ "stateMachineArn": machine, "name": "one", "input": r#"{"a": 1}"# });
    let first = bed.call("StartExecution", body.clone()).await;
    let second = bed.call("StartExecution", body.clone()).await;
    assert_eq!(first, second);
    let mut other = body.clone();
    other["input"] = json!(r#"{"a":1}"#);
    let arn = first["executionArn"].as_str().unwrap();
    let taken = format!("Execution Already Exists: '{arn}'");
    let error = bed.call_error("StartExecution", other).await;
    assert_eq!((error.code.as_str(), &error.message), ("ExecutionAlreadyExists", &taken));
    drop(busy);
    bed.wait_for_end(arn).await;
    let error = bed.call_error("StartExecution", body).await;
    assert_eq!((error.code.as_str(), &error.message), ("ExecutionAlreadyExists", &taken));
}

#[tokio::test]
async fn executions_of_an_express_machine_share_a_name_and_return_their_result_when_asked() {
    let bed = TestBed::new().await;
    let pass = single_state(json!({ "Type": "Pass", "Result": 7 }));
    let body = json!({
        "name": "Quick", "definition": pass.to_string(), "roleArn": ROLE, "type": "EXPRESS",
    });
    let machine = bed.call("CreateStateMachine", body).await["stateMachineArn"].clone();
    let start = json!({ "stateMachineArn": machine, "name": "again", "input": "{}" });
    let first = bed.call("StartExecution", start.clone()).await["executionArn"].clone();
    let second = bed.call("StartExecution", start.clone()).await["executionArn"].clone();
    assert_ne!(first, second);
    assert!(first.as_str().unwrap().contains(":express:Quick:again:"), "{first}");

    let result = bed.call("StartSyncExecution", start.clone()).await;
    assert_eq!((&result["status"], &result["output"]), (&json!("SUCCEEDED"), &json!("7")));
    assert_eq!(result.get("redriveStatus"), None);
    let error = bed.call_error("DescribeExecution", json!({ "executionArn": first })).await;
    assert_eq!(error.code, "InvalidArn");
    let error = bed.call_error("ListExecutions", json!({ "stateMachineArn": machine })).await;
    assert_eq!(error.code, "StateMachineTypeNotSupported");
    let standard = bed.create("Standard", &pass).await;
    let start = json!({ "stateMachineArn": standard });
    let error = bed.call_error("StartSyncExecution", start).await;
    assert_eq!(error.code, "StateMachineTypeNotSupported");
}

#[tokio::test]
async fn a_hundred_concurrent_starts_with_one_name_start_one_execution() {
    let mut bed = TestBed::new().await;
    let machine = bed.create("Echo", &single_state(function("echo"))).await;
    let busy = bed.clock.busy("the test");
    bed.functions.respond_once("echo", Response::Hang);
    let starts: Vec<_> = (0..100)
        .map(|_| {
            let states = bed.states.clone();
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
    assert_eq!(bed.functions.calls().len(), 1);
    drop(busy);
    bed.call("StopExecution", json!({ "executionArn": arns[0] })).await;
    assert_eq!(bed.wait_for_end(&arns[0]).await["status"], "ABORTED");
}

#[tokio::test]
async fn a_stop_aborts_a_running_execution() {
    let mut bed = TestBed::new().await;
    let machine = bed.create("Echo", &single_state(function("echo"))).await;
    bed.functions.respond_once("echo", Response::Hang);
    let arn = bed.start(&machine, "one", &json!({})).await;
    bed.functions.wait_for_calls(1).await;
    let body = json!({ "executionArn": arn, "error": "Enough", "cause": "by hand" });
    let stopped = bed.call("StopExecution", body).await;
    let ended = bed.wait_for_end(&arn).await;
    assert_eq!(ended["status"], "ABORTED");
    assert_eq!(ended["error"], "Enough");
    assert_eq!(ended["cause"], "by hand");
    assert_eq!(ended["stopDate"], stopped["stopDate"]);
    assert_eq!(ended["redriveStatus"], "REDRIVABLE");
    let again = bed.call("StopExecution", json!({ "executionArn": arn })).await;
    assert_eq!(again, stopped, "a second stop changes nothing");
}

#[tokio::test]
async fn a_redrive_continues_from_the_state_that_failed() {
    let mut bed = TestBed::new().await;
    let definition = json!({
        "StartAt": "First",
        "States": {
            "First": with(function("first"), "Next", json!("Second")),
            "Second": with(function("second"), "End", json!(true)),
        }
    });
    let machine = bed.create("Two", &definition).await;
    bed.functions.respond_once("second", Response::Fail("Broken"));
    let failed = bed.run(&machine, "one", &json!({})).await;
    assert_eq!((&failed["status"], &failed["error"]), (&json!("FAILED"), &json!("Broken")));
    let arn = failed["executionArn"].as_str().unwrap().to_owned();
    let redrive = json!({ "executionArn": arn, "clientToken": "t-1" });
    let redriven = bed.call("RedriveExecution", redrive.clone()).await;
    assert_eq!(redriven, bed.call("RedriveExecution", redrive).await, "one token, one redrive");
    let ended = bed.wait_for_end(&arn).await;
    assert_eq!(ended["status"], "SUCCEEDED");
    assert_eq!(ended["redriveCount"], 1);
    assert_eq!(ended["redriveDate"], redriven["redriveDate"]);
    let called: Vec<_> = bed.functions.calls().into_iter().map(|(name, _)| name).collect();
    assert_eq!(called, ["first", "second", "second"]);
    let error = bed.call_error("RedriveExecution", json!({ "executionArn": arn })).await;
    assert_eq!(error.code, "ExecutionNotRedrivable");
    assert_eq!(ended["redriveStatusReason"], "Execution is SUCCEEDED and cannot be redriven");
}

#[tokio::test]
async fn a_redrive_that_fails_immediately_counts_as_a_redrive() {
    let mut bed = TestBed::new().await;
    let fail = single_state(json!({ "Type": "Fail", "Error": "No" }));
    let machine = bed.create("Failer", &fail).await;
    let failed = bed.run(&machine, "one", &json!({})).await;
    let arn = failed["executionArn"].as_str().unwrap();
    let redriven = bed.call("RedriveExecution", json!({ "executionArn": arn })).await;
    let ended = bed.wait_for_end(arn).await;
    assert_eq!((&ended["status"], &ended["redriveCount"]), (&json!("FAILED"), &json!(1)));
    assert_eq!(ended["redriveDate"], redriven["redriveDate"]);
    assert!(parse_time(&ended["stopDate"]) >= parse_time(&redriven["redriveDate"]));
}

#[tokio::test]
async fn executions_are_listed_newest_first_with_pages_and_filters() {
    let mut bed = TestBed::new().await;
    let machine = bed.create("Echo", &single_state(function("echo"))).await;
    for number in 0..5 {
        if number == 2 {
            bed.functions.respond_once("echo", Response::Fail("Broken"));
        }
        bed.run(&machine, &format!("e{number}"), &json!({})).await;
    }
    let mut names = Vec::new();
    let mut body = json!({ "stateMachineArn": machine, "maxResults": 2 });
    loop {
        let page = bed.call("ListExecutions", body.clone()).await;
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
    let failed = bed.call("ListExecutions", failed).await;
    assert_eq!(failed["executions"].as_array().unwrap().len(), 1);
    assert_eq!(failed["executions"][0]["name"], "e2");
}

#[tokio::test]
async fn the_history_has_pages_in_both_orders() {
    let mut bed = TestBed::new().await;
    let machine = bed.create("Echo", &single_state(function("echo"))).await;
    let ended = bed.run(&machine, "one", &json!({ "secret": 1 })).await;
    let arn = ended["executionArn"].as_str().unwrap();
    for (reverse, expected) in [(false, [1, 2, 3, 4, 5, 6, 7]), (true, [7, 6, 5, 4, 3, 2, 1])] {
        let mut ids = Vec::new();
        let mut body = json!({ "executionArn": arn, "maxResults": 3, "reverseOrder": reverse });
        loop {
            let page = bed.call("GetExecutionHistory", body.clone()).await;
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
    let without = bed.call("GetExecutionHistory", without).await;
    assert!(!without.to_string().contains("secret"));
    let first = &bed.history(arn).await[0];
    assert_eq!(first["previousEventId"], 0);
    assert_eq!(
        first["executionStartedEventDetails"]["inputDetails"],
        json!({ "truncated": false })
    );
}

#[tokio::test]
async fn subscribers_receive_each_progress_event_in_order() {
    let mut bed = TestBed::new().await;
    bed.functions.respond_once("echo", Response::Fail("Broken"));
    let task = with(
        function("echo"),
        "Retry",
        json!([{ "ErrorEquals": ["Broken"], "IntervalSeconds": 5 }]),
    );
    let machine = bed.create("Echo", &single_state(task)).await;
    bed.start(&machine, "one", &json!({})).await;
    let mut received = Vec::new();
    loop {
        let notification = bed.progress.recv().await.unwrap();
        let label = match &notification.progress.event {
            ProgressEvent::TaskAttempted { attempt, .. } => format!("attempt {attempt}"),
            ProgressEvent::RetryScheduled { delay_seconds, .. } => {
                format!("retry in {delay_seconds}")
            }
            ProgressEvent::TaskFailed { error } => error.clone().unwrap(),
            ProgressEvent::StateEntered { state, kind } => format!("enter {state} {kind}"),
            ProgressEvent::Ended { status, .. } => status.clone(),
            other => format!("{other:?}"),
        };
        let ended = matches!(notification.progress.event, ProgressEvent::Ended { .. });
        received.push(label);
        if ended {
            break;
        }
    }
    assert_eq!(
        received,
        [
            "Started",
            "enter Only Task",
            "attempt 1",
            "Broken",
            "retry in 5",
            "attempt 2",
            "StateExited { state: \"Only\", kind: \"Task\" }",
            "SUCCEEDED"
        ]
    );
}

#[tokio::test]
async fn executions_that_were_evicted_from_memory_all_end() {
    let mut bed = TestBed::new().await;
    let wait = single_state(json!({ "Type": "Wait", "SecondsPath": "$.seconds" }));
    let machine = bed.create("Waiter", &wait).await;
    let busy = bed.clock.busy("the test");
    let mut arns = Vec::new();
    for number in 0..400 {
        let input = json!({ "seconds": 1000 + number });
        arns.push(bed.start(&machine, &format!("e{number}"), &input).await);
    }
    drop(busy);
    bed.wait_for_end(arns.last().unwrap()).await;
    for arn in &arns {
        assert_eq!(bed.describe(arn).await["status"], "SUCCEEDED");
    }
}
