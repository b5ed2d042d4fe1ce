//! The operations, one function per route.

use domain::ports::WebhookContract;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{HttpMethod, Ref, RefOr, Required};

use super::operation::{HeaderText, OperationDoc};
use crate::api::WebhookSources;
use crate::board::BoardResponse;
use crate::caller::Scope;
use crate::cancel_order::CancelResponse;
use crate::etag;
use crate::idempotency_key;
use crate::inventory;
use crate::inventory::{CatalogResponse, ProductRequest, StockItemResponse};
use crate::list_orders::OrderPageResponse;
use crate::order_response::OrderResponse;
use crate::paging::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::place_order::PlaceOrderResponse;
use crate::place_order_request::PlaceOrderRequest;
use crate::problem::ProblemKind;
use crate::read_execution::ExecutionResponse;
use crate::resume_order::{ResumeRequest, ResumeResponse};
use crate::review_order::{ReviewRequest, ReviewResponse};
use crate::schema::{
    self, AttentionSchema, OrderIdSchema, SkuSchema, StatusSchema, TimestampSchema,
};
use crate::stock_changes::{
    RemoveStockRequest, RemoveStockResponse, RestockRequest, RestockResponse,
};
use crate::webhooks::ReceivedResponse;

/// The id of the order in `events/api/place-order.json`.
const ORDER_ID: &str = "ord_44a45315d0fc51c09623badfc0bb5cca";
/// A SKU in `events/stock.json`.
const SKU: &str = "MUG-01";
/// The header that tells one version of a response from another.
const ETAG: HeaderText<'static> =
    ("ETag", "The version of this response. Send it as `If-None-Match`.", etag::PATTERN);

/// Every operation.
pub(super) fn all(webhooks: &WebhookSources) -> Vec<OperationDoc> {
    let mut operations = vec![
        place_order(),
        read_board(),
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
        remove_stock(),
        read_document(),
    ];
    operations.extend(webhooks.iter().map(|(name, source)| webhook(name, source.contract())));
    operations
}

fn get(path: &str, id: &str, text: (&str, &str)) -> OperationDoc {
    OperationDoc::new(HttpMethod::Get, path, id, text)
}

fn post(path: &str, id: &str, text: (&str, &str)) -> OperationDoc {
    OperationDoc::new(HttpMethod::Post, path, id, text)
}

fn place_order() -> OperationDoc {
    let about = "The server sets the prices. The order id derives from the token's subject and \
                 the key: the same key and body return the same order with its current status; \
                 the same key with another body is refused. A customer may have a limited number \
                 of orders.";
    let location = ("Location", "The order.", "^/orders/ord_[0-9a-f]{32}$");
    post("/orders", "placeOrder", ("Place an order", about))
        .token(&[Scope::OrdersWrite])
        .header("Idempotency-Key", Required::True, KEY_ABOUT, key("sample-order"))
        .body::<PlaceOrderRequest>(sample_order())
        .response::<PlaceOrderResponse>("202", "The order is recorded and begins.", &[location])
        .problems(&[ProblemKind::UnsupportedMediaType, ProblemKind::TotalChanged])
        .problems(&[ProblemKind::IdempotencyKeyReused, ProblemKind::Unprocessable])
        .problems(&[ProblemKind::TooManyOrders])
}

fn read_board() -> OperationDoc {
    let about = "How many orders are in each state of the workflow, have each status, need \
                 attention, and were closed today (UTC).";
    get("/board", "readBoard", ("Count the orders", about))
        .token(&[Scope::OrdersOperate])
        .response::<BoardResponse>("200", "The numbers now.", &[ETAG])
        .not_modified()
}

fn list_orders() -> OperationDoc {
    let about = "With `orders/read`, the caller's own orders, newest first. With \
                 `orders/operate`, the orders that need attention, oldest first, or all open \
                 ones, newest first; with `status`, all orders with it: open ones newest \
                 first, closed ones of the last 31 days by the time at which they were closed.";
    let open = Schema::Object(schema::string_enum("", &["true"]));
    get("/orders", "listOrders", ("List orders", about))
        .token(&[Scope::OrdersRead, Scope::OrdersOperate])
        .query_parameter("status", "Only orders with this status.", reference::<StatusSchema>())
        .query_parameter("attention", "For operators.", reference::<AttentionSchema>())
        .query_parameter("open", "For operators.", open)
        .query_parameter("createdAfter", "Only later orders.", reference::<TimestampSchema>())
        .query_parameter("createdBefore", "Only earlier orders.", reference::<TimestampSchema>())
        .query_parameter("limit", LIMIT_ABOUT, limit())
        .query_parameter("cursor", CURSOR_ABOUT, cursor())
        .response::<OrderPageResponse<'_>>("200", "A page of the list.", &[ETAG])
        .not_modified()
}

