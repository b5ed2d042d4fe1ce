//! `book`: buys the shipping label of the order.
//!
//! An unbought shipment costs nothing. So the function first creates the shipment and
//! stores its id and the chosen rate on the order, and only ever buys the stored one. From
//! the write that stores it, the customer can no longer cancel the order. A carrier that
//! refuses to sell is followed by one more purchase at the next acceptable rate.

use domain::compensate::{self, shipping_misconfigured, shipping_not_sent, shipping_throttled};
use domain::conflict::{AttemptError, load_order, retry_on_conflict, save_order};
use domain::operation::ShippingOperation;
use domain::payment::PaymentStatus;
use domain::policy::may_buy_label;
use domain::ports::{CallOutcome, LoadOrder, SaveOrder, ShippingProvider, ShippingRejection};
use domain::shipment::{
    BoughtLabel, LabelRefundState, ProviderShipment, RateChoice, Shipment, choose_rate,
};
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
        let (order, shipment) = match bought {
            Some(shipment) => (order, shipment),
            None => self.buy_at_acceptable_rate(order, &stored, at).await?,
        };
        self.record_label(&order, &shipment, at).await
    }

    /// Creates an unbought shipment and stores its id and rate on the order.
    async fn create_shipment(
        &self,
        order: Order,
        at: Timestamp,
    ) -> Result<(Order, Shipment), AttemptError> {
        let shipment = rated(self.shipping_provider.create(&order.parcel()?).await)?;
        let rate = choose_rate(&self.choice(&order, None), &shipment.rates)?;
        let with_shipment = order.with_shipment(&shipment, rate, at)?;
        self.save_shipment(&order, with_shipment).await
    }

    /// Buys the label at the stored rate or, if its carrier refuses to sell that, once more
    /// at the next acceptable rate.
    async fn buy_at_acceptable_rate(
        &self,
        order: Order,
        stored: &Shipment,
        at: Timestamp,
    ) -> Result<(Order, ProviderShipment), AttemptError> {
        let why = match self.buy_label(stored).await? {
            Purchase::Bought(shipment) => return Ok((order, shipment)),
            Purchase::RateRefused(why) => why,
        };
        if stored.refused_service.is_some() {
            return Err(rejected(&why).into());
        }
        let (order, stored) = self.choose_another_rate(&order, stored, &why, at).await?;
        match self.buy_label(&stored).await? {
            Purchase::Bought(shipment) => Ok((order, shipment)),
            Purchase::RateRefused(why) => Err(rejected(&why).into()),
        }
    }

    /// Stores the next acceptable rate, because the carrier refused to sell the stored one.
    async fn choose_another_rate(
        &self,
        order: &Order,
        stored: &Shipment,
        why: &str,
        at: Timestamp,
    ) -> Result<(Order, Shipment), AttemptError> {
        let shipment = rated(self.shipping_provider.rerate(&stored.shipment_id).await)?;
        let choice = self.choice(order, Some(&stored.service));
        // Without another rate, the refusal is the reason.
        let rate = choose_rate(&choice, &shipment.rates).map_err(|_none| rejected(why))?;
        self.save_shipment(order, order.with_another_rate(rate, at)).await
    }

    async fn save_shipment(
        &self,
        before: &Order,
        after: Order,
    ) -> Result<(Order, Shipment), AttemptError> {
        let order = save_order(&self.orders, before, after).await?;
        let stored = order.shipment.clone().ok_or(AttemptError::Conflict)?;
        Ok((order, stored))
    }

    fn choice<'a>(&'a self, order: &Order, refused_service: Option<&'a str>) -> RateChoice<'a> {
        RateChoice {
            service: order.shipping_service,
            currency: order.total.currency(),
            ceiling: &self.postage_ceiling,
            refused_service,
        }
    }

    /// Buys the label of the stored shipment.
    async fn buy_label(&self, stored: &Shipment) -> Result<Purchase, StepError> {
        match self.shipping_provider.buy(&stored.shipment_id, &stored.rate_id).await {
            CallOutcome::Succeeded(shipment) if shipment.bought.is_some() => {
                return Ok(Purchase::Bought(shipment));
            }
            CallOutcome::NotSent(why) => return Err(shipping_not_sent(&why)),
            CallOutcome::Throttled(why) => return Err(shipping_throttled(&why)),
            CallOutcome::Rejected(ShippingRejection::RateRefused(why)) => {
                return Ok(Purchase::RateRefused(why));
            }
            CallOutcome::Rejected(ShippingRejection::Rejected(why)) => return Err(rejected(&why)),
            CallOutcome::Rejected(ShippingRejection::AlreadyBought)
            | CallOutcome::Succeeded(_)
            | CallOutcome::Unknown(_) => {}
            CallOutcome::Rejected(rejection) => return Err(shipping_misconfigured(rejection)),
        }
        let shipment =
            compensate::retrieve_shipment(&self.shipping_provider, &stored.shipment_id).await?;
        if shipment.bought.is_some() {
            Ok(Purchase::Bought(shipment))
        } else {
            Err(shipping_not_sent("the label is not bought yet"))
        }
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
        // A bought label is not bought again, whether it has its code yet or not.
        let Some(BoughtLabel { tracking_code: Some(tracking_code), tracking_url }) =
            &shipment.bought
        else {
            return Err(shipping_not_sent("the label has no tracking code yet").into());
        };
        let labeled = order.with_label(tracking_code, tracking_url.as_deref(), at);
        save_order(&self.orders, order, labeled).await
    }
}

/// The result of a purchase.
enum Purchase {
    Bought(ProviderShipment),
    /// The carrier refuses to sell this rate.
    RateRefused(String),
}

/// The shipment of a call that asks for rates.
fn rated(
    outcome: CallOutcome<ProviderShipment, ShippingRejection>,
) -> Result<ProviderShipment, StepError> {
    match outcome {
        CallOutcome::Succeeded(shipment) => Ok(shipment),
        CallOutcome::Rejected(ShippingRejection::Rejected(why)) => Err(rejected(&why)),
        CallOutcome::Rejected(rejection) => Err(shipping_misconfigured(rejection)),
        // A lost unbought shipment costs nothing, so the next attempt creates another.
        CallOutcome::NotSent(why) | CallOutcome::Unknown(why) => Err(shipping_not_sent(&why)),
        CallOutcome::Throttled(why) => Err(shipping_throttled(&why)),
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
