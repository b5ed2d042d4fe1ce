//! The catalog, fault by fault, and which orders a planted fault meets.

use std::collections::BTreeMap;

use local_stack::scenarios::scenario::{Expectation, Group, Scenario, Submission};
use local_stack::scenarios::{Ledger, Report, read_json, runner};
use local_stack::workspace;
use serde_json::{Value, json};

use crate::test_bed::{TestBed, sample_order};

/// The total of `two-items.json`.
const TOTAL: i64 = 4499;

fn catalog() -> Vec<Value> {
    read_json(&workspace::root().join("local/stack/faults.json")).unwrap()
}

/// The order of one fault: it is planted on the panel, not by the scenario.
fn scenario(fault: &Value) -> Scenario {
    let text = |name: &str| fault[name].as_str().unwrap().to_owned();
    let dies_while_placing = fault["stage"] == "placement";
    let actions = fault.get("resolve").cloned().unwrap_or(json!([]));
    Scenario {
        name: format!("panel-{}", text("id")),
        title: text("title"),
        group: Group::Other,
        about: text("outcome"),
        order: sample_order("two-items.json"),
        scheduled_in: None,
        setup: Vec::new(),
        faults: Vec::new(),
        submission: Submission {
            expected_status: dies_while_placing.then_some(500),
            ..Submission::default()
        },
        additional_orders: Vec::new(),
        actions: serde_json::from_value(actions).unwrap(),
        expected: expectation(&fault["expect"]),
    }
}

fn expectation(ending: &Value) -> Expectation {
    let status = ending["status"].as_str().unwrap().to_owned();
    let error = match status.as_str() {
        "FULFILLED" => None,
        "PAYMENT_FAILED" => Some("PaymentProcessingError"),
        "OUT_OF_STOCK" | "INVENTORY_FAILED" => Some("InventoryCheckError"),
        "SHIPPING_FAILED" => Some("ShippingError"),
        other => panic!("no error is known for {other}"),
    };
    let shipped = error.is_none();
    let money = |applies: bool| if applies { TOTAL } else { 0 };
    let authorized = ending["authorized"] == true;
    Expectation {
        status,
        error: error.map(str::to_owned),
        states: None,
        ledger: Ledger {
            authorized: money(authorized),
            captured: money(shipped),
            voided: money(authorized && !shipped),
            refunded: 0,
            labels: ending["labels"].as_u64().unwrap(),
            label_refunds: ending["labelRefunds"].as_u64().unwrap(),
        },
        stock: if shipped {
            BTreeMap::from([("MUG-01".to_owned(), -2), ("TEE-01".to_owned(), -1)])
        } else {
            BTreeMap::new()
        },
        counts: None,
        timeline: None,
        attention: ending["attention"].as_str().map(str::to_owned),
    }
}

