//! The history of a shipment, and totals of labels.

use std::ops::AddAssign;

use jiff::Timestamp;
use serde::Serialize;

/// Counts of labels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelTotals {
    /// Labels ever bought.
    pub labels: u64,
    /// Labels refunded, submitted for a refund, or not charged.
    pub label_refunds: u64,
}

impl AddAssign for LabelTotals {
    fn add_assign(&mut self, other: Self) {
        self.labels += other.labels;
        self.label_refunds += other.label_refunds;
    }
}

impl LabelTotals {
    /// Labels that are still valid: bought and not refunded.
    pub const fn live(&self) -> u64 {
        self.labels - self.label_refunds
    }
}

/// One event in the life of a shipment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// When it happened.
    pub at: Timestamp,
    /// `created`, `rerated`, `bought`, `refund_submitted`, `refunded`, `refund_rejected`,
    /// `refund_not_applicable`, or a tracking status.
    #[serde(rename = "what")]
    pub event: String,
}
