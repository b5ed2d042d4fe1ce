//! Stock levels: loading the initial stock, and reading the levels with reservations.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::Client;
use super::scenario::read_json;
use crate::stack::Stack;

/// The stock of one SKU. `received = available + reserved` must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLevel {
    /// The SKU.
    pub sku: String,
    /// Units ever received.
    pub received: i64,
    /// Units that can be reserved.
    pub available: i64,
    /// Units reserved for orders and not released.
    pub reserved: i64,
}

impl StockLevel {
    /// Whether the received units equal the available and the reserved ones.
    pub const fn balances(&self) -> bool {
        self.received == self.available + self.reserved
    }
}

/// Adds the products of `events/stock.json` with their initial stock.
///
/// # Errors
/// The file cannot be read, or the API rejects a product.
pub async fn load_stock(stack: &Stack, root: &Path) -> Result<()> {
    let _busy = stack.clock().busy("loading the stock");
    if let Some(permissions) = stack.permissions() {
        permissions.begin_scenario("load-stock");
    }
    let client = Client::new(stack.urls());
    let products: Vec<Value> = read_json(&root.join("events/stock.json"))?;
    for product in products {
        let what = format!("adding the product {}", product["sku"]);
        client.add_product(&product).await?.into_success(&what)?;
    }
    Ok(())
}

/// Reads the stock level of every SKU from both tables, sorted by SKU.
///
/// # Errors
/// A table cannot be read, or an item lacks an attribute.
pub async fn stock_levels(stack: &Stack) -> Result<Vec<StockLevel>> {
    let reserved = reserved_units(stack).await?;
    let mut levels = Vec::new();
    for item in stack.items("Inventory").await? {
        let sku = item["sku"]["S"].as_str().context("an item has no sku")?;
        if sku.contains('#') {
            continue; // the record of a restock
        }
        levels.push(StockLevel {
            sku: sku.to_owned(),
            received: number(&item["received"])?,
            available: number(&item["available"])?,
            reserved: reserved.get(sku).copied().unwrap_or_default(),
        });
    }
    levels.sort_by(|a, b| a.sku.cmp(&b.sku));
    Ok(levels)
}

/// Sums the reservations that were not released, by SKU.
async fn reserved_units(stack: &Stack) -> Result<BTreeMap<String, i64>> {
    let mut reserved: BTreeMap<String, i64> = BTreeMap::new();
    for order in stack.items("Orders").await? {
        let reservation = &order["reservation"]["M"];
        if reservation.is_null() || !reservation["releasedAt"].is_null() {
            continue;
        }
        for line in reservation["lines"]["L"].as_array().into_iter().flatten() {
            let sku = line["M"]["sku"]["S"].as_str().context("a reserved line has no sku")?;
            *reserved.entry(sku.to_owned()).or_default() += number(&line["M"]["quantity"])?;
        }
    }
    Ok(reserved)
}

/// Returns the change of `available` by SKU; SKUs that did not change are left out.
pub(super) fn available_changes(
    before: &[StockLevel],
    after: &[StockLevel],
) -> BTreeMap<String, i64> {
    let available_before =
        |sku: &str| before.iter().find(|level| level.sku == sku).map_or(0, |l| l.available);
    after
        .iter()
        .map(|level| (level.sku.clone(), level.available - available_before(&level.sku)))
        .filter(|(_, change)| *change != 0)
        .collect()
}

fn number(attribute: &Value) -> Result<i64> {
    let text = attribute["N"].as_str().context("an attribute is not a number")?;
    text.parse().with_context(|| format!("{text} is not a whole number"))
}
