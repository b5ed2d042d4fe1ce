//! Gives the goods of the order back to the shelves.
//!
//! A compensating step: it records first that the order turned round, and gives
//! nothing back while a label may still be live.

use domain::conflict::{AttemptError, begin_compensation, load_order, retry_on_conflict};
use domain::ports::{self, LoadOrder, ReleaseStock, ReserveStock, SaveOrder};
use domain::step::Step;
use domain::{ErrorName, Status, StepError, Timestamp};

use crate::event::{Operation, Released};
use crate::{CheckInventory, contended};

impl<O: LoadOrder + SaveOrder, S: ReserveStock + ReleaseStock> CheckInventory<O, S> {
    /// Releases what the order holds, once. An order that is fulfilled, or that
    /// another execution owns, is left as it is.
    pub async fn release(
        &self,
        step: &Step<Operation>,
        at: Timestamp,
    ) -> Result<Released, StepError> {
        let released = retry_on_conflict(|| self.release_once(step, at)).await?;
        Ok(Released { order_id: step.order_id.clone(), released })
    }

    async fn release_once(
        &self,
        step: &Step<Operation>,
        at: Timestamp,
    ) -> Result<bool, AttemptError> {
        let order = load_order(&self.orders, &step.order_id).await?;
        if !order.is_owned_by(step.execution.as_ref()) || order.status == Status::Fulfilled {
            return Ok(false);
        }
        if order.has_open_shipment() {
            return Err(ErrorName::CompensationIncomplete.with_detail("a shipment is left").into());
        }
        let order = begin_compensation(&self.orders, order, &step.failed, at).await?;
        if !order.holds_stock() {
            return Ok(order.reservation.is_some());
        }
        match self.stock.release(&order, &order.released(at)).await? {
            ports::ReleaseResult::Released => Ok(true),
            ports::ReleaseResult::OrderConflict => Err(AttemptError::Conflict),
            ports::ReleaseResult::Contended => Err(contended().into()),
        }
    }
}
