//! Takes every line of the order from the shelves, or none.
//!
//! One transaction takes the goods and writes the reservation, on condition that
//! the order is as it was read: so a repeat finds the reservation, and an order
//! that turned round meanwhile takes nothing.

use domain::order::WhenOutOfStock;
use domain::policy::seconds_left;
use domain::ports::{LoadOrder, ReleaseStock, ReserveStock, Reserved, SaveOrder};
use domain::rounds::{Stop, load, record, settle};
use domain::step::Step;
use domain::stock::Shortage;
use domain::{Failure, Fault, Moment, Order};

use crate::event::{Checked, Found, Operation};
use crate::{CheckInventory, contended};

impl<O: LoadOrder + SaveOrder, S: ReserveStock + ReleaseStock> CheckInventory<O, S> {
    /// Reserves the goods of the order, once, or says what is short.
    pub async fn reserve(&self, step: &Step<Operation>, at: Moment) -> Result<Checked, Failure> {
        let found = settle(|| self.reserve_once(step, at)).await?;
        Ok(Checked { order_id: step.order_id.clone(), found })
    }

    async fn reserve_once(&self, step: &Step<Operation>, at: Moment) -> Result<Found, Stop> {
        let order = load(&self.orders, &step.order_id).await?;
        order.guard_forward(step.execution.as_ref())?;
        if order.holds_stock() {
            return Ok(Found::All);
        }
        may_reserve(&order)?;
        match self.stock.reserve(&order, &order.reserved(at)?).await? {
            Reserved::Done => Ok(Found::All),
            Reserved::Short(shortages) => self.short(&order, shortages, at).await,
            Reserved::OrderChanged => Err(Stop::Overtaken),
            Reserved::Contended => Err(contended().into()),
        }
    }

    /// The goods are not there: the order waits for them, if it may and if there
    /// is time.
    async fn short(
        &self,
        order: &Order,
        shortages: Vec<Shortage>,
        at: Moment,
    ) -> Result<Found, Stop> {
        let (WhenOutOfStock::Wait, Some(first)) = (order.when_out_of_stock, shortages.first())
        else {
            return Ok(Found::Short { shortages });
        };
        let waiting = order.backordered(&first.sku, at);
        match waiting.backorder.as_ref().map(|backorder| backorder.deadline) {
            Some(deadline) if at <= deadline => {
                record(&self.orders, order, waiting).await?;
                Ok(Found::Wait { shortages, deadline_seconds: seconds_left(deadline, at) })
            }
            _ => Ok(Found::Short { shortages }),
        }
    }
}

/// Whether this order may take goods at all.
fn may_reserve(order: &Order) -> Result<(), Failure> {
    if order.reservation.is_some() {
        return Err(Fault::CompensationBegun.because("the reservation was given back"));
    }
    if order.lacks_approval() {
        return Err(Fault::ReviewRejected.because("nobody approved the order"));
    }
    Ok(())
}
