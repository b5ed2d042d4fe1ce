//! The statements of a role's policies.
//!
//! [`Policies::parse`] accepts what the local stack can evaluate: `Effect`, `Action` and
//! `Resource` with wildcards, and the operators [`Operator`] of `Condition`. Any other
//! element is an error and is never ignored, because a statement that is only half
//! understood would allow or deny something else than on AWS.
//!
//! No crate is used for this: those for IAM policies skip unknown elements, and none tells
//! which action and resource of a statement allowed a call, which the report needs.

use serde_json::{Map, Value};

use super::access::{Access, CONTEXT_KEYS};
use super::pattern;

/// A permission of a role: one action on one resource. A statement with several actions
/// and resources is a grant for each combination.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The action, such as `dynamodb:GetItem`; it may contain wildcards.
    pub action: String,
    /// The ARN of the resource; it may contain wildcards.
    pub resource: String,
    /// The conditions, all of which must hold.
    conditions: Vec<Condition>,
}

/// A condition: the request's value of the key equals one of the values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Condition {
    operator: Operator,
    key: String,
    values: Vec<String>,
}

/// The supported condition operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Operator {
    /// `StringEquals`: exactly.
    Equals,
    /// `StringLike`: with wildcards.
    Like,
}

impl Grant {
    /// Whether the grant covers this access. Actions are compared without case.
    pub(super) fn covers(&self, access: &Access) -> bool {
        let action = self.action.to_ascii_lowercase();
        pattern::matches(&action, &access.action.to_ascii_lowercase())
            && pattern::matches(&self.resource, &access.resource)
            && self.conditions.iter().all(|condition| condition.holds(access))
    }
}

impl Condition {
    /// A key that the request lacks fulfills no condition.
    fn holds(&self, access: &Access) -> bool {
        let Some(found) = access.context.get(self.key.as_str()) else { return false };
        self.values.iter().any(|value| match self.operator {
            Operator::Equals => value == found,
            Operator::Like => pattern::matches(value, found),
        })
    }
}

/// All statements of a role, by effect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies {
    /// What the `Allow` statements grant.
    pub allowed: Vec<Grant>,
    /// What the `Deny` statements forbid. They win over every `Allow`.
    pub denied: Vec<Grant>,
}

impl Policies {
    /// Reads policy documents whose references are resolved.
    ///
    /// # Errors
    /// A document has an element that the local stack does not evaluate; the text names it.
    pub fn parse<'a>(documents: impl IntoIterator<Item = &'a Value>) -> Result<Self, String> {
        let mut policies = Self::default();
        for document in documents {
            policies.add_document(document)?;
        }
        Ok(policies)
    }

    fn add_document(&mut self, document: &Value) -> Result<(), String> {
        let Some(fields) = document.as_object() else {
            return Err(format!("{document} is not a policy document with statements"));
        };
        refuse_unknown(fields, &["Version", "Id", "Statement"], "policy document")?;
        if document["Version"] != "2012-10-17" {
            return Err(format!("the policy version is {}, not 2012-10-17", document["Version"]));
        }
        one_or_many(&document["Statement"]).try_for_each(|statement| self.add(statement))
    }

    fn add(&mut self, statement: &Value) -> Result<(), String> {
        let Some(fields) = statement.as_object() else {
            return Err(format!("{statement} is not a statement"));
        };
        let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
        refuse_unknown(fields, &known, "statement")?;
        let list = match statement["Effect"].as_str() {
            Some("Allow") => &mut self.allowed,
            Some("Deny") => &mut self.denied,
            _ => return Err(format!("the effect is {}", statement["Effect"])),
        };
        let conditions = conditions(&statement["Condition"])?;
        for action in texts(statement, "Action")? {
            for resource in texts(statement, "Resource")? {
                let conditions = conditions.clone();
                list.push(Grant { action: action.clone(), resource, conditions });
            }
        }
        Ok(())
    }
}

fn refuse_unknown(fields: &Map<String, Value>, known: &[&str], what: &str) -> Result<(), String> {
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("the local stack does not evaluate {name} in a {what}")),
        None => Ok(()),
    }
}

/// The texts of an element that holds one or several; at least one.
fn texts(statement: &Value, element: &str) -> Result<Vec<String>, String> {
    let text = |value: &Value| match value.as_str() {
        Some(text) if text.contains("${") => {
            Err(format!("the local stack does not evaluate the policy variable in {text}"))
        }
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("{element} is {value}")),
    };
    let found: Vec<_> = one_or_many(&statement[element]).map(text).collect::<Result<_, _>>()?;
    if found.is_empty() { Err(format!("{element} is empty")) } else { Ok(found) }
}

