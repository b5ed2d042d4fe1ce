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
use domain::ports::{Called, Gateway as _, Method, NoResponse, Request, Response, Transport};
use domain::shipment::LabelRefund;
use domain::shipment::ShipFrom;
use domain::{Failure, Fault, IntentId, Order, Private, Status};
use easypost::EasyPost;
use emulators::carrier::Carrier;
use emulators::face::{Hooks, Shared, serve};
use emulators::faults::{self, Calls, Kind};
use emulators::gateway::Gateway;
use emulators::provider::{Act, Provider};
use emulators::wire::{Answer, Call, Delivery};
use http_client::{Https, Limits};
use initiate_shipping::InitiateShipping;
use jiff::{SignedDuration, Timestamp};
use process_payment::ProcessPayment;
use serde_json::{Value, json};
use stripe::Stripe;
use testing::fakes::{Tables, World, run};
use testing::sample;

/// What the sample order costs.
const TOTAL: i64 = 4499;
/// More tries than any two faults can use up.
const TRIES: usize = 6;

/// A line to a look-alike within this process, on a clock of its own.
struct Line<P> {
    model: Shared<P>,
    now: Arc<Mutex<Timestamp>>,
}

impl<P> Clone for Line<P> {
    fn clone(&self) -> Self {
        Self { model: self.model.clone(), now: Arc::clone(&self.now) }
    }
}

impl<P: Provider> Line<P> {
    fn to(model: P) -> Self {
        let now = sample::placed_at().timestamp();
        Self { model: Shared::new(model), now: Arc::new(Mutex::new(now)) }
    }

    /// Lets these faults happen, each at the first call that is made there.
    fn breaks(self, faults: &[(&str, Kind)]) -> Self {
        let first = Calls { from: 1, to: Some(1) };
        let second = Calls { from: 2, to: Some(2) };
        let fault = |(nth, (at, kind)): (usize, &(&str, Kind))| {
            // The same point twice: its first and its second call.
            let repeated = faults[..nth].iter().any(|(before, _)| before == at);
            planned(at, if repeated { second } else { first }, *kind)
        };
        let plan = faults.iter().enumerate().map(fault).collect();
        self.model.lock().plan_mut().add(plan).unwrap();
        self
    }

    /// Time passes.
    fn passes(&self, time: SignedDuration) {
        *self.now.lock().unwrap() += time;
    }

    fn deliver(&self, call: &Call) -> Delivery {
        self.passes(SignedDuration::from_secs(1));
        let now = *self.now.lock().unwrap();
        self.model.lock().receive(call, now)
    }
}

impl<P: Provider> Transport for Line<P> {
    async fn send(&self, request: Request) -> Result<Response, NoResponse> {
        let lost = || Err(NoResponse::Lost("no answer".to_owned()));
        match self.deliver(&call(&request)) {
            Delivery::Answer(answer) => Ok(response(answer)),
            Delivery::Refused => Err(NoResponse::NotSent("refused".to_owned())),
            Delivery::Hang(ticket) | Delivery::Late { ticket, .. } => {
                // Later than our limit: we have gone.
                self.model.lock().release(&ticket);
                lost()
            }
            Delivery::Dropped => lost(),
            Delivery::Killed { .. } => std::future::pending().await,
        }
    }
}

fn call(request: &Request) -> Call {
    let method = if request.method == Method::Get { "GET" } else { "POST" };
    let path = request.url.strip_prefix("http://provider").unwrap();
    let call = Call::new(method, path).body(request.body.clone());
    request.headers.iter().fold(call, |call, (name, value)| call.header(name, value))
}

fn response(answer: Answer) -> Response {
    Response { status: answer.status, headers: answer.headers, body: answer.body }
}

/// A shop: its tables, its gateway and its carrier.
struct Shop {
    world: World,
    gateway: Line<Gateway>,
    carrier: Line<Carrier>,
    order: Order,
}

impl Shop {
    fn with(order: Order) -> Self {
        let world = World::with(&order);
        let (gateway, carrier) = (Line::to(Gateway::new(1)), Line::to(Carrier::new(1)));
        Self { world, gateway, carrier, order }
    }

    fn gateway_breaks(self, faults: &[(&str, Kind)]) -> Self {
        Self { gateway: self.gateway.breaks(faults), ..self }
    }

    fn carrier_breaks(self, faults: &[(&str, Kind)]) -> Self {
        Self { carrier: self.carrier.breaks(faults), ..self }
    }

    fn payment(&self) -> ProcessPayment<Tables, Stripe<Line<Gateway>>> {
        let gateway = stripe(self.gateway.clone(), "http://provider");
        ProcessPayment { orders: self.world.tables(), gateway, review: ReviewPolicy::default() }
    }

    fn shipping(&self) -> InitiateShipping<Tables, EasyPost<Line<Carrier>>> {
        let carrier = easypost(self.carrier.clone(), "http://provider");
        InitiateShipping { orders: self.world.tables(), carrier }
    }

