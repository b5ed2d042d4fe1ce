//! A canary in every private field of an order, put through everything: every
//! scenario, providers that answer badly at every call, hostile requests. It may be
//! found in the record of the order and at the providers, and is found nowhere else:
//! in no log line, no metric, no execution's input, output or history, no answer of
//! the API and of a function.
//!
//! [`canary`] is what is looked for, [`requests`] the hostile requests.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it saw"
)]

mod canary;
mod requests;

use std::path::Path;

use local_stack::functions::{self, Profile};
use local_stack::scenarios::client::Client;
use local_stack::scenarios::runner::run;
use local_stack::scenarios::stock_levels::load_stock;
use local_stack::scenarios::{self, ActionKind, Scenario};
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;
use serde_json::{Value, json};

use canary::Searched;
use requests::Hostile;

/// How each call of a provider, of a table and of a function goes wrong, once.
const FAULTS: [(&str, &str); 20] = [
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
    ("function.process-payment", "kill"),
    ("function.check-inventory", "kill"),
    ("function.initiate-shipping", "kill"),
    ("states.start", "500"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_is_found_in_its_order_and_at_the_providers_and_nowhere_else() {
    let root = workspace::root();
    let binaries = functions::build_in(&root, Profile::Dev).unwrap();
    let stack = Stack::start(Settings::temporary(&root, binaries)).await.unwrap();
    load_stock(&stack, &root).await.unwrap();
    let scenarios = scenarios::load(&root).unwrap();
    for scenario in &scenarios {
        through(&stack, with_canaries(scenario.clone())).await;
    }
    let happy = scenarios.iter().find(|scenario| scenario.name == "happy").unwrap();
    for (at, kind) in FAULTS {
        through(&stack, with_canaries(going_wrong(happy, at, kind))).await;
    }
    let mut searched = Searched::default();
    let hostile = Hostile::new(&stack);
    hostile.send_all(&mut searched).await;
    it_went_through(&stack).await;
    read_executions(&stack, &mut searched).await;
    let (logs, folder) = (stack.lambda().logs().clone(), stack.folder().to_owned());
    read_files(&folder, &mut searched);
    // With every process gone, all that was printed has been read.
    stack.shutdown().await;
    for line in logs.find("") {
        searched.read(&format!("the log of {}", line.function), &line.text);
    }
    searched.judge(&[
        ("executions", 2 * (scenarios.len() + FAULTS.len())),
        ("histories", scenarios.len() + FAULTS.len()),
        ("answers", hostile.count()),
        ("files", 1),
        ("the log of process-payment", 100),
        ("the log of check-inventory", 1),
        ("the log of initiate-shipping", 50),
        ("the log of order-api", 50),
        ("the log of reconcile-orders", 10),
    ]);
}

/// Plays a scenario to its end. Whether that is the right one, others look.
async fn through(stack: &Stack, scenario: Scenario) {
    let played = run(stack, &scenario, &mut |_| {}).await;
    // An order that is refused at the door is one way through, too.
    if let Err(error) = played {
        println!("{}: {error:#}", scenario.name);
        Client::new(stack.urls()).clear_faults().await.unwrap();
    }
}

fn with_canaries(mut scenario: Scenario) -> Scenario {
    canary::put_into(&mut scenario.order);
    for other in &mut scenario.additional_orders {
        canary::put_into(&mut other.order);
    }
    for action in &mut scenario.actions {
        if let ActionKind::Review { note, .. } | ActionKind::Resume { note, .. } = &mut action.kind
        {
            *note = Some(canary::NOTE.to_owned());
        }
    }
    scenario
}

/// The happy order, with one call that goes wrong the first time.
fn going_wrong(happy: &Scenario, at: &str, kind: &str) -> Scenario {
    let fault = json!({"at": at, "calls": {"from": 1, "to": 1}, "kind": kind});
    Scenario { name: format!("{at} {kind}"), faults: vec![fault], ..happy.clone() }
}

/// The canaries are where they belong: otherwise nothing was put through.
async fn it_went_through(stack: &Stack) {
    let orders = stack.items("Orders").await.unwrap();
    let text = json!(orders).to_string();
    for (what, word) in canary::ON_RECORD {
        assert!(text.contains(word), "no {what} is on record");
    }
    // Some cards are the scenario's own.
    let paid = |order: &&Value| order["paymentMethod"]["S"] == canary::TOKEN;
    let shipped = orders.iter().filter(paid).find(|order| !order["shipment"].is_null()).unwrap();
    let id = |map: &str, name: &str| shipped[map]["M"][name]["S"].as_str().unwrap().to_owned();
    let urls = stack.urls();
    let intent = format!("/v1/payment_intents/{}", id("payment", "intentId"));
    let shipment = format!("/v2/shipments/{}", id("shipment", "shipmentId"));
    let providers = [
        requests::get(&urls.gateway, &intent, "Bearer sk_test_local").await,
        requests::get(&urls.carrier, &shipment, "Basic RVpUS2xvY2FsOg==").await,
    ]
    .concat();
    for (what, word) in canary::AT_PROVIDERS {
        assert!(providers.contains(word), "no {what} is at a provider: {providers}");
    }
}

/// Every execution: what it was told, what it said, and all that happened in it.
async fn read_executions(stack: &Stack, searched: &mut Searched) {
    let client = Client::new(stack.urls());
    let machine = stack.step_functions().state_machine_arn();
    for arn in pages(&client, "ListExecutions", "executions", &json!({"stateMachineArn": machine}))
        .await
        .iter()
        .map(|execution| execution["executionArn"].clone())
    {
        let about = client
            .step_functions("DescribeExecution", &json!({"executionArn": arn}))
            .await
            .unwrap();
        searched.read("executions", &about["input"].to_string());
        searched.read("executions", &about.to_string());
        let asked = json!({"executionArn": arn, "includeExecutionData": true});
        let events = pages(&client, "GetExecutionHistory", "events", &asked).await;
        searched.read("histories", &json!(events).to_string());
    }
}

/// All pages of a list.
async fn pages(client: &Client, operation: &str, list: &str, asked: &Value) -> Vec<Value> {
    let (mut asked, mut all) = (asked.clone(), Vec::new());
    asked["maxResults"] = json!(1_000);
    loop {
        let mut page = client.step_functions(operation, &asked).await.unwrap();
        all.extend(page[list].as_array().unwrap().iter().cloned());
        match page["nextToken"].take() {
            Value::Null => return all,
            next => asked["nextToken"] = next,
        }
    }
}

/// Whatever else the stack has written.
fn read_files(folder: &Path, searched: &mut Searched) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        searched.read("files", &String::from_utf8_lossy(&bytes));
    }
}
