//! Counts of calls by order and API key.

use std::collections::BTreeMap;

use crate::exchange::HttpRequest;

/// The counted calls: order, API key, count.
#[derive(Debug, Clone)]
pub(crate) struct CallCounts(BTreeMap<String, BTreeMap<String, u64>>);

impl CallCounts {
    pub(crate) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Counts a call for an order. The emulator has already checked the API key.
    pub(crate) fn count(&mut self, order: Option<&str>, request: &HttpRequest) {
        if let (Some(order), Some(key)) = (order, request.api_key()) {
            let calls = self.0.entry(order.to_owned()).or_default();
            *calls.entry(key.text).or_default() += 1;
        }
    }

    pub(crate) fn by_api_key(&self, order: &str) -> BTreeMap<String, u64> {
        self.0.get(order).cloned().unwrap_or_default()
    }
}
