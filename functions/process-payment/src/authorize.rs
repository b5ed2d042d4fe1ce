//! Puts a hold on the card, and says whether a person must look.
//!
//! The intent is created without being confirmed and stored; only the stored
//! one is ever confirmed. So however often this runs, and wherever it dies, at
//! most one intent of an order was confirmed, and a declined card once.

use domain::answer::{Decision, Review};
use domain::payment::{Forward, Intent, IntentState};
use domain::policy::seconds_left;
use domain::ports::{Called, Gateway, GatewayRefusal, IntentRequest, LoadOrder, SaveOrder};
use domain::rounds::{Stop, load, record, settle};
use domain::step::Step;
use domain::undo::{self, gateway_not_begun as not_begun, gateway_refused as refused};
use domain::{Failure, Fault, IntentId, Moment, Order, Status};

use crate::ProcessPayment;
use crate::event::{Authorized, Operation};

impl<O: LoadOrder + SaveOrder, G: Gateway> ProcessPayment<O, G> {
    /// Authorises the money of the order, once.
    pub async fn authorize(
        &self,
        step: &Step<Operation>,
        at: Moment,
    ) -> Result<Authorized, Failure> {
        let order = settle(|| self.authorize_once(step, at)).await?;
        answer(&order, at)
    }

    async fn authorize_once(&self, step: &Step<Operation>, at: Moment) -> Result<Order, Stop> {
        let order = load(&self.orders, &step.order_id).await?;
        order.guard_forward(step.execution.as_ref())?;
        if order.payment.was_authorised() {
            return Ok(order);
        }
        // Decided before acting: what cannot be recorded is not done.
        if !order.status.may_become(Status::Authorized, None) {
            let detail = format!("an order that is {} cannot be authorised", order.status);
            return Err(Fault::InvalidRequest.because(detail).into());
        }
        let (order, intent) = match order.payment.intent_id.clone() {
            None => self.create(order, at).await?,
            Some(id) => {
                let intent = undo::intent(&self.gateway, &id).await?;
                (order, intent)
            }
        };
        self.check_amount(&order, &intent, at).await?;
        let intent = match intent.next_for_authorize() {
            Forward::Call => self.confirm(&order, &intent.id, at).await?,
            _ => intent,
        };
        self.record_authorised(&order, &intent, at).await
    }

    /// An intent of this order's own, stored before anything is done with it.
    async fn create(&self, order: Order, at: Moment) -> Result<(Order, Intent), Stop> {
        let request = IntentRequest {
            order_id: &order.order_id,
            amount: order.total,
            payment_method: &order.payment_method,
            payment_customer: order.payment_customer.as_ref(),
        };
        let intent = match self.gateway.create(&request, &order.payment_key("create")).await {
            Called::Done(intent) => intent,
            Called::Refused(refusal) => return Err(refused(refusal).into()),
            Called::NotBegun(why) => return Err(not_begun(&why).into()),
            // There is nothing to look up, and an intent that nobody confirms
            // costs nothing.
            Called::Unknown(why) => return Err(self.try_again_later(&order, &why, at).await),
        };
        let stored = record(&self.orders, &order, order.with_intent(&intent.id, at)).await?;
        Ok((stored, intent))
    }

    /// Confirms the stored intent: the card's bank is asked for the money.
    async fn confirm(&self, order: &Order, id: &IntentId, at: Moment) -> Result<Intent, Stop> {
        // A scheduled order is confirmed while its customer is away.
        let off_session = order.scheduled_for.is_some();
        let key = order.payment_key("confirm");
        match self.gateway.confirm(id, off_session, &key).await {
            Called::Done(intent) => Ok(intent),
            Called::NotBegun(why) => Err(not_begun(&why).into()),
            Called::Refused(GatewayRefusal::WrongState(_)) => {
                self.confirmed_after_all(order, id, "the intent moved on", at).await
            }
            Called::Refused(refusal) => Err(refused(refusal).into()),
            Called::Unknown(why) => self.confirmed_after_all(order, id, &why, at).await,
        }
    }

    async fn confirmed_after_all(
        &self,
        order: &Order,
        id: &IntentId,
        why: &str,
        at: Moment,
    ) -> Result<Intent, Stop> {
        let intent = undo::intent(&self.gateway, id).await?;
        match intent.next_for_authorize() {
            Forward::Call => Err(self.try_again_later(order, why, at).await),
            _ => Ok(intent),
        }
    }

    async fn record_authorised(
        &self,
        order: &Order,
        intent: &Intent,
        at: Moment,
    ) -> Result<Order, Stop> {
        self.check_amount(order, intent, at).await?;
        match intent.next_for_authorize() {
            Forward::Done => {
                record(&self.orders, order, order.authorised(intent, &self.review, at)?).await
            }
            Forward::Refuse(fault) => Err(fault.because(why_not(intent.state)).into()),
            Forward::Call | Forward::Unknown => {
                Err(Fault::PaymentOutcomeUnknown.because("the bank has not answered").into())
            }
        }
    }
}

const fn why_not(state: IntentState) -> &'static str {
    match state {
        IntentState::RequiresAction => "authentication_required",
        IntentState::RequiresPaymentMethod => "card_declined",
        _ => "the intent can no longer be captured",
    }
}

/// What the state machine is told of an authorised order.
fn answer(order: &Order, at: Moment) -> Result<Authorized, Failure> {
    let review = order.review.as_ref();
    Ok(Authorized {
        order_id: order.order_id.clone(),
        review_required: review.map_or(Ok(false), |review| must_wait(review, at))?,
        review_reasons: review.map(|review| review.reasons.clone()).unwrap_or_default(),
        review_deadline_seconds: review
            .and_then(|review| review.deadline)
            .map_or(1, |deadline| seconds_left(deadline, at)),
    })
}

/// Whether a person must still decide.
fn must_wait(review: &Review, at: Moment) -> Result<bool, Failure> {
    match review.decision {
        Some(Decision::Approve) => Ok(false),
        Some(Decision::Reject) => Err(Fault::ReviewRejected.because("a person rejected the order")),
        None if review.required && review.deadline.is_some_and(|deadline| at > deadline) => {
            Err(Fault::ReviewRejected.because("nobody looked in time"))
        }
        None => Ok(review.required),
    }
}
