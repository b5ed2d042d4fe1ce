//! Every response, checked against the providers' contracts: Stripe's OpenAPI document and
//! documented responses, and recordings of EasyPost.

use std::path::Path;

use emulators::emulator::{ControlAction, Emulator as _};
use emulators::exchange::HttpRequest;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{
    EasyPostHarness, ORDER, StripeHarness, action_request, at, contract, contracts, create_request,
    create_request_with, hours, refund_request, retrieve_request, stripe_request,
};

/// The violations of a schema of the document by a value.
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

/// The fields of a recorded body that the emulated body lacks, or has with another type.
fn missing_fields(recorded: &Value, emulated: &Value, place: &str) -> Vec<String> {
    match (recorded, emulated) {
        (Value::Null, _) | (_, Value::Null) => Vec::new(),
        (Value::Object(recorded), Value::Object(emulated)) => recorded
            .iter()
            .flat_map(|(name, recorded)| match emulated.get(name) {
                Some(emulated) => missing_fields(recorded, emulated, &format!("{place}.{name}")),
                None => vec![format!("{place}.{name}: is missing")],
            })
            .collect(),
        (Value::Array(recorded), Value::Array(emulated)) => {
            match (recorded.first(), emulated.first()) {
                (Some(recorded), Some(emulated)) => {
                    missing_fields(recorded, emulated, &format!("{place}[0]"))
                }
                _ => Vec::new(),
            }
        }
        (recorded, emulated)
            if std::mem::discriminant(recorded) == std::mem::discriminant(emulated) =>
        {
            Vec::new()
        }
        (recorded, emulated) => {
            vec![format!("{place}: {emulated} where the recording has {recorded}")]
        }
    }
}

#[test]
fn the_schema_check_finds_violations() {
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
        missing_fields(&json!({ "a": [{ "b": 1 }] }), &json!({ "a": [{}] }), ""),
        [".a[0].b: is missing"]
    );
    assert_eq!(missing_fields(&json!({ "a": 1 }), &json!({ "a": "1" }), "").len(), 1);
}

/// Collects Stripe's responses, each with the name of its schema.
struct ResponseRecorder {
    stripe: StripeHarness,
    responses: Vec<(&'static str, Value)>,
}

impl ResponseRecorder {
    fn ok(&mut self, schema: &'static str, request: &HttpRequest, at: Timestamp) -> Value {
        let body = self.stripe.send_ok(request, at);
        self.responses.push((schema, body.clone()));
        body
    }

    fn error(&mut self, request: &HttpRequest, at: Timestamp) {
        self.responses.push(("error", self.stripe.send(request, at).value()));
    }

    fn confirmations(&mut self) {
        for card in [
            "pm_card_visa",
            "pm_card_riskLevelElevated",
            "pm_card_authenticationRequired",
            "pm_card_lookalikeProcessing",
        ] {
            let intent = self.stripe.created_intent(card);
            self.ok("payment_intent", &action_request(&intent, "confirm", &[]), at(1));
            self.ok("payment_intent", &retrieve_request(&intent), at(1));
        }
    }

    fn declines(&mut self) {
        for card in [
            "pm_card_chargeDeclined",
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "pm_card_chargeDeclinedExpiredCard",
        ] {
            let intent = self.stripe.created_intent(card);
            self.error(&action_request(&intent, "confirm", &[]), at(1));
            self.ok("payment_intent", &retrieve_request(&intent), at(1));
            self.error(&action_request(&intent, "capture", &[]), at(1));
            self.ok("payment_intent", &action_request(&intent, "cancel", &[]), at(1));
        }
    }

