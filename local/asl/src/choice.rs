//! Choice rules: the conditions of a Choice state.
//!
//! One [`ChoiceRule`] is one entry of `Choices`, without its `Next`, `Assign` and
//! `Output`, which belong to the interpreter. A value of another type than the
//! operator compares is no error: the condition just does not hold. A path that
//! leads nowhere is one, except for `IsPresent`.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value;
use thiserror::Error;

use crate::intrinsics::numbers;
use crate::paths::{Path, PathErrorKind, PathSyntaxError};
use crate::scope::Scope;
use crate::template::EvaluationError;

/// A rule that no Choice state may have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChoiceRuleSyntaxError {
    /// `And` and `Or` hold arrays of rules, a rule is an object, and so on.
    #[error("{0}")]
    Shape(&'static str),
    /// `Variable` or the operand of a `…Path` operator is no path.
    #[error("{field} is no path: {why}")]
    Path {
        /// The field that holds it.
        field: String,
        /// What the parser said.
        #[source]
        why: PathSyntaxError,
    },
    /// The operand has a type that the operator does not compare.
    #[error("{operator} does not take {operand}")]
    Operand {
        /// The operator.
        operator: String,
        /// The operand, as JSON.
        operand: String,
    },
}

/// A condition: a comparison, or `And`, `Or`, `Not` of conditions.
#[derive(Debug, Clone, PartialEq)]
pub enum ChoiceRule {
    /// All of them.
    And(Vec<ChoiceRule>),
    /// One of them at least.
    Or(Vec<ChoiceRule>),
    /// Not this one.
    Not(Box<ChoiceRule>),
    /// The value at a path, tested.
    Test(Test),
}

/// The value at a path, tested.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    variable: Path,
    operator: Operator,
}

#[derive(Debug, Clone, PartialEq)]
enum Operator {
    Is(Quality, bool),
    Compare(Kind, Relation, Operand),
    Matches(Vec<Glob>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quality {
    Present,
    Null,
    Boolean,
    Numeric,
    String,
    Timestamp,
}

/// What two values must both be to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Boolean,
    Numeric,
    String,
    Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
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

/// A part of what `StringMatches` looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Glob {
    Any,
    Char(char),
}

impl ChoiceRule {
    /// Reads a rule; fields that are no part of the condition are passed over.
    pub fn parse(value: &Value) -> Result<Self, ChoiceRuleSyntaxError> {
        let fields =
            value.as_object().ok_or(ChoiceRuleSyntaxError::Shape("a rule is an object"))?;
        if let Some(rules) = fields.get("And") {
            return all(rules).map(Self::And);
        }
        if let Some(rules) = fields.get("Or") {
            return all(rules).map(Self::Or);
        }
        if let Some(rule) = fields.get("Not") {
            return Self::parse(rule).map(|rule| Self::Not(Box::new(rule)));
        }
        let variable = fields.get("Variable").and_then(Value::as_str);
        let variable = variable.ok_or(ChoiceRuleSyntaxError::Shape("a rule has a Variable"))?;
        let variable = path("Variable", variable)?;
        let operator = fields.iter().find_map(|(name, operand)| Operator::parse(name, operand));
        let operator = operator.ok_or(ChoiceRuleSyntaxError::Shape("a rule has an operator"))??;
        Ok(Self::Test(Test { variable, operator }))
    }

