//! Decisions about an order that waits, and which of them its task still lacks.
//!
//! A decision is for the task token that was read with the order. It is accepted once, and
//! only while the order waits and is not compensating.

use super::record::{Acknowledgment, Order};
use super::timeline::TimelineCode;
use crate::audit::{self, AuditAction, AuditEntry};
use crate::compensation::{self, FailedStates};
use crate::decision::{
    DecisionKind, OperatorAction, Review, ReviewDecision, TaskDecision, TaskResult,
};
use crate::payment::PaymentStatus;
use crate::{Status, TaskToken, Timestamp};

/// Why a decision is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    /// The order does not wait for it.
    #[error("the order does not wait for this decision")]
    NotWaiting,
    /// There is a decision already.
    #[error("the order was decided already")]
    AlreadyDecided,
    /// The deadline has passed.
    #[error("the deadline for this decision has passed")]
    DeadlinePassed,
    /// The order compensates, or was canceled.
    #[error("the order is being compensated")]
    Compensating,
    /// Capturing needs reserved stock, a live label and no compensation.
    #[error("capturing needs reserved stock, a live label and no compensation")]
    NotCapturable,
    /// The payment is captured and the decision does not allow a refund.
    #[error("the payment is captured: compensating needs `refund: true`")]
    RefundNotConfirmed,
    /// The order is not closed, or needs no attention.
    #[error("only the attention of a closed order can be acknowledged")]
    NothingToAcknowledge,
    /// There is no claim, or the order lacks what it is about, or nothing about it is open.
    #[error(
        "`settle` needs a claim about money or a label that the order has, while the order \
         waits for an operator, or is closed and raised"
    )]
    NothingToSettle,
    /// The operator placed the order.
    #[error("operators do not review their own orders: another operator must decide")]
    OwnOrder,
    /// The audit history of the order is full.
    #[error(
        "the order has {} decisions on record: only `compensate` and `settle` are accepted, up to {}",
        audit::MAX_ORDER_ENTRIES - audit::RESERVED_ENTRIES, audit::MAX_ORDER_ENTRIES
    )]
    HistoryFull,
}

/// Why a cancellation is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CancellationError {
    /// The order is closed.
    #[error("the order is closed")]
    Closed,
    /// The label may be bought at any moment.
    #[error("the order is being shipped")]
    AlreadyShipping,
    /// The order waits for an operator.
    #[error("the order waits for an operator")]
    WithOperator,
    /// The order compensates already.
    #[error("the order is being compensated already")]
    Compensating,
}

impl Order {
    /// Records the decision of a review by the operator `by`, who must not be the customer.
    ///
    /// # Errors
    /// [`DecisionError`].
    pub fn decide_review(
        &self,
        decision: ReviewDecision,
        by: &str,
        note: Option<&str>,
        at: Timestamp,
    ) -> Result<Self, DecisionError> {
        let token = self.waiting_token(Status::InReview)?;
        let review = self.review.clone().ok_or(DecisionError::NotWaiting)?;
        if review.decision.is_some() {
            return Err(DecisionError::AlreadyDecided);
        }
        if review.deadline.is_some_and(|deadline| at > deadline) {
            return Err(DecisionError::DeadlinePassed);
        }
        if by == self.customer_id.as_str() {
            return Err(DecisionError::OwnOrder);
        }
        let mut order = self.next_write(at);
        order.append_audit(AuditEntry::new(AuditAction::of_review(decision), by, at), note)?;
        let note = note.map(str::to_owned);
        order.review = Some(Review {
            decision: Some(decision),
            by: Some(by.to_owned()),
            at: Some(at),
            note: note.clone(),
            ..review
        });
        let kind = DecisionKind::Review(decision);
        order.record_task_decision(TaskDecision {
            token,
            kind,
            by: by.to_owned(),
            at,
            note,
            refund: None,
        });
        Ok(order)
    }

    /// Records what an operator does about an order that needs attention. `refund` allows
    /// a refund of captured money.
    ///
    /// # Errors
    /// [`DecisionError`].
    pub fn apply_operator_action(
        &self,
        action: OperatorAction,
        refund: bool,
        by: &str,
        note: Option<&str>,
        at: Timestamp,
    ) -> Result<Self, DecisionError> {
        if action == OperatorAction::Acknowledge {
            return self.acknowledge(by, note, at);
        }
        let token = self.operator_token()?;
        let mut order = match action {
            OperatorAction::Capture => self.allow_capture()?.next_write(at),
            OperatorAction::Retry => self.allow_retry()?.next_write(at),
            // It needs claims: see `Order::settle`.
            OperatorAction::Settle => return Err(DecisionError::NothingToSettle),
            _ => self.allow_compensation(refund)?.compensated_by_operator(refund, at),
        };
        let audit_action = AuditAction::of_operator(action, refund);
        order.append_audit(AuditEntry::new(audit_action, by, at), note)?;
        order.record_operator_decision(action, token, refund, by, note, at);
        Ok(order)
    }

