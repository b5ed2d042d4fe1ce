//! A state: which fields its type and its language give it, and what each may hold.
//!
//! [`FIELDS`] is the table of the language: a field that is not in it for the
//! state's type is refused, one that is in it for the other query language is
//! refused with the language's name. What a field holds is judged by the module
//! named for it: `choice.rs`, `retry.rs`, `map.rs`, `task.rs`, `payload_template.rs`.

use serde_json::{Map, Value};

use super::diagnostics::{DiagnosticCode, Place, Report};
use super::paths::Roots;
use super::state_machine::{self, LANGUAGES, Role};
use super::values::{self, LARGEST};
use super::{choice, map, payload_template, retry, task};
use crate::definition::QueryLanguage::{self, JsonPath, Jsonata};

/// What is the same for all states of a machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings {
    /// The definition's query language: the one that a state has unless it says.
    pub(super) language: QueryLanguage,
    /// Whether it runs as an express workflow.
    pub(super) express: bool,
}

/// A state, ready to be judged.
#[derive(Debug)]
pub(super) struct State<'s> {
    /// Its `Type`.
    pub(super) kind: &'s str,
    /// All its fields.
    pub(super) fields: &'s Map<String, Value>,
    /// Where it is.
    pub(super) at: Place,
    /// The language of its own fields.
    pub(super) language: QueryLanguage,
    /// The machine's.
    pub(super) around: Surroundings,
}

impl<'s> State<'s> {
    /// The place of a field and its value, if it has one.
    pub(super) fn field(&self, name: &str) -> Option<(Place, &'s Value)> {
        self.fields.get(name).map(|value| (self.at.field(name), value))
    }
}

const TYPES: [&str; 8] = ["Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"];

const ALL: &[&str] = &TYPES;
const BUT_FAIL: &[&str] = &["Task", "Pass", "Choice", "Wait", "Succeed", "Parallel", "Map"];
const GOING_ON: &[&str] = &["Task", "Pass", "Wait", "Parallel", "Map"];
const ASSIGNING: &[&str] = &["Task", "Pass", "Choice", "Wait", "Parallel", "Map"];
const WORKING: &[&str] = &["Task", "Parallel", "Map"];

/// Every field of every state type: its name, the types that have it, and the
/// query language that it belongs to, if it is one's alone.
const FIELDS: &[(&str, &[&str], Option<QueryLanguage>)] = &[
    ("Type", ALL, None),
    ("Comment", ALL, None),
    ("QueryLanguage", ALL, None),
    ("Next", GOING_ON, None),
    ("End", GOING_ON, None),
    ("InputPath", BUT_FAIL, Some(JsonPath)),
    ("OutputPath", BUT_FAIL, Some(JsonPath)),
    ("Output", BUT_FAIL, Some(Jsonata)),
    ("Assign", ASSIGNING, None),
    ("ResultPath", &["Task", "Pass", "Parallel", "Map"], Some(JsonPath)),
    ("Parameters", &["Task", "Pass", "Parallel", "Map"], Some(JsonPath)),
    ("Arguments", &["Task", "Parallel"], Some(Jsonata)),
    ("ResultSelector", WORKING, Some(JsonPath)),
    ("Retry", WORKING, None),
    ("Catch", WORKING, None),
    ("Result", &["Pass"], Some(JsonPath)),
    ("Resource", &["Task"], None),
    ("Credentials", &["Task"], None),
    ("TimeoutSeconds", &["Task"], None),
    ("TimeoutSecondsPath", &["Task"], Some(JsonPath)),
    ("HeartbeatSeconds", &["Task"], None),
    ("HeartbeatSecondsPath", &["Task"], Some(JsonPath)),
    ("Choices", &["Choice"], None),
    ("Default", &["Choice"], None),
    ("Seconds", &["Wait"], None),
    ("SecondsPath", &["Wait"], Some(JsonPath)),
    ("Timestamp", &["Wait"], None),
    ("TimestampPath", &["Wait"], Some(JsonPath)),
    ("Error", &["Fail"], None),
    ("ErrorPath", &["Fail"], Some(JsonPath)),
    ("Cause", &["Fail"], None),
    ("CausePath", &["Fail"], Some(JsonPath)),
    ("Branches", &["Parallel"], None),
    ("ItemProcessor", &["Map"], None),
    ("Iterator", &["Map"], None),
    ("Items", &["Map"], Some(Jsonata)),
    ("ItemsPath", &["Map"], Some(JsonPath)),
    ("ItemSelector", &["Map"], None),
    ("ItemReader", &["Map"], None),
    ("ItemBatcher", &["Map"], None),
    ("ResultWriter", &["Map"], None),
    ("Label", &["Map"], None),
    ("MaxConcurrency", &["Map"], None),
    ("MaxConcurrencyPath", &["Map"], Some(JsonPath)),
    ("ToleratedFailureCount", &["Map"], None),
    ("ToleratedFailureCountPath", &["Map"], Some(JsonPath)),
    ("ToleratedFailurePercentage", &["Map"], None),
    ("ToleratedFailurePercentagePath", &["Map"], Some(JsonPath)),
];

