//! Resolves CloudFormation's intrinsic functions to names of the local stack, which is a
//! deployment of the template with the parameters in [`LOCAL_PARAMETERS`].

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The names to which a template can refer, and their local values.
#[derive(Debug)]
pub(super) struct References {
    /// The values of `Ref`: the defaults of parameters, pseudo parameters, resource names.
    names: BTreeMap<String, String>,
    /// The values of `Fn::GetAtt … Arn` by resource.
    arns: BTreeMap<String, String>,
    /// The template's conditions.
    conditions: Map<String, Value>,
}

/// The ARN of a secret. As on AWS, it ends with a hyphen and six characters.
pub(crate) fn secret_arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}-local0")
}

/// The parameters whose defaults the local stack does not use: those that have none, and
/// the issuer of the development tokens, without which the stack would need a user pool; and
/// the limits per customer, which are off: on a laptop one customer places all orders.
const LOCAL_PARAMETERS: [(&str, &str); 8] = [
    ("AlarmEmail", "alarms@localhost.invalid"),
    ("JwtAudience", "local"),
    ("JwtIssuer", "https://issuer.local"),
    ("MaxFailedOrdersPerHour", "0"),
    ("MaxOpenOrders", "0"),
    ("MaxOrdersPerHour", "0"),
    ("MaxScheduledOrders", "0"),
    (
        "ShipFrom",
        r#"{"name": "Order Processing", "phone": "+14155550100", "street1": "417 Montgomery Street",
        "city": "San Francisco", "state": "CA", "postalCode": "94104", "country": "US"}"#,
    ),
];

const PSEUDO_PARAMETERS: [(&str, &str); 5] = [
    ("AWS::AccountId", "000000000000"),
    ("AWS::Partition", "aws"),
    ("AWS::Region", "us-east-1"),
    ("AWS::StackName", "local"),
    ("AWS::URLSuffix", "amazonaws.com"),
];

impl References {
    pub(super) fn of(template: &Value) -> Self {
        let pseudo = PSEUDO_PARAMETERS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let conditions = template["Conditions"].as_object().cloned().unwrap_or_default();
        let mut references = Self { names: pseudo.into(), arns: BTreeMap::new(), conditions };
        for (name, parameter) in fields(&template["Parameters"]) {
            if let Some(default) = scalar_text(&parameter["Default"]) {
                references.names.insert(name.clone(), default);
            }
        }
        for (name, value) in LOCAL_PARAMETERS {
            references.names.insert(name.to_owned(), value.to_owned());
        }
        for (id, resource) in fields(&template["Resources"]) {
            references.add_resource(id, resource);
        }
        references
    }

    /// Adds a resource's name and ARN, and those of the versions and aliases that the SAM
    /// transform creates for functions and state machines.
    fn add_resource(&mut self, id: &str, resource: &Value) {
        let (name, arn) = match resource["Type"].as_str().unwrap_or_default() {
            "AWS::Serverless::Function" => {
                let binary = &resource["Metadata"]["BuildProperties"]["Binary"];
                let name = binary.as_str().unwrap_or(id);
                let arn = format!("arn:aws:lambda:us-east-1:000000000000:function:{name}");
                self.names.insert(format!("{id}.Version"), format!("{arn}:1"));
                self.names.insert(format!("{id}.Alias"), format!("{arn}:live"));
                (name.to_owned(), arn)
            }
            "AWS::DynamoDB::Table" => {
                (id.to_owned(), format!("arn:aws:dynamodb:us-east-1:000000000000:table/{id}"))
            }
            "AWS::Serverless::StateMachine" => {
                let arn = format!("arn:aws:states:us-east-1:000000000000:stateMachine:{id}");
                if let Some(alias) = resource["Properties"]["AutoPublishAlias"].as_str() {
                    self.names.insert(format!("{id}Alias{alias}"), format!("{arn}:{alias}"));
                }
                (arn.clone(), arn)
            }
            "AWS::SecretsManager::Secret" => {
                let arn = secret_arn(id);
                (arn.clone(), arn)
            }
            _ => (id.to_owned(), id.to_owned()),
        };
        self.names.insert(id.to_owned(), name);
        self.arns.insert(id.to_owned(), arn);
    }

    /// Resolves a value to text. The error names the unknown reference.
    pub(super) fn resolve_text(&self, value: &Value) -> Result<String, String> {
        if let Some(text) = scalar_text(value) {
            return Ok(text);
        }
        let mut fields = fields(value);
        match (fields.next(), fields.next()) {
            (Some((function, argument)), None) => self.call(function, argument),
            _ => Err(format!("not a text: {value}")),
        }
    }

