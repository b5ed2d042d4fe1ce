//! Rules for single values: types, number ranges, allowed words, timestamps, paths, expressions.
//!
//! Each rule takes the report, the location and the value, and reports nothing if the value is
//! valid. In a `JSONata` state a string between `{%` and `%}` can replace any value, so the rules
//! for numbers and timestamps take the query language. `payload_template.rs` checks whole payloads.

use jiff::civil::{Date, Time};
use serde_json::{Number, Value};

use super::diagnostics::DiagnosticCode;
use super::jsonata;
use super::location::Location;
use super::paths::{self, AllowedRoots};
use super::report::Report;
use crate::definition::QueryLanguage;

/// The largest number of seconds, attempts and so on that AWS accepts.
pub(super) const MAX_INTEGER: i64 = 99_999_999;

/// The value as a string; reports any other type. Returns `None` for a string with a substitution,
/// which cannot be checked.
pub(super) fn string<'v>(
    report: &mut Report<'_>,
    location: &Location,
    value: &'v Value,
) -> Option<&'v str> {
    match value.as_str() {
        Some(text) if report.has_substitution(text) => None,
        Some(text) => Some(text),
        None => {
            report.wrong_type(location, "String");
            None
        }
    }
}

/// The value as an object; reports any other type.
pub(super) fn object<'v>(
    report: &mut Report<'_>,
    location: &Location,
    value: &'v Value,
) -> Option<&'v serde_json::Map<String, Value>> {
    if value.as_object().is_none() {
        report.wrong_type(location, "Object");
    }
    value.as_object()
}

/// The value as an array; reports any other type.
pub(super) fn array<'v>(
    report: &mut Report<'_>,
    location: &Location,
    value: &'v Value,
) -> Option<&'v [Value]> {
    if value.as_array().is_none() {
        report.wrong_type(location, "Array");
    }
    value.as_array().map(Vec::as_slice)
}

/// Checks a boolean.
pub(super) fn boolean(report: &mut Report<'_>, location: &Location, value: &Value) {
    let has_substitution = value.as_str().is_some_and(|text| report.has_substitution(text));
    if !value.is_boolean() && !has_substitution {
        report.wrong_type(location, "Boolean");
    }
}

/// Checks a string that must be one of `allowed`.
pub(super) fn enum_value(
    report: &mut Report<'_>,
    location: &Location,
    field: &str,
    value: &Value,
    allowed: &[&str],
) {
    if let Some(text) = string(report, location, value)
        && !allowed.contains(&text)
    {
        report.not_in_enum(location, field, allowed);
    }
}

/// Checks an integer from `min` to `max`.
pub(super) fn integer(
    report: &mut Report<'_>,
    language: QueryLanguage,
    location: &Location,
    value: &Value,
    (min, max): (i64, i64),
) {
    match value {
        Value::Number(number) => match to_i128(number) {
            None => report.wrong_type(location, "Integer"),
            Some(number) if number < i128::from(min) => {
                report.schema(location, format!("Minimum value is {min}"));
            }
            Some(number) if number > i128::from(max) => {
                report.schema(location, format!("Maximum value is {max}"));
            }
            Some(_) => {}
        },
        other => expression_or_wrong_type(report, language, location, other, "Integer"),
    }
}

