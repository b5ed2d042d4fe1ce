//! What the tests share: callers of both models, times, and the contracts' folder.

use std::path::{Path, PathBuf};

use emulators::easypost::EasyPostEmulator;
use emulators::emulator::Emulator as _;
use emulators::exchange::{HttpRequest, HttpResponse};
use emulators::stripe::StripeEmulator;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The order that most tests are about.
pub(crate) const ORDER: &str = "ord_1";

/// So many seconds after the tests' time zero.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap() + SignedDuration::from_secs(seconds)
}

/// So many hours after the tests' time zero.
pub(crate) fn hours(hours: i64) -> Timestamp {
    at(hours * 3_600)
}

/// A call to the gateway, with a good secret; parameters in the body of a POST, in the query
/// of a GET.
pub(crate) fn stripe(method: &str, path: &str, params: &[(&str, &str)]) -> HttpRequest {
    let encoded = serde_urlencoded::to_string(params).unwrap();
    let call = match method {
        "GET" if encoded.is_empty() => HttpRequest::new("GET", path),
        "GET" => HttpRequest::new("GET", &format!("{path}?{encoded}")),
        _ => HttpRequest::new(method, path).body(encoded),
    };
    call.header("authorization", "Bearer sk_test_lookalike")
        .header("stripe-version", "2026-10-28.endive")
}

/// The call that creates an intent of 25.99 dollars for [`ORDER`], to be captured by hand.
pub(crate) fn create(card: &str) -> HttpRequest {
    create_with(card, &[])
}

pub(crate) fn create_with(card: &str, more: &[(&str, &str)]) -> HttpRequest {
    let mut params = vec![
        ("amount", "2599"),
        ("currency", "usd"),
        ("payment_method", card),
        ("capture_method", "manual"),
        ("automatic_payment_methods[enabled]", "true"),
        ("automatic_payment_methods[allow_redirects]", "never"),
        ("metadata[order_id]", ORDER),
    ];
    params.extend(more);
    stripe("POST", "/v1/payment_intents", &params)
}

/// The call that confirms, captures or cancels an intent.
pub(crate) fn post(intent: &str, what: &str, params: &[(&str, &str)]) -> HttpRequest {
    stripe("POST", &format!("/v1/payment_intents/{intent}/{what}"), params)
}

/// The call that looks an intent up, with its charge.
pub(crate) fn look(intent: &str) -> HttpRequest {
    stripe("GET", &format!("/v1/payment_intents/{intent}"), &[("expand[]", "latest_charge")])
}

/// The call that refunds an intent.
pub(crate) fn refund(intent: &str, more: &[(&str, &str)]) -> HttpRequest {
    let mut params = vec![("payment_intent", intent)];
    params.extend(more);
    stripe("POST", "/v1/refunds", &params)
}

/// A gateway, spoken to as a caller would.
pub(crate) struct Till {
    pub(crate) gateway: StripeEmulator,
}

impl Till {
    pub(crate) const fn new() -> Self {
        Self { gateway: StripeEmulator::new(1) }
    }

    pub(crate) fn say(&mut self, call: &HttpRequest, when: Timestamp) -> HttpResponse {
        self.gateway.handle(call, when)
    }

    /// The body of an answer that must be a success.
    pub(crate) fn ok(&mut self, call: &HttpRequest, when: Timestamp) -> Value {
        let answer = self.say(call, when);
        assert_eq!(answer.status, 200, "{call:?}: {}", answer.value());
        answer.value()
    }

    /// Creates an intent with this card; returns its id.
    pub(crate) fn created(&mut self, card: &str) -> String {
        id(&self.ok(&create(card), at(0)))
    }

    /// Creates and confirms one.
    pub(crate) fn authorized(&mut self, card: &str) -> String {
        let intent = self.created(card);
        self.ok(&post(&intent, "confirm", &[("error_on_requires_action", "true")]), at(1));
        intent
    }

    /// Creates, confirms and captures one.
    pub(crate) fn captured(&mut self, card: &str) -> String {
        let intent = self.authorized(card);
        self.ok(&post(&intent, "capture", &[]), at(2));
        intent
    }

