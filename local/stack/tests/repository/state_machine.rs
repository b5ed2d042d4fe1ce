//! The state machine file against the table of steps and the error names.

use std::collections::BTreeSet;

use domain::decision::OperatorAction;
use domain::operation::Function;
use domain::outcome::Outcome;
use domain::steps::{self, Effect, Kind, OnFailure, State};
use domain::{ErrorName, Status};
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
fn the_table_of_steps_lists_every_state_of_the_file_in_its_order() {
    let text = read("statemachine.asl.json");
    let machine = machine();
    let in_file: BTreeSet<&str> = states(&machine).map(|(name, _)| name.as_str()).collect();
    let in_table: BTreeSet<&str> = State::ALL.iter().map(|state| state.as_str()).collect();
    let missing: Vec<_> = in_file.difference(&in_table).collect();
    assert!(missing.is_empty(), "add to domain::steps::State: {missing:?}");
    let extra: Vec<_> = in_table.difference(&in_file).collect();
    assert!(extra.is_empty(), "add to statemachine.asl.json: {extra:?}");
    let place = |state: &State| text.find(&format!("\n    \"{state}\": {{")).unwrap_or(usize::MAX);
    assert!(State::ALL.is_sorted_by_key(place), "the table is not in the order of the file");
}

#[test]
fn every_state_is_reached_from_the_start() {
    let machine = machine();
    let mut reached = BTreeSet::new();
    let mut open = vec![machine["StartAt"].as_str().unwrap()];
    while let Some(name) = open.pop() {
        if reached.insert(name) {
            open.extend(transitions(&machine["States"][name]));
        }
    }
    let unreached: Vec<_> = states(&machine)
        .map(|(name, _)| name.as_str())
        .filter(|name| !reached.contains(name))
        .collect();
    assert!(unreached.is_empty(), "no Next, choice or Catch leads to {unreached:?}");
}

/// The states that a state leads to: by `Next`, `Default`, its choices and its catchers.
fn transitions(state: &Value) -> Vec<&str> {
    let choices = rules(state, "Choices").chain(rules(state, "Catch")).map(|rule| &rule["Next"]);
    choices.chain([&state["Next"], &state["Default"]]).filter_map(Value::as_str).collect()
}

#[test]
fn every_state_does_what_its_row_says() {
    let machine = machine();
    for (name, row) in steps::rows() {
        let state = &machine["States"][name.as_str()];
        assert_eq!(state["Type"], row.kind.state_type(), "{name}");
        match row.kind {
            Kind::Task(operation) => {
                let resource = format!("${{{}Arn}}", operation.function().logical_id());
                assert_eq!(state["Resource"], resource, "{name}");
                assert_eq!(state["Parameters"]["operation"], operation.as_str(), "{name}");
            }
            Kind::WaitForToken(status) => {
                let values = &state["Parameters"]["ExpressionAttributeValues"];
                let resource = state["Resource"].as_str().unwrap();
                assert!(resource.ends_with(".waitForTaskToken"), "{name}");
                assert_eq!(values[":status"]["S"], status.as_str(), "{name}");
                let attention = row.kind.attention().unwrap();
                assert_eq!(
                    values[":attention"]["S"],
                    serde_json::to_value(attention).unwrap(),
                    "{name}"
                );
            }
            Kind::Fail { error, cause } => {
                assert_eq!(
                    (&state["Error"], &state["Cause"]),
                    (&error.into(), &cause.into()),
                    "{name}"
                );
            }
            Kind::Choice | Kind::Wait | Kind::Pass | Kind::Succeed => {}
        }
    }
}

/// The first tasks and waits that an order meets from a state on, through its choices.
fn next_stops<'a>(machine: &'a Value, name: &'a str) -> BTreeSet<&'a str> {
    let state = &machine["States"][name];
    match state["Type"].as_str().unwrap() {
        "Choice" => {
            transitions(state).into_iter().flat_map(|next| next_stops(machine, next)).collect()
        }
        _ => BTreeSet::from([name]),
    }
}

#[test]
fn an_order_is_held_by_a_state_that_follows_the_one_that_wrote_its_status() {
    let machine = machine();
    let holding = |status: Status| State::holding(status).unwrap().as_str();
    let first = next_stops(&machine, machine["StartAt"].as_str().unwrap());
    assert_eq!(first, BTreeSet::from([holding(Status::Scheduled), holding(Status::Received)]));
    // What each task records when it has succeeded.
    for (writer, status) in
        [(State::ProcessPayment, Status::Authorized), (State::CheckInventory, Status::Reserved)]
    {
        let next = machine["States"][writer.as_str()]["Next"].as_str().unwrap();
        let stops = next_stops(&machine, next);
        assert!(
            stops.contains(holding(status)),
            "steps.rs: {status} must be in `holds` of the state after {writer}, one of {stops:?}"
        );
    }
    // The shipment is stored in the middle of its task.
    assert_eq!(State::holding(Status::Shipping), Some(State::InitiateShipping));
}

