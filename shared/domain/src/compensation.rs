//! How an order turns round: why, how it will end, and that it never turns back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::stock::Shortage;
use crate::{ErrorName, Status, Timestamp};

/// How an order ends that is not fulfilled. Decided once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// The customer said no.
    Cancelled,
    /// A person said no, or nobody looked in time.
    Rejected,
    /// The goods are not there.
    OutOfStock,
    /// The money could not be had.
    PaymentFailed,
    /// The stock could not be reserved for a technical reason.
    InventoryFailed,
    /// The label could not be bought.
    ShippingFailed,
}

impl Outcome {
    /// The status that closes the order.
    pub const fn status(self) -> Status {
        match self {
            Self::Cancelled => Status::Cancelled,
            Self::Rejected => Status::Rejected,
            Self::OutOfStock => Status::OutOfStock,
            Self::PaymentFailed => Status::PaymentFailed,
            Self::InventoryFailed => Status::InventoryFailed,
            Self::ShippingFailed => Status::ShippingFailed,
        }
    }
}

/// That an order turned round. Written once, by the first compensating step,
/// before it acts; the outcome never changes afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Compensation {
    /// When.
    pub at: Timestamp,
    /// Where it failed and by which error.
    pub failed: FailedStates,
    /// How it will end.
    pub outcome: Outcome,
}

/// The states that failed, by name, with what the state machine's Catch saw.
pub type FailedStates = BTreeMap<String, FailedState>;

/// How a state failed. The cause is left out: nothing decides by it, and it may
/// be long.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedState {
    /// The error's name: a fault of ours, or one of Step Functions' own.
    #[serde(alias = "Error")]
    pub error: String,
    /// What was short, when that is why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shortages: Vec<Shortage>,
}

/// What is on record that bears upon the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts on one record")]
pub struct Facts {
    /// A cancellation was asked for, in time.
    pub cancellation_requested: bool,
    /// A person rejected the order.
    pub rejected: bool,
    /// The money was authorised.
    pub authorized: bool,
    /// The stock was reserved.
    pub reserved: bool,
    /// A shipment was stored.
    pub shipment: bool,
    /// Its label was bought.
    pub label: bool,
}

/// How an order ends that failed in these states: the first rule that matches.
pub fn decide_outcome(facts: Facts, failed: &FailedStates) -> Outcome {
    let raised = |fault: ErrorName| failed.values().any(|state| state.error == fault.as_str());
    let at = |state: &str| failed.contains_key(state);
    if facts.cancellation_requested {
        Outcome::Cancelled
    } else if facts.rejected || raised(ErrorName::ReviewRejected) {
        Outcome::Rejected
    } else if raised(ErrorName::RestockOverdue) {
        Outcome::OutOfStock
    } else if raised(ErrorName::PaymentDeclined)
        || raised(ErrorName::PaymentNotCapturable)
        || at("ProcessPayment")
        || at("CapturePayment")
    {
        Outcome::PaymentFailed
    } else if at("AwaitReview") {
        Outcome::Rejected
    } else if at("OutOfStock") || at("AwaitRestock") {
        Outcome::OutOfStock
    } else if at("CheckInventory") {
        Outcome::InventoryFailed
    } else if at("InitiateShipping") {
        Outcome::ShippingFailed
    } else {
        outcome_by_progress(facts)
    }
}

/// How an order ends that nobody says where it failed: by how far the facts got.
pub fn outcome_by_progress(facts: Facts) -> Outcome {
    if facts.cancellation_requested {
        Outcome::Cancelled
    } else if facts.rejected {
        Outcome::Rejected
    } else if facts.label || !facts.authorized {
        Outcome::PaymentFailed
    } else if facts.reserved || facts.shipment {
        Outcome::ShippingFailed
    } else {
        Outcome::InventoryFailed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(states: &[(&str, &str)]) -> FailedStates {
        let state = |error: &str| FailedState { error: error.into(), shortages: Vec::new() };
        states.iter().map(|(name, error)| ((*name).into(), state(error))).collect()
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
    fn what_a_catch_saw_is_read_without_its_cause() {
        let seen = r#"{"CheckInventory": {"Error": "StoreUnavailable", "Cause": "{\"a\":1}"}}"#;
        let failed: FailedStates = serde_json::from_str(seen).unwrap();
        assert_eq!(failed["CheckInventory"].error, "StoreUnavailable");
    }
}
