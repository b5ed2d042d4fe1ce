//! `POST /orders` and `GET /orders/{orderId}`.
//!
//! The client names SKUs and quantities; the server prices them. The order's id
//! follows from the customer and the `Idempotency-Key`, so that a repeat meets
//! its own order in the conditional put: the same body gives the same order
//! with its status of now, another body is refused.

use domain::catalogue::{self, PricingError};
use domain::order::{Customer, NewOrder, WhenOutOfStock};
use domain::ports::Placed;
use domain::shipment::{Address, ShippingService};
use domain::{Currency, Moment, Money, Order, OrderId, Quantity, Sku, Status};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::caller::{Caller, Scope};
use crate::event::{Reply, Request};
use crate::form::{self, Form, Wrong};
use crate::problem::{Kind, Problem};
use crate::{Api, Inventory, Orders, Workflow, body, card, view};

/// Lines of one order.
const MOST_LINES: usize = 50;
/// An order is scheduled at most this far ahead: 90 days.
const FARTHEST_HOURS: i64 = 90 * 24;

/// What a client asks for, as it was read. Its JSON is the canonical form that
/// tells a repeat from another request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    customer: Customer,
    shipping_address: Address,
    items: Vec<Item>,
    payment_method: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_customer: Option<String>,
    shipping_service: ShippingService,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_for: Option<Moment>,
    when_out_of_stock: WhenOutOfStock,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_total: Option<Money>,
}

#[derive(Serialize)]
struct Item {
    sku: Sku,
    quantity: Quantity,
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
    let id = OrderId::of_request(&caller.id, key);

    let order = match accept(wanted, &caller, &id, &hash, request.at, api).await {
        Ok(order) => match api.orders.place(&order).await? {
            Placed::New => order,
            Placed::Exists(earlier) => same_request(*earlier, &hash)?,
        },
        // A repeat is not judged again: prices and the clock have moved on.
        Err(problem) => match api.orders.load(&id).await? {
            Some(earlier) => same_request(earlier, &hash)?,
            None => return Err(problem),
        },
    };
    start(&order, api).await?;
    let path = format!("/orders/{id}");
    let answer = json!({
        "orderId": order.order_id,
        "status": order.status,
        "total": order.total,
        "links": {"self": path},
    });
    Ok(Reply::json(202, &answer).with("location", path))
}

/// The key that a repeat of the request brings again.
pub(crate) fn idempotency_key(request: &Request) -> Result<&str, Problem> {
    let wrong = |detail| Problem::field(Kind::Invalid, "Idempotency-Key", detail);
    let key = request.header("idempotency-key").ok_or(wrong("this header is required"))?;
    let printable = key.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if (1..=255).contains(&key.len()) && printable {
        Ok(key)
    } else {
        Err(wrong("must have 1 to 255 printable ASCII characters"))
    }
}

