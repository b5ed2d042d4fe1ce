//! Compensation at the providers: voiding or refunding the payment, refunding the label.
//!
//! The provider is the authority. Nothing counts as given back before a lookup or the
//! provider's final answer shows it; a call without an answer is followed by a lookup,
//! not by a guess. Nothing is recorded here: the compensating steps and the reconciler
//! record the result.
//!
//! What each state of an intent requires is in [`payment`](crate::payment).

use crate::payment::{CancelAction, PaymentIntent, PaymentIntentState, PaymentStatus};
use crate::ports::{
    CallOutcome, PaymentProvider, PaymentRejection, RefundState, ShippingProvider,
    ShippingRejection,
};
use crate::settlement::LabelClaim;
use crate::shipment::{LabelRefund, LabelRefundState, ProviderShipment};
use crate::{ErrorName, Order, PaymentIntentId, ShipmentId, StepError};

/// Why something could not be given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompensationError {
    /// A lookup showed that a call had no effect. The next one needs another idempotency
    /// key: the provider replays a stored failure or rejection for a day.
    NoEffect(StepError),
    /// The payment is captured, and no operator permitted a refund.
    RefundNotPermitted,
    /// The provider cannot be reached, or rejects the call.
    Failed(StepError),
}

impl From<StepError> for CompensationError {
    fn from(failure: StepError) -> Self {
        Self::Failed(failure)
    }
}

/// Voids or refunds the payment of an order, as the state of its intent requires.
///
/// # Errors
/// [`CompensationError`].
pub async fn cancel_payment(
    payments: &impl PaymentProvider,
    order: &Order,
) -> Result<PaymentStatus, CompensationError> {
    let Some(id) = &order.payment.intent_id else {
        return Ok(PaymentStatus::Voided);
    };
    let intent = retrieve_payment_intent(payments, id).await?;
    match intent.next_for_cancel() {
        CancelAction::AlreadyDone => Ok(final_payment_status(&intent)),
        CancelAction::Void => void_payment(payments, order, id).await,
        CancelAction::Refund => refund_payment(payments, order, id).await,
        CancelAction::Unknown => Err(payment_undecided().into()),
    }
}

/// [`cancel_payment`], and what an operator claimed where the provider gives no answer.
///
/// Money that the operator lets the shop keep is not refunded.
///
/// # Errors
/// [`CompensationError`].
pub async fn return_payment(
    payments: &impl PaymentProvider,
    order: &Order,
) -> Result<PaymentStatus, CompensationError> {
    if let (Some(claim), Some(id)) = (order.money_claim(), &order.payment.intent_id) {
        let counts = match retrieve_payment_intent(payments, id).await {
            Ok(intent) => {
                claim.agrees_with(&intent) || intent.next_for_cancel() == CancelAction::Unknown
            }
            // It will answer.
            Err(error) if error.name == ErrorName::PaymentThrottled => return Err(error.into()),
            Err(_) => true,
        };
        if counts {
            return Ok(claim.status());
        }
    }
    cancel_payment(payments, order).await
}

/// Retrieves a payment intent.
///
/// # Errors
/// [`ErrorName::PaymentOutcomeUnknown`] if there is no answer, because an earlier call may
/// have had an effect; [`ErrorName::PaymentThrottled`]; otherwise what the rejection means.
pub async fn retrieve_payment_intent(
    payments: &impl PaymentProvider,
    id: &PaymentIntentId,
) -> Result<PaymentIntent, StepError> {
    match payments.retrieve(id).await {
        CallOutcome::Succeeded(intent) => Ok(intent),
        CallOutcome::Rejected(rejection) => Err(payment_rejected(rejection)),
        CallOutcome::Throttled(why) => Err(payment_throttled(&why)),
        CallOutcome::NotSent(why) | CallOutcome::Unknown(why) => {
            Err(ErrorName::PaymentOutcomeUnknown.with_detail(format!("lookup: {why}")))
        }
    }
}

