//! Recovering: what the reconciler records of an order whose execution died, of
//! what a provider hinted at, and of one that needs nobody any more.

use super::Order;
use super::timeline::TimelineCode;
use super::write::{CHECK_SOON_MINUTES, open_bucket};
use crate::attention::Attention;
use crate::payment::PaymentStatus;
use crate::shipment::LabelRefund;
use crate::{ExecutionName, OrderId, Status, StepError, TaskToken, Timestamp};

/// How often an order is taken over before a person must look.
pub const MAX_RESTARTS: u32 = 3;
/// How many of the providers' events are remembered.
const MAX_SEEN_WEBHOOKS: usize = 32;
/// After how long an order is looked at again that could not be looked after.
const POSTPONED_MINUTES: i64 = 5;

/// What is to be done about an order whose execution ended without closing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// Another execution goes on with it.
    Restart(Box<Order>),
    /// It was taken over too often: a person must look.
    Escalate(Box<Order>),
    /// A person must look already, and has not answered.
    Skip,
}

/// What the reconciler found out about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// The authorisation lapses within a day.
    AuthorizationExpiring,
    /// The customer disputes the charge.
    Disputed,
    /// What became of the money.
    Payment(PaymentStatus),
    /// A call at the gateway had no effect: the next one has another key.
    CallHadNoEffect,
    /// What became of the label.
    Label(LabelRefund),
    /// Where the parcel is, in the carrier's word.
    Tracking(String),
}

impl Observation {
    /// Whether a person must know.
    pub const fn needs_operator(&self) -> bool {
        matches!(
            self,
            Self::AuthorizationExpiring
                | Self::Disputed
                | Self::Payment(PaymentStatus::RefundFailed)
                | Self::Label(LabelRefund::Refused)
        )
    }
}

/// Taking over.
impl Order {
    /// What becomes of it now that its execution is seen to have ended.
    ///
    /// One that needs attention is not restarted by itself: only when a person
    /// answered, and then however often it was taken over before.
    pub fn recovery(&self, at: Timestamp) -> Result<Recovery, StepError> {
        let asks_a_person = self.status == Status::NeedsAttention && self.task_token.is_some();
        let may_go_on = if asks_a_person {
            self.has_task_decision()
        } else {
            self.restart_count() < MAX_RESTARTS
        };
        Ok(match (may_go_on, asks_a_person) {
            (true, _) => Recovery::Restart(Box::new(self.restarted(at))),
            (false, false) => Recovery::Escalate(Box::new(self.escalated(at)?)),
            (false, true) => Recovery::Skip,
        })
    }

    /// How often it was taken over.
    pub fn restart_count(&self) -> u32 {
        OrderId::from_execution_name(&self.execution).map_or(0, |(_, n)| n)
    }

    /// The execution from which the present one took it over.
    pub fn previous_execution(&self) -> Option<ExecutionName> {
        let before = self.restart_count().checked_sub(1)?;
        Some(self.order_id.restart_execution(before))
    }

    /// Records that another execution goes on with it. The wait that it was in
    /// is over; what was answered there is on record.
    #[must_use]
    pub fn restarted(&self, at: Timestamp) -> Self {
        let mut order = self.next_step(at);
        order.execution = self.order_id.restart_execution(self.restart_count() + 1);
        order.add_timeline_entry(TimelineCode::Restarted.to_string(), at);
        order.check_within(CHECK_SOON_MINUTES, at);
        order
    }

    /// Records that a person must look. In place of a wait's token stands a name
    /// that no wait has, so that there is something to answer.
    pub fn escalated(&self, at: Timestamp) -> Result<Self, StepError> {
        let mut order =
            self.transition(Status::NeedsAttention, Some(TimelineCode::Escalated), at)?;
        order.task_decision = None;
        order.attention = Some(Attention::Operator);
        order.task_token = TaskToken::parse(format!("ended:{}", order.execution)).ok();
        order.schedule_check(at);
        Ok(order)
    }
}

/// Looking.
impl Order {
    /// Whether the reconciler should look at it now.
    pub fn is_due(&self, at: Timestamp) -> bool {
        self.open.is_some() && self.check_at.is_some_and(|check_at| check_at <= at)
    }

    /// Whether its authorisation lapses within a day.
    pub fn is_authorization_expiring(&self, at: Timestamp) -> bool {
        self.expiry_warning_at().is_some_and(|watch| watch <= at)
    }

