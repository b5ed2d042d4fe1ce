//! What the ledger records: the history of each object, and totals of money.

use std::ops::AddAssign;

use jiff::Timestamp;
use serde::Serialize;

/// Cumulative money, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PaymentTotals {
    /// Held on cards, ever.
    pub authorized: i64,
    /// Taken from cards, ever.
    pub captured: i64,
    /// Held and given back without being taken.
    pub voided: i64,
    /// Taken and given back, or on its way back.
    pub refunded: i64,
}

impl AddAssign for PaymentTotals {
    fn add_assign(&mut self, other: Self) {
        self.authorized += other.authorized;
        self.captured += other.captured;
        self.voided += other.voided;
        self.refunded += other.refunded;
    }
}

impl PaymentTotals {
    /// What is still held: authorised, neither captured nor voided.
    pub const fn held(&self) -> i64 {
        self.authorized - self.captured - self.voided
    }

    /// What the shop has in the end: captured and not refunded.
    pub const fn net(&self) -> i64 {
        self.captured - self.refunded
    }
}

/// One thing that happened to an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// When, on the given clock.
    pub at: Timestamp,
    /// What: `created`, `authorized`, `declined`, `captured`, `voided`, `lapsed`, …
    pub what: &'static str,
    /// The money that moved, in minor units; 0 where none did.
    pub amount: i64,
    /// The idempotency key of the call that did it; none for what happened by itself.
    pub key: Option<String>,
}
