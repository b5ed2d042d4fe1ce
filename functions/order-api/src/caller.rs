//! The caller of a request and the caller's permissions, from the claims of a token
//! that API Gateway's authorizer has verified.

use std::collections::BTreeSet;

use domain::order::Permissions;
use domain::{CustomerId, Order};

use crate::event::Request;
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

impl Scope {
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
        Ok(Self { id, scopes: from_route.chain(from_claim.map(str::to_owned)).collect() })
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
        let detail = format!("this operation requires the scope {}", names.join(" or "));
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
