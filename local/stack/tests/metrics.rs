//! What the functions measure when orders are played on a real stack: each line is
//! in the embedded metric format, and each thing that happened is there as often as
//! it happened.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use local_stack::functions::{self, Profile};
use local_stack::scenarios;
use local_stack::scenarios::runner::run;
use local_stack::scenarios::stock_levels::load_stock;
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;
use serde_json::Value;

/// What is played.
const PLAYED: [&str; 7] = [
    "carrier-refuses",
    "declined",
    "gateway-answer-lost",
    "gateway-down-later",
    "happy",
    "review-approved",
    "review-expired",
];

/// What must be measured of it: the metric and its words, and how often.
const EXPECTED: [(&str, u64); 21] = [
    ("AttentionRaised REVIEW", 2),
    ("AttentionRaised STUCK", 1),
    ("CompensationsBegun PAYMENT_FAILED", 1),
    ("CompensationsBegun REJECTED", 1),
    ("CompensationsBegun SHIPPING_FAILED", 1),
    ("CompensationsEnded PAYMENT_FAILED", 1),
    ("CompensationsEnded REJECTED", 1),
    ("CompensationsEnded SHIPPING_FAILED", 1),
    ("OrdersAccepted", 7),
    ("OrdersFulfilled", 4),
    ("OrdersRejected PAYMENT_FAILED", 1),
    ("OrdersRejected REVIEW_EXPIRED", 1),
    ("OrdersRejected SHIPPING_FAILED", 1),
    ("OutcomesResolved GATEWAY CAPTURE EFFECT", 1),
    ("OutcomesResolved GATEWAY CONFIRM EFFECT", 1),
    // However often it was asked for while the gateway was away.
    ("OutcomesUnknown GATEWAY CAPTURE", 1),
    ("OutcomesUnknown GATEWAY CONFIRM", 1),
    ("PaymentsDeclined", 1),
    // One for each order; those that came so far have a shipment.
    ("ProviderLatency CARRIER CREATE", 5),
    ("ProviderLatency GATEWAY CONFIRM", 7),
    ("ProviderLatency GATEWAY CREATE", 7),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_is_measured_as_often_as_it_happened() {
    let root = workspace::root();
    let binaries = functions::build_in(&root, Profile::Dev).unwrap();
    let stack = Stack::start(Settings::temporary(&root, binaries)).await.unwrap();
    load_stock(&stack, &root).await.unwrap();
    for scenario in scenarios::load(&root).unwrap() {
        if PLAYED.contains(&scenario.name.as_str()) {
            let report = run(&stack, &scenario, &mut |_| {}).await.unwrap();
            assert!(report.ok, "{}: {:?}", report.name, report.differences);
        }
    }
    // Whatever is still to be settled is settled, and all that was printed is read.
    let logs = stack.lambda().logs().clone();
    stack.shutdown().await;
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for line in logs.find("\"_aws\"") {
        *seen.entry(in_short(&line.text)).or_default() += 1;
    }
    for (metric, times) in EXPECTED {
        assert_eq!(seen.get(metric).copied().unwrap_or(0), times, "{metric} in {seen:#?}");
    }
    let expected = |name: &String| EXPECTED.iter().any(|(expected, _)| name == expected);
    let others = seen.keys().filter(|name| !expected(name));
    for other in others {
        assert!(other.starts_with("ProviderLatency"), "{other} was not expected: {seen:#?}");
    }
}

/// The metric of a line and its words, once the line is in the format.
fn in_short(line: &str) -> String {
    let line: Value = serde_json::from_str(line).unwrap();
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    assert!(line["_aws"]["Timestamp"].is_u64(), "{line}");
    assert_eq!(directive["Namespace"], "OrderProcessing", "{line}");
    let metric = directive["Metrics"][0]["Name"].as_str().unwrap();
    assert!(line[metric].is_u64(), "{line}");
    let dimensions = directive["Dimensions"][0].as_array().unwrap();
    let words = dimensions.iter().map(|name| line[name.as_str().unwrap()].as_str().unwrap());
    [metric].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}
