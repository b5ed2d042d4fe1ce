//! A role: its policies, and the decision on an access.

use super::access::Access;
use super::policy::{Grant, Policies};

/// A role of the template.
#[derive(Debug, Clone)]
pub struct Role {
    /// The name, such as `ProcessPaymentFunctionRole`.
    pub name: String,
    /// Its statements.
    pub policies: Policies,
}

/// The decision of IAM on an access.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// The first grant that covers the access.
    Allowed(&'a Grant),
    /// A `Deny` statement covers it.
    ExplicitlyDenied,
    /// No statement covers it.
    NotAllowed,
}

impl Role {
    /// Decides. An explicit denial wins over every grant.
    pub fn decide(&self, access: &Access) -> Decision<'_> {
        let Policies { allowed, denied } = &self.policies;
        if denied.iter().any(|grant| grant.covers(access)) {
            return Decision::ExplicitlyDenied;
        }
        let grant = allowed.iter().find(|grant| grant.covers(access));
        grant.map_or(Decision::NotAllowed, Decision::Allowed)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn role(statements: &Value) -> Role {
        let document = json!({ "Version": "2012-10-17", "Statement": statements });
        Role { name: "R".to_owned(), policies: Policies::parse([&document]).unwrap() }
    }

    #[test]
    fn what_no_statement_covers_is_not_allowed() {
        let role = role(&json!([{ "Effect": "Allow", "Action": "a:X", "Resource": "r" }]));
        let decide = |action, resource| match role.decide(&Access::new(action, resource)) {
            Decision::Allowed(grant) => Some(grant.action.clone()),
            _ => None,
        };
        assert_eq!(decide("a:X", "r"), Some("a:X".to_owned()));
        assert_eq!(decide("a:X", "s"), None);
        assert_eq!(decide("a:Y", "r"), None);
    }

    #[test]
    fn an_explicit_denial_wins_over_every_grant_in_any_order() {
        let allow = json!({ "Effect": "Allow", "Action": "a:*", "Resource": "*" });
        let deny = json!({ "Effect": "Deny", "Action": "a:X", "Resource": "r" });
        for statements in [json!([allow, deny]), json!([deny, allow])] {
            let role = role(&statements);
            assert_eq!(role.decide(&Access::new("a:X", "r")), Decision::ExplicitlyDenied);
            assert!(matches!(role.decide(&Access::new("a:X", "s")), Decision::Allowed(_)));
        }
    }

    #[test]
    fn of_two_grants_that_cover_an_access_the_first_counts() {
        let role = role(&json!([
            { "Effect": "Allow", "Action": "a:*", "Resource": "*" },
            { "Effect": "Allow", "Action": "a:X", "Resource": "r" },
        ]));
        let Decision::Allowed(grant) = role.decide(&Access::new("a:X", "r")) else { panic!() };
        assert_eq!(grant.action, "a:*");
    }
}
