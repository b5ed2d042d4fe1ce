//! The webhooks that a scenario sends besides those of the emulators: genuine ones at
//! the wrong time, and ones that the API has to reject or ignore.

use emulators::webhooks::{easypost_signature, stripe_signature};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::action::{Provider, WebhookKind};
use crate::stack::{EASYPOST_WEBHOOK_SECRET, STRIPE_WEBHOOK_SECRET};

/// The ids by which an event names its subject.
#[derive(Debug, Clone)]
pub(super) struct EventSubject {
    /// The order.
    pub(super) order: String,
    /// Its PaymentIntent, `pi_…`.
    pub(super) intent: String,
    /// Its shipment, `shp_…`.
    pub(super) shipment: String,
}

impl EventSubject {
    /// A subject that no order of the stack has.
    fn foreign() -> Self {
        let unknown = |kind: &str| format!("{kind}_foreign");
        Self { order: unknown("ord"), intent: unknown("pi"), shipment: unknown("shp") }
    }
}

/// A webhook request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) path: &'static str,
    /// The signature's header and its value.
    pub(super) signature: (&'static str, String),
    pub(super) body: Vec<u8>,
}

/// The age of a stale signature. The API accepts five minutes.
const STALE_AGE: SignedDuration = SignedDuration::from_mins(10);
/// Larger than any body that the API accepts.
const OVERSIZED_BYTES: usize = 80 * 1024;

/// Builds the webhook that is delivered at `at`. `index` is the number of the action in
/// its scenario, so that each event has its own id.
pub(super) fn delivery(
    (provider, kind, event): (Provider, WebhookKind, &str),
    subject: &EventSubject,
    index: usize,
    at: Timestamp,
) -> Delivery {
    let foreign = EventSubject::foreign();
    let subject = if kind == WebhookKind::Foreign { &foreign } else { subject };
    let id = format!("evt_{}_{index}", subject.order);
    let live = kind == WebhookKind::WrongMode;
    let mut payload = match provider {
        Provider::Stripe => stripe_event(&id, event, subject, live),
        Provider::EasyPost => easypost_event(&id, event, subject, live),
    };
    if kind == WebhookKind::Oversized {
        payload["padding"] = Value::String("x".repeat(OVERSIZED_BYTES));
    }
    let mut body = payload.to_string().into_bytes();
    let signed_at = if kind == WebhookKind::Stale { at - STALE_AGE } else { at };
    let signature = signature(provider, kind == WebhookKind::Forged, signed_at, &body);
    if kind == WebhookKind::Tampered {
        body.push(b' ');
    }
    let path = match provider {
        Provider::Stripe => "/webhooks/stripe",
        Provider::EasyPost => "/webhooks/easypost",
    };
    Delivery { path, signature, body }
}

fn signature(
    provider: Provider,
    forged: bool,
    at: Timestamp,
    body: &[u8],
) -> (&'static str, String) {
    let secret = |genuine| if forged { "another-secret" } else { genuine };
    match provider {
        Provider::Stripe => {
            ("stripe-signature", stripe_signature(secret(STRIPE_WEBHOOK_SECRET), at, body))
        }
        Provider::EasyPost => {
            ("x-hmac-signature", easypost_signature(secret(EASYPOST_WEBHOOK_SECRET), body))
        }
    }
}

fn stripe_event(id: &str, event: &str, subject: &EventSubject, live: bool) -> Value {
    json!({
        "id": id, "object": "event", "type": event, "livemode": live,
        "data": {"object": {
            "object": "payment_intent", "id": subject.intent,
            "metadata": {"order_id": subject.order},
        }},
    })
}

fn easypost_event(id: &str, event: &str, subject: &EventSubject, live: bool) -> Value {
    json!({
        "id": id, "object": "Event", "description": event,
        "mode": if live { "production" } else { "test" },
        "result": {
            "object": "Tracker", "id": "trk_1", "shipment_id": subject.shipment,
            "status": "return_to_sender",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(kind: WebhookKind) -> Delivery {
        let own = |kind: &str| format!("{kind}_own");
        let subject = EventSubject { order: own("ord"), intent: own("pi"), shipment: own("shp") };
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        delivery((Provider::Stripe, kind, "payment_intent.canceled"), &subject, 1, at)
    }

    fn is_genuine(delivery: &Delivery, second: i64) -> bool {
        let at = Timestamp::from_second(second).unwrap();
        delivery.signature.1 == stripe_signature(STRIPE_WEBHOOK_SECRET, at, &delivery.body)
    }

    #[test]
    fn each_kind_of_webhook_differs_from_a_genuine_one_in_one_respect() {
        let now = 1_800_000_000;
        let check = |kind, signed_at: Option<i64>, expected: &str| {
            let delivery = delivered(kind);
            let body = String::from_utf8_lossy(&delivery.body).into_owned();
            assert!(body.contains(expected), "{kind:?}: {body}");
            let genuine = is_genuine(&delivery, signed_at.unwrap_or(now));
            assert_eq!(genuine, signed_at.is_some(), "{kind:?}");
        };
        check(WebhookKind::Late, Some(now), "pi_own");
        check(WebhookKind::Repeat, Some(now), "pi_own");
        check(WebhookKind::Forged, None, "pi_own");
        check(WebhookKind::Tampered, None, "pi_own");
        check(WebhookKind::Stale, Some(now - 600), "pi_own");
        check(WebhookKind::WrongMode, Some(now), r#""livemode":true"#);
        check(WebhookKind::Foreign, Some(now), "pi_foreign");
        check(WebhookKind::Oversized, Some(now), "xxxxxxxx");
        assert_eq!(delivered(WebhookKind::Late), delivered(WebhookKind::Repeat));
    }
}
