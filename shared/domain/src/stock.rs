//! The stock of an order: what was taken from the shelves, and what was short.

use serde::{Deserialize, Serialize};

use crate::{Quantity, Sku, Timestamp};

/// What an order took from the shelves: all of its lines, in one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// How many of each SKU, each SKU once.
    pub lines: Vec<ReservedLine>,
    /// When.
    pub at: Timestamp,
    /// When it was given back. A released reservation is never made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
}

impl Reservation {
    /// Whether the goods are still set aside.
    pub const fn is_held(&self) -> bool {
        self.released_at.is_none()
    }
}

/// How many of one SKU were set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservedLine {
    /// What.
    pub sku: Sku,
    /// How many: the sum over all lines of the order with this SKU, at most 50 × 999.
    pub quantity: u32,
}

/// A SKU of which there was not enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// What.
    pub sku: Sku,
    /// How many the order asks for.
    pub requested: u32,
    /// How many there are.
    pub available: u64,
}

/// How many of each SKU, each once, in the order of the first line that names it.
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
    fn lines_of_one_sku_are_taken_as_one() {
        let (mug, tee) = (Sku::parse("MUG").unwrap(), Sku::parse("TEE").unwrap());
        let of = |n: u32| Quantity::try_from(n).unwrap();
        let sums = sum_by_sku([(&mug, of(2)), (&tee, of(1)), (&mug, of(3))]);
        let seen: Vec<_> = sums.iter().map(|l| (l.sku.as_str(), l.quantity)).collect();
        assert_eq!(seen, [("MUG", 5), ("TEE", 1)]);
    }
}
