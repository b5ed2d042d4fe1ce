//! `POST /orders` and `GET /orders/{orderId}`.
//!
//! The client names SKUs and quantities; the server prices them. The order's id
//! follows from the customer and the `Idempotency-Key`, so that a repeat meets
//! its own order in the conditional put: the same body gives the same order
//! with its status of now, another body is refused.

pub(crate) mod wanted;

use domain::catalog::{self, PricingError};
use domain::order::NewOrder;
use domain::ports::PlaceResult;
use domain::{Money, Order, OrderId, Sku, Status, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::{Caller, Scope};
use crate::event::{Reply, Request};
use crate::problem::{Kind, Problem};
use crate::view::{self, Links};
use crate::{Api, Inventory, Orders, Workflow, body, form, schema};
use wanted::Wanted;

/// The longest key of a request.
pub(crate) const LONGEST_KEY: usize = 255;
/// An order is scheduled at most this far ahead: 90 days.
const FARTHEST_HOURS: i64 = 90 * 24;

/// An order that was accepted, now or by the same request before.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlacedOrder)]
pub(crate) struct PlacedView {
    #[schema(value_type = schema::OrderIdText)]
    order_id: OrderId,
    #[schema(value_type = schema::StatusWord)]
    status: Status,
    #[schema(value_type = schema::MoneyObject)]
    total: Money,
    links: Links,
}

/// `POST /orders`
pub(crate) async fn place<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
) -> Result<Reply, Problem> {
    let caller = Caller::with(request, &[Scope::OrdersWrite])?;
    let key = idempotency_key(request)?;
    let body = body::read(request, Some("customer.phone"))?;
    let wanted = form::read(&body, |form| Wanted::read(form, &api.currencies))?;
    let hash = wanted.hash();
    let id = OrderId::for_request(&caller.id, key);

    let order = match accept(wanted, &caller, &id, &hash, request.at, api).await {
        Ok(order) => match api.orders.place(&order).await? {
            PlaceResult::Created => order,
            PlaceResult::Exists(earlier) => same_request(*earlier, &hash)?,
        },
        // A repeat is not judged again: prices and the clock have moved on.
        Err(problem) => match api.orders.load(&id).await? {
            Some(earlier) => same_request(earlier, &hash)?,
            None => return Err(problem),
        },
    };
    start(&order, api).await?;
    let path = format!("/orders/{id}");
    let answer = PlacedView {
        links: Links::to(&id),
        order_id: id,
        status: order.status,
        total: order.total,
    };
    Ok(Reply::json(202, &answer).with("location", path))
}

/// The key that a repeat of the request brings again.
pub(crate) fn idempotency_key(request: &Request) -> Result<&str, Problem> {
    let wrong = |detail| Problem::field(Kind::Invalid, "Idempotency-Key", detail);
    let key = request.header("idempotency-key").ok_or(wrong("this header is required"))?;
    let printable = key.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if (1..=LONGEST_KEY).contains(&key.len()) && printable && key.trim() == key {
        Ok(key)
    } else {
        Err(wrong("must have 1 to 255 printable ASCII characters, no space at either end"))
    }
}

/// The order as it would be placed now: priced, and in time.
async fn accept<O: Orders, I: Inventory, W: Workflow>(
    wanted: Wanted,
    caller: &Caller,
    id: &OrderId,
    hash: &str,
    at: Timestamp,
    api: &Api<O, I, W>,
) -> Result<Order, Problem> {
    if let Some(date) = wanted.scheduled_for
        && !(at < date && date <= at.plus_hours(FARTHEST_HOURS))
    {
        let detail = "must be in the future, at most 90 days ahead";
        return Err(Problem::field(Kind::Invalid, "scheduledFor", detail));
    }
    let skus: Vec<Sku> = wanted.items.iter().map(|item| item.sku.clone()).collect();
    let sold = api.inventory.items(&skus).await?;
    let lines: Vec<_> = wanted.items.iter().map(|i| (i.sku.clone(), i.quantity)).collect();
    let find = |sku: &Sku| sold.iter().find(|item| item.sku == *sku);
    let (items, total) =
        catalog::price(&lines, find, &api.currencies).map_err(|error| unpriced(&error))?;
    if wanted.expected_total.is_some_and(|expected| expected != total) {
        let detail = format!("the total is {total} now");
        return Err(Problem::field(Kind::TotalChanged, "expectedTotal", detail));
    }
    let new = NewOrder {
        order_id: id.clone(),
        customer_id: caller.id.clone(),
        customer: wanted.customer.into(),
        shipping_address: wanted.shipping_address.into(),
        items,
        total,
        payment_method: wanted.payment_method,
        payment_customer: wanted.payment_customer,
        shipping_service: wanted.shipping_service,
        scheduled_for: wanted.scheduled_for,
        when_out_of_stock: wanted.when_out_of_stock,
        request_hash: hash.to_owned(),
    };
    Ok(Order::accept(new, at))
}

fn unpriced(error: &PricingError) -> Problem {
    let field = match error {
        PricingError::UnknownSku(line)
        | PricingError::MixedCurrencies(line)
        | PricingError::CurrencyNotAccepted(line, _) => format!("items[{line}].sku"),
        PricingError::Empty | PricingError::AmountNotChargeable(_) => "items".to_owned(),
    };
    Problem::field(Kind::Unprocessable, field, error.to_string())
}

fn same_request(earlier: Order, hash: &str) -> Result<Order, Problem> {
    if earlier.request_hash == hash {
        return Ok(earlier);
    }
    let detail = "was used for another request; choose a new key for a new order";
    Err(Problem::field(Kind::KeyReused, "Idempotency-Key", detail))
}

/// Starts the execution of an order that may not have one yet. To start it once
/// more by the same name and input is to start it once.
async fn start<O: Orders, I: Inventory, W: Workflow>(
    order: &Order,
    api: &Api<O, I, W>,
) -> Result<(), Problem> {
    if !matches!(order.status, Status::Received | Status::Scheduled) {
        return Ok(());
    }
    let started = api.workflow.start(&order.execution, &order.execution_input()).await;
    started.map_err(|error| {
        let detail = "the order is on record and not begun yet; send the same request again";
        Problem::unavailable(detail, error.to_string())
    })
}

/// `GET /orders/{orderId}`
pub(crate) async fn show<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    id: &str,
) -> Result<Reply, Problem> {
    let caller = Caller::with(request, &[Scope::OrdersRead, Scope::OrdersOperate])?;
    let order = visible(api, &caller, id).await?;
    let etag = format!("\"{}\"", order.version);
    if request.header("if-none-match").is_some_and(|known| matches_etag(known, &etag)) {
        return Ok(Reply::not_modified(&etag));
    }
    Ok(Reply::json(200, &view::order(&order)).with("etag", etag))
}

/// The order of this id, if this caller may know of it.
pub(crate) async fn visible<O: Orders, I: Inventory, W: Workflow>(
    api: &Api<O, I, W>,
    caller: &Caller,
    id: &str,
) -> Result<Order, Problem> {
    let id = OrderId::parse(id).or(Err(Problem::not_found()))?;
    let order = api.orders.load(&id).await?;
    order.filter(|order| caller.may_see(order)).ok_or_else(Problem::not_found)
}

/// The weak comparison of RFC 9110, section 8.8.3.2, with any of a list.
fn matches_etag(known: &str, etag: &str) -> bool {
    known.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == etag)
}
