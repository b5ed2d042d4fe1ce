//! The life of a shipment in the EasyPost emulator.

use emulators::easypost::shipments::REFUND_COMPLETES_AFTER;
use emulators::emulator::{ControlAction, ControlActionError, Emulator as _};
use emulators::exchange::{HttpRequest, NetworkOutcome};
use emulators::faults::{CallRange, Fault, FaultKind};
use serde_json::{Value, json};

use crate::support::{EasyPostHarness, ORDER, at, easypost_request, hours, id, shipment_body};

#[test]
fn a_shipment_has_rates_and_costs_nothing_until_one_is_bought() {
    let mut easypost = EasyPostHarness::new();
    let shipment = easypost.created_shipment();
    let rates: Vec<_> = shipment["rates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rate| {
            (
                rate["service"].as_str().unwrap(),
                rate["rate"].as_str().unwrap(),
                rate["delivery_days"].as_u64(),
            )
        })
        .collect();
    assert_eq!(
        rates,
        [
            ("Express", "34.15", Some(1)),
            ("Priority", "7.42", Some(2)),
            ("GroundAdvantage", "6.07", Some(3)),
        ]
    );
    assert_eq!(easypost.totals(), [0, 0]);

    let bought = easypost.buy(&shipment, 2, at(1)).value();
    assert_eq!(bought["selected_rate"]["service"], "GroundAdvantage");
    assert_eq!(bought["tracking_code"].as_str().unwrap().len(), 22);
    assert!(bought["postage_label"]["label_url"].as_str().unwrap().starts_with("https://"));
    assert_eq!(easypost.totals(), [1, 0]);
    let retrieved = easypost.retrieve(&shipment, at(2));
    assert_eq!(retrieved["tracking_code"], bought["tracking_code"]);
}

#[test]
fn a_heavier_parcel_costs_more_and_a_parcel_that_is_too_heavy_has_no_rates() {
    let cases = [
        (json!(1), 3, "6.07"),
        (json!(16), 3, "6.07"),
        (json!(16.1), 3, "6.68"),
        (json!("16.1"), 3, "6.68"),
        (json!(1120), 3, "48.16"),
        (json!(1120.1), 0, ""),
    ];
    for (weight, count, ground) in cases {
        let mut body = shipment_body();
        body["shipment"]["parcel"]["weight"] = weight.clone();
        let shipment = EasyPostHarness::new().send("POST", "/v2/shipments", &body, at(0)).value();
        let rates = shipment["rates"].as_array().unwrap();
        assert_eq!(rates.len(), count, "{weight}");
        assert_eq!(shipment["messages"].as_array().unwrap().len(), 3 - count, "{weight}");
        assert_eq!(
            rates.last().map_or("", |rate| rate["rate"].as_str().unwrap()),
            ground,
            "{weight}"
        );
    }
}

