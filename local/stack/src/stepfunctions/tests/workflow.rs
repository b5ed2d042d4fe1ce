//! The state machine that ships, with scripted functions; its transcripts are read
//! in review like code.

use std::path::Path;

use serde_json::{Value, json};

use super::bench::{Act, Bench};
use crate::dynamodb::Caller;
use crate::stepfunctions::Moved;
use crate::trace;

/// The file that ships, with the substitutions that the template makes.
fn definition() -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut text = std::fs::read_to_string(root.join("statemachine.asl.json")).unwrap();
    for (name, function) in [
        ("ProcessPayment", "process-payment"),
        ("CheckInventory", "check-inventory"),
        ("InitiateShipping", "initiate-shipping"),
    ] {
        let arn = format!("arn:aws:lambda:us-east-1:000000000000:function:{function}:1");
        text = text.replace(&format!("${{{name}FunctionArn}}"), &arn);
    }
    text = text.replace("${OrdersTableName}", "Orders");
    serde_json::from_str(&text).unwrap()
}

struct Shop {
    bench: Bench,
    machine: String,
}

async fn shop() -> Shop {
    let bench = Bench::new().await;
    let table = json!({
        "TableName": "Orders",
        "AttributeDefinitions": [{ "AttributeName": "orderId", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "orderId", "KeyType": "HASH" }],
        "BillingMode": "PAY_PER_REQUEST",
    });
    bench.dynamodb.call("CreateTable", &table, Caller::Other).await.unwrap();
    let order = json!({ "TableName": "Orders", "Item": {
        "orderId": { "S": "ord_1" }, "execution": { "S": "ord_1" },
        "status": { "S": "AUTHORIZED" }, "version": { "N": "1" }, "timeline": { "L": [] },
    }});
    bench.dynamodb.call("PutItem", &order, Caller::Other).await.unwrap();
    let machine = bench.machine("OrderWorkflow", &definition()).await;
    Shop { bench, machine }
}

fn authorised(review: bool) -> Act {
    Act::Return(json!({
        "orderId": "ord_1", "paymentStatus": "AUTHORIZED", "reviewRequired": review,
        "reviewReasons": [], "reviewDeadlineSeconds": 172_800,
    }))
}

fn checked(passed: bool) -> Act {
    Act::Return(json!({
        "orderId": "ord_1", "inventoryResult": passed, "waitForRestock": false,
        "restockDeadlineSeconds": 1, "shortages": [],
    }))
}

impl Shop {
    fn answers(&self, function: &str, acts: Vec<Act>) {
        for act in acts {
            self.bench.script.then(function, act);
        }
    }

    async fn transcript(&mut self, input: Value) -> String {
        let arn = self.bench.begin(&self.machine, "ord_1", &input).await;
        self.bench.ended(&arn).await;
        self.told(&arn).await
    }

    async fn told(&self, arn: &str) -> String {
        trace::render(&self.bench.states.history(arn).await.unwrap())
    }
}

/// Compares with the golden transcript of that name in `transcripts/`.
fn check(name: &str, told: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/stepfunctions/tests/transcripts");
    let golden = std::fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap_or_default();
    assert_eq!(told, golden, "the transcript of {name} is now:\n{told}");
}

fn order() -> Value {
    json!({ "orderId": "ord_1" })
}

#[tokio::test]
async fn the_happy_path() {
    let mut shop = shop().await;
    let captured =
        json!({ "orderId": "ord_1", "status": "FULFILLED", "paymentStatus": "CAPTURED" });
    shop.answers("process-payment", vec![authorised(false), Act::Return(captured)]);
    shop.answers("check-inventory", vec![checked(true)]);
    check("the_happy_path", &shop.transcript(order()).await);
    assert_eq!(shop.bench.counters.for_order("ord_1").transitions, 7);
}

#[tokio::test]
async fn a_function_that_died_is_tried_again_after_fifteen_seconds() {
    let mut shop = shop().await;
    shop.answers("process-payment", vec![Act::Throw("Runtime.ExitError"), authorised(false)]);
    shop.answers("check-inventory", vec![checked(true)]);
    check(
        "a_function_that_died_is_tried_again_after_fifteen_seconds",
        &shop.transcript(order()).await,
    );
}

#[tokio::test]
async fn out_of_stock() {
    let mut shop = shop().await;
    let cancelled = json!({ "orderId": "ord_1", "outcome": "OUT_OF_STOCK" });
    shop.answers("process-payment", vec![authorised(false), Act::Return(cancelled)]);
    shop.answers("check-inventory", vec![checked(false)]);
    check("out_of_stock", &shop.transcript(order()).await);
}

