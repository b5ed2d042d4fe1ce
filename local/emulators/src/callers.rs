//! Who called for which order, and how often: callers are told apart by their keys, as in
//! the providers' own logs of requests.

use std::collections::BTreeMap;

use crate::exchange::HttpRequest;

/// The calls that were counted, by order and by key.
#[derive(Debug, Clone)]
pub(crate) struct CallCounts(BTreeMap<String, BTreeMap<String, u64>>);

impl CallCounts {
    pub(crate) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Counts a call for an order. Both have been looked at: the key is a test key.
    pub(crate) fn count(&mut self, order: Option<&str>, call: &HttpRequest) {
        if let (Some(order), Some(key)) = (order, call.secret()) {
            let calls = self.0.entry(order.to_owned()).or_default();
            *calls.entry(key.text).or_default() += 1;
        }
    }

    pub(crate) fn of(&self, order: &str) -> BTreeMap<String, u64> {
        self.0.get(order).cloned().unwrap_or_default()
    }
}
