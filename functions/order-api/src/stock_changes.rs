//! `POST /inventory/{sku}/restock` adds stock and resumes the backorders that it can serve,
//! oldest first. `POST /inventory/{sku}/remove` takes away what a count did not find, or what
//! is damaged. Each does so once for each idempotency key of a caller.

use domain::backorders::BackorderResumer;
use domain::catalog::StockItem;
use domain::ports::{OrderList, StockChange, StockChangeResult};
use domain::{CustomerId, Sku};
use lambda_http::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{Api, Inventory, Orders, Workflow};
use crate::caller::{Caller, Scope};
use crate::event::{Request, Response};
use crate::problem::{Problem, ProblemKind};
use crate::request_body::JsonNode;
use crate::{decisions, idempotency_key, inventory, request_body, schema, validation};

/// The maximum quantity of one request.
const MAX_QUANTITY: u32 = 1_000_000;
/// The maximum length of a reason.
const MAX_REASON_LENGTH: usize = 200;
/// A request reads at most this many pages of 50 waiting orders. The reconciler
/// resumes the rest.
const MAX_PAGES: usize = 10;

/// A delivery of goods.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestockRequest {
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: u32,
}

/// Goods that are not there.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoveStockRequest {
    /// How many to remove, at most what is available.
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: u32,
    /// Why, for the audit history.
    #[schema(schema_with = schema::plain_text::<MAX_REASON_LENGTH>)]
    reason: String,
}

/// The stock after the delivery.
#[derive(Serialize, ToSchema)]
#[schema(as = RestockedItem)]
pub(crate) struct RestockResponse {
    #[schema(value_type = schema::SkuSchema)]
    sku: Sku,
    /// The quantity that can be reserved now.
    available: u64,
    /// The number of waiting orders that were resumed.
    resumed: u64,
}

/// The stock after goods were removed.
#[derive(Serialize, ToSchema)]
#[schema(as = ReducedItem)]
pub(crate) struct RemoveStockResponse {
    #[schema(value_type = schema::SkuSchema)]
    sku: Sku,
    /// The quantity that can be reserved now.
    available: u64,
    /// The quantity received in total, without what was removed.
    received: u64,
}

/// `POST /inventory/{sku}/restock`
pub(crate) async fn restock<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    sku: &str,
) -> Result<Response, Problem> {
    let (actor, sku, body) = authorized(request, sku)?;
    let RestockRequest { quantity } = validation::object(&body, |fields| {
        let quantity = fields.required("quantity", validation::integer_u32(1, MAX_QUANTITY))?;
        Ok(RestockRequest { quantity })
    })?;
    let item = change_stock(request, api, &actor, &sku, &StockChange::Restock, quantity).await?;
    let resumer =
        BackorderResumer { orders: &api.orders, stock: &api.inventory, workflow: &api.workflow };
    let waiting = OrderList::WaitingFor(sku.clone());
    let result = resumer.resume_backorders(&waiting, MAX_PAGES, request.at).await?;
    if let Some((_, error)) = result.failed.into_iter().next() {
        return Err(decisions::undelivered(error.detail));
    }
    let body = RestockResponse { sku, available: item.available, resumed: result.resumed.into() };
    Ok(Response::json(StatusCode::OK, &body))
}

/// `POST /inventory/{sku}/remove`
pub(crate) async fn remove<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    sku: &str,
) -> Result<Response, Problem> {
    let (actor, sku, body) = authorized(request, sku)?;
    let RemoveStockRequest { quantity, reason } = validation::object(&body, |fields| {
        let quantity = fields.required("quantity", validation::integer_u32(1, MAX_QUANTITY));
        let reason = fields.required("reason", validation::text(MAX_REASON_LENGTH));
        Ok(RemoveStockRequest { quantity: quantity?, reason: reason? })
    })?;
    let change = StockChange::Removal { reason };
    let item = change_stock(request, api, &actor, &sku, &change, quantity).await?;
    let body = RemoveStockResponse { sku, available: item.available, received: item.received };
    Ok(Response::json(StatusCode::OK, &body))
}

/// The caller, the SKU and the body of a request that changes stock.
fn authorized(request: &Request, sku: &str) -> Result<(CustomerId, Sku, JsonNode), Problem> {
    let caller = Caller::authorize(request, &[Scope::InventoryWrite])?;
    let sku = Sku::parse(sku).or(Err(Problem::not_found()))?;
    Ok((caller.id, sku, request_body::parse(request, None)?))
}

async fn change_stock<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    actor: &CustomerId,
    sku: &Sku,
    change: &StockChange,
    quantity: u32,
) -> Result<StockItem, Problem> {
    let key = idempotency_key::from_request(request)?;
    let stock = &api.inventory;
    match stock.change_stock(sku, change, quantity, key, actor.as_str(), request.at).await? {
        StockChangeResult::Changed(item) | StockChangeResult::Replayed(item) => Ok(item),
        StockChangeResult::UnknownSku => Err(Problem::not_found()),
        StockChangeResult::Contended => Err(inventory::contended()),
        StockChangeResult::NotAvailable => {
            let detail = "is more than is available: what orders hold cannot be removed";
            Err(Problem::with_field(ProblemKind::Conflict, "quantity", detail))
        }
        StockChangeResult::KeyReused => {
            let detail = "was used for another quantity: choose a new key for a new change";
            Err(idempotency_key::reused(detail))
        }
    }
}
