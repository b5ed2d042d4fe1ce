//! Webhook events, and their signatures against the providers' test vectors.

use emulators::emulator::Emulator as _;
use emulators::faults::{CallRange, Fault, FaultKind};
use emulators::webhooks::{WebhookEvent, easypost_signature, stripe_signature};
use jiff::Timestamp;
use serde_json::Value;

use crate::support::{
    EasyPostHarness, ORDER, StripeHarness, action_request, at, contract, contracts, hours,
    refund_request, retrieve_request,
};

#[test]
fn the_stripe_signature_matches_stripes_library() {
    let Some(folder) = contracts() else { return };
    let vector = contract(&folder, "stripe/webhook-signature-vector.json");
    let text = |name: &str| vector[name].as_str().unwrap();
    let time = Timestamp::from_second(vector["timestamp"].as_i64().unwrap()).unwrap();
    assert_eq!(stripe_signature(text("secret"), time, text("payload").as_bytes()), text("header"));
}

#[test]
fn the_easypost_signature_matches_easyposts_fixture_with_the_secret_in_normal_form_kd() {
    let Some(folder) = contracts() else { return };
    let fixture = contract(&folder, "easypost/client-library-fixtures.json")["webhooks"].clone();
    // The signature does not cover the newline at the end of the file.
    let body = std::fs::read(folder.join("easypost/event-body.json")).unwrap();
    let body = body.trim_ascii_end();
    let secret = fixture["secret"].as_str().unwrap();
    let composed = "s\u{e9}cret";
    let decomposed = "se\u{301}cret";
    for secret in [secret, composed, decomposed] {
        assert_eq!(easypost_signature(secret, body), fixture["hmac_signature"].as_str().unwrap());
    }
}

fn event_types(events: &[WebhookEvent]) -> Vec<&str> {
    events.iter().map(|event| event.event_type.as_str()).collect()
}

#[test]
fn stripe_sends_an_event_for_each_step_of_a_payment() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.captured_intent("pm_card_visa");
    stripe.send_ok(&refund_request(&intent, &[]), at(3));
    let events = stripe.emulator.take_events();
    assert_eq!(
        event_types(&events),
        [
            "payment_intent.created",
            "payment_intent.amount_capturable_updated",
            "payment_intent.succeeded",
            "refund.created",
            "charge.refunded",
        ]
    );
    assert!(events.iter().all(|event| event.order.as_deref() == Some(ORDER)));
    assert!(stripe.emulator.take_events().is_empty(), "each event is returned once");
    let last: Value = serde_json::from_str(&events[4].body).unwrap();
    assert_eq!(last["id"], events[4].id);
    assert_eq!(last["data"]["object"]["amount_refunded"], 2599);
    assert_eq!(last["livemode"], false);
}

#[test]
fn stripe_sends_an_event_for_failures_and_for_changes_without_a_call() {
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
    for (card, action, hours_later, expected) in cases {
        let mut stripe = StripeHarness::new();
        let intent = stripe.created_intent(card);
        stripe.send(&action_request(&intent, action, &[]), at(1));
        stripe.emulator.advance_to(hours(hours_later));
        assert_eq!(event_types(&stripe.emulator.take_events()), expected, "{card} {action}");
    }
}

#[test]
fn stripe_sends_an_event_for_the_outcome_of_a_refund() {
    for (card, expected) in [
        ("pm_card_pendingRefund", ["charge.refund.updated", "refund.updated"]),
        ("pm_card_refundFail", ["charge.refund.updated", "refund.failed"]),
        ("pm_card_lookalikeRefundPendsThenFails", ["charge.refund.updated", "refund.failed"]),
    ] {
        let mut stripe = StripeHarness::new();
        let intent = stripe.captured_intent(card);
        stripe.send_ok(&refund_request(&intent, &[]), at(3));
        stripe.send_ok(&retrieve_request(&intent), hours(1));
        let events = stripe.emulator.take_events();
        assert_eq!(event_types(&events).last_chunk(), Some(&expected), "{card}");
    }
}

#[test]
fn a_delivery_carries_the_signature_of_its_provider() {
    let mut stripe = StripeHarness::new();
    stripe.created_intent("pm_card_visa");
    let event = stripe.emulator.take_events().remove(0);
    let signature = stripe_signature("whsec_test", at(9), event.body.as_bytes());
    assert!(event.headers("whsec_test", at(9)).contains(&("stripe-signature", signature)));

    let mut easypost = EasyPostHarness::new();
    easypost.bought_shipment();
    let event = easypost.emulator.take_events().remove(0);
    let signature = easypost_signature("secret", event.body.as_bytes());
    assert!(event.headers("secret", at(9)).contains(&("x-hmac-signature", signature)));
}

#[test]
fn a_fault_loses_or_repeats_the_events_of_one_order() {
    fn check(kind: FaultKind, expected: &[&str]) {
        let mut stripe = StripeHarness::new();
        let fault = Fault::new("gateway.webhook", CallRange::nth(1), kind).for_order(ORDER);
        stripe.emulator.fault_plan_mut().add(vec![fault]).unwrap();
        stripe.authorized_intent("pm_card_visa");
        assert_eq!(event_types(&stripe.emulator.take_events()), expected);
    }
    let (created, authorized) =
        ("payment_intent.created", "payment_intent.amount_capturable_updated");
    check(FaultKind::Drop, &[authorized]);
    check(FaultKind::Repeat, &[created, created, authorized]);
}
