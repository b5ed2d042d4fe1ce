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
//! points are [`FAULT_POINTS`]. A list counts as `carrier.get`.
//!
//! What a planned `refuse` is at each point: at `.create` the address cannot be verified
//! (422); at `.buy` the carrier refuses (422 `SHIPMENT.POSTAGE.FAILURE`); at `.refund` the
//! label cannot be refunded (422); at `.get` there is no such shipment (404). A refund that is
//! taken and refused in the end is an act, `reject-refund`.

pub mod history;
pub mod ledger;
pub mod shipments;

mod address;
mod error;
mod render;
mod webhook_events;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use self::error::ApiError;
use self::ledger::Ledger;
use self::shipments::{CallContext, LabelRefundStatus, Shipment};
use crate::callers::CallCounts;
use crate::emulator::{ControlAction, ControlActionError, Emulator};
use crate::exchange::{HttpRequest, HttpResponse, InFlightCall, NetworkOutcome, Scheme};
use crate::faults::{Fault, FaultKind, FaultPlan, FaultPoint};
use crate::ids::Ids;
use crate::schedule::Schedule;
use crate::stripe::KINDS;
use crate::webhooks::{EventQueue, WebhookEvent};

/// Where a call to the carrier can be made to go wrong.
pub const FAULT_POINTS: &[FaultPoint] = &[
    FaultPoint { name: "carrier.create", kinds: KINDS },
    FaultPoint { name: "carrier.buy", kinds: KINDS },
    FaultPoint { name: "carrier.get", kinds: KINDS },
    FaultPoint { name: "carrier.refund", kinds: KINDS },
];

/// What happens by itself: the refund of this shipment's label becomes final.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RefundFinal(usize);

/// The carrier's model.
#[derive(Debug, Clone)]
pub struct EasyPostEmulator {
    ids: Ids,
    shipments: Vec<Shipment>,
    index_by_id: BTreeMap<String, usize>,
    /// Orders whose label refunds are refused in the end.
    rejected_refunds: BTreeSet<String>,
    /// Shipments with a purchase in flight.
    in_flight: BTreeSet<String>,
    schedule: Schedule<RefundFinal>,
    plan: FaultPlan,
    callers: CallCounts,
    events: EventQueue,
}

impl EasyPostEmulator {
    /// A carrier that has seen nobody; its ids come from the seed.
    pub const fn new(seed: u64) -> Self {
        Self {
            ids: Ids::new(seed),
            shipments: Vec::new(),
            index_by_id: BTreeMap::new(),
            rejected_refunds: BTreeSet::new(),
            in_flight: BTreeSet::new(),
            schedule: Schedule::new(),
            plan: FaultPlan::new(FAULT_POINTS),
            callers: CallCounts::new(),
            events: EventQueue::new(),
        }
    }

    /// The book, as it stands. What is due happens only at the next call, act or
    /// [`Emulator::advance_to`].
    pub fn ledger(&self) -> Ledger<'_> {
        Ledger { shipments: &self.shipments }
    }

    fn read(&mut self, call: &HttpRequest, at: Timestamp) -> Result<Request, ApiError> {
        self.advance_to(at);
        check_secret(call)?;
        let route = Route::of(call).ok_or_else(ApiError::no_route)?;
        let body = if call.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&call.body).ok().ok_or_else(ApiError::not_json)?
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
        self.index_by_id.get(id).and_then(|index| self.shipments.get(*index))
    }

    fn answer(&mut self, request: &Request, fault: Option<FaultKind>) -> HttpResponse {
        match fault {
            Some(FaultKind::ServerError) => ApiError::server_error().into_response(),
            Some(FaultKind::ServerErrorAfterEffect) => {
                // Whatever came of it, nobody is told.
                let _ = self.execute(request, false);
                ApiError::server_error().into_response()
            }
            other => match self.execute(request, other == Some(FaultKind::Reject)) {
                Ok(answer) => answer,
                Err(error) => error.into_response(),
            },
        }
    }

    fn execute(&mut self, request: &Request, reject: bool) -> Result<HttpResponse, ApiError> {
        let context = CallContext { at: request.at, reject };
        match &request.route {
            Route::Create => self.create_shipment(&request.body, context),
            Route::Buy(id) => self.buy(id, &request.body, context),
            Route::Refund(id) => self.refund(id, context),
            Route::Get(_) | Route::List if reject => Err(ApiError::not_found()),
            Route::Get(id) => self.get(id),
            Route::List => self.list(&request.query, request.at),
        }
    }

    /// What reaches the client when `fault` meets its call.
    fn deliver(&mut self, request: &Request, fault: Option<&Fault>) -> NetworkOutcome {
        let kind = fault.map(|fault| fault.kind);
        match kind {
            Some(FaultKind::ConnectionRefused) => return NetworkOutcome::ConnectionRefused,
            Some(FaultKind::Hang) => return NetworkOutcome::Hang(self.mark_in_flight(request)),
            Some(FaultKind::TooManyRequests) => {
                return NetworkOutcome::Response(ApiError::rate_limited().into_response());
            }
            _ => {}
        }
        let answer = self.answer(request, kind);
        match kind {
            Some(FaultKind::Delay) => {
                let delay_ms = fault.and_then(|fault| fault.delay_ms).unwrap_or(0);
                NetworkOutcome::Delayed {
                    response: answer,
                    delay_ms,
                    in_flight: self.mark_in_flight(request),
                }
            }
            Some(FaultKind::DropResponse) => NetworkOutcome::ConnectionClosed,
            Some(FaultKind::Kill) => NetworkOutcome::CallerKilled { order: request.order.clone() },
            Some(FaultKind::MalformedResponse) => {
                NetworkOutcome::Response(HttpResponse::malformed())
            }
            _ => NetworkOutcome::Response(answer),
        }
    }

    /// Only a purchase in flight is noticed by others.
    fn mark_in_flight(&mut self, request: &Request) -> InFlightCall {
        let Route::Buy(id) = &request.route else { return InFlightCall(None) };
        self.in_flight.insert(id.clone());
        InFlightCall(Some(id.clone()))
    }

    fn shipments_of(&self, order: &str, matches_filter: impl Fn(&Shipment) -> bool) -> Vec<usize> {
        let of = |shipment: &Shipment| {
            shipment.order.as_deref() == Some(order) && matches_filter(shipment)
        };
        (0..self.shipments.len()).filter(|index| of(&self.shipments[*index])).collect()
    }
}