    /// Asks once; none when the process died.
    fn ask(&self, operation: &str) -> Option<Result<Value, Failure>> {
        let input = input(operation, &self.order);
        match operation {
            "book" | "give-back" => run(self.shipping().handle(input, sample::placed_at)),
            _ => run(self.payment().handle(input, sample::placed_at)),
        }
    }

    /// Asks as the state machine does: again after a death or a transient fault.
    fn insist(&self, operation: &str) -> Result<Value, Failure> {
        for _ in 0..TRIES {
            match self.ask(operation) {
                Some(Err(failure)) if failure.fault.is_transient() => {}
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
        let now = sample::placed_at();
        let shipment = sample::carrier_shipment();
        let order = self.on_record().reserved(now).unwrap();
        let order = order.with_shipment(&shipment, &shipment.rates[0], now).unwrap();
        self.world.put(&order.with_label("TRACK", None, now));
    }

    /// The steps of a compensation before the money.
    fn give_up_the_goods(&self) {
        let now = sample::placed_at();
        let failed = r#"{"CapturePayment": {"Error": "PaymentNotCapturable"}}"#;
        let order = self.on_record();
        let order = order.begin_compensation(&serde_json::from_str(failed).unwrap(), now);
        let order = order.with_label_refund(LabelRefund::Submitted, now).released(now);
        self.world.put(&order);
    }

    /// authorised, captured, voided, refunded
    fn money(&self) -> [i64; 4] {
        let sums = self.gateway.model.lock().ledger().order(self.order.order_id.as_str()).sums;
        [sums.authorized, sums.captured, sums.voided, sums.refunded]
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
        "enteredAt": sample::placed_at(),
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
        address: sample::request().shipping_address,
    };
    EasyPost::new(transport, url, Private::new("EZTKlocal".to_owned()), from)
}

fn paying_with(token: &str) -> Order {
    let request = domain::order::NewOrder { payment_method: token.to_owned(), ..sample::request() };
    Order::accept(request, sample::placed_at())
}

/// A fault; a late answer is later than any limit here.
fn planned(at: &str, calls: Calls, kind: Kind) -> faults::Fault {
    let fault = faults::Fault::new(at, calls, kind);
    if kind == Kind::Late { fault.delayed(1_500) } else { fault }
}

/// Everything that can go wrong on the wire, short of a refusal.
fn mishaps() -> Vec<Kind> {
    let elsewhere = [Kind::Refuse, Kind::Throttle, Kind::Conflict, Kind::Drop];
    Kind::ALL.into_iter().filter(|kind| !elsewhere.contains(kind)).collect()
}

/// Every single mishap at these points, and every pair of them. Which of a pair
/// is planned first matters only where both are at the same point.
fn every_pair<'a>(points: &[&'a str]) -> Vec<Vec<(&'a str, Kind)>> {
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
    let shop = Shop::with(sample::received());
    shop.ask("authorize").unwrap().unwrap();
    shop.ship();
    shop.ask("capture").unwrap().unwrap();
    assert_eq!(shop.money(), [TOTAL, TOTAL, 0, 0]);
    let calls: u64 = shop.gateway.model.lock().plan().calls_in_all().values().sum();
    assert_eq!(calls, 3);
    let lapses = shop.on_record().payment.capture_before.unwrap();
    assert!(lapses > sample::placed_at().plus_hours(4 * 24), "the charge was expanded");

    let shop = Shop::with(sample::reserved());
    let booked = shop.ask("book").unwrap().unwrap();
    assert!(!booked["trackingCode"].as_str().unwrap().is_empty());
    assert_eq!(shop.labels(), (1, 0));
    let calls: u64 = shop.carrier.model.lock().plan().calls_in_all().values().sum();
    assert_eq!(calls, 2);
}

#[test]
fn whatever_two_calls_come_to_the_money_is_taken_once() {
    let points = ["gateway.create", "gateway.confirm", "gateway.capture", "gateway.get"];
    for faults in every_pair(&points) {
        let shop = Shop::with(sample::received()).gateway_breaks(&faults);
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
        let shop = Shop::with(sample::received()).gateway_breaks(&faults);
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
        let shop = Shop::with(sample::received());
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
        let shop = Shop::with(sample::reserved()).carrier_breaks(&faults);
        shop.insist("book").unwrap_or_else(|failure| panic!("{faults:?}: {failure}"));
        assert_eq!(shop.labels(), (1, 0), "{faults:?}");
        assert!(shop.on_record().has_live_label(), "{faults:?}");
    }
}

