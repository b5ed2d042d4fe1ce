//! One order in the providers' ledgers.

use serde::{Deserialize, Serialize};

/// The totals of both providers' ledgers for one order, over its whole life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Ledger {
    /// Authorized on the card, in minor units.
    pub authorized: i64,
    /// Captured from the card, in minor units.
    pub captured: i64,
    /// Authorized and released without a capture, in minor units.
    pub voided: i64,
    /// Captured and refunded, in minor units.
    pub refunded: i64,
    /// Labels bought.
    pub labels: u64,
    /// Labels refunded, or submitted for a refund.
    pub label_refunds: u64,
}
