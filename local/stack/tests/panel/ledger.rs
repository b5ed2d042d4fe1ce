//! The ledger: the balances of all orders and of one, and what polling it costs.

use local_stack::clock::wall_clock;
use local_stack::dynamodb::Caller;
use local_stack::scenarios::runner;
use serde_json::{Value, json};

use crate::test_bed::TestBed;

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_shows_each_order_and_a_difference_as_soon_as_there_is_one() {
    let bed = TestBed::start().await;
    let fulfilled = bed.place("two-items.json", "one").await;
    assert_eq!(runner::final_status(&bed.stack, &fulfilled).await.unwrap(), "FULFILLED");
    let all = bed.get("ledger").await;
    let money = &all["money"][0];
    assert_eq!(
        (&all["balances"], &money["currency"], &money["net"], &money["shipped"]),
        (&json!(true), &json!("USD"), &json!(4499), &json!(4499)),
        "{all}"
    );
    assert_eq!(all["labels"], json!({ "bought": 1, "refunded": 0 }));
    let mugs = |all: &Value| {
        all["stock"].as_array().unwrap().iter().find(|l| l["sku"] == "MUG-01").unwrap().clone()
    };
    let expected = json!({
        "sku": "MUG-01", "received": 500, "available": 498, "reserved": 2, "balances": true
    });
    assert_eq!(mugs(&all), expected);
    let order = bed.get(&format!("ledger?orderId={fulfilled}")).await;
    assert_eq!(order["money"]["captured"], 4499);
    assert_eq!(order["reserved"][0], json!({ "sku": "MUG-01", "quantity": 2 }));

    // A hand edit: a unit appears from nowhere.
    let edit = json!({
        "TableName": "Inventory",
        "Key": { "sku": { "S": "MUG-01" } },
        "UpdateExpression": "ADD available :one",
        "ExpressionAttributeValues": { ":one": { "N": "1" } },
    });
    bed.stack.dynamodb().call("UpdateItem", &edit, Caller::Other).await.unwrap();
    let all = bed.get("ledger").await;
    assert_eq!((&all["balances"], &mugs(&all)["balances"]), (&json!(false), &json!(false)));
    assert_eq!(all["money"][0]["balances"], true);

    // Another one: the order forgets that it was fulfilled.
    let edit = json!({
        "TableName": "Orders",
        "Key": { "orderId": { "S": fulfilled } },
        "UpdateExpression": "SET #status = :failed",
        "ExpressionAttributeNames": { "#status": "status" },
        "ExpressionAttributeValues": { ":failed": { "S": "PAYMENT_FAILED" } },
    });
    bed.stack.dynamodb().call("UpdateItem", &edit, Caller::Other).await.unwrap();
    assert_eq!(bed.get("ledger").await["money"][0]["balances"], false);
    assert_eq!(bed.get(&format!("ledger?orderId={fulfilled}")).await["balances"], false);
    bed.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_ten_thousand_orders_reads_only_what_changed() {
    const ORDERS: usize = 10_000;
    let bed = TestBed::start().await;
    for first in (0..ORDERS).step_by(25) {
        let put = |n: usize| json!({ "PutRequest": { "Item": order(n, "FULFILLED") } });
        let items: Vec<_> = (first..first + 25).map(put).collect();
        let write = json!({ "RequestItems": { "Orders": items } });
        bed.stack.dynamodb().call("BatchWriteItem", &write, Caller::Other).await.unwrap();
    }
    let timed = async || {
        let start = wall_clock();
        let ledger = bed.get("ledger").await;
        (wall_clock().duration_since(start), ledger)
    };
    let (scan, all) = timed().await;
    assert_eq!((&all["orders"], &all["balances"]), (&json!(ORDERS), &json!(false)), "none is paid");
    let (poll, _) = timed().await;
    println!("10,000 orders: the first reading takes {scan:?}, a poll {poll:?}");
    assert!(poll * 3 < scan, "a poll takes {poll:?}, the scan {scan:?}");
    let changed = json!({ "TableName": "Orders", "Item": order(7, "CANCELLED") });
    bed.stack.dynamodb().call("PutItem", &changed, Caller::Other).await.unwrap();
    let (poll, after) = timed().await;
    let shipped = |all: &Value| all["money"][0]["shipped"].as_i64().unwrap();
    assert_eq!(shipped(&all) - shipped(&after), 500, "the change shows at the next poll");
    assert!(poll * 3 < scan, "a poll after a write takes {poll:?}, the scan {scan:?}");
    bed.stack.shutdown().await;
}

fn order(n: usize, status: &str) -> Value {
    json!({
        "orderId": { "S": format!("ord_{n:032x}") },
        "status": { "S": status },
        "total": { "M": { "amount": { "N": "500" }, "currency": { "S": "USD" } } },
    })
}
