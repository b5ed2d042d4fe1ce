//! Checks a Choice state: its rules are comparisons in `JSONPath`, conditions in `JSONata`.

use serde_json::{Map, Value};

use super::context::State;
use super::fields;
use super::location::Location;
use super::paths::AllowedRoots;
use super::payload_template;
use super::report::Report;
use super::values;
use crate::definition::QueryLanguage;

/// Checks a Choice state.
pub(super) fn check(report: &mut Report<'_>, state: &State<'_>) {
    if let Some((location, value)) = state.field("Default") {
        values::string(report, &location, value);
    }
    let Some((location, value)) = state.field("Choices") else {
        return report.required(&state.location, &["Choices"]);
    };
    let Some(rules) = values::array(report, &location, value) else { return };
    if rules.is_empty() {
        report.schema(&location, "Minimum number of items is 1");
    }
    for (index, rule) in rules.iter().enumerate() {
        let location = location.item(index);
        if let Some(rule) = values::object(report, &location, rule) {
            check_rule(report, state.language, &location, rule);
        }
    }
}

fn check_rule(
    report: &mut Report<'_>,
    language: QueryLanguage,
    location: &Location,
    rule: &Map<String, Value>,
) {
    match rule.get("Next") {
        None => report.required(location, &["Next"]),
        Some(value) => drop(values::string(report, &location.field("Next"), value)),
    }
    if let Some(value) = rule.get("Assign") {
        payload_template::assign(report, language, &location.field("Assign"), value);
    }
    match language {
        QueryLanguage::JsonPath => check_comparison(report, location, rule, true),
        QueryLanguage::Jsonata => check_condition(report, location, rule),
    }
}

fn check_condition(report: &mut Report<'_>, location: &Location, rule: &Map<String, Value>) {
    for (field, value) in rule {
        let field_location = location.field(field);
        match field.as_str() {
            "Next" | "Assign" => {}
            "Comment" => drop(values::string(report, &field_location, value)),
            "Output" => payload_template::expressions(report, &field_location, value),
            "Condition" if value.is_boolean() => {}
            "Condition" => {
                if let Some(text) = values::string(report, &field_location, value) {
                    values::expression(report, &field_location, text);
                }
            }
            _ if is_jsonpath_field(field) => {
                fields::report_wrong_language(report, location, QueryLanguage::Jsonata, field);
            }
            _ => report.unsupported(location, field),
        }
    }
    if !rule.contains_key("Condition") {
        report.required(location, &["Condition"]);
    }
}

/// Checks a comparison or a combination of comparisons. Only the top level has `Next` and `Assign`.
fn check_comparison(
    report: &mut Report<'_>,
    location: &Location,
    rule: &Map<String, Value>,
    is_top_level: bool,
) {
    let mut operators = Vec::new();
    for (field, value) in rule {
        let field_location = location.field(field);
        match field.as_str() {
            "Next" | "Assign" if is_top_level => {}
            "Comment" => drop(values::string(report, &field_location, value)),
            "Variable" => values::reference_path(report, &field_location, value, AllowedRoots::All),
            "Condition" | "Output" => {
                fields::report_wrong_language(report, location, QueryLanguage::JsonPath, field);
            }
            "And" | "Or" => {
                operators.push(field.as_str());
                check_combination(report, &field_location, value);
            }
            "Not" => {
                operators.push(field.as_str());
                if let Some(rule) = values::object(report, &field_location, value) {
                    check_comparison(report, &field_location, rule, false);
                }
            }
            _ => match operand_type(field) {
                Some(operand_type) => {
                    operators.push(field.as_str());
                    operand_type.check(report, &field_location, value);
                }
                None => report.unsupported(location, field),
            },
        }
    }
    check_operator_count(report, location, rule, &operators);
}

fn check_combination(report: &mut Report<'_>, location: &Location, value: &Value) {
    let Some(rules) = values::array(report, location, value) else { return };
    if rules.is_empty() {
        report.schema(location, "Minimum number of items is 1");
    }
    for (index, rule) in rules.iter().enumerate() {
        let location = location.item(index);
        if let Some(rule) = values::object(report, &location, rule) {
            check_comparison(report, &location, rule, false);
        }
    }
}

fn check_operator_count(
    report: &mut Report<'_>,
    location: &Location,
    rule: &Map<String, Value>,
    operators: &[&str],
) {
    match operators {
        [] => report.schema(location, "A Choice Rule must have a comparison operator"),
        ["And" | "Or" | "Not"] if rule.contains_key("Variable") => {
            report.unsupported(location, "Variable");
        }
        ["And" | "Or" | "Not"] => {}
        [_] if !rule.contains_key("Variable") => report.required(location, &["Variable"]),
        [_] => {}
        operators => {
            let operators = operators.join(", ");
            let message =
                format!("There should only be one of the following fields: [{operators}]");
            report.schema(location, message);
        }
    }
}

/// The type of the operand of a comparison operator.
#[derive(Debug, Clone, Copy)]
enum Operand {
    Text,
    Number,
    Boolean,
    Timestamp,
    Path,
}

impl Operand {
    fn check(self, report: &mut Report<'_>, location: &Location, value: &Value) {
        match self {
            Self::Text => drop(values::string(report, location, value)),
            Self::Boolean => values::boolean(report, location, value),
            Self::Path => values::reference_path(report, location, value, AllowedRoots::All),
            Self::Timestamp => values::timestamp(report, QueryLanguage::JsonPath, location, value),
            Self::Number => {
                let range = (f64::MIN, f64::MAX);
                values::float(report, QueryLanguage::JsonPath, location, value, range);
            }
        }
    }
}

/// The operand type of a comparison operator, or `None` for any other field.
fn operand_type(operator: &str) -> Option<Operand> {
    match operator {
        "StringMatches" => return Some(Operand::Text),
        "BooleanEquals" => return Some(Operand::Boolean),
        "BooleanEqualsPath" => return Some(Operand::Path),
        "IsNull" | "IsPresent" | "IsNumeric" | "IsString" | "IsBoolean" | "IsTimestamp" => {
            return Some(Operand::Boolean);
        }
        _ => {}
    }
    let kinds = [
        ("String", Operand::Text),
        ("Numeric", Operand::Number),
        ("Timestamp", Operand::Timestamp),
    ];
    kinds.into_iter().find_map(|(prefix, operand_type)| {
        let order = operator.strip_prefix(prefix)?;
        let (order, operand_type) = match order.strip_suffix("Path") {
            Some(order) => (order, Operand::Path),
            None => (order, operand_type),
        };
        let orders = ["Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"];
        orders.contains(&order).then_some(operand_type)
    })
}

fn is_jsonpath_field(field: &str) -> bool {
    matches!(field, "Variable" | "And" | "Or" | "Not") || operand_type(field).is_some()
}
