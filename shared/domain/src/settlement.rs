//! What an operator records by hand about money or label where a provider gives no answer.
//!
//! A claim is never believed over the provider. Each step looks first; the claim counts only
//! where the lookup fails or stays undecided, and for money or a label that the operator
//! lets the shop keep. A closed order with a claim is watched until the provider's own answer
//! agrees or an operator acknowledged the difference.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::payment::{PaymentIntent, PaymentIntentState, PaymentStatus};
use crate::shipment::{LabelRefund, LabelRefundState, ProviderShipment};

/// What an operator says about the customer's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum MoneyClaim {
    /// The shop has it and keeps it.
    Captured,
    /// The customer has it back.
    Refunded,
    /// It was never captured, and no hold is left.
    Voided,
}

/// What an operator says about the label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum LabelClaim {
    /// Its refund is on its way.
    Refunded,
    /// It was bought, and the shop bears the postage.
    Kept,
    /// None was bought.
    None,
}

/// What an operator claims with one decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Claims {
    /// About the money.
    pub money: Option<MoneyClaim>,
    /// About the label.
    pub label: Option<LabelClaim>,
}

/// The latest claims on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// About the money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<MoneyClaim>,
    /// About the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<LabelClaim>,
    /// When the latest was recorded.
    pub at: Timestamp,
}

impl MoneyClaim {
    /// The status that it stands for.
    pub const fn status(self) -> PaymentStatus {
        match self {
            Self::Captured => PaymentStatus::Captured,
            Self::Refunded => PaymentStatus::Refunded,
            Self::Voided => PaymentStatus::Voided,
        }
    }

    /// Whether the payment provider shows the same.
    pub const fn agrees_with(self, intent: &PaymentIntent) -> bool {
        match (self, intent.state) {
            (Self::Captured, PaymentIntentState::Succeeded) => intent.refunded_minor == 0,
            (Self::Refunded, PaymentIntentState::Succeeded) => intent.is_refunded_in_full(),
            (Self::Voided, PaymentIntentState::Canceled) => true,
            _ => false,
        }
    }
}

impl LabelClaim {
    /// The refund that it stands for.
    pub const fn refund(self) -> LabelRefund {
        match self {
            Self::Refunded => LabelRefund::Submitted,
            Self::Kept => LabelRefund::Kept,
            Self::None => LabelRefund::None,
        }
    }

    /// Whether the shipping provider shows the same.
    pub const fn agrees_with(self, shipment: &ProviderShipment) -> bool {
        let is_bought = shipment.bought.is_some();
        match self {
            // A label that the carrier does not charge for costs as little as a refunded one.
            Self::Refunded => matches!(
                shipment.refund,
                LabelRefundState::Submitted
                    | LabelRefundState::Refunded
                    | LabelRefundState::NotApplicable
            ),
            Self::Kept => is_bought && matches!(shipment.refund, LabelRefundState::NotRequested),
            Self::None => !is_bought && matches!(shipment.refund, LabelRefundState::NotRequested),
        }
    }
}

impl Claims {
    /// The claims in words, for the audit history: `money voided, label kept`.
    pub fn describe(self) -> String {
        let money = self.money.map(|claim| format!("money {claim}"));
        let label = self.label.map(|claim| format!("label {claim}"));
        money.into_iter().chain(label).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::RiskLevel;
    use crate::shipment::BoughtLabel;
    use crate::{Currency, Money, PaymentIntentId, ShipmentId};

    #[test]
    fn a_claim_about_money_agrees_with_one_state_of_the_intent() {
        use PaymentIntentState as S;
        let check = |state, refunded_minor, expected: &[MoneyClaim]| {
            let intent = PaymentIntent {
                id: PaymentIntentId::parse("intent-1").unwrap(),
                state,
                amount: Money::new(500, Currency::Usd),
                received_minor: if state == S::Succeeded { 500 } else { 0 },
                refunded_minor,
                capture_before: None,
                risk: RiskLevel::Normal,
                disputed: false,
            };
            for claim in [MoneyClaim::Captured, MoneyClaim::Refunded, MoneyClaim::Voided] {
                assert_eq!(claim.agrees_with(&intent), expected.contains(&claim), "{claim}");
            }
        };
        check(S::Succeeded, 0, &[MoneyClaim::Captured]);
        check(S::Succeeded, 499, &[]);
        check(S::Succeeded, 500, &[MoneyClaim::Refunded]);
        check(S::Canceled, 0, &[MoneyClaim::Voided]);
        check(S::RequiresCapture, 0, &[]);
        check(S::Processing, 0, &[]);
    }

    #[test]
    fn a_claim_about_a_label_agrees_with_one_state_of_the_shipment() {
        use LabelRefundState as R;
        let check = |is_bought: bool, refund, expected: &[LabelClaim]| {
            let shipment = ProviderShipment {
                id: ShipmentId::parse("shipment-1").unwrap(),
                rates: vec![],
                bought: is_bought.then(BoughtLabel::default),
                refund,
                tracking: None,
            };
            for claim in [LabelClaim::Refunded, LabelClaim::Kept, LabelClaim::None] {
                assert_eq!(claim.agrees_with(&shipment), expected.contains(&claim), "{claim}");
            }
        };
        check(true, R::NotRequested, &[LabelClaim::Kept]);
        check(false, R::NotRequested, &[LabelClaim::None]);
        check(true, R::Submitted, &[LabelClaim::Refunded]);
        check(true, R::Refunded, &[LabelClaim::Refunded]);
        check(true, R::NotApplicable, &[LabelClaim::Refunded]);
        check(true, R::Rejected, &[]);
    }
}
