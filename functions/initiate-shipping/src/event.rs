//! The outputs of `initiate-shipping` as JSON.
//!
//! Every output has all of its fields, because the state machine reads them by path.
//! The input is [`domain::task_input::TaskInput`].

use domain::{OrderId, ShipmentId};
use serde_json::{Value, json};

/// The output of `book`: the label is bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookOutput {
    /// The order.
    pub order_id: OrderId,
    /// The provider's id of the shipment.
    pub shipment_id: ShipmentId,
    /// The carrier, such as USPS.
    pub carrier: String,
    /// The carrier's service level.
    pub service: String,
    /// The carrier's tracking number.
    pub tracking_code: String,
}

impl From<BookOutput> for Value {
    fn from(output: BookOutput) -> Self {
        json!({
            "orderId": output.order_id,
            "shipmentId": output.shipment_id,
            "carrier": output.carrier,
            "service": output.service,
            "trackingCode": output.tracking_code,
        })
    }
}

/// The output of `cancel`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelOutput {
    /// The order.
    pub order_id: OrderId,
    /// `SUBMITTED`, `NONE` or `REFUSED`; `SUPERSEDED` if the calling execution does not
    /// own the order.
    pub label_refund: &'static str,
}

impl From<CancelOutput> for Value {
    fn from(output: CancelOutput) -> Self {
        json!({ "orderId": output.order_id, "labelRefund": output.label_refund })
    }
}
