//! What the providers tell, and their signatures against the vectors.

use emulators::emulator::Emulator as _;
use emulators::webhooks::{WebhookEvent, easypost_signature, stripe_signature};
use jiff::Timestamp;
use serde_json::Value;

use crate::support::{Dock, ORDER, Till, at, contract, contracts, hours, look, post, refund};

#[test]
fn stripes_signature_is_that_of_its_own_library() {
    let Some(folder) = contracts() else { return };
    let vector = contract(&folder, "stripe/webhook-signature-vector.json");
    let text = |name: &str| vector[name].as_str().unwrap();
    let time = Timestamp::from_second(vector["timestamp"].as_i64().unwrap()).unwrap();
    assert_eq!(stripe_signature(text("secret"), time, text("payload").as_bytes()), text("header"));
}

#[test]
fn easyposts_signature_is_that_of_its_own_fixture_with_the_secret_in_normal_form_kd() {
    let Some(folder) = contracts() else { return };
    let fixture = contract(&folder, "easypost/client-library-fixtures.json")["webhooks"].clone();
    // The file ends with a line's end, which was not signed.
    let body = std::fs::read(folder.join("easypost/event-body.json")).unwrap();
    let body = body.trim_ascii_end();
    let secret = fixture["secret"].as_str().unwrap();
    let composed = "s\u{e9}cret";
    let decomposed = "se\u{301}cret";
    for secret in [secret, composed, decomposed] {
        assert_eq!(easypost_signature(secret, body), fixture["hmac_signature"].as_str().unwrap());
    }
}

fn kinds(events: &[WebhookEvent]) -> Vec<&str> {
    events.iter().map(|event| event.event_type.as_str()).collect()
}

#[test]
fn the_gateway_tells_of_each_step() {
    let mut till = Till::new();
    let intent = till.captured("pm_card_visa");
    till.ok(&refund(&intent, &[]), at(3));
    let events = till.gateway.take_events();
    assert_eq!(
        kinds(&events),
        [
            "payment_intent.created",
            "payment_intent.amount_capturable_updated",
            "payment_intent.succeeded",
            "refund.created",
            "charge.refunded",
        ]
    );
    assert!(events.iter().all(|event| event.order.as_deref() == Some(ORDER)));
    assert!(till.gateway.take_events().is_empty(), "each is told once");
    let last: Value = serde_json::from_str(&events[4].body).unwrap();
    assert_eq!(last["id"], events[4].id);
    assert_eq!(last["data"]["object"]["amount_refunded"], 2599);
    assert_eq!(last["livemode"], false);
}

#[test]
fn the_gateway_tells_of_what_went_wrong_and_of_what_nobody_asked_for() {
    let cases: [(&str, &str, i64, &[&str]); 4] = [
        (
            "pm_card_chargeDeclined",
            "confirm",
            0,
            &["payment_intent.created", "payment_intent.payment_failed"],
        ),
        ("pm_card_visa", "cancel", 0, &["payment_intent.created", "payment_intent.canceled"]),
        (
            "pm_card_visa",
            "confirm",
            24 * 8,
            &[
                "payment_intent.created",
                "payment_intent.amount_capturable_updated",
                "payment_intent.canceled",
            ],
        ),
        (
            "pm_card_lookalikeProcessing",
            "confirm",
            1,
            &[
                "payment_intent.created",
                "payment_intent.processing",
                "payment_intent.amount_capturable_updated",
            ],
        ),
    ];
    for (card, what, later, expected) in cases {
        let mut till = Till::new();
        let intent = till.created(card);
        till.say(&post(&intent, what, &[]), at(1));
        till.gateway.advance_to(hours(later));
        assert_eq!(kinds(&till.gateway.take_events()), expected, "{card} {what}");
    }
}

#[test]
fn the_gateway_tells_how_a_refund_ends() {
    for (card, expected) in [
        ("pm_card_pendingRefund", ["charge.refund.updated", "refund.updated"]),
        ("pm_card_refundFail", ["charge.refund.updated", "refund.failed"]),
        ("pm_card_lookalikeRefundPendsThenFails", ["charge.refund.updated", "refund.failed"]),
    ] {
        let mut till = Till::new();
        let intent = till.captured(card);
        till.ok(&refund(&intent, &[]), at(3));
        till.ok(&look(&intent), hours(1));
        let events = till.gateway.take_events();
        assert_eq!(kinds(&events).last_chunk(), Some(&expected), "{card}");
    }
}

#[test]
fn a_delivery_carries_the_signature_of_its_sender() {
    let mut till = Till::new();
    till.created("pm_card_visa");
    let event = till.gateway.take_events().remove(0);
    let signature = stripe_signature("whsec_test", at(9), event.body.as_bytes());
    assert!(event.headers("whsec_test", at(9)).contains(&("stripe-signature", signature)));

    let mut dock = Dock::new();
    dock.bought();
    let event = dock.carrier.take_events().remove(0);
    let signature = easypost_signature("secret", event.body.as_bytes());
    assert!(event.headers("secret", at(9)).contains(&("x-hmac-signature", signature)));
}
