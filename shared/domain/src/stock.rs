//! The stock of an order: its reservation, and its shortages.
//!
//! For each SKU, `received` = `available` + Σ reservations that are not released: a
//! reservation on the order is the other half of what left `available`.

use serde::{Deserialize, Serialize};

use crate::{Quantity, Sku, Timestamp};

/// A reservation of every line of an order, made in one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// The quantity of each SKU, each SKU once.
    pub lines: Vec<ReservedLine>,
    /// When it was made.
    pub at: Timestamp,
    /// When it was released. A released reservation is never made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
}

impl Reservation {
    /// Whether it is not released.
    pub const fn is_held(&self) -> bool {
        self.released_at.is_none()
    }
}

/// The reserved quantity of one SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservedLine {
    /// The SKU.
    pub sku: Sku,
    /// The sum over all lines of the order with this SKU: at most 50 × 999.
    pub quantity: u32,
}

/// A SKU that is short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// The SKU.
    pub sku: Sku,
    /// The quantity that the order needs.
    pub requested: u32,
    /// The quantity that is available.
    pub available: u64,
}

/// Sums the quantities of each SKU, in the order of the first line that names it.
pub fn sum_by_sku<'a>(lines: impl IntoIterator<Item = (&'a Sku, Quantity)>) -> Vec<ReservedLine> {
    let mut sums: Vec<ReservedLine> = Vec::new();
    for (sku, quantity) in lines {
        match sums.iter_mut().find(|line| line.sku == *sku) {
            Some(line) => line.quantity += quantity.get(),
            None => sums.push(ReservedLine { sku: sku.clone(), quantity: quantity.get() }),
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_the_same_sku_are_added_up() {
        let (mug, tee) = (Sku::parse("MUG").unwrap(), Sku::parse("TEE").unwrap());
        let of = |n: u32| Quantity::try_from(n).unwrap();
        let sums = sum_by_sku([(&mug, of(2)), (&tee, of(1)), (&mug, of(3))]);
        let seen: Vec<_> = sums.iter().map(|l| (l.sku.as_str(), l.quantity)).collect();
        assert_eq!(seen, [("MUG", 5), ("TEE", 1)]);
    }
}