fn conditions(block: &Value) -> Result<Vec<Condition>, String> {
    let mut found = Vec::new();
    for (name, keys) in block.as_object().into_iter().flatten() {
        let operator = match name.as_str() {
            "StringEquals" => Operator::Equals,
            "StringLike" => Operator::Like,
            _ => {
                return Err(format!(
                    "the local stack does not evaluate the condition operator {name}"
                ));
            }
        };
        for key in keys.as_object().into_iter().flat_map(Map::keys) {
            if !CONTEXT_KEYS.contains(&key.as_str()) {
                return Err(format!("the local stack does not set the condition key {key}"));
            }
            let values = texts(keys, key)?;
            found.push(Condition { operator, key: key.clone(), values });
        }
    }
    Ok(found)
}

fn one_or_many(value: &Value) -> impl Iterator<Item = &Value> {
    let (one, many) = match value {
        Value::Array(items) => (None, items.as_slice()),
        one => (Some(one), [].as_slice()),
    };
    one.into_iter().chain(many)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(statement: &Value) -> Result<Policies, String> {
        Policies::parse([&json!({ "Version": "2012-10-17", "Statement": [statement] })])
    }

    #[test]
    fn a_statement_is_a_grant_for_each_action_on_each_resource() {
        let policies = parse(&json!({
            "Sid": "Read", "Effect": "Allow", "Action": ["a:X", "a:Y"], "Resource": ["r", "s"],
        }));
        let allowed = policies.unwrap().allowed;
        let pairs: Vec<_> = allowed.iter().map(|g| (g.action.as_str(), &*g.resource)).collect();
        assert_eq!(pairs, [("a:X", "r"), ("a:X", "s"), ("a:Y", "r"), ("a:Y", "s")]);
        let denied = parse(&json!({ "Effect": "Deny", "Action": "a:X", "Resource": "*" })).unwrap();
        assert_eq!((denied.allowed.len(), denied.denied.len()), (0, 1));
    }

    #[test]
    fn actions_are_compared_without_case_and_resources_with_case() {
        let grant = |action: &str, resource: &str| {
            let statement = json!({ "Effect": "Allow", "Action": action, "Resource": resource });
            parse(&statement).unwrap().allowed.remove(0)
        };
        let access = Access::new("dynamodb:GetItem", "table/Orders");
        assert!(grant("DynamoDB:getitem", "table/Orders").covers(&access));
        assert!(grant("dynamodb:Get*", "table/*").covers(&access));
        assert!(grant("*", "*").covers(&access));
        assert!(!grant("dynamodb:Put*", "*").covers(&access));
        assert!(!grant("dynamodb:GetItem", "table/orders").covers(&access));
    }

    #[test]
    fn a_condition_must_hold_and_an_absent_key_fulfills_none() {
        let qualifier = "states:StateMachineQualifier";
        let check = |operator: &str, value: Value, found: Option<&str>, expected: bool| {
            let condition = json!({ operator: { qualifier: value } });
            let grant = parse(&json!({
                "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition,
            }));
            let mut access = Access::new("states:StartExecution", "machine");
            access.context.extend(found.map(|found| (qualifier, found.to_owned())));
            let grant = grant.unwrap().allowed.remove(0);
            assert_eq!(grant.covers(&access), expected, "{operator} {value} {found:?}");
        };
        check("StringEquals", json!("live"), Some("live"), true);
        check("StringEquals", json!(["old", "live"]), Some("live"), true);
        check("StringEquals", json!("l*"), Some("live"), false);
        check("StringLike", json!("l*"), Some("live"), true);
        check("StringLike", json!("l*"), Some("old"), false);
        check("StringEquals", json!("live"), None, false);
    }

    #[test]
    fn an_element_that_is_not_evaluated_is_refused_by_its_name() {
        let check = |change: Value, expected: &str| {
            let mut statement = json!({ "Effect": "Allow", "Action": "a:X", "Resource": "r" });
            let fields = statement.as_object_mut().unwrap();
            fields.extend(change.as_object().unwrap().clone());
            let error = parse(&statement).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check(json!({ "NotAction": "a:Y" }), "NotAction");
        check(json!({ "NotResource": "a:Y" }), "NotResource");
        check(json!({ "Principal": "*" }), "Principal");
        check(json!({ "Condition": { "IpAddress": { "aws:SourceIp": "::1" } } }), "IpAddress");
        check(json!({ "Condition": { "StringEquals": { "aws:Moon": "full" } } }), "aws:Moon");
        check(json!({ "Effect": "Maybe" }), "Maybe");
        check(json!({ "Action": [] }), "Action is empty");
        check(json!({ "Action": null }), "Action is null");
        check(json!({ "Resource": { "Ref": "Orders" } }), "Resource is {\"Ref\"");
        check(json!({ "Resource": "table/${aws:username}" }), "${aws:username}");
        let error = Policies::parse([&json!("AmazonDynamoDBFullAccess")]).unwrap_err();
        assert!(error.contains("AmazonDynamoDBFullAccess"), "{error}");
        let error = Policies::parse([&json!({ "DynamoDBCrudPolicy": {} })]).unwrap_err();
        assert!(error.contains("DynamoDBCrudPolicy"), "{error}");
        let error = Policies::parse([&json!({ "Version": "2008-10-17" })]).unwrap_err();
        assert!(error.contains("2008-10-17"), "{error}");
    }
}
