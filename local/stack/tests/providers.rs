//! The functions' provider clients against the emulators: under any one or two faults on
//! the wire, the money moves once and the label is bought once.
//!
//! The clients that ship (crates `stripe` and `easypost`) call the emulators, first in this
//! process, where the tests try every pair of faults, then over real sockets through the
//! HTTP client that ships. The tables are fakes. A worker that a fault kills is a future
//! that never completes.

#![cfg(test)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::policy::{PostageCeiling, ReviewPolicy};
use domain::ports::{
    ApiKey, CallOutcome, Method, PaymentProvider as _, Request, Response, Transport, TransportError,
};
use domain::shipment::LabelRefund;
use domain::shipment::ShipFrom;
use domain::{ErrorName, Order, PaymentIntentId, Status, StepError};
use easypost::EasyPost;
use emulators::easypost::EasyPostEmulator;
use emulators::emulator::{ControlAction, Emulator};
use emulators::exchange::{HttpRequest, HttpResponse, NetworkOutcome};
use emulators::faults::{self, CallRange, FaultKind};
use emulators::http::{Hooks, SharedEmulator, serve};
use emulators::stripe::StripeEmulator;
use http_client::{HttpClient, Timeouts};
use initiate_shipping::InitiateShipping;
use jiff::{SignedDuration, Timestamp};
use process_payment::ProcessPayment;
use serde_json::{Value, json};
use stripe::Stripe;
use testing::fakes::{FakeTables, TestBed, run};
use testing::samples;

/// The total of the sample order in cents.
const TOTAL: i64 = 4499;
/// More attempts than two faults can use up.
const TRIES: usize = 6;

/// A transport to an emulator in this process, with a clock for the emulator.
struct EmulatorTransport<P> {
    emulator: SharedEmulator<P>,
    now: Arc<Mutex<Timestamp>>,
}

impl<P> Clone for EmulatorTransport<P> {
    fn clone(&self) -> Self {
        Self { emulator: self.emulator.clone(), now: Arc::clone(&self.now) }
    }
}

impl<P: Emulator> EmulatorTransport<P> {
    fn to(emulator: P) -> Self {
        let now = samples::placed_at().to_jiff();
        Self { emulator: SharedEmulator::new(emulator), now: Arc::new(Mutex::new(now)) }
    }

    /// Plans these faults, each at the first call at its point.
    fn with_faults(self, faults: &[(&str, FaultKind)]) -> Self {
        let first = CallRange { from: 1, to: Some(1) };
        let second = CallRange { from: 2, to: Some(2) };
        let fault = |(nth, (at, kind)): (usize, &(&str, FaultKind))| {
            // If a point is listed twice, the second fault applies to its second call.
            let repeated = faults[..nth].iter().any(|(before, _)| before == at);
            planned(at, if repeated { second } else { first }, *kind)
        };
        let plan = faults.iter().enumerate().map(fault).collect();
        self.emulator.lock().fault_plan_mut().add(plan).unwrap();
        self
    }

    /// The number of requests. The emulator's own webhooks are not counted.
    fn requests(&self) -> u64 {
        let counts = self.emulator.lock().fault_plan().call_counts();
        let requests = counts.iter().filter(|(point, _)| !point.ends_with(".webhook"));
        requests.map(|(_, count)| count).sum()
    }

    /// Advances the clock.
    fn advance(&self, time: SignedDuration) {
        *self.now.lock().unwrap() += time;
    }

    fn exchange(&self, call: &HttpRequest) -> NetworkOutcome {
        self.advance(SignedDuration::from_secs(1));
        let now = *self.now.lock().unwrap();
        self.emulator.lock().handle_with_faults(call, now)
    }
}

impl<P: Emulator> Transport for EmulatorTransport<P> {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let lost = || Err(TransportError::NoResponse("no answer".to_owned()));
        match self.exchange(&call(&request)) {
            NetworkOutcome::Response(answer) => Ok(response(answer)),
            NetworkOutcome::ConnectionRefused => Err(TransportError::NotSent("refused".to_owned())),
            NetworkOutcome::Hang(in_flight) | NetworkOutcome::Delayed { in_flight, .. } => {
                // The response comes after the client's timeout.
                self.emulator.lock().release(&in_flight);
                lost()
            }
            NetworkOutcome::ConnectionClosed => lost(),
            NetworkOutcome::CallerKilled { .. } => std::future::pending().await,
        }
    }
}

