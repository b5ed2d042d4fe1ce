//! The caller of a request: development tokens in place of a JWT authorizer.

use serde_json::{Value, json};

use crate::template::TemplateRoute;

/// A caller with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    sub: String,
    scopes: Vec<String>,
}

/// Why a request is not authorized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AuthorizationError {
    /// The token is missing or invalid.
    MissingToken,
    /// The token has none of these scopes.
    InsufficientScope(String),
}

impl Identity {
    /// Authorizes a request for a route. Returns `None` on a public route.
    pub(super) fn authorize(
        authorization: &str,
        route: &TemplateRoute,
    ) -> Result<Option<Self>, AuthorizationError> {
        if !route.requires_token {
            return Ok(None);
        }
        let identity = Self::parse(authorization).ok_or(AuthorizationError::MissingToken)?;
        let has_scope = |scope: &String| identity.scopes.contains(scope);
        if route.scopes.is_empty() || route.scopes.iter().any(has_scope) {
            Ok(Some(identity))
        } else {
            Err(AuthorizationError::InsufficientScope(route.scopes.join(" ")))
        }
    }

    /// The caller's id.
    pub(super) fn sub(&self) -> &str {
        &self.sub
    }

    /// Parses `Bearer dev:<sub>:<scope,scope>`. A scope may contain a colon, a `sub` not.
    fn parse(authorization: &str) -> Option<Self> {
        let (scheme, token) = authorization.split_once(' ')?;
        let (sub, scopes) = token.trim().strip_prefix("dev:")?.split_once(':')?;
        if !scheme.eq_ignore_ascii_case("bearer") || sub.is_empty() {
            return None;
        }
        let scopes = scopes.split(',').filter(|scope| !scope.is_empty()).map(str::to_owned);
        Some(Self { sub: sub.to_owned(), scopes: scopes.collect() })
    }

    /// The event's `requestContext.authorizer`. As in API Gateway, all claims are strings.
    pub(super) fn authorizer(&self) -> Value {
        json!({ "jwt": {
            "claims": {
                "aud": "local",
                "iss": "https://issuer.local",
                "scope": self.scopes.join(" "),
                "sub": self.sub,
            },
            "scopes": self.scopes,
        } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(requires_token: bool, scopes: &[&str]) -> TemplateRoute {
        TemplateRoute {
            function: "f".to_owned(),
            method: "GET".to_owned(),
            path: "/".to_owned(),
            requires_token,
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        }
    }

    #[test]
    fn a_token_contains_its_subject_and_its_scopes() {
        fn check(authorization: &str, expected: Option<(&str, &[&str])>) {
            let identity = Identity::parse(authorization);
            let seen = identity.as_ref().map(|found| {
                (found.sub.as_str(), found.scopes.iter().map(String::as_str).collect::<Vec<_>>())
            });
            assert_eq!(
                seen,
                expected.map(|(sub, scopes)| (sub, scopes.to_vec())),
                "{authorization}"
            );
        }
        let both: &[&str] = &["orders/read", "orders/write"];
        check("Bearer dev:alice:orders/read,orders/write", Some(("alice", both)));
        check("bearer dev:alice:", Some(("alice", &[])));
        check("Bearer dev:alice", None);
        check("Bearer dev::orders/read", None);
        check("Bearer eyJhbGciOi", None);
        check("Basic dev:alice:orders/read", None);
        check("", None);
    }

    #[test]
    fn a_route_accepts_the_callers_that_its_authorizer_accepts() {
        fn check(
            authorization: &str,
            route: &TemplateRoute,
            expected: &Result<bool, AuthorizationError>,
        ) {
            let authorized =
                Identity::authorize(authorization, route).map(|identity| identity.is_some());
            assert_eq!(&authorized, expected, "{authorization}");
        }
        let token = "Bearer dev:alice:orders/read";
        check("", &route(false, &[]), &Ok(false));
        check("", &route(true, &[]), &Err(AuthorizationError::MissingToken));
        check("Bearer x", &route(true, &[]), &Err(AuthorizationError::MissingToken));
        check(token, &route(true, &[]), &Ok(true));
        check(token, &route(true, &["orders/operate", "orders/read"]), &Ok(true));
        let operate = AuthorizationError::InsufficientScope("orders/operate".to_owned());
        check(token, &route(true, &["orders/operate"]), &Err(operate));
    }
}
