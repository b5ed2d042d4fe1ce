//! The trait that both emulators implement, and the journal that restores them.
//!
//! A journal holds every input of an emulator. [`replay`] feeds it to a new emulator and reaches
//! the same state.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exchange::{HttpRequest, HttpResponse, InFlightCall, NetworkOutcome};
use crate::faults::{Fault, FaultPlan, FaultPlanError};
use crate::webhooks::WebhookEvent;

/// A provider's state machine: requests in, responses out, at the times that it is given.
///
/// It uses no clock, no randomness and no socket: the same inputs lead to the same state and give
/// the same bytes. Times must not go backwards.
pub trait Emulator: Send + 'static {
    /// `gateway` for Stripe, `carrier` for EasyPost.
    fn name(&self) -> &'static str;

    /// Handles a request without the fault plan, and without counting the call.
    fn handle(&mut self, request: &HttpRequest, at: Timestamp) -> HttpResponse;

    /// Counts a call, applies the fault plan, and returns what reaches the client.
    fn handle_with_faults(&mut self, request: &HttpRequest, at: Timestamp) -> NetworkOutcome;

    /// Ends a call that hung or was delayed.
    fn release(&mut self, in_flight: &InFlightCall);

    /// The calls that were not released. After a crash no client waits for them any more.
    fn in_flight(&self) -> Vec<InFlightCall>;

    /// Applies every scheduled change that is due by `at`. Every method that takes a time does this
    /// first.
    fn advance_to(&mut self, at: Timestamp);

    /// When the next scheduled change is due.
    fn next_scheduled(&self) -> Option<Timestamp>;

    /// Performs an action of the provider, the bank or the cardholder, which the API does not
    /// offer.
    ///
    /// # Errors
    ///
    /// If the provider does not support the action, or the order has nothing to apply it to.
    fn perform(&mut self, action: &ControlAction, at: Timestamp) -> Result<(), ControlActionError>;

    /// The planned faults and the call counts.
    fn fault_plan(&self) -> &FaultPlan;

    /// The fault plan, to change it.
    fn fault_plan_mut(&mut self) -> &mut FaultPlan;

    /// How many calls were counted for an order, by API key.
    fn calls_by_api_key(&self, order: &str) -> BTreeMap<String, u64>;

    /// The ledger of one order or of all, as `GET /_ledger` shows it.
    fn ledger_json(&self, order: Option<&str>) -> Value;

    /// Removes and returns the queued webhook events, oldest first. The queue keeps the newest
    /// 10,000.
    fn take_events(&mut self) -> Vec<WebhookEvent>;
}

/// Something that happens outside the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ControlAction {
    /// Stripe: the authorization of the order expires early.
    #[serde(rename = "lapse")]
    ExpireAuthorization {
        /// The order.
        order: String,
    },
    /// Stripe: refunds of the order fail. Existing refunds fail now. Later refunds start as usual
    /// (succeeded, or pending if the card says so) and fail afterwards.
    FailRefund {
        /// The order.
        order: String,
    },
    /// Stripe: the cardholder disputes the captured charge.
    Dispute {
        /// The order.
        order: String,
    },
    /// Stripe: the shop captures a part of the order's authorization in the dashboard. The rest
    /// is released.
    CapturePart {
        /// The order.
        order: String,
        /// The amount, in minor units.
        amount: i64,
    },
    /// Stripe: the shop refunds the order's captured charge in the dashboard.
    RefundCharge {
        /// The order.
        order: String,
    },
    /// Either provider: the pending refund of the order succeeds now.
    #[serde(rename = "settle-refund")]
    CompleteRefund {
        /// The order.
        order: String,
    },
    /// EasyPost: label refunds of the order are rejected. Submitted refunds are rejected now. Later
    /// refunds are submitted first and rejected afterwards, until one is completed by
    /// [`CompleteRefund`](Self::CompleteRefund).
    RejectRefund {
        /// The order.
        order: String,
    },
    /// EasyPost: the carrier charges nothing for the unused label of the order. Its refund,
    /// submitted or later, is not applicable.
    WaiveRefund {
        /// The order.
        order: String,
    },
    /// Either provider: the account's owner revokes an API key. Calls with it are answered
    /// with 401 from then on.
    RevokeKey {
        /// The key.
        key: String,
    },
    /// Either provider: limits the calls of the account per second, as the real provider does;
    /// without a number, ends the limit. A call beyond it is answered with 429.
    ///
    /// Stripe counts reads and writes apart (25 each in a sandbox,
    /// <https://docs.stripe.com/rate-limits>). EasyPost documents 5 per second for lists and a
    /// limit by load, without a number, for all other calls
    /// (<https://docs.easypost.com/guides/rate-limiting-guide>): the number here is that one, and
    /// sets the documented one for lists.
    LimitRate {
        /// The calls per second.
        #[serde(rename = "perSecond")]
        per_second: Option<u32>,
    },
    /// EasyPost: the carrier reports a new tracking status.
    #[serde(rename = "track")]
    UpdateTracker {
        /// The order.
        order: String,
        /// `pre_transit`, `in_transit`, `out_for_delivery`, `delivered`, `return_to_sender`,
        /// `failure`, …
        status: String,
    },
}

