//! Ten thousand waiting executions: memory per execution, and the time of a transition beside them.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use super::test_bed::{START, TestBed, function};
use crate::stepfunctions::StoreLocation;

const MANY: u32 = 10_000;
const LATER: &str = "2026-11-23T05:00:00Z";
/// The memory limit per waiting execution: enough for its timer, too little for its history.
const MAX_BYTES: u64 = 2048;

fn task_chain() -> Value {
    let mut states = serde_json::Map::new();
    for number in 0..10 {
        let mut state = function("echo");
        state["Next"] = json!(format!("S{}", number + 1));
        states.insert(format!("S{number}"), state);
    }
    states.insert("S10".to_owned(), json!({ "Type": "Succeed" }));
    json!({ "StartAt": "S0", "States": states })
}

fn one_wait() -> Value {
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
async fn a_waiting_execution_uses_two_kilobytes_of_memory_at_most() {
    let folder = TempDir::new().unwrap();
    let mut bed =
        TestBed::on(StoreLocation::File(folder.path().join("executions.db")), START).await;
    bed.progress = bed.states.subscribe();
    let busy = bed.clock.busy("the test");
    let waiter = bed.create("Waiter", &one_wait()).await;
    let chain = bed.create("Chain", &task_chain()).await;
    let alone = transitions(&mut bed, &chain, "alone").await;
    start_many(&bed, &waiter, 0, 500).await;
    let before = resident();
    start_many(&bed, &waiter, 500, MANY).await;
    let each = (resident() - before) / u64::from(MANY - 500);
    let among = transitions(&mut bed, &chain, "among").await;
    println!("{each} bytes each; a transition takes {alone:?} alone, {among:?} among {MANY}");
    assert!(each <= MAX_BYTES, "{each} bytes each");
    bed.states.halt().await;
    drop(busy);
    let started = Instant::now();
    let store = StoreLocation::File(folder.path().join("executions.db"));
    let bed = TestBed::on(store, LATER).await;
    println!("{MANY} were resumed in {:?}", started.elapsed());
    let started = Instant::now();
    let last = format!("arn:aws:states:us-east-1:000000000000:execution:Waiter:e{}", MANY - 1);
    while bed.describe(&last).await["status"] == "RUNNING" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("all ended in {:?}", started.elapsed());
}

async fn start_many(bed: &TestBed, machine: &str, from: u32, to: u32) {
    let mut starts = tokio::task::JoinSet::new();
    for number in from..to {
        let states = bed.states.clone();
        let body = json!({ "stateMachineArn": machine, "name": format!("e{number}"), "input": "{\"orderId\":\"ord_00000000-0000-4000-8000-000000000000\"}" });
        starts.spawn(async move { states.api("StartExecution", body).await.unwrap() });
        if starts.len() >= 64 {
            starts.join_next().await.unwrap().unwrap();
        }
    }
    starts.join_all().await;
}

/// The shortest time per transition, over executions of ten tasks and a Succeed state.
async fn transitions(bed: &mut TestBed, machine: &str, name: &str) -> Duration {
    let mut best = Duration::MAX;
    for number in 0..10 {
        bed.progress = bed.states.subscribe();
        let started = Instant::now();
        bed.run(machine, &format!("{name}{number}"), &json!({ "a": 1 })).await;
        best = best.min(started.elapsed() / 11);
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
