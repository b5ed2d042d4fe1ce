//! What the API refuses, by AWS's codes and in AWS's words.

use serde_json::{Value, json};

use super::bench::{Bench, ROLE, only};
use crate::aws::ServiceReply;
use crate::faults::Fault;
use crate::stepfunctions::Moved;

#[tokio::test]
async fn refusals_have_awss_codes_and_words() {
    let bench = Bench::new().await;
    let arn = bench.machine("Shop", &only(json!({ "Type": "Succeed" }))).await;
    let nobody = "arn:aws:states:us-east-1:000000000000:stateMachine:Nobody";
    let nothing = "arn:aws:states:us-east-1:000000000000:execution:Shop:nothing";
    let foreign = "arn:aws:states:us-east-1:111111111111:stateMachine:Shop";
    let check = async |operation: &str, body: Value, code: &str, message: &str| {
        let refusal = bench.refused(operation, body).await;
        assert_eq!(
            (refusal.code.as_str(), refusal.message.as_str()),
            (code, message),
            "{operation}"
        );
        assert_eq!(refusal.status, 400);
    };
    check(
        "DescribeStateMachine",
        json!({ "stateMachineArn": "not_a_valid_arn" }),
        "InvalidArn",
        "Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'",
    )
    .await;
    for arn in [nobody, foreign] {
        let message = format!("State Machine Does Not Exist: '{arn}'");
        let body = json!({ "stateMachineArn": arn });
        check("DescribeStateMachine", body.clone(), "StateMachineDoesNotExist", &message).await;
        check("StartExecution", body.clone(), "StateMachineDoesNotExist", &message).await;
        check("ListExecutions", body, "StateMachineDoesNotExist", &message).await;
    }
    for operation in
        ["DescribeExecution", "StopExecution", "RedriveExecution", "GetExecutionHistory"]
    {
        let message = format!("Execution Does Not Exist: '{nothing}'");
        let body = json!({ "executionArn": nothing });
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
        json!({ "name": "Shop", "definition": only(json!({ "Type": "Pass" })).to_string(), "roleArn": ROLE }),
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
async fn an_input_that_is_no_json_is_refused() {
    let bench = Bench::new().await;
    let arn = bench.machine("Shop", &only(json!({ "Type": "Succeed" }))).await;
    let body = json!({ "stateMachineArn": arn, "input": "{" });
    let refusal = bench.refused("StartExecution", body).await;
    assert_eq!(refusal.code, "InvalidExecutionInput");
    assert!(refusal.message.starts_with("Invalid State Machine Execution Input: '"));
}

#[tokio::test]
async fn unknown_operations_and_wrong_types_get_awss_shape() {
    let bench = Bench::new().await;
    let unknown = bench.refused("MakeCoffee", json!({})).await;
    assert_eq!(*unknown.body, json!({ "__type": "UnknownOperationException" }));
    let wrong = bench.refused("DescribeExecution", json!({ "executionArn": 7 })).await;
    assert_eq!(wrong.code, "SerializationException");
}

#[tokio::test]
async fn what_could_not_be_stored_has_not_happened() {
    let mut bench = Bench::new().await;
    let wait = only(json!({ "Type": "Wait", "Seconds": 60 }));
    let machine = bench.machine("Waiter", &wait).await;
    let held = bench.clock.busy("the test");
    let arn = bench.begin(&machine, "one", &json!({})).await;
    bench.full_disk(true).await;
    let stop = json!({ "executionArn": arn });
    let start = json!({ "stateMachineArn": machine, "name": "two" });
    for (operation, body) in [("StopExecution", &stop), ("StartExecution", &start)] {
        let refusal = bench.refused(operation, body.clone()).await;
        assert_eq!((refusal.code.as_str(), refusal.status), ("InternalServerError", 500));
    }
    bench.full_disk(false).await;
    assert_eq!(bench.describe(&arn).await["status"], "RUNNING");
    assert_eq!(bench.types(&arn).await, ["ExecutionStarted", "WaitStateEntered"]);
    bench.call("StartExecution", start).await;
    drop(held);
    assert_eq!(bench.ended(&arn).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_timer_that_falls_due_while_the_disk_is_full_is_offered_again() {
    let mut bench = Bench::new().await;
    let wait = only(json!({ "Type": "Wait", "Seconds": 60 }));
    let machine = bench.machine("Waiter", &wait).await;
    let held = bench.clock.busy("the test");
    let arn = bench.begin(&machine, "one", &json!({})).await;
    bench.full_disk(true).await;
    // A move that nobody has looked at holds the clock.
    bench.moved(&arn, |step| matches!(step, Moved::Entered { .. })).await;
    drop(held);
    while bench.timers() > 0 {
        tokio::task::yield_now().await;
    }
    bench.full_disk(false).await;
    assert_eq!(bench.ended(&arn).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_start_whose_answer_was_lost_can_be_asked_again() {
    let bench = Bench::new().await;
    let wait = only(json!({ "Type": "Wait", "Seconds": 60 }));
    let machine = bench.machine("Waiter", &wait).await;
    let _held = bench.clock.busy("the test");
    let faults = json!([
        { "at": "states.start", "calls": { "from": 1, "to": 1 }, "kind": "500" },
        { "at": "states.start", "calls": { "from": 2, "to": 2 }, "kind": "drop-answer" },
    ]);
    bench.faults.add(Fault::parse_list(&faults).unwrap()).unwrap();
    let start = json!({ "stateMachineArn": machine, "name": "ord_1" });
    let refused = bench.states.serve("StartExecution", start.clone(), None).await;
    assert!(matches!(refused, ServiceReply::Error(error) if error.status == 500));
    assert_eq!(
        bench.states.serve("StartExecution", start.clone(), None).await,
        ServiceReply::ConnectionClosed
    );
    let ServiceReply::Success(answer) = bench.states.serve("StartExecution", start, None).await
    else {
        panic!("the third start meets no fault");
    };
    let about = bench.describe(answer["executionArn"].as_str().unwrap()).await;
    assert_eq!(about["startDate"], answer["startDate"], "it is the one that was begun before");
}

#[tokio::test]
async fn a_kill_at_a_start_is_of_the_caller_and_nothing_is_started() {
    let bench = Bench::new().await;
    let machine = bench.machine("Waiter", &only(json!({ "Type": "Succeed" }))).await;
    let faults = json!([{ "at": "states.start", "kind": "kill", "order": "ord_1" }]);
    bench.faults.add(Fault::parse_list(&faults).unwrap()).unwrap();
    let start = json!({ "stateMachineArn": machine, "name": "ord_1" });
    let killed = bench.states.serve("StartExecution", start, Some(17)).await;
    assert_eq!((killed, bench.script.killed()), (ServiceReply::NoResponse, vec![17]));
    let body = json!({ "stateMachineArn": machine });
    assert_eq!(bench.call("ListExecutions", body).await["executions"], json!([]));
}
