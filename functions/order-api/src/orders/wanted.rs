//! What a client asks for with `POST /orders`: its fields and their limits.

use domain::order::{Customer, OutOfStockPolicy};
use domain::shipment::{Address, ShippingService};
use domain::{Currency, Money, Quantity, Sku, Timestamp};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use crate::form::{self, Form, Wrong};
use crate::{body, schema};

/// Lines of one order.
const MOST_LINES: usize = 50;
/// The longest name, and the longest line of an address.
const LONGEST_LINE: usize = 100;
/// The longest postal code. No country's has more.
const LONGEST_POSTAL_CODE: usize = 12;
/// The longest e-mail address (RFC 5321).
const LONGEST_EMAIL: usize = 254;
/// The longest phone number, with what stands between its digits.
const LONGEST_PHONE: usize = 32;
/// The longest id of the gateway's.
const LONGEST_TOKEN: usize = 200;
/// Digits in a row in such an id: fewer than any card's number has.
const MOST_DIGITS: usize = 12;

/// An order that a client wants. Its JSON is the canonical form that tells a
/// repeat from another request.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewOrder)]
pub(crate) struct Wanted {
    pub(crate) customer: Buyer,
    pub(crate) shipping_address: Destination,
    #[schema(min_items = 1, max_items = 50)]
    pub(crate) items: Vec<Item>,
    /// The gateway's token for the card, made in the browser.
    #[schema(schema_with = payment_method)]
    pub(crate) payment_method: String,
    /// The gateway's customer whose saved card it is; required with `scheduledFor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = payment_customer)]
    pub(crate) payment_customer: Option<String>,
    #[schema(value_type = schema::ServiceWord)]
    pub(crate) shipping_service: ShippingService,
    /// When it should begin, if not at once: in the future, at most 90 days ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::MomentText)]
    pub(crate) scheduled_for: Option<Timestamp>,
    /// `reject` when it is left out.
    #[schema(value_type = schema::OutOfStockWord, required = false)]
    pub(crate) when_out_of_stock: OutOfStockPolicy,
    /// What the customer was shown; the order is refused when it costs something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::PriceObject)]
    pub(crate) expected_total: Option<Money>,
}

/// Who the goods are for.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Customer)]
pub(crate) struct Buyer {
    #[schema(schema_with = schema::plain::<LONGEST_LINE>)]
    name: String,
    #[schema(schema_with = email_address)]
    email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = phone_number)]
    phone: Option<String>,
}

/// Where the goods go.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Address)]
pub(crate) struct Destination {
    #[schema(schema_with = schema::plain::<LONGEST_LINE>)]
    street1: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::plain::<LONGEST_LINE>)]
    street2: Option<String>,
    #[schema(schema_with = schema::plain::<LONGEST_LINE>)]
    city: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::plain::<LONGEST_LINE>)]
    state: Option<String>,
    #[schema(schema_with = schema::plain::<LONGEST_POSTAL_CODE>)]
    postal_code: String,
    #[schema(schema_with = country_code)]
    country: String,
}

/// A line that a client wants. The price is the server's.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOrderLine)]
pub(crate) struct Item {
    #[schema(value_type = schema::SkuText)]
    pub(crate) sku: Sku,
    #[schema(value_type = u32, minimum = 1, maximum = 999)]
    pub(crate) quantity: Quantity,
}

impl From<Buyer> for Customer {
    fn from(buyer: Buyer) -> Self {
        Self { name: buyer.name, email: buyer.email, phone: buyer.phone }
    }
}

impl From<Destination> for Address {
    fn from(to: Destination) -> Self {
        Self {
            street1: to.street1,
            street2: to.street2,
            city: to.city,
            state: to.state,
            postal_code: to.postal_code,
            country: to.country,
        }
    }
}

fn email_address() -> Object {
    let part = r"[^@\s\u0000-\u001f\u007f-\u009f]+";
    schema::matching(&format!("^{part}@{part}$"), LONGEST_EMAIL, "ada@example.com")
}

/// Best with `+`, as E.164 has it. Without, it is too short for a card's number.
fn phone_number() -> Object {
    let pattern = r"^(\+\(?[0-9]([ .()-]*[0-9]){4,14}|\(?[0-9]([ .()-]*[0-9]){4,11})$";
    schema::matching(pattern, LONGEST_PHONE, "+14155550123")
}

