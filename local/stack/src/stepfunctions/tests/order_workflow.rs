//! The order workflow with scripted functions.
//!
//! Each test compares the execution trace with a file in `traces/`; a change of a trace is
//! reviewed like code. `UPDATE_TRACES=1` rewrites the files.

use std::path::Path;

use domain::operation::Function;
use serde_json::{Value, json};

use super::test_bed::{Response, TestBed};
use crate::dynamodb::Caller;
use crate::stepfunctions::ProgressEvent;
use crate::trace;

/// `statemachine.asl.json` with the substitutions of `template.yaml`.
fn definition() -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut text = std::fs::read_to_string(root.join("statemachine.asl.json")).unwrap();
    for function in Function::ALL {
        let arn = format!("arn:aws:lambda:us-east-1:000000000000:function:{function}:1");
        text = text.replace(&format!("${{{}Arn}}", function.logical_id()), &arn);
    }
    text = text.replace("${OrdersTableName}", "Orders");
    serde_json::from_str(&text).unwrap()
}

struct Workflow {
    bed: TestBed,
    machine: String,
}

async fn workflow() -> Workflow {
    let bed = TestBed::new().await;
    let table = json!({
        "TableName": "Orders",
        "AttributeDefinitions": [{ "AttributeName": "orderId", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "orderId", "KeyType": "HASH" }],
        "BillingMode": "PAY_PER_REQUEST",
    });
    bed.dynamodb.call("CreateTable", &table, Caller::Other).await.unwrap();
    let order = json!({ "TableName": "Orders", "Item": {
        "orderId": { "S": "ord_1" }, "execution": { "S": "ord_1" },
        "status": { "S": "AUTHORIZED" }, "version": { "N": "1" }, "timeline": { "L": [] },
    }});
    bed.dynamodb.call("PutItem", &order, Caller::Other).await.unwrap();
    let machine = bed.create("OrderWorkflow", &definition()).await;
    Workflow { bed, machine }
}

fn authorized(review: bool) -> Response {
    Response::Return(json!({
        "orderId": "ord_1", "paymentStatus": "AUTHORIZED", "reviewRequired": review,
        "reviewReasons": [], "reviewDeadlineSeconds": 172_800,
    }))
}

fn inventory_checked(passed: bool) -> Response {
    Response::Return(json!({
        "orderId": "ord_1", "inventoryResult": passed, "waitForRestock": false,
        "restockDeadlineSeconds": 1, "shortages": [],
    }))
}

impl Workflow {
    fn respond(&self, function: &str, responses: Vec<Response>) {
        for response in responses {
            self.bed.functions.respond_once(function, response);
        }
    }

    async fn run(&mut self, input: Value) -> String {
        let arn = self.bed.start(&self.machine, "ord_1", &input).await;
        self.bed.wait_for_end(&arn).await;
        self.trace(&arn).await
    }

    async fn trace(&self, arn: &str) -> String {
        trace::render(&self.bed.states.history(arn).await.unwrap())
    }
}

