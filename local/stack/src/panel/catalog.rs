//! The catalog of faults: what each does, what should happen, and how a test checks it.
//!
//! The file `local/stack/faults.json` holds text and expected ending side by side, so that
//! they cannot drift apart: `tests/panel` plants each fault on a separate order and
//! compares the end. Faults and actions have the format of the scenarios.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::scenarios::Action;

/// One fault that a person can plant.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CatalogFault {
    /// A short name, unique in the catalog.
    pub(super) id: String,
    pub(super) title: String,
    /// What the fault does.
    pub(super) what: String,
    /// What should happen to the order.
    pub(super) outcome: String,
    /// The part of the order's life that it meets.
    pub(super) stage: Stage,
    /// The faults to inject, in the format of `/_faults`, without an order.
    #[serde(default)]
    pub(super) faults: Vec<Value>,
    /// What the fault does besides.
    #[serde(default)]
    pub(super) actions: Vec<Action>,
    /// What a person has to do so that the order ends.
    #[serde(default)]
    pub(super) resolve: Vec<Action>,
    /// How the order ends.
    pub(super) expect: Ending,
}

/// How an order ends after a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Ending {
    /// The order's status.
    pub(super) status: String,
    /// Whether it was authorized; if it was not captured, the hold is released again.
    pub(super) authorized: bool,
    /// What it needs in the end: `OPERATOR`, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) attention: Option<String>,
    /// Labels bought.
    pub(super) labels: u64,
    /// Labels refunded.
    pub(super) label_refunds: u64,
    /// What its timeline says besides the statuses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) timeline: Vec<String>,
}

/// A part of an order's life, up to the status that ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stage {
    /// The request that places the order.
    Placement,
    /// The authorization of the payment.
    Authorization,
    /// The reservation of the stock.
    Reservation,
    /// The purchase of the label.
    Shipping,
    /// The capture of the payment, or anything later.
    Capture,
}

impl Stage {
    /// Whether an order with this status has not passed the stage. An order that waits for
    /// an operator may run through every stage again.
    pub(super) fn is_ahead_of(self, status: &str) -> bool {
        let rank = match status {
            "RECEIVED" | "SCHEDULED" | "AUTHENTICATION_REQUIRED" | "NEEDS_ATTENTION" => {
                Self::Authorization
            }
            "AUTHORIZED" | "IN_REVIEW" | "BACKORDERED" => Self::Reservation,
            "RESERVED" => Self::Shipping,
            "SHIPPING" => Self::Capture,
            _ => return false,
        };
        self as u8 >= rank as u8
    }
}

/// All faults, in the order in which the page shows them.
pub(super) fn catalog() -> &'static [CatalogFault] {
    static CATALOG: OnceLock<Vec<CatalogFault>> = OnceLock::new();
    CATALOG.get_or_init(|| {
        let parsed = serde_json::from_str(include_str!("../../faults.json"));
        // A test parses the file, so this does not fail at run time.
        parsed.unwrap_or_else(|error| {
            tracing::error!(%error, "faults.json is not valid");
            Vec::new()
        })
    })
}

pub(super) fn find(id: &str) -> Option<&'static CatalogFault> {
    catalog().iter().find(|fault| fault.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use emulators::faults::Fault;

    use super::*;

    #[test]
    fn the_catalog_has_at_least_twelve_faults_with_plain_texts() {
        let parsed: Result<Vec<CatalogFault>, _> =
            serde_json::from_str(include_str!("../../faults.json"));
        assert!(parsed.is_ok(), "{parsed:?}");
        assert!(catalog().len() >= 12);
        let ids: BTreeSet<_> = catalog().iter().map(|fault| &fault.id).collect();
        assert_eq!(ids.len(), catalog().len(), "an id is used twice");
        for fault in catalog() {
            assert!(fault.title.chars().count() <= 70, "{}", fault.title);
            for text in [&fault.what, &fault.outcome] {
                assert!(text.ends_with('.') && text.len() > 20, "{}: {text}", fault.id);
            }
            assert!(!fault.faults.is_empty() || !fault.actions.is_empty(), "{}", fault.id);
            Fault::parse_list(&Value::Array(fault.faults.clone())).unwrap();
        }
    }

    #[test]
    fn a_stage_is_ahead_until_the_status_that_ends_it() {
        let check = |stage: Stage, status: &str, ahead: bool| {
            assert_eq!(stage.is_ahead_of(status), ahead, "{stage:?} at {status}");
        };
        check(Stage::Placement, "RECEIVED", false);
        check(Stage::Authorization, "SCHEDULED", true);
        check(Stage::Authorization, "IN_REVIEW", false);
        check(Stage::Authorization, "NEEDS_ATTENTION", true);
        check(Stage::Reservation, "IN_REVIEW", true);
        check(Stage::Shipping, "SHIPPING", false);
        check(Stage::Capture, "SHIPPING", true);
        check(Stage::Capture, "FULFILLED", false);
    }
}