    /// What the ledger says of [`ORDER`]: authorised, captured, voided, refunded.
    pub(crate) fn book(&self) -> [i64; 4] {
        let totals = self.gateway.ledger().order(ORDER).totals;
        [totals.authorized, totals.captured, totals.voided, totals.refunded]
    }
}

/// The id in a body.
pub(crate) fn id(body: &Value) -> String {
    body["id"].as_str().unwrap().to_owned()
}

/// A call to the carrier, with a good key.
pub(crate) fn easypost(method: &str, path: &str, body: &Value) -> HttpRequest {
    let call = HttpRequest::new(method, path).header("authorization", "Basic RVpUS2xvb2thbGlrZTo=");
    if body.is_null() { call } else { call.body(body.to_string()) }
}

/// The body of a new shipment for [`ORDER`] that the carrier takes.
pub(crate) fn parcel() -> Value {
    json!({ "shipment": {
        "reference": ORDER,
        "from_address": {
            "name": "Jack Sparrow", "street1": "388 Townsend St", "street2": "Apt 20", "city": "San Francisco",
            "state": "CA", "zip": "94107", "country": "US", "phone": "5555555555", "email": "test@example.com",
        },
        "to_address": {
            "name": "Elizabeth Swan", "street1": "179 N Harbor Dr", "city": "Redondo Beach", "state": "CA",
            "zip": "90277", "country": "US", "phone": "5555555555", "email": "test@example.com",
        },
        "parcel": { "length": 10, "width": 8, "height": 4, "weight": 15.4 },
    }})
}

/// A carrier, spoken to as a caller would.
pub(crate) struct Dock {
    pub(crate) carrier: EasyPostEmulator,
}

impl Dock {
    pub(crate) const fn new() -> Self {
        Self { carrier: EasyPostEmulator::new(1) }
    }

    pub(crate) fn say(
        &mut self,
        method: &str,
        path: &str,
        body: &Value,
        when: Timestamp,
    ) -> HttpResponse {
        self.carrier.handle(&easypost(method, path, body), when)
    }

    pub(crate) fn created(&mut self) -> Value {
        let answer = self.say("POST", "/v2/shipments", &parcel(), at(0));
        assert_eq!(answer.status, 201, "{}", answer.value());
        answer.value()
    }

    /// Buys the rate at this place in the list.
    pub(crate) fn buy(&mut self, shipment: &Value, rate: usize, when: Timestamp) -> HttpResponse {
        let path = format!("/v2/shipments/{}/buy", id(shipment));
        self.say("POST", &path, &json!({ "rate": { "id": shipment["rates"][rate]["id"] } }), when)
    }

    pub(crate) fn bought(&mut self) -> Value {
        let shipment = self.created();
        let answer = self.buy(&shipment, 2, at(1));
        assert_eq!(answer.status, 200, "{}", answer.value());
        answer.value()
    }

    pub(crate) fn refund(&mut self, shipment: &Value, when: Timestamp) -> HttpResponse {
        self.say("POST", &format!("/v2/shipments/{}/refund", id(shipment)), &Value::Null, when)
    }

    pub(crate) fn look(&mut self, shipment: &Value, when: Timestamp) -> Value {
        self.say("GET", &format!("/v2/shipments/{}", id(shipment)), &Value::Null, when).value()
    }

    /// What the ledger says of [`ORDER`]: labels, label refunds.
    pub(crate) fn book(&self) -> [u64; 2] {
        let labels = self.carrier.ledger().order(ORDER).labels;
        [labels.labels, labels.label_refunds]
    }
}

/// The folder of the providers' contracts; none where it is absent, which is an error in CI.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub(crate) fn contracts() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = root.join("../shared/contracts");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(!in_ci(), "../shared/contracts is absent, and CI must not skip");
    println!("skipped: ../shared/contracts is absent");
    None
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the tests ask whether they run in CI"
)]
fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|ci| ci == "true")
}

/// A file of the contracts, as JSON.
pub(crate) fn contract(folder: &Path, file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap()
}