/// What is wrong with the end of the order.
async fn compare(bed: &TestBed, fault: &Value, report: &Report) -> Vec<String> {
    let mut wrong = report.differences.clone();
    let entries = fault["expect"]["timeline"].as_array().into_iter().flatten();
    for entry in entries.map(|entry| entry.as_str().unwrap().to_owned()) {
        if !report.timeline.contains(&entry) {
            wrong.push(format!("the timeline lacks {entry}: {:?}", report.timeline));
        }
    }
    let order = bed.get(&format!("ledger?orderId={}", report.order_id)).await;
    if order["balances"] != true || order["atRest"] != true {
        wrong.push(format!("the order does not balance: {order}"));
    }
    let all = bed.get("ledger").await;
    if all["balances"] != true || all["ofOneMoment"] != true {
        wrong.push(format!("the ledgers do not balance: {all}"));
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_the_catalog_ends_as_its_text_says_and_in_balanced_ledgers() {
    let bed = TestBed::start().await;
    let mut wrong = Vec::new();
    for fault in catalog() {
        let id = fault["id"].as_str().unwrap();
        let state = bed.plant(id, None).await;
        assert_eq!(state["armed"], json!([id]));
        let report = runner::run(&bed.stack, &scenario(&fault), &mut |_| {}).await.unwrap();
        let mut differences = compare(&bed, &fault, &report).await;
        let state = bed.get("faults").await;
        let planted = &state["planted"][0];
        assert_eq!(planted["orderId"], json!(report.order_id), "{id}: {state}");
        assert_eq!(state["armed"], json!([]), "{id}");
        // An operator removes the faults, and with them how often they fired.
        let resolved = fault["resolve"].is_array();
        if planted["fired"] == 0 && !resolved || !planted["failure"].is_null() {
            differences.push(format!("it did not fire: {planted}"));
        }
        wrong.extend(differences.into_iter().map(|difference| format!("{id}: {difference}")));
        let (status, state) = bed.call("DELETE", "faults", Value::Null).await;
        assert_eq!((status, &state["planted"]), (200, &json!([])), "{id}");
    }
    bed.stack.shutdown().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_for_the_next_order_meets_that_order_and_no_other() {
    let bed = TestBed::start().await;
    let before = bed.place("needs-review.json", "before").await;
    bed.plant("shipping-refuses", None).await;
    bed.plant("shipping-refuses", None).await;
    let (status, _) = bed.try_place("unknown-sku.json", "rejected").await;
    assert_eq!(status, 422);
    assert_eq!(bed.place("needs-review.json", "before").await, before, "a repeated request");
    let state = bed.get("faults").await;
    assert_eq!(state["armed"], json!(["shipping-refuses"]), "no order was placed: {state}");
    assert_eq!(state["planted"], json!([]));
    let next = bed.place("two-items.json", "next").await;
    let other = bed.place("two-items.json", "other").await;
    let state = bed.get("faults").await;
    assert_eq!(state["armed"], json!([]));
    assert_eq!(state["planted"].as_array().unwrap().len(), 1, "{state}");
    assert_eq!(state["planted"][0]["orderId"], json!(next));
    assert_eq!(runner::final_status(&bed.stack, &next).await.unwrap(), "SHIPPING_FAILED");
    assert_eq!(runner::final_status(&bed.stack, &other).await.unwrap(), "FULFILLED");
    bed.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_can_be_planted_on_an_order_that_waits_but_not_on_one_that_it_cannot_meet() {
    let bed = TestBed::start().await;
    let clock = bed.stack.clock().busy("an order that waits for its review");
    let mut writes = bed.stack.order_writes();
    let waiting = bed.place("needs-review.json", "waiting").await;
    while bed.client.order(&waiting).await.unwrap()["status"] != "IN_REVIEW" {
        writes.recv().await.unwrap();
    }
    let state = bed.plant("shipping-refuses", Some(&waiting)).await;
    assert_eq!(state["planted"][0]["fired"], 0);
    let check = async |fault: &str, order_id: &str, expected: u16, detail: &str| {
        let body = json!({ "fault": fault, "orderId": order_id });
        let (status, problem) = bed.call("POST", "faults", body).await;
        assert_eq!(status, expected, "{fault}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    };
    check("shipping-refuses", &waiting, 409, "planted on this order already").await;
    check("payment-answer-lost", &waiting, 409, "IN_REVIEW").await;
    check("killed-before-start", &waiting, 409, "next order").await;
    check("shipping-refuses", "ord_00000000000000000000000000000000", 404, "no order").await;
    check("earthquake", &waiting, 400, "earthquake").await;
    let approve = json!({ "decision": "approve" });
    let decided = bed.client.operate(&waiting, "review", &approve).await.unwrap();
    assert_eq!(decided.status, 200, "{}", decided.body);
    drop(clock);
    assert_eq!(runner::final_status(&bed.stack, &waiting).await.unwrap(), "SHIPPING_FAILED");
    let state = bed.get("faults").await;
    // Once for the cheapest rate, and once for the next one.
    assert_eq!(state["planted"][0]["fired"], 2, "{state}");
    check("shipping-refuses", &waiting, 409, "SHIPPING_FAILED").await;
    bed.stack.shutdown().await;
}