#[test]
fn a_state_is_recorded_as_failed_where_its_row_says_so() {
    let machine = machine();
    for (name, row) in steps::rows() {
        let state = &machine["States"][name.as_str()];
        let catches = rules(state, "Catch").map(|rule| &rule["ResultPath"]);
        let records: BTreeSet<&str> = catches
            .chain(
                state["Type"].as_str().filter(|kind| *kind == "Pass").map(|_| &state["ResultPath"]),
            )
            .map(|path| path.as_str().unwrap())
            .collect();
        let expected = match row.on_failure {
            OnFailure::NotCaught => BTreeSet::new(),
            OnFailure::EndsAs(_) | OnFailure::NoOutcome => {
                BTreeSet::from([format!("$.failed.{name}")])
            }
        };
        assert_eq!(records, expected.iter().map(String::as_str).collect(), "{name}");
    }
}

#[test]
fn every_outcome_leads_to_its_fail_state() {
    let machine = machine();
    let choices = &machine["States"]["FailureOutcome"]["Choices"];
    for outcome in Outcome::ALL {
        let leads_to: Vec<_> = choices
            .as_array()
            .unwrap()
            .iter()
            .filter(|choice| mentions(choice, &outcome.to_string()))
            .map(|choice| choice["Next"].as_str().unwrap())
            .collect();
        assert_eq!(leads_to, [State::for_outcome(*outcome).as_str()], "{outcome}");
    }
}

/// Whether a choice rule compares with this text, itself or in a part of it.
fn mentions(rule: &Value, text: &str) -> bool {
    match rule {
        Value::String(found) => found == text,
        Value::Array(parts) => parts.iter().any(|part| mentions(part, text)),
        Value::Object(parts) => parts.values().any(|part| mentions(part, text)),
        _ => false,
    }
}

