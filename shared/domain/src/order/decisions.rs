//! Answering: what people and restocks say to an order that waits.

use super::Order;
use super::record::Acknowledgment;
use super::timeline::TimelineCode;
use crate::compensation::{self, FailedStates};
use crate::decision::{
    DecisionKind, OperatorAction, Review, ReviewDecision, TaskDecision, TaskResult,
};
use crate::payment::PaymentStatus;
use crate::{Status, TaskToken, Timestamp};

/// Why an answer to an order that waits is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    /// It does not wait for this.
    #[error("the order does not wait for this decision")]
    NotWaiting,
    /// Somebody else was first.
    #[error("the order was decided already")]
    AlreadyDecided,
    /// The deadline has passed.
    #[error("the deadline for this decision has passed")]
    DeadlinePassed,
    /// It turned round, or was cancelled.
    #[error("the order is being undone")]
    Compensating,
    /// To capture takes reserved stock and a live label.
    #[error("capturing needs reserved stock, a live label and no compensation")]
    NotCapturable,
    /// Money was taken: giving it back must be asked for.
    #[error("the money was captured: undoing it needs `refund: true`")]
    RefundNotConfirmed,
    /// The order is not closed, or needs no attention.
    #[error("only the attention of a closed order can be acknowledged")]
    NothingToAcknowledge,
}

/// Why a cancellation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CancellationError {
    /// It has ended, one way or another.
    #[error("the order is closed")]
    Closed,
    /// The carrier is being asked for the label.
    #[error("the order is being shipped")]
    AlreadyShipping,
    /// Somebody is looking at it.
    #[error("the order is in an operator's hands")]
    WithOperator,
    /// It turned round for another reason.
    #[error("the order is being undone already")]
    Compensating,
}

impl Order {
    /// Records what a person decided about an order under review.
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
        let note = note.map(str::to_owned);
        let mut order = self.next_write(at);
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

    /// Records what an operator decided about an order that is stuck, or that
    /// they have seen what was raised about a closed one.
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
            _ => self.allow_compensation(refund, at)?,
        };
        order.record_task_decision(TaskDecision {
            token,
            kind: DecisionKind::Operator(action),
            by: by.to_owned(),
            at,
            note: note.map(str::to_owned),
            refund: Some(refund),
        });
        Ok(order)
    }

    /// Records that the customer cancels it, while that is possible.
    ///
    /// A wait is answered with the same write; an order that has not begun is
    /// closed by it, and its execution is then to be stopped. Otherwise the next
    /// step of the execution meets the flag and turns round. Asked for once more,
    /// nothing changes: `None`.
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
        let asked = Self { cancel_requested_at: Some(at), ..self.clone() };
        // Nothing was asked of anybody yet, so nothing is to be undone.
        if self.status == Status::Scheduled && self.payment.intent_id.is_none() {
            return asked
                .transition(Status::Cancelled, None, at)
                .map(Some)
                .or(Err(CancellationError::AlreadyShipping));
        }
        let mut order = asked.next_write(at);
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

    /// Records that what it waits for is there again.
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

    fn allow_compensation(&self, refund: bool, at: Timestamp) -> Result<Self, DecisionError> {
        if self.payment.status == PaymentStatus::Captured && !refund {
            return Err(DecisionError::RefundNotConfirmed);
        }
        let order = self.next_write(at);
        if self.compensation.is_some() {
            return Ok(order);
        }
        let outcome = compensation::outcome_by_progress(self.facts());
        Ok(self.compensating(&FailedStates::new(), outcome, order, at))
    }

    fn acknowledge(
        &self,
        by: &str,
        note: Option<&str>,
        at: Timestamp,
    ) -> Result<Self, DecisionError> {
        if !self.status.is_closed() || self.attention.is_none() {
            return Err(DecisionError::NothingToAcknowledge);
        }
        let mut order = self.next_write(at);
        order.attention = None;
        let (by, note) = (by.to_owned(), note.map(str::to_owned));
        order.acknowledged = Some(Acknowledgment { by, at, note });
        order.add_timeline_entry(TimelineCode::Acknowledged.to_string(), at);
        Ok(order)
    }

    /// The wait that it is in, and what is to be said to it by what is on record;
    /// none when there is nothing to say, or nobody waits.
    ///
    /// An answer is for the token that it was given to. After a take-over the
    /// wait has another one: a cancellation and a review's decision hold for it
    /// too, what an operator said of an earlier state of things does not. The wait
    /// of an order that turned round or was closed behind its back is told to undo:
    /// it finds that it may not go on, undoes what is left, and ends.
    pub fn undelivered_decision(&self) -> Option<(TaskToken, TaskResult)> {
        let token = self.task_token.clone()?;
        let kind = if self.status.is_closed() {
            DecisionKind::Operator(OperatorAction::Compensate)
        } else if let Some(answer) =
            self.task_decision.as_ref().filter(|answer| answer.token == token)
        {
            answer.kind
        } else {
            self.standing_decision()?
        };
        Some((token, kind.task_result()))
    }

    fn standing_decision(&self) -> Option<DecisionKind> {
        let may_be_told = self.status.allows_cancellation();
        if may_be_told && self.compensation.is_some() {
            Some(DecisionKind::Operator(OperatorAction::Compensate))
        } else if may_be_told && self.cancel_requested_at.is_some() {
            Some(DecisionKind::Cancellation)
        } else if self.status == Status::InReview {
            self.review_decision().map(DecisionKind::Review)
        } else {
            None
        }
    }

    /// Whether what it waits for was answered already.
    pub fn has_task_decision(&self) -> bool {
        let token = self.task_token.as_ref();
        self.task_decision.as_ref().is_some_and(|answer| token == Some(&answer.token))
    }

    fn record_task_decision(&mut self, answer: TaskDecision) {
        let at = answer.at;
        self.task_decision = Some(answer);
        // Should it not reach the wait, it is sent again soon.
        self.schedule_check(at);
    }

    /// The token of the wait, if it is this wait, nobody has answered it, and
    /// the order is not being undone.
    fn waiting_token(&self, status: Status) -> Result<TaskToken, DecisionError> {
        if self.compensation.is_some() || self.cancel_requested_at.is_some() {
            return Err(DecisionError::Compensating);
        }
        self.undecided_token(status)
    }

    fn operator_token(&self) -> Result<TaskToken, DecisionError> {
        self.undecided_token(Status::NeedsAttention)
    }

    fn undecided_token(&self, status: Status) -> Result<TaskToken, DecisionError> {
        let token = self.task_token.clone().filter(|_| self.status == status);
        let token = token.ok_or(match self.review_decision() {
            Some(_) if status == Status::InReview => DecisionError::AlreadyDecided,
            _ => DecisionError::NotWaiting,
        })?;
        if self.task_decision.as_ref().is_some_and(|answer| answer.token == token) {
            return Err(DecisionError::AlreadyDecided);
        }
        Ok(token)
    }
}
