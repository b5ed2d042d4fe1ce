//! Shipments: the requests that are sent, and how each response is classified.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use domain::ports::{
    ApiKey, CallOutcome, Method, Request, Response, ShippingProvider, ShippingRejection,
    TransportError,
};
use domain::shipment::{Address, LabelRefundState, ProviderShipment, ShipFrom};
use domain::{RateId, ShipmentId};
use easypost::EasyPost;
use serde_json::{Value, json};
use testing::contracts::contracts;
use testing::fakes::run;
use testing::samples;
use testing::transport::FixedTransport;

fn easypost_with(
    response: Result<Response, TransportError>,
) -> (EasyPost<FixedTransport, ApiKey>, FixedTransport) {
    let transport = FixedTransport { response, requests: Arc::default() };
    let key = ApiKey::test("EZTKcanary");
    let address = Address {
        street1: "1 Canary Wharf".to_owned(),
        street2: Some("Dock 2".to_owned()),
        city: "Oakland".to_owned(),
        state: Some("CA".to_owned()),
        postal_code: "94607".to_owned(),
        country: "US".to_owned(),
    };
    let from =
        ShipFrom { name: "Canary Shop".to_owned(), phone: "+15105550100".to_owned(), address };
    (
        EasyPost::new(transport.clone(), "https://api.easypost.com", key).shipping_from(from),
        transport,
    )
}

fn response(status: u16, body: &Value) -> Response {
    Response { status, headers: Vec::new(), body: body.to_string().into_bytes() }
}

fn id() -> ShipmentId {
    ShipmentId::parse("shp_1").unwrap()
}

fn rate() -> RateId {
    RateId::parse("rate_1").unwrap()
}

/// The calls of a recording: method, path, request body and response.
fn recording(folder: &Path, name: &str) -> Vec<(String, String, Value, Response)> {
    let file = fs::read(folder.join(format!("{name}.json"))).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    let calls = file["interactions"].as_array().unwrap();
    let call = |call: &Value| {
        let (request, recorded) = (&call["request"], &call["response"]);
        let path = request["uri"].as_str().unwrap().replace("https://api.easypost.com", "");
        let status = recorded["status"]["code"].as_u64().unwrap().try_into().unwrap();
        let method = request["method"].as_str().unwrap().to_owned();
        (method, path, request["body"].clone(), response(status, &recorded["body"]))
    };
    calls.iter().map(call).collect()
}

fn retrieve(
    response: Result<Response, TransportError>,
) -> CallOutcome<ProviderShipment, ShippingRejection> {
    let (easypost, _) = easypost_with(response);
    run(easypost.retrieve(&id())).unwrap()
}

/// An outcome, in a few words.
fn description(outcome: &CallOutcome<ProviderShipment, ShippingRejection>) -> String {
    match outcome {
        CallOutcome::Succeeded(shipment) => {
            let label = if shipment.bought.is_some() { "bought" } else { "not bought" };
            format!("{} rates, {label}, {:?}", shipment.rates.len(), shipment.refund)
        }
        CallOutcome::Rejected(ShippingRejection::Rejected(reason)) => format!("rejected: {reason}"),
        CallOutcome::Rejected(ShippingRejection::RateRefused(reason)) => {
            format!("rate refused: {reason}")
        }
        CallOutcome::Rejected(ShippingRejection::Account(problem)) => format!("account: {problem}"),
        CallOutcome::Rejected(ShippingRejection::Misconfigured(reason)) => {
            format!("misconfigured: {reason}")
        }
        CallOutcome::Rejected(rejection) => format!("{rejection:?}"),
        CallOutcome::NotSent(_) => "not sent".to_owned(),
        CallOutcome::Throttled(_) => "throttled".to_owned(),
        CallOutcome::Unknown(_) => "unknown".to_owned(),
    }
}

#[test]
fn every_recorded_shipment_is_read() {
    let Some(folder) = contracts("easypost") else { return };
    let fresh = "3 rates, not bought, NotRequested";
    let sold = "3 rates, bought, NotRequested";
    for (name, expected) in [
        ("shipment_create", vec![fresh]),
        ("shipment_create_empty_objects", vec![fresh]),
        ("shipment_retrieve", vec![fresh, fresh]),
        ("shipment_buy", vec![fresh, sold]),
        ("shipment_refund", vec![sold, "3 rates, bought, Submitted"]),
        ("refund_create", vec![sold, sold, "unknown"]),
    ] {
        let calls = recording(&folder, name);
        let seen: Vec<_> =
            calls.into_iter().map(|(.., response)| description(&retrieve(Ok(response)))).collect();
        assert_eq!(seen, expected, "{name}");
    }
}