async fn void_payment(
    payments: &impl PaymentProvider,
    order: &Order,
    id: &PaymentIntentId,
) -> Result<PaymentStatus, CompensationError> {
    let error = match payments.cancel(id, &order.payment_idempotency_key("cancel")).await {
        CallOutcome::Succeeded(intent) if intent.state == PaymentIntentState::Canceled => {
            return Ok(PaymentStatus::Voided);
        }
        CallOutcome::NotSent(why) => return Err(payment_not_sent(&why).into()),
        CallOutcome::Throttled(why) => return Err(payment_throttled(&why).into()),
        CallOutcome::Succeeded(_)
        | CallOutcome::Rejected(PaymentRejection::UnexpectedState(_))
        | CallOutcome::Unknown(_) => payment_not_sent("the void had no effect"),
        CallOutcome::Rejected(rejection) => payment_rejected(rejection),
    };
    // A capture in flight may have won: then the payment is refunded.
    let intent = retrieve_payment_intent(payments, id).await?;
    match intent.next_for_cancel() {
        CancelAction::AlreadyDone => Ok(final_payment_status(&intent)),
        CancelAction::Void => Err(CompensationError::NoEffect(error)),
        CancelAction::Refund => refund_payment(payments, order, id).await,
        CancelAction::Unknown => Err(payment_undecided().into()),
    }
}

async fn refund_payment(
    payments: &impl PaymentProvider,
    order: &Order,
    id: &PaymentIntentId,
) -> Result<PaymentStatus, CompensationError> {
    if let Some(money) = existing_refund(payments, id).await? {
        return Ok(money);
    }
    if !order.payment.refund_permission.permits() {
        return Err(CompensationError::RefundNotPermitted);
    }
    let error = match payments.refund(id, &order.payment_idempotency_key("refund")).await {
        CallOutcome::Succeeded(state) => return Ok(refund_status(state)),
        CallOutcome::NotSent(why) => return Err(payment_not_sent(&why).into()),
        CallOutcome::Throttled(why) => return Err(payment_throttled(&why).into()),
        CallOutcome::Rejected(rejection) => payment_rejected(rejection),
        CallOutcome::Unknown(_) => payment_not_sent("the refund had no effect"),
    };
    match existing_refund(payments, id).await? {
        Some(money) => Ok(money),
        None => Err(CompensationError::NoEffect(error)),
    }
}

/// The payment status that the refunds of an intent amount to; none without a refund.
///
/// # Errors
/// As [`retrieve_payment_intent`].
pub async fn existing_refund(
    payments: &impl PaymentProvider,
    id: &PaymentIntentId,
) -> Result<Option<PaymentStatus>, StepError> {
    Ok(refund_progress(payments, id).await?.map(refund_status))
}

/// The state of the refund of an intent: that of the furthest one; none without a refund.
///
/// # Errors
/// As [`retrieve_payment_intent`].
pub async fn refund_progress(
    payments: &impl PaymentProvider,
    id: &PaymentIntentId,
) -> Result<Option<RefundState>, StepError> {
    const FURTHEST_FIRST: [RefundState; 3] =
        [RefundState::Succeeded, RefundState::Pending, RefundState::Failed];
    match payments.refunds(id).await {
        CallOutcome::Succeeded(refunds) => {
            Ok(FURTHEST_FIRST.into_iter().find(|state| refunds.contains(state)))
        }
        CallOutcome::Rejected(rejection) => Err(payment_rejected(rejection)),
        CallOutcome::Throttled(why) => Err(payment_throttled(&why)),
        CallOutcome::NotSent(why) | CallOutcome::Unknown(why) => {
            Err(ErrorName::PaymentOutcomeUnknown.with_detail(format!("refunds: {why}")))
        }
    }
}

