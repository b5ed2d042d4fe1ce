//! The caller of a request and the caller's permissions, from the claims of a token
//! that API Gateway's authorizer has verified.
//!
//! A token's scopes are the caller's permissions, with one exception. Cognito grants
//! scopes to a client and not to a user: every user who signs in through the web page gets
//! every scope that the page asks for. So in a token of Cognito, the scopes of an operator
//! count only if the user is a member of the group [`OPERATORS`].

use std::collections::BTreeSet;
use std::fmt::Write as _;

use domain::order::Permissions;
use domain::{CustomerId, Order};
use serde_json::Value;

use crate::event::{Jwt, Request};
use crate::problem::{Problem, ProblemKind};

/// A permission that a token can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
pub(crate) enum Scope {
    /// Read the caller's own orders.
    #[strum(serialize = "orders/read")]
    OrdersRead,
    /// Place and cancel the caller's own orders.
    #[strum(serialize = "orders/write")]
    OrdersWrite,
    /// Read every order, decide about it, and cancel it for its customer.
    #[strum(serialize = "orders/operate")]
    OrdersOperate,
    /// Write the catalog and the stock.
    #[strum(serialize = "inventory/write")]
    InventoryWrite,
}

/// The Cognito group whose members are operators.
const OPERATORS: &str = "operators";

impl Scope {
    /// The scopes that only operators have.
    const OF_OPERATORS: [Self; 2] = [Self::OrdersOperate, Self::InventoryWrite];

    /// The name in the token.
    pub(crate) fn name(self) -> &'static str {
        self.into()
    }
}

/// The caller of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The `sub` claim of the token.
    pub(crate) id: CustomerId,
    scopes: BTreeSet<String>,
}

impl Caller {
    /// The caller of this request.
    ///
    /// # Errors
    /// The request has no token, or the token has no usable subject.
    pub(crate) fn authenticate(request: &Request) -> Result<Self, Problem> {
        let unauthenticated = || Problem {
            headers: vec![("www-authenticate", "Bearer".to_owned())],
            ..Problem::new(ProblemKind::Unauthenticated, "send a bearer token")
        };
        let jwt = request.jwt.as_ref().ok_or_else(unauthenticated)?;
        let claim = |name: &str| jwt.claims.get(name).and_then(|claim| claim.as_str());
        let id =
            claim("sub").and_then(|sub| CustomerId::parse(sub).ok()).ok_or_else(unauthenticated)?;
        let from_route = jwt.scopes.iter().flatten().cloned();
        let from_claim = claim("scope").into_iter().flat_map(str::split_whitespace);
        let mut scopes: BTreeSet<_> = from_route.chain(from_claim.map(str::to_owned)).collect();
        if is_of_cognito(jwt) && !groups(jwt).contains(&OPERATORS) {
            scopes.retain(|scope| !Scope::OF_OPERATORS.iter().any(|of| of.name() == scope));
        }
        Ok(Self { id, scopes })
    }

    /// The caller of this request, whose token must have one of these scopes.
    ///
    /// # Errors
    /// The caller is unknown, or the token has none of the scopes.
    pub(crate) fn authorize(request: &Request, any_of: &[Scope]) -> Result<Self, Problem> {
        let caller = Self::authenticate(request)?;
        if any_of.iter().any(|scope| caller.has(*scope)) {
            return Ok(caller);
        }
        let names: Vec<_> = any_of.iter().map(|scope| scope.name()).collect();
        let mut detail = format!("this operation requires the scope {}", names.join(" or "));
        let is_for_operators = any_of.iter().any(|scope| Scope::OF_OPERATORS.contains(scope));
        if is_for_operators && request.jwt.as_ref().is_some_and(is_of_cognito) {
            // Writing to a String cannot fail.
            let _ = write!(detail, ", and {OPERATORS} must be a group of the user");
        }
        Err(Problem::new(ProblemKind::Forbidden, detail))
    }

    /// Whether the token has this scope.
    pub(crate) fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(scope.name())
    }

    /// What the caller may do with the orders that the caller may see.
    pub(crate) fn permissions(&self) -> Permissions {
        Permissions {
            cancel: self.has(Scope::OrdersWrite) || self.has(Scope::OrdersOperate),
            operate: self.has(Scope::OrdersOperate),
        }
    }

    /// Whether the caller may know that this order exists.
    pub(crate) fn may_see(&self, order: &Order) -> bool {
        order.customer_id == self.id || self.has(Scope::OrdersOperate)
    }
}

/// Whether Cognito issued the token: its issuer is `https://cognito-idp.REGION.…/POOL`, and
/// only its tokens have the claim `token_use`.
fn is_of_cognito(jwt: &Jwt) -> bool {
    let issuer = jwt.claims.get("iss").and_then(|issuer| issuer.as_str()).unwrap_or_default();
    let host = issuer.strip_prefix("https://").unwrap_or(issuer);
    host.starts_with("cognito-idp.") || jwt.claims.contains_key("token_use")
}

/// The groups of Cognito that the user is a member of. API Gateway makes text of a claim
/// that is a list: `[customers operators]`.
fn groups(jwt: &Jwt) -> Vec<&str> {
    match jwt.claims.get("cognito:groups") {
        Some(Value::Array(groups)) => groups.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) => {
            let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
            inside.unwrap_or(text).split_whitespace().collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(claims: Value) -> Jwt {
        let Value::Object(claims) = claims else { panic!("not an object") };
        Jwt { claims, scopes: None }
    }

    #[test]
    fn a_token_of_cognito_is_known_by_its_issuer_or_by_its_use() {
        let check = |claims, expected| assert_eq!(is_of_cognito(&token(claims)), expected);
        check(json!({"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A"}), true);
        check(json!({"iss": "https://login.shop.example", "token_use": "access"}), true);
        check(json!({"iss": "https://login.shop.example/cognito-idp."}), false);
        check(json!({}), false);
    }

    #[test]
    fn the_groups_are_a_list_or_the_text_that_api_gateway_makes_of_it() {
        let check = |claim: Value, expected: &[&str]| {
            let token = token(json!({"cognito:groups": claim}));
            assert_eq!(groups(&token), expected, "{claim}");
        };
        check(json!("[customers operators]"), &["customers", "operators"]);
        check(json!("[operators]"), &["operators"]);
        check(json!("operators"), &["operators"]);
        check(json!(["operators"]), &["operators"]);
        check(json!("[no-operators]"), &["no-operators"]);
        check(json!("[]"), &[]);
        check(Value::Null, &[]);
    }
}
