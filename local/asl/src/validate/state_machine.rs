//! Checks the fields of a state machine and of everything inside it.
//!
//! State machines nest: a Parallel state has branches and a Map state a processor, each with
//! its own states. This file holds the recursion; `state.rs` and the files named after state types
//! check the fields of one state. AWS reports on transitions only if all fields are valid, so
//! `transitions.rs` runs last.

use serde_json::{Map, Value};

use super::context::{MachineContext, State};
use super::diagnostics::DiagnosticCode;
use super::location::Location;
use super::report::Report;
use super::values::{self, MAX_INTEGER};
use super::{choice, fields, map, state, task, transitions};
use crate::definition::QueryLanguage;

/// The maximum length of a state name, in characters.
const MAX_NAME_CHARS: usize = 80;

/// The role of a (nested) state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The definition itself.
    Root,
    /// A branch of a Parallel state.
    Branch,
    /// The item processor of a Map state.
    Processor,
}

impl Role {
    fn allows(self, field: &str) -> bool {
        match field {
            "Comment" | "StartAt" | "States" => true,
            "QueryLanguage" | "TimeoutSeconds" | "Version" => self == Self::Root,
            "ProcessorConfig" => self == Self::Processor,
            _ => false,
        }
    }
}

/// Checks a definition. `duplicate_states` lists the locations of states that appear twice in their
/// object.
pub(super) fn check(
    report: &mut Report<'_>,
    definition: &Map<String, Value>,
    duplicate_states: &[String],
) {
    let language =
        definition.get("QueryLanguage").map_or(QueryLanguage::JsonPath, fields::language);
    let context = MachineContext { language, express: report.options.is_express() };
    check_fields(report, &Location::root(), definition, Role::Root, context);
    if report.has_errors() {
        return;
    }
    for location in duplicate_states {
        let name = location.rsplit('/').next().unwrap_or_default();
        let message = format!("Duplicate State name: {name}");
        report.error_at(DiagnosticCode::DuplicateStateName, location.clone(), message);
    }
    transitions::check(report, definition);
}

/// Checks the fields of a state machine and of its states.
fn check_fields(
    report: &mut Report<'_>,
    location: &Location,
    machine: &Map<String, Value>,
    role: Role,
    context: MachineContext,
) {
    for field in machine.keys().filter(|field| !role.allows(field)) {
        report.unsupported(location, field);
    }
    let missing: Vec<_> =
        ["States", "StartAt"].into_iter().filter(|field| !machine.contains_key(*field)).collect();
    report.required(location, &missing);
    for field in ["Comment", "StartAt", "Version"] {
        if let Some(value) = machine.get(field) {
            values::string(report, &location.field(field), value);
        }
    }
    if let Some(value) = machine.get("QueryLanguage").filter(|_| role == Role::Root) {
        values::enum_value(
            report,
            &location.field("QueryLanguage"),
            "QueryLanguage",
            value,
            &fields::LANGUAGES,
        );
    }
    if let Some(value) = machine.get("TimeoutSeconds") {
        let location = location.field("TimeoutSeconds");
        values::integer(report, context.language, &location, value, (1, MAX_INTEGER));
    }
    if let Some(value) = machine.get("States") {
        check_states(report, &location.field("States"), value, context);
    }
}

fn check_states(
    report: &mut Report<'_>,
    location: &Location,
    states: &Value,
    context: MachineContext,
) {
    let Some(states) = values::object(report, location, states) else { return };
    for (name, value) in states {
        let location = location.field(name);
        if name.is_empty() || name.chars().count() > MAX_NAME_CHARS {
            let message = format!("State name must have 1 to {MAX_NAME_CHARS} characters: {name}");
            report.error(DiagnosticCode::InvalidStateName, &location, message);
        }
        if let Some(fields) = values::object(report, &location, value) {
            check_state(report, &location, fields, context);
        }
    }
}

/// Checks a state, and the state machines inside it.
fn check_state(
    report: &mut Report<'_>,
    location: &Location,
    fields: &Map<String, Value>,
    context: MachineContext,
) {
    let language = state::query_language(report, location, fields, context.language);
    let Some(type_name) = state::state_type(report, location, fields) else { return };
    let state = State { type_name, fields, location: location.clone(), language, context };
    fields::check_known(report, &state);
    state::check_common(report, &state);
    match type_name {
        "Task" => task::check(report, &state),
        "Pass" => state::check_pass(report, &state),
        "Choice" => choice::check(report, &state),
        "Wait" => state::check_wait(report, &state),
        "Fail" => state::check_fail(report, &state),
        "Parallel" => check_branches(report, &state),
        "Map" => {
            check_processor(report, &state);
            map::check(report, &state);
        }
        _ => {}
    }
}

fn check_branches(report: &mut Report<'_>, state: &State<'_>) {
    let Some((location, value)) = state.field("Branches") else {
        return report.required(&state.location, &["Branches"]);
    };
    for (index, branch) in values::array(report, &location, value).into_iter().flatten().enumerate()
    {
        let location = location.item(index);
        if let Some(branch) = values::object(report, &location, branch) {
            check_fields(report, &location, branch, Role::Branch, state.context);
        }
    }
}

fn check_processor(report: &mut Report<'_>, state: &State<'_>) {
    let names = ["ItemProcessor", "Iterator"];
    if fields::at_most_one(report, &state.location, state.fields, &names) == 0 {
        report.required(&state.location, &["ItemProcessor"]);
    }
    for (location, value) in names.into_iter().filter_map(|name| state.field(name)) {
        let Some(processor) = values::object(report, &location, value) else { continue };
        let mut context = state.context;
        if let Some(config) = processor.get("ProcessorConfig") {
            let location = location.field("ProcessorConfig");
            context.express |= map::is_express_config(report, &location, config, context);
        }
        check_fields(report, &location, processor, Role::Processor, context);
    }
}
