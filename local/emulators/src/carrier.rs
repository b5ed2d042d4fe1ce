//! The carrier: `EasyPost`'s shipments as a small state machine.
//!
//! It promises what `EasyPost` documents and the product leans on: a shipment has rates and
//! costs nothing until one is bought; one label a shipment, ever ([`shipments`]); a refund is
//! submitted, and final only later; both documented formats of error (items as objects, or as
//! plain strings); no key but a test key.
//!
//! There are no idempotency keys here: a call that is repeated is executed again, and only
//! the shipment's own state says no.
//!
//! A call goes: secret, route, body, then the fault plan, then the shipment. The plan's
//! points are [`POINTS`]. A list counts as `carrier.get`.
//!
//! What a planned `refuse` is at each point: at `.create` the address cannot be verified
//! (422); at `.buy` the carrier refuses (422 `SHIPMENT.POSTAGE.FAILURE`); at `.refund` the
//! label cannot be refunded (422); at `.get` there is no such shipment (404). A refund that is
//! taken and refused in the end is an act, `reject-refund`.

pub mod ledger;
pub mod shipments;

mod address;
mod refusal;
mod render;
mod tell;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use self::ledger::Ledger;
use self::refusal::Refusal;
use self::shipments::{Doing, LabelRefund, Shipment};
use crate::callers::Callers;
use crate::due::Due;
use crate::faults::{Fault, Kind, Plan, Point};
use crate::gateway::KINDS;
use crate::ids::Ids;
use crate::provider::{Act, ActError, Provider};
use crate::webhooks::{Event, Queue};
use crate::wire::{Answer, Call, Delivery, Scheme, Ticket};

/// Where a call to the carrier can be made to go wrong.
pub const POINTS: &[Point] = &[
    Point { name: "carrier.create", kinds: KINDS },
    Point { name: "carrier.buy", kinds: KINDS },
    Point { name: "carrier.get", kinds: KINDS },
    Point { name: "carrier.refund", kinds: KINDS },
];

/// What happens by itself: the refund of this shipment's label becomes final.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RefundFinal(usize);

/// The carrier's model.
#[derive(Debug, Clone)]
pub struct Carrier {
    ids: Ids,
    shipments: Vec<Shipment>,
    places: BTreeMap<String, usize>,
    /// Orders whose label refunds are refused in the end.
    refunds_refused: BTreeSet<String>,
    /// Shipments with a purchase in flight.
    in_flight: BTreeSet<String>,
    due: Due<RefundFinal>,
    plan: Plan,
    callers: Callers,
    events: Queue,
}

impl Carrier {
    /// A carrier that has seen nobody; its ids come from the seed.
    pub const fn new(seed: u64) -> Self {
        Self {
            ids: Ids::new(seed),
            shipments: Vec::new(),
            places: BTreeMap::new(),
            refunds_refused: BTreeSet::new(),
            in_flight: BTreeSet::new(),
            due: Due::new(),
            plan: Plan::new(POINTS),
            callers: Callers::new(),
            events: Queue::new(),
        }
    }

    /// The book, as it stands. What is due happens only at the next call, act or
    /// [`Provider::advance`].
    pub fn ledger(&self) -> Ledger<'_> {
        Ledger { shipments: &self.shipments }
    }

    fn read(&mut self, call: &Call, at: Timestamp) -> Result<Request, Refusal> {
        self.advance(at);
        check_secret(call)?;
        let route = Route::of(call).ok_or_else(Refusal::no_route)?;
        let body = if call.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&call.body).ok().ok_or_else(Refusal::not_json)?
        };
        let order = match &route {
            Route::Create => body["shipment"]["reference"].as_str().map(str::to_owned),
            Route::Buy(id) | Route::Get(id) | Route::Refund(id) => {
                self.find(id).and_then(|found| found.order.clone())
            }
            Route::List => None,
        };
        let query = serde_urlencoded::from_str(call.query()).unwrap_or_default();
        Ok(Request { route, body, query, order, at })
    }

    fn find(&self, id: &str) -> Option<&Shipment> {
        self.places.get(id).and_then(|place| self.shipments.get(*place))
    }

    fn answer(&mut self, request: &Request, fault: Option<Kind>) -> Answer {
        match fault {
            Some(Kind::ServerError) => Refusal::server_error().into_answer(),
            Some(Kind::ServerErrorWithEffect) => {
                // Whatever came of it, nobody is told.
                let _ = self.execute(request, false);
                Refusal::server_error().into_answer()
            }
            other => match self.execute(request, other == Some(Kind::Refuse)) {
                Ok(answer) => answer,
                Err(refusal) => refusal.into_answer(),
            },
        }
    }

    fn execute(&mut self, request: &Request, refuse: bool) -> Result<Answer, Refusal> {
        let doing = Doing { at: request.at, refuse };
        match &request.route {
            Route::Create => self.create_shipment(&request.body, doing),
            Route::Buy(id) => self.buy(id, &request.body, doing),
            Route::Refund(id) => self.refund(id, doing),
            Route::Get(_) | Route::List if refuse => Err(Refusal::not_found()),
            Route::Get(id) => self.get(id),
            Route::List => self.list(&request.query, request.at),
        }
    }

    /// What reaches the client when `fault` meets its call.
    fn deliver(&mut self, request: &Request, fault: Option<&Fault>) -> Delivery {
        let kind = fault.map(|fault| fault.kind);
        match kind {
            Some(Kind::Down) => return Delivery::Refused,
            Some(Kind::Hang) => return Delivery::Hang(self.hold(request)),
            Some(Kind::TooMany) => return Delivery::Answer(Refusal::rate_limited().into_answer()),
            _ => {}
        }
        let answer = self.answer(request, kind);
        match kind {
            Some(Kind::Late) => {
                let delay_ms = fault.and_then(|fault| fault.delay_ms).unwrap_or(0);
                Delivery::Late { answer, delay_ms, ticket: self.hold(request) }
            }
            Some(Kind::DropAnswer) => Delivery::Dropped,
            Some(Kind::Kill) => Delivery::Killed { order: request.order.clone() },
            Some(Kind::Garbage) => Delivery::Answer(Answer::garbage()),
            _ => Delivery::Answer(answer),
        }
    }

    /// Only a purchase in flight is noticed by others.
    fn hold(&mut self, request: &Request) -> Ticket {
        let Route::Buy(id) = &request.route else { return Ticket(None) };
        self.in_flight.insert(id.clone());
        Ticket(Some(id.clone()))
    }

    fn shipments_of(&self, order: &str, fits: impl Fn(&Shipment) -> bool) -> Vec<usize> {
        let of = |shipment: &Shipment| shipment.order.as_deref() == Some(order) && fits(shipment);
        (0..self.shipments.len()).filter(|place| of(&self.shipments[*place])).collect()
    }
}

