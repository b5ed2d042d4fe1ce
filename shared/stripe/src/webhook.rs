//! Stripe's webhooks: who signed a request, and which payment it is about.
//!
//! The signature scheme is that of docs.stripe.com/webhooks/signature, the shape of
//! an event that of docs.stripe.com/api/events/object. A signature is compared in
//! constant time with every secret that is valid now; there are two during a
//! rotation. Only ids are read from the body, because Stripe may add fields
//! at any time.

use std::collections::BTreeMap;

use domain::ports::{
    ProviderMode, WebhookContract, WebhookEvent, WebhookEventId, WebhookKeys, WebhookRejection,
    WebhookRequest, WebhookSource, WebhookSubject,
};
use domain::{OrderId, Private, Timestamp};
use hmac::digest::CtOutput;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::Sha256;

use crate::ids::payment_intent_id;

/// The header of the signature.
const SIGNATURE_HEADER: &str = "stripe-signature";
/// The maximum distance between the signed timestamp and ours, in seconds, both ways.
const TOLERANCE_SECONDS: u64 = 300;
/// How many signatures of a header are checked. Stripe sends one per active secret.
const MAX_SIGNATURES: usize = 8;

/// The webhooks of a Stripe account.
#[derive(Debug, Clone, Copy)]
pub struct StripeWebhooks;

impl WebhookSource for StripeWebhooks {
    fn receive(
        &self,
        request: &WebhookRequest<'_>,
        keys: &WebhookKeys,
    ) -> Result<Option<WebhookEvent>, WebhookRejection> {
        let header = request.header(SIGNATURE_HEADER);
        verify(header, request.body, &keys.secrets, request.received_at)?;
        // The parser's message is dropped: it may quote the event.
        let event = parse(request.body).or(Err(WebhookRejection::Malformed))?;
        // An event that does not state its mode is identified by its signature alone.
        Ok(event
            .filter(|(mode, _)| mode.is_none_or(|mode| mode == keys.mode))
            .map(|(_, event)| event))
    }

    fn contract(&self) -> WebhookContract {
        let dispute = json!({"id": "du_1", "object": "dispute", "payment_intent": "pi_1"});
        WebhookContract {
            provider: "Stripe",
            signature_header: "Stripe-Signature",
            signature_description: "The timestamp and the HMAC-SHA256 of `{t}.{body}`, at most \
                                    300 seconds old.",
            signature_pattern: r"^(\s*[A-Za-z0-9_]+=[^,\s]*\s*,?)+$",
            event_schema: event_schema(),
            event_example: json!({"id": "evt_1", "type": "charge.dispute.created",
                "livemode": false, "data": {"object": dispute}}),
        }
    }
}

/// Checks a header `t=…,v1=…`, where `v1` is the HMAC-SHA256 of `{t}.{body}`.
///
/// The timestamp is checked first. Any `v1` may match. Other schemes, such as `v0`, are ignored.
fn verify(
    header: &str,
    body: &[u8],
    secrets: &[Private<String>],
    now: Timestamp,
) -> Result<(), WebhookRejection> {
    if header.trim().is_empty() {
        return Err(WebhookRejection::Unsigned);
    }
    let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
    let mut times = fields().filter(|(name, _)| *name == "t").map(|(_, time)| time);
    let (Some(time), None) = (times.next(), times.next()) else {
        return Err(WebhookRejection::Forged);
    };
    // First what costs nothing: an old request is not worth a hash of its body.
    let seconds: i64 = time.parse().or(Err(WebhookRejection::Forged))?;
    if now.to_jiff().as_second().abs_diff(seconds) > TOLERANCE_SECONDS {
        return Err(WebhookRejection::Stale);
    }
    let signatures: Vec<[u8; 32]> = fields()
        .filter(|(name, _)| *name == "v1")
        .filter_map(|(_, text)| hex::decode(text).ok()?.try_into().ok())
        .take(MAX_SIGNATURES)
        .collect();
    let signed = [time.as_bytes(), b".", body];
    let is_genuine = !signatures.is_empty()
        && secrets.iter().any(|secret| is_signed_with(secret, &signed, &signatures));
    if is_genuine { Ok(()) } else { Err(WebhookRejection::Forged) }
}

/// Whether one of the signatures is the HMAC-SHA256 of the parts, which is computed once.
/// They are compared in constant time.
fn is_signed_with(secret: &Private<String>, parts: &[&[u8]], signatures: &[[u8; 32]]) -> bool {
    // HMAC takes a key of any length, so this cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else {
        return false;
    };
    for part in parts {
        mac.update(part);
    }
    let expected = mac.finalize();
    signatures.iter().any(|signature| expected == CtOutput::new((*signature).into()))
}

/// An event, as far as it is read. `data` and `data.object` are maps first, because
/// serde would also accept a list in place of a struct.
#[derive(Deserialize)]
struct Event {
    id: WebhookEventId,
    #[serde(default)]
    livemode: Option<bool>,
    #[serde(default)]
    data: Map<String, Value>,
}

#[derive(Deserialize)]
struct EventData {
    #[serde(default)]
    object: Map<String, Value>,
}

/// A payment intent, or a charge, refund or dispute of one.
#[derive(Deserialize)]
struct EventObject {
    #[serde(default)]
    object: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    payment_intent: Option<Reference>,
    /// What we wrote on the object: `order_id`.
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
}

/// The id of another object, sent as the id or as the expanded object.
#[derive(Deserialize)]
#[serde(try_from = "Value")]
struct Reference(String);

