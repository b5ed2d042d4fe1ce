//! Random calls with random faults: the ledgers keep their invariants.

use emulators::emulator::Emulator as _;
use emulators::exchange::{HttpRequest, NetworkOutcome};
use emulators::faults::{CallRange, Fault, FaultKind};
use emulators::stripe::payment_intents::IntentStatus;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{
    EasyPostHarness, StripeHarness, action_request, at, create_request, easypost_request, id,
    refund_request, retrieve_request, shipment_body, stripe_request,
};

/// A random call: operation, object, amount, idempotency key, seconds since the last call.
type RandomCall = (u8, usize, u16, Option<u8>, u32);

const CARDS: [&str; 9] = [
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_chargeDeclined",
    "pm_card_pendingRefund",
    "pm_card_refundFail",
    "pm_card_lookalikeRefundPendsThenFails",
    "pm_card_authenticationRequired",
    "pm_card_lookalikeProcessing",
    "pm_card_createDispute",
];

const FAULTS: [FaultKind; 10] = [
    FaultKind::Reject,
    FaultKind::ConnectionRefused,
    FaultKind::Hang,
    FaultKind::Delay,
    FaultKind::DropResponse,
    FaultKind::TooManyRequests,
    FaultKind::ServerError,
    FaultKind::ServerErrorAfterEffect,
    FaultKind::MalformedResponse,
    FaultKind::Kill,
];

fn faults(chosen: &[(usize, usize, u64)], points: &[&str]) -> Vec<Fault> {
    let fault = |&(point, kind, nth): &(usize, usize, u64)| {
        let fault = Fault::new(
            points[point % points.len()],
            CallRange::nth(nth),
            FAULTS[kind % FAULTS.len()],
        );
        if fault.kind == FaultKind::Delay { fault.with_delay_ms(1) } else { fault }
    };
    chosen.iter().map(fault).collect()
}

