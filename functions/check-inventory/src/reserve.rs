//! `reserve`: reserves every line of the order, or none.
//!
//! One transaction takes the stock and writes the reservation, on condition that the order
//! has not changed since it was read. So a repeated step finds the reservation, and an
//! order whose compensation began in the meantime takes nothing.

use domain::conflict::{AttemptError, load_order, retry_on_conflict, save_order};
use domain::operation::InventoryOperation;
use domain::order::OutOfStockPolicy;
use domain::policy::timeout_seconds;
use domain::ports::{LoadOrder, ReleaseStock, ReserveResult, ReserveStock, SaveOrder};
use domain::stock::Shortage;
use domain::task_input::TaskInput;
use domain::{ErrorName, Order, StepError, Timestamp};

use crate::event::{Availability, ReserveOutput};
use crate::{CheckInventory, stock_contended};

impl<O: LoadOrder + SaveOrder, S: ReserveStock + ReleaseStock> CheckInventory<O, S> {
    /// Reserves the stock of the order, once, or returns what is short.
    ///
    /// # Errors
    ///
    /// See the table in the [crate documentation](crate).
    pub async fn reserve(
        &self,
        input: &TaskInput<InventoryOperation>,
        at: Timestamp,
    ) -> Result<ReserveOutput, StepError> {
        let availability = retry_on_conflict(|| self.reserve_once(input, at)).await?;
        Ok(ReserveOutput { order_id: input.order_id.clone(), availability })
    }

    async fn reserve_once(
        &self,
        input: &TaskInput<InventoryOperation>,
        at: Timestamp,
    ) -> Result<Availability, AttemptError> {
        let order = load_order(&self.orders, &input.order_id).await?;
        order.ensure_can_proceed(input.execution.as_ref())?;
        if order.holds_stock() {
            return Ok(Availability::Reserved);
        }
        order.ensure_can_take(input.execution.as_ref())?;
        ensure_can_reserve(&order)?;
        match self.stock.reserve(&order, &order.reserved(at)?).await? {
            ReserveResult::Reserved => Ok(Availability::Reserved),
            ReserveResult::OutOfStock(shortages) => self.backorder(&order, shortages, at).await,
            ReserveResult::OrderConflict => Err(AttemptError::Conflict),
            ReserveResult::Contended => Err(stock_contended().into()),
        }
    }

    /// Records that the order waits for a restock, if its customer chose to wait and the
    /// restock deadline has not passed.
    async fn backorder(
        &self,
        order: &Order,
        shortages: Vec<Shortage>,
        at: Timestamp,
    ) -> Result<Availability, AttemptError> {
        let (OutOfStockPolicy::Wait, Some(first)) = (order.when_out_of_stock, shortages.first())
        else {
            return Ok(Availability::OutOfStock { shortages });
        };
        let backordered = order.backordered(&first.sku, at);
        match backordered.backorder.as_ref().map(|backorder| backorder.deadline) {
            Some(deadline) if at <= deadline => {
                save_order(&self.orders, order, backordered).await?;
                let deadline_seconds = timeout_seconds(deadline, at);
                Ok(Availability::Backordered { shortages, deadline_seconds })
            }
            _ => Ok(Availability::OutOfStock { shortages }),
        }
    }
}

fn ensure_can_reserve(order: &Order) -> Result<(), StepError> {
    if order.reservation.is_some() {
        return Err(ErrorName::CompensationBegun.with_detail("the reservation was released"));
    }
    if order.needs_approval() {
        return Err(ErrorName::ReviewRejected.with_detail("the order is not approved"));
    }
    Ok(())
}
