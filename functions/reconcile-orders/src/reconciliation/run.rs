//! Runs a reconciliation: both passes, the report, and attention on the orders concerned.

use std::collections::BTreeSet;

use domain::conflict::{AttemptError, retry_on_conflict, save_order};
use domain::ledger::{ListLabels, ListPaymentIntents, ReadStockLevels, ScanOrders};
use domain::order::TimelineCode;
use domain::ports::{LoadOrder, SaveOrder};
use domain::{OrderId, Timestamp};

use super::collect::collect;
use super::ledgers::Ledgers;
use super::range::Range;
use super::report::Report;
use super::verify::verify;

/// How long a run reads, in milliseconds. Lambda stops the function after 300 s. The rest
/// is for what may still start at this limit: a page of each provider (three attempts of
/// 15 s), two pages of the tables (8 s each), and a read and a write of each order that
/// gets attention.
pub const TIME_LIMIT_MS: u64 = 170_000;

/// A reconciliation of the four ledgers.
pub struct Reconciliation<'a, O, I, P, S> {
    /// The ledgers.
    pub ledgers: Ledgers<'a, O, I, P, S>,
    /// The period to cover.
    pub range: Range,
    /// Whether there is time to read on.
    pub has_time: &'a (dyn Fn() -> bool + Sync),
}

impl<O, I, P, S> std::fmt::Debug for Reconciliation<'_, O, I, P, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reconciliation").field("range", &self.range).finish_non_exhaustive()
    }
}

impl<O, I, P, S> Reconciliation<'_, O, I, P, S>
where
    O: ScanOrders + LoadOrder + SaveOrder,
    I: ReadStockLevels,
    P: ListPaymentIntents,
    S: ListLabels,
{
    /// Compares the ledgers, logs and counts the discrepancies, and raises attention on
    /// each order concerned.
    pub async fn run(&self) -> Report {
        let found = collect(&self.ledgers, self.range, self.has_time).await;
        let has_too_many = found.has_too_many();
        let verified = verify(&self.ledgers, &found.suspects, self.has_time).await;
        let mut coverage = found.coverage;
        coverage.suspects = verified.is_complete && !has_too_many;
        let mut discrepancies = found.discrepancies;
        discrepancies.extend(verified.discrepancies);
        let mut report = Report::new(discrepancies, found.counts, coverage);
        report.log();
        report.raised = self.raise_attention(&report, self.range.at).await;
        report
    }

    /// Raises attention on each order with a discrepancy. Returns on how many it is new.
    async fn raise_attention(&self, report: &Report, at: Timestamp) -> usize {
        let orders: BTreeSet<&OrderId> =
            report.discrepancies.iter().filter_map(|found| found.order_id.as_ref()).collect();
        let mut raised = 0;
        for id in orders {
            match retry_on_conflict(|| self.raise_attention_once(id, at)).await {
                Ok(is_new) => raised += usize::from(is_new),
                Err(error) => aws::telemetry::log_failure("compare", id.as_str(), &error),
            }
        }
        raised
    }

    async fn raise_attention_once(
        &self,
        id: &OrderId,
        at: Timestamp,
    ) -> Result<bool, AttemptError> {
        // A malformed record cannot be loaded, and an unknown order not be written.
        let Ok(Some(order)) = self.ledgers.orders.load(id).await else { return Ok(false) };
        if order.has_timeline_code(TimelineCode::LedgerMismatch) {
            return Ok(false);
        }
        let raised = order.with_attention(TimelineCode::LedgerMismatch, at);
        save_order(self.ledgers.orders, &order, raised).await?;
        Ok(true)
    }
}