fn call(request: &Request) -> HttpRequest {
    let method = if request.method == Method::Get { "GET" } else { "POST" };
    let path = request.url.strip_prefix("http://provider").unwrap();
    let call = HttpRequest::new(method, path).body(request.body.clone());
    request.headers.iter().fold(call, |call, (name, value)| call.header(name, value))
}

fn response(answer: HttpResponse) -> Response {
    Response { status: answer.status, headers: answer.headers, body: answer.body }
}

/// The functions with fake tables and both emulators.
struct Harness {
    test_bed: TestBed,
    stripe: EmulatorTransport<StripeEmulator>,
    easypost: EmulatorTransport<EasyPostEmulator>,
    order: Order,
}

impl Harness {
    fn with(order: Order) -> Self {
        let test_bed = TestBed::with(&order);
        let (stripe, easypost) = (
            EmulatorTransport::to(StripeEmulator::new(1)),
            EmulatorTransport::to(EasyPostEmulator::new(1)),
        );
        Self { test_bed, stripe, easypost, order }
    }

    fn with_stripe_faults(self, faults: &[(&str, FaultKind)]) -> Self {
        Self { stripe: self.stripe.with_faults(faults), ..self }
    }

    fn with_easypost_faults(self, faults: &[(&str, FaultKind)]) -> Self {
        Self { easypost: self.easypost.with_faults(faults), ..self }
    }

    fn payment(
        &self,
    ) -> ProcessPayment<FakeTables, Stripe<EmulatorTransport<StripeEmulator>, ApiKey>> {
        let payment_provider = stripe(self.stripe.clone(), "http://provider");
        ProcessPayment {
            orders: self.test_bed.tables(),
            payment_provider,
            review_policy: ReviewPolicy::default(),
        }
    }

    fn shipping(
        &self,
    ) -> InitiateShipping<FakeTables, EasyPost<EmulatorTransport<EasyPostEmulator>, ApiKey>> {
        let shipping_provider = easypost(self.easypost.clone(), "http://provider");
        InitiateShipping {
            orders: self.test_bed.tables(),
            shipping_provider,
            postage_ceiling: PostageCeiling::default(),
        }
    }

    /// Invokes an operation once. Returns `None` if the worker died.
    fn call_once(&self, operation: &str) -> Option<Result<Value, StepError>> {
        let input = input(operation, &self.order);
        match operation {
            "book" | "cancel-label" => run(self.shipping().handle(input, samples::placed_at)),
            _ => run(self.payment().handle(input, samples::placed_at)),
        }
    }

    /// Invokes an operation as the state machine does: again after a death or a transient
    /// error.
    fn call_until_done(&self, operation: &str) -> Result<Value, StepError> {
        for _ in 0..TRIES {
            match self.call_once(operation) {
                Some(Err(error)) if error.name.is_transient() => {}
                Some(result) => return result,
                None => {}
            }
            self.stripe.advance(SignedDuration::from_secs(20));
            self.easypost.advance(SignedDuration::from_secs(20));
        }
        panic!("{operation} does not complete")
    }

    fn stored_order(&self) -> Order {
        self.test_bed.order(&self.order.order_id).unwrap()
    }

    /// The steps between authorization and capture, without EasyPost.
    fn ship(&self) {
        let now = samples::placed_at();
        let shipment = samples::provider_shipment();
        let order = self.stored_order().reserved(now).unwrap();
        let order = order.with_shipment(&shipment, &shipment.rates[0], now).unwrap();
        self.test_bed.put(&order.with_label("TRACK", None, now));
    }

    /// The compensating steps before the payment is canceled.
    fn release_goods(&self) {
        let now = samples::placed_at();
        let failed = r#"{"CapturePayment": {"Error": "PaymentNotCapturable"}}"#;
        let order = self.stored_order();
        let order = order.begin_compensation(&serde_json::from_str(failed).unwrap(), now);
        let order = order.with_label_refund(LabelRefund::Submitted, now).released(now);
        self.test_bed.put(&order);
    }

