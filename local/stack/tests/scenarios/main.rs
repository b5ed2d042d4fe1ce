//! Runs every scenario on a fresh stack with the real function binaries. Each must end
//! exactly as its file in `events/scenarios/` expects, count for count, and its execution
//! trace must equal the `NAME.trace.txt` beside it.
//!
//! The test builds the functions with cargo. `UPDATE_TRACES=1` rewrites the traces.
//! `SCENARIOS=happy,declined` runs only these.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use local_stack::functions::{self, Profile};
use local_stack::scenarios::stock_levels::load_stock;
use local_stack::scenarios::{self, Report, runner, scenario};
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;

const TRACE_SUFFIX: &str = ".trace.txt";

fn trace_path(root: &Path, scenario: &str) -> PathBuf {
    scenario::folder(root).join(format!("{scenario}{TRACE_SUFFIX}"))
}

#[expect(clippy::disallowed_methods, reason = "the switches of this test")]
fn switch(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Whether the scenario is to run: every one is, unless some are named.
fn is_selected(name: &str) -> bool {
    switch("SCENARIOS").is_none_or(|names| names.split(',').any(|selected| selected == name))
}

/// Compares the trace with its golden file, or rewrites the file.
fn compare_trace(root: &Path, report: &Report) -> Option<String> {
    let path = trace_path(root, &report.name);
    if switch("UPDATE_TRACES").is_some() {
        std::fs::write(&path, &report.trace).unwrap();
        return None;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = golden != report.trace;
    differs.then(|| {
        format!("{}: the trace differs from {}:\n{}", report.name, path.display(), report.trace)
    })
}

/// The order's total is authorized or nothing; what was authorized is captured or voided; what
/// was captured is refunded or not.
async fn compare_ledger(stack: &Stack, report: &Report) -> Option<String> {
    let orders = stack.items("Orders").await.unwrap();
    let order = orders.iter().find(|order| order["orderId"]["S"] == report.order_id).unwrap();
    let total: i64 = order["total"]["M"]["amount"]["N"].as_str().unwrap().parse().unwrap();
    let ledger = report.ledger;
    let adds_up = [0, total].contains(&ledger.authorized)
        && ledger.captured + ledger.voided == ledger.authorized
        && [0, ledger.captured].contains(&ledger.refunded);
    (!adds_up).then(|| format!("{}: the total is {total}, the ledger {ledger:?}", report.name))
}

#[test]
fn each_scenario_has_a_trace_and_each_trace_a_scenario() {
    let root = workspace::root();
    let scenarios: BTreeSet<String> =
        scenarios::load(&root).unwrap().into_iter().map(|scenario| scenario.name).collect();
    let files = std::fs::read_dir(scenario::folder(&root)).unwrap();
    let names = files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned());
    let traces: BTreeSet<String> =
        names.filter_map(|name| name.strip_suffix(TRACE_SUFFIX).map(str::to_owned)).collect();
    assert_eq!(scenarios, traces);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_ends_as_its_file_expects_and_leaves_its_trace() {
    let root = workspace::root();
    let binaries = functions::build_in(&root, Profile::Dev).unwrap();
    let stack = Stack::start(Settings::temporary(&root, binaries)).await.unwrap();
    load_stock(&stack, &root).await.unwrap();
    let mut wrong = Vec::new();
    let scenarios = scenarios::load(&root).unwrap();
    for scenario in scenarios.iter().filter(|scenario| is_selected(&scenario.name)) {
        assert!(scenario.expected.counts.is_some(), "{} expects no counts", scenario.name);
        let report = runner::run(&stack, scenario, &mut |_| {}).await.unwrap();
        wrong.extend(report.differences.iter().map(|what| format!("{}: {what}", report.name)));
        wrong.extend(compare_ledger(&stack, &report).await);
        wrong.extend(compare_trace(&root, &report));
    }
    stack.shutdown().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
