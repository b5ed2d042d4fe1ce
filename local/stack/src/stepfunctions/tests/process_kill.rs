//! The service, killed with SIGKILL 50 times under load.
//!
//! The killed process is this test program, started for the test [`the_killed_process`] with a
//! folder in its environment. It starts executions of three tasks in a row and logs, outside of
//! the store, which starts were acknowledged and which functions were called.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::test_bed::{START, ScriptedFunctions, TestBed, function};
use crate::stepfunctions::StoreLocation;

const FOLDER: &str = "KILLED_PROCESS_FOLDER";
const KILLS: u64 = 50;
const TASKS: [&str; 3] = ["first", "second", "third"];

#[test]
fn fifty_kills_lose_no_execution_and_repeat_no_stored_result() {
    let folder = TempDir::new().unwrap();
    for kill in 0..KILLS {
        // 60 to 459 ms after the start; 251 is coprime to 400 and spreads the kills evenly.
        let pause = Duration::from_millis(60 + kill * 251 % 400);
        let mut child = start_process(folder.path(), kill);
        std::thread::sleep(pause);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(every_execution_ends(folder.path()));
    no_stored_result_was_repeated(folder.path());
}

fn start_process(folder: &Path, run: u64) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stepfunctions::tests::process_kill::the_killed_process"])
        .env(FOLDER, format!("{}:{run}", folder.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Does nothing unless the test above starts it.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "tells the killed process from a normal test run")]
async fn the_killed_process() {
    let Ok(setting) = std::env::var(FOLDER) else { return };
    let (folder, run) = setting.rsplit_once(':').unwrap();
    let bed = open(Path::new(folder)).await;
    let mut progress = bed.states.subscribe();
    tokio::spawn(async move { while progress.recv().await.is_ok() {} });
    let machine = bed.create("Chain", &chain()).await;
    let acknowledged = file(Path::new(folder), "acknowledged");
    for number in 0.. {
        let name = format!("e{run}-{number}");
        bed.start(&machine, &name, &json!({ "name": name })).await;
        append(&acknowledged, &name);
    }
}

async fn open(folder: &Path) -> TestBed {
    let calls = file(folder, "calls");
    let functions = ScriptedFunctions::default();
    functions.watch(move |function, payload| {
        append(&calls, &format!("{} {function}", payload["name"].as_str().unwrap()));
    });
    TestBed::with(functions, StoreLocation::File(folder.join("executions.db")), START).await
}

fn file(folder: &Path, name: &str) -> File {
    OpenOptions::new().create(true).append(true).open(folder.join(name)).unwrap()
}

/// Appends a line in one write, which a kill cannot split.
fn append(mut file: &File, line: &str) {
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
    let bed = open(folder).await;
    let acknowledged = lines(folder.join("acknowledged"));
    assert!(!acknowledged.is_empty());
    for name in &acknowledged {
        let arn = format!("arn:aws:states:us-east-1:000000000000:execution:Chain:{name}");
        while bed.describe(&arn).await["status"] == "RUNNING" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(bed.describe(&arn).await["status"], "SUCCEEDED", "{name}");
        let types = bed.event_types(&arn).await;
        let results = types.iter().filter(|name| *name == "LambdaFunctionSucceeded").count();
        assert_eq!(results, TASKS.len(), "{name}");
    }
    println!("{} executions were acknowledged during {KILLS} kills", acknowledged.len());
}

/// A task runs only after the result of the previous task is stored, so after its first call
/// the previous task is never called again.
fn no_stored_result_was_repeated(folder: &Path) {
    let mut last_task: BTreeMap<String, usize> = BTreeMap::new();
    let mut twice = BTreeSet::new();
    for line in lines(folder.join("calls")) {
        let (name, function) = line.split_once(' ').unwrap();
        let place = TASKS.iter().position(|task| *task == function).unwrap();
        match last_task.insert(name.to_owned(), place) {
            Some(before) if before == place => drop(twice.insert(line.clone())),
            Some(before) => assert!(before < place, "{line} came after {}", TASKS[before]),
            None => {}
        }
    }
    println!("{} calls were repeated", twice.len());
}

fn lines(path: PathBuf) -> Vec<String> {
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}
