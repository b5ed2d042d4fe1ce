//! Event invocations: accepted at once, run in the background, and tried again as
//! Lambda does.
//!
//! A function that fails is invoked twice more, after one minute and after two. An
//! invocation that Lambda itself refused (throttled, or an error of its own) is
//! tried again for six hours, with delays that double from one second to five
//! minutes. All of these are on the stack's clock. An event that comes to nothing is
//! dropped with a line in the log, which does not repeat it.

use std::sync::Arc;

use jiff::SignedDuration;

use super::LambdaHost;
use super::function::Function;
use super::invocation::{Invocation, InvokeError, InvokeOutcome};
use crate::clock::Busy;

const AFTER_A_FAILURE: [SignedDuration; 2] =
    [SignedDuration::from_mins(1), SignedDuration::from_mins(2)];
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(6);
const FIRST_DELAY: SignedDuration = SignedDuration::from_secs(1);
const LONGEST_DELAY: SignedDuration = SignedDuration::from_mins(5);

/// What became of an event.
#[derive(Debug)]
pub struct Delivered {
    /// Whether an invocation succeeded; otherwise the event is lost.
    pub succeeded: bool,
    /// Held since the last invocation: until it is dropped the clock does not leap.
    pub busy: Busy,
}

/// Runs an event until the function succeeds or Lambda gives it up.
pub(super) async fn deliver(
    host: &LambdaHost,
    function: Arc<Function>,
    invocation: Invocation,
    mut busy: Busy,
) -> Delivered {
    let given_up = host.clock.now().saturating_add(KEPT_FOR).unwrap_or(jiff::Timestamp::MAX);
    let mut retries = Retries::default();
    loop {
        let result = host.run(Arc::clone(&function), invocation.clone(), busy.clone()).await;
        if result.as_ref().is_ok_and(|outcome| outcome.function_error.is_none()) {
            return Delivered { succeeded: true, busy };
        }
        let due = |delay| host.clock.now().saturating_add(delay).unwrap_or(jiff::Timestamp::MAX);
        let Some(due) = retries.next(&result).map(due).filter(|due| *due <= given_up) else {
            let (function, request_id) = (&function.settings.name, &invocation.request_id);
            tracing::warn!(function, request_id, "an event was given up");
            return Delivered { succeeded: false, busy };
        };
        let sleep = host.clock.sleep_until(due);
        drop(busy);
        busy = sleep.await;
    }
}

/// How often an event was tried, and what for.
#[derive(Debug, Default)]
struct Retries {
    failures: usize,
    refusals: u32,
}

impl Retries {
    /// The delay before the next try after one that failed, or none when there is none.
    fn next(&mut self, failed: &Result<InvokeOutcome, InvokeError>) -> Option<SignedDuration> {
        if failed.is_ok() {
            self.failures += 1;
            return AFTER_A_FAILURE.get(self.failures - 1).copied();
        }
        let delay = FIRST_DELAY.saturating_mul(1 << self.refusals.min(10));
        self.refusals += 1;
        Some(delay.min(LONGEST_DELAY))
    }
}
