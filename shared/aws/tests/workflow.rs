//! Step Functions as the adapter sees it, by answers of the service's own form.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use aws::Workflow;
use domain::decision::{DecisionKind, OperatorAction, ReviewDecision, TaskResult};
use domain::ports::{
    DescribeExecution, ExecutionState, ReadExecution, SendTaskResult, StartExecution,
    StopExecution, TaskDelivery,
};
use domain::{ExecutionName, TaskToken};
use serde_json::{Value, json};
use support::{Instead, World};

const ARN: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:OrderWorkflow";

fn name() -> ExecutionName {
    ExecutionName::parse("ord_1").unwrap()
}

fn workflow(world: &World) -> Workflow {
    world.aws_trying(1).workflow(ARN)
}

#[tokio::test]
async fn an_execution_is_started_by_name_and_one_that_ended_is_no_error() {
    let world = World::new();
    let input = json!({"orderId": "ord_1"});
    world.next(Instead::Answer(200, json!({"executionArn": "arn:x", "startDate": 1.5})));
    workflow(&world).start(&name(), &input).await.unwrap();
    let sent = world.last_request();
    assert_eq!((&sent["stateMachineArn"], &sent["name"]), (&json!(ARN), &json!("ord_1")));
    assert_eq!(sent["input"].as_str().unwrap(), r#"{"orderId":"ord_1"}"#);

    world.refuse_with("ExecutionAlreadyExists");
    workflow(&world).start(&name(), &input).await.unwrap();
    world.refuse_with("ExecutionLimitExceeded");
    let error = workflow(&world).start(&name(), &input).await.unwrap_err().to_string();
    assert!(error.contains("StartExecution: ExecutionLimitExceeded"), "{error}");
}

#[tokio::test]
async fn an_answer_is_sent_as_success_or_failure_of_the_task() {
    let world = World::new();
    let token = TaskToken::parse("AQB8").unwrap();
    let check = async |kind: DecisionKind, operation: &str, fields: &[(&str, &str)]| {
        world.next(Instead::Answer(200, json!({})));
        let answered = workflow(&world).send(&token, &kind.task_result()).await;
        assert_eq!(answered, Ok(TaskDelivery::Delivered));
        assert_eq!(world.calls().last().unwrap(), operation);
        for (name, value) in fields {
            assert_eq!(world.last_request()[name], *value);
        }
    };
    let capture = [("taskToken", "AQB8"), ("output", r#"{"action":"capture"}"#)];
    check(DecisionKind::Operator(OperatorAction::Capture), "SendTaskSuccess", &capture).await;
    let rejected = [("taskToken", "AQB8"), ("error", "ReviewRejected")];
    check(DecisionKind::Review(ReviewDecision::Reject), "SendTaskFailure", &rejected).await;
}

#[tokio::test]
async fn a_wait_that_is_over_has_moved_on_and_a_service_that_is_away_is_an_error() {
    let world = World::new();
    let token = TaskToken::parse("AQB8").unwrap();
    let success = DecisionKind::Review(ReviewDecision::Approve).task_result();
    let failure = DecisionKind::Cancellation.task_result();
    let answer = async |message: &TaskResult| workflow(&world).send(&token, message).await;
    for code in ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"] {
        for message in [&success, &failure] {
            world.refuse_with(code);
            assert_eq!(answer(message).await, Ok(TaskDelivery::TaskEnded), "{code}");
        }
    }
    for message in [&success, &failure] {
        world.next(Instead::Refuse);
        assert!(answer(message).await.is_err());
    }
}

/// One event; its id is its place.
fn event(second: i64, kind: &str, details: Value) -> Value {
    let mut event = json!({"timestamp": second, "type": kind, "id": second});
    if let Value::Object(details) = details {
        event.as_object_mut().unwrap().extend(details);
    }
    event
}

fn entered(second: i64, kind: &str, name: &str) -> Value {
    event(
        second,
        &format!("{kind}StateEntered"),
        json!({"stateEnteredEventDetails": {"name": name}}),
    )
}

fn exited(second: i64, kind: &str, name: &str) -> Value {
    event(second, &format!("{kind}StateExited"), json!({"stateExitedEventDetails": {"name": name}}))
}

fn described(status: &str, stop: Option<i64>) -> Value {
    let mut answer = json!({
        "executionArn": "arn:x", "stateMachineArn": ARN, "status": status, "startDate": 0.5,
    });
    if let Some(stop) = stop {
        answer["stopDate"] = json!(stop);
    }
    answer
}

#[tokio::test]
async fn an_execution_is_read_state_by_state_with_attempts_and_errors() {
    let world = World::new();
    let first_page = json!([
        event(1, "ExecutionStarted", json!({})),
        entered(2, "Choice", "ScheduledForLater"),
        exited(3, "Choice", "ScheduledForLater"),
        entered(4, "Task", "ProcessPayment"),
        event(
            5,
            "LambdaFunctionScheduled",
            json!({"lambdaFunctionScheduledEventDetails": {"resource": "arn:f"}})
        ),
        event(
            6,
            "LambdaFunctionFailed",
            json!({"lambdaFunctionFailedEventDetails": {"error": "Sandbox.Timedout"}})
        ),
    ]);
    let second_page = json!([
        event(
            7,
            "LambdaFunctionScheduled",
            json!({"lambdaFunctionScheduledEventDetails": {"resource": "arn:f"}})
        ),
        event(8, "LambdaFunctionSucceeded", json!({})),
        exited(9, "Task", "ProcessPayment"),
        entered(10, "Fail", "OrderRejected"),
        event(
            11,
            "ExecutionFailed",
            json!({"executionFailedEventDetails": {"error": "OrderRejected"}})
        ),
    ]);
    world.next(Instead::Answer(200, described("FAILED", Some(11))));
    world.next(Instead::Answer(200, json!({"events": first_page, "nextToken": "more"})));
    world.next(Instead::Answer(200, json!({"events": second_page})));
    let view = workflow(&world).read(&name()).await.unwrap().unwrap();
    let arn = "arn:aws:states:us-east-1:000000000000:execution:OrderWorkflow:ord_1";
    assert_eq!(world.last_request()["executionArn"], arn);
    assert_eq!(world.last_request()["nextToken"], "more");
    let at = |second: u32| format!("1970-01-01T00:00:{second:02}.000Z");
    assert_eq!(
        serde_json::to_value(&view).unwrap(),
        json!({
            "status": "FAILED", "startedAt": "1970-01-01T00:00:00.500Z", "stoppedAt": at(11),
            "states": [
                {"name": "ScheduledForLater", "type": "Choice", "enteredAt": at(2), "exitedAt": at(3), "attempts": 0},
                {"name": "ProcessPayment", "type": "Task", "enteredAt": at(4), "exitedAt": at(9), "attempts": 2, "error": "Sandbox.Timedout"},
                {"name": "OrderRejected", "type": "Fail", "enteredAt": at(10), "attempts": 0, "error": "OrderRejected"},
            ],
        })
    );
}

#[tokio::test]
async fn a_waiting_task_counts_its_attempts_too() {
    let world = World::new();
    let scheduled = json!({"taskScheduledEventDetails": {
        "resourceType": "aws-sdk:dynamodb", "resource": "updateItem.waitForTaskToken",
        "region": "us-east-1", "parameters": "{}",
    }});
    let timed_out = json!({"taskTimedOutEventDetails": {
        "resourceType": "aws-sdk:dynamodb", "resource": "updateItem.waitForTaskToken",
        "error": "States.Timeout",
    }});
    let events = json!([
        entered(1, "Task", "AwaitReview"),
        event(2, "TaskScheduled", scheduled),
        event(3, "TaskTimedOut", timed_out),
    ]);
    world.next(Instead::Answer(200, described("RUNNING", None)));
    world.next(Instead::Answer(200, json!({ "events": events })));
    let view = workflow(&world).read(&name()).await.unwrap().unwrap();
    assert_eq!((view.status.as_str(), view.stopped_at), ("RUNNING", None));
    assert_eq!(view.states[0].attempts, 1);
    assert_eq!(view.states[0].error.as_deref(), Some("States.Timeout"));
}

#[tokio::test]
async fn an_execution_that_is_not_there_is_none() {
    let world = World::new();
    world.refuse_with("ExecutionDoesNotExist");
    assert_eq!(workflow(&world).read(&name()).await, Ok(None));
    world.next(Instead::Answer(200, described("RUNNING", None)));
    world.refuse_with("ExecutionDoesNotExist");
    assert_eq!(workflow(&world).read(&name()).await, Ok(None));
    world.next(Instead::Refuse);
    assert!(workflow(&world).read(&name()).await.is_err());
}

#[tokio::test]
async fn an_execution_has_ended_only_when_the_service_says_so() {
    let world = World::new();
    let check = async |status: &str, expected: ExecutionState| {
        world.next(Instead::Answer(200, described(status, None)));
        assert_eq!(workflow(&world).execution_state(&name()).await, Ok(Some(expected)), "{status}");
    };
    for status in ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"] {
        check(status, ExecutionState::Ended).await;
    }
    for status in ["RUNNING", "PENDING_REDRIVE", "WHAT_A_LATER_RELEASE_SAYS"] {
        check(status, ExecutionState::Running).await;
    }
    assert_eq!(world.calls(), ["DescribeExecution"; 7], "its history is not asked for");
    world.refuse_with("ExecutionDoesNotExist");
    assert_eq!(workflow(&world).execution_state(&name()).await, Ok(None));
    world.next(Instead::Refuse);
    assert!(workflow(&world).execution_state(&name()).await.is_err());
}

#[tokio::test]
async fn an_execution_is_stopped_and_one_that_is_not_there_is_no_error() {
    let world = World::new();
    world.next(Instead::Answer(200, json!({"stopDate": 1.5})));
    workflow(&world).stop(&name(), "cancelled").await.unwrap();
    let arn = "arn:aws:states:us-east-1:000000000000:execution:OrderWorkflow:ord_1";
    assert_eq!(world.last_request()["executionArn"], arn);
    world.refuse_with("ExecutionDoesNotExist");
    workflow(&world).stop(&name(), "cancelled").await.unwrap();
    world.next(Instead::Refuse);
    assert!(workflow(&world).stop(&name(), "cancelled").await.is_err());
}

#[tokio::test]
async fn an_execution_s_arn_leaves_out_what_qualifies_the_state_machine() {
    let world = World::new();
    let live = world.aws_trying(1).workflow(format!("{ARN}:live"));
    world.refuse_with("ExecutionDoesNotExist");
    assert_eq!(live.read(&name()).await, Ok(None));
    let arn = "arn:aws:states:us-east-1:000000000000:execution:OrderWorkflow:ord_1";
    assert_eq!(world.last_request()["executionArn"], arn);
}