#[test]
fn the_recorded_rates_are_read_to_the_cent() {
    let Some(folder) = contracts("easypost") else { return };
    let (.., bought) = recording(&folder, "shipment_buy").remove(1);
    let CallOutcome::Succeeded(shipment) = retrieve(Ok(bought)) else { panic!("not read") };
    let seen: Vec<_> = shipment
        .rates
        .iter()
        .map(|rate| (rate.service.as_str(), rate.price.amount_minor(), rate.delivery_days))
        .collect();
    assert_eq!(
        seen,
        [("Express", 3415, Some(1)), ("Priority", 742, Some(2)), ("GroundAdvantage", 607, Some(3))]
    );
    let label = shipment.bought.unwrap();
    assert_eq!(label.tracking_code.unwrap(), "9400100208303109505657");
    assert!(label.tracking_url.unwrap().starts_with("https://track.easypost.com/"));
}

#[test]
fn both_recorded_formats_of_an_error_are_read() {
    let Some(folder) = contracts("easypost") else { return };
    let (.., response) = recording(&folder, "error").remove(0);
    assert_eq!(description(&retrieve(Ok(response))), "rejected: answered 422 PARAMETER.REQUIRED");
    let (.., response) = recording(&folder, "error_alternative_format").remove(0);
    assert_eq!(description(&retrieve(Ok(response))), "NotFound");
}

#[test]
fn every_documented_error_is_classified_as_documented() {
    let Some(folder) = contracts("easypost") else { return };
    let file: Value =
        serde_json::from_slice(&fs::read(folder.join("errors-from-docs.json")).unwrap()).unwrap();
    for (code, documented) in file["codes"].as_object().unwrap() {
        let expected = match code.as_str() {
            "SHIPMENT.POSTAGE.EXISTS" => "AlreadyBought".to_owned(),
            "SHIPMENT.PURCHASE.IN_PROGRESS"
            | "SHIPMENT.POSTAGE.TIMED_OUT"
            | "SHIPMENT.POSTAGE.NO_RESPONSE" => "unknown".to_owned(),
            "SHIPMENT.POSTAGE.FAILURE" => format!("rate refused: answered 422 {code}"),
            "RATE_LIMITED" => "throttled".to_owned(),
            "APIKEY.INACTIVE" => "account: KEY_REJECTED".to_owned(),
            other => panic!("{other} has no expectation"),
        };
        let status = documented["status"].as_u64().unwrap().try_into().unwrap();
        for errors in [json!([]), json!(["text"]), json!([{"field": "x", "message": "y"}])] {
            let body = json!({"error": {"code": code, "message": "m", "errors": errors}});
            assert_eq!(description(&retrieve(Ok(response(status, &body)))), expected);
        }
    }
}

#[test]
fn a_response_is_classified_by_what_it_says_about_the_effect() {
    let check = |status, body: &Value, expected: &str| {
        let outcome = retrieve(Ok(response(status, body)));
        assert_eq!(description(&outcome), expected, "{status} {body}");
        assert!(!format!("{outcome:?}").contains("canary"), "{outcome:?}");
    };
    let coded = |code: &str| json!({"error": {"code": code, "message": "canary", "errors": []}});
    check(500, &coded("INTERNAL"), "unknown");
    check(503, &Value::Null, "unknown");
    check(302, &Value::Null, "unknown");
    check(408, &Value::Null, "unknown");
    check(409, &Value::Null, "unknown");
    check(200, &Value::Null, "unknown");
    check(200, &json!({"id": "shp_1", "refund_status": "on_fire"}), "unknown");
    check(200, &json!({"id": "adr_1"}), "unknown");
    let sold = "0 rates, bought, NotRequested";
    check(200, &json!({"id": "shp_1", "postage_label": {}}), sold);
    check(200, &json!({"id": "shp_1", "tracking_code": "9400"}), sold);
    check(200, &json!({"id": "shp_1", "tracker": {"tracking_code": "9400"}}), sold);
    check(429, &Value::Null, "throttled");
    check(401, &json!({"error": "canary"}), "account: KEY_REJECTED");
    check(402, &coded("PAYMENT.REQUIRED"), "account: WALLET_EMPTY");
    check(400, &json!({"error": "canary"}), "rejected: answered 400");
    check(422, &coded("ADDRESS.VERIFY.FAILURE"), "rejected: answered 422 ADDRESS.VERIFY.FAILURE");
    check(422, &coded("a canary in the code"), "rejected: answered 422");
    check(404, &Value::Null, "NotFound");
    check(
        200,
        &json!({"id": "shp_1", "refund_status": "rejected"}),
        "0 rates, not bought, Rejected",
    );
    check(
        200,
        &json!({"id": "shp_1", "refund_status": "not_applicable"}),
        "0 rates, not bought, NotApplicable",
    );
}

