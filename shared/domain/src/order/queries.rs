//! What the record says, and what it allows.

use super::record::Order;
use super::timeline::TimelineCode;
use crate::attention::AttentionCause;
use crate::catalog::LineItem;
use crate::compensation::Facts;
use crate::decision::ReviewDecision;
use crate::shipment::{Parcel, Shipment};
use crate::stock::{Reservation, ReservedLine, sum_by_sku};
use crate::{ErrorName, ExecutionName, Private, Status, StepError, Timestamp};

/// Only a finalized order lacks its personal data, and no step needs it then.
fn personal_data_removed() -> StepError {
    ErrorName::InvalidRequest.with_detail("the personal data of the order was removed")
}

impl Order {
    /// Whether this execution owns the order. A manual invocation names no execution and is allowed.
    pub fn is_owned_by(&self, execution: Option<&ExecutionName>) -> bool {
        execution.is_none_or(|name| *name == self.execution)
    }

    /// Whether a forward step of this execution may proceed.
    ///
    /// # Errors
    /// [`ErrorName::Superseded`] if another execution owns the order,
    /// [`ErrorName::CompensationBegun`] if it compensates or is closed otherwise than as
    /// fulfilled, [`ErrorName::OrderCancelled`] if the customer canceled.
    pub fn ensure_can_proceed(&self, execution: Option<&ExecutionName>) -> Result<(), StepError> {
        if !self.is_owned_by(execution) {
            return Err(ErrorName::Superseded.with_detail("another execution owns the order"));
        }
        if self.compensation.is_some() {
            return Err(ErrorName::CompensationBegun.with_detail("the order is being compensated"));
        }
        if self.cancel_requested_at.is_some() {
            return Err(ErrorName::OrderCancelled.with_detail("the customer canceled the order"));
        }
        if self.status.is_closed() && self.status != Status::Fulfilled {
            return Err(ErrorName::CompensationBegun.with_detail("the order is closed"));
        }
        Ok(())
    }

    /// Whether a forward step may take something: [`Order::ensure_can_proceed`], and the
    /// order does not wait for an operator, or the operator let it retry. Otherwise a late
    /// attempt would change the order's status while its execution waits.
    ///
    /// # Errors
    /// Those of [`Order::ensure_can_proceed`], and [`ErrorName::InvalidRequest`].
    pub fn ensure_can_take(&self, execution: Option<&ExecutionName>) -> Result<(), StepError> {
        self.ensure_can_proceed(execution)?;
        if self.status == Status::NeedsAttention && !self.is_retried() {
            return Err(ErrorName::InvalidRequest.with_detail("the order waits for an operator"));
        }
        Ok(())
    }

    /// Whether a step may move the order to this status.
    pub fn can_transition_to(&self, to: Status) -> bool {
        let decided = self.compensation.as_ref().map(|c| c.outcome.status());
        self.status.can_transition_to(to, decided)
            || (self.status == Status::NeedsAttention
                && self.is_retried()
                && self.compensation.is_none()
                && Status::AFTER_RETRY.contains(&to))
    }

    /// Whether this cause is on record already, met at any time.
    pub fn has_attention_cause(&self, cause: &AttentionCause) -> bool {
        self.attention_cause
            .as_ref()
            .is_some_and(|known| (&known.error, known.problem) == (&cause.error, cause.problem))
    }

    /// Whether it needs an approval that it does not have.
    pub fn needs_approval(&self) -> bool {
        self.review.as_ref().is_some_and(|review| review.required) && !self.is_approved()
    }

    /// Whether it holds a reservation.
    pub fn holds_stock(&self) -> bool {
        self.reservation.as_ref().is_some_and(Reservation::is_held)
    }

    /// Whether it has a label that is not refunded.
    pub fn has_live_label(&self) -> bool {
        self.shipment.as_ref().is_some_and(Shipment::is_live)
    }

    /// Whether it has a shipment for which no result of a refund is on record.
    pub fn has_open_shipment(&self) -> bool {
        self.shipment.as_ref().is_some_and(|shipment| shipment.refund.is_none())
    }

    /// Whether an operator approved it.
    pub fn is_approved(&self) -> bool {
        self.review_decision() == Some(ReviewDecision::Approve)
    }

    /// The decision of its review.
    pub fn review_decision(&self) -> Option<ReviewDecision> {
        self.review.as_ref().and_then(|review| review.decision)
    }

    /// Whether the customer may still cancel it.
    pub fn is_cancelable(&self) -> bool {
        self.status.allows_cancellation()
            && self.cancel_requested_at.is_none()
            && self.compensation.is_none()
    }

    /// The quantity of each SKU that it needs.
    pub fn required_stock(&self) -> Vec<ReservedLine> {
        sum_by_sku(self.items.iter().map(|line| (&line.sku, line.quantity)))
    }

    /// Its parcel.
    ///
    /// # Errors
    /// [`ErrorName::InvalidRequest`] if its personal data is removed.
    pub fn parcel(&self) -> Result<Parcel, StepError> {
        let customer = self.customer.as_ref().ok_or_else(personal_data_removed)?.expose();
        let to = self.shipping_address.clone().ok_or_else(personal_data_removed)?;
        let weigh = |line: &LineItem| u64::from(line.weight_grams) * u64::from(line.quantity.get());
        Ok(Parcel {
            reference: self.order_id.clone(),
            to_name: Private::new(customer.name.clone()),
            to_phone: customer.phone.clone().map(Private::new),
            to,
            weight_grams: self.items.iter().map(weigh).sum(),
        })
    }

    /// The payment provider's token for the payment method.
    ///
    /// # Errors
    /// [`ErrorName::InvalidRequest`] if its personal data is removed.
    pub fn payment_method(&self) -> Result<&Private<String>, StepError> {
        self.payment_method.as_ref().ok_or_else(personal_data_removed)
    }

    /// The idempotency key of a call of the payment provider: `{orderId}:{step}:{attempt}`.
    pub fn payment_idempotency_key(&self, step: &str) -> String {
        format!("{}:{step}:{}", self.order_id, self.payment.attempt)
    }

    /// The input of its execution: nothing but its id and its date.
    pub fn execution_input(&self) -> serde_json::Value {
        match self.scheduled_for {
            Some(at) => serde_json::json!({"orderId": self.order_id, "scheduledFor": at}),
            None => serde_json::json!({"orderId": self.order_id}),
        }
    }

    /// Since when it has needed attention, if it does: since the present wait began, or
    /// since attention was last raised.
    pub fn attention_since(&self) -> Option<Timestamp> {
        let attention = self.attention?;
        let mut newest_first = self.timeline.iter().rev();
        let entry = if self.status.waits_for() == Some(attention) {
            newest_first.take_while(|entry| entry.status == self.status).last()
        } else {
            newest_first.find(|entry| {
                let code = entry.detail.as_deref().and_then(|code| code.parse().ok());
                code.is_some_and(TimelineCode::needs_operator)
            })
        };
        Some(entry.map_or(self.created_at, |entry| entry.at))
    }

    pub(super) fn facts(&self) -> Facts {
        Facts {
            cancellation_requested: self.cancel_requested_at.is_some(),
            rejected: self.review_decision() == Some(ReviewDecision::Reject),
            authorized: self.payment.was_authorized(),
            reserved: self.reservation.is_some(),
            shipment: self.shipment.is_some(),
            label: self.shipment.as_ref().is_some_and(|shipment| shipment.label.is_some()),
        }
    }
}