fn read_order() -> OperationDoc {
    let about = "The caller's own order; any order with `orders/operate`. `actions` says what \
                 this caller may do with it now.";
    get("/orders/{orderId}", "readOrder", ("Read an order", about))
        .token(&[Scope::OrdersRead, Scope::OrdersOperate])
        .path_parameter::<OrderIdSchema>("orderId", ORDER_ID)
        .response::<OrderResponse<'_>>("200", "The current order.", &[ETAG])
        .not_modified()
        .problems(&[ProblemKind::NotFound])
}

fn read_execution() -> OperationDoc {
    let about = "The states that the order's executions have entered, read from their \
                 histories. An order that was restarted has several.";
    get("/orders/{orderId}/execution", "readExecution", ("Read an order's execution", about))
        .token(&[Scope::OrdersOperate])
        .path_parameter::<OrderIdSchema>("orderId", ORDER_ID)
        .response::<ExecutionResponse>("200", "The latest execution, and all.", &[ETAG])
        .not_modified()
        .problems(&[ProblemKind::NotFound])
}

fn cancel_order() -> OperationDoc {
    let about = "The caller's own order with `orders/write`; any order with `orders/operate`. \
                 Possible until the label is being bought. Finished steps are compensated.";
    post("/orders/{orderId}/cancel", "cancelOrder", ("Cancel an order", about))
        .token(&[Scope::OrdersWrite, Scope::OrdersOperate])
        .path_parameter::<OrderIdSchema>("orderId", ORDER_ID)
        .response::<CancelResponse>("202", "Recorded: the order will not ship.", &[])
        .problems(&[ProblemKind::NotFound, ProblemKind::Conflict])
}

fn review_order() -> OperationDoc {
    let about = "The first recorded decision counts. Operators do not review their own orders.";
    post("/orders/{orderId}/review", "reviewOrder", ("Decide an order under review", about))
        .token(&[Scope::OrdersOperate])
        .path_parameter::<OrderIdSchema>("orderId", ORDER_ID)
        .body::<ReviewRequest>(json!({"decision": "approve", "note": "Known customer."}))
        .response::<ReviewResponse>("200", "The decision is recorded.", &[])
        .problems(&[ProblemKind::UnsupportedMediaType, ProblemKind::NotFound])
        .problems(&[ProblemKind::Conflict])
}

fn resume_order() -> OperationDoc {
    let about = "`capture` requires reserved stock, a live label and no compensation; \
                 `compensate` of a captured order requires `refund`. `settle` requires `note` and \
                 `money` or `label`; where the provider does give an answer, that counts.";
    let example = json!({"action": "capture", "note": "The payment provider is back."});
    post("/orders/{orderId}/resume", "resumeOrder", ("Resume an order that is stuck", about))
        .token(&[Scope::OrdersOperate])
        .path_parameter::<OrderIdSchema>("orderId", ORDER_ID)
        .body::<ResumeRequest>(example)
        .response::<ResumeResponse>("200", "The decision is recorded.", &[])
        .problems(&[ProblemKind::UnsupportedMediaType, ProblemKind::NotFound])
        .problems(&[ProblemKind::Conflict])
}

fn list_inventory() -> OperationDoc {
    get("/inventory", "listInventory", ("List the products", "Page by page, in no order."))
        .token(&inventory::READERS)
        .query_parameter("cursor", CURSOR_ABOUT, cursor())
        .query_parameter("limit", LIMIT_ABOUT, limit())
        .response::<CatalogResponse<'_>>("200", "A page of the products.", &[])
}

fn read_inventory() -> OperationDoc {
    get("/inventory/{sku}", "readInventory", ("Read a product", "With its stock."))
        .token(&inventory::READERS)
        .path_parameter::<SkuSchema>("sku", SKU)
        .response::<StockItemResponse<'_>>("200", "The current product.", &[])
        .problems(&[ProblemKind::NotFound])
}

fn write_inventory() -> OperationDoc {
    let about = "Writes title, price and weight. `available` is for a new SKU only.";
    let price = json!({"amount": 1250, "currency": "USD"});
    let example = json!({"title": "Enamel mug", "unitPrice": price, "weightGrams": 350});
    let text = ("Write a product", about);
    OperationDoc::new(HttpMethod::Put, "/inventory/{sku}", "writeInventory", text)
        .token(&[Scope::InventoryWrite])
        .path_parameter::<SkuSchema>("sku", SKU)
        .body::<ProductRequest>(example)
        .response::<StockItemResponse<'_>>("200", "The current product.", &[])
        .problems(&[ProblemKind::UnsupportedMediaType, ProblemKind::Conflict])
}

