//! The shared schemas of the OpenAPI document: ids, timestamps, money, enums.
//!
//! They stand for the domain's types, which know nothing of OpenAPI. Each enum lists
//! the domain's own values.

use std::borrow::Cow;

use domain::audit::AuditAction;
use domain::decision::{OperatorAction, ReviewDecision};
use domain::order::{Action, Attention, LabelFact, MoneyFact, OutOfStockPolicy, StockFact};
use domain::payment::PaymentStatus;
use domain::policy::ReviewReason;
use domain::settlement::{LabelClaim, MoneyClaim};
use domain::shipment::ShippingService;
use domain::steps::State;
use domain::{Currency, Status};
use serde::Serialize;
use serde_json::{Value, json};
use strum::VariantArray as _;
use utoipa::openapi::schema::{AdditionalProperties, Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, Ref, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::api::PaymentIdPrefixes;
use crate::choice::Choice;

/// The characters that no text may contain, for a character class of a pattern: see
/// [`is_invisible`](crate::invisible::is_invisible).
macro_rules! hidden {
    () => {
        r"\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    };
}
pub(crate) use hidden;

/// The maximum of one price or total, in minor units: eight digits.
pub(crate) const MAX_AMOUNT: u64 = 99_999_999;
/// The maximum length of an operator's note, in characters.
pub(crate) const MAX_NOTE_LENGTH: usize = 500;
/// The maximum length of an id of the payment provider.
pub(crate) const MAX_PAYMENT_ID_LENGTH: usize = 200;
/// Text without control characters, invisible characters and outer spaces.
const PLAIN_TEXT: &str =
    concat!("^[^\\s", hidden!(), "]([^", hidden!(), "]*[^\\s", hidden!(), "])?$");

/// Defines a type whose only purpose is to be a named schema of the document.
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
    /// The id of an order.
    OrderIdSchema,
    "OrderId",
    text("The id of an order.", "^ord_[0-9a-f]{32}$", json!("ord_44a45315d0fc51c09623badfc0bb5cca"))
);
component!(
    /// A stock-keeping unit.
    SkuSchema,
    "Sku",
    text("A stock-keeping unit.", "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$", json!("MUG-01"))
);
component!(
    /// A date and time.
    TimestampSchema,
    "Timestamp",
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some("A date and time in RFC 3339."))
        .examples([json!("2026-11-23T04:00:00.000Z")])
        .build()
);
component!(
    /// The status of an order.
    StatusSchema,
    "Status",
    string_enum("The status of an order.", Status::ALL)
);
component!(
    /// The reason why an order needs attention.
    AttentionSchema,
    "Attention",
    choice::<Attention>("Why an order needs attention.")
);
component!(
    /// The status of a payment.
    PaymentStatusSchema,
    "PaymentStatus",
    string_enum("The status of the payment.", &PAYMENT_STATUSES)
);
component!(
    /// A review decision.
    ReviewDecisionSchema,
    "ReviewDecision",
    choice::<ReviewDecision>("An operator's decision about an order under review.")
);
component!(
    /// An operator's action.
    OperatorActionSchema,
    "OperatorAction",
    choice::<OperatorAction>(
        "`capture`: try again to capture the payment. `retry`: go through the steps once more, \
         for example after an API key was replaced; finished steps pass without effect. \
         `compensate`: undo everything. \
         `settle`: record by hand what a provider will not say about money or label, and undo \
         the rest. \
         `acknowledge`: clear the attention of a closed order.",
    )
);
component!(
    /// What an operator says about the money.
    MoneyClaimSchema,
    "MoneyClaim",
    choice::<MoneyClaim>(
        "What an operator says about the customer's money. `captured`: the shop has it and \
         keeps it. `refunded`: the customer has it back. `voided`: it was never captured, and no \
         hold is left.",
    )
);
component!(
    /// What an operator says about the label.
    LabelClaimSchema,
    "LabelClaim",
    choice::<LabelClaim>(
        "What an operator says about the shipping label. `refunded`: its refund is on its way. \
         `kept`: it was bought, and the shop bears the postage. `none`: none was bought.",
    )
);
component!(
    /// What was done, in an audit history.
    AuditActionSchema,
    "AuditAction",
    choice::<AuditAction>(
        "What was done: `cancel`, `review:…` and `resume:…` by an operator to an order, \
         `product:…` to a product.",
    )
);
component!(
    /// The speed of the delivery.
    ShippingServiceSchema,
    "ShippingService",
    choice::<ShippingService>(
        "`standard`: the cheapest rate. `express`: the cheapest rate that delivers within two \
         days.",
    )
);
component!(
    /// What happens when a line is out of stock.
    OutOfStockPolicySchema,
    "OutOfStockPolicy",
    choice::<OutOfStockPolicy>("`reject`: the order fails. `wait`: it waits for a restock.")
);
component!(
    /// The status of an execution.
    ExecutionStatusSchema,
    "ExecutionStatus",
    string_enum("The status of an execution in Step Functions.", &EXECUTION_STATUSES)
);
component!(
    /// A state of the workflow.
    StateSchema,
    "State",
    string_enum("A state of the workflow.", State::ALL)
);
component!(
    /// Something that a caller may do with an order.
    ActionSchema,
    "Action",
    string_enum(
        "What the caller may do now. `cancel` and `review` are the paths of the order; \
         `resume:` precedes the `action` of a resume. `resume:compensate-with-refund` is \
         `compensate` with `refund`.",
        Action::ALL,
    )
);
component!(
    /// The customer's money.
    MoneyFactSchema,
    "MoneyFact",
    string_enum("The customer's money, as it was recorded last.", MoneyFact::VARIANTS)
);
component!(
    /// The shipping label.
    LabelFactSchema,
    "LabelFact",
    string_enum("The shipping label, as it was recorded last.", LabelFact::VARIANTS)
);
component!(
    /// The stock.
    StockFactSchema,
    "StockFact",
    string_enum("The stock of the order.", StockFact::VARIANTS)
);
component!(
    /// The reason for a review.
    ReviewReasonSchema,
    "ReviewReason",
    string_enum("Why an order needs a review.", ReviewReason::VARIANTS)
);
component!(
    /// A currency of a recorded amount.
    CurrencySchema,
    "Currency",
    string_enum("An ISO 4217 code.", Currency::ALL)
);
component!(
    /// A recorded amount.
    MoneySchema,
    "Money",
    money("An amount of money.", "Currency", None)
);
component!(
    /// An amount that a client sends.
    PriceSchema,
    "Price",
    money(
        "An amount of money in a currency that the shop accepts.",
        ACCEPTED_CURRENCY,
        Some(MAX_AMOUNT),
    )
);

