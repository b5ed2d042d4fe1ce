//! Buys the label of the order's parcel.
//!
//! A shipment costs nothing, so it is created first and stored with the rate;
//! only the stored one is ever bought. Storing it is the moment from which the
//! order can no longer be cancelled.

use domain::compensate::{
    self, shipping_misconfigured as misconfigured, shipping_not_sent as unavailable,
};
use domain::conflict::{AttemptError, load_order, retry_on_conflict, save_order};
use domain::payment::PaymentStatus;
use domain::policy::may_buy_label;
use domain::ports::{CallOutcome, LoadOrder, SaveOrder, ShippingProvider, ShippingRejection};
use domain::shipment::{LabelRefundState, ProviderShipment, Shipment, choose_rate};
use domain::step::Step;
use domain::{ErrorName, Order, Status, StepError, Timestamp};

use crate::InitiateShipping;
use crate::event::{Booked, Operation};

impl<O: LoadOrder + SaveOrder, C: ShippingProvider> InitiateShipping<O, C> {
    /// Books the order's parcel, once.
    pub async fn book(&self, step: &Step<Operation>, at: Timestamp) -> Result<Booked, StepError> {
        let order = retry_on_conflict(|| self.book_once(step, at)).await?;
        answer(order)
    }

    async fn book_once(
        &self,
        step: &Step<Operation>,
        at: Timestamp,
    ) -> Result<Order, AttemptError> {
        let order = load_order(&self.orders, &step.order_id).await?;
        order.ensure_can_proceed(step.execution.as_ref())?;
        if order.has_live_label() {
            return Ok(order);
        }
        may_book(&order, at)?;
        let (order, stored, bought) = match order.shipment.clone() {
            None => {
                let (order, stored) = self.create(order, at).await?;
                (order, stored, None)
            }
            Some(stored) => {
                let shipment =
                    compensate::retrieve_shipment(&self.carrier, &stored.shipment_id).await?;
                (order, stored, Some(shipment).filter(|shipment| shipment.bought.is_some()))
            }
        };
        let shipment = match bought {
            Some(shipment) => shipment,
            None => self.buy(&stored).await?,
        };
        self.record_label(&order, &shipment, at).await
    }

    /// A shipment of this order's own, stored before its label is bought.
    async fn create(&self, order: Order, at: Timestamp) -> Result<(Order, Shipment), AttemptError> {
        let shipment = match self.carrier.create(&order.parcel()).await {
            CallOutcome::Succeeded(shipment) => shipment,
            CallOutcome::Rejected(ShippingRejection::Rejected(why)) => {
                return Err(rejected(&why).into());
            }
            CallOutcome::Rejected(refusal) => return Err(misconfigured(refusal).into()),
            // A shipment that nobody buys costs nothing: the next one will do.
            CallOutcome::NotSent(why) | CallOutcome::Unknown(why) => {
                return Err(unavailable(&why).into());
            }
        };
        let rate = choose_rate(order.shipping_service, &shipment.rates)
            .ok_or_else(|| rejected("the carrier offers no rate that is fast enough"))?;
        let order =
            save_order(&self.orders, &order, order.with_shipment(&shipment, rate, at)?).await?;
        let stored = order.shipment.clone().ok_or(AttemptError::Conflict)?;
        Ok((order, stored))
    }

    /// The stored shipment, bought.
    async fn buy(&self, stored: &Shipment) -> Result<ProviderShipment, StepError> {
        match self.carrier.buy(&stored.shipment_id, &stored.rate_id).await {
            CallOutcome::Succeeded(shipment) if shipment.bought.is_some() => return Ok(shipment),
            CallOutcome::NotSent(why) => return Err(unavailable(&why)),
            CallOutcome::Rejected(ShippingRejection::Rejected(why)) => return Err(rejected(&why)),
            CallOutcome::Rejected(ShippingRejection::AlreadyBought)
            | CallOutcome::Succeeded(_)
            | CallOutcome::Unknown(_) => {}
            CallOutcome::Rejected(refusal) => return Err(misconfigured(refusal)),
        }
        let shipment = compensate::retrieve_shipment(&self.carrier, &stored.shipment_id).await?;
        if shipment.bought.is_some() {
            Ok(shipment)
        } else {
            Err(unavailable("the label is not bought yet"))
        }
    }

    async fn record_label(
        &self,
        order: &Order,
        shipment: &ProviderShipment,
        at: Timestamp,
    ) -> Result<Order, AttemptError> {
        if shipment.refund != LabelRefundState::NotRequested {
            return Err(rejected("the label was given back").into());
        }
        let Some((tracking_code, tracking_url)) = &shipment.bought else {
            return Err(unavailable("the label is not bought yet").into());
        };
        let labelled = order.with_label(tracking_code, tracking_url.as_deref(), at);
        save_order(&self.orders, order, labelled).await
    }
}

/// Whether a label may be bought: for goods that are set aside, and only while
/// there is time to capture the money afterwards.
fn may_book(order: &Order, at: Timestamp) -> Result<(), StepError> {
    let stored = order.shipment.as_ref();
    if stored.is_some_and(|shipment| shipment.refund.is_some()) {
        return Err(ErrorName::CompensationBegun.with_detail("the label was given back"));
    }
    let may_begin = order.status.can_transition_to(Status::Shipping, None);
    if !order.holds_stock() || (stored.is_none() && !may_begin) {
        let detail = format!("an order that is {} has no goods to ship", order.status);
        return Err(ErrorName::InvalidRequest.with_detail(detail));
    }
    let authorised = order.payment.status == PaymentStatus::Authorized;
    let in_time = order.payment.capture_before.is_some_and(|until| may_buy_label(at, until));
    if authorised && in_time {
        Ok(())
    } else {
        Err(ErrorName::PaymentNotCapturable.with_detail("the authorisation is about to lapse"))
    }
}

fn rejected(why: &str) -> StepError {
    ErrorName::ShippingRejected.with_detail(why)
}

/// What the state machine is told of a booked order.
fn answer(order: Order) -> Result<Booked, StepError> {
    let shipment = order.shipment.and_then(|shipment| {
        let label = shipment.label?;
        Some(Booked {
            order_id: order.order_id,
            shipment_id: shipment.shipment_id,
            carrier: shipment.carrier,
            service: shipment.service,
            tracking_code: label.tracking_code,
        })
    });
    shipment.ok_or_else(|| unavailable("the label is not on record"))
}