impl Emulator for EasyPostEmulator {
    fn name(&self) -> &'static str {
        "carrier"
    }

    fn handle(&mut self, call: &HttpRequest, at: Timestamp) -> HttpResponse {
        match self.read(call, at) {
            Ok(request) => self.answer(&request, None),
            Err(error) => error.into_response(),
        }
    }

    fn handle_with_faults(&mut self, call: &HttpRequest, at: Timestamp) -> NetworkOutcome {
        let request = match self.read(call, at) {
            Ok(request) => request,
            Err(error) => return NetworkOutcome::Response(error.into_response()),
        };
        self.callers.count(request.order.as_deref(), call);
        let fault = self.plan.next_fault(request.route.point(), request.order.as_deref());
        self.deliver(&request, fault.as_ref())
    }

    fn release(&mut self, in_flight: &InFlightCall) {
        if let Some(id) = &in_flight.0 {
            self.in_flight.remove(id);
        }
    }

    fn in_flight(&self) -> Vec<InFlightCall> {
        self.in_flight.iter().map(|id| InFlightCall(Some(id.clone()))).collect()
    }

    fn advance_to(&mut self, at: Timestamp) {
        while let Some((when, RefundFinal(index))) = self.schedule.pop_due(at) {
            self.finalize_refund(index, when);
        }
    }

    fn next_scheduled(&self) -> Option<Timestamp> {
        self.schedule.next_at()
    }

    fn perform(&mut self, act: &ControlAction, at: Timestamp) -> Result<(), ControlActionError> {
        self.advance_to(at);
        let submitted = |shipment: &Shipment| shipment.refund == Some(LabelRefundStatus::Submitted);
        let nothing = |order: &str, missing| {
            Err(ControlActionError::NotApplicable { order: order.to_owned(), missing })
        };
        match act {
            ControlAction::RejectRefund { order } => {
                self.rejected_refunds.insert(order.clone());
                for index in self.shipments_of(order, submitted) {
                    self.finalize_refund(index, at);
                }
            }
            ControlAction::CompleteRefund { order } => {
                let index_by_id = self.shipments_of(order, submitted);
                if index_by_id.is_empty() {
                    return nothing(order, "no label refund submitted");
                }
                for index in index_by_id {
                    self.finalize_refund(index, at);
                }
            }
            ControlAction::UpdateTracker { order, status } => {
                let index_by_id = self.shipments_of(order, |shipment| shipment.label.is_some());
                let Some(index) = index_by_id.last() else { return nothing(order, "no label") };
                self.track(*index, status, at)?;
            }
            ControlAction::ExpireAuthorization { .. }
            | ControlAction::FailRefund { .. }
            | ControlAction::Dispute { .. } => {
                return Err(ControlActionError::UnsupportedByProvider("carrier"));
            }
        }
        Ok(())
    }

    fn fault_plan(&self) -> &FaultPlan {
        &self.plan
    }

    fn fault_plan_mut(&mut self) -> &mut FaultPlan {
        &mut self.plan
    }

    fn calls_by_api_key(&self, order: &str) -> BTreeMap<String, u64> {
        self.callers.of(order)
    }

    fn ledger_json(&self, order: Option<&str>) -> Value {
        self.ledger().to_json(order)
    }

    fn take_events(&mut self) -> Vec<WebhookEvent> {
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
    fn of(call: &HttpRequest) -> Option<Self> {
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
fn check_secret(call: &HttpRequest) -> Result<(), ApiError> {
    let secret = call.secret().filter(|secret| secret.scheme == Scheme::Basic);
    let matches_filter = secret.is_some_and(|secret| {
        let rest = ["EZTK", "EZTEST"].iter().find_map(|prefix| secret.text.strip_prefix(prefix));
        rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
    });
    if matches_filter { Ok(()) } else { Err(ApiError::bad_key()) }
}
