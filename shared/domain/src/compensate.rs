//! Undoing at the providers: giving up or giving back the money of an order, and
//! giving back its label.
//!
//! What a provider shows is the authority: nothing is said to be undone before a
//! look-up or the provider's final answer proves it, and an answer that never
//! came is followed by a look-up, not by a guess. Nothing is recorded here: the
//! compensating steps and the reconciler record what comes of it, each in its way.
//!
//! What each state of an intent asks for is in [`payment`](crate::payment).

use crate::payment::{CancelAction, PaymentIntent, PaymentIntentState, PaymentStatus};
use crate::ports::{
    CallOutcome, PaymentProvider, PaymentRejection, RefundState, ShippingProvider,
    ShippingRejection,
};
use crate::shipment::{LabelRefund, LabelRefundState, ProviderShipment};
use crate::{ErrorName, Order, PaymentIntentId, ShipmentId, StepError};

/// Why something is not undone. Not an error of the order: of its undoing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompensationError {
    /// A look-up showed that the call had no effect.
    NoEffect(&'static str),
    /// The provider cannot be asked, or refuses.
    Failed(StepError),
}

impl From<StepError> for CompensationError {
    fn from(failure: StepError) -> Self {
        Self::Failed(failure)
    }
}

/// Undoes the money of an order as the state of its intent asks for.
pub async fn cancel_payment(
    gateway: &impl PaymentProvider,
    order: &Order,
) -> Result<PaymentStatus, CompensationError> {
    let Some(id) = &order.payment.intent_id else {
        return Ok(PaymentStatus::Voided);
    };
    let intent = retrieve_payment_intent(gateway, id).await?;
    match intent.next_for_cancel() {
        CancelAction::AlreadyDone => Ok(final_payment_status(&intent)),
        CancelAction::Void => void_payment(gateway, order, id).await,
        CancelAction::Refund => refund_payment(gateway, order, id).await,
        CancelAction::Unknown => Err(payment_undecided().into()),
    }
}

/// What an intent is now. The gateway's word on it is the authority, so without
/// it nobody knows what became of an earlier call.
pub async fn retrieve_payment_intent(
    gateway: &impl PaymentProvider,
    id: &PaymentIntentId,
) -> Result<PaymentIntent, StepError> {
    match gateway.retrieve(id).await {
        CallOutcome::Succeeded(intent) => Ok(intent),
        CallOutcome::Rejected(refusal) => Err(payment_rejected(refusal)),
        CallOutcome::NotSent(why) | CallOutcome::Unknown(why) => {
            Err(ErrorName::PaymentOutcomeUnknown.with_detail(format!("look-up: {why}")))
        }
    }
}

async fn void_payment(
    gateway: &impl PaymentProvider,
    order: &Order,
    id: &PaymentIntentId,
) -> Result<PaymentStatus, CompensationError> {
    match gateway.cancel(id, &order.payment_idempotency_key("cancel")).await {
        CallOutcome::Succeeded(intent) if intent.state == PaymentIntentState::Canceled => {
            return Ok(PaymentStatus::Voided);
        }
        CallOutcome::NotSent(why) => return Err(payment_not_sent(&why).into()),
        CallOutcome::Succeeded(_)
        | CallOutcome::Rejected(PaymentRejection::UnexpectedState(_))
        | CallOutcome::Unknown(_) => {}
        CallOutcome::Rejected(refusal) => return Err(payment_rejected(refusal).into()),
    }
    // A capture in flight may have been faster: then it is to be refunded.
    let intent = retrieve_payment_intent(gateway, id).await?;
    match intent.next_for_cancel() {
        CancelAction::AlreadyDone => Ok(final_payment_status(&intent)),
        CancelAction::Void => Err(CompensationError::NoEffect("the void had no effect")),
        CancelAction::Refund => refund_payment(gateway, order, id).await,
        CancelAction::Unknown => Err(payment_undecided().into()),
    }
}

async fn refund_payment(
    gateway: &impl PaymentProvider,
    order: &Order,
    id: &PaymentIntentId,
) -> Result<PaymentStatus, CompensationError> {
    if let Some(money) = existing_refund(gateway, id).await? {
        return Ok(money);
    }
    let refusal = match gateway.refund(id, &order.payment_idempotency_key("refund")).await {
        CallOutcome::Succeeded(state) => return Ok(refund_status(state)),
        CallOutcome::NotSent(why) => return Err(payment_not_sent(&why).into()),
        CallOutcome::Rejected(refusal) => Some(payment_rejected(refusal)),
        CallOutcome::Unknown(_) => None,
    };
    match (existing_refund(gateway, id).await?, refusal) {
        (Some(money), _) => Ok(money),
        (None, Some(refusal)) => Err(refusal.into()),
        (None, None) => Err(CompensationError::NoEffect("the refund had no effect")),
    }
}

/// What the refunds of an intent came to; none when there is none.
pub async fn existing_refund(
    gateway: &impl PaymentProvider,
    id: &PaymentIntentId,
) -> Result<Option<PaymentStatus>, StepError> {
    Ok(refund_progress(gateway, id).await?.map(refund_status))
}

