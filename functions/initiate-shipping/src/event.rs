//! JSON in and out (`workflow.md`, section 2). Every output has all of its
//! fields always, because the state machine reads them by path.

pub use domain::operation::ShippingOperation as Operation;
use domain::{OrderId, ShipmentId};
use serde_json::{Value, json};

/// The label is bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    /// The order.
    pub order_id: OrderId,
    /// The carrier's shipment.
    pub shipment_id: ShipmentId,
    /// Who carries it.
    pub carrier: String,
    /// By which service.
    pub service: String,
    /// The carrier's number, for the customer.
    pub tracking_code: String,
}

impl From<Booked> for Value {
    fn from(done: Booked) -> Self {
        json!({
            "orderId": done.order_id,
            "shipmentId": done.shipment_id,
            "carrier": done.carrier,
            "service": done.service,
            "trackingCode": done.tracking_code,
        })
    }
}

/// What came of giving the label back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    /// The order.
    pub order_id: OrderId,
    /// SUBMITTED, NONE or REFUSED; SUPERSEDED for an execution that does not own
    /// the order.
    pub label_refund: &'static str,
}

impl From<Cancelled> for Value {
    fn from(done: Cancelled) -> Self {
        json!({ "orderId": done.order_id, "labelRefund": done.label_refund })
    }
}
