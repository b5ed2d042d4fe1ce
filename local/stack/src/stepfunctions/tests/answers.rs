//! Tasks that wait for somebody's answer.

use serde_json::{Value, json};

use super::bench::{Bench, only};
use crate::aws::ServiceReply;
use crate::clock::BusyGuard;
use crate::faults::Fault;
use crate::stepfunctions::Moved;

/// Writes its token to the table and waits for an answer.
fn waiting() -> Value {
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

struct Asked {
    bench: Bench,
    arn: String,
    token: String,
    /// Keeps the clock from leaping to the task's deadline.
    held: BusyGuard,
}

/// An execution that waits, with its token, while the clock stands.
async fn asked(state: Value) -> Asked {
    let mut bench = Bench::new().await;
    let machine = bench.machine("Asker", &only(state)).await;
    let held = bench.clock.busy("the test");
    let arn = bench.begin(&machine, "ord_7", &json!({ "id": "x" })).await;
    bench.moved(&arn, |step| matches!(step, Moved::Waiting)).await;
    let token = bench.item("x").await["taskToken"]["S"].as_str().unwrap().to_owned();
    Asked { bench, arn, token, held }
}

#[tokio::test]
async fn an_answer_is_the_result_and_only_the_first_one_counts() {
    let mut asked = asked(waiting()).await;
    let body = json!({ "taskToken": asked.token, "output": r#"{"approved":true}"# });
    assert_eq!(asked.bench.call("SendTaskSuccess", body.clone()).await, json!({}));
    let late = asked.bench.refused("SendTaskSuccess", body).await;
    assert_eq!(late.code, "TaskTimedOut");
    assert_eq!(late.message, "Task Timed Out: 'Provided task does not exist anymore'");
    drop(asked.held);
    let ended = asked.bench.ended(&asked.arn).await;
    assert_eq!(ended["output"], r#"{"approved":true}"#);
    assert!(asked.bench.types(&asked.arn).await.contains(&"TaskSubmitted".to_owned()));
}

#[tokio::test]
async fn a_failure_fails_the_task_with_its_error() {
    let mut asked = asked(waiting()).await;
    let body = json!({ "taskToken": asked.token, "error": "ReviewRejected", "cause": "no" });
    asked.bench.call("SendTaskFailure", body).await;
    let ended = asked.bench.ended(&asked.arn).await;
    assert_eq!((&ended["error"], &ended["cause"]), (&json!("ReviewRejected"), &json!("no")));
}

#[tokio::test]
async fn without_an_answer_the_task_times_out_on_the_stacks_clock() {
    let mut asked = asked(waiting()).await;
    drop(asked.held);
    let ended = asked.bench.ended(&asked.arn).await;
    assert_eq!((&ended["status"], &ended["error"]), (&json!("FAILED"), &json!("States.Timeout")));
    let body = json!({ "taskToken": asked.token, "output": "{}" });
    assert_eq!(asked.bench.refused("SendTaskSuccess", body).await.code, "TaskTimedOut");
}

#[tokio::test]
async fn a_heartbeat_keeps_the_task_waiting() {
    let mut state = waiting();
    state["HeartbeatSeconds"] = json!(60);
    let mut asked = asked(state).await;
    let beat = json!({ "taskToken": asked.token });
    assert_eq!(asked.bench.call("SendTaskHeartbeat", beat.clone()).await, json!({}));
    drop(asked.held);
    let ended = asked.bench.ended(&asked.arn).await;
    assert_eq!(ended["error"], "States.Timeout");
    assert_eq!(asked.bench.refused("SendTaskHeartbeat", beat).await.code, "TaskTimedOut");
}

#[tokio::test]
async fn what_is_no_token_or_no_output_is_refused() {
    let asked = asked(waiting()).await;
    let check = async |body: Value, code: &str, message: &str| {
        let refusal = asked.bench.refused("SendTaskSuccess", body).await;
        assert_eq!(refusal.code, code);
        assert!(refusal.message.starts_with(message), "{}", refusal.message);
    };
    let foreign = json!({ "taskToken": "NoSuchTaskToken", "output": "{}" });
    check(foreign, "InvalidToken", "Invalid Token: 'Invalid token'").await;
    let bad = json!({ "taskToken": asked.token, "output": "{no json" });
    check(bad, "InvalidOutput", "Invalid Output: '").await;
}

#[tokio::test]
async fn a_refused_hand_over_fails_the_task_by_the_services_error() {
    let mut bench = Bench::new().await;
    let mut state = waiting();
    state["Parameters"]["ConditionExpression"] = json!("attribute_exists(id)");
    let machine = bench.machine("Asker", &only(state)).await;
    let ended = bench.run(&machine, "one", &json!({ "id": "nobody" })).await;
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
async fn planned_faults_meet_the_answers_of_their_order() {
    let mut asked = asked(waiting()).await;
    let faults = json!([
        { "at": "states.answer", "calls": { "from": 1, "to": 1 }, "kind": "throttle",
          "order": "ord_7" },
        { "at": "states.answer", "calls": { "from": 2, "to": 2 }, "kind": "drop-answer" },
    ]);
    asked.bench.faults.add(Fault::parse_list(&faults).unwrap()).unwrap();
    let body = json!({ "taskToken": asked.token, "output": "{}" });
    let states = asked.bench.states.clone();
    let throttled = states.serve("SendTaskSuccess", body.clone(), None).await;
    assert!(
        matches!(&throttled, ServiceReply::Error(error) if error.code == "ThrottlingException")
    );
    assert_eq!(asked.bench.describe(&asked.arn).await["status"], "RUNNING");
    let dropped = states.serve("SendTaskSuccess", body, None).await;
    assert_eq!(dropped, ServiceReply::ConnectionClosed);
    drop(asked.held);
    assert_eq!(asked.bench.ended(&asked.arn).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_kill_at_an_answer_is_of_the_caller_and_the_answer_is_not_heard() {
    let asked = asked(waiting()).await;
    let faults = json!([{ "at": "states.answer", "kind": "kill", "order": "ord_7" }]);
    asked.bench.faults.add(Fault::parse_list(&faults).unwrap()).unwrap();
    let body = json!({ "taskToken": asked.token, "output": "{}" });
    let killed = asked.bench.states.serve("SendTaskSuccess", body, Some(17)).await;
    assert_eq!(killed, ServiceReply::NoResponse);
    assert_eq!(asked.bench.script.killed(), [17]);
    assert_eq!(asked.bench.describe(&asked.arn).await["status"], "RUNNING");
}
