//! The rules that have numbers in them: when an order needs a review, and how long it may
//! wait.
//!
//! An authorization expires at `capture_before`, after about seven days, sooner for an
//! off-session payment. Every deadline ends early enough before it that the steps that
//! follow still fit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::payment::RiskLevel;
use crate::{Currency, Money, Timestamp};

/// Why an order needs a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::VariantArray)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReviewReason {
    /// The total is at or above the configured threshold.
    TotalAboveThreshold,
    /// The payment provider reports an elevated risk.
    ElevatedRisk,
    /// The payment provider wants the charge reviewed by a person.
    ProviderReview,
}

/// The total from which an order needs a review, for each currency, in minor units.
///
/// In a currency without a threshold no total needs a review.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReviewPolicy(pub BTreeMap<Currency, u64>);

impl ReviewPolicy {
    /// Why an order needs a review; empty if it needs none.
    pub fn reasons(&self, total: Money, risk: RiskLevel) -> Vec<ReviewReason> {
        let above_threshold = self
            .0
            .get(&total.currency())
            .is_some_and(|threshold| total.amount_minor() >= *threshold);
        let mut reasons = Vec::new();
        if above_threshold {
            reasons.push(ReviewReason::TotalAboveThreshold);
        }
        match risk {
            RiskLevel::Normal => {}
            RiskLevel::Elevated => reasons.push(ReviewReason::ElevatedRisk),
            RiskLevel::ManualReview => reasons.push(ReviewReason::ProviderReview),
        }
        reasons
    }
}

/// What the postage of a parcel may cost at most, for each currency, in minor units.
///
/// Without any entry there is no ceiling. Otherwise a rate in a currency without an entry
/// is not bought: its price cannot be judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostageCeiling(pub BTreeMap<Currency, u64>);

impl PostageCeiling {
    /// Whether postage may cost this.
    pub fn allows(&self, price: Money) -> bool {
        let ceiling = self.0.get(&price.currency());
        self.0.is_empty() || ceiling.is_some_and(|ceiling| price.amount_minor() <= *ceiling)
    }
}

/// The deadline of a review: two days after the authorization or two days before it
/// expires, whichever is earlier.
pub fn review_deadline(authorized_at: Timestamp, capture_before: Timestamp) -> Timestamp {
    authorized_at.plus_hours(48).min(capture_before.plus_hours(-48))
}

/// The deadline of a backorder: four days after the first shortage or one day before the
/// authorization expires, whichever is earlier.
pub fn restock_deadline(first_short_at: Timestamp, capture_before: Timestamp) -> Timestamp {
    first_short_at.plus_hours(96).min(capture_before.plus_hours(-24))
}

/// Whether the authorization lasts long enough to buy a label: at least 12 more hours.
pub fn may_buy_label(at: Timestamp, capture_before: Timestamp) -> bool {
    at.plus_hours(12) <= capture_before
}

/// The seconds until a deadline, for the timeout of a state: at least 1, the minimum that
/// the Amazon States Language allows.
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
    fn a_total_at_the_threshold_or_an_elevated_risk_needs_a_review() {
        use ReviewReason::{ElevatedRisk, ProviderReview, TotalAboveThreshold};
        let policy = ReviewPolicy(BTreeMap::from([(Currency::Usd, 50_000)]));
        let check = |amount, currency, risk, expected: &[ReviewReason]| {
            assert_eq!(policy.reasons(Money::new(amount, currency), risk), expected);
        };
        check(49_999, Currency::Usd, RiskLevel::Normal, &[]);
        check(50_000, Currency::Usd, RiskLevel::Normal, &[TotalAboveThreshold]);
        check(100, Currency::Usd, RiskLevel::Elevated, &[ElevatedRisk]);
        check(50_000, Currency::Usd, RiskLevel::Elevated, &[TotalAboveThreshold, ElevatedRisk]);
        check(100, Currency::Usd, RiskLevel::ManualReview, &[ProviderReview]);
        check(99_000, Currency::Eur, RiskLevel::Normal, &[]);
    }

    #[test]
    fn deadlines_end_before_the_authorization_expires() {
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
        let expires = at("2026-11-23T16:00:00Z");
        assert!(may_buy_label(at("2026-11-23T04:00:00Z"), expires));
        assert!(!may_buy_label(at("2026-11-23T04:00:00.001Z"), expires));
    }

    #[test]
    fn a_timeout_is_at_least_one_second() {
        assert_eq!(timeout_seconds(at("2026-11-23T04:00:10Z"), at("2026-11-23T04:00:00Z")), 10);
        assert_eq!(timeout_seconds(at("2026-11-23T04:00:00Z"), at("2026-11-23T05:00:00Z")), 1);
    }
}