    pub(super) fn record_operator_decision(
        &mut self,
        action: OperatorAction,
        token: TaskToken,
        refund: bool,
        by: &str,
        note: Option<&str>,
        at: Timestamp,
    ) {
        self.record_task_decision(TaskDecision {
            token,
            kind: DecisionKind::Operator(action),
            by: by.to_owned(),
            at,
            note: note.map(str::to_owned),
            refund: Some(refund),
        });
    }

    /// Records that the customer, or an operator for the customer, cancels the order, while
    /// that is possible. `None` if that is on record already.
    ///
    /// If the order waits, the same write decides its wait. A scheduled order without a
    /// payment intent is closed by the write, and the caller then stops its execution.
    /// Otherwise the next forward write meets the flag, and the execution compensates.
    ///
    /// # Errors
    /// [`CancellationError`].
    pub fn request_cancellation(
        &self,
        by: &str,
        at: Timestamp,
    ) -> Result<Option<Self>, CancellationError> {
        if self.status.is_closed() {
            return Err(CancellationError::Closed);
        }
        if self.cancel_requested_at.is_some() {
            return Ok(None);
        }
        self.allow_cancellation()?;
        let mut requested = Self { cancel_requested_at: Some(at), ..self.clone() };
        if by != self.customer_id.as_str() {
            // At most once for each order, so there is always room.
            requested.audit.push(AuditEntry::new(AuditAction::Cancel, by, at));
        }
        // No provider was called yet: there is nothing to compensate.
        if self.status == Status::Scheduled && self.payment.intent_id.is_none() {
            return requested
                .transition(Status::Cancelled, None, at)
                .map(Some)
                .or(Err(CancellationError::AlreadyShipping));
        }
        let mut order = requested.next_write(at);
        order.add_timeline_entry(TimelineCode::CancellationRequested.to_string(), at);
        if let Ok(token) = self.undecided_token(self.status) {
            let by = by.to_owned();
            let kind = DecisionKind::Cancellation;
            order.record_task_decision(TaskDecision {
                token,
                kind,
                by,
                at,
                note: None,
                refund: None,
            });
        }
        Ok(Some(order))
    }

    /// Appends an entry to the audit history.
    ///
    /// # Errors
    /// [`DecisionError::HistoryFull`].
    pub(super) fn append_audit(
        &mut self,
        entry: AuditEntry,
        note: Option<&str>,
    ) -> Result<(), DecisionError> {
        if !audit::has_room(self.audit.len(), entry.action) {
            return Err(DecisionError::HistoryFull);
        }
        self.audit.push(entry.with_note(note));
        Ok(())
    }

    fn allow_cancellation(&self) -> Result<(), CancellationError> {
        if self.status == Status::NeedsAttention {
            Err(CancellationError::WithOperator)
        } else if !self.status.allows_cancellation() {
            Err(CancellationError::AlreadyShipping)
        } else if self.compensation.is_some() {
            Err(CancellationError::Compensating)
        } else {
            Ok(())
        }
    }

    /// Records that the stock that the order waits for has arrived.
    ///
    /// # Errors
    /// [`DecisionError`].
    pub fn restocked(&self, at: Timestamp) -> Result<Self, DecisionError> {
        let token = self.waiting_token(Status::Backordered)?;
        let mut order = self.next_write(at);
        let by = "restock".to_owned();
        let kind = DecisionKind::Restock;
        order.record_task_decision(TaskDecision { token, kind, by, at, note: None, refund: None });
        Ok(order)
    }

    fn allow_capture(&self) -> Result<&Self, DecisionError> {
        let possible = self.holds_stock() && self.has_live_label() && self.compensation.is_none();
        if possible { Ok(self) } else { Err(DecisionError::NotCapturable) }
    }

    /// A step that goes forward once more must not meet a compensation.
    fn allow_retry(&self) -> Result<&Self, DecisionError> {
        if self.compensation.is_none() { Ok(self) } else { Err(DecisionError::Compensating) }
    }

    fn allow_compensation(&self, refund: bool) -> Result<&Self, DecisionError> {
        if self.payment.status == PaymentStatus::Captured && !refund {
            return Err(DecisionError::RefundNotConfirmed);
        }
        Ok(self)
    }

