//! What an operator needs to know of an order: where it is, why it needs attention, and
//! what the record knows and does not know of money, label and stock.

use serde::Serialize;

use super::record::Order;
use super::timeline::{TimelineCode, TimelineEntry};
use crate::attention::Attention;
use crate::payment::PaymentStatus;
use crate::shipment::LabelRefund;
use crate::steps::State;
use crate::{Sku, Status, Timestamp};

/// Why an order needs attention, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaisedAttention<'a> {
    /// The reason.
    pub kind: Attention,
    /// When it was raised.
    pub since: Timestamp,
    /// The code that the timeline gives, such as `REFUND_FAILED`.
    pub cause: Option<&'a str>,
}

/// The customer's money, as far as the record knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::VariantArray)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MoneyFact {
    /// Nothing was authorized.
    None,
    /// The card issuer holds it.
    Authorized,
    /// The shop has it.
    Captured,
    /// The hold is released.
    Voided,
    /// It is refunded, or the refund is on its way.
    Refunded,
    /// The refund failed.
    RefundFailed,
}

/// The label, as far as the record knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::VariantArray)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LabelFact {
    /// None was bought.
    None,
    /// It was bought.
    Bought,
    /// Its refund was submitted.
    RefundSubmitted,
    /// The shipping provider refused to refund it.
    RefundRefused,
    /// It was bought, and an operator had it kept.
    Kept,
}

/// The stock, which is always known: it changes in the same transaction as the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::VariantArray)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StockFact {
    /// Nothing was reserved.
    None,
    /// Every line is reserved.
    Reserved,
    /// The reservation was released.
    Released,
}

/// The facts on record. A provider's object may have changed after the last write: then
/// the fact is what was recorded last, and it is not known whether it still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedFacts {
    /// The money.
    pub money: MoneyFact,
    /// Whether no call that may have changed it is without a recorded result.
    pub money_is_known: bool,
    /// The label.
    pub label: LabelFact,
    /// Whether no call that may have changed it is without a recorded result.
    pub label_is_known: bool,
    /// The stock.
    pub stock: StockFact,
}

impl Order {
    /// The state of the workflow that the order is in; none once it is closed.
    pub fn current_state(&self) -> Option<State> {
        if self.status.is_closed() || self.status == Status::NeedsAttention {
            return State::holding(self.status);
        }
        if self.compensation.is_some() {
            return Some(self.next_compensating_state());
        }
        if self.status == Status::Shipping && self.has_live_label() {
            return Some(State::CapturePayment);
        }
        State::holding(self.status)
    }

    /// Compensation runs in reverse: label, stock, payment.
    fn next_compensating_state(&self) -> State {
        if self.has_open_shipment() {
            State::CancelShipment
        } else if self.holds_stock() {
            State::ReleaseInventory
        } else {
            State::CancelPayment
        }
    }

    /// Why the order needs attention, if it does.
    pub fn raised_attention(&self) -> Option<RaisedAttention<'_>> {
        let kind = self.attention?;
        let raised = self.timeline.iter().rev().find(|entry| raises(kind, entry));
        let since = match (kind, &self.backorder) {
            (Attention::Backorder, Some(wait)) => wait.since,
            _ => raised.map_or(self.updated_at, |entry| entry.at),
        };
        let account = self.attention_cause.as_ref().filter(|_| kind == Attention::Operator);
        let cause = match account {
            Some(cause) => Some(cause.problem.into()),
            None => raised.and_then(|entry| entry.detail.as_deref()),
        };
        Some(RaisedAttention { kind, since, cause })
    }

    /// By when an order that waits must be decided about or restocked.
    pub fn deadline(&self) -> Option<Timestamp> {
        match self.status {
            Status::InReview => self.review.as_ref()?.deadline,
            Status::Backordered => Some(self.backorder.as_ref()?.deadline),
            _ => None,
        }
    }

    /// The SKUs that were short, if that is why the order failed.
    pub fn short_skus(&self) -> Vec<&Sku> {
        let failed = self.compensation.iter().flat_map(|compensation| compensation.failed.values());
        let mut skus: Vec<_> =
            failed.flat_map(|state| &state.shortages).map(|shortage| &shortage.sku).collect();
        skus.sort();
        skus.dedup();
        skus
    }

    /// What the record knows of money, label and stock.
    pub fn recorded_facts(&self) -> RecordedFacts {
        let is_unconfirmed = self.has_unconfirmed_claims();
        let money_is_claimed = is_unconfirmed && self.money_claim().is_some();
        let label_is_claimed = is_unconfirmed && self.label_claim().is_some();
        RecordedFacts {
            money: match self.payment.status {
                PaymentStatus::None => MoneyFact::None,
                PaymentStatus::Authorized => MoneyFact::Authorized,
                PaymentStatus::Captured => MoneyFact::Captured,
                PaymentStatus::Voided => MoneyFact::Voided,
                PaymentStatus::Refunded => MoneyFact::Refunded,
                PaymentStatus::RefundFailed => MoneyFact::RefundFailed,
            },
            money_is_known: !self.payment_call_may_be_open() && !money_is_claimed,
            label: match &self.shipment {
                Some(shipment) => match (&shipment.refund, &shipment.label) {
                    (Some(LabelRefund::Refused), _) => LabelFact::RefundRefused,
                    (Some(LabelRefund::Kept), _) => LabelFact::Kept,
                    (Some(LabelRefund::Submitted | LabelRefund::NotApplicable), _) => {
                        LabelFact::RefundSubmitted
                    }
                    (None, Some(_)) => LabelFact::Bought,
                    (_, _) => LabelFact::None,
                },
                None => LabelFact::None,
            },
            label_is_known: !self.label_call_may_be_open() && !label_is_claimed,
            stock: match &self.reservation {
                None => StockFact::None,
                Some(reservation) if reservation.is_held() => StockFact::Reserved,
                Some(_) => StockFact::Released,
            },
        }
    }

    /// A confirm, a capture or a cancellation may have happened without being recorded.
    fn payment_call_may_be_open(&self) -> bool {
        match self.payment.status {
            PaymentStatus::None => self.payment.intent_id.is_some() && !self.status.is_closed(),
            PaymentStatus::Authorized => {
                let is_capturing = self.compensation.is_none() && self.has_live_label();
                let is_canceling = self.compensation.is_some()
                    && self.next_compensating_state() == State::CancelPayment;
                is_capturing || is_canceling
            }
            _ => false,
        }
    }

    /// A purchase or a refund may have happened without being recorded.
    fn label_call_may_be_open(&self) -> bool {
        let is_compensating = self.compensation.is_some();
        self.shipment
            .as_ref()
            .is_some_and(|it| it.refund.is_none() && (it.label.is_none() || is_compensating))
    }
}

fn raises(kind: Attention, entry: &TimelineEntry) -> bool {
    let waits_from_then_on = entry.status.waits_for() == Some(kind) && entry.detail.is_none();
    let code = entry.detail.as_deref().and_then(|code| code.parse().ok());
    let is_raised = code.is_some_and(TimelineCode::needs_operator);
    waits_from_then_on || (kind == Attention::Operator && is_raised)
}