    /// Whether the condition holds.
    pub fn matches(&self, scope: &Scope<'_>) -> Result<bool, EvaluationError> {
        match self {
            Self::And(rules) => {
                rules.iter().try_fold(true, |all, rule| Ok(all && rule.matches(scope)?))
            }
            Self::Or(rules) => {
                rules.iter().try_fold(false, |any, rule| Ok(any || rule.matches(scope)?))
            }
            Self::Not(rule) => rule.matches(scope).map(|holds| !holds),
            Self::Test(test) => test.holds(scope),
        }
    }
}

fn all(rules: &Value) -> Result<Vec<ChoiceRule>, ChoiceRuleSyntaxError> {
    let rules =
        rules.as_array().ok_or(ChoiceRuleSyntaxError::Shape("And and Or hold arrays of rules"))?;
    rules.iter().map(ChoiceRule::parse).collect()
}

fn path(field: &str, text: &str) -> Result<Path, ChoiceRuleSyntaxError> {
    Path::parse(text).map_err(|why| ChoiceRuleSyntaxError::Path { field: field.to_owned(), why })
}

impl Test {
    fn holds(&self, scope: &Scope<'_>) -> Result<bool, EvaluationError> {
        match &self.operator {
            Operator::Is(Quality::Present, wanted) => {
                Ok(self.variable.is_present(scope) == *wanted)
            }
            Operator::Is(quality, wanted) => {
                Ok(quality.describes(&value(&self.variable, scope)?) == *wanted)
            }
            Operator::Compare(kind, relation, operand) => {
                let left = value(&self.variable, scope)?;
                let right = operand.value(scope)?;
                Ok(kind.order(&left, &right).is_some_and(|order| relation.holds(order)))
            }
            Operator::Matches(glob) => {
                let value = value(&self.variable, scope)?;
                Ok(value.as_str().is_some_and(|text| glob_matches(glob, text)))
            }
        }
    }
}

/// The value at a path of a rule. A `null` input is a value here, to be asked about.
fn value(path: &Path, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
    match path.read(scope) {
        Ok(value) => Ok(value),
        Err(fault) if fault.kind == PathErrorKind::NullInput && path.is_root() => Ok(Value::Null),
        Err(fault) => Err(EvaluationError::Condition { path: fault.path }),
    }
}

impl Operator {
    /// The operator of this name, if it is one.
    fn parse(name: &str, operand: &Value) -> Option<Result<Self, ChoiceRuleSyntaxError>> {
        let refuse = || ChoiceRuleSyntaxError::Operand {
            operator: name.to_owned(),
            operand: operand.to_string(),
        };
        if let Some(quality) = name.strip_prefix("Is").and_then(Quality::named) {
            let wanted = operand.as_bool().ok_or_else(refuse);
            return Some(wanted.map(|wanted| Self::Is(quality, wanted)));
        }
        if name == "StringMatches" {
            return Some(operand.as_str().map(glob).map(Self::Matches).ok_or_else(refuse));
        }
        let (plain, by_path) = match name.strip_suffix("Path") {
            Some(plain) => (plain, true),
            None => (name, false),
        };
        let (kind, relation) = Kind::split(plain)?;
        let operand = if by_path {
            let text = operand.as_str().ok_or_else(refuse);
            text.and_then(|text| path(name, text)).map(Operand::Path)
        } else if kind.takes(operand) {
            Ok(Operand::Literal(operand.clone()))
        } else {
            Err(refuse())
        };
        Some(operand.map(|operand| Self::Compare(kind, relation, operand)))
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

impl Quality {
    fn named(name: &str) -> Option<Self> {
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

    fn describes(self, value: &Value) -> bool {
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

impl Kind {
    fn split(name: &str) -> Option<(Self, Relation)> {
        let kinds = [
            ("Boolean", Self::Boolean),
            ("Numeric", Self::Numeric),
            ("String", Self::String),
            ("Timestamp", Self::Timestamp),
        ];
        let (kind, relation) =
            kinds.iter().find_map(|(prefix, kind)| Some((*kind, name.strip_prefix(prefix)?)))?;
        let relation = match relation {
            "Equals" => Relation::Equals,
            _ if kind == Self::Boolean => return None,
            "LessThan" => Relation::LessThan,
            "LessThanEquals" => Relation::LessThanEquals,
            "GreaterThan" => Relation::GreaterThan,
            "GreaterThanEquals" => Relation::GreaterThanEquals,
            _ => return None,
        };
        Some((kind, relation))
    }

    fn takes(self, literal: &Value) -> bool {
        match self {
            Self::Boolean => literal.is_boolean(),
            Self::Numeric => literal.is_number(),
            Self::String | Self::Timestamp => literal.is_string(),
        }
    }

    /// How two values of this kind compare; none where one is of another kind.
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

impl Relation {
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

/// An instant in the profile of RFC 3339 that the States Language asks for: a capital
/// `T` between date and time, and a capital `Z` or an offset at the end.
pub fn timestamp(text: &str) -> Option<Timestamp> {
    let (_, time) = text.split_once('T')?;
    let zoned = time.ends_with('Z') || time.contains(['+', '-']);
    let plain = text.chars().all(|c| c.is_ascii_digit() || "-:.TZ+".contains(c));
    if zoned && plain { text.parse().ok() } else { None }
}

/// `*` stands for any text; `\*` and `\\` for themselves.
fn glob(pattern: &str) -> Vec<Glob> {
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '*' => Glob::Any,
            '\\' => Glob::Char(chars.next().unwrap_or('\\')),
            c => Glob::Char(c),
        });
    }
    parts
}

/// Greedy with one place to return to, so that no pattern takes more than quadratic time.
fn glob_matches(glob: &[Glob], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut part, mut at) = (0, 0);
    let mut last_any: Option<(usize, usize)> = None;
    while at < text.len() {
        match (glob.get(part), last_any) {
            (Some(Glob::Any), _) => {
                last_any = Some((part, at));
                part += 1;
            }
            (Some(Glob::Char(c)), _) if *c == text[at] => {
                part += 1;
                at += 1;
            }
            (_, Some((any, from))) => {
                last_any = Some((any, from + 1));
                part = any + 1;
                at = from + 1;
            }
            (_, None) => return false,
        }
    }
    glob[part..].iter().all(|part| *part == Glob::Any)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scope::{CopyBudget, RandomSource, Variables};

    fn holds(rule: &Value, input: &Value) -> Result<bool, String> {
        let (context, variables, random_source) =
            (json!({}), Variables::new(), RandomSource::seeded(1));
        let scope = Scope {
            input,
            context: &context,
            variables: &variables,
            random_source: &random_source,
            copy_budget: &CopyBudget::default(),
        };
        ChoiceRule::parse(rule).unwrap().matches(&scope).map_err(|fault| fault.to_string())
    }

    #[test]
    fn each_operator_compares_values_of_its_own_kind_only() {
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
    fn a_star_matches_any_text_and_an_escaped_one_itself() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(glob_matches(&glob(pattern), text), expected, "{pattern} of {text}");
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
    fn a_missing_path_is_an_error_except_to_is_present() {
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
    fn conditions_combine_and_stop_at_the_first_that_decides() {
        let yes = json!({"Variable": "$.v", "IsPresent": true});
        let fails = json!({"Variable": "$.no", "StringEquals": "a"});
        let input = json!({"v": 1});
        assert_eq!(holds(&json!({"Or": [yes, fails]}), &input), Ok(true));
        assert_eq!(holds(&json!({"And": [{"Not": yes}, fails]}), &input), Ok(false));
        assert_eq!(holds(&json!({"Not": {"And": [yes, yes]}}), &input), Ok(false));
    }
}
