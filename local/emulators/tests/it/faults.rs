//! The plan: what it takes, how it counts, what it decides; and what each kind does to the
//! models.

use emulators::easypost::EasyPostEmulator;
use emulators::emulator::Emulator as _;
use emulators::exchange::NetworkOutcome;
use emulators::faults::{CallRange, Fault, FaultKind, FaultPlan, FaultPoint};
use emulators::stripe::{FAULT_POINTS, StripeEmulator};
use serde_json::{Value, json};

use crate::support::{
    Dock, ORDER, Till, at, create, create_with, easypost, id, look, parcel, post, refund,
};

#[test]
fn a_plan_is_a_list_or_an_object_with_faults() {
    let fault =
        json!({ "at": "gateway.confirm", "calls": { "from": 1, "to": 1 }, "kind": "drop-answer" });
    for body in [json!([fault]), json!({ "faults": [fault] })] {
        let faults = Fault::parse_list(&body).unwrap();
        assert_eq!(
            faults,
            [Fault::new("gateway.confirm", CallRange::nth(1), FaultKind::DropResponse)]
        );
    }
    let every = Fault::parse_list(&json!([{ "at": "gateway.get", "kind": "down" }])).unwrap();
    assert_eq!(every[0].calls, CallRange::ALL);
}

#[test]
fn a_wrong_plan_is_refused_by_the_field_at_fault() {
    let good = || json!({ "at": "gateway.confirm", "calls": { "from": 1 }, "kind": "500" });
    let with = |field: &str, value: Value| {
        let mut fault = good();
        fault[field] = value;
        json!([fault])
    };
    let cases = [
        (json!(5), "faults: must be a list"),
        (json!({ "fault": [] }), "must be a list, or {\"faults\": [...]}"),
        (json!([5]), "faults[0]: must be an object"),
        (with("at", Value::Null), "faults[0].at: is missing"),
        (
            with("at", json!("gateway.explode")),
            "faults[0].at: \"gateway.explode\" is none of gateway.create",
        ),
        (with("at", json!("carrier.buy")), "faults[0].at: \"carrier.buy\" is none of"),
        (with("kind", Value::Null), "faults[0].kind: is missing"),
        (with("kind", json!("503")), "faults[0].kind: \"503\" is none of refuse, down"),
        (
            with("kind", json!("throttle")),
            "faults[0].kind: throttle cannot happen at gateway.confirm",
        ),
        (with("kind", json!(500)), "faults[0].kind: must be a text"),
        (with("calls", json!({})), "faults[0].calls.from: is missing"),
        (with("calls", json!({ "from": 0 })), "faults[0].calls.from: must be 1 or more"),
        (with("calls", json!({ "from": -1 })), "faults[0].calls.from: must be a whole number"),
        (
            with("calls", json!({ "from": 3, "to": 2 })),
            "faults[0].calls.to: must not be less than from",
        ),
        (with("calls", json!({ "from": 1, "till": 2 })), "faults[0].calls.till: is not known"),
        (with("delayMs", json!(5)), "faults[0].delayMs: only goes with kind late"),
        (with("kind", json!("late")), "faults[0].delayMs: is missing"),
        (with("colour", json!("red")), "faults[0].colour: is not known"),
        (json!([good(), 7]), "faults[1]: must be an object"),
    ];
    for (body, expected) in cases {
        let refused = Fault::parse_list(&body)
            .and_then(|faults| FaultPlan::new(FAULT_POINTS).add(faults))
            .unwrap_err();
        assert!(
            refused.to_string().starts_with(expected),
            "{body}\n said {refused}\n not {expected}"
        );
    }
}

#[test]
fn a_plan_takes_all_faults_or_none() {
    let mut plan = FaultPlan::new(FAULT_POINTS);
    let faults = vec![
        Fault::new("gateway.get", CallRange::ALL, FaultKind::ConnectionRefused),
        Fault::new("carrier.get", CallRange::ALL, FaultKind::ConnectionRefused),
    ];
    plan.add(faults).unwrap_err();
    assert_eq!(plan.faults().count(), 0);
}

