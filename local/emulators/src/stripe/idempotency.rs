//! Idempotency keys: the first answer to each, for a day.
//!
//! The first result of a call that was executed is kept under its key, a 500 included, and
//! said again to the same call. Another call under the key is an error; the same call while
//! the first is in flight is a conflict. A key that is a day old is forgotten, and its call
//! executed anew.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::exchange::HttpResponse;

/// How long a key is kept.
pub(crate) const KEY_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// What makes two calls the same: method, path and parameters.
pub(crate) type RequestFingerprint = (String, String, Vec<(String, String)>);

#[derive(Debug, Clone)]
struct KeyRecord {
    fingerprint: RequestFingerprint,
    since: Timestamp,
    answer: Option<HttpResponse>,
    in_flight: bool,
}

/// What a key says about a call.
#[derive(Debug)]
pub(crate) enum KeyState {
    New,
    Mismatch,
    InFlight,
    Answered(HttpResponse),
}

/// The keys that are kept.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    kept: BTreeMap<String, KeyRecord>,
    by_age: BTreeSet<(Timestamp, String)>,
}

impl Keys {
    pub(crate) const fn new() -> Self {
        Self { kept: BTreeMap::new(), by_age: BTreeSet::new() }
    }

    pub(crate) fn state_of(&self, key: &str, fingerprint: &RequestFingerprint) -> KeyState {
        match self.kept.get(key) {
            Some(kept) if kept.fingerprint != *fingerprint => KeyState::Mismatch,
            Some(KeyRecord { in_flight: true, .. }) => KeyState::InFlight,
            Some(KeyRecord { answer: Some(answer), .. }) => KeyState::Answered(answer.clone()),
            None | Some(KeyRecord { answer: None, .. }) => KeyState::New,
        }
    }

    /// Keeps the answer of an executed call.
    pub(crate) fn store(
        &mut self,
        key: &str,
        fingerprint: &RequestFingerprint,
        answer: &HttpResponse,
        at: Timestamp,
    ) {
        self.put(key, fingerprint, Some(answer.clone()), false, at);
    }

    /// Marks a call as in flight; what was kept for it stays.
    pub(crate) fn mark_in_flight(
        &mut self,
        key: &str,
        fingerprint: &RequestFingerprint,
        at: Timestamp,
    ) {
        match self.kept.get_mut(key) {
            Some(kept) => kept.in_flight = true,
            None => self.put(key, fingerprint, None, true, at),
        }
    }

    /// The call is no longer in flight; one that was never executed leaves its key free.
    pub(crate) fn release(&mut self, key: &str) {
        let Some(kept) = self.kept.get_mut(key) else { return };
        kept.in_flight = false;
        if kept.answer.is_none() {
            self.remove(key);
        }
    }

    /// The keys of calls that have not ended.
    pub(crate) fn in_flight(&self) -> impl Iterator<Item = &str> {
        self.kept.iter().filter(|(_, kept)| kept.in_flight).map(|(key, _)| key.as_str())
    }

    /// Forgets what is a day old at `at`, unless it is still in flight.
    pub(crate) fn expire(&mut self, at: Timestamp) {
        let old: Vec<String> = self
            .by_age
            .iter()
            .take_while(|(since, _)| at.duration_since(*since) >= KEY_LIFETIME)
            .map(|(_, key)| key.clone())
            .collect();
        for key in old {
            if self.kept.get(&key).is_some_and(|kept| !kept.in_flight) {
                self.remove(&key);
            }
        }
    }

    fn put(
        &mut self,
        key: &str,
        fingerprint: &RequestFingerprint,
        answer: Option<HttpResponse>,
        in_flight: bool,
        at: Timestamp,
    ) {
        self.remove(key);
        self.by_age.insert((at, key.to_owned()));
        let kept = KeyRecord { fingerprint: fingerprint.clone(), since: at, answer, in_flight };
        self.kept.insert(key.to_owned(), kept);
    }

    fn remove(&mut self, key: &str) {
        if let Some(kept) = self.kept.remove(key) {
            self.by_age.remove(&(kept.since, key.to_owned()));
        }
    }
}
