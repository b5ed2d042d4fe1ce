//! The body of `POST /orders`: its fields, their limits and their validation.

use domain::country::COUNTRY_CODES;
use domain::order::{Customer, OutOfStockPolicy};
use domain::shipment::{Address, ShippingService};
use domain::{Country, Currency, Money, Quantity, Sku, Timestamp};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use crate::api::PaymentIdPrefixes;
use crate::request_body::JsonNode;
use crate::schema::{self, MAX_PAYMENT_ID_LENGTH};
use crate::validation::{self, Fields, Invalid, Violation};

/// The maximum number of lines.
const MAX_LINES: usize = 50;
/// The maximum length of a name and of a line of an address.
const MAX_TEXT_LENGTH: usize = 100;
/// The maximum length of a postal code. No country has longer ones.
const MAX_POSTAL_CODE_LENGTH: usize = 12;
/// The maximum length of an email address (RFC 5321).
const MAX_EMAIL_LENGTH: usize = 254;
/// The maximum length of a phone number, separators included.
const MAX_PHONE_LENGTH: usize = 32;
/// The maximum number of digits of a phone number in `+` form (E.164).
const MAX_INTERNATIONAL_DIGITS: usize = 15;
/// The maximum number of adjacent digits elsewhere: fewer than any card number has.
const MAX_DIGITS: usize = 12;

/// An order that a client asks for. Its JSON is the canonical form that tells a
/// repeated request from another one.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PlaceOrderRequest {
    pub(crate) customer: CustomerRequest,
    pub(crate) shipping_address: AddressRequest,
    #[schema(min_items = 1, max_items = 50)]
    pub(crate) items: Vec<LineItemRequest>,
    /// The payment provider's token for the card, created in the browser.
    #[schema(schema_with = schema::payment_method_id)]
    pub(crate) payment_method: String,
    /// The payment provider's id of the customer who saved the card; required with
    /// `scheduledFor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::payment_customer_id)]
    pub(crate) payment_customer: Option<String>,
    #[schema(value_type = schema::ShippingServiceSchema)]
    pub(crate) shipping_service: ShippingService,
    /// When the order begins, in the future and at most 90 days ahead; at once when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::TimestampSchema)]
    pub(crate) scheduled_for: Option<Timestamp>,
    /// `reject` when absent.
    #[schema(value_type = schema::OutOfStockPolicySchema, required = false)]
    pub(crate) when_out_of_stock: OutOfStockPolicy,
    /// The total that the customer was shown; the order is refused if it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::PriceSchema)]
    pub(crate) expected_total: Option<Money>,
}

/// The recipient.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CustomerRequest {
    #[schema(schema_with = schema::plain_text::<MAX_TEXT_LENGTH>)]
    name: String,
    /// For the shop only; no provider gets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = email_schema)]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = phone_schema)]
    phone: Option<String>,
}

/// The shipping address.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AddressRequest {
    #[schema(schema_with = schema::plain_text::<MAX_TEXT_LENGTH>)]
    street1: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::plain_text::<MAX_TEXT_LENGTH>)]
    street2: Option<String>,
    #[schema(schema_with = schema::plain_text::<MAX_TEXT_LENGTH>)]
    city: String,
    /// Required for addresses in Australia, Canada and the United States.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::plain_text::<MAX_TEXT_LENGTH>)]
    pub(crate) state: Option<String>,
    #[schema(schema_with = schema::plain_text::<MAX_POSTAL_CODE_LENGTH>)]
    postal_code: String,
    #[schema(schema_with = country_schema)]
    #[serde(serialize_with = "country_code")]
    pub(crate) country: Country,
}

/// A line. The server sets the price.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineItemRequest {
    #[schema(value_type = schema::SkuSchema)]
    pub(crate) sku: Sku,
    #[schema(value_type = u32, minimum = 1, maximum = 999)]
    pub(crate) quantity: Quantity,
}

impl From<CustomerRequest> for Customer {
    fn from(customer: CustomerRequest) -> Self {
        Self { name: customer.name, email: customer.email, phone: customer.phone }
    }
}

impl From<AddressRequest> for Address {
    fn from(address: AddressRequest) -> Self {
        Self {
            street1: address.street1,
            street2: address.street2,
            city: address.city,
            state: address.state,
            postal_code: address.postal_code,
            country: address.country.code().to_owned(),
        }
    }
}