    /// Amounts: authorized, captured, voided, refunded.
    fn money(&self) -> [i64; 4] {
        let totals =
            self.stripe.emulator.lock().ledger().order(self.order.order_id.as_str()).totals;
        [totals.authorized, totals.captured, totals.voided, totals.refunded]
    }

    /// The number of confirmed PaymentIntents, and of confirmations.
    fn confirmations(&self) -> (usize, u32) {
        let money = self.stripe.emulator.lock().ledger().order(self.order.order_id.as_str());
        (money.confirmed, money.confirms)
    }

    /// The number of labels bought, and of labels refunded.
    fn labels(&self) -> (u64, u64) {
        let labels =
            self.easypost.emulator.lock().ledger().order(self.order.order_id.as_str()).labels;
        (labels.labels, labels.label_refunds)
    }
}

fn input(operation: &str, order: &Order) -> Value {
    let operation = if operation == "cancel-label" { "cancel" } else { operation };
    json!({
        "operation": operation,
        "orderId": order.order_id,
        "execution": order.execution,
        "enteredAt": samples::placed_at(),
        "failed": {"CapturePayment": {"Error": "PaymentNotCapturable"}},
    })
}

fn stripe<T: Transport>(transport: T, url: &str) -> Stripe<T, ApiKey> {
    Stripe::new(transport, url, ApiKey::test("sk_test_local"))
}

fn easypost<T: Transport>(transport: T, url: &str) -> EasyPost<T, ApiKey> {
    let from = ShipFrom {
        name: "The Shop".to_owned(),
        phone: "+15105550100".to_owned(),
        address: samples::new_order().shipping_address,
    };
    EasyPost::new(transport, url, ApiKey::test("EZTKlocal")).shipping_from(from)
}

fn paying_with(token: &str) -> Order {
    let request =
        domain::order::NewOrder { payment_method: token.to_owned(), ..samples::new_order() };
    Order::accept(request, samples::placed_at())
}

/// A fault. A delay is longer than the timeout of the HTTP client in these tests.
fn planned(at: &str, calls: CallRange, kind: FaultKind) -> faults::Fault {
    let fault = faults::Fault::new(at, calls, kind);
    if kind == FaultKind::Delay { fault.with_delay_ms(1_500) } else { fault }
}

/// All faults on the wire that can happen at each call. A rejection is not one of them, of
/// the call or of the account. A late effect needs a call that acts: the scenario
/// `effect-after-look-up` shows it.
fn transport_faults() -> Vec<FaultKind> {
    let excluded = [
        FaultKind::LateEffect,
        FaultKind::Reject,
        FaultKind::NoRates,
        FaultKind::Unauthorized,
        FaultKind::PaymentRequired,
        FaultKind::Forbidden,
        FaultKind::Throttle,
        FaultKind::Conflict,
        FaultKind::Drop,
        FaultKind::Repeat,
    ];
    FaultKind::ALL.into_iter().filter(|kind| !excluded.contains(kind)).collect()
}

/// Every single fault at these points, and every pair. The order within a pair matters only
/// if both are at the same point.
fn every_pair<'a>(points: &[&'a str]) -> Vec<Vec<(&'a str, FaultKind)>> {
    let kinds = transport_faults();
    let at = |point: &'a str| kinds.iter().map(move |kind| (point, *kind));
    let mut plans = Vec::new();
    for (nth, point) in points.iter().enumerate() {
        for first in at(point) {
            plans.push(vec![first]);
            let seconds = points[nth..].iter().flat_map(|point| at(point));
            plans.extend(seconds.map(|second| vec![first, second]));
        }
    }
    plans
}

#[test]
fn an_order_is_paid_with_three_calls_and_shipped_with_two() {
    let harness = Harness::with(samples::received());
    harness.call_once("authorize").unwrap().unwrap();
    harness.ship();
    harness.call_once("capture").unwrap().unwrap();
    assert_eq!(harness.money(), [TOTAL, TOTAL, 0, 0]);
    assert_eq!(harness.stripe.requests(), 3);
    let expires = harness.stored_order().payment.capture_before.unwrap();
    assert!(expires > samples::placed_at().plus_hours(4 * 24), "the charge was expanded");

    let harness = Harness::with(samples::reserved());
    let booked = harness.call_once("book").unwrap().unwrap();
    assert!(!booked["trackingCode"].as_str().unwrap().is_empty());
    assert_eq!(harness.labels(), (1, 0));
    assert_eq!(harness.easypost.requests(), 2);
}