    fn refunds(&mut self) {
        for card in [
            "pm_card_visa",
            "pm_card_pendingRefund",
            "pm_card_refundFail",
            "pm_card_lookalikeRefundPendsThenFails",
        ] {
            let intent = self.stripe.captured_intent(card);
            self.ok("payment_intent", &retrieve_request(&intent), at(3));
            let partial = [
                ("reason", "requested_by_customer"),
                ("metadata[order_id]", ORDER),
                ("amount", "100"),
            ];
            self.ok("refund", &refund_request(&intent, &partial), at(4));
            let expanded = [("expand[]", "payment_intent")];
            self.ok("refund", &refund_request(&intent, &expanded), at(4));
            self.error(&refund_request(&intent, &[]), at(5));
            let list = stripe_request("GET", "/v1/refunds", &[("payment_intent", &intent)]);
            let list = self.ok("list of refunds", &list, hours(1));
            let refunds = list["data"].as_array().unwrap().iter();
            self.responses.extend(refunds.map(|refund| ("refund", refund.clone())));
        }
    }
}

/// One Stripe response of each kind, with the name of its schema.
fn stripe_responses() -> Vec<(&'static str, Value)> {
    let mut recorder = ResponseRecorder { stripe: StripeHarness::new(), responses: Vec::new() };
    recorder.ok("payment_intent", &create_request("pm_card_visa"), at(0));
    let full = [("customer", "cus_1"), ("description", "two items"), ("expand[]", "latest_charge")];
    recorder.ok("payment_intent", &create_request_with("pm_card_visa", &full), at(0));
    recorder.confirmations();
    recorder.declines();
    recorder.refunds();
    recorder.error(&retrieve_request("pi_missing"), at(4_000));
    let unknown = create_request_with("pm_card_visa", &[("color", "blue")]);
    recorder.error(&unknown, at(4_000));
    let list = stripe_request("GET", "/v1/payment_intents", &[]);
    recorder.ok("list of intents", &list, at(4_000));
    let ResponseRecorder { mut stripe, mut responses } = recorder;
    let dispute = ControlAction::Dispute { order: ORDER.to_owned() };
    stripe.emulator.perform(&dispute, at(5_000)).unwrap();
    for event in stripe.emulator.take_events() {
        responses.push(("event", serde_json::from_str(&event.body).unwrap()));
    }
    responses
}

#[test]
fn every_stripe_response_is_valid_against_the_openapi_document() {
    let Some(folder) = contracts() else { return };
    let document = contract(&folder, "stripe/openapi-subset.2023-08-16.json");
    let list = |path: &str| {
        document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            .clone()
    };
    let responses = stripe_responses();
    assert!(responses.len() > 60, "only {} responses", responses.len());
    for (name, response) in responses {
        let schema = match name {
            "list of refunds" => list("/v1/refunds"),
            "list of intents" => list("/v1/payment_intents"),
            name => document["components"]["schemas"][name].clone(),
        };
        assert!(schema.is_object(), "{name} has no schema");
        assert_eq!(
            violations(&document, &schema, &response, name),
            Vec::<String>::new(),
            "{response}"
        );
    }
}

#[test]
fn every_stripe_error_code_is_documented() {
    let Some(folder) = contracts() else { return };
    let codes = contract(&folder, "stripe/error-codes.2026-10.json")["codes"].clone();
    for (name, response) in stripe_responses() {
        let code = &response["error"]["code"];
        if name == "error" && !code.is_null() {
            assert!(codes.as_array().unwrap().contains(code), "{code} is none of Stripe's");
        }
    }
}

/// The status and body of the emulated counterpart of a documented response.
fn emulated_response(response: &str) -> (u16, Value) {
    let mut stripe = StripeHarness::new();
    let response = match response {
        "create_requires_capture" | "create_replayed" => {
            let intent = stripe.authorized_intent("pm_card_visa");
            stripe
                .send(&stripe_request("GET", &format!("/v1/payment_intents/{intent}"), &[]), at(2))
        }
        "capture_succeeded" => {
            let intent = stripe.authorized_intent("pm_card_visa");
            stripe.send(&action_request(&intent, "capture", &[]), at(2))
        }
        "cancel_canceled" => {
            let intent = stripe.authorized_intent("pm_card_visa");
            stripe.send(
                &action_request(&intent, "cancel", &[("cancellation_reason", "abandoned")]),
                at(2),
            )
        }
        "capture_wrong_state" => {
            let intent = stripe.authorized_intent("pm_card_visa");
            stripe.send_ok(&action_request(&intent, "cancel", &[]), at(2));
            stripe.send(&action_request(&intent, "capture", &[]), at(3))
        }
        "refund_succeeded" | "refund_pending" => {
            let card =
                if response == "refund_pending" { "pm_card_pendingRefund" } else { "pm_card_visa" };
            let intent = stripe.captured_intent(card);
            stripe.send(&refund_request(&intent, &[("metadata[order_id]", ORDER)]), at(3))
        }
        "refund_already_refunded" => {
            let intent = stripe.captured_intent("pm_card_visa");
            stripe.send_ok(&refund_request(&intent, &[]), at(3));
            stripe.send(&refund_request(&intent, &[]), at(4))
        }
        "resource_missing" => stripe.send(&retrieve_request("pi_x"), at(0)),
        "bad_key" => stripe.send(
            &HttpRequest::new("GET", "/v1/refunds").header("authorization", "Bearer x"),
            at(0),
        ),
        "idempotency_mismatch" => {
            stripe.send_ok(&create_request("pm_card_visa").header("idempotency-key", "K"), at(0));
            stripe.send(&create_request("pm_card_mastercard").header("idempotency-key", "K"), at(0))
        }
        declined => {
            let intent = stripe.created_intent(declined_card(declined));
            stripe.send(
                &action_request(&intent, "confirm", &[("error_on_requires_action", "true")]),
                at(1),
            )
        }
    };
    (response.status, response.value())
}

fn declined_card(response: &str) -> &'static str {
    match response {
        "declined_insufficient_funds" => "pm_card_visa_chargeDeclinedInsufficientFunds",
        "declined_lost_card" => "pm_card_visa_chargeDeclinedLostCard",
        "declined_authentication_required" => "pm_card_authenticationRequired",
        "declined_generic_decline" => "pm_card_visa_chargeDeclined",
        other => panic!("no emulated response for {other}"),
    }
}

