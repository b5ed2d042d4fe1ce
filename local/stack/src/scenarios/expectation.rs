//! What was seen of a scenario, and how it differs from what was expected.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Expect;
use crate::counters::Counts;

/// The cumulative sums of both providers' books for one order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Ledger {
    /// Held on the card, ever, in minor units.
    pub authorized: i64,
    /// Taken from the card, ever, in minor units.
    pub captured: i64,
    /// Held and given back without being taken, in minor units.
    pub voided: i64,
    /// Taken and given back, in minor units.
    pub refunded: i64,
    /// Labels bought.
    pub labels: u64,
    /// Labels given back, or on their way back.
    pub label_refunds: u64,
}

/// A shelf, with what is set aside of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shelf {
    /// What lies on it.
    pub sku: String,
    /// How many were ever put there.
    pub received: i64,
    /// How many can be reserved.
    pub available: i64,
    /// How many are set aside for orders and not given back.
    pub reserved: i64,
}

/// What was seen of a scenario.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The scenario's name.
    pub name: String,
    /// Whether all of it is as expected.
    pub ok: bool,
    /// The order's status in the end.
    pub status: String,
    /// The error with which its execution failed, if it did.
    pub error: Option<String>,
    /// The states that were entered.
    pub states: Vec<String>,
    /// The providers' books.
    pub ledger: Ledger,
    /// The shelves of the order's lines, after it.
    pub stock: Vec<Shelf>,
    /// What it took.
    pub counts: Counts,
    /// By how much what is available of each SKU changed.
    #[serde(skip)]
    pub taken: BTreeMap<String, i64>,
    /// The words in its timeline.
    #[serde(skip)]
    pub timeline: Vec<String>,
    /// What a person is asked for about it.
    #[serde(skip)]
    pub attention: Option<String>,
    /// Its executions as trees of text.
    #[serde(skip)]
    pub transcript: String,
    /// The order's id.
    #[serde(skip)]
    pub order_id: String,
    /// Everything that is not as expected, one sentence each.
    #[serde(skip)]
    pub differences: Vec<String>,
}

impl Report {
    /// Compares what was seen with what was expected, besides what already went wrong.
    pub fn judge(&mut self, expect: &Expect) {
        let mut differ = |what: &str, expected: String, seen: String| {
            if expected != seen {
                self.differences.push(format!("{what}: expected {expected}, saw {seen}"));
            }
        };
        differ("status", expect.status.clone(), self.status.clone());
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
        differ("error", name(&expect.error), name(&self.error));
        differ("attention", name(&expect.attention), name(&self.attention));
        differ("states", expect.states.join(" → "), self.states.join(" → "));
        differ("ledger", format!("{:?}", expect.ledger), format!("{:?}", self.ledger));
        differ("stock", format!("{:?}", expect.stock), format!("{:?}", self.taken));
        if let Some(timeline) = &expect.timeline {
            differ("timeline", timeline.join(", "), self.timeline.join(", "));
        }
        self.ok = self.differences.is_empty();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expect() -> Expect {
        Expect {
            status: "FULFILLED".into(),
            error: None,
            states: vec!["A".into(), "B".into()],
            ledger: Ledger { authorized: 5, captured: 5, labels: 1, ..Ledger::default() },
            stock: BTreeMap::from([("MUG".into(), -1)]),
            timeline: Some(vec!["TAKEN_OVER".into()]),
            attention: None,
        }
    }

    fn seen() -> Report {
        let expect = expect();
        Report {
            name: "sample".into(),
            ok: false,
            status: expect.status,
            error: None,
            states: expect.states,
            ledger: expect.ledger,
            stock: Vec::new(),
            counts: Counts::default(),
            taken: expect.stock,
            timeline: expect.timeline.unwrap_or_default(),
            attention: None,
            transcript: String::new(),
            order_id: String::new(),
            differences: Vec::new(),
        }
    }

    #[test]
    fn what_is_as_expected_is_ok() {
        let mut report = seen();
        report.judge(&expect());
        assert!(report.ok, "{:?}", report.differences);
    }

    #[test]
    fn every_difference_is_named() {
        let check = |change: fn(&mut Report), expected: &str| {
            let mut report = seen();
            change(&mut report);
            report.judge(&expect());
            assert!(!report.ok);
            assert!(report.differences[0].starts_with(expected), "{:?}", report.differences);
        };
        check(|r| r.status = "CANCELLED".into(), "status: expected FULFILLED, saw CANCELLED");
        check(|r| r.error = Some("E".into()), "error: expected none, saw E");
        check(|r| r.states.push("C".into()), "states: expected A → B, saw A → B → C");
        check(|r| r.ledger.captured = 10, "ledger");
        check(|r| r.ledger.labels = 2, "ledger");
        check(|r| r.taken.clear(), "stock");
        check(|r| r.timeline.clear(), "timeline: expected TAKEN_OVER, saw ");
        check(|r| r.attention = Some("OPERATOR".into()), "attention: expected none");
        check(|r| r.differences.push("an action never came due".into()), "an action");
    }
}
