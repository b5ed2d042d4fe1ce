//! Every answer, held against the providers' contracts: Stripe's against the cut of its
//! `OpenAPI` document and the documented responses, `EasyPost`'s against the recordings.

use std::path::Path;

use serde_json::{Value, json};

use emulators::emulator::{ControlAction, Emulator as _};

use crate::support::{
    Dock, ORDER, Till, at, contract, contracts, create, create_with, hours, look, post, refund,
    stripe,
};

/// How a value breaks a schema of the document; nothing when it does not.
fn violations(document: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#'));
        let target = target.unwrap_or_else(|| panic!("{reference} is not in the document"));
        return violations(document, target, value, place);
    }
    if value.is_null() && schema["nullable"] == true {
        return Vec::new();
    }
    let mut found = Vec::new();
    for choice in ["anyOf", "oneOf"] {
        if let Some(options) = schema[choice].as_array()
            && !options.iter().any(|option| violations(document, option, value, place).is_empty())
        {
            found.push(format!("{place}: {value} is none of {choice}"));
        }
    }
    if let Some(kind) = schema["type"].as_str()
        && !is_a(kind, value)
    {
        found.push(format!("{place}: {value} is no {kind}"));
    }
    if let Some(options) = schema["enum"].as_array()
        && !options.contains(value)
    {
        found.push(format!("{place}: {value} is not in the enumeration"));
    }
    found.extend(violations_within(document, schema, value, place));
    found
}

fn violations_within(document: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    for required in schema["required"].as_array().into_iter().flatten() {
        let name = required.as_str().unwrap();
        if value.is_object() && value.get(name).is_none() {
            found.push(format!("{place}.{name}: is missing"));
        }
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        let declared =
            schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
        if let Some(declared) = declared.filter(|declared| declared.is_object()) {
            found.extend(violations(document, declared, inner, &format!("{place}.{name}")));
        }
    }
    for (n, inner) in value.as_array().into_iter().flatten().enumerate() {
        if schema["items"].is_object() {
            found.extend(violations(document, &schema["items"], inner, &format!("{place}[{n}]")));
        }
    }
    found
}

