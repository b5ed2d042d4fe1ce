//! Puts a hold on the card, and says whether a person must look.
//!
//! The intent is created without being confirmed and stored; only the stored
//! one is ever confirmed. So however often this runs, and wherever it dies, at
//! most one intent of an order was confirmed, and a declined card once.

use domain::compensate::{self, payment_not_sent as not_begun, payment_rejected as refused};
use domain::conflict::{AttemptError, load_order, retry_on_conflict, save_order};
use domain::decision::{Review, ReviewDecision};
use domain::payment::{ForwardAction, PaymentIntent, PaymentIntentState};
use domain::policy::timeout_seconds;
use domain::ports::{
    CallOutcome, LoadOrder, PaymentIntentRequest, PaymentProvider, PaymentRejection, SaveOrder,
};
use domain::step::Step;
use domain::{ErrorName, Order, PaymentIntentId, Status, StepError, Timestamp};

use crate::ProcessPayment;
use crate::event::{Authorized, Operation};

impl<O: LoadOrder + SaveOrder, G: PaymentProvider> ProcessPayment<O, G> {
    /// Authorises the money of the order, once.
    pub async fn authorize(
        &self,
        step: &Step<Operation>,
        at: Timestamp,
    ) -> Result<Authorized, StepError> {
        let order = retry_on_conflict(|| self.authorize_once(step, at)).await?;
        answer(&order, at)
    }

    async fn authorize_once(
        &self,
        step: &Step<Operation>,
        at: Timestamp,
    ) -> Result<Order, AttemptError> {
        let order = load_order(&self.orders, &step.order_id).await?;
        order.ensure_can_proceed(step.execution.as_ref())?;
        if order.payment.was_authorized() {
            return Ok(order);
        }
        // Decided before acting: what cannot be recorded is not done.
        if !order.status.can_transition_to(Status::Authorized, None) {
            let detail = format!("an order that is {} cannot be authorised", order.status);
            return Err(ErrorName::InvalidRequest.with_detail(detail).into());
        }
        let (order, intent) = match order.payment.intent_id.clone() {
            None => self.create(order, at).await?,
            Some(id) => {
                let intent = compensate::retrieve_payment_intent(&self.gateway, &id).await?;
                (order, intent)
            }
        };
        self.check_amount(&order, &intent, at).await?;
        let intent = match intent.next_for_authorize() {
            ForwardAction::Call => self.confirm(&order, &intent.id, at).await?,
            _ => intent,
        };
        self.record_authorised(&order, &intent, at).await
    }

    /// An intent of this order's own, stored before anything is done with it.
    async fn create(
        &self,
        order: Order,
        at: Timestamp,
    ) -> Result<(Order, PaymentIntent), AttemptError> {
        let request = PaymentIntentRequest {
            order_id: &order.order_id,
            amount: order.total,
            payment_method: &order.payment_method,
            payment_customer: order.payment_customer.as_ref(),
        };
        let intent =
            match self.gateway.create(&request, &order.payment_idempotency_key("create")).await {
                CallOutcome::Succeeded(intent) => intent,
                CallOutcome::Rejected(refusal) => return Err(refused(refusal).into()),
                CallOutcome::NotSent(why) => return Err(not_begun(&why).into()),
                // There is nothing to look up, and an intent that nobody confirms
                // costs nothing.
                CallOutcome::Unknown(why) => {
                    return Err(self.try_again_later(&order, &why, at).await);
                }
            };
        let stored = save_order(&self.orders, &order, order.with_intent(&intent.id, at)).await?;
        Ok((stored, intent))
    }

    /// Confirms the stored intent: the card's bank is asked for the money.
    async fn confirm(
        &self,
        order: &Order,
        id: &PaymentIntentId,
        at: Timestamp,
    ) -> Result<PaymentIntent, AttemptError> {
        // A scheduled order is confirmed while its customer is away.
        let off_session = order.scheduled_for.is_some();
        let key = order.payment_idempotency_key("confirm");
        match self.gateway.confirm(id, off_session, &key).await {
            CallOutcome::Succeeded(intent) => Ok(intent),
            CallOutcome::NotSent(why) => Err(not_begun(&why).into()),
            CallOutcome::Rejected(PaymentRejection::UnexpectedState(_)) => {
                self.confirmed_after_all(order, id, "the intent moved on", at).await
            }
            CallOutcome::Rejected(refusal) => Err(refused(refusal).into()),
            CallOutcome::Unknown(why) => self.confirmed_after_all(order, id, &why, at).await,
        }
    }

    async fn confirmed_after_all(
        &self,
        order: &Order,
        id: &PaymentIntentId,
        why: &str,
        at: Timestamp,
    ) -> Result<PaymentIntent, AttemptError> {
        let intent = compensate::retrieve_payment_intent(&self.gateway, id).await?;
        match intent.next_for_authorize() {
            ForwardAction::Call => Err(self.try_again_later(order, why, at).await),
            _ => Ok(intent),
        }
    }

    async fn record_authorised(
        &self,
        order: &Order,
        intent: &PaymentIntent,
        at: Timestamp,
    ) -> Result<Order, AttemptError> {
        self.check_amount(order, intent, at).await?;
        match intent.next_for_authorize() {
            ForwardAction::AlreadyDone => {
                save_order(&self.orders, order, order.authorized(intent, &self.review, at)?).await
            }
            ForwardAction::Reject(fault) => Err(fault.with_detail(why_not(intent.state)).into()),
            ForwardAction::Call | ForwardAction::Unknown => Err(ErrorName::PaymentOutcomeUnknown
                .with_detail("the bank has not answered")
                .into()),
        }
    }
}

const fn why_not(state: PaymentIntentState) -> &'static str {
    match state {
        PaymentIntentState::RequiresAction => "authentication_required",
        PaymentIntentState::RequiresPaymentMethod => "card_declined",
        _ => "the intent can no longer be captured",
    }
}

/// What the state machine is told of an authorised order.
fn answer(order: &Order, at: Timestamp) -> Result<Authorized, StepError> {
    let review = order.review.as_ref();
    Ok(Authorized {
        order_id: order.order_id.clone(),
        review_required: review.map_or(Ok(false), |review| must_wait(review, at))?,
        review_reasons: review.map(|review| review.reasons.clone()).unwrap_or_default(),
        review_deadline_seconds: review
            .and_then(|review| review.deadline)
            .map_or(1, |deadline| timeout_seconds(deadline, at)),
    })
}

/// Whether a person must still decide.
fn must_wait(review: &Review, at: Timestamp) -> Result<bool, StepError> {
    match review.decision {
        Some(ReviewDecision::Approve) => Ok(false),
        Some(ReviewDecision::Reject) => {
            Err(ErrorName::ReviewRejected.with_detail("a person rejected the order"))
        }
        None if review.required && review.deadline.is_some_and(|deadline| at > deadline) => {
            Err(ErrorName::ReviewRejected.with_detail("nobody looked in time"))
        }
        None => Ok(review.required),
    }
}
