//! Requests to DynamoDB.

use local_stack::aws::AwsError;
use local_stack::dynamodb::Caller;
use local_stack::stack::Stack;
use serde_json::{Value, json};

use crate::case::{Case, items, probe_stack, text};

async fn call(stack: &Stack, operation: &str, body: &Value) -> Result<Value, AwsError> {
    stack.dynamodb().call(operation, body, Caller::Other).await
}

pub(crate) async fn refused_transactions(case: &Case) {
    let stack = probe_stack().await;
    let input = case.input();
    for (body, expected) in items(&input["bodies"]).iter().zip(items(&input["expect"])) {
        let error = call(&stack, text(&input["operation"]), body).await.unwrap_err();
        assert_eq!(error.code, text(&expected["error"]), "{body}");
        for (index, code) in expected["reasons"].as_array().into_iter().flatten().enumerate() {
            assert_eq!(error.body["CancellationReasons"][index]["Code"], *code, "{body}");
        }
    }
    assert_eq!(stack.items("Inventory").await.unwrap(), [Value::Null; 0]);
    stack.shutdown().await;
}

pub(crate) async fn stored_numbers(case: &Case) {
    let stack = probe_stack().await;
    let input = case.input();
    let (table, attribute) = (&input["table"], text(&input["attribute"]));
    for (number, expected) in items(&input["items"]).iter().zip(items(&input["expect"])) {
        let mut item = input["key"].clone();
        item[attribute] = number.clone();
        let put = json!({ "TableName": table, "Item": item });
        let stored = call(&stack, text(&input["operation"]), &put).await;
        if expected.is_object() {
            check_error(&stored.unwrap_err(), expected);
        } else {
            stored.unwrap();
            let get = json!({ "TableName": table, "Key": input["key"] });
            let found = call(&stack, "GetItem", &get).await.unwrap();
            assert_eq!(found["Item"][attribute]["N"], *expected);
        }
    }
    stack.shutdown().await;
}

pub(crate) async fn refused_item(case: &Case) {
    let stack = probe_stack().await;
    let input = case.input();
    let refused = call(&stack, text(&input["operation"]), &input["body"]).await;
    check_error(&refused.unwrap_err(), &input["expect"]);
    stack.shutdown().await;
}

fn check_error(error: &AwsError, expected: &Value) {
    assert_eq!(error.code, text(&expected["error"]));
    assert!(error.message.contains(text(&expected["message_contains"])), "{error}");
}