#[test]
fn under_any_two_faults_the_money_is_captured_once() {
    let points = ["gateway.create", "gateway.confirm", "gateway.capture", "gateway.get"];
    for faults in every_pair(&points) {
        let harness = Harness::with(samples::received()).with_stripe_faults(&faults);
        harness.call_until_done("authorize").unwrap_or_else(|error| panic!("{faults:?}: {error}"));
        assert_eq!(harness.money(), [TOTAL, 0, 0, 0], "{faults:?}");
        harness.ship();
        harness.call_until_done("capture").unwrap_or_else(|error| panic!("{faults:?}: {error}"));
        assert_eq!(harness.money(), [TOTAL, TOTAL, 0, 0], "{faults:?}");
        assert_eq!(harness.confirmations(), (1, 1), "{faults:?}");
        assert_eq!(harness.stored_order().status, Status::Fulfilled, "{faults:?}");
    }
}

#[test]
fn under_any_two_faults_the_hold_is_voided_once() {
    let points = ["gateway.create", "gateway.confirm", "gateway.cancel", "gateway.get"];
    for faults in every_pair(&points) {
        let harness = Harness::with(samples::received()).with_stripe_faults(&faults);
        // Called once: the order is canceled whether or not it succeeded.
        let _ignored = harness.call_once("authorize");
        let outcome =
            harness.call_until_done("cancel").unwrap_or_else(|error| panic!("{faults:?}: {error}"));
        assert_eq!(outcome["outcome"], "PAYMENT_FAILED", "{faults:?}");
        let [authorized, captured, voided, refunded] = harness.money();
        assert_eq!((captured, refunded), (0, 0), "{faults:?}");
        assert_eq!(voided, authorized, "{faults:?}: nothing is left on the card");
        assert!(harness.stored_order().status.is_closed(), "{faults:?}");
    }
}

#[test]
fn under_any_two_faults_the_money_is_refunded_once() {
    for faults in every_pair(&["gateway.refund", "gateway.get", "gateway.cancel"]) {
        let harness = Harness::with(samples::received());
        harness.call_until_done("authorize").unwrap();
        harness.ship();
        // Captured, but the worker died before it stored the capture.
        let held = harness.stored_order();
        harness.call_until_done("capture").unwrap();
        harness.test_bed.put(&held);
        harness.release_goods();
        let harness = harness.with_stripe_faults(&faults);
        harness.call_until_done("cancel").unwrap_or_else(|error| panic!("{faults:?}: {error}"));
        assert_eq!(harness.money(), [TOTAL, TOTAL, 0, TOTAL], "{faults:?}");
    }
}

#[test]
fn under_any_two_faults_one_label_is_bought() {
    for faults in every_pair(&["carrier.create", "carrier.buy", "carrier.get"]) {
        let harness = Harness::with(samples::reserved()).with_easypost_faults(&faults);
        harness.call_until_done("book").unwrap_or_else(|error| panic!("{faults:?}: {error}"));
        assert_eq!(harness.labels(), (1, 0), "{faults:?}");
        assert!(harness.stored_order().has_live_label(), "{faults:?}");
    }
}

#[test]
fn under_any_two_faults_the_label_is_refunded() {
    let points = ["carrier.create", "carrier.buy", "carrier.get", "carrier.refund"];
    for faults in every_pair(&points) {
        let harness = Harness::with(samples::reserved()).with_easypost_faults(&faults);
        let _ignored = harness.call_once("book");
        harness
            .call_until_done("cancel-label")
            .unwrap_or_else(|error| panic!("{faults:?}: {error}"));
        let (bought, back) = harness.labels();
        assert_eq!(bought, back, "{faults:?}");
        assert!(!harness.stored_order().has_open_shipment(), "{faults:?}");
    }
}

