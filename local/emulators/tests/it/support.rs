//! Shared by the tests: request builders, harnesses of both emulators, times, the contracts folder.

use std::path::{Path, PathBuf};

use emulators::easypost::EasyPostEmulator;
use emulators::emulator::Emulator as _;
use emulators::exchange::{HttpRequest, HttpResponse};
use emulators::stripe::StripeEmulator;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The order of most tests.
pub(crate) const ORDER: &str = "ord_1";

/// `seconds` after the tests' start time.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap() + SignedDuration::from_secs(seconds)
}

/// `hours` after the tests' start time.
pub(crate) fn hours(hours: i64) -> Timestamp {
    at(hours * 3_600)
}

/// A Stripe request with a valid API key. The parameters go into the body of a POST, or into
/// the query of a GET.
pub(crate) fn stripe_request(method: &str, path: &str, params: &[(&str, &str)]) -> HttpRequest {
    let encoded = serde_urlencoded::to_string(params).unwrap();
    let request = match method {
        "GET" if encoded.is_empty() => HttpRequest::new("GET", path),
        "GET" => HttpRequest::new("GET", &format!("{path}?{encoded}")),
        _ => HttpRequest::new(method, path).body(encoded),
    };
    request
        .header("authorization", "Bearer sk_test_lookalike")
        .header("stripe-version", "2026-10-28.endive")
}

/// Creates an intent of $25.99 for [`ORDER`] with manual capture.
pub(crate) fn create_request(card: &str) -> HttpRequest {
    create_request_with(card, &[])
}

pub(crate) fn create_request_with(card: &str, more: &[(&str, &str)]) -> HttpRequest {
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
    stripe_request("POST", "/v1/payment_intents", &params)
}

/// Confirms, captures or cancels an intent.
pub(crate) fn action_request(intent: &str, action: &str, params: &[(&str, &str)]) -> HttpRequest {
    stripe_request("POST", &format!("/v1/payment_intents/{intent}/{action}"), params)
}

/// Retrieves an intent with its charge.
pub(crate) fn retrieve_request(intent: &str) -> HttpRequest {
    stripe_request(
        "GET",
        &format!("/v1/payment_intents/{intent}"),
        &[("expand[]", "latest_charge")],
    )
}

/// Refunds an intent.
pub(crate) fn refund_request(intent: &str, more: &[(&str, &str)]) -> HttpRequest {
    let mut params = vec![("payment_intent", intent)];
    params.extend(more);
    stripe_request("POST", "/v1/refunds", &params)
}

/// A Stripe emulator and shortcuts for calling it.
pub(crate) struct StripeHarness {
    pub(crate) emulator: StripeEmulator,
}

impl StripeHarness {
    pub(crate) const fn new() -> Self {
        Self { emulator: StripeEmulator::new(1) }
    }

    pub(crate) fn send(&mut self, request: &HttpRequest, at: Timestamp) -> HttpResponse {
        self.emulator.handle(request, at)
    }

    /// Sends a request that must succeed, and returns the body.
    pub(crate) fn send_ok(&mut self, request: &HttpRequest, at: Timestamp) -> Value {
        let response = self.send(request, at);
        assert_eq!(response.status, 200, "{request:?}: {}", response.value());
        response.value()
    }

    /// Creates an intent with this card, and returns its id.
    pub(crate) fn created_intent(&mut self, card: &str) -> String {
        id(&self.send_ok(&create_request(card), at(0)))
    }

    /// Creates and confirms an intent.
    pub(crate) fn authorized_intent(&mut self, card: &str) -> String {
        let intent = self.created_intent(card);
        self.send_ok(
            &action_request(&intent, "confirm", &[("error_on_requires_action", "true")]),
            at(1),
        );
        intent
    }

    /// Creates, confirms and captures an intent.
    pub(crate) fn captured_intent(&mut self, card: &str) -> String {
        let intent = self.authorized_intent(card);
        self.send_ok(&action_request(&intent, "capture", &[]), at(2));
        intent
    }

    /// The totals of [`ORDER`]: authorized, captured, voided, refunded.
    pub(crate) fn totals(&self) -> [i64; 4] {
        let totals = self.emulator.ledger().order(ORDER).totals;
        [totals.authorized, totals.captured, totals.voided, totals.refunded]
    }
}

/// The id in a body.
pub(crate) fn id(body: &Value) -> String {
    body["id"].as_str().unwrap().to_owned()
}

/// An EasyPost request with a valid API key.
pub(crate) fn easypost_request(method: &str, path: &str, body: &Value) -> HttpRequest {
    let request =
        HttpRequest::new(method, path).header("authorization", "Basic RVpUS2xvb2thbGlrZTo=");
    if body.is_null() { request } else { request.body(body.to_string()) }
}

/// The body of a valid new shipment for [`ORDER`].
pub(crate) fn shipment_body() -> Value {
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

/// An EasyPost emulator and shortcuts for calling it.
pub(crate) struct EasyPostHarness {
    pub(crate) emulator: EasyPostEmulator,
}

impl EasyPostHarness {
    pub(crate) const fn new() -> Self {
        Self { emulator: EasyPostEmulator::new(1) }
    }

    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        body: &Value,
        at: Timestamp,
    ) -> HttpResponse {
        self.emulator.handle(&easypost_request(method, path, body), at)
    }

    pub(crate) fn created_shipment(&mut self) -> Value {
        let response = self.send("POST", "/v2/shipments", &shipment_body(), at(0));
        assert_eq!(response.status, 201, "{}", response.value());
        response.value()
    }

    /// Buys the rate with this index.
    pub(crate) fn buy(&mut self, shipment: &Value, rate: usize, at: Timestamp) -> HttpResponse {
        let path = format!("/v2/shipments/{}/buy", id(shipment));
        self.send("POST", &path, &json!({ "rate": { "id": shipment["rates"][rate]["id"] } }), at)
    }

    pub(crate) fn bought_shipment(&mut self) -> Value {
        let shipment = self.created_shipment();
        let response = self.buy(&shipment, 2, at(1));
        assert_eq!(response.status, 200, "{}", response.value());
        response.value()
    }

    pub(crate) fn refund(&mut self, shipment: &Value, at: Timestamp) -> HttpResponse {
        self.send("POST", &format!("/v2/shipments/{}/refund", id(shipment)), &Value::Null, at)
    }

    pub(crate) fn retrieve(&mut self, shipment: &Value, at: Timestamp) -> Value {
        self.send("GET", &format!("/v2/shipments/{}", id(shipment)), &Value::Null, at).value()
    }

    /// The totals of [`ORDER`]: labels, label refunds.
    pub(crate) fn totals(&self) -> [u64; 2] {
        let labels = self.emulator.ledger().order(ORDER).labels;
        [labels.labels, labels.label_refunds]
    }
}

/// The folder of the providers' contracts, or `None` if it is absent. In CI it must exist.
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
    reason = "the only place where the tests read the environment"
)]
fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|ci| ci == "true")
}

/// Parses a JSON file of the contracts.
pub(crate) fn contract(folder: &Path, file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap()
}
