//! What a fault plan makes of an invocation, at the point `function.` and the
//! function's name.
//!
//! - `kill`: the process dies with the invocation in hand, before it did anything;
//!   `drop-answer`: it dies after all of its effects.
//! - `hang`: nothing is answered until the function's time is up.
//! - `late`: the answer is held back.
//! - `throttle`, `500`, `down`: refused without effect; `500-with-effect`: after it.

use std::time::Duration;

use emulators::faults::FaultKind;

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
        FaultKind::Throttle => Some(InvokeError::Throttled),
        FaultKind::ServerError => Some(InvokeError::Service),
        FaultKind::ConnectionRefused => Some(InvokeError::Unreachable),
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
    match fault.as_ref().map(|fault| fault.kind) {
        Some(FaultKind::Kill) => Ok(lease.kill_before(&invocation).await),
        Some(FaultKind::DropResponse) => Ok(lease.kill_after(invocation).await),
        Some(FaultKind::Hang) => Ok(hang(function.settings.timeout, &invocation).await),
        _ => after(fault, lease.run(invocation).await).await,
    }
}

async fn hang(limit: Duration, invocation: &Invocation) -> InvokeOutcome {
    tokio::time::sleep(limit).await;
    invocation.timed_out(limit)
}

/// What becomes of an outcome once the function has run.
async fn after(fault: Option<Fault>, outcome: InvokeOutcome) -> Result<InvokeOutcome, InvokeError> {
    match fault {
        Some(Fault { kind: FaultKind::ServerErrorAfterEffect, .. }) => Err(InvokeError::Service),
        Some(Fault { kind: FaultKind::Delay, delay_ms, .. }) => {
            tokio::time::sleep(Duration::from_millis(delay_ms.unwrap_or_default())).await;
            Ok(outcome)
        }
        _ => Ok(outcome),
    }
}
