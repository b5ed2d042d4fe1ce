//! What the providers tell of their own accord: event bodies, and the signatures on them.
//!
//! An [`WebhookEvent`] is data; the models queue them and `Emulator::take_events` hands them over.
//! Whoever delivers one signs it at the time of sending, with [`WebhookEvent::headers`].

use std::collections::VecDeque;
use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization as _;

/// Which provider tells it, and so how it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventSource {
    /// Stripe: `Stripe-Signature`, over time and body.
    Stripe,
    /// `EasyPost`: `X-Hmac-Signature`, over the body.
    EasyPost,
}

/// How many events wait for whoever takes them; then the oldest go untold.
const MAX_QUEUED_EVENTS: usize = 10_000;

/// Events that wait to be taken.
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

/// Something that a provider tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEvent {
    /// Who tells it.
    pub source: EventSource,
    /// `evt_…`; the same in every repeat.
    pub id: String,
    /// `payment_intent.succeeded`, `tracker.updated`, …
    pub event_type: String,
    /// The order that it concerns.
    pub order: Option<String>,
    /// When it happened.
    pub at: Timestamp,
    /// The body, byte for byte as it is signed and sent.
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

/// The value of `Stripe-Signature`: the time in seconds, and the HMAC-SHA256 of
/// `{time}.{body}` (docs.stripe.com/webhooks/signature).
pub fn stripe_signature(secret: &str, at: Timestamp, body: &[u8]) -> String {
    let time = at.as_second();
    let mut signed = format!("{time}.").into_bytes();
    signed.extend_from_slice(body);
    format!("t={time},v1={}", hex(&hmac(secret.as_bytes(), &signed)))
}

/// The value of `X-Hmac-Signature`: the HMAC-SHA256 of the body under the secret in Unicode's
/// normal form KD (docs.easypost.com/docs/webhooks).
pub fn easypost_signature(secret: &str, body: &[u8]) -> String {
    let secret: String = secret.nfkd().collect();
    format!("hmac-sha256-hex={}", hex(&hmac(secret.as_bytes(), body)))
}

fn hmac(secret: &[u8], body: &[u8]) -> Vec<u8> {
    // HMAC takes a key of any length, so this has no way to fail.
    Hmac::<Sha256>::new_from_slice(secret)
        .map(|mac| mac.chain_update(body).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