fn is_a(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

/// What a recorded body has and ours lacks, or has in another type.
fn lacks(recorded: &Value, ours: &Value, place: &str) -> Vec<String> {
    match (recorded, ours) {
        (Value::Null, _) | (_, Value::Null) => Vec::new(),
        (Value::Object(recorded), Value::Object(ours)) => recorded
            .iter()
            .flat_map(|(name, recorded)| match ours.get(name) {
                Some(ours) => lacks(recorded, ours, &format!("{place}.{name}")),
                None => vec![format!("{place}.{name}: is missing")],
            })
            .collect(),
        (Value::Array(recorded), Value::Array(ours)) => match (recorded.first(), ours.first()) {
            (Some(recorded), Some(ours)) => lacks(recorded, ours, &format!("{place}[0]")),
            _ => Vec::new(),
        },
        (recorded, ours) if std::mem::discriminant(recorded) == std::mem::discriminant(ours) => {
            Vec::new()
        }
        (recorded, ours) => vec![format!("{place}: {ours} where the recording has {recorded}")],
    }
}

#[test]
fn the_check_itself_finds_what_is_wrong() {
    let document = json!({ "components": { "schemas": { "word": { "type": "string", "enum": ["a", "b"] } } } });
    let schema = json!({
        "type": "object", "required": ["word"],
        "properties": {
            "word": { "$ref": "#/components/schemas/word" },
            "count": { "type": "integer", "nullable": true },
            "either": { "anyOf": [{ "type": "string" }, { "type": "boolean" }] },
            "list": { "type": "array", "items": { "type": "integer" } },
        },
    });
    let cases = [
        (json!({ "word": "a", "count": null, "either": true, "list": [1] }), 0),
        (json!({}), 1),
        (json!({ "word": "c" }), 1),
        (json!({ "word": 5 }), 2),
        (json!({ "word": "a", "count": "1" }), 1),
        (json!({ "word": "a", "either": 5 }), 1),
        (json!({ "word": "a", "list": [1, "2", "3"] }), 2),
        (json!([]), 1),
    ];
    for (value, expected) in cases {
        assert_eq!(violations(&document, &schema, &value, "").len(), expected, "{value}");
    }
    assert_eq!(
        lacks(&json!({ "a": [{ "b": 1 }] }), &json!({ "a": [{}] }), ""),
        [".a[0].b: is missing"]
    );
    assert_eq!(lacks(&json!({ "a": 1 }), &json!({ "a": "1" }), "").len(), 1);
}

/// One answer of each kind that the gateway gives, with the name of its schema.
fn gateway_answers() -> Vec<(&'static str, Value)> {
    let mut till = Till::new();
    let mut answers = vec![("payment_intent", till.ok(&create("pm_card_visa"), at(0)))];
    let full = [("customer", "cus_1"), ("description", "two items"), ("expand[]", "latest_charge")];
    answers.push(("payment_intent", till.ok(&create_with("pm_card_visa", &full), at(0))));
    for card in [
        "pm_card_visa",
        "pm_card_riskLevelElevated",
        "pm_card_authenticationRequired",
        "pm_card_lookalikeProcessing",
    ] {
        let intent = till.created(card);
        answers.push(("payment_intent", till.ok(&post(&intent, "confirm", &[]), at(1))));
        answers.push(("payment_intent", till.ok(&look(&intent), at(1))));
    }
    for card in [
        "pm_card_chargeDeclined",
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "pm_card_chargeDeclinedExpiredCard",
    ] {
        let intent = till.created(card);
        answers.push(("error", till.say(&post(&intent, "confirm", &[]), at(1)).value()));
        answers.push(("payment_intent", till.ok(&look(&intent), at(1))));
        answers.push(("error", till.say(&post(&intent, "capture", &[]), at(1)).value()));
        answers.push(("payment_intent", till.ok(&post(&intent, "cancel", &[]), at(1))));
    }
    for card in [
        "pm_card_visa",
        "pm_card_pendingRefund",
        "pm_card_refundFail",
        "pm_card_lookalikeRefundPendsThenFails",
    ] {
        let intent = till.captured(card);
        answers.push(("payment_intent", till.ok(&look(&intent), at(3))));
        let more =
            [("reason", "requested_by_customer"), ("metadata[order_id]", ORDER), ("amount", "100")];
        answers.push(("refund", till.ok(&refund(&intent, &more), at(4))));
        answers
            .push(("refund", till.ok(&refund(&intent, &[("expand[]", "payment_intent")]), at(4))));
        answers.push(("error", till.say(&refund(&intent, &[]), at(5)).value()));
        let list = till.ok(&stripe("GET", "/v1/refunds", &[("payment_intent", &intent)]), hours(1));
        answers.extend(
            list["data"].as_array().unwrap().iter().map(|refund| ("refund", refund.clone())),
        );
        answers.push(("list of refunds", list));
    }
    answers.push(("error", till.say(&look("pi_nobody"), at(4_000)).value()));
    answers.push((
        "error",
        till.say(&create_with("pm_card_visa", &[("colour", "blue")]), at(4_000)).value(),
    ));
    answers
        .push(("list of intents", till.ok(&stripe("GET", "/v1/payment_intents", &[]), at(4_000))));
    till.gateway.perform(&ControlAction::Dispute { order: ORDER.to_owned() }, at(5_000)).unwrap();
    for event in till.gateway.take_events() {
        answers.push(("event", serde_json::from_str(&event.body).unwrap()));
    }
    answers
}

#[test]
fn every_answer_of_the_gateway_is_valid_for_stripes_document() {
    let Some(folder) = contracts() else { return };
    let document = contract(&folder, "stripe/openapi-subset.2023-08-16.json");
    let list = |path: &str| {
        document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            .clone()
    };
    let answers = gateway_answers();
    assert!(answers.len() > 60, "only {} answers", answers.len());
    for (name, answer) in answers {
        let schema = match name {
            "list of refunds" => list("/v1/refunds"),
            "list of intents" => list("/v1/payment_intents"),
            name => document["components"]["schemas"][name].clone(),
        };
        assert!(schema.is_object(), "{name} has no schema");
        assert_eq!(violations(&document, &schema, &answer, name), Vec::<String>::new(), "{answer}");
    }
}

#[test]
fn every_error_code_of_the_gateway_is_one_of_stripes() {
    let Some(folder) = contracts() else { return };
    let codes = contract(&folder, "stripe/error-codes.2026-10.json")["codes"].clone();
    for (name, answer) in gateway_answers() {
        let code = &answer["error"]["code"];
        if name == "error" && !code.is_null() {
            assert!(codes.as_array().unwrap().contains(code), "{code} is none of Stripe's");
        }
    }
}

/// Status and body of ours that answer the same question as the documented response.
fn ours_like(response: &str) -> (u16, Value) {
    let mut till = Till::new();
    let answer = match response {
        "create_requires_capture" | "create_replayed" => {
            let intent = till.authorized("pm_card_visa");
            till.say(&stripe("GET", &format!("/v1/payment_intents/{intent}"), &[]), at(2))
        }
        "capture_succeeded" => {
            let intent = till.authorized("pm_card_visa");
            till.say(&post(&intent, "capture", &[]), at(2))
        }
        "cancel_canceled" => {
            let intent = till.authorized("pm_card_visa");
            till.say(&post(&intent, "cancel", &[("cancellation_reason", "abandoned")]), at(2))
        }
        "capture_wrong_state" => {
            let intent = till.authorized("pm_card_visa");
            till.ok(&post(&intent, "cancel", &[]), at(2));
            till.say(&post(&intent, "capture", &[]), at(3))
        }
        "refund_succeeded" | "refund_pending" => {
            let card =
                if response == "refund_pending" { "pm_card_pendingRefund" } else { "pm_card_visa" };
            let intent = till.captured(card);
            till.say(&refund(&intent, &[("metadata[order_id]", ORDER)]), at(3))
        }
        "refund_already_refunded" => {
            let intent = till.captured("pm_card_visa");
            till.ok(&refund(&intent, &[]), at(3));
            till.say(&refund(&intent, &[]), at(4))
        }
        "resource_missing" => till.say(&look("pi_x"), at(0)),
        "bad_key" => till.say(
            &emulators::exchange::HttpRequest::new("GET", "/v1/refunds")
                .header("authorization", "Bearer x"),
            at(0),
        ),
        "idempotency_mismatch" => {
            till.ok(&create("pm_card_visa").header("idempotency-key", "K"), at(0));
            till.say(&create("pm_card_mastercard").header("idempotency-key", "K"), at(0))
        }
        declined => {
            let intent = till.created(match declined {
                "declined_insufficient_funds" => "pm_card_visa_chargeDeclinedInsufficientFunds",
                "declined_lost_card" => "pm_card_visa_chargeDeclinedLostCard",
                "declined_authentication_required" => "pm_card_authenticationRequired",
                "declined_generic_decline" => "pm_card_visa_chargeDeclined",
                other => panic!("nothing of ours is like {other}"),
            });
            till.say(&post(&intent, "confirm", &[("error_on_requires_action", "true")]), at(1))
        }
    };
    (answer.status, answer.value())
}

#[test]
fn the_gateway_answers_with_the_fields_of_the_documented_responses() {
    let Some(folder) = contracts() else { return };
    // What needs a fault is compared where the faults are tested over HTTP.
    let by_fault = ["api_error_500", "rate_limit", "idempotency_in_use", "lock_timeout"];
    let mut compared = 0;
    for entry in std::fs::read_dir(folder.join("stripe/responses")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if by_fault.contains(&name) {
            continue;
        }
        let documented = contract(Path::new("/"), path.to_str().unwrap().trim_start_matches('/'));
        let (status, mut ours) = ours_like(name);
        assert_eq!(documented["status"], status, "{name}");
        // The documented metadata are of another shop.
        for place in ["/metadata", "/error/payment_intent/metadata"] {
            if let Some(metadata) = ours.pointer_mut(place) {
                metadata["attempt"] = json!("1");
                metadata["order_id"] = json!("ord_01HZX");
            }
        }
        assert_eq!(lacks(&documented["body"], &ours, name), Vec::<String>::new());
        for field in ["type", "code", "decline_code", "advice_code"] {
            assert_eq!(documented["body"]["error"][field], ours["error"][field], "{name}: {field}");
        }
        compared += 1;
    }
    assert_eq!(compared, 15);
}

#[test]
fn the_gateways_objects_have_the_fields_of_stripes_own_fixtures() {
    let Some(folder) = contracts() else { return };
    let fixtures = contract(&folder, "stripe/fixtures.2026-08.json")["resources"].clone();
    let mut till = Till::new();
    let intent = till.captured("pm_card_visa");
    till.ok(&refund(&intent, &[]), at(3));
    let body = till.ok(&look(&intent), at(4));
    let event: Value = serde_json::from_str(&till.gateway.take_events()[0].body).unwrap();
    let refund = till.ok(&stripe("GET", "/v1/refunds", &[]), at(4))["data"][0].clone();
    for (name, ours) in [
        ("payment_intent", &body),
        ("charge", &body["latest_charge"]),
        ("refund", &refund),
        ("event", &event),
    ] {
        let mut missing = lacks(&fixtures[name], ours, name);
        // A fixture shows everything at once; of these we have other contents, or none.
        missing.retain(|line| {
            !["event.data.object.", "charge.refunds:"].iter().any(|other| line.starts_with(other))
        });
        assert_eq!(missing, Vec::<String>::new());
    }
}

fn recorded(folder: &Path, file: &str, n: usize) -> Value {
    contract(folder, &format!("easypost/{file}.json"))["interactions"][n].clone()
}

#[test]
fn the_carrier_takes_every_recorded_request_and_answers_with_the_recorded_fields() {
    let Some(folder) = contracts() else { return };
    for file in ["shipment_create", "shipment_create_empty_objects", "shipment_retrieve", "error"] {
        let mut dock = Dock::new();
        let recording = recorded(&folder, file, 0);
        let answer = dock.say("POST", "/v2/shipments", &recording["request"]["body"], at(0));
        assert_eq!(
            recording["response"]["status"]["code"],
            answer.status,
            "{file}: {}",
            answer.value()
        );
        assert_eq!(
            lacks(&recording["response"]["body"], &answer.value(), file),
            Vec::<String>::new()
        );
    }
    let error = recorded(&folder, "error", 0)["response"]["body"].clone();
    let ours = Dock::new().say("POST", "/v2/shipments", &json!({ "shipment": {} }), at(0)).value();
    assert_eq!(error, ours, "the recorded error, to the letter");
}

/// Verifying addresses is another product of the carrier's, which the recordings bought.
fn lacks_unverified(recorded: &Value, ours: &Value) -> Vec<String> {
    let missing = lacks(recorded, ours, "shipment").into_iter();
    missing.filter(|line| !line.contains(".verifications.")).collect()
}

#[test]
fn a_purchase_a_look_and_a_refund_have_the_recorded_fields() {
    let Some(folder) = contracts() else { return };
    let mut dock = Dock::new();
    let created = dock
        .say(
            "POST",
            "/v2/shipments",
            &recorded(&folder, "shipment_buy", 0)["request"]["body"],
            at(0),
        )
        .value();
    let bought = dock.buy(&created, 2, at(1));
    let recording = recorded(&folder, "shipment_buy", 1);
    assert_eq!(recording["response"]["status"]["code"], bought.status);
    assert_eq!(
        lacks_unverified(&recording["response"]["body"], &bought.value()),
        Vec::<String>::new()
    );

    let looked_up = dock.look(&created, at(2));
    let recording = recorded(&folder, "refund_create", 1);
    assert_eq!(lacks_unverified(&recording["response"]["body"], &looked_up), Vec::<String>::new());

    let refunded = dock.refund(&created, at(3));
    let recording = recorded(&folder, "shipment_refund", 1);
    assert_eq!(recording["response"]["status"]["code"], refunded.status);
    assert_eq!(recording["response"]["body"]["refund_status"], refunded.value()["refund_status"]);

    dock.carrier
        .perform(
            &ControlAction::UpdateTracker {
                order: "123".to_owned(),
                status: "in_transit".to_owned(),
            },
            at(4),
        )
        .unwrap();
    let tracker = recorded(&folder, "tracker_retrieve", 1);
    let ours = dock.look(&created, at(5))["tracker"].clone();
    assert_eq!(lacks(&tracker["response"]["body"], &ours, "tracker"), Vec::<String>::new());
}

#[test]
fn the_carriers_errors_and_events_have_the_recorded_shapes() {
    let Some(folder) = contracts() else { return };
    let recording = recorded(&folder, "error_alternative_format", 0);
    let mut dock = Dock::new();
    let missing = dock.say("GET", "/v2/shipments/shp_nobody", &Value::Null, at(0));
    assert_eq!(recording["response"]["status"]["code"], missing.status);
    assert_eq!(
        lacks(&recording["response"]["body"], &missing.value(), "404"),
        Vec::<String>::new()
    );
    assert_eq!(recording["response"]["body"]["error"]["code"], missing.value()["error"]["code"]);

    let codes = contract(&folder, "easypost/errors-from-docs.json")["codes"].clone();
    let shipment = dock.bought();
    let second = dock.buy(&shipment, 0, at(2));
    assert_eq!(codes["SHIPMENT.POSTAGE.EXISTS"]["status"], second.status);

    dock.carrier
        .perform(
            &ControlAction::UpdateTracker {
                order: ORDER.to_owned(),
                status: "in_transit".to_owned(),
            },
            at(4),
        )
        .unwrap();
    let ours: Value =
        serde_json::from_str(&dock.carrier.take_events().pop().unwrap().body).unwrap();
    let mut missing = lacks(&contract(&folder, "easypost/event-body.json"), &ours, "event");
    // Only some carriers' trackers say these.
    missing.retain(|line| {
        !line.starts_with("event.result.finalized") && !line.starts_with("event.result.is_return")
    });
    assert_eq!(missing, Vec::<String>::new());
    let refund = recorded(&folder, "refund_create", 2)["response"]["body"][0].clone();
    dock.refund(&shipment, at(5));
    dock.carrier.advance_to(hours(30));
    let told: Value =
        serde_json::from_str(&dock.carrier.take_events().pop().unwrap().body).unwrap();
    assert_eq!(lacks(&refund, &told["result"], "refund"), Vec::<String>::new());
}
