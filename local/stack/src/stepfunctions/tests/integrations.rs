//! What tasks call beside functions by ARN.

use serde_json::{Value, json};

use super::bench::{Act, Bench, only};

#[tokio::test]
async fn lambda_invoke_gives_the_payload_and_what_http_said() {
    let mut bench = Bench::new().await;
    bench.script.then("greet", Act::Return(json!("hello")));
    let task = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": { "FunctionName": "greet", "Payload": { "who.$": "$.who" } },
    });
    let machine = bench.machine("Greeter", &only(task)).await;
    let ended = bench.run(&machine, "one", &json!({ "who": "world" })).await;
    let output: Value = serde_json::from_str(ended["output"].as_str().unwrap()).unwrap();
    assert_eq!(output["Payload"], "hello");
    assert_eq!(output["StatusCode"], 200);
    assert_eq!(output["ExecutedVersion"], "$LATEST");
    assert_eq!(output["SdkHttpMetadata"]["HttpStatusCode"], 200);
    assert_eq!(bench.script.calls(), [("greet".to_owned(), json!({ "who": "world" }))]);
}

#[tokio::test]
async fn dynamodb_is_served_optimised_and_through_the_sdk() {
    let mut bench = Bench::new().await;
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
    let optimised = bench.machine("Plain", &only(put("arn:aws:states:::dynamodb:putItem"))).await;
    let sdk = put("arn:aws:states:::aws-sdk:dynamodb:putItem");
    let sdk = bench.machine("Sdk", &only(sdk)).await;
    let done = bench.run(&optimised, "a", &json!({ "id": "a" })).await;
    let output: Value = serde_json::from_str(done["output"].as_str().unwrap()).unwrap();
    assert_eq!(output["SdkHttpMetadata"]["HttpStatusCode"], 200);
    assert_eq!(bench.run(&sdk, "b", &json!({ "id": "b" })).await["output"], "{}");
    assert_eq!(bench.item("b").await["n"]["N"], "1");
    for (machine, id, prefix) in [(&optimised, "a", "DynamoDB"), (&sdk, "b", "DynamoDb")] {
        let name = format!("again-{id}");
        let refused = bench.run(machine, &name, &json!({ "id": id })).await;
        let expected = format!("{prefix}.ConditionalCheckFailedException");
        assert_eq!(refused["error"], expected);
    }
}

#[tokio::test]
async fn a_child_that_fails_fails_its_parent_with_its_own_story() {
    let mut bench = Bench::new().await;
    let fail = only(json!({ "Type": "Fail", "Error": "SomeFailure", "Cause": "as told" }));
    let child = bench.machine("Child", &fail).await;
    let task = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync",
        "Parameters": { "StateMachineArn": child, "Input": {}, "Name": "target" },
    });
    let parent = bench.machine("Parent", &only(task)).await;
    let ended = bench.run(&parent, "one", &json!({})).await;
    assert_eq!(ended["error"], "States.TaskFailed");
    let cause: Value = serde_json::from_str(ended["cause"].as_str().unwrap()).unwrap();
    assert_eq!(cause["Error"], "SomeFailure");
    assert_eq!(cause["Cause"], "as told");
    assert_eq!(cause["Status"], "FAILED");
    assert_eq!(cause["Input"], "{}");
    assert_eq!(cause["Name"], "target");
    assert!(cause["StartDate"].is_i64());
    let arn = ended["executionArn"].as_str().unwrap();
    assert!(bench.types(arn).await.contains(&"TaskSubmitted".to_owned()));
}

#[tokio::test]
async fn stopping_a_parent_stops_the_child_that_it_waits_for() {
    let mut bench = Bench::new().await;
    let held = bench.clock.busy("the test");
    let wait = only(json!({ "Type": "Wait", "Seconds": 600 }));
    let child = bench.machine("Child", &wait).await;
    let task = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": { "StateMachineArn": child, "Name": "target" },
    });
    let parent = bench.machine("Parent", &only(task)).await;
    let arn = bench.begin(&parent, "one", &json!({})).await;
    while !bench.types(&arn).await.contains(&"TaskSubmitted".to_owned()) {
        tokio::task::yield_now().await;
    }
    bench.call("StopExecution", json!({ "executionArn": arn })).await;
    let child = "arn:aws:states:us-east-1:000000000000:execution:Child:target";
    assert_eq!(bench.ended(child).await["status"], "ABORTED");
    drop(held);
}

#[tokio::test]
async fn the_sdk_reaches_this_very_service() {
    let mut bench = Bench::new().await;
    let answer = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sfn:sendTaskSuccess",
        "Parameters": { "TaskToken": "NoSuchTaskToken", "Output": "{}" },
    });
    let machine = bench.machine("Answerer", &only(answer)).await;
    let ended = bench.run(&machine, "one", &json!({})).await;
    assert_eq!(ended["error"], "Sfn.InvalidTokenException");
    assert!(
        ended["cause"].as_str().unwrap().starts_with(
            "Invalid Token: 'Invalid token' (Service: Sfn, Status Code: 400, Request ID: "
        ),
        "{}",
        ended["cause"]
    );
    let child = bench.machine("Child", &only(json!({ "Type": "Succeed" }))).await;
    let start = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sfn:startExecution",
        "Parameters": { "StateMachineArn": child, "Name": "target", "Input": null },
    });
    let machine = bench.machine("Starter", &only(start)).await;
    let ended = bench.run(&machine, "one", &json!({})).await;
    let output: Value = serde_json::from_str(ended["output"].as_str().unwrap()).unwrap();
    assert_eq!(
        output["ExecutionArn"],
        "arn:aws:states:us-east-1:000000000000:execution:Child:target"
    );
    assert!(output["StartDate"].as_str().unwrap().starts_with("2026-11-23T04:0"));
}

#[tokio::test]
async fn a_service_that_the_stack_does_not_stand_for_fails_at_once() {
    let mut bench = Bench::new().await;
    let task = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": { "QueueUrl": "q", "MessageBody": "m" },
    });
    let machine = bench.machine("Sender", &only(task)).await;
    let ended = bench.run(&machine, "one", &json!({})).await;
    assert_eq!(ended["error"], "States.TaskFailed");
    assert!(
        ended["cause"]
            .as_str()
            .unwrap()
            .contains("does not serve arn:aws:states:::sqs:sendMessage")
    );
}
