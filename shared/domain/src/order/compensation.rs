//! Turning round: what each compensating step records.

use super::Order;
use super::timeline::TimelineCode;
use crate::compensation::{self, Compensation, FailedStates, Outcome};
use crate::payment::PaymentStatus;
use crate::shipment::LabelRefund;
use crate::{ErrorName, StepError, Timestamp};

impl Order {
    /// Records that the order turns round, and how it will end.
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

    /// Records what came of giving the label back.
    #[must_use]
    pub fn with_label_refund(&self, refund: LabelRefund, at: Timestamp) -> Self {
        let mut order = self.next_step(at);
        if let Some(shipment) = &mut order.shipment {
            shipment.refund = Some(refund);
        }
        if refund == LabelRefund::Refused {
            order.raise_attention(TimelineCode::LabelRefundRefused, at);
        }
        order
    }

    /// Records that the goods were given back.
    #[must_use]
    pub fn released(&self, at: Timestamp) -> Self {
        let mut order = self.next_step(at);
        if let Some(reservation) = &mut order.reservation {
            reservation.released_at = Some(at);
        }
        order
    }

    /// Records what became of the money, and closes the order with the outcome
    /// that was decided.
    pub fn closed(&self, money: PaymentStatus, at: Timestamp) -> Result<Self, StepError> {
        let Some(compensation) = &self.compensation else {
            return Err(ErrorName::InvalidRequest.with_detail("an order that never turned round"));
        };
        let mut order = self.transition(compensation.outcome.status(), None, at)?;
        order.payment.status = money;
        if money == PaymentStatus::RefundFailed {
            order.raise_attention(TimelineCode::RefundFailed, at);
        }
        Ok(order)
    }

    /// Records that a person should look, whatever the status.
    #[must_use]
    pub fn with_attention(&self, code: TimelineCode, at: Timestamp) -> Self {
        let mut order = self.next_write(at);
        order.raise_attention(code, at);
        order
    }
}
