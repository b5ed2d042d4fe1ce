//! Two sweeps never overlap: a sweep holds a lease while it runs, and begins only if no other
//! sweep holds it.
//!
//! Correctness does not depend on it, because every write of an order is conditional on the
//! version that was read. Without it, a sweep that a slow provider holds up for more than a
//! minute would be joined by another each minute, all of which call that provider about the
//! same orders.
//!
//! The lease is short and is extended while the sweep runs. If the process dies, it ends by
//! itself before the next scheduled sweep. A sweep that finds its lease taken stops where
//! it is, as if the process had died. Reserved concurrency of 1 would not do: the events of
//! ended executions use the same function, and a new account can reserve none.

use aws::clock::Clock;
use domain::ports::{StoreUnavailable, SweepLease};
use domain::{StepError, Timestamp};

/// How long the lease is valid, in seconds: less than the minute between two scheduled
/// sweeps, so that the sweep after one that died is not lost.
pub const LEASE_SECONDS: u32 = 55;
/// After how many seconds the lease is extended. Two attempts may fail.
pub const EXTEND_AFTER_SECONDS: u32 = 15;

/// Runs `sweep` while it holds the lease. Returns `None` if another process holds it.
///
/// `at` is the present when the sweep begins, `clock` measures how long it runs, and `pause`
/// lasts [`EXTEND_AFTER_SECONDS`].
///
/// # Errors
///
/// `StoreUnavailable` if the lease cannot be taken; the errors of the sweep.
pub(crate) async fn alone<T>(
    lease: &impl SweepLease,
    at: Timestamp,
    clock: &impl Clock,
    pause: impl AsyncFn(),
    sweep: impl Future<Output = Result<T, StepError>>,
) -> Result<Option<T>, StepError> {
    let started = clock.monotonic_ms();
    let present = || at.plus_seconds((clock.monotonic_ms() - started) / 1000);
    let until = |present: Timestamp| present.plus_seconds(LEASE_SECONDS.into());
    let Some(number) = lease.take(at, until(at)).await? else {
        tracing::info!("another sweep is running");
        return Ok(None);
    };
    let lost = async {
        loop {
            pause().await;
            // A write that failed is repeated after the next pause.
            if let Ok(false) = lease.end_at(number, until(present())).await {
                return;
            }
        }
    };
    tokio::select! {
        // A lease that is lost ends the sweep before its next step.
        biased;
        () = lost => {
            tracing::warn!("another sweep took the lease; this one stops");
            Ok(None)
        }
        result = sweep => {
            // A lease that cannot be returned ends by itself.
            let _ends_by_itself: Result<bool, StoreUnavailable> = lease.end_at(number, at).await;
            result.map(Some)
        }
    }
}
