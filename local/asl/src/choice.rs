//! Choice rules: the conditions of a Choice state.
//!
//! A [`ChoiceRule`] is one entry of `Choices` without its `Next` and `Assign`. A value of a type
//! that the operator does not compare is not an error: the condition is false. A path that leads to
//! no value is an error, except for `IsPresent`.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value;
use thiserror::Error;

use crate::intrinsics::numbers;
use crate::paths::{Path, PathErrorKind, PathSyntaxError};
use crate::scope::Scope;
use crate::template::EvaluationError;

/// An invalid choice rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChoiceRuleSyntaxError {
    /// A rule is not an object, `And` or `Or` is not an array, and so on.
    #[error("{0}")]
    Shape(&'static str),
    /// The `Variable` or the operand of a `…Path` operator is not a path.
    #[error("{field} is not a path: {error}")]
    Path {
        /// The field that contains it.
        field: String,
        /// The error of the parser.
        #[source]
        error: PathSyntaxError,
    },
    /// The operator does not accept an operand of this type.
    #[error("{operator} does not accept {operand}")]
    Operand {
        /// The operator.
        operator: String,
        /// The operand, as JSON.
        operand: String,
    },
}

/// A condition: a data test, or `And`, `Or` or `Not` of conditions.
#[derive(Debug, Clone, PartialEq)]
pub enum ChoiceRule {
    /// All of them hold.
    And(Vec<ChoiceRule>),
    /// At least one of them holds.
    Or(Vec<ChoiceRule>),
    /// It does not hold.
    Not(Box<ChoiceRule>),
    /// A test of the value at a path.
    DataTest(DataTest),
}

/// A test of the value at a path.
#[derive(Debug, Clone, PartialEq)]
pub struct DataTest {
    variable: Path,
    operator: Operator,
}

#[derive(Debug, Clone, PartialEq)]
enum Operator {
    /// `IsNull`, `IsPresent`, …, and the expected result.
    TypeTest(TypeTest, bool),
    Compare(ValueType, Comparison, Operand),
    StringMatches(Vec<PatternPart>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TypeTest {
    Present,
    Null,
    Boolean,
    Numeric,
    String,
    Timestamp,
}

/// The type that two values need in order to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueType {
    Boolean,
    Numeric,
    String,
    Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Literal(Value),
    Path(Path),
}

/// A part of a `StringMatches` pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PatternPart {
    Any,
    Char(char),
}

impl ChoiceRule {
    /// Parses a rule. Ignores fields that are not part of the condition.
    ///
    /// # Errors
    /// Returns a [`ChoiceRuleSyntaxError`] if the condition is malformed.
    pub fn parse(value: &Value) -> Result<Self, ChoiceRuleSyntaxError> {
        let fields =
            value.as_object().ok_or(ChoiceRuleSyntaxError::Shape("a rule must be an object"))?;
        if let Some(rules) = fields.get("And") {
            return parse_rules(rules).map(Self::And);
        }
        if let Some(rules) = fields.get("Or") {
            return parse_rules(rules).map(Self::Or);
        }
        if let Some(rule) = fields.get("Not") {
            return Self::parse(rule).map(|rule| Self::Not(Box::new(rule)));
        }
        let variable = fields.get("Variable").and_then(Value::as_str);
        let variable =
            variable.ok_or(ChoiceRuleSyntaxError::Shape("a rule must have a Variable"))?;
        let variable = path("Variable", variable)?;
        let operator = fields.iter().find_map(|(name, operand)| Operator::parse(name, operand));
        let operator =
            operator.ok_or(ChoiceRuleSyntaxError::Shape("a rule must have an operator"))??;
        Ok(Self::DataTest(DataTest { variable, operator }))
    }

