//! Tasks that wait for their task token to come back.

use serde_json::{Value, json};

use super::test_bed::{TestBed, single_state};
use crate::aws::{ServiceReply, Signer};
use crate::clock::BusyGuard;
use crate::faults::Fault;
use crate::stepfunctions::ProgressEvent;

/// A state that writes its task token to the table and waits for it to come back.
fn waiting_state() -> Value {
    json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken",
        "Parameters": {
            "TableName": "Things",
            "Key": { "id": { "S.$": "$.id" } },
            "UpdateExpression": "SET taskToken = :token",
            "ExpressionAttributeValues": { ":token": { "S.$": "$$.Task.Token" } },
        },
        "TimeoutSeconds": 3600,
    })
}

struct WaitingTask {
    bed: TestBed,
    arn: String,
    token: String,
    /// Keeps the clock from skipping ahead to the task's timeout.
    busy: BusyGuard,
}

/// Starts an execution whose task waits for its token, while the clock does not skip ahead.
async fn waiting_task(state: Value) -> WaitingTask {
    let mut bed = TestBed::new().await;
    let machine = bed.create("Approval", &single_state(state)).await;
    let busy = bed.clock.busy("the test");
    let arn = bed.start(&machine, "ord_7", &json!({ "id": "x" })).await;
    bed.wait_for(&arn, |event| matches!(event, ProgressEvent::WaitingForToken)).await;
    let token = bed.item("x").await["taskToken"]["S"].as_str().unwrap().to_owned();
    WaitingTask { bed, arn, token, busy }
}

#[tokio::test]
async fn the_first_result_for_a_token_counts_and_later_ones_are_rejected() {
    let mut task = waiting_task(waiting_state()).await;
    let body = json!({ "taskToken": task.token, "output": r#"{"approved":true}"# });
    assert_eq!(task.bed.call("SendTaskSuccess", body.clone()).await, json!({}));
    let late = task.bed.call_error("SendTaskSuccess", body).await;
    assert_eq!(late.code, "TaskTimedOut");
    assert_eq!(late.message, "Task Timed Out: 'Provided task does not exist anymore'");
    drop(task.busy);
    let ended = task.bed.wait_for_end(&task.arn).await;
    assert_eq!(ended["output"], r#"{"approved":true}"#);
    assert!(task.bed.event_types(&task.arn).await.contains(&"TaskSubmitted".to_owned()));
}

#[tokio::test]
async fn send_task_failure_fails_the_task_with_its_error() {
    let mut task = waiting_task(waiting_state()).await;
    let body = json!({ "taskToken": task.token, "error": "ReviewRejected", "cause": "no" });
    task.bed.call("SendTaskFailure", body).await;
    let ended = task.bed.wait_for_end(&task.arn).await;
    assert_eq!((&ended["error"], &ended["cause"]), (&json!("ReviewRejected"), &json!("no")));
}

#[tokio::test]
async fn a_task_without_a_result_times_out_on_the_stacks_clock() {
    let mut task = waiting_task(waiting_state()).await;
    drop(task.busy);
    let ended = task.bed.wait_for_end(&task.arn).await;
    assert_eq!((&ended["status"], &ended["error"]), (&json!("FAILED"), &json!("States.Timeout")));
    let body = json!({ "taskToken": task.token, "output": "{}" });
    assert_eq!(task.bed.call_error("SendTaskSuccess", body).await.code, "TaskTimedOut");
}

#[tokio::test]
async fn a_heartbeat_is_accepted_until_the_task_times_out() {
    let mut state = waiting_state();
    state["HeartbeatSeconds"] = json!(60);
    let mut task = waiting_task(state).await;
    let beat = json!({ "taskToken": task.token });
    assert_eq!(task.bed.call("SendTaskHeartbeat", beat.clone()).await, json!({}));
    drop(task.busy);
    let ended = task.bed.wait_for_end(&task.arn).await;
    assert_eq!(ended["error"], "States.Timeout");
    assert_eq!(task.bed.call_error("SendTaskHeartbeat", beat).await.code, "TaskTimedOut");
}

#[tokio::test]
async fn an_unknown_token_and_an_invalid_output_are_rejected() {
    let task = waiting_task(waiting_state()).await;
    let check = async |body: Value, code: &str, message: &str| {
        let error = task.bed.call_error("SendTaskSuccess", body).await;
        assert_eq!(error.code, code);
        assert!(error.message.starts_with(message), "{}", error.message);
    };
    let foreign = json!({ "taskToken": "NoSuchTaskToken", "output": "{}" });
    check(foreign, "InvalidToken", "Invalid Token: 'Invalid token'").await;
    let bad = json!({ "taskToken": task.token, "output": "{no json" });
    check(bad, "InvalidOutput", "Invalid Output: '").await;
}

#[tokio::test]
async fn a_task_whose_submission_fails_has_the_services_error() {
    let mut bed = TestBed::new().await;
    let mut state = waiting_state();
    state["Parameters"]["ConditionExpression"] = json!("attribute_exists(id)");
    let machine = bed.create("Approval", &single_state(state)).await;
    let ended = bed.run(&machine, "one", &json!({ "id": "missing" })).await;
    assert_eq!(ended["error"], "DynamoDb.ConditionalCheckFailedException");
    let cause = ended["cause"].as_str().unwrap();
    assert!(
        cause.starts_with(
            "The conditional request failed (Service: DynamoDb, Status Code: 400, Request ID: "
        ),
        "{cause}"
    );
}

#[tokio::test]
async fn planned_faults_are_injected_into_the_results_of_their_order() {
    let mut task = waiting_task(waiting_state()).await;
    let faults = json!([
        { "at": "states.answer", "calls": { "from": 1, "to": 1 }, "kind": "throttle",
          "order": "ord_7" },
        { "at": "states.answer", "calls": { "from": 2, "to": 2 }, "kind": "drop-answer" },
    ]);
    task.bed.faults.add(Fault::parse_list(&faults).unwrap()).unwrap();
    let body = json!({ "taskToken": task.token, "output": "{}" });
    let states = task.bed.states.clone();
    let throttled = states.serve("SendTaskSuccess", body.clone(), &Signer::default()).await;
    assert!(
        matches!(&throttled, ServiceReply::Error(error) if error.code == "ThrottlingException")
    );
    assert_eq!(task.bed.describe(&task.arn).await["status"], "RUNNING");
    let dropped = states.serve("SendTaskSuccess", body, &Signer::default()).await;
    assert_eq!(dropped, ServiceReply::ConnectionClosed);
    drop(task.busy);
    assert_eq!(task.bed.wait_for_end(&task.arn).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_kill_at_a_task_result_kills_the_caller_and_the_result_has_no_effect() {
    let task = waiting_task(waiting_state()).await;
    let faults = json!([{ "at": "states.answer", "kind": "kill", "order": "ord_7" }]);
    task.bed.faults.add(Fault::parse_list(&faults).unwrap()).unwrap();
    let body = json!({ "taskToken": task.token, "output": "{}" });
    let killed =
        task.bed.states.serve("SendTaskSuccess", body, &Signer::of_worker("order-api", 17)).await;
    assert_eq!(killed, ServiceReply::NoResponse);
    assert_eq!(task.bed.functions.killed(), [17]);
    assert_eq!(task.bed.describe(&task.arn).await["status"], "RUNNING");
}
