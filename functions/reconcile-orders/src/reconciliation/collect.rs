//! The first pass: reads the ledgers one page at a time and collects suspects.
//!
//! The order of reads matters: first an entry of a provider, then the order that it names;
//! the stock levels between two reads of all orders. The second pass is in
//! [`verify`](super::verify).

use std::collections::BTreeSet;

use domain::OrderId;
use domain::ledger::{
    LabelEntry, LedgerPage, ListLabels, ListPaymentIntents, OrderEntry, PaymentIntentEntry,
    ReadStockLevels, ScanOrders,
};

use super::discrepancy::{Discrepancy, DiscrepancyKind};
use super::findings::{Findings, NamedOrders};
use super::ledgers::{Ledgers, Unreadable, call_until_answered, read_or_log};
use super::range::Range;
use super::stock_levels::{self, Holdings};

/// Shipments are listed up to this far ahead of the present, so that those created during
/// the run are listed too.
const AHEAD_HOURS: i64 = 24;

/// Reads all four ledgers and returns what disagrees.
pub(super) async fn collect<O, I, P, S>(
    ledgers: &Ledgers<'_, O, I, P, S>,
    range: Range,
    has_time: &(dyn Fn() -> bool + Sync),
) -> Findings
where
    O: ScanOrders,
    I: ReadStockLevels,
    P: ListPaymentIntents,
    S: ListLabels,
{
    let mut collector = Collector { ledgers, has_time, findings: Findings::new(range) };
    let intents = collector.read_intents().await;
    collector.findings.coverage.payment_provider =
        read_or_log("payment provider", intents).is_some();
    let labels = collector.read_labels().await;
    collector.findings.coverage.shipping_provider =
        read_or_log("shipping provider", labels).is_some();
    let holdings = read_or_log("orders", collector.read_orders().await);
    collector.findings.coverage.orders = holdings.is_some();
    if let Some(holdings) = holdings {
        let stock = collector.read_stock_levels(&holdings).await;
        collector.findings.coverage.stock = read_or_log("stock", stock).is_some();
    }
    collector.findings
}

struct Collector<'a, O, I, P, S> {
    ledgers: &'a Ledgers<'a, O, I, P, S>,
    has_time: &'a (dyn Fn() -> bool + Sync),
    findings: Findings,
}

