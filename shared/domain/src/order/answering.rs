//! Answering: what people and restocks say to an order that waits.

use super::Order;
use super::record::Acknowledged;
use super::writing::code;
use crate::answer::{Action, Answer, AnswerKind, Decision, Message, Review};
use crate::compensation::{self, FailedStates};
use crate::payment::PaymentStatus;
use crate::{Moment, Status, TaskToken};

/// Why an answer to an order that waits is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerRefused {
    /// It does not wait for this.
    #[error("the order does not wait for this decision")]
    NotWaiting,
    /// Somebody else was first.
    #[error("the order was decided already")]
    DecidedAlready,
    /// The deadline has passed.
    #[error("the deadline for this decision has passed")]
    TooLate,
    /// It turned round, or was cancelled.
    #[error("the order is being undone")]
    BeingUndone,
    /// To capture takes reserved stock and a live label.
    #[error("capturing needs reserved stock, a live label and no compensation")]
    NotCapturable,
    /// Money was taken: giving it back must be asked for.
    #[error("the money was captured: undoing it needs `refund: true`")]
    RefundNotAgreed,
    /// The order is not closed, or needs no attention.
    #[error("only the attention of a closed order can be acknowledged")]
    NothingToAcknowledge,
}

/// Why a cancellation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CancelRefused {
    /// It has ended, one way or another.
    #[error("the order is closed")]
    Closed,
    /// The carrier is being asked for the label.
    #[error("the order is being shipped")]
    TooLate,
    /// Somebody is looking at it.
    #[error("the order is in an operator's hands")]
    WithOperator,
    /// It turned round for another reason.
    #[error("the order is being undone already")]
    BeingUndone,
}

