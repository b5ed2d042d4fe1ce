//! Recovering: what the reconciler records of an order whose execution died, of
//! what a provider hinted at, and of one that needs nobody any more.

use super::Order;
use super::record::Attention;
use super::writing::{LOOK_SOON_MINUTES, code, open_bucket};
use crate::payment::PaymentStatus;
use crate::shipment::LabelRefund;
use crate::{ExecutionName, Failure, Moment, OrderId, Status, TaskToken};

/// How often an order is taken over before a person must look.
pub const MOST_TAKE_OVERS: u32 = 3;
/// How many of the providers' events are remembered.
const HINTS: usize = 32;
/// After how long an order is looked at again that could not be looked after.
const POSTPONED_MINUTES: i64 = 5;

/// What is to be done about an order whose execution ended without closing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// Another execution goes on with it.
    TakeOver(Box<Order>),
    /// It was taken over too often: a person must look.
    GiveUp(Box<Order>),
    /// A person must look already, and has not answered.
    LeaveAlone,
}

/// What the reconciler found out about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The authorisation lapses within a day.
    Lapses,
    /// The customer disputes the charge.
    Disputed,
    /// What became of the money.
    Money(PaymentStatus),
    /// A call at the gateway had no effect: the next one has another key.
    NoEffect,
    /// What became of the label.
    Label(LabelRefund),
    /// Where the parcel is, in the carrier's word.
    Tracking(String),
}