fn to_i128(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// Checks a number from `min` to `max`.
pub(super) fn float(
    report: &mut Report<'_>,
    language: QueryLanguage,
    location: &Location,
    value: &Value,
    (min, max): (f64, f64),
) {
    match value.as_f64() {
        Some(number) if number < min => {
            report.schema(location, format!("Minimum value is {min:?}"));
        }
        Some(number) if number > max => {
            report.schema(location, format!("Maximum value is {max:?}"));
        }
        Some(_) => {}
        None => expression_or_wrong_type(report, language, location, value, "Float"),
    }
}

/// Accepts an expression or a substitution in place of a number.
fn expression_or_wrong_type(
    report: &mut Report<'_>,
    language: QueryLanguage,
    location: &Location,
    value: &Value,
    expected: &str,
) {
    match value.as_str() {
        Some(text) if report.has_substitution(text) => {}
        Some(text) if language == QueryLanguage::Jsonata && text.starts_with("{%") => {
            expression(report, location, text);
        }
        _ => report.wrong_type(location, expected),
    }
}

/// Checks a timestamp such as `2016-03-14T01:59:00Z`.
pub(super) fn timestamp(
    report: &mut Report<'_>,
    language: QueryLanguage,
    location: &Location,
    value: &Value,
) {
    let Some(text) = string(report, location, value) else { return };
    if language == QueryLanguage::Jsonata && text.starts_with("{%") {
        expression(report, location, text);
    } else if !is_timestamp(text) {
        report.schema(location, "String does not match RFC3339 timestamp");
    }
}

/// RFC 3339 with the restrictions of the States Language: an uppercase `T`, and an uppercase `Z` or
/// a numeric offset.
pub(super) fn is_timestamp(text: &str) -> bool {
    let Some((date, rest)) = text.split_once('T') else { return false };
    let Some(cut) = rest.find(['Z', '+', '-']) else { return false };
    let (time, zone) = rest.split_at(cut);
    is_date(date) && is_time(time) && (zone == "Z" || is_offset(zone))
}

fn is_date(text: &str) -> bool {
    let Some([year, month, day]) = parse_numbers(text, '-', [4, 2, 2]) else { return false };
    Date::new(year, to_i8(month), to_i8(day)).is_ok()
}

fn is_time(text: &str) -> bool {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    let Some([hour, minute, second]) = parse_numbers(clock, ':', [2, 2, 2]) else { return false };
    is_fraction && Time::new(to_i8(hour), to_i8(minute), to_i8(second), 0).is_ok()
}

fn is_offset(text: &str) -> bool {
    let text = text.trim_start_matches(['+', '-']);
    let Some([hours, minutes]) = parse_numbers(text, ':', [2, 2]) else { return false };
    hours <= 23 && minutes <= 59
}

/// The numbers of a text such as `2016-03-14`, each with its number of digits.
fn parse_numbers<const N: usize>(
    text: &str,
    separator: char,
    digits: [usize; N],
) -> Option<[i16; N]> {
    let mut parts = text.split(separator);
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

fn to_i8(number: i16) -> i8 {
    i8::try_from(number).unwrap_or(-1)
}

/// Checks a path that is read: `InputPath`, `OutputPath`. Null is allowed.
pub(super) fn path_or_null(report: &mut Report<'_>, location: &Location, value: &Value) {
    if value.is_null() {
        return;
    }
    if let Some(text) = string(report, location, value)
        && !paths::is_path(text)
    {
        report.schema(location, "Value must be a valid JSONPath.");
    }
}

/// Checks a path or an intrinsic function: `ErrorPath`, `CausePath`.
pub(super) fn path_or_function(report: &mut Report<'_>, location: &Location, value: &Value) {
    if let Some(text) = string(report, location, value)
        && !paths::is_path_or_call(text)
    {
        report
            .schema(location, "Value must be a valid JSONPath or a valid intrinsic function call");
    }
}

/// Checks a reference path.
pub(super) fn reference_path(
    report: &mut Report<'_>,
    location: &Location,
    value: &Value,
    allowed_roots: AllowedRoots,
) {
    if let Some(text) = string(report, location, value)
        && let Err(reason) = paths::check_reference(text, allowed_roots)
    {
        report.schema(location, format!("Value is not a Reference Path{reason}"));
    }
}

/// Checks a string of a `JSONata` state: a literal or an expression that parses.
pub(super) fn expression(report: &mut Report<'_>, location: &Location, text: &str) {
    if report.has_substitution(text) {
        return;
    }
    let Some(expression) = jsonata::expression(text) else {
        if jsonata::is_half_open(text) {
            let expected = "A JSONata expression must start with '{%' and end with '%}'";
            report.error(DiagnosticCode::InvalidJsonataExpression, location, expected);
        }
        return;
    };
    match jsonata::references(expression) {
        Err(jsonata::SyntaxError(reason)) => {
            report.error(DiagnosticCode::InvalidJsonataExpression, location, reason);
        }
        Ok(references) => check_references(report, location, &references),
    }
}

/// Reports what an expression reads and Step Functions does not offer.
fn check_references(
    report: &mut Report<'_>,
    location: &Location,
    references: &jsonata::References,
) {
    let root = references.root.then_some("$$");
    for name in references.context_names.iter().map(String::as_str).chain(root) {
        let message = format!("Reference to '{name}' at the top level is not supported.");
        report.error(DiagnosticCode::UnsupportedJsonataExpression, location, message);
    }
    if references.error_output && !location.is_within("Catch") {
        let message = "Reference to '$states.errorOutput' is supported in Catch only.";
        report.error(DiagnosticCode::UnsupportedJsonataExpression, location, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_rfc_3339_with_uppercase_t_and_z() {
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
