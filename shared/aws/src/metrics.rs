//! The closed list of metrics.
//!
//! Every name and every dimension value is a word of this file or of a closed list of
//! the domain, so no data of an order can become one, and no line names an order.
//!
//! `CloudWatch` bills each combination of name and dimension values, so a metric has at
//! most one dimension besides the stack, and only one that an alarm or the dashboard
//! reads. [`MetricName::dimension`] lists the values; a repository test holds that each
//! is read. More detail is in fields of the line, which queries of the logs can read.
//!
//! [`order_metrics`](crate::order_metrics) derives the metrics of orders from what was
//! written, [`instrumented`](crate::instrumented) those of providers from their
//! responses.

use domain::compensation::Outcome;
use domain::order::{Attention, TimelineCode};
use domain::{Status, Timestamp};
use serde_json::Value;

use crate::clock;
use crate::emf::{Measurement, TARGET, Unit};

/// The name of a metric.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr, strum::VariantArray,
)]
pub enum MetricName {
    /// Count: an order was written for the first time.
    OrdersAccepted,
    /// Count: an order was shipped and paid.
    OrdersFulfilled,
    /// Count by `Reason`: an order was closed without being fulfilled.
    OrdersRejected,
    /// Count: an order began compensation because the card issuer declined the card.
    PaymentsDeclined,
    /// Count: an order began compensation.
    CompensationsBegun,
    /// Count: an order was closed after its compensation.
    CompensationsEnded,
    /// Count: the compensation of an order needs an operator.
    CompensationsFailed,
    /// Count by `Attention`: an order needs attention.
    AttentionRaised,
    /// Seconds by `Attention`: how long the order that waits longest has needed it.
    AttentionAge,
    /// Count: the authorization of an open order expires within a day.
    AuthorizationsExpiring,
    /// Count by `Provider`: it is unknown whether a call took effect.
    OutcomesUnknown,
    /// Count by `Provider`: an unknown outcome became known.
    OutcomesResolved,
    /// Milliseconds by `Provider`: a call ended, with any outcome.
    ProviderLatency,
    /// Count: the ledgers of the payment provider, the shipping provider, the stock and
    /// the orders disagree.
    BooksDiffer,
    /// 1 for a comparison of the ledgers that read everything, 0 for one that did not.
    ComparisonsCompleted,
    /// Count: an execution ended without closing its order.
    ExecutionsEndedEarly,
    /// Count: the reconciler could not inspect an order that was due.
    InspectionsFailed,
    /// Seconds: how long the order that a sweep inspected latest had been due.
    SweepDelay,
}

