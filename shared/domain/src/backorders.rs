//! Waking the orders that wait for stock, oldest first and no more than the
//! shelves can serve; and telling a wait what is on record for it.
//!
//! A restock wakes those who wait for its item, the reconciler all who wait:
//! whatever brought the goods, also another order that gave them back. What is
//! promised to one order is not promised to the next. Nothing is taken here: the
//! woken order takes it in a transaction, and one that finds it gone waits again
//! in its place.

use std::collections::BTreeMap;

use crate::conflict::MAX_ATTEMPTS;
use crate::decision::DecisionKind;
use crate::ports::{
    ListOrders, LoadOrder, OrderList, ReadCatalog, SaveOrder, SaveResult, SendTaskResult,
    StoreUnavailable, TaskDelivery, WorkflowUnavailable,
};
use crate::{ErrorName, Order, OrderId, Sku, StepError, Timestamp};

/// Orders that are read at once.
const PAGE: u32 = 50;

/// Tells the wait that an order is in what is on record for it, if there is
/// anything; that the wait has moved on is fine.
pub async fn send_task_result(
    workflow: &impl SendTaskResult,
    order: &Order,
) -> Result<Option<TaskDelivery>, WorkflowUnavailable> {
    match order.undelivered_decision() {
        Some((token, message)) => workflow.send(&token, &message).await.map(Some),
        None => Ok(None),
    }
}

/// What came of waking.
#[derive(Debug, Default)]
pub struct ResumedBackorders {
    /// How many orders were woken that had not been before.
    pub resumed: u32,
    /// The orders that could not be woken, and why.
    pub failed: Vec<(OrderId, StepError)>,
}

/// What waking works with.
#[derive(Debug)]
pub struct BackorderResumer<'a, O, I, W> {
    /// The Orders table.
    pub orders: &'a O,
    /// The Inventory table.
    pub stock: &'a I,
    /// Step Functions.
    pub workflow: &'a W,
}

impl<O: LoadOrder + SaveOrder + ListOrders, I: ReadCatalog, W: SendTaskResult>
    BackorderResumer<'_, O, I, W>
{
    /// Wakes the orders of a list that can be served, of its first `pages` pages.
    pub async fn resume_backorders(
        &self,
        list: &OrderList,
        pages: usize,
        at: Timestamp,
    ) -> Result<ResumedBackorders, StoreUnavailable> {
        let mut stock_levels = StockLevels::default();
        let (mut woken, mut after) = (ResumedBackorders::default(), None);
        for _ in 0..pages {
            let page = self.orders.list(list, after.as_ref(), PAGE).await?;
            stock_levels.load(self.stock, &page.orders).await?;
            for order in page.orders {
                self.resume_one(order, &mut stock_levels, at, &mut woken).await;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(woken)
    }

    async fn resume_one(
        &self,
        order: Order,
        stock_levels: &mut StockLevels,
        at: Timestamp,
        woken: &mut ResumedBackorders,
    ) {
        let id = order.order_id.clone();
        if !stock_levels.promise(&order, at) {
            return;
        }
        match self.save_and_send(order, at).await {
            Ok(true) => woken.resumed += 1,
            Ok(false) => {}
            Err(failure) => woken.failed.push((id, failure)),
        }
    }

    /// Records that the goods are there, and tells the wait. Whether that is new:
    /// an order that was told and still waits is told again.
    async fn save_and_send(&self, order: Order, at: Timestamp) -> Result<bool, StepError> {
        let mut before = order;
        for _ in 0..MAX_ATTEMPTS {
            let Ok(after) = before.restocked(at) else {
                if was_resumed(&before) {
                    send_task_result(self.workflow, &before).await?;
                }
                return Ok(false);
            };
            if self.orders.save(&before, &after).await? == SaveResult::Saved {
                send_task_result(self.workflow, &after).await?;
                return Ok(true);
            }
            match self.orders.load(&before.order_id).await? {
                Some(now) => before = now,
                None => return Ok(false),
            }
        }
        Err(ErrorName::StoreUnavailable.with_detail("the order kept changing"))
    }
}

fn was_resumed(order: &Order) -> bool {
    let restock = |kind: DecisionKind| kind == DecisionKind::Restock;
    order.has_task_decision()
        && order.task_decision.as_ref().is_some_and(|answer| restock(answer.kind))
}

/// What is on the shelves, less what is promised.
#[derive(Debug, Default)]
struct StockLevels(BTreeMap<Sku, u64>);

impl StockLevels {
    /// Reads the shelves of what these orders want, as far as they are not known.
    async fn load(
        &mut self,
        stock: &impl ReadCatalog,
        orders: &[Order],
    ) -> Result<(), StoreUnavailable> {
        let mut unknown: Vec<Sku> = orders
            .iter()
            .flat_map(|order| order.items.iter().map(|line| line.sku.clone()))
            .filter(|sku| !self.0.contains_key(sku))
            .collect();
        unknown.sort();
        unknown.dedup();
        if unknown.is_empty() {
            return Ok(());
        }
        let found = stock.items(&unknown).await?;
        self.0.extend(unknown.into_iter().map(|sku| (sku, 0)));
        self.0.extend(found.into_iter().map(|item| (item.sku, item.available)));
        Ok(())
    }

    /// Whether an order can be woken: it waits, and either holds its goods
    /// already or finds every line on the shelves, which is then promised to it.
    fn promise(&mut self, order: &Order, at: Timestamp) -> bool {
        if order.restocked(at).is_err() && !was_resumed(order) {
            return false;
        }
        let wanted = order.required_stock();
        let is_there = wanted
            .iter()
            .all(|line| self.0.get(&line.sku).is_some_and(|left| *left >= line.quantity.into()));
        if order.holds_stock() {
            return true;
        }
        // Who was told has its goods in mind already, whatever is left of them.
        if !is_there && !was_resumed(order) {
            return false;
        }
        for line in wanted {
            if let Some(left) = self.0.get_mut(&line.sku) {
                *left = left.saturating_sub(line.quantity.into());
            }
        }
        true
    }
}
