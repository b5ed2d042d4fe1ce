//! `GET /inventory`, `GET` and `PUT /inventory/{sku}`: what is sold, and how
//! many there are.

use domain::catalog::StockItem;
use domain::ports::{AddProductResult, NewProduct};
use domain::{Money, Sku};
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::{Caller, Scope};
use crate::event::{Reply, Request};
use crate::problem::{Kind, Problem};
use crate::{Api, Inventory, Orders, Workflow, body, form, schema};

/// The heaviest thing that is sold, in grams: a metric ton.
const HEAVIEST: u32 = 1_000_000;
/// The most that a shelf begins with.
const MOST_STOCK: u64 = 1_000_000_000;
/// The longest title.
const LONGEST_TITLE: usize = 200;

/// What is to be sold under a SKU.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewProduct)]
pub(crate) struct ItemBody {
    #[schema(schema_with = schema::plain::<LONGEST_TITLE>)]
    title: String,
    /// The price of one.
    #[schema(value_type = schema::PriceObject)]
    unit_price: Money,
    #[schema(minimum = 1, maximum = 1_000_000)]
    weight_grams: u32,
    /// How many there are to begin with; only when the SKU is new.
    #[schema(nullable = false, minimum = 0, maximum = 1_000_000_000)]
    available: Option<u64>,
}

/// What is sold under a SKU, and how many there are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Item)]
pub(crate) struct ItemView<'a> {
    #[schema(value_type = schema::SkuText)]
    sku: &'a Sku,
    title: &'a str,
    #[schema(value_type = schema::MoneyObject)]
    unit_price: Money,
    weight_grams: u32,
    /// How many can be reserved now.
    available: u64,
    /// How many were ever put on the shelf.
    received: u64,
}

/// Everything that is sold.
#[derive(Serialize, ToSchema)]
#[schema(as = Catalogue)]
pub(crate) struct CatalogueView<'a> {
    /// Sorted by SKU.
    items: Vec<ItemView<'a>>,
}

/// `GET /inventory`
pub(crate) async fn list<O: Orders, I: Inventory, W: Workflow>(
    request: &Request,
    api: &Api<O, I, W>,
) -> Result<Reply, Problem> {
    Caller::of(request)?;
    let items = api.inventory.all().await?;
    Ok(Reply::json(200, &CatalogueView { items: items.iter().map(view).collect() }))
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
    let wanted = form::read(&body, |form| {
        let title = form.required("title", form::text(LONGEST_TITLE));
        let unit_price = form.object("unitPrice", form::money(&api.currencies));
        let weight = form.required("weightGrams", form::whole(1, HEAVIEST.into()));
        let available = form.optional("available", form::whole(0, MOST_STOCK));
        Some(ItemBody {
            title: title?,
            unit_price: unit_price?,
            weight_grams: u32::try_from(weight?).unwrap_or(HEAVIEST),
            available: available?,
        })
    })?;
    let ItemBody { title, unit_price, weight_grams, available } = wanted;
    let listing = NewProduct { sku, title, unit_price, weight_grams, available };
    match api.inventory.add_product(&listing).await? {
        AddProductResult::Added(item) => Ok(Reply::json(200, &view(&item))),
        AddProductResult::AlreadyExists => {
            let detail = "is only for a new SKU; restock one that is on record";
            Err(Problem::field(Kind::Conflict, "available", detail))
        }
    }
}

fn view(item: &StockItem) -> ItemView<'_> {
    ItemView {
        sku: &item.sku,
        title: &item.title,
        unit_price: item.unit_price,
        weight_grams: item.weight_grams,
        available: item.available,
        received: item.received,
    }
}
