//! The providers' books over their wire: what is asked for, how a page is read, and
//! what is made of an entry that cannot be.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use adapters::ShipFrom;
use adapters::easypost::EasyPost;
use adapters::stripe::Stripe;
use domain::books::{IntentEntry, LabelEntry, ListIntents, ListLabels};
use domain::fakes::run;
use domain::payment::IntentState;
use domain::ports::{
    Called, CarrierRefusal, GatewayRefusal, NoResponse, Request, Response, Transport,
};
use domain::shipment::CarrierRefund;
use domain::{Currency, IntentId, Money, Private, ShipmentId, sample};
use serde_json::{Value, json};

/// Gives these answers, and keeps what it was asked.
#[derive(Debug, Clone, Default)]
struct Wire {
    answers: Arc<Mutex<VecDeque<(u16, Value)>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Transport for Wire {
    async fn send(&self, request: Request) -> Result<Response, NoResponse> {
        self.asked.lock().unwrap().push(request.url);
        let next = self.answers.lock().unwrap().pop_front();
        let (status, body) = next.ok_or(NoResponse::Lost("timed out".to_owned()))?;
        Ok(Response { status, headers: Vec::new(), body: body.to_string().into_bytes() })
    }
}

impl Wire {
    fn answering(status: u16, body: &Value) -> Self {
        let wire = Self::default();
        wire.answers.lock().unwrap().push_back((status, body.clone()));
        wire
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn stripe(&self) -> Stripe<Self> {
        let key = Private::new("sk_test_canary".to_owned());
        Stripe::new(self.clone(), "https://api.stripe.com", key)
    }

    fn easypost(&self) -> EasyPost<Self> {
        let key = Private::new("EZTKcanary".to_owned());
        let address = sample::request().shipping_address;
        let from = ShipFrom { name: "Shop".to_owned(), phone: "1".to_owned(), address };
        EasyPost::new(self.clone(), "https://api.easypost.com", key, from)
    }
}

fn intent(id: &str, charge: &Value) -> Value {
    json!({
        "id": id, "object": "payment_intent", "status": "succeeded", "amount": 4499,
        "amount_received": 4400, "currency": "usd", "metadata": {"order_id": "ord_7"},
        "latest_charge": charge,
    })
}

fn charge() -> Value {
    json!({"id": "ch_1", "amount_refunded": 100, "amount_captured": 4400})
}

fn page(data: &[Value], more: bool) -> Value {
    json!({"object": "list", "data": data, "has_more": more, "url": "/v1/payment_intents"})
}

fn done<T: std::fmt::Debug, R: std::fmt::Debug>(called: Called<T, R>) -> T {
    match called {
        Called::Done(done) => done,
        other => panic!("{other:?}"),
    }
}

#[test]
fn intents_are_asked_for_with_their_charges_a_page_after_the_other() {
    let wire = Wire::answering(200, &page(&[intent("pi_2", &charge())], true));
    let first = done(run(wire.stripe().intents(None, None)).unwrap());
    assert_eq!(first.next.as_deref(), Some("pi_2"));
    let expected = IntentEntry {
        id: IntentId::parse("pi_2").unwrap(),
        order: Some("ord_7".to_owned()),
        state: IntentState::Succeeded,
        amount: Money::new(4499, Currency::Usd),
        captured_minor: 4400,
        refunded_minor: 100,
        confirmed: true,
    };
    assert_eq!(first.entries, [expected]);
    wire.answers.lock().unwrap().push_back((200, page(&[], false)));
    let last = done(run(wire.stripe().intents(Some(sample::placed_at()), Some("pi_2"))).unwrap());
    assert_eq!((last.entries.len(), last.unread, last.next), (0, 0, None));
    assert_eq!(
        wire.asked(),
        [
            "https://api.stripe.com/v1/payment_intents?limit=100&expand%5B%5D=data.latest_charge",
            "https://api.stripe.com/v1/payment_intents?limit=100&expand%5B%5D=data.latest_charge\
             &created%5Bgte%5D=1795406400&starting_after=pi_2",
        ]
    );
}

#[test]
fn an_intent_was_confirmed_when_the_bank_was_ever_asked() {
    let check = |status: &str, charge: Value, expected: bool| {
        let mut body = intent("pi_1", &charge);
        body["status"] = json!(status);
        let wire = Wire::answering(200, &body);
        let id = IntentId::parse("pi_1").unwrap();
        let entry = done(run(ListIntents::entry(&wire.stripe(), &id)).unwrap());
        assert_eq!(entry.confirmed, expected, "{status}");
    };
    check("requires_confirmation", Value::Null, false);
    check("requires_payment_method", Value::Null, false);
    check("requires_payment_method", charge(), true);
    check("requires_action", Value::Null, true);
    check("processing", Value::Null, true);
    check("requires_capture", charge(), true);
    check("canceled", Value::Null, false);
    check("canceled", charge(), true);
}

#[test]
fn an_intent_that_cannot_be_read_is_counted_and_hides_no_other() {
    let spoilt =
        [intent("pi_1", &json!("ch_not_expanded")), json!({"id": "pi_3"}), json!({"id": 5}), {
            let mut foreign = intent("pi_4", &charge());
            foreign["currency"] = json!("xau");
            foreign
        }];
    for spoilt in spoilt {
        let data = [intent("pi_2", &charge()), spoilt];
        let wire = Wire::answering(200, &page(&data, false));
        let part = done(run(wire.stripe().intents(None, None)).unwrap());
        assert_eq!((part.entries.len(), part.unread), (1, 1));
    }
    // Nobody can go on after an entry without a name.
    let wire = Wire::answering(200, &page(&[json!({"id": 5})], true));
    let part = run(wire.stripe().intents(None, None)).unwrap();
    assert!(matches!(part, Called::Refused(GatewayRefusal::Misconfigured(_))), "{part:?}");
}

fn shipment(id: &str) -> Value {
    json!({
        "id": id, "reference": "ord_7", "rates": [], "tracking_code": "TRACK1",
        "postage_label": {"id": "pl_1"}, "refund_status": null, "tracker": null,
    })
}

#[test]
fn bought_shipments_are_asked_for_between_two_dates_a_page_after_the_other() {
    let body = json!({"shipments": [shipment("shp_2"), {"id": "shp_1"}], "has_more": true});
    let wire = Wire::answering(200, &body);
    let until = sample::placed_at();
    let first = done(run(wire.easypost().labels(None, until, None)).unwrap());
    let bare = LabelEntry {
        id: ShipmentId::parse("shp_1").unwrap(),
        reference: None,
        tracking_code: None,
        refund: CarrierRefund::NotAsked,
    };
    let sold = LabelEntry {
        id: ShipmentId::parse("shp_2").unwrap(),
        reference: Some("ord_7".to_owned()),
        tracking_code: Some("TRACK1".to_owned()),
        ..bare.clone()
    };
    assert_eq!(first.entries, [sold, bare]);
    assert_eq!(first.next.as_deref(), Some("shp_1"));
    wire.answers.lock().unwrap().push_back((200, json!({"shipments": [], "has_more": false})));
    let since = until.plus_hours(-1);
    let last = done(run(wire.easypost().labels(Some(since), until, Some("shp_1"))).unwrap());
    assert_eq!(last.next, None);
    let query = "https://api.easypost.com/v2/shipments?page_size=40&purchased=true";
    let end = "end_datetime=2026-11-23T04%3A00%3A00.000Z";
    assert_eq!(
        wire.asked(),
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
    let part = done(
        run(Wire::answering(200, &body).easypost().labels(None, sample::placed_at(), None))
            .unwrap(),
    );
    assert_eq!((part.entries.len(), part.unread), (1, 2));
}

#[test]
fn silence_is_no_word_of_either_provider_and_not_found_is_one() {
    let (pi, shp) = (IntentId::parse("pi_1").unwrap(), ShipmentId::parse("shp_1").unwrap());
    let silent = Wire::default();
    assert!(matches!(run(silent.stripe().intents(None, None)).unwrap(), Called::Unknown(_)));
    assert!(matches!(run(ListIntents::entry(&silent.stripe(), &pi)).unwrap(), Called::Unknown(_)));
    assert!(matches!(
        run(ListLabels::entry(&silent.easypost(), &shp)).unwrap(),
        Called::Unknown(_)
    ));
    let missing = Wire::answering(404, &json!({"error": {"code": "resource_missing"}}));
    let answer = run(ListIntents::entry(&missing.stripe(), &pi)).unwrap();
    assert!(matches!(answer, Called::Refused(GatewayRefusal::NotFound)), "{answer:?}");
    let missing = Wire::answering(404, &json!({"error": {"code": "NOT_FOUND"}}));
    let answer = run(ListLabels::entry(&missing.easypost(), &shp)).unwrap();
    assert!(matches!(answer, Called::Refused(CarrierRefusal::NotFound)), "{answer:?}");
}