/// The dimension that a metric has besides the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    /// Its name.
    pub name: &'static str,
    /// Every value that it can have.
    pub values: Vec<&'static str>,
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// See [`MetricName::OrdersAccepted`].
    OrdersAccepted,
    /// See [`MetricName::OrdersFulfilled`].
    OrdersFulfilled,
    /// The order was closed for this reason.
    OrdersRejected(RejectionReason),
    /// See [`MetricName::PaymentsDeclined`].
    PaymentsDeclined,
    /// Compensation with this outcome began.
    CompensationsBegun(Outcome),
    /// Compensation with this outcome ended.
    CompensationsEnded(Outcome),
    /// Compensation needs an operator for this reason.
    CompensationsFailed(AttentionReason),
    /// The order needs attention for this reason.
    AttentionRaised(AttentionReason),
    /// The longest wait for this attention, in seconds.
    AttentionAge(Attention, u64),
    /// See [`MetricName::AuthorizationsExpiring`].
    AuthorizationsExpiring,
    /// The outcome of this call is unknown.
    OutcomesUnknown(Provider, ProviderCall),
    /// The outcome of this call became known.
    OutcomesResolved(Provider, ProviderCall, Resolution),
    /// This call took so many milliseconds.
    ProviderLatency(Provider, ProviderCall, u64),
    /// The ledgers disagree in this way: a word of the closed list of the reconciliation.
    LedgerMismatch(&'static str),
    /// A comparison ended, complete or not.
    ComparisonsCompleted(bool),
    /// See [`MetricName::ExecutionsEndedEarly`].
    ExecutionsEndedEarly,
    /// So many orders could not be inspected.
    InspectionsFailed(u32),
    /// The longest delay of a sweep, in seconds.
    SweepDelay(u64),
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
    /// Its parcel comes back or cannot be delivered.
    DeliveryFailed,
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
    /// Asks for the rates of a shipment once more.
    Rerate,
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

impl MetricName {
    /// Every metric.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name in `CloudWatch`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The dimension that it has besides the stack, if any.
    pub fn dimension(self) -> Option<Dimension> {
        let (name, values) = match self {
            Self::OrdersRejected => ("Reason", RejectionReason::words()),
            Self::AttentionRaised | Self::AttentionAge => {
                ("Attention", Attention::ALL.iter().map(|one| attention_word(*one)).collect())
            }
            Self::OutcomesUnknown | Self::OutcomesResolved | Self::ProviderLatency => {
                ("Provider", [Provider::Payment, Provider::Shipping].map(<&str>::from).into())
            }
            _ => return None,
        };
        Some(Dimension { name, values })
    }

    /// The number of metrics that `CloudWatch` bills under this name, for one stack.
    pub fn billed(self) -> usize {
        self.dimension().map_or(1, |dimension| dimension.values.len())
    }

    const fn unit(self) -> Unit {
        match self {
            Self::ProviderLatency => Unit::Milliseconds,
            Self::AttentionAge | Self::SweepDelay => Unit::Seconds,
            _ => Unit::Count,
        }
    }
}

impl Metric {
    /// The metric's name.
    pub const fn name(self) -> MetricName {
        match self {
            Self::OrdersAccepted => MetricName::OrdersAccepted,
            Self::OrdersFulfilled => MetricName::OrdersFulfilled,
            Self::OrdersRejected(_) => MetricName::OrdersRejected,
            Self::PaymentsDeclined => MetricName::PaymentsDeclined,
            Self::CompensationsBegun(_) => MetricName::CompensationsBegun,
            Self::CompensationsEnded(_) => MetricName::CompensationsEnded,
            Self::CompensationsFailed(_) => MetricName::CompensationsFailed,
            Self::AttentionRaised(_) => MetricName::AttentionRaised,
            Self::AttentionAge(..) => MetricName::AttentionAge,
            Self::AuthorizationsExpiring => MetricName::AuthorizationsExpiring,
            Self::OutcomesUnknown(..) => MetricName::OutcomesUnknown,
            Self::OutcomesResolved(..) => MetricName::OutcomesResolved,
            Self::ProviderLatency(..) => MetricName::ProviderLatency,
            Self::LedgerMismatch(_) => MetricName::BooksDiffer,
            Self::ComparisonsCompleted(_) => MetricName::ComparisonsCompleted,
            Self::ExecutionsEndedEarly => MetricName::ExecutionsEndedEarly,
            Self::InspectionsFailed(_) => MetricName::InspectionsFailed,
            Self::SweepDelay(_) => MetricName::SweepDelay,
        }
    }

    /// The line for `CloudWatch`.
    pub fn to_emf(self, at: Timestamp) -> Value {
        let name = self.name();
        let measurement = Measurement {
            name: name.as_str(),
            value: self.value(),
            unit: name.unit(),
            dimension: name.dimension().map(|dimension| dimension.name),
            fields: self.fields(),
        };
        measurement.to_line(at)
    }

    /// Writes the line to the log, dated now. The time of an event may lie hours back, when
    /// its step was retried for long, and an alarm looks only at the last minutes.
    pub fn emit_now(self) {
        self.emit(clock::now());
    }

    /// Writes the line to the log.
    pub fn emit(self, at: Timestamp) {
        let line = self.to_emf(at).to_string();
        tracing::info!(target: TARGET, line = line.as_str());
    }

    fn value(self) -> u64 {
        match self {
            Self::ProviderLatency(.., value)
            | Self::AttentionAge(_, value)
            | Self::SweepDelay(value) => value,
            Self::ComparisonsCompleted(is_complete) => is_complete.into(),
            Self::InspectionsFailed(count) => count.into(),
            _ => 1,
        }
    }

    /// What the line says besides the value: the value of the dimension, and detail.
    fn fields(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::OrdersRejected(reason) => vec![("Reason", reason.word())],
            Self::CompensationsBegun(outcome) | Self::CompensationsEnded(outcome) => {
                vec![("Outcome", outcome.status().as_str())]
            }
            Self::CompensationsFailed(reason) => vec![("Reason", reason.word())],
            Self::AttentionRaised(reason) => {
                vec![("Attention", attention_word(reason.attention())), ("Reason", reason.word())]
            }
            Self::AttentionAge(attention, _) => vec![("Attention", attention_word(attention))],
            Self::OutcomesUnknown(provider, call) | Self::ProviderLatency(provider, call, _) => {
                vec![("Provider", provider.into()), ("Call", call.into())]
            }
            Self::OutcomesResolved(provider, call, resolution) => vec![
                ("Provider", provider.into()),
                ("Call", call.into()),
                ("Resolution", resolution.into()),
            ],
            Self::LedgerMismatch(kind) => vec![("Kind", kind)],
            Self::OrdersAccepted
            | Self::OrdersFulfilled
            | Self::PaymentsDeclined
            | Self::AuthorizationsExpiring
            | Self::ComparisonsCompleted(_)
            | Self::ExecutionsEndedEarly
            | Self::InspectionsFailed(_)
            | Self::SweepDelay(_) => vec![],
        }
    }
}

const fn attention_word(attention: Attention) -> &'static str {
    match attention {
        Attention::Review => "REVIEW",
        Attention::Backorder => "BACKORDER",
        Attention::Operator => "OPERATOR",
    }
}

impl RejectionReason {
    /// The words of every reason.
    fn words() -> Vec<&'static str> {
        let is_rejection = |status: &Status| status.is_closed() && *status != Status::Fulfilled;
        let statuses = Status::ALL.iter().copied().filter(is_rejection).map(Self::Status);
        statuses.chain([Self::ReviewExpired]).map(Self::word).collect()
    }

    fn word(self) -> &'static str {
        match self {
            Self::Status(status) => status.as_str(),
            Self::ReviewExpired => TimelineCode::ReviewExpired.as_str(),
        }
    }
}

impl AttentionReason {
    /// The reasons that the timeline records, by their timeline codes.
    const CODES: [(TimelineCode, Self); 9] = [
        (TimelineCode::Escalated, Self::Escalated),
        (TimelineCode::LabelRefundRefused, Self::LabelRefundRefused),
        (TimelineCode::DeliveryFailed, Self::DeliveryFailed),
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

    /// The attention that the order needs.
    const fn attention(self) -> Attention {
        match self {
            Self::Review => Attention::Review,
            Self::Backorder => Attention::Backorder,
            _ => Attention::Operator,
        }
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