#[test]
fn the_refund_state_follows_the_refund_status() {
    let check = |status: Value, expected: LabelRefundState| {
        let outcome = retrieve(Ok(response(200, &json!({"id": "shp_1", "refund_status": status}))));
        let CallOutcome::Succeeded(shipment) = outcome else { panic!("not read") };
        assert_eq!(shipment.refund, expected);
    };
    check(Value::Null, LabelRefundState::NotRequested);
    check(json!("submitted"), LabelRefundState::Submitted);
    check(json!("refunded"), LabelRefundState::Refunded);
    check(json!("rejected"), LabelRefundState::Rejected);
}

#[test]
fn the_tracking_status_is_a_single_word_or_none() {
    let check = |status: Value, expected: Option<&str>| {
        let outcome =
            retrieve(Ok(response(200, &json!({"id": "shp_1", "tracker": {"status": status}}))));
        let CallOutcome::Succeeded(shipment) = outcome else { panic!("not read") };
        let word = shipment.tracking.map(|tracking| tracking.word);
        assert_eq!(word.as_deref(), expected, "{status}");
    };
    check(json!("in_transit"), Some("in_transit"));
    check(json!("unknown"), None);
    check(Value::Null, None);
    // The customer reads the status, so free text is dropped.
    check(json!("left with Canary, 1 Canary Wharf"), None);
    check(json!("x".repeat(33)), None);
}

#[test]
fn without_a_response_the_outcome_is_unknown_unless_nothing_was_sent() {
    let check = |failed, expected: &str| assert_eq!(description(&retrieve(Err(failed))), expected);
    check(TransportError::NotSent("refused".into()), "not sent");
    check(TransportError::NoResponse("timed out".into()), "unknown");
}

#[test]
fn carriers_that_do_not_answer_are_an_outage_and_no_refusal() {
    let created = |rates: Value, messages: Value| {
        let body = json!({"id": "shp_1", "rates": rates, "messages": messages});
        let (easypost, _) = easypost_with(Ok(response(201, &body)));
        let order = samples::received();
        let outcome = run(easypost.create(&order.parcel().unwrap())).unwrap();
        let (easypost, _) = easypost_with(Ok(response(200, &body)));
        assert_eq!(run(easypost.rerate(&id())).unwrap(), outcome);
        description(&outcome)
    };
    let failed = json!([{"carrier": "USPS", "type": "rate_error", "message": "canary"}]);
    let rate = json!([{"id": "rate_1", "carrier": "USPS", "service": "Ground", "rate": "6.07",
        "currency": "USD"}]);
    assert_eq!(created(json!([]), failed.clone()), "not sent");
    assert_eq!(created(json!([]), json!([])), "0 rates, not bought, NotRequested");
    assert_eq!(created(rate, failed), "1 rates, not bought, NotRequested");
}

#[test]
fn a_malformed_rate_is_left_out() {
    let rate = |price: &str, currency: &str| {
        json!({
            "id": "rate_1", "carrier": "USPS", "service": "Ground", "rate": price,
            "currency": currency,
        })
    };
    let rates = [rate("6.07", "USD"), rate("six", "USD"), rate("6.07", "XXX")];
    let outcome = retrieve(Ok(response(200, &json!({"id": "shp_1", "rates": rates}))));
    assert_eq!(description(&outcome), "1 rates, not bought, NotRequested");
    let CallOutcome::Succeeded(ProviderShipment {
        refund: LabelRefundState::NotRequested,
        rates,
        ..
    }) = outcome
    else {
        panic!("not read")
    };
    assert_eq!(rates[0].delivery_days, None);
}