#[tokio::test]
async fn a_review_that_nobody_answers() {
    let mut shop = shop().await;
    let cancelled = json!({ "orderId": "ord_1", "outcome": "REJECTED" });
    shop.answers("process-payment", vec![authorised(true), Act::Return(cancelled)]);
    check("a_review_that_nobody_answers", &shop.transcript(order()).await);
}

#[tokio::test]
async fn a_scheduled_order_that_the_carrier_refuses() {
    let mut shop = shop().await;
    shop.answers(
        "process-payment",
        vec![
            authorised(false),
            Act::Return(json!({ "orderId": "ord_1", "outcome": "SHIPPING_FAILED" })),
        ],
    );
    shop.answers(
        "check-inventory",
        vec![checked(true), Act::Return(json!({ "orderId": "ord_1", "released": true }))],
    );
    shop.answers(
        "initiate-shipping",
        vec![
            Act::Throw("ShippingRejected"),
            Act::Return(json!({ "orderId": "ord_1", "labelRefund": "NONE" })),
        ],
    );
    let scheduled = json!({ "orderId": "ord_1", "scheduledFor": "2026-11-26T04:00:00Z" });
    check("a_scheduled_order_that_the_carrier_refuses", &shop.transcript(scheduled).await);
}

#[tokio::test]
async fn a_review_that_was_approved() {
    let mut shop = shop().await;
    let captured = json!({ "orderId": "ord_1", "status": "FULFILLED" });
    shop.answers("process-payment", vec![authorised(true), Act::Return(captured)]);
    shop.answers("check-inventory", vec![checked(true)]);
    let held = shop.bench.clock.busy("the test");
    let arn = shop.bench.begin(&shop.machine, "ord_1", &order()).await;
    shop.bench.moved(&arn, |step| matches!(step, Moved::Waiting)).await;
    let key = json!({ "TableName": "Orders", "Key": { "orderId": { "S": "ord_1" } } });
    let item = shop.bench.dynamodb.call("GetItem", &key, Caller::Other).await.unwrap();
    assert_eq!(item["Item"]["status"]["S"], "IN_REVIEW");
    let token = &item["Item"]["taskToken"]["S"];
    let answer = json!({ "taskToken": token, "output": r#"{"approved":true}"# });
    shop.bench.call("SendTaskSuccess", answer).await;
    drop(held);
    shop.bench.ended(&arn).await;
    check("a_review_that_was_approved", &shop.told(&arn).await);
}

#[tokio::test]
async fn states_inside_of_states() {
    let mut bench = Bench::new().await;
    bench.script.then("pack", Act::Throw("Jammed"));
    let definition = json!({
        "StartAt": "Both",
        "States": {
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    { "StartAt": "Rest", "States": {
                        "Rest": { "Type": "Wait", "Seconds": 5400, "Next": "Rested" },
                        "Rested": { "Type": "Pass", "End": true },
                    } },
                    { "StartAt": "Pack", "States": { "Pack": {
                        "Type": "Task",
                        "Resource": "arn:aws:lambda:us-east-1:000000000000:function:pack",
                        "Retry": [{ "ErrorEquals": ["Jammed"], "IntervalSeconds": 3 }],
                        "End": true,
                    } } },
                ],
                "ResultPath": null,
                "Next": "Each",
            },
            "Each": {
                "Type": "Map",
                "ItemsPath": "$.items",
                "MaxConcurrency": 1,
                "ItemProcessor": { "StartAt": "Count", "States": {
                    "Count": { "Type": "Pass", "Next": "Enough" },
                    "Enough": { "Type": "Succeed" },
                } },
                "Next": "Done",
            },
            "Done": { "Type": "Succeed" },
        }
    });
    let machine = bench.machine("Nested", &definition).await;
    let arn = bench.begin(&machine, "one", &json!({ "items": [1, 2] })).await;
    bench.ended(&arn).await;
    let history = bench.states.history(&arn).await.unwrap();
    check("states_inside_of_states", &trace::render(&history));
    assert_eq!(
        trace::entered_states(&history).into_iter().map(|state| state.name).collect::<Vec<_>>(),
        ["Both", "Rest", "Pack", "Rested", "Each", "Count", "Enough", "Count", "Enough", "Done"]
    );
}
