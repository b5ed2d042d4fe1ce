//! An order as its customer sees it: what was ordered, how far it is, and why
//! it failed. No address, no token, no id of a provider's.

use domain::payment::PaymentStatus;
use domain::{Order, Status};
use serde_json::{Map, Value, json};

/// The body of `GET /orders/{orderId}`.
pub(crate) fn order(order: &Order) -> Value {
    let items: Vec<_> = order
        .items
        .iter()
        .map(|line| {
            json!({
                "sku": line.sku,
                "title": line.title,
                "quantity": line.quantity,
                "unitPrice": line.unit_price,
            })
        })
        .collect();
    let mut view = Map::from_iter([
        ("orderId".to_owned(), json!(order.order_id)),
        ("status".to_owned(), json!(order.status)),
        ("total".to_owned(), json!(order.total)),
        ("items".to_owned(), json!(items)),
        ("timeline".to_owned(), json!(order.timeline)),
        ("cancellable".to_owned(), json!(order.is_cancellable())),
        ("createdAt".to_owned(), json!(order.created_at)),
        ("updatedAt".to_owned(), json!(order.updated_at)),
    ]);
    let optional = [
        ("payment", payment(order)),
        ("shipment", shipment(order)),
        ("failure", failure(order.status)),
        ("scheduledFor", order.scheduled_for.map(|at| json!(at))),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            view.insert(name.to_owned(), value);
        }
    }
    Value::Object(view)
}

/// An order in a list of orders.
pub(crate) fn summary(order: &Order) -> Value {
    let mut view = json!({
        "orderId": order.order_id,
        "status": order.status,
        "total": order.total,
        "cancellable": order.is_cancellable(),
        "createdAt": order.created_at,
        "updatedAt": order.updated_at,
    });
    if let Some(attention) = order.attention {
        view["attention"] = json!(attention);
    }
    view
}

/// Once there is anything to say about the money.
fn payment(order: &Order) -> Option<Value> {
    let status = order.payment.status;
    (status != PaymentStatus::None).then(|| json!({ "status": status }))
}

/// Once the goods are on their way for good.
fn shipment(order: &Order) -> Option<Value> {
    let shipment = order.shipment.as_ref().filter(|_| order.status == Status::Fulfilled)?;
    let label = shipment.label.as_ref()?;
    let mut view = json!({
        "carrier": shipment.carrier,
        "service": shipment.service,
        "trackingCode": label.tracking_code,
    });
    if let Some(url) = &label.tracking_url {
        view["trackingUrl"] = json!(url);
    }
    Some(view)
}

/// Why a closed order was not fulfilled, in words that give nothing away: the
/// bank's own reason is not the buyer's to know.
fn failure(status: Status) -> Option<Value> {
    let reason = match status {
        Status::PaymentFailed => "The payment could not be completed.",
        Status::OutOfStock => "Not everything that was ordered is in stock.",
        Status::InventoryFailed => "The stock could not be reserved.",
        Status::ShippingFailed => "The order could not be shipped to this address.",
        Status::Rejected => "The order was not approved.",
        Status::Cancelled => "The order was cancelled.",
        Status::Received
        | Status::Scheduled
        | Status::Authorized
        | Status::InReview
        | Status::Backordered
        | Status::Reserved
        | Status::Shipping
        | Status::NeedsAttention
        | Status::Fulfilled => return None,
    };
    Some(json!({"code": status, "reason": reason}))
}