/// One request of each kind that the functions send: create, buy, refund, retrieve.
fn every_request() -> Vec<Request> {
    let (easypost, transport) = easypost_with(Err(TransportError::NotSent("a test".into())));
    run(async {
        let _ = easypost.create(&samples::received().parcel().unwrap()).await;
        let _ = easypost.buy(&id(), &rate()).await;
        let _ = easypost.refund(&id()).await;
        let _ = easypost.retrieve(&id()).await;
    })
    .unwrap();
    let requests = transport.requests.lock().unwrap();
    requests.clone()
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}

#[test]
fn a_shipment_is_created_with_only_the_data_that_easypost_needs() {
    assert_eq!(
        body(&every_request()[0]),
        json!({"shipment": {
            "reference": samples::received().order_id,
            "from_address": {
                "name": "Canary Shop", "phone": "+15105550100", "street1": "1 Canary Wharf",
                "street2": "Dock 2", "city": "Oakland", "state": "CA", "zip": "94607",
                "country": "US",
            },
            "to_address": {
                "name": "Ada Lovelace", "phone": "+14155550123", "street1": "417 Montgomery St",
                "city": "San Francisco", "state": "CA", "zip": "94104", "country": "US",
            },
            // Two mugs of 350 g and a shirt of 180 g: 880 g, or 31.04 oz.
            "parcel": {"weight": 31.1},
        }})
    );
}

#[test]
fn every_request_has_the_shape_of_a_recorded_one() {
    let Some(folder) = contracts("easypost") else { return };
    let recorded: Vec<_> =
        ["shipment_create", "shipment_buy", "shipment_refund", "shipment_retrieve"]
            .iter()
            .zip([0, 1, 1, 1])
            .map(|(name, nth)| recording(&folder, name).remove(nth))
            .collect();
    for (request, (method, path, recorded, _)) in every_request().iter().zip(recorded) {
        let without_id = |path: &str| {
            let parts: Vec<_> = path.split('/').collect();
            parts
                .iter()
                .map(|p| if p.starts_with("shp_") { "ID" } else { *p })
                .collect::<Vec<_>>()
                .join("/")
        };
        let url = request.url.strip_prefix("https://api.easypost.com").unwrap();
        assert_eq!(without_id(url), without_id(&path));
        let verb = if request.method == Method::Get { "GET" } else { "POST" };
        assert_eq!(verb, method);
        assert_same_shape(&body(request), &recorded, &path);
    }
}

/// Asserts that every field of our request is in the recorded one, with the same type.
fn assert_same_shape(ours: &Value, recorded: &Value, at: &str) {
    match (ours, recorded) {
        (Value::Object(ours), Value::Object(recorded)) => {
            for (name, value) in ours {
                let known = recorded.get(name);
                let known = known.unwrap_or_else(|| panic!("{at}: {name} is not in the recording"));
                assert_same_shape(value, known, &format!("{at}.{name}"));
            }
        }
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Null, Value::Null) => {}
        _ => panic!("{at}: {ours} has another type than {recorded}"),
    }
}

#[test]
fn every_request_has_the_api_key_and_every_post_a_content_type() {
    for request in every_request() {
        let header = |name: &str| {
            let found = request.headers.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.clone())
        };
        // `EZTKcanary:` in base 64.
        assert_eq!(header("authorization").as_deref(), Some("Basic RVpUS2NhbmFyeTo="));
        let json = Some("application/json".to_owned());
        assert_eq!(header("content-type"), json.filter(|_| request.method == Method::Post));
    }
}

#[test]
fn debug_output_contains_no_private_data() {
    let (easypost, _) = easypost_with(Ok(response(200, &Value::Null)));
    for request in every_request() {
        let output = format!("{request:?} {easypost:?}");
        for private in ["canary", "Canary", "Ada", "Montgomery"] {
            assert!(!output.contains(private), "{output}");
        }
    }
}
