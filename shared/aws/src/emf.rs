//! What is measured: the closed list of metrics, and the line of each.
//!
//! A metric is a log line in `CloudWatch`'s [embedded metric format], from which
//! it makes a number without a call from us. Every name and every dimension is a
//! word of this file, so nothing of an order can become one; no line names an
//! order. A metric with dimensions is counted by them and as a sum over all of
//! them, so that an alarm can watch either.
//!
//! [`metrics`](crate::metrics) derives those about orders from what was
//! written, [`instrumented`](crate::instrumented) those about providers from their answers.
//!
//! [embedded metric format]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

use domain::compensation::Outcome;
use domain::order::TimelineCode;
use domain::{Status, Timestamp};
use serde_json::{Map, Value, json};

/// The target of the events whose `line` is a metric's: [`telemetry`](crate::telemetry)
/// writes them as they are.
pub(crate) const TARGET: &str = "metric";

/// The namespace of the metrics.
const NAMESPACE: &str = "OrderProcessing";

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// `OrdersAccepted`, a count: an order was written down for the first time.
    OrdersAccepted,
    /// `OrdersFulfilled`, a count: an order was shipped and paid.
    OrdersFulfilled,
    /// `OrdersRejected`, a count by `Reason`: an order was closed otherwise.
    OrdersRejected(RejectionReason),
    /// `PaymentsDeclined`, a count: an order turned round because the bank refused its card.
    PaymentsDeclined,
    /// `CompensationsBegun`, a count by `Outcome`: an order turned round.
    CompensationsBegun(Outcome),
    /// `CompensationsEnded`, a count by `Outcome`: an order that turned round was closed.
    CompensationsEnded(Outcome),
    /// `CompensationsFailed`, a count by `Reason`: a person must help to undo an order.
    CompensationsFailed(AttentionReason),
    /// `AttentionRaised`, a count by `Reason`: a person is asked to look at an order.
    AttentionRaised(AttentionReason),
    /// `OutcomesUnknown`, a count by `Provider` and `Call`: a call may have had
    /// its effect or not.
    OutcomesUnknown(Provider, ProviderCall),
    /// `OutcomesResolved`, a count by `Provider`, `Call` and `Resolution`: it is
    /// known now which.
    OutcomesResolved(Provider, ProviderCall, Resolution),
    /// `ProviderLatency`, milliseconds by `Provider` and `Call`: a call has ended,
    /// however it did.
    ProviderLatency(Provider, ProviderCall, u64),
    /// `BooksDiffer`, a count by `Kind`: the books of the gateway, the carrier,
    /// the stock and the orders do not agree. The word is one of the closed list
    /// of whoever compares them.
    BooksDiffer(&'static str),
}

/// Why an order was closed that was not fulfilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectionReason {
    /// By this status.
    Status(Status),
    /// Nobody looked at it in time.
    ReviewExpired,
}

/// Why a person is asked to look at an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttentionReason {
    /// To decide about it.
    Review,
    /// It waits for a restock.
    Backorder,
    /// The state machine came to its end with it.
    Stuck,
    /// The reconciler gave it up.
    GivenUp,
    /// The carrier does not take its label back.
    LabelRefundRefused,
    /// Its money could not be given back.
    RefundFailed,
    /// It is closed, and what became of its money is not known.
    PaymentPendingFinalization,
    /// Its intent is for another amount.
    PaymentAmountDiffers,
    /// Its authorisation is about to lapse.
    AuthorizationExpiring,
    /// Its customer disputes the charge.
    Disputed,
    /// The books do not agree about it.
    BooksDiffer,
    /// Anything else; a word that is missing in this list.
    Other,
}

/// Who is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// The payment gateway.
    Payment,
    /// The carrier.
    Shipping,
}

/// What a provider is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProviderCall {
    /// To make an intent or a shipment.
    Create,
    /// To authorise.
    Confirm,
    /// To take the money.
    Capture,
    /// To give the hold up.
    Cancel,
    /// To sell the label.
    Buy,
    /// To give money or the price of a label back.
    Refund,
    /// What an intent or a shipment is.
    LookUp,
    /// Which refunds there are.
    Refunds,
    /// A part of its book.
    List,
    /// One entry of its book.
    Entry,
}

/// What an outcome that was unknown turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The effect is there: of that call, or of one that was made again.
    Effect,
    /// It had none.
    NoEffect,
    /// It does not matter: what may have been made costs nothing and is not used.
    Harmless,
}

/// The unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Count,
    Milliseconds,
}

/// By what a metric is told apart: names and words.
type Dimensions = Vec<(&'static str, &'static str)>;

