//! An order as its customer sees it. It contains no address, no card token and no
//! provider's id.

use domain::order::Attention;
use domain::payment::PaymentStatus;
use domain::{Money, Order, OrderId, Quantity, Sku, Status, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::audit::{self, AuditEntryResponse};
use crate::schema;

/// An order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Order)]
pub(crate) struct OrderResponse<'a> {
    #[schema(value_type = schema::OrderIdSchema)]
    order_id: &'a OrderId,
    #[schema(value_type = schema::StatusSchema)]
    status: Status,
    /// The sum of price × quantity. The shop pays for the shipping.
    #[schema(value_type = schema::MoneySchema)]
    total: Money,
    items: Vec<LineItemResponse<'a>>,
    /// The history, oldest entry first.
    timeline: Vec<TimelineEntryResponse<'a>>,
    /// Present once the payment was attempted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    payment: Option<PaymentResponse>,
    /// Present once the order is fulfilled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    shipment: Option<ShipmentResponse<'a>>,
    /// Present when the order is closed and not fulfilled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    failure: Option<FailureResponse>,
    /// Whether the customer can still cancel the order.
    cancellable: bool,
    #[schema(value_type = schema::TimestampSchema)]
    created_at: Timestamp,
    #[schema(value_type = schema::TimestampSchema)]
    updated_at: Timestamp,
    /// The date on which a scheduled order begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::TimestampSchema)]
    scheduled_for: Option<Timestamp>,
    /// What operators did, the oldest first. Only with `orders/operate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    audit: Option<Vec<AuditEntryResponse<'a>>>,
}

/// A line of an order, as priced by the server.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LineItem)]
pub(crate) struct LineItemResponse<'a> {
    #[schema(value_type = schema::SkuSchema)]
    sku: &'a Sku,
    /// The title when the order was placed.
    title: &'a str,
    #[schema(value_type = u32, minimum = 1, maximum = 999)]
    quantity: Quantity,
    /// The unit price when the order was placed.
    #[schema(value_type = schema::MoneySchema)]
    unit_price: Money,
}

/// An entry of an order's history.
#[derive(Serialize, ToSchema)]
#[schema(as = TimelineEntry)]
pub(crate) struct TimelineEntryResponse<'a> {
    #[schema(value_type = schema::TimestampSchema)]
    at: Timestamp,
    /// The status from then on.
    #[schema(value_type = schema::StatusSchema)]
    status: Status,
    /// A code that says more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<&'a str>,
}

/// The payment of an order.
#[derive(Serialize, ToSchema)]
#[schema(as = Payment)]
pub(crate) struct PaymentResponse {
    #[schema(value_type = schema::PaymentStatusSchema)]
    status: PaymentStatus,
}

/// The shipment of a fulfilled order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Shipment)]
pub(crate) struct ShipmentResponse<'a> {
    carrier: &'a str,
    service: &'a str,
    tracking_code: &'a str,
    /// The carrier's tracking page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tracking_url: Option<&'a str>,
}

/// Why an order failed. It does not reveal the issuer's reason for declining a card.
#[derive(Serialize, ToSchema)]
#[schema(as = Failure)]
pub(crate) struct FailureResponse {
    #[schema(value_type = schema::StatusSchema)]
    code: Status,
    /// The reason, for people.
    reason: &'static str,
}

/// An order in a list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderSummary)]
pub(crate) struct OrderSummaryResponse<'a> {
    #[schema(value_type = schema::OrderIdSchema)]
    order_id: &'a OrderId,
    #[schema(value_type = schema::StatusSchema)]
    status: Status,
    #[schema(value_type = schema::MoneySchema)]
    total: Money,
    cancellable: bool,
    #[schema(value_type = schema::TimestampSchema)]
    created_at: Timestamp,
    #[schema(value_type = schema::TimestampSchema)]
    updated_at: Timestamp,
    /// Why an operator should look at the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::AttentionSchema)]
    attention: Option<Attention>,
}

/// Links to related resources.
#[derive(Serialize, ToSchema)]
pub(crate) struct Links {
    /// The order.
    #[serde(rename = "self")]
    #[schema(pattern = "^/orders/ord_[0-9a-f]{32}$")]
    to_self: String,
}

impl Links {
    /// Links of this order.
    pub(crate) fn to(id: &OrderId) -> Self {
        Self { to_self: format!("/orders/{id}") }
    }
}

/// The response body of `GET /orders/{orderId}`, for an operator or for the customer.
pub(crate) fn from_order(order: &Order, for_operator: bool) -> OrderResponse<'_> {
    OrderResponse {
        order_id: &order.order_id,
        status: order.status,
        total: order.total,
        items: line_items(order),
        timeline: timeline(order),
        payment: payment(order),
        shipment: shipment(order),
        failure: failure(order.status),
        cancellable: order.is_cancelable(),
        created_at: order.created_at,
        updated_at: order.updated_at,
        scheduled_for: order.scheduled_for,
        audit: for_operator.then(|| audit::entries(&order.audit)),
    }
}

/// An entry of the response body of `GET /orders`.
pub(crate) fn summary(order: &Order) -> OrderSummaryResponse<'_> {
    OrderSummaryResponse {
        order_id: &order.order_id,
        status: order.status,
        total: order.total,
        cancellable: order.is_cancelable(),
        created_at: order.created_at,
        updated_at: order.updated_at,
        attention: order.attention,
    }
}

fn line_items(order: &Order) -> Vec<LineItemResponse<'_>> {
    let items = order.items.iter().map(|item| LineItemResponse {
        sku: &item.sku,
        title: &item.title,
        quantity: item.quantity,
        unit_price: item.unit_price,
    });
    items.collect()
}

fn timeline(order: &Order) -> Vec<TimelineEntryResponse<'_>> {
    let entries = order.timeline.iter().map(|entry| TimelineEntryResponse {
        at: entry.at,
        status: entry.status,
        detail: entry.detail.as_deref(),
    });
    entries.collect()
}

fn payment(order: &Order) -> Option<PaymentResponse> {
    let status = order.payment.status;
    (status != PaymentStatus::None).then_some(PaymentResponse { status })
}

fn shipment(order: &Order) -> Option<ShipmentResponse<'_>> {
    let shipment = order.shipment.as_ref().filter(|_| order.status == Status::Fulfilled)?;
    let label = shipment.label.as_ref()?;
    Some(ShipmentResponse {
        carrier: &shipment.carrier,
        service: &shipment.service,
        tracking_code: &label.tracking_code,
        tracking_url: label.tracking_url.as_deref(),
    })
}

fn failure(status: Status) -> Option<FailureResponse> {
    status.failure_text().map(|reason| FailureResponse { code: status, reason })
}
