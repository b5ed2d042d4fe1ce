//! DynamoDB: the emulator, and what the stack adds to it.

use std::num::NonZeroU32;
use std::sync::Arc;

use jiff::SignedDuration;
use local_stack::clock::ClockSettings;
use local_stack::dynamodb::{Caller, DynamoDb};
use serde_json::{Value, json};

use crate::support::{TestHost, host, host_on, probe};

fn function() -> Caller {
    Caller::Function("process-payment".to_owned())
}

fn order(id: &str) -> Value {
    json!({ "orderId": { "S": id } })
}

fn update(id: &str, condition: &str) -> Value {
    json!({
        "TableName": "Orders",
        "Key": order(id),
        "UpdateExpression": "SET version = if_not_exists(version, :zero) + :one",
        "ConditionExpression": condition,
        "ExpressionAttributeValues": { ":zero": { "N": "0" }, ":one": { "N": "1" } },
        "ReturnValues": "ALL_NEW",
    })
}

/// A transaction on an order and a stock item.
fn transaction(token: &str) -> Value {
    json!({
        "ClientRequestToken": token,
        "TransactItems": [
            { "Update": {
                "TableName": "Orders", "Key": order("o1"),
                "UpdateExpression": "ADD version :one",
                "ExpressionAttributeValues": { ":one": { "N": "1" } } } },
            { "Update": {
                "TableName": "Inventory", "Key": { "sku": { "S": "MUG" } },
                "UpdateExpression": "ADD available :one",
                "ExpressionAttributeValues": { ":one": { "N": "1" } } } },
        ],
    })
}

async fn version_of(tables: &DynamoDb, id: &str) -> Value {
    let read = json!({ "TableName": "Orders", "Key": order(id), "ConsistentRead": true });
    let found = tables.call("GetItem", &read, Caller::Other).await.expect("it reads");
    found["Item"]["version"]["N"].clone()
}

#[tokio::test]
async fn an_order_is_written_conditionally_and_read_back() {
    let tables = host(probe()).tables().await;
    let body = update("o1", "attribute_not_exists(orderId)");
    let written = tables.call("UpdateItem", &body, function()).await.expect("it is new");
    assert_eq!(written["Attributes"]["version"]["N"], "1");
    let error = tables.call("UpdateItem", &body, function()).await.expect_err("it is there");
    assert_eq!(error.code, "ConditionalCheckFailedException");
    assert_eq!(error.message, "The conditional request failed");
    assert_eq!(error.status, 400);
    assert_eq!(
        error.body["__type"],
        "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
    );
    assert_eq!(version_of(&tables, "o1").await, "1");
}

#[tokio::test]
async fn an_invalid_request_gets_dynamodbs_error() {
    async fn check(operation: &str, body: Value, code: &str) {
        let tables = host(probe()).tables().await;
        let error = tables.call(operation, &body, Caller::Other).await.expect_err("it is refused");
        assert_eq!(error.code, code, "{operation} {body}: {}", error.message);
    }
    check("Conjure", json!({}), "UnknownOperationException").await;
    check("GetItem", json!({}), "ValidationException").await;
    check("GetItem", json!({ "TableName": 7, "Key": {} }), "SerializationException").await;
    check(
        "GetItem",
        json!({ "TableName": "Nowhere", "Key": order("o1") }),
        "ResourceNotFoundException",
    )
    .await;
    check(
        "GetItem",
        json!({ "TableName": "Orders", "Key": { "orderId": {} } }),
        "ValidationException",
    )
    .await;
}

#[tokio::test]
async fn a_canceled_transaction_has_a_reason_for_each_action() {
    let tables = host(probe()).tables().await;
    let mut body = transaction("t1");
    body["TransactItems"][1]["Update"]["ConditionExpression"] = json!("attribute_exists(sku)");
    let error =
        tables.call("TransactWriteItems", &body, function()).await.expect_err("no such item");
    assert_eq!(error.code, "TransactionCanceledException");
    let codes: Vec<_> = error.body["CancellationReasons"]
        .as_array()
        .expect("reasons")
        .iter()
        .map(|reason| reason["Code"].as_str().expect("a code"))
        .collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
    assert_eq!(version_of(&tables, "o1").await, Value::Null, "all or nothing");
}

