//! What came of a comparison: as JSON for whoever asked, as log lines and metrics
//! for whoever watches.

use aws::emf::Metric;
use domain::Timestamp;
use serde::Serialize;

use super::difference::Difference;

/// How much was compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Orders that were read.
    pub orders: usize,
    /// Of these, those at rest: only they are judged.
    pub settled: usize,
    /// Intents.
    pub intents: usize,
    /// Shipments with a label.
    pub shipments: usize,
    /// Shelves.
    pub skus: usize,
    /// Intents and labels that name no order: not of this product.
    pub foreign: usize,
}

/// Which books were read to their end. Of one that was not, what is missing in it
/// is not known to be missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "one word for each book")]
pub struct Through {
    /// The gateway's.
    pub gateway: bool,
    /// The carrier's.
    pub carrier: bool,
    /// The orders.
    pub orders: bool,
    /// The shelves, against all orders.
    pub stock: bool,
    /// Every doubt was looked into.
    pub doubts: bool,
}

impl Through {
    const fn all(self) -> bool {
        self.gateway && self.carrier && self.orders && self.stock && self.doubts
    }
}

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The differences, sorted.
    pub differences: Vec<Difference>,
    /// How much was compared.
    pub compared: Compared,
    /// Whether every book was read to its end and every doubt looked into. When
    /// not, what is reported is true all the same, but there may be more.
    pub complete: bool,
    /// How far each book was read.
    pub through: Through,
    /// How many orders got the attention of a person by this.
    pub raised: usize,
}

impl Report {
    pub(super) fn of(
        mut differences: Vec<Difference>,
        compared: Compared,
        through: Through,
    ) -> Self {
        differences.sort();
        differences.dedup();
        Self { differences, compared, complete: through.all(), through, raised: 0 }
    }

    /// Logs and counts each difference, once.
    pub(super) fn tell(&self, at: Timestamp) {
        for difference in &self.differences {
            let kind = difference.kind.name();
            let order_id = difference.order_id.as_ref().map(ToString::to_string);
            let sku = difference.sku.as_ref().map(ToString::to_string);
            let detail = difference.detail.as_str();
            tracing::error!(kind, orderId = order_id, sku, detail, "the books differ");
            Metric::BooksDiffer(kind).emit(at);
        }
        let Through { gateway, carrier, orders, stock, doubts } = self.through;
        if !self.complete {
            let message = "the books were not compared to their end";
            tracing::error!(gateway, carrier, orders, stock, doubts, message);
        }
    }
}
