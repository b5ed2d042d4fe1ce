//! The service, killed with SIGKILL at random moments under load, again and again.
//!
//! The process that is killed is this test's own program, called for the one test
//! [`the_process_that_is_killed`] with a folder in its environment. It starts
//! executions of three tasks in a row and writes down, outside of the store, which
//! starts were acknowledged and which calls were made.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::bench::{Bench, START, Script, function};
use crate::stepfunctions::Place;

const FOLDER: &str = "KILLED_PROCESS_FOLDER";
const KILLS: u64 = 50;
const TASKS: [&str; 3] = ["first", "second", "third"];

#[test]
fn fifty_kills_lose_no_execution_and_repeat_no_recorded_result() {
    let folder = TempDir::new().unwrap();
    for kill in 0..KILLS {
        // Moments from 0 to about 400 ms of work, spread evenly by a golden section.
        let pause = Duration::from_millis(60 + kill * 251 % 400);
        let mut child = begin(folder.path(), kill);
        std::thread::sleep(pause);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(every_execution_ends(folder.path()));
    no_recorded_result_was_repeated(folder.path());
}

fn begin(folder: &Path, life: u64) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stepfunctions::tests::kill::the_process_that_is_killed"])
        .env(FOLDER, format!("{}:{life}", folder.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Does nothing unless it is called by the test above.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "how this process learns that it is to be killed")]
async fn the_process_that_is_killed() {
    let Ok(told) = std::env::var(FOLDER) else { return };
    let (folder, life) = told.rsplit_once(':').unwrap();
    let bench = open(Path::new(folder)).await;
    let mut moves = bench.states.subscribe();
    tokio::spawn(async move { while moves.recv().await.is_ok() {} });
    let machine = bench.machine("Chain", &chain()).await;
    let acknowledged = file(Path::new(folder), "acknowledged");
    for number in 0.. {
        let name = format!("e{life}-{number}");
        bench.begin(&machine, &name, &json!({ "name": name })).await;
        add(&acknowledged, &name);
    }
}

async fn open(folder: &Path) -> Bench {
    let calls = file(folder, "calls");
    let script = Script::default();
    script.watch(move |function, payload| {
        add(&calls, &format!("{} {function}", payload["name"].as_str().unwrap()));
    });
    Bench::with(script, Place::File(folder.join("executions.db")), START).await
}

fn file(folder: &Path, name: &str) -> File {
    OpenOptions::new().create(true).append(true).open(folder.join(name)).unwrap()
}

/// Adds a line in one write, which a kill cannot tear.
fn add(mut file: &File, line: &str) {
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn chain() -> Value {
    let mut states = serde_json::Map::new();
    for (place, task) in TASKS.iter().enumerate() {
        let mut state = function(task);
        match TASKS.get(place + 1) {
            Some(next) => state["Next"] = json!(next),
            None => state["End"] = json!(true),
        }
        states.insert((*task).to_owned(), state);
    }
    json!({ "StartAt": TASKS[0], "States": states })
}

async fn every_execution_ends(folder: &Path) {
    let bench = open(folder).await;
    let acknowledged = lines(folder.join("acknowledged"));
    assert!(!acknowledged.is_empty());
    for name in &acknowledged {
        let arn = format!("arn:aws:states:us-east-1:000000000000:execution:Chain:{name}");
        while bench.describe(&arn).await["status"] == "RUNNING" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(bench.describe(&arn).await["status"], "SUCCEEDED", "{name}");
        let types = bench.types(&arn).await;
        let results = types.iter().filter(|name| *name == "LambdaFunctionSucceeded").count();
        assert_eq!(results, TASKS.len(), "{name}");
    }
    println!("{} executions were acknowledged over {KILLS} kills", acknowledged.len());
}

/// A task is called once the result of the one before it is recorded: so after a
/// call of the next task there is none of the one before.
fn no_recorded_result_was_repeated(folder: &Path) {
    let mut furthest: BTreeMap<String, usize> = BTreeMap::new();
    let mut twice = BTreeSet::new();
    for line in lines(folder.join("calls")) {
        let (name, function) = line.split_once(' ').unwrap();
        let place = TASKS.iter().position(|task| *task == function).unwrap();
        match furthest.insert(name.to_owned(), place) {
            Some(before) if before == place => drop(twice.insert(line.clone())),
            Some(before) => assert!(before < place, "{line} came after {}", TASKS[before]),
            None => {}
        }
    }
    println!("{} calls were delivered again", twice.len());
}

fn lines(path: PathBuf) -> Vec<String> {
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}
