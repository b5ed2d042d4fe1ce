//! The roles that the SAM transform creates for functions and state machines, with the
//! statements of their `Policies`.
//!
//! A managed policy or a policy template is an error: its statements are not in the
//! template, so the local stack cannot evaluate them.

use serde_json::Value;

use super::{FUNCTION, STATE_MACHINE, Template, TemplateError, binary, invalid};
use crate::iam::policy::Policies;

/// The role of a function or a state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateRole {
    /// The name, which is the logical id that the SAM transform gives the role.
    pub name: String,
    /// The binary of the function; none for a state machine.
    pub function: Option<String>,
    /// Its statements, with references resolved.
    pub policies: Policies,
}

/// The name of the role of a function or state machine with this logical id.
pub fn role_name(logical_id: &str) -> String {
    format!("{logical_id}Role")
}

impl Template {
    /// The roles of all functions and state machines.
    ///
    /// # Errors
    /// When a policy has an element that the local stack does not evaluate, or refers to
    /// something unknown.
    pub fn roles(&self) -> Result<Vec<TemplateRole>, TemplateError> {
        let functions = self.resources_of_type(FUNCTION).map(|(id, resource)| {
            let function = Some(binary(id, resource)?);
            self.role(id, function, resource)
        });
        let machines = self.resources_of_type(STATE_MACHINE);
        functions.chain(machines.map(|(id, resource)| self.role(id, None, resource))).collect()
    }

    fn role(
        &self,
        id: &str,
        function: Option<String>,
        resource: &Value,
    ) -> Result<TemplateRole, TemplateError> {
        let properties = &resource["Properties"];
        if !properties["Role"].is_null() {
            return Err(invalid(id, "the local stack evaluates Policies and no other Role"));
        }
        let policies = self.references.resolve(&properties["Policies"]);
        let policies = policies.map_err(|reason| invalid(id, &reason))?;
        let documents = match &policies {
            Value::Null => &[],
            Value::Array(documents) => documents.as_slice(),
            document => std::slice::from_ref(document),
        };
        let policies = Policies::parse(documents).map_err(|reason| invalid(id, &reason))?;
        Ok(TemplateRole { name: role_name(id), function, policies })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(policies: &str) -> Result<Vec<TemplateRole>, TemplateError> {
        let text = format!(
            "
Resources:
  PayFunction:
    Type: AWS::Serverless::Function
    Metadata: {{BuildProperties: {{Binary: pay}}}}
    Properties: {{Policies: {policies}}}
  Orders: {{Type: AWS::DynamoDB::Table}}
"
        );
        Template::parse(&text)?.roles()
    }

    #[test]
    fn a_role_has_the_statements_of_its_policies_with_local_arns() {
        let statement = "{Effect: Allow, Action: dynamodb:GetItem, Resource: !GetAtt Orders.Arn}";
        let policies = format!("[{{Version: '2012-10-17', Statement: [{statement}]}}]");
        let role = roles(&policies).unwrap().remove(0);
        assert_eq!(role.name, "PayFunctionRole");
        assert_eq!(role.function.as_deref(), Some("pay"));
        let grant = &role.policies.allowed[0];
        assert_eq!(grant.action, "dynamodb:GetItem");
        assert_eq!(grant.resource, "arn:aws:dynamodb:us-east-1:000000000000:table/Orders");
    }

    #[test]
    fn a_policy_without_statements_of_its_own_is_refused() {
        let check = |policies: &str, expected: &str| {
            let error = roles(policies).unwrap_err().to_string();
            assert!(error.contains("PayFunction") && error.contains(expected), "{error}");
        };
        check("[AmazonDynamoDBFullAccess]", "AmazonDynamoDBFullAccess");
        check("AmazonDynamoDBFullAccess", "AmazonDynamoDBFullAccess");
        check("[{DynamoDBReadPolicy: {TableName: !Ref Orders}}]", "DynamoDBReadPolicy");
        check("[{Version: '2012-10-17', Statement: !Ref Unknown}]", "Unknown");
        check("[], Role: 'arn:aws:iam::1:role/x'", "Role");
    }
}