    /// Resolves all references inside a value, and removes what `AWS::NoValue` stands for.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value, String> {
        let Some(value) = self.chosen(value)? else { return Ok(Value::Null) };
        match value {
            Value::Array(items) => {
                let chosen = items.iter().filter_map(|item| self.chosen(item).transpose());
                chosen.map(|item| self.resolve(item?)).collect()
            }
            Value::Object(object) if is_intrinsic(object) => {
                self.resolve_text(value).map(Value::String)
            }
            Value::Object(object) => {
                let mut fields = Map::new();
                for (name, value) in object {
                    if let Some(value) = self.chosen(value)? {
                        fields.insert(name.clone(), self.resolve(value)?);
                    }
                }
                Ok(Value::Object(fields))
            }
            other => Ok(other.clone()),
        }
    }

    /// The branch of an `Fn::If` that its condition chooses, or any other value itself;
    /// `None` for `AWS::NoValue`.
    pub(super) fn chosen<'a>(&self, value: &'a Value) -> Result<Option<&'a Value>, String> {
        if value["Ref"] == "AWS::NoValue" {
            return Ok(None);
        }
        let Some([Value::String(condition), then, otherwise]) =
            value["Fn::If"].as_array().map(Vec::as_slice)
        else {
            return Ok(Some(value));
        };
        self.chosen(if self.condition(condition)? { then } else { otherwise })
    }

    /// Whether a condition of the template holds.
    pub(super) fn condition(&self, name: &str) -> Result<bool, String> {
        let condition = self.conditions.get(name);
        self.holds(condition.ok_or_else(|| format!("there is no condition {name}"))?)
    }

    fn holds(&self, expression: &Value) -> Result<bool, String> {
        let mut fields = fields(expression);
        let function = fields.next().map(|(name, argument)| (name.as_str(), argument));
        match (function, fields.next()) {
            (Some(("Condition", Value::String(name))), None) => self.condition(name),
            (Some(("Fn::Equals", Value::Array(values))), None) if values.len() == 2 => {
                let texts: Result<Vec<_>, _> =
                    values.iter().map(|value| self.resolve_text(value)).collect();
                texts.map(|texts| texts.first() == texts.last())
            }
            (Some(("Fn::Not", Value::Array(items))), None) => {
                Ok(!self.each_holds(items)?.contains(&true))
            }
            (Some(("Fn::And", Value::Array(items))), None) => {
                Ok(!self.each_holds(items)?.contains(&false))
            }
            (Some(("Fn::Or", Value::Array(items))), None) => {
                Ok(self.each_holds(items)?.contains(&true))
            }
            _ => Err(format!("not a condition: {expression}")),
        }
    }

    fn each_holds(&self, expressions: &[Value]) -> Result<Vec<bool>, String> {
        expressions.iter().map(|expression| self.holds(expression)).collect()
    }

    fn call(&self, function: &str, argument: &Value) -> Result<String, String> {
        match (function, argument) {
            ("Ref", Value::String(name)) => self.name(name),
            ("Fn::GetAtt", Value::Array(path)) => self.attribute(path),
            ("Fn::Sub", Value::String(text)) => self.substitute_all(text),
            ("Fn::If", Value::Array(branches)) => match branches.as_slice() {
                [Value::String(condition), then, otherwise] => {
                    self.resolve_text(if self.condition(condition)? { then } else { otherwise })
                }
                _ => Err(format!("not an Fn::If: {argument}")),
            },
            _ => Err(format!("{function} is not supported by the local stack")),
        }
    }

    fn name(&self, name: &str) -> Result<String, String> {
        self.names
            .get(name)
            .cloned()
            .ok_or_else(|| format!("there is no resource or parameter {name}"))
    }

    fn attribute(&self, path: &[Value]) -> Result<String, String> {
        let resource = path.first().and_then(Value::as_str).unwrap_or_default();
        match path.get(1).and_then(Value::as_str) {
            Some("Arn") => self
                .arns
                .get(resource)
                .cloned()
                .ok_or_else(|| format!("there is no resource {resource}")),
            // `Ref` of a state machine is its ARN, which ends with the name.
            Some("Name") => {
                self.name(resource).map(|name| name.rsplit(':').next().unwrap_or(&name).to_owned())
            }
            other => Err(format!("the attribute {} is not supported", other.unwrap_or_default())),
        }
    }

    /// `Fn::Sub`: replaces `${Name}` and `${Name.Attribute}`; `${!Literal}` becomes
    /// `${Literal}`.
    fn substitute_all(&self, text: &str) -> Result<String, String> {
        let mut parts = text.split("${");
        let mut resolved = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let Some((name, rest)) = part.split_once('}') else {
                return Err(format!("unclosed brace in {text}"));
            };
            resolved.push_str(&self.substitute(name)?);
            resolved.push_str(rest);
        }
        Ok(resolved)
    }

    fn substitute(&self, name: &str) -> Result<String, String> {
        match (name.strip_prefix('!'), name.split_once('.')) {
            (Some(literal), _) => Ok(format!("${{{literal}}}")),
            (None, Some((resource, attribute))) if !self.names.contains_key(name) => {
                self.attribute(&[resource.into(), attribute.into()])
            }
            _ => self.name(name),
        }
    }
}

