//! The functions' gateway and carrier over the look-alikes: whatever one call, or
//! two, come to on the wire, the money moves once and the label is bought once.
//!
//! The clients that ship (`stripe.rs`, `easypost.rs`) speak to the look-alikes'
//! models, first in this process, where every pair of faults is tried, then over
//! real sockets through the HTTP client that ships. The tables are the domain's
//! fakes. A process that a fault kills is a future that never ends.

#![cfg(test)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::policy::ReviewPolicy;
use domain::ports::{
    CallOutcome, Method, PaymentProvider as _, Request, Response, Transport, TransportError,
};
use domain::shipment::LabelRefund;
use domain::shipment::ShipFrom;
use domain::{ErrorName, Order, PaymentIntentId, Private, Status, StepError};
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

/// What the sample order costs.
const TOTAL: i64 = 4499;
/// More tries than any two faults can use up.
const TRIES: usize = 6;

/// A line to a look-alike within this process, on a clock of its own.
struct Line<P> {
    model: SharedEmulator<P>,
    now: Arc<Mutex<Timestamp>>,
}

impl<P> Clone for Line<P> {
    fn clone(&self) -> Self {
        Self { model: self.model.clone(), now: Arc::clone(&self.now) }
    }
}

impl<P: Emulator> Line<P> {
    fn to(model: P) -> Self {
        let now = samples::placed_at().to_jiff();
        Self { model: SharedEmulator::new(model), now: Arc::new(Mutex::new(now)) }
    }

    /// Lets these faults happen, each at the first call that is made there.
    fn breaks(self, faults: &[(&str, FaultKind)]) -> Self {
        let first = CallRange { from: 1, to: Some(1) };
        let second = CallRange { from: 2, to: Some(2) };
        let fault = |(nth, (at, kind)): (usize, &(&str, FaultKind))| {
            // The same point twice: its first and its second call.
            let repeated = faults[..nth].iter().any(|(before, _)| before == at);
            planned(at, if repeated { second } else { first }, *kind)
        };
        let plan = faults.iter().enumerate().map(fault).collect();
        self.model.lock().fault_plan_mut().add(plan).unwrap();
        self
    }

    /// Time passes.
    fn passes(&self, time: SignedDuration) {
        *self.now.lock().unwrap() += time;
    }

    fn deliver(&self, call: &HttpRequest) -> NetworkOutcome {
        self.passes(SignedDuration::from_secs(1));
        let now = *self.now.lock().unwrap();
        self.model.lock().handle_with_faults(call, now)
    }
}