#[test]
fn a_declined_card_is_confirmed_once_and_reports_a_safe_decline_code() {
    let check = |token: &str, code: &str| {
        for faults in every_pair(&["gateway.confirm"]) {
            let harness = Harness::with(paying_with(token)).with_stripe_faults(&faults[..1]);
            let error = harness.call_until_done("authorize").unwrap_err();
            assert_eq!(error.name, ErrorName::PaymentDeclined, "{token} {faults:?}");
            assert!([code, "card_declined"].contains(&error.detail.as_str()), "{error}");
            assert_eq!(harness.confirmations(), (1, 1), "{token} {faults:?}");
            harness.call_until_done("cancel").unwrap();
            assert_eq!(harness.money(), [0, 0, 0, 0], "{token} {faults:?}");
        }
    };
    check("pm_card_visa_chargeDeclined", "generic_decline");
    check("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds");
    check("pm_card_visa_chargeDeclinedLostCard", "generic_decline");
    check("pm_card_visa_chargeDeclinedStolenCard", "generic_decline");
    check("pm_card_authenticationRequired", "authentication_required");
}

#[test]
fn a_rejection_by_a_provider_ends_the_step_without_an_effect() {
    let reject = |at: &'static str| vec![(at, FaultKind::Reject)];
    let harness = Harness::with(samples::received()).with_stripe_faults(&reject("gateway.confirm"));
    assert_eq!(harness.call_until_done("authorize").unwrap_err().name, ErrorName::PaymentDeclined);

    let harness = Harness::with(samples::received()).with_stripe_faults(&reject("gateway.capture"));
    harness.call_until_done("authorize").unwrap();
    harness.ship();
    assert_eq!(
        harness.call_until_done("capture").unwrap_err().name,
        ErrorName::PaymentNotCapturable
    );
    harness.release_goods();
    assert_eq!(harness.call_until_done("cancel").unwrap()["outcome"], "PAYMENT_FAILED");
    assert_eq!(harness.money(), [TOTAL, 0, TOTAL, 0], "an expired hold counts as voided");

    for point in ["carrier.create", "carrier.buy"] {
        // A refusal to sell is followed by one purchase at another rate.
        let twice = [reject(point), reject(point)].concat();
        let harness = Harness::with(samples::reserved()).with_easypost_faults(&twice);
        assert_eq!(
            harness.call_until_done("book").unwrap_err().name,
            ErrorName::ShippingRejected,
            "{point}"
        );
        assert_eq!(
            harness.call_until_done("cancel-label").unwrap()["labelRefund"],
            "NONE",
            "{point}"
        );
        assert_eq!(harness.labels(), (0, 0));
    }
    let harness =
        Harness::with(samples::reserved()).with_easypost_faults(&reject("carrier.refund"));
    harness.call_until_done("book").unwrap();
    assert_eq!(harness.call_until_done("cancel-label").unwrap()["labelRefund"], "REFUSED");
    assert!(harness.stored_order().attention.is_some());
}

#[test]
fn after_the_idempotency_keys_expired_nothing_happens_twice() {
    for at in ["gateway.create", "gateway.confirm", "gateway.capture"] {
        let harness =
            Harness::with(samples::received()).with_stripe_faults(&[(at, FaultKind::Kill)]);
        if harness.call_once("authorize").is_none() {
            harness.stripe.advance(SignedDuration::from_hours(25));
            harness.call_until_done("authorize").unwrap();
        }
        harness.ship();
        if harness.call_once("capture").is_none() {
            harness.stripe.advance(SignedDuration::from_hours(25));
            harness.call_until_done("capture").unwrap();
        }
        assert_eq!(harness.money(), [TOTAL, TOTAL, 0, 0], "{at}");
        assert_eq!(harness.confirmations(), (1, 1), "{at}");
    }
}

