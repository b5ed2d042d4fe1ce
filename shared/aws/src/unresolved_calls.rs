//! The provider calls whose outcome is unknown, until a response about the same object
//! resolves it.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::payment::{PaymentIntent, PaymentIntentState};
use domain::shipment::{LabelRefundState, ProviderShipment};

use crate::metrics::{ProviderCall, Resolution};

/// More calls than one process ever leaves open; beyond it, one is dropped.
const MAX_CALLS: usize = 256;

/// The unresolved calls of one process, by the id of the payment intent or shipment.
#[derive(Debug, Default)]
pub(crate) struct UnresolvedCalls(Mutex<BTreeSet<(String, ProviderCall)>>);

impl UnresolvedCalls {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeSet::new()))
    }

    /// Adds a call and returns whether it is new. A repeat of an unresolved call is the
    /// same call.
    pub(crate) fn add(&self, id: &str, call: ProviderCall) -> bool {
        let mut calls = self.lock();
        if calls.len() >= MAX_CALLS {
            calls.pop_first();
        }
        calls.insert((id.to_owned(), call))
    }

    /// Removes and returns the calls about this object that `resolve` can resolve.
    pub(crate) fn take_resolved(
        &self,
        id: &str,
        resolve: impl Fn(ProviderCall) -> Option<Resolution>,
    ) -> Vec<(ProviderCall, Resolution)> {
        let mut resolved = Vec::new();
        self.lock().retain(|(object, call)| {
            let resolution = if object == id { resolve(*call) } else { None };
            resolved.extend(resolution.map(|resolution| (*call, resolution)));
            resolution.is_none()
        });
        resolved
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<(String, ProviderCall)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the state of a payment intent says about a call; `None` while the card issuer is
/// processing it.
pub(crate) fn resolve_by_intent(call: ProviderCall, intent: &PaymentIntent) -> Option<Resolution> {
    use PaymentIntentState as State;
    let took_effect = match (call, intent.state) {
        (_, State::Processing) => return None,
        (ProviderCall::Confirm, state) => state != State::RequiresConfirmation,
        (ProviderCall::Capture, state) => state == State::Succeeded,
        (ProviderCall::Cancel, state) => state == State::Canceled,
        (ProviderCall::Refund, State::Succeeded) if intent.refunded_minor > 0 => true,
        // A pending refund does not show on the intent, only in the list of refunds.
        _ => return None,
    };
    Some(resolution(took_effect))
}

/// What a shipment says about a call.
pub(crate) fn resolve_by_shipment(
    call: ProviderCall,
    shipment: &ProviderShipment,
) -> Option<Resolution> {
    match call {
        ProviderCall::Buy => Some(resolution(shipment.bought.is_some())),
        ProviderCall::Refund => Some(resolution(shipment.refund != LabelRefundState::NotRequested)),
        _ => None,
    }
}

/// What the list of an intent's refunds says about a call.
pub(crate) fn resolve_by_refunds(call: ProviderCall, has_refund: bool) -> Option<Resolution> {
    (call == ProviderCall::Refund).then(|| resolution(has_refund))
}

const fn resolution(took_effect: bool) -> Resolution {
    if took_effect { Resolution::Effect } else { Resolution::NoEffect }
}