    /// Whether the condition holds.
    ///
    /// # Errors
    /// Returns an [`EvaluationError`] if a path leads to no value.
    pub fn matches(&self, scope: &Scope<'_>) -> Result<bool, EvaluationError> {
        match self {
            Self::And(rules) => {
                rules.iter().try_fold(true, |all, rule| Ok(all && rule.matches(scope)?))
            }
            Self::Or(rules) => {
                rules.iter().try_fold(false, |any, rule| Ok(any || rule.matches(scope)?))
            }
            Self::Not(rule) => rule.matches(scope).map(|holds| !holds),
            Self::DataTest(test) => test.holds(scope),
        }
    }
}

fn parse_rules(rules: &Value) -> Result<Vec<ChoiceRule>, ChoiceRuleSyntaxError> {
    let rules = rules
        .as_array()
        .ok_or(ChoiceRuleSyntaxError::Shape("And and Or must be arrays of rules"))?;
    rules.iter().map(ChoiceRule::parse).collect()
}

fn path(field: &str, text: &str) -> Result<Path, ChoiceRuleSyntaxError> {
    Path::parse(text)
        .map_err(|error| ChoiceRuleSyntaxError::Path { field: field.to_owned(), error })
}

impl DataTest {
    fn holds(&self, scope: &Scope<'_>) -> Result<bool, EvaluationError> {
        match &self.operator {
            Operator::TypeTest(TypeTest::Present, expected) => {
                Ok(self.variable.is_present(scope) == *expected)
            }
            Operator::TypeTest(type_test, expected) => {
                Ok(type_test.holds_for(&value(&self.variable, scope)?) == *expected)
            }
            Operator::Compare(value_type, comparison, operand) => {
                let left = value(&self.variable, scope)?;
                let right = operand.value(scope)?;
                Ok(value_type.order(&left, &right).is_some_and(|order| comparison.holds(order)))
            }
            Operator::StringMatches(pattern) => {
                let value = value(&self.variable, scope)?;
                Ok(value.as_str().is_some_and(|text| pattern_matches(pattern, text)))
            }
        }
    }
}

/// The value at a path of a rule. Unlike elsewhere, a `null` input is a value here.
fn value(path: &Path, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
    match path.read(scope) {
        Ok(value) => Ok(value),
        Err(error) if error.kind == PathErrorKind::NullInput && path.is_root() => Ok(Value::Null),
        Err(error) => Err(EvaluationError::Condition { path: error.path }),
    }
}

impl Operator {
    /// Parses an operator. Returns `None` if `name` is not an operator.
    fn parse(name: &str, operand: &Value) -> Option<Result<Self, ChoiceRuleSyntaxError>> {
        let invalid_operand = || ChoiceRuleSyntaxError::Operand {
            operator: name.to_owned(),
            operand: operand.to_string(),
        };
        if let Some(type_test) = name.strip_prefix("Is").and_then(TypeTest::from_name) {
            let expected = operand.as_bool().ok_or_else(invalid_operand);
            return Some(expected.map(|expected| Self::TypeTest(type_test, expected)));
        }
        if name == "StringMatches" {
            return Some(
                operand
                    .as_str()
                    .map(parse_pattern)
                    .map(Self::StringMatches)
                    .ok_or_else(invalid_operand),
            );
        }
        let (comparison_name, by_path) = match name.strip_suffix("Path") {
            Some(comparison_name) => (comparison_name, true),
            None => (name, false),
        };
        let (value_type, comparison) = ValueType::split(comparison_name)?;
        let operand = if by_path {
            let text = operand.as_str().ok_or_else(invalid_operand);
            text.and_then(|text| path(name, text)).map(Operand::Path)
        } else if value_type.accepts(operand) {
            Ok(Operand::Literal(operand.clone()))
        } else {
            Err(invalid_operand())
        };
        Some(operand.map(|operand| Self::Compare(value_type, comparison, operand)))
    }
}

impl Operand {
    fn value(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Path(path) => value(path, scope),
        }
    }
}

