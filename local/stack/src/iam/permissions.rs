//! Decides on the calls of all roles of a stack, and records which grant each one used.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;
use uuid::Uuid;

use super::access::Access;
use super::policy::Grant;
use super::role::{Decision, Role};
use super::usage::{GrantUse, Usage};
use crate::aws::error::AwsError;

/// The caller of an operation.
#[derive(Debug, Clone, Copy)]
pub enum Principal<'a> {
    /// The function with this crate name.
    Function(&'a str),
    /// An execution of a state machine with this role ARN.
    Execution {
        /// The role.
        role_arn: &'a str,
    },
}

/// The roles of a stack.
#[derive(Debug)]
pub struct Permissions {
    /// The name of the role of each function, by the function's crate name.
    roles_of_functions: BTreeMap<String, String>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    roles: BTreeMap<String, Role>,
    usage: Usage,
    denied: Vec<DeniedCall>,
}

impl Permissions {
    /// The permissions of these roles. `roles_of_functions` has the name of each function's
    /// role.
    pub fn new(
        roles: impl IntoIterator<Item = Role>,
        roles_of_functions: BTreeMap<String, String>,
    ) -> Self {
        let roles: BTreeMap<_, _> =
            roles.into_iter().map(|role| (role.name.clone(), role)).collect();
        let usage = Usage::of(roles.values());
        Self { roles_of_functions, state: Mutex::new(State { roles, usage, denied: Vec::new() }) }
    }

    /// Allows a call that needs these accesses, or says which one is denied.
    ///
    /// A state machine with a role that is not in the template may call everything, like
    /// any other caller without credentials of the stack.
    ///
    /// # Errors
    /// The first access that the role of the caller does not allow.
    pub fn check(&self, principal: Principal<'_>, needed: &[Access]) -> Result<(), DeniedCall> {
        let (role_name, session) = match principal {
            Principal::Function(name) => {
                let role = self.roles_of_functions.get(name).map_or(name, String::as_str);
                (role, name.to_owned())
            }
            // Step Functions names each session with random letters.
            Principal::Execution { role_arn } => {
                let name = role_arn.rsplit('/').next().unwrap_or_default();
                (name, Uuid::new_v4().simple().to_string())
            }
        };
        let mut state = self.lock();
        let State { roles, usage, denied } = &mut *state;
        let role = roles.get(role_name);
        if role.is_none() && matches!(principal, Principal::Execution { .. }) {
            return Ok(());
        }
        for access in needed {
            let decision = role.map_or(Decision::NotAllowed, |role| role.decide(access));
            if let Decision::Allowed(grant) = decision {
                usage.count(role_name, grant);
                continue;
            }
            let call = DeniedCall {
                scenario: usage.scenario().to_owned(),
                user: format!("arn:aws:sts::000000000000:assumed-role/{role_name}/{session}"),
                action: access.action.clone(),
                resource: access.resource.clone(),
                explicitly: decision == Decision::ExplicitlyDenied,
            };
            denied.push(call.clone());
            return Err(call);
        }
        Ok(())
    }

    /// Counts the calls from now on for this scenario.
    pub fn begin_scenario(&self, name: &str) {
        self.lock().usage.begin_scenario(name);
    }

    /// Every grant of every role, with its uses.
    pub fn grants(&self) -> Vec<GrantUse> {
        self.lock().usage.grants()
    }

    /// The calls that were denied, in their order.
    pub fn denied(&self) -> Vec<DeniedCall> {
        self.lock().denied.clone()
    }

