//! Errors of the API, with AWS's codes and messages.

use serde_json::{Value, json};

use super::test_bed::{ROLE, TestBed, single_state};
use crate::aws::{ServiceReply, Signer};
use crate::clock::BusyGuard;
use crate::faults::Fault;
use crate::stepfunctions::ProgressEvent;

#[tokio::test]
async fn errors_have_awss_codes_and_messages() {
    let bed = TestBed::new().await;
    let arn = bed.create("Shop", &single_state(json!({ "Type": "Succeed" }))).await;
    let missing_machine = "arn:aws:states:us-east-1:000000000000:stateMachine:Missing";
    let missing_execution = "arn:aws:states:us-east-1:000000000000:execution:Shop:missing";
    let other_account = "arn:aws:states:us-east-1:111111111111:stateMachine:Shop";
    let check = async |operation: &str, body: Value, code: &str, message: &str| {
        let error = bed.call_error(operation, body).await;
        assert_eq!((error.code.as_str(), error.message.as_str()), (code, message), "{operation}");
        assert_eq!(error.status, 400);
    };
    check(
        "DescribeStateMachine",
        json!({ "stateMachineArn": "not_a_valid_arn" }),
        "InvalidArn",
        "Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'",
    )
    .await;
    for arn in [missing_machine, other_account] {
        let message = format!("State Machine Does Not Exist: '{arn}'");
        let body = json!({ "stateMachineArn": arn });
        check("DescribeStateMachine", body.clone(), "StateMachineDoesNotExist", &message).await;
        check("StartExecution", body.clone(), "StateMachineDoesNotExist", &message).await;
        check("ListExecutions", body, "StateMachineDoesNotExist", &message).await;
    }
    for operation in
        ["DescribeExecution", "StopExecution", "RedriveExecution", "GetExecutionHistory"]
    {
        let message = format!("Execution Does Not Exist: '{missing_execution}'");
        let body = json!({ "executionArn": missing_execution });
        check(operation, body, "ExecutionDoesNotExist", &message).await;
    }
    check(
        "StartExecution",
        json!({ "stateMachineArn": arn, "name": "no spaces" }),
        "InvalidName",
        "Invalid Name: 'no spaces'",
    )
    .await;
    check(
        "CreateStateMachine",
        json!({ "name": "Shop", "definition": single_state(json!({ "Type": "Pass" })).to_string(), "roleArn": ROLE }),
        "StateMachineAlreadyExists",
        &format!("State Machine Already Exists: '{arn}'"),
    )
    .await;
    check(
        "ListExecutions",
        json!({ "stateMachineArn": arn, "nextToken": "nonsense" }),
        "InvalidToken",
        "Invalid Token: 'Invalid token'",
    )
    .await;
}

#[tokio::test]
async fn an_input_that_is_not_json_is_rejected() {
    let bed = TestBed::new().await;
    let arn = bed.create("Shop", &single_state(json!({ "Type": "Succeed" }))).await;
    let body = json!({ "stateMachineArn": arn, "input": "{" });
    let error = bed.call_error("StartExecution", body).await;
    assert_eq!(error.code, "InvalidExecutionInput");
    assert!(error.message.starts_with("Invalid State Machine Execution Input: '"));
}

#[tokio::test]
async fn unknown_operations_and_fields_of_the_wrong_type_get_awss_error_shape() {
    let bed = TestBed::new().await;
    let unknown = bed.call_error("MakeCoffee", json!({})).await;
    assert_eq!(unknown.body["__type"], "UnknownOperationException");
    assert!(unknown.message.contains("StartExecution, StartSyncExecution"), "{unknown}");
    let wrong = bed.call_error("DescribeExecution", json!({ "executionArn": 7 })).await;
    assert_eq!(wrong.code, "SerializationException");
}

#[tokio::test]
async fn every_operation_that_the_message_names_is_served() {
    let bed = TestBed::new().await;
    for operation in crate::stepfunctions::api::SERVED {
        let refused = bed.states.api(operation, json!({})).await.err();
        let unknown = refused.is_some_and(|error| error.code == "UnknownOperationException");
        assert!(!unknown, "{operation}");
    }
}

