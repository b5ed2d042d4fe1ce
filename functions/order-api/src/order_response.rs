//! An order as its customer and as an operator sees it. It contains no address, no card
//! token and no provider's id.

use domain::order::{Action, Attention, TimelineCode};
use domain::payment::PaymentStatus;
use domain::steps::State;
use domain::{CustomerId, Money, Order, OrderId, Quantity, Sku, Status, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::audit::{self, AuditEntryResponse};
use crate::caller::{Caller, Scope};
use crate::operator_view::{AttentionView, BackorderView, FactsView, ReviewView};
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
    failure: Option<FailureResponse<'a>>,
    /// Whether the customer can still cancel the order.
    cancellable: bool,
    /// What this caller may do with the order now.
    #[schema(value_type = Vec<schema::ActionSchema>)]
    actions: Vec<Action>,
    #[schema(value_type = schema::TimestampSchema)]
    created_at: Timestamp,
    /// When the request arrived, or the step of the workflow began, that changed the order
    /// last. The change shows some seconds later if a provider is slow; the `ETag` tells
    /// versions apart.
    #[schema(value_type = schema::TimestampSchema)]
    updated_at: Timestamp,
    /// The date on which a scheduled order begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::TimestampSchema)]
    scheduled_for: Option<Timestamp>,
    /// When the personal data of the order was removed: name, contact, address, payment
    /// method and notes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::TimestampSchema)]
    personal_data_removed_at: Option<Timestamp>,
    /// What operators did, the oldest first. Only with `orders/operate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    audit: Option<Vec<AuditEntryResponse<'a>>>,
    /// For operators: the customer who placed the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    customer_id: Option<&'a CustomerId>,
    /// For operators: the state of the workflow that the order is in, until it is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::StateSchema)]
    state: Option<State>,
    /// For operators: why an operator should look at the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    attention: Option<AttentionView<'a>>,
    /// For operators: the review, once the payment is authorized.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    review: Option<ReviewView<'a>>,
    /// For operators: the wait for a restock.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    backorder: Option<BackorderView<'a>>,
    /// For operators: what the record knows of money, label and stock.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    facts: Option<FactsView>,
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
    /// A code that says more. A customer sees `COMPENSATION_BEGUN`, `REVIEW_EXPIRED`,
    /// `CANCELLATION_REQUESTED`, and `TRACKING` with the carrier's word.
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
    /// What the shop gave back although the order is fulfilled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::MoneySchema)]
    refunded: Option<Money>,
    /// Whether the customer disputed the charge.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    disputed: bool,
}

/// The shipment of a fulfilled order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Shipment)]
pub(crate) struct ShipmentResponse<'a> {
    carrier: &'a str,
    service: &'a str,
    tracking_code: &'a str,
    /// The carrier's tracking page; always `https://`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tracking_url: Option<&'a str>,
}

/// Why an order failed. It does not reveal the issuer's reason for declining a card.
#[derive(Serialize, ToSchema)]
#[schema(as = Failure)]
pub(crate) struct FailureResponse<'a> {
    #[schema(value_type = schema::StatusSchema)]
    code: Status,
    /// The reason, for people.
    reason: &'static str,
    /// The SKUs that were not in stock, if that is the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<schema::SkuSchema>)]
    skus: Vec<&'a Sku>,
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
    /// When the request arrived, or the step of the workflow began, that changed the order
    /// last. The change shows some seconds later if a provider is slow; the `ETag` tells
    /// versions apart.
    #[schema(value_type = schema::TimestampSchema)]
    updated_at: Timestamp,
    /// For operators: why an operator should look at the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::AttentionSchema)]
    attention: Option<Attention>,
    /// For operators: the customer who placed the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    customer_id: Option<&'a CustomerId>,
    /// For operators: the SKU that a back-ordered order waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::SkuSchema)]
    waits_for: Option<&'a Sku>,
    /// For operators: by when a waiting order must be decided about or restocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::TimestampSchema)]
    deadline: Option<Timestamp>,
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

