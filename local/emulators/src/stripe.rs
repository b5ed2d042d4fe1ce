//! Stripe: PaymentIntents and refunds as a small state machine.
//!
//! Pinned to `Stripe-Version: 2026-10-28.endive`. It keeps the documented rules that the
//! product relies on:
//! - the states of a PaymentIntent; confirm, capture and cancel each succeed once
//!   ([`payment_intents`]);
//! - idempotency keys: the first result of a key, a 500 included, is replayed for a day;
//!   other parameters are an error; a call in flight is a conflict; failed validation, 429
//!   and 409 are not stored (`idempotency`);
//! - refunds never exceed the captured amount ([`refunds`]);
//! - test cards by token (`cards`), test customers by id (`customers`), and test API keys only.
//!
//! A call passes these checks in order: API key, version, route, parameters, fault plan,
//! idempotency key, state of the object. [`FAULT_POINTS`] lists the fault points. Lists, and
//! reads of a refund or a customer, count as `gateway.get`.
//!
//! A planned `refuse` means, at each point:
//! - `.create` and `.confirm`: the card is declined (402);
//! - `.capture`: the authorization expires at that moment (400, the intent is `canceled`);
//! - `.cancel`: the account may not cancel (400);
//! - `.refund`: the balance is insufficient (400);
//! - `.get`: the object does not exist (404).
//!
//! If the state of the object rejects the call anyway, the client gets that response.

pub mod history;
pub mod ledger;
pub mod payment_intents;
pub mod refunds;

mod api_call;
mod cards;
mod customers;
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

pub use self::api_call::API_VERSION;
use self::api_call::{ApiCall, Route, check_api_key, check_api_version, idempotency_key};
pub use self::cards::{TestCard, test_cards};
use self::customers::Customers;
use self::error::ApiError;
use self::idempotency::{IdempotencyKeys, KeyState};
use self::ledger::Ledger;
use self::params::Params;
use self::payment_intents::{CallContext, Intent, IntentStatus};
use self::refunds::{Refund, RefundStatus};
use crate::callers::CallCounts;
use crate::emulator::{ControlAction, ControlActionError, Emulator};
use crate::exchange::{HttpRequest, HttpResponse, InFlightCall, NetworkOutcome};
use crate::fault_delivery::{
    self, FaultTarget, PROVIDER_FAULT_KINDS, WEBHOOK_FAULT_KINDS, provider_fault_kinds_and,
};
use crate::faults::{FaultKind, FaultPlan, FaultPoint};
use crate::ids::Ids;
use crate::rate_limit::RateLimit;
use crate::schedule::Schedule;
use crate::webhooks::{EventQueue, WebhookEvent};

/// The point at which a webhook event is lost or repeated.
pub(crate) const WEBHOOK_POINT: &str = "gateway.webhook";

/// What can happen to a call that changes something and is looked up afterwards.
const CHANGE_FAULT_KINDS: &[FaultKind] = &provider_fault_kinds_and(FaultKind::LateEffect);

/// The fault points of the Stripe emulator.
pub const FAULT_POINTS: &[FaultPoint] = &[
    FaultPoint { name: "gateway.create", kinds: PROVIDER_FAULT_KINDS },
    FaultPoint { name: "gateway.confirm", kinds: CHANGE_FAULT_KINDS },
    FaultPoint { name: "gateway.capture", kinds: CHANGE_FAULT_KINDS },
    FaultPoint { name: "gateway.cancel", kinds: CHANGE_FAULT_KINDS },
    FaultPoint { name: "gateway.refund", kinds: CHANGE_FAULT_KINDS },
    FaultPoint { name: "gateway.get", kinds: PROVIDER_FAULT_KINDS },
    FaultPoint { name: WEBHOOK_POINT, kinds: WEBHOOK_FAULT_KINDS },
];

/// A state change that no API call triggers. Each holds the index of its intent or refund.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Timer {
    ExpireAuthorization(usize),
    Approve(usize),
    Dispute(usize),
    CompleteRefund(usize),
    FailRefund(usize),
}

/// The Stripe emulator.
#[derive(Debug, Clone)]
pub struct StripeEmulator {
    ids: Ids,
    intents: Vec<Intent>,
    intents_by_id: BTreeMap<String, usize>,
    refunds: Vec<Refund>,
    refunds_by_id: BTreeMap<String, usize>,
    customers: Customers,
    /// Orders whose refunds fail.
    failing_refunds: BTreeSet<String>,
    revoked_keys: BTreeSet<String>,
    read_limit: RateLimit,
    write_limit: RateLimit,
    idempotency_keys: IdempotencyKeys,
    /// Calls whose effect happens after the next look-up of their order.
    late_calls: Vec<ApiCall>,
    schedule: Schedule<Timer>,
    plan: FaultPlan,
    call_counts: CallCounts,
    events: EventQueue,
}

