//! The result of a reconciliation: as JSON for the caller, as log lines and metrics for
//! operations.

use aws::metrics::Metric;
use serde::Serialize;

use super::discrepancy::Discrepancy;

/// How many entries were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Orders.
    pub orders: usize,
    /// Orders at rest: only these are compared.
    #[serde(rename = "settled")]
    pub at_rest: usize,
    /// Payment intents.
    pub intents: usize,
    /// Shipments with a bought label.
    pub shipments: usize,
    /// Stock levels.
    pub skus: usize,
    /// Intents and labels that name no order, so they are not of this product.
    pub foreign: usize,
}

/// Which ledgers were read completely. In the others, a missing entry may just not have
/// been read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "one flag for each ledger")]
pub struct Coverage {
    /// The payment provider's intents.
    #[serde(rename = "gateway")]
    pub payment_provider: bool,
    /// The shipping provider's labels.
    #[serde(rename = "carrier")]
    pub shipping_provider: bool,
    /// The orders.
    pub orders: bool,
    /// The stock levels, compared with all orders.
    pub stock: bool,
    /// The suspects: each was verified.
    #[serde(rename = "doubts")]
    pub suspects: bool,
}

impl Coverage {
    const fn is_complete(self) -> bool {
        self.payment_provider
            && self.shipping_provider
            && self.orders
            && self.stock
            && self.suspects
    }
}

/// The result of a reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The discrepancies, sorted.
    #[serde(rename = "differences")]
    pub discrepancies: Vec<Discrepancy>,
    /// How many entries were read.
    #[serde(rename = "compared")]
    pub counts: Counts,
    /// Whether every ledger was read completely and every suspect verified. If not, the
    /// reported discrepancies are true all the same, but there may be more.
    pub complete: bool,
    /// Which ledgers were read completely.
    #[serde(rename = "through")]
    pub coverage: Coverage,
    /// On how many orders this run raised attention.
    pub raised: usize,
}

impl Report {
    pub(super) fn new(
        mut discrepancies: Vec<Discrepancy>,
        counts: Counts,
        coverage: Coverage,
    ) -> Self {
        discrepancies.sort();
        discrepancies.dedup();
        Self { discrepancies, counts, complete: coverage.is_complete(), coverage, raised: 0 }
    }

    /// Logs and counts each discrepancy, and whether the reconciliation is complete.
    pub(super) fn log(&self) {
        for discrepancy in &self.discrepancies {
            let kind = discrepancy.kind.as_str();
            let order_id = discrepancy.order_id.as_ref().map(ToString::to_string);
            let sku = discrepancy.sku.as_ref().map(ToString::to_string);
            let detail = discrepancy.detail.as_str();
            tracing::error!(kind, orderId = order_id, sku, detail, "the ledgers disagree");
            Metric::LedgerMismatch(kind).emit_now();
        }
        Metric::ComparisonsCompleted(self.complete).emit_now();
        let Coverage { payment_provider, shipping_provider, orders, stock, suspects } =
            self.coverage;
        if !self.complete {
            let message = "the reconciliation is incomplete";
            tracing::error!(
                gateway = payment_provider,
                carrier = shipping_provider,
                orders,
                stock,
                doubts = suspects,
                message
            );
        }
    }
}
