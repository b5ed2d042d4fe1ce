//! The metrics of the functions, from scenarios on a real stack: each line is in the
//! embedded metric format, and each event is counted once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use local_stack::functions::{self, Profile};
use local_stack::scenarios;
use local_stack::scenarios::runner::run;
use local_stack::scenarios::stock_levels::load_stock;
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;
use serde_json::Value;

/// The scenarios that the test runs.
const SCENARIOS: [&str; 7] = [
    "carrier-refuses",
    "declined",
    "gateway-answer-lost",
    "gateway-down-later",
    "happy",
    "review-approved",
    "review-expired",
];

/// The expected metrics with their words, and their counts.
const EXPECTED: [(&str, u64); 21] = [
    ("AttentionRaised REVIEW REVIEW", 2),
    ("AttentionRaised OPERATOR STUCK", 1),
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
    // Counted once, for any number of attempts while Stripe was down.
    ("OutcomesUnknown GATEWAY CAPTURE", 1),
    ("OutcomesUnknown GATEWAY CONFIRM", 1),
    ("PaymentsDeclined", 1),
    // One for each order that reached the call.
    ("ProviderLatency CARRIER CREATE", 5),
    ("ProviderLatency GATEWAY CONFIRM", 7),
    ("ProviderLatency GATEWAY CREATE", 7),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_counted_once() {
    let root = workspace::root();
    let binaries = functions::build_in(&root, Profile::Dev).unwrap();
    let stack = Stack::start(Settings::temporary(&root, binaries)).await.unwrap();
    load_stock(&stack, &root).await.unwrap();
    for scenario in scenarios::load(&root).unwrap() {
        if SCENARIOS.contains(&scenario.name.as_str()) {
            let report = run(&stack, &scenario, &mut |_| {}).await.unwrap();
            assert!(report.ok, "{}: {:?}", report.name, report.differences);
        }
    }
    // After the shutdown, all output has been read.
    let logs = stack.lambda().logs().clone();
    stack.shutdown().await;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for line in logs.find("\"_aws\"") {
        *counts.entry(metric_with_words(&line.text)).or_default() += 1;
    }
    for (metric, count) in EXPECTED {
        assert_eq!(counts.get(metric).copied().unwrap_or(0), count, "{metric} in {counts:#?}");
    }
    let expected = |name: &String| EXPECTED.iter().any(|(expected, _)| name == expected);
    let others = counts.keys().filter(|name| !expected(name));
    for other in others {
        // These depend on the number of calls, of sweeps and of days that pass.
        let varies = ["ProviderLatency", "SweepDelay", "AttentionAge", "ComparisonsCompleted"];
        assert!(
            varies.iter().any(|name| other.starts_with(name)),
            "{other} was not expected: {counts:#?}"
        );
    }
}

/// The metric of a line with the words that it says. Checks the format.
fn metric_with_words(line: &str) -> String {
    let line: Value = serde_json::from_str(line).unwrap();
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    assert!(line["_aws"]["Timestamp"].is_u64(), "{line}");
    assert_eq!(directive["Namespace"], "OrderProcessing", "{line}");
    let metric = directive["Metrics"][0]["Name"].as_str().unwrap();
    assert!(line[metric].is_u64(), "{line}");
    // The template names the stack; the local one is called `local`.
    assert_eq!(directive["Dimensions"][0][0], "Stack", "{line}");
    assert_eq!(line["Stack"], "local", "{line}");
    let fields = line.as_object().unwrap().iter().filter(|(name, _)| *name != "Stack");
    let words = fields.filter_map(|(_, value)| value.as_str());
    [metric].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}
