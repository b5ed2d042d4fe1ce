//! The shelves: filling them, and reading them with what is set aside of each.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::client::Client;
use super::expectation::Shelf;
use crate::stack::Stack;

/// Fills the shelves from `events/stock.json`.
pub async fn stock(stack: &Stack, root: &Path) -> Result<()> {
    let _busy = stack.clock().busy("stocking the shelves");
    let client = Client::new(stack.urls());
    let items: Vec<Value> = super::parse(&root.join("events/stock.json"))?;
    for item in items {
        client.list(&item).await?.accepted(&format!("stocking {}", item["sku"]))?;
    }
    Ok(())
}

/// Every shelf, with what is set aside for orders: the books of both tables.
pub async fn shelves(stack: &Stack) -> Result<Vec<Shelf>> {
    let mut reserved: BTreeMap<String, i64> = BTreeMap::new();
    for order in stack.rows("Orders").await? {
        let reservation = &order["reservation"]["M"];
        if reservation.is_null() || !reservation["releasedAt"].is_null() {
            continue;
        }
        for line in reservation["lines"]["L"].as_array().into_iter().flatten() {
            let sku = line["M"]["sku"]["S"].as_str().context("a reserved line has a sku")?;
            *reserved.entry(sku.to_owned()).or_default() += number(&line["M"]["quantity"])?;
        }
    }
    let mut shelves = Vec::new();
    for item in stack.rows("Inventory").await? {
        let sku = item["sku"]["S"].as_str().context("an item has a sku")?;
        if sku.contains('#') {
            continue; // the record of a restock
        }
        shelves.push(Shelf {
            sku: sku.to_owned(),
            received: number(&item["received"])?,
            available: number(&item["available"])?,
            reserved: reserved.get(sku).copied().unwrap_or_default(),
        });
    }
    shelves.sort_by(|a, b| a.sku.cmp(&b.sku));
    Ok(shelves)
}

/// By how much what is available changed, where it did.
pub(super) fn taken(before: &[Shelf], after: &[Shelf]) -> BTreeMap<String, i64> {
    let was = |sku: &str| before.iter().find(|shelf| shelf.sku == sku).map_or(0, |s| s.available);
    after
        .iter()
        .map(|shelf| (shelf.sku.clone(), shelf.available - was(&shelf.sku)))
        .filter(|(_, change)| *change != 0)
        .collect()
}

fn number(attribute: &Value) -> Result<i64> {
    let text = attribute["N"].as_str().context("a number attribute")?;
    text.parse().with_context(|| format!("{text} is no whole number"))
}
