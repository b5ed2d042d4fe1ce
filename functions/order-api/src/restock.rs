//! `POST /inventory/{sku}/restock`: goods come in, and the orders that wait for
//! them are woken, oldest first, only as many as can be served.

use domain::Sku;
use domain::backorders::BackorderResumer;
use domain::ports::{OrderList, RestockResult};
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::{Caller, Scope};
use crate::event::{Reply, Request};
use crate::problem::{Kind, Problem};
use crate::{Api, Inventory, Orders, Workflow, answers, body, form, orders, schema};

/// The most that comes in at once.
const MOST_GOODS: u64 = 1_000_000;
/// A restock looks at no more than this many pages of 50 orders that wait; the
/// reconciler wakes the rest.
const PAGES: usize = 10;

/// What comes in.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Restock)]
pub(crate) struct RestockBody {
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: u32,
}

/// What is there now.
#[derive(Serialize, ToSchema)]
#[schema(as = RestockedItem)]
pub(crate) struct RestockView {
    #[schema(value_type = schema::SkuText)]
    sku: Sku,
    /// How many can be reserved now.
    available: u64,
    /// How many orders that waited for it were woken.
    resumed: u64,
}

/// Puts the goods on the shelf, once for each key, and wakes who waits.
pub(crate) async fn restock<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    sku: &str,
) -> Result<Reply, Problem> {
    Caller::with(request, &[Scope::InventoryWrite])?;
    let sku = Sku::parse(sku).or(Err(Problem::not_found()))?;
    let key = orders::idempotency_key(request)?;
    let body = body::read(request, None)?;
    let RestockBody { quantity } = form::read(&body, |form| {
        let quantity = form.required("quantity", form::whole(1, MOST_GOODS))?;
        Some(RestockBody { quantity: u32::try_from(quantity).unwrap_or(u32::MAX) })
    })?;
    let item = match api.inventory.restock(&sku, quantity, key, request.at).await? {
        RestockResult::Restocked(item) | RestockResult::Replayed(item) => item,
        RestockResult::UnknownSku => return Err(Problem::not_found()),
        RestockResult::Contended => {
            let detail = "somebody else is at this shelf; send the request again";
            return Err(Problem::unavailable(detail, "contended"));
        }
        RestockResult::KeyReused => {
            let detail = "was used for another quantity; choose a new key for a new restock";
            return Err(Problem::field(Kind::KeyReused, "Idempotency-Key", detail));
        }
    };
    let waking =
        BackorderResumer { orders: &api.orders, stock: &api.inventory, workflow: &api.workflow };
    let woken =
        waking.resume_backorders(&OrderList::WaitingFor(sku.clone()), PAGES, request.at).await?;
    if let Some((_, failure)) = woken.failed.into_iter().next() {
        return Err(answers::undelivered(failure.detail));
    }
    let answer = RestockView { sku, available: item.available, resumed: woken.resumed.into() };
    Ok(Reply::json(200, &answer))
}
