//! EasyPost: shipments as a small state machine.
//!
//! It keeps the documented rules that the product relies on: a shipment has rates and costs
//! nothing until a rate is bought; a shipment has at most one label, ever ([`shipments`]); a
//! label refund is first submitted and becomes final later; error items come in both
//! documented formats, as objects and as plain strings; only test API keys are accepted.
//!
//! EasyPost has no idempotency keys. A repeated call is executed again, and only the state of
//! the shipment can reject it.
//!
//! A call passes these checks in order: API key, route, body, fault plan, state of the
//! shipment. [`FAULT_POINTS`] lists the fault points. A list counts as `carrier.get`.
//!
//! A planned `refuse` means, at each point:
//! - `.create`, `.rerate`: the address cannot be verified (422);
//! - `.buy`: the carrier rejects the shipment (422 `SHIPMENT.POSTAGE.FAILURE`);
//! - `.refund`: the label cannot be refunded (422);
//! - `.get`: the shipment does not exist (404).
//!
//! `no-rates` at `.create` or `.rerate` means that no carrier answers EasyPost: the shipment has
//! no rates, and a message of the type `rate_error` for each carrier.
//!
//! The action `reject-refund` rejects a refund after it was submitted; a rejected refund can be
//! submitted again. `waive-refund` ends it as `not_applicable`.

pub mod history;
pub mod ledger;
pub mod shipments;

mod address;
mod api_call;
mod error;
mod render;
mod webhook_events;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use self::api_call::{ApiCall, Route, check_api_key};
use self::error::ApiError;
use self::ledger::Ledger;
use self::shipments::{CallContext, LabelRefundStatus, Shipment};
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

/// The documented limit of lists ("index endpoints").
const LISTS_PER_SECOND: u32 = 5;

/// The point at which a webhook event is lost or repeated.
pub(crate) const WEBHOOK_POINT: &str = "carrier.webhook";

/// What can happen to a call that asks the carriers for rates.
const RATING_FAULT_KINDS: &[FaultKind] = &provider_fault_kinds_and(FaultKind::NoRates);

/// The fault points of the EasyPost emulator.
pub const FAULT_POINTS: &[FaultPoint] = &[
    FaultPoint { name: "carrier.create", kinds: RATING_FAULT_KINDS },
    FaultPoint { name: "carrier.rerate", kinds: RATING_FAULT_KINDS },
    FaultPoint { name: "carrier.buy", kinds: PROVIDER_FAULT_KINDS },
    FaultPoint { name: "carrier.get", kinds: PROVIDER_FAULT_KINDS },
    FaultPoint { name: "carrier.refund", kinds: PROVIDER_FAULT_KINDS },
    FaultPoint { name: WEBHOOK_POINT, kinds: WEBHOOK_FAULT_KINDS },
];

/// Finalizes the label refund of the shipment with this index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RefundTimer(usize);

/// The EasyPost emulator.
#[derive(Debug, Clone)]
pub struct EasyPostEmulator {
    ids: Ids,
    shipments: Vec<Shipment>,
    shipments_by_id: BTreeMap<String, usize>,
    /// Orders whose label refunds are rejected after they were submitted.
    rejected_refunds: BTreeSet<String>,
    /// Orders whose labels cost nothing while they are unused.
    waived_refunds: BTreeSet<String>,
    revoked_keys: BTreeSet<String>,
    /// Of all calls but lists.
    load_limit: RateLimit,
    list_limit: RateLimit,
    /// Shipments with a purchase in flight.
    in_flight: BTreeSet<String>,
    schedule: Schedule<RefundTimer>,
    plan: FaultPlan,
    call_counts: CallCounts,
    events: EventQueue,
}

impl EasyPostEmulator {
    /// An emulator without any shipments. It derives its ids from `seed`.
    pub const fn new(seed: u64) -> Self {
        Self {
            ids: Ids::new(seed),
            shipments: Vec::new(),
            shipments_by_id: BTreeMap::new(),
            rejected_refunds: BTreeSet::new(),
            waived_refunds: BTreeSet::new(),
            revoked_keys: BTreeSet::new(),
            load_limit: RateLimit::none(),
            list_limit: RateLimit::none(),
            in_flight: BTreeSet::new(),
            schedule: Schedule::new(),
            plan: FaultPlan::new(FAULT_POINTS),
            call_counts: CallCounts::new(),
            events: EventQueue::new(),
        }
    }

    /// The current ledger. Scheduled changes appear only after the next call, action or
    /// [`Emulator::advance_to`].
    pub fn ledger(&self) -> Ledger<'_> {
        Ledger { shipments: &self.shipments }
    }

    fn parse(&mut self, request: &HttpRequest, at: Timestamp) -> Result<ApiCall, ApiError> {
        self.advance_to(at);
        check_api_key(request)?;
        if request.api_key().is_some_and(|key| self.revoked_keys.contains(&key.text)) {
            return Err(ApiError::revoked_api_key());
        }
        let route = Route::of(request).ok_or_else(ApiError::unknown_route)?;
        let body = if request.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&request.body).ok().ok_or_else(ApiError::not_json)?
        };
        let order = match &route {
            Route::Create => body["shipment"]["reference"].as_str().map(str::to_owned),
            Route::Rerate(id) | Route::Buy(id) | Route::Get(id) | Route::Refund(id) => {
                self.find(id).and_then(|shipment| shipment.order.clone())
            }
            Route::List => None,
        };
        let query = serde_urlencoded::from_str(request.query()).unwrap_or_default();
        Ok(ApiCall { route, body, query, order, at })
    }

    fn find(&self, id: &str) -> Option<&Shipment> {
        self.shipments_by_id.get(id).and_then(|index| self.shipments.get(*index))
    }

    fn submitted_refunds_of(&self, order: &str) -> Vec<usize> {
        let is_submitted = |shipment: &Shipment| {
            shipment.order.as_deref() == Some(order)
                && shipment.refund == Some(LabelRefundStatus::Submitted)
        };
        (0..self.shipments.len()).filter(|index| is_submitted(&self.shipments[*index])).collect()
    }
}

