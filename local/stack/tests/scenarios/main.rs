//! Every scenario, played on a real stack with the real functions, must show what
//! `facts.json` says, count for count, and leave the transcript that is kept in
//! `transcripts/`.
//!
//! Needs cargo, which builds the functions. `UPDATE_TRANSCRIPTS=1` writes the
//! transcripts anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use local_stack::functions::{self, Profile};
use local_stack::scenarios::run::{play, stock};
use local_stack::scenarios::{self, Report};
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Facts {
    groups: BTreeMap<String, Vec<String>>,
    ends: BTreeMap<String, (String, String)>,
    scenarios: BTreeMap<String, Row>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    states: Vec<String>,
    status: String,
    /// Its last execution was stopped, and so ends without an error.
    #[serde(default)]
    stopped: bool,
    gateway: BTreeMap<String, String>,
    labels: u64,
    label_refunds: u64,
    counts: Value,
}

impl Facts {
    /// The states of a row, with its groups written out.
    fn states(&self, row: &Row) -> Vec<String> {
        let mut states = Vec::new();
        for name in &row.states {
            match (self.groups.get(name), name.as_str()) {
                (Some(group), _) => states.extend(group.iter().cloned()),
                (None, "END") => {
                    states.push("FailureOutcome".to_owned());
                    states.push(self.ends[&row.status].0.clone());
                }
                (None, _) => states.push(name.clone()),
            }
        }
        states
    }

    /// What a report of this scenario must say.
    fn expected(&self, row: &Row, total: i64) -> Value {
        let sum = |name: &str| match row.gateway.get(name).map(String::as_str) {
            None => 0,
            Some("T") => total,
            Some(other) => panic!("{other} is no sum"),
        };
        let error = self.ends.get(&row.status).filter(|_| !row.stopped).map(|(_, error)| error);
        json!({
            "states": self.states(row),
            "status": row.status,
            "error": error,
            "ledger": {
                "authorized": sum("authorized"),
                "captured": sum("captured"),
                "voided": sum("voided"),
                "refunded": sum("refunded"),
                "labels": row.labels,
                "labelRefunds": row.label_refunds,
            },
            "counts": row.counts,
        })
    }
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// What was seen of a scenario, as `facts.json` says it.
fn seen(report: &Report) -> Value {
    json!({
        "states": report.states,
        "status": report.status,
        "error": report.error,
        "ledger": report.ledger,
        "counts": report.counts,
    })
}

/// Compares with the kept transcript, or writes it.
fn compare_transcript(report: &Report, wrong: &mut Vec<String>) {
    let path = tests().join("transcripts").join(format!("{}.txt", report.name));
    #[expect(clippy::disallowed_methods, reason = "the one switch of this test")]
    if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &report.transcript).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    if kept != report.transcript {
        wrong.push(format!(
            "{}: another transcript than {}:\n{}",
            report.name,
            path.display(),
            report.transcript
        ));
    }
}

async fn total_of(stack: &Stack, report: &Report) -> i64 {
    let orders = stack.rows("Orders").await.unwrap();
    let order = orders.iter().find(|order| order["orderId"]["S"] == report.order_id).unwrap();
    order["total"]["M"]["amount"]["N"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_shows_what_the_table_says_and_leaves_its_transcript() {
    let root = workspace::root();
    let facts: Facts = scenarios::parse(&tests().join("facts.json")).unwrap();
    let all = scenarios::load(&root).unwrap();
    let names: Vec<&String> = all.iter().map(|scenario| &scenario.name).collect();
    assert_eq!(names, facts.scenarios.keys().collect::<Vec<_>>(), "a row for each scenario");

    let binaries = functions::build_in(&root, Profile::Dev).unwrap();
    let stack = Stack::start(Settings::fresh(&root, binaries)).await.unwrap();
    stock(&stack, &root).await.unwrap();
    let mut wrong = Vec::new();
    for scenario in &all {
        let report = play(&stack, scenario, &mut |_| {}).await.unwrap();
        wrong.extend(report.differences.iter().map(|what| format!("{}: {what}", report.name)));
        let row = &facts.scenarios[&scenario.name];
        let expected = facts.expected(row, total_of(&stack, &report).await);
        if expected != seen(&report) {
            wrong.push(format!(
                "{}:\n  expected {expected}\n  saw      {}",
                report.name,
                seen(&report)
            ));
        }
        compare_transcript(&report, &mut wrong);
    }
    stack.shutdown().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
