//! When a person must look, and how long an order may wait.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::payment::RiskLevel;
use crate::{Currency, Money, Timestamp};

/// Why a person must look at an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReviewReason {
    /// The total is at or above the configured threshold.
    TotalAboveThreshold,
    /// The gateway thinks the charge risky.
    ElevatedRisk,
}

/// From which total on a person must look, for each currency, in minor units.
///
/// A currency without a threshold needs no review for its total.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReviewPolicy(pub BTreeMap<Currency, u64>);

impl ReviewPolicy {
    /// Why a person must look; none when nobody must.
    pub fn reasons(&self, total: Money, risk: RiskLevel) -> Vec<ReviewReason> {
        let above_threshold =
            self.0.get(&total.currency()).is_some_and(|from| total.amount_minor() >= *from);
        let mut reasons = Vec::new();
        if above_threshold {
            reasons.push(ReviewReason::TotalAboveThreshold);
        }
        if risk == RiskLevel::Elevated {
            reasons.push(ReviewReason::ElevatedRisk);
        }
        reasons
    }
}

/// Until when a person may decide: two days after the authorisation, or two
/// days before it lapses, whichever is earlier.
pub fn review_deadline(authorized_at: Timestamp, capture_before: Timestamp) -> Timestamp {
    authorized_at.plus_hours(48).min(capture_before.plus_hours(-48))
}

/// Until when a back-order waits: four days after the first shortage, or a day
/// before the authorisation lapses, whichever is earlier.
pub fn restock_deadline(first_short_at: Timestamp, capture_before: Timestamp) -> Timestamp {
    first_short_at.plus_hours(96).min(capture_before.plus_hours(-24))
}

/// Whether the authorisation still holds long enough to buy a label: 12 hours.
pub fn may_buy_label(at: Timestamp, capture_before: Timestamp) -> bool {
    at.plus_hours(12) <= capture_before
}

/// Seconds until a deadline as a state's timeout wants them: at least 1.
pub fn timeout_seconds(deadline: Timestamp, at: Timestamp) -> u64 {
    deadline.seconds_since(at).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_review_is_asked_for_at_the_threshold_and_for_elevated_risk() {
        use ReviewReason::{ElevatedRisk, TotalAboveThreshold};
        let policy = ReviewPolicy(BTreeMap::from([(Currency::Usd, 50_000)]));
        let check = |amount, currency, risk, expected: &[ReviewReason]| {
            assert_eq!(policy.reasons(Money::new(amount, currency), risk), expected);
        };
        check(49_999, Currency::Usd, RiskLevel::Normal, &[]);
        check(50_000, Currency::Usd, RiskLevel::Normal, &[TotalAboveThreshold]);
        check(100, Currency::Usd, RiskLevel::Elevated, &[ElevatedRisk]);
        check(50_000, Currency::Usd, RiskLevel::Elevated, &[TotalAboveThreshold, ElevatedRisk]);
        check(99_000, Currency::Eur, RiskLevel::Normal, &[]);
    }

    #[test]
    fn deadlines_keep_clear_of_the_lapse_of_the_authorisation() {
        let now = at("2026-11-23T04:00:00Z");
        let week = at("2026-11-30T04:00:00Z");
        let soon = at("2026-11-26T04:00:00Z");
        assert_eq!(review_deadline(now, week), at("2026-11-25T04:00:00Z"));
        assert_eq!(review_deadline(now, soon), at("2026-11-24T04:00:00Z"));
        assert_eq!(restock_deadline(now, week), at("2026-11-27T04:00:00Z"));
        assert_eq!(restock_deadline(now, soon), at("2026-11-25T04:00:00Z"));
    }

    #[test]
    fn a_label_is_bought_only_with_twelve_hours_left() {
        let lapse = at("2026-11-23T16:00:00Z");
        assert!(may_buy_label(at("2026-11-23T04:00:00Z"), lapse));
        assert!(!may_buy_label(at("2026-11-23T04:00:00.001Z"), lapse));
    }

    #[test]
    fn a_timeout_is_at_least_one_second() {
        assert_eq!(timeout_seconds(at("2026-11-23T04:00:10Z"), at("2026-11-23T04:00:00Z")), 10);
        assert_eq!(timeout_seconds(at("2026-11-23T04:00:00Z"), at("2026-11-23T05:00:00Z")), 1);
    }
}
