//! Checks the names and transitions of all states of a definition.
//!
//! Like AWS, it counts a state as reachable if any transition names it, even a transition of a
//! state that is itself unreachable.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::diagnostics::DiagnosticCode;
use super::location::Location;
use super::report::Report;

/// Checks the transitions of a definition whose fields are valid.
pub(super) fn check(report: &mut Report<'_>, definition: &Map<String, Value>) {
    let mut checker = TransitionChecker { report, names: BTreeSet::new(), labels: BTreeSet::new() };
    checker.check_machine(&Location::root(), definition);
}

/// Walks the definition and collects the names and labels it has seen.
struct TransitionChecker<'r, 'o> {
    report: &'r mut Report<'o>,
    names: BTreeSet<String>,
    labels: BTreeSet<String>,
}

impl TransitionChecker<'_, '_> {
    fn check_machine(&mut self, location: &Location, machine: &Map<String, Value>) {
        let Some(states) = machine.get("States").and_then(Value::as_object) else { return };
        let mut reached = BTreeSet::new();
        self.check_target(&location.field("StartAt"), machine.get("StartAt"), states, &mut reached);
        let location = location.field("States");
        for (name, state) in states {
            let Some(state) = state.as_object() else { continue };
            let location = location.field(name);
            if !self.names.insert(name.clone()) {
                let message = format!("Duplicate State name: {name}");
                self.report.error(DiagnosticCode::DuplicateStateName, &location, message);
            }
            self.check_label(&location, state);
            self.check_transitions(&location, state, states, &mut reached);
            self.check_nested(&location, state);
        }
        self.check_ends(&location, states, &reached);
    }

    fn check_transitions<'m>(
        &mut self,
        location: &Location,
        state: &'m Map<String, Value>,
        states: &Map<String, Value>,
        reached: &mut BTreeSet<&'m str>,
    ) {
        for field in ["Next", "Default"] {
            self.check_target(&location.field(field), state.get(field), states, reached);
        }
        for field in ["Choices", "Catch"] {
            let rules = state.get(field).and_then(Value::as_array);
            for (index, rule) in rules.into_iter().flatten().enumerate() {
                let location = location.field(field).item(index).field("Next");
                self.check_target(&location, rule.get("Next"), states, reached);
            }
        }
    }

    fn check_target<'m>(
        &mut self,
        location: &Location,
        target: Option<&'m Value>,
        states: &Map<String, Value>,
        reached: &mut BTreeSet<&'m str>,
    ) {
        let Some(target) = target.and_then(Value::as_str) else { return };
        reached.insert(target);
        if !states.contains_key(target) && !self.report.has_substitution(target) {
            // AWS reports 'Next' for every field.
            let message = format!("Missing 'Next' target: {target}");
            self.report.error(DiagnosticCode::MissingTransitionTarget, location, message);
        }
    }

    fn check_nested(&mut self, location: &Location, state: &Map<String, Value>) {
        let branches = state.get("Branches").and_then(Value::as_array);
        for (index, branch) in branches.into_iter().flatten().enumerate() {
            if let Some(branch) = branch.as_object() {
                self.check_machine(&location.field("Branches").item(index), branch);
            }
        }
        for field in ["ItemProcessor", "Iterator"] {
            if let Some(processor) = state.get(field).and_then(Value::as_object) {
                self.check_machine(&location.field(field), processor);
            }
        }
    }

    fn check_label(&mut self, location: &Location, state: &Map<String, Value>) {
        if let Some(label) = state.get("Label").and_then(Value::as_str)
            && !self.labels.insert(label.to_owned())
        {
            let message = format!("Duplicate label name: {label}");
            self.report.error(
                DiagnosticCode::DuplicateLabelName,
                &location.field("Label"),
                message,
            );
        }
    }

    /// Reports a state machine that cannot end, or else its unreachable states.
    fn check_ends(
        &mut self,
        location: &Location,
        states: &Map<String, Value>,
        reached: &BTreeSet<&str>,
    ) {
        if !states.values().any(is_terminal) {
            self.report.error_without_location(
                DiagnosticCode::MissingEndState,
                "Workflow has no terminal state",
            );
            return;
        }
        for name in states.keys().filter(|name| !reached.contains(name.as_str())) {
            let message = format!("State \"{name}\" is not reachable.");
            self.report.error(
                DiagnosticCode::MissingTransitionTarget,
                &location.field(name),
                message,
            );
        }
    }
}

fn is_terminal(state: &Value) -> bool {
    let state_type = state.get("Type").and_then(Value::as_str);
    matches!(state_type, Some("Succeed" | "Fail")) || state.get("End") == Some(&Value::Bool(true))
}