/// The response body of `GET /orders/{orderId}` for this caller at this time.
pub(crate) fn from_order<'a>(
    order: &'a Order,
    caller: &Caller,
    at: Timestamp,
) -> OrderResponse<'a> {
    let is_operator = caller.has(Scope::OrdersOperate);
    let seen = Some(order).filter(|_| is_operator);
    OrderResponse {
        order_id: &order.order_id,
        status: order.status,
        total: order.total,
        items: line_items(order),
        timeline: timeline(order, is_operator),
        payment: payment(order),
        shipment: shipment(order),
        failure: failure(order),
        cancellable: order.is_cancelable(),
        actions: order.actions(caller.permissions(), caller.id.as_str(), at),
        created_at: order.created_at,
        updated_at: order.updated_at,
        scheduled_for: order.scheduled_for,
        personal_data_removed_at: order.personal_data_removed_at,
        audit: seen.map(|order| audit::entries(&order.audit)),
        customer_id: seen.map(|order| &order.customer_id),
        state: seen.and_then(Order::current_state),
        attention: seen.and_then(AttentionView::of),
        review: seen.and_then(ReviewView::of),
        backorder: seen.and_then(BackorderView::of),
        facts: seen.map(FactsView::of),
    }
}

/// An entry of the response body of `GET /orders`.
pub(crate) fn summary(order: &Order, is_operator: bool) -> OrderSummaryResponse<'_> {
    let seen = Some(order).filter(|_| is_operator);
    OrderSummaryResponse {
        order_id: &order.order_id,
        status: order.status,
        total: order.total,
        cancellable: order.is_cancelable(),
        created_at: order.created_at,
        updated_at: order.updated_at,
        attention: seen.and_then(|order| order.attention),
        customer_id: seen.map(|order| &order.customer_id),
        waits_for: seen.and_then(|order| order.waits_for.as_ref()),
        deadline: seen.and_then(Order::deadline),
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

/// The history. A customer sees the codes that are public, and no entry that only says
/// another code.
fn timeline(order: &Order, is_operator: bool) -> Vec<TimelineEntryResponse<'_>> {
    let mut last_status = None;
    let mut seen = Vec::new();
    for entry in &order.timeline {
        let is_public = is_operator || entry.code().is_some_and(TimelineCode::is_public);
        let detail = entry.detail.as_deref().filter(|_| is_public);
        if detail.is_some() || last_status != Some(entry.status) || entry.detail.is_none() {
            seen.push(TimelineEntryResponse { at: entry.at, status: entry.status, detail });
        }
        last_status = Some(entry.status);
    }
    seen
}

fn payment(order: &Order) -> Option<PaymentResponse> {
    let status = order.payment.status;
    let refunded = Money::new(order.payment.refunded, order.total.currency());
    (status != PaymentStatus::None).then(|| PaymentResponse {
        status,
        refunded: (order.payment.refunded > 0).then_some(refunded),
        disputed: order.has_timeline_code(TimelineCode::Disputed),
    })
}

fn shipment(order: &Order) -> Option<ShipmentResponse<'_>> {
    let shipment = order.shipment.as_ref().filter(|_| order.status == Status::Fulfilled)?;
    let label = shipment.label.as_ref()?;
    Some(ShipmentResponse {
        carrier: &shipment.carrier,
        service: &shipment.service,
        tracking_code: &label.tracking_code,
        tracking_url: label.tracking_url.as_deref().filter(|url| is_https(url)),
    })
}

/// Whether a URL of a provider may be shown as a link.
fn is_https(url: &str) -> bool {
    url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

fn failure(order: &Order) -> Option<FailureResponse<'_>> {
    let skus = if order.status == Status::OutOfStock { order.short_skus() } else { vec![] };
    let reason = order.status.failure_text()?;
    Some(FailureResponse { code: order.status, reason, skus })
}
