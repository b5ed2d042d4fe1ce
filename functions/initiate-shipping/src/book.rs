//! `book`: buys the shipping label of the order.
//!
//! An unbought shipment costs nothing. So the function first creates the shipment and
//! stores its id and the chosen rate on the order, and only ever buys the stored one. From
//! the write that stores it, the customer can no longer cancel the order.

use domain::compensate::{self, shipping_misconfigured, shipping_not_sent, shipping_throttled};
use domain::conflict::{AttemptError, load_order, retry_on_conflict, save_order};
use domain::operation::ShippingOperation;
use domain::payment::PaymentStatus;
use domain::policy::may_buy_label;
use domain::ports::{CallOutcome, LoadOrder, SaveOrder, ShippingProvider, ShippingRejection};
use domain::shipment::{LabelRefundState, ProviderShipment, Shipment, choose_rate};
use domain::task_input::TaskInput;
use domain::{ErrorName, Order, Status, StepError, Timestamp};

use crate::InitiateShipping;
use crate::event::BookOutput;

impl<O: LoadOrder + SaveOrder, S: ShippingProvider> InitiateShipping<O, S> {
    /// Buys the label of the order, once.
    ///
    /// An order that has its label already is answered from its record, without a call to
    /// the provider.
    ///
    /// # Errors
    ///
    /// See the table in the [crate documentation](crate).
    pub async fn book(
        &self,
        input: &TaskInput<ShippingOperation>,
        at: Timestamp,
    ) -> Result<BookOutput, StepError> {
        let order = retry_on_conflict(|| self.book_once(input, at)).await?;
        output(order)
    }

    async fn book_once(
        &self,
        input: &TaskInput<ShippingOperation>,
        at: Timestamp,
    ) -> Result<Order, AttemptError> {
        let order = load_order(&self.orders, &input.order_id).await?;
        order.ensure_can_proceed(input.execution.as_ref())?;
        if order.has_live_label() {
            return Ok(order);
        }
        order.ensure_can_take(input.execution.as_ref())?;
        ensure_can_book(&order, at)?;
        let (order, stored, bought) = match order.shipment.clone() {
            None => {
                let (order, stored) = self.create_shipment(order, at).await?;
                (order, stored, None)
            }
            Some(stored) => {
                let shipment =
                    compensate::retrieve_shipment(&self.shipping_provider, &stored.shipment_id)
                        .await?;
                (order, stored, Some(shipment).filter(|shipment| shipment.bought.is_some()))
            }
        };
        let shipment = match bought {
            Some(shipment) => shipment,
            None => self.buy_label(&stored).await?,
        };
        self.record_label(&order, &shipment, at).await
    }

    /// Creates an unbought shipment and stores its id and rate on the order.
    async fn create_shipment(
        &self,
        order: Order,
        at: Timestamp,
    ) -> Result<(Order, Shipment), AttemptError> {
        let shipment = match self.shipping_provider.create(&order.parcel()?).await {
            CallOutcome::Succeeded(shipment) => shipment,
            CallOutcome::Rejected(ShippingRejection::Rejected(why)) => {
                return Err(rejected(&why).into());
            }
            CallOutcome::Rejected(rejection) => {
                return Err(shipping_misconfigured(rejection).into());
            }
            // A lost unbought shipment costs nothing, so the next attempt creates another.
            CallOutcome::NotSent(why) | CallOutcome::Unknown(why) => {
                return Err(shipping_not_sent(&why).into());
            }
            CallOutcome::Throttled(why) => return Err(shipping_throttled(&why).into()),
        };
        let rate = choose_rate(order.shipping_service, &shipment.rates)
            .ok_or_else(|| rejected("the provider offers no rate that is fast enough"))?;
        let with_shipment = order.with_shipment(&shipment, rate, at)?;
        let order = save_order(&self.orders, &order, with_shipment).await?;
        let stored = order.shipment.clone().ok_or(AttemptError::Conflict)?;
        Ok((order, stored))
    }

    /// Buys the label of the stored shipment.
    async fn buy_label(&self, stored: &Shipment) -> Result<ProviderShipment, StepError> {
        match self.shipping_provider.buy(&stored.shipment_id, &stored.rate_id).await {
            CallOutcome::Succeeded(shipment) if shipment.bought.is_some() => return Ok(shipment),
            CallOutcome::NotSent(why) => return Err(shipping_not_sent(&why)),
            CallOutcome::Throttled(why) => return Err(shipping_throttled(&why)),
            CallOutcome::Rejected(ShippingRejection::Rejected(why)) => return Err(rejected(&why)),
            CallOutcome::Rejected(ShippingRejection::AlreadyBought)
            | CallOutcome::Succeeded(_)
            | CallOutcome::Unknown(_) => {}
            CallOutcome::Rejected(rejection) => return Err(shipping_misconfigured(rejection)),
        }
        let shipment =
            compensate::retrieve_shipment(&self.shipping_provider, &stored.shipment_id).await?;
        if shipment.bought.is_some() { Ok(shipment) } else { Err(label_not_bought()) }
    }

    async fn record_label(
        &self,
        order: &Order,
        shipment: &ProviderShipment,
        at: Timestamp,
    ) -> Result<Order, AttemptError> {
        if shipment.refund != LabelRefundState::NotRequested {
            return Err(rejected("the label was refunded").into());
        }
        let Some((tracking_code, tracking_url)) = &shipment.bought else {
            return Err(label_not_bought().into());
        };
        let labeled = order.with_label(tracking_code, tracking_url.as_deref(), at);
        save_order(&self.orders, order, labeled).await
    }
}

/// Checks that stock is reserved, and that the authorization lasts long enough to capture
/// the payment after the label is bought.
fn ensure_can_book(order: &Order, at: Timestamp) -> Result<(), StepError> {
    let stored = order.shipment.as_ref();
    if stored.is_some_and(|shipment| shipment.refund.is_some()) {
        return Err(ErrorName::CompensationBegun.with_detail("the label was refunded"));
    }
    let can_begin = order.can_transition_to(Status::Shipping);
    if !order.holds_stock() || (stored.is_none() && !can_begin) {
        let detail = format!("an order in status {} has no stock to ship", order.status);
        return Err(ErrorName::InvalidRequest.with_detail(detail));
    }
    let is_authorized = order.payment.status == PaymentStatus::Authorized;
    let in_time = order.payment.capture_before.is_some_and(|until| may_buy_label(at, until));
    if is_authorized && in_time {
        Ok(())
    } else {
        let detail = "the payment is not authorized for long enough to buy a label";
        Err(ErrorName::PaymentNotCapturable.with_detail(detail))
    }
}

fn rejected(why: &str) -> StepError {
    ErrorName::ShippingRejected.with_detail(why)
}

fn label_not_bought() -> StepError {
    shipping_not_sent("the label is not bought yet")
}

fn output(order: Order) -> Result<BookOutput, StepError> {
    let booked = order.shipment.and_then(|shipment| {
        let label = shipment.label?;
        Some(BookOutput {
            order_id: order.order_id,
            shipment_id: shipment.shipment_id,
            carrier: shipment.carrier,
            service: shipment.service,
            tracking_code: label.tracking_code,
        })
    });
    booked.ok_or_else(|| shipping_not_sent("the label is not recorded"))
}