impl Provider for Carrier {
    fn name(&self) -> &'static str {
        "carrier"
    }

    fn handle(&mut self, call: &Call, at: Timestamp) -> Answer {
        match self.read(call, at) {
            Ok(request) => self.answer(&request, None),
            Err(refusal) => refusal.into_answer(),
        }
    }

    fn receive(&mut self, call: &Call, at: Timestamp) -> Delivery {
        let request = match self.read(call, at) {
            Ok(request) => request,
            Err(refusal) => return Delivery::Answer(refusal.into_answer()),
        };
        self.callers.count(request.order.as_deref(), call);
        let fault = self.plan.decide(request.route.point(), request.order.as_deref());
        self.deliver(&request, fault.as_ref())
    }

    fn release(&mut self, ticket: &Ticket) {
        if let Some(id) = &ticket.0 {
            self.in_flight.remove(id);
        }
    }

    fn in_flight(&self) -> Vec<Ticket> {
        self.in_flight.iter().map(|id| Ticket(Some(id.clone()))).collect()
    }

    fn advance(&mut self, at: Timestamp) {
        while let Some((when, RefundFinal(place))) = self.due.take(at) {
            self.end_refund(place, when);
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.due.next()
    }

    fn act(&mut self, act: &Act, at: Timestamp) -> Result<(), ActError> {
        self.advance(at);
        let submitted = |shipment: &Shipment| shipment.refund == Some(LabelRefund::Submitted);
        let nothing =
            |order: &str, missing| Err(ActError::Nothing { order: order.to_owned(), missing });
        match act {
            Act::RejectRefund { order } => {
                self.refunds_refused.insert(order.clone());
                for place in self.shipments_of(order, submitted) {
                    self.end_refund(place, at);
                }
            }
            Act::SettleRefund { order } => {
                let places = self.shipments_of(order, submitted);
                if places.is_empty() {
                    return nothing(order, "no label refund submitted");
                }
                for place in places {
                    self.end_refund(place, at);
                }
            }
            Act::Track { order, status } => {
                let places = self.shipments_of(order, |shipment| shipment.label.is_some());
                let Some(place) = places.last() else { return nothing(order, "no label") };
                self.track(*place, status, at)?;
            }
            Act::Lapse { .. } | Act::FailRefund { .. } | Act::Dispute { .. } => {
                return Err(ActError::NotHere("carrier"));
            }
        }
        Ok(())
    }

    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn plan_mut(&mut self) -> &mut Plan {
        &mut self.plan
    }

    fn calls_by_key(&self, order: &str) -> BTreeMap<String, u64> {
        self.callers.of(order)
    }

    fn ledger_json(&self, order: Option<&str>) -> Value {
        self.ledger().to_json(order)
    }

    fn take_events(&mut self) -> Vec<Event> {
        self.events.take()
    }
}

/// A call that was read and found in order.
struct Request {
    route: Route,
    body: Value,
    query: Vec<(String, String)>,
    order: Option<String>,
    at: Timestamp,
}

/// Where a call goes.
enum Route {
    Create,
    List,
    Get(String),
    Buy(String),
    Refund(String),
}

impl Route {
    fn of(call: &Call) -> Option<Self> {
        let path: Vec<&str> = call.path().trim_start_matches('/').split('/').collect();
        Some(match (call.method.as_str(), path.as_slice()) {
            ("POST", ["v2", "shipments"]) => Self::Create,
            ("GET", ["v2", "shipments"]) => Self::List,
            ("GET", ["v2", "shipments", id]) => Self::Get((*id).to_owned()),
            ("POST", ["v2", "shipments", id, "buy"]) => Self::Buy((*id).to_owned()),
            ("POST", ["v2", "shipments", id, "refund"]) => Self::Refund((*id).to_owned()),
            _ => return None,
        })
    }

    const fn point(&self) -> &'static str {
        match self {
            Self::Create => "carrier.create",
            Self::Buy(_) => "carrier.buy",
            Self::Refund(_) => "carrier.refund",
            Self::Get(_) | Self::List => "carrier.get",
        }
    }
}

/// The key is the user name of Basic authentication, and must look like a test key.
fn check_secret(call: &Call) -> Result<(), Refusal> {
    let secret = call.secret().filter(|secret| secret.scheme == Scheme::Basic);
    let fits = secret.is_some_and(|secret| {
        let rest = ["EZTK", "EZTEST"].iter().find_map(|prefix| secret.text.strip_prefix(prefix));
        rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
    });
    if fits { Ok(()) } else { Err(Refusal::bad_key()) }
}
