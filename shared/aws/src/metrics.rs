//! The closed list of metrics.
//!
//! Every name and every dimension value is a word of this file or of a closed list of
//! the domain, so no data of an order can become one, and no line names an order.
//!
//! [`order_metrics`](crate::order_metrics) derives the metrics of orders from what was
//! written, [`instrumented`](crate::instrumented) those of providers from their
//! responses.

use domain::compensation::Outcome;
use domain::order::TimelineCode;
use domain::{Status, Timestamp};
use serde_json::Value;

use crate::emf::{Measurement, TARGET, Unit};

/// One measurement. Variants are named after the metrics unless noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
pub enum Metric {
    /// Count: an order was written for the first time.
    OrdersAccepted,
    /// Count: an order was shipped and paid.
    OrdersFulfilled,
    /// Count by `Reason`: an order was closed without being fulfilled.
    OrdersRejected(RejectionReason),
    /// Count: an order began compensation because the card issuer declined the card.
    PaymentsDeclined,
    /// Count by `Outcome`: an order began compensation.
    CompensationsBegun(Outcome),
    /// Count by `Outcome`: an order was closed after its compensation.
    CompensationsEnded(Outcome),
    /// Count by `Reason`: the compensation of an order needs an operator.
    CompensationsFailed(AttentionReason),
    /// Count by `Reason`: an order needs an operator.
    AttentionRaised(AttentionReason),
    /// Count by `Provider` and `Call`: it is unknown whether a call took effect.
    OutcomesUnknown(Provider, ProviderCall),
    /// Count by `Provider`, `Call` and `Resolution`: an unknown outcome became known.
    OutcomesResolved(Provider, ProviderCall, Resolution),
    /// Milliseconds by `Provider` and `Call`: a call ended, with any outcome.
    ProviderLatency(Provider, ProviderCall, u64),
    /// `BooksDiffer`, a count by `Kind`: the ledgers of the payment provider, the
    /// shipping provider, the stock and the orders disagree. The word is one of the
    /// closed list of the reconciliation.
    #[strum(serialize = "BooksDiffer")]
    LedgerMismatch(&'static str),
}

/// Why an order was closed without being fulfilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectionReason {
    /// The status that it was closed with.
    Status(Status),
    /// No operator reviewed it in time.
    ReviewExpired,
}

/// Why an order needs an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttentionReason {
    /// It waits for a review.
    Review,
    /// It waits for a restock.
    Backorder,
    /// It waits for an operator after a state of the workflow failed.
    Stuck,
    /// Its executions kept ending early.
    Escalated,
    /// The shipping provider refused to refund its label.
    LabelRefundRefused,
    /// Its payment could not be refunded.
    RefundFailed,
    /// It is closed, and the final state of its payment is unknown.
    PaymentPendingFinalization,
    /// Its payment intent has another amount.
    PaymentAmountMismatch,
    /// Its authorization is about to expire.
    AuthorizationExpiring,
    /// Its customer disputes the charge.
    Disputed,
    /// The ledgers disagree about it.
    LedgerMismatch,
    /// A reason that this list lacks.
    Other,
}

/// A provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
pub enum Provider {
    /// The payment provider.
    #[strum(serialize = "GATEWAY")]
    Payment,
    /// The shipping provider.
    #[strum(serialize = "CARRIER")]
    Shipping,
}

/// A call to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ProviderCall {
    /// Creates a payment intent or a shipment.
    Create,
    /// Authorizes a payment.
    Confirm,
    /// Captures a payment.
    Capture,
    /// Cancels an authorization.
    Cancel,
    /// Buys a label.
    Buy,
    /// Refunds a payment or a label.
    Refund,
    /// Retrieves a payment intent or a shipment.
    #[strum(serialize = "LOOK_UP")]
    Retrieve,
    /// Lists the refunds of a payment intent.
    Refunds,
    /// Lists a page of the ledger.
    List,
    /// Retrieves one entry of the ledger.
    Entry,
}

/// What an unknown outcome turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Resolution {
    /// The call took effect, or a repeat of it did.
    Effect,
    /// The call took no effect.
    NoEffect,
    /// It does not matter: what the call may have created costs nothing and is unused.
    Harmless,
}

impl Metric {
    /// The metric's name.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The line for `CloudWatch`.
    pub fn to_emf(self, at: Timestamp) -> Value {
        let (value, unit) = match self {
            Self::ProviderLatency(_, _, millis) => (millis, Unit::Milliseconds),
            _ => (1, Unit::Count),
        };
        Measurement { name: self.name(), value, unit, dimensions: self.dimensions() }.to_line(at)
    }

    /// Writes the line to the log.
    pub fn emit(self, at: Timestamp) {
        let line = self.to_emf(at).to_string();
        tracing::info!(target: TARGET, line = line.as_str());
    }

    fn dimensions(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::OrdersAccepted | Self::OrdersFulfilled | Self::PaymentsDeclined => vec![],
            Self::OrdersRejected(reason) => vec![("Reason", reason.word())],
            Self::CompensationsBegun(outcome) | Self::CompensationsEnded(outcome) => {
                vec![("Outcome", outcome.status().as_str())]
            }
            Self::CompensationsFailed(reason) | Self::AttentionRaised(reason) => {
                vec![("Reason", reason.word())]
            }
            Self::OutcomesUnknown(provider, call) | Self::ProviderLatency(provider, call, _) => {
                vec![("Provider", provider.into()), ("Call", call.into())]
            }
            Self::OutcomesResolved(provider, call, resolution) => vec![
                ("Provider", provider.into()),
                ("Call", call.into()),
                ("Resolution", resolution.into()),
            ],
            Self::LedgerMismatch(kind) => vec![("Kind", kind)],
        }
    }
}

impl RejectionReason {
    fn word(self) -> &'static str {
        match self {
            Self::Status(status) => status.as_str(),
            Self::ReviewExpired => TimelineCode::ReviewExpired.as_str(),
        }
    }
}

impl AttentionReason {
    /// The reasons that the timeline records, by their timeline codes.
    const CODES: [(TimelineCode, Self); 8] = [
        (TimelineCode::Escalated, Self::Escalated),
        (TimelineCode::LabelRefundRefused, Self::LabelRefundRefused),
        (TimelineCode::RefundFailed, Self::RefundFailed),
        (TimelineCode::PaymentNotFinalized, Self::PaymentPendingFinalization),
        (TimelineCode::PaymentAmountMismatch, Self::PaymentAmountMismatch),
        (TimelineCode::AuthorizationExpiring, Self::AuthorizationExpiring),
        (TimelineCode::Disputed, Self::Disputed),
        (TimelineCode::LedgerMismatch, Self::LedgerMismatch),
    ];

    /// The reason that a timeline code stands for, if any.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        Self::CODES.iter().find(|(known, _)| known.as_str() == code).map(|(_, reason)| *reason)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Review => "REVIEW",
            Self::Backorder => "BACKORDER",
            Self::Stuck => "STUCK",
            Self::Other => "OTHER",
            coded => Self::CODES
                .iter()
                .find(|(_, reason)| *reason == coded)
                .map_or("OTHER", |(code, _)| code.as_str()),
        }
    }

    /// Whether the reason counts as a failed compensation if the order is compensating.
    pub(crate) const fn is_compensation_failure(self) -> bool {
        matches!(
            self,
            Self::Stuck
                | Self::Escalated
                | Self::LabelRefundRefused
                | Self::RefundFailed
                | Self::PaymentPendingFinalization
        )
    }
}
