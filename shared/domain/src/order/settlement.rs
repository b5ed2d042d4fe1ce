//! `settle`: an operator records by hand what a provider will not say, so that the order can
//! always be finished.
//!
//! The claims are in [`settlement`](crate::settlement).

use super::decisions::DecisionError;
use super::record::Order;
use super::timeline::TimelineCode;
use super::write::open_bucket;
use crate::attention::Attention;
use crate::audit::{AuditAction, AuditEntry};
use crate::decision::OperatorAction;
use crate::payment::PaymentStatus;
use crate::settlement::{Claims, LabelClaim, MoneyClaim, Settlement};
use crate::shipment::LabelRefund;
use crate::{Status, Timestamp};

impl Order {
    /// Records what the operator `by` claims about money and label. An order that waits for
    /// an operator begins to compensate with the same write, and its wait gets `compensate`.
    /// Of a closed order the claims are recorded at once. `refund` permits a refund of
    /// captured money.
    ///
    /// # Errors
    /// [`DecisionError`].
    pub fn settle(
        &self,
        claims: Claims,
        refund: bool,
        by: &str,
        note: &str,
        at: Timestamp,
    ) -> Result<Self, DecisionError> {
        self.allow_claims(claims)?;
        let mut order = if self.status.is_closed() {
            self.settled_closed(claims, at)?
        } else {
            let token = self.operator_token()?;
            let mut order = self.compensated_by_operator(refund, at);
            order.record_operator_decision(
                OperatorAction::Settle,
                token,
                refund,
                by,
                Some(note),
                at,
            );
            order
        };
        let entry = AuditEntry::new(AuditAction::Settle, by, at).with_detail(claims.describe());
        order.append_audit(entry, Some(note))?;
        let known = self.settlement.as_ref();
        order.settlement = Some(Settlement {
            money: claims.money.or(known.and_then(|settlement| settlement.money)),
            label: claims.label.or(known.and_then(|settlement| settlement.label)),
            at,
        });
        Ok(order)
    }

    /// What an operator claimed about the money.
    pub fn money_claim(&self) -> Option<MoneyClaim> {
        self.settlement.as_ref()?.money
    }

    /// What an operator claimed about the label.
    pub fn label_claim(&self) -> Option<LabelClaim> {
        self.settlement.as_ref()?.label
    }

    /// Whether claims on record wait for the provider's answer or an acknowledgment.
    pub fn has_unconfirmed_claims(&self) -> bool {
        let claimed = self.settlement.as_ref().map(|settlement| settlement.at);
        let acknowledged = self.acknowledged.as_ref().map(|acknowledged| acknowledged.at);
        self.open.is_some() && claimed.is_some() && acknowledged < claimed
    }

    /// A claim is about something that the order has.
    fn allow_claims(&self, claims: Claims) -> Result<(), DecisionError> {
        let is_empty = claims == Claims::default();
        let lacks_money = claims.money.is_some() && self.payment.intent_id.is_none();
        let lacks_label = claims.label.is_some() && self.shipment.is_none();
        if is_empty || lacks_money || lacks_label {
            return Err(DecisionError::NothingToSettle);
        }
        Ok(())
    }

    /// The claims on the record of a closed order, whose attention they clear. The order is
    /// watched again.
    fn settled_closed(&self, claims: Claims, at: Timestamp) -> Result<Self, DecisionError> {
        let is_raised = self.attention == Some(Attention::Operator);
        if self.status == Status::Fulfilled || !is_raised || !self.is_money_or_label_open() {
            return Err(DecisionError::NothingToSettle);
        }
        let mut order = self.next_write(at);
        order.attention = None;
        order.open = Some(open_bucket(&order.order_id));
        order.stop_retention();
        if let Some(claim) = claims.money {
            order.record_returned_payment(claim.status(), at);
        }
        if let Some(claim) = claims.label {
            order.record_label_refund(claim.refund(), at);
        }
        order.schedule_check(at);
        Ok(order)
    }

    fn is_money_or_label_open(&self) -> bool {
        let refund = self.shipment.as_ref().and_then(|shipment| shipment.refund);
        self.open.is_some()
            || matches!(self.payment.status, PaymentStatus::RefundFailed | PaymentStatus::Captured)
            || matches!(refund, Some(LabelRefund::Refused | LabelRefund::Kept))
    }

    /// Records what became of the payment of an order that is not fulfilled. An operator must
    /// know of money that the customer lacks.
    pub(super) fn record_returned_payment(&mut self, status: PaymentStatus, at: Timestamp) {
        self.payment.status = status;
        match status {
            PaymentStatus::RefundFailed => self.raise_attention(TimelineCode::RefundFailed, at),
            PaymentStatus::Captured => self.raise_attention(TimelineCode::MoneyKept, at),
            _ => {}
        }
    }

    /// Records what became of the label of an order that is not fulfilled. An operator must
    /// know of postage that the shop lost.
    pub(super) fn record_label_refund(&mut self, refund: LabelRefund, at: Timestamp) {
        if let Some(shipment) = &mut self.shipment {
            shipment.refund = Some(refund);
        }
        match refund {
            LabelRefund::Refused => self.raise_attention(TimelineCode::LabelRefundRefused, at),
            LabelRefund::Kept => self.raise_attention(TimelineCode::LabelKept, at),
            LabelRefund::Submitted | LabelRefund::NotApplicable | LabelRefund::None => {}
        }
    }
}
