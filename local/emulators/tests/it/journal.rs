//! Replaying a journal restores an emulator.

use emulators::easypost::EasyPostEmulator;
use emulators::emulator::{ControlAction, Emulator, Input, JournalEntry, Outcome, apply, replay};
use emulators::exchange::{HttpRequest, NetworkOutcome};
use emulators::faults::{CallRange, Fault, FaultKind};
use emulators::stripe::StripeEmulator;
use serde_json::{Value, json};

use crate::support::{
    ORDER, action_request, at, create_request, easypost_request, hours, id, refund_request,
    retrieve_request, shipment_body,
};

/// An emulator and its journal.
struct Journaled<P> {
    emulator: P,
    journal: Vec<JournalEntry>,
}

impl<P: Emulator> Journaled<P> {
    fn apply(&mut self, input: Input, time: jiff::Timestamp) -> Outcome {
        let entry = JournalEntry { at: time, input };
        let outcome = apply(&mut self.emulator, &entry);
        // Through JSON, as the stack stores it.
        self.journal.push(serde_json::from_str(&serde_json::to_string(&entry).unwrap()).unwrap());
        outcome
    }

    fn call(&mut self, call: HttpRequest, time: jiff::Timestamp) -> Value {
        match self.apply(Input::Request(call), time) {
            Outcome::Network(
                NetworkOutcome::Response(response) | NetworkOutcome::Delayed { response, .. },
            ) => response.value(),
            _ => Value::Null,
        }
    }
}

#[test]
fn replaying_the_journal_restores_the_stripe_emulator_with_its_keys_counts_and_ledger() {
    let mut original = Journaled { emulator: StripeEmulator::new(4), journal: Vec::new() };
    let faults = vec![
        Fault::new("gateway.confirm", CallRange::nth(1), FaultKind::ServerErrorAfterEffect),
        Fault::new("gateway.capture", CallRange::nth(1), FaultKind::Hang),
    ];
    original.apply(Input::AddFaults(faults), at(0));
    let intent =
        id(&original
            .call(create_request("pm_card_visa").header("idempotency-key", "create"), at(1)));
    original
        .call(action_request(&intent, "confirm", &[]).header("idempotency-key", "confirm"), at(2));
    let capture = action_request(&intent, "capture", &[]).header("idempotency-key", "capture");
    let Outcome::Network(NetworkOutcome::Hang(in_flight)) =
        original.apply(Input::Request(capture.clone()), at(3))
    else {
        panic!()
    };
    assert_eq!(original.call(capture.clone(), at(4))["error"]["code"], "idempotency_key_in_use");
    original.apply(Input::Release(in_flight), at(5));
    assert_eq!(original.call(capture, at(6))["status"], "succeeded");
    original.apply(Input::Control(ControlAction::FailRefund { order: ORDER.to_owned() }), at(7));
    original.call(refund_request(&intent, &[]), at(8));
    original.apply(Input::ClearFaults, at(9));

    let mut restored = StripeEmulator::new(4);
    replay(&mut restored, original.journal);
    assert!(restored.take_events().is_empty(), "the queued events were delivered before the crash");
    for emulator in [&mut restored, &mut original.emulator] {
        emulator.advance_to(hours(1));
    }
    assert_eq!(restored.ledger_json(None), original.emulator.ledger_json(None));
    assert_eq!(restored.fault_plan().to_json(), original.emulator.fault_plan().to_json());
    assert_eq!(
        restored.handle_with_faults(&retrieve_request(&intent), hours(2)),
        original.emulator.handle_with_faults(&retrieve_request(&intent), hours(2))
    );
    let confirm = action_request(&intent, "confirm", &[]).header("idempotency-key", "confirm");
    assert_eq!(
        restored.handle(&confirm, hours(2)).status,
        500,
        "its idempotency keys are restored"
    );
}

#[test]
fn replaying_the_journal_restores_the_easypost_emulator() {
    let mut original = Journaled { emulator: EasyPostEmulator::new(4), journal: Vec::new() };
    let shipment =
        original.call(easypost_request("POST", "/v2/shipments", &shipment_body()), at(0));
    let path = format!("/v2/shipments/{}", id(&shipment));
    let rate = json!({ "rate": { "id": shipment["rates"][0]["id"] } });
    original.call(easypost_request("POST", &format!("{path}/buy"), &rate), at(1));
    original.call(easypost_request("POST", &format!("{path}/refund"), &Value::Null), at(2));
    let mut restored = EasyPostEmulator::new(4);
    replay(&mut restored, original.journal);
    let retrieve = easypost_request("GET", &path, &Value::Null);
    assert_eq!(
        restored.handle(&retrieve, hours(48)),
        original.emulator.handle(&retrieve, hours(48))
    );
    assert_eq!(restored.ledger_json(None), original.emulator.ledger_json(None));
}

#[test]
fn an_invalid_plan_and_an_impossible_action_return_the_reason() {
    let mut stripe = StripeEmulator::new(1);
    let faults = vec![Fault::new("carrier.buy", CallRange::ALL, FaultKind::ConnectionRefused)];
    let outcome = apply(&mut stripe, &JournalEntry { at: at(0), input: Input::AddFaults(faults) });
    assert!(matches!(outcome, Outcome::InvalidFaultPlan(_)), "{outcome:?}");
    let action = ControlAction::Dispute { order: ORDER.to_owned() };
    let outcome = apply(&mut stripe, &JournalEntry { at: at(0), input: Input::Control(action) });
    assert!(matches!(outcome, Outcome::ControlActionFailed(_)), "{outcome:?}");
}

#[test]
fn a_request_body_is_serialized_as_text_if_it_is_utf8_and_survives_byte_for_byte() {
    let text = create_request("pm_card_visa");
    let bytes = HttpRequest::new("POST", "/").body(vec![0xff, 0x00]);
    assert!(serde_json::to_string(&text).unwrap().contains("amount=2599"));
    for call in [text, bytes] {
        let json = serde_json::to_string(&call).unwrap();
        assert_eq!(serde_json::from_str::<HttpRequest>(&json).unwrap(), call);
    }
}
