//! What the ledger records: the history of each shipment, and totals of labels.

use std::ops::AddAssign;

use jiff::Timestamp;
use serde::Serialize;

/// Labels, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelTotals {
    /// Bought, ever.
    pub labels: u64,
    /// Refunded, or submitted for it.
    pub label_refunds: u64,
}

impl AddAssign for LabelTotals {
    fn add_assign(&mut self, other: Self) {
        self.labels += other.labels;
        self.label_refunds += other.label_refunds;
    }
}

impl LabelTotals {
    /// Labels that a parcel could travel with: bought, and not on their way back.
    pub const fn live(&self) -> u64 {
        self.labels - self.label_refunds
    }
}

/// One thing that happened to a shipment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// When, on the given clock.
    pub at: Timestamp,
    /// What: `created`, `bought`, `refund_submitted`, `refunded`, `refund_rejected`, or the
    /// tracker's status.
    pub what: String,
}