fn country_code() -> Object {
    schema::matching("^[A-Z]{2}$", 2, "US")
}

fn payment_method() -> Object {
    token_of("pm_", "pm_card_visa")
}

fn payment_customer() -> Object {
    token_of("cus_", "cus_saved")
}

/// Letters, digits and underscores, and never so many digits in a row that they
/// might be a card's.
fn token_of(prefix: &str, example: &str) -> Object {
    let pattern = format!("^{prefix}([0-9]{{1,12}}|[0-9]{{0,12}}([A-Za-z_]+[0-9]{{0,12}})+)$");
    schema::matching(&pattern, LONGEST_TOKEN, example)
}

impl Wanted {
    pub(crate) fn read(form: &mut Form<'_>, taken: &[Currency]) -> Option<Self> {
        let customer = form.object("customer", buyer);
        let shipping_address = form.object("shippingAddress", destination);
        let items = form.list("items", MOST_LINES, item);
        let payment_method = form.required("paymentMethod", token("pm_"));
        let payment_customer = form.optional("paymentCustomer", token("cus_"));
        let services =
            [("standard", ShippingService::Standard), ("express", ShippingService::Express)];
        let shipping_service = form.required("shippingService", form::word(&services));
        let scheduled_for = form.optional("scheduledFor", form::moment);
        let choices = [("reject", OutOfStockPolicy::Reject), ("wait", OutOfStockPolicy::Wait)];
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
    pub(crate) fn hash(&self) -> String {
        // What was parsed from JSON can be written as JSON.
        let canonical = serde_json::to_vec(self).unwrap_or_default();
        base16(&Sha256::digest(canonical))
    }
}

fn base16(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn buyer(form: &mut Form<'_>) -> Option<Buyer> {
    let name = form.required("name", form::text(LONGEST_LINE));
    let email = form.required("email", email);
    let phone = form.optional("phone", phone);
    Some(Buyer { name: name?, email: email?, phone: phone? })
}

fn destination(form: &mut Form<'_>) -> Option<Destination> {
    let street1 = form.required("street1", form::text(LONGEST_LINE));
    let street2 = form.optional("street2", form::text(LONGEST_LINE));
    let city = form.required("city", form::text(LONGEST_LINE));
    let state = form.optional("state", form::text(LONGEST_LINE));
    let postal_code = form.required("postalCode", form::text(LONGEST_POSTAL_CODE));
    let country = form.required("country", country);
    Some(Destination {
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
    let text = form::text(LONGEST_EMAIL)(node)?;
    let sides: Vec<_> = text.split('@').collect();
    let sound = matches!(sides.as_slice(), [name, host] if !name.is_empty() && !host.is_empty());
    if sound && !text.contains(char::is_whitespace) {
        Ok(text)
    } else {
        Err("must be an e-mail address".to_owned())
    }
}

fn phone(node: &body::Node) -> Result<String, Wrong> {
    let text = form::text(LONGEST_PHONE)(node)?;
    let (local, most) =
        text.strip_prefix('+').map_or((text.as_str(), MOST_DIGITS), |rest| (rest, 15));
    let digits = local.bytes().filter(u8::is_ascii_digit).count();
    let spaced = local.bytes().all(|b| b.is_ascii_digit() || b" -.()".contains(&b));
    let first = local.strip_prefix('(').unwrap_or(local).bytes().next();
    let outer = [first, local.bytes().last()];
    let ends = outer.iter().all(|end| end.is_some_and(|byte| byte.is_ascii_digit()));
    if (5..=most).contains(&digits) && spaced && ends {
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
        let text = form::text(LONGEST_TOKEN)(node)?;
        let rest = text.strip_prefix(prefix).unwrap_or_default();
        let plain = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let mut digits = rest.split(|c: char| !c.is_ascii_digit());
        if !rest.is_empty() && plain && digits.all(|run| run.len() <= MOST_DIGITS) {
            Ok(text)
        } else {
            Err(format!("must be an id of the payment gateway: `{prefix}…`"))
        }
    }
}
