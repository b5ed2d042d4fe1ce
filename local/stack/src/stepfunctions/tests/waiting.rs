//! Ten thousand executions that wait, and one that does not wait for them.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use super::bench::{Bench, START, function};
use crate::stepfunctions::Place;

const MANY: u32 = 10_000;
const LATER: &str = "2026-11-23T05:00:00Z";
/// What a waiting execution may cost in memory: its timer, and nothing of its story.
const MOST_BYTES: u64 = 2048;

fn busy_machine() -> Value {
    let mut states = serde_json::Map::new();
    for number in 0..10 {
        let mut state = function("echo");
        state["Next"] = json!(format!("S{}", number + 1));
        states.insert(format!("S{number}"), state);
    }
    states.insert("S10".to_owned(), json!({ "Type": "Succeed" }));
    json!({ "StartAt": "S0", "States": states })
}

fn waiting_machine() -> Value {
    json!({
        "StartAt": "Prepare",
        "States": {
            "Prepare": { "Type": "Pass", "Next": "Wait" },
            "Wait": { "Type": "Wait", "Seconds": 86_400, "Next": "Done" },
            "Done": { "Type": "Succeed" },
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_waiting_executions_cost_two_kilobytes_each_at_most() {
    let folder = TempDir::new().unwrap();
    let mut bench = Bench::over(Place::File(folder.path().join("executions.db")), START).await;
    bench.moves = bench.states.subscribe();
    let held = bench.clock.busy("the test");
    let waiter = bench.machine("Waiter", &waiting_machine()).await;
    let busy = bench.machine("Busy", &busy_machine()).await;
    let alone = transitions(&mut bench, &busy, "alone").await;
    begin_many(&bench, &waiter, 0, 500).await;
    let before = resident();
    begin_many(&bench, &waiter, 500, MANY).await;
    let each = (resident() - before) / u64::from(MANY - 500);
    let among = transitions(&mut bench, &busy, "among").await;
    println!("{each} bytes each; a transition takes {alone:?} alone, {among:?} among {MANY}");
    assert!(each <= MOST_BYTES, "{each} bytes each");
    bench.states.halt().await;
    drop(held);
    let began = Instant::now();
    let place = Place::File(folder.path().join("executions.db"));
    let bench = Bench::over(place, LATER).await;
    println!("{MANY} were taken up again in {:?}", began.elapsed());
    let began = Instant::now();
    let last = format!("arn:aws:states:us-east-1:000000000000:execution:Waiter:e{}", MANY - 1);
    while bench.describe(&last).await["status"] == "RUNNING" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("all ended in {:?}", began.elapsed());
}

async fn begin_many(bench: &Bench, machine: &str, from: u32, to: u32) {
    let mut starts = tokio::task::JoinSet::new();
    for number in from..to {
        let states = bench.states.clone();
        let body = json!({ "stateMachineArn": machine, "name": format!("e{number}"), "input": "{\"orderId\":\"ord_00000000-0000-4000-8000-000000000000\"}" });
        starts.spawn(async move { states.api("StartExecution", body).await.unwrap() });
        if starts.len() >= 64 {
            starts.join_next().await.unwrap().unwrap();
        }
    }
    starts.join_all().await;
}

/// How long one transition takes at best, of executions of ten tasks and an end.
async fn transitions(bench: &mut Bench, machine: &str, name: &str) -> Duration {
    let mut best = Duration::MAX;
    for number in 0..10 {
        bench.moves = bench.states.subscribe();
        let began = Instant::now();
        bench.run(machine, &format!("{name}{number}"), &json!({ "a": 1 })).await;
        best = best.min(began.elapsed() / 11);
    }
    best
}

/// Resident memory of this process, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024
}