impl TypeTest {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "Present" => Self::Present,
            "Null" => Self::Null,
            "Boolean" => Self::Boolean,
            "Numeric" => Self::Numeric,
            "String" => Self::String,
            "Timestamp" => Self::Timestamp,
            _ => return None,
        })
    }

    fn holds_for(self, value: &Value) -> bool {
        match self {
            Self::Present => true,
            Self::Null => value.is_null(),
            Self::Boolean => value.is_boolean(),
            Self::Numeric => value.is_number(),
            Self::String => value.is_string(),
            Self::Timestamp => value.as_str().and_then(timestamp).is_some(),
        }
    }
}

impl ValueType {
    fn split(name: &str) -> Option<(Self, Comparison)> {
        let kinds = [
            ("Boolean", Self::Boolean),
            ("Numeric", Self::Numeric),
            ("String", Self::String),
            ("Timestamp", Self::Timestamp),
        ];
        let (value_type, comparison) = kinds
            .iter()
            .find_map(|(prefix, value_type)| Some((*value_type, name.strip_prefix(prefix)?)))?;
        let comparison = match comparison {
            "Equals" => Comparison::Equals,
            _ if value_type == Self::Boolean => return None,
            "LessThan" => Comparison::LessThan,
            "LessThanEquals" => Comparison::LessThanEquals,
            "GreaterThan" => Comparison::GreaterThan,
            "GreaterThanEquals" => Comparison::GreaterThanEquals,
            _ => return None,
        };
        Some((value_type, comparison))
    }

    fn accepts(self, literal: &Value) -> bool {
        match self {
            Self::Boolean => literal.is_boolean(),
            Self::Numeric => literal.is_number(),
            Self::String | Self::Timestamp => literal.is_string(),
        }
    }

    /// Compares two values of this type. Returns `None` if either has another type.
    fn order(self, left: &Value, right: &Value) -> Option<Ordering> {
        match self {
            Self::Boolean => Some(left.as_bool()?.cmp(&right.as_bool()?)),
            Self::Numeric => numbers::compare(left.as_number()?, right.as_number()?),
            // Java compares UTF-16 units, not code points.
            Self::String => Some(left.as_str()?.encode_utf16().cmp(right.as_str()?.encode_utf16())),
            Self::Timestamp => Some(timestamp(left.as_str()?)?.cmp(&timestamp(right.as_str()?)?)),
        }
    }
}

impl Comparison {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equals => order.is_eq(),
            Self::LessThan => order.is_lt(),
            Self::LessThanEquals => order.is_le(),
            Self::GreaterThan => order.is_gt(),
            Self::GreaterThanEquals => order.is_ge(),
        }
    }
}

/// Parses a timestamp in the RFC 3339 profile of the States Language: an uppercase `T` between date
/// and time, and an uppercase `Z` or an offset at the end.
pub fn timestamp(text: &str) -> Option<Timestamp> {
    let (_, time) = text.split_once('T')?;
    let zoned = time.ends_with('Z') || time.contains(['+', '-']);
    let allowed = text.chars().all(|c| c.is_ascii_digit() || "-:.TZ+".contains(c));
    if zoned && allowed { text.parse().ok() } else { None }
}

/// `*` matches any text; `\*` and `\\` are escapes.
fn parse_pattern(pattern: &str) -> Vec<PatternPart> {
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '*' => PatternPart::Any,
            '\\' => PatternPart::Char(chars.next().unwrap_or('\\')),
            c => PatternPart::Char(c),
        });
    }
    parts
}