#[test]
fn calls_are_counted_for_each_order_and_point_and_the_bounds_are_included() {
    let mut plan = FaultPlan::new(FAULT_POINTS);
    plan.add(vec![Fault::new(
        "gateway.get",
        CallRange { from: 2, to: Some(3) },
        FaultKind::ConnectionRefused,
    )])
    .unwrap();
    let met = |plan: &mut FaultPlan, point: &str, order: Option<&str>| {
        plan.next_fault(point, order).is_some()
    };
    let calls: Vec<_> = (0..5).map(|_| met(&mut plan, "gateway.get", Some("a"))).collect();
    assert_eq!(calls, [false, true, true, false, false]);
    assert!(!met(&mut plan, "gateway.get", Some("b")), "another order counts anew");
    assert!(met(&mut plan, "gateway.get", Some("b")));
    assert!(!met(&mut plan, "gateway.create", Some("c")), "another point counts anew");
    assert!(!met(&mut plan, "gateway.get", None), "no order counts as one more");
    assert_eq!(
        (plan.call_count("gateway.get", Some("a")), plan.call_count("gateway.get", Some("c"))),
        (5, 0)
    );
    assert_eq!(plan.triggered_counts().get(&FaultKind::ConnectionRefused), Some(&3));
    assert_eq!(
        plan.call_counts(),
        [("gateway.create".to_owned(), 1), ("gateway.get".to_owned(), 8)].into()
    );
}

#[test]
fn a_fault_may_be_for_one_order_the_first_that_fits_is_met_and_clearing_keeps_the_counts() {
    let mut plan = FaultPlan::new(FAULT_POINTS);
    let faults = vec![
        Fault::new("gateway.get", CallRange::ALL, FaultKind::Hang).for_order("a"),
        Fault::new("gateway.get", CallRange::ALL, FaultKind::ConnectionRefused),
    ];
    plan.add(faults).unwrap();
    let kind =
        |plan: &mut FaultPlan, order| plan.next_fault("gateway.get", order).map(|fault| fault.kind);
    assert_eq!(kind(&mut plan, Some("a")), Some(FaultKind::Hang));
    assert_eq!(kind(&mut plan, Some("b")), Some(FaultKind::ConnectionRefused));
    assert_eq!(kind(&mut plan, None), Some(FaultKind::ConnectionRefused));
    plan.clear();
    assert_eq!(kind(&mut plan, Some("a")), None);
    assert_eq!(plan.call_count("gateway.get", Some("a")), 2);
    let shown = plan.to_json();
    assert_eq!(
        shown,
        json!({ "faults": [], "met": { "down": 2, "hang": 1 }, "calls": { "gateway.get": 4 } })
    );
}

#[test]
fn the_stack_plans_its_own_points_by_prefix() {
    const STACK: &[FaultPoint] = &[
        FaultPoint { name: "store.", kinds: &[FaultKind::Throttle, FaultKind::Conflict] },
        FaultPoint { name: "states.start", kinds: &[FaultKind::Kill] },
    ];
    let mut plan = FaultPlan::new(STACK);
    for (point, known) in [
        ("store.TransactWriteItems", true),
        ("states.start", true),
        ("store.", false),
        ("store", false),
        ("states.starter", false),
        ("gateway.get", false),
    ] {
        assert_eq!(plan.has_point(point), known, "{point}");
    }
    plan.add(vec![Fault::new("store.GetItem", CallRange::nth(1), FaultKind::Throttle)]).unwrap();
    assert!(plan.next_fault("store.PutItem", Some("a")).is_none());
    assert_eq!(plan.next_fault("store.GetItem", Some("a")).unwrap().kind, FaultKind::Throttle);
}

#[test]
fn a_fault_is_written_as_it_is_read() {
    let fault = json!({
        "at": "carrier.buy", "calls": { "from": 2, "to": 3 }, "kind": "late", "delayMs": 250, "order": "ord_1"
    });
    let parsed = Fault::parse_list(&json!([fault])).unwrap().remove(0);
    assert_eq!(serde_json::to_value(&parsed).unwrap(), fault);
    for kind in FaultKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
}

/// What reaches the caller of a faulty call, in a word.
fn word(delivery: &NetworkOutcome) -> String {
    match delivery {
        NetworkOutcome::Response(answer) => answer.status.to_string(),
        NetworkOutcome::ConnectionRefused => "refused".to_owned(),
        NetworkOutcome::Hang(_) => "hang".to_owned(),
        NetworkOutcome::Delayed { response: answer, .. } => format!("late {}", answer.status),
        NetworkOutcome::ConnectionClosed => "dropped".to_owned(),
        NetworkOutcome::CallerKilled { order } => {
            format!("killed {}", order.as_deref().unwrap_or("nobody"))
        }
    }
}

fn fault(point: &str, kind: FaultKind) -> Vec<Fault> {
    let fault = Fault::new(point, CallRange::nth(1), kind);
    vec![if kind == FaultKind::Delay { fault.with_delay_ms(5) } else { fault }]
}

