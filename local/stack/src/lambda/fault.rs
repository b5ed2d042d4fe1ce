//! The injected faults of an invocation, at the point `function.` plus the function's
//! name.
//!
//! | kind | effect |
//! |---|---|
//! | `kill` | the worker dies before the invocation has any effect |
//! | `drop-answer` | the worker dies after all effects of the invocation |
//! | `hang` | the invocation uses up its time limit |
//! | `late` | the response is delayed |
//! | `throttle`, `500`, `down` | the invocation is rejected without effect |
//! | `500-with-effect` | Lambda reports an error after the effects |

use std::time::Duration;

use emulators::faults::FaultKind;

use super::function::Function;
use super::invocation::{Invocation, InvokeError, InvokeOutcome};
use super::pool::WorkerLease;
use crate::faults::{Fault, Faults};

/// Counts the invocation at its fault point. Returns the fault that applies to it.
pub(super) fn for_invocation(
    faults: &Faults,
    function: &str,
    invocation: &Invocation,
) -> Option<Fault> {
    faults.next_fault(&format!("function.{function}"), invocation.order_id.as_deref())
}

/// The rejection without effect that a fault stands for, if any.
pub(super) fn rejection(fault: &Fault) -> Option<InvokeError> {
    match fault.kind {
        FaultKind::Throttle => Some(InvokeError::Throttled),
        FaultKind::ServerError => Some(InvokeError::Service),
        FaultKind::ConnectionRefused => Some(InvokeError::Unreachable),
        _ => None,
    }
}

/// Runs the invocation with the fault, if any.
pub(super) async fn run(
    fault: Option<Fault>,
    function: &Function,
    lease: &WorkerLease,
    invocation: Invocation,
) -> Result<InvokeOutcome, InvokeError> {
    match fault.as_ref().map(|fault| fault.kind) {
        Some(FaultKind::Kill) => Ok(lease.kill_before(&invocation).await),
        Some(FaultKind::DropResponse) => Ok(lease.kill_after(invocation).await),
        Some(FaultKind::Hang) => Ok(hang(function.settings.timeout, &invocation).await),
        _ => after_effect(fault, lease.run(invocation).await).await,
    }
}

async fn hang(limit: Duration, invocation: &Invocation) -> InvokeOutcome {
    tokio::time::sleep(limit).await;
    invocation.timed_out(limit)
}

/// Applies a fault that keeps the effects of the invocation.
async fn after_effect(
    fault: Option<Fault>,
    outcome: InvokeOutcome,
) -> Result<InvokeOutcome, InvokeError> {
    match fault {
        Some(Fault { kind: FaultKind::ServerErrorAfterEffect, .. }) => Err(InvokeError::Service),
        Some(Fault { kind: FaultKind::Delay, delay_ms, .. }) => {
            tokio::time::sleep(Duration::from_millis(delay_ms.unwrap_or_default())).await;
            Ok(outcome)
        }
        _ => Ok(outcome),
    }
}
