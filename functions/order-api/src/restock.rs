//! `POST /inventory/{sku}/restock`: adds stock, once for each idempotency key, and
//! resumes the backorders that it can serve, oldest first.

use domain::Sku;
use domain::backorders::BackorderResumer;
use domain::ports::{OrderList, RestockResult};
use lambda_http::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{Api, Inventory, Orders, Workflow};
use crate::caller::{Caller, Scope};
use crate::event::{Request, Response};
use crate::problem::Problem;
use crate::{decisions, idempotency_key, inventory, request_body, schema, validation};

/// The maximum quantity of one restock.
const MAX_QUANTITY: u32 = 1_000_000;
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

/// `POST /inventory/{sku}/restock`
pub(crate) async fn restock<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    sku: &str,
) -> Result<Response, Problem> {
    let caller = Caller::authorize(request, &[Scope::InventoryWrite])?;
    let sku = Sku::parse(sku).or(Err(Problem::not_found()))?;
    let key = idempotency_key::from_request(request)?;
    let body = request_body::parse(request, None)?;
    let RestockRequest { quantity } = validation::object(&body, |fields| {
        let quantity = fields.required("quantity", validation::integer_u32(1, MAX_QUANTITY))?;
        Ok(RestockRequest { quantity })
    })?;
    let actor = caller.id.as_str();
    let item = match api.inventory.restock(&sku, quantity, key, actor, request.at).await? {
        RestockResult::Restocked(item) | RestockResult::Replayed(item) => item,
        RestockResult::UnknownSku => return Err(Problem::not_found()),
        RestockResult::Contended => {
            return Err(inventory::contended());
        }
        RestockResult::KeyReused => {
            let detail = "was used for another quantity: choose a new key for a new restock";
            return Err(idempotency_key::reused(detail));
        }
    };
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
