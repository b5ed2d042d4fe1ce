//! The gateway: Stripe's `PaymentIntents` and refunds as a small state machine.
//!
//! Pinned to `Stripe-Version: 2026-10-28.endive`. It promises what Stripe documents and the
//! product leans on:
//! - the states of an intent, and that confirm, capture and cancel each happen once
//!   ([`intents`]);
//! - idempotency keys: the first result, a 500 included, again for a day, other parameters a
//!   mistake, a call in flight a conflict; what failed validation, 429 and 409 are not kept
//!   (`keys`);
//! - refunds that never exceed the capture ([`refunds`]);
//! - test cards by token (`cards`), and no key but a test key.
//!
//! A call goes: secret, version, route, parameters, then the fault plan, then the key, then
//! the object. The plan's points are [`FAULT_POINTS`]. A list, and a look at a refund, count as
//! `gateway.get`.
//!
//! What a planned `refuse` is at each point: at `.create` and `.confirm` the card is declined
//! (402); at `.capture` the hold has lapsed just now (400, the intent `canceled`); at
//! `.cancel` the account may not (400); at `.refund` the balance does not suffice (400); at
//! `.get` there is no such object (404). Where the object's state refuses anyway, that
//! answer is given.

pub mod history;
pub mod ledger;
pub mod payment_intents;
pub mod refunds;

mod cards;
mod error;
mod idempotency;
mod lists;
mod params;
mod render;
mod request;
mod webhook_events;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use self::error::ApiError;
use self::idempotency::{KeyState, Keys, RequestFingerprint};
use self::ledger::Ledger;
use self::params::Params;
use self::payment_intents::{CallContext, Intent, IntentStatus};
use self::refunds::{Refund, RefundStatus};
use crate::callers::CallCounts;
use crate::emulator::{ControlAction, ControlActionError, Emulator};
use crate::exchange::{HttpRequest, HttpResponse, InFlightCall, NetworkOutcome};
use crate::faults::{Fault, FaultKind, FaultPlan, FaultPoint};
use crate::ids::Ids;
use crate::schedule::Schedule;
use crate::webhooks::{EventQueue, WebhookEvent};

/// The version of the API that this is.
pub const API_VERSION: &str = "2026-10-28.endive";

/// The kinds of fault that a provider's point can meet.
pub(crate) const KINDS: &[FaultKind] = &[
    FaultKind::Reject,
    FaultKind::ConnectionRefused,
    FaultKind::Hang,
    FaultKind::Delay,
    FaultKind::DropResponse,
    FaultKind::TooManyRequests,
    FaultKind::ServerError,
    FaultKind::ServerErrorAfterEffect,
    FaultKind::MalformedResponse,
    FaultKind::Kill,
];

/// Where a call to the gateway can be made to go wrong.
pub const FAULT_POINTS: &[FaultPoint] = &[
    FaultPoint { name: "gateway.create", kinds: KINDS },
    FaultPoint { name: "gateway.confirm", kinds: KINDS },
    FaultPoint { name: "gateway.capture", kinds: KINDS },
    FaultPoint { name: "gateway.cancel", kinds: KINDS },
    FaultPoint { name: "gateway.refund", kinds: KINDS },
    FaultPoint { name: "gateway.get", kinds: KINDS },
];

/// The longest idempotency key.
const MAX_KEY_LENGTH: usize = 255;

/// What happens by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Timer {
    Lapse(usize),
    Approve(usize),
    Dispute(usize),
    CompleteRefund(usize),
    FailRefund(usize),
}

/// The gateway's model.
#[derive(Debug, Clone)]
pub struct StripeEmulator {
    ids: Ids,
    intents: Vec<Intent>,
    intent_index: BTreeMap<String, usize>,
    refunds: Vec<Refund>,
    refund_index: BTreeMap<String, usize>,
    /// Orders whose refunds fail.
    failing_refunds: BTreeSet<String>,
    keys: Keys,
    schedule: Schedule<Timer>,
    plan: FaultPlan,
    callers: CallCounts,
    events: EventQueue,
}

impl StripeEmulator {
    /// A gateway that has seen nobody; its ids come from the seed.
    pub const fn new(seed: u64) -> Self {
        Self {
            ids: Ids::new(seed),
            intents: Vec::new(),
            intent_index: BTreeMap::new(),
            refunds: Vec::new(),
            refund_index: BTreeMap::new(),
            failing_refunds: BTreeSet::new(),
            keys: Keys::new(),
            schedule: Schedule::new(),
            plan: FaultPlan::new(FAULT_POINTS),
            callers: CallCounts::new(),
            events: EventQueue::new(),
        }
    }

