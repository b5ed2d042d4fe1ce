//! What a single value may be: numbers and their ranges, lists of words,
//! timestamps, paths, expressions (`paths.rs` and `jsonata` read the last two).
//!
//! Every rule takes the report, the place of the value and the value, and says
//! nothing when all is well. In a `JSONata` state a string between `{%` and `%}`
//! stands for any value, so the rules for numbers and timestamps ask for the
//! language. `template.rs` is about values that are whole payloads.

use jiff::civil::{Date, Time};
use serde_json::{Number, Value};

use super::diagnostics::{DiagnosticCode, Place, Report};
use super::jsonata;
use super::paths::{self, Roots};
use crate::definition::QueryLanguage;

/// The largest number of seconds, attempts and the like that AWS takes.
pub(super) const LARGEST: i64 = 99_999_999;

/// The value as text, or a complaint. A text that holds a substitution has no
/// value yet and is skipped.
pub(super) fn text<'v>(report: &mut Report<'_>, at: &Place, value: &'v Value) -> Option<&'v str> {
    match value.as_str() {
        Some(text) if report.is_open(text) => None,
        Some(text) => Some(text),
        None => {
            report.wrong_type(at, "String");
            None
        }
    }
}

/// The value as an object, or a complaint.
pub(super) fn object<'v>(
    report: &mut Report<'_>,
    at: &Place,
    value: &'v Value,
) -> Option<&'v serde_json::Map<String, Value>> {
    if value.as_object().is_none() {
        report.wrong_type(at, "Object");
    }
    value.as_object()
}

/// The value as an array, or a complaint.
pub(super) fn array<'v>(
    report: &mut Report<'_>,
    at: &Place,
    value: &'v Value,
) -> Option<&'v [Value]> {
    if value.as_array().is_none() {
        report.wrong_type(at, "Array");
    }
    value.as_array().map(Vec::as_slice)
}

/// A boolean.
pub(super) fn boolean(report: &mut Report<'_>, at: &Place, value: &Value) {
    let is_open = value.as_str().is_some_and(|text| report.is_open(text));
    if !value.is_boolean() && !is_open {
        report.wrong_type(at, "Boolean");
    }
}

/// One word of a list.
pub(super) fn one_of(
    report: &mut Report<'_>,
    at: &Place,
    field: &str,
    value: &Value,
    words: &[&str],
) {
    if let Some(word) = text(report, at, value)
        && !words.contains(&word)
    {
        report.not_listed(at, field, words);
    }
}

