//! Choice rules: the conditions of a Choice state.
//!
//! One [`Rule`] is one entry of `Choices`, without its `Next`, `Assign` and
//! `Output`, which belong to the interpreter.

use serde_json::Value;
use thiserror::Error;

use crate::paths::Path;
use crate::scope::Scope;
use crate::template::DataFault;

/// A rule that no Choice state may have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct RuleSyntax {
    /// What is wrong, for people.
    pub message: String,
}

/// A condition: a comparison, or `And`, `Or`, `Not` of conditions.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// All of them.
    And(Vec<Rule>),
    /// One of them at least.
    Or(Vec<Rule>),
    /// Not this one.
    Not(Box<Rule>),
    /// The value at a path, compared.
    Test {
        /// `Variable`.
        variable: Path,
        /// The operator's name.
        operator: String,
        /// What it is compared with.
        operand: Value,
    },
}

impl Rule {
    /// Reads a rule; fields that are no part of the condition are passed over.
    pub fn parse(value: &Value) -> Result<Self, RuleSyntax> {
        let wrong = |message: &str| RuleSyntax { message: message.to_owned() };
        let all = |rules: &Value| -> Result<Vec<Self>, RuleSyntax> {
            let rules = rules.as_array().ok_or_else(|| wrong("a list of rules is an array"))?;
            rules.iter().map(Self::parse).collect()
        };
        if let Some(rules) = value.get("And") {
            return all(rules).map(Self::And);
        }
        if let Some(rules) = value.get("Or") {
            return all(rules).map(Self::Or);
        }
        if let Some(rule) = value.get("Not") {
            return Self::parse(rule).map(|rule| Self::Not(Box::new(rule)));
        }
        let fields = value.as_object().ok_or_else(|| wrong("a rule is an object"))?;
        let variable = fields.get("Variable").and_then(Value::as_str);
        let variable = Path::parse(variable.ok_or_else(|| wrong("a rule has a Variable"))?)
            .map_err(|syntax| RuleSyntax { message: syntax.message })?;
        let (operator, operand) = fields
            .iter()
            .find(|(name, _)| {
                !["Variable", "Next", "Assign", "Comment", "Output"].contains(&name.as_str())
            })
            .ok_or_else(|| wrong("a rule has an operator"))?;
        Ok(Self::Test { variable, operator: operator.clone(), operand: operand.clone() })
    }

    /// Whether the condition holds.
    pub fn matches(&self, scope: &Scope<'_>) -> Result<bool, DataFault> {
        match self {
            Self::And(rules) => {
                rules.iter().try_fold(true, |all, rule| Ok(all && rule.matches(scope)?))
            }
            Self::Or(rules) => {
                rules.iter().try_fold(false, |any, rule| Ok(any || rule.matches(scope)?))
            }
            Self::Not(rule) => rule.matches(scope).map(|holds| !holds),
            Self::Test { variable, operator, operand } => {
                let value = variable.read(scope);
                if operator == "IsPresent" {
                    return Ok(operand.as_bool() == Some(value.is_ok()));
                }
                let value = value.map_err(|fault| DataFault::Condition { path: fault.path })?;
                Ok(operator.ends_with("Equals") && value == *operand)
            }
        }
    }
}
