//! What a fault plan makes of an invocation, at the point `function.` and the
//! function's name.
//!
//! - `kill`: the process dies with the invocation in hand, before it did anything;
//!   `drop-answer`: it dies after all of its effects.
//! - `hang`: nothing is answered until the function's time is up.
//! - `late`: the answer is held back.
//! - `throttle`, `500`, `down`: refused without effect; `500-with-effect`: after it.

use std::time::Duration;

use lookalikes::faults::Kind;

use super::function::Function;
use super::invocation::{Invocation, InvokeError, InvokeOutcome};
use super::pool::Lease;
use crate::faults::{Fault, Faults};

/// Counts the invocation at its point, and says which fault it meets.
pub(super) fn for_invocation(
    faults: &Faults,
    function: &str,
    invocation: &Invocation,
) -> Option<Fault> {
    faults.decide(&format!("function.{function}"), invocation.order_id.as_deref())
}

/// The refusal without effect that a fault stands for, if it is one.
pub(super) fn refusal(fault: &Fault) -> Option<InvokeError> {
    match fault.kind {
        Kind::Throttle => Some(InvokeError::Throttled),
        Kind::ServerError => Some(InvokeError::Service),
        Kind::Down => Some(InvokeError::Unreachable),
        _ => None,
    }
}

/// Runs the invocation as the fault, if any, lets it go.
pub(super) async fn run(
    fault: Option<Fault>,
    function: &Function,
    lease: &Lease,
    invocation: Invocation,
) -> Result<InvokeOutcome, InvokeError> {
    let Some(fault) = fault else { return Ok(lease.run(invocation).await) };
    let limit = function.settings.timeout;
    match fault.kind {
        Kind::Kill => Ok(lease.kill_before(&invocation).await),
        Kind::DropAnswer => Ok(lease.kill_after(invocation).await),
        Kind::Hang => {
            tokio::time::sleep(limit).await;
            Ok(invocation.timed_out(limit))
        }
        Kind::Late => {
            let outcome = lease.run(invocation).await;
            tokio::time::sleep(Duration::from_millis(fault.delay_ms.unwrap_or_default())).await;
            Ok(outcome)
        }
        Kind::ServerErrorWithEffect => {
            lease.run(invocation).await;
            Err(InvokeError::Service)
        }
        _ => Ok(lease.run(invocation).await),
    }
}
