//! Webhook events: their bodies and their signatures.
//!
//! The emulators queue [`WebhookEvent`]s, and `Emulator::take_events` returns them. The sender
//! signs an event at the time of delivery with [`WebhookEvent::headers`].

use std::collections::VecDeque;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization as _;

/// The provider that sends an event, which determines the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventSource {
    /// Stripe: `Stripe-Signature`, over time and body.
    Stripe,
    /// EasyPost: `X-Hmac-Signature`, over the body.
    EasyPost,
}

/// The maximum length of the queue. A full queue drops its oldest event.
const MAX_QUEUED_EVENTS: usize = 10_000;

/// Events that wait for delivery.
#[derive(Debug, Clone)]
pub(crate) struct EventQueue(VecDeque<WebhookEvent>);

impl EventQueue {
    pub(crate) const fn new() -> Self {
        Self(VecDeque::new())
    }

    pub(crate) fn push(&mut self, event: WebhookEvent) {
        if self.0.len() == MAX_QUEUED_EVENTS {
            self.0.pop_front();
        }
        self.0.push_back(event);
    }

    pub(crate) fn take(&mut self) -> Vec<WebhookEvent> {
        std::mem::take(&mut self.0).into()
    }
}

/// One webhook event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEvent {
    /// The provider that sends it.
    pub source: EventSource,
    /// `evt_…`; the same at every attempt.
    pub id: String,
    /// `payment_intent.succeeded`, `tracker.updated`, …
    pub event_type: String,
    /// The order that it concerns.
    pub order: Option<String>,
    /// When the event happened.
    pub at: Timestamp,
    /// The body, exactly as it is signed and sent.
    pub body: String,
}

impl WebhookEvent {
    /// The headers of a delivery at `at`, signed with `secret`.
    pub fn headers(&self, secret: &str, at: Timestamp) -> Vec<(&'static str, String)> {
        let signature = match self.source {
            EventSource::Stripe => {
                ("stripe-signature", stripe_signature(secret, at, self.body.as_bytes()))
            }
            EventSource::EasyPost => {
                ("x-hmac-signature", easypost_signature(secret, self.body.as_bytes()))
            }
        };
        vec![("content-type", "application/json; charset=utf-8".to_owned()), signature]
    }
}

/// The value of `Stripe-Signature`: the time in seconds, and the HMAC-SHA256 of `{time}.{body}`
/// (docs.stripe.com/webhooks/signature).
pub fn stripe_signature(secret: &str, at: Timestamp, body: &[u8]) -> String {
    let time = at.as_second();
    let mut signed = format!("{time}.").into_bytes();
    signed.extend_from_slice(body);
    format!("t={time},v1={}", hex::encode(hmac(secret.as_bytes(), &signed)))
}

/// The value of `X-Hmac-Signature`: the HMAC-SHA256 of the body, keyed with the secret in Unicode
/// normalization form KD (docs.easypost.com/docs/webhooks).
pub fn easypost_signature(secret: &str, body: &[u8]) -> String {
    let secret: String = secret.nfkd().collect();
    format!("hmac-sha256-hex={}", hex::encode(hmac(secret.as_bytes(), body)))
}

fn hmac(secret: &[u8], body: &[u8]) -> Vec<u8> {
    // HMAC accepts keys of any length, so this never fails.
    Hmac::<Sha256>::new_from_slice(secret)
        .map(|mac| mac.chain_update(body).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}
