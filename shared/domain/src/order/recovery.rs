//! What the reconciler records: the restart of an order whose execution ended early, a
//! webhook, what a check of the providers showed, and that an order is finalized.

use super::record::Order;
use super::timeline::TimelineCode;
use super::write::{CHECK_SOON_MINUTES, open_bucket};
use crate::attention::Attention;
use crate::payment::PaymentStatus;
use crate::shipment::{LabelRefund, Tracking};
use crate::{ExecutionName, OrderId, Status, StepError, TaskToken, Timestamp};

/// The maximum number of restarts before an operator must decide.
pub const MAX_RESTARTS: u32 = 3;
/// The maximum number of webhook event ids on record.
const MAX_SEEN_WEBHOOKS: usize = 32;
/// The minutes until the next check of an order whose check failed.
const POSTPONED_MINUTES: i64 = 5;

/// What to do about an order whose execution ended without closing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// Restart it under a new execution.
    Restart(Box<Order>),
    /// It was restarted too often: an operator must decide.
    Escalate(Box<Order>),
    /// It waits for an operator who has not decided.
    Skip,
}

/// What a check of an order showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// The authorization expires within a day.
    AuthorizationExpiring,
    /// The customer disputes the charge.
    Disputed,
    /// How much was refunded at the provider, in minor units, of an order that the shop
    /// delivers.
    Refunded(u64),
    /// The status of the payment.
    Payment(PaymentStatus),
    /// A call of the payment provider had no effect: the next one needs another key.
    CallHadNoEffect,
    /// The payment of a closed order cannot be returned: the provider rejects the call.
    PaymentNotReturned,
    /// The shipping provider does not say what became of the label of a closed order.
    LabelNotReturned,
    /// The provider shows something else than what an operator claimed.
    SettlementDiffers,
    /// The refund of the label.
    Label(LabelRefund),
    /// A rejected refund of the label was submitted again.
    LabelRefundResubmitted,
    /// Where the parcel is.
    Tracking(Tracking),
}

impl Observation {
    /// Whether an operator must know.
    pub const fn needs_operator(&self) -> bool {
        match self {
            Self::AuthorizationExpiring
            | Self::Disputed
            | Self::PaymentNotReturned
            | Self::LabelNotReturned
            | Self::SettlementDiffers
            | Self::Payment(PaymentStatus::RefundFailed | PaymentStatus::Captured)
            | Self::Label(LabelRefund::Refused | LabelRefund::Kept) => true,
            Self::Tracking(tracking) => tracking.is_failed,
            _ => false,
        }
    }
}

/// Restarts.
impl Order {
    /// What to do about the order now that its execution has ended.
    ///
    /// An order that waits for an operator is restarted only once the operator decided,
    /// and then regardless of the number of restarts.
    ///
    /// # Errors
    /// [`ErrorName::InvalidRequest`](crate::ErrorName::InvalidRequest) if the order is closed.
    pub fn recovery(&self, at: Timestamp) -> Result<Recovery, StepError> {
        let waits_for_operator = self.status == Status::NeedsAttention && self.task_token.is_some();
        let may_restart = if waits_for_operator {
            self.has_task_decision()
        } else {
            self.restart_count() < MAX_RESTARTS
        };
        Ok(match (may_restart, waits_for_operator) {
            (true, _) => Recovery::Restart(Box::new(self.restarted(at))),
            (false, false) => Recovery::Escalate(Box::new(self.escalated(at)?)),
            (false, true) => Recovery::Skip,
        })
    }

    /// The number of its restarts.
    pub fn restart_count(&self) -> u32 {
        OrderId::from_execution_name(&self.execution).map_or(0, |(_, n)| n)
    }

    /// The execution before the present one.
    pub fn previous_execution(&self) -> Option<ExecutionName> {
        let before = self.restart_count().checked_sub(1)?;
        Some(self.order_id.restart_execution(before))
    }

    /// Records the restart under a new execution. The wait that it was in is over; the
    /// decision made there stays on record.
    #[must_use]
    pub fn restarted(&self, at: Timestamp) -> Self {
        let mut order = self.next_step(at);
        order.execution = self.order_id.restart_execution(self.restart_count() + 1);
        order.add_timeline_entry(TimelineCode::Restarted.to_string(), at);
        order.check_within(CHECK_SOON_MINUTES, at);
        order
    }

    /// Records that an operator must decide. Stores a placeholder task token, so that an
    /// operator can still decide although no task waits.
    ///
    /// # Errors
    /// [`ErrorName::InvalidRequest`](crate::ErrorName::InvalidRequest) if the order is closed.
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

/// Checks.
impl Order {
    /// Whether it is due for a check.
    pub fn is_due(&self, at: Timestamp) -> bool {
        self.open.is_some() && self.check_at.is_some_and(|check_at| check_at <= at)
    }

    /// Whether its authorization expires within a day.
    pub fn is_authorization_expiring(&self, at: Timestamp) -> bool {
        self.expiry_warning_at().is_some_and(|watch| watch <= at)
    }