/// The order as it would be placed now: priced, and in time.
async fn accept<O: Orders, I: Inventory, W: Workflow>(
    wanted: Wanted,
    caller: &Caller,
    id: &OrderId,
    hash: &str,
    at: Moment,
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
        catalogue::price(&lines, find, &api.currencies).map_err(|error| unpriced(&error))?;
    if wanted.expected_total.is_some_and(|expected| expected != total) {
        let detail = format!("the total is {total} now");
        return Err(Problem::field(Kind::TotalChanged, "expectedTotal", detail));
    }
    let new = NewOrder {
        order_id: id.clone(),
        customer_id: caller.id.clone(),
        customer: wanted.customer,
        shipping_address: wanted.shipping_address,
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
        | PricingError::CurrencyNotTaken(line, _) => format!("items[{line}].sku"),
        PricingError::Empty | PricingError::NotChargeable(_) => "items".to_owned(),
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

impl Wanted {
    fn read(form: &mut Form<'_>, taken: &[Currency]) -> Option<Self> {
        let customer = form.object("customer", customer);
        let shipping_address = form.object("shippingAddress", address);
        let items = form.list("items", MOST_LINES, item);
        let payment_method = form.required("paymentMethod", token("pm_"));
        let payment_customer = form.optional("paymentCustomer", token("cus_"));
        let services =
            [("standard", ShippingService::Standard), ("express", ShippingService::Express)];
        let shipping_service = form.required("shippingService", form::word(&services));
        let scheduled_for = form.optional("scheduledFor", form::moment);
        let choices = [("reject", WhenOutOfStock::Reject), ("wait", WhenOutOfStock::Wait)];
        let when_out_of_stock = form.optional("whenOutOfStock", form::word(&choices));
        let expected_total = form.optional_object("expectedTotal", form::money(taken));
        // Nobody is there to confirm the card when the date comes.
        if matches!((&scheduled_for, &payment_customer), (Some(Some(_)), Some(None))) {
            return form.wrong("paymentCustomer", "is required with scheduledFor");
        }
        Some(Self {
            customer: customer?,
            shipping_address: shipping_address?,
            items: items?,
            payment_method: payment_method?,
            payment_customer: payment_customer?,
            shipping_service: shipping_service?,
            scheduled_for: scheduled_for?,
            when_out_of_stock: when_out_of_stock?.unwrap_or_default(),
            expected_total: expected_total?,
        })
    }

    /// The hash of the canonical form, in hexadecimal digits.
    fn hash(&self) -> String {
        // What was parsed from JSON can be written as JSON.
        let canonical = serde_json::to_vec(self).unwrap_or_default();
        base16(&Sha256::digest(canonical))
    }
}

fn base16(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn customer(form: &mut Form<'_>) -> Option<Customer> {
    let name = form.required("name", form::text(100));
    let email = form.required("email", email);
    let phone = form.optional("phone", phone);
    Some(Customer { name: name?, email: email?, phone: phone? })
}

fn address(form: &mut Form<'_>) -> Option<Address> {
    let street1 = form.required("street1", form::text(100));
    let street2 = form.optional("street2", form::text(100));
    let city = form.required("city", form::text(100));
    let state = form.optional("state", form::text(100));
    let postal_code = form.required("postalCode", form::text(20));
    let country = form.required("country", country);
    Some(Address {
        street1: street1?,
        street2: street2?,
        city: city?,
        state: state?,
        postal_code: postal_code?,
        country: country?,
    })
}

fn item(form: &mut Form<'_>) -> Option<Item> {
    let sku = form.required("sku", form::sku);
    let quantity = form.required("quantity", form::quantity);
    Some(Item { sku: sku?, quantity: quantity? })
}

fn email(node: &body::Node) -> Result<String, Wrong> {
    let text = form::text(254)(node)?;
    let sides: Vec<_> = text.split('@').collect();
    let sound = matches!(sides.as_slice(), [name, host] if !name.is_empty() && !host.is_empty());
    if sound && !text.contains(char::is_whitespace) {
        Ok(text)
    } else {
        Err("must be an e-mail address".to_owned())
    }
}

fn phone(node: &body::Node) -> Result<String, Wrong> {
    let text = form::text(32)(node)?;
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let national = text.bytes().all(|b| b.is_ascii_digit() || b" -.()".contains(&b));
    if digits >= 5 && (national || card::is_plus_phone(&text)) {
        Ok(text)
    } else {
        Err("must be a phone number, best as +14155550123".to_owned())
    }
}

fn country(node: &body::Node) -> Result<String, Wrong> {
    let text = form::text(2)(node)?;
    if text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        Ok(text)
    } else {
        Err("must be a country's ISO 3166-1 code of two capitals".to_owned())
    }
}

/// An id of the gateway's: its prefix, and letters, digits or underscores.
fn token(prefix: &'static str) -> impl Fn(&body::Node) -> Result<String, Wrong> {
    move |node| {
        let text = form::text(200)(node)?;
        let rest = text.strip_prefix(prefix).unwrap_or_default();
        let plain = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !rest.is_empty() && plain {
            Ok(text)
        } else {
            Err(format!("must be an id of the payment gateway: `{prefix}…`"))
        }
    }
}