fn stripe_call(intents: &[String], (operation, object, amount, key, _): RandomCall) -> HttpRequest {
    let intent = intents.get(object % intents.len().max(1)).map_or("pi_missing", String::as_str);
    let amount = amount.to_string();
    let call = match operation % 9 {
        0 => create_request(CARDS[object % CARDS.len()]),
        1 => action_request(intent, "confirm", &[("error_on_requires_action", "true")]),
        2 => action_request(
            intent,
            "confirm",
            &[("payment_method", CARDS[usize::from(operation) % CARDS.len()])],
        ),
        3 => action_request(intent, "capture", &[]),
        4 => action_request(intent, "capture", &[("amount_to_capture", &amount)]),
        5 => action_request(intent, "cancel", &[]),
        6 => refund_request(intent, &[]),
        7 => refund_request(intent, &[("amount", &amount)]),
        _ => retrieve_request(intent),
    };
    match key {
        Some(key) => call.header("idempotency-key", &key.to_string()),
        None => call,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn stripe_never_captures_more_than_it_authorized_or_refunds_more_than_it_captured(
        calls in vec((any::<u8>(), any::<usize>(), 0..3_000_u16, proptest::option::of(0..6_u8), 0..90_000_u32), 1..60),
        planned in vec((any::<usize>(), any::<usize>(), 1..6_u64), 0..5),
    ) {
        let mut stripe = StripeHarness::new();
        let points = ["gateway.create", "gateway.confirm", "gateway.capture", "gateway.cancel", "gateway.refund", "gateway.get"];
        stripe.emulator.fault_plan_mut().add(faults(&planned, &points)).unwrap();
        let mut intents: Vec<String> = Vec::new();
        let mut now = 0;
        for step in calls {
            now += i64::from(step.4);
            let outcome = stripe.emulator.handle_with_faults(&stripe_call(&intents, step), at(now));
            if let NetworkOutcome::Hang(in_flight) | NetworkOutcome::Delayed { in_flight, .. } = &outcome {
                stripe.emulator.release(in_flight);
            }
            intents = stripe.emulator.ledger().intents().map(|intent| intent.id.clone()).collect();
            for intent in stripe.emulator.ledger().intents() {
                let totals = intent.totals;
                prop_assert!(totals.captured + totals.voided <= totals.authorized, "{intent:?}");
                prop_assert!(0 <= totals.refunded && totals.refunded <= totals.captured, "{intent:?}");
                prop_assert!(totals.authorized == 0 || totals.authorized == intent.amount, "{intent:?}");
                let holds = intent.status == IntentStatus::RequiresCapture;
                prop_assert_eq!(totals.held() > 0, holds, "{:?}", intent);
                prop_assert_eq!(totals.captured > 0, intent.status == IntentStatus::Succeeded, "{:?}", intent);
                let events = intent.history.iter().filter(|step| step.event == "authorized").count();
                prop_assert!(events <= 1, "{intent:?}");
            }
        }
        stripe.emulator.advance_to(at(now + 30 * 24 * 3_600));
        prop_assert_eq!(stripe.emulator.ledger().totals().held(), 0, "no money is held in the end");
        prop_assert_eq!(stripe.emulator.next_scheduled(), None);
    }

    #[test]
    fn easypost_sells_at_most_one_label_per_shipment(
        calls in vec((any::<u8>(), any::<usize>(), 0..4_u16, 0..90_000_u32), 1..60),
        planned in vec((any::<usize>(), any::<usize>(), 1..6_u64), 0..5),
    ) {
        let mut easypost = EasyPostHarness::new();
        let points = ["carrier.create", "carrier.buy", "carrier.refund", "carrier.get"];
        easypost.emulator.fault_plan_mut().add(faults(&planned, &points)).unwrap();
        let mut shipments: Vec<Value> = vec![easypost.created_shipment()];
        let mut now = 0;
        for (operation, object, rate, pause) in calls {
            now += i64::from(pause);
            let shipment = shipments[object % shipments.len()].clone();
            let path = format!("/v2/shipments/{}", id(&shipment));
            let call = match operation % 5 {
                0 => easypost_request("POST", "/v2/shipments", &shipment_body()),
                1 | 2 => {
                    let rate = &shipment["rates"][usize::from(rate)]["id"];
                    easypost_request("POST", &format!("{path}/buy"), &json!({ "rate": { "id": rate } }))
                }
                3 => easypost_request("POST", &format!("{path}/refund"), &Value::Null),
                _ => easypost_request("GET", &path, &Value::Null),
            };
            match easypost.emulator.handle_with_faults(&call, at(now)) {
                NetworkOutcome::Response(response) if response.status == 201 => shipments.push(response.value()),
                NetworkOutcome::Hang(in_flight) | NetworkOutcome::Delayed { in_flight, .. } => easypost.emulator.release(&in_flight),
                _ => {}
            }
            for shipment in easypost.emulator.ledger().shipments() {
                let labels = shipment.labels();
                prop_assert!(labels.labels <= 1 && labels.label_refunds <= labels.labels, "{shipment:?}");
                let bought = shipment.history.iter().filter(|step| step.event == "bought").count();
                prop_assert!(bought <= 1, "{shipment:?}");
            }
        }
    }

    #[test]
    fn no_request_bytes_make_an_emulator_panic_or_move_money(
        method in "(GET|POST|DELETE)",
        path in "/(v1|v2)/(payment_intents|refunds|shipments)(/[a-z_0-9%]{0,8}){0,2}(\\?[ -~]{0,20})?",
        body in vec(any::<u8>(), 0..200),
        key in "[ -~]{0,300}",
    ) {
        let mut stripe = StripeHarness::new();
        let call = stripe_request("POST", "/", &[]);
        let call = HttpRequest { method: method.clone(), path_and_query: path.clone(), body: body.clone(), ..call };
        stripe.emulator.handle_with_faults(&call.header("idempotency-key", &key), at(0));
        prop_assert_eq!(stripe.emulator.ledger().totals().authorized, 0);

        let mut easypost = EasyPostHarness::new();
        let call = easypost_request("POST", "/", &Value::Null);
        easypost.emulator.handle_with_faults(&HttpRequest { method, path_and_query: path, body, ..call }, at(0));
        prop_assert_eq!(easypost.emulator.ledger().totals().labels, 0);
    }
}