impl Metric {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OrdersAccepted => "OrdersAccepted",
            Self::OrdersFulfilled => "OrdersFulfilled",
            Self::OrdersRejected(_) => "OrdersRejected",
            Self::PaymentsDeclined => "PaymentsDeclined",
            Self::CompensationsBegun(_) => "CompensationsBegun",
            Self::CompensationsEnded(_) => "CompensationsEnded",
            Self::CompensationsFailed(_) => "CompensationsFailed",
            Self::AttentionRaised(_) => "AttentionRaised",
            Self::OutcomesUnknown(..) => "OutcomesUnknown",
            Self::OutcomesResolved(..) => "OutcomesResolved",
            Self::ProviderLatency(..) => "ProviderLatency",
            Self::BooksDiffer(_) => "BooksDiffer",
        }
    }

    /// By what it is told apart.
    fn dimensions(self) -> Dimensions {
        let of = |provider: Provider, call: ProviderCall| {
            vec![("Provider", provider.word()), ("Call", call.word())]
        };
        match self {
            Self::OrdersAccepted | Self::OrdersFulfilled | Self::PaymentsDeclined => vec![],
            Self::OrdersRejected(why) => vec![("Reason", why.word())],
            Self::CompensationsBegun(outcome) | Self::CompensationsEnded(outcome) => {
                vec![("Outcome", outcome.status().as_str())]
            }
            Self::CompensationsFailed(why) | Self::AttentionRaised(why) => {
                vec![("Reason", why.word())]
            }
            Self::OutcomesUnknown(provider, call) | Self::ProviderLatency(provider, call, _) => {
                of(provider, call)
            }
            Self::OutcomesResolved(provider, call, resolution) => {
                [of(provider, call), vec![("Resolution", resolution.word())]].concat()
            }
            Self::BooksDiffer(kind) => vec![("Kind", kind)],
        }
    }

    const fn value(self) -> (u64, Unit) {
        match self {
            Self::ProviderLatency(_, _, millis) => (millis, Unit::Milliseconds),
            _ => (1, Unit::Count),
        }
    }

    /// The line, as of a moment.
    pub fn to_emf(self, at: Timestamp) -> Value {
        let (value, unit) = self.value();
        let dimensions = self.dimensions();
        let names: Vec<_> = dimensions.iter().map(|(name, _)| *name).collect();
        let sets = if names.is_empty() { json!([[]]) } else { json!([names, []]) };
        let directive = json!({
            "Namespace": NAMESPACE,
            "Dimensions": sets,
            "Metrics": [{"Name": self.name(), "Unit": unit.word()}],
        });
        let mut line = Map::new();
        line.insert(
            "_aws".to_owned(),
            json!({"Timestamp": at.to_jiff().as_millisecond(), "CloudWatchMetrics": [directive]}),
        );
        line.extend(dimensions.iter().map(|(name, word)| ((*name).to_owned(), json!(word))));
        line.insert(self.name().to_owned(), json!(value));
        Value::Object(line)
    }

    /// Writes the line.
    pub fn emit(self, at: Timestamp) {
        let line = self.to_emf(at).to_string();
        tracing::info!(target: TARGET, line = line.as_str());
    }
}

impl Unit {
    const fn word(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

impl RejectionReason {
    fn word(self) -> &'static str {
        match self {
            Self::Status(status) => status.as_str(),
            Self::ReviewExpired => "REVIEW_EXPIRED",
        }
    }
}

impl AttentionReason {
    /// Every reason but [`AttentionReason::Other`] for which a function raises attention,
    /// under the code that the timeline has for it.
    const CODES: [(TimelineCode, Self); 8] = [
        (TimelineCode::Escalated, Self::GivenUp),
        (TimelineCode::LabelRefundRefused, Self::LabelRefundRefused),
        (TimelineCode::RefundFailed, Self::RefundFailed),
        (TimelineCode::PaymentNotFinalized, Self::PaymentPendingFinalization),
        (TimelineCode::PaymentAmountMismatch, Self::PaymentAmountDiffers),
        (TimelineCode::AuthorizationExpiring, Self::AuthorizationExpiring),
        (TimelineCode::Disputed, Self::Disputed),
        (TimelineCode::LedgerMismatch, Self::BooksDiffer),
    ];

    /// The reason of a code of the timeline, if it is one.
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

    /// Whether this is about the undoing of an order that turned round.
    pub(crate) const fn is_compensation_failure(self) -> bool {
        matches!(
            self,
            Self::Stuck
                | Self::GivenUp
                | Self::LabelRefundRefused
                | Self::RefundFailed
                | Self::PaymentPendingFinalization
        )
    }
}

impl Provider {
    const fn word(self) -> &'static str {
        match self {
            Self::Payment => "GATEWAY",
            Self::Shipping => "CARRIER",
        }
    }
}

impl ProviderCall {
    const fn word(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Confirm => "CONFIRM",
            Self::Capture => "CAPTURE",
            Self::Cancel => "CANCEL",
            Self::Buy => "BUY",
            Self::Refund => "REFUND",
            Self::LookUp => "LOOK_UP",
            Self::Refunds => "REFUNDS",
            Self::List => "LIST",
            Self::Entry => "ENTRY",
        }
    }
}

impl Resolution {
    const fn word(self) -> &'static str {
        match self {
            Self::Effect => "EFFECT",
            Self::NoEffect => "NO_EFFECT",
            Self::Harmless => "HARMLESS",
        }
    }
}