impl Finding {
    /// Whether a person must know.
    pub const fn calls_a_person(&self) -> bool {
        matches!(
            self,
            Self::Lapses
                | Self::Disputed
                | Self::Money(PaymentStatus::RefundFailed)
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
    pub fn recovered(&self, at: Moment) -> Result<Recovery, Failure> {
        let asks_a_person = self.status == Status::NeedsAttention && self.task_token.is_some();
        let may_go_on = if asks_a_person {
            self.is_answered()
        } else {
            self.times_taken_over() < MOST_TAKE_OVERS
        };
        Ok(match (may_go_on, asks_a_person) {
            (true, _) => Recovery::TakeOver(Box::new(self.take_over(at))),
            (false, false) => Recovery::GiveUp(Box::new(self.give_up(at)?)),
            (false, true) => Recovery::LeaveAlone,
        })
    }

    /// How often it was taken over.
    pub fn times_taken_over(&self) -> u32 {
        OrderId::of_execution(&self.execution).map_or(0, |(_, n)| n)
    }

    /// The execution from which the present one took it over.
    pub fn execution_before(&self) -> Option<ExecutionName> {
        let before = self.times_taken_over().checked_sub(1)?;
        Some(self.order_id.take_over(before))
    }

    /// Records that another execution goes on with it. The wait that it was in
    /// is over; what was answered there is on record.
    #[must_use]
    pub fn take_over(&self, at: Moment) -> Self {
        let mut order = self.next_step(at);
        order.execution = self.order_id.take_over(self.times_taken_over() + 1);
        order.note(code::TAKEN_OVER, at);
        order.look_within(LOOK_SOON_MINUTES, at);
        order
    }

    /// Records that a person must look. In place of a wait's token stands a name
    /// that no wait has, so that there is something to answer.
    pub fn give_up(&self, at: Moment) -> Result<Self, Failure> {
        let mut order = self.moved(Status::NeedsAttention, Some(code::GIVEN_UP), at)?;
        order.answer = None;
        order.attention = Some(Attention::Operator);
        order.task_token = TaskToken::parse(format!("ended:{}", order.execution)).ok();
        order.look_again(at);
        Ok(order)
    }
}

/// Looking.
impl Order {
    /// Whether the reconciler should look at it now.
    pub fn is_due(&self, at: Moment) -> bool {
        self.open.is_some() && self.check_at.is_some_and(|check_at| check_at <= at)
    }

    /// Whether its authorisation lapses within a day.
    pub fn is_about_to_lapse(&self, at: Moment) -> bool {
        self.lapse_watch().is_some_and(|watch| watch <= at)
    }

    /// Records that a provider says that something happened: a hint to look. It
    /// is believed in nothing else. A repeat of an event is none: `None`.
    pub fn hinted(&self, event_id: &str, at: Moment) -> Option<Self> {
        if self.hints.iter().any(|seen| seen == event_id) {
            return None;
        }
        let mut order = self.bookkept();
        order.hints.push(event_id.to_owned());
        let forgotten = order.hints.len().saturating_sub(HINTS);
        order.hints.drain(..forgotten);
        order.hinted_at = Some(at);
        order.open = Some(open_bucket(&order.order_id));
        order.check_at = Some(order.check_at.map_or(at, |look| look.min(at)));
        Some(order)
    }

    /// Records what was found, as far as it is new, and when to look again.
    #[must_use]
    pub fn checked(&self, findings: &[Finding], at: Moment) -> Self {
        let mut order = self.bookkept();
        order.learn(findings, at);
        order.hinted_at = None;
        order.look_again(at);
        order
    }

    /// Records what was found, and that nobody needs to look any more: the order
    /// is closed, its money and its label are final, its execution has ended.
    #[must_use]
    pub fn settled(&self, findings: &[Finding], at: Moment) -> Self {
        let mut order = self.checked(findings, at);
        order.open = None;
        order.check_at = None;
        order.task_token = None;
        order
    }

    /// Records that it could not be looked after now.
    #[must_use]
    pub fn postponed(&self, at: Moment) -> Self {
        let mut order = self.bookkept();
        order.look_within(POSTPONED_MINUTES, at);
        order
    }

    /// The order one write later, of which nothing changed that anybody sees.
    fn bookkept(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// Has the reconciler look again within so many minutes, if the order is not settled.
    pub fn look_within(&mut self, minutes: i64, at: Moment) {
        if self.open.is_some() {
            self.check_at = Some(at.plus_minutes(minutes));
        }
    }

    /// What of these is not on record yet.
    pub fn news<'a>(&self, findings: &'a [Finding]) -> Vec<&'a Finding> {
        findings.iter().filter(|finding| self.is_news(finding)).collect()
    }

    fn is_news(&self, finding: &Finding) -> bool {
        let shipment = self.shipment.as_ref();
        match finding {
            Finding::Lapses => !self.was_noted(code::AUTHORIZATION_EXPIRING),
            Finding::Disputed => !self.was_noted(code::DISPUTED),
            Finding::Money(money) => self.payment.status != *money,
            Finding::NoEffect => true,
            Finding::Label(refund) => shipment.is_some_and(|s| s.refund != Some(*refund)),
            Finding::Tracking(word) => {
                shipment.is_some_and(|s| s.tracking.as_deref() != Some(word.as_str()))
            }
        }
    }

    fn learn(&mut self, findings: &[Finding], at: Moment) {
        for finding in findings {
            if !self.is_news(finding) {
                continue;
            }
            self.updated_at = at.max(self.updated_at);
            match finding {
                Finding::Lapses => self.raise(code::AUTHORIZATION_EXPIRING, at),
                Finding::Disputed => self.raise(code::DISPUTED, at),
                Finding::Money(money) => {
                    self.payment.status = *money;
                    if *money == PaymentStatus::RefundFailed {
                        self.raise(code::REFUND_FAILED, at);
                    }
                }
                Finding::NoEffect => self.payment.attempt += 1,
                Finding::Label(refund) => self.learn_label(*refund, at),
                Finding::Tracking(word) => self.learn_tracking(word, at),
            }
        }
    }

    fn learn_label(&mut self, refund: LabelRefund, at: Moment) {
        if let Some(shipment) = &mut self.shipment {
            shipment.refund = Some(refund);
        }
        if refund == LabelRefund::Refused {
            self.raise(code::LABEL_REFUND_REFUSED, at);
        }
    }

    fn learn_tracking(&mut self, word: &str, at: Moment) {
        if let Some(shipment) = &mut self.shipment {
            shipment.tracking = Some(word.to_owned());
        }
        self.note(&format!("{} {word}", code::TRACKING), at);
    }
}
