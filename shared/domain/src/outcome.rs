//! The ways an order ends without being fulfilled.

use serde::{Deserialize, Serialize};

use crate::Status;

/// How an order ends that is not fulfilled. Compensation decides it once.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::VariantArray,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// The customer canceled the order.
    Cancelled,
    /// An operator rejected the order, or its review expired.
    Rejected,
    /// The goods are out of stock.
    OutOfStock,
    /// The payment failed.
    PaymentFailed,
    /// The stock could not be reserved for a technical reason.
    InventoryFailed,
    /// The label could not be bought.
    ShippingFailed,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The status that closes the order.
    pub const fn status(self) -> Status {
        match self {
            Self::Cancelled => Status::Cancelled,
            Self::Rejected => Status::Rejected,
            Self::OutOfStock => Status::OutOfStock,
            Self::PaymentFailed => Status::PaymentFailed,
            Self::InventoryFailed => Status::InventoryFailed,
            Self::ShippingFailed => Status::ShippingFailed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_closes_the_order_under_its_own_name() {
        for outcome in Outcome::ALL {
            assert!(outcome.status().is_closed(), "{outcome}");
            assert_eq!(outcome.to_string(), outcome.status().as_str());
        }
        let closed = Status::ALL.iter().filter(|status| status.is_closed()).count();
        assert_eq!(closed, Outcome::ALL.len() + 1, "every closed status but FULFILLED");
    }
}
