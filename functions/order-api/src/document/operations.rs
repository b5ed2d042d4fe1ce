//! Every operation, one entry a route.

use std::sync::Arc;

use domain::ports::WebhookSource;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{HttpMethod, Ref, RefOr};

use super::operation::Described;
use crate::caller::Scope;
use crate::cancel::CancelView;
use crate::execution::RunView;
use crate::inventory::{CatalogueView, ItemBody, ItemView};
use crate::listing::{self, PageView};
use crate::orders::{LONGEST_KEY, PlacedView, wanted::Wanted};
use crate::problem::Kind;
use crate::restock::{RestockBody, RestockView};
use crate::resume::{ResumeBody, ResumeView};
use crate::review::{ReviewBody, ReviewView};
use crate::schema::{self, AttentionWord, OrderIdText, SkuText, StatusWord};
use crate::view::OrderView;
use crate::webhooks::{ReceivedView, WebhookSources};

/// The order that the sample request places.
const AN_ORDER: &str = "ord_44a45315d0fc51c09623badfc0bb5cca";
/// What `events/stock.json` puts on the shelves.
const A_SKU: &str = "MUG-01";
/// The version of an order.
const ETAG: &str = "^\"[0-9]+\"$";

/// All of them.
pub(super) fn all(webhooks: &WebhookSources) -> Vec<Described> {
    let mut operations = vec![
        place_order(),
        list_orders(),
        read_order(),
        read_execution(),
        cancel_order(),
        review_order(),
        resume_order(),
        list_inventory(),
        read_inventory(),
        write_inventory(),
        restock_inventory(),
        read_document(),
    ];
    operations.extend(webhooks.iter().map(webhook));
    operations
}

fn get(path: &'static str, id: &str, text: (&str, &str)) -> Described {
    Described::new(HttpMethod::Get, path, id, text)
}

fn post(path: &'static str, id: &str, text: (&str, &str)) -> Described {
    Described::new(HttpMethod::Post, path, id, text)
}

fn place_order() -> Described {
    let about = "The server prices what is asked for. The order's id follows from the token's \
                 subject and the key: the same key and body again is the same order, with its \
                 status of now; the same key with another body is refused.";
    let location = ("Location", "The order.", "^/orders/ord_[0-9a-f]{32}$");
    post("/orders", "placeOrder", ("Place an order", about))
        .takes_token(&[Scope::OrdersWrite])
        .takes_header("Idempotency-Key", true, "The same for each repeat.", key("sample-order"))
        .takes_body::<Wanted>(sample())
        .answers::<PlacedView>("202", "The order is on record and begins.", &[location])
        .refuses(&[Kind::UnsupportedMediaType, Kind::TotalChanged])
        .refuses(&[Kind::KeyReused, Kind::Unprocessable])
}

fn list_orders() -> Described {
    let about = "Own orders with `orders/read`, newest first. With `orders/operate` those that \
                 need attention, or that are open, oldest first.";
    let limit = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1_u32))
        .maximum(Some(listing::MOST))
        .default(Some(json!(listing::USUAL)));
    let cursor = "What the page before gave as `nextCursor`, for the same list.";
    get("/orders", "listOrders", ("List orders", about))
        .takes_token(&[Scope::OrdersRead, Scope::OrdersOperate])
        .takes_query("status", "Only orders of this status.", reference::<StatusWord>())
        .takes_query("attention", "For operators.", reference::<AttentionWord>())
        .takes_query("open", "For operators.", Schema::Object(schema::words("", &["true"])))
        .takes_query("limit", "Orders of a page.", Schema::Object(limit.build()))
        .takes_query("cursor", cursor, Schema::Object(pattern("^[A-Za-z0-9_-]+$")))
        .answers::<PageView<'_>>("200", "A page of the list.", &[])
        .refuses(&[Kind::Invalid])
}

fn read_order() -> Described {
    let about = "A customer's own; with `orders/operate` anybody's.";
    let etag = ("ETag", "The version of the order.", ETAG);
    get("/orders/{orderId}", "readOrder", ("Read an order", about))
        .takes_token(&[Scope::OrdersRead, Scope::OrdersOperate])
        .takes_path::<OrderIdText>("orderId", AN_ORDER)
        .takes_header("If-None-Match", false, "Versions that you have.", any_text())
        .answers::<OrderView<'_>>("200", "The order as it is now.", &[etag])
        .answers_nothing("304", "You have this version already.", ETAG)
        .refuses(&[Kind::NotFound])
}

fn read_execution() -> Described {
    let about = "The states that the order's execution has been in, read from its history.";
    get("/orders/{orderId}/execution", "readExecution", ("Read an order's execution", about))
        .takes_token(&[Scope::OrdersOperate])
        .takes_path::<OrderIdText>("orderId", AN_ORDER)
        .answers::<RunView>("200", "The execution that owns the order.", &[])
        .refuses(&[Kind::NotFound])
}

fn cancel_order() -> Described {
    let about = "Possible until the carrier is asked for the label. What was begun is undone.";
    post("/orders/{orderId}/cancel", "cancelOrder", ("Cancel an order", about))
        .takes_token(&[Scope::OrdersWrite])
        .takes_path::<OrderIdText>("orderId", AN_ORDER)
        .answers::<CancelView>("202", "It is on record, and will not be shipped.", &[])
        .refuses(&[Kind::NotFound, Kind::Conflict])
}

