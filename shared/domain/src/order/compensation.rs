//! What the compensating steps record.

use super::record::Order;
use super::timeline::TimelineCode;
use crate::attention::AttentionCause;
use crate::compensation::{self, Compensation, FailedStates, Outcome};
use crate::payment::PaymentStatus;
use crate::shipment::LabelRefund;
use crate::{ErrorName, StepError, Timestamp};

impl Order {
    /// Records that compensation begins, and how the order will end.
    #[must_use]
    pub fn begin_compensation(&self, failed: &FailedStates, at: Timestamp) -> Self {
        self.compensating(
            failed,
            compensation::decide_outcome(self.facts(), failed),
            self.next_step(at),
            at,
        )
    }

    pub(super) fn compensating(
        &self,
        failed: &FailedStates,
        outcome: Outcome,
        mut order: Self,
        at: Timestamp,
    ) -> Self {
        order.compensation = Some(Compensation { at, failed: failed.clone(), outcome });
        let expired = outcome == Outcome::Rejected && self.review_decision().is_none();
        let detail =
            if expired { TimelineCode::ReviewExpired } else { TimelineCode::CompensationBegun };
        order.add_timeline_entry(detail.to_string(), at);
        order
    }

    /// Records the refund of the label.
    #[must_use]
    pub fn with_label_refund(&self, refund: LabelRefund, at: Timestamp) -> Self {
        let mut order = self.next_step(at);
        order.record_label_refund(refund, at);
        order
    }

    /// Records that the stock is released.
    #[must_use]
    pub fn released(&self, at: Timestamp) -> Self {
        let mut order = self.next_step(at);
        if let Some(reservation) = &mut order.reservation {
            reservation.released_at = Some(at);
        }
        order
    }

    /// Records a capture that the payment provider shows and that may not be refunded. An
    /// operator must decide about the money.
    #[must_use]
    pub fn with_unreturned_capture(&self, at: Timestamp) -> Self {
        let mut order = self.next_write(at);
        order.payment.status = PaymentStatus::Captured;
        order
    }

    /// Records the final status of the payment and closes the order with the outcome that
    /// was decided.
    ///
    /// # Errors
    /// [`ErrorName::InvalidRequest`] if the order is closed or never compensated.
    pub fn closed(&self, payment: PaymentStatus, at: Timestamp) -> Result<Self, StepError> {
        let Some(compensation) = &self.compensation else {
            return Err(ErrorName::InvalidRequest.with_detail("the order is not compensating"));
        };
        let mut order = self.transition(compensation.outcome.status(), None, at)?;
        order.record_returned_payment(payment, at);
        Ok(order)
    }

    /// Records why a step needs an operator. A wait goes on.
    #[must_use]
    pub fn with_attention_cause(&self, cause: &AttentionCause, at: Timestamp) -> Self {
        let mut order = self.next_write(at);
        order.attention_cause = Some(cause.clone());
        order
    }

    /// Records that an operator should look at the order, in any status.
    #[must_use]
    pub fn with_attention(&self, code: TimelineCode, at: Timestamp) -> Self {
        let mut order = self.next_write(at);
        order.raise_attention(code, at);
        order
    }
}