#[tokio::test]
async fn the_calls_of_an_order_are_counted() {
    let hosted = host(probe());
    let tables = hosted.tables().await;
    let api = || Caller::Function("order-api".to_owned());
    let read = json!({ "TableName": "Orders", "Key": order("o1") });
    let put = json!({ "TableName": "Orders", "Item": order("o1") });
    let calls = [
        ("PutItem", &put, api()),
        ("GetItem", &read, api()),
        ("GetItem", &read, function()),
        ("UpdateItem", &update("o1", "attribute_exists(orderId)"), Caller::StateMachine),
        ("TransactWriteItems", &transaction("t1"), Caller::Function("check-inventory".to_owned())),
        ("GetItem", &read, Caller::Other),
    ];
    for (operation, body, caller) in calls {
        tables.call(operation, body, caller).await.expect(operation);
    }
    let counts = hosted.counters.for_order("o1");
    assert_eq!((counts.reads, counts.writes, counts.transactions), (1, 2, 1));
}

#[tokio::test]
async fn a_planned_fault_applies_to_its_call_with_or_without_the_effect() {
    async fn check(kind: &str, code: &str, effect: bool) {
        let hosted = host(probe());
        let tables = hosted.tables().await;
        plan(&hosted, "store.UpdateItem", kind);
        let body = update("o1", "attribute_not_exists(nothing)");
        let error = tables.call("UpdateItem", &body, function()).await.expect_err(kind);
        assert_eq!(error.code, code, "{kind}");
        let version = version_of(&tables, "o1").await;
        assert_eq!(version == "1", effect, "{kind} left version {version}");
        tables.call("UpdateItem", &body, function()).await.expect("the second call succeeds");
    }
    check("throttle", "ProvisionedThroughputExceededException", false).await;
    check("conflict", "TransactionConflictException", false).await;
    check("500", "InternalServerError", false).await;
    check("500-with-effect", "InternalServerError", true).await;
    check("down", "SdkClientException", false).await;
    check("hang", "SdkClientException", false).await;
    check("drop-answer", "SdkClientException", true).await;
    check("kill", "SdkClientException", true).await;
}

#[tokio::test]
async fn an_injected_conflict_cancels_a_transaction() {
    let hosted = host(probe());
    let tables = hosted.tables().await;
    plan(&hosted, "store.TransactWriteItems", "conflict");
    let error = tables.call("TransactWriteItems", &transaction("t1"), function()).await;
    let error = error.expect_err("it is planned");
    assert_eq!(error.code, "TransactionCanceledException");
    assert!(error.message.ends_with("[TransactionConflict, None]"), "{}", error.message);
    assert_eq!(error.body["CancellationReasons"][0]["Code"], "TransactionConflict");
    assert_eq!(version_of(&tables, "o1").await, Value::Null);
}

#[tokio::test]
async fn a_transaction_token_is_valid_for_ten_minutes_of_the_stacks_clock() {
    let clock = ClockSettings { speed: NonZeroU32::MIN, skip: true, start: None };
    let hosted = host_on(clock, probe());
    let tables = hosted.tables().await;
    let send = |body: Value| {
        let tables = Arc::clone(&tables);
        async move { tables.call("TransactWriteItems", &body, function()).await }
    };
    let hold = hosted.clock.busy("the test");
    send(transaction("t1")).await.expect("it is new");
    send(transaction("t1")).await.expect("a repeat is answered");
    assert_eq!(version_of(&tables, "o1").await, "1", "a repeat changes nothing");

    let mut other = transaction("t1");
    other["TransactItems"][0]["Update"]["Key"] = order("o2");
    let error = send(other).await.expect_err("the token is another request's");
    assert_eq!(error.code, "IdempotentParameterMismatchException");

    let later = hosted.clock.now().saturating_add(SignedDuration::from_mins(11)).expect("a time");
    let sleep = hosted.clock.sleep_until(later);
    drop(hold);
    let _hold = sleep.await;
    send(transaction("t1")).await.expect("the token is forgotten");
    assert_eq!(version_of(&tables, "o1").await, "2");
}

#[tokio::test]
async fn a_failed_transaction_does_not_use_up_its_token() {
    let hosted = host(probe());
    let tables = hosted.tables().await;
    plan(&hosted, "store.TransactWriteItems", "conflict");
    let body = transaction("t1");
    tables.call("TransactWriteItems", &body, function()).await.expect_err("it is planned");
    tables.call("TransactWriteItems", &body, function()).await.expect("it is run now");
    assert_eq!(version_of(&tables, "o1").await, "1");
}

fn plan(hosted: &TestHost, at: &str, kind: &str) {
    let fault = json!([{ "at": at, "calls": { "from": 1, "to": 1 }, "kind": kind }]);
    hosted.faults.add_json(&fault).expect("a plan");
}