#[test]
fn stripe_responses_have_the_fields_of_the_documented_responses() {
    let Some(folder) = contracts() else { return };
    // These need a fault; `http.rs` compares them.
    let by_fault = ["api_error_500", "rate_limit", "idempotency_in_use", "lock_timeout"];
    let mut compared = 0;
    for entry in std::fs::read_dir(folder.join("stripe/responses")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if by_fault.contains(&name) {
            continue;
        }
        let documented = contract(Path::new("/"), path.to_str().unwrap().trim_start_matches('/'));
        let (status, mut emulated) = emulated_response(name);
        assert_eq!(documented["status"], status, "{name}");
        // The documented metadata has other keys.
        for place in ["/metadata", "/error/payment_intent/metadata"] {
            if let Some(metadata) = emulated.pointer_mut(place) {
                metadata["attempt"] = json!("1");
                metadata["order_id"] = json!("ord_01HZX");
            }
        }
        assert_eq!(missing_fields(&documented["body"], &emulated, name), Vec::<String>::new());
        for field in ["type", "code", "decline_code", "advice_code"] {
            assert_eq!(
                documented["body"]["error"][field], emulated["error"][field],
                "{name}: {field}"
            );
        }
        compared += 1;
    }
    assert_eq!(compared, 15);
}

#[test]
fn stripe_objects_have_the_fields_of_stripes_fixtures() {
    let Some(folder) = contracts() else { return };
    let fixtures = contract(&folder, "stripe/fixtures.2026-08.json")["resources"].clone();
    let mut stripe = StripeHarness::new();
    let intent = stripe.captured_intent("pm_card_visa");
    stripe.send_ok(&refund_request(&intent, &[]), at(3));
    let body = stripe.send_ok(&retrieve_request(&intent), at(4));
    let event: Value = serde_json::from_str(&stripe.emulator.take_events()[0].body).unwrap();
    let refund =
        stripe.send_ok(&stripe_request("GET", "/v1/refunds", &[]), at(4))["data"][0].clone();
    for (name, emulated) in [
        ("payment_intent", &body),
        ("charge", &body["latest_charge"]),
        ("refund", &refund),
        ("event", &event),
    ] {
        let mut missing = missing_fields(&fixtures[name], emulated, name);
        // The emulator has other contents here, or none.
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
fn easypost_accepts_every_recorded_request_and_responds_with_the_recorded_fields() {
    let Some(folder) = contracts() else { return };
    for file in ["shipment_create", "shipment_create_empty_objects", "shipment_retrieve", "error"] {
        let mut easypost = EasyPostHarness::new();
        let recording = recorded(&folder, file, 0);
        let response = easypost.send("POST", "/v2/shipments", &recording["request"]["body"], at(0));
        assert_eq!(
            recording["response"]["status"]["code"],
            response.status,
            "{file}: {}",
            response.value()
        );
        assert_eq!(
            missing_fields(&recording["response"]["body"], &response.value(), file),
            Vec::<String>::new()
        );
    }
    let error = recorded(&folder, "error", 0)["response"]["body"].clone();
    let emulated = EasyPostHarness::new()
        .send("POST", "/v2/shipments", &json!({ "shipment": {} }), at(0))
        .value();
    assert_eq!(error, emulated, "the recorded error, exactly");
}

/// Ignores address verification, which the recordings use and the emulator lacks.
fn missing_fields_except_verifications(recorded: &Value, emulated: &Value) -> Vec<String> {
    let missing = missing_fields(recorded, emulated, "shipment").into_iter();
    missing.filter(|line| !line.contains(".verifications.")).collect()
}

#[test]
fn purchase_retrieval_and_refund_have_the_recorded_fields() {
    let Some(folder) = contracts() else { return };
    let mut easypost = EasyPostHarness::new();
    let created = easypost
        .send(
            "POST",
            "/v2/shipments",
            &recorded(&folder, "shipment_buy", 0)["request"]["body"],
            at(0),
        )
        .value();
    let bought = easypost.buy(&created, 2, at(1));
    let recording = recorded(&folder, "shipment_buy", 1);
    assert_eq!(recording["response"]["status"]["code"], bought.status);
    assert_eq!(
        missing_fields_except_verifications(&recording["response"]["body"], &bought.value()),
        Vec::<String>::new()
    );

    let retrieved = easypost.retrieve(&created, at(2));
    let recording = recorded(&folder, "refund_create", 1);
    assert_eq!(
        missing_fields_except_verifications(&recording["response"]["body"], &retrieved),
        Vec::<String>::new()
    );

    let refunded = easypost.refund(&created, at(3));
    let recording = recorded(&folder, "shipment_refund", 1);
    assert_eq!(recording["response"]["status"]["code"], refunded.status);
    assert_eq!(recording["response"]["body"]["refund_status"], refunded.value()["refund_status"]);

    easypost
        .emulator
        .perform(
            &ControlAction::UpdateTracker {
                order: "123".to_owned(),
                status: "in_transit".to_owned(),
            },
            at(4),
        )
        .unwrap();
    let tracker = recorded(&folder, "tracker_retrieve", 1);
    let emulated = easypost.retrieve(&created, at(5))["tracker"].clone();
    assert_eq!(
        missing_fields(&tracker["response"]["body"], &emulated, "tracker"),
        Vec::<String>::new()
    );
}

#[test]
fn easypost_errors_and_events_have_the_recorded_shapes() {
    let Some(folder) = contracts() else { return };
    let recording = recorded(&folder, "error_alternative_format", 0);
    let mut easypost = EasyPostHarness::new();
    let missing = easypost.send("GET", "/v2/shipments/shp_missing", &Value::Null, at(0));
    assert_eq!(recording["response"]["status"]["code"], missing.status);
    assert_eq!(
        missing_fields(&recording["response"]["body"], &missing.value(), "404"),
        Vec::<String>::new()
    );
    assert_eq!(recording["response"]["body"]["error"]["code"], missing.value()["error"]["code"]);

    let codes = contract(&folder, "easypost/errors-from-docs.json")["codes"].clone();
    let shipment = easypost.bought_shipment();
    let second = easypost.buy(&shipment, 0, at(2));
    assert_eq!(codes["SHIPMENT.POSTAGE.EXISTS"]["status"], second.status);

    easypost
        .emulator
        .perform(
            &ControlAction::UpdateTracker {
                order: ORDER.to_owned(),
                status: "in_transit".to_owned(),
            },
            at(4),
        )
        .unwrap();
    let emulated: Value =
        serde_json::from_str(&easypost.emulator.take_events().pop().unwrap().body).unwrap();
    let mut missing =
        missing_fields(&contract(&folder, "easypost/event-body.json"), &emulated, "event");
    // Only the trackers of some carriers have these fields.
    missing.retain(|line| {
        !line.starts_with("event.result.finalized") && !line.starts_with("event.result.is_return")
    });
    assert_eq!(missing, Vec::<String>::new());
    let refund = recorded(&folder, "refund_create", 2)["response"]["body"][0].clone();
    easypost.refund(&shipment, at(5));
    easypost.emulator.advance_to(hours(30));
    let event: Value =
        serde_json::from_str(&easypost.emulator.take_events().pop().unwrap().body).unwrap();
    assert_eq!(missing_fields(&refund, &event["result"], "refund"), Vec::<String>::new());
}
