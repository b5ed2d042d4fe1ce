//! A state machine, and the machines within it: their fields, and the states'
//! names and transitions.
//!
//! AWS reports on the transitions only when every state's own fields are right,
//! so [`check`] walks twice: `state.rs` judges the fields, [`Graph`] then who
//! leads where. A state counts as reachable when any transition names it, even
//! one of a state that is itself not reachable: that is how AWS counts.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::diagnostics::{DiagnosticCode, Place, Report};
use super::state::{self, Surroundings};
use super::values::{self, LARGEST};
use crate::definition::QueryLanguage;

/// The longest name of a state, in characters.
const LONGEST_NAME: usize = 80;

/// The words of `QueryLanguage`.
pub(super) const LANGUAGES: [&str; 2] = ["JSONPath", "JSONata"];

/// Where a machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The definition itself.
    Whole,
    /// A branch of a Parallel state.
    Branch,
    /// What a Map state runs for each item.
    Processor,
}

impl Role {
    fn allows(self, field: &str) -> bool {
        match field {
            "Comment" | "StartAt" | "States" => true,
            "QueryLanguage" | "TimeoutSeconds" | "Version" => self == Self::Whole,
            "ProcessorConfig" => self == Self::Processor,
            _ => false,
        }
    }
}

/// Judges a whole definition. `repeated` are the places of states that their
/// object already had.
pub(super) fn check(report: &mut Report<'_>, definition: &Map<String, Value>, repeated: &[String]) {
    let language = definition.get("QueryLanguage").map_or(QueryLanguage::JsonPath, language);
    let around = Surroundings { language, express: report.options.is_express() };
    fields(report, &Place::root(), definition, Role::Whole, around);
    if report.has_errors() {
        return;
    }
    for location in repeated {
        let name = location.rsplit('/').next().unwrap_or_default();
        let message = format!("Duplicate State name: {name}");
        report.elsewhere(DiagnosticCode::DuplicateStateName, location.clone(), message);
    }
    let mut graph = Graph { report, names: BTreeSet::new(), labels: BTreeSet::new() };
    graph.machine(&Place::root(), definition);
}

/// The language that a `QueryLanguage` chooses: only the one exact word chooses
/// `JSONPath`.
pub(super) fn language(value: &Value) -> QueryLanguage {
    if value == "JSONPath" { QueryLanguage::JsonPath } else { QueryLanguage::Jsonata }
}

/// The fields of a machine, and of all states in it.
pub(super) fn fields(
    report: &mut Report<'_>,
    at: &Place,
    machine: &Map<String, Value>,
    role: Role,
    around: Surroundings,
) {
    for field in machine.keys().filter(|field| !role.allows(field)) {
        report.unsupported(at, field);
    }
    let missing: Vec<_> =
        ["States", "StartAt"].into_iter().filter(|field| !machine.contains_key(*field)).collect();
    report.required(at, &missing);
    for field in ["Comment", "StartAt", "Version"] {
        if let Some(value) = machine.get(field) {
            values::text(report, &at.field(field), value);
        }
    }
    if let Some(value) = machine.get("QueryLanguage").filter(|_| role == Role::Whole) {
        values::one_of(report, &at.field("QueryLanguage"), "QueryLanguage", value, &LANGUAGES);
    }
    if let Some(value) = machine.get("TimeoutSeconds") {
        let at = at.field("TimeoutSeconds");
        values::whole(report, around.language, &at, value, (1, LARGEST));
    }
    if let Some(value) = machine.get("States") {
        states(report, &at.field("States"), value, around);
    }
}

fn states(report: &mut Report<'_>, at: &Place, states: &Value, around: Surroundings) {
    let Some(states) = values::object(report, at, states) else { return };
    for (name, value) in states {
        let at = at.field(name);
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            let message = format!("State name must have 1 to {LONGEST_NAME} characters: {name}");
            report.error(DiagnosticCode::InvalidStateName, &at, message);
        }
        if let Some(fields) = values::object(report, &at, value) {
            state::check(report, &at, fields, around);
        }
    }
}