/// An execution that waits for 60 seconds, started before the disk was full.
struct WaitingOnFullDisk {
    bed: TestBed,
    machine: String,
    arn: String,
    /// Keeps the clock from skipping the wait.
    busy: BusyGuard,
}

async fn waiting_on_full_disk() -> WaitingOnFullDisk {
    let bed = TestBed::new().await;
    let wait = single_state(json!({ "Type": "Wait", "Seconds": 60 }));
    let machine = bed.create("Waiter", &wait).await;
    let busy = bed.clock.busy("the test");
    let arn = bed.start(&machine, "one", &json!({})).await;
    bed.set_disk_full(true).await;
    WaitingOnFullDisk { bed, machine, arn, busy }
}

#[tokio::test]
async fn an_operation_that_cannot_be_stored_has_no_effect() {
    let WaitingOnFullDisk { mut bed, machine, arn, busy } = waiting_on_full_disk().await;
    let stop = json!({ "executionArn": arn });
    let start = json!({ "stateMachineArn": machine, "name": "two" });
    for (operation, body) in [("StopExecution", &stop), ("StartExecution", &start)] {
        let error = bed.call_error(operation, body.clone()).await;
        assert_eq!((error.code.as_str(), error.status), ("InternalServerError", 500));
    }
    bed.set_disk_full(false).await;
    assert_eq!(bed.describe(&arn).await["status"], "RUNNING");
    assert_eq!(bed.event_types(&arn).await, ["ExecutionStarted", "WaitStateEntered"]);
    bed.call("StartExecution", start).await;
    drop(busy);
    assert_eq!(bed.wait_for_end(&arn).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_timer_that_is_due_while_the_disk_is_full_fires_later() {
    let WaitingOnFullDisk { mut bed, arn, busy, .. } = waiting_on_full_disk().await;
    // An unread progress notification holds the clock.
    bed.wait_for(&arn, |event| matches!(event, ProgressEvent::StateEntered { .. })).await;
    drop(busy);
    while bed.timers() > 0 {
        tokio::task::yield_now().await;
    }
    bed.set_disk_full(false).await;
    assert_eq!(bed.wait_for_end(&arn).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_start_whose_response_was_lost_can_be_repeated() {
    let bed = TestBed::new().await;
    let wait = single_state(json!({ "Type": "Wait", "Seconds": 60 }));
    let machine = bed.create("Waiter", &wait).await;
    let _busy = bed.clock.busy("the test");
    let faults = json!([
        { "at": "states.start", "calls": { "from": 1, "to": 1 }, "kind": "500" },
        { "at": "states.start", "calls": { "from": 2, "to": 2 }, "kind": "drop-answer" },
    ]);
    bed.faults.add(Fault::parse_list(&faults).unwrap()).unwrap();
    let start = json!({ "stateMachineArn": machine, "name": "ord_1" });
    let failed = bed.states.serve("StartExecution", start.clone(), &Signer::default()).await;
    assert!(matches!(failed, ServiceReply::Error(error) if error.status == 500));
    assert_eq!(
        bed.states.serve("StartExecution", start.clone(), &Signer::default()).await,
        ServiceReply::ConnectionClosed
    );
    let ServiceReply::Success(response) =
        bed.states.serve("StartExecution", start, &Signer::default()).await
    else {
        panic!("the third start has no fault");
    };
    let description = bed.describe(response["executionArn"].as_str().unwrap()).await;
    assert_eq!(description["startDate"], response["startDate"], "the second start's execution");
}

#[tokio::test]
async fn a_kill_at_a_start_kills_the_caller_and_starts_nothing() {
    let bed = TestBed::new().await;
    let machine = bed.create("Waiter", &single_state(json!({ "Type": "Succeed" }))).await;
    let faults = json!([{ "at": "states.start", "kind": "kill", "order": "ord_1" }]);
    bed.faults.add(Fault::parse_list(&faults).unwrap()).unwrap();
    let start = json!({ "stateMachineArn": machine, "name": "ord_1" });
    let killed =
        bed.states.serve("StartExecution", start, &Signer::of_worker("order-api", 17)).await;
    assert_eq!((killed, bed.functions.killed()), (ServiceReply::NoResponse, vec![17]));
    let body = json!({ "stateMachineArn": machine });
    assert_eq!(bed.call("ListExecutions", body).await["executions"], json!([]));
}