fn review_order() -> Described {
    let about = "Once: the first decision on record counts.";
    post("/orders/{orderId}/review", "reviewOrder", ("Decide an order under review", about))
        .takes_token(&[Scope::OrdersOperate])
        .takes_path::<OrderIdText>("orderId", AN_ORDER)
        .takes_body::<ReviewBody>(json!({"decision": "approve", "note": "Known customer."}))
        .answers::<ReviewView>("200", "The decision is on record.", &[])
        .refuses(&[Kind::UnsupportedMediaType, Kind::NotFound, Kind::Conflict])
}

fn resume_order() -> Described {
    let about = "Where the facts forbid an action, it is refused: `capture` needs stock, a live \
                 label and no compensation; `compensate` of a captured order needs `refund`.";
    post("/orders/{orderId}/resume", "resumeOrder", ("Decide an order that is stuck", about))
        .takes_token(&[Scope::OrdersOperate])
        .takes_path::<OrderIdText>("orderId", AN_ORDER)
        .takes_body::<ResumeBody>(json!({"action": "capture", "note": "The gateway is back."}))
        .answers::<ResumeView>("200", "The decision is on record.", &[])
        .refuses(&[Kind::UnsupportedMediaType, Kind::NotFound, Kind::Conflict])
}

fn list_inventory() -> Described {
    get("/inventory", "listInventory", ("List what is sold", "Sorted by SKU."))
        .takes_token(&[])
        .answers::<CatalogueView<'_>>("200", "Everything that is sold.", &[])
}

fn read_inventory() -> Described {
    get("/inventory/{sku}", "readInventory", ("Read what is sold under a SKU", "And how many."))
        .takes_token(&[])
        .takes_path::<SkuText>("sku", A_SKU)
        .answers::<ItemView<'_>>("200", "The item as it is now.", &[])
        .refuses(&[Kind::NotFound])
}

fn write_inventory() -> Described {
    let about = "Writes title, price and weight. `available` is for a new SKU only.";
    let price = json!({"amount": 1250, "currency": "USD"});
    let example = json!({"title": "Enamel mug", "unitPrice": price, "weightGrams": 350});
    Described::new(HttpMethod::Put, "/inventory/{sku}", "writeInventory", ("Write an item", about))
        .takes_token(&[Scope::InventoryWrite])
        .takes_path::<SkuText>("sku", A_SKU)
        .takes_body::<ItemBody>(example)
        .answers::<ItemView<'_>>("200", "The item as it is now.", &[])
        .refuses(&[Kind::UnsupportedMediaType, Kind::Conflict])
}

fn restock_inventory() -> Described {
    let about = "Wakes the orders that wait for it, oldest first, as many as it can serve.";
    post("/inventory/{sku}/restock", "restockInventory", ("Put goods on a shelf", about))
        .takes_token(&[Scope::InventoryWrite])
        .takes_path::<SkuText>("sku", A_SKU)
        .takes_header("Idempotency-Key", true, "The same for each repeat.", key("sample-restock"))
        .takes_body::<RestockBody>(json!({"quantity": 10}))
        .answers::<RestockView>("200", "The goods are there.", &[])
        .refuses(&[Kind::UnsupportedMediaType, Kind::NotFound, Kind::KeyReused])
}

/// The webhook of one provider, from the provider's own contract.
fn webhook((name, source): (&&'static str, &Arc<dyn WebhookSource>)) -> Described {
    let contract = source.contract();
    let summary = format!("Receive an event of {}", contract.provider);
    let about = "The event only makes the reconciler ask the provider for the truth. A repeated \
                 event, one about no order of ours and one of the other mode change nothing.";
    let body = (format!("{}Event", contract.provider), contract.event_schema);
    let id = format!("{name}Webhook");
    Described::new(HttpMethod::Post, format!("/webhooks/{name}"), &id, (&summary, about))
        .takes_header(
            contract.signature_header,
            true,
            contract.signature_description,
            pattern(contract.signature_pattern),
        )
        .takes_body_of(body, contract.event_example)
        .answers::<ReceivedView>("200", "There is no need to send it again.", &[])
        .refuses(&[Kind::BadSignature])
}

fn read_document() -> Described {
    get("/openapi.json", "readDocument", ("Read this document", "It needs no token."))
        .answers::<DocumentText>("200", "This document.", &[])
}

/// This document, as far as it describes itself.
#[derive(ToSchema)]
#[schema(as = Document)]
#[expect(dead_code, reason = "the crate of the document writes it, and it is described here")]
struct DocumentText {
    /// The version of OpenAPI.
    #[schema(pattern = r"^3\.1\.")]
    openapi: String,
}

fn reference<T: ToSchema>() -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(T::name()))
}

fn pattern(pattern: &str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build()
}

fn any_text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}

fn key(example: &str) -> Object {
    schema::matching("^[!-~]([ -~]*[!-~])?$", LONGEST_KEY, example)
}

/// The order of `events/api/place-order.json`.
fn sample() -> Value {
    json!({
        "customer": {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+14155550123"},
        "shippingAddress": {"street1": "388 Townsend St", "street2": "Apt 20",
            "city": "San Francisco", "state": "CA", "postalCode": "94107", "country": "US"},
        "items": [{"sku": "MUG-01", "quantity": 2}, {"sku": "TEE-01", "quantity": 1}],
        "paymentMethod": "pm_card_visa",
        "shippingService": "standard",
    })
}
