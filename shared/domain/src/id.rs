//! Identifiers. Each is parsed once, strictly, and trusted from then on.
//!
//! The id of an order is derived from its request ([`OrderId::for_request`]), so that a
//! repeated request finds its order. An execution is named after its order, with `-r1`,
//! `-r2`, … for a restart.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text breaks the rule of this kind of identifier, which the message states.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidId(&'static str);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Parses the text, which ", $rule, ".\n\n# Errors\n[`InvalidId`] states the rule.")]
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidId($rule)) }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn printable(text: &str, max_length: usize) -> bool {
    (1..=max_length).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// An id that a provider chose. Its crate knows its format; here it must only be safe as
/// a part of a URL's path.
fn opaque(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

id!(
    /// An order: `ord_` and 32 hexadecimal digits. Its first execution has the same name.
    OrderId,
    "must be `ord_` and 32 lower-case hexadecimal digits",
    |text| text.strip_prefix("ord_").is_some_and(|hex| {
        hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
);
id!(
    /// A stock-keeping unit: the id of a product.
    Sku,
    "must be 1 to 64 letters, digits, dots, hyphens or underscores, not starting with a dot",
    // A SKU is a part of a URL's path, where `..` means the parent.
    |text| (1..=64).contains(&text.len())
        && !text.starts_with('.')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
);
id!(
    /// The customer: the `sub` of their token.
    CustomerId,
    "must be 1 to 255 printable characters without spaces",
    |text| printable(text, 255)
);
id!(
    /// The name of an execution of the state machine, of at most 80 characters.
    ExecutionName,
    "must be 1 to 80 printable characters without spaces",
    |text| printable(text, 80)
);
id!(
    /// A task token of Step Functions, of at most 2,048 characters.
    TaskToken,
    "must be 1 to 2048 printable characters without spaces",
    |text| printable(text, 2048)
);
id!(
    /// A payment intent of the payment provider. Opaque.
    PaymentIntentId,
    "must be 1 to 255 letters, digits, hyphens or underscores",
    opaque
);
id!(
    /// A shipment of the shipping provider. Opaque.
    ShipmentId,
    "must be 1 to 255 letters, digits, hyphens or underscores",
    opaque
);
id!(
    /// A rate that the shipping provider offered. Opaque.
    RateId,
    "must be 1 to 255 letters, digits, hyphens or underscores",
    opaque
);

/// The namespace of the order ids. A change would give new ids to known requests.
const ORDERS: Uuid = Uuid::from_u128(0x6f1d_1c3a_6f0e_5a53_9f0b_35f4_1c2d_7a10);

impl OrderId {
    /// The id of the order that a customer places under an idempotency key.
    ///
    /// A UUID of version 5 over both, each prefixed with its length, so that different
    /// pairs never make the same text.
    pub fn for_request(customer: &CustomerId, idempotency_key: &str) -> Self {
        let name =
            format!("{}:{customer}{}:{idempotency_key}", customer.0.len(), idempotency_key.len());
        Self(format!("ord_{}", Uuid::new_v5(&ORDERS, name.as_bytes()).simple()))
    }

    /// The name of the first execution of this order.
    pub fn initial_execution(&self) -> ExecutionName {
        ExecutionName(self.0.clone())
    }

    /// The name of the execution of the `n`th restart; 0 is the first execution.
    pub fn restart_execution(&self, n: u32) -> ExecutionName {
        if n == 0 { self.initial_execution() } else { ExecutionName(format!("{}-r{n}", self.0)) }
    }

    /// The order of an execution and the number of its restart; none for a name that is
    /// not that of an order's execution.
    pub fn from_execution_name(name: &ExecutionName) -> Option<(Self, u32)> {
        let (id, n) = match name.0.split_once("-r") {
            Some((id, n)) => (id, n.parse().ok().filter(|n| *n > 0)?),
            None => (name.0.as_str(), 0),
        };
        let id = Self::parse(id).ok()?;
        // Only the canonical form counts: `-r01` is not ours.
        (id.restart_execution(n) == *name).then_some((id, n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(name: &str) -> CustomerId {
        CustomerId::parse(name).unwrap()
    }

    #[test]
    fn equal_requests_share_an_order_id_and_different_requests_do_not() {
        let id = OrderId::for_request(&customer("ada"), "key-1");
        assert_eq!(id, OrderId::for_request(&customer("ada"), "key-1"));
        assert_ne!(id, OrderId::for_request(&customer("ada"), "key-2"));
        assert_ne!(id, OrderId::for_request(&customer("bob"), "key-1"));
        // Where the customer ends and the key begins is a part of the name.
        assert_ne!(
            OrderId::for_request(&customer("ab"), "c"),
            OrderId::for_request(&customer("a"), "bc")
        );
        assert_eq!(OrderId::parse(id.as_str()), Ok(id));
    }

    #[test]
    fn ids_are_parsed_strictly() {
        for bad in ["", "ord_", "ord_XYZ", "ord_00000000000000000000000000000000x", "pi_1"] {
            assert!(OrderId::parse(bad).is_err(), "{bad}");
        }
        for bad in ["", "a b", "a#b", "a/b", ".", "..", ".a", &"x".repeat(65)] {
            assert!(Sku::parse(bad).is_err(), "{bad}");
        }
        assert!(Sku::parse("MUG-01.blue_L").is_ok());
        for bad in ["", "1/../cancel", "a.b", "a b", "a#", &"x".repeat(256)] {
            assert!(PaymentIntentId::parse(bad).is_err(), "{bad}");
            assert!(ShipmentId::parse(bad).is_err(), "{bad}");
            assert!(RateId::parse(bad).is_err(), "{bad}");
        }
        assert!(PaymentIntentId::parse("x".repeat(255)).is_ok());
        assert!(serde_json::from_str::<OrderId>("\"ord_1\"").is_err());
    }

    #[test]
    fn a_restart_has_another_execution_name() {
        let id = OrderId::for_request(&customer("ada"), "k");
        assert_ne!(id.restart_execution(1), id.initial_execution());
        assert!(ExecutionName::parse(id.restart_execution(3).as_str()).is_ok());
    }

    #[test]
    fn an_execution_name_leads_back_to_its_order() {
        let id = OrderId::for_request(&customer("ada"), "k");
        for n in [0, 1, 3, 12] {
            assert_eq!(
                OrderId::from_execution_name(&id.restart_execution(n)),
                Some((id.clone(), n))
            );
        }
        for other in ["r0", "r01", "r", "r-1", "r+1", "rx", "1", "r4294967296"] {
            let name = ExecutionName::parse(format!("{id}-{other}")).unwrap();
            assert_eq!(OrderId::from_execution_name(&name), None, "{other}");
        }
        let foreign = ExecutionName::parse("nightly-r1").unwrap();
        assert_eq!(OrderId::from_execution_name(&foreign), None);
    }
}
