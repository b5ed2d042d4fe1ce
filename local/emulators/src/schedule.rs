//! A queue of future changes, such as expiring authorizations and final refunds. It has no clock.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// The position of an item in the queue; needed to cancel it.
pub(crate) type ScheduleKey = (Timestamp, u64);

/// Scheduled items, ordered by their time.
#[derive(Debug, Clone)]
pub(crate) struct Schedule<T> {
    queue: BTreeMap<ScheduleKey, T>,
    inserted: u64,
}

impl<T> Schedule<T> {
    pub(crate) const fn new() -> Self {
        Self { queue: BTreeMap::new(), inserted: 0 }
    }

    pub(crate) fn insert(&mut self, at: Timestamp, item: T) -> ScheduleKey {
        self.inserted += 1;
        self.queue.insert((at, self.inserted), item);
        (at, self.inserted)
    }

    pub(crate) fn cancel(&mut self, key: Option<ScheduleKey>) {
        if let Some(key) = key {
            self.queue.remove(&key);
        }
    }

    /// Removes the next item that is due by `at`, and returns it with its time.
    pub(crate) fn pop_due(&mut self, at: Timestamp) -> Option<(Timestamp, T)> {
        let entry = self.queue.first_entry().filter(|entry| entry.key().0 <= at)?;
        let (due_at, _) = *entry.key();
        Some((due_at, entry.remove()))
    }

    /// The time of the next item.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }
}
