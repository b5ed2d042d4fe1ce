//! Checks `Retry` and `Catch`.

use serde_json::{Map, Value};

use super::context::State;
use super::fields;
use super::location::Location;
use super::paths::AllowedRoots;
use super::payload_template;
use super::report::Report;
use super::values::{self, MAX_INTEGER};
use crate::definition::QueryLanguage;

/// The maximum delay between two attempts: 366 days.
const MAX_DELAY_SECONDS: i64 = 31_622_400;

/// The error name that matches every error.
const STATES_ALL: &str = "States.ALL";

/// Checks the retriers and catchers of a state.
pub(super) fn check(report: &mut Report<'_>, state: &State<'_>) {
    for (field, check_rule) in
        [("Retry", check_retrier as RuleCheck), ("Catch", check_catcher as RuleCheck)]
    {
        let Some((location, value)) = state.field(field) else { continue };
        let Some(rules) = values::array(report, &location, value) else { continue };
        for (index, rule) in rules.iter().enumerate() {
            let location = location.item(index);
            if let Some(rule) = values::object(report, &location, rule) {
                check_rule(report, state.language, &location, rule);
                check_error_equals(report, &location, rule, index + 1 == rules.len());
            }
        }
    }
}

type RuleCheck = fn(&mut Report<'_>, QueryLanguage, &Location, &Map<String, Value>);

fn check_retrier(
    report: &mut Report<'_>,
    _: QueryLanguage,
    location: &Location,
    rule: &Map<String, Value>,
) {
    for (field, value) in rule {
        let field_location = location.field(field);
        // In both languages, a retrier takes only literal numbers.
        let language = QueryLanguage::JsonPath;
        match field.as_str() {
            "ErrorEquals" => {}
            "Comment" => drop(values::string(report, &field_location, value)),
            "IntervalSeconds" => {
                values::integer(report, language, &field_location, value, (1, MAX_INTEGER));
            }
            "MaxAttempts" => {
                values::integer(report, language, &field_location, value, (0, MAX_INTEGER));
            }
            "MaxDelaySeconds" => {
                values::integer(report, language, &field_location, value, (1, MAX_DELAY_SECONDS));
            }
            "BackoffRate" => {
                values::float(report, language, &field_location, value, (1.0, f64::MAX));
            }
            "JitterStrategy" => {
                values::enum_value(report, &field_location, field, value, &["FULL", "NONE"]);
            }
            _ => report.unsupported(location, field),
        }
    }
    let seconds = |field| rule.get(field).and_then(Value::as_i64);
    if let (Some(interval), Some(max)) = (seconds("IntervalSeconds"), seconds("MaxDelaySeconds"))
        && max <= interval
    {
        report.schema(location, "'MaxDelaySeconds' must be greater than 'IntervalSeconds'");
    }
}

fn check_catcher(
    report: &mut Report<'_>,
    language: QueryLanguage,
    location: &Location,
    rule: &Map<String, Value>,
) {
    for (field, value) in rule {
        let field_location = location.field(field);
        match (field.as_str(), language) {
            ("ErrorEquals", _) => {}
            ("Comment" | "Next", _) => drop(values::string(report, &field_location, value)),
            ("Assign", _) => payload_template::assign(report, language, &field_location, value),
            ("ResultPath", QueryLanguage::JsonPath) => {
                if !value.is_null() {
                    values::reference_path(report, &field_location, value, AllowedRoots::Input);
                }
            }
            ("Output", QueryLanguage::Jsonata) => {
                payload_template::expressions(report, &field_location, value);
            }
            ("ResultPath" | "Output", _) => {
                fields::report_wrong_language(report, location, language, field);
            }
            _ => report.unsupported(location, field),
        }
    }
    if !rule.contains_key("Next") {
        report.required(location, &["Next"]);
    }
}

/// Checks `ErrorEquals`: at least one error; `States.ALL` only alone and in the last rule.
fn check_error_equals(
    report: &mut Report<'_>,
    location: &Location,
    rule: &Map<String, Value>,
    is_last: bool,
) {
    let Some(value) = rule.get("ErrorEquals") else {
        return report.required(location, &["ErrorEquals"]);
    };
    let location = location.field("ErrorEquals");
    let Some(names) = values::array(report, &location, value) else { return };
    if names.is_empty() {
        report.schema(&location, "Minimum number of items is 1");
    }
    for (index, name) in names.iter().enumerate() {
        let location = location.item(index);
        let name = values::string(report, &location, name);
        if name == Some(STATES_ALL) && !(is_last && names.len() == 1) {
            report.schema(&location, "States.ALL must appear alone and at end of list");
        }
    }
}
