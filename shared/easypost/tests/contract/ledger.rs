//! The ledger of EasyPost's shipments: what is requested, how a page is read, and
//! what happens to an entry that cannot be read.

use domain::ledger::{LabelEntry, ListLabels};
use domain::ports::{CallOutcome, ShippingRejection};
use domain::shipment::{LabelRefundState, ShipFrom};
use domain::{Private, ShipmentId};
use easypost::EasyPost;
use serde_json::{Value, json};
use testing::fakes::run;
use testing::samples;
use testing::transport::ScriptedTransport;

fn easypost(transport: &ScriptedTransport) -> EasyPost<ScriptedTransport> {
    let key = Private::new("EZTKcanary".to_owned());
    let address = samples::new_order().shipping_address;
    let from = ShipFrom { name: "Shop".to_owned(), phone: "1".to_owned(), address };
    EasyPost::new(transport.clone(), "https://api.easypost.com", key, from)
}

fn shipment(id: &str) -> Value {
    json!({
        "id": id, "reference": "ord_7", "rates": [], "tracking_code": "TRACK1",
        "postage_label": {"id": "pl_1"}, "refund_status": null, "tracker": null,
    })
}

fn done<T: std::fmt::Debug, R: std::fmt::Debug>(called: CallOutcome<T, R>) -> T {
    match called {
        CallOutcome::Succeeded(done) => done,
        other => panic!("{other:?}"),
    }
}

#[test]
fn bought_shipments_are_asked_for_between_two_dates_a_page_after_the_other() {
    let body = json!({"shipments": [shipment("shp_2"), {"id": "shp_1"}], "has_more": true});
    let wire = ScriptedTransport::with_response(200, &body);
    let until = samples::placed_at();
    let first = done(run(easypost(&wire).list_labels(None, until, None)).unwrap());
    let bare = LabelEntry {
        id: ShipmentId::parse("shp_1").unwrap(),
        reference: None,
        tracking_code: None,
        refund: LabelRefundState::NotRequested,
    };
    let sold = LabelEntry {
        id: ShipmentId::parse("shp_2").unwrap(),
        reference: Some("ord_7".to_owned()),
        tracking_code: Some("TRACK1".to_owned()),
        ..bare.clone()
    };
    assert_eq!(first.entries, [sold, bare]);
    assert_eq!(first.next.as_deref(), Some("shp_1"));
    wire.push_response(200, &json!({"shipments": [], "has_more": false}));
    let since = until.plus_hours(-1);
    let last = done(run(easypost(&wire).list_labels(Some(since), until, Some("shp_1"))).unwrap());
    assert_eq!(last.next, None);
    let query = "https://api.easypost.com/v2/shipments?page_size=40&purchased=true";
    let end = "end_datetime=2026-11-23T04%3A00%3A00.000Z";
    assert_eq!(
        wire.urls(),
        [
            format!("{query}&start_datetime=2012-01-01T00%3A00%3A00.000Z&{end}"),
            format!("{query}&start_datetime=2026-11-23T03%3A00%3A00.000Z&{end}&before_id=shp_1"),
        ]
    );
}

#[test]
fn a_shipment_that_cannot_be_read_is_counted_and_hides_no_other() {
    let mut odd = shipment("shp_3");
    odd["refund_status"] = json!("eaten by the dog");
    let body = json!({"shipments": [odd, shipment("shp_2"), {"id": "7"}], "has_more": false});
    let wire = ScriptedTransport::with_response(200, &body);
    let part = done(run(easypost(&wire).list_labels(None, samples::placed_at(), None)).unwrap());
    assert_eq!((part.entries.len(), part.unreadable), (1, 2));
}

#[test]
fn no_answer_leaves_the_outcome_unknown_and_not_found_is_an_answer() {
    let id = ShipmentId::parse("shp_1").unwrap();
    let silent = ScriptedTransport::default();
    assert!(matches!(
        run(ListLabels::entry(&easypost(&silent), &id)).unwrap(),
        CallOutcome::Unknown(_)
    ));
    let missing = ScriptedTransport::with_response(404, &json!({"error": {"code": "NOT_FOUND"}}));
    let answer = run(ListLabels::entry(&easypost(&missing), &id)).unwrap();
    assert!(matches!(answer, CallOutcome::Rejected(ShippingRejection::NotFound)), "{answer:?}");
}
