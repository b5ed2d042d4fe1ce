//! `Retry` and `Catch`: which errors, how often, and where to.

use serde_json::{Map, Value};

use super::diagnostics::{Place, Report};
use super::paths::Roots;
use super::payload_template;
use super::state::{self, State};
use super::values::{self, LARGEST};
use crate::definition::QueryLanguage;

/// The longest delay between two attempts: 366 days.
const LONGEST_DELAY: i64 = 31_622_400;

/// The error name that stands for all.
const EVERY_ERROR: &str = "States.ALL";

/// Judges a state's retriers and catchers.
pub(super) fn check(report: &mut Report<'_>, state: &State<'_>) {
    for (field, judge) in [("Retry", retrier as Judge), ("Catch", catcher as Judge)] {
        let Some((at, value)) = state.field(field) else { continue };
        let Some(rules) = values::array(report, &at, value) else { continue };
        for (index, rule) in rules.iter().enumerate() {
            let at = at.item(index);
            if let Some(rule) = values::object(report, &at, rule) {
                judge(report, state.language, &at, rule);
                errors(report, &at, rule, index + 1 == rules.len());
            }
        }
    }
}

type Judge = fn(&mut Report<'_>, QueryLanguage, &Place, &Map<String, Value>);

fn retrier(report: &mut Report<'_>, _: QueryLanguage, at: &Place, rule: &Map<String, Value>) {
    for (field, value) in rule {
        let inside = at.field(field);
        // The numbers of a retrier are numbers in both languages.
        let language = QueryLanguage::JsonPath;
        match field.as_str() {
            "ErrorEquals" => {}
            "Comment" => drop(values::text(report, &inside, value)),
            "IntervalSeconds" => values::whole(report, language, &inside, value, (1, LARGEST)),
            "MaxAttempts" => values::whole(report, language, &inside, value, (0, LARGEST)),
            "MaxDelaySeconds" => {
                values::whole(report, language, &inside, value, (1, LONGEST_DELAY));
            }
            "BackoffRate" => values::real(report, language, &inside, value, (1.0, f64::MAX)),
            "JitterStrategy" => {
                values::one_of(report, &inside, field, value, &["FULL", "NONE"]);
            }
            _ => report.unsupported(at, field),
        }
    }
    let seconds = |field| rule.get(field).and_then(Value::as_i64);
    if let (Some(interval), Some(most)) = (seconds("IntervalSeconds"), seconds("MaxDelaySeconds"))
        && most <= interval
    {
        report.schema(at, "'MaxDelaySeconds' must be greater than 'IntervalSeconds'");
    }
}

fn catcher(
    report: &mut Report<'_>,
    language: QueryLanguage,
    at: &Place,
    rule: &Map<String, Value>,
) {
    for (field, value) in rule {
        let inside = at.field(field);
        match (field.as_str(), language) {
            ("ErrorEquals", _) => {}
            ("Comment" | "Next", _) => drop(values::text(report, &inside, value)),
            ("Assign", _) => payload_template::assign(report, language, &inside, value),
            ("ResultPath", QueryLanguage::JsonPath) => {
                if !value.is_null() {
                    values::reference_path(report, &inside, value, Roots::Input);
                }
            }
            ("Output", QueryLanguage::Jsonata) => {
                payload_template::expressions(report, &inside, value);
            }
            ("ResultPath" | "Output", _) => state::foreign(report, at, language, field),
            _ => report.unsupported(at, field),
        }
    }
    if !rule.contains_key("Next") {
        report.required(at, &["Next"]);
    }
}

/// The errors that a rule names: at least one, and `States.ALL` only alone and
/// in the last rule.
fn errors(report: &mut Report<'_>, at: &Place, rule: &Map<String, Value>, is_last: bool) {
    let Some(value) = rule.get("ErrorEquals") else {
        return report.required(at, &["ErrorEquals"]);
    };
    let at = at.field("ErrorEquals");
    let Some(names) = values::array(report, &at, value) else { return };
    if names.is_empty() {
        report.schema(&at, "Minimum number of items is 1");
    }
    for (index, name) in names.iter().enumerate() {
        let at = at.item(index);
        let name = values::text(report, &at, name);
        if name == Some(EVERY_ERROR) && !(is_last && names.len() == 1) {
            report.schema(&at, "States.ALL must appear alone and at end of list");
        }
    }
}