impl<O, I, P, S> Collector<'_, O, I, P, S>
where
    O: ScanOrders,
    I: ReadStockLevels,
    P: ListPaymentIntents,
    S: ListLabels,
{
    async fn read_intents(&mut self) -> Result<(), Unreadable> {
        let since = self.findings.range.since();
        let provider = self.ledgers.payment_provider;
        let mut after: Option<String> = None;
        loop {
            let list = || provider.list_payment_intents(since, after.as_deref());
            let page = call_until_answered(list).await??;
            self.findings.counts.intents += page.entries.len();
            let orders =
                self.named_orders(page.entries.iter().map(PaymentIntentEntry::order_id)).await?;
            for entry in &page.entries {
                self.findings.add_intent(entry, &orders);
            }
            after = self.next_page(&page, after.as_deref())?;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn read_labels(&mut self) -> Result<(), Unreadable> {
        let since = self.findings.range.since();
        let until = self.findings.range.at.plus_hours(AHEAD_HOURS);
        let provider = self.ledgers.shipping_provider;
        let mut after: Option<String> = None;
        loop {
            let list = || provider.list_labels(since, until, after.as_deref());
            let page = call_until_answered(list).await??;
            self.findings.counts.shipments += page.entries.len();
            let orders = self.named_orders(page.entries.iter().map(LabelEntry::order_id)).await?;
            for entry in &page.entries {
                self.findings.add_label(entry, &orders);
            }
            after = self.next_page(&page, after.as_deref())?;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Reads and checks all orders. Returns what they hold.
    async fn read_orders(&mut self) -> Result<Holdings, Unreadable> {
        let (mut holdings, mut after) = (Holdings::default(), None);
        loop {
            let page = self.ledgers.orders.scan(after.as_deref()).await?;
            self.findings.counts.orders += page.entries.len();
            for entry in &page.entries {
                match entry {
                    OrderEntry::Order(order) => {
                        holdings.add(order);
                        self.findings.add_order(order);
                    }
                    OrderEntry::Malformed(key) => {
                        holdings.add_malformed(key);
                        self.findings.add_malformed(key);
                    }
                }
            }
            after = self.next_page(&page, after.as_deref())?;
            if after.is_none() {
                return Ok(holdings);
            }
        }
    }

    /// Compares the stock levels with what orders hold. If they disagree, which may only
    /// mean that stock moved in between, both are read once more.
    async fn read_stock_levels(&mut self, before: &Holdings) -> Result<(), Unreadable> {
        let first = self.ledgers.stock.stock_levels().await?;
        self.findings.counts.skus = first.entries.len();
        let first_discrepancies = stock_levels::discrepancies(before, &first.entries, before);
        if first.unreadable == 0 && first_discrepancies.is_empty() {
            return Ok(());
        }
        let second = self.ledgers.stock.stock_levels().await?;
        let after = self.read_holdings().await?;
        if !after.lacks_no_order_of(before) {
            return Err(Unreadable::because("an order became malformed during the run"));
        }
        let mut discrepancies = stock_levels::discrepancies(before, &second.entries, &after);
        if second.unreadable > 0 {
            // An unreadable stock level is not a missing one.
            discrepancies.retain(|found| found.kind != DiscrepancyKind::StockLevelMissing);
            let detail = format!("{} records", second.unreadable);
            let kind = DiscrepancyKind::StockLevelUnreadable;
            discrepancies.push(Discrepancy::unnamed(kind, detail));
        }
        self.findings.discrepancies.extend(discrepancies);
        Ok(())
    }

    async fn read_holdings(&self) -> Result<Holdings, Unreadable> {
        let (mut holdings, mut after) = (Holdings::default(), None);
        loop {
            let page = self.ledgers.orders.scan(after.as_deref()).await?;
            for entry in &page.entries {
                match entry {
                    OrderEntry::Order(order) => holdings.add(order),
                    OrderEntry::Malformed(key) => holdings.add_malformed(key),
                }
            }
            after = self.next_page(&page, after.as_deref())?;
            if after.is_none() {
                return Ok(holdings);
            }
        }
    }

    /// Reads the orders that the entries of a page name.
    async fn named_orders(
        &mut self,
        names: impl Iterator<Item = Option<OrderId>>,
    ) -> Result<NamedOrders, Unreadable> {
        let (ours, foreign): (Vec<_>, Vec<_>) = names.partition(Option::is_some);
        self.findings.counts.foreign += foreign.len();
        let ids: BTreeSet<OrderId> = ours.into_iter().flatten().collect();
        let ids: Vec<OrderId> = ids.into_iter().collect();
        let by_key = |entry: OrderEntry| match &entry {
            OrderEntry::Order(order) => (order.order_id.to_string(), entry),
            OrderEntry::Malformed(key) => (key.clone(), entry),
        };
        Ok(self.ledgers.orders.load_all(&ids).await?.into_iter().map(by_key).collect())
    }

    /// Returns the cursor of the next page, if there is one. Fails if the run must stop.
    fn next_page<T>(
        &self,
        page: &LedgerPage<T>,
        after: Option<&str>,
    ) -> Result<Option<String>, Unreadable> {
        match &page.next {
            None => Ok(None),
            Some(next) if Some(next.as_str()) == after => {
                Err(Unreadable::because("the cursor did not move"))
            }
            Some(_) if self.findings.has_too_many() => {
                Err(Unreadable::because("too many suspects were found"))
            }
            Some(_) if !(self.has_time)() => Err(Unreadable::because("the time ran out")),
            Some(next) => Ok(Some(next.clone())),
        }
    }
}
