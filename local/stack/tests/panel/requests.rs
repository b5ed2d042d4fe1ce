//! Status, clock, samples, and the requests that the panel refuses.

use std::path::Path;

use local_stack::clock::ClockSettings;
use local_stack::functions::{Binaries, read_template};
use local_stack::scenarios::client::Client;
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;
use serde_json::{Value, json};

use crate::test_bed::TestBed;

/// A stack without functions: these requests reach none.
async fn without_functions() -> TestBed {
    let root = workspace::root();
    let settings =
        Settings::temporary(&root, no_binaries(&root)).with_clock(ClockSettings::default());
    let stack = Stack::start(settings).await.unwrap();
    let client = Client::new(stack.urls());
    TestBed { stack, client }
}

/// For a stack whose requests reach no function.
pub(crate) fn no_binaries(root: &Path) -> Binaries {
    let functions = read_template(root).unwrap().functions().unwrap().into_iter();
    Binaries::new(functions.map(|function| (function.binary, "/nowhere".into())))
}

#[tokio::test]
async fn the_status_names_the_addresses_and_the_clock() {
    let bed = without_functions().await;
    let status = bed.get("status").await;
    assert_eq!(status["addresses"], json!(bed.stack.urls()));
    assert_eq!(status["clock"]["speed"], 1);
    assert_eq!(status["clock"]["skip"], false);
    assert_eq!(status["pid"], json!(std::process::id()));
    let now: jiff::Timestamp = status["clock"]["now"].as_str().unwrap().parse().unwrap();
    assert!(now <= bed.stack.clock().now());
    bed.stack.shutdown().await;
}

#[tokio::test]
async fn the_clock_changes_only_in_what_a_valid_request_names() {
    let bed = without_functions().await;
    let check = async |body: Value, status: u16, speed: u32, skip: bool| {
        let (answered, shown) = bed.call("POST", "clock", body.clone()).await;
        assert_eq!(answered, status, "{body}: {shown}");
        let rate = bed.stack.clock().rate();
        assert_eq!((rate.speed.get(), rate.skip), (speed, skip), "{body}");
    };
    check(json!({ "speed": 60 }), 200, 60, false).await;
    check(json!({ "skip": true }), 200, 60, true).await;
    check(json!({}), 200, 60, true).await;
    check(json!({ "speed": 1, "skip": false }), 200, 1, false).await;
    check(json!({ "speed": 86_400 }), 200, 86_400, false).await;
    for invalid in [
        json!({ "speed": 0 }),
        json!({ "speed": 86_401, "skip": true }),
        json!({ "speed": -1 }),
        json!({ "speed": 1.5 }),
        json!({ "speed": "fast" }),
        json!({ "skip": 1 }),
        json!({ "pause": true }),
        json!([]),
    ] {
        check(invalid, 400, 86_400, false).await;
    }
    bed.stack.shutdown().await;
}

#[tokio::test]
async fn the_samples_fit_what_the_api_and_the_emulators_accept() {
    let bed = without_functions().await;
    let samples = bed.get("samples").await;
    let list = |name: &str| samples[name].as_array().unwrap().clone();
    assert!(list("products").iter().any(|product| product["sku"] == "MUG-01"));
    let card = |token: &str| {
        let cards = list("cards");
        cards.into_iter().find(|card| card["paymentMethod"] == token).unwrap()
    };
    assert_eq!(card("pm_card_visa")["title"], "Approved (Visa)");
    let poor = card("pm_card_chargeDeclinedInsufficientFunds");
    assert_eq!(poor["title"], "Declined: insufficient funds");
    assert!(list("addresses").iter().all(|address| address["shippingAddress"]["city"].is_string()));
    assert!(list("orders").iter().any(|order| order["name"] == "two-items"));
    let subs: Vec<_> = list("identities").iter().map(|who| who["sub"].clone()).collect();
    assert_eq!(subs, ["operator-1", "customer-1", "customer-2", "warehouse-1"]);
    for who in list("identities") {
        let token = format!("dev:{}:", who["sub"].as_str().unwrap());
        assert!(who["token"].as_str().unwrap().starts_with(&token), "{who}");
    }
    bed.stack.shutdown().await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused() {
    let bed = without_functions().await;
    let check = async |method: &str, path: &str, expected: u16| {
        let (status, problem) = bed.call(method, path, Value::Null).await;
        assert_eq!(status, expected, "{method} {path}");
        assert!(problem["detail"].is_string(), "{problem}");
    };
    check("GET", "", 404).await;
    check("GET", "secrets", 404).await;
    check("DELETE", "status", 405).await;
    check("GET", "clock", 405).await;
    check("PUT", "faults", 405).await;
    check("POST", "faults", 400).await;
    check("GET", "ledger?orderId=ord_1", 404).await;
    bed.stack.shutdown().await;
}
