//! Compares stock levels with what orders hold, while both change.
//!
//! An order reserves its stock once and releases it once. So two sums over all orders only
//! grow: the quantity ever reserved and the quantity ever released. Every order is read
//! once before the stock levels and once after them, so each sum at the time of the stock
//! level lies between its two reads. The quantity held at that time lies between
//! `reserved before − released after` and `reserved after − released before`. A stock level
//! outside of these bounds is wrong, however busy the SKU is. While nothing changes, the
//! bounds are equal and the smallest discrepancy is found.
//!
//! What a malformed order holds is unknown, so with one there is no upper bound: stock that is
//! missing is not reported, stock that orders hold although it was never taken still is.

use std::collections::{BTreeMap, BTreeSet};

use domain::ledger::StockLevel;
use domain::{Order, Sku};

use super::discrepancy::{Discrepancy, DiscrepancyKind};

/// The quantities of one SKU that orders ever reserved and released, by one read of the
/// orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Moved {
    reserved: i128,
    released: i128,
}

/// What all orders reserved and released, by one read of the orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holdings {
    moved: BTreeMap<Sku, Moved>,
    /// The keys of the orders that cannot be parsed. What they hold is unknown.
    malformed: BTreeSet<String>,
}

impl Holdings {
    /// Adds the reservation of an order.
    pub fn add(&mut self, order: &Order) {
        let Some(reservation) = &order.reservation else { return };
        for line in &reservation.lines {
            let moved = self.moved.entry(line.sku.clone()).or_default();
            moved.reserved += i128::from(line.quantity);
            if !reservation.is_held() {
                moved.released += i128::from(line.quantity);
            }
        }
    }

    /// Adds an order that cannot be parsed.
    pub fn add_malformed(&mut self, key: &str) {
        self.malformed.insert(key.to_owned());
    }

    /// Whether every order that this read could not parse was malformed in the earlier one too.
    pub fn lacks_no_order_of(&self, earlier: &Self) -> bool {
        self.malformed.is_subset(&earlier.malformed)
    }

    fn of(&self, sku: &Sku) -> Moved {
        self.moved.get(sku).copied().unwrap_or_default()
    }
}

/// Compares stock levels with a read of the orders before them and one after them.
pub fn discrepancies(
    before: &Holdings,
    levels: &[StockLevel],
    after: &Holdings,
) -> Vec<Discrepancy> {
    let wrong = levels.iter().filter_map(|level| {
        let is_all_known = before.malformed.is_empty();
        let (before, after) = (before.of(&level.sku), after.of(&level.sku));
        discrepancy(level, before, after, is_all_known)
    });
    wrong.chain(missing(before, levels)).collect()
}

fn discrepancy(
    level: &StockLevel,
    before: Moved,
    after: Moved,
    is_all_known: bool,
) -> Option<Discrepancy> {
    let StockLevel { sku, available, received } = level;
    if *available < 0 || *received < 0 {
        let detail = format!("received {received}, available {available}");
        return Some(Discrepancy::of_sku(DiscrepancyKind::StockLevelNegative, sku, detail));
    }
    let taken = i128::from(*received) - i128::from(*available);
    let (min, max) = (before.reserved - after.released, after.reserved - before.released);
    let held = if min == max { min.to_string() } else { format!("{min} to {max}") };
    let mismatch = || {
        let detail = format!("received {received}, available {available}, orders hold {held}");
        Discrepancy::of_sku(DiscrepancyKind::StockLevelMismatch, sku, detail)
    };
    // A malformed order may hold what is taken beyond the maximum.
    (taken < min || (taken > max && is_all_known)).then(mismatch)
}

fn missing(held: &Holdings, levels: &[StockLevel]) -> Vec<Discrepancy> {
    let known: BTreeSet<&Sku> = levels.iter().map(|level| &level.sku).collect();
    let missing = held.moved.keys().filter(|sku| !known.contains(sku));
    let kind = DiscrepancyKind::StockLevelMissing;
    missing.map(|sku| Discrepancy::of_sku(kind, sku, "orders reserved from it")).collect()
}