    /// The order that an operator has compensated: it begins now, unless it has begun.
    pub(super) fn compensated_by_operator(&self, refund: bool, at: Timestamp) -> Self {
        let mut order = self.next_write(at);
        order.payment.refund_permission = self.payment.refund_permission.after(refund);
        if self.compensation.is_some() {
            return order;
        }
        let outcome = compensation::outcome_by_progress(self.facts());
        self.compensating(&FailedStates::new(), outcome, order, at)
    }

    fn acknowledge(
        &self,
        by: &str,
        note: Option<&str>,
        at: Timestamp,
    ) -> Result<Self, DecisionError> {
        let is_open = self.attention.is_some() || self.has_unconfirmed_claims();
        if !self.status.is_closed() || !is_open {
            return Err(DecisionError::NothingToAcknowledge);
        }
        let mut order = self.next_write(at);
        let action = AuditAction::of_operator(OperatorAction::Acknowledge, false);
        order.append_audit(AuditEntry::new(action, by, at), note)?;
        order.attention = None;
        order.start_retention(at);
        let (by, note) = (by.to_owned(), note.map(str::to_owned));
        order.acknowledged = Some(Acknowledgment { by, at, note });
        order.add_timeline_entry(TimelineCode::Acknowledged.to_string(), at);
        Ok(order)
    }

    /// The decision that the waiting task of this order should get, with its token; none if
    /// no task waits or there is no decision.
    ///
    /// A decision is for the token that it was made for. After a restart the wait has a new
    /// token: the decision of a review and a cancellation hold for it too, an operator's
    /// action does not. A wait whose order was closed or compensated by another execution
    /// gets `compensate`: it compensates what is left, and ends.
    pub fn undelivered_decision(&self) -> Option<(TaskToken, TaskResult)> {
        let token = self.task_token.clone()?;
        let kind = if self.status.is_closed() {
            DecisionKind::Operator(OperatorAction::Compensate)
        } else if let Some(decision) =
            self.task_decision.as_ref().filter(|decision| decision.token == token)
        {
            decision.kind
        } else {
            self.standing_decision()?
        };
        Some((token, kind.task_result()))
    }

    fn standing_decision(&self) -> Option<DecisionKind> {
        let may_be_sent = self.status.allows_cancellation();
        if may_be_sent && self.compensation.is_some() {
            Some(DecisionKind::Operator(OperatorAction::Compensate))
        } else if may_be_sent && self.cancel_requested_at.is_some() {
            Some(DecisionKind::Cancellation)
        } else if self.status == Status::InReview {
            self.review_decision().map(DecisionKind::Review)
        } else {
            None
        }
    }

    /// Whether an operator let the order retry, and the order does not wait for an operator
    /// again since then.
    pub fn is_retried(&self) -> bool {
        self.task_decision.as_ref().is_some_and(|decision| {
            decision.kind == DecisionKind::Operator(OperatorAction::Retry)
                && self.task_token.as_ref().is_none_or(|token| *token == decision.token)
        })
    }

    /// Whether its waiting task has a decision on record.
    pub fn has_task_decision(&self) -> bool {
        let token = self.task_token.as_ref();
        self.task_decision.as_ref().is_some_and(|decision| token == Some(&decision.token))
    }

    fn record_task_decision(&mut self, decision: TaskDecision) {
        let at = decision.at;
        self.task_decision = Some(decision);
        // If sending it fails, the reconciler sends it again soon.
        self.schedule_check(at);
    }

    /// The token of the wait in this status, if the wait has no decision and the order is
    /// not compensating.
    fn waiting_token(&self, status: Status) -> Result<TaskToken, DecisionError> {
        if self.compensation.is_some() || self.cancel_requested_at.is_some() {
            return Err(DecisionError::Compensating);
        }
        self.undecided_token(status)
    }

    pub(super) fn operator_token(&self) -> Result<TaskToken, DecisionError> {
        self.undecided_token(Status::NeedsAttention)
    }

    fn undecided_token(&self, status: Status) -> Result<TaskToken, DecisionError> {
        let token = self.task_token.clone().filter(|_| self.status == status);
        let token = token.ok_or(match self.review_decision() {
            Some(_) if status == Status::InReview => DecisionError::AlreadyDecided,
            _ => DecisionError::NotWaiting,
        })?;
        if self.task_decision.as_ref().is_some_and(|decision| decision.token == token) {
            return Err(DecisionError::AlreadyDecided);
        }
        Ok(token)
    }
}
