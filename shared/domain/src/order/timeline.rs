//! The timeline of an order: the history that its customer reads.

use serde::{Deserialize, Serialize};

use crate::{Status, Timestamp};

/// An entry of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// When it happened.
    pub at: Timestamp,
    /// The status from then on.
    pub status: Status,
    /// A [`TimelineCode`] and, after [`TimelineCode::Tracking`], the carrier's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What a timeline says besides the status. A code and never a text or a name, because
/// customers read it in any language.
///
/// The names are public; a deployed one is never renamed. Some are older than the terms
/// that the code uses now.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum TimelineCode {
    /// Compensation began.
    CompensationBegun,
    /// Compensation began because the review expired without a decision.
    ReviewExpired,
    /// The customer asked to cancel the order.
    CancellationRequested,
    /// The shipping provider rejected the refund of the label.
    LabelRefundRefused,
    /// A rejected refund of the label was submitted again.
    LabelRefundResubmitted,
    /// The parcel comes back or cannot be delivered.
    DeliveryFailed,
    /// The payment provider could not refund the payment.
    RefundFailed,
    /// The payment of a closed order could not be brought to its final state.
    #[strum(serialize = "PAYMENT_UNSETTLED")]
    PaymentNotFinalized,
    /// The payment provider holds another amount than the order's total.
    #[strum(serialize = "PAYMENT_AMOUNT_DIFFERS")]
    PaymentAmountMismatch,
    /// The shipping provider does not say what became of the label of a closed order.
    #[strum(serialize = "LABEL_UNSETTLED")]
    LabelNotFinalized,
    /// Money of a fulfilled order was refunded by hand, at the payment provider.
    PaymentRefunded,
    /// The order is closed, and the shop keeps the captured money.
    MoneyKept,
    /// The order is closed, and its label is not refunded.
    LabelKept,
    /// A provider shows something else than what an operator had recorded.
    SettlementDiffers,
    /// An operator acknowledged what was raised.
    Acknowledged,
    /// The authorization expires within a day.
    AuthorizationExpiring,
    /// The execution ended early; another one continues.
    #[strum(serialize = "TAKEN_OVER")]
    Restarted,
    /// The executions kept ending early; an operator must decide.
    #[strum(serialize = "GIVEN_UP")]
    Escalated,
    /// The customer disputes the charge.
    Disputed,
    /// Where the parcel is, in the carrier's word, which follows the code.
    Tracking,
    /// The order and another ledger disagree.
    #[strum(serialize = "BOOKS_DIFFER")]
    LedgerMismatch,
}

impl TimelineCode {
    /// Every code.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name in the timeline, such as `REFUND_FAILED`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether customers see it. The others are about the work of the shop.
    pub const fn is_public(self) -> bool {
        matches!(
            self,
            Self::CompensationBegun
                | Self::ReviewExpired
                | Self::CancellationRequested
                | Self::Tracking
        )
    }

    /// Whether it says that an operator must look at the order.
    pub const fn needs_operator(self) -> bool {
        matches!(
            self,
            Self::LabelRefundRefused
                | Self::DeliveryFailed
                | Self::RefundFailed
                | Self::PaymentNotFinalized
                | Self::PaymentAmountMismatch
                | Self::LabelNotFinalized
                | Self::MoneyKept
                | Self::LabelKept
                | Self::SettlementDiffers
                | Self::AuthorizationExpiring
                | Self::Escalated
                | Self::Disputed
                | Self::LedgerMismatch
        )
    }
}

impl TimelineEntry {
    /// The code of its detail, if it has one that is known.
    pub fn code(&self) -> Option<TimelineCode> {
        self.detail.as_deref()?.split(' ').next()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_have_the_names_that_are_on_record() {
        let names: Vec<_> = TimelineCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(
            names,
            [
                "COMPENSATION_BEGUN",
                "REVIEW_EXPIRED",
                "CANCELLATION_REQUESTED",
                "LABEL_REFUND_REFUSED",
                "LABEL_REFUND_RESUBMITTED",
                "DELIVERY_FAILED",
                "REFUND_FAILED",
                "PAYMENT_UNSETTLED",
                "PAYMENT_AMOUNT_DIFFERS",
                "LABEL_UNSETTLED",
                "PAYMENT_REFUNDED",
                "MONEY_KEPT",
                "LABEL_KEPT",
                "SETTLEMENT_DIFFERS",
                "ACKNOWLEDGED",
                "AUTHORIZATION_EXPIRING",
                "TAKEN_OVER",
                "GIVEN_UP",
                "DISPUTED",
                "TRACKING",
                "BOOKS_DIFFER",
            ]
        );
    }
}
