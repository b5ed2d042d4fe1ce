//! The adapter for Step Functions against responses in the service's format.

use aws::Workflow;
use domain::decision::{DecisionKind, OperatorAction, ReviewDecision, TaskResult};
use domain::ports::{
    DescribeExecution, ExecutionState, ReadExecution, SendTaskResult, StartExecution,
    StopExecution, TaskDelivery,
};
use domain::{ExecutionName, TaskToken};
use serde_json::{Value, json};

use crate::test_bed::{Injected, TestBed};

const ARN: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:OrderWorkflow";

fn name() -> ExecutionName {
    ExecutionName::parse("ord_1").unwrap()
}

fn workflow(bed: &TestBed) -> Workflow {
    bed.aws_with_attempts(1).workflow(ARN)
}

#[tokio::test]
async fn an_execution_is_started_by_name_and_an_existing_one_is_not_an_error() {
    let bed = TestBed::new();
    let input = json!({"orderId": "ord_1"});
    bed.inject(Injected::Response(200, json!({"executionArn": "arn:x", "startDate": 1.5})));
    workflow(&bed).start(&name(), &input).await.unwrap();
    let sent = bed.last_request();
    assert_eq!((&sent["stateMachineArn"], &sent["name"]), (&json!(ARN), &json!("ord_1")));
    assert_eq!(sent["input"].as_str().unwrap(), r#"{"orderId":"ord_1"}"#);

    bed.reject_with("ExecutionAlreadyExists");
    workflow(&bed).start(&name(), &input).await.unwrap();
    bed.reject_with("ExecutionLimitExceeded");
    let error = workflow(&bed).start(&name(), &input).await.unwrap_err().to_string();
    assert!(error.contains("StartExecution: ExecutionLimitExceeded"), "{error}");
}

#[tokio::test]
async fn a_decision_is_sent_as_success_or_failure_of_the_task() {
    let bed = TestBed::new();
    let token = TaskToken::parse("AQB8").unwrap();
    let check = async |kind: DecisionKind, operation: &str, fields: &[(&str, &str)]| {
        bed.inject(Injected::Response(200, json!({})));
        let delivery = workflow(&bed).send(&token, &kind.task_result()).await;
        assert_eq!(delivery, Ok(TaskDelivery::Delivered));
        assert_eq!(bed.calls().last().unwrap(), operation);
        for (name, value) in fields {
            assert_eq!(bed.last_request()[name], *value);
        }
    };
    let capture = [("taskToken", "AQB8"), ("output", r#"{"action":"capture"}"#)];
    check(DecisionKind::Operator(OperatorAction::Capture), "SendTaskSuccess", &capture).await;
    let rejected = [("taskToken", "AQB8"), ("error", "ReviewRejected")];
    check(DecisionKind::Review(ReviewDecision::Reject), "SendTaskFailure", &rejected).await;
}

#[tokio::test]
async fn an_ended_task_is_not_an_error_and_an_unavailable_service_is() {
    let bed = TestBed::new();
    let token = TaskToken::parse("AQB8").unwrap();
    let success = DecisionKind::Review(ReviewDecision::Approve).task_result();
    let failure = DecisionKind::Cancellation.task_result();
    let send = async |message: &TaskResult| workflow(&bed).send(&token, message).await;
    for code in ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"] {
        for message in [&success, &failure] {
            bed.reject_with(code);
            assert_eq!(send(message).await, Ok(TaskDelivery::TaskEnded), "{code}");
        }
    }
    for message in [&success, &failure] {
        bed.inject(Injected::ConnectionError);
        assert!(send(message).await.is_err());
    }
}

/// An event; its id is its second.
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

fn execution(status: &str, stop: Option<i64>) -> Value {
    let mut execution = json!({
        "executionArn": "arn:x", "stateMachineArn": ARN, "status": status, "startDate": 0.5,
    });
    if let Some(stop) = stop {
        execution["stopDate"] = json!(stop);
    }
    execution
}

#[tokio::test]
async fn an_execution_is_read_state_by_state_with_attempts_and_errors() {
    let bed = TestBed::new();
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
    bed.inject(Injected::Response(200, execution("FAILED", Some(11))));
    bed.inject(Injected::Response(200, json!({"events": first_page, "nextToken": "more"})));
    bed.inject(Injected::Response(200, json!({"events": second_page})));
    let view = workflow(&bed).read(&name()).await.unwrap().unwrap();
    let arn = "arn:aws:states:us-east-1:000000000000:execution:OrderWorkflow:ord_1";
    assert_eq!(bed.last_request()["executionArn"], arn);
    assert_eq!(bed.last_request()["nextToken"], "more");
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
async fn the_attempts_of_a_waiting_task_are_counted() {
    let bed = TestBed::new();
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
    bed.inject(Injected::Response(200, execution("RUNNING", None)));
    bed.inject(Injected::Response(200, json!({ "events": events })));
    let view = workflow(&bed).read(&name()).await.unwrap().unwrap();
    assert_eq!((view.status.as_str(), view.stopped_at), ("RUNNING", None));
    assert_eq!(view.states[0].attempts, 1);
    assert_eq!(view.states[0].error.as_deref(), Some("States.Timeout"));
}

#[tokio::test]
async fn an_unknown_execution_is_none() {
    let bed = TestBed::new();
    bed.reject_with("ExecutionDoesNotExist");
    assert_eq!(workflow(&bed).read(&name()).await, Ok(None));
    bed.inject(Injected::Response(200, execution("RUNNING", None)));
    bed.reject_with("ExecutionDoesNotExist");
    assert_eq!(workflow(&bed).read(&name()).await, Ok(None));
    bed.inject(Injected::ConnectionError);
    assert!(workflow(&bed).read(&name()).await.is_err());
}

#[tokio::test]
async fn an_execution_has_ended_only_if_its_status_is_final() {
    let bed = TestBed::new();
    let check = async |status: &str, expected: ExecutionState| {
        bed.inject(Injected::Response(200, execution(status, None)));
        assert_eq!(workflow(&bed).execution_state(&name()).await, Ok(Some(expected)), "{status}");
    };
    for status in ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"] {
        check(status, ExecutionState::Ended).await;
    }
    for status in ["RUNNING", "PENDING_REDRIVE", "A_STATUS_ADDED_LATER"] {
        check(status, ExecutionState::Running).await;
    }
    assert_eq!(bed.calls(), ["DescribeExecution"; 7], "its history is not requested");
    bed.reject_with("ExecutionDoesNotExist");
    assert_eq!(workflow(&bed).execution_state(&name()).await, Ok(None));
    bed.inject(Injected::ConnectionError);
    assert!(workflow(&bed).execution_state(&name()).await.is_err());
}

#[tokio::test]
async fn an_execution_is_stopped_and_an_unknown_one_is_not_an_error() {
    let bed = TestBed::new();
    bed.inject(Injected::Response(200, json!({"stopDate": 1.5})));
    workflow(&bed).stop(&name(), "canceled").await.unwrap();
    let arn = "arn:aws:states:us-east-1:000000000000:execution:OrderWorkflow:ord_1";
    assert_eq!(bed.last_request()["executionArn"], arn);
    bed.reject_with("ExecutionDoesNotExist");
    workflow(&bed).stop(&name(), "canceled").await.unwrap();
    bed.inject(Injected::ConnectionError);
    assert!(workflow(&bed).stop(&name(), "canceled").await.is_err());
}

#[tokio::test]
async fn the_execution_arn_omits_the_version_or_alias_of_the_state_machine() {
    let bed = TestBed::new();
    let live = bed.aws_with_attempts(1).workflow(format!("{ARN}:live"));
    bed.reject_with("ExecutionDoesNotExist");
    assert_eq!(live.read(&name()).await, Ok(None));
    let arn = "arn:aws:states:us-east-1:000000000000:execution:OrderWorkflow:ord_1";
    assert_eq!(bed.last_request()["executionArn"], arn);
}
