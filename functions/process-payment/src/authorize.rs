//! `authorize`: places a hold on the card and decides whether an operator must review.
//!
//! The function creates the payment intent unconfirmed, stores its id on the order, and
//! only then confirms it. It never confirms an intent that is not stored. So at most one
//! intent of an order is ever confirmed, and a declined card is confirmed once.

use domain::compensate::{self, payment_not_sent, payment_rejected, payment_throttled};
use domain::conflict::{AttemptError, load_order, retry_on_conflict, save_order};
use domain::decision::{Review, ReviewDecision};
use domain::operation::PaymentOperation;
use domain::payment::{ForwardAction, PaymentIntent, PaymentIntentState};
use domain::policy::timeout_seconds;
use domain::ports::{
    CallOutcome, LoadOrder, PaymentIntentRequest, PaymentProvider, PaymentRejection, SaveOrder,
};
use domain::task_input::TaskInput;
use domain::{ErrorName, Order, PaymentIntentId, Status, StepError, Timestamp};

use crate::ProcessPayment;
use crate::event::AuthorizeOutput;
use crate::payment_intent::issuer_has_not_answered;

impl<O: LoadOrder + SaveOrder, P: PaymentProvider> ProcessPayment<O, P> {
    /// Authorizes the total of the order, once.
    ///
    /// An order whose payment is authorized already is answered from its record, without
    /// a call to the provider.
    ///
    /// # Errors
    ///
    /// See the table in the [crate documentation](crate).
    pub async fn authorize(
        &self,
        input: &TaskInput<PaymentOperation>,
        at: Timestamp,
    ) -> Result<AuthorizeOutput, StepError> {
        let order = retry_on_conflict(|| self.authorize_once(input, at)).await?;
        output(&order, at)
    }

    async fn authorize_once(
        &self,
        input: &TaskInput<PaymentOperation>,
        at: Timestamp,
    ) -> Result<Order, AttemptError> {
        let order = load_order(&self.orders, &input.order_id).await?;
        order.ensure_can_proceed(input.execution.as_ref())?;
        if order.payment.was_authorized() {
            return Ok(order);
        }
        order.ensure_can_take(input.execution.as_ref())?;
        // Checked before the first call: a result that cannot be recorded is not caused.
        if !order.can_transition_to(Status::Authorized) {
            let detail = format!("an order in status {} cannot be authorized", order.status);
            return Err(ErrorName::InvalidRequest.with_detail(detail).into());
        }
        let (order, intent) = match order.payment.intent_id.clone() {
            None => self.create_intent(order, at).await?,
            Some(id) => {
                let intent =
                    compensate::retrieve_payment_intent(&self.payment_provider, &id).await?;
                (order, intent)
            }
        };
        self.ensure_amount_matches(&order, &intent, at).await?;
        let intent = match intent.next_for_authorize() {
            ForwardAction::Call => self.confirm_intent(&order, &intent.id, at).await?,
            _ => intent,
        };
        self.record_authorization(&order, &intent, at).await
    }

    /// A saved card is used only for the customer whom it belongs to: the shop wrote that
    /// customer on the provider's when the card was saved. Anyone can send the provider's ids.
    async fn ensure_saved_card_is_the_customers(&self, order: &Order) -> Result<(), AttemptError> {
        let Some(id) = &order.payment_customer else { return Ok(()) };
        let expected = order.customer_id.as_str();
        let error = match self.payment_provider.customer(id).await {
            CallOutcome::Succeeded(customer)
                if customer.customer_id.as_deref() == Some(expected) =>
            {
                return Ok(());
            }
            CallOutcome::Succeeded(_) | CallOutcome::Rejected(PaymentRejection::NotFound) => {
                ErrorName::PaymentDeclined.with_detail("saved_card_of_another_customer")
            }
            CallOutcome::Rejected(rejection) => payment_rejected(rejection),
            CallOutcome::Throttled(why) => payment_throttled(&why),
            // A read has no effect that would have to be looked up.
            CallOutcome::NotSent(why) | CallOutcome::Unknown(why) => payment_not_sent(&why),
        };
        Err(error.into())
    }

