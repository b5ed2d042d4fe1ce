//! Undoing at the providers: giving up or giving back the money of an order, and
//! giving back its label.
//!
//! What a provider shows is the authority: nothing is said to be undone before a
//! look-up or the provider's final answer proves it, and an answer that never
//! came is followed by a look-up, not by a guess. Nothing is recorded here: the
//! compensating steps and the reconciler record what comes of it, each in its way.
//!
//! What each state of an intent asks for is in [`payment`](crate::payment).

use crate::payment::{Intent, IntentState, PaymentStatus, Undo};
use crate::ports::{Called, Carrier, CarrierRefusal, Gateway, GatewayRefusal, RefundState};
use crate::shipment::{CarrierRefund, CarrierShipment, LabelRefund};
use crate::{Failure, Fault, IntentId, Order, ShipmentId};

/// Why something is not undone. Not an error of the order: of its undoing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsettled {
    /// A look-up showed that the call had no effect.
    NoEffect(&'static str),
    /// The provider cannot be asked, or refuses.
    Failed(Failure),
}

impl From<Failure> for Unsettled {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Undoes the money of an order as the state of its intent asks for.
pub async fn money(gateway: &impl Gateway, order: &Order) -> Result<PaymentStatus, Unsettled> {
    let Some(id) = &order.payment.intent_id else {
        return Ok(PaymentStatus::Voided);
    };
    let intent = intent(gateway, id).await?;
    match intent.next_for_cancel() {
        Undo::Done => Ok(settled_money(&intent)),
        Undo::Void => void(gateway, order, id).await,
        Undo::Refund => refund(gateway, order, id).await,
        Undo::Unknown => Err(undecided().into()),
    }
}

/// What an intent is now. The gateway's word on it is the authority, so without
/// it nobody knows what became of an earlier call.
pub async fn intent(gateway: &impl Gateway, id: &IntentId) -> Result<Intent, Failure> {
    match gateway.look_up(id).await {
        Called::Done(intent) => Ok(intent),
        Called::Refused(refusal) => Err(gateway_refused(refusal)),
        Called::NotBegun(why) | Called::Unknown(why) => {
            Err(Fault::PaymentOutcomeUnknown.because(format!("look-up: {why}")))
        }
    }
}

async fn void(
    gateway: &impl Gateway,
    order: &Order,
    id: &IntentId,
) -> Result<PaymentStatus, Unsettled> {
    match gateway.cancel(id, &order.payment_key("cancel")).await {
        Called::Done(intent) if intent.state == IntentState::Canceled => {
            return Ok(PaymentStatus::Voided);
        }
        Called::NotBegun(why) => return Err(gateway_not_begun(&why).into()),
        Called::Done(_) | Called::Refused(GatewayRefusal::WrongState(_)) | Called::Unknown(_) => {}
        Called::Refused(refusal) => return Err(gateway_refused(refusal).into()),
    }
    // A capture in flight may have been faster: then it is to be refunded.
    let intent = intent(gateway, id).await?;
    match intent.next_for_cancel() {
        Undo::Done => Ok(settled_money(&intent)),
        Undo::Void => Err(Unsettled::NoEffect("the void had no effect")),
        Undo::Refund => refund(gateway, order, id).await,
        Undo::Unknown => Err(undecided().into()),
    }
}

async fn refund(
    gateway: &impl Gateway,
    order: &Order,
    id: &IntentId,
) -> Result<PaymentStatus, Unsettled> {
    if let Some(money) = refunded(gateway, id).await? {
        return Ok(money);
    }
    let refusal = match gateway.refund(id, &order.payment_key("refund")).await {
        Called::Done(state) => return Ok(refund_status(state)),
        Called::NotBegun(why) => return Err(gateway_not_begun(&why).into()),
        Called::Refused(refusal) => Some(gateway_refused(refusal)),
        Called::Unknown(_) => None,
    };
    match (refunded(gateway, id).await?, refusal) {
        (Some(money), _) => Ok(money),
        (None, Some(refusal)) => Err(refusal.into()),
        (None, None) => Err(Unsettled::NoEffect("the refund had no effect")),
    }
}

/// What the refunds of an intent came to; none when there is none.
pub async fn refunded(
    gateway: &impl Gateway,
    id: &IntentId,
) -> Result<Option<PaymentStatus>, Failure> {
    Ok(progress_of_refund(gateway, id).await?.map(refund_status))
}

/// How far the refund of an intent is: as far as the furthest; none when there is none.
pub async fn progress_of_refund(
    gateway: &impl Gateway,
    id: &IntentId,
) -> Result<Option<RefundState>, Failure> {
    const FURTHEST_FIRST: [RefundState; 3] =
        [RefundState::Done, RefundState::Pending, RefundState::Failed];
    match gateway.refunds(id).await {
        Called::Done(refunds) => {
            Ok(FURTHEST_FIRST.into_iter().find(|state| refunds.contains(state)))
        }
        Called::Refused(refusal) => Err(gateway_refused(refusal)),
        Called::NotBegun(why) | Called::Unknown(why) => {
            Err(Fault::PaymentOutcomeUnknown.because(format!("refunds: {why}")))
        }
    }
}

/// What is on record of an intent of which nothing is left to undo. One that was
/// given back only in part has money of the customer's left: a person must look.
pub fn settled_money(intent: &Intent) -> PaymentStatus {
    match intent.state {
        IntentState::Succeeded if intent.refunded_minor < intent.amount.amount_minor() => {
            PaymentStatus::RefundFailed
        }
        IntentState::Succeeded => PaymentStatus::Refunded,
        _ => PaymentStatus::Voided,
    }
}

const fn refund_status(state: RefundState) -> PaymentStatus {
    match state {
        RefundState::Pending | RefundState::Done => PaymentStatus::Refunded,
        RefundState::Failed => PaymentStatus::RefundFailed,
    }
}

fn undecided() -> Failure {
    Fault::PaymentOutcomeUnknown.because("the bank has not answered")
}

/// The gateway did nothing, and may when it is asked again.
pub fn gateway_not_begun(why: &str) -> Failure {
    Fault::PaymentGatewayUnavailable.because(why)
}

/// The gateway said no.
pub fn gateway_refused(refusal: GatewayRefusal) -> Failure {
    match refusal {
        GatewayRefusal::Declined { code } => Fault::PaymentDeclined.because(code),
        GatewayRefusal::WrongState(intent) => Fault::PaymentMisconfigured
            .because(format!("the gateway refuses this of an intent in {:?}", intent.state)),
        GatewayRefusal::NotFound => {
            Fault::PaymentMisconfigured.because("the gateway knows no such object")
        }
        GatewayRefusal::Misconfigured(why) => Fault::PaymentMisconfigured.because(why),
    }
}

/// Gives a label back, if one was bought, and says what came of it.
pub async fn label(carrier: &impl Carrier, id: &ShipmentId) -> Result<LabelRefund, Failure> {
    let shipment = shipment(carrier, id).await?;
    if let Some(refund) = settled_label(&shipment) {
        return Ok(refund);
    }
    let refused = match carrier.refund(id).await {
        Called::Done(shipment) => match settled_label(&shipment) {
            Some(refund) => return Ok(refund),
            None => false,
        },
        Called::NotBegun(why) => return Err(carrier_not_begun(&why)),
        Called::Refused(CarrierRefusal::Rejected(_)) => true,
        Called::Refused(refusal) => return Err(carrier_misconfigured(refusal)),
        Called::Unknown(_) => false,
    };
    // Refused or unanswered: the shipment itself says what happened to it.
    match settled_label(&self::shipment(carrier, id).await?) {
        Some(refund) => Ok(refund),
        None if refused => Ok(LabelRefund::Refused),
        None => Err(carrier_not_begun("the refund had no effect")),
    }
}

/// What a shipment is now. The carrier's word on it is the authority, so without
/// it nobody knows what became of an earlier call.
pub async fn shipment(carrier: &impl Carrier, id: &ShipmentId) -> Result<CarrierShipment, Failure> {
    match carrier.look_up(id).await {
        Called::Done(shipment) => Ok(shipment),
        Called::Refused(refusal) => Err(carrier_misconfigured(refusal)),
        Called::NotBegun(why) | Called::Unknown(why) => {
            Err(Fault::ShipmentOutcomeUnknown.because(format!("look-up: {why}")))
        }
    }
}

/// What became of a label that is not to be given back any more.
pub fn settled_label(shipment: &CarrierShipment) -> Option<LabelRefund> {
    match (shipment.refund, &shipment.bought) {
        (CarrierRefund::Submitted | CarrierRefund::Done, _) => Some(LabelRefund::Submitted),
        (CarrierRefund::Rejected, _) => Some(LabelRefund::Refused),
        (CarrierRefund::NotAsked, None) => Some(LabelRefund::None),
        (CarrierRefund::NotAsked, Some(_)) => None,
    }
}

/// The carrier did nothing, and may when it is asked again.
pub fn carrier_not_begun(why: &str) -> Failure {
    Fault::CarrierUnavailable.because(why)
}

/// The carrier said no to something that it never refuses an account in order.
pub fn carrier_misconfigured(refusal: CarrierRefusal) -> Failure {
    Fault::CarrierMisconfigured.because(match refusal {
        CarrierRefusal::Rejected(why) | CarrierRefusal::Misconfigured(why) => why,
        CarrierRefusal::BoughtAlready => "the label was bought already".to_owned(),
        CarrierRefusal::NotFound => "the carrier knows no such shipment".to_owned(),
    })
}