/// Why a control action failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlActionError {
    /// Only the other provider supports the action.
    #[error("the {0} emulator does not support this action")]
    UnsupportedByProvider(&'static str),
    /// The order has nothing to apply the action to.
    #[error("order {order} has {missing}")]
    NotApplicable {
        /// The order.
        order: String,
        /// What the order lacks.
        missing: &'static str,
    },
    /// The tracking status does not exist.
    #[error("status: {0:?} is not a tracker status")]
    UnknownStatus(String),
}

impl ControlActionError {
    pub(crate) fn not_applicable(order: &str, missing: &'static str) -> Self {
        Self::NotApplicable { order: order.to_owned(), missing }
    }
}

/// One input of an emulator and its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// When the emulator received the input.
    pub at: Timestamp,
    /// The input.
    pub input: Input,
}

/// An input of an emulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Input {
    /// A request, for [`Emulator::handle_with_faults`].
    #[serde(rename = "call")]
    Request(HttpRequest),
    /// The end of a call in flight.
    Release(InFlightCall),
    /// Faults to add to the plan.
    AddFaults(Vec<Fault>),
    /// Removal of all planned faults.
    ClearFaults,
    /// Removal of the planned faults that are limited to this order.
    ClearFaultsOfOrder(String),
    /// A control action.
    #[serde(rename = "act")]
    Control(ControlAction),
}

/// The result of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Of a request.
    Network(NetworkOutcome),
    /// Of any other input that succeeded.
    Applied,
    /// Of faults that the plan rejected.
    InvalidFaultPlan(FaultPlanError),
    /// Of a control action that failed.
    ControlActionFailed(ControlActionError),
}

/// Applies one input to an emulator.
pub fn apply(emulator: &mut dyn Emulator, entry: &JournalEntry) -> Outcome {
    match &entry.input {
        Input::Request(request) => {
            return Outcome::Network(emulator.handle_with_faults(request, entry.at));
        }
        Input::Release(in_flight) => emulator.release(in_flight),
        Input::AddFaults(faults) => {
            if let Err(error) = emulator.fault_plan_mut().add(faults.clone()) {
                return Outcome::InvalidFaultPlan(error);
            }
        }
        Input::ClearFaults => emulator.fault_plan_mut().clear(),
        Input::ClearFaultsOfOrder(order) => emulator.fault_plan_mut().clear_order(order),
        Input::Control(action) => {
            if let Err(error) = emulator.perform(action, entry.at) {
                return Outcome::ControlActionFailed(error);
            }
        }
    }
    Outcome::Applied
}

/// Restores a new emulator from a journal. The restored emulator has no queued webhook events.
/// Calls that were in flight still are; [`crate::http::serve`] ends them and journals that.
pub fn replay(emulator: &mut dyn Emulator, entries: impl IntoIterator<Item = JournalEntry>) {
    for entry in entries {
        apply(emulator, &entry);
    }
    emulator.take_events();
}
