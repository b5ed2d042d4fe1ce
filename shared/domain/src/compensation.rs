//! How an order is compensated: which states failed, and how it therefore ends.
//!
//! The first compensating step records [`Compensation`] before it acts. From then on
//! no step goes forward, and the outcome never changes.
//!
//! [`decide_outcome`] is the outcome rule; what failing in each state means is in the
//! table of [`steps`](crate::steps).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::outcome::Outcome;
use crate::steps::{OnFailure, State};
use crate::stock::Shortage;
use crate::{ErrorName, Timestamp};

/// The compensation of an order, on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Compensation {
    /// When it began.
    pub at: Timestamp,
    /// Where the order failed, and by which error.
    pub failed: FailedStates,
    /// How the order ends.
    pub outcome: Outcome,
}

/// The states that failed, with what the Catch of each saw.
pub type FailedStates = BTreeMap<State, FailedState>;

/// How a state failed. The cause is left out: no rule reads it, and it may be long.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedState {
    /// The error: an [`ErrorName`], or one of Step Functions such as `States.Timeout`.
    #[serde(alias = "Error")]
    pub error: String,
    /// The SKUs that were short, if that is why it failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shortages: Vec<Shortage>,
}

/// The facts on record that bear on the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts on one record")]
pub struct Facts {
    /// The customer asked to cancel, in time.
    pub cancellation_requested: bool,
    /// An operator rejected the order in review.
    pub rejected: bool,
    /// The payment was authorized.
    pub authorized: bool,
    /// The stock was reserved.
    pub reserved: bool,
    /// A shipment was stored.
    pub shipment: bool,
    /// Its label was bought.
    pub label: bool,
}

/// If several states failed, the first of these outcomes wins.
const STATE_PRECEDENCE: [Outcome; 5] = [
    Outcome::PaymentFailed,
    Outcome::Rejected,
    Outcome::OutOfStock,
    Outcome::InventoryFailed,
    Outcome::ShippingFailed,
];

/// Decides how an order ends that failed in these states. The first rule that matches
/// decides:
///
/// 1. The customer canceled, or an operator rejected the order.
/// 2. An error that names the outcome itself, whichever state raised it.
/// 3. A state whose failure decides the outcome, by the table of
///    [`steps`](crate::steps).
/// 4. The progress of the order: see [`outcome_by_progress`].
pub fn decide_outcome(facts: Facts, failed: &FailedStates) -> Outcome {
    decided_by_person(facts)
        .or_else(|| decided_by_error(failed))
        .or_else(|| decided_by_state(failed))
        .unwrap_or_else(|| outcome_by_progress(facts))
}

const fn decided_by_person(facts: Facts) -> Option<Outcome> {
    if facts.cancellation_requested {
        Some(Outcome::Cancelled)
    } else if facts.rejected {
        Some(Outcome::Rejected)
    } else {
        None
    }
}

fn decided_by_error(failed: &FailedStates) -> Option<Outcome> {
    const DECISIVE: [(ErrorName, Outcome); 4] = [
        (ErrorName::ReviewRejected, Outcome::Rejected),
        (ErrorName::RestockOverdue, Outcome::OutOfStock),
        (ErrorName::PaymentDeclined, Outcome::PaymentFailed),
        (ErrorName::PaymentNotCapturable, Outcome::PaymentFailed),
    ];
    let raised = |name: ErrorName| failed.values().any(|state| state.error == name.as_str());
    DECISIVE.into_iter().find(|(name, _)| raised(*name)).map(|(_, outcome)| outcome)
}

fn decided_by_state(failed: &FailedStates) -> Option<Outcome> {
    let ends_as = |outcome: &Outcome| {
        failed.keys().any(|state| state.row().on_failure == OnFailure::EndsAs(*outcome))
    };
    STATE_PRECEDENCE.into_iter().find(ends_as)
}

