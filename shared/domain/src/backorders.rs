//! Resuming backorders: orders that wait for stock continue, oldest first, and only as
//! many as the stock can serve.
//!
//! A restock resumes the orders that wait for its SKU. The reconciler resumes all that can
//! be served, also when another order released the goods. Stock promised to one order is
//! not promised to the next. Nothing is reserved here: the resumed order
//! reserves in a transaction, and if it is short again it waits again in its old place.

use std::collections::BTreeMap;

use crate::conflict::MAX_ATTEMPTS;
use crate::decision::DecisionKind;
use crate::ports::{
    ListOrders, LoadOrder, OrderList, ReadCatalog, SaveOrder, SaveResult, SendTaskResult,
    StoreUnavailable, TaskDelivery, WorkflowUnavailable,
};
use crate::{ErrorName, Order, OrderId, Sku, StepError, Timestamp};

/// The number of orders on a page.
const PAGE_SIZE: u32 = 50;

/// Sends the undelivered decision of an order to its waiting task, if there is one. That the
/// task has ended is not an error.
///
/// # Errors
/// [`WorkflowUnavailable`].
pub async fn send_task_result(
    workflow: &impl SendTaskResult,
    order: &Order,
) -> Result<Option<TaskDelivery>, WorkflowUnavailable> {
    match order.undelivered_decision() {
        Some((token, message)) => workflow.send(&token, &message).await.map(Some),
        None => Ok(None),
    }
}

/// The result of resuming backorders.
#[derive(Debug, Default)]
pub struct ResumedBackorders {
    /// The number of orders that were resumed now and not before.
    pub resumed: u32,
    /// The orders that could not be resumed, and why.
    pub failed: Vec<(OrderId, StepError)>,
}

/// Resumes backorders.
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
    /// Resumes the orders on the first `pages` pages of a list that the stock can serve.
    ///
    /// # Errors
    /// [`StoreUnavailable`] if a list or the stock cannot be read. What fails for one
    /// order is in the result.
    pub async fn resume_backorders(
        &self,
        list: &OrderList,
        pages: usize,
        at: Timestamp,
    ) -> Result<ResumedBackorders, StoreUnavailable> {
        let mut stock_levels = StockLevels::default();
        let (mut resumed, mut after) = (ResumedBackorders::default(), None);
        for _ in 0..pages {
            let page = self.orders.list(list, after.as_ref(), PAGE_SIZE).await?;
            stock_levels.load(self.stock, &page.orders).await?;
            for order in page.orders {
                self.resume_one(order, &mut stock_levels, at, &mut resumed).await;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(resumed)
    }

    async fn resume_one(
        &self,
        order: Order,
        stock_levels: &mut StockLevels,
        at: Timestamp,
        result: &mut ResumedBackorders,
    ) {
        let id = order.order_id.clone();
        if !stock_levels.promise(&order, at) {
            return;
        }
        match self.save_and_send(order, at).await {
            Ok(true) => result.resumed += 1,
            Ok(false) => {}
            Err(failure) => result.failed.push((id, failure)),
        }
    }

    /// Records that the stock has arrived and sends it to the waiting task. Returns whether
    /// that is new: to an order that was resumed and still waits it is sent again.
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
        && order.task_decision.as_ref().is_some_and(|decision| restock(decision.kind))
}

/// The available stock less what is promised.
#[derive(Debug, Default)]
struct StockLevels(BTreeMap<Sku, u64>);

impl StockLevels {
    /// Reads the stock of the SKUs of these orders that are not known yet.
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

    /// Whether an order can be resumed: it waits, and either holds its reservation already
    /// or every line is available, which is then promised to it.
    fn promise(&mut self, order: &Order, at: Timestamp) -> bool {
        if order.restocked(at).is_err() && !was_resumed(order) {
            return false;
        }
        let required = order.required_stock();
        let is_available = required
            .iter()
            .all(|line| self.0.get(&line.sku).is_some_and(|left| *left >= line.quantity.into()));
        if order.holds_stock() {
            return true;
        }
        // An order that was resumed before has its goods promised, even if fewer are left.
        if !is_available && !was_resumed(order) {
            return false;
        }
        for line in required {
            if let Some(left) = self.0.get_mut(&line.sku) {
                *left = left.saturating_sub(line.quantity.into());
            }
        }
        true
    }
}
