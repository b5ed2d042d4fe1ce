//! `release`: returns the reserved stock of the order to the Inventory table.
//!
//! A compensating step. It first records that compensation began, and it releases nothing
//! while a label may still be live.

use domain::conflict::{AttemptError, begin_compensation, load_order, retry_on_conflict};
use domain::operation::InventoryOperation;
use domain::ports::{LoadOrder, ReleaseResult, ReleaseStock, ReserveStock, SaveOrder};
use domain::task_input::TaskInput;
use domain::{ErrorName, Status, StepError, Timestamp};

use crate::event::ReleaseOutput;
use crate::{CheckInventory, stock_contended};

impl<O: LoadOrder + SaveOrder, S: ReserveStock + ReleaseStock> CheckInventory<O, S> {
    /// Releases the reservation of the order, once. A fulfilled order, and an order that
    /// another execution owns, is left unchanged.
    ///
    /// # Errors
    ///
    /// See the table in the [crate documentation](crate).
    pub async fn release(
        &self,
        input: &TaskInput<InventoryOperation>,
        at: Timestamp,
    ) -> Result<ReleaseOutput, StepError> {
        let released = retry_on_conflict(|| self.release_once(input, at)).await?;
        Ok(ReleaseOutput { order_id: input.order_id.clone(), released })
    }

    async fn release_once(
        &self,
        input: &TaskInput<InventoryOperation>,
        at: Timestamp,
    ) -> Result<bool, AttemptError> {
        let order = load_order(&self.orders, &input.order_id).await?;
        if !order.is_owned_by(input.execution.as_ref()) || order.status == Status::Fulfilled {
            return Ok(false);
        }
        if order.has_open_shipment() {
            return Err(ErrorName::CompensationIncomplete.with_detail("a shipment is left").into());
        }
        let order = begin_compensation(&self.orders, order, &input.failed, at).await?;
        if !order.holds_stock() {
            return Ok(order.reservation.is_some());
        }
        match self.stock.release(&order, &order.released(at)).await? {
            ReleaseResult::Released => Ok(true),
            ReleaseResult::OrderConflict => Err(AttemptError::Conflict),
            ReleaseResult::Contended => Err(stock_contended().into()),
        }
    }
}