impl FaultTarget for EasyPostEmulator {
    type Call = ApiCall;
    type Output = HttpResponse;
    type Error = ApiError;

    fn order(call: &ApiCall) -> Option<&str> {
        call.order.as_deref()
    }

    fn execute(&mut self, call: &ApiCall, reject: bool) -> Result<HttpResponse, ApiError> {
        self.run(call, CallContext { at: call.at, reject, unrated: false })
    }

    fn respond(&mut self, call: &ApiCall, fault: Option<FaultKind>) -> HttpResponse {
        let result = if fault == Some(FaultKind::NoRates) {
            self.run(call, CallContext { at: call.at, reject: false, unrated: true })
        } else {
            fault_delivery::execute(self, call, fault)
        };
        result.unwrap_or_else(ApiError::into_response)
    }

    fn rate_limited(_call: &ApiCall) -> HttpResponse {
        ApiError::rate_limited().into_response()
    }

    fn refused_account(_call: &ApiCall, status: u16) -> HttpResponse {
        ApiError::refused_account(status).into_response()
    }

    fn server_error() -> ApiError {
        ApiError::server_error()
    }

    /// Only a purchase in flight affects other calls.
    fn mark_in_flight(&mut self, call: &ApiCall) -> InFlightCall {
        let Route::Buy(id) = &call.route else { return InFlightCall(None) };
        self.in_flight.insert(id.clone());
        InFlightCall(Some(id.clone()))
    }
}

impl EasyPostEmulator {
    fn run(&mut self, call: &ApiCall, context: CallContext) -> Result<HttpResponse, ApiError> {
        match &call.route {
            Route::Create => self.create_shipment(&call.body, context),
            Route::Rerate(id) => self.rerate(id, context),
            Route::Buy(id) => self.buy(id, &call.body, context),
            Route::Refund(id) => self.refund(id, context),
            Route::Get(_) | Route::List if context.reject => Err(ApiError::not_found()),
            Route::Get(id) => self.get(id),
            Route::List => self.list(&call.query, call.at),
        }
    }
}

impl Emulator for EasyPostEmulator {
    fn name(&self) -> &'static str {
        "carrier"
    }

    fn handle(&mut self, request: &HttpRequest, at: Timestamp) -> HttpResponse {
        match self.parse(request, at) {
            Ok(call) => self.respond(&call, None),
            Err(error) => error.into_response(),
        }
    }

    fn handle_with_faults(&mut self, request: &HttpRequest, at: Timestamp) -> NetworkOutcome {
        let call = match self.parse(request, at) {
            Ok(call) => call,
            Err(error) => return NetworkOutcome::Response(error.into_response()),
        };
        self.call_counts.count(call.order.as_deref(), request);
        let limit = match call.route {
            Route::List => &mut self.list_limit,
            _ => &mut self.load_limit,
        };
        if !limit.admits(at) {
            return NetworkOutcome::Response(Self::rate_limited(&call));
        }
        let fault = self.plan.next_fault(call.route.fault_point(), call.order.as_deref());
        fault_delivery::deliver(self, &call, fault.as_ref())
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
        while let Some((due_at, RefundTimer(index))) = self.schedule.pop_due(at) {
            self.finalize_refund(index, due_at);
        }
    }

    fn next_scheduled(&self) -> Option<Timestamp> {
        self.schedule.next_at()
    }

    fn perform(&mut self, action: &ControlAction, at: Timestamp) -> Result<(), ControlActionError> {
        self.advance_to(at);
        match action {
            ControlAction::RevokeKey { key } => {
                self.revoked_keys.insert(key.clone());
            }
            ControlAction::LimitRate { per_second } => {
                self.load_limit.set(*per_second);
                self.list_limit.set(per_second.map(|_| LISTS_PER_SECOND));
            }
            ControlAction::RejectRefund { order } => {
                self.rejected_refunds.insert(order.clone());
                for index in self.submitted_refunds_of(order) {
                    self.finalize_refund(index, at);
                }
            }
            ControlAction::CompleteRefund { order } => {
                let submitted = self.submitted_refunds_of(order);
                if submitted.is_empty() {
                    let missing = "no submitted label refund";
                    return Err(ControlActionError::not_applicable(order, missing));
                }
                self.rejected_refunds.remove(order);
                for index in submitted {
                    self.finalize_refund(index, at);
                }
            }
            ControlAction::WaiveRefund { order } => {
                self.waived_refunds.insert(order.clone());
                for index in self.submitted_refunds_of(order) {
                    self.finalize_refund(index, at);
                }
            }
            ControlAction::UpdateTracker { order, status } => {
                let index = self
                    .shipments
                    .iter()
                    .rposition(|shipment| {
                        shipment.order.as_deref() == Some(order) && shipment.label.is_some()
                    })
                    .ok_or_else(|| ControlActionError::not_applicable(order, "no label"))?;
                self.update_tracker(index, status, at)?;
            }
            ControlAction::ExpireAuthorization { .. }
            | ControlAction::FailRefund { .. }
            | ControlAction::Dispute { .. }
            | ControlAction::CapturePart { .. }
            | ControlAction::RefundCharge { .. } => {
                return Err(ControlActionError::UnsupportedByProvider("EasyPost"));
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
