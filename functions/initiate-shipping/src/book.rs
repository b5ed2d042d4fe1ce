//! Buys the label of the order's parcel.
//!
//! A shipment costs nothing, so it is created first and stored with the rate;
//! only the stored one is ever bought. Storing it is the moment from which the
//! order can no longer be cancelled.

use domain::payment::PaymentStatus;
use domain::policy::may_buy_label;
use domain::ports::{Called, Carrier, CarrierRefusal, LoadOrder, SaveOrder};
use domain::rounds::{Stop, load, record, settle};
use domain::shipment::{CarrierRefund, CarrierShipment, Shipment, choose};
use domain::step::Step;
use domain::undo::{
    self, carrier_misconfigured as misconfigured, carrier_not_begun as unavailable,
};
use domain::{Failure, Fault, Moment, Order, Status};

use crate::InitiateShipping;
use crate::event::{Booked, Operation};

impl<O: LoadOrder + SaveOrder, C: Carrier> InitiateShipping<O, C> {
    /// Books the order's parcel, once.
    pub async fn book(&self, step: &Step<Operation>, at: Moment) -> Result<Booked, Failure> {
        let order = settle(|| self.book_once(step, at)).await?;
        answer(order)
    }

    async fn book_once(&self, step: &Step<Operation>, at: Moment) -> Result<Order, Stop> {
        let order = load(&self.orders, &step.order_id).await?;
        order.guard_forward(step.execution.as_ref())?;
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
                let shipment = undo::shipment(&self.carrier, &stored.shipment_id).await?;
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
    async fn create(&self, order: Order, at: Moment) -> Result<(Order, Shipment), Stop> {
        let shipment = match self.carrier.create(&order.parcel()).await {
            Called::Done(shipment) => shipment,
            Called::Refused(CarrierRefusal::Rejected(why)) => return Err(rejected(&why).into()),
            Called::Refused(refusal) => return Err(misconfigured(refusal).into()),
            // A shipment that nobody buys costs nothing: the next one will do.
            Called::NotBegun(why) | Called::Unknown(why) => return Err(unavailable(&why).into()),
        };
        let rate = choose(order.shipping_service, &shipment.rates)
            .ok_or_else(|| rejected("the carrier offers no rate that is fast enough"))?;
        let order = record(&self.orders, &order, order.with_shipment(&shipment, rate, at)?).await?;
        let stored = order.shipment.clone().ok_or(Stop::Overtaken)?;
        Ok((order, stored))
    }

    /// The stored shipment, bought.
    async fn buy(&self, stored: &Shipment) -> Result<CarrierShipment, Failure> {
        match self.carrier.buy(&stored.shipment_id, &stored.rate_id).await {
            Called::Done(shipment) if shipment.bought.is_some() => return Ok(shipment),
            Called::NotBegun(why) => return Err(unavailable(&why)),
            Called::Refused(CarrierRefusal::Rejected(why)) => return Err(rejected(&why)),
            Called::Refused(CarrierRefusal::BoughtAlready)
            | Called::Done(_)
            | Called::Unknown(_) => {}
            Called::Refused(refusal) => return Err(misconfigured(refusal)),
        }
        let shipment = undo::shipment(&self.carrier, &stored.shipment_id).await?;
        if shipment.bought.is_some() {
            Ok(shipment)
        } else {
            Err(unavailable("the label is not bought yet"))
        }
    }

    async fn record_label(
        &self,
        order: &Order,
        shipment: &CarrierShipment,
        at: Moment,
    ) -> Result<Order, Stop> {
        if shipment.refund != CarrierRefund::NotAsked {
            return Err(rejected("the label was given back").into());
        }
        let Some((tracking_code, tracking_url)) = &shipment.bought else {
            return Err(unavailable("the label is not bought yet").into());
        };
        let labelled = order.with_label(tracking_code, tracking_url.as_deref(), at);
        record(&self.orders, order, labelled).await
    }
}

/// Whether a label may be bought: for goods that are set aside, and only while
/// there is time to capture the money afterwards.
fn may_book(order: &Order, at: Moment) -> Result<(), Failure> {
    let stored = order.shipment.as_ref();
    if stored.is_some_and(|shipment| shipment.refund.is_some()) {
        return Err(Fault::CompensationBegun.because("the label was given back"));
    }
    let may_begin = order.status.may_become(Status::Shipping, None);
    if !order.holds_stock() || (stored.is_none() && !may_begin) {
        let detail = format!("an order that is {} has no goods to ship", order.status);
        return Err(Fault::InvalidRequest.because(detail));
    }
    let authorised = order.payment.status == PaymentStatus::Authorized;
    let in_time = order.payment.capture_before.is_some_and(|until| may_buy_label(at, until));
    if authorised && in_time {
        Ok(())
    } else {
        Err(Fault::PaymentNotCapturable.because("the authorisation is about to lapse"))
    }
}

fn rejected(why: &str) -> Failure {
    Fault::ShippingRejected.because(why)
}

/// What the state machine is told of a booked order.
fn answer(order: Order) -> Result<Booked, Failure> {
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
