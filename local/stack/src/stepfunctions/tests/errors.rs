//! What the API refuses, by AWS's codes and in AWS's words.

use serde_json::{Value, json};

use super::bench::{Bench, ROLE, only};

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
