//! Promises about the whole tree that no compiler keeps.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use domain::Fault;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn machine() -> Value {
    serde_json::from_str(&read("statemachine.asl.json")).unwrap()
}

fn states(machine: &Value) -> impl Iterator<Item = (&String, &Value)> {
    machine["States"].as_object().unwrap().iter()
}

/// The tasks that invoke a function of ours.
fn is_lambda(state: &Value) -> bool {
    state["Type"] == "Task" && state["Resource"].as_str().unwrap().starts_with("${")
}

fn errors(rule: &Value) -> impl Iterator<Item = &str> {
    rule["ErrorEquals"].as_array().unwrap().iter().map(|name| name.as_str().unwrap())
}

fn rules<'a>(state: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    state[field].as_array().into_iter().flatten()
}

/// Every file below a folder of the workspace, but not what builds left there.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let hidden = path.file_name().unwrap().to_string_lossy().starts_with('.');
            if path.is_dir() && !hidden && !path.ends_with("target") {
                folders.push(path);
            } else if path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_source_file_opens_with_what_it_is() {
    let sources = ["shared", "functions", "local"].map(files).concat();
    let sources: Vec<_> =
        sources.iter().filter(|path| path.extension().is_some_and(|e| e == "rs")).collect();
    assert!(sources.len() > 50, "only {} sources were found", sources.len());
    for path in sources {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.starts_with("//!"), "{} does not open with //!", path.display());
    }
}

#[test]
fn nothing_that_ships_depends_on_the_local_stack() {
    let local: BTreeSet<String> = files("local")
        .into_iter()
        .filter(|path| path.ends_with("Cargo.toml"))
        .map(|path| package_name(&std::fs::read_to_string(path).unwrap()))
        .collect();
    assert!(local.contains("asl") && local.contains("emulators"), "{local:?}");
    let shipped = ["shared", "functions"].map(files).concat();
    for manifest in shipped.iter().filter(|path| path.ends_with("Cargo.toml")) {
        let text = std::fs::read_to_string(manifest).unwrap();
        for name in &local {
            let depends = text
                .lines()
                .any(|line| line.split(['.', ' ', '=']).next().is_some_and(|word| word == name));
            assert!(!depends, "{} depends on {name}", manifest.display());
        }
    }
}

fn package_name(manifest: &str) -> String {
    let line = manifest.lines().find(|line| line.starts_with("name = ")).unwrap();
    line.split('"').nth(1).unwrap().to_owned()
}

#[test]
fn every_error_that_the_state_machine_names_can_be_raised() {
    let ours: BTreeSet<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
    let machine = machine();
    for (name, state) in states(&machine) {
        for rule in rules(state, "Retry").chain(rules(state, "Catch")) {
            for error in errors(rule).filter(|error| !error.contains('.')) {
                assert!(ours.contains(error), "{name} names {error}, which nothing raises");
            }
        }
    }
}

#[test]
fn every_transient_fault_is_tried_again_by_every_task_that_invokes_a_function() {
    let machine = machine();
    let mut seen = 0;
    for (name, state) in states(&machine).filter(|(_, state)| is_lambda(state)) {
        let retried: BTreeSet<&str> = rules(state, "Retry").flat_map(errors).collect();
        for fault in Fault::ALL {
            let expected = fault.is_transient();
            assert_eq!(retried.contains(fault.name()), expected, "{name} and {fault}");
        }
        for error in ["Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError", "States.Timeout"] {
            assert!(retried.contains(error), "{name} does not try {error} again");
        }
        seen += 1;
    }
    assert_eq!(seen, 7);
}

#[test]
fn every_task_catches_everything_under_its_own_name() {
    let machine = machine();
    for (name, state) in states(&machine).filter(|(_, state)| state["Type"] == "Task") {
        let last = rules(state, "Catch").last().unwrap_or_else(|| panic!("{name} has no Catch"));
        assert_eq!(errors(last).collect::<Vec<_>>(), ["States.ALL"], "{name}");
        for rule in rules(state, "Catch") {
            assert_eq!(rule["ResultPath"], format!("$.failed.{name}"), "{name}");
        }
    }
}

#[test]
fn what_a_failing_task_may_have_taken_is_given_back_by_the_step_that_its_catch_leads_to() {
    let machine = machine();
    let leads_to = |name: &str| {
        let last = rules(&machine["States"][name], "Catch").last().unwrap();
        last["Next"].as_str().unwrap().to_owned()
    };
    assert_eq!(leads_to("ProcessPayment"), "CancelPayment");
    assert_eq!(leads_to("CheckInventory"), "ReleaseInventory");
    assert_eq!(leads_to("InitiateShipping"), "CancelShipment");
    // Each step that gives back goes on to the one before it.
    let next = |name: &str| machine["States"][name]["Next"].as_str().unwrap().to_owned();
    assert_eq!(next("CancelShipment"), "ReleaseInventory");
    assert_eq!(next("ReleaseInventory"), "CancelPayment");
    assert_eq!(next("CancelPayment"), "FailureOutcome");
}