    /// The book, as it stands. What is due happens only at the next call, act or
    /// [`Emulator::advance_to`].
    pub fn ledger(&self) -> Ledger<'_> {
        Ledger { intents: &self.intents, refunds: &self.refunds }
    }

    fn read(&mut self, call: &HttpRequest, at: Timestamp) -> Result<Request, ApiError> {
        self.advance_to(at);
        check_secret(call)?;
        if let Some(version) = call.header_value("stripe-version")
            && version != API_VERSION
        {
            return Err(ApiError::invalid(&format!("Invalid Stripe API version: {version}")));
        }
        let route = Route::of(call).ok_or_else(|| ApiError::no_route(&call.method, call.path()))?;
        let params = Params::of(call)?;
        let key = call.header_value("idempotency-key").filter(|_| call.method == "POST");
        if key.is_some_and(|key| key.is_empty() || key.len() > MAX_KEY_LENGTH) {
            return Err(ApiError::invalid(&format!(
                "Idempotency-Key must be 1 to {MAX_KEY_LENGTH} characters."
            )));
        }
        let fingerprint = (call.method.clone(), call.path().to_owned(), params.sorted());
        let order = self.order_of(&route, &params);
        Ok(Request {
            id: self.ids.stripe("req"),
            route,
            params,
            key: key.map(str::to_owned),
            fingerprint,
            order,
            at,
        })
    }

    /// The order that a call is for: by the metadata, or by the object that it names.
    fn order_of(&self, route: &Route, params: &Params) -> Option<String> {
        let intent = |id: Option<&str>| {
            let index = self.intent_index.get(id?)?;
            self.intents.get(*index)?.order.clone()
        };
        match route {
            Route::Create => params
                .map("metadata")
                .into_iter()
                .find(|(key, _)| key == "order_id")
                .map(|(_, id)| id),
            Route::Get(id) | Route::Confirm(id) | Route::Capture(id) | Route::Cancel(id) => {
                intent(Some(id))
            }
            Route::Refund | Route::ListRefunds => intent(params.text("payment_intent")),
            Route::GetRefund(id) => {
                let number = self.refund_index.get(id)?;
                self.refunds.get(*number)?.order.clone()
            }
            Route::List => None,
        }
    }

    fn known(&self, request: &Request) -> KeyState {
        request
            .key
            .as_deref()
            .map_or(KeyState::New, |key| self.keys.state_of(key, &request.fingerprint))
    }

    /// Answers a call that was read: from its key, or by executing it.
    fn answer(&mut self, request: &Request, fault: Option<FaultKind>) -> HttpResponse {
        let answer = match self.known(request) {
            KeyState::New => self.execute_and_keep(request, fault),
            KeyState::Mismatch => {
                ApiError::key_mismatch(request.key.as_deref().unwrap_or("")).into_response()
            }
            KeyState::InFlight => ApiError::key_in_use().into_response(),
            KeyState::Answered(first) => {
                let original = first.header_value("request-id").unwrap_or("").to_owned();
                let again =
                    HttpResponse { headers: without(&first.headers, "request-id"), ..first };
                let again = again
                    .header("idempotent-replayed", "true")
                    .header("original-request", &original);
                return again.header("request-id", &request.id);
            }
        };
        request.stamp(answer)
    }

    fn execute_and_keep(&mut self, request: &Request, fault: Option<FaultKind>) -> HttpResponse {
        let (answer, executed) = match self.execute_with(request, fault) {
            Ok(body) => (HttpResponse::json(200, &body), true),
            Err(error) => {
                let executed = error.executed;
                (error.into_response(), executed)
            }
        };
        if let Some(key) = request.key.as_deref().filter(|_| executed) {
            self.keys.store(key, &request.fingerprint, &request.stamp(answer.clone()), request.at);
        }
        answer
    }

    fn execute_with(
        &mut self,
        request: &Request,
        fault: Option<FaultKind>,
    ) -> Result<Value, ApiError> {
        match fault {
            Some(FaultKind::ServerError) => Err(ApiError::server_error()),
            Some(FaultKind::ServerErrorAfterEffect) => {
                // Whatever came of it, nobody is told.
                let _ = self.execute(request, false);
                Err(ApiError::server_error())
            }
            other => self.execute(request, other == Some(FaultKind::Reject)),
        }
    }

    fn execute(&mut self, request: &Request, reject: bool) -> Result<Value, ApiError> {
        let context = CallContext {
            at: request.at,
            key: request.key.as_deref(),
            request: Some(&request.id),
            reject,
        };
        let params = &request.params;
        match &request.route {
            Route::Create => self.create_intent(params, context),
            Route::Confirm(id) => self.confirm_intent(id, params, context),
            Route::Capture(id) => self.capture_intent(id, params, context),
            Route::Cancel(id) => self.cancel_intent(id, params, context),
            Route::Refund => self.create_refund(params, context),
            Route::Get(id) if reject => Err(ApiError::missing(404, "intent", "payment_intent", id)),
            Route::GetRefund(id) if reject => Err(ApiError::missing(404, "id", "refund", id)),
            Route::List | Route::ListRefunds if reject => {
                Err(ApiError::missing(404, "id", "list", ""))
            }
            Route::Get(id) => self.get_intent(id, params),
            Route::GetRefund(id) => self.get_refund(id, params),
            Route::List => self.list_intents(params),
            Route::ListRefunds => self.list_refunds(params),
        }
    }

    /// What reaches the client when `fault` meets its call.
    fn deliver(&mut self, request: &Request, fault: Option<&Fault>) -> NetworkOutcome {
        let kind = fault.map(|fault| fault.kind);
        match kind {
            Some(FaultKind::ConnectionRefused) => return NetworkOutcome::ConnectionRefused,
            Some(FaultKind::Hang) => return NetworkOutcome::Hang(self.mark_in_flight(request)),
            Some(FaultKind::TooManyRequests) => {
                return NetworkOutcome::Response(
                    request.stamp(ApiError::rate_limit().into_response()),
                );
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

    fn mark_in_flight(&mut self, request: &Request) -> InFlightCall {
        if let Some(key) = &request.key {
            self.keys.mark_in_flight(key, &request.fingerprint, request.at);
        }
        InFlightCall(request.key.clone())
    }

    fn ring(&mut self, timer: Timer, at: Timestamp) {
        let context = CallContext::scheduled(at);
        match timer {
            Timer::Lapse(index) => self.lapse(index, context),
            Timer::Approve(index) => {
                self.intents[index].timer = None;
                if let Some(card) = self.intents[index].card {
                    self.approve(index, card, context);
                }
            }
            Timer::Dispute(index) => self.dispute(index, context),
            Timer::CompleteRefund(number) => self.complete_refund(number, context),
            Timer::FailRefund(number) => self.fail_refund(number, context),
        }
    }

    fn intents_in(&self, order: &str, status: IntentStatus) -> Vec<usize> {
        let matches_filter =
            |intent: &Intent| intent.order.as_deref() == Some(order) && intent.status == status;
        (0..self.intents.len()).filter(|index| matches_filter(&self.intents[*index])).collect()
    }

    fn refunds_of(&self, order: &str, matches_filter: impl Fn(&Refund) -> bool) -> Vec<usize> {
        let of = |refund: &Refund| refund.order.as_deref() == Some(order) && matches_filter(refund);
        (0..self.refunds.len()).filter(|number| of(&self.refunds[*number])).collect()
    }
}

impl Emulator for StripeEmulator {
    fn name(&self) -> &'static str {
        "gateway"
    }

    fn handle(&mut self, call: &HttpRequest, at: Timestamp) -> HttpResponse {
        match self.read(call, at) {
            Ok(request) => self.answer(&request, None),
            Err(error) => error.into_response().header("stripe-version", API_VERSION),
        }
    }

    fn handle_with_faults(&mut self, call: &HttpRequest, at: Timestamp) -> NetworkOutcome {
        let request = match self.read(call, at) {
            Ok(request) => request,
            Err(error) => {
                return NetworkOutcome::Response(
                    error.into_response().header("stripe-version", API_VERSION),
                );
            }
        };
        self.callers.count(request.order.as_deref(), call);
        // A call that its key answers is not executed, so only the wire can fail it.
        let fresh = matches!(self.known(&request), KeyState::New);
        let can_happen = |kind| {
            fresh
                || !matches!(
                    kind,
                    FaultKind::Reject | FaultKind::ServerError | FaultKind::ServerErrorAfterEffect
                )
        };
        let fault =
            self.plan.next_fault_among(request.route.point(), request.order.as_deref(), can_happen);
        self.deliver(&request, fault.as_ref())
    }

    fn release(&mut self, in_flight: &InFlightCall) {
        if let Some(key) = &in_flight.0 {
            self.keys.release(key);
        }
    }

    fn in_flight(&self) -> Vec<InFlightCall> {
        self.keys.in_flight().map(|key| InFlightCall(Some(key.to_owned()))).collect()
    }

    fn advance_to(&mut self, at: Timestamp) {
        while let Some((when, timer)) = self.schedule.pop_due(at) {
            self.ring(timer, when);
        }
        self.keys.expire(at);
    }

    fn next_scheduled(&self) -> Option<Timestamp> {
        self.schedule.next_at()
    }

    fn perform(&mut self, act: &ControlAction, at: Timestamp) -> Result<(), ControlActionError> {
        self.advance_to(at);
        let context = CallContext::scheduled(at);
        let nothing = |order: &str, missing| {
            Err(ControlActionError::NotApplicable { order: order.to_owned(), missing })
        };
        match act {
            ControlAction::ExpireAuthorization { order } => {
                match self.intents_in(order, IntentStatus::RequiresCapture).last() {
                    Some(index) => self.lapse(*index, context),
                    None => return nothing(order, "no money held"),
                }
            }
            ControlAction::Dispute { order } => {
                match self.intents_in(order, IntentStatus::Succeeded).last() {
                    Some(index) => self.dispute(*index, context),
                    None => return nothing(order, "nothing captured"),
                }
            }
            ControlAction::FailRefund { order } => {
                self.failing_refunds.insert(order.clone());
                for number in self.refunds_of(order, |refund| refund.status != RefundStatus::Failed)
                {
                    self.fail_refund(number, context);
                }
            }
            ControlAction::CompleteRefund { order } => {
                let pending =
                    self.refunds_of(order, |refund| refund.status == RefundStatus::Pending);
                if pending.is_empty() {
                    return nothing(order, "no refund pending");
                }
                for number in pending {
                    self.complete_refund(number, context);
                }
            }
            ControlAction::RejectRefund { .. } | ControlAction::UpdateTracker { .. } => {
                return Err(ControlActionError::UnsupportedByProvider("gateway"));
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
    id: String,
    route: Route,
    params: Params,
    key: Option<String>,
    fingerprint: RequestFingerprint,
    order: Option<String>,
    at: Timestamp,
}

impl Request {
    /// Puts on an answer what every answer carries.
    fn stamp(&self, answer: HttpResponse) -> HttpResponse {
        let answer = answer.header("request-id", &self.id).header("stripe-version", API_VERSION);
        match &self.key {
            Some(key) => answer.header("idempotency-key", key),
            None => answer,
        }
    }
}

/// Where a call goes.
enum Route {
    Create,
    List,
    Get(String),
    Confirm(String),
    Capture(String),
    Cancel(String),
    Refund,
    ListRefunds,
    GetRefund(String),
}

impl Route {
    fn of(call: &HttpRequest) -> Option<Self> {
        let path: Vec<&str> = call.path().trim_start_matches('/').split('/').collect();
        Some(match (call.method.as_str(), path.as_slice()) {
            ("POST", ["v1", "payment_intents"]) => Self::Create,
            ("GET", ["v1", "payment_intents"]) => Self::List,
            // Search is not read-after-write and nothing may lean on it, so it is not here.
            ("GET", ["v1", "payment_intents", "search"]) => return None,
            ("GET", ["v1", "payment_intents", id]) => Self::Get((*id).to_owned()),
            ("POST", ["v1", "payment_intents", id, "confirm"]) => Self::Confirm((*id).to_owned()),
            ("POST", ["v1", "payment_intents", id, "capture"]) => Self::Capture((*id).to_owned()),
            ("POST", ["v1", "payment_intents", id, "cancel"]) => Self::Cancel((*id).to_owned()),
            ("POST", ["v1", "refunds"]) => Self::Refund,
            ("GET", ["v1", "refunds"]) => Self::ListRefunds,
            ("GET", ["v1", "refunds", id]) => Self::GetRefund((*id).to_owned()),
            _ => return None,
        })
    }

    const fn point(&self) -> &'static str {
        match self {
            Self::Create => "gateway.create",
            Self::Confirm(_) => "gateway.confirm",
            Self::Capture(_) => "gateway.capture",
            Self::Cancel(_) => "gateway.cancel",
            Self::Refund => "gateway.refund",
            Self::Get(_) | Self::List | Self::ListRefunds | Self::GetRefund(_) => "gateway.get",
        }
    }
}

fn check_secret(call: &HttpRequest) -> Result<(), ApiError> {
    let Some(secret) = call.secret() else {
        let message = "You did not provide an API key. You need to provide your API key in the Authorization header.";
        return Err(ApiError::bad_key(message));
    };
    let rest = ["sk_test_", "rk_test_"].iter().find_map(|prefix| secret.text.strip_prefix(prefix));
    let matches_filter = rest.is_some_and(|rest| {
        !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    });
    if matches_filter {
        return Ok(());
    }
    // Nothing of a secret that may be a real one is repeated.
    Err(ApiError::bad_key(
        "Invalid API Key provided: a test key is needed here, sk_test_**** or rk_test_****",
    ))
}

fn without(headers: &[(String, String)], name: &str) -> Vec<(String, String)> {
    headers.iter().filter(|(known, _)| known != name).cloned().collect()
}
