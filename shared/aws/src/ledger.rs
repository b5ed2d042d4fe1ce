//! Scans both tables for the reconciliation of the ledgers.
//!
//! Every read is strongly consistent, a page at a time. An item that cannot be read is
//! named or counted, and does not hide any other.

use domain::ledger::{LedgerPage, OrderEntry, ReadStockLevels, ScanOrders, StockLevel};
use domain::ports::StoreUnavailable;
use domain::{OrderId, Sku};

use crate::attributes::{Item, key, number, string};
use crate::batch_get::batch_get_items;
use crate::lease::is_order;
use crate::order_item;
use crate::scan::scan_page;
use crate::{Inventory, Orders};

/// How many pages of 1 MB the scan of the Inventory table reads at most.
const MAX_PAGES: usize = 1000;

impl ScanOrders for Orders {
    async fn scan(&self, after: Option<&str>) -> Result<LedgerPage<OrderEntry>, StoreUnavailable> {
        let start_key = after.map(|id| key("orderId", id));
        let page = scan_page(self.client(), self.table(), start_key, None).await?;
        let last = page.last_evaluated_key.as_ref();
        let next = last.and_then(|key| string(key, "orderId")).map(str::to_owned);
        let entries = page.items.unwrap_or_default().into_iter();
        let entries = entries.filter(is_order).map(order_entry).collect();
        Ok(LedgerPage { entries, unreadable: 0, next })
    }

    async fn load_all(&self, ids: &[OrderId]) -> Result<Vec<OrderEntry>, StoreUnavailable> {
        let keys: Vec<_> = ids.iter().map(|id| key("orderId", id.as_str())).collect();
        let found = batch_get_items(self.client(), self.table(), &keys, true).await?;
        Ok(found.into_iter().map(order_entry).collect())
    }
}

fn order_entry(item: Item) -> OrderEntry {
    let id = string(&item, "orderId").unwrap_or_default().to_owned();
    match order_item::parse(item) {
        Ok(order) => OrderEntry::Order(Box::new(order)),
        Err(_) => OrderEntry::Malformed(id),
    }
}

impl ReadStockLevels for Inventory {
    async fn stock_levels(&self) -> Result<LedgerPage<StockLevel>, StoreUnavailable> {
        let mut levels = LedgerPage { entries: Vec::new(), unreadable: 0, next: None };
        for _ in 0..MAX_PAGES {
            let start_key = levels.next.as_deref().map(|sku| key("sku", sku));
            let page = scan_page(self.client(), self.table(), start_key, None).await?;
            for item in page.items().iter().filter(|item| is_product(item)) {
                match stock_level(item) {
                    Some(level) => levels.entries.push(level),
                    None => levels.unreadable += 1,
                }
            }
            let last = page.last_evaluated_key.as_ref();
            levels.next = last.and_then(|key| string(key, "sku")).map(str::to_owned);
            if levels.next.is_none() {
                return Ok(levels);
            }
        }
        Err(StoreUnavailable("Scan: the Inventory table has too many pages".to_owned()))
    }
}

/// Whether an item is a product. The records of restock requests are in the same table;
/// only their keys contain a `#`.
fn is_product(item: &Item) -> bool {
    string(item, "sku").is_none_or(|key| !key.contains('#'))
}

fn stock_level(item: &Item) -> Option<StockLevel> {
    Some(StockLevel {
        sku: Sku::parse(string(item, "sku")?).ok()?,
        available: number(item, "available")?,
        received: number(item, "received")?,
    })
}