const KINDS: [(FaultKind, &str, bool); 9] = [
    (FaultKind::ConnectionRefused, "refused", false),
    (FaultKind::Hang, "hang", false),
    (FaultKind::TooManyRequests, "429", false),
    (FaultKind::ServerError, "500", false),
    (FaultKind::ServerErrorAfterEffect, "500", true),
    (FaultKind::Delay, "late 200", true),
    (FaultKind::DropResponse, "dropped", true),
    (FaultKind::MalformedResponse, "200", true),
    (FaultKind::Kill, "killed ord_1", true),
];

/// What each kind does at each point of the gateway: what the caller sees, and whether the
/// effect was had.
#[test]
fn at_each_point_of_the_gateway_each_kind_has_its_effect_or_none() {
    for (point, prepared, effect) in [
        ("gateway.create", "", "intents"),
        ("gateway.confirm", "created", "authorized"),
        ("gateway.capture", "authorized", "captured"),
        ("gateway.cancel", "authorized", "voided"),
        ("gateway.refund", "captured", "refunded"),
    ] {
        for (kind, seen, had) in KINDS {
            let mut till = Till::new();
            let intent = match prepared {
                "created" => till.created("pm_card_visa"),
                "authorized" => till.authorized("pm_card_visa"),
                "captured" => till.captured("pm_card_visa"),
                _ => String::new(),
            };
            till.gateway.fault_plan_mut().add(fault(point, kind)).unwrap();
            let call = match point {
                "gateway.create" => create("pm_card_visa"),
                "gateway.refund" => refund(&intent, &[]),
                _ => post(&intent, point.trim_start_matches("gateway."), &[]),
            };
            assert_eq!(
                word(&till.gateway.handle_with_faults(&call, at(5))),
                seen,
                "{point} {kind:?}"
            );
            let order = serde_json::to_value(till.gateway.ledger().order(ORDER)).unwrap();
            assert_eq!(order[effect] != 0, had, "{point} {kind:?}: {order}");
            assert_eq!(till.gateway.fault_plan().triggered_counts().get(&kind), Some(&1));
        }
    }
}

/// The same at each point of the carrier.
#[test]
fn at_each_point_of_the_carrier_each_kind_has_its_effect_or_none() {
    for (point, effect) in [
        ("carrier.create", "shipments"),
        ("carrier.buy", "labels"),
        ("carrier.refund", "labelRefunds"),
    ] {
        for (kind, seen, had) in KINDS {
            let mut dock = Dock::new();
            let shipment = match point {
                "carrier.buy" => dock.created(),
                "carrier.refund" => dock.bought(),
                _ => Value::Null,
            };
            dock.carrier.fault_plan_mut().add(fault(point, kind)).unwrap();
            let call = match point {
                "carrier.create" => easypost("POST", "/v2/shipments", &parcel()),
                "carrier.buy" => {
                    let rate = json!({ "rate": { "id": shipment["rates"][0]["id"] } });
                    easypost("POST", &format!("/v2/shipments/{}/buy", id(&shipment)), &rate)
                }
                _ => easypost(
                    "POST",
                    &format!("/v2/shipments/{}/refund", id(&shipment)),
                    &Value::Null,
                ),
            };
            let seen = if point == "carrier.create" {
                seen.replace("late 200", "late 201")
            } else {
                seen.to_owned()
            };
            assert_eq!(
                word(&dock.carrier.handle_with_faults(&call, at(5))),
                seen,
                "{point} {kind:?}"
            );
            let order = serde_json::to_value(dock.carrier.ledger().order(ORDER)).unwrap();
            assert_eq!(order[effect] != 0, had, "{point} {kind:?}: {order}");
        }
    }
}