/// A whole number from `least` to `most`.
pub(super) fn whole(
    report: &mut Report<'_>,
    language: QueryLanguage,
    at: &Place,
    value: &Value,
    (least, most): (i64, i64),
) {
    match value {
        Value::Number(number) => match integer(number) {
            None => report.wrong_type(at, "Integer"),
            Some(number) if number < i128::from(least) => {
                report.schema(at, format!("Minimum value is {least}"));
            }
            Some(number) if number > i128::from(most) => {
                report.schema(at, format!("Maximum value is {most}"));
            }
            Some(_) => {}
        },
        other => stand_in(report, language, at, other, "Integer"),
    }
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// A number from `least` to `most`.
pub(super) fn real(
    report: &mut Report<'_>,
    language: QueryLanguage,
    at: &Place,
    value: &Value,
    (least, most): (f64, f64),
) {
    match value.as_f64() {
        Some(number) if number < least => report.schema(at, format!("Minimum value is {least:?}")),
        Some(number) if number > most => report.schema(at, format!("Maximum value is {most:?}")),
        Some(_) => {}
        None => stand_in(report, language, at, value, "Float"),
    }
}

/// What stands where a number should: an expression, a substitution, or a fault.
fn stand_in(
    report: &mut Report<'_>,
    language: QueryLanguage,
    at: &Place,
    value: &Value,
    wanted: &str,
) {
    match value.as_str() {
        Some(text) if report.is_open(text) => {}
        Some(text) if language == QueryLanguage::Jsonata && text.starts_with("{%") => {
            expression(report, at, text);
        }
        _ => report.wrong_type(at, wanted),
    }
}

/// A moment: `2016-03-14T01:59:00Z`.
pub(super) fn timestamp(
    report: &mut Report<'_>,
    language: QueryLanguage,
    at: &Place,
    value: &Value,
) {
    let Some(text) = text(report, at, value) else { return };
    if language == QueryLanguage::Jsonata && text.starts_with("{%") {
        expression(report, at, text);
    } else if !is_timestamp(text) {
        report.schema(at, "String does not match RFC3339 timestamp");
    }
}

/// RFC 3339 with the language's restrictions: an upper-case `T`, and an
/// upper-case `Z` or a numeric offset.
pub(super) fn is_timestamp(text: &str) -> bool {
    let Some((date, rest)) = text.split_once('T') else { return false };
    let Some(cut) = rest.find(['Z', '+', '-']) else { return false };
    let (time, zone) = rest.split_at(cut);
    is_date(date) && is_time(time) && (zone == "Z" || is_offset(zone))
}

fn is_date(text: &str) -> bool {
    let Some([year, month, day]) = numbers(text, '-', [4, 2, 2]) else { return false };
    Date::new(year, narrow(month), narrow(day)).is_ok()
}

fn is_time(text: &str) -> bool {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    let Some([hour, minute, second]) = numbers(clock, ':', [2, 2, 2]) else { return false };
    is_fraction && Time::new(narrow(hour), narrow(minute), narrow(second), 0).is_ok()
}

fn is_offset(text: &str) -> bool {
    let text = text.trim_start_matches(['+', '-']);
    let Some([hours, minutes]) = numbers(text, ':', [2, 2]) else { return false };
    hours <= 23 && minutes <= 59
}

/// The numbers of a text such as `2016-03-14`, each with its number of digits.
fn numbers<const N: usize>(text: &str, between: char, digits: [usize; N]) -> Option<[i16; N]> {
    let mut parts = text.split(between);
    let mut numbers = [0; N];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits)?;
        if !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

fn narrow(number: i16) -> i8 {
    i8::try_from(number).unwrap_or(-1)
}

/// A path that is read: `InputPath`, `OutputPath`. Null is a value of its own.
pub(super) fn path_or_null(report: &mut Report<'_>, at: &Place, value: &Value) {
    if value.is_null() {
        return;
    }
    if let Some(text) = text(report, at, value)
        && !paths::is_path(text)
    {
        report.schema(at, "Value must be a valid JSONPath.");
    }
}

/// A path that is read, or an intrinsic function: `ErrorPath`, `CausePath`.
pub(super) fn path_or_function(report: &mut Report<'_>, at: &Place, value: &Value) {
    if let Some(text) = text(report, at, value)
        && !paths::is_source(text)
    {
        report.schema(at, "Value must be a valid JSONPath or a valid intrinsic function call");
    }
}

/// A path that leads to one place: names and indexes only.
pub(super) fn reference_path(report: &mut Report<'_>, at: &Place, value: &Value, roots: Roots) {
    if let Some(text) = text(report, at, value)
        && let Err(why) = paths::read_reference(text, roots)
    {
        report.schema(at, format!("Value is not a Reference Path{why}"));
    }
}

/// A text of a `JSONata` state: a literal, or an expression that parses.
pub(super) fn expression(report: &mut Report<'_>, at: &Place, text: &str) {
    if report.is_open(text) {
        return;
    }
    let Some(expression) = jsonata::expression(text) else {
        if jsonata::is_half_open(text) {
            let wanted = "A JSONata expression must start with '{%' and end with '%}'";
            report.error(DiagnosticCode::InvalidJsonataExpression, at, wanted);
        }
        return;
    };
    match jsonata::names_from_context(expression) {
        Err(jsonata::Fault(why)) => report.error(DiagnosticCode::InvalidJsonataExpression, at, why),
        Ok(names) => {
            for name in names {
                let wrong = format!("Reference to '{name}' at the top level is not supported.");
                report.error(DiagnosticCode::UnsupportedJsonataExpression, at, wrong);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_rfc_3339_with_t_and_z() {
        for (text, expected) in [
            ("2016-03-14T01:59:00Z", true),
            ("2016-03-05T21:29:29.243167252Z", true),
            ("2016-03-14T01:59:00+02:00", true),
            ("2016-02-29T00:00:00Z", true),
            ("2015-02-29T00:00:00Z", false),
            ("2016-13-05T21:29:29Z", false),
            ("2016-12-05T25:29:29Z", false),
            ("2016-12-05 21:29:29Z", false),
            ("05-12-2016T21:29:29Z", false),
            ("2016-12-05T21:29:29", false),
            ("2016-12-05T21:29:29z", false),
            ("2016-12-05T21:29Z", false),
            ("{% '2016-03-14T01:59:00Z' %}", false),
            ("", false),
        ] {
            assert_eq!(is_timestamp(text), expected, "{text}");
        }
    }
}