impl StripeEmulator {
    /// An emulator without any objects. It derives its ids from `seed`.
    pub const fn new(seed: u64) -> Self {
        Self {
            ids: Ids::new(seed),
            intents: Vec::new(),
            intents_by_id: BTreeMap::new(),
            refunds: Vec::new(),
            refunds_by_id: BTreeMap::new(),
            customers: Customers::new(),
            failing_refunds: BTreeSet::new(),
            revoked_keys: BTreeSet::new(),
            read_limit: RateLimit::none(),
            write_limit: RateLimit::none(),
            idempotency_keys: IdempotencyKeys::new(),
            late_calls: Vec::new(),
            schedule: Schedule::new(),
            plan: FaultPlan::new(FAULT_POINTS),
            call_counts: CallCounts::new(),
            events: EventQueue::new(),
        }
    }

    /// The current ledger. Scheduled changes appear only after the next call, action or
    /// [`Emulator::advance_to`].
    pub fn ledger(&self) -> Ledger<'_> {
        Ledger { intents: &self.intents, refunds: &self.refunds }
    }

    fn parse(&mut self, request: &HttpRequest, at: Timestamp) -> Result<ApiCall, ApiError> {
        self.advance_to(at);
        check_api_key(request)?;
        if request.api_key().is_some_and(|key| self.revoked_keys.contains(&key.text)) {
            return Err(ApiError::refused_account(401));
        }
        check_api_version(request)?;
        let route = Route::of(request)
            .ok_or_else(|| ApiError::unknown_route(&request.method, request.path()))?;
        let params = Params::parse(request)?;
        let idempotency_key = idempotency_key(request)?;
        let fingerprint = (request.method.clone(), request.path().to_owned(), params.sorted());
        let order = self.order_of(&route, &params);
        let id = self.ids.stripe("req");
        Ok(ApiCall { id, route, params, idempotency_key, fingerprint, order, at })
    }

    /// The order of a call, from the metadata or from the object that the call names.
    fn order_of(&self, route: &Route, params: &Params) -> Option<String> {
        let order_of_intent = |id: Option<&str>| {
            let index = self.intents_by_id.get(id?)?;
            self.intents.get(*index)?.order.clone()
        };
        match route {
            Route::CreateIntent => params
                .map("metadata")
                .into_iter()
                .find(|(key, _)| key == "order_id")
                .map(|(_, id)| id),
            Route::GetIntent(id)
            | Route::ConfirmIntent(id)
            | Route::CaptureIntent(id)
            | Route::CancelIntent(id) => order_of_intent(Some(id)),
            Route::CreateRefund | Route::ListRefunds => {
                order_of_intent(params.text("payment_intent"))
            }
            Route::GetRefund(id) => {
                let index = self.refunds_by_id.get(id)?;
                self.refunds.get(*index)?.order.clone()
            }
            Route::ListIntents | Route::CreateCustomer | Route::GetCustomer(_) => None,
        }
    }

    fn key_state(&self, call: &ApiCall) -> KeyState {
        call.idempotency_key
            .as_deref()
            .map_or(KeyState::New, |key| self.idempotency_keys.state_of(key, &call.fingerprint))
    }

    fn execute_and_store(&mut self, call: &ApiCall, fault: Option<FaultKind>) -> HttpResponse {
        let (response, executed) = match fault_delivery::execute(self, call, fault) {
            Ok(body) => (HttpResponse::json(200, &body), true),
            Err(error) => {
                let executed = error.executed;
                (error.into_response(), executed)
            }
        };
        let response = call.with_standard_headers(response);
        if let Some(key) = call.idempotency_key.as_deref().filter(|_| executed) {
            self.idempotency_keys.store(key, &call.fingerprint, &response, call.at);
        }
        response
    }

    /// Loses the response of a call, and puts off its effect.
    fn put_off(&mut self, call: ApiCall) -> NetworkOutcome {
        self.mark_in_flight(&call);
        self.late_calls.push(call);
        NetworkOutcome::ConnectionClosed
    }

    /// Executes the calls of this order that were put off.
    fn execute_late_calls(&mut self, order: Option<&str>) {
        let calls = std::mem::take(&mut self.late_calls);
        let (due, later) = calls.into_iter().partition(|call| call.order.as_deref() == order);
        self.late_calls = later;
        let due: Vec<ApiCall> = due;
        for call in due {
            self.execute_and_store(&call, None);
            if let Some(key) = &call.idempotency_key {
                self.idempotency_keys.release(key);
            }
        }
    }

    fn fire(&mut self, timer: Timer, at: Timestamp) {
        let context = CallContext::scheduled(at);
        match timer {
            Timer::ExpireAuthorization(intent) => self.expire_authorization(intent, context),
            Timer::Approve(intent) => {
                self.intents[intent].timer = None;
                if let Some(card) = self.intents[intent].card {
                    self.approve(intent, card, context);
                }
            }
            Timer::Dispute(intent) => self.dispute(intent, context),
            Timer::CompleteRefund(refund) => self.complete_refund(refund, context),
            Timer::FailRefund(refund) => self.fail_refund(refund, context),
        }
    }

    fn last_intent_in(&self, order: &str, status: IntentStatus) -> Option<usize> {
        self.intents
            .iter()
            .rposition(|intent| intent.order.as_deref() == Some(order) && intent.status == status)
    }

    fn refunds_of(&self, order: &str, selects: impl Fn(RefundStatus) -> bool) -> Vec<usize> {
        let selected =
            |refund: &Refund| refund.order.as_deref() == Some(order) && selects(refund.status);
        (0..self.refunds.len()).filter(|index| selected(&self.refunds[*index])).collect()
    }
}

