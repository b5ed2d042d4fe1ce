//! Every sample of `events/` on a real stack, with its expected result.
//!
//! Needs cargo, which builds the functions.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use domain::steps::{self, Kind};
use local_stack::clock::ClockSettings;
use local_stack::functions::{self, Profile};
use local_stack::scenarios::client::Client;
use local_stack::scenarios::read_json;
use local_stack::scenarios::runner::{final_status, run};
use local_stack::scenarios::stock_levels::load_stock;
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;
use serde_json::{Value, json};

async fn fresh() -> Stack {
    let root = workspace::root();
    let binaries = functions::build_in(&root, Profile::Dev).unwrap();
    // The date in the scheduled sample must be at most 90 days ahead.
    let start = Some("2026-11-23T09:00:00Z".parse().unwrap());
    let clock = ClockSettings { skip: true, start, ..ClockSettings::default() };
    let stack = Stack::start(Settings::temporary(&root, binaries).with_clock(clock)).await.unwrap();
    load_stock(&stack, &root).await.unwrap();
    stack
}

async fn invoke(stack: &Stack, function: &str, input: &Value) -> Value {
    let payload = serde_json::to_vec(input).unwrap();
    let outcome = stack.lambda().invoke(function, payload.into()).await.unwrap();
    let answer = serde_json::from_slice(&outcome.payload).unwrap();
    assert_eq!(outcome.function_error, None, "{function}: {answer}");
    answer
}

