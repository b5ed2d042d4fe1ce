//! Webhooks of a scenario: what arrives besides that which the providers send, and
//! what is the matter with it.

use emulators::webhooks::{easypost_signature, stripe_signature};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::action::{Teller, Telling};
use crate::stack::{EASYPOST_WEBHOOK_SECRET, STRIPE_WEBHOOK_SECRET};

/// The ids by which an event names what it is about.
#[derive(Debug, Clone)]
pub(super) struct About {
    /// The order.
    pub(super) order: String,
    /// Its payment, `pi_…`.
    pub(super) intent: String,
    /// Its parcel, `shp_…`.
    pub(super) shipment: String,
}

impl About {
    /// Things that nobody here has ever heard of.
    fn foreign() -> Self {
        let unknown = |kind: &str| format!("{kind}_of_somebody_else");
        Self { order: unknown("ord"), intent: unknown("pi"), shipment: unknown("shp") }
    }
}

/// A delivery: to which path, with which signature, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) path: &'static str,
    pub(super) signature: (&'static str, String),
    pub(super) body: Vec<u8>,
}

/// How long ago a stale delivery was signed.
const STALE: SignedDuration = SignedDuration::from_mins(10);
/// More than the API takes of any body.
const OVERSIZED: usize = 80 * 1024;

/// What is delivered at `at` for the `nth` webhook of a scenario.
pub(super) fn delivery(
    (provider, kind, event): (Teller, Telling, &str),
    about: &About,
    nth: usize,
    at: Timestamp,
) -> Delivery {
    let foreign = About::foreign();
    let about = if kind == Telling::Foreign { &foreign } else { about };
    let id = format!("evt_{}_{nth}", about.order);
    let mut told = match provider {
        Teller::Stripe => of_stripe(&id, event, about, kind == Telling::WrongMode),
        Teller::EasyPost => of_easypost(&id, event, about, kind == Telling::WrongMode),
    };
    if kind == Telling::Oversized {
        told["padding"] = Value::String("x".repeat(OVERSIZED));
    }
    let mut body = told.to_string().into_bytes();
    let signed_at = if kind == Telling::Stale { at - STALE } else { at };
    let signature = signature(provider, kind == Telling::Forged, signed_at, &body);
    if kind == Telling::Tampered {
        body.push(b' ');
    }
    let path = match provider {
        Teller::Stripe => "/webhooks/stripe",
        Teller::EasyPost => "/webhooks/easypost",
    };
    Delivery { path, signature, body }
}

fn signature(provider: Teller, forged: bool, at: Timestamp, body: &[u8]) -> (&'static str, String) {
    let secret = |ours| if forged { "somebody else's secret" } else { ours };
    match provider {
        Teller::Stripe => {
            ("stripe-signature", stripe_signature(secret(STRIPE_WEBHOOK_SECRET), at, body))
        }
        Teller::EasyPost => {
            ("x-hmac-signature", easypost_signature(secret(EASYPOST_WEBHOOK_SECRET), body))
        }
    }
}

fn of_stripe(id: &str, event: &str, about: &About, live: bool) -> Value {
    json!({
        "id": id, "object": "event", "type": event, "livemode": live,
        "data": {"object": {
            "object": "payment_intent", "id": about.intent,
            "metadata": {"order_id": about.order},
        }},
    })
}

fn of_easypost(id: &str, event: &str, about: &About, live: bool) -> Value {
    json!({
        "id": id, "object": "Event", "description": event,
        "mode": if live { "production" } else { "test" },
        "result": {
            "object": "Tracker", "id": "trk_1", "shipment_id": about.shipment,
            "status": "return_to_sender",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(kind: Telling) -> Delivery {
        let of = |kind: &str| format!("{kind}_ours");
        let about = About { order: of("ord"), intent: of("pi"), shipment: of("shp") };
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        delivery((Teller::Stripe, kind, "payment_intent.canceled"), &about, 1, at)
    }

    fn signed_with_ours(delivery: &Delivery, second: i64) -> bool {
        let at = Timestamp::from_second(second).unwrap();
        delivery.signature.1 == stripe_signature(STRIPE_WEBHOOK_SECRET, at, &delivery.body)
    }

    #[test]
    fn what_is_the_matter_with_a_webhook_is_the_matter_with_it_alone() {
        let now = 1_800_000_000;
        let check = |kind, signed_at: Option<i64>, says: &str| {
            let delivery = delivered(kind);
            let body = String::from_utf8_lossy(&delivery.body).into_owned();
            assert!(body.contains(says), "{kind:?}: {body}");
            let signed = signed_with_ours(&delivery, signed_at.unwrap_or(now));
            assert_eq!(signed, signed_at.is_some(), "{kind:?}");
        };
        check(Telling::Late, Some(now), "pi_ours");
        check(Telling::Repeat, Some(now), "pi_ours");
        check(Telling::Forged, None, "pi_ours");
        check(Telling::Tampered, None, "pi_ours");
        check(Telling::Stale, Some(now - 600), "pi_ours");
        check(Telling::WrongMode, Some(now), r#""livemode":true"#);
        check(Telling::Foreign, Some(now), "pi_of_somebody_else");
        check(Telling::Oversized, Some(now), "xxxxxxxx");
        assert_eq!(delivered(Telling::Late), delivered(Telling::Repeat));
    }
}