/// The payment status of an intent with nothing left to refund or void. A partial refund
/// leaves money of the customer's: an operator must act.
pub fn final_payment_status(intent: &PaymentIntent) -> PaymentStatus {
    match intent.state {
        PaymentIntentState::Succeeded if !intent.is_refunded_in_full() => {
            PaymentStatus::RefundFailed
        }
        PaymentIntentState::Succeeded => PaymentStatus::Refunded,
        _ => PaymentStatus::Voided,
    }
}

const fn refund_status(state: RefundState) -> PaymentStatus {
    match state {
        RefundState::Pending | RefundState::Succeeded => PaymentStatus::Refunded,
        RefundState::Failed => PaymentStatus::RefundFailed,
    }
}

fn payment_undecided() -> StepError {
    ErrorName::PaymentOutcomeUnknown.with_detail("the card issuer has not answered")
}

/// A call of the payment provider had no effect and may be retried.
pub fn payment_not_sent(why: &str) -> StepError {
    ErrorName::PaymentGatewayUnavailable.with_detail(why)
}

/// The payment provider's rate limit turned a call away.
pub fn payment_throttled(why: &str) -> StepError {
    ErrorName::PaymentThrottled.with_detail(why)
}

/// What a rejection by the payment provider means.
pub fn payment_rejected(rejection: PaymentRejection) -> StepError {
    match rejection {
        PaymentRejection::Declined { code } => ErrorName::PaymentDeclined.with_detail(code),
        PaymentRejection::UnexpectedState(intent) => ErrorName::PaymentMisconfigured.with_detail(
            format!("the payment provider rejects the call in state {:?}", intent.state),
        ),
        PaymentRejection::NotFound => {
            ErrorName::PaymentMisconfigured.with_detail("the payment provider has no such object")
        }
        PaymentRejection::Misconfigured(why) => ErrorName::PaymentMisconfigured.with_detail(why),
        PaymentRejection::Account(problem) => {
            ErrorName::PaymentMisconfigured.with_detail(problem.text()).with_problem(problem)
        }
    }
}

/// [`refund_label`], and what an operator claimed where the provider gives no answer.
///
/// A label that the operator lets the shop keep is not refunded.
///
/// # Errors
/// As [`refund_label`].
pub async fn return_label(
    shipping: &impl ShippingProvider,
    id: &ShipmentId,
    claim: Option<LabelClaim>,
) -> Result<LabelRefund, StepError> {
    if let Some(claim) = claim {
        let counts = match retrieve_shipment(shipping, id).await {
            Ok(shipment) => claim.agrees_with(&shipment),
            // It will answer.
            Err(error) if error.name == ErrorName::CarrierThrottled => return Err(error),
            Err(_) => true,
        };
        if counts {
            return Ok(claim.refund());
        }
    }
    refund_label(shipping, id).await
}

/// Refunds a label, if one was bought.
///
/// # Errors
/// [`ErrorName::CarrierUnavailable`], [`ErrorName::CarrierThrottled`] or
/// [`ErrorName::ShipmentOutcomeUnknown`]: retry; [`ErrorName::CarrierMisconfigured`].
pub async fn refund_label(
    shipping: &impl ShippingProvider,
    id: &ShipmentId,
) -> Result<LabelRefund, StepError> {
    let shipment = retrieve_shipment(shipping, id).await?;
    if let Some(refund) = final_label_refund(&shipment) {
        return Ok(refund);
    }
    let rejected = match shipping.refund(id).await {
        CallOutcome::Succeeded(shipment) => match final_label_refund(&shipment) {
            Some(refund) => return Ok(refund),
            None => false,
        },
        CallOutcome::NotSent(why) => return Err(shipping_not_sent(&why)),
        CallOutcome::Throttled(why) => return Err(shipping_throttled(&why)),
        CallOutcome::Rejected(ShippingRejection::Rejected(_)) => true,
        CallOutcome::Rejected(rejection) => return Err(shipping_misconfigured(rejection)),
        CallOutcome::Unknown(_) => false,
    };
    // Rejected or unanswered: the shipment itself shows what happened.
    match final_label_refund(&retrieve_shipment(shipping, id).await?) {
        Some(refund) => Ok(refund),
        None if rejected => Ok(LabelRefund::Refused),
        None => Err(shipping_not_sent("the refund had no effect")),
    }
}