fn restock_inventory() -> OperationDoc {
    let about = "Resumes the backorders that it can serve, oldest first.";
    post("/inventory/{sku}/restock", "restockInventory", ("Add stock", about))
        .token(&[Scope::InventoryWrite])
        .path_parameter::<SkuSchema>("sku", SKU)
        .header("Idempotency-Key", Required::True, KEY_ABOUT, key("sample-restock"))
        .body::<RestockRequest>(json!({"quantity": 10}))
        .response::<RestockResponse>("200", "The stock is added.", &[])
        .problems(&[ProblemKind::UnsupportedMediaType, ProblemKind::NotFound])
        .problems(&[ProblemKind::IdempotencyKeyReused])
}

fn remove_stock() -> OperationDoc {
    let about = "Takes away what a count did not find, or what is damaged: at most what is \
                 available. The audit history keeps the reason and the caller.";
    post("/inventory/{sku}/remove", "removeStock", ("Remove stock", about))
        .token(&[Scope::InventoryWrite])
        .path_parameter::<SkuSchema>("sku", SKU)
        .header("Idempotency-Key", Required::True, KEY_ABOUT, key("sample-removal"))
        .body::<RemoveStockRequest>(json!({"quantity": 2, "reason": "broken in the warehouse"}))
        .response::<RemoveStockResponse>("200", "The stock is removed.", &[])
        .problems(&[ProblemKind::UnsupportedMediaType, ProblemKind::NotFound])
        .problems(&[ProblemKind::IdempotencyKeyReused, ProblemKind::Conflict])
}

fn webhook(name: &str, contract: WebhookContract) -> OperationDoc {
    let WebhookContract { provider, signature_header, signature_description, .. } = contract;
    let summary = format!("Receive an event from {provider}");
    let about = "The event makes the reconciler ask the provider for the current state. A \
                 repeated event, an event of the other mode and one about no order of ours \
                 change nothing.";
    let (path, id) = (format!("/webhooks/{name}"), format!("{name}Webhook"));
    let signature = pattern(contract.signature_pattern);
    post(&path, &id, (&summary, about))
        .header(signature_header, Required::True, signature_description, signature)
        .body_of_schema(&format!("{provider}Event"), contract.event_schema, contract.event_example)
        .response::<ReceivedResponse>("200", "The event need not be sent again.", &[])
        .problems(&[ProblemKind::BadSignature])
}

fn read_document() -> OperationDoc {
    get("/openapi.json", "readDocument", ("Read this document", "It requires no token."))
        .response::<DocumentSchema>("200", "This document.", &[])
}

/// This document, as far as it describes itself.
#[derive(ToSchema)]
#[schema(as = Document)]
#[expect(dead_code, reason = "utoipa writes it; the document describes it")]
struct DocumentSchema {
    /// The version of OpenAPI.
    #[schema(pattern = r"^3\.1\.")]
    openapi: String,
}

fn reference<T: ToSchema>() -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(T::name()))
}

const LIMIT_ABOUT: &str = "The page size.";
const CURSOR_ABOUT: &str = "The `nextCursor` of the previous page of the same list.";

fn limit() -> Schema {
    let limit = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1_u32))
        .maximum(Some(MAX_LIMIT))
        .default(Some(json!(DEFAULT_LIMIT)));
    Schema::Object(limit.build())
}

fn cursor() -> Schema {
    Schema::Object(pattern("^[A-Za-z0-9_-]+$"))
}

fn pattern(pattern: &str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build()
}

const KEY_ABOUT: &str = "The same key for each repetition of the request.";

fn key(example: &str) -> Object {
    schema::matching("^[!-~]([ -~]*[!-~])?$", idempotency_key::MAX_LENGTH, example)
}

/// The order in `events/api/place-order.json`.
fn sample_order() -> Value {
    json!({
        "customer": {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+14155550123"},
        "shippingAddress": {"street1": "388 Townsend St", "street2": "Apt 20",
            "city": "San Francisco", "state": "CA", "postalCode": "94107", "country": "US"},
        "items": [{"sku": "MUG-01", "quantity": 2}, {"sku": "TEE-01", "quantity": 1}],
        "paymentMethod": "pm_card_visa",
        "shippingService": "standard",
    })
}
