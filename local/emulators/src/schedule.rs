//! What is due at a time: lapses, refunds that become final. A queue, no clock.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// Where something stands in the queue; needed to take it out again.
pub(crate) type ScheduleKey = (Timestamp, u64);

/// Things that will happen by themselves, in the order in which they will.
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

    /// The next thing that is due by `at`, and when it was.
    pub(crate) fn pop_due(&mut self, at: Timestamp) -> Option<(Timestamp, T)> {
        let entry = self.queue.first_entry().filter(|entry| entry.key().0 <= at)?;
        let (when, _) = *entry.key();
        Some((when, entry.remove()))
    }

    /// When the next thing is due.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }
}
