//! Service integrations other than functions by ARN.

use serde_json::{Value, json};

use super::test_bed::{Response, TestBed, single_state};

#[tokio::test]
async fn lambda_invoke_returns_the_payload_and_the_http_metadata() {
    let mut bed = TestBed::new().await;
    bed.functions.respond_once("greet", Response::Return(json!("hello")));
    let task = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": { "FunctionName": "greet", "Payload": { "who.$": "$.who" } },
    });
    let machine = bed.create("Greeter", &single_state(task)).await;
    let ended = bed.run(&machine, "one", &json!({ "who": "world" })).await;
    let output: Value = serde_json::from_str(ended["output"].as_str().unwrap()).unwrap();
    assert_eq!(output["Payload"], "hello");
    assert_eq!(output["StatusCode"], 200);
    assert_eq!(output["ExecutedVersion"], "$LATEST");
    assert_eq!(output["SdkHttpMetadata"]["HttpStatusCode"], 200);
    assert_eq!(bed.functions.calls(), [("greet".to_owned(), json!({ "who": "world" }))]);
}

#[tokio::test]
async fn dynamodb_works_as_an_optimized_and_as_an_sdk_integration() {
    let mut bed = TestBed::new().await;
    let put = |resource: &str| {
        json!({
            "Type": "Task",
            "Resource": resource,
            "Parameters": {
                "TableName": "Things",
                "Item": { "id": { "S.$": "$.id" }, "n": { "N": "1" } },
                "ConditionExpression": "attribute_not_exists(id)",
            },
        })
    };
    let optimized =
        bed.create("Plain", &single_state(put("arn:aws:states:::dynamodb:putItem"))).await;
    let sdk = put("arn:aws:states:::aws-sdk:dynamodb:putItem");
    let sdk = bed.create("Sdk", &single_state(sdk)).await;
    let done = bed.run(&optimized, "a", &json!({ "id": "a" })).await;
    let output: Value = serde_json::from_str(done["output"].as_str().unwrap()).unwrap();
    assert_eq!(output["SdkHttpMetadata"]["HttpStatusCode"], 200);
    assert_eq!(bed.run(&sdk, "b", &json!({ "id": "b" })).await["output"], "{}");
    assert_eq!(bed.item("b").await["n"]["N"], "1");
    for (machine, id, prefix) in [(&optimized, "a", "DynamoDB"), (&sdk, "b", "DynamoDb")] {
        let name = format!("again-{id}");
        let rejected = bed.run(machine, &name, &json!({ "id": id })).await;
        let expected = format!("{prefix}.ConditionalCheckFailedException");
        assert_eq!(rejected["error"], expected);
    }
}

#[tokio::test]
async fn a_failed_child_fails_its_parent_with_the_childs_description_as_cause() {
    let mut bed = TestBed::new().await;
    let fail = single_state(json!({ "Type": "Fail", "Error": "SomeFailure", "Cause": "because" }));
    let child = bed.create("Child", &fail).await;
    let task = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync",
        "Parameters": { "StateMachineArn": child, "Input": {}, "Name": "target" },
    });
    let parent = bed.create("Parent", &single_state(task)).await;
    let ended = bed.run(&parent, "one", &json!({})).await;
    assert_eq!(ended["error"], "States.TaskFailed");
    let cause: Value = serde_json::from_str(ended["cause"].as_str().unwrap()).unwrap();
    assert_eq!(cause["Error"], "SomeFailure");
    assert_eq!(cause["Cause"], "because");
    assert_eq!(cause["Status"], "FAILED");
    assert_eq!(cause["Input"], "{}");
    assert_eq!(cause["Name"], "target");
    assert!(cause["StartDate"].is_i64());
    let arn = ended["executionArn"].as_str().unwrap();
    assert!(bed.event_types(arn).await.contains(&"TaskSubmitted".to_owned()));
}

#[tokio::test]
async fn stopping_a_parent_stops_its_child() {
    let mut bed = TestBed::new().await;
    let busy = bed.clock.busy("the test");
    let wait = single_state(json!({ "Type": "Wait", "Seconds": 600 }));
    let child = bed.create("Child", &wait).await;
    let task = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": { "StateMachineArn": child, "Name": "target" },
    });
    let parent = bed.create("Parent", &single_state(task)).await;
    let arn = bed.start(&parent, "one", &json!({})).await;
    while !bed.event_types(&arn).await.contains(&"TaskSubmitted".to_owned()) {
        tokio::task::yield_now().await;
    }
    bed.call("StopExecution", json!({ "executionArn": arn })).await;
    let child = "arn:aws:states:us-east-1:000000000000:execution:Child:target";
    assert_eq!(bed.wait_for_end(child).await["status"], "ABORTED");
    drop(busy);
}

#[tokio::test]
async fn the_sdk_integration_calls_this_service() {
    let mut bed = TestBed::new().await;
    let send = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sfn:sendTaskSuccess",
        "Parameters": { "TaskToken": "NoSuchTaskToken", "Output": "{}" },
    });
    let machine = bed.create("Sender", &single_state(send)).await;
    let ended = bed.run(&machine, "one", &json!({})).await;
    assert_eq!(ended["error"], "Sfn.InvalidTokenException");
    assert!(
        ended["cause"].as_str().unwrap().starts_with(
            "Invalid Token: 'Invalid token' (Service: Sfn, Status Code: 400, Request ID: "
        ),
        "{}",
        ended["cause"]
    );
    let child = bed.create("Child", &single_state(json!({ "Type": "Succeed" }))).await;
    let start = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sfn:startExecution",
        "Parameters": { "StateMachineArn": child, "Name": "target", "Input": null },
    });
    let machine = bed.create("Starter", &single_state(start)).await;
    let ended = bed.run(&machine, "one", &json!({})).await;
    let output: Value = serde_json::from_str(ended["output"].as_str().unwrap()).unwrap();
    assert_eq!(
        output["ExecutionArn"],
        "arn:aws:states:us-east-1:000000000000:execution:Child:target"
    );
    assert!(output["StartDate"].as_str().unwrap().starts_with("2026-11-23T04:0"));
}

#[tokio::test]
async fn a_call_of_an_unsupported_service_fails_immediately() {
    let mut bed = TestBed::new().await;
    let task = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": { "QueueUrl": "q", "MessageBody": "m" },
    });
    let machine = bed.create("Sender", &single_state(task)).await;
    let ended = bed.run(&machine, "one", &json!({})).await;
    assert_eq!(ended["error"], "States.TaskFailed");
    assert!(
        ended["cause"]
            .as_str()
            .unwrap()
            .contains("does not serve arn:aws:states:::sqs:sendMessage")
    );
}