    /// Records a webhook event: the order is due for a check at once. Nothing else of the
    /// event is believed. `None` for an event that is on record already.
    pub fn with_webhook(&self, event_id: &str, at: Timestamp) -> Option<Self> {
        if self.seen_webhooks.iter().any(|seen| seen == event_id) {
            return None;
        }
        let mut order = self.next_version();
        order.seen_webhooks.push(event_id.to_owned());
        let excess = order.seen_webhooks.len().saturating_sub(MAX_SEEN_WEBHOOKS);
        order.seen_webhooks.drain(..excess);
        order.webhook_pending_at = Some(at);
        order.open = Some(open_bucket(&order.order_id));
        order.stop_retention();
        order.check_at = Some(order.check_at.map_or(at, |check_at| check_at.min(at)));
        Some(order)
    }

    /// Records the new observations, and when the next check is.
    #[must_use]
    pub fn inspected(&self, observations: &[Observation], at: Timestamp) -> Self {
        let mut order = self.next_version();
        order.apply_observations(observations, at);
        order.webhook_pending_at = None;
        order.schedule_check(at);
        order
    }

    /// Records the new observations, and that the order needs no more checks: it is closed,
    /// its payment and its label are final, and its execution has ended.
    #[must_use]
    pub fn finalized(&self, observations: &[Observation], at: Timestamp) -> Self {
        let mut order = self.inspected(observations, at);
        order.open = None;
        order.check_at = None;
        order.task_token = None;
        order.start_retention(at);
        order
    }

    /// Records that the check failed and is postponed.
    #[must_use]
    pub fn postponed(&self, at: Timestamp) -> Self {
        let mut order = self.next_version();
        order.check_within(POSTPONED_MINUTES, at);
        order
    }

    /// The order one version later, without a visible change.
    pub(super) fn next_version(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// Schedules the next check in `minutes`, unless the order is finalized.
    pub fn check_within(&mut self, minutes: i64, at: Timestamp) {
        if self.open.is_some() {
            self.check_at = Some(at.plus_minutes(minutes));
        }
    }

    /// The observations that are not on record yet.
    pub fn new_observations<'a>(&self, observations: &'a [Observation]) -> Vec<&'a Observation> {
        observations.iter().filter(|observation| self.is_new(observation)).collect()
    }

    fn is_new(&self, observation: &Observation) -> bool {
        let shipment = self.shipment.as_ref();
        match observation {
            Observation::AuthorizationExpiring => {
                !self.has_timeline_code(TimelineCode::AuthorizationExpiring)
            }
            Observation::Disputed => !self.has_timeline_code(TimelineCode::Disputed),
            Observation::LabelNotReturned => {
                !self.has_timeline_code(TimelineCode::LabelNotFinalized)
            }
            Observation::SettlementDiffers => {
                !self.has_timeline_code(TimelineCode::SettlementDiffers)
            }
            Observation::PaymentNotReturned => {
                !self.has_timeline_code(TimelineCode::PaymentNotFinalized)
            }
            Observation::Refunded(minor) => self.payment.refunded != *minor,
            Observation::Payment(status) => self.payment.status != *status,
            Observation::CallHadNoEffect | Observation::LabelRefundResubmitted => true,
            Observation::Label(refund) => shipment.is_some_and(|s| s.refund != Some(*refund)),
            Observation::Tracking(tracking) => {
                shipment.is_some_and(|s| s.tracking.as_ref() != Some(&tracking.word))
            }
        }
    }

    fn apply_observations(&mut self, observations: &[Observation], at: Timestamp) {
        for observation in observations {
            if !self.is_new(observation) {
                continue;
            }
            self.updated_at = at.max(self.updated_at);
            match observation {
                Observation::AuthorizationExpiring => {
                    self.raise_attention(TimelineCode::AuthorizationExpiring, at);
                }
                Observation::Disputed => self.raise_attention(TimelineCode::Disputed, at),
                Observation::PaymentNotReturned => {
                    self.raise_attention(TimelineCode::PaymentNotFinalized, at);
                }
                Observation::LabelNotReturned => {
                    self.raise_attention(TimelineCode::LabelNotFinalized, at);
                }
                Observation::SettlementDiffers => {
                    self.raise_attention(TimelineCode::SettlementDiffers, at);
                }
                Observation::Refunded(minor) => {
                    self.payment.refunded = *minor;
                    self.add_timeline_entry(TimelineCode::PaymentRefunded.to_string(), at);
                }
                Observation::Payment(status) => self.record_returned_payment(*status, at),
                Observation::CallHadNoEffect => self.payment.attempt += 1,
                Observation::Label(refund) => self.record_label_refund(*refund, at),
                Observation::LabelRefundResubmitted => self.apply_resubmission(at),
                Observation::Tracking(tracking) => self.apply_tracking(tracking, at),
            }
        }
    }

    fn apply_resubmission(&mut self, at: Timestamp) {
        if let Some(shipment) = &mut self.shipment {
            shipment.refund_resubmissions.push(at);
        }
        self.add_timeline_entry(TimelineCode::LabelRefundResubmitted.to_string(), at);
    }

    fn apply_tracking(&mut self, tracking: &Tracking, at: Timestamp) {
        let word = &tracking.word;
        if let Some(shipment) = &mut self.shipment {
            shipment.tracking = Some(word.clone());
        }
        self.add_timeline_entry(format!("{} {word}", TimelineCode::Tracking), at);
        if tracking.is_failed {
            self.raise_attention(TimelineCode::DeliveryFailed, at);
        }
    }
}
