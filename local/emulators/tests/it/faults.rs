//! The fault plan: validation, counting and matching; and the effect of each fault kind on the
//! emulators.

use emulators::easypost::EasyPostEmulator;
use emulators::emulator::{ControlAction, Emulator};
use emulators::exchange::{HttpRequest, NetworkOutcome};
use emulators::faults::{CallRange, Fault, FaultKind, FaultPlan, FaultPoint};
use emulators::stripe::FAULT_POINTS;
use serde_json::{Value, json};

use crate::support::{
    EasyPostHarness, ORDER, StripeHarness, action_request, at, create_request, create_request_with,
    easypost_request, id, refund_request, retrieve_request, shipment_body,
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
    let unlimited = Fault::parse_list(&json!([{ "at": "gateway.get", "kind": "down" }])).unwrap();
    assert_eq!(unlimited[0].calls, CallRange::ALL);
}

#[test]
fn an_invalid_plan_is_rejected_with_the_invalid_field() {
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
        (with("kind", json!(500)), "faults[0].kind: must be a string"),
        (with("calls", json!({})), "faults[0].calls.from: is missing"),
        (with("calls", json!({ "from": 0 })), "faults[0].calls.from: must be 1 or more"),
        (
            with("calls", json!({ "from": -1 })),
            "faults[0].calls.from: must be a non-negative integer",
        ),
        (
            with("calls", json!({ "from": 3, "to": 2 })),
            "faults[0].calls.to: must not be less than from",
        ),
        (with("calls", json!({ "from": 1, "till": 2 })), "faults[0].calls.till: is not known"),
        (with("delayMs", json!(5)), "faults[0].delayMs: only goes with kind late"),
        (with("kind", json!("late")), "faults[0].delayMs: is missing"),
        (with("color", json!("red")), "faults[0].color: is not known"),
        (json!([good(), 7]), "faults[1]: must be an object"),
    ];
    for (body, expected) in cases {
        let refused = Fault::parse_list(&body)
            .and_then(|faults| FaultPlan::new(FAULT_POINTS).add(faults))
            .unwrap_err();
        assert!(
            refused.to_string().starts_with(expected),
            "{body}\n got {refused}\n not {expected}"
        );
    }
}

#[test]
fn a_plan_accepts_all_faults_or_none() {
    let mut plan = FaultPlan::new(FAULT_POINTS);
    let faults = vec![
        Fault::new("gateway.get", CallRange::ALL, FaultKind::ConnectionRefused),
        Fault::new("carrier.get", CallRange::ALL, FaultKind::ConnectionRefused),
    ];
    plan.add(faults).unwrap_err();
    assert_eq!(plan.faults().count(), 0);
}

