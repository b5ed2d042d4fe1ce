//! `POST /orders`: prices an order, records it and starts its execution.
//!
//! The client names SKUs and quantities; the server sets the prices. The order id
//! derives from the customer and the `Idempotency-Key`, so a repeated request finds
//! its own order in the conditional put. The same body returns the same order with
//! its current status; another body is refused. A new order counts against the limits of its
//! customer before it is stored.

use domain::catalog::{self, PricingError};
use domain::order::NewOrder;
use domain::ports::PlaceResult;
use domain::{Country, Money, Order, OrderId, Sku, Status, Timestamp};
use lambda_http::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{Api, Inventory, Orders, Workflow};
use crate::caller::{Caller, Scope};
use crate::event::{Request, Response};
use crate::order_response::Links;
use crate::place_order_request::{AddressRequest, PlaceOrderRequest};
use crate::problem::{Problem, ProblemKind};
use crate::{idempotency_key, order_limits, request_body, schema, validation};

/// How far ahead an order can be scheduled: 90 days, in hours.
const MAX_SCHEDULE_HOURS: i64 = 90 * 24;

/// An accepted order, from this request or an earlier one with the same key.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlacedOrder)]
pub(crate) struct PlaceOrderResponse {
    #[schema(value_type = schema::OrderIdSchema)]
    order_id: OrderId,
    #[schema(value_type = schema::StatusSchema)]
    status: Status,
    #[schema(value_type = schema::MoneySchema)]
    total: Money,
    links: Links,
}

/// `POST /orders`
pub(crate) async fn place<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
) -> Result<Response, Problem> {
    let caller = Caller::authorize(request, &[Scope::OrdersWrite])?;
    let key = idempotency_key::from_request(request)?;
    let body = request_body::parse(request, Some("customer.phone"))?;
    let currencies = api.settings.currencies().await?;
    let place_order = validation::object(&body, |fields| {
        PlaceOrderRequest::read(fields, &currencies, api.payment_ids)
    })?;
    let hash = place_order.hash();
    let id = OrderId::for_request(&caller.id, key);

    let accepted = match accept(place_order, &caller, &id, &hash, request.at, api).await {
        Ok(order) => order_limits::admit(&order, request.at, api).await.map(|()| order),
        refused => refused,
    };
    let order = match accepted {
        Ok(order) => match api.orders.place(&order).await? {
            PlaceResult::Created => order,
            PlaceResult::Exists(earlier) => same_request(*earlier, &hash)?,
        },
        // A repeat of an accepted request stays accepted, although prices and the
        // time have changed.
        Err(problem) => match api.orders.load(&id).await? {
            Some(earlier) => same_request(earlier, &hash)?,
            None => return Err(problem),
        },
    };
    start_execution(&order, api).await?;
    let location = format!("/orders/{id}");
    let body = PlaceOrderResponse {
        links: Links::to(&id),
        order_id: id,
        status: order.status,
        total: order.total,
    };
    Ok(Response::json(StatusCode::ACCEPTED, &body).with_header("location", location))
}

/// The order that this request would place now.
async fn accept<O: Orders, I: Inventory, W: Workflow>(
    place_order: PlaceOrderRequest,
    caller: &Caller,
    id: &OrderId,
    hash: &str,
    at: Timestamp,
    api: &Api<O, I, W>,
) -> Result<Order, Problem> {
    if let Some(date) = place_order.scheduled_for
        && !(at < date && date <= at.plus_hours(MAX_SCHEDULE_HOURS))
    {
        let detail = "must be in the future, at most 90 days ahead";
        return Err(Problem::with_field(ProblemKind::InvalidRequest, "scheduledFor", detail));
    }
    check_destination(&place_order.shipping_address, &api.settings.ship_to_countries().await?)?;
    let skus: Vec<Sku> = place_order.items.iter().map(|item| item.sku.clone()).collect();
    let stock = api.inventory.items(&skus).await?;
    let lines: Vec<_> =
        place_order.items.iter().map(|item| (item.sku.clone(), item.quantity)).collect();
    let find = |sku: &Sku| stock.iter().find(|item| item.sku == *sku);
    let (items, total) = catalog::price(&lines, find, &api.settings.currencies().await?)
        .map_err(|error| not_priced(&error))?;
    if place_order.expected_total.is_some_and(|expected| expected != total) {
        let detail = format!("the total is {total} now");
        return Err(Problem::with_field(ProblemKind::TotalChanged, "expectedTotal", detail));
    }
    let new_order = NewOrder {
        order_id: id.clone(),
        customer_id: caller.id.clone(),
        customer: place_order.customer.into(),
        shipping_address: place_order.shipping_address.into(),
        items,
        total,
        payment_method: place_order.payment_method,
        payment_customer: place_order.payment_customer,
        shipping_service: place_order.shipping_service,
        scheduled_for: place_order.scheduled_for,
        when_out_of_stock: place_order.when_out_of_stock,
        request_hash: hash.to_owned(),
    };
    Ok(Order::accept(new_order, at))
}

/// Refuses an address that no parcel can be sent to.
fn check_destination(address: &AddressRequest, ship_to: &[Country]) -> Result<(), Problem> {
    let refused =
        |field, detail: String| Err(Problem::with_field(ProblemKind::Unprocessable, field, detail));
    if !ship_to.contains(&address.country) {
        let codes: Vec<_> = ship_to.iter().map(|country| country.code()).collect();
        let detail = format!("the shop ships to these countries only: {}", codes.join(", "));
        return refused("shippingAddress.country", detail);
    }
    if address.country.needs_state() && address.state.is_none() {
        let detail = format!("is required for an address in {}", address.country);
        return refused("shippingAddress.state", detail);
    }
    Ok(())
}

fn not_priced(error: &PricingError) -> Problem {
    let field = match error {
        PricingError::UnknownSku(line)
        | PricingError::MixedCurrencies(line)
        | PricingError::CurrencyNotAccepted(line, _) => format!("items[{line}].sku"),
        PricingError::Empty | PricingError::AmountNotChargeable(_) => "items".to_owned(),
    };
    Problem::with_field(ProblemKind::Unprocessable, field, error.to_string())
}

fn same_request(earlier: Order, hash: &str) -> Result<Order, Problem> {
    let detail = match &earlier.request_hash {
        Some(recorded) if recorded == hash => return Ok(earlier),
        Some(_) => "was used for another request: choose a new key for a new order",
        // Whether it is the same request is not on record any more.
        None => "was used for an earlier order: choose a new key for a new order",
    };
    Err(idempotency_key::reused(detail))
}

/// Starts the execution of an order that may not have one yet. A second start with
/// the same name and input is the same execution.
async fn start_execution<O: Orders, I: Inventory, W: Workflow>(
    order: &Order,
    api: &Api<O, I, W>,
) -> Result<(), Problem> {
    if !matches!(order.status, Status::Received | Status::Scheduled) {
        return Ok(());
    }
    let started = api.workflow.start(&order.execution, &order.execution_input()).await;
    started.map_err(|error| {
        let detail = "the order is recorded but not started: send the same request again";
        Problem::unavailable(detail, error.to_string())
    })
}
