//! EasyPost's webhooks: who signed a request, and which shipment it is about.
//!
//! The signature scheme is that of docs.easypost.com/docs/webhooks, the shape of an
//! event that of docs.easypost.com/docs/events. A signature is compared in constant
//! time with every secret that is valid now; there are two during a rotation. Of
//! the body only ids are read: EasyPost adds fields at will.

use domain::ports::{
    ProviderMode, WebhookContract, WebhookEvent, WebhookEventId, WebhookKeys, WebhookRejection,
    WebhookRequest, WebhookSource, WebhookSubject,
};
use domain::{OrderId, Private};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization as _;

use crate::ids::shipment_id;

/// The header of the signature.
const SIGNATURE_HEADER: &str = "x-hmac-signature";

/// The webhooks of an EasyPost account.
#[derive(Debug, Clone, Copy)]
pub struct EasyPostWebhooks;

impl WebhookSource for EasyPostWebhooks {
    fn receive(
        &self,
        request: &WebhookRequest<'_>,
        keys: &WebhookKeys,
    ) -> Result<Option<WebhookEvent>, WebhookRejection> {
        verify(request.header(SIGNATURE_HEADER), request.body, &keys.secrets)?;
        // The parser's message is dropped: it may quote the event.
        let event = parse(request.body).or(Err(WebhookRejection::Malformed))?;
        // An event that does not state its mode is identified by its signature alone.
        Ok(event
            .filter(|(mode, _)| mode.is_none_or(|mode| mode == keys.mode))
            .map(|(_, event)| event))
    }

    fn contract(&self) -> WebhookContract {
        let tracker = json!({"id": "trk_1", "object": "Tracker", "shipment_id": "shp_1"});
        WebhookContract {
            provider: "EasyPost",
            signature_header: "X-Hmac-Signature",
            signature_description: "The HMAC-SHA256 of the body, under the secret in Unicode \
                                    normalization form KD.",
            signature_pattern: "^hmac-sha256-hex=[0-9A-Fa-f]{64}$",
            event_schema: event_schema(),
            event_example: json!({"id": "evt_1", "description": "tracker.updated", "mode": "test",
                "result": tracker}),
        }
    }
}

/// Checks a header `hmac-sha256-hex=…`: the HMAC-SHA256 of the body under the secret
/// in Unicode normalization form KD.
fn verify(header: &str, body: &[u8], secrets: &[Private<String>]) -> Result<(), WebhookRejection> {
    if header.trim().is_empty() {
        return Err(WebhookRejection::Unsigned);
    }
    let text = header.trim().strip_prefix("hmac-sha256-hex=").unwrap_or_default();
    let signature = hex::decode(text).or(Err(WebhookRejection::Forged))?;
    let is_genuine = secrets.iter().any(|secret| {
        let secret: String = secret.expose().nfkd().collect();
        // HMAC takes a key of any length, so this cannot fail.
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
        // Compares in constant time.
        mac.is_ok_and(|mac| mac.chain_update(body).verify_slice(&signature).is_ok())
    });
    if is_genuine { Ok(()) } else { Err(WebhookRejection::Forged) }
}

/// An event, as far as it is read. `result` is a map first, because serde would also
/// accept a list in place of a struct.
#[derive(Deserialize)]
struct Event {
    id: WebhookEventId,
    #[serde(default)]
    mode: Option<EventMode>,
    #[serde(default)]
    result: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum EventMode {
    Test,
    Production,
}

/// A shipment, or a tracker or refund of one.
#[derive(Deserialize)]
struct EventResult {
    #[serde(default)]
    object: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    shipment_id: Option<String>,
    /// What we wrote on the shipment: the order's id.
    #[serde(default)]
    reference: Option<String>,
}

/// The event in a body, with its mode if it states one; `None` when it is about no
/// shipment.
fn parse(body: &[u8]) -> serde_json::Result<Option<(Option<ProviderMode>, WebhookEvent)>> {
    let event: Event = from_map(serde_json::from_slice(body)?)?;
    let result: EventResult = from_map(event.result)?;
    let own_id = result.id.filter(|_| result.object.as_deref() == Some("Shipment"));
    let shipment = own_id.or(result.shipment_id);
    let mode = event.mode.map(|mode| match mode {
        EventMode::Test => ProviderMode::Test,
        EventMode::Production => ProviderMode::Live,
    });
    Ok(shipment.and_then(shipment_id).map(|shipment| {
        let order = result.reference.and_then(|id| OrderId::parse(id).ok());
        (mode, WebhookEvent { id: event.id, subject: WebhookSubject::Shipment { shipment, order } })
    }))
}

fn from_map<T: DeserializeOwned>(fields: Map<String, Value>) -> serde_json::Result<T> {
    serde_json::from_value(Value::Object(fields))
}

/// The JSON Schema of what [`Event`] reads.
fn event_schema() -> Value {
    let optional_text = json!({"type": ["string", "null"]});
    json!({
        "type": "object",
        "description": "An event of EasyPost (docs.easypost.com/docs/events), as far as it is read.",
        "required": ["id"],
        "properties": {
            "id": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$",
                "maxLength": WebhookEventId::MAX_LENGTH, "examples": ["evt_1"]},
            "mode": {"type": ["string", "null"], "enum": ["test", "production", null]},
            "result": {
                "type": "object",
                "description": "A shipment, or a tracker or refund of one.",
                "properties": {
                    "object": optional_text,
                    "id": optional_text,
                    "shipment_id": optional_text,
                    "reference": optional_text,
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn signature(secret: &str) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        hex::encode(mac.chain_update(BODY).finalize().into_bytes())
    }

    #[test]
    fn the_secret_is_used_in_normalization_form_kd() {
        let header = format!("hmac-sha256-hex={}", signature("se\u{301}cret"));
        let check = |header: &str, secrets: &[&str], expected| {
            let valid: Vec<_> =
                secrets.iter().map(|text| Private::new((*text).to_owned())).collect();
            assert_eq!(verify(header, BODY, &valid), expected, "{header} {secrets:?}");
        };
        for secret in ["s\u{e9}cret", "se\u{301}cret"] {
            check(&header, &[secret], Ok(()));
            check(&header, &["other", secret], Ok(()));
        }
        let forged = Err(WebhookRejection::Forged);
        check(&header, &["secret"], forged);
        check(&header.replace("hmac-sha256-hex=", ""), &["s\u{e9}cret"], forged);
        check("", &["s\u{e9}cret"], Err(WebhookRejection::Unsigned));
        check(&header, &[], forged);
    }
}
