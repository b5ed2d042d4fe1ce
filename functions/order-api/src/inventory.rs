//! `GET /inventory`, `GET` and `PUT /inventory/{sku}`: what is sold, and how
//! many there are.

use domain::Sku;
use domain::catalogue::StockItem;
use domain::ports::{Listed, Listing};
use serde_json::{Value, json};

use crate::caller::{Caller, Scope};
use crate::event::{Reply, Request};
use crate::problem::{Kind, Problem};
use crate::{Api, Inventory, Orders, Workflow, body, form};

/// The heaviest thing that is sold, in grams: a metric ton.
const HEAVIEST: u32 = 1_000_000;
/// The most that a shelf begins with.
const MOST_STOCK: u64 = 1_000_000_000;

/// `GET /inventory`
pub(crate) async fn list<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
) -> Result<Reply, Problem> {
    Caller::of(request)?;
    let items: Vec<_> = api.inventory.all().await?.iter().map(view).collect();
    Ok(Reply::json(200, &json!({ "items": items })))
}

/// `GET /inventory/{sku}`
pub(crate) async fn show<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    sku: &str,
) -> Result<Reply, Problem> {
    Caller::of(request)?;
    let sku = Sku::parse(sku).or(Err(Problem::not_found()))?;
    let items = api.inventory.items(&[sku]).await?;
    let item = items.first().ok_or_else(Problem::not_found)?;
    Ok(Reply::json(200, &view(item)))
}

/// `PUT /inventory/{sku}`
pub(crate) async fn put<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
    sku: &str,
) -> Result<Reply, Problem> {
    Caller::with(request, &[Scope::InventoryWrite])?;
    let sku =
        Sku::parse(sku).map_err(|error| Problem::field(Kind::Invalid, "sku", error.to_string()))?;
    let body = body::read(request, None)?;
    let listing = form::read(&body, |form| {
        let title = form.required("title", form::text(200));
        let unit_price = form.object("unitPrice", form::money(&api.currencies));
        let weight = form.required("weightGrams", form::whole(1, HEAVIEST.into()));
        let available = form.optional("available", form::whole(0, MOST_STOCK));
        Some(Listing {
            sku,
            title: title?,
            unit_price: unit_price?,
            weight_grams: u32::try_from(weight?).unwrap_or(HEAVIEST),
            available: available?,
        })
    })?;
    match api.inventory.list(&listing).await? {
        Listed::Done(item) => Ok(Reply::json(200, &view(&item))),
        Listed::ExistsAlready => {
            let detail = "is only for a new SKU; restock one that is on record";
            Err(Problem::field(Kind::Conflict, "available", detail))
        }
    }
}

fn view(item: &StockItem) -> Value {
    json!({
        "sku": item.sku,
        "title": item.title,
        "unitPrice": item.unit_price,
        "weightGrams": item.weight_grams,
        "available": item.available,
        "received": item.received,
    })
}