impl<P: Emulator> Transport for Line<P> {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let lost = || Err(TransportError::NoResponse("no answer".to_owned()));
        match self.deliver(&call(&request)) {
            NetworkOutcome::Response(answer) => Ok(response(answer)),
            NetworkOutcome::ConnectionRefused => Err(TransportError::NotSent("refused".to_owned())),
            NetworkOutcome::Hang(ticket) | NetworkOutcome::Delayed { in_flight: ticket, .. } => {
                // Later than our limit: we have gone.
                self.model.lock().release(&ticket);
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

/// A shop: its tables, its gateway and its carrier.
struct Shop {
    world: TestBed,
    gateway: Line<StripeEmulator>,
    carrier: Line<EasyPostEmulator>,
    order: Order,
}

impl Shop {
    fn with(order: Order) -> Self {
        let world = TestBed::with(&order);
        let (gateway, carrier) =
            (Line::to(StripeEmulator::new(1)), Line::to(EasyPostEmulator::new(1)));
        Self { world, gateway, carrier, order }
    }

    fn gateway_breaks(self, faults: &[(&str, FaultKind)]) -> Self {
        Self { gateway: self.gateway.breaks(faults), ..self }
    }

    fn carrier_breaks(self, faults: &[(&str, FaultKind)]) -> Self {
        Self { carrier: self.carrier.breaks(faults), ..self }
    }

    fn payment(&self) -> ProcessPayment<FakeTables, Stripe<Line<StripeEmulator>>> {
        let gateway = stripe(self.gateway.clone(), "http://provider");
        ProcessPayment {
            orders: self.world.tables(),
            payment_provider: gateway,
            review_policy: ReviewPolicy::default(),
        }
    }

    fn shipping(&self) -> InitiateShipping<FakeTables, EasyPost<Line<EasyPostEmulator>>> {
        let carrier = easypost(self.carrier.clone(), "http://provider");
        InitiateShipping { orders: self.world.tables(), shipping_provider: carrier }
    }

    /// Asks once; none when the process died.
    fn ask(&self, operation: &str) -> Option<Result<Value, StepError>> {
        let input = input(operation, &self.order);
        match operation {
            "book" | "give-back" => run(self.shipping().handle(input, samples::placed_at)),
            _ => run(self.payment().handle(input, samples::placed_at)),
        }
    }

    /// Asks as the state machine does: again after a death or a transient fault.
    fn insist(&self, operation: &str) -> Result<Value, StepError> {
        for _ in 0..TRIES {
            match self.ask(operation) {
                Some(Err(failure)) if failure.name.is_transient() => {}
                Some(result) => return result,
                None => {}
            }
            self.gateway.passes(SignedDuration::from_secs(20));
            self.carrier.passes(SignedDuration::from_secs(20));
        }
        panic!("{operation} does not come to an end")
    }

    fn on_record(&self) -> Order {
        self.world.order(&self.order.order_id).unwrap()
    }

    /// The steps between the authorisation and the capture, without the carrier.
    fn ship(&self) {
        let now = samples::placed_at();
        let shipment = samples::provider_shipment();
        let order = self.on_record().reserved(now).unwrap();
        let order = order.with_shipment(&shipment, &shipment.rates[0], now).unwrap();
        self.world.put(&order.with_label("TRACK", None, now));
    }

    /// The steps of a compensation before the money.
    fn give_up_the_goods(&self) {
        let now = samples::placed_at();
        let failed = r#"{"CapturePayment": {"Error": "PaymentNotCapturable"}}"#;
        let order = self.on_record();
        let order = order.begin_compensation(&serde_json::from_str(failed).unwrap(), now);
        let order = order.with_label_refund(LabelRefund::Submitted, now).released(now);
        self.world.put(&order);
    }

    /// authorised, captured, voided, refunded
    fn money(&self) -> [i64; 4] {
        let totals = self.gateway.model.lock().ledger().order(self.order.order_id.as_str()).totals;
        [totals.authorized, totals.captured, totals.voided, totals.refunded]
    }

    /// How many intents were ever confirmed, and how often.
    fn confirmed(&self) -> (usize, u32) {
        let money = self.gateway.model.lock().ledger().order(self.order.order_id.as_str());
        (money.confirmed, money.confirms)
    }

    /// Labels that were bought and labels that were given back.
    fn labels(&self) -> (u64, u64) {
        let labels = self.carrier.model.lock().ledger().order(self.order.order_id.as_str()).labels;
        (labels.labels, labels.label_refunds)
    }
}

fn input(operation: &str, order: &Order) -> Value {
    let operation = if operation == "give-back" { "cancel" } else { operation };
    json!({
        "operation": operation,
        "orderId": order.order_id,
        "execution": order.execution,
        "enteredAt": samples::placed_at(),
        "failed": {"CapturePayment": {"Error": "PaymentNotCapturable"}},
    })
}

fn stripe<T: Transport>(transport: T, url: &str) -> Stripe<T> {
    Stripe::new(transport, url, Private::new("sk_test_local".to_owned()))
}

fn easypost<T: Transport>(transport: T, url: &str) -> EasyPost<T> {
    let from = ShipFrom {
        name: "The Shop".to_owned(),
        phone: "+15105550100".to_owned(),
        address: samples::new_order().shipping_address,
    };
    EasyPost::new(transport, url, Private::new("EZTKlocal".to_owned()), from)
}

fn paying_with(token: &str) -> Order {
    let request =
        domain::order::NewOrder { payment_method: token.to_owned(), ..samples::new_order() };
    Order::accept(request, samples::placed_at())
}

/// A fault; a late answer is later than any limit here.
fn planned(at: &str, calls: CallRange, kind: FaultKind) -> faults::Fault {
    let fault = faults::Fault::new(at, calls, kind);
    if kind == FaultKind::Delay { fault.with_delay_ms(1_500) } else { fault }
}

/// Everything that can go wrong on the wire, short of a refusal.
fn mishaps() -> Vec<FaultKind> {
    let elsewhere = [FaultKind::Reject, FaultKind::Throttle, FaultKind::Conflict, FaultKind::Drop];
    FaultKind::ALL.into_iter().filter(|kind| !elsewhere.contains(kind)).collect()
}

/// Every single mishap at these points, and every pair of them. Which of a pair
/// is planned first matters only where both are at the same point.
fn every_pair<'a>(points: &[&'a str]) -> Vec<Vec<(&'a str, FaultKind)>> {
    let kinds = mishaps();
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
fn an_order_is_paid_in_three_calls_and_shipped_in_two() {
    let shop = Shop::with(samples::received());
    shop.ask("authorize").unwrap().unwrap();
    shop.ship();
    shop.ask("capture").unwrap().unwrap();
    assert_eq!(shop.money(), [TOTAL, TOTAL, 0, 0]);
    let calls: u64 = shop.gateway.model.lock().fault_plan().call_counts().values().sum();
    assert_eq!(calls, 3);
    let lapses = shop.on_record().payment.capture_before.unwrap();
    assert!(lapses > samples::placed_at().plus_hours(4 * 24), "the charge was expanded");

    let shop = Shop::with(samples::reserved());
    let booked = shop.ask("book").unwrap().unwrap();
    assert!(!booked["trackingCode"].as_str().unwrap().is_empty());
    assert_eq!(shop.labels(), (1, 0));
    let calls: u64 = shop.carrier.model.lock().fault_plan().call_counts().values().sum();
    assert_eq!(calls, 2);
}

#[test]
fn whatever_two_calls_come_to_the_money_is_taken_once() {
    let points = ["gateway.create", "gateway.confirm", "gateway.capture", "gateway.get"];
    for faults in every_pair(&points) {
        let shop = Shop::with(samples::received()).gateway_breaks(&faults);
        shop.insist("authorize").unwrap_or_else(|failure| panic!("{faults:?}: {failure}"));
        assert_eq!(shop.money(), [TOTAL, 0, 0, 0], "{faults:?}");
        shop.ship();
        shop.insist("capture").unwrap_or_else(|failure| panic!("{faults:?}: {failure}"));
        assert_eq!(shop.money(), [TOTAL, TOTAL, 0, 0], "{faults:?}");
        assert_eq!(shop.confirmed(), (1, 1), "{faults:?}");
        assert_eq!(shop.on_record().status, Status::Fulfilled, "{faults:?}");
    }
}

#[test]
fn whatever_two_calls_come_to_the_hold_is_given_up_once() {
    let points = ["gateway.create", "gateway.confirm", "gateway.cancel", "gateway.get"];
    for faults in every_pair(&points) {
        let shop = Shop::with(samples::received()).gateway_breaks(&faults);
        // Once only: however it ended, the order is given up.
        let _however = shop.ask("authorize");
        let outcome =
            shop.insist("cancel").unwrap_or_else(|failure| panic!("{faults:?}: {failure}"));
        assert_eq!(outcome["outcome"], "PAYMENT_FAILED", "{faults:?}");
        let [authorised, captured, voided, refunded] = shop.money();
        assert_eq!((captured, refunded), (0, 0), "{faults:?}");
        assert_eq!(voided, authorised, "{faults:?}: nothing is left on the card");
        assert!(shop.on_record().status.is_closed(), "{faults:?}");
    }
}

#[test]
fn whatever_two_calls_come_to_the_money_goes_back_once() {
    for faults in every_pair(&["gateway.refund", "gateway.get", "gateway.cancel"]) {
        let shop = Shop::with(samples::received());
        shop.insist("authorize").unwrap();
        shop.ship();
        // Captured, though the process died before it could say so.
        let held = shop.on_record();
        shop.insist("capture").unwrap();
        shop.world.put(&held);
        shop.give_up_the_goods();
        let shop = shop.gateway_breaks(&faults);
        shop.insist("cancel").unwrap_or_else(|failure| panic!("{faults:?}: {failure}"));
        assert_eq!(shop.money(), [TOTAL, TOTAL, 0, TOTAL], "{faults:?}");
    }
}

#[test]
fn whatever_two_calls_come_to_one_label_is_bought() {
    for faults in every_pair(&["carrier.create", "carrier.buy", "carrier.get"]) {
        let shop = Shop::with(samples::reserved()).carrier_breaks(&faults);
        shop.insist("book").unwrap_or_else(|failure| panic!("{faults:?}: {failure}"));
        assert_eq!(shop.labels(), (1, 0), "{faults:?}");
        assert!(shop.on_record().has_live_label(), "{faults:?}");
    }
}

#[test]
fn whatever_two_calls_come_to_the_label_is_given_back() {
    let points = ["carrier.create", "carrier.buy", "carrier.get", "carrier.refund"];
    for faults in every_pair(&points) {
        let shop = Shop::with(samples::reserved()).carrier_breaks(&faults);
        let _however = shop.ask("book");
        shop.insist("give-back").unwrap_or_else(|failure| panic!("{faults:?}: {failure}"));
        let (bought, back) = shop.labels();
        assert_eq!(bought, back, "{faults:?}");
        assert!(!shop.on_record().has_open_shipment(), "{faults:?}");
    }
}

#[test]
fn a_card_that_is_declined_is_confirmed_once_and_says_a_safe_word() {
    let check = |token: &str, word: &str| {
        for faults in every_pair(&["gateway.confirm"]) {
            let shop = Shop::with(paying_with(token)).gateway_breaks(&faults[..1]);
            let failure = shop.insist("authorize").unwrap_err();
            assert_eq!(failure.name, ErrorName::PaymentDeclined, "{token} {faults:?}");
            assert!([word, "card_declined"].contains(&failure.detail.as_str()), "{failure}");
            assert_eq!(shop.confirmed(), (1, 1), "{token} {faults:?}");
            shop.insist("cancel").unwrap();
            assert_eq!(shop.money(), [0, 0, 0, 0], "{token} {faults:?}");
        }
    };
    check("pm_card_visa_chargeDeclined", "generic_decline");
    check("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds");
    check("pm_card_visa_chargeDeclinedLostCard", "generic_decline");
    check("pm_card_visa_chargeDeclinedStolenCard", "generic_decline");
    check("pm_card_authenticationRequired", "authentication_required");
}

#[test]
fn a_refusal_of_the_business_ends_the_step_without_an_effect() {
    let refuse = |at: &'static str| vec![(at, FaultKind::Reject)];
    let shop = Shop::with(samples::received()).gateway_breaks(&refuse("gateway.confirm"));
    assert_eq!(shop.insist("authorize").unwrap_err().name, ErrorName::PaymentDeclined);

    let shop = Shop::with(samples::received()).gateway_breaks(&refuse("gateway.capture"));
    shop.insist("authorize").unwrap();
    shop.ship();
    assert_eq!(shop.insist("capture").unwrap_err().name, ErrorName::PaymentNotCapturable);
    shop.give_up_the_goods();
    assert_eq!(shop.insist("cancel").unwrap()["outcome"], "PAYMENT_FAILED");
    assert_eq!(shop.money(), [TOTAL, 0, TOTAL, 0], "a lapse counts as a void");

    for point in ["carrier.create", "carrier.buy"] {
        let shop = Shop::with(samples::reserved()).carrier_breaks(&refuse(point));
        assert_eq!(shop.insist("book").unwrap_err().name, ErrorName::ShippingRejected, "{point}");
        assert_eq!(shop.insist("give-back").unwrap()["labelRefund"], "NONE", "{point}");
        assert_eq!(shop.labels(), (0, 0));
    }
    let shop = Shop::with(samples::reserved()).carrier_breaks(&refuse("carrier.refund"));
    shop.insist("book").unwrap();
    assert_eq!(shop.insist("give-back").unwrap()["labelRefund"], "REFUSED");
    assert!(shop.on_record().attention.is_some());
}

#[test]
fn after_the_gateway_forgot_the_keys_nothing_happens_twice() {
    for at in ["gateway.create", "gateway.confirm", "gateway.capture"] {
        let shop = Shop::with(samples::received()).gateway_breaks(&[(at, FaultKind::Kill)]);
        if shop.ask("authorize").is_none() {
            shop.gateway.passes(SignedDuration::from_hours(25));
            shop.insist("authorize").unwrap();
        }
        shop.ship();
        if shop.ask("capture").is_none() {
            shop.gateway.passes(SignedDuration::from_hours(25));
            shop.insist("capture").unwrap();
        }
        assert_eq!(shop.money(), [TOTAL, TOTAL, 0, 0], "{at}");
        assert_eq!(shop.confirmed(), (1, 1), "{at}");
    }
}

#[test]
fn a_hold_that_lapsed_is_not_captured_and_needs_no_void() {
    let shop = Shop::with(samples::received());
    shop.insist("authorize").unwrap();
    shop.ship();
    let lapse = ControlAction::ExpireAuthorization { order: shop.order.order_id.to_string() };
    let now = *shop.gateway.now.lock().unwrap();
    shop.gateway.model.lock().perform(&lapse, now).unwrap();
    assert_eq!(shop.insist("capture").unwrap_err().name, ErrorName::PaymentNotCapturable);
    shop.give_up_the_goods();
    shop.insist("cancel").unwrap();
    assert_eq!(shop.money(), [TOTAL, 0, TOTAL, 0]);
}

/// A look-alike on a socket, for as long as this lives.
struct Served {
    url: String,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn served<P: Emulator>(model: SharedEmulator<P>) -> Served {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let clock = Arc::new(|| samples::placed_at().to_jiff());
    let never = std::future::pending::<()>();
    let task = tokio::spawn(serve(listener, model, clock, Hooks::default(), never));
    Served { url, task }
}

fn https() -> HttpClient {
    let short = Duration::from_millis(500);
    HttpClient::new(Timeouts { connect: short, total: short }).unwrap()
}

#[tokio::test]
async fn over_real_sockets_an_order_is_paid_and_shipped_and_undone() {
    let (bank, post) = (
        SharedEmulator::new(StripeEmulator::new(1)),
        SharedEmulator::new(EasyPostEmulator::new(1)),
    );
    let (at_bank, at_post) = (served(bank.clone()).await, served(post.clone()).await);
    let order = samples::received();
    let world = TestBed::with(&order);
    let payment = ProcessPayment {
        orders: world.tables(),
        payment_provider: stripe(https(), &at_bank.url),
        review_policy: ReviewPolicy::default(),
    };
    let shipping = InitiateShipping {
        orders: world.tables(),
        shipping_provider: easypost(https(), &at_post.url),
    };
    payment.handle(input("authorize", &order), samples::placed_at).await.unwrap();
    let reserved = world.order(&order.order_id).unwrap().reserved(samples::placed_at()).unwrap();
    world.put(&reserved);
    shipping.handle(input("book", &order), samples::placed_at).await.unwrap();
    let output = shipping.handle(input("give-back", &order), samples::placed_at).await.unwrap();
    assert_eq!(output["labelRefund"], "SUBMITTED");
    world.put(&world.order(&order.order_id).unwrap().released(samples::placed_at()));
    payment.handle(input("cancel", &order), samples::placed_at).await.unwrap();

    let id = order.order_id.as_str();
    let totals = bank.lock().ledger().order(id).totals;
    assert_eq!((totals.authorized, totals.voided), (TOTAL, TOTAL));
    let labels = post.lock().ledger().order(id).labels;
    assert_eq!((labels.labels, labels.label_refunds), (1, 1));
}

#[tokio::test]
async fn over_real_sockets_every_mishap_is_told_from_a_refusal() {
    for kind in mishaps() {
        let bank = SharedEmulator::new(StripeEmulator::new(1));
        let every = CallRange { from: 1, to: None };
        bank.lock().fault_plan_mut().add(vec![planned("gateway.get", every, kind)]).unwrap();
        let face = served(bank).await;
        let called =
            stripe(https(), &face.url).retrieve(&PaymentIntentId::parse("pi_1").unwrap()).await;
        let harmless = matches!(called, CallOutcome::NotSent(_) | CallOutcome::Unknown(_));
        // The object is not there, and the fault hides even that.
        assert!(harmless, "{kind:?}: {called:?}");
    }
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gateway = stripe(https(), &format!("http://{nobody}"));
    let called = gateway.cancel(&PaymentIntentId::parse("pi_1").unwrap(), "key").await;
    assert!(matches!(called, CallOutcome::NotSent(_)), "nobody listens, so nothing was sent");
}