/// Judges a state.
pub(super) fn check(
    report: &mut Report<'_>,
    at: &Place,
    fields: &Map<String, Value>,
    around: Surroundings,
) {
    let language = own_language(report, at, fields, around.language);
    let Some(kind) = kind(report, at, fields) else { return };
    let state = State { kind, fields, at: at.clone(), language, around };
    known_fields(report, &state);
    common(report, &state);
    match kind {
        "Task" => task::check(report, &state),
        "Pass" => pass(report, &state),
        "Choice" => choice::check(report, &state),
        "Wait" => wait(report, &state),
        "Fail" => fail(report, &state),
        "Parallel" => parallel(report, &state),
        "Map" => map::check(report, &state),
        _ => {}
    }
}

fn own_language(
    report: &mut Report<'_>,
    at: &Place,
    fields: &Map<String, Value>,
    whole: QueryLanguage,
) -> QueryLanguage {
    let Some(value) = fields.get("QueryLanguage") else { return whole };
    values::one_of(report, &at.field("QueryLanguage"), "QueryLanguage", value, &LANGUAGES);
    let own = state_machine::language(value);
    if (whole, own) == (Jsonata, JsonPath) {
        let wrong =
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine";
        report.schema(at, wrong);
    }
    own
}

fn kind<'s>(
    report: &mut Report<'_>,
    at: &Place,
    fields: &'s Map<String, Value>,
) -> Option<&'s str> {
    let Some(value) = fields.get("Type") else {
        report.required(at, &["Type"]);
        return None;
    };
    let kind = values::text(report, &at.field("Type"), value)?;
    if !TYPES.contains(&kind) {
        report.not_listed(&at.field("Type"), "Type", &TYPES);
        return None;
    }
    Some(kind)
}

fn known_fields(report: &mut Report<'_>, state: &State<'_>) {
    for field in state.fields.keys() {
        let row =
            FIELDS.iter().find(|(name, kinds, _)| name == field && kinds.contains(&state.kind));
        match row {
            None => report.unsupported(&state.at, field),
            Some((_, _, Some(language))) if *language != state.language => {
                foreign(report, &state.at, state.language, field);
            }
            Some(_) => {}
        }
    }
}

/// A field of the other query language.
pub(super) fn foreign(report: &mut Report<'_>, at: &Place, language: QueryLanguage, field: &str) {
    let (own, other) = match language {
        JsonPath => ("JSONPath", "JSONata"),
        Jsonata => ("JSONata", "JSONPath"),
    };
    report.schema(
        at,
        format!(
            "The QueryLanguage is set to '{own}', but field '{field}' is only supported for the \
             '{other}' QueryLanguage"
        ),
    );
}

/// At most one of several fields that say the same in different ways.
pub(super) fn at_most_one(
    report: &mut Report<'_>,
    at: &Place,
    fields: &Map<String, Value>,
    rivals: &[&str],
) -> usize {
    let present = rivals.iter().filter(|field| fields.contains_key(**field)).count();
    if present > 1 {
        let rivals = rivals.join(", ");
        let wrong = format!("There should only be one of the following fields: [{rivals}]");
        report.schema(at, wrong);
    }
    present
}

/// Exactly one of several fields.
pub(super) fn exactly_one(
    report: &mut Report<'_>,
    at: &Place,
    fields: &Map<String, Value>,
    rivals: &[&str],
) {
    if at_most_one(report, at, fields, rivals) == 0 {
        let rivals = rivals.join(", ");
        report.schema(at, format!("There should be one of the following fields: [{rivals}]"));
    }
}