    /// Removes a grant from its role, and returns whether there was one.
    pub fn remove_grant(&self, role: &str, action: &str, resource: &str) -> bool {
        let mut state = self.lock();
        let Some(role) = state.roles.get_mut(role) else { return false };
        let kept = |grant: &Grant| grant.action != action || grant.resource != resource;
        let before = role.policies.allowed.len();
        role.policies.allowed.retain(kept);
        role.policies.allowed.len() < before
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that was denied.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[error("User: {user} is not authorized to perform: {action} on resource: {resource} {}", reason(*explicitly, action))]
pub struct DeniedCall {
    /// The scenario that ran.
    pub scenario: String,
    /// The ARN of the caller's session.
    pub user: String,
    /// The action.
    pub action: String,
    /// The ARN of the resource.
    pub resource: String,
    /// Whether a `Deny` statement forbids it.
    pub explicitly: bool,
}

fn reason(explicitly: bool, action: &str) -> String {
    if explicitly {
        return "with an explicit deny in an identity-based policy".to_owned();
    }
    format!("because no identity-based policy allows the {action} action")
}

const CODE: &str = "AccessDeniedException";

impl DeniedCall {
    /// The error of a service with AWS's JSON protocol, such as DynamoDB. The field for the
    /// message has a capital letter, unlike in the services' own errors.
    pub fn to_json_error(&self) -> AwsError {
        self.error(400, json!({ "__type": format!("com.amazon.coral.service#{CODE}") }))
    }

    /// The error of Lambda, whose name is in a header.
    pub fn to_rest_error(&self) -> AwsError {
        self.error(403, json!({}))
    }

    fn error(&self, status: u16, body: serde_json::Value) -> AwsError {
        let (code, message, body) = (CODE.to_owned(), self.to_string(), Box::new(body));
        AwsError { code, message, status, body }.with("Message", json!(self.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::policy::Policies;

    const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/Orders";

    fn permissions() -> Permissions {
        let document = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Scan"], "Resource": TABLE },
            { "Effect": "Deny", "Action": "dynamodb:Scan", "Resource": "*" },
        ]});
        let policies = Policies::parse([&document]).unwrap();
        let role = Role { name: "PayFunctionRole".to_owned(), policies };
        Permissions::new([role], [("pay".to_owned(), "PayFunctionRole".to_owned())].into())
    }

    fn check(permissions: &Permissions, action: &str) -> Result<(), DeniedCall> {
        permissions.check(Principal::Function("pay"), &[Access::new(action, TABLE)])
    }

    #[test]
    fn a_denied_call_has_awss_message_and_the_error_of_its_service() {
        let denied = check(&permissions(), "dynamodb:PutItem").unwrap_err();
        let message = format!(
            "User: arn:aws:sts::000000000000:assumed-role/PayFunctionRole/pay is not authorized to \
             perform: dynamodb:PutItem on resource: {TABLE} because no identity-based policy \
             allows the dynamodb:PutItem action"
        );
        assert_eq!(denied.to_string(), message);
        let error = denied.to_json_error();
        assert_eq!((error.status, error.code.as_str()), (400, CODE));
        let kind = "com.amazon.coral.service#AccessDeniedException";
        assert_eq!(*error.body, json!({ "__type": kind, "Message": message }));
        let error = denied.to_rest_error();
        assert_eq!((error.status, *error.body), (403, json!({ "Message": message })));
        let denied = check(&permissions(), "dynamodb:Scan").unwrap_err().to_string();
        assert!(denied.ends_with(" with an explicit deny in an identity-based policy"), "{denied}");
    }

    #[test]
    fn uses_are_counted_by_scenario_and_denied_calls_are_kept() {
        let permissions = permissions();
        permissions.begin_scenario("happy");
        for action in ["dynamodb:GetItem", "dynamodb:GetItem"] {
            check(&permissions, action).unwrap();
        }
        permissions.begin_scenario("declined");
        check(&permissions, "dynamodb:GetItem").unwrap();
        check(&permissions, "dynamodb:PutItem").unwrap_err();
        let grants = permissions.grants();
        assert_eq!(grants.len(), 2);
        assert_eq!(grants[0].calls(), 3);
        assert_eq!(grants[0].scenarios["happy"], 2);
        assert_eq!(grants[1].calls(), 0);
        assert_eq!(permissions.denied()[0].scenario, "declined");
    }

    #[test]
    fn a_removed_grant_is_denied_from_then_on() {
        let permissions = permissions();
        check(&permissions, "dynamodb:GetItem").unwrap();
        assert!(permissions.remove_grant("PayFunctionRole", "dynamodb:GetItem", TABLE));
        assert!(!permissions.remove_grant("PayFunctionRole", "dynamodb:GetItem", TABLE));
        check(&permissions, "dynamodb:GetItem").unwrap_err();
    }

    #[test]
    fn a_function_without_a_role_may_do_nothing_and_a_foreign_state_machine_everything() {
        let permissions = permissions();
        let access = [Access::new("dynamodb:GetItem", TABLE)];
        permissions.check(Principal::Function("other"), &access).unwrap_err();
        let role = |name: &str| format!("arn:aws:iam::000000000000:role/{name}");
        let check = |role_arn: &str| permissions.check(Principal::Execution { role_arn }, &access);
        check(&role("my-own")).unwrap();
        check(&role("PayFunctionRole")).unwrap();
        let scan = [Access::new("dynamodb:Scan", TABLE)];
        let denied =
            permissions.check(Principal::Execution { role_arn: &role("PayFunctionRole") }, &scan);
        assert!(denied.unwrap_err().user.contains(":assumed-role/PayFunctionRole/"));
    }
}
