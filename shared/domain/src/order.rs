//! An order as it is on record, and the writes that it admits.
//!
//! Truth is in the Orders table: a step loads the order, decides by the facts on
//! it, acts, and records. Each method here that changes an order gives back the
//! order as it will be, one [`version`](Order::version) later; the store writes
//! the difference on condition that the version is still the one that was read.
//! So a fact that a decision rests on cannot change under it, whichever it is:
//! the owner, the compensation, the cancellation, the status.
//!
//! [`Order::guard_forward`] is where a step that goes forward learns that it may
//! not; [`Order::begin_compensation`] is where an order turns round.

use serde::{Deserialize, Serialize};

use crate::answer::{Action, Answer, AnswerKind, Decision, Review};
use crate::catalogue::Line;
use crate::compensation::{self, Compensation, Facts, FailedStates, Outcome};
use crate::payment::{Intent, Payment, PaymentStatus};
use crate::policy::{self, ReviewPolicy};
use crate::shipment::{Address, CarrierShipment, Label, LabelRefund, Rate, Shipment};
use crate::shipment::{Parcel, ShippingService};
use crate::stock::{Reservation, ReservedLine, per_sku};
use crate::{
    CustomerId, ExecutionName, Failure, Fault, IntentId, Moment, Money, OrderId, Private, Sku,
    Status, TaskToken,
};

/// How long after a write the reconciler looks at an open order, in minutes.
const CHECK_AFTER_MINUTES: i64 = 15;

/// Who the goods are for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Customer {
    /// Their name, for the label.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// Their phone number, for the carrier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

impl std::fmt::Debug for Customer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[customer]")
    }
}

/// What to do when the goods are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenOutOfStock {
    /// Give the order up.
    #[default]
    Reject,
    /// Wait for a restock.
    Wait,
}

/// Why a person should look at an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Attention {
    /// To decide about it.
    Review,
    /// It waits for a restock.
    Backorder,
    /// It is stuck, or its money or label could not be given back.
    Operator,
}

/// Since when and until when an order waits for a restock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backorder {
    /// The first shortage: the order's place in the queue.
    pub since: Moment,
    /// The deadline, set with the first shortage.
    pub deadline: Moment,
}

/// An entry of the history that a customer sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// When.
    pub at: Moment,
    /// The status from then on.
    pub status: Status,
    /// What there is to say about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// An order as it is on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Its id.
    pub order_id: OrderId,
    /// Where it is in its life.
    pub status: Status,
    /// Rises with every write, the waiting tasks' too. The `ETag` of the API.
    pub version: u64,
    /// The execution that owns it.
    pub execution: ExecutionName,
    /// Who placed it.
    pub customer_id: CustomerId,
    /// Who the goods are for.
    pub customer: Private<Customer>,
    /// Where they go.
    pub shipping_address: Private<Address>,
    /// What was ordered, as the server priced it.
    pub items: Vec<Line>,
    /// What it costs.
    pub total: Money,
    /// The gateway's token for the card: `pm_…`.
    pub payment_method: Private<String>,
    /// The gateway's customer whose saved card it is: `cus_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_customer: Option<Private<String>>,
    /// How fast it should come.
    pub shipping_service: ShippingService,
    /// When it should begin, if not at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_for: Option<Moment>,
    /// What to do when the goods are not there.
    pub when_out_of_stock: WhenOutOfStock,
    /// The money.
    pub payment: Payment,
    /// The goods that were set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Reservation>,
    /// The parcel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment: Option<Shipment>,
    /// The review; none before the authorisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// The wait for a restock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backorder: Option<Backorder>,
    /// The latest answer to a wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// That it turned round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensation: Option<Compensation>,
    /// The token of the wait that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_token: Option<TaskToken>,
    /// Why a person should look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<Attention>,
    /// The first SKU that was short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<Sku>,
    /// When the customer asked to cancel it, in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_requested_at: Option<Moment>,
    /// What a customer sees of its history.
    pub timeline: Vec<TimelineEntry>,
    /// The hash of the request, to tell a repeat from another request.
    pub request_hash: String,
    /// When it was placed.
    pub created_at: Moment,
    /// When it was last written.
    pub updated_at: Moment,
    /// Its bucket in the index of open orders; none once it is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<String>,
    /// When the reconciler should look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_at: Option<Moment>,
}

