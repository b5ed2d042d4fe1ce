//! A model that gets the same records is the same model.

use emulators::easypost::EasyPostEmulator;
use emulators::emulator::{ControlAction, Emulator, Input, JournalEntry, Outcome, apply, replay};
use emulators::exchange::{HttpRequest, NetworkOutcome};
use emulators::faults::{CallRange, Fault, FaultKind};
use emulators::stripe::StripeEmulator;
use serde_json::{Value, json};

use crate::support::{ORDER, at, create, easypost, hours, id, look, parcel, post, refund};

/// A model and its journal.
struct Kept<P> {
    model: P,
    journal: Vec<JournalEntry>,
}

impl<P: Emulator> Kept<P> {
    fn give(&mut self, input: Input, when: jiff::Timestamp) -> Outcome {
        let record = JournalEntry { at: when, input };
        let came = apply(&mut self.model, &record);
        // Through its written form, as a stack would keep it.
        self.journal.push(serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap());
        came
    }

    fn call(&mut self, call: HttpRequest, when: jiff::Timestamp) -> Value {
        match self.give(Input::Request(call), when) {
            Outcome::Network(
                NetworkOutcome::Response(answer) | NetworkOutcome::Delayed { response: answer, .. },
            ) => answer.value(),
            _ => Value::Null,
        }
    }
}

#[test]
fn a_gateway_comes_back_from_its_journal_with_its_keys_its_counts_and_its_book() {
    let mut kept = Kept { model: StripeEmulator::new(4), journal: Vec::new() };
    let faults = vec![
        Fault::new("gateway.confirm", CallRange::nth(1), FaultKind::ServerErrorAfterEffect),
        Fault::new("gateway.capture", CallRange::nth(1), FaultKind::Hang),
    ];
    kept.give(Input::AddFaults(faults), at(0));
    let intent = id(&kept.call(create("pm_card_visa").header("idempotency-key", "create"), at(1)));
    kept.call(post(&intent, "confirm", &[]).header("idempotency-key", "confirm"), at(2));
    let capture = post(&intent, "capture", &[]).header("idempotency-key", "capture");
    let Outcome::Network(NetworkOutcome::Hang(ticket)) =
        kept.give(Input::Request(capture.clone()), at(3))
    else {
        panic!()
    };
    assert_eq!(kept.call(capture.clone(), at(4))["error"]["code"], "idempotency_key_in_use");
    kept.give(Input::Release(ticket), at(5));
    assert_eq!(kept.call(capture, at(6))["status"], "succeeded");
    kept.give(Input::Control(ControlAction::FailRefund { order: ORDER.to_owned() }), at(7));
    kept.call(refund(&intent, &[]), at(8));
    kept.give(Input::ClearFaults, at(9));

    let mut again = StripeEmulator::new(4);
    replay(&mut again, kept.journal);
    assert!(again.take_events().is_empty(), "what there was to tell has been told");
    for model in [&mut again, &mut kept.model] {
        model.advance_to(hours(1));
    }
    assert_eq!(again.ledger_json(None), kept.model.ledger_json(None));
    assert_eq!(again.fault_plan().to_json(), kept.model.fault_plan().to_json());
    assert_eq!(
        again.handle_with_faults(&look(&intent), hours(2)),
        kept.model.handle_with_faults(&look(&intent), hours(2))
    );
    let confirm = post(&intent, "confirm", &[]).header("idempotency-key", "confirm");
    assert_eq!(again.handle(&confirm, hours(2)).status, 500, "its keys are back too");
}

#[test]
fn a_carrier_comes_back_from_its_journal() {
    let mut kept = Kept { model: EasyPostEmulator::new(4), journal: Vec::new() };
    let shipment = kept.call(easypost("POST", "/v2/shipments", &parcel()), at(0));
    let path = format!("/v2/shipments/{}", id(&shipment));
    let rate = json!({ "rate": { "id": shipment["rates"][0]["id"] } });
    kept.call(easypost("POST", &format!("{path}/buy"), &rate), at(1));
    kept.call(easypost("POST", &format!("{path}/refund"), &Value::Null), at(2));
    let mut again = EasyPostEmulator::new(4);
    replay(&mut again, kept.journal);
    let look = easypost("GET", &path, &Value::Null);
    assert_eq!(again.handle(&look, hours(48)), kept.model.handle(&look, hours(48)));
    assert_eq!(again.ledger_json(None), kept.model.ledger_json(None));
}

#[test]
fn a_plan_or_an_act_that_cannot_be_says_why() {
    let mut gateway = StripeEmulator::new(1);
    let faults = vec![Fault::new("carrier.buy", CallRange::ALL, FaultKind::ConnectionRefused)];
    let came = apply(&mut gateway, &JournalEntry { at: at(0), input: Input::AddFaults(faults) });
    assert!(matches!(came, Outcome::InvalidFaultPlan(_)), "{came:?}");
    let act = ControlAction::Dispute { order: ORDER.to_owned() };
    let came = apply(&mut gateway, &JournalEntry { at: at(0), input: Input::Control(act) });
    assert!(matches!(came, Outcome::ControlActionFailed(_)), "{came:?}");
}

#[test]
fn a_call_is_written_as_text_where_it_is_one_and_comes_back_byte_for_byte() {
    let text = create("pm_card_visa");
    let bytes = HttpRequest::new("POST", "/").body(vec![0xff, 0x00]);
    assert!(serde_json::to_string(&text).unwrap().contains("amount=2599"));
    for call in [text, bytes] {
        let written = serde_json::to_string(&call).unwrap();
        assert_eq!(serde_json::from_str::<HttpRequest>(&written).unwrap(), call);
    }
}
