//! What is read of an event: its id, its mode, and which payment or parcel it is
//! about. Everything else in it is passed over; the providers add fields at will.

use std::collections::BTreeMap;

use aws::ProviderMode;
use domain::{OrderId, PaymentIntentId, ShipmentId};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, OneOfBuilder, Schema, Type};

use crate::schema;

use crate::problem::{Kind, Problem};

/// The longest id of an event.
const LONGEST_ID: usize = 255;

/// What a provider tells.
pub(crate) struct Told {
    /// The event's id, the same in every repeat.
    pub(crate) id: String,
    /// In which mode it happened, if it says so.
    pub(crate) mode: Option<ProviderMode>,
    /// What it is about, if that can be ours.
    pub(crate) subject: Option<Subject>,
}

/// What an event is about.
pub(crate) enum Subject {
    /// A payment, and the order that it says it is for.
    Payment {
        /// The gateway's id of it.
        intent: PaymentIntentId,
        /// By its metadata.
        order: Option<OrderId>,
    },
    /// A parcel, and the order that it says it holds.
    Shipment {
        /// The carrier's id of it.
        shipment: ShipmentId,
        /// By its reference.
        order: Option<OrderId>,
    },
}

/// An event of Stripe's (docs.stripe.com/api/events/object), as far as it is read.
#[derive(Deserialize, ToSchema)]
pub(crate) struct StripeEvent {
    #[schema(schema_with = event_id)]
    id: EventId,
    #[serde(default)]
    livemode: Option<bool>,
    #[serde(default, deserialize_with = "object")]
    data: StripeData,
}

/// What a Stripe event is about.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct StripeData {
    #[serde(default, deserialize_with = "object")]
    object: StripeObject,
}

/// A payment intent, or a charge, refund or dispute of one.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct StripeObject {
    #[serde(default)]
    object: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    #[schema(schema_with = linked)]
    payment_intent: Option<Linked>,
    /// What we have written on it: `order_id`.
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
}

/// Another object: its id, or the object itself.
#[derive(Deserialize)]
#[serde(try_from = "Value")]
struct Linked(String);

impl TryFrom<Value> for Linked {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        let id = value.get("id").unwrap_or(&value).as_str();
        id.map(|id| Self(id.to_owned())).ok_or("is no id, and no object that has one")
    }
}

/// An event of EasyPost's (docs.easypost.com/docs/events), as far as it is read.
#[derive(Deserialize, ToSchema)]
pub(crate) struct EasyPostEvent {
    #[schema(schema_with = event_id)]
    id: EventId,
    #[serde(default)]
    mode: Option<EasyPostMode>,
    #[serde(default, deserialize_with = "object")]
    result: EasyPostResult,
}

/// In which mode it happened.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EasyPostMode {
    /// No parcel leaves.
    Test,
    /// For good.
    Production,
}

/// A shipment, or a tracker or a refund of one.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct EasyPostResult {
    #[serde(default)]
    object: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    shipment_id: Option<String>,
    #[serde(default)]
    reference: Option<String>,
}

/// The id of an event: what is stored to know a repeat.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct EventId(String);

impl TryFrom<String> for EventId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let sound = (1..=LONGEST_ID).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if sound { Ok(Self(text)) } else { Err("is no id of an event") }
    }
}

fn event_id() -> Object {
    schema::matching("^[A-Za-z0-9_-]+$", LONGEST_ID, "evt_1")
}

fn linked() -> Schema {
    let id = || ObjectBuilder::new().schema_type(Type::String);
    let either = OneOfBuilder::new()
        .description(Some("The payment intent's id, or the payment intent itself."))
        .item(id())
        .item(ObjectBuilder::new().schema_type(Type::Object).property("id", id()).required("id"))
        .item(ObjectBuilder::new().schema_type(Type::Null));
    Schema::OneOf(either.build())
}

/// Reads an event of the gateway's.
pub(crate) fn by_stripe(body: &[u8]) -> Result<Told, Problem> {
    let event: StripeEvent = read(body)?;
    let object = event.data.object;
    let order = object.metadata.and_then(|mut metadata| metadata.remove("order_id"));
    let own = object.id.filter(|_| object.object.as_deref() == Some("payment_intent"));
    let intent = own.or(object.payment_intent.map(|linked| linked.0));
    let subject = intent.and_then(|id| PaymentIntentId::parse(id).ok()).map(|intent| {
        Subject::Payment { intent, order: order.and_then(|id| OrderId::parse(id).ok()) }
    });
    let mode =
        event.livemode.map(|live| if live { ProviderMode::Live } else { ProviderMode::Test });
    Ok(Told { id: event.id.0, mode, subject })
}

/// Reads an event of the carrier's.
pub(crate) fn by_easypost(body: &[u8]) -> Result<Told, Problem> {
    let event: EasyPostEvent = read(body)?;
    let result = event.result;
    let own = result.id.filter(|_| result.object.as_deref() == Some("Shipment"));
    let shipment = own.or(result.shipment_id);
    let subject = shipment.and_then(|id| ShipmentId::parse(id).ok()).map(|shipment| {
        let order = result.reference.and_then(|id| OrderId::parse(id).ok());
        Subject::Shipment { shipment, order }
    });
    let mode = event.mode.map(|mode| match mode {
        EasyPostMode::Test => ProviderMode::Test,
        EasyPostMode::Production => ProviderMode::Live,
    });
    Ok(Told { id: event.id.0, mode, subject })
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let event = object(&mut reader).and_then(|event| reader.end().map(|()| event));
    // The reason is left out: it may quote the event.
    event.or(Err(Problem::new(Kind::Invalid, "the body is no event of this provider's")))
}

/// An object and nothing else: to serde a list may stand for a struct, too.
fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<T, D::Error> {
    let fields = Map::deserialize(from)?;
    T::deserialize(Value::Object(fields)).map_err(D::Error::custom)
}
