//! Whatever is called in whatever order, with whatever faults: the books never say what must
//! not be.

use emulators::emulator::Emulator as _;
use emulators::exchange::{HttpRequest, NetworkOutcome};
use emulators::faults::{CallRange, Fault, FaultKind};
use emulators::stripe::payment_intents::IntentStatus;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Dock, Till, at, create, easypost, id, look, parcel, post, refund, stripe};

/// What a caller may do next: an operation on one of the objects, an amount, a key, a pause.
type Move = (u8, usize, u16, Option<u8>, u32);

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

fn gateway_call(intents: &[String], (what, which, amount, key, _): Move) -> HttpRequest {
    let intent = intents.get(which % intents.len().max(1)).map_or("pi_nobody", String::as_str);
    let amount = amount.to_string();
    let call = match what % 9 {
        0 => create(CARDS[which % CARDS.len()]),
        1 => post(intent, "confirm", &[("error_on_requires_action", "true")]),
        2 => post(intent, "confirm", &[("payment_method", CARDS[usize::from(what) % CARDS.len()])]),
        3 => post(intent, "capture", &[]),
        4 => post(intent, "capture", &[("amount_to_capture", &amount)]),
        5 => post(intent, "cancel", &[]),
        6 => refund(intent, &[]),
        7 => refund(intent, &[("amount", &amount)]),
        _ => look(intent),
    };
    match key {
        Some(key) => call.header("idempotency-key", &key.to_string()),
        None => call,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn the_gateway_never_captures_more_than_it_authorised_nor_refunds_more_than_it_captured(
        moves in vec((any::<u8>(), any::<usize>(), 0..3_000_u16, proptest::option::of(0..6_u8), 0..90_000_u32), 1..60),
        planned in vec((any::<usize>(), any::<usize>(), 1..6_u64), 0..5),
    ) {
        let mut till = Till::new();
        let points = ["gateway.create", "gateway.confirm", "gateway.capture", "gateway.cancel", "gateway.refund", "gateway.get"];
        till.gateway.fault_plan_mut().add(faults(&planned, &points)).unwrap();
        let mut intents: Vec<String> = Vec::new();
        let mut now = 0;
        for step in moves {
            now += i64::from(step.4);
            let delivery = till.gateway.handle_with_faults(&gateway_call(&intents, step), at(now));
            if let NetworkOutcome::Hang(ticket) | NetworkOutcome::Delayed { in_flight: ticket, .. } = &delivery {
                till.gateway.release(ticket);
            }
            intents = till.gateway.ledger().intents().map(|intent| intent.id.clone()).collect();
            for intent in till.gateway.ledger().intents() {
                let totals = intent.totals;
                prop_assert!(totals.captured + totals.voided <= totals.authorized, "{intent:?}");
                prop_assert!(0 <= totals.refunded && totals.refunded <= totals.captured, "{intent:?}");
                prop_assert!(totals.authorized == 0 || totals.authorized == intent.amount, "{intent:?}");
                let holds = intent.status == IntentStatus::RequiresCapture;
                prop_assert_eq!(totals.held() > 0, holds, "{:?}", intent);
                prop_assert_eq!(totals.captured > 0, intent.status == IntentStatus::Succeeded, "{:?}", intent);
                let events = intent.history.iter().filter(|step| step.what == "authorized").count();
                prop_assert!(events <= 1, "{intent:?}");
            }
        }
        till.gateway.advance_to(at(now + 30 * 24 * 3_600));
        prop_assert_eq!(till.gateway.ledger().totals().held(), 0, "in the end nothing is held");
        prop_assert_eq!(till.gateway.next_scheduled(), None);
    }

    #[test]
    fn the_carrier_sells_at_most_one_label_a_shipment(
        moves in vec((any::<u8>(), any::<usize>(), 0..4_u16, 0..90_000_u32), 1..60),
        planned in vec((any::<usize>(), any::<usize>(), 1..6_u64), 0..5),
    ) {
        let mut dock = Dock::new();
        let points = ["carrier.create", "carrier.buy", "carrier.refund", "carrier.get"];
        dock.carrier.fault_plan_mut().add(faults(&planned, &points)).unwrap();
        let mut shipments: Vec<Value> = vec![dock.created()];
        let mut now = 0;
        for (what, which, rate, pause) in moves {
            now += i64::from(pause);
            let shipment = shipments[which % shipments.len()].clone();
            let path = format!("/v2/shipments/{}", id(&shipment));
            let call = match what % 5 {
                0 => easypost("POST", "/v2/shipments", &parcel()),
                1 | 2 => {
                    let rate = &shipment["rates"][usize::from(rate)]["id"];
                    easypost("POST", &format!("{path}/buy"), &json!({ "rate": { "id": rate } }))
                }
                3 => easypost("POST", &format!("{path}/refund"), &Value::Null),
                _ => easypost("GET", &path, &Value::Null),
            };
            match dock.carrier.handle_with_faults(&call, at(now)) {
                NetworkOutcome::Response(answer) if answer.status == 201 => shipments.push(answer.value()),
                NetworkOutcome::Hang(ticket) | NetworkOutcome::Delayed { in_flight: ticket, .. } => dock.carrier.release(&ticket),
                _ => {}
            }
            for shipment in dock.carrier.ledger().shipments() {
                let labels = shipment.labels();
                prop_assert!(labels.labels <= 1 && labels.label_refunds <= labels.labels, "{shipment:?}");
                let bought = shipment.history.iter().filter(|step| step.what == "bought").count();
                prop_assert!(bought <= 1, "{shipment:?}");
            }
        }
    }

    #[test]
    fn no_bytes_make_either_model_panic_or_move_money(
        method in "(GET|POST|DELETE)",
        path in "/(v1|v2)/(payment_intents|refunds|shipments)(/[a-z_0-9%]{0,8}){0,2}(\\?[ -~]{0,20})?",
        body in vec(any::<u8>(), 0..200),
        key in "[ -~]{0,300}",
    ) {
        let mut till = Till::new();
        let call = stripe("POST", "/", &[]);
        let call = HttpRequest { method: method.clone(), path_and_query: path.clone(), body: body.clone(), ..call };
        till.gateway.handle_with_faults(&call.header("idempotency-key", &key), at(0));
        prop_assert_eq!(till.gateway.ledger().totals().authorized, 0);

        let mut dock = Dock::new();
        let call = easypost("POST", "/", &Value::Null);
        dock.carrier.handle_with_faults(&HttpRequest { method, path_and_query: path, body, ..call }, at(0));
        prop_assert_eq!(dock.carrier.ledger().totals().labels, 0);
    }
}
