//! The observed outcome of a scenario, and its differences from the expected one.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ledger::Ledger;
use super::scenario::Expectation;
use super::stock_levels::StockLevel;
use crate::counters::Counts;
use crate::trace::EnteredState;

/// The observed outcome of a scenario. Its JSON form is the output of `--json`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The scenario's name.
    pub name: String,
    /// Whether everything is as expected.
    pub ok: bool,
    /// The order's final status.
    pub status: String,
    /// The error with which its last execution failed, if it did.
    pub error: Option<String>,
    /// The states that its executions entered, in order.
    pub states: Vec<String>,
    /// The order in the providers' ledgers.
    pub ledger: Ledger,
    /// The stock levels of the order's SKUs, afterwards.
    pub stock: Vec<StockLevel>,
    /// What the order used.
    pub counts: Counts,
    /// The change of `available` by SKU.
    #[serde(skip)]
    pub available_changes: BTreeMap<String, i64>,
    /// The details of its timeline.
    #[serde(skip)]
    pub timeline: Vec<String>,
    /// What the order needs: `OPERATOR`, ….
    #[serde(skip)]
    pub attention: Option<String>,
    /// The states of each of its executions, with their types.
    #[serde(skip)]
    pub executions: Vec<Vec<EnteredState>>,
    /// The ISO 4217 code of the order's currency.
    #[serde(skip)]
    pub currency: String,
    /// The traces of all executions.
    #[serde(skip)]
    pub trace: String,
    /// The order's id.
    #[serde(skip)]
    pub order_id: String,
    /// The differences from the expected outcome, one sentence each.
    #[serde(skip)]
    pub differences: Vec<String>,
}

impl Report {
    /// Adds the differences from the expected outcome and sets `ok`.
    pub fn compare(&mut self, expected: &Expectation) {
        let mut compare = |what: &str, expected: String, seen: String| {
            if expected != seen {
                self.differences.push(format!("{what}: expected {expected}, saw {seen}"));
            }
        };
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
        compare("status", expected.status.clone(), self.status.clone());
        compare("error", name(&expected.error), name(&self.error));
        compare("attention", name(&expected.attention), name(&self.attention));
        if let Some(states) = &expected.states {
            compare("states", states.join(" → "), self.states.join(" → "));
        }
        compare("ledger", format!("{:?}", expected.ledger), format!("{:?}", self.ledger));
        let changes = format!("{:?}", self.available_changes);
        compare("stock", format!("{:?}", expected.stock), changes);
        if let Some(timeline) = &expected.timeline {
            compare("timeline", timeline.join(", "), self.timeline.join(", "));
        }
        if let Some(counts) = &expected.counts {
            compare("counts", format!("{counts:?}"), format!("{:?}", by_name(&self.counts)));
        }
        self.ok = self.differences.is_empty();
    }
}

/// The counts by the names that they have in JSON.
fn by_name(counts: &Counts) -> BTreeMap<String, u64> {
    let counts = serde_json::to_value(counts).and_then(serde_json::from_value);
    counts.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected() -> Expectation {
        let counts = Counts { transitions: 7, ..Counts::default() };
        Expectation {
            status: "FULFILLED".into(),
            error: None,
            states: Some(vec!["A".into(), "B".into()]),
            ledger: Ledger { authorized: 5, captured: 5, labels: 1, ..Ledger::default() },
            stock: BTreeMap::from([("MUG".into(), -1)]),
            counts: Some(by_name(&counts)),
            timeline: Some(vec!["TAKEN_OVER".into()]),
            attention: None,
        }
    }

    fn seen() -> Report {
        let expected = expected();
        Report {
            name: "sample".into(),
            ok: false,
            status: expected.status,
            error: None,
            states: expected.states.unwrap_or_default(),
            ledger: expected.ledger,
            stock: Vec::new(),
            counts: Counts { transitions: 7, ..Counts::default() },
            available_changes: expected.stock,
            timeline: expected.timeline.unwrap_or_default(),
            attention: None,
            executions: Vec::new(),
            currency: "USD".into(),
            trace: String::new(),
            order_id: String::new(),
            differences: Vec::new(),
        }
    }

    #[test]
    fn the_expected_outcome_is_ok() {
        let mut report = seen();
        report.compare(&expected());
        assert!(report.ok, "{:?}", report.differences);
        let named = by_name(&report.counts);
        assert_eq!((named.len(), named["transitions"]), (7, 7));
    }

    #[test]
    fn every_difference_is_reported() {
        let check = |change: fn(&mut Report), expected_difference: &str| {
            let mut report = seen();
            change(&mut report);
            report.compare(&expected());
            assert!(!report.ok);
            let first = &report.differences[0];
            assert!(first.starts_with(expected_difference), "{:?}", report.differences);
        };
        check(|r| r.status = "CANCELLED".into(), "status: expected FULFILLED, saw CANCELLED");
        check(|r| r.error = Some("E".into()), "error: expected none, saw E");
        check(|r| r.states.push("C".into()), "states: expected A → B, saw A → B → C");
        check(|r| r.ledger.captured = 10, "ledger");
        check(|r| r.ledger.labels = 2, "ledger");
        check(|r| r.available_changes.clear(), "stock");
        check(|r| r.counts.transitions = 8, "counts");
        check(|r| r.counts.payment_calls = 1, "counts");
        check(|r| r.timeline.clear(), "timeline: expected TAKEN_OVER, saw ");
        check(|r| r.attention = Some("OPERATOR".into()), "attention: expected none");
        check(|r| r.differences.push("an action was never due".into()), "an action");
    }
}
