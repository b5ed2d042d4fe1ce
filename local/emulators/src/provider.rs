//! What the gateway and the carrier have in common, and the journal that brings either back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::faults::{Fault, Plan, PlanError};
use crate::webhooks::Event;
use crate::wire::{Answer, Call, Delivery, Ticket};

/// A provider's model: calls in, answers out, at the times that it is given.
///
/// It has no clock, no chance and no socket: the same inputs leave the same state and give
/// the same bytes. Times must not go backwards.
pub trait Provider: Send + 'static {
    /// `gateway` or `carrier`.
    fn name(&self) -> &'static str;

    /// Answers a call by the provider's rules alone; the fault plan is not asked, and the
    /// call is not counted.
    fn handle(&mut self, call: &Call, at: Timestamp) -> Answer;

    /// Counts a call, asks the fault plan, and says what reaches the client.
    fn receive(&mut self, call: &Call, at: Timestamp) -> Delivery;

    /// Ends a call that hung or was late.
    fn release(&mut self, ticket: &Ticket);

    /// The tickets that were not given back. After a crash nobody holds them any more.
    fn in_flight(&self) -> Vec<Ticket>;

    /// Lets everything happen that was due by `at`. Every other method that has a time does
    /// this first, so it is only needed for what is to happen while nobody calls.
    fn advance(&mut self, at: Timestamp);

    /// When the next thing happens by itself.
    fn next_due(&self) -> Option<Timestamp>;

    /// Does what no caller of the API can: what the provider, the bank or the owner of the
    /// card does in the world.
    fn act(&mut self, act: &Act, at: Timestamp) -> Result<(), ActError>;

    /// The faults that are planned, and the calls that were counted.
    fn plan(&self) -> &Plan;

    /// The same, to change it.
    fn plan_mut(&mut self) -> &mut Plan;

    /// How many calls were counted for an order, by the keys of those who made them.
    fn calls_by_key(&self, order: &str) -> BTreeMap<String, u64>;

    /// The ledger as `GET /_ledger` shows it, of one order or of all.
    fn ledger_json(&self, order: Option<&str>) -> Value;

    /// What there is to tell since the last time it was asked, oldest first. Of events that
    /// nobody takes, the newest 10,000 are kept.
    fn take_events(&mut self) -> Vec<Event>;
}

/// Something that happens in the world and not through the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Act {
    /// The gateway: the hold of the order's money is gone, before its time.
    Lapse {
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
    SettleRefund {
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
    Track {
        /// The order.
        order: String,
        /// `pre_transit`, `in_transit`, `out_for_delivery`, `delivered`, `return_to_sender`,
        /// `failure`, …
        status: String,
    },
}

/// Why an act did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// The other provider does that.
    #[error("the {0} does not do that")]
    NotHere(&'static str),
    /// The order has nothing that it could happen to.
    #[error("order {order} has {missing}")]
    Nothing {
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
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// What.
    pub input: Input,
}

/// What a model was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Input {
    /// A call, for [`Provider::receive`].
    Call(Call),
    /// A ticket, given back.
    Release(Ticket),
    /// Faults, added to the plan.
    AddFaults(Vec<Fault>),
    /// The plan, cleared.
    ClearFaults,
    /// An act.
    Act(Act),
}

/// What came of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// Of a call.
    Delivery(Delivery),
    /// Of anything else that was done.
    Done,
    /// Of faults that the plan would not take.
    BadPlan(PlanError),
    /// Of an act that could not happen.
    BadAct(ActError),
}

/// Gives a model one input.
pub fn apply(provider: &mut dyn Provider, record: &Record) -> Came {
    match &record.input {
        Input::Call(call) => return Came::Delivery(provider.receive(call, record.at)),
        Input::Release(ticket) => provider.release(ticket),
        Input::AddFaults(faults) => {
            if let Err(wrong) = provider.plan_mut().add(faults.clone()) {
                return Came::BadPlan(wrong);
            }
        }
        Input::ClearFaults => provider.plan_mut().clear(),
        Input::Act(act) => {
            if let Err(wrong) = provider.act(act, record.at) {
                return Came::BadAct(wrong);
            }
        }
    }
    Came::Done
}

/// Brings a new model to where the recorded one was. What there was to tell has been told.
/// Calls that were in flight still are: `face::serve` ends them, and records that it did.
pub fn replay(provider: &mut dyn Provider, records: impl IntoIterator<Item = Record>) {
    for record in records {
        apply(provider, &record);
    }
    provider.take_events();
}