impl Order {
    /// Records what a person decided about an order under review.
    pub fn decide_review(
        &self,
        decision: Decision,
        by: &str,
        note: Option<&str>,
        at: Moment,
    ) -> Result<Self, AnswerRefused> {
        let token = self.token_of_wait(Status::InReview)?;
        let review = self.review.clone().ok_or(AnswerRefused::NotWaiting)?;
        if review.decision.is_some() {
            return Err(AnswerRefused::DecidedAlready);
        }
        if review.deadline.is_some_and(|deadline| at > deadline) {
            return Err(AnswerRefused::TooLate);
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
        let kind = AnswerKind::Review(decision);
        order.answer_with(Answer { token, kind, by: by.to_owned(), at, note, refund: None });
        Ok(order)
    }

    /// Records what an operator decided about an order that is stuck, or that
    /// they have seen what was raised about a closed one.
    pub fn resume(
        &self,
        action: Action,
        refund: bool,
        by: &str,
        note: Option<&str>,
        at: Moment,
    ) -> Result<Self, AnswerRefused> {
        if action == Action::Acknowledge {
            return self.acknowledge(by, note, at);
        }
        let token = self.token_of_stuck()?;
        let mut order = match action {
            Action::Capture => self.allow_capture()?.next_write(at),
            _ => self.agree_to_compensate(refund, at)?,
        };
        order.answer_with(Answer {
            token,
            kind: AnswerKind::Operator(action),
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
        at: Moment,
    ) -> Result<Option<Self>, CancelRefused> {
        if self.status.is_closed() {
            return Err(CancelRefused::Closed);
        }
        if self.cancel_requested_at.is_some() {
            return Ok(None);
        }
        self.allow_cancellation()?;
        let asked = Self { cancel_requested_at: Some(at), ..self.clone() };
        // Nothing was asked of anybody yet, so nothing is to be undone.
        if self.status == Status::Scheduled && self.payment.intent_id.is_none() {
            return asked
                .moved(Status::Cancelled, None, at)
                .map(Some)
                .or(Err(CancelRefused::TooLate));
        }
        let mut order = asked.next_write(at);
        order.note(code::CANCELLATION_REQUESTED, at);
        if let Ok(token) = self.unanswered_token(self.status) {
            let by = by.to_owned();
            let kind = AnswerKind::Cancellation;
            order.answer_with(Answer { token, kind, by, at, note: None, refund: None });
        }
        Ok(Some(order))
    }

    fn allow_cancellation(&self) -> Result<(), CancelRefused> {
        if self.status == Status::NeedsAttention {
            Err(CancelRefused::WithOperator)
        } else if !self.status.allows_cancellation() {
            Err(CancelRefused::TooLate)
        } else if self.compensation.is_some() {
            Err(CancelRefused::BeingUndone)
        } else {
            Ok(())
        }
    }

    /// Records that what it waits for is there again.
    pub fn restocked(&self, at: Moment) -> Result<Self, AnswerRefused> {
        let token = self.token_of_wait(Status::Backordered)?;
        let mut order = self.next_write(at);
        let by = "restock".to_owned();
        let kind = AnswerKind::Restock;
        order.answer_with(Answer { token, kind, by, at, note: None, refund: None });
        Ok(order)
    }

    fn allow_capture(&self) -> Result<&Self, AnswerRefused> {
        let possible = self.holds_stock() && self.has_live_label() && self.compensation.is_none();
        if possible { Ok(self) } else { Err(AnswerRefused::NotCapturable) }
    }

    fn agree_to_compensate(&self, refund: bool, at: Moment) -> Result<Self, AnswerRefused> {
        if self.payment.status == PaymentStatus::Captured && !refund {
            return Err(AnswerRefused::RefundNotAgreed);
        }
        let order = self.next_write(at);
        if self.compensation.is_some() {
            return Ok(order);
        }
        let outcome = compensation::by_progress(self.facts());
        Ok(self.compensating(&FailedStates::new(), outcome, order, at))
    }

    fn acknowledge(&self, by: &str, note: Option<&str>, at: Moment) -> Result<Self, AnswerRefused> {
        if !self.status.is_closed() || self.attention.is_none() {
            return Err(AnswerRefused::NothingToAcknowledge);
        }
        let mut order = self.next_write(at);
        order.attention = None;
        let (by, note) = (by.to_owned(), note.map(str::to_owned));
        order.acknowledged = Some(Acknowledged { by, at, note });
        order.note(code::ACKNOWLEDGED, at);
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
    pub fn unsaid(&self) -> Option<(TaskToken, Message)> {
        let token = self.task_token.clone()?;
        let kind = if self.status.is_closed() {
            AnswerKind::Operator(Action::Compensate)
        } else if let Some(answer) = self.answer.as_ref().filter(|answer| answer.token == token) {
            answer.kind
        } else {
            self.holds_for_any_wait()?
        };
        Some((token, kind.message()))
    }

    fn holds_for_any_wait(&self) -> Option<AnswerKind> {
        let may_be_told = self.status.allows_cancellation();
        if may_be_told && self.compensation.is_some() {
            Some(AnswerKind::Operator(Action::Compensate))
        } else if may_be_told && self.cancel_requested_at.is_some() {
            Some(AnswerKind::Cancellation)
        } else if self.status == Status::InReview {
            self.decision().map(AnswerKind::Review)
        } else {
            None
        }
    }

    /// Whether what it waits for was answered already.
    pub fn is_answered(&self) -> bool {
        let token = self.task_token.as_ref();
        self.answer.as_ref().is_some_and(|answer| token == Some(&answer.token))
    }

    fn answer_with(&mut self, answer: Answer) {
        let at = answer.at;
        self.answer = Some(answer);
        // Should it not reach the wait, it is sent again soon.
        self.look_again(at);
    }

    /// The token of the wait, if it is this wait, nobody has answered it, and
    /// the order is not being undone.
    fn token_of_wait(&self, status: Status) -> Result<TaskToken, AnswerRefused> {
        if self.compensation.is_some() || self.cancel_requested_at.is_some() {
            return Err(AnswerRefused::BeingUndone);
        }
        self.unanswered_token(status)
    }

    fn token_of_stuck(&self) -> Result<TaskToken, AnswerRefused> {
        self.unanswered_token(Status::NeedsAttention)
    }

    fn unanswered_token(&self, status: Status) -> Result<TaskToken, AnswerRefused> {
        let token = self.task_token.clone().filter(|_| self.status == status);
        let token = token.ok_or(match self.decision() {
            Some(_) if status == Status::InReview => AnswerRefused::DecidedAlready,
            _ => AnswerRefused::NotWaiting,
        })?;
        if self.answer.as_ref().is_some_and(|answer| answer.token == token) {
            return Err(AnswerRefused::DecidedAlready);
        }
        Ok(token)
    }
}
