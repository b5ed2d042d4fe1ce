//! The state machine file against the table of steps and the names of the errors.

use std::collections::BTreeSet;

use domain::ErrorName;
use serde_json::Value;

use crate::files::{files_below, read};

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

#[test]
fn every_error_that_the_state_machine_names_can_be_raised() {
    let ours: BTreeSet<&str> = ErrorName::ALL.iter().map(|fault| fault.as_str()).collect();
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
        for fault in ErrorName::ALL {
            let expected = fault.is_transient();
            assert_eq!(retried.contains(fault.as_str()), expected, "{name} and {fault}");
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
    let samples: BTreeSet<String> = files_below("events/functions")
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
