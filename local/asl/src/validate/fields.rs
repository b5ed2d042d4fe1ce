//! The fields of the States Language, and the rules about which fields go together.
//!
//! [`FIELDS`] lists every field with the state types and the query language it belongs to. A field
//! that is not listed for the type of a state is rejected; a field of the other query language is
//! rejected with the name of that language.

use serde_json::{Map, Value};

use super::context::State;
use super::location::Location;
use super::paths::AllowedRoots;
use super::report::Report;
use super::values;
use crate::definition::QueryLanguage::{self, JsonPath, Jsonata};

/// The state types.
pub(super) const TYPES: [&str; 8] =
    ["Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"];

const ALL: &[&str] = &TYPES;

const ALL_BUT_FAIL: &[&str] = &["Task", "Pass", "Choice", "Wait", "Succeed", "Parallel", "Map"];

pub(super) const WITH_NEXT: &[&str] = &["Task", "Pass", "Wait", "Parallel", "Map"];

const WITH_ASSIGN: &[&str] = &["Task", "Pass", "Choice", "Wait", "Parallel", "Map"];

const WITH_RETRY: &[&str] = &["Task", "Parallel", "Map"];

/// Every field of every state type: its name, the types that have it, and the query language it
/// belongs to, if only one.
const FIELDS: &[(&str, &[&str], Option<QueryLanguage>)] = &[
    ("Type", ALL, None),
    ("Comment", ALL, None),
    ("QueryLanguage", ALL, None),
    ("Next", WITH_NEXT, None),
    ("End", WITH_NEXT, None),
    ("InputPath", ALL_BUT_FAIL, Some(JsonPath)),
    ("OutputPath", ALL_BUT_FAIL, Some(JsonPath)),
    ("Output", ALL_BUT_FAIL, Some(Jsonata)),
    ("Assign", WITH_ASSIGN, None),
    ("ResultPath", &["Task", "Pass", "Parallel", "Map"], Some(JsonPath)),
    ("Parameters", &["Task", "Pass", "Parallel", "Map"], Some(JsonPath)),
    ("Arguments", &["Task", "Parallel"], Some(Jsonata)),
    ("ResultSelector", WITH_RETRY, Some(JsonPath)),
    ("Retry", WITH_RETRY, None),
    ("Catch", WITH_RETRY, None),
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

/// The values of `QueryLanguage`.
pub(super) const LANGUAGES: [&str; 2] = ["JSONPath", "JSONata"];

/// The language that a `QueryLanguage` value selects. Only the exact word selects `JSONPath`.
pub(super) fn language(value: &Value) -> QueryLanguage {
    if value == "JSONPath" { QueryLanguage::JsonPath } else { QueryLanguage::Jsonata }
}

/// Checks that the type and query language of a state support all its fields.
pub(super) fn check_known(report: &mut Report<'_>, state: &State<'_>) {
    for field in state.fields.keys() {
        let row = FIELDS
            .iter()
            .find(|(name, kinds, _)| name == field && kinds.contains(&state.type_name));
        match row {
            None => report.unsupported(&state.location, field),
            Some((_, _, Some(language))) if *language != state.language => {
                report_wrong_language(report, &state.location, state.language, field);
            }
            Some(_) => {}
        }
    }
}

/// Reports a field of the other query language.
pub(super) fn report_wrong_language(
    report: &mut Report<'_>,
    location: &Location,
    language: QueryLanguage,
    field: &str,
) {
    let (own, other) = match language {
        JsonPath => ("JSONPath", "JSONata"),
        Jsonata => ("JSONata", "JSONPath"),
    };
    report.schema(
        location,
        format!(
            "The QueryLanguage is set to '{own}', but field '{field}' is only supported for the \
             '{other}' QueryLanguage"
        ),
    );
}

/// Checks that at most one of several alternative fields is present. Returns their number.
pub(super) fn at_most_one(
    report: &mut Report<'_>,
    location: &Location,
    fields: &Map<String, Value>,
    alternatives: &[&str],
) -> usize {
    let present = alternatives.iter().filter(|field| fields.contains_key(**field)).count();
    if present > 1 {
        let alternatives = alternatives.join(", ");
        let message = format!("There should only be one of the following fields: [{alternatives}]");
        report.schema(location, message);
    }
    present
}

/// Checks that exactly one of several alternative fields is present.
pub(super) fn exactly_one(
    report: &mut Report<'_>,
    location: &Location,
    fields: &Map<String, Value>,
    alternatives: &[&str],
) {
    if at_most_one(report, location, fields, alternatives) == 0 {
        let alternatives = alternatives.join(", ");
        report.schema(
            location,
            format!("There should be one of the following fields: [{alternatives}]"),
        );
    }
}

/// Checks that a field and its `…Path` are not both present, and checks the path.
pub(super) fn value_or_path(
    report: &mut Report<'_>,
    location: &Location,
    fields: &Map<String, Value>,
    field: &str,
) {
    let path = format!("{field}Path");
    at_most_one(report, location, fields, &[field, &path]);
    if let Some(value) = fields.get(&path) {
        values::reference_path(report, &location.field(&path), value, AllowedRoots::Variables);
    }
}