#[test]
fn an_international_shipment_needs_customs_forms_and_its_cheapest_rate_promises_no_day() {
    let mut body = shipment_body();
    body["shipment"]["to_address"] = json!({
        "name": "E", "street1": "Unter den Linden 1", "city": "Berlin", "zip": "10117", "country": "DE"
    });
    let refused = EasyPostHarness::new().send("POST", "/v2/shipments", &body, at(0));
    let error = &refused.value()["error"];
    assert_eq!((refused.status, &error["errors"][0]["field"]), (422, &json!("customs_info")));
    body["shipment"]["customs_info"] = json!({"contents_type": "merchandise"});
    let shipment = EasyPostHarness::new().send("POST", "/v2/shipments", &body, at(0)).value();
    let days: Vec<_> = shipment["rates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rate| rate["delivery_days"].clone())
        .collect();
    assert_eq!(days, [Value::Null, json!(8), json!(2)]);
}

#[test]
fn a_shipment_has_at_most_one_label_ever() {
    let mut easypost = EasyPostHarness::new();
    let shipment = easypost.bought_shipment();
    let second = easypost.buy(&shipment, 0, at(2));
    assert_eq!(
        (second.status, &second.value()["error"]["code"]),
        (422, &json!("SHIPMENT.POSTAGE.EXISTS"))
    );
    easypost.refund(&shipment, at(3));
    let after_refund = easypost.buy(&shipment, 0, hours(48));
    assert_eq!(after_refund.value()["error"]["code"], "SHIPMENT.POSTAGE.EXISTS");
    assert_eq!(easypost.totals(), [1, 1]);
}

#[test]
fn a_label_refund_is_submitted_first_and_final_a_day_later() {
    let mut easypost = EasyPostHarness::new();
    let shipment = easypost.bought_shipment();
    let requested = easypost.refund(&shipment, at(2));
    assert_eq!((requested.status, &requested.value()["refund_status"]), (200, &json!("submitted")));
    assert_eq!(easypost.totals(), [1, 1]);
    let due = at(2) + REFUND_COMPLETES_AFTER;
    assert_eq!(easypost.emulator.next_scheduled(), Some(due));
    assert_eq!(easypost.retrieve(&shipment, due)["refund_status"], "refunded");
    let events: Vec<_> =
        easypost.emulator.take_events().into_iter().map(|event| event.event_type).collect();
    assert_eq!(events, ["tracker.created", "refund.successful"]);

    let again = easypost.refund(&shipment, hours(30));
    assert_eq!(again.status, 422);
    assert_eq!(easypost.totals(), [1, 1]);
}

#[test]
fn a_rejected_label_refund_leaves_the_label_valid_and_sends_no_event() {
    let mut easypost = EasyPostHarness::new();
    let shipment = easypost.bought_shipment();
    easypost
        .emulator
        .perform(&ControlAction::RejectRefund { order: ORDER.to_owned() }, at(2))
        .unwrap();
    assert_eq!(easypost.refund(&shipment, at(3)).value()["refund_status"], "submitted");
    assert_eq!(easypost.retrieve(&shipment, hours(25))["refund_status"], "rejected");
    assert_eq!(easypost.totals(), [1, 0]);
    assert_eq!(easypost.emulator.ledger().order(ORDER).refused_refunds, 1);
    let events: Vec<_> =
        easypost.emulator.take_events().into_iter().map(|event| event.event_type).collect();
    assert_eq!(events, ["tracker.created"]);
}

#[test]
fn a_rejected_label_refund_can_be_submitted_again() {
    let mut easypost = EasyPostHarness::new();
    let shipment = easypost.bought_shipment();
    let order = || ORDER.to_owned();
    easypost.emulator.perform(&ControlAction::RejectRefund { order: order() }, at(2)).unwrap();
    easypost.refund(&shipment, at(3));
    assert_eq!(easypost.retrieve(&shipment, hours(25))["refund_status"], "rejected");
    assert_eq!(easypost.refund(&shipment, hours(26)).value()["refund_status"], "submitted");
    let complete = ControlAction::CompleteRefund { order: order() };
    easypost.emulator.perform(&complete, hours(27)).unwrap();
    assert_eq!(easypost.retrieve(&shipment, hours(28))["refund_status"], "refunded");
}

#[test]
fn the_refund_of_a_label_that_costs_nothing_unused_is_not_applicable() {
    let mut easypost = EasyPostHarness::new();
    let shipment = easypost.bought_shipment();
    easypost.refund(&shipment, at(2));
    let waive = ControlAction::WaiveRefund { order: ORDER.to_owned() };
    easypost.emulator.perform(&waive, at(3)).unwrap();
    assert_eq!(easypost.retrieve(&shipment, at(4))["refund_status"], "not_applicable");
}

#[test]
fn a_shipment_is_rated_again_with_new_rates_until_it_is_bought() {
    let mut easypost = EasyPostHarness::new();
    let shipment = easypost.created_shipment();
    let path = format!("/v2/shipments/{}/rerate", id(&shipment));
    let rerated = easypost.send("POST", &path, &json!({}), at(1)).value();
    assert_eq!(rerated["rates"].as_array().unwrap().len(), 3);
    assert_ne!(rerated["rates"][0]["id"], shipment["rates"][0]["id"]);
    assert_eq!(easypost.buy(&shipment, 0, at(2)).status, 422, "the earlier rates are gone");
    assert_eq!(easypost.buy(&rerated, 0, at(3)).status, 200);
    assert_eq!(easypost.send("POST", &path, &json!({}), at(4)).status, 422);
}

#[test]
fn a_shipment_without_a_label_cannot_be_refunded() {
    let mut easypost = EasyPostHarness::new();
    let shipment = easypost.created_shipment();
    assert_eq!(easypost.refund(&shipment, at(1)).status, 422);
    assert_eq!(easypost.totals(), [0, 0]);
}

#[test]
fn errors_use_both_documented_formats() {
    let mut easypost = EasyPostHarness::new();
    let missing = easypost.send("GET", "/v2/shipments/shp_missing", &Value::Null, at(0));
    assert_eq!((missing.status, &missing.value()["error"]["code"]), (404, &json!("NOT_FOUND")));
    assert!(missing.value()["error"]["errors"][0].is_string());
    let blank = easypost.send("POST", "/v2/shipments", &json!({ "shipment": {} }), at(0));
    assert_eq!(blank.status, 422);
    assert_eq!(
        blank.value()["error"]["errors"][0],
        json!({ "field": "shipment", "message": "cannot be blank" })
    );
}

#[test]
fn an_invalid_shipment_is_rejected_with_the_invalid_field() {
    let cases = [
        ("/shipment/to_address", json!({}), "PARAMETER.REQUIRED", "to_address"),
        ("/shipment/to_address/street1", json!(""), "PARAMETER.REQUIRED", "to_address.street1"),
        ("/shipment/to_address/city", Value::Null, "PARAMETER.REQUIRED", "to_address.city"),
        ("/shipment/to_address/name", json!(" "), "PARAMETER.REQUIRED", "to_address.name"),
        ("/shipment/from_address/country", json!(""), "PARAMETER.REQUIRED", "from_address.country"),
        ("/shipment/to_address/state", json!("ZZ"), "ADDRESS.VERIFY.FAILURE", "address"),
        ("/shipment/to_address/zip", json!("00001"), "ADDRESS.VERIFY.FAILURE", "address"),
        ("/shipment/to_address/zip", json!("9027"), "ADDRESS.VERIFY.FAILURE", "address"),
        ("/shipment/to_address/country", json!("usa"), "ADDRESS.VERIFY.FAILURE", "address"),
        ("/shipment/parcel", Value::Null, "PARAMETER.REQUIRED", "parcel"),
        ("/shipment/parcel/weight", Value::Null, "PARAMETER.REQUIRED", "parcel.weight"),
        ("/shipment/parcel/weight", json!(0), "PARAMETER.INVALID", "parcel.weight"),
        ("/shipment/parcel/weight", json!(-3), "PARAMETER.INVALID", "parcel.weight"),
        ("/shipment/parcel/weight", json!("heavy"), "PARAMETER.INVALID", "parcel.weight"),
    ];
    for (place, value, code, field) in cases {
        let mut body = shipment_body();
        *body.pointer_mut(place).unwrap() = value.clone();
        let mut easypost = EasyPostHarness::new();
        let response = easypost.send("POST", "/v2/shipments", &body, at(0));
        let error = &response.value()["error"];
        assert_eq!((response.status, &error["code"]), (422, &json!(code)), "{place} = {value}");
        assert_eq!(error["errors"][0]["field"], field, "{place} = {value}");
        assert_eq!(easypost.emulator.ledger().shipments().count(), 0);
    }
}

#[test]
fn a_purchase_needs_a_rate_of_that_shipment() {
    let mut easypost = EasyPostHarness::new();
    let (one, other) = (easypost.created_shipment(), easypost.created_shipment());
    let path = format!("/v2/shipments/{}/buy", id(&one));
    for body in
        [json!({}), json!({ "rate": {} }), json!({ "rate": { "id": other["rates"][0]["id"] } })]
    {
        assert_eq!(easypost.send("POST", &path, &body, at(1)).status, 422, "{body}");
    }
    assert_eq!(easypost.totals(), [0, 0]);
}

#[test]
fn only_test_api_keys_are_accepted() {
    let cases = [
        ("Basic RVpUS2xvb2thbGlrZTo=", 404), // EZTKlookalike:
        ("Basic RVpURVNUX3NlY3JldDo=", 404), // EZTEST_secret:
        ("Basic RVpBS2xpdmU6", 401),         // EZAKlive:
        ("Basic Og==", 401),                 // :
        ("Bearer EZTKlookalike", 401),
        ("", 401),
    ];
    for (authorization, expected) in cases {
        let call = HttpRequest::new("GET", "/v2/shipments/shp_missing")
            .header("authorization", authorization);
        let response = EasyPostHarness::new().emulator.handle(&call, at(0));
        assert_eq!(response.status, expected, "{authorization}");
    }
}

#[test]
fn a_second_purchase_is_rejected_while_the_first_is_in_flight() {
    let mut easypost = EasyPostHarness::new();
    let shipment = easypost.created_shipment();
    let late = Fault::new("carrier.buy", CallRange::nth(1), FaultKind::Delay).with_delay_ms(10);
    easypost.emulator.fault_plan_mut().add(vec![late]).unwrap();
    let path = format!("/v2/shipments/{}/buy", id(&shipment));
    let call =
        easypost_request("POST", &path, &json!({ "rate": { "id": shipment["rates"][0]["id"] } }));
    let NetworkOutcome::Delayed { response, in_flight, .. } =
        easypost.emulator.handle_with_faults(&call, at(1))
    else {
        panic!("not late")
    };
    assert_eq!(response.status, 200);
    assert_eq!(
        easypost.buy(&shipment, 0, at(2)).value()["error"]["code"],
        "SHIPMENT.PURCHASE.IN_PROGRESS"
    );
    easypost.emulator.release(&in_flight);
    assert_eq!(
        easypost.buy(&shipment, 0, at(3)).value()["error"]["code"],
        "SHIPMENT.POSTAGE.EXISTS"
    );
    assert_eq!(easypost.totals(), [1, 0]);
}

#[test]
fn a_new_tracking_status_changes_the_shipment_and_sends_an_event() {
    let mut easypost = EasyPostHarness::new();
    let track = |status: &str| ControlAction::UpdateTracker {
        order: ORDER.to_owned(),
        status: status.to_owned(),
    };
    assert!(
        easypost.emulator.perform(&track("delivered"), at(0)).is_err(),
        "there is no label yet"
    );
    let shipment = easypost.bought_shipment();
    easypost.emulator.perform(&track("in_transit"), at(5)).unwrap();
    assert_eq!(
        easypost.emulator.perform(&track("teleported"), at(6)).unwrap_err(),
        ControlActionError::UnknownStatus("teleported".to_owned())
    );
    let seen = easypost.retrieve(&shipment, at(7));
    assert_eq!(
        (&seen["status"], &seen["tracker"]["status"]),
        (&json!("in_transit"), &json!("in_transit"))
    );
    let event: Value =
        serde_json::from_str(&easypost.emulator.take_events().pop().unwrap().body).unwrap();
    assert_eq!(event["description"], "tracker.updated");
    assert_eq!(event["previous_attributes"]["status"], "unknown");
    assert_eq!(event["result"]["tracking_code"], shipment["tracking_code"]);
}

#[test]
fn the_list_is_newest_first() {
    let mut easypost = EasyPostHarness::new();
    let ids: Vec<_> = (0..3).map(|_| id(&easypost.created_shipment())).collect();
    let path = "/v2/shipments?page_size=2&purchased=false";
    let page = easypost.send("GET", path, &Value::Null, at(1)).value();
    assert_eq!((id(&page["shipments"][0]), &page["has_more"]), (ids[2].clone(), &json!(true)));
    let path = format!("/v2/shipments?purchased=false&before_id={}", ids[1]);
    let rest = easypost.send("GET", &path, &Value::Null, at(1)).value();
    assert_eq!(rest["shipments"].as_array().unwrap().len(), 1);
    assert_eq!(rest["has_more"], false);
}

#[test]
fn the_list_shows_bought_shipments_of_the_last_month_by_default() {
    let mut easypost = EasyPostHarness::new();
    let (_unbought, bought) = (easypost.created_shipment(), easypost.bought_shipment());
    let mut listed = |query: &str, hour| {
        let path = format!("/v2/shipments?{query}");
        let page = easypost.send("GET", &path, &Value::Null, hours(hour)).value();
        page["shipments"].as_array().unwrap().iter().map(id).collect::<Vec<_>>()
    };
    let month = 30 * 24;
    assert_eq!(listed("", 1), [id(&bought)]);
    assert_eq!(listed("purchased=true", month), [id(&bought)]);
    assert_eq!(listed("purchased=false", month).len(), 2);
    assert_eq!(listed("", month + 1), [""; 0], "older than a month");
    let both = |end: i64| format!("start_datetime={}&end_datetime={}", hours(-9), hours(end));
    assert_eq!(listed(&both(9), 9 * month), [id(&bought)]);
    assert_eq!(listed(&both(-8), 9 * month), [""; 0]);
    assert_eq!(listed(&format!("start_datetime={}", hours(-month - 1)), 1), [""; 0]);
    assert_eq!(listed(&format!("end_datetime={}", hours(1)), 9 * month), [id(&bought)]);
    let wrong = easypost.send("GET", "/v2/shipments?end_datetime=soon", &Value::Null, at(1));
    assert_eq!(wrong.status, 422);
}

#[test]
fn a_body_that_is_not_json_is_rejected() {
    let call = easypost_request("POST", "/v2/shipments", &Value::Null).body("{");
    assert_eq!(EasyPostHarness::new().emulator.handle(&call, at(0)).status, 400);
}
