//! How every step is run: load, decide, act, record; and once more from the
//! start when somebody else wrote the order in between.
//!
//! A round that was overtaken has recorded nothing, so the next one decides by
//! the record as it is then. The rounds are bounded; an order that keeps
//! changing is tried again later by the state machine.

use crate::compensation::FailedStates;
use crate::ports::{LoadOrder, SaveOrder, Saved, StoreUnavailable, WorkflowUnavailable};
use crate::{Failure, Fault, Moment, Order, OrderId};

/// How many rounds a step makes at most.
pub const MOST: u32 = 8;

/// Why a round ended without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Somebody else wrote the order since it was read.
    Overtaken,
    /// The step failed.
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<WorkflowUnavailable> for Stop {
    fn from(error: WorkflowUnavailable) -> Self {
        Self::Failed(error.into())
    }
}

impl From<StoreUnavailable> for Stop {
    fn from(error: StoreUnavailable) -> Self {
        Self::Failed(error.into())
    }
}

/// Makes rounds until one is not overtaken.
pub async fn settle<T, F>(mut round: impl FnMut() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Stop>>,
{
    for _ in 0..MOST {
        match round().await {
            Ok(result) => return Ok(result),
            Err(Stop::Failed(failure)) => return Err(failure),
            Err(Stop::Overtaken) => {}
        }
    }
    Err(Fault::StoreUnavailable.because("the order kept changing under this step"))
}

/// The order of this id, which there must be.
pub async fn load(orders: &impl LoadOrder, id: &OrderId) -> Result<Order, Failure> {
    orders.load(id).await?.ok_or_else(|| Fault::OrderNotFound.because("there is no such order"))
}

/// The order with its compensation on record, by the first step that undoes, before
/// it acts. A closed order stays as it is.
pub async fn turn_round(
    orders: &impl SaveOrder,
    order: Order,
    failed: &FailedStates,
    at: Moment,
) -> Result<Order, Stop> {
    if order.compensation.is_some() || order.status.is_closed() {
        return Ok(order);
    }
    record(orders, &order, order.begin_compensation(failed, at)).await
}

/// Records what comes after `before`, and gives it back to go on with.
pub async fn record(orders: &impl SaveOrder, before: &Order, after: Order) -> Result<Order, Stop> {
    match orders.save(before, &after).await? {
        Saved::Done => Ok(after),
        Saved::Changed => Err(Stop::Overtaken),
    }
}