#[test]
fn calls_are_counted_for_each_order_and_fault_point_and_both_ends_of_a_range_are_included() {
    let mut plan = FaultPlan::new(FAULT_POINTS);
    plan.add(vec![Fault::new(
        "gateway.get",
        CallRange { from: 2, to: Some(3) },
        FaultKind::ConnectionRefused,
    )])
    .unwrap();
    let is_triggered = |plan: &mut FaultPlan, point: &str, order: Option<&str>| {
        plan.next_fault(point, order).is_some()
    };
    let calls: Vec<_> = (0..5).map(|_| is_triggered(&mut plan, "gateway.get", Some("a"))).collect();
    assert_eq!(calls, [false, true, true, false, false]);
    assert!(!is_triggered(&mut plan, "gateway.get", Some("b")), "another order has its own count");
    assert!(is_triggered(&mut plan, "gateway.get", Some("b")));
    assert!(
        !is_triggered(&mut plan, "gateway.create", Some("c")),
        "another fault point has its own count"
    );
    assert!(
        !is_triggered(&mut plan, "gateway.get", None),
        "calls without an order have their own count"
    );
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
fn the_first_matching_fault_is_triggered_a_fault_can_be_for_one_order_and_clearing_keeps_the_counts()
 {
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
fn a_plan_can_have_fault_points_by_prefix() {
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
fn a_fault_serializes_to_the_json_that_it_was_parsed_from() {
    let fault = json!({
        "at": "carrier.buy", "calls": { "from": 2, "to": 3 }, "kind": "late", "delayMs": 250, "order": "ord_1"
    });
    let parsed = Fault::parse_list(&json!([fault])).unwrap().remove(0);
    assert_eq!(serde_json::to_value(&parsed).unwrap(), fault);
    for kind in FaultKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
}

/// A short description of what reaches the caller.
fn describe(outcome: &NetworkOutcome) -> String {
    match outcome {
        NetworkOutcome::Response(response) => response.status.to_string(),
        NetworkOutcome::ConnectionRefused => "refused".to_owned(),
        NetworkOutcome::Hang(_) => "hang".to_owned(),
        NetworkOutcome::Delayed { response, .. } => format!("late {}", response.status),
        NetworkOutcome::ConnectionClosed => "dropped".to_owned(),
        NetworkOutcome::CallerKilled { order } => {
            format!("killed {}", order.as_deref().unwrap_or("no order"))
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

/// Each kind at each Stripe fault point: what the caller sees, and whether the call has its
/// effect.
#[test]
fn each_fault_kind_has_its_documented_effect_at_each_stripe_fault_point() {
    for (point, prepared, effect) in [
        ("gateway.create", "", "intents"),
        ("gateway.confirm", "created", "authorized"),
        ("gateway.capture", "authorized", "captured"),
        ("gateway.cancel", "authorized", "voided"),
        ("gateway.refund", "captured", "refunded"),
    ] {
        for (kind, seen, has_effect) in KINDS {
            let mut stripe = StripeHarness::new();
            let intent = match prepared {
                "created" => stripe.created_intent("pm_card_visa"),
                "authorized" => stripe.authorized_intent("pm_card_visa"),
                "captured" => stripe.captured_intent("pm_card_visa"),
                _ => String::new(),
            };
            stripe.emulator.fault_plan_mut().add(fault(point, kind)).unwrap();
            let call = match point {
                "gateway.create" => create_request("pm_card_visa"),
                "gateway.refund" => refund_request(&intent, &[]),
                _ => action_request(&intent, point.trim_start_matches("gateway."), &[]),
            };
            assert_eq!(
                describe(&stripe.emulator.handle_with_faults(&call, at(5))),
                seen,
                "{point} {kind:?}"
            );
            let order = serde_json::to_value(stripe.emulator.ledger().order(ORDER)).unwrap();
            assert_eq!(order[effect] != 0, has_effect, "{point} {kind:?}: {order}");
            assert_eq!(stripe.emulator.fault_plan().triggered_counts().get(&kind), Some(&1));
        }
    }
}

/// The same at each EasyPost fault point.
#[test]
fn each_fault_kind_has_its_documented_effect_at_each_easypost_fault_point() {
    for (point, effect) in [
        ("carrier.create", "shipments"),
        ("carrier.buy", "labels"),
        ("carrier.refund", "labelRefunds"),
    ] {
        for (kind, seen, has_effect) in KINDS {
            let mut easypost = EasyPostHarness::new();
            let shipment = match point {
                "carrier.buy" => easypost.created_shipment(),
                "carrier.refund" => easypost.bought_shipment(),
                _ => Value::Null,
            };
            easypost.emulator.fault_plan_mut().add(fault(point, kind)).unwrap();
            let call = match point {
                "carrier.create" => easypost_request("POST", "/v2/shipments", &shipment_body()),
                "carrier.buy" => {
                    let rate = json!({ "rate": { "id": shipment["rates"][0]["id"] } });
                    easypost_request("POST", &format!("/v2/shipments/{}/buy", id(&shipment)), &rate)
                }
                _ => easypost_request(
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
                describe(&easypost.emulator.handle_with_faults(&call, at(5))),
                seen,
                "{point} {kind:?}"
            );
            let order = serde_json::to_value(easypost.emulator.ledger().order(ORDER)).unwrap();
            assert_eq!(order[effect] != 0, has_effect, "{point} {kind:?}: {order}");
        }
    }
}

/// The rejection at each Stripe fault point, with its documented code.
#[test]
fn a_stripe_rejection_follows_the_business_rules_at_each_fault_point() {
    let cases = [
        ("gateway.create", 402, "card_declined", [0, 0, 0, 0]),
        ("gateway.confirm", 402, "card_declined", [0, 0, 0, 0]),
        ("gateway.capture", 400, "payment_intent_unexpected_state", [2599, 0, 2599, 0]),
        ("gateway.cancel", 400, "", [2599, 0, 0, 0]),
        ("gateway.refund", 400, "balance_insufficient", [2599, 2599, 0, 0]),
        ("gateway.get", 404, "resource_missing", [2599, 0, 0, 0]),
    ];
    for (point, status, code, totals) in cases {
        let mut stripe = StripeHarness::new();
        let intent = match point {
            "gateway.create" | "gateway.confirm" => stripe.created_intent("pm_card_visa"),
            "gateway.refund" => stripe.captured_intent("pm_card_visa"),
            _ => stripe.authorized_intent("pm_card_visa"),
        };
        stripe.emulator.fault_plan_mut().add(fault(point, FaultKind::Reject)).unwrap();
        let call = match point {
            "gateway.create" => create_request("pm_card_visa"),
            "gateway.refund" => refund_request(&intent, &[]),
            "gateway.get" => retrieve_request(&intent),
            _ => action_request(&intent, point.trim_start_matches("gateway."), &[]),
        };
        let NetworkOutcome::Response(response) = stripe.emulator.handle_with_faults(&call, at(5))
        else {
            panic!("{point}: no response")
        };
        assert_eq!(response.status, status, "{point}: {}", response.value());
        assert_eq!(response.value()["error"]["code"].as_str().unwrap_or(""), code, "{point}");
        assert_eq!(stripe.totals(), totals, "{point}");
    }
}

#[test]
fn a_rejected_capture_expires_the_authorization() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.authorized_intent("pm_card_visa");
    stripe.emulator.fault_plan_mut().add(fault("gateway.capture", FaultKind::Reject)).unwrap();
    let NetworkOutcome::Response(response) =
        stripe.emulator.handle_with_faults(&action_request(&intent, "capture", &[]), at(5))
    else {
        panic!()
    };
    assert_eq!(response.value()["error"]["payment_intent"]["status"], "canceled");
    let history: Vec<_> = stripe
        .emulator
        .ledger()
        .intents()
        .flat_map(|i| i.history.iter().map(|s| s.event))
        .collect();
    assert_eq!(history, ["created", "authorized", "lapsed"]);
}

#[test]
fn an_easypost_rejection_has_the_documented_error_at_each_fault_point() {
    let cases = [
        ("carrier.create", "ADDRESS.VERIFY.FAILURE", 422),
        ("carrier.buy", "SHIPMENT.POSTAGE.FAILURE", 422),
        ("carrier.refund", "SHIPMENT.REFUND.UNAVAILABLE", 422),
        ("carrier.get", "NOT_FOUND", 404),
    ];
    for (point, code, status) in cases {
        let mut easypost = EasyPostHarness::new();
        let shipment = if point == "carrier.refund" {
            easypost.bought_shipment()
        } else {
            easypost.created_shipment()
        };
        easypost.emulator.fault_plan_mut().add(fault(point, FaultKind::Reject)).unwrap();
        let path = format!("/v2/shipments/{}", id(&shipment));
        let call = match point {
            "carrier.create" => easypost_request("POST", "/v2/shipments", &shipment_body()),
            "carrier.buy" => easypost_request(
                "POST",
                &format!("{path}/buy"),
                &json!({ "rate": { "id": shipment["rates"][0]["id"] } }),
            ),
            "carrier.refund" => easypost_request("POST", &format!("{path}/refund"), &Value::Null),
            _ => easypost_request("GET", &path, &Value::Null),
        };
        let before = easypost.totals();
        let NetworkOutcome::Response(response) = easypost.emulator.handle_with_faults(&call, at(5))
        else {
            panic!("{point}: no response")
        };
        assert_eq!(
            (response.status, &response.value()["error"]["code"]),
            (status, &json!(code)),
            "{point}"
        );
        assert_eq!(easypost.totals(), before, "{point}");
    }
}

#[test]
fn a_call_counts_for_the_order_of_the_object_that_it_names() {
    let mut stripe = StripeHarness::new();
    let other =
        id(&stripe
            .send_ok(&create_request_with("pm_card_visa", &[("metadata[shop]", "x")]), at(0)));
    for call in [
        retrieve_request(&other),
        action_request(&other, "confirm", &[]),
        action_request(&other, "capture", &[]),
        refund_request(&other, &[]),
    ] {
        stripe.emulator.handle_with_faults(&call, at(1));
    }
    let calls = stripe.emulator.fault_plan().order_call_counts(ORDER);
    let expected =
        ["gateway.capture", "gateway.confirm", "gateway.get", "gateway.refund", "gateway.webhook"];
    assert_eq!(calls.keys().collect::<Vec<_>>(), expected);

    let mut easypost = EasyPostEmulator::new(1);
    easypost
        .handle_with_faults(&easypost_request("POST", "/v2/shipments", &shipment_body()), at(0));
    easypost.handle_with_faults(
        &easypost_request("GET", "/v2/shipments/shp_missing", &Value::Null),
        at(0),
    );
    assert_eq!(easypost.fault_plan().call_count("carrier.create", Some(ORDER)), 1);
    assert_eq!(easypost.fault_plan().call_count("carrier.get", None), 1);
}

#[test]
fn a_fault_with_a_number_of_times_meets_the_next_calls_of_an_order_that_called_before() {
    let mut plan = FaultPlan::new(FAULT_POINTS);
    let meets = |plan: &mut FaultPlan, order| plan.next_fault("gateway.get", Some(order)).is_some();
    assert!(!meets(&mut plan, "a"));
    let faults = json!([{ "at": "gateway.get", "kind": "down", "times": 2, "order": "a" }]);
    plan.add(Fault::parse_list(&faults).unwrap()).unwrap();
    assert!(!meets(&mut plan, "b"), "it is limited to its order");
    let met: Vec<_> = (0..4).map(|_| meets(&mut plan, "a")).collect();
    assert_eq!(met, [true, true, false, false]);
    assert_eq!(plan.to_json()["faults"][0]["times"], 2);
    let none = Fault::parse_list(&json!([{ "at": "gateway.get", "kind": "down", "times": 0 }]));
    let error = plan.add(none.unwrap()).unwrap_err().to_string();
    assert!(error.starts_with("faults[0].times: must be 1 or more"), "{error}");
}

#[test]
fn the_faults_of_one_order_can_be_removed_alone() {
    let mut plan = FaultPlan::new(FAULT_POINTS);
    let down = || Fault::new("gateway.get", CallRange::ALL, FaultKind::ConnectionRefused);
    plan.add(vec![down().for_order("a"), down().for_order("b")]).unwrap();
    plan.clear_order("a");
    assert!(plan.next_fault("gateway.get", Some("a")).is_none());
    assert!(plan.next_fault("gateway.get", Some("b")).is_some());
}

#[test]
fn a_refused_account_is_answered_in_the_providers_words_and_stores_no_key() {
    for status in [401, 402, 403] {
        let mut stripe = StripeHarness::new();
        let kind = status.to_string();
        let fault = json!([{ "at": "gateway.create", "kind": kind, "times": 1 }]);
        stripe.emulator.fault_plan_mut().add(Fault::parse_list(&fault).unwrap()).unwrap();
        let create = create_request("pm_card_visa").header("idempotency-key", "key");
        let NetworkOutcome::Response(refused) = stripe.emulator.handle_with_faults(&create, at(0))
        else {
            panic!("no response")
        };
        assert_eq!(refused.status, status);
        assert_eq!(refused.value()["error"]["type"], "invalid_request_error");
        assert_eq!(stripe.emulator.ledger().intents().count(), 0);
        stripe.send_ok(&create, at(1));

        let mut easypost = EasyPostHarness::new();
        let shipment = easypost.created_shipment();
        let fault = json!([{ "at": "carrier.buy", "kind": kind }]);
        easypost.emulator.fault_plan_mut().add(Fault::parse_list(&fault).unwrap()).unwrap();
        let path = format!("/v2/shipments/{}/buy", id(&shipment));
        let body = json!({ "rate": { "id": shipment["rates"][0]["id"] } });
        let buy = easypost_request("POST", &path, &body);
        let NetworkOutcome::Response(refused) = easypost.emulator.handle_with_faults(&buy, at(1))
        else {
            panic!("no response")
        };
        assert_eq!(refused.status, status);
        assert!(refused.value()["error"]["code"].is_string());
        assert_eq!(easypost.totals(), [0, 0]);
    }
}

/// A key that its owner revoked is rejected for every call, another one is not.
#[test]
fn a_revoked_key_is_rejected_and_its_replacement_is_not() {
    let mut stripe = StripeHarness::new();
    let revoke = |key: &str| ControlAction::RevokeKey { key: key.to_owned() };
    let send = |stripe: &mut StripeHarness, call| {
        describe(&stripe.emulator.handle_with_faults(&call, at(5)))
    };
    stripe.emulator.perform(&revoke("sk_test_other"), at(4)).unwrap();
    assert_eq!(send(&mut stripe, create_request("pm_card_visa")), "200");
    stripe.emulator.perform(&revoke("sk_test_lookalike"), at(4)).unwrap();
    assert_eq!(send(&mut stripe, create_request("pm_card_visa")), "401");
    let mut easypost = EasyPostEmulator::new(1);
    let list = || easypost_request("GET", "/v2/shipments", &Value::Null);
    assert_eq!(describe(&easypost.handle_with_faults(&list(), at(5))), "200");
    easypost.perform(&revoke("EZTKlookalike"), at(6)).unwrap();
    assert_eq!(describe(&easypost.handle_with_faults(&list(), at(7))), "403");
}

/// Sends the same call `count` times at one moment. The statuses of the answers.
fn statuses(emulator: &mut impl Emulator, call: &HttpRequest, count: usize) -> Vec<u16> {
    let mut status = || match emulator.handle_with_faults(call, at(10)) {
        NetworkOutcome::Response(response) => response.status,
        other => panic!("{other:?}"),
    };
    (0..count).map(|_| status()).collect()
}

#[test]
fn a_rate_limit_counts_the_reads_and_the_writes_of_stripe_apart() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.created_intent("pm_card_visa");
    let limit = ControlAction::LimitRate { per_second: Some(2) };
    stripe.emulator.perform(&limit, at(9)).unwrap();
    let read = retrieve_request(&intent);
    assert_eq!(statuses(&mut stripe.emulator, &read, 3), [200, 200, 429]);
    let write = create_request("pm_card_visa");
    assert_eq!(statuses(&mut stripe.emulator, &write, 3), [200, 200, 429]);
    let NetworkOutcome::Response(limited) = stripe.emulator.handle_with_faults(&write, at(10))
    else {
        panic!("not answered")
    };
    assert_eq!(limited.header_value("stripe-rate-limited-reason"), Some("global-rate"));
    assert_eq!(limited.value()["error"]["code"], "rate_limit");
    let NetworkOutcome::Response(later) = stripe.emulator.handle_with_faults(&write, at(11)) else {
        panic!("not answered")
    };
    assert_eq!(later.status, 200, "a second later");
}

#[test]
fn a_rate_limit_of_easypost_counts_lists_apart_with_their_documented_limit() {
    let mut easypost = EasyPostHarness::new();
    let limit = ControlAction::LimitRate { per_second: Some(2) };
    easypost.emulator.perform(&limit, at(9)).unwrap();
    let create = easypost_request("POST", "/v2/shipments", &shipment_body());
    assert_eq!(statuses(&mut easypost.emulator, &create, 3), [201, 201, 429]);
    let list = easypost_request("GET", "/v2/shipments", &Value::Null);
    assert_eq!(statuses(&mut easypost.emulator, &list, 6), [200, 200, 200, 200, 200, 429]);
}

#[test]
fn without_an_answer_of_the_carriers_a_shipment_has_messages_in_place_of_rates() {
    let mut easypost = EasyPostHarness::new();
    let fault = Fault::new("carrier.create", CallRange::nth(1), FaultKind::NoRates);
    easypost.emulator.fault_plan_mut().add(vec![fault]).unwrap();
    let create = easypost_request("POST", "/v2/shipments", &shipment_body());
    let NetworkOutcome::Response(created) = easypost.emulator.handle_with_faults(&create, at(1))
    else {
        panic!("not answered")
    };
    assert_eq!((created.status, &created.value()["rates"]), (201, &json!([])));
    let messages = created.value()["messages"].clone();
    let kinds: Vec<_> = messages.as_array().unwrap().iter().map(|it| it["type"].clone()).collect();
    assert_eq!(kinds, ["rate_error", "rate_error", "rate_error"]);
    let path = format!("/v2/shipments/{}/rerate", id(&created.value()));
    let rerated = easypost.send("POST", &path, &json!({}), at(2)).value();
    assert_eq!(rerated["rates"].as_array().unwrap().len(), 3);
}

#[test]
fn a_late_effect_happens_after_the_look_up_that_shows_none() {
    let mut stripe = StripeHarness::new();
    let intent = stripe.authorized_intent("pm_card_visa");
    let fault = Fault::new("gateway.capture", CallRange::nth(1), FaultKind::LateEffect);
    stripe.emulator.fault_plan_mut().add(vec![fault]).unwrap();
    let capture = action_request(&intent, "capture", &[]).header("idempotency-key", "capture-1");
    let lost = stripe.emulator.handle_with_faults(&capture, at(2));
    assert!(matches!(lost, NetworkOutcome::ConnectionClosed), "{lost:?}");
    assert_eq!(stripe.send(&capture, at(3)).status, 409, "the first call is in flight");
    let look_up = |stripe: &mut StripeHarness, at| match stripe
        .emulator
        .handle_with_faults(&retrieve_request(&intent), at)
    {
        NetworkOutcome::Response(response) => response.value()["status"].clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(look_up(&mut stripe, at(4)), "requires_capture");
    assert_eq!(look_up(&mut stripe, at(5)), "succeeded");
    assert_eq!(stripe.totals(), [2599, 2599, 0, 0]);
    let replayed = stripe.send(&capture, at(6));
    assert_eq!(replayed.header_value("idempotent-replayed"), Some("true"));
}