/// Every payment status but `NONE`: an order shows its payment once there is one.
const PAYMENT_STATUSES: [PaymentStatus; 5] = [
    PaymentStatus::Authorized,
    PaymentStatus::Captured,
    PaymentStatus::Voided,
    PaymentStatus::Refunded,
    PaymentStatus::RefundFailed,
];

/// The statuses of `DescribeExecution` in the API reference of Step Functions.
const EXECUTION_STATUSES: [&str; 6] =
    ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"];

const ACCEPTED_CURRENCY: &str = "AcceptedCurrency";
const PAYMENT_METHOD_ID: &str = "PaymentMethodId";
const PAYMENT_CUSTOMER_ID: &str = "PaymentCustomerId";

/// The schemas that depend on the deployment.
pub(crate) fn of_deployment(
    currencies: &[Currency],
    prefixes: PaymentIdPrefixes,
) -> [(&'static str, Object); 3] {
    let currency =
        string_enum("The ISO 4217 code of a currency that the shop accepts.", currencies);
    [
        (ACCEPTED_CURRENCY, currency),
        (PAYMENT_METHOD_ID, payment_id(prefixes.payment_method, "card_visa")),
        (PAYMENT_CUSTOMER_ID, payment_id(prefixes.customer, "saved")),
    ]
}

/// A reference to the schema of a tokenized card.
pub(crate) fn payment_method_id() -> Ref {
    Ref::from_schema_name(PAYMENT_METHOD_ID)
}

/// A reference to the schema of a customer with a saved card.
pub(crate) fn payment_customer_id() -> Ref {
    Ref::from_schema_name(PAYMENT_CUSTOMER_ID)
}

/// Letters, digits and underscores, with at most 12 digits in a row: a card number has more.
fn payment_id(prefix: &str, example: &str) -> Object {
    let pattern = format!("^{prefix}([0-9]{{1,12}}|[0-9]{{0,12}}([A-Za-z_]+[0-9]{{0,12}})+)$");
    matching(&pattern, MAX_PAYMENT_ID_LENGTH, &format!("{prefix}{example}"))
}

/// Plain text of 1 to `MAX` characters.
pub(crate) fn plain_text<const MAX: usize>() -> Object {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(PLAIN_TEXT));
    text.min_length(Some(1)).max_length(Some(MAX)).build()
}

/// A string that matches a pattern.
pub(crate) fn matching(pattern: &str, max: usize, example: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .max_length(Some(max))
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

/// A string that is one of these values, as serde writes them.
pub(crate) fn string_enum<T: Serialize>(description: &str, values: &[T]) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(values.iter().map(|value| json!(value))))
        .build()
}

fn choice<T: Choice>(description: &str) -> Object {
    string_enum(description, T::ALL)
}

fn money(description: &str, currency: &str, max: Option<u64>) -> Object {
    let amount = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .description(Some("In minor units: cents, pence; whole yen."))
        .minimum(Some(0_u64))
        .maximum(max);
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
