//! The facts of all orders that the balances need, kept in memory.
//!
//! The tables are scanned once. From then on, each write names the orders that changed, and
//! the next read of the ledger loads only these: polling costs the same with ten thousand
//! orders as with ten.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::AbortHandle;

use crate::audit::{is_closed, refunded_by_hand};
use crate::aws::AwsError;
use crate::dynamodb::TableWrite;
use crate::stack_handle::StackHandle;

/// From so many changed orders on, a scan is cheaper than reading each.
const MAX_SINGLE_READS: usize = 500;

/// The facts of one order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OrderFacts {
    pub(super) status: String,
    pub(super) closed: bool,
    /// Whether it is raised to an operator.
    pub(super) raised: bool,
    /// The total, in minor units.
    pub(super) total: i64,
    /// What was refunded by hand after it was fulfilled, in minor units.
    pub(super) refunded: i64,
    /// The ISO 4217 code.
    pub(super) currency: String,
    /// The reserved units by SKU, if the reservation was not released.
    pub(super) reserved: Vec<(String, i64)>,
}

impl OrderFacts {
    /// Reads an item in DynamoDB's JSON.
    pub(super) fn from_item(item: &Value) -> Self {
        let text = |attribute: &Value| attribute["S"].as_str().unwrap_or_default().to_owned();
        let total = &item["total"]["M"];
        let reservation = &item["reservation"]["M"];
        let holds_stock = !reservation.is_null() && reservation["releasedAt"].is_null();
        let lines = reservation["lines"]["L"].as_array().into_iter().flatten();
        let line = |line: &Value| (text(&line["M"]["sku"]), number(&line["M"]["quantity"]));
        Self {
            status: text(&item["status"]),
            closed: is_closed(item),
            raised: item["attention"]["S"] == "OPERATOR",
            total: number(&total["amount"]),
            refunded: refunded_by_hand(item),
            currency: text(&total["currency"]),
            reserved: if holds_stock { lines.map(line).collect() } else { Vec::new() },
        }
    }
}

/// A number in DynamoDB's JSON; 0 if it is absent.
pub(super) fn number(attribute: &Value) -> i64 {
    attribute["N"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// The facts of all orders by id.
#[derive(Debug)]
pub(super) struct OrderIndex {
    stack: StackHandle,
    changes: Arc<Mutex<Changes>>,
    orders: BTreeMap<String, OrderFacts>,
    collector: AbortHandle,
}

/// What was written since the last read.
#[derive(Debug)]
struct Changes {
    /// Whether the table was never read.
    all: bool,
    orders: BTreeSet<String>,
    /// How many writes were collected, counted as `DynamoDb::published_writes` does.
    collected: u64,
}

impl OrderIndex {
    /// Collects the writes from now on.
    pub(super) fn start(stack: StackHandle) -> Self {
        let writes = stack.dynamodb().subscribe_to_writes();
        let collected = stack.dynamodb().published_writes();
        let changes = Changes { all: true, orders: BTreeSet::new(), collected };
        let changes = Arc::new(Mutex::new(changes));
        let collector = tokio::spawn(collect(writes, Arc::clone(&changes))).abort_handle();
        Self { stack, changes, orders: BTreeMap::new(), collector }
    }

    /// Loads the orders that changed, and returns all.
    pub(super) async fn refresh(&mut self) -> Result<&BTreeMap<String, OrderFacts>, AwsError> {
        let written = self.stack.dynamodb().published_writes();
        while lock(&self.changes).collected < written {
            tokio::task::yield_now().await;
        }
        let (all, changed) = {
            let mut changes = lock(&self.changes);
            (std::mem::take(&mut changes.all), std::mem::take(&mut changes.orders))
        };
        let loaded = if all || changed.len() > MAX_SINGLE_READS {
            self.load_all().await
        } else {
            self.load(&changed).await
        };
        // What could not be read now is read the next time.
        loaded.inspect_err(|_| lock(&self.changes).all = true)?;
        Ok(&self.orders)
    }

    async fn load_all(&mut self) -> Result<(), AwsError> {
        let items = self.stack.items("Orders").await?;
        let entry = |item: &Value| {
            let id = item["orderId"]["S"].as_str().unwrap_or_default().to_owned();
            (id, OrderFacts::from_item(item))
        };
        self.orders = items.iter().map(entry).collect();
        Ok(())
    }

    async fn load(&mut self, changed: &BTreeSet<String>) -> Result<(), AwsError> {
        for order_id in changed {
            let item = self.stack.order(order_id).await?;
            if item.is_null() {
                self.orders.remove(order_id);
            } else {
                self.orders.insert(order_id.clone(), OrderFacts::from_item(&item));
            }
        }
        Ok(())
    }
}

impl Drop for OrderIndex {
    fn drop(&mut self) {
        self.collector.abort();
    }
}

/// Takes each write at once: it holds the clock until it is dropped.
async fn collect(mut writes: UnboundedReceiver<TableWrite>, changes: Arc<Mutex<Changes>>) {
    while let Some(write) = writes.recv().await {
        let mut changes = lock(&changes);
        changes.orders.extend(write.order_ids);
        changes.collected += 1;
    }
}

fn lock(changes: &Mutex<Changes>) -> MutexGuard<'_, Changes> {
    changes.lock().unwrap_or_else(PoisonError::into_inner)
}
