//! What the forward steps record.

use super::record::{Backorder, Order};
use crate::decision::Review;
use crate::payment::{PaymentIntent, PaymentStatus};
use crate::policy::{self, ReviewPolicy};
use crate::shipment::{Label, ProviderShipment, Rate, Shipment};
use crate::stock::Reservation;
use crate::{PaymentIntentId, Sku, Status, StepError, Timestamp};

impl Order {
    /// Records the payment intent, before it is confirmed.
    #[must_use]
    pub fn with_intent(&self, intent: &PaymentIntentId, at: Timestamp) -> Self {
        let mut order = self.next_step(at);
        order.payment.intent_id = Some(intent.clone());
        order
    }

    /// Raises the number in the idempotency keys, after a lookup showed that a call had no
    /// effect.
    #[must_use]
    pub fn with_next_attempt(&self, at: Timestamp) -> Self {
        let mut order = self.next_write(at);
        order.payment.attempt += 1;
        order
    }

    /// Records that the payment is authorized, and decides whether the order needs a review.
    ///
    /// # Errors
    /// [`ErrorName::InvalidRequest`](crate::ErrorName::InvalidRequest) if the status does not
    /// allow it.
    pub fn authorized(
        &self,
        intent: &PaymentIntent,
        policy: &ReviewPolicy,
        at: Timestamp,
    ) -> Result<Self, StepError> {
        // An authorization lasts about a week. If the provider does not say how long,
        // assume the shortest, which off-session payments get.
        let capture_before = intent.capture_before.unwrap_or_else(|| at.plus_hours(4 * 24));
        let reasons = policy.reasons(self.total, intent.risk);
        let required = !reasons.is_empty();
        let mut order = self.transition(Status::Authorized, None, at)?;
        order.payment.status = PaymentStatus::Authorized;
        order.payment.capture_before = Some(capture_before);
        order.review = Some(Review {
            required,
            reasons,
            deadline: required.then(|| policy::review_deadline(at, capture_before)),
            decision: None,
            by: None,
            at: None,
            note: None,
        });
        Ok(order)
    }

    /// Records that every line is reserved.
    ///
    /// # Errors
    /// [`ErrorName::InvalidRequest`](crate::ErrorName::InvalidRequest) if the status does not
    /// allow it.
    pub fn reserved(&self, at: Timestamp) -> Result<Self, StepError> {
        let mut order = self.transition(Status::Reserved, None, at)?;
        order.reservation =
            Some(Reservation { lines: self.required_stock(), at, released_at: None });
        Ok(order)
    }

    /// Records that the order waits for a restock of `short`. Its place in the queue and its
    /// deadline are those of its first shortage.
    #[must_use]
    pub fn backordered(&self, short: &Sku, at: Timestamp) -> Self {
        let capture_before = self.payment.capture_before.unwrap_or(at);
        let mut order = self.next_step(at);
        order.backorder.get_or_insert_with(|| Backorder {
            since: at,
            deadline: policy::restock_deadline(at, capture_before),
        });
        order.waits_for = Some(short.clone());
        order
    }

    /// Records the shipment and the rate that will be bought. From then on a cancellation is
    /// rejected.
    ///
    /// # Errors
    /// [`ErrorName::InvalidRequest`](crate::ErrorName::InvalidRequest) if the status does not
    /// allow it.
    pub fn with_shipment(
        &self,
        shipment: &ProviderShipment,
        rate: &Rate,
        at: Timestamp,
    ) -> Result<Self, StepError> {
        let mut order = self.transition(Status::Shipping, None, at)?;
        order.shipment = Some(Shipment {
            shipment_id: shipment.id.clone(),
            rate_id: rate.id.clone(),
            carrier: rate.carrier.clone(),
            service: rate.service.clone(),
            label: None,
            refund: None,
            tracking: None,
            refused_service: None,
            refund_resubmissions: Vec::new(),
        });
        Ok(order)
    }

    /// Records another rate, because the carrier refused to sell the chosen one.
    #[must_use]
    pub fn with_another_rate(&self, rate: &Rate, at: Timestamp) -> Self {
        let mut order = self.shipping_step(at);
        if let Some(shipment) = &mut order.shipment {
            let refused = std::mem::replace(&mut shipment.service, rate.service.clone());
            shipment.refused_service = Some(refused);
            shipment.rate_id = rate.id.clone();
            shipment.carrier.clone_from(&rate.carrier);
        }
        order
    }

    /// The next write of an order that is being shipped, again if an operator let it retry.
    fn shipping_step(&self, at: Timestamp) -> Self {
        let again = self.status == Status::NeedsAttention;
        let shipping = again.then(|| self.transition(Status::Shipping, None, at).ok()).flatten();
        shipping.unwrap_or_else(|| self.next_step(at))
    }

    /// Records the label.
    #[must_use]
    pub fn with_label(
        &self,
        tracking_code: &str,
        tracking_url: Option<&str>,
        at: Timestamp,
    ) -> Self {
        let mut order = self.shipping_step(at);
        if let Some(shipment) = &mut order.shipment {
            shipment.label = Some(Label {
                tracking_code: tracking_code.to_owned(),
                tracking_url: tracking_url.map(str::to_owned),
                at,
            });
        }
        order
    }

    /// Records that the payment is captured: the order is fulfilled.
    ///
    /// # Errors
    /// [`ErrorName::InvalidRequest`](crate::ErrorName::InvalidRequest) if the status does not
    /// allow it.
    pub fn fulfilled(&self, at: Timestamp) -> Result<Self, StepError> {
        let mut order = self.transition(Status::Fulfilled, None, at)?;
        order.payment.status = PaymentStatus::Captured;
        Ok(order)
    }
}
