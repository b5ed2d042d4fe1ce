//! A burst: every function turns each order's first twenty-five invocations away as
//! Lambda does over its limit, and each shelf meets three conflicts an order. All of
//! it is late; nothing is lost, and nothing is done twice.
//!
//! Needs cargo, which builds the functions.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use local_stack::audit;
use local_stack::functions::{self, Profile};
use local_stack::scenarios::client::Client;
use local_stack::scenarios::stock_levels::load_stock;
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const ORDERS: usize = 50;
/// In real time, between two writes of orders.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn throttled_work_is_late_never_lost_or_doubled() {
    let root = workspace::root();
    let binaries = functions::build_in(&root, Profile::Dev).unwrap();
    let stack = Stack::start(Settings::temporary(&root, binaries)).await.unwrap();
    load_stock(&stack, &root).await.unwrap();
    let client = Client::new(stack.urls());
    let throttle = |function: &str| {
        let at = format!("function.{function}");
        json!({"at": at, "calls": {"from": 1, "to": 25}, "kind": "throttle"})
    };
    let faults = [
        throttle("process-payment"),
        throttle("check-inventory"),
        throttle("initiate-shipping"),
        json!({"at": "store.TransactWriteItems", "calls": {"from": 1, "to": 3}, "kind": "conflict"}),
    ];
    client.inject_faults(&faults, None).await.unwrap();

    let placed = place_all(&client).await;
    assert_eq!(placed.len(), ORDERS, "each request is an order");
    let mut wrong = Vec::new();
    for row in audit::wait_until_at_rest(&stack, PATIENCE).await.unwrap() {
        let id = row["orderId"]["S"].as_str().unwrap();
        wrong.extend(audit::violations(&row, &client.ledger(id).await.unwrap()));
        if row["status"]["S"] != "FULFILLED" {
            wrong.push(format!("{id} is {}", row["status"]["S"]));
        }
        assert!(placed.contains(id), "{id} was never placed");
    }
    let met = stack.faults().to_json();
    stack.shutdown().await;
    assert!(wrong.is_empty(), "{}\n{met}", wrong.join("\n"));
}

/// Places all orders at once, and gives their ids.
async fn place_all(client: &Client) -> BTreeSet<String> {
    let path = workspace::root().join("events/orders/two-items.json");
    let order: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut requests = JoinSet::new();
    for number in 0..ORDERS {
        let (client, order) = (client.clone(), order.clone());
        requests.spawn(async move {
            let reply = client.place_order(&order, &format!("burst-{number}")).await.unwrap();
            let body = reply.into_success("the order").unwrap();
            body["orderId"].as_str().unwrap().to_owned()
        });
    }
    requests.join_all().await.into_iter().collect()
}