#[test]
fn every_error_that_the_state_machine_names_can_be_raised() {
    let ours: BTreeSet<&str> = ErrorName::ALL.iter().map(|error| error.as_str()).collect();
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
fn every_task_that_invokes_a_function_retries_every_transient_error() {
    let machine = machine();
    let mut seen = 0;
    for (name, state) in states(&machine).filter(|(_, state)| is_lambda(state)) {
        let retried: BTreeSet<&str> = rules(state, "Retry").flat_map(errors).collect();
        for error in ErrorName::ALL {
            let expected = error.is_transient();
            assert_eq!(retried.contains(error.as_str()), expected, "{name} and {error}");
        }
        for error in ["Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError", "States.Timeout"] {
            assert!(retried.contains(error), "{name} does not retry {error}");
        }
        seen += 1;
    }
    assert_eq!(seen, tasks(|kind| matches!(kind, Kind::Task(_))));
}

#[test]
fn our_own_load_is_retried_for_as_long_as_it_takes_and_apart_from_outages() {
    let machine = machine();
    let throttling: Vec<&str> = ErrorName::ALL
        .iter()
        .filter(|error| error.is_throttling())
        .map(|error| error.as_str())
        .collect();
    for (name, state) in states(&machine).filter(|(_, state)| is_lambda(state)) {
        let own: Vec<&Value> = rules(state, "Retry")
            .filter(|rule| errors(rule).any(|error| throttling.contains(&error)))
            .collect();
        let expected = serde_json::json!({
            "ErrorEquals": throttling, "IntervalSeconds": 2, "MaxAttempts": 100,
            "BackoffRate": 2, "MaxDelaySeconds": 60, "JitterStrategy": "FULL",
        });
        assert_eq!(own, [&expected], "{name}");
    }
}

#[test]
fn an_outage_of_the_shipping_provider_is_ridden_out_while_the_authorization_holds() {
    let machine = machine();
    let outage = rules(&machine["States"]["InitiateShipping"], "Retry").last().unwrap();
    assert!(errors(outage).any(|error| error == ErrorName::CarrierUnavailable.as_str()));
    assert_eq!((&outage["MaxAttempts"], &outage["MaxDelaySeconds"]), (&60.into(), &900.into()));
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
fn the_catch_of_every_task_leads_to_the_compensation_of_all_that_may_be_held() {
    let machine = machine();
    let mut taken = Vec::new();
    for (name, row) in steps::rows() {
        taken.extend(row.takes);
        if row.kind.state_type() != "Task" {
            continue;
        }
        // Compensation runs in reverse, so it begins with what is taken last.
        let held = Effect::ALL
            .iter()
            .rfind(|effect| taken.contains(*effect) && row.not_held != Some(**effect));
        let expected = if name == State::CapturePayment || row.on_failure == OnFailure::NoOutcome {
            // After a capture was attempted only an operator may decide whether to refund,
            // and nothing compensates a compensating state.
            State::AwaitOperator
        } else {
            held.and_then(|effect| effect.compensated_by()).unwrap_or(State::FailureOutcome)
        };
        let catch = rules(&machine["States"][name.as_str()], "Catch").last().unwrap();
        assert_eq!(
            catch["Next"],
            expected.as_str(),
            "the last Catch of {name} must lead to {expected}: the states up to {name} take \
             {taken:?}, not held by then: {:?}",
            row.not_held
        );
    }
}

#[test]
fn a_problem_of_our_account_leads_to_the_operator_before_anything_is_compensated() {
    let machine = machine();
    let mut escalating = 0;
    for (name, row) in steps::rows().filter(|(_, row)| row.kind.state_type() == "Task") {
        let to_operator: Vec<&str> = rules(&machine["States"][name.as_str()], "Catch")
            .filter(|rule| rule["Next"] == State::AwaitOperator.as_str())
            .flat_map(errors)
            .filter(|error| *error != "States.ALL")
            .collect();
        let expected: Vec<&str> = row.escalates.iter().map(|error| error.as_str()).collect();
        assert_eq!(to_operator, expected, "{name}");
        escalating += expected.len();
    }
    assert_eq!(escalating, 2);
}

#[test]
fn each_action_of_an_operator_leads_where_it_belongs() {
    let machine = machine();
    let choices = machine["States"]["OperatorDecision"]["Choices"].as_array().unwrap();
    for (action, expected) in [
        (OperatorAction::Capture, Some(State::CapturePayment)),
        (OperatorAction::Retry, Some(State::ProcessPayment)),
        (OperatorAction::Compensate, Some(State::CancelShipment)),
        // Recorded on a closed order, and never sent.
        (OperatorAction::Acknowledge, None),
    ] {
        let name = serde_json::to_value(action).unwrap();
        let leads_to: Vec<_> = choices
            .iter()
            .filter(|choice| mentions(choice, name.as_str().unwrap()))
            .map(|choice| choice["Next"].as_str().unwrap())
            .collect();
        let expected: Vec<_> = expected.iter().map(|state| state.as_str()).collect();
        assert_eq!(leads_to, expected, "{action:?}");
    }
}

#[test]
fn not_held_names_only_effects_of_earlier_states() {
    let mut taken = Vec::new();
    for (name, row) in steps::rows() {
        assert!(row.not_held.is_none_or(|effect| taken.contains(&effect)), "{name}");
        taken.extend(row.takes);
    }
}

#[test]
fn each_compensating_step_leads_to_the_previous_one_and_the_last_to_the_outcome() {
    let machine = machine();
    let steps: Vec<State> = steps::rows()
        .filter(|(_, row)| row.gives_back.is_some())
        .map(|(state, _)| state)
        .chain([State::FailureOutcome])
        .collect();
    for pair in steps.windows(2) {
        assert_eq!(machine["States"][pair[0].as_str()]["Next"], pair[1].as_str());
    }
}

#[test]
fn every_operation_has_a_sample_event_and_every_sample_an_operation() {
    let expected: BTreeSet<String> = steps::rows()
        .filter_map(|(_, row)| match row.kind {
            Kind::Task(operation) => Some(operation),
            _ => None,
        })
        .map(|operation| format!("{}-{}.json", operation.function(), operation.as_str()))
        .collect();
    let samples: BTreeSet<String> = files_below("events/functions")
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        // Schedules and events invoke the reconciler, not the state machine.
        .filter(|name| !name.starts_with("reconcile-orders-"))
        .collect();
    let missing: Vec<_> = expected.difference(&samples).collect();
    assert!(missing.is_empty(), "add to events/functions: {missing:?}");
    let unknown: Vec<_> = samples.difference(&expected).collect();
    assert!(
        unknown.is_empty(),
        "no state calls what these files of events/functions name: {unknown:?}"
    );
}

#[test]
fn the_template_gives_the_state_machine_the_version_of_every_function_that_it_calls() {
    let template = read("template.yaml");
    for function in Function::ALL {
        let id = function.logical_id();
        let substitution = format!("{id}Arn: !Ref {id}.Version");
        assert!(template.contains(&substitution), "template.yaml lacks {substitution}");
        let permission = format!("!Sub \"${{{id}.Arn}}:*\"");
        assert!(template.contains(&permission), "template.yaml lacks {permission}");
    }
}

#[test]
fn the_waiting_tasks_increment_the_version_with_every_write() {
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
    assert_eq!(seen, tasks(|kind| matches!(kind, Kind::WaitForToken(_))));
}

/// How many states of the table are of this kind.
fn tasks(is_kind: impl Fn(Kind) -> bool) -> usize {
    steps::rows().filter(|(_, row)| is_kind(row.kind)).count()
}