    /// Creates an unconfirmed intent and stores its id on the order.
    async fn create_intent(
        &self,
        order: Order,
        at: Timestamp,
    ) -> Result<(Order, PaymentIntent), AttemptError> {
        self.ensure_saved_card_is_the_customers(&order).await?;
        let request = PaymentIntentRequest {
            order_id: &order.order_id,
            amount: order.total,
            payment_method: order.payment_method()?,
            payment_customer: order.payment_customer.as_ref(),
        };
        let key = order.payment_idempotency_key("create");
        let intent = match self.payment_provider.create(&request, &key).await {
            CallOutcome::Succeeded(intent) => intent,
            CallOutcome::Rejected(rejection) => return Err(payment_rejected(rejection).into()),
            CallOutcome::NotSent(why) => return Err(payment_not_sent(&why).into()),
            CallOutcome::Throttled(why) => return Err(payment_throttled(&why).into()),
            // Without an id there is nothing to retrieve. A lost unconfirmed intent costs
            // nothing.
            CallOutcome::Unknown(why) => {
                return Err(self.fail_with_new_key(&order, payment_not_sent(&why), at).await);
            }
        };
        let stored = save_order(&self.orders, &order, order.with_intent(&intent.id, at)).await?;
        Ok((stored, intent))
    }

    /// Confirms the stored intent. The issuer then authorizes or declines the card.
    async fn confirm_intent(
        &self,
        order: &Order,
        id: &PaymentIntentId,
        at: Timestamp,
    ) -> Result<PaymentIntent, AttemptError> {
        // The customer is absent when a scheduled order is confirmed.
        let off_session = order.scheduled_for.is_some();
        let key = order.payment_idempotency_key("confirm");
        match self.payment_provider.confirm(id, off_session, &key).await {
            CallOutcome::Succeeded(intent) => Ok(intent),
            CallOutcome::NotSent(why) => Err(payment_not_sent(&why).into()),
            CallOutcome::Throttled(why) => Err(payment_throttled(&why).into()),
            CallOutcome::Rejected(PaymentRejection::UnexpectedState(_)) => {
                self.resolve_confirmation(order, id, "the intent changed state", at).await
            }
            CallOutcome::Rejected(rejection) => Err(payment_rejected(rejection).into()),
            CallOutcome::Unknown(why) => self.resolve_confirmation(order, id, &why, at).await,
        }
    }

    /// Retrieves the intent to learn whether a confirmation without an answer had an effect.
    async fn resolve_confirmation(
        &self,
        order: &Order,
        id: &PaymentIntentId,
        why: &str,
        at: Timestamp,
    ) -> Result<PaymentIntent, AttemptError> {
        let intent = compensate::retrieve_payment_intent(&self.payment_provider, id).await?;
        match intent.next_for_authorize() {
            ForwardAction::Call => {
                Err(self.fail_with_new_key(order, payment_not_sent(why), at).await)
            }
            _ => Ok(intent),
        }
    }

    async fn record_authorization(
        &self,
        order: &Order,
        intent: &PaymentIntent,
        at: Timestamp,
    ) -> Result<Order, AttemptError> {
        self.ensure_amount_matches(order, intent, at).await?;
        match intent.next_for_authorize() {
            ForwardAction::AlreadyDone => {
                let authorized = order.authorized(intent, &self.review_policy, at)?;
                save_order(&self.orders, order, authorized).await
            }
            ForwardAction::Reject(error) => {
                Err(error.with_detail(rejection_reason(intent.state)).into())
            }
            ForwardAction::Call | ForwardAction::Unknown => Err(issuer_has_not_answered().into()),
        }
    }
}

const fn rejection_reason(state: PaymentIntentState) -> &'static str {
    match state {
        PaymentIntentState::RequiresAction => "authentication_required",
        PaymentIntentState::RequiresPaymentMethod => "card_declined",
        _ => "the intent can no longer be captured",
    }
}

fn output(order: &Order, at: Timestamp) -> Result<AuthorizeOutput, StepError> {
    let review = order.review.as_ref();
    Ok(AuthorizeOutput {
        order_id: order.order_id.clone(),
        review_required: review.map_or(Ok(false), |review| is_review_pending(review, at))?,
        review_reasons: review.map(|review| review.reasons.clone()).unwrap_or_default(),
        review_deadline_seconds: review
            .and_then(|review| review.deadline)
            .map_or(1, |deadline| timeout_seconds(deadline, at)),
    })
}

/// Whether an operator still has to decide. Fails if the order is rejected or overdue.
fn is_review_pending(review: &Review, at: Timestamp) -> Result<bool, StepError> {
    match review.decision {
        Some(ReviewDecision::Approve) => Ok(false),
        Some(ReviewDecision::Reject) => {
            Err(ErrorName::ReviewRejected.with_detail("an operator rejected the order"))
        }
        None if review.required && review.deadline.is_some_and(|deadline| at > deadline) => {
            Err(ErrorName::ReviewRejected.with_detail("the review deadline passed"))
        }
        None => Ok(review.required),
    }
}
