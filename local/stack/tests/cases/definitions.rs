//! State machines that AWS runs with a known result, or refuses to create.

use local_stack::stack::Stack;
use local_stack::stepfunctions::ProgressEvent;
use serde_json::{Value, json};

use crate::case::{Case, probe_stack, text};

pub(crate) async fn check(case: &Case) {
    let input = case.input();
    let expected = &input["expect"];
    let stack = probe_stack().await;
    let created = create(&stack, input).await;
    if expected["status"] == "REFUSED_AT_CREATE" {
        assert_eq!(created.unwrap_err().code, text(&expected["error"]));
    } else {
        let ended = run(&stack, &created.unwrap(), &input["input"]).await;
        assert_eq!(ended["status"], expected["status"], "{ended}");
        let output: Value = serde_json::from_str(text(&ended["output"])).unwrap();
        assert_eq!(output, expected["output"]);
    }
    stack.shutdown().await;
}

/// Creates the state machine of a case and returns its ARN.
pub(crate) async fn create(
    stack: &Stack,
    input: &Value,
) -> Result<Value, local_stack::aws::AwsError> {
    let body = json!({
        "name": "Case",
        "definition": input["definition"].to_string(),
        "roleArn": "arn:aws:iam::000000000000:role/case",
        "type": input.get("type").unwrap_or(&json!("STANDARD")),
    });
    let created = stack.step_functions().api("CreateStateMachine", body).await?;
    Ok(created["stateMachineArn"].clone())
}

/// Runs an execution and describes it.
async fn run(stack: &Stack, machine: &Value, input: &Value) -> Value {
    let states = stack.step_functions();
    let mut progress = states.subscribe();
    let start = json!({ "stateMachineArn": machine, "input": input.to_string() });
    let started = states.api("StartExecution", start).await.unwrap();
    loop {
        let progress = progress.recv().await.unwrap().progress;
        let ended = matches!(progress.event, ProgressEvent::Ended { .. });
        if ended && progress.execution_arn == text(&started["executionArn"]) {
            break;
        }
    }
    let describe = json!({ "executionArn": started["executionArn"] });
    states.api("DescribeExecution", describe).await.unwrap()
}