impl PlaceOrderRequest {
    /// Reads the fields of a body.
    pub(crate) fn read(
        fields: &mut Fields<'_>,
        currencies: &[Currency],
        prefixes: PaymentIdPrefixes,
    ) -> Result<Self, Invalid> {
        let customer = fields.object("customer", CustomerRequest::read);
        let shipping_address = fields.object("shippingAddress", AddressRequest::read);
        let items = fields.array("items", MAX_LINES, LineItemRequest::read);
        let payment_method = fields.required("paymentMethod", payment_id(prefixes.payment_method));
        let payment_customer = fields.optional("paymentCustomer", payment_id(prefixes.customer));
        let shipping_service = fields.required("shippingService", validation::choice);
        let scheduled_for = fields.optional("scheduledFor", validation::timestamp);
        let when_out_of_stock =
            fields.optional("whenOutOfStock", validation::choice::<OutOfStockPolicy>);
        let expected_total = fields.optional_object("expectedTotal", validation::money(currencies));
        // The customer is not there to confirm the card on that date.
        if matches!((&scheduled_for, &payment_customer), (Ok(Some(_)), Ok(None))) {
            return fields.refuse("paymentCustomer", "is required with scheduledFor");
        }
        Ok(Self {
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

    /// The SHA-256 of the canonical form, in hexadecimal digits.
    pub(crate) fn hash(&self) -> String {
        // The fields were parsed from JSON, so they serialize to JSON.
        let canonical = serde_json::to_vec(self).unwrap_or_default();
        hex::encode(Sha256::digest(canonical))
    }
}

impl CustomerRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Invalid> {
        let name = fields.required("name", validation::text(MAX_TEXT_LENGTH));
        let email = fields.optional("email", email);
        let phone = fields.optional("phone", phone);
        Ok(Self { name: name?, email: email?, phone: phone? })
    }
}

impl AddressRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Invalid> {
        let street1 = fields.required("street1", validation::text(MAX_TEXT_LENGTH));
        let street2 = fields.optional("street2", validation::text(MAX_TEXT_LENGTH));
        let city = fields.required("city", validation::text(MAX_TEXT_LENGTH));
        let state = fields.optional("state", validation::text(MAX_TEXT_LENGTH));
        let postal_code = fields.required("postalCode", validation::text(MAX_POSTAL_CODE_LENGTH));
        let country = fields.required("country", country);
        Ok(Self {
            street1: street1?,
            street2: street2?,
            city: city?,
            state: state?,
            postal_code: postal_code?,
            country: country?,
        })
    }
}

impl LineItemRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Invalid> {
        let sku = fields.required("sku", validation::sku);
        let quantity = fields.required("quantity", validation::quantity);
        Ok(Self { sku: sku?, quantity: quantity? })
    }
}

fn email(node: &JsonNode) -> Result<String, Violation> {
    let text = validation::text(MAX_EMAIL_LENGTH)(node)?;
    let parts: Vec<_> = text.split('@').collect();
    let is_split = matches!(parts.as_slice(), [name, host] if !name.is_empty() && !host.is_empty());
    if is_split && !text.contains(char::is_whitespace) {
        Ok(text)
    } else {
        Err("must be an email address".to_owned())
    }
}

fn email_schema() -> Object {
    let part = concat!(r"[^@\s", schema::hidden!(), "]+");
    schema::matching(&format!("^{part}@{part}$"), MAX_EMAIL_LENGTH, "ada@example.com")
}

/// A phone number, preferably in `+` form (E.164). Without `+` it must be too short
/// to be a card number.
fn phone(node: &JsonNode) -> Result<String, Violation> {
    let text = validation::text(MAX_PHONE_LENGTH)(node)?;
    let (local, max_digits) = text
        .strip_prefix('+')
        .map_or((text.as_str(), MAX_DIGITS), |rest| (rest, MAX_INTERNATIONAL_DIGITS));
    let digits = local.bytes().filter(u8::is_ascii_digit).count();
    let is_phone = local.bytes().all(|b| b.is_ascii_digit() || b" -.()".contains(&b));
    let first = local.strip_prefix('(').unwrap_or(local).bytes().next();
    let ends_in_digits = [first, local.bytes().last()]
        .iter()
        .all(|end| end.is_some_and(|byte| byte.is_ascii_digit()));
    if (5..=max_digits).contains(&digits) && is_phone && ends_in_digits {
        Ok(text)
    } else {
        Err("must be a phone number such as +14155550123".to_owned())
    }
}

fn phone_schema() -> Object {
    let pattern = r"^(\+\(?[0-9]([ .()-]*[0-9]){4,14}|\(?[0-9]([ .()-]*[0-9]){4,11})$";
    schema::matching(pattern, MAX_PHONE_LENGTH, "+14155550123")
}

fn country(node: &JsonNode) -> Result<Country, Violation> {
    let expected = "must be an ISO 3166-1 country code of two capital letters";
    validation::parsed(|text| Country::from_code(text).ok_or(expected))(node)
}

fn country_code<S: Serializer>(country: &Country, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(country.code())
}

fn country_schema() -> Object {
    schema::string_enum(
        "The ISO 3166-1 code. The shop ships to some countries only.",
        &COUNTRY_CODES,
    )
}

/// An id of the payment provider: the prefix, then letters, digits or underscores.
fn payment_id(prefix: &'static str) -> impl Fn(&JsonNode) -> Result<String, Violation> {
    move |node| {
        let text = validation::text(MAX_PAYMENT_ID_LENGTH)(node)?;
        let rest = text.strip_prefix(prefix).unwrap_or_default();
        let is_word = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let mut digit_runs = rest.split(|c: char| !c.is_ascii_digit());
        if !rest.is_empty() && is_word && digit_runs.all(|run| run.len() <= MAX_DIGITS) {
            Ok(text)
        } else {
            Err(format!("must be an id of the payment provider: `{prefix}…`"))
        }
    }
}
