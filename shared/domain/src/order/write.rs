//! What every write of an order does, and when the reconciler checks the order next.
//!
//! A write raises the version and reschedules the check. A step also ends the wait that
//! the order is in. A transition checks the table of [`status`](crate::status) as well.

use super::record::Order;
use super::timeline::{TimelineCode, TimelineEntry};
use crate::attention::Attention;
use crate::payment::PaymentStatus;
use crate::shipment::{LabelRefund, Shipment};
use crate::{ErrorName, Status, StepError, Timestamp};

/// The number of buckets of the index of open orders.
pub const OPEN_ORDER_BUCKETS: u8 = 8;
/// The minutes from a write to the next check of an open order.
const CHECK_AFTER_MINUTES: i64 = 15;
/// The minutes to the next check after something that may be lost: a decision, a start.
pub(super) const CHECK_SOON_MINUTES: i64 = 2;
/// The hours before the expiration of an authorization from which an operator must know.
const EXPIRY_WARNING_HOURS: i64 = 24;

/// The bucket of an order in the index of open orders. It never changes.
pub(super) fn open_bucket(id: &crate::OrderId) -> String {
    let last = id.as_str().bytes().last().unwrap_or(b'0');
    char::from(b'0' + last % OPEN_ORDER_BUCKETS).to_string()
}

impl Order {
    /// The order one write later. A wait goes on.
    pub(super) fn next_write(&self, at: Timestamp) -> Self {
        let mut order = self.clone();
        order.version += 1;
        // Clocks differ a little; `updatedAt` never goes back.
        order.updated_at = at.max(self.updated_at);
        order.schedule_check(at);
        order
    }

    /// The order one step later. A wait is over.
    pub(super) fn next_step(&self, at: Timestamp) -> Self {
        let mut order = self.next_write(at);
        if order.task_token.take().is_some() {
            order.attention = order.persistent_attention();
        }
        order.waits_for = None;
        order.attention_cause = None;
        order
    }

    /// The order one step later, in another status.
    ///
    /// # Errors
    /// [`ErrorName::InvalidRequest`] if the table of statuses does not allow it.
    pub(super) fn transition(
        &self,
        to: Status,
        detail: Option<TimelineCode>,
        at: Timestamp,
    ) -> Result<Self, StepError> {
        if !self.can_transition_to(to) {
            let detail = format!("an order that is {} cannot become {to}", self.status);
            return Err(ErrorName::InvalidRequest.with_detail(detail));
        }
        let mut order = self.next_step(at);
        order.status = to;
        if to.is_closed() {
            // Its execution may still wait: the reconciler ends that wait.
            order.task_token.clone_from(&self.task_token);
            order.attention = order.persistent_attention();
            order.closed_day = Some(at.day());
            order.closed_at = Some(at);
        }
        let detail = detail.map(|code| code.to_string());
        order.timeline.push(TimelineEntry { at, status: to, detail });
        order.schedule_check(at);
        Ok(order)
    }

    /// Raises attention. An order that waits for a review or a restock keeps that attention;
    /// this one shows when the wait ends.
    pub(super) fn raise_attention(&mut self, code: TimelineCode, at: Timestamp) {
        self.add_timeline_entry(code.to_string(), at);
        if !matches!(self.attention, Some(Attention::Review | Attention::Backorder)) {
            self.attention = Some(Attention::Operator);
            self.stop_retention();
        }
    }

    /// The attention that outlives a wait: only an operator clears it. An authorization that
    /// is about to expire needs none once the order is closed.
    fn persistent_attention(&self) -> Option<Attention> {
        let rejected = |shipment: &Shipment| {
            matches!(shipment.refund, Some(LabelRefund::Refused | LabelRefund::Kept))
        };
        let raised = self.shipment.as_ref().is_some_and(rejected)
            || self.payment.status == PaymentStatus::RefundFailed
            || self.has_timeline_code(TimelineCode::Disputed)
            || self.has_timeline_code(TimelineCode::DeliveryFailed)
            || self.has_timeline_code(TimelineCode::PaymentAmountMismatch)
            || (!self.status.is_closed()
                && self.has_timeline_code(TimelineCode::AuthorizationExpiring));
        raised.then_some(Attention::Operator)
    }

    /// Whether its timeline has this code.
    pub fn has_timeline_code(&self, code: TimelineCode) -> bool {
        self.timeline.iter().any(|entry| entry.detail.as_deref() == Some(code.as_str()))
    }

    pub(super) fn add_timeline_entry(&mut self, detail: String, at: Timestamp) {
        let status = self.status;
        self.timeline.push(TimelineEntry { at, status, detail: Some(detail) });
    }
}

/// The next check.
impl Order {
    /// Schedules the next check for when there may be something to do, unless the order is
    /// finalized.
    pub(super) fn schedule_check(&mut self, at: Timestamp) {
        if self.open.is_some() {
            // A pending webhook keeps the order due through other writes.
            let is_pending = self.webhook_pending_at.is_some();
            self.check_at = Some(if is_pending { at } else { self.next_check(at) });
        }
    }

    fn next_check(&self, at: Timestamp) -> Timestamp {
        let usual = at.plus_minutes(CHECK_AFTER_MINUTES);
        let minutes_after = |time: Option<Timestamp>, minutes| {
            time.map(|time| time.plus_minutes(minutes)).filter(|next| *next > at)
        };
        let after_deadline = |time| minutes_after(time, CHECK_SOON_MINUTES).unwrap_or(usual);
        let next = match self.status {
            status if status.is_closed() => self.next_check_of_closed(at),
            _ if self.has_task_decision() => at.plus_minutes(CHECK_SOON_MINUTES),
            Status::InReview => {
                after_deadline(self.review.as_ref().and_then(|review| review.deadline))
            }
            Status::Backordered => {
                after_deadline(self.backorder.as_ref().map(|wait| wait.deadline))
            }
            Status::Scheduled => {
                minutes_after(self.scheduled_for, CHECK_AFTER_MINUTES).unwrap_or(usual)
            }
            Status::NeedsAttention => at.plus_hours(24),
            _ => usual,
        };
        self.expiry_warning_at()
            .filter(|warning| *warning > at)
            .map_or(next, |warning| warning.min(next))
    }

    /// A closed order is checked after 15 minutes, an hour and a day, then daily: a refund
    /// or a late label shows within that time.
    fn next_check_of_closed(&self, at: Timestamp) -> Timestamp {
        let closed = self.closed_at();
        let checks =
            [closed.plus_minutes(CHECK_AFTER_MINUTES), closed.plus_hours(1), closed.plus_hours(24)];
        checks.into_iter().find(|check| *check > at).unwrap_or_else(|| at.plus_hours(24))
    }

    /// When it was closed; if it is not, when it was last written.
    pub fn closed_at(&self) -> Timestamp {
        let closing = |entry: &&TimelineEntry| entry.status.is_closed();
        self.timeline.iter().find(closing).map_or(self.updated_at, |entry| entry.at)
    }

    /// From when on an operator must know that the authorization is about to expire.
    pub(super) fn expiry_warning_at(&self) -> Option<Timestamp> {
        let held = self.payment.status == PaymentStatus::Authorized && !self.status.is_closed();
        let until = self.payment.capture_before.filter(|_| held)?;
        Some(until.plus_hours(-EXPIRY_WARNING_HOURS))
    }
}