    /// Records that a provider says that something happened: a hint to look. It
    /// is believed in nothing else. A repeat of an event is none: `None`.
    pub fn with_webhook(&self, event_id: &str, at: Timestamp) -> Option<Self> {
        if self.seen_webhooks.iter().any(|seen| seen == event_id) {
            return None;
        }
        let mut order = self.next_version();
        order.seen_webhooks.push(event_id.to_owned());
        let forgotten = order.seen_webhooks.len().saturating_sub(MAX_SEEN_WEBHOOKS);
        order.seen_webhooks.drain(..forgotten);
        order.webhook_pending_at = Some(at);
        order.open = Some(open_bucket(&order.order_id));
        order.check_at = Some(order.check_at.map_or(at, |look| look.min(at)));
        Some(order)
    }

    /// Records what was found, as far as it is new, and when to look again.
    #[must_use]
    pub fn inspected(&self, findings: &[Observation], at: Timestamp) -> Self {
        let mut order = self.next_version();
        order.apply_observations(findings, at);
        order.webhook_pending_at = None;
        order.schedule_check(at);
        order
    }

    /// Records what was found, and that nobody needs to look any more: the order
    /// is closed, its money and its label are final, its execution has ended.
    #[must_use]
    pub fn finalized(&self, findings: &[Observation], at: Timestamp) -> Self {
        let mut order = self.inspected(findings, at);
        order.open = None;
        order.check_at = None;
        order.task_token = None;
        order
    }

    /// Records that it could not be looked after now.
    #[must_use]
    pub fn postponed(&self, at: Timestamp) -> Self {
        let mut order = self.next_version();
        order.check_within(POSTPONED_MINUTES, at);
        order
    }

    /// The order one write later, of which nothing changed that anybody sees.
    fn next_version(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// Has the reconciler look again within so many minutes, if the order is not settled.
    pub fn check_within(&mut self, minutes: i64, at: Timestamp) {
        if self.open.is_some() {
            self.check_at = Some(at.plus_minutes(minutes));
        }
    }

    /// What of these is not on record yet.
    pub fn new_observations<'a>(&self, findings: &'a [Observation]) -> Vec<&'a Observation> {
        findings.iter().filter(|finding| self.is_new(finding)).collect()
    }

    fn is_new(&self, finding: &Observation) -> bool {
        let shipment = self.shipment.as_ref();
        match finding {
            Observation::AuthorizationExpiring => {
                !self.has_timeline_code(TimelineCode::AuthorizationExpiring)
            }
            Observation::Disputed => !self.has_timeline_code(TimelineCode::Disputed),
            Observation::Payment(money) => self.payment.status != *money,
            Observation::CallHadNoEffect => true,
            Observation::Label(refund) => shipment.is_some_and(|s| s.refund != Some(*refund)),
            Observation::Tracking(word) => {
                shipment.is_some_and(|s| s.tracking.as_deref() != Some(word.as_str()))
            }
        }
    }

    fn apply_observations(&mut self, findings: &[Observation], at: Timestamp) {
        for finding in findings {
            if !self.is_new(finding) {
                continue;
            }
            self.updated_at = at.max(self.updated_at);
            match finding {
                Observation::AuthorizationExpiring => {
                    self.raise_attention(TimelineCode::AuthorizationExpiring, at)
                }
                Observation::Disputed => self.raise_attention(TimelineCode::Disputed, at),
                Observation::Payment(money) => {
                    self.payment.status = *money;
                    if *money == PaymentStatus::RefundFailed {
                        self.raise_attention(TimelineCode::RefundFailed, at);
                    }
                }
                Observation::CallHadNoEffect => self.payment.attempt += 1,
                Observation::Label(refund) => self.apply_label_refund(*refund, at),
                Observation::Tracking(word) => self.apply_tracking(word, at),
            }
        }
    }

    fn apply_label_refund(&mut self, refund: LabelRefund, at: Timestamp) {
        if let Some(shipment) = &mut self.shipment {
            shipment.refund = Some(refund);
        }
        if refund == LabelRefund::Refused {
            self.raise_attention(TimelineCode::LabelRefundRefused, at);
        }
    }

    fn apply_tracking(&mut self, word: &str, at: Timestamp) {
        if let Some(shipment) = &mut self.shipment {
            shipment.tracking = Some(word.to_owned());
        }
        self.add_timeline_entry(format!("{} {word}", TimelineCode::Tracking), at);
    }
}
