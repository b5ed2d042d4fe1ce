//! From which statuses a waiting task of the state machine may begin to wait: its own
//! `UpdateItem`, taken from `statemachine.asl.json`, against an order in the table.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use local_stack::clock::{ClockSettings, StackClock};
use local_stack::counters::Counters;
use local_stack::dynamodb::{Caller, Deps, DynamoDb, Store};
use local_stack::faults::Faults;
use local_stack::workspace;
use serde_json::{Value, json};

const ORDER: &str = "ord_1";

async fn table() -> DynamoDb {
    let deps = Deps {
        clock: StackClock::new(ClockSettings::default()),
        counters: Counters::new(),
        faults: Faults::new(),
        functions: None,
    };
    let tables = DynamoDb::open(Store::Memory, deps).unwrap();
    let definition = json!({
        "TableName": "Orders",
        "KeySchema": [{"AttributeName": "orderId", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "orderId", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    });
    tables.create_table(&definition).await.unwrap();
    tables
}

/// The request of a waiting task, with a value for each reference path.
fn request(state: &str) -> Value {
    let path = workspace::root().join("statemachine.asl.json");
    let machine: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut request = machine["States"][state]["Parameters"].clone();
    resolve(&mut request);
    request["TableName"] = json!("Orders");
    request
}

/// Replaces `"S.$": "$…"` by `"S": value`.
fn resolve(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(resolve),
        Value::Object(fields) => {
            if let Some(path) = fields.remove("S.$") {
                let text = match path.as_str().unwrap() {
                    "$$.Task.Token" => "token-new",
                    "$$.State.EnteredTime" => "2026-11-28T12:00:00.000Z",
                    _ => ORDER,
                };
                fields.insert("S".to_owned(), json!(text));
            }
            fields.values_mut().for_each(resolve);
        }
        _ => {}
    }
}

/// An order in this status, whose latest decision is this action for this token.
fn item(status: &str, decision: Option<(&str, &str)>, token: Option<&str>) -> Value {
    let mut item = json!({
        "orderId": {"S": ORDER}, "execution": {"S": ORDER}, "status": {"S": status},
        "version": {"N": "4"}, "timeline": {"L": []},
    });
    if let Some((action, token)) = decision {
        item["answer"] = json!({"M": {
            "kind": {"S": "OPERATOR"}, "action": {"S": action}, "token": {"S": token},
        }});
    }
    if let Some(token) = token {
        item["taskToken"] = json!({"S": token});
    }
    item
}

#[tokio::test]
async fn a_waiting_task_accepts_an_order_in_an_operators_hands_only_after_a_recorded_retry() {
    let tables = table().await;
    let begins_to_wait = async |state: &str, item: &Value| {
        let put = json!({"TableName": "Orders", "Item": item});
        tables.call("PutItem", &put, Caller::Other).await.unwrap();
        tables.call("UpdateItem", &request(state), Caller::Other).await.is_ok()
    };
    for state in ["AwaitReview", "AwaitRestock"] {
        let check = async |item: Value, expected: bool| {
            assert_eq!(begins_to_wait(state, &item).await, expected, "{state} {item}");
        };
        check(item("AUTHORIZED", None, None), true).await;
        check(item("SHIPPING", None, None), false).await;
        check(item("NEEDS_ATTENTION", None, Some("token-1")), false).await;
        let retry = Some(("retry", "token-1"));
        check(item("NEEDS_ATTENTION", retry, Some("token-1")), true).await;
        // A step has ended the wait since then.
        check(item("NEEDS_ATTENTION", retry, None), true).await;
        // The order waits for the operator again.
        check(item("NEEDS_ATTENTION", retry, Some("token-2")), false).await;
        check(item("NEEDS_ATTENTION", Some(("capture", "token-1")), Some("token-1")), false).await;
        check(item("SHIPPING", retry, None), false).await;
        let mut compensating = item("NEEDS_ATTENTION", retry, Some("token-1"));
        compensating["compensation"] = json!({"M": {}});
        check(compensating, false).await;
    }
}