/// Who leads where, in the whole definition.
struct Graph<'r, 'o> {
    report: &'r mut Report<'o>,
    names: BTreeSet<String>,
    labels: BTreeSet<String>,
}

impl Graph<'_, '_> {
    fn machine(&mut self, at: &Place, machine: &Map<String, Value>) {
        let Some(states) = machine.get("States").and_then(Value::as_object) else { return };
        let mut reached = BTreeSet::new();
        self.target(&at.field("StartAt"), machine.get("StartAt"), states, &mut reached);
        let at = at.field("States");
        for (name, state) in states {
            let Some(state) = state.as_object() else { continue };
            let at = at.field(name);
            if !self.names.insert(name.clone()) {
                let message = format!("Duplicate State name: {name}");
                self.report.error(DiagnosticCode::DuplicateStateName, &at, message);
            }
            self.label(&at, state);
            self.transitions(&at, state, states, &mut reached);
            self.within(&at, state);
        }
        self.ends(&at, states, &reached);
    }

    fn transitions<'m>(
        &mut self,
        at: &Place,
        state: &'m Map<String, Value>,
        states: &Map<String, Value>,
        reached: &mut BTreeSet<&'m str>,
    ) {
        for field in ["Next", "Default"] {
            self.target(&at.field(field), state.get(field), states, reached);
        }
        for field in ["Choices", "Catch"] {
            let rules = state.get(field).and_then(Value::as_array);
            for (index, rule) in rules.into_iter().flatten().enumerate() {
                let at = at.field(field).item(index).field("Next");
                self.target(&at, rule.get("Next"), states, reached);
            }
        }
    }

    fn target<'m>(
        &mut self,
        at: &Place,
        target: Option<&'m Value>,
        states: &Map<String, Value>,
        reached: &mut BTreeSet<&'m str>,
    ) {
        let Some(target) = target.and_then(Value::as_str) else { return };
        reached.insert(target);
        if !states.contains_key(target) && !self.report.is_open(target) {
            // AWS says 'Next' whichever field it is.
            let message = format!("Missing 'Next' target: {target}");
            self.report.error(DiagnosticCode::MissingTransitionTarget, at, message);
        }
    }

    fn within(&mut self, at: &Place, state: &Map<String, Value>) {
        let branches = state.get("Branches").and_then(Value::as_array);
        for (index, branch) in branches.into_iter().flatten().enumerate() {
            if let Some(branch) = branch.as_object() {
                self.machine(&at.field("Branches").item(index), branch);
            }
        }
        for field in ["ItemProcessor", "Iterator"] {
            if let Some(processor) = state.get(field).and_then(Value::as_object) {
                self.machine(&at.field(field), processor);
            }
        }
    }

    fn label(&mut self, at: &Place, state: &Map<String, Value>) {
        if let Some(label) = state.get("Label").and_then(Value::as_str)
            && !self.labels.insert(label.to_owned())
        {
            let message = format!("Duplicate label name: {label}");
            self.report.error(DiagnosticCode::DuplicateLabelName, &at.field("Label"), message);
        }
    }

    /// A machine that cannot end is told so, and not which of its states are
    /// unreachable.
    fn ends(&mut self, at: &Place, states: &Map<String, Value>, reached: &BTreeSet<&str>) {
        if !states.values().any(is_terminal) {
            self.report
                .placeless(DiagnosticCode::MissingEndState, "Workflow has no terminal state");
            return;
        }
        for name in states.keys().filter(|name| !reached.contains(name.as_str())) {
            let message = format!("State \"{name}\" is not reachable.");
            self.report.error(DiagnosticCode::MissingTransitionTarget, &at.field(name), message);
        }
    }
}

fn is_terminal(state: &Value) -> bool {
    let kind = state.get("Type").and_then(Value::as_str);
    matches!(kind, Some("Succeed" | "Fail")) || state.get("End") == Some(&Value::Bool(true))
}