/// What a customer asked for, priced by the server.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Its id.
    pub order_id: OrderId,
    /// Who placed it.
    pub customer_id: CustomerId,
    /// Who the goods are for.
    pub customer: Customer,
    /// Where they go.
    pub shipping_address: Address,
    /// What was ordered, priced.
    pub items: Vec<Line>,
    /// What it costs.
    pub total: Money,
    /// The gateway's token for the card.
    pub payment_method: String,
    /// The gateway's customer.
    pub payment_customer: Option<String>,
    /// How fast it should come.
    pub shipping_service: ShippingService,
    /// When it should begin, if not at once.
    pub scheduled_for: Option<Moment>,
    /// What to do when the goods are not there.
    pub when_out_of_stock: WhenOutOfStock,
    /// The hash of the request.
    pub request_hash: String,
}

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

/// Beginning: what an order is when it is accepted.
impl Order {
    /// The order as it is first written down.
    pub fn accept(new: NewOrder, at: Moment) -> Self {
        let status = if new.scheduled_for.is_some() { Status::Scheduled } else { Status::Received };
        Self {
            status,
            version: 1,
            execution: new.order_id.first_execution(),
            open: Some(open_bucket(&new.order_id)),
            // Long before the first write could be overdue: the crash between
            // the record and the start of its execution is mended soonest.
            check_at: Some(at.plus_minutes(2)),
            order_id: new.order_id,
            customer_id: new.customer_id,
            customer: Private::new(new.customer),
            shipping_address: Private::new(new.shipping_address),
            items: new.items,
            total: new.total,
            payment_method: Private::new(new.payment_method),
            payment_customer: new.payment_customer.map(Private::new),
            shipping_service: new.shipping_service,
            scheduled_for: new.scheduled_for,
            when_out_of_stock: new.when_out_of_stock,
            payment: Payment::none(),
            reservation: None,
            shipment: None,
            review: None,
            backorder: None,
            answer: None,
            compensation: None,
            task_token: None,
            attention: None,
            waits_for: None,
            cancel_requested_at: None,
            timeline: vec![TimelineEntry { at, status, detail: None }],
            request_hash: new.request_hash,
            created_at: at,
            updated_at: at,
        }
    }
}

/// One of the eight buckets of the index of open orders, always the same for an order.
fn open_bucket(id: &OrderId) -> String {
    let last = id.as_str().bytes().last().unwrap_or(b'0');
    char::from(b'0' + last % 8).to_string()
}

/// Asking: what the record says.
impl Order {
    /// Whether this execution owns the order; a hand-made invocation names none and passes.
    pub fn is_owned_by(&self, execution: Option<&ExecutionName>) -> bool {
        execution.is_none_or(|name| *name == self.execution)
    }

    /// Whether a step of this execution may go forward.
    pub fn guard_forward(&self, execution: Option<&ExecutionName>) -> Result<(), Failure> {
        if !self.is_owned_by(execution) {
            return Err(Fault::Superseded.because("another execution owns the order"));
        }
        if self.compensation.is_some() {
            return Err(Fault::CompensationBegun.because("the order is being undone"));
        }
        if self.cancel_requested_at.is_some() {
            return Err(Fault::OrderCancelled.because("the customer cancelled the order"));
        }
        // Whatever closed it otherwise than as it should end: it stays closed.
        if self.status.is_closed() && self.status != Status::Fulfilled {
            return Err(Fault::CompensationBegun.because("the order is closed"));
        }
        Ok(())
    }

    /// Whether a person must approve it first and has not.
    pub fn lacks_approval(&self) -> bool {
        self.review.as_ref().is_some_and(|review| review.required) && !self.is_approved()
    }

    /// Whether its goods are set aside.
    pub fn holds_stock(&self) -> bool {
        self.reservation.as_ref().is_some_and(Reservation::is_held)
    }

    /// Whether it has a label that was not given back.
    pub fn has_live_label(&self) -> bool {
        self.shipment.as_ref().is_some_and(Shipment::is_live)
    }

    /// Whether a shipment is stored that is not yet seen to be given back, refused or unbought.
    pub fn has_open_shipment(&self) -> bool {
        self.shipment.as_ref().is_some_and(|shipment| shipment.refund.is_none())
    }

    /// Whether a person approved it.
    pub fn is_approved(&self) -> bool {
        self.decision() == Some(Decision::Approve)
    }

    /// What a person decided about it.
    pub fn decision(&self) -> Option<Decision> {
        self.review.as_ref().and_then(|review| review.decision)
    }

    /// Whether the customer may still cancel it.
    pub fn is_cancellable(&self) -> bool {
        self.status.allows_cancellation()
            && self.cancel_requested_at.is_none()
            && self.compensation.is_none()
    }