#[test]
fn whatever_two_calls_come_to_the_label_is_given_back() {
    let points = ["carrier.create", "carrier.buy", "carrier.get", "carrier.refund"];
    for faults in every_pair(&points) {
        let shop = Shop::with(sample::reserved()).carrier_breaks(&faults);
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
            assert_eq!(failure.fault, Fault::PaymentDeclined, "{token} {faults:?}");
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
    let refuse = |at: &'static str| vec![(at, Kind::Refuse)];
    let shop = Shop::with(sample::received()).gateway_breaks(&refuse("gateway.confirm"));
    assert_eq!(shop.insist("authorize").unwrap_err().fault, Fault::PaymentDeclined);

    let shop = Shop::with(sample::received()).gateway_breaks(&refuse("gateway.capture"));
    shop.insist("authorize").unwrap();
    shop.ship();
    assert_eq!(shop.insist("capture").unwrap_err().fault, Fault::PaymentNotCapturable);
    shop.give_up_the_goods();
    assert_eq!(shop.insist("cancel").unwrap()["outcome"], "PAYMENT_FAILED");
    assert_eq!(shop.money(), [TOTAL, 0, TOTAL, 0], "a lapse counts as a void");

    for point in ["carrier.create", "carrier.buy"] {
        let shop = Shop::with(sample::reserved()).carrier_breaks(&refuse(point));
        assert_eq!(shop.insist("book").unwrap_err().fault, Fault::ShippingRejected, "{point}");
        assert_eq!(shop.insist("give-back").unwrap()["labelRefund"], "NONE", "{point}");
        assert_eq!(shop.labels(), (0, 0));
    }
    let shop = Shop::with(sample::reserved()).carrier_breaks(&refuse("carrier.refund"));
    shop.insist("book").unwrap();
    assert_eq!(shop.insist("give-back").unwrap()["labelRefund"], "REFUSED");
    assert!(shop.on_record().attention.is_some());
}

#[test]
fn after_the_gateway_forgot_the_keys_nothing_happens_twice() {
    for at in ["gateway.create", "gateway.confirm", "gateway.capture"] {
        let shop = Shop::with(sample::received()).gateway_breaks(&[(at, Kind::Kill)]);
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
    let shop = Shop::with(sample::received());
    shop.insist("authorize").unwrap();
    shop.ship();
    let lapse = Act::Lapse { order: shop.order.order_id.to_string() };
    let now = *shop.gateway.now.lock().unwrap();
    shop.gateway.model.lock().act(&lapse, now).unwrap();
    assert_eq!(shop.insist("capture").unwrap_err().fault, Fault::PaymentNotCapturable);
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

async fn served<P: Provider>(model: Shared<P>) -> Served {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let clock = Arc::new(|| sample::placed_at().timestamp());
    let never = std::future::pending::<()>();
    let task = tokio::spawn(serve(listener, model, clock, Hooks::default(), never));
    Served { url, task }
}

fn https() -> Https {
    let short = Duration::from_millis(500);
    Https::new(Limits { connect: short, total: short }).unwrap()
}

#[tokio::test]
async fn over_real_sockets_an_order_is_paid_and_shipped_and_undone() {
    let (bank, post) = (Shared::new(Gateway::new(1)), Shared::new(Carrier::new(1)));
    let (at_bank, at_post) = (served(bank.clone()).await, served(post.clone()).await);
    let order = sample::received();
    let world = World::with(&order);
    let payment = ProcessPayment {
        orders: world.tables(),
        gateway: stripe(https(), &at_bank.url),
        review: ReviewPolicy::default(),
    };
    let shipping =
        InitiateShipping { orders: world.tables(), carrier: easypost(https(), &at_post.url) };
    payment.handle(input("authorize", &order), sample::placed_at).await.unwrap();
    let reserved = world.order(&order.order_id).unwrap().reserved(sample::placed_at()).unwrap();
    world.put(&reserved);
    shipping.handle(input("book", &order), sample::placed_at).await.unwrap();
    let output = shipping.handle(input("give-back", &order), sample::placed_at).await.unwrap();
    assert_eq!(output["labelRefund"], "SUBMITTED");
    world.put(&world.order(&order.order_id).unwrap().released(sample::placed_at()));
    payment.handle(input("cancel", &order), sample::placed_at).await.unwrap();

    let id = order.order_id.as_str();
    let sums = bank.lock().ledger().order(id).sums;
    assert_eq!((sums.authorized, sums.voided), (TOTAL, TOTAL));
    let labels = post.lock().ledger().order(id).labels;
    assert_eq!((labels.labels, labels.label_refunds), (1, 1));
}

#[tokio::test]
async fn over_real_sockets_every_mishap_is_told_from_a_refusal() {
    for kind in mishaps() {
        let bank = Shared::new(Gateway::new(1));
        let every = Calls { from: 1, to: None };
        bank.lock().plan_mut().add(vec![planned("gateway.get", every, kind)]).unwrap();
        let face = served(bank).await;
        let called = stripe(https(), &face.url).look_up(&IntentId::parse("pi_1").unwrap()).await;
        let harmless = matches!(called, Called::NotBegun(_) | Called::Unknown(_));
        // The object is not there, and the fault hides even that.
        assert!(harmless, "{kind:?}: {called:?}");
    }
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gateway = stripe(https(), &format!("http://{nobody}"));
    let called = gateway.cancel(&IntentId::parse("pi_1").unwrap(), "key").await;
    assert!(matches!(called, Called::NotBegun(_)), "nobody listens, so nothing was sent");
}
