//! A burst of orders: every function throttles each order's first 25 invocations, and each
//! order meets three transaction conflicts. One of them meets 60 in a row, which is more than
//! the retries of an outage allow. All orders are late; none is lost, and no effect happens
//! twice.
//!
//! Needs cargo, which builds the functions.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use domain::operation::Function;
use domain::{CustomerId, OrderId};
use local_stack::audit;
use local_stack::functions::{self, Profile};
use local_stack::scenarios::client::Client;
use local_stack::scenarios::stock_levels::load_stock;
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const ORDERS: usize = 50;
/// The longest real time between two writes of orders.
const MAX_QUIET: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn throttled_orders_are_late_but_never_lost_or_duplicated() {
    let root = workspace::root();
    let binaries = functions::build_in(&root, Profile::Dev).unwrap();
    let stack = Stack::start(Settings::temporary(&root, binaries)).await.unwrap();
    load_stock(&stack, &root).await.unwrap();
    let client = Client::new(stack.urls());
    let throttle = |function: &Function| {
        let at = format!("function.{function}");
        json!({"at": at, "calls": {"from": 1, "to": 25}, "kind": "throttle"})
    };
    let conflicts = |from: u32, to: u32| {
        let calls = json!({"from": from, "to": to});
        json!({"at": "store.TransactWriteItems", "calls": calls, "kind": "conflict"})
    };
    let faults: Vec<_> = Function::ALL.iter().map(throttle).chain([conflicts(1, 3)]).collect();
    client.inject_faults(&faults, None).await.unwrap();
    let unlucky = OrderId::for_request(&CustomerId::parse("customer-1").unwrap(), "burst-0");
    client.inject_faults(&[conflicts(4, 60)], Some(unlucky.as_str())).await.unwrap();

    let placed = place_all(&client).await;
    assert_eq!(placed.len(), ORDERS, "each request creates one order");
    assert!(placed.contains(unlucky.as_str()), "{unlucky}");
    let mut violations = Vec::new();
    for item in audit::wait_until_at_rest(&stack, MAX_QUIET).await.unwrap() {
        let id = item["orderId"]["S"].as_str().unwrap();
        violations.extend(audit::violations(&item, &client.ledger(id).await.unwrap()));
        if item["status"]["S"] != "FULFILLED" {
            violations.push(format!("{id} is {}", item["status"]["S"]));
        }
        assert!(placed.contains(id), "{id} was never placed");
    }
    let fault_plan = stack.faults().to_json();
    stack.shutdown().await;
    assert!(violations.is_empty(), "{}\n{fault_plan}", violations.join("\n"));
}

/// Places all orders at once. Returns their ids.
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
