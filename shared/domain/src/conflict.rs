//! Optimistic concurrency: every step loads the order, decides, acts and records, and
//! starts over if another writer changed the order in between ([`retry_on_conflict`]).
//!
//! An attempt that met a conflict has recorded nothing, so that the next one decides on
//! the record as it then is. Attempts are bounded: if the order keeps changing, the state
//! machine retries the step later.

use crate::attention::AttentionCause;
use crate::compensation::FailedStates;
use crate::ports::{LoadOrder, SaveOrder, SaveResult, StoreUnavailable, WorkflowUnavailable};
use crate::{ErrorName, ExecutionName, Order, OrderId, StepError, Timestamp};

/// The maximum number of attempts.
pub const MAX_ATTEMPTS: u32 = 8;

/// Why an attempt ended without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptError {
    /// Another writer changed the order since it was read.
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

/// Runs attempts until one meets no conflict.
///
/// # Errors
/// The error of an attempt; [`ErrorName::StoreUnavailable`] after [`MAX_ATTEMPTS`].
pub async fn retry_on_conflict<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, StepError>
where
    F: Future<Output = Result<T, AttemptError>>,
{
    for _ in 0..MAX_ATTEMPTS {
        match attempt().await {
            Ok(result) => return Ok(result),
            Err(AttemptError::Failed(failure)) => return Err(failure),
            Err(AttemptError::Conflict) => {}
        }
    }
    Err(ErrorName::StoreUnavailable.with_detail("the order kept changing during this step"))
}

/// Loads an order that must exist.
///
/// # Errors
/// [`ErrorName::OrderNotFound`], or [`ErrorName::StoreUnavailable`].
pub async fn load_order(orders: &impl LoadOrder, id: &OrderId) -> Result<Order, StepError> {
    orders
        .load(id)
        .await?
        .ok_or_else(|| ErrorName::OrderNotFound.with_detail("there is no such order"))
}

/// Records that compensation begins, unless it has begun or the order is closed. Every
/// compensating step calls this before it acts.
///
/// # Errors
/// A conflict, or [`ErrorName::StoreUnavailable`].
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

/// Records on an order why the step that failed needs an operator, if our account at a
/// provider is the reason. Returns the failure.
///
/// The record helps the operator and decides nothing, so a failure to write it is ignored.
pub async fn record_cause<O: LoadOrder + SaveOrder>(
    orders: &O,
    id: &OrderId,
    execution: Option<&ExecutionName>,
    at: Timestamp,
    failure: StepError,
) -> StepError {
    if let Some(cause) = AttentionCause::of(&failure, at) {
        let recorded = retry_on_conflict(|| async {
            let order = load_order(orders, id).await?;
            if !order.is_owned_by(execution) || order.has_attention_cause(&cause) {
                return Ok(());
            }
            save_order(orders, &order, order.with_attention_cause(&cause, at)).await.map(drop)
        });
        let _helps_only = recorded.await;
    }
    failure
}

/// Saves `after` on condition that the order is still `before`, and returns it.
///
/// # Errors
/// A conflict, or [`ErrorName::StoreUnavailable`].
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