/// Decides how an order ends if no state that failed decides it, as when an operator
/// compensates: by how far the order got.
pub fn outcome_by_progress(facts: Facts) -> Outcome {
    decided_by_person(facts).unwrap_or(if facts.label || !facts.authorized {
        Outcome::PaymentFailed
    } else if facts.reserved || facts.shipment {
        Outcome::ShippingFailed
    } else {
        Outcome::InventoryFailed
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(states: &[(&str, &str)]) -> FailedStates {
        let state = |error: &str| FailedState { error: error.into(), shortages: Vec::new() };
        states.iter().map(|(name, error)| (name.parse().unwrap(), state(error))).collect()
    }

    #[test]
    fn the_outcome_is_that_of_the_first_rule_that_matches() {
        use Outcome::{
            Cancelled, InventoryFailed, OutOfStock, PaymentFailed, Rejected, ShippingFailed,
        };
        let none = Facts::default();
        let asked = Facts { cancellation_requested: true, ..none };
        let rejected = Facts { rejected: true, ..none };
        let check = |facts, states: &[(&str, &str)], expected| {
            assert_eq!(decide_outcome(facts, &failed(states)), expected, "{states:?}");
        };
        check(asked, &[("ProcessPayment", "PaymentDeclined")], Cancelled);
        check(rejected, &[("ProcessPayment", "States.Timeout")], Rejected);
        check(none, &[("AwaitReview", "ReviewRejected")], Rejected);
        check(none, &[("ProcessPayment", "ReviewRejected")], Rejected);
        check(none, &[("AwaitRestock", "RestockOverdue")], OutOfStock);
        check(none, &[("ProcessPayment", "PaymentDeclined")], PaymentFailed);
        check(none, &[("InitiateShipping", "PaymentNotCapturable")], PaymentFailed);
        check(none, &[("ProcessPayment", "Runtime.ExitError")], PaymentFailed);
        check(none, &[("CapturePayment", "PaymentGatewayUnavailable")], PaymentFailed);
        check(none, &[("AwaitReview", "States.Timeout")], Rejected);
        check(none, &[("OutOfStock", "OutOfStock")], OutOfStock);
        check(none, &[("AwaitRestock", "States.Timeout")], OutOfStock);
        check(none, &[("CheckInventory", "StockContended")], InventoryFailed);
        check(none, &[("InitiateShipping", "ShippingRejected")], ShippingFailed);
        check(
            none,
            &[("InitiateShipping", "ShippingRejected"), ("CancelShipment", "CarrierUnavailable")],
            ShippingFailed,
        );
    }

    #[test]
    fn each_state_that_fails_alone_ends_the_order_as_the_table_says() {
        for state in State::ALL.iter().filter(|state| state.is_caught()) {
            let failed = failed(&[(state.as_str(), "States.Timeout")]);
            let expected = match state.row().on_failure {
                OnFailure::EndsAs(outcome) => outcome,
                _ => outcome_by_progress(Facts::default()),
            };
            assert_eq!(decide_outcome(Facts::default(), &failed), expected, "{state}");
        }
    }

    #[test]
    fn every_outcome_of_a_state_has_a_precedence() {
        for (state, row) in crate::steps::rows() {
            if let OnFailure::EndsAs(outcome) = row.on_failure {
                assert!(STATE_PRECEDENCE.contains(&outcome), "{state}");
            }
        }
    }

    #[test]
    fn when_several_states_failed_a_payment_failure_takes_precedence() {
        use Outcome::{OutOfStock, PaymentFailed, Rejected};
        let check = |states: &[&str], expected| {
            let states: Vec<_> = states.iter().map(|state| (*state, "States.Timeout")).collect();
            assert_eq!(decide_outcome(Facts::default(), &failed(&states)), expected, "{states:?}");
        };
        check(&["InitiateShipping", "AwaitReview", "CapturePayment"], PaymentFailed);
        check(&["CheckInventory", "AwaitRestock", "AwaitReview"], Rejected);
        check(&["InitiateShipping", "CheckInventory", "OutOfStock"], OutOfStock);
    }

    #[test]
    fn without_a_failed_state_the_facts_decide() {
        let none = Facts::default();
        let authorized = Facts { authorized: true, ..none };
        let reserved = Facts { reserved: true, ..authorized };
        let label = Facts { shipment: true, label: true, ..reserved };
        assert_eq!(decide_outcome(none, &failed(&[])), Outcome::PaymentFailed);
        assert_eq!(decide_outcome(authorized, &failed(&[])), Outcome::InventoryFailed);
        assert_eq!(decide_outcome(reserved, &failed(&[])), Outcome::ShippingFailed);
        assert_eq!(decide_outcome(label, &failed(&[])), Outcome::PaymentFailed);
    }

    #[test]
    fn a_caught_error_is_parsed_without_its_cause() {
        let seen = r#"{"CheckInventory": {"Error": "StoreUnavailable", "Cause": "{\"a\":1}"}}"#;
        let failed: FailedStates = serde_json::from_str(seen).unwrap();
        assert_eq!(failed[&State::CheckInventory].error, "StoreUnavailable");
    }
}
