//! The two tables read whole, for the comparison of the books: each item strongly
//! consistent, a page at a time.
//!
//! An item that cannot be read is named or counted, never passed over in silence,
//! and hides no other.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ledger::{LedgerPage, OrderEntry, ReadStockLevels, ScanOrders, StockLevel};
use domain::ports::StoreUnavailable;
use domain::{OrderId, Sku};

use crate::clients::describe;
use crate::order_item::{self, Item};
use crate::{Inventory, Orders};

/// `DynamoDB` gives at most 100 items a call.
const BATCH: usize = 100;
/// No inventory has more pages, of 1 MB each.
const PAGES: usize = 1000;

impl ScanOrders for Orders {
    async fn scan(&self, after: Option<&str>) -> Result<LedgerPage<OrderEntry>, StoreUnavailable> {
        let page = self
            .client()
            .scan()
            .table_name(self.table())
            .consistent_read(true)
            .set_exclusive_start_key(after.map(|id| key("orderId", id)))
            .send()
            .await
            .map_err(|error| StoreUnavailable(describe("Scan", &error)))?;
        let next = page.last_evaluated_key.as_ref().and_then(|key| text(key, "orderId"));
        let entries = page.items.unwrap_or_default().into_iter().map(entry).collect();
        Ok(LedgerPage { entries, unreadable: 0, next })
    }

    async fn load_all(&self, ids: &[OrderId]) -> Result<Vec<OrderEntry>, StoreUnavailable> {
        let mut found = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH) {
            let keys = batch.iter().map(|id| key("orderId", id.as_str())).collect();
            found.extend(self.batch(keys, true).await?.into_iter().map(entry));
        }
        Ok(found)
    }
}

fn entry(found: Item) -> OrderEntry {
    let id = text(&found, "orderId").unwrap_or_default();
    match order_item::read(found) {
        Ok(order) => OrderEntry::Order(Box::new(order)),
        Err(_) => OrderEntry::Malformed(id),
    }
}

impl ReadStockLevels for Inventory {
    async fn stock_levels(&self) -> Result<LedgerPage<StockLevel>, StoreUnavailable> {
        let mut all = LedgerPage { entries: Vec::new(), unreadable: 0, next: None };
        for _ in 0..PAGES {
            let page = self
                .client()
                .scan()
                .table_name(self.table())
                .consistent_read(true)
                .set_exclusive_start_key(all.next.as_deref().map(|sku| key("sku", sku)))
                .send()
                .await
                .map_err(|error| StoreUnavailable(describe("Scan", &error)))?;
            for item in page.items() {
                match (is_shelf(item), shelf(item)) {
                    (true, Some(read)) => all.entries.push(read),
                    (true, None) => all.unreadable += 1,
                    (false, _) => {}
                }
            }
            all.next = page.last_evaluated_key.as_ref().and_then(|key| text(key, "sku"));
            if all.next.is_none() {
                return Ok(all);
            }
        }
        Err(StoreUnavailable("Scan: there are too many shelves".to_owned()))
    }
}

/// Beside the shelves there are the entries of what was put on them; only those
/// have a `#` in their key.
fn is_shelf(item: &Item) -> bool {
    text(item, "sku").is_none_or(|key| !key.contains('#'))
}

fn shelf(item: &Item) -> Option<StockLevel> {
    Some(StockLevel {
        sku: Sku::parse(text(item, "sku")?).ok()?,
        available: number(item, "available")?,
        received: number(item, "received")?,
    })
}

fn key(name: &str, value: &str) -> Item {
    Item::from([(name.to_owned(), AttributeValue::S(value.to_owned()))])
}

fn text(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}

fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}
