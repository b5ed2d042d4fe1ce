//! The small types of the OpenAPI document: names, moments, money, words.
//!
//! They stand for the domain's own types, which know nothing of the document.
//! Wherever a list of words is the domain's, it is taken from there.

use std::borrow::Cow;

use domain::decision::{OperatorAction, ReviewDecision};
use domain::order::{Attention, OutOfStockPolicy};
use domain::payment::PaymentStatus;
use domain::shipment::ShippingService;
use domain::{Currency, Status};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::openapi::schema::{AdditionalProperties, Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, Ref, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// The most that one price or total may be, in minor units: eight digits.
pub(crate) const MOST_MONEY: u64 = 99_999_999;
/// Plain text: no control character, no space at either end.
const PLAIN: &str = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$";

/// A type of the document that has a name there.
macro_rules! component {
    ($(#[$doc:meta])* $marker:ident, $name:literal, $schema:expr) => {
        $(#[$doc])*
        pub(crate) struct $marker;

        impl PartialSchema for $marker {
            fn schema() -> RefOr<Schema> {
                Schema::Object($schema).into()
            }
        }

        impl ToSchema for $marker {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    };
}

component!(
    /// An order's id.
    OrderIdText,
    "OrderId",
    text("The id of an order.", "^ord_[0-9a-f]{32}$", json!("ord_44a45315d0fc51c09623badfc0bb5cca"))
);
component!(
    /// What is sold, by its shelf label.
    SkuText,
    "Sku",
    text(
        "A stock-keeping unit: what is sold, by its shelf label.",
        "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$",
        json!("MUG-01"),
    )
);
component!(
    /// A date and time.
    MomentText,
    "Moment",
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some("A date and time, as RFC 3339 writes it."))
        .examples([json!("2026-11-23T04:00:00.000Z")])
        .build()
);
component!(
    /// Where an order is in its life.
    StatusWord,
    "Status",
    words("Where an order is in its life.", Status::ALL)
);
component!(
    /// Why a person should look at an order.
    AttentionWord,
    "Attention",
    words(
        "Why a person should look at an order.",
        &[Attention::Review, Attention::Backorder, Attention::Operator],
    )
);
component!(
    /// Where an order's money is.
    PaymentWord,
    "PaymentStatus",
    words(
        "Where the money is.",
        &[
            PaymentStatus::Authorized,
            PaymentStatus::Captured,
            PaymentStatus::Voided,
            PaymentStatus::Refunded,
            PaymentStatus::RefundFailed,
        ],
    )
);
component!(
    /// What a person decides about an order under review.
    DecisionWord,
    "Decision",
    words("What a person decides about the order.", &[ReviewDecision::Approve, ReviewDecision::Reject])
);
component!(
    /// What an operator does about an order that is stuck.
    ActionWord,
    "Action",
    words(
        "`capture`: try to take the money once more. `compensate`: undo everything. \
         `acknowledge`: seen; clears the attention of a closed order.",
        &[OperatorAction::Capture, OperatorAction::Compensate, OperatorAction::Acknowledge],
    )
);
component!(
    /// How fast the goods should come.
    ServiceWord,
    "ShippingService",
    words(
        "`standard`: the cheapest. `express`: the cheapest that delivers within two days.",
        &[ShippingService::Standard, ShippingService::Express],
    )
);
component!(
    /// What to do when the goods are not there.
    OutOfStockWord,
    "WhenOutOfStock",
    words(
        "`reject`: give the order up. `wait`: wait for a restock.",
        &[OutOfStockPolicy::Reject, OutOfStockPolicy::Wait],
    )
);
component!(
    /// How an execution is.
    ExecutionWord,
    "ExecutionStatus",
    words(
        "How the execution is, as Step Functions says it.",
        &["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"],
    )
);
component!(
    /// A currency of an amount on record.
    CurrencyCode,
    "Currency",
    words("An ISO 4217 code.", &Currency::ALL)
);
component!(
    /// An amount on record.
    MoneyObject,
    "Money",
    money("An amount of money.", "Currency", None)
);
component!(
    /// An amount that a client sends.
    PriceObject,
    "Price",
    money(
        "An amount of money in a currency that the shop takes.",
        TAKEN,
        Some(MOST_MONEY),
    )
);

/// The name of the currencies that this deployment takes: configuration, so that
/// only [`taken`] knows them.
pub(crate) const TAKEN: &str = "TakenCurrency";

/// The currencies that this deployment takes.
pub(crate) fn taken(currencies: &[Currency]) -> Schema {
    Schema::Object(words("The ISO 4217 code of a currency that the shop takes.", currencies))
}

/// Plain text of 1 to `MOST` characters.
pub(crate) fn plain<const MOST: usize>() -> Object {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(PLAIN));
    text.min_length(Some(1)).max_length(Some(MOST)).build()
}

/// A string that matches this.
pub(crate) fn matching(pattern: &str, most: usize, example: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .max_length(Some(most))
        .examples([json!(example)])
        .build()
}

fn text(description: &str, pattern: &str, example: Value) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .pattern(Some(pattern))
        .examples([example])
        .build()
}

/// One of these, as they are written in JSON.
pub(crate) fn words<T: Serialize>(description: &str, words: &[T]) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(words.iter().map(|word| json!(word))))
        .build()
}

fn money(description: &str, currency: &str, most: Option<u64>) -> Object {
    let amount = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .description(Some("In minor units: cents, pence; whole yen."))
        .minimum(Some(0_u64))
        .maximum(most);
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(description))
        .property("amount", amount)
        .property("currency", Ref::from_schema_name(currency))
        .required("amount")
        .required("currency")
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
        .examples([json!({"amount": 1250, "currency": "USD"})])
        .build()
}