/// Compares a trace with the file of this name in `traces/`.
fn check(name: &str, trace: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/stepfunctions/tests/traces");
    let file = folder.join(format!("{name}.txt"));
    #[expect(clippy::disallowed_methods, reason = "whether to rewrite the golden file")]
    if std::env::var_os("UPDATE_TRACES").is_some() {
        std::fs::write(&file, trace).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(trace, golden, "the trace of {name} is now:\n{trace}");
}

fn order() -> Value {
    json!({ "orderId": "ord_1" })
}

#[tokio::test]
async fn an_order_that_ships() {
    let mut workflow = workflow().await;
    let captured =
        json!({ "orderId": "ord_1", "status": "FULFILLED", "paymentStatus": "CAPTURED" });
    workflow.respond("process-payment", vec![authorized(false), Response::Return(captured)]);
    workflow.respond("check-inventory", vec![inventory_checked(true)]);
    let trace = workflow.run(order()).await;
    check("an_order_that_ships", &trace);
    let states = trace.lines().filter(|line| line.starts_with(['├', '└'])).count();
    assert_eq!(workflow.bed.counters.for_order("ord_1").transitions, states as u64);
}

#[tokio::test]
async fn a_function_that_dies_is_retried_after_fifteen_seconds() {
    let mut workflow = workflow().await;
    workflow
        .respond("process-payment", vec![Response::Fail("Runtime.ExitError"), authorized(false)]);
    workflow.respond("check-inventory", vec![inventory_checked(true)]);
    check("a_function_that_dies_is_retried_after_fifteen_seconds", &workflow.run(order()).await);
}

#[tokio::test]
async fn an_order_that_is_out_of_stock() {
    let mut workflow = workflow().await;
    let canceled = json!({ "orderId": "ord_1", "outcome": "OUT_OF_STOCK" });
    workflow.respond("process-payment", vec![authorized(false), Response::Return(canceled)]);
    workflow.respond("check-inventory", vec![inventory_checked(false)]);
    check("an_order_that_is_out_of_stock", &workflow.run(order()).await);
}

#[tokio::test]
async fn a_review_that_times_out() {
    let mut workflow = workflow().await;
    let canceled = json!({ "orderId": "ord_1", "outcome": "REJECTED" });
    workflow.respond("process-payment", vec![authorized(true), Response::Return(canceled)]);
    check("a_review_that_times_out", &workflow.run(order()).await);
}

#[tokio::test]
async fn a_scheduled_order_that_the_shipping_provider_rejects() {
    let mut workflow = workflow().await;
    workflow.respond(
        "process-payment",
        vec![
            authorized(false),
            Response::Return(json!({ "orderId": "ord_1", "outcome": "SHIPPING_FAILED" })),
        ],
    );
    workflow.respond(
        "check-inventory",
        vec![
            inventory_checked(true),
            Response::Return(json!({ "orderId": "ord_1", "released": true })),
        ],
    );
    workflow.respond(
        "initiate-shipping",
        vec![
            Response::Fail("ShippingRejected"),
            Response::Return(json!({ "orderId": "ord_1", "labelRefund": "NONE" })),
        ],
    );
    let scheduled = json!({ "orderId": "ord_1", "scheduledFor": "2026-11-26T04:00:00Z" });
    check("a_scheduled_order_that_the_shipping_provider_rejects", &workflow.run(scheduled).await);
}

#[tokio::test]
async fn a_review_that_is_approved() {
    let mut workflow = workflow().await;
    let captured = json!({ "orderId": "ord_1", "status": "FULFILLED" });
    workflow.respond("process-payment", vec![authorized(true), Response::Return(captured)]);
    workflow.respond("check-inventory", vec![inventory_checked(true)]);
    let busy = workflow.bed.clock.busy("the test");
    let arn = workflow.bed.start(&workflow.machine, "ord_1", &order()).await;
    workflow.bed.wait_for(&arn, |event| matches!(event, ProgressEvent::WaitingForToken)).await;
    let key = json!({ "TableName": "Orders", "Key": { "orderId": { "S": "ord_1" } } });
    let item = workflow.bed.dynamodb.call("GetItem", &key, Caller::Other).await.unwrap();
    assert_eq!(item["Item"]["status"]["S"], "IN_REVIEW");
    let token = &item["Item"]["taskToken"]["S"];
    let result = json!({ "taskToken": token, "output": r#"{"approved":true}"# });
    workflow.bed.call("SendTaskSuccess", result).await;
    drop(busy);
    workflow.bed.wait_for_end(&arn).await;
    check("a_review_that_is_approved", &workflow.trace(&arn).await);
}

#[tokio::test]
async fn nested_states() {
    let mut bed = TestBed::new().await;
    bed.functions.respond_once("pack", Response::Fail("Jammed"));
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
    let machine = bed.create("Nested", &definition).await;
    let arn = bed.start(&machine, "one", &json!({ "items": [1, 2] })).await;
    bed.wait_for_end(&arn).await;
    let history = bed.states.history(&arn).await.unwrap();
    check("nested_states", &trace::render(&history));
    assert_eq!(
        trace::entered_states(&history).into_iter().map(|state| state.name).collect::<Vec<_>>(),
        ["Both", "Rest", "Pack", "Rested", "Each", "Count", "Enough", "Count", "Enough", "Done"]
    );
}