/// How far the refund of an intent is: as far as the furthest; none when there is none.
pub async fn refund_progress(
    gateway: &impl PaymentProvider,
    id: &PaymentIntentId,
) -> Result<Option<RefundState>, StepError> {
    const FURTHEST_FIRST: [RefundState; 3] =
        [RefundState::Succeeded, RefundState::Pending, RefundState::Failed];
    match gateway.refunds(id).await {
        CallOutcome::Succeeded(refunds) => {
            Ok(FURTHEST_FIRST.into_iter().find(|state| refunds.contains(state)))
        }
        CallOutcome::Rejected(refusal) => Err(payment_rejected(refusal)),
        CallOutcome::NotSent(why) | CallOutcome::Unknown(why) => {
            Err(ErrorName::PaymentOutcomeUnknown.with_detail(format!("refunds: {why}")))
        }
    }
}

/// What is on record of an intent of which nothing is left to undo. One that was
/// given back only in part has money of the customer's left: a person must look.
pub fn final_payment_status(intent: &PaymentIntent) -> PaymentStatus {
    match intent.state {
        PaymentIntentState::Succeeded if intent.refunded_minor < intent.amount.amount_minor() => {
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
    ErrorName::PaymentOutcomeUnknown.with_detail("the bank has not answered")
}

/// The gateway did nothing, and may when it is asked again.
pub fn payment_not_sent(why: &str) -> StepError {
    ErrorName::PaymentGatewayUnavailable.with_detail(why)
}

/// The gateway said no.
pub fn payment_rejected(refusal: PaymentRejection) -> StepError {
    match refusal {
        PaymentRejection::Declined { code } => ErrorName::PaymentDeclined.with_detail(code),
        PaymentRejection::UnexpectedState(intent) => ErrorName::PaymentMisconfigured
            .with_detail(format!("the gateway refuses this of an intent in {:?}", intent.state)),
        PaymentRejection::NotFound => {
            ErrorName::PaymentMisconfigured.with_detail("the gateway knows no such object")
        }
        PaymentRejection::Misconfigured(why) => ErrorName::PaymentMisconfigured.with_detail(why),
    }
}

/// Gives a label back, if one was bought, and says what came of it.
pub async fn refund_label(
    carrier: &impl ShippingProvider,
    id: &ShipmentId,
) -> Result<LabelRefund, StepError> {
    let shipment = retrieve_shipment(carrier, id).await?;
    if let Some(refund) = final_label_refund(&shipment) {
        return Ok(refund);
    }
    let refused = match carrier.refund(id).await {
        CallOutcome::Succeeded(shipment) => match final_label_refund(&shipment) {
            Some(refund) => return Ok(refund),
            None => false,
        },
        CallOutcome::NotSent(why) => return Err(shipping_not_sent(&why)),
        CallOutcome::Rejected(ShippingRejection::Rejected(_)) => true,
        CallOutcome::Rejected(refusal) => return Err(shipping_misconfigured(refusal)),
        CallOutcome::Unknown(_) => false,
    };
    // Refused or unanswered: the shipment itself says what happened to it.
    match final_label_refund(&self::retrieve_shipment(carrier, id).await?) {
        Some(refund) => Ok(refund),
        None if refused => Ok(LabelRefund::Refused),
        None => Err(shipping_not_sent("the refund had no effect")),
    }
}

/// What a shipment is now. The carrier's word on it is the authority, so without
/// it nobody knows what became of an earlier call.
pub async fn retrieve_shipment(
    carrier: &impl ShippingProvider,
    id: &ShipmentId,
) -> Result<ProviderShipment, StepError> {
    match carrier.retrieve(id).await {
        CallOutcome::Succeeded(shipment) => Ok(shipment),
        CallOutcome::Rejected(refusal) => Err(shipping_misconfigured(refusal)),
        CallOutcome::NotSent(why) | CallOutcome::Unknown(why) => {
            Err(ErrorName::ShipmentOutcomeUnknown.with_detail(format!("look-up: {why}")))
        }
    }
}

/// What became of a label that is not to be given back any more.
pub fn final_label_refund(shipment: &ProviderShipment) -> Option<LabelRefund> {
    match (shipment.refund, &shipment.bought) {
        (LabelRefundState::Submitted | LabelRefundState::Refunded, _) => {
            Some(LabelRefund::Submitted)
        }
        (LabelRefundState::Rejected, _) => Some(LabelRefund::Refused),
        (LabelRefundState::NotRequested, None) => Some(LabelRefund::None),
        (LabelRefundState::NotRequested, Some(_)) => None,
    }
}

/// The carrier did nothing, and may when it is asked again.
pub fn shipping_not_sent(why: &str) -> StepError {
    ErrorName::CarrierUnavailable.with_detail(why)
}

/// The carrier said no to something that it never refuses an account in order.
pub fn shipping_misconfigured(refusal: ShippingRejection) -> StepError {
    ErrorName::CarrierMisconfigured.with_detail(match refusal {
        ShippingRejection::Rejected(why) | ShippingRejection::Misconfigured(why) => why,
        ShippingRejection::AlreadyBought => "the label was bought already".to_owned(),
        ShippingRejection::NotFound => "the carrier knows no such shipment".to_owned(),
    })
}