#[test]
fn every_operation_that_the_state_machine_asks_for_has_a_sample_and_every_sample_is_asked_for() {
    let machine = machine();
    let asked: BTreeSet<String> = states(&machine)
        .filter(|(_, state)| is_lambda(state))
        .map(|(_, state)| {
            let function = state["Resource"].as_str().unwrap();
            let function =
                kebab(function.trim_matches(['$', '{', '}']).trim_end_matches("FunctionArn"));
            format!("{function}-{}.json", state["Parameters"]["operation"].as_str().unwrap())
        })
        .collect();
    let samples: BTreeSet<String> = files("events/functions")
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        // The reconciler is asked by rules, not by the state machine.
        .filter(|name| !name.starts_with("reconcile-orders-"))
        .collect();
    assert_eq!(asked, samples);
}

fn kebab(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

#[test]
fn the_waiting_tasks_raise_the_version_with_every_write() {
    let machine = machine();
    let mut seen = 0;
    for (name, state) in states(&machine) {
        if !state["Resource"].as_str().is_some_and(|r| r.ends_with(".waitForTaskToken")) {
            continue;
        }
        let update = state["Parameters"]["UpdateExpression"].as_str().unwrap();
        assert!(update.contains("#version = #version + :one"), "{name}");
        let condition = state["Parameters"]["ConditionExpression"].as_str().unwrap();
        assert!(condition.starts_with("#execution = :execution"), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 3);
}

/// The functions of the template with the permissions that they get on each resource.
fn functions_of_the_template() -> BTreeMap<String, Template> {
    let template = read("template.yaml");
    let mut functions = BTreeMap::new();
    let mut current: Option<(String, Template)> = None;
    for line in template.lines().skip_while(|line| *line != "Resources:") {
        if line.starts_with("  ") && !line.starts_with("   ") {
            functions.extend(current.take());
            if let Some(name) = line.trim().strip_suffix("Function:") {
                current = Some((format!("{name}Function"), Template::default()));
            }
        }
        if let Some((_, function)) = &mut current {
            if let Some(binary) = line.trim().strip_prefix("Binary: ") {
                binary.clone_into(&mut function.binary);
            }
            for word in line.split([' ', '[', ']', ',']) {
                if ["dynamodb:", "states:", "secretsmanager:"].iter().any(|p| word.starts_with(p)) {
                    function.actions.insert(word.to_owned());
                }
            }
        }
    }
    functions.extend(current);
    functions
}

#[derive(Debug, Default)]
struct Template {
    binary: String,
    actions: BTreeSet<String>,
}

#[test]
fn every_function_of_the_template_is_a_binary_and_the_reverse() {
    let template: BTreeSet<String> =
        functions_of_the_template().into_values().map(|function| function.binary).collect();
    let crates: BTreeSet<String> = std::fs::read_dir(root().join("functions"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("src/main.rs").exists())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(template, crates);
    assert!(template.len() >= 4, "{template:?}");
}

/// What each port of the domain asks of AWS, as `domain::ports` says it.
fn permissions_of(port: &str) -> &'static [&'static str] {
    match port {
        "LoadOrder" => &["dynamodb:GetItem"],
        "SaveOrder" | "ReserveStock" | "ReleaseStock" => &["dynamodb:UpdateItem"],
        "PlaceOrder" => &["dynamodb:PutItem"],
        "ReadCatalogue" => &["dynamodb:BatchGetItem", "dynamodb:Scan"],
        "WriteCatalogue" | "RestockShelf" => &["dynamodb:PutItem", "dynamodb:UpdateItem"],
        "StartExecution" => &["states:StartExecution"],
        "AnswerTask" => &["states:SendTaskSuccess", "states:SendTaskFailure"],
        "ListOrders" => &["dynamodb:Query", "dynamodb:BatchGetItem"],
        "ListDue" | "FindOrder" => &["dynamodb:Query"],
        "ScanOrders" => &["dynamodb:Scan", "dynamodb:BatchGetItem"],
        "ReadShelves" => &["dynamodb:Scan"],
        "StopExecution" => &["states:StopExecution"],
        "DescribeExecution" => &["states:DescribeExecution"],
        "ReadExecution" => &["states:DescribeExecution", "states:GetExecutionHistory"],
        "Gateway" | "Carrier" | "Webhooks" => &["secretsmanager:GetSecretValue"],
        _ => &[],
    }
}

#[test]
fn every_function_may_do_exactly_what_its_ports_ask_for() {
    const PORTS: [&str; 21] = [
        "ScanOrders",
        "ReadShelves",
        "ListOrders",
        "ListDue",
        "FindOrder",
        "DescribeExecution",
        "RestockShelf",
        "StopExecution",
        "LoadOrder",
        "SaveOrder",
        "ReserveStock",
        "ReleaseStock",
        "PlaceOrder",
        "ReadCatalogue",
        "WriteCatalogue",
        "StartExecution",
        "AnswerTask",
        "ReadExecution",
        "Gateway",
        "Carrier",
        "Webhooks",
    ];
    for (name, function) in functions_of_the_template() {
        let sources = files(&format!("functions/{}/src", function.binary));
        let mut text = String::new();
        for source in sources {
            text.push_str(&std::fs::read_to_string(source).unwrap());
        }
        let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
        let needed: BTreeSet<String> = PORTS
            .iter()
            .filter(|port| words.contains(**port))
            .flat_map(|port| permissions_of(port))
            .map(|action| (*action).to_owned())
            .collect();
        assert_eq!(function.actions, needed, "the policy of {name}");
    }
}
