//! The history of an intent or refund, and totals of money.

use std::ops::AddAssign;

use jiff::Timestamp;
use serde::Serialize;

/// Cumulative amounts, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PaymentTotals {
    /// Ever authorized.
    pub authorized: i64,
    /// Ever captured.
    pub captured: i64,
    /// Authorized, then released without capture.
    pub voided: i64,
    /// Refunded, or pending.
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
    /// The amount still held: authorized, neither captured nor voided.
    pub const fn held(&self) -> i64 {
        self.authorized - self.captured - self.voided
    }

    /// The amount the shop keeps: captured and not refunded.
    pub const fn net(&self) -> i64 {
        self.captured - self.refunded
    }
}

/// One event in the life of an intent or refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// When it happened.
    pub at: Timestamp,
    /// `created`, `authorized`, `declined`, `captured`, `voided`, `lapsed`, …
    #[serde(rename = "what")]
    pub event: &'static str,
    /// The amount that moved, in minor units; 0 if none.
    pub amount: i64,
    /// The idempotency key of the call; `None` for scheduled changes and control actions.
    #[serde(rename = "key")]
    pub idempotency_key: Option<String>,
}
