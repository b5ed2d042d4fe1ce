//! Takes every line of the order from the shelves, or none.
//!
//! One transaction takes the goods and writes the reservation, on condition that
//! the order is as it was read: so a repeat finds the reservation, and an order
//! that turned round meanwhile takes nothing.

use domain::conflict::{AttemptError, load_order, retry_on_conflict, save_order};
use domain::order::OutOfStockPolicy;
use domain::policy::timeout_seconds;
use domain::ports::{LoadOrder, ReleaseStock, ReserveResult, ReserveStock, SaveOrder};
use domain::step::Step;
use domain::stock::Shortage;
use domain::{ErrorName, Order, StepError, Timestamp};

use crate::event::{Checked, Found, Operation};
use crate::{CheckInventory, contended};

impl<O: LoadOrder + SaveOrder, S: ReserveStock + ReleaseStock> CheckInventory<O, S> {
    /// Reserves the goods of the order, once, or says what is short.
    pub async fn reserve(
        &self,
        step: &Step<Operation>,
        at: Timestamp,
    ) -> Result<Checked, StepError> {
        let found = retry_on_conflict(|| self.reserve_once(step, at)).await?;
        Ok(Checked { order_id: step.order_id.clone(), found })
    }

    async fn reserve_once(
        &self,
        step: &Step<Operation>,
        at: Timestamp,
    ) -> Result<Found, AttemptError> {
        let order = load_order(&self.orders, &step.order_id).await?;
        order.ensure_can_proceed(step.execution.as_ref())?;
        if order.holds_stock() {
            return Ok(Found::All);
        }
        may_reserve(&order)?;
        match self.stock.reserve(&order, &order.reserved(at)?).await? {
            ReserveResult::Reserved => Ok(Found::All),
            ReserveResult::OutOfStock(shortages) => self.short(&order, shortages, at).await,
            ReserveResult::OrderConflict => Err(AttemptError::Conflict),
            ReserveResult::Contended => Err(contended().into()),
        }
    }

    /// The goods are not there: the order waits for them, if it may and if there
    /// is time.
    async fn short(
        &self,
        order: &Order,
        shortages: Vec<Shortage>,
        at: Timestamp,
    ) -> Result<Found, AttemptError> {
        let (OutOfStockPolicy::Wait, Some(first)) = (order.when_out_of_stock, shortages.first())
        else {
            return Ok(Found::Short { shortages });
        };
        let waiting = order.backordered(&first.sku, at);
        match waiting.backorder.as_ref().map(|backorder| backorder.deadline) {
            Some(deadline) if at <= deadline => {
                save_order(&self.orders, order, waiting).await?;
                Ok(Found::Wait { shortages, deadline_seconds: timeout_seconds(deadline, at) })
            }
            _ => Ok(Found::Short { shortages }),
        }
    }
}

/// Whether this order may take goods at all.
fn may_reserve(order: &Order) -> Result<(), StepError> {
    if order.reservation.is_some() {
        return Err(ErrorName::CompensationBegun.with_detail("the reservation was given back"));
    }
    if order.needs_approval() {
        return Err(ErrorName::ReviewRejected.with_detail("nobody approved the order"));
    }
    Ok(())
}