    /// How many of each SKU it takes from the shelves.
    pub fn wanted(&self) -> Vec<ReservedLine> {
        per_sku(self.items.iter().map(|line| (&line.sku, line.quantity)))
    }

    /// What the carrier needs to know of its parcel.
    pub fn parcel(&self) -> Parcel {
        let customer = self.customer.expose();
        let weigh = |line: &Line| u64::from(line.weight_grams) * u64::from(line.quantity.get());
        Parcel {
            reference: self.order_id.clone(),
            to_name: Private::new(customer.name.clone()),
            to_phone: customer.phone.clone().map(Private::new),
            to: self.shipping_address.clone(),
            weight_grams: self.items.iter().map(weigh).sum(),
        }
    }

    /// The idempotency key of a step at the gateway, of the present try.
    pub fn payment_key(&self, step: &str) -> String {
        format!("{}:{step}:{}", self.order_id, self.payment.attempt)
    }

    /// The input of its execution: its id, and when it should begin.
    pub fn execution_input(&self) -> serde_json::Value {
        match self.scheduled_for {
            Some(at) => serde_json::json!({"orderId": self.order_id, "scheduledFor": at}),
            None => serde_json::json!({"orderId": self.order_id}),
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            cancellation_asked: self.cancel_requested_at.is_some(),
            rejected: self.decision() == Some(Decision::Reject),
            authorised: self.payment.was_authorised(),
            reserved: self.reservation.is_some(),
            shipment: self.shipment.is_some(),
            label: self.shipment.as_ref().is_some_and(|shipment| shipment.label.is_some()),
        }
    }
}

/// Going forward: what each step records.
impl Order {
    /// Records the intent that was created, before it is ever confirmed.
    #[must_use]
    pub fn with_intent(&self, intent: &IntentId, at: Moment) -> Self {
        let mut order = self.next_step(at);
        order.payment.intent_id = Some(intent.clone());
        order
    }

    /// Raises the number in the idempotency keys, after a look-up showed that a
    /// call had no effect.
    #[must_use]
    pub fn with_next_try(&self, at: Moment) -> Self {
        let mut order = self.next_write(at);
        order.payment.attempt += 1;
        order
    }

    /// Records that the money is authorised, and decides whether a person must look.
    pub fn authorised(
        &self,
        intent: &Intent,
        policy: &ReviewPolicy,
        at: Moment,
    ) -> Result<Self, Failure> {
        // An authorisation lasts about a week; without the gateway's word, the
        // shortest that it grants.
        let capture_before = intent.capture_before.unwrap_or_else(|| at.plus_hours(4 * 24));
        let reasons = policy.reasons(self.total, intent.risk);
        let required = !reasons.is_empty();
        let mut order = self.moved(Status::Authorized, None, at)?;
        order.payment.status = PaymentStatus::Authorized;
        order.payment.capture_before = Some(capture_before);
        order.review = Some(Review {
            required,
            reasons,
            deadline: required.then(|| policy::review_deadline(at, capture_before)),
            decision: None,
            by: None,
            at: None,
            note: None,
        });
        Ok(order)
    }

    /// Records that every line is set aside.
    pub fn reserved(&self, at: Moment) -> Result<Self, Failure> {
        let mut order = self.moved(Status::Reserved, None, at)?;
        order.reservation = Some(Reservation { lines: self.wanted(), at, released_at: None });
        Ok(order)
    }

    /// Records that it waits for a restock of `short`: its place in the queue
    /// and its deadline are those of the first shortage.
    #[must_use]
    pub fn backordered(&self, short: &Sku, at: Moment) -> Self {
        let capture_before = self.payment.capture_before.unwrap_or(at);
        let mut order = self.next_step(at);
        order.backorder.get_or_insert_with(|| Backorder {
            since: at,
            deadline: policy::restock_deadline(at, capture_before),
        });
        order.waits_for = Some(short.clone());
        order
    }

    /// Records the shipment and the rate that will be bought. From here on a
    /// cancellation is refused.
    pub fn with_shipment(
        &self,
        shipment: &CarrierShipment,
        rate: &Rate,
        at: Moment,
    ) -> Result<Self, Failure> {
        let mut order = self.moved(Status::Shipping, None, at)?;
        order.shipment = Some(Shipment {
            shipment_id: shipment.id.clone(),
            rate_id: rate.id.clone(),
            carrier: rate.carrier.clone(),
            service: rate.service.clone(),
            label: None,
            refund: None,
        });
        Ok(order)
    }

