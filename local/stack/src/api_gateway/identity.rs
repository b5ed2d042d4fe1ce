//! Who asks: development tokens in place of a JWT authorizer's.

use serde_json::{Value, json};

use crate::template::TemplateRoute;

/// A caller with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    sub: String,
    scopes: Vec<String>,
}

/// Why a request does not reach its function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AuthorizationError {
    /// There is no token, or it is none of ours.
    MissingToken,
    /// It has none of these scopes.
    InsufficientScope(String),
}

impl Identity {
    /// The caller, as the route's authorizer lets it through; none on a public route.
    pub(super) fn of(
        authorization: &str,
        route: &TemplateRoute,
    ) -> Result<Option<Self>, AuthorizationError> {
        if !route.requires_token {
            return Ok(None);
        }
        let identity = Self::parse(authorization).ok_or(AuthorizationError::MissingToken)?;
        let suffices = |needed: &String| identity.scopes.contains(needed);
        if route.scopes.is_empty() || route.scopes.iter().any(suffices) {
            Ok(Some(identity))
        } else {
            Err(AuthorizationError::InsufficientScope(route.scopes.join(" ")))
        }
    }

    /// `Bearer dev:<sub>:<scope,scope>`; a `sub` has no colon, a scope may have one.
    fn parse(authorization: &str) -> Option<Self> {
        let (scheme, token) = authorization.split_once(' ')?;
        let (sub, scopes) = token.trim().strip_prefix("dev:")?.split_once(':')?;
        if !scheme.eq_ignore_ascii_case("bearer") || sub.is_empty() {
            return None;
        }
        let scopes = scopes.split(',').filter(|scope| !scope.is_empty()).map(str::to_owned);
        Some(Self { sub: sub.to_owned(), scopes: scopes.collect() })
    }

    /// The event's `requestContext.authorizer`. All claims are texts there, as API
    /// Gateway makes them.
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
    fn a_token_names_its_subject_and_its_scopes() {
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
    fn a_route_lets_through_whom_its_authorizer_would() {
        fn check(
            authorization: &str,
            route: &TemplateRoute,
            expected: &Result<bool, AuthorizationError>,
        ) {
            let let_through = Identity::of(authorization, route).map(|identity| identity.is_some());
            assert_eq!(&let_through, expected, "{authorization}");
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
