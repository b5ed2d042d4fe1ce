//! Asynchronous invocations: accepted at once, run in the background, and retried as
//! Lambda retries them
//! (docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
//!
//! After a function error, Lambda retries after one minute and again after two. After a
//! throttle or a service error, it retries for six hours, with a backoff that doubles
//! from one second to five minutes. A function can have less of both ([`EventRetries`]).
//! All delays are on the stack's clock. An event that runs out of retries is dropped with a
//! line in the log that does not contain the event; the stack has no queue for it.

use std::sync::Arc;

use jiff::SignedDuration;

use super::LambdaHost;
use super::function::Function;
use super::invocation::{Invocation, InvokeError, InvokeOutcome};
use super::settings::EventRetries;
use crate::clock::BusyGuard;

const DELAYS_AFTER_FUNCTION_ERROR: [SignedDuration; 2] =
    [SignedDuration::from_mins(1), SignedDuration::from_mins(2)];
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
    let EventRetries { max_attempts, max_age } = function.settings.retries;
    let expires = host.clock.now().saturating_add(max_age).unwrap_or(jiff::Timestamp::MAX);
    let mut retries = Retries { max_attempts, function_errors: 0, service_errors: 0 };
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
#[derive(Debug)]
struct Retries {
    max_attempts: usize,
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
            let delays = DELAYS_AFTER_FUNCTION_ERROR.iter().take(self.max_attempts);
            return delays.skip(self.function_errors - 1).copied().next();
        }
        let delay = FIRST_BACKOFF.saturating_mul(1 << self.service_errors.min(10));
        self.service_errors += 1;
        Some(delay.min(MAX_BACKOFF))
    }
}