/// Submits the refund of a label again, after the carrier rejected it. A call that the
/// provider rejects counts too: the shipment shows later what came of it.
///
/// # Errors
/// As [`refund_label`].
pub async fn resubmit_label_refund(
    shipping: &impl ShippingProvider,
    id: &ShipmentId,
) -> Result<(), StepError> {
    match shipping.refund(id).await {
        CallOutcome::Succeeded(_) | CallOutcome::Rejected(ShippingRejection::Rejected(_)) => Ok(()),
        CallOutcome::Rejected(rejection) => Err(shipping_misconfigured(rejection)),
        CallOutcome::NotSent(why) => Err(shipping_not_sent(&why)),
        CallOutcome::Throttled(why) => Err(shipping_throttled(&why)),
        CallOutcome::Unknown(why) => Err(ErrorName::ShipmentOutcomeUnknown.with_detail(why)),
    }
}

/// Retrieves a shipment.
///
/// # Errors
/// [`ErrorName::ShipmentOutcomeUnknown`] if there is no answer, because an earlier call may
/// have had an effect; [`ErrorName::CarrierThrottled`]; otherwise
/// [`ErrorName::CarrierMisconfigured`].
pub async fn retrieve_shipment(
    shipping: &impl ShippingProvider,
    id: &ShipmentId,
) -> Result<ProviderShipment, StepError> {
    match shipping.retrieve(id).await {
        CallOutcome::Succeeded(shipment) => Ok(shipment),
        CallOutcome::Rejected(rejection) => Err(shipping_misconfigured(rejection)),
        CallOutcome::Throttled(why) => Err(shipping_throttled(&why)),
        CallOutcome::NotSent(why) | CallOutcome::Unknown(why) => {
            Err(ErrorName::ShipmentOutcomeUnknown.with_detail(format!("lookup: {why}")))
        }
    }
}

/// The refund of a label of which nothing is left to refund; none for a live label.
pub fn final_label_refund(shipment: &ProviderShipment) -> Option<LabelRefund> {
    match (shipment.refund, &shipment.bought) {
        (LabelRefundState::Submitted | LabelRefundState::Refunded, _) => {
            Some(LabelRefund::Submitted)
        }
        // The reconciler submits it again.
        (LabelRefundState::Rejected, _) => Some(LabelRefund::Submitted),
        (LabelRefundState::NotApplicable, _) => Some(LabelRefund::NotApplicable),
        (LabelRefundState::NotRequested, None) => Some(LabelRefund::None),
        (LabelRefundState::NotRequested, Some(_)) => None,
    }
}

/// A call of the shipping provider had no effect and may be retried.
pub fn shipping_not_sent(why: &str) -> StepError {
    ErrorName::CarrierUnavailable.with_detail(why)
}

/// The shipping provider's rate limit turned a call away.
pub fn shipping_throttled(why: &str) -> StepError {
    ErrorName::CarrierThrottled.with_detail(why)
}

/// What a rejection by the shipping provider means for a call that it never rejects for a
/// working account.
pub fn shipping_misconfigured(rejection: ShippingRejection) -> StepError {
    let misconfigured = |why: &str| ErrorName::CarrierMisconfigured.with_detail(why);
    match rejection {
        ShippingRejection::Rejected(why)
        | ShippingRejection::RateRefused(why)
        | ShippingRejection::Misconfigured(why) => misconfigured(&why),
        ShippingRejection::AlreadyBought => misconfigured("the label was bought already"),
        ShippingRejection::NotFound => misconfigured("the shipping provider has no such shipment"),
        ShippingRejection::Account(problem) => misconfigured(problem.text()).with_problem(problem),
    }
}
