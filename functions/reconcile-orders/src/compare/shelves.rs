//! What orders hold of each SKU, read while they move.
//!
//! An order takes its goods once and gives them back once, and neither is ever
//! undone. So over all orders two sums only grow: what was ever taken, and what
//! was ever given back. Every order is read once before the shelves and once
//! after them; each sum at the moment of the shelf lies between its two readings,
//! and what was held then between `taken before − given back after` and `taken
//! after − given back before`. A shelf outside of these bounds differs for
//! certain, however busy it is; while nothing moves the bounds are one number,
//! and no difference is too small.

use std::collections::{BTreeMap, BTreeSet};

use domain::ledger::StockLevel;
use domain::{Order, Sku};

use super::difference::{Difference, Kind};

/// What of one SKU went from the shelf and back, by one reading of the orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Moved {
    taken: i128,
    given_back: i128,
}

/// One reading of all orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holdings(BTreeMap<Sku, Moved>);

impl Holdings {
    /// Counts what an order took and gave back.
    pub fn count(&mut self, order: &Order) {
        let Some(reservation) = &order.reservation else { return };
        for line in &reservation.lines {
            let moved = self.0.entry(line.sku.clone()).or_default();
            moved.taken += i128::from(line.quantity);
            if !reservation.is_held() {
                moved.given_back += i128::from(line.quantity);
            }
        }
    }

    fn of(&self, sku: &Sku) -> Moved {
        self.0.get(sku).copied().unwrap_or_default()
    }
}

/// What differs between the shelves and what orders hold of them, given a reading
/// of the orders before the shelves were read and one after.
pub fn differences(before: &Holdings, shelves: &[StockLevel], after: &Holdings) -> Vec<Difference> {
    let differing = shelves.iter().filter_map(|shelf| {
        let (before, after) = (before.of(&shelf.sku), after.of(&shelf.sku));
        difference(shelf, before, after)
    });
    differing.chain(missing(before, shelves)).collect()
}

fn difference(shelf: &StockLevel, before: Moved, after: Moved) -> Option<Difference> {
    let StockLevel { sku, available, received } = shelf;
    if *available < 0 || *received < 0 {
        let detail = format!("received {received}, available {available}");
        return Some(Difference::of_shelf(Kind::ShelfNegative, sku, detail));
    }
    let gone = i128::from(*received) - i128::from(*available);
    let (least, most) = (before.taken - after.given_back, after.taken - before.given_back);
    let held = if least == most { least.to_string() } else { format!("{least} to {most}") };
    let differs = || {
        let detail = format!("received {received}, available {available}, orders hold {held}");
        Difference::of_shelf(Kind::ShelfDiffers, sku, detail)
    };
    (gone < least || gone > most).then(differs)
}

fn missing(held: &Holdings, shelves: &[StockLevel]) -> Vec<Difference> {
    let there: BTreeSet<&Sku> = shelves.iter().map(|shelf| &shelf.sku).collect();
    let gone = held.0.keys().filter(|sku| !there.contains(sku));
    let differs = |sku| Difference::of_shelf(Kind::ShelfMissing, sku, "orders took from it");
    gone.map(differs).collect()
}