impl TryFrom<Value> for Reference {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        let id = value.get("id").unwrap_or(&value).as_str();
        id.map(|id| Self(id.to_owned())).ok_or("must be an id, or an object with an id")
    }
}

/// The event in a body, with its mode if it states one; `None` when it is about no
/// payment intent.
fn parse(body: &[u8]) -> serde_json::Result<Option<(Option<ProviderMode>, WebhookEvent)>> {
    let event: Event = from_map(serde_json::from_slice(body)?)?;
    let data: EventData = from_map(event.data)?;
    let object: EventObject = from_map(data.object)?;
    let order = object.metadata.and_then(|mut metadata| metadata.remove("order_id"));
    let own_id = object.id.filter(|_| object.object.as_deref() == Some("payment_intent"));
    let intent = own_id.or(object.payment_intent.map(|reference| reference.0));
    let mode =
        event.livemode.map(|live| if live { ProviderMode::Live } else { ProviderMode::Test });
    Ok(intent.and_then(payment_intent_id).map(|intent| {
        let order = order.and_then(|id| OrderId::parse(id).ok());
        (mode, WebhookEvent { id: event.id, subject: WebhookSubject::Payment { intent, order } })
    }))
}

fn from_map<T: serde::de::DeserializeOwned>(fields: Map<String, Value>) -> serde_json::Result<T> {
    serde_json::from_value(Value::Object(fields))
}

/// The JSON Schema of what [`Event`] reads.
fn event_schema() -> Value {
    let optional_text = json!({"type": ["string", "null"]});
    json!({
        "type": "object",
        "description": "An event of Stripe (docs.stripe.com/api/events/object), as far as it is read.",
        "required": ["id"],
        "properties": {
            "id": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$",
                "maxLength": WebhookEventId::MAX_LENGTH, "examples": ["evt_1"]},
            "livemode": {"type": ["boolean", "null"]},
            "data": {
                "type": "object",
                "description": "The object that the event is about.",
                "properties": {"object": {
                    "type": "object",
                    "description": "A payment intent, or a charge, refund or dispute of one.",
                    "properties": {
                        "object": optional_text,
                        "id": optional_text,
                        "payment_intent": {
                            "description": "The payment intent's id, or the payment intent itself.",
                            "oneOf": [
                                {"type": "string"},
                                {"type": "object", "required": ["id"],
                                    "properties": {"id": {"type": "string"}}},
                                {"type": "null"},
                            ],
                        },
                        "metadata": {
                            "type": ["object", "null"],
                            "description": "What we wrote on the object: `order_id`.",
                            "additionalProperties": {"type": "string"},
                            "propertyNames": {"type": "string"},
                        },
                    },
                }},
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    const NOW: i64 = 1_700_000_000;

    fn secrets(texts: &[&str]) -> Vec<Private<String>> {
        texts.iter().map(|text| Private::new((*text).to_owned())).collect()
    }

    fn v1(secret: &str, time: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        for part in [time.as_bytes(), b".", BODY] {
            mac.update(part);
        }
        hex::encode(mac.finalize().into_bytes())
    }

    #[track_caller]
    fn check(header: &str, now: i64, expected: Result<(), WebhookRejection>) {
        let now = Timestamp::from_seconds(now).unwrap();
        let verified = verify(header, BODY, &secrets(&["whsec_new", "whsec_old"]), now);
        assert_eq!(verified, expected, "{header}");
    }

    #[test]
    fn any_signature_by_any_valid_secret_is_accepted() {
        let (new, old) = (v1("whsec_new", "1700000000"), v1("whsec_old", "1700000000"));
        let other = v1("whsec_other", "1700000000");
        for header in [
            format!("t=1700000000,v1={new}"),
            format!("t=1700000000,v1={old}"),
            format!("t=1700000000,v1={other},v1={new}"),
            format!("v1={new},v0={other},t=1700000000"),
            format!("t=1700000000, v1={}", new.to_uppercase()),
        ] {
            check(&header, NOW, Ok(()));
        }
    }

    #[test]
    fn a_body_that_no_valid_secret_signed_is_forged() {
        let good = v1("whsec_new", "1700000000");
        let other = v1("whsec_other", "1700000000");
        let truncated = good.get(..62).unwrap();
        check(" ", NOW, Err(WebhookRejection::Unsigned));
        for header in [
            "nonsense".to_owned(),
            "t=1700000000".to_owned(),
            format!("v1={good}"),
            format!("t=1700000001,v1={good}"),
            format!("t=1700000000,t=1700000000,v1={good}"),
            format!("t=1700000000,v0={good}"),
            format!("t=1700000000,v1={other}"),
            format!("t=1700000000,v1={truncated}"),
            format!("t=1700000000,v1={good}00"),
            format!("t=1700000000,v1=+{}", good.get(1..).unwrap()),
            format!("t=1700000000,v1={}é", good.get(2..).unwrap()),
            // Correctly signed, but the timestamp is not a number.
            format!("t=soon,v1={}", v1("whsec_new", "soon")),
        ] {
            check(&header, NOW, Err(WebhookRejection::Forged));
        }
    }

    #[test]
    fn the_timestamp_may_differ_by_300_seconds_in_either_direction() {
        let header = format!("t=1700000000,v1={}", v1("whsec_new", "1700000000"));
        for offset in [-300, -1, 0, 300] {
            check(&header, NOW + offset, Ok(()));
        }
        for offset in [-301, 301, 86_400] {
            check(&header, NOW + offset, Err(WebhookRejection::Stale));
        }
        let huge = format!("t=9223372036854775807,v1={}", v1("whsec_new", "9223372036854775807"));
        check(&huge, NOW, Err(WebhookRejection::Stale));
    }
}