fn names(folder: &str) -> BTreeSet<String> {
    std::fs::read_dir(workspace::root().join("events").join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect()
}

fn sample(folder: &str, name: &str) -> Value {
    read_json(&workspace::root().join("events").join(folder).join(format!("{name}.json"))).unwrap()
}

/// Each sample order with its final status, or the HTTP status and the invalid field.
const ORDERS: [(&str, &str); 11] = [
    ("two-items", "FULFILLED"),
    ("one-item", "FULFILLED"),
    ("declined-card", "PAYMENT_FAILED"),
    ("insufficient-funds", "PAYMENT_FAILED"),
    ("unknown-sku", "422 items[1].sku"),
    ("out-of-stock", "OUT_OF_STOCK"),
    // No stock arrives while the order waits.
    ("back-ordered", "OUT_OF_STOCK"),
    ("pending-refund", "FULFILLED"),
    ("foreign-saved-card", "PAYMENT_FAILED"),
    ("needs-review", "REJECTED"),
    // Last, because the clock skips ahead to its date.
    ("scheduled", "FULFILLED"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_order_ends_with_its_expected_status() {
    assert_eq!(names("orders"), ORDERS.iter().map(|(name, _)| (*name).to_owned()).collect());
    let stack = fresh().await;
    let client = Client::new(stack.urls());
    for (name, expected) in ORDERS {
        let reply = client.place_order(&sample("orders", name), name).await.unwrap();
        let seen = if reply.status == 202 {
            final_status(&stack, reply.body["orderId"].as_str().unwrap()).await.unwrap()
        } else {
            let field = reply.body["errors"][0]["field"].as_str().unwrap_or_default();
            format!("{} {field}", reply.status)
        };
        assert_eq!(seen, expected, "{name}: {}", reply.body);
    }
    stack.shutdown().await;
}

/// The id of the order that `api/place-order.json` places.
const SAMPLE_ORDER_ID: &str = "ord_44a45315d0fc51c09623badfc0bb5cca";

/// The samples of the reconciler. Schedules and events invoke it, not the state machine.
const RECONCILER_SAMPLES: [&str; 5] =
    ["every-minute", "execution-ended", "sweep", "every-day", "compare"];

/// The samples of the functions, as function and operation: those of the state machine in
/// the order of the table of steps, which is the sequence of an order's life.
fn function_samples() -> impl Iterator<Item = (&'static str, &'static str)> {
    let tasks = steps::rows().filter_map(|(_, row)| match row.kind {
        Kind::Task(operation) => Some((operation.function().as_str(), operation.as_str())),
        _ => None,
    });
    tasks.chain(RECONCILER_SAMPLES.map(|operation| ("reconcile-orders", operation)))
}

/// Fields of the output of a sample. Every operation of the state machine returns the
/// order's id.
fn expected_fields(sample: &str) -> Value {
    let mut fields = match sample {
        "process-payment-authorize" => json!({
            "paymentStatus": "AUTHORIZED", "reviewRequired": false, "reviewReasons": [],
            "reviewDeadlineSeconds": 1,
        }),
        "check-inventory-reserve" => json!({
            "inventoryResult": true, "waitForRestock": false, "restockDeadlineSeconds": 1,
            "shortages": [],
        }),
        "process-payment-capture" => json!({"status": "FULFILLED", "paymentStatus": "CAPTURED"}),
        // Compensating operations leave a fulfilled order unchanged.
        "initiate-shipping-cancel" => json!({"labelRefund": "NONE"}),
        "check-inventory-release" => json!({"released": false}),
        "process-payment-cancel" => json!({"outcome": "FULFILLED"}),
        // The stack's schedule may have inspected the order first, and a webhook of a
        // provider may arrive at any time.
        "reconcile-orders-every-minute" | "reconcile-orders-sweep" => json!({"failed": 0}),
        "reconcile-orders-execution-ended" => json!({"started": 0, "failed": 0}),
        "reconcile-orders-every-day" => json!({"differences": []}),
        "reconcile-orders-compare" => json!({"differences": [], "complete": true}),
        _ => json!({}),
    };
    if !sample.starts_with("reconcile-orders-") {
        fields["orderId"] = json!(SAMPLE_ORDER_ID);
    }
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn the_function_samples_run_the_sample_order_from_start_to_end() {
    let stack = fresh().await;
    let client = Client::new(stack.urls());
    // Stored but not started: the samples run the operations instead.
    let unstarted = json!({"at": "states.start", "calls": {"from": 1}, "kind": "500"});
    client.inject_faults(&[unstarted], None).await.unwrap();
    let placed = invoke(&stack, "order-api", &sample("api", "place-order")).await;
    assert!(stack.items("Orders").await.unwrap().len() == 1, "{placed}");

    let mut run = BTreeSet::new();
    for (function, operation) in function_samples() {
        let name = format!("{function}-{operation}");
        let answer = invoke(&stack, function, &sample("functions", &name)).await;
        for (field, value) in expected_fields(&name).as_object().unwrap() {
            assert_eq!(answer[field], *value, "{name}: {answer}");
        }
        run.insert(name);
    }
    assert_eq!(names("functions"), run);
    stack.shutdown().await;
}

/// The samples of the API with their HTTP status.
const REQUESTS: [(&str, u64); 18] = [
    ("place-order", 202),
    ("read-order", 200),
    ("read-execution", 200),
    // Sent after the sample order has ended: it does not wait for an operator.
    ("review-order", 409),
    ("resume-order", 409),
    ("settle-order", 409),
    ("list-inventory", 200),
    ("read-inventory", 200),
    ("write-inventory", 200),
    ("restock-inventory", 200),
    ("remove-stock", 200),
    ("list-orders", 200),
    // The order has shipped.
    ("cancel-order", 409),
    // Validly signed, for an unknown object.
    ("stripe-webhook", 200),
    ("easypost-webhook", 200),
    ("read-document", 200),
    ("read-board", 200),
    ("read-page", 200),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_request_is_answered() {
    assert_eq!(names("api"), REQUESTS.iter().map(|(name, _)| (*name).to_owned()).collect());
    let stack = fresh().await;
    for (name, expected) in REQUESTS {
        let answer = invoke(&stack, "order-api", &sample("api", name)).await;
        assert_eq!(answer["statusCode"], expected, "{name}: {answer}");
        if name == "place-order" {
            assert_eq!(final_status(&stack, SAMPLE_ORDER_ID).await.unwrap(), "FULFILLED");
        }
    }
    stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_with_a_wrong_expectation_fails() {
    let stack = fresh().await;
    let all = local_stack::scenarios::load(&workspace::root()).unwrap();
    let mut happy = all.into_iter().find(|scenario| scenario.name == "happy").unwrap();
    happy.expected.ledger.captured += 1;
    let report = run(&stack, &happy, &mut |_| {}).await.unwrap();
    assert!(!report.ok);
    assert!(report.differences[0].starts_with("ledger"), "{:?}", report.differences);
    stack.shutdown().await;
}

/// An access token of Cognito, as API Gateway hands it on, and one of another issuer.
fn tokens() -> [(&'static str, Value); 3] {
    let scopes = "openid orders/read orders/write orders/operate inventory/write";
    let cognito = |groups: &str| {
        json!({
            "sub": "customer-1", "scope": scopes, "cognito:groups": groups, "token_use": "access",
            "client_id": "6m8e0example",
            "iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Example",
        })
    };
    let generic = json!({
        "sub": "customer-1", "scope": scopes, "aud": "orders", "iss": "https://login.example.com/",
    });
    [
        ("a customer of Cognito", cognito("[customers]")),
        ("an operator of Cognito", cognito("[customers operators]")),
        ("another issuer", generic),
    ]
}

/// Issue 9 asks that both shapes of tokens are shown to the function that ships.
#[tokio::test(flavor = "multi_thread")]
async fn the_function_accepts_tokens_of_cognito_and_of_other_issuers() {
    let stack = fresh().await;
    for (token, claims) in tokens() {
        let status = async |name: &str, scope: &str| {
            let mut event = sample("api", name);
            event["requestContext"]["authorizer"] =
                json!({"jwt": {"claims": claims, "scopes": [scope]}});
            invoke(&stack, "order-api", &event).await["statusCode"].clone()
        };
        let operates = token != "a customer of Cognito";
        assert_eq!(status("place-order", "orders/write").await, 202, "{token}");
        assert_eq!(status("read-order", "orders/read").await, 200, "{token}");
        let expected = if operates { 200 } else { 403 };
        assert_eq!(status("read-execution", "orders/operate").await, expected, "{token}");
        let restocked = status("restock-inventory", "inventory/write").await;
        assert_eq!(restocked, expected, "{token}");
    }
    stack.shutdown().await;
}
