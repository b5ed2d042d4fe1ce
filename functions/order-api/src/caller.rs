//! Who is asking, and what they may do: by the claims of a token that the
//! gateway's authoriser has checked.

use std::collections::BTreeSet;

use domain::{CustomerId, Order};

use crate::event::Request;
use crate::problem::{Kind, Problem};

/// What a token may allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// To see one's own orders.
    OrdersRead,
    /// To place and to cancel one's own orders.
    OrdersWrite,
    /// To see every order and to decide about it.
    OrdersOperate,
    /// To write the catalogue and the stock.
    InventoryWrite,
}

impl Scope {
    /// The name in the token.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OrdersRead => "orders/read",
            Self::OrdersWrite => "orders/write",
            Self::OrdersOperate => "orders/operate",
            Self::InventoryWrite => "inventory/write",
        }
    }
}

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The `sub` of the token.
    pub id: CustomerId,
    scopes: BTreeSet<String>,
}

impl Caller {
    /// Who sent this request.
    pub fn of(request: &Request) -> Result<Self, Problem> {
        let nobody = || Problem {
            headers: vec![("www-authenticate", "Bearer".to_owned())],
            ..Problem::new(Kind::Unauthenticated, "send a bearer token")
        };
        let jwt = request.jwt.as_ref().ok_or_else(nobody)?;
        let claim = |name: &str| jwt.claims.get(name).and_then(|claim| claim.as_str());
        let id = claim("sub").and_then(|sub| CustomerId::parse(sub).ok()).ok_or_else(nobody)?;
        let listed = jwt.scopes.iter().flatten().cloned();
        let claimed = claim("scope").into_iter().flat_map(str::split_whitespace);
        Ok(Self { id, scopes: listed.chain(claimed.map(str::to_owned)).collect() })
    }

    /// Who sent this request, if their token has one of these scopes.
    pub fn with(request: &Request, any_of: &[Scope]) -> Result<Self, Problem> {
        let caller = Self::of(request)?;
        if any_of.iter().any(|scope| caller.has(*scope)) {
            return Ok(caller);
        }
        let names: Vec<_> = any_of.iter().map(|scope| scope.name()).collect();
        Err(Problem::new(Kind::Forbidden, format!("this takes the scope {}", names.join(" or "))))
    }

    /// Whether the token has this scope.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(scope.name())
    }

    /// Whether they may know that this order exists.
    pub fn may_see(&self, order: &Order) -> bool {
        order.customer_id == self.id || self.has(Scope::OrdersOperate)
    }
}