/// The fields that several types share. A field of the other language was
/// refused already, and is not judged again.
fn common(report: &mut Report<'_>, state: &State<'_>) {
    if let Some((at, value)) = state.field("Comment") {
        values::text(report, &at, value);
    }
    if GOING_ON.contains(&state.kind) {
        next_or_end(report, state);
    }
    match state.language {
        JsonPath => paths_and_templates(report, state),
        Jsonata => {
            for field in ["Arguments", "Output"] {
                if let Some((at, value)) = state.field(field) {
                    payload_template::expressions(report, &at, value);
                }
            }
        }
    }
    if let Some((at, value)) = state.field("Assign") {
        payload_template::assign(report, state.language, &at, value);
    }
    retry::check(report, state);
}

fn next_or_end(report: &mut Report<'_>, state: &State<'_>) {
    exactly_one(report, &state.at, state.fields, &["Next", "End"]);
    if let Some((at, value)) = state.field("Next") {
        values::text(report, &at, value);
    }
    if let Some((at, value)) = state.field("End") {
        values::boolean(report, &at, value);
        if value == &Value::Bool(false) {
            report.schema(&at, "Value must be true");
        }
    }
}

fn paths_and_templates(report: &mut Report<'_>, state: &State<'_>) {
    for field in ["InputPath", "OutputPath"] {
        if let Some((at, value)) = state.field(field) {
            values::path_or_null(report, &at, value);
        }
    }
    if let Some((at, value)) = state.field("ResultPath").filter(|(_, value)| !value.is_null()) {
        values::reference_path(report, &at, value, Roots::Input);
    }
    if let Some((at, value)) = state.field("Parameters") {
        payload_template::template(report, &at, value);
    }
    if let Some((at, value)) = state.field("ResultSelector") {
        payload_template::object_template(report, &at, value);
    }
}

/// A field with a value and its `…Path` with a path to one: not both.
pub(super) fn or_path(
    report: &mut Report<'_>,
    at: &Place,
    fields: &Map<String, Value>,
    field: &str,
) {
    let path = format!("{field}Path");
    at_most_one(report, at, fields, &[field, &path]);
    if let Some(value) = fields.get(&path) {
        values::reference_path(report, &at.field(&path), value, Roots::Variables);
    }
}

fn pass(report: &mut Report<'_>, state: &State<'_>) {
    if let Some((at, value)) = state.field("Result")
        && value.as_str().is_some_and(payload_template::looks_dynamic)
    {
        let message = "Attempt to use a path in the result of a pass state.";
        report.warning(DiagnosticCode::PassResultIsStatic, &at, message);
    }
}

fn wait(report: &mut Report<'_>, state: &State<'_>) {
    let ways: &[&str] = match state.language {
        JsonPath => &["Seconds", "SecondsPath", "Timestamp", "TimestampPath"],
        Jsonata => &["Seconds", "Timestamp"],
    };
    exactly_one(report, &state.at, state.fields, ways);
    if let Some((at, value)) = state.field("Seconds") {
        values::whole(report, state.language, &at, value, (0, LARGEST));
    }
    if let Some((at, value)) = state.field("Timestamp") {
        values::timestamp(report, state.language, &at, value);
    }
    for field in ["SecondsPath", "TimestampPath"] {
        if let Some((at, value)) = state.field(field) {
            values::reference_path(report, &at, value, Roots::Variables);
        }
    }
}

fn fail(report: &mut Report<'_>, state: &State<'_>) {
    for (field, path) in [("Error", "ErrorPath"), ("Cause", "CausePath")] {
        at_most_one(report, &state.at, state.fields, &[field, path]);
        if let Some((at, value)) = state.field(field)
            && let Some(text) = values::text(report, &at, value)
            && state.language == Jsonata
        {
            values::expression(report, &at, text);
        }
        if let Some((at, value)) = state.field(path) {
            values::path_or_function(report, &at, value);
        }
    }
}

fn parallel(report: &mut Report<'_>, state: &State<'_>) {
    let Some((at, value)) = state.field("Branches") else {
        return report.required(&state.at, &["Branches"]);
    };
    for (index, branch) in values::array(report, &at, value).into_iter().flatten().enumerate() {
        let at = at.item(index);
        if let Some(branch) = values::object(report, &at, branch) {
            state_machine::fields(report, &at, branch, Role::Branch, state.around);
        }
    }
}
