//! `GET /inventory`, `GET` and `PUT /inventory/{sku}`: the products and their stock.

use domain::audit::AuditEntry;
use domain::catalog::StockItem;
use domain::ports::{AddProductResult, NewProduct};
use domain::{Money, Sku};
use lambda_http::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{Api, Inventory, Orders, Workflow};
use crate::audit::{self, AuditEntryResponse};
use crate::caller::{Caller, Scope};
use crate::event::{Request, Response};
use crate::problem::{Problem, ProblemKind};
use crate::{paging, request_body, schema, validation};

/// The maximum weight of a product in grams: a metric ton.
const MAX_WEIGHT_GRAMS: u32 = 1_000_000;
/// The maximum opening stock.
const MAX_OPENING_STOCK: u64 = 1_000_000_000;
/// The maximum length of a title.
const MAX_TITLE_LENGTH: usize = 200;

/// A product to sell under a SKU.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProductRequest {
    #[schema(schema_with = schema::plain_text::<MAX_TITLE_LENGTH>)]
    title: String,
    /// The unit price.
    #[schema(value_type = schema::PriceSchema)]
    unit_price: Money,
    #[schema(minimum = 1, maximum = 1_000_000)]
    weight_grams: u32,
    /// The opening stock; only for a new SKU.
    #[schema(nullable = false, minimum = 0, maximum = 1_000_000_000)]
    available: Option<u64>,
}

/// A product and its stock.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StockItem)]
pub(crate) struct StockItemResponse<'a> {
    #[schema(value_type = schema::SkuSchema)]
    sku: &'a Sku,
    title: &'a str,
    #[schema(value_type = schema::MoneySchema)]
    unit_price: Money,
    weight_grams: u32,
    /// The quantity that can be reserved now.
    available: u64,
    /// The quantity received in total. Only for callers who may write the inventory.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    received: Option<u64>,
    /// The latest 100 changes, the oldest first. Only with `inventory/write`, and only for
    /// one product.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    audit: Option<Vec<AuditEntryResponse<'a>>>,
    /// The quantity that orders have taken: those that hold it, and those that were
    /// shipped. Only for callers who may write the inventory.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reserved: Option<u64>,
}

/// A page of the products.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Catalog)]
pub(crate) struct CatalogResponse<'a> {
    /// In no order. Every product is on one page.
    items: Vec<StockItemResponse<'a>>,
    /// The `cursor` of the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^[A-Za-z0-9_-]+$")]
    next_cursor: Option<String>,
}

/// The query parameters of `GET /inventory`.
pub(crate) const PARAMETERS: [&str; 2] = ["cursor", "limit"];
/// Who may read the catalog.
pub(crate) const READERS: [Scope; 2] = [Scope::OrdersRead, Scope::InventoryWrite];

/// `GET /inventory`
pub(crate) async fn list<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
) -> Result<Response, Problem> {
    let caller = Caller::authorize(request, &READERS)?;
    let limit = usize::try_from(paging::parse_limit(request)?).unwrap_or(usize::MAX);
    let after = paging::parse_cursor(request, |bytes| {
        String::from_utf8(bytes.to_vec()).ok().filter(|name| !name.is_empty())
    })?;
    let page = api.inventory.page(after.as_deref(), limit).await?;
    let items = page.items.iter().map(|item| stock_item(item, &caller, None)).collect();
    let next_cursor = page.next.as_deref().map(paging::encode_cursor);
    let body = CatalogResponse { items, next_cursor };
    Ok(Response::json(StatusCode::OK, &body))
}

/// `GET /inventory/{sku}`
pub(crate) async fn read<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    sku: &str,
) -> Result<Response, Problem> {
    let caller = Caller::authorize(request, &READERS)?;
    let sku = Sku::parse(sku).or(Err(Problem::not_found()))?;
    let items = api.inventory.items(std::slice::from_ref(&sku)).await?;
    let item = items.first().ok_or_else(Problem::not_found)?;
    let history = if caller.has(Scope::InventoryWrite) {
        Some(api.inventory.product_audit(&sku).await?)
    } else {
        None
    };
    Ok(Response::json(StatusCode::OK, &stock_item(item, &caller, history.as_deref())))
}

/// `PUT /inventory/{sku}`
pub(crate) async fn write<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    sku: &str,
) -> Result<Response, Problem> {
    let caller = Caller::authorize(request, &[Scope::InventoryWrite])?;
    let sku = Sku::parse(sku).map_err(|error| {
        Problem::with_field(ProblemKind::InvalidRequest, "sku", error.to_string())
    })?;
    let body = request_body::parse(request, None)?;
    let currencies = api.settings.currencies().await?;
    let product = validation::object(&body, |fields| {
        let title = fields.required("title", validation::text(MAX_TITLE_LENGTH));
        let unit_price = fields.object("unitPrice", validation::money(&currencies));
        let weight_grams =
            fields.required("weightGrams", validation::integer_u32(1, MAX_WEIGHT_GRAMS));
        let available = fields.optional("available", validation::integer(0, MAX_OPENING_STOCK));
        Ok(ProductRequest {
            title: title?,
            unit_price: unit_price?,
            weight_grams: weight_grams?,
            available: available?,
        })
    })?;
    let ProductRequest { title, unit_price, weight_grams, available } = product;
    let product = NewProduct { sku, title, unit_price, weight_grams, available };
    match api.inventory.add_product(&product, caller.id.as_str(), request.at).await? {
        AddProductResult::Added(item) => {
            Ok(Response::json(StatusCode::OK, &stock_item(&item, &caller, None)))
        }
        AddProductResult::Contended => Err(contended()),
        AddProductResult::AlreadyExists => {
            let detail = "is only for a new SKU: restock an existing one";
            Err(Problem::with_field(ProblemKind::Conflict, "available", detail))
        }
    }
}

/// Another request writes the same SKU.
pub(crate) fn contended() -> Problem {
    let detail = "this SKU is being written by another request: send the request again";
    Problem::unavailable(detail, "contended")
}

fn stock_item<'a>(
    item: &'a StockItem,
    caller: &Caller,
    history: Option<&'a [AuditEntry]>,
) -> StockItemResponse<'a> {
    let may_write = caller.has(Scope::InventoryWrite);
    let reserved = item.received.saturating_sub(item.available);
    StockItemResponse {
        sku: &item.sku,
        title: &item.title,
        unit_price: item.unit_price,
        weight_grams: item.weight_grams,
        available: item.available,
        received: may_write.then_some(item.received),
        audit: history.map(audit::entries),
        reserved: may_write.then_some(reserved),
    }
}
