//! A Choice state: its rules, in `JSONPath` comparisons, in `JSONata` conditions.

use serde_json::{Map, Value};

use super::diagnostics::{Place, Report};
use super::paths::Roots;
use super::payload_template;
use super::state::{self, State};
use super::values;
use crate::definition::QueryLanguage;

/// Judges a Choice state.
pub(super) fn check(report: &mut Report<'_>, state: &State<'_>) {
    if let Some((at, value)) = state.field("Default") {
        values::text(report, &at, value);
    }
    let Some((at, value)) = state.field("Choices") else {
        return report.required(&state.at, &["Choices"]);
    };
    let Some(rules) = values::array(report, &at, value) else { return };
    if rules.is_empty() {
        report.schema(&at, "Minimum number of items is 1");
    }
    for (index, rule) in rules.iter().enumerate() {
        let at = at.item(index);
        if let Some(rule) = values::object(report, &at, rule) {
            top_rule(report, state.language, &at, rule);
        }
    }
}

fn top_rule(
    report: &mut Report<'_>,
    language: QueryLanguage,
    at: &Place,
    rule: &Map<String, Value>,
) {
    match rule.get("Next") {
        None => report.required(at, &["Next"]),
        Some(value) => drop(values::text(report, &at.field("Next"), value)),
    }
    if let Some(value) = rule.get("Assign") {
        payload_template::assign(report, language, &at.field("Assign"), value);
    }
    match language {
        QueryLanguage::JsonPath => comparison(report, at, rule, true),
        QueryLanguage::Jsonata => condition(report, at, rule),
    }
}

fn condition(report: &mut Report<'_>, at: &Place, rule: &Map<String, Value>) {
    for (field, value) in rule {
        let inside = at.field(field);
        match field.as_str() {
            "Next" | "Assign" => {}
            "Comment" => drop(values::text(report, &inside, value)),
            "Output" => payload_template::expressions(report, &inside, value),
            "Condition" if value.is_boolean() => {}
            "Condition" => {
                if let Some(text) = values::text(report, &inside, value) {
                    values::expression(report, &inside, text);
                }
            }
            _ if is_of_jsonpath(field) => {
                state::foreign(report, at, QueryLanguage::Jsonata, field);
            }
            _ => report.unsupported(at, field),
        }
    }
    if !rule.contains_key("Condition") {
        report.required(at, &["Condition"]);
    }
}

/// A comparison or a combination of them; `Next` and `Assign` belong to the
/// outermost alone.
fn comparison(report: &mut Report<'_>, at: &Place, rule: &Map<String, Value>, outermost: bool) {
    let mut operators = Vec::new();
    for (field, value) in rule {
        let inside = at.field(field);
        match field.as_str() {
            "Next" | "Assign" if outermost => {}
            "Comment" => drop(values::text(report, &inside, value)),
            "Variable" => values::reference_path(report, &inside, value, Roots::All),
            "Condition" | "Output" => {
                state::foreign(report, at, QueryLanguage::JsonPath, field);
            }
            "And" | "Or" => {
                operators.push(field.as_str());
                combination(report, &inside, value);
            }
            "Not" => {
                operators.push(field.as_str());
                if let Some(rule) = values::object(report, &inside, value) {
                    comparison(report, &inside, rule, false);
                }
            }
            _ => match operand(field) {
                Some(operand) => {
                    operators.push(field.as_str());
                    operand.check(report, &inside, value);
                }
                None => report.unsupported(at, field),
            },
        }
    }
    one_operator(report, at, rule, &operators);
}

fn combination(report: &mut Report<'_>, at: &Place, value: &Value) {
    let Some(rules) = values::array(report, at, value) else { return };
    if rules.is_empty() {
        report.schema(at, "Minimum number of items is 1");
    }
    for (index, rule) in rules.iter().enumerate() {
        let at = at.item(index);
        if let Some(rule) = values::object(report, &at, rule) {
            comparison(report, &at, rule, false);
        }
    }
}

fn one_operator(
    report: &mut Report<'_>,
    at: &Place,
    rule: &Map<String, Value>,
    operators: &[&str],
) {
    match operators {
        [] => report.schema(at, "A Choice Rule must have a comparison operator"),
        ["And" | "Or" | "Not"] if rule.contains_key("Variable") => {
            report.unsupported(at, "Variable");
        }
        ["And" | "Or" | "Not"] => {}
        [_] if !rule.contains_key("Variable") => report.required(at, &["Variable"]),
        [_] => {}
        several => {
            let several = several.join(", ");
            let wrong = format!("There should only be one of the following fields: [{several}]");
            report.schema(at, wrong);
        }
    }
}

/// What a comparison operator compares with.
#[derive(Debug, Clone, Copy)]
enum Operand {
    Text,
    Number,
    Boolean,
    Timestamp,
    Path,
}

impl Operand {
    fn check(self, report: &mut Report<'_>, at: &Place, value: &Value) {
        match self {
            Self::Text => drop(values::text(report, at, value)),
            Self::Boolean => values::boolean(report, at, value),
            Self::Path => values::reference_path(report, at, value, Roots::All),
            Self::Timestamp => values::timestamp(report, QueryLanguage::JsonPath, at, value),
            Self::Number => {
                let range = (f64::MIN, f64::MAX);
                values::real(report, QueryLanguage::JsonPath, at, value, range);
            }
        }
    }
}

/// The operand of a comparison operator; none where it is none.
fn operand(operator: &str) -> Option<Operand> {
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
    kinds.into_iter().find_map(|(prefix, operand)| {
        let order = operator.strip_prefix(prefix)?;
        let (order, operand) = match order.strip_suffix("Path") {
            Some(order) => (order, Operand::Path),
            None => (order, operand),
        };
        let orders = ["Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"];
        orders.contains(&order).then_some(operand)
    })
}

fn is_of_jsonpath(field: &str) -> bool {
    matches!(field, "Variable" | "And" | "Or" | "Not") || operand(field).is_some()
}