/// The business refusals, each in the provider's words.
#[test]
fn at_each_point_a_refusal_is_the_business_saying_no() {
    let cases = [
        ("gateway.create", 402, "card_declined", [0, 0, 0, 0]),
        ("gateway.confirm", 402, "card_declined", [0, 0, 0, 0]),
        ("gateway.capture", 400, "payment_intent_unexpected_state", [2599, 0, 2599, 0]),
        ("gateway.cancel", 400, "", [2599, 0, 0, 0]),
        ("gateway.refund", 400, "balance_insufficient", [2599, 2599, 0, 0]),
        ("gateway.get", 404, "resource_missing", [2599, 0, 0, 0]),
    ];
    for (point, status, code, book) in cases {
        let mut till = Till::new();
        let intent = match point {
            "gateway.create" | "gateway.confirm" => till.created("pm_card_visa"),
            "gateway.refund" => till.captured("pm_card_visa"),
            _ => till.authorized("pm_card_visa"),
        };
        till.gateway.fault_plan_mut().add(fault(point, FaultKind::Reject)).unwrap();
        let call = match point {
            "gateway.create" => create("pm_card_visa"),
            "gateway.refund" => refund(&intent, &[]),
            "gateway.get" => look(&intent),
            _ => post(&intent, point.trim_start_matches("gateway."), &[]),
        };
        let NetworkOutcome::Response(answer) = till.gateway.handle_with_faults(&call, at(5)) else {
            panic!("{point}: no answer")
        };
        assert_eq!(answer.status, status, "{point}: {}", answer.value());
        assert_eq!(answer.value()["error"]["code"].as_str().unwrap_or(""), code, "{point}");
        assert_eq!(till.book(), book, "{point}");
    }
}

#[test]
fn a_refused_capture_means_that_the_hold_has_lapsed() {
    let mut till = Till::new();
    let intent = till.authorized("pm_card_visa");
    till.gateway.fault_plan_mut().add(fault("gateway.capture", FaultKind::Reject)).unwrap();
    let NetworkOutcome::Response(answer) =
        till.gateway.handle_with_faults(&post(&intent, "capture", &[]), at(5))
    else {
        panic!()
    };
    assert_eq!(answer.value()["error"]["payment_intent"]["status"], "canceled");
    let history: Vec<_> =
        till.gateway.ledger().intents().flat_map(|i| i.history.iter().map(|s| s.what)).collect();
    assert_eq!(history, ["created", "authorized", "lapsed"]);
}

#[test]
fn the_carrier_refuses_in_its_own_words() {
    let cases = [
        ("carrier.create", "ADDRESS.VERIFY.FAILURE", 422),
        ("carrier.buy", "SHIPMENT.POSTAGE.FAILURE", 422),
        ("carrier.refund", "SHIPMENT.REFUND.UNAVAILABLE", 422),
        ("carrier.get", "NOT_FOUND", 404),
    ];
    for (point, code, status) in cases {
        let mut dock = Dock::new();
        let shipment = if point == "carrier.refund" { dock.bought() } else { dock.created() };
        dock.carrier.fault_plan_mut().add(fault(point, FaultKind::Reject)).unwrap();
        let path = format!("/v2/shipments/{}", id(&shipment));
        let call = match point {
            "carrier.create" => easypost("POST", "/v2/shipments", &parcel()),
            "carrier.buy" => easypost(
                "POST",
                &format!("{path}/buy"),
                &json!({ "rate": { "id": shipment["rates"][0]["id"] } }),
            ),
            "carrier.refund" => easypost("POST", &format!("{path}/refund"), &Value::Null),
            _ => easypost("GET", &path, &Value::Null),
        };
        let before = dock.book();
        let NetworkOutcome::Response(answer) = dock.carrier.handle_with_faults(&call, at(5)) else {
            panic!("{point}: no answer")
        };
        assert_eq!(
            (answer.status, &answer.value()["error"]["code"]),
            (status, &json!(code)),
            "{point}"
        );
        assert_eq!(dock.book(), before, "{point}");
    }
}

#[test]
fn a_call_is_counted_for_the_order_of_the_object_that_it_names() {
    let mut till = Till::new();
    let other = id(&till.ok(&create_with("pm_card_visa", &[("metadata[shop]", "x")]), at(0)));
    let mut gateway = StripeEmulator::new(9);
    std::mem::swap(&mut gateway, &mut till.gateway);
    for call in [
        look(&other),
        post(&other, "confirm", &[]),
        post(&other, "capture", &[]),
        refund(&other, &[]),
    ] {
        gateway.handle_with_faults(&call, at(1));
    }
    let calls = gateway.fault_plan().order_call_counts(ORDER);
    let expected = ["gateway.capture", "gateway.confirm", "gateway.get", "gateway.refund"];
    assert_eq!(calls.keys().collect::<Vec<_>>(), expected);

    let mut carrier = EasyPostEmulator::new(1);
    carrier.handle_with_faults(&easypost("POST", "/v2/shipments", &parcel()), at(0));
    carrier.handle_with_faults(&easypost("GET", "/v2/shipments/shp_nobody", &Value::Null), at(0));
    assert_eq!(carrier.fault_plan().call_count("carrier.create", Some(ORDER)), 1);
    assert_eq!(carrier.fault_plan().call_count("carrier.get", None), 1);
}
