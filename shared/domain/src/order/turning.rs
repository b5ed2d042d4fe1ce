//! Turning round: what each compensating step records.

use super::Order;
use super::writing::code;
use crate::compensation::{self, Compensation, FailedStates, Outcome};
use crate::payment::PaymentStatus;
use crate::shipment::LabelRefund;
use crate::{Failure, Fault, Moment};

impl Order {
    /// Records that the order turns round, and how it will end.
    #[must_use]
    pub fn begin_compensation(&self, failed: &FailedStates, at: Moment) -> Self {
        self.compensating(
            failed,
            compensation::decide(self.facts(), failed),
            self.next_step(at),
            at,
        )
    }

    pub(super) fn compensating(
        &self,
        failed: &FailedStates,
        outcome: Outcome,
        mut order: Self,
        at: Moment,
    ) -> Self {
        order.compensation = Some(Compensation { at, failed: failed.clone(), outcome });
        let expired = outcome == Outcome::Rejected && self.decision().is_none();
        let detail = if expired { code::REVIEW_EXPIRED } else { code::COMPENSATION_BEGUN };
        order.note(detail, at);
        order
    }

    /// Records what came of giving the label back.
    #[must_use]
    pub fn with_label_refund(&self, refund: LabelRefund, at: Moment) -> Self {
        let mut order = self.next_step(at);
        if let Some(shipment) = &mut order.shipment {
            shipment.refund = Some(refund);
        }
        if refund == LabelRefund::Refused {
            order.raise(code::LABEL_REFUND_REFUSED, at);
        }
        order
    }

    /// Records that the goods were given back.
    #[must_use]
    pub fn released(&self, at: Moment) -> Self {
        let mut order = self.next_step(at);
        if let Some(reservation) = &mut order.reservation {
            reservation.released_at = Some(at);
        }
        order
    }

    /// Records what became of the money, and closes the order with the outcome
    /// that was decided.
    pub fn closed(&self, money: PaymentStatus, at: Moment) -> Result<Self, Failure> {
        let Some(compensation) = &self.compensation else {
            return Err(Fault::InvalidRequest.because("an order that never turned round"));
        };
        let mut order = self.moved(compensation.outcome.status(), None, at)?;
        order.payment.status = money;
        if money == PaymentStatus::RefundFailed {
            order.raise(code::REFUND_FAILED, at);
        }
        Ok(order)
    }

    /// Records that a person should look, whatever the status.
    #[must_use]
    pub fn with_attention(&self, detail: &str, at: Moment) -> Self {
        let mut order = self.next_write(at);
        order.raise(detail, at);
        order
    }
}
