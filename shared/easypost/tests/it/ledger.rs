//! The ledger listing: the requests, how a page is read, and what happens to a malformed
//! entry.

use domain::ShipmentId;
use domain::ledger::{LabelEntry, ListLabels};
use domain::ports::{ApiKey, CallOutcome, ShippingRejection};
use domain::shipment::{LabelRefundState, ShipFrom};
use easypost::EasyPost;
use serde_json::{Value, json};
use testing::fakes::run;
use testing::samples;
use testing::transport::ScriptedTransport;

fn easypost(transport: &ScriptedTransport) -> EasyPost<ScriptedTransport, ApiKey> {
    let key = ApiKey::test("EZTKcanary");
    let address = samples::new_order().shipping_address;
    let from = ShipFrom { name: "Shop".to_owned(), phone: "1".to_owned(), address };
    EasyPost::new(transport.clone(), "https://api.easypost.com", key).shipping_from(from)
}

fn shipment(id: &str) -> Value {
    json!({
        "id": id, "reference": "ord_7", "rates": [], "tracking_code": "TRACK1",
        "postage_label": {"id": "pl_1"}, "refund_status": null, "tracker": null,
    })
}

fn succeeded<T: std::fmt::Debug, R: std::fmt::Debug>(outcome: CallOutcome<T, R>) -> T {
    match outcome {
        CallOutcome::Succeeded(succeeded) => succeeded,
        other => panic!("{other:?}"),
    }
}

#[test]
fn bought_shipments_are_requested_between_two_dates_page_by_page() {
    let body = json!({"shipments": [shipment("shp_2"), {"id": "shp_1"}], "has_more": true});
    let transport = ScriptedTransport::with_response(200, &body);
    let until = samples::placed_at();
    let first = succeeded(run(easypost(&transport).list_labels(None, until, None)).unwrap());
    let bare = LabelEntry {
        id: ShipmentId::parse("shp_1").unwrap(),
        reference: None,
        is_bought: false,
        tracking_code: None,
        refund: LabelRefundState::NotRequested,
    };
    let sold = LabelEntry {
        id: ShipmentId::parse("shp_2").unwrap(),
        reference: Some("ord_7".to_owned()),
        is_bought: true,
        tracking_code: Some("TRACK1".to_owned()),
        ..bare.clone()
    };
    assert_eq!(first.entries, [sold, bare]);
    assert_eq!(first.next.as_deref(), Some("shp_1"));
    transport.push_response(200, &json!({"shipments": [], "has_more": false}));
    let since = until.plus_hours(-1);
    let last = succeeded(
        run(easypost(&transport).list_labels(Some(since), until, Some("shp_1"))).unwrap(),
    );
    assert_eq!(last.next, None);
    let query = "https://api.easypost.com/v2/shipments?page_size=40&purchased=true";
    let end = "end_datetime=2026-11-23T04%3A00%3A00.000Z";
    assert_eq!(
        transport.urls(),
        [
            format!("{query}&start_datetime=2012-01-01T00%3A00%3A00.000Z&{end}"),
            format!("{query}&start_datetime=2026-11-23T03%3A00%3A00.000Z&{end}&before_id=shp_1"),
        ]
    );
}

#[test]
fn a_malformed_shipment_is_counted_and_does_not_hide_others() {
    let mut malformed = shipment("shp_3");
    malformed["refund_status"] = json!("an_unknown_status");
    let body = json!({"shipments": [malformed, shipment("shp_2"), {"id": "7"}], "has_more": false});
    let transport = ScriptedTransport::with_response(200, &body);
    let page =
        succeeded(run(easypost(&transport).list_labels(None, samples::placed_at(), None)).unwrap());
    assert_eq!((page.entries.len(), page.unreadable), (1, 2));
}

#[test]
fn without_a_response_the_outcome_is_unknown_and_not_found_is_a_rejection() {
    let id = ShipmentId::parse("shp_1").unwrap();
    let silent = ScriptedTransport::default();
    assert!(matches!(
        run(ListLabels::entry(&easypost(&silent), &id)).unwrap(),
        CallOutcome::Unknown(_)
    ));
    let missing = ScriptedTransport::with_response(404, &json!({"error": {"code": "NOT_FOUND"}}));
    let outcome = run(ListLabels::entry(&easypost(&missing), &id)).unwrap();
    assert!(matches!(outcome, CallOutcome::Rejected(ShippingRejection::NotFound)), "{outcome:?}");
}