impl FaultTarget for StripeEmulator {
    type Call = ApiCall;
    type Output = Value;
    type Error = ApiError;

    fn order(call: &ApiCall) -> Option<&str> {
        call.order.as_deref()
    }

    fn execute(&mut self, call: &ApiCall, reject: bool) -> Result<Value, ApiError> {
        let context = CallContext {
            at: call.at,
            idempotency_key: call.idempotency_key.as_deref(),
            request_id: Some(&call.id),
            reject,
        };
        let params = &call.params;
        match &call.route {
            Route::CreateIntent => self.create_intent(params, context),
            Route::ConfirmIntent(id) => self.confirm_intent(id, params, context),
            Route::CaptureIntent(id) => self.capture_intent(id, params, context),
            Route::CancelIntent(id) => self.cancel_intent(id, params, context),
            Route::CreateRefund => self.create_refund(params, context),
            Route::GetIntent(id) if reject => {
                Err(ApiError::missing(404, "intent", "payment_intent", id))
            }
            Route::CreateCustomer => self.create_customer(params, context),
            Route::GetCustomer(id) if reject => Err(ApiError::missing(404, "id", "customer", id)),
            Route::GetCustomer(id) => self.get_customer(id),
            Route::GetRefund(id) if reject => Err(ApiError::missing(404, "id", "refund", id)),
            Route::ListIntents | Route::ListRefunds if reject => {
                Err(ApiError::missing(404, "id", "list", ""))
            }
            Route::GetIntent(id) => self.get_intent(id, params),
            Route::GetRefund(id) => self.get_refund(id, params),
            Route::ListIntents => self.list_intents(params),
            Route::ListRefunds => self.list_refunds(params),
        }
    }

    /// Replays the response of the call's idempotency key, or executes the call.
    fn respond(&mut self, call: &ApiCall, fault: Option<FaultKind>) -> HttpResponse {
        match self.key_state(call) {
            KeyState::New => self.execute_and_store(call, fault),
            KeyState::Mismatch => {
                let key = call.idempotency_key.as_deref().unwrap_or("");
                call.with_standard_headers(ApiError::key_mismatch(key).into_response())
            }
            KeyState::InFlight => {
                call.with_standard_headers(ApiError::key_in_use().into_response())
            }
            KeyState::Executed(first) => replayed(first, &call.id),
        }
    }

    fn rate_limited(call: &ApiCall) -> HttpResponse {
        call.with_standard_headers(ApiError::rate_limit().into_response())
    }

    fn refused_account(call: &ApiCall, status: u16) -> HttpResponse {
        call.with_standard_headers(ApiError::refused_account(status).into_response())
    }

    fn server_error() -> ApiError {
        ApiError::server_error()
    }

    fn mark_in_flight(&mut self, call: &ApiCall) -> InFlightCall {
        if let Some(key) = &call.idempotency_key {
            self.idempotency_keys.mark_in_flight(key, &call.fingerprint, call.at);
        }
        InFlightCall(call.idempotency_key.clone())
    }
}

