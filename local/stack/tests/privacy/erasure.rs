//! After the retention period no personal data is in any table. The orders are still there,
//! the API still shows them, the audit history still names who decided, and the four ledgers
//! still agree.

use std::time::Duration;

use domain::ports::{Method, Request, Transport as _};
use http_client::{HttpClient, Timeouts};
use jiff::{SignedDuration, Timestamp};
use local_stack::functions::{self, Profile};
use local_stack::scenarios;
use local_stack::scenarios::client::Client;
use local_stack::scenarios::stock_levels::load_stock;
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;
use serde_json::{Value, json};

use crate::canary::Search;
use crate::{run_to_end, with_markers};

/// Longer than a decision of an operator takes to have its final effect at the providers.
const SETTLING_TIME: SignedDuration = SignedDuration::from_hours(12 * 24);
/// The default of `PersonalDataRetentionDays` in the template.
const RETENTION: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The real time in which the stack's clock skips that far.
const PATIENCE: Duration = Duration::from_mins(5);
/// How often an operator goes through what needs attention.
const ROUNDS: usize = 3;
/// Enough sweeps for every order of the test.
const SWEEPS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn personal_data_is_gone_after_its_retention_and_the_ledgers_still_agree() {
    let root = workspace::root();
    let binaries = functions::build_in(&root, Profile::Dev).unwrap();
    let stack = Stack::start(Settings::temporary(&root, binaries)).await.unwrap();
    load_stock(&stack, &root).await.unwrap();
    for scenario in scenarios::load(&root).unwrap() {
        run_to_end(&stack, with_markers(scenario)).await;
    }
    crate::assert_markers_are_stored(&stack).await;
    Client::new(stack.urls()).clear_faults().await.unwrap();
    for _ in 0..ROUNDS {
        finish_as_operator(&stack).await;
        skip(&stack, SETTLING_TIME).await;
    }
    let before = stack.items("Orders").await.unwrap();
    let open: Vec<_> = before.iter().filter(|order| !is_final(order)).map(summary).collect();
    assert!(open.is_empty(), "these orders are not final: {open:#?}");

    // No order is erased before its time: 85 days after the last one was final.
    let last_final = before.iter().filter_map(|order| order["finalizedAt"]["S"].as_str()).max();
    let last_final: Timestamp = last_final.unwrap().parse().unwrap();
    let early = last_final.saturating_add(RETENTION - SignedDuration::from_hours(24)).unwrap();
    let kept = |orders: &[Value]| orders.iter().filter(|o| !o["customer"].is_null()).count();
    sweep(&stack, early).await;
    assert!(kept(&stack.items("Orders").await.unwrap()) > 0);

    skip(&stack, RETENTION).await;
    for _ in 0..SWEEPS {
        sweep(&stack, stack.clock().now()).await;
    }
    let after = stack.items("Orders").await.unwrap();
    assert_eq!((kept(&after), after.len()), (0, before.len()));
    let mut search = Search::default();
    for table in ["Orders", "Inventory"] {
        for item in stack.items(table).await.unwrap() {
            search.search(&format!("the table {table}"), &item.to_string());
        }
    }
    search.assert_clean();
    search.assert_searched("the table Orders", before.len());
    assert_decisions_are_still_attributed(&before, &after);
    assert_the_api_still_shows(&stack, &after).await;
    let now = format!("{:.3}", stack.clock().now());
    let report = invoke(&stack, &json!({"operation": "compare", "time": now})).await;
    assert_eq!(
        (&report["differences"], &report["complete"]),
        (&json!([]), &json!(true)),
        "{report}"
    );
    assert_eq!(report["compared"]["orders"], after.len(), "every order was compared: {report}");
    println!("{} orders without personal data: {report}", after.len());
    stack.shutdown().await;
}

/// Whether an order is closed, and needs neither the reconciler nor an operator.
fn is_final(order: &Value) -> bool {
    order["open"].is_null() && order["attention"].is_null()
}

fn summary(order: &Value) -> String {
    let text = |name: &str| order[name]["S"].as_str().unwrap_or("-").to_owned();
    ["orderId", "status", "attention", "open", "checkAt"].map(text).join(" ")
}

/// Compensates each order that waits for an operator, and acknowledges what was raised about a
/// closed one, each with a note that names the customer.
async fn finish_as_operator(stack: &Stack) {
    let client = Client::new(stack.urls());
    for order in stack.items("Orders").await.unwrap() {
        if order["attention"]["S"] != "OPERATOR" {
            continue;
        }
        let waits = order["status"]["S"] == "NEEDS_ATTENTION";
        let action = if waits { "compensate" } else { "acknowledge" };
        let body = json!({"action": action, "refund": waits, "note": crate::canary::NOTE});
        let id = order["orderId"]["S"].as_str().unwrap();
        let response = client.operate(id, "resume", &body).await.unwrap();
        println!("{action} {}: {}", summary(&order), response.status);
    }
}

/// Lets the stack's clock skip ahead.
async fn skip(stack: &Stack, duration: SignedDuration) {
    let until = stack.clock().now().saturating_add(duration).unwrap();
    let reached = stack.clock().sleep_until(until);
    drop(tokio::time::timeout(PATIENCE, reached).await.unwrap());
}

async fn sweep(stack: &Stack, at: Timestamp) -> Value {
    let output = invoke(stack, &json!({"operation": "look", "time": format!("{at:.3}")})).await;
    assert_eq!(output["failed"], 0, "{output}");
    output
}

/// Invokes the reconciler.
async fn invoke(stack: &Stack, event: &Value) -> Value {
    let path = "2015-03-31/functions/reconcile-orders/invocations";
    let url = format!("{}/{path}", stack.urls().aws);
    send(Method::Post, url, Vec::new(), event.to_string()).await
}

async fn send(
    method: Method,
    url: String,
    headers: Vec<(&'static str, String)>,
    body: String,
) -> Value {
    let timeouts = Timeouts { connect: Duration::from_secs(3), total: Duration::from_mins(2) };
    let request = Request { method, url, headers, body: body.into_bytes() };
    let response = HttpClient::new(timeouts).unwrap().send(request.clone()).await.unwrap();
    let text = String::from_utf8_lossy(&response.body).into_owned();
    assert_eq!(response.status, 200, "{request:?}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// The entries of the audit history without their notes are as they were.
fn assert_decisions_are_still_attributed(before: &[Value], after: &[Value]) {
    let mut entries = 0;
    for order in before {
        let same = after.iter().find(|other| other["orderId"] == order["orderId"]).unwrap();
        let mut history = order["audit"].clone();
        let list = history.get_mut("L").and_then(Value::as_array_mut);
        for entry in list.into_iter().flatten() {
            entry["M"].as_object_mut().unwrap().remove("note");
            entries += 1;
        }
        assert_eq!(same["audit"], history, "{}", summary(order));
    }
    assert!(entries > 5, "only {entries} decisions");
}

/// The API answers for an erased order, and says since when it is one.
async fn assert_the_api_still_shows(stack: &Stack, orders: &[Value]) {
    let operator = "Bearer dev:operator-1:orders/operate".to_owned();
    let mut search = Search::default();
    for order in orders {
        let id = order["orderId"]["S"].as_str().unwrap();
        let url = format!("{}/orders/{id}", stack.urls().api);
        let headers = vec![("authorization", operator.clone())];
        let shown = send(Method::Get, url, headers, String::new()).await;
        assert!(shown["personalDataRemovedAt"].is_string(), "{shown}");
        assert!(!shown["items"].as_array().unwrap().is_empty(), "{shown}");
        search.search("the API", &shown.to_string());
    }
    search.assert_clean();
}
