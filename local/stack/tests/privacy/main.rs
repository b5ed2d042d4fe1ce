//! Puts a marker into every private field of an order, then runs every scenario, provider
//! failures at every call, and hostile requests. The markers may occur in the record of
//! the order and at the providers. They must not occur anywhere else: in no log line,
//! metric or file, in no execution's input, output or history, and in no response of the
//! API or of a function.
//!
//! [`canary`] has the markers, [`hostile_requests`] the hostile requests. [`erasure`] shows that
//! the markers are gone after the retention period.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints what it saw"
)]

mod canary;
mod erasure;
mod hostile_requests;

use std::path::Path;

use domain::operation::Function;
use local_stack::functions::{self, Profile};
use local_stack::scenarios::client::Client;
use local_stack::scenarios::stock_levels::load_stock;
use local_stack::scenarios::{self, ActionKind, Scenario, runner};
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;
use serde_json::{Value, json};

use canary::Search;
use hostile_requests::HostileRequests;

/// The faults that are injected once each: the point and the kind. [`faults`] adds one per
/// function of the state machine.
const FAULTS: [(&str, &str); 17] = [
    ("gateway.create", "garbage"),
    ("gateway.create", "500"),
    ("gateway.create", "refuse"),
    ("gateway.confirm", "garbage"),
    ("gateway.confirm", "500-with-effect"),
    ("gateway.capture", "garbage"),
    ("gateway.capture", "500"),
    ("gateway.capture", "refuse"),
    ("carrier.create", "garbage"),
    ("carrier.create", "500"),
    ("carrier.create", "refuse"),
    ("carrier.buy", "garbage"),
    ("carrier.buy", "500-with-effect"),
    ("store.PutItem", "500"),
    ("store.UpdateItem", "throttle"),
    ("store.TransactWriteItems", "conflict"),
    ("states.start", "500"),
];

/// [`FAULTS`], and the death of each function that the state machine calls.
fn faults() -> Vec<(String, &'static str)> {
    let deaths = Function::ALL.iter().map(|function| (format!("function.{function}"), "kill"));
    FAULTS.iter().map(|(at, kind)| ((*at).to_owned(), *kind)).chain(deaths).collect()
}

