//! What the gateway and the carrier have in common, and the journal that brings either back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exchange::{HttpRequest, HttpResponse, InFlightCall, NetworkOutcome};
use crate::faults::{Fault, FaultPlan, FaultPlanError};
use crate::webhooks::WebhookEvent;

/// A provider's model: calls in, answers out, at the times that it is given.
///
/// It has no clock, no chance and no socket: the same inputs leave the same state and give
/// the same bytes. Times must not go backwards.
pub trait Emulator: Send + 'static {
    /// `gateway` or `carrier`.
    fn name(&self) -> &'static str;

    /// Answers a call by the provider's rules alone; the fault plan is not asked, and the
    /// call is not counted.
    fn handle(&mut self, call: &HttpRequest, at: Timestamp) -> HttpResponse;

    /// Counts a call, asks the fault plan, and says what reaches the client.
    fn handle_with_faults(&mut self, call: &HttpRequest, at: Timestamp) -> NetworkOutcome;

    /// Ends a call that hung or was late.
    fn release(&mut self, in_flight: &InFlightCall);

    /// The tickets that were not given back. After a crash nobody holds them any more.
    fn in_flight(&self) -> Vec<InFlightCall>;

    /// Lets everything happen that was due by `at`. Every other method that has a time does
    /// this first, so it is only needed for what is to happen while nobody calls.
    fn advance_to(&mut self, at: Timestamp);

    /// When the next thing happens by itself.
    fn next_scheduled(&self) -> Option<Timestamp>;

    /// Does what no caller of the API can: what the provider, the bank or the owner of the
    /// card does in the world.
    fn perform(&mut self, act: &ControlAction, at: Timestamp) -> Result<(), ControlActionError>;

    /// The faults that are planned, and the calls that were counted.
    fn fault_plan(&self) -> &FaultPlan;

    /// The same, to change it.
    fn fault_plan_mut(&mut self) -> &mut FaultPlan;

    /// How many calls were counted for an order, by the keys of those who made them.
    fn calls_by_api_key(&self, order: &str) -> BTreeMap<String, u64>;

    /// The ledger as `GET /_ledger` shows it, of one order or of all.
    fn ledger_json(&self, order: Option<&str>) -> Value;

    /// What there is to tell since the last time it was asked, oldest first. Of events that
    /// nobody takes, the newest 10,000 are kept.
    fn take_events(&mut self) -> Vec<WebhookEvent>;
}

/// Something that happens in the world and not through the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ControlAction {
    /// The gateway: the hold of the order's money is gone, before its time.
    #[serde(rename = "lapse")]
    ExpireAuthorization {
        /// The order.
        order: String,
    },
    /// The gateway: refunds of the order, those to come too, look fine (or pend, with a card
    /// whose refunds do) and fail later; those that have not failed yet fail now.
    FailRefund {
        /// The order.
        order: String,
    },
    /// The gateway: the owner of the card disputes the captured charge.
    Dispute {
        /// The order.
        order: String,
    },
    /// Either: a refund that is on its way becomes final now, in its favour.
    #[serde(rename = "settle-refund")]
    CompleteRefund {
        /// The order.
        order: String,
    },
    /// The carrier: refunds of the order's labels, those to come too, are refused in the end;
    /// those that are submitted are refused now.
    RejectRefund {
        /// The order.
        order: String,
    },
    /// The carrier: the parcel was seen.
    #[serde(rename = "track")]
    UpdateTracker {
        /// The order.
        order: String,
        /// `pre_transit`, `in_transit`, `out_for_delivery`, `delivered`, `return_to_sender`,
        /// `failure`, …
        status: String,
    },
}

/// Why an act did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlActionError {
    /// The other provider does that.
    #[error("the {0} does not do that")]
    UnsupportedByProvider(&'static str),
    /// The order has nothing that it could happen to.
    #[error("order {order} has {missing}")]
    NotApplicable {
        /// The order.
        order: String,
        /// What it lacks.
        missing: &'static str,
    },
    /// A word that the provider does not use.
    #[error("status: {0:?} is not a status of a tracker")]
    UnknownStatus(String),
}

/// One input of a model. A model that gets the same records in the same order is the same
/// model: this is how a stack brings it back after a crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub input: Input,
}

/// What a model was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Input {
    /// A call, for [`Emulator::handle_with_faults`].
    #[serde(rename = "call")]
    Request(HttpRequest),
    /// A ticket, given back.
    Release(InFlightCall),
    /// Faults, added to the plan.
    AddFaults(Vec<Fault>),
    /// The plan, cleared.
    ClearFaults,
    /// An act.
    #[serde(rename = "act")]
    Control(ControlAction),
}

/// What came of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Of a call.
    Network(NetworkOutcome),
    /// Of anything else that was done.
    Applied,
    /// Of faults that the plan would not take.
    InvalidFaultPlan(FaultPlanError),
    /// Of an act that could not happen.
    ControlActionFailed(ControlActionError),
}

/// Gives a model one input.
pub fn apply(provider: &mut dyn Emulator, record: &JournalEntry) -> Outcome {
    match &record.input {
        Input::Request(call) => {
            return Outcome::Network(provider.handle_with_faults(call, record.at));
        }
        Input::Release(in_flight) => provider.release(in_flight),
        Input::AddFaults(faults) => {
            if let Err(error) = provider.fault_plan_mut().add(faults.clone()) {
                return Outcome::InvalidFaultPlan(error);
            }
        }
        Input::ClearFaults => provider.fault_plan_mut().clear(),
        Input::Control(act) => {
            if let Err(error) = provider.perform(act, record.at) {
                return Outcome::ControlActionFailed(error);
            }
        }
    }
    Outcome::Applied
}

/// Brings a new model to where the recorded one was. What there was to tell has been told.
/// Calls that were in flight still are: `http::serve` ends them, and records that it did.
pub fn replay(provider: &mut dyn Emulator, records: impl IntoIterator<Item = JournalEntry>) {
    for record in records {
        apply(provider, &record);
    }
    provider.take_events();
}