/// Greedy matching with one backtracking position: at most quadratic time.
fn pattern_matches(pattern: &[PatternPart], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut index, mut position) = (0, 0);
    let mut last_any: Option<(usize, usize)> = None;
    while position < text.len() {
        match (pattern.get(index), last_any) {
            (Some(PatternPart::Any), _) => {
                last_any = Some((index, position));
                index += 1;
            }
            (Some(PatternPart::Char(c)), _) if *c == text[position] => {
                index += 1;
                position += 1;
            }
            (_, Some((any, from))) => {
                last_any = Some((any, from + 1));
                index = any + 1;
                position = from + 1;
            }
            (_, None) => return false,
        }
    }
    pattern[index..].iter().all(|part| *part == PatternPart::Any)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scope::{TestScope, Variables};

    fn holds(rule: &Value, input: &Value) -> Result<bool, String> {
        let scope = TestScope::new(json!({}), Variables::new());
        let rule = ChoiceRule::parse(rule).unwrap();
        rule.matches(&scope.scope(input)).map_err(|error| error.to_string())
    }

    #[test]
    fn each_operator_compares_only_values_of_its_type() {
        let check = |operator: &str, operand: Value, value: Value, expected: bool| {
            let rule = json!({"Variable": "$.v", operator: operand});
            assert_eq!(holds(&rule, &json!({"v": value})), Ok(expected), "{rule} of {value}");
        };
        check("StringEquals", json!("a"), json!("a"), true);
        check("StringEquals", json!("1"), json!(1), false);
        check("StringLessThan", json!("b"), json!("a"), true);
        check("StringGreaterThanEquals", json!("a"), json!("a"), true);
        check("NumericEquals", json!(1), json!(1.0), true);
        check("NumericEquals", json!(1), json!("1"), false);
        check("NumericLessThanEquals", json!(2), json!(1.5), true);
        check("NumericGreaterThan", json!(2), json!(3), true);
        check("BooleanEquals", json!(true), json!(true), true);
        check("BooleanEquals", json!(false), json!(0), false);
        check(
            "TimestampEquals",
            json!("2020-01-01T00:00:00Z"),
            json!("2020-01-01T01:00:00+01:00"),
            true,
        );
        check("TimestampLessThan", json!("2020-01-01T00:00:00Z"), json!("not a time"), false);
        check("IsNull", json!(true), json!(null), true);
        check("IsString", json!(false), json!(1), true);
        check("IsTimestamp", json!(true), json!("2012-10-09T19:00:55+01:00"), true);
        check("IsTimestamp", json!(true), json!("2012-10-09T19:00:55"), false);
        check("IsTimestamp", json!(true), json!("2012-10-09 19:00:55Z"), false);
        check("IsTimestamp", json!(true), json!("2023-02-24"), false);
    }

    #[test]
    fn a_star_matches_any_text_and_an_escaped_star_itself() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(
                pattern_matches(&parse_pattern(pattern), text),
                expected,
                "{pattern} of {text}"
            );
        };
        check("log-*.txt", "log-2020.txt", true);
        check("log-*.txt", "log-.txt", true);
        check("log-*.txt", "log-2020.csv", false);
        check("*", "", true);
        check("a*b*c", "axxbyyc", true);
        check("a*b*c", "axxcyyb", false);
        check("\\*", "*", true);
        check("\\*", "x", false);
        check("a\\\\*", "a\\tail", true);
        check("", "x", false);
    }

    #[test]
    fn a_missing_path_is_an_error_except_for_is_present() {
        let present = json!({"Variable": "$.no", "IsPresent": false});
        assert_eq!(holds(&present, &json!({})), Ok(true));
        let equals = json!({"Variable": "$.no", "StringEquals": "a"});
        assert_eq!(
            holds(&equals, &json!({})),
            Err("Invalid path '$.no': The choice state's condition path references an invalid value.".to_owned())
        );
        let by_path = json!({"Variable": "$.v", "StringEqualsPath": "$.no"});
        assert!(holds(&by_path, &json!({"v": "a"})).is_err());
    }

    #[test]
    fn combined_conditions_stop_at_the_first_that_decides() {
        let yes = json!({"Variable": "$.v", "IsPresent": true});
        let fails = json!({"Variable": "$.no", "StringEquals": "a"});
        let input = json!({"v": 1});
        assert_eq!(holds(&json!({"Or": [yes, fails]}), &input), Ok(true));
        assert_eq!(holds(&json!({"And": [{"Not": yes}, fails]}), &input), Ok(false));
        assert_eq!(holds(&json!({"Not": {"And": [yes, yes]}}), &input), Ok(false));
    }
}