/// The minimum number of log lines of a function that make the search of its log evidence.
fn min_log_lines(function: &str) -> usize {
    match function {
        "process-payment" => 100,
        "initiate-shipping" | "order-api" => 50,
        "reconcile-orders" => 10,
        _ => 1,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn private_data_occurs_in_its_order_and_at_the_providers_and_nowhere_else() {
    let root = workspace::root();
    let binaries = functions::build_in(&root, Profile::Dev).unwrap();
    let stack = Stack::start(Settings::temporary(&root, binaries)).await.unwrap();
    load_stock(&stack, &root).await.unwrap();
    let scenarios = scenarios::load(&root).unwrap();
    for scenario in &scenarios {
        run_to_end(&stack, with_markers(scenario.clone())).await;
    }
    let happy = scenarios.iter().find(|scenario| scenario.name == "happy").unwrap();
    let faults = faults();
    for (at, kind) in &faults {
        run_to_end(&stack, with_markers(with_fault(happy, at, kind))).await;
    }
    let mut search = Search::default();
    let template = functions::read_template(&root).unwrap();
    let functions: Vec<String> =
        template.functions().unwrap().into_iter().map(|function| function.binary).collect();
    let hostile = HostileRequests::new(&stack, &functions);
    hostile.send_all(&mut search).await;
    assert_markers_are_stored(&stack).await;
    search_executions(&stack, &mut search).await;
    let (logs, folder) = (stack.lambda().logs().clone(), stack.folder().to_owned());
    search_files(&folder, &mut search);
    // Once every process has ended, its output is complete.
    stack.shutdown().await;
    for line in logs.find("") {
        search.search(&format!("the log of {}", line.function), &line.text);
    }
    search.assert_clean();
    search.assert_searched("executions", 2 * (scenarios.len() + faults.len()));
    search.assert_searched("histories", scenarios.len() + faults.len());
    search.assert_searched("responses", hostile.count());
    search.assert_searched("files", 1);
    for function in &functions {
        search.assert_searched(&format!("the log of {function}"), min_log_lines(function));
    }
}

/// Runs a scenario to its end. Whether it ends as expected is tested elsewhere.
async fn run_to_end(stack: &Stack, scenario: Scenario) {
    let result = runner::run(stack, &scenario, &mut |_| {}).await;
    // The API may reject an order with markers, which ends the scenario with an error.
    if let Err(error) = result {
        println!("{}: {error:#}", scenario.name);
        Client::new(stack.urls()).clear_faults().await.unwrap();
    }
}

fn with_markers(mut scenario: Scenario) -> Scenario {
    canary::put_into(&mut scenario.order);
    for additional in &mut scenario.additional_orders {
        canary::put_into(&mut additional.order);
    }
    for action in &mut scenario.actions {
        if let ActionKind::Review { note, .. } | ActionKind::Resume { note, .. } = &mut action.kind
        {
            *note = Some(canary::NOTE.to_owned());
        }
    }
    scenario
}

/// The happy scenario with a fault at the first call.
fn with_fault(happy: &Scenario, at: &str, kind: &str) -> Scenario {
    let fault = json!({"at": at, "calls": {"from": 1, "to": 1}, "kind": kind});
    Scenario { name: format!("{at} {kind}"), faults: vec![fault], ..happy.clone() }
}

/// Checks that the markers are stored where they belong: otherwise the search proves
/// nothing.
async fn assert_markers_are_stored(stack: &Stack) {
    let orders = stack.items("Orders").await.unwrap();
    let text = json!(orders).to_string();
    for (what, word) in canary::ON_RECORD {
        assert!(text.contains(word), "no {what} is in the table");
    }
    // Some scenarios keep their own card.
    let paid = |order: &&Value| order["paymentMethod"]["S"] == canary::TOKEN;
    let shipped = orders.iter().filter(paid).find(|order| !order["shipment"].is_null()).unwrap();
    let id = |map: &str, name: &str| shipped[map]["M"][name]["S"].as_str().unwrap().to_owned();
    let urls = stack.urls();
    let intent = format!("/v1/payment_intents/{}", id("payment", "intentId"));
    let shipment = format!("/v2/shipments/{}", id("shipment", "shipmentId"));
    let providers = [
        hostile_requests::get(&urls.stripe, &intent, "Bearer sk_test_local").await,
        hostile_requests::get(&urls.easypost, &shipment, "Basic RVpUS2xvY2FsOg==").await,
    ]
    .concat();
    for (what, word) in canary::AT_PROVIDERS {
        assert!(providers.contains(word), "no {what} is at a provider: {providers}");
    }
}

/// Searches the input, output and history of every execution.
async fn search_executions(stack: &Stack, search: &mut Search) {
    let client = Client::new(stack.urls());
    let machine = stack.step_functions().state_machine_arn();
    for arn in pages(&client, "ListExecutions", "executions", &json!({"stateMachineArn": machine}))
        .await
        .iter()
        .map(|execution| execution["executionArn"].clone())
    {
        let described = client
            .step_functions("DescribeExecution", &json!({"executionArn": arn}))
            .await
            .unwrap();
        search.search("executions", &described["input"].to_string());
        search.search("executions", &described.to_string());
        let body = json!({"executionArn": arn, "includeExecutionData": true});
        let events = pages(&client, "GetExecutionHistory", "events", &body).await;
        search.search("histories", &json!(events).to_string());
    }
}

/// Reads all pages of a list.
async fn pages(client: &Client, operation: &str, list: &str, body: &Value) -> Vec<Value> {
    let (mut body, mut all) = (body.clone(), Vec::new());
    body["maxResults"] = json!(1_000);
    loop {
        let mut page = client.step_functions(operation, &body).await.unwrap();
        all.extend(page[list].as_array().unwrap().iter().cloned());
        match page["nextToken"].take() {
            Value::Null => return all,
            next => body["nextToken"] = next,
        }
    }
}

/// Searches the files that the stack has written.
fn search_files(folder: &Path, search: &mut Search) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        search.search("files", &String::from_utf8_lossy(&bytes));
    }
}
