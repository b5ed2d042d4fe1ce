//! An order as its customer sees it: what was ordered, how far it is, and why
//! it failed. No address, no token, no id of a provider's.

use domain::order::Attention;
use domain::payment::PaymentStatus;
use domain::{Money, Order, OrderId, Quantity, Sku, Status, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::schema;

/// An order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Order)]
pub(crate) struct OrderView<'a> {
    #[schema(value_type = schema::OrderIdText)]
    order_id: &'a OrderId,
    #[schema(value_type = schema::StatusWord)]
    status: Status,
    /// What it costs: Σ price × quantity. The shop pays the postage.
    #[schema(value_type = schema::MoneyObject)]
    total: Money,
    items: Vec<LineView<'a>>,
    /// What has happened to it, oldest first.
    timeline: Vec<EntryView<'a>>,
    /// Once there is anything to say about the money.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    payment: Option<PaymentView>,
    /// Once the goods are on their way for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    shipment: Option<ShipmentView<'a>>,
    /// Why a closed order was not fulfilled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    failure: Option<FailureView>,
    /// Whether the customer may still cancel it.
    cancellable: bool,
    #[schema(value_type = schema::MomentText)]
    created_at: Timestamp,
    #[schema(value_type = schema::MomentText)]
    updated_at: Timestamp,
    /// When it begins, if not at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::MomentText)]
    scheduled_for: Option<Timestamp>,
}

/// A line of an order, as the server priced it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderLine)]
pub(crate) struct LineView<'a> {
    #[schema(value_type = schema::SkuText)]
    sku: &'a Sku,
    /// What it was called when it was ordered.
    title: &'a str,
    #[schema(value_type = u32, minimum = 1, maximum = 999)]
    quantity: Quantity,
    /// The price of one, when it was ordered.
    #[schema(value_type = schema::MoneyObject)]
    unit_price: Money,
}

/// An entry of an order's history.
#[derive(Serialize, ToSchema)]
#[schema(as = TimelineEntry)]
pub(crate) struct EntryView<'a> {
    #[schema(value_type = schema::MomentText)]
    at: Timestamp,
    /// The status from then on.
    #[schema(value_type = schema::StatusWord)]
    status: Status,
    /// What there is to say about it, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<&'a str>,
}

/// The money of an order.
#[derive(Serialize, ToSchema)]
#[schema(as = Payment)]
pub(crate) struct PaymentView {
    #[schema(value_type = schema::PaymentWord)]
    status: PaymentStatus,
}

/// The parcel of an order that is fulfilled.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Shipment)]
pub(crate) struct ShipmentView<'a> {
    carrier: &'a str,
    service: &'a str,
    tracking_code: &'a str,
    /// The carrier's page about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tracking_url: Option<&'a str>,
}

/// Why an order failed, in words that give nothing away: the bank's own reason
/// is not the buyer's to know.
#[derive(Serialize, ToSchema)]
#[schema(as = Failure)]
pub(crate) struct FailureView {
    #[schema(value_type = schema::StatusWord)]
    code: Status,
    /// For people.
    reason: &'static str,
}

/// An order in a list of orders.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderSummary)]
pub(crate) struct SummaryView<'a> {
    #[schema(value_type = schema::OrderIdText)]
    order_id: &'a OrderId,
    #[schema(value_type = schema::StatusWord)]
    status: Status,
    #[schema(value_type = schema::MoneyObject)]
    total: Money,
    cancellable: bool,
    #[schema(value_type = schema::MomentText)]
    created_at: Timestamp,
    #[schema(value_type = schema::MomentText)]
    updated_at: Timestamp,
    /// Why a person should look at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::AttentionWord)]
    attention: Option<Attention>,
}

/// Where to go from here.
#[derive(Serialize, ToSchema)]
pub(crate) struct Links {
    /// The order itself.
    #[serde(rename = "self")]
    #[schema(pattern = "^/orders/ord_[0-9a-f]{32}$")]
    to_self: String,
}

impl Links {
    /// To this order.
    pub(crate) fn to(id: &OrderId) -> Self {
        Self { to_self: format!("/orders/{id}") }
    }
}

/// The body of `GET /orders/{orderId}`.
pub(crate) fn order(order: &Order) -> OrderView<'_> {
    OrderView {
        order_id: &order.order_id,
        status: order.status,
        total: order.total,
        items: lines(order),
        timeline: timeline(order),
        payment: payment(order),
        shipment: shipment(order),
        failure: failure(order.status),
        cancellable: order.is_cancelable(),
        created_at: order.created_at,
        updated_at: order.updated_at,
        scheduled_for: order.scheduled_for,
    }
}

/// An order in a list of orders.
pub(crate) fn summary(order: &Order) -> SummaryView<'_> {
    SummaryView {
        order_id: &order.order_id,
        status: order.status,
        total: order.total,
        cancellable: order.is_cancelable(),
        created_at: order.created_at,
        updated_at: order.updated_at,
        attention: order.attention,
    }
}

fn lines(order: &Order) -> Vec<LineView<'_>> {
    let lines = order.items.iter().map(|line| LineView {
        sku: &line.sku,
        title: &line.title,
        quantity: line.quantity,
        unit_price: line.unit_price,
    });
    lines.collect()
}

fn timeline(order: &Order) -> Vec<EntryView<'_>> {
    let entries = order.timeline.iter().map(|entry| EntryView {
        at: entry.at,
        status: entry.status,
        detail: entry.detail.as_deref(),
    });
    entries.collect()
}

fn payment(order: &Order) -> Option<PaymentView> {
    let status = order.payment.status;
    (status != PaymentStatus::None).then_some(PaymentView { status })
}

fn shipment(order: &Order) -> Option<ShipmentView<'_>> {
    let shipment = order.shipment.as_ref().filter(|_| order.status == Status::Fulfilled)?;
    let label = shipment.label.as_ref()?;
    Some(ShipmentView {
        carrier: &shipment.carrier,
        service: &shipment.service,
        tracking_code: &label.tracking_code,
        tracking_url: label.tracking_url.as_deref(),
    })
}

fn failure(status: Status) -> Option<FailureView> {
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
    Some(FailureView { code: status, reason })
}
