//! The permissions of callers and of the role of a state machine.

use std::sync::Arc;

use serde_json::{Value, json};

use super::test_bed::{START, ScriptedFunctions, TestBed, single_state};
use crate::aws::{ServiceReply, Signer};
use crate::iam::Permissions;
use crate::iam::policy::Policies;
use crate::iam::role::Role;
use crate::stepfunctions::StoreLocation;

/// A service whose state machines may do only what these statements allow, and so may the
/// function `caller`.
async fn bed(statements: Value) -> TestBed {
    let document = json!({ "Version": "2012-10-17", "Statement": statements });
    let policies = Policies::parse([&document]).unwrap();
    let role = Role { name: "workflow".to_owned(), policies };
    let permissions =
        Permissions::new([role], [("caller".to_owned(), "workflow".to_owned())].into());
    let functions = ScriptedFunctions::default();
    TestBed::enforcing(Some(Arc::new(permissions)), functions, StoreLocation::Memory, START).await
}

fn task(resource: &str, parameters: &Value) -> Value {
    json!({ "Type": "Task", "Resource": resource, "Parameters": parameters })
}

fn allow(action: &str, resource: &str) -> Value {
    json!([{ "Effect": "Allow", "Action": action, "Resource": resource }])
}

#[tokio::test]
async fn a_call_that_the_role_of_the_state_machine_does_not_allow_fails_as_on_aws() {
    let function = "arn:aws:lambda:us-east-1:000000000000:function:greet";
    let invoke = task("arn:aws:states:::lambda:invoke", &json!({ "FunctionName": "greet" }));
    let get = json!({ "TableName": "Things", "Key": { "id": { "S": "a" } } });
    let start = json!({
        "StateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:Child",
    });
    let cases = [
        (task(function, &json!({})), "Lambda.AWSLambdaException"),
        (invoke, "Lambda.AWSLambdaException"),
        (task("arn:aws:states:::dynamodb:getItem", &get), "DynamoDB.AmazonDynamoDBException"),
        (task("arn:aws:states:::aws-sdk:dynamodb:getItem", &get), "DynamoDb.DynamoDbException"),
        (
            task("arn:aws:states:::states:startExecution", &start),
            "StepFunctions.AWSStepFunctionsException",
        ),
        (task("arn:aws:states:::aws-sdk:sfn:startExecution", &start), "Sfn.SfnException"),
    ];
    let mut bed = bed(allow("dynamodb:GetItem", "arn:aws:dynamodb:*:*:table/Others")).await;
    for (number, (state, error)) in cases.into_iter().enumerate() {
        let machine = bed.create(&format!("Machine{number}"), &single_state(state)).await;
        let ended = bed.run(&machine, "one", &json!({})).await;
        assert_eq!(ended["error"], error);
        let cause = ended["cause"].as_str().unwrap();
        assert!(
            cause.starts_with("User: arn:aws:sts::000000000000:assumed-role/workflow/"),
            "{cause}"
        );
        assert!(cause.contains(" because no identity-based policy allows the "), "{cause}");
    }
    assert!(bed.functions.calls().is_empty(), "a denied invocation runs nothing");
}

#[tokio::test]
async fn the_qualifier_of_a_function_is_part_of_the_resource() {
    let versions = "arn:aws:lambda:us-east-1:000000000000:function:greet:*";
    let mut bed = bed(allow("lambda:InvokeFunction", versions)).await;
    let function = "arn:aws:lambda:us-east-1:000000000000:function:greet";
    for (name, arn, status) in
        [("Version", format!("{function}:1"), "SUCCEEDED"), ("Latest", function.into(), "FAILED")]
    {
        let machine = bed.create(name, &single_state(task(&arn, &json!({})))).await;
        assert_eq!(bed.run(&machine, "one", &json!({})).await["status"], status, "{name}");
    }
}

#[tokio::test]
async fn a_task_token_needs_the_permission_on_its_state_machine() {
    let start = "arn:aws:states:us-east-1:000000000000:stateMachine:Waiter";
    let statements = json!([
        { "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*" },
        { "Effect": "Allow", "Action": "states:SendTaskSuccess", "Resource": start },
    ]);
    let bed = bed(statements).await;
    let waits = task(
        "arn:aws:states:::lambda:invoke.waitForTaskToken",
        &json!({ "FunctionName": "greet", "Payload": { "token.$": "$$.Task.Token" } }),
    );
    let machine = bed.create("Waiter", &single_state(waits)).await;
    bed.call("StartExecution", json!({ "stateMachineArn": machine, "name": "one" })).await;
    bed.functions.wait_for_calls(1).await;
    let token = bed.functions.calls()[0].1["token"].clone();
    let caller = Signer::of_worker("caller", 1);
    let failure = json!({ "taskToken": token });
    let denied = bed.states.serve("SendTaskFailure", failure, &caller).await;
    let ServiceReply::Error(denied) = denied else { panic!("{denied:?}") };
    assert_eq!((denied.status, denied.code.as_str()), (400, "AccessDeniedException"));
    assert!(denied.message.contains(&format!("states:SendTaskFailure on resource: {start} ")));
    let success = json!({ "taskToken": token, "output": "{}" });
    let sent = bed.states.serve("SendTaskSuccess", success, &caller).await;
    assert!(matches!(sent, ServiceReply::Success(_)), "{sent:?}");
}