fn is_intrinsic(object: &Map<String, Value>) -> bool {
    object.len() == 1 && object.keys().all(|name| name == "Ref" || name.starts_with("Fn::"))
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn references() -> References {
        References::of(&json!({
            "Parameters": {
                "Threshold": { "Default": 500 },
                "Secret": {},
                "Stage": { "Default": "dev" },
            },
            "Conditions": {
                "IsDev": { "Fn::Equals": [{ "Ref": "Stage" }, "dev"] },
                "IsProd": { "Fn::Not": [{ "Condition": "IsDev" }] },
                "Either": { "Fn::Or": [{ "Condition": "IsDev" }, { "Condition": "IsProd" }] },
                "Both": { "Fn::And": [{ "Condition": "IsDev" }, { "Condition": "IsProd" }] },
            },
            "Resources": {
                "Orders": { "Type": "AWS::DynamoDB::Table" },
                "PayFunction": {
                    "Type": "AWS::Serverless::Function",
                    "Metadata": { "BuildProperties": { "Binary": "pay" } },
                },
                "Flow": {
                    "Type": "AWS::Serverless::StateMachine",
                    "Properties": { "AutoPublishAlias": "live" },
                },
                "Key": { "Type": "AWS::SecretsManager::Secret" },
            },
        }))
    }

    #[test]
    fn references_resolve_to_local_names() {
        fn check(value: &Value, expected: &str) {
            assert_eq!(references().resolve_text(value).as_deref(), Ok(expected), "{value}");
        }
        check(&json!("as it is"), "as it is");
        check(&json!(512), "512");
        check(&json!({ "Ref": "Threshold" }), "500");
        check(&json!({ "Ref": "Orders" }), "Orders");
        check(&json!({ "Ref": "PayFunction" }), "pay");
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:pay";
        check(&json!({ "Fn::GetAtt": ["PayFunction", "Arn"] }), arn);
        check(&json!({ "Ref": "PayFunction.Version" }), &format!("{arn}:1"));
        check(&json!({ "Fn::Sub": "${PayFunction.Arn}:*" }), &format!("{arn}:*"));
        check(&json!({ "Fn::Sub": "execution:${Flow.Name}:*" }), "execution:Flow:*");
        check(&json!({ "Fn::Sub": "${AWS::Region}/${!Kept}" }), "us-east-1/${Kept}");
        let flow = "arn:aws:states:us-east-1:000000000000:stateMachine:Flow";
        check(&json!({ "Ref": "Flow" }), flow);
        let key = "arn:aws:secretsmanager:us-east-1:000000000000:secret:Key-local0";
        check(&json!({ "Ref": "Key" }), key);
        check(&json!({ "Ref": "FlowAliaslive" }), &format!("{flow}:live"));
        check(&json!({ "Ref": "JwtIssuer" }), "https://issuer.local");
        check(&json!({ "Fn::If": ["IsProd", "a", { "Ref": "Stage" }] }), "dev");
    }

    #[test]
    fn references_are_resolved_at_every_depth_and_other_values_stay() {
        let pattern = json!({ "detail": { "arn": [{ "Ref": "Flow" }], "n": [1, null] } });
        let arn = "arn:aws:states:us-east-1:000000000000:stateMachine:Flow";
        let expected = json!({ "detail": { "arn": [arn], "n": [1, null] } });
        assert_eq!(references().resolve(&pattern), Ok(expected));
        let error =
            references().resolve(&json!([{ "Ref": "Unknown" }])).expect_err("an unknown reference");
        assert!(error.contains("Unknown"), "{error}");
    }

    #[test]
    fn a_condition_chooses_a_branch_and_no_value_removes_its_field() {
        let no_value = json!({ "Ref": "AWS::NoValue" });
        for (name, expected) in
            [("IsDev", true), ("IsProd", false), ("Either", true), ("Both", false)]
        {
            assert_eq!(references().condition(name), Ok(expected), "{name}");
        }
        let value = json!({
            "kept": { "Fn::If": ["IsDev", { "a": [1, no_value] }, "other"] },
            "removed": { "Fn::If": ["IsProd", 1, no_value] },
        });
        assert_eq!(references().resolve(&value), Ok(json!({ "kept": { "a": [1] } })));
        let unknown = references().condition("Unknown").expect_err("an unknown condition");
        assert!(unknown.contains("Unknown"), "{unknown}");
    }

    #[test]
    fn an_unknown_reference_is_an_error_that_names_it() {
        fn check(value: &Value, expected: &str) {
            let error = references().resolve_text(value).expect_err("an unknown reference");
            assert!(error.contains(expected), "{error}");
        }
        check(&json!({ "Ref": "Unknown" }), "Unknown");
        check(&json!({ "Ref": "Secret" }), "Secret");
        check(&json!({ "Fn::Sub": "${Unknown.Arn}" }), "Unknown");
        check(&json!({ "Fn::ImportValue": "x" }), "Fn::ImportValue");
        check(&json!(["a"]), "not a text");
    }
}
