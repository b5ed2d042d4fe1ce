//! How every step is run: load, decide, act, record; and once more from the
//! start when somebody else wrote the order in between.
//!
//! A round that was overtaken has recorded nothing, so the next one decides by
//! the record as it is then. The rounds are bounded; an order that keeps
//! changing is tried again later by the state machine.

use crate::compensation::FailedStates;
use crate::ports::{LoadOrder, SaveOrder, SaveResult, StoreUnavailable, WorkflowUnavailable};
use crate::{ErrorName, Order, OrderId, StepError, Timestamp};

/// How many rounds a step makes at most.
pub const MAX_ATTEMPTS: u32 = 8;

/// Why a round ended without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptError {
    /// Somebody else wrote the order since it was read.
    Conflict,
    /// The step failed.
    Failed(StepError),
}

impl From<StepError> for AttemptError {
    fn from(failure: StepError) -> Self {
        Self::Failed(failure)
    }
}

impl From<WorkflowUnavailable> for AttemptError {
    fn from(error: WorkflowUnavailable) -> Self {
        Self::Failed(error.into())
    }
}

impl From<StoreUnavailable> for AttemptError {
    fn from(error: StoreUnavailable) -> Self {
        Self::Failed(error.into())
    }
}

/// Makes rounds until one is not overtaken.
pub async fn retry_on_conflict<T, F>(mut round: impl FnMut() -> F) -> Result<T, StepError>
where
    F: Future<Output = Result<T, AttemptError>>,
{
    for _ in 0..MAX_ATTEMPTS {
        match round().await {
            Ok(result) => return Ok(result),
            Err(AttemptError::Failed(failure)) => return Err(failure),
            Err(AttemptError::Conflict) => {}
        }
    }
    Err(ErrorName::StoreUnavailable.with_detail("the order kept changing under this step"))
}

/// The order of this id, which there must be.
pub async fn load_order(orders: &impl LoadOrder, id: &OrderId) -> Result<Order, StepError> {
    orders
        .load(id)
        .await?
        .ok_or_else(|| ErrorName::OrderNotFound.with_detail("there is no such order"))
}

/// The order with its compensation on record, by the first step that undoes, before
/// it acts. A closed order stays as it is.
pub async fn begin_compensation(
    orders: &impl SaveOrder,
    order: Order,
    failed: &FailedStates,
    at: Timestamp,
) -> Result<Order, AttemptError> {
    if order.compensation.is_some() || order.status.is_closed() {
        return Ok(order);
    }
    save_order(orders, &order, order.begin_compensation(failed, at)).await
}

/// Records what comes after `before`, and gives it back to go on with.
pub async fn save_order(
    orders: &impl SaveOrder,
    before: &Order,
    after: Order,
) -> Result<Order, AttemptError> {
    match orders.save(before, &after).await? {
        SaveResult::Saved => Ok(after),
        SaveResult::Conflict => Err(AttemptError::Conflict),
    }
}
