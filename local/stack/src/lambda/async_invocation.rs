//! Asynchronous invocations: accepted at once, run in the background, and retried as
//! Lambda retries them
//! (docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
//!
//! After a function error, Lambda retries after one minute and again after two. After a
//! throttle or a service error, it retries for six hours, with a backoff that doubles
//! from one second to five minutes. All delays are on the stack's clock. An event that
//! runs out of retries is dropped with a line in the log that does not contain the event.

use std::sync::Arc;

use jiff::SignedDuration;

use super::LambdaHost;
use super::function::Function;
use super::invocation::{Invocation, InvokeError, InvokeOutcome};
use crate::clock::BusyGuard;

const DELAYS_AFTER_FUNCTION_ERROR: [SignedDuration; 2] =
    [SignedDuration::from_mins(1), SignedDuration::from_mins(2)];
const MAX_EVENT_AGE: SignedDuration = SignedDuration::from_hours(6);
const FIRST_BACKOFF: SignedDuration = SignedDuration::from_secs(1);
const MAX_BACKOFF: SignedDuration = SignedDuration::from_mins(5);

/// The result of delivering an event.
#[derive(Debug)]
pub struct EventDelivery {
    /// Whether an invocation succeeded. Otherwise the event is lost.
    pub succeeded: bool,
    /// Keeps the clock from skipping ahead after the last invocation.
    pub busy: BusyGuard,
}

/// Invokes the function until it succeeds or the retries are exhausted.
pub(super) async fn deliver(
    host: &LambdaHost,
    function: Arc<Function>,
    invocation: Invocation,
    mut busy: BusyGuard,
) -> EventDelivery {
    let expires = host.clock.now().saturating_add(MAX_EVENT_AGE).unwrap_or(jiff::Timestamp::MAX);
    let mut retries = Retries::default();
    loop {
        let result = host.run(Arc::clone(&function), invocation.clone(), busy.clone()).await;
        if result.as_ref().is_ok_and(|outcome| outcome.function_error.is_none()) {
            return EventDelivery { succeeded: true, busy };
        }
        let due = |delay| host.clock.now().saturating_add(delay).unwrap_or(jiff::Timestamp::MAX);
        let Some(due) = retries.next_delay(&result).map(due).filter(|due| *due <= expires) else {
            let (function, request_id) = (&function.settings.name, &invocation.request_id);
            tracing::warn!(function, request_id, "an event was dropped after its last retry");
            return EventDelivery { succeeded: false, busy };
        };
        let sleep = host.clock.sleep_until(due);
        drop(busy);
        busy = sleep.await;
    }
}

/// Counts the failed attempts by their cause.
#[derive(Debug, Default)]
struct Retries {
    function_errors: usize,
    service_errors: u32,
}

impl Retries {
    /// The delay before the next attempt, or `None` after the last one.
    fn next_delay(
        &mut self,
        failed: &Result<InvokeOutcome, InvokeError>,
    ) -> Option<SignedDuration> {
        if failed.is_ok() {
            self.function_errors += 1;
            return DELAYS_AFTER_FUNCTION_ERROR.get(self.function_errors - 1).copied();
        }
        let delay = FIRST_BACKOFF.saturating_mul(1 << self.service_errors.min(10));
        self.service_errors += 1;
        Some(delay.min(MAX_BACKOFF))
    }
}
