//! Asking: what the record says.

use super::Order;
use crate::answer::Decision;
use crate::catalogue::Line;
use crate::compensation::Facts;
use crate::shipment::{Parcel, Shipment};
use crate::stock::{Reservation, ReservedLine, per_sku};
use crate::{ExecutionName, Failure, Fault, Private, Status};

impl Order {
    /// Whether this execution owns the order; a hand-made invocation names none and passes.
    pub fn is_owned_by(&self, execution: Option<&ExecutionName>) -> bool {
        execution.is_none_or(|name| *name == self.execution)
    }

    /// Whether a step of this execution may go forward.
    pub fn guard_forward(&self, execution: Option<&ExecutionName>) -> Result<(), Failure> {
        if !self.is_owned_by(execution) {
            return Err(Fault::Superseded.because("another execution owns the order"));
        }
        if self.compensation.is_some() {
            return Err(Fault::CompensationBegun.because("the order is being undone"));
        }
        if self.cancel_requested_at.is_some() {
            return Err(Fault::OrderCancelled.because("the customer cancelled the order"));
        }
        // Whatever closed it otherwise than as it should end: it stays closed.
        if self.status.is_closed() && self.status != Status::Fulfilled {
            return Err(Fault::CompensationBegun.because("the order is closed"));
        }
        Ok(())
    }

    /// Whether a person must approve it first and has not.
    pub fn lacks_approval(&self) -> bool {
        self.review.as_ref().is_some_and(|review| review.required) && !self.is_approved()
    }

    /// Whether its goods are set aside.
    pub fn holds_stock(&self) -> bool {
        self.reservation.as_ref().is_some_and(Reservation::is_held)
    }

    /// Whether it has a label that was not given back.
    pub fn has_live_label(&self) -> bool {
        self.shipment.as_ref().is_some_and(Shipment::is_live)
    }

    /// Whether a shipment is stored that is not yet seen to be given back, refused or unbought.
    pub fn has_open_shipment(&self) -> bool {
        self.shipment.as_ref().is_some_and(|shipment| shipment.refund.is_none())
    }

    /// Whether a person approved it.
    pub fn is_approved(&self) -> bool {
        self.decision() == Some(Decision::Approve)
    }

    /// What a person decided about it.
    pub fn decision(&self) -> Option<Decision> {
        self.review.as_ref().and_then(|review| review.decision)
    }

    /// Whether the customer may still cancel it.
    pub fn is_cancellable(&self) -> bool {
        self.status.allows_cancellation()
            && self.cancel_requested_at.is_none()
            && self.compensation.is_none()
    }

    /// How many of each SKU it takes from the shelves.
    pub fn wanted(&self) -> Vec<ReservedLine> {
        per_sku(self.items.iter().map(|line| (&line.sku, line.quantity)))
    }

    /// What the carrier needs to know of its parcel.
    pub fn parcel(&self) -> Parcel {
        let customer = self.customer.expose();
        let weigh = |line: &Line| u64::from(line.weight_grams) * u64::from(line.quantity.get());
        Parcel {
            reference: self.order_id.clone(),
            to_name: Private::new(customer.name.clone()),
            to_phone: customer.phone.clone().map(Private::new),
            to: self.shipping_address.clone(),
            weight_grams: self.items.iter().map(weigh).sum(),
        }
    }

    /// The idempotency key of a step at the gateway, of the present try.
    pub fn payment_key(&self, step: &str) -> String {
        format!("{}:{step}:{}", self.order_id, self.payment.attempt)
    }

    /// The input of its execution: its id, and when it should begin.
    pub fn execution_input(&self) -> serde_json::Value {
        match self.scheduled_for {
            Some(at) => serde_json::json!({"orderId": self.order_id, "scheduledFor": at}),
            None => serde_json::json!({"orderId": self.order_id}),
        }
    }

    pub(super) fn facts(&self) -> Facts {
        Facts {
            cancellation_asked: self.cancel_requested_at.is_some(),
            rejected: self.decision() == Some(Decision::Reject),
            authorised: self.payment.was_authorised(),
            reserved: self.reservation.is_some(),
            shipment: self.shipment.is_some(),
            label: self.shipment.as_ref().is_some_and(|shipment| shipment.label.is_some()),
        }
    }
}