#[test]
fn an_expired_hold_is_not_captured_and_needs_no_void() {
    let harness = Harness::with(samples::received());
    harness.call_until_done("authorize").unwrap();
    harness.ship();
    let expire = ControlAction::ExpireAuthorization { order: harness.order.order_id.to_string() };
    let now = *harness.stripe.now.lock().unwrap();
    harness.stripe.emulator.lock().perform(&expire, now).unwrap();
    assert_eq!(
        harness.call_until_done("capture").unwrap_err().name,
        ErrorName::PaymentNotCapturable
    );
    harness.release_goods();
    harness.call_until_done("cancel").unwrap();
    assert_eq!(harness.money(), [TOTAL, 0, TOTAL, 0]);
}

/// An emulator on a socket, until this is dropped.
struct EmulatorServer {
    url: String,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Drop for EmulatorServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve_emulator<P: Emulator>(emulator: SharedEmulator<P>) -> EmulatorServer {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let clock = Arc::new(|| samples::placed_at().to_jiff());
    let never = std::future::pending::<()>();
    let task = tokio::spawn(serve(listener, emulator, clock, Hooks::default(), never));
    EmulatorServer { url, task }
}

fn http_client() -> HttpClient {
    let short = Duration::from_millis(500);
    HttpClient::new(Timeouts { connect: short, total: short }).unwrap()
}

#[tokio::test]
async fn over_real_sockets_an_order_is_paid_shipped_and_compensated() {
    let (stripe_emulator, easypost_emulator) = (
        SharedEmulator::new(StripeEmulator::new(1)),
        SharedEmulator::new(EasyPostEmulator::new(1)),
    );
    let (stripe_server, easypost_server) = (
        serve_emulator(stripe_emulator.clone()).await,
        serve_emulator(easypost_emulator.clone()).await,
    );
    let order = samples::received();
    let test_bed = TestBed::with(&order);
    let payment = ProcessPayment {
        orders: test_bed.tables(),
        payment_provider: stripe(http_client(), &stripe_server.url),
        review_policy: ReviewPolicy::default(),
    };
    let shipping = InitiateShipping {
        orders: test_bed.tables(),
        shipping_provider: easypost(http_client(), &easypost_server.url),
        postage_ceiling: PostageCeiling::default(),
    };
    payment.handle(input("authorize", &order), samples::placed_at).await.unwrap();
    let reserved = test_bed.order(&order.order_id).unwrap().reserved(samples::placed_at()).unwrap();
    test_bed.put(&reserved);
    shipping.handle(input("book", &order), samples::placed_at).await.unwrap();
    let output = shipping.handle(input("cancel-label", &order), samples::placed_at).await.unwrap();
    assert_eq!(output["labelRefund"], "SUBMITTED");
    test_bed.put(&test_bed.order(&order.order_id).unwrap().released(samples::placed_at()));
    payment.handle(input("cancel", &order), samples::placed_at).await.unwrap();

    let id = order.order_id.as_str();
    let totals = stripe_emulator.lock().ledger().order(id).totals;
    assert_eq!((totals.authorized, totals.voided), (TOTAL, TOTAL));
    let labels = easypost_emulator.lock().ledger().order(id).labels;
    assert_eq!((labels.labels, labels.label_refunds), (1, 1));
}

#[tokio::test]
async fn over_real_sockets_every_transport_fault_is_distinguished_from_a_rejection() {
    for kind in transport_faults() {
        let stripe_emulator = SharedEmulator::new(StripeEmulator::new(1));
        let every = CallRange { from: 1, to: None };
        stripe_emulator
            .lock()
            .fault_plan_mut()
            .add(vec![planned("gateway.get", every, kind)])
            .unwrap();
        let face = serve_emulator(stripe_emulator).await;
        let called = stripe(http_client(), &face.url)
            .retrieve(&PaymentIntentId::parse("pi_1").unwrap())
            .await;
        let harmless = matches!(
            called,
            CallOutcome::NotSent(_) | CallOutcome::Throttled(_) | CallOutcome::Unknown(_)
        );
        // The PaymentIntent does not exist, and the fault hides even that.
        assert!(harmless, "{kind:?}: {called:?}");
    }
    let unused_address =
        tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let payment_provider = stripe(http_client(), &format!("http://{unused_address}"));
    let called = payment_provider.cancel(&PaymentIntentId::parse("pi_1").unwrap(), "key").await;
    assert!(matches!(called, CallOutcome::NotSent(_)), "no server listens, so nothing was sent");
}