impl Emulator for StripeEmulator {
    fn name(&self) -> &'static str {
        "gateway"
    }

    fn handle(&mut self, request: &HttpRequest, at: Timestamp) -> HttpResponse {
        match self.parse(request, at) {
            Ok(call) => self.respond(&call, None),
            Err(error) => error.into_response().header("stripe-version", API_VERSION),
        }
    }

    fn handle_with_faults(&mut self, request: &HttpRequest, at: Timestamp) -> NetworkOutcome {
        let call = match self.parse(request, at) {
            Ok(call) => call,
            Err(error) => {
                return NetworkOutcome::Response(
                    error.into_response().header("stripe-version", API_VERSION),
                );
            }
        };
        self.call_counts.count(call.order.as_deref(), request);
        let is_read = request.method == "GET";
        let limit = if is_read { &mut self.read_limit } else { &mut self.write_limit };
        if !limit.admits(at) {
            let limited = Self::rate_limited(&call);
            let limited = limited.header("stripe-rate-limited-reason", "global-rate");
            return NetworkOutcome::Response(limited);
        }
        // Stripe does not execute a replayed call, so only a network fault can happen to it.
        let is_new = matches!(self.key_state(&call), KeyState::New);
        let can_happen = |kind| {
            is_new
                || !matches!(
                    kind,
                    FaultKind::Reject
                        | FaultKind::ServerError
                        | FaultKind::ServerErrorAfterEffect
                        | FaultKind::LateEffect
                )
        };
        let point = call.route.fault_point();
        let fault = self.plan.next_fault_among(point, call.order.as_deref(), can_happen);
        if fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::LateEffect) {
            return self.put_off(call);
        }
        let outcome = fault_delivery::deliver(self, &call, fault.as_ref());
        if call.route.is_look_up() {
            self.execute_late_calls(call.order.as_deref());
        }
        outcome
    }

    fn release(&mut self, in_flight: &InFlightCall) {
        if let Some(key) = &in_flight.0 {
            self.idempotency_keys.release(key);
        }
    }

    fn in_flight(&self) -> Vec<InFlightCall> {
        let keys = self.idempotency_keys.in_flight();
        keys.map(|key| InFlightCall(Some(key.to_owned()))).collect()
    }

    fn advance_to(&mut self, at: Timestamp) {
        while let Some((due_at, timer)) = self.schedule.pop_due(at) {
            self.fire(timer, due_at);
        }
        self.idempotency_keys.expire(at);
    }

    fn next_scheduled(&self) -> Option<Timestamp> {
        self.schedule.next_at()
    }

    fn perform(&mut self, action: &ControlAction, at: Timestamp) -> Result<(), ControlActionError> {
        self.advance_to(at);
        let context = CallContext::scheduled(at);
        match action {
            ControlAction::RevokeKey { key } => {
                self.revoked_keys.insert(key.clone());
            }
            ControlAction::LimitRate { per_second } => {
                self.read_limit.set(*per_second);
                self.write_limit.set(*per_second);
            }
            ControlAction::ExpireAuthorization { order } => {
                let intent = self
                    .last_intent_in(order, IntentStatus::RequiresCapture)
                    .ok_or_else(|| ControlActionError::not_applicable(order, "no money held"))?;
                self.expire_authorization(intent, context);
            }
            ControlAction::Dispute { order } => {
                let intent =
                    self.last_intent_in(order, IntentStatus::Succeeded).ok_or_else(|| {
                        ControlActionError::not_applicable(order, "no captured charge")
                    })?;
                self.dispute(intent, context);
            }
            ControlAction::CapturePart { order, amount } => {
                let held = |index: &usize| (1..=self.intents[*index].amount).contains(amount);
                let intent = self
                    .last_intent_in(order, IntentStatus::RequiresCapture)
                    .filter(held)
                    .ok_or_else(|| ControlActionError::not_applicable(order, "no such hold"))?;
                self.capture_amount(intent, *amount, context);
            }
            ControlAction::RefundCharge { order } => {
                let missing = || ControlActionError::not_applicable(order, "nothing to refund");
                let intent =
                    self.last_intent_in(order, IntentStatus::Succeeded).ok_or_else(missing)?;
                let refund = self.refund_of_rest(intent, context).ok_or_else(missing)?;
                self.add_refund(refund, intent, context);
            }
            ControlAction::FailRefund { order } => {
                self.failing_refunds.insert(order.clone());
                for refund in self.refunds_of(order, |status| status != RefundStatus::Failed) {
                    self.fail_refund(refund, context);
                }
            }
            ControlAction::CompleteRefund { order } => {
                let pending = self.refunds_of(order, |status| status == RefundStatus::Pending);
                if pending.is_empty() {
                    return Err(ControlActionError::not_applicable(order, "no pending refund"));
                }
                for refund in pending {
                    self.complete_refund(refund, context);
                }
            }
            ControlAction::RejectRefund { .. }
            | ControlAction::WaiveRefund { .. }
            | ControlAction::UpdateTracker { .. } => {
                return Err(ControlActionError::UnsupportedByProvider("Stripe"));
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
        self.call_counts.by_api_key(order)
    }

    fn ledger_json(&self, order: Option<&str>) -> Value {
        self.ledger().to_json(order)
    }

    fn take_events(&mut self) -> Vec<WebhookEvent> {
        self.events.take()
    }
}

/// The stored response of an idempotency key, as Stripe sends it again.
fn replayed(mut first: HttpResponse, request_id: &str) -> HttpResponse {
    let original = first.header_value("request-id").unwrap_or("").to_owned();
    first.headers.retain(|(name, _)| name != "request-id");
    first
        .header("idempotent-replayed", "true")
        .header("original-request", &original)
        .header("request-id", request_id)
}