    /// Records the label that was bought.
    #[must_use]
    pub fn with_label(&self, tracking_code: &str, tracking_url: Option<&str>, at: Moment) -> Self {
        let mut order = self.next_step(at);
        if let Some(shipment) = &mut order.shipment {
            shipment.label = Some(Label {
                tracking_code: tracking_code.to_owned(),
                tracking_url: tracking_url.map(str::to_owned),
                at,
            });
        }
        order
    }

    /// Records that the money is ours: the order is done.
    pub fn fulfilled(&self, at: Moment) -> Result<Self, Failure> {
        let mut order = self.moved(Status::Fulfilled, None, at)?;
        order.payment.status = PaymentStatus::Captured;
        Ok(order)
    }
}

/// Turning round: what each compensating step records.
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

    fn compensating(
        &self,
        failed: &FailedStates,
        outcome: Outcome,
        mut order: Self,
        at: Moment,
    ) -> Self {
        order.compensation = Some(Compensation { at, failed: failed.clone(), outcome });
        let expired = outcome == Outcome::Rejected && self.decision().is_none();
        let detail = if expired { "REVIEW_EXPIRED" } else { "COMPENSATION_BEGUN" };
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
            order.raise("LABEL_REFUND_REFUSED", at);
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
        // What was raised on the way stays raised, whatever wait came between:
        // only a person takes it away.
        let refused = |shipment: &Shipment| shipment.refund == Some(LabelRefund::Refused);
        if order.shipment.as_ref().is_some_and(refused) {
            order.attention = Some(Attention::Operator);
        }
        if money == PaymentStatus::RefundFailed {
            order.raise("REFUND_FAILED", at);
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

    fn raise(&mut self, detail: &str, at: Moment) {
        self.attention = Some(Attention::Operator);
        self.note(detail, at);
    }
}

/// Answering: what people and restocks say to an order that waits.
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
        order.answer = Some(Answer { token, kind, by: by.to_owned(), at, note, refund: None });
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
            return self.acknowledge(by, at);
        }
        let token = self.token_of_stuck()?;
        let mut order = match action {
            Action::Capture => self.allow_capture()?.next_write(at),
            _ => self.agree_to_compensate(refund, at)?,
        };
        order.answer = Some(Answer {
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
        order.note("CANCELLATION_REQUESTED", at);
        if let Ok(token) = self.unanswered_token(self.status) {
            let by = by.to_owned();
            let kind = AnswerKind::Cancellation;
            order.answer = Some(Answer { token, kind, by, at, note: None, refund: None });
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
        order.answer = Some(Answer { token, kind, by, at, note: None, refund: None });
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

    fn acknowledge(&self, by: &str, at: Moment) -> Result<Self, AnswerRefused> {
        if !self.status.is_closed() || self.attention.is_none() {
            return Err(AnswerRefused::NothingToAcknowledge);
        }
        let mut order = self.next_write(at);
        order.attention = None;
        order.note(&format!("ACKNOWLEDGED by {by}"), at);
        Ok(order)
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

/// How every write is made.
impl Order {
    /// The order one write later, with whatever it waits in left as it is.
    fn next_write(&self, at: Moment) -> Self {
        let mut order = self.clone();
        order.version += 1;
        // Two clocks may differ by a little; the record never runs backwards.
        order.updated_at = at.max(self.updated_at);
        if order.open.is_some() {
            order.check_at = Some(at.plus_minutes(CHECK_AFTER_MINUTES));
        }
        order
    }

    /// The order one step later: the wait that it was in, if any, is over.
    fn next_step(&self, at: Moment) -> Self {
        let mut order = self.next_write(at);
        if order.task_token.take().is_some() {
            order.attention = None;
        }
        order.waits_for = None;
        order
    }

    /// The order one step later, in another status.
    fn moved(&self, to: Status, detail: Option<&str>, at: Moment) -> Result<Self, Failure> {
        let decided = self.compensation.as_ref().map(|c| c.outcome.status());
        if !self.status.may_become(to, decided) {
            let detail = format!("an order that is {} cannot become {to}", self.status);
            return Err(Fault::InvalidRequest.because(detail));
        }
        let mut order = self.next_step(at);
        order.status = to;
        let detail = detail.map(str::to_owned);
        order.timeline.push(TimelineEntry { at, status: to, detail });
        Ok(order)
    }

    fn note(&mut self, detail: &str, at: Moment) {
        let status = self.status;
        self.timeline.push(TimelineEntry { at, status, detail: Some(detail.to_owned()) });
    }
}

#[cfg(test)]
mod tests;
