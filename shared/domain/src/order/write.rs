//! How every write is made.

use super::Order;
use super::timeline::{TimelineCode, TimelineEntry};
use crate::attention::Attention;
use crate::payment::PaymentStatus;
use crate::shipment::{LabelRefund, Shipment};
use crate::{ErrorName, Status, StepError, Timestamp};

/// How long after a write the reconciler looks at an open order, in minutes.
const CHECK_AFTER_MINUTES: i64 = 15;
/// How long after something that may have been lost: an answer, a start.
pub(super) const CHECK_SOON_MINUTES: i64 = 2;
/// How long before an authorisation lapses a person must know.
const EXPIRY_WARNING_HOURS: i64 = 24;

/// One of the eight buckets of the index of open orders, always the same for an order.
pub(super) fn open_bucket(id: &crate::OrderId) -> String {
    let last = id.as_str().bytes().last().unwrap_or(b'0');
    char::from(b'0' + last % super::OPEN_ORDER_BUCKETS).to_string()
}

impl Order {
    /// The order one write later, with whatever it waits in left as it is.
    pub(super) fn next_write(&self, at: Timestamp) -> Self {
        let mut order = self.clone();
        order.version += 1;
        // Two clocks may differ by a little; the record never runs backwards.
        order.updated_at = at.max(self.updated_at);
        order.schedule_check(at);
        order
    }

    /// The order one step later: the wait that it was in, if any, is over.
    pub(super) fn next_step(&self, at: Timestamp) -> Self {
        let mut order = self.next_write(at);
        if order.task_token.take().is_some() {
            order.attention = order.persistent_attention();
        }
        order.waits_for = None;
        order
    }

    /// The order one step later, in another status.
    pub(super) fn transition(
        &self,
        to: Status,
        detail: Option<TimelineCode>,
        at: Timestamp,
    ) -> Result<Self, StepError> {
        let decided = self.compensation.as_ref().map(|c| c.outcome.status());
        if !self.status.can_transition_to(to, decided) {
            let detail = format!("an order that is {} cannot become {to}", self.status);
            return Err(ErrorName::InvalidRequest.with_detail(detail));
        }
        let mut order = self.next_step(at);
        order.status = to;
        if to.is_closed() {
            // Its execution may still wait: who settles the order answers it.
            order.task_token.clone_from(&self.task_token);
            order.attention = order.persistent_attention();
        }
        let detail = detail.map(|code| code.to_string());
        order.timeline.push(TimelineEntry { at, status: to, detail });
        order.schedule_check(at);
        Ok(order)
    }

    /// Calls a person. Whoever is called already because of what the order waits
    /// for is not called away from that: the wait's end brings this one up.
    pub(super) fn raise_attention(&mut self, code: TimelineCode, at: Timestamp) {
        self.add_timeline_entry(code.to_string(), at);
        if !matches!(self.attention, Some(Attention::Review | Attention::Backorder)) {
            self.attention = Some(Attention::Operator);
        }
    }

    /// What was raised on the way and stays raised whatever wait came between:
    /// only a person takes it away. A lapse is none any more once the order is closed.
    fn persistent_attention(&self) -> Option<Attention> {
        let refused = |shipment: &Shipment| shipment.refund == Some(LabelRefund::Refused);
        let raised = self.shipment.as_ref().is_some_and(refused)
            || self.payment.status == PaymentStatus::RefundFailed
            || self.has_timeline_code(TimelineCode::Disputed)
            || self.has_timeline_code(TimelineCode::PaymentAmountMismatch)
            || (!self.status.is_closed()
                && self.has_timeline_code(TimelineCode::AuthorizationExpiring));
        raised.then_some(Attention::Operator)
    }

    /// Whether its timeline says this.
    pub fn has_timeline_code(&self, code: TimelineCode) -> bool {
        self.timeline.iter().any(|entry| entry.detail.as_deref() == Some(code.as_str()))
    }

    pub(super) fn add_timeline_entry(&mut self, detail: String, at: Timestamp) {
        let status = self.status;
        self.timeline.push(TimelineEntry { at, status, detail: Some(detail) });
    }
}

/// When the reconciler looks next.
impl Order {
    /// Has the reconciler look again when there may be something to do, if the
    /// order is not settled.
    pub(super) fn schedule_check(&mut self, at: Timestamp) {
        if self.open.is_some() {
            // A hint that nobody has followed is followed soon, whoever writes meanwhile.
            let hinted = self.webhook_pending_at.is_some();
            self.check_at = Some(if hinted { at } else { self.next_check(at) });
        }
    }

    fn next_check(&self, at: Timestamp) -> Timestamp {
        let usual = at.plus_minutes(CHECK_AFTER_MINUTES);
        let minutes_after = |moment: Option<Timestamp>, minutes| {
            moment.map(|moment| moment.plus_minutes(minutes)).filter(|next| *next > at)
        };
        let deadline = |moment| minutes_after(moment, CHECK_SOON_MINUTES).unwrap_or(usual);
        let next = match self.status {
            status if status.is_closed() => self.next_check_of_closed(at),
            _ if self.has_task_decision() => at.plus_minutes(CHECK_SOON_MINUTES),
            Status::InReview => deadline(self.review.as_ref().and_then(|review| review.deadline)),
            Status::Backordered => deadline(self.backorder.as_ref().map(|wait| wait.deadline)),
            Status::Scheduled => {
                minutes_after(self.scheduled_for, CHECK_AFTER_MINUTES).unwrap_or(usual)
            }
            Status::NeedsAttention => at.plus_hours(24),
            _ => usual,
        };
        self.expiry_warning_at().filter(|watch| *watch > at).map_or(next, |watch| watch.min(next))
    }

    /// What a closed order still waits for, a refund or a late label, comes
    /// within an hour, a day, or days.
    fn next_check_of_closed(&self, at: Timestamp) -> Timestamp {
        let closed = self.closed_at();
        let looks =
            [closed.plus_minutes(CHECK_AFTER_MINUTES), closed.plus_hours(1), closed.plus_hours(24)];
        looks.into_iter().find(|look| *look > at).unwrap_or_else(|| at.plus_hours(24))
    }

    /// When it was closed; when it was last written, as long as it is not.
    pub fn closed_at(&self) -> Timestamp {
        let closing = |entry: &&TimelineEntry| entry.status.is_closed();
        self.timeline.iter().find(closing).map_or(self.updated_at, |entry| entry.at)
    }

    /// From when on a person must know that the authorisation is about to lapse.
    pub(super) fn expiry_warning_at(&self) -> Option<Timestamp> {
        let held = self.payment.status == PaymentStatus::Authorized && !self.status.is_closed();
        let until = self.payment.capture_before.filter(|_| held)?;
        Some(until.plus_hours(-EXPIRY_WARNING_HOURS))
    }
}
