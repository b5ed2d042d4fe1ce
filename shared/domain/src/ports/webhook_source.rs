//! The port of a provider's webhooks.
//!
//! A provider sends a webhook when one of its objects changes. The order API only
//! learns from it which order to look at; the reconciler then asks the provider for
//! the truth. An implementation checks the signature before it reads the body, and
//! passes on nothing but ids.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{OrderId, PaymentIntentId, Private, ShipmentId, Timestamp};

/// Whether a provider account moves real money and real parcels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderMode {
    /// Test keys: no money moves, no parcel leaves.
    Test,
    /// Live keys.
    Live,
}

/// A webhook request before anything in it is trusted.
#[derive(Clone, Copy)]
pub struct WebhookRequest<'a> {
    /// The headers, with names in lower case.
    pub headers: &'a BTreeMap<String, String>,
    /// The exact bytes of the body: the signature covers them.
    pub body: &'a [u8],
    /// When the request arrived.
    pub received_at: Timestamp,
}

impl std::fmt::Debug for WebhookRequest<'_> {
    // The body may hold names and addresses.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[webhook request]")
    }
}

impl WebhookRequest<'_> {
    /// The value of a header, by its name in lower case; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// The provider's id of an event, the same in every delivery of it. A provider whose
/// events have no id can use a digest of the body.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct WebhookEventId(String);

/// The text is not the id of a webhook event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 letters, digits, hyphens or underscores")]
pub struct InvalidWebhookEventId;

impl WebhookEventId {
    /// The maximum length, in bytes.
    pub const MAX_LENGTH: usize = 255;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for WebhookEventId {
    type Error = InvalidWebhookEventId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_valid = (1..=Self::MAX_LENGTH).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if is_valid { Ok(Self(text)) } else { Err(InvalidWebhookEventId) }
    }
}

/// A genuine event about an object that may belong to one of our orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEvent {
    /// The provider's id of the event.
    pub id: WebhookEventId,
    /// The object that changed.
    pub subject: WebhookSubject,
}

/// The object that a webhook event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookSubject {
    /// A payment intent, or a charge, refund or dispute of it.
    Payment {
        /// The payment intent.
        intent: PaymentIntentId,
        /// The order that we named on it, if the event repeats that.
        order: Option<OrderId>,
    },
    /// A shipment, or a tracker or label refund of it.
    Shipment {
        /// The shipment.
        shipment: ShipmentId,
        /// The order that we named on it, if the event repeats that.
        order: Option<OrderId>,
    },
}

/// Why a webhook request is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookRejection {
    /// The request has no signature.
    #[error("the signature is missing: send the header that the provider signs with")]
    Unsigned,
    /// No valid secret of ours signed the body.
    #[error("the body is not signed with the secret of this webhook")]
    Forged,
    /// The timestamp of the signature is outside the provider's tolerance.
    #[error("the timestamp of the signature is too far from the current time")]
    Stale,
    /// The signature is genuine, and the body is not an event of this provider.
    #[error("the body is not an event of this provider")]
    Malformed,
}

/// What the API's OpenAPI document says about a provider's webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookContract {
    /// The provider's name, in one word: it is also part of the schema's name.
    pub provider: &'static str,
    /// The header that carries the signature.
    pub signature_header: &'static str,
    /// How the signature is computed.
    pub signature_description: &'static str,
    /// A regular expression that every well-formed signature header matches.
    pub signature_pattern: &'static str,
    /// The JSON Schema of an event, as far as the source reads it.
    pub event_schema: Value,
    /// An event that fits the schema.
    pub event_example: Value,
}

/// What verifies the webhooks of a provider account now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookKeys {
    /// The signing secrets that are valid: one, or two during a rotation. None: no webhook
    /// can be verified.
    pub secrets: Vec<Private<String>>,
    /// Events of the other mode are ignored.
    pub mode: ProviderMode,
}

/// Verifies and reads the webhooks of one provider.
pub trait WebhookSource: std::fmt::Debug + Send + Sync {
    /// The event in a request; `None` for a genuine event that cannot concern an
    /// order of ours, such as one of the other mode.
    ///
    /// # Errors
    /// The signature or the body is not acceptable.
    fn receive(
        &self,
        request: &WebhookRequest<'_>,
        keys: &WebhookKeys,
    ) -> Result<Option<WebhookEvent>, WebhookRejection>;

    /// What the OpenAPI document says about this webhook.
    fn contract(&self) -> WebhookContract;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_is_one_word_of_at_most_255_bytes() {
        let parse = |text: &str| WebhookEventId::try_from(text.to_owned());
        for valid in ["evt_1", "evt-1", "1", &"e".repeat(255)] {
            assert_eq!(parse(valid).unwrap().as_str(), valid);
        }
        for invalid in ["", "evt 1", "evt_1\n", "évt", "a/b", &"e".repeat(256)] {
            assert_eq!(parse(invalid), Err(InvalidWebhookEventId), "{invalid}");
        }
    }
}
