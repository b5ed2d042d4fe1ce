//! The lease of the sweep: at most one process sweeps at a time.

use super::StoreUnavailable;
use crate::Timestamp;

/// Takes and keeps the lease of the sweep (`dynamodb:UpdateItem` on Orders).
///
/// Each time that it is taken it gets a number. Who took it before can then no longer
/// change it.
pub trait SweepLease: Sync {
    /// Takes the lease until `until` if it is free or ended by `at`, and returns its number.
    /// Returns `None` while another process holds it.
    fn take(
        &self,
        at: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<Option<u64>, StoreUnavailable>> + Send;

    /// Lets the lease of this number end at another time. Returns whether it still was that
    /// number's.
    fn end_at(
        &self,
        number: u64,
        until: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreUnavailable>> + Send;
}
