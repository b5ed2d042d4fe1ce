//! Idempotency keys: the first response of each is stored for a day.
//!
//! The first result of an executed call, a 500 included, is stored under its key and replayed to
//! the same call. A different call with the key is an error. The same call while the first is in
//! flight is a conflict. After a day the key expires, and its call is executed again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::exchange::HttpResponse;

/// How long a key is stored.
pub(crate) const KEY_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// What identifies a call: method, path and parameters.
pub(crate) type RequestFingerprint = (String, String, Vec<(String, String)>);

#[derive(Debug, Clone)]
struct KeyRecord {
    fingerprint: RequestFingerprint,
    since: Timestamp,
    response: Option<HttpResponse>,
    in_flight: bool,
}

/// What a key means for a call.
#[derive(Debug)]
pub(crate) enum KeyState {
    New,
    Mismatch,
    InFlight,
    Executed(HttpResponse),
}

/// The stored keys.
#[derive(Debug, Clone)]
pub(crate) struct IdempotencyKeys {
    records: BTreeMap<String, KeyRecord>,
    by_age: BTreeSet<(Timestamp, String)>,
}

impl IdempotencyKeys {
    pub(crate) const fn new() -> Self {
        Self { records: BTreeMap::new(), by_age: BTreeSet::new() }
    }

    pub(crate) fn state_of(&self, key: &str, fingerprint: &RequestFingerprint) -> KeyState {
        match self.records.get(key) {
            Some(record) if record.fingerprint != *fingerprint => KeyState::Mismatch,
            Some(KeyRecord { in_flight: true, .. }) => KeyState::InFlight,
            Some(KeyRecord { response: Some(response), .. }) => {
                KeyState::Executed(response.clone())
            }
            None | Some(KeyRecord { response: None, .. }) => KeyState::New,
        }
    }

    /// Stores the response of an executed call.
    pub(crate) fn store(
        &mut self,
        key: &str,
        fingerprint: &RequestFingerprint,
        response: &HttpResponse,
        at: Timestamp,
    ) {
        self.insert(key, fingerprint, Some(response.clone()), false, at);
    }

    /// Marks a call as in flight. A response that is already stored stays.
    pub(crate) fn mark_in_flight(
        &mut self,
        key: &str,
        fingerprint: &RequestFingerprint,
        at: Timestamp,
    ) {
        match self.records.get_mut(key) {
            Some(record) => record.in_flight = true,
            None => self.insert(key, fingerprint, None, true, at),
        }
    }

    /// Ends a call in flight. The key of a call that was never executed becomes unused again.
    pub(crate) fn release(&mut self, key: &str) {
        let Some(record) = self.records.get_mut(key) else { return };
        record.in_flight = false;
        if record.response.is_none() {
            self.remove(key);
        }
    }

    /// The keys of the calls in flight.
    pub(crate) fn in_flight(&self) -> impl Iterator<Item = &str> {
        self.records.iter().filter(|(_, record)| record.in_flight).map(|(key, _)| key.as_str())
    }

    /// Removes keys that are a day old at `at`, unless they are in flight.
    pub(crate) fn expire(&mut self, at: Timestamp) {
        let old: Vec<String> = self
            .by_age
            .iter()
            .take_while(|(since, _)| at.duration_since(*since) >= KEY_LIFETIME)
            .map(|(_, key)| key.clone())
            .collect();
        for key in old {
            if self.records.get(&key).is_some_and(|record| !record.in_flight) {
                self.remove(&key);
            }
        }
    }

    fn insert(
        &mut self,
        key: &str,
        fingerprint: &RequestFingerprint,
        response: Option<HttpResponse>,
        in_flight: bool,
        at: Timestamp,
    ) {
        self.remove(key);
        self.by_age.insert((at, key.to_owned()));
        let record = KeyRecord { fingerprint: fingerprint.clone(), since: at, response, in_flight };
        self.records.insert(key.to_owned(), record);
    }

    fn remove(&mut self, key: &str) {
        if let Some(record) = self.records.remove(key) {
            self.by_age.remove(&(record.since, key.to_owned()));
        }
    }
}
