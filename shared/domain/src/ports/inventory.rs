//! Ports of the Inventory table.

use std::future::Future;

use super::orders::StoreUnavailable;
use crate::audit::AuditEntry;
use crate::catalog::StockItem;
use crate::stock::Shortage;
use crate::{Order, Sku, Timestamp};

/// The result of reserving stock.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum ReserveResult {
    /// Every line is reserved and the reservation is on the order.
    Reserved,
    /// Nothing was reserved: these SKUs are short.
    OutOfStock(Vec<Shortage>),
    /// Nothing was reserved: the order changed since it was read.
    OrderConflict,
    /// Nothing was reserved: another write of the same SKU was under way.
    Contended,
}

/// Reserves stock (`dynamodb:UpdateItem` on both tables, in one
/// transaction).
pub trait ReserveStock: Sync {
    /// Reserves what `after.reservation` says and writes the order, or does neither.
    fn reserve(
        &self,
        before: &Order,
        after: &Order,
    ) -> impl Future<Output = Result<ReserveResult, StoreUnavailable>> + Send;
}

/// The result of releasing stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum ReleaseResult {
    /// Every line is released and the order says so.
    Released,
    /// Nothing was released: the order changed since it was read.
    OrderConflict,
    /// Nothing was released: another write of the same SKU was under way.
    Contended,
}

/// Releases stock (`dynamodb:UpdateItem` on both tables, in
/// one transaction).
pub trait ReleaseStock: Sync {
    /// Releases what `before.reservation` says and writes the order, or does neither.
    fn release(
        &self,
        before: &Order,
        after: &Order,
    ) -> impl Future<Output = Result<ReleaseResult, StoreUnavailable>> + Send;
}

/// Reads the catalog (`dynamodb:BatchGetItem` and `dynamodb:Scan` on Inventory).
pub trait ReadCatalog: Sync {
    /// The products with these SKUs that exist, in any order.
    fn items(
        &self,
        skus: &[Sku],
    ) -> impl Future<Output = Result<Vec<StockItem>, StoreUnavailable>> + Send;

    /// A page of the products, in no order: at most `limit` of them, starting after `after`.
    /// Every product is on one page.
    fn page(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = Result<CatalogPage, StoreUnavailable>> + Send;
}

/// A page of the products.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CatalogPage {
    /// The products.
    pub items: Vec<StockItem>,
    /// Where the next page starts, if there is one.
    pub next: Option<String>,
}

/// The result of writing a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddProductResult {
    /// It is stored, as this.
    Added(StockItem),
    /// An initial stock was given for a SKU that exists already.
    AlreadyExists,
    /// Another write of the same SKU was under way.
    Contended,
}

/// A product to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProduct {
    /// The SKU.
    pub sku: Sku,
    /// The title.
    pub title: String,
    /// The price per unit.
    pub unit_price: crate::Money,
    /// The weight per unit, in grams.
    pub weight_grams: u32,
    /// The initial stock; only for a new SKU.
    pub available: Option<u64>,
}

/// Writes the catalog (`dynamodb:BatchGetItem`, and in one transaction
/// `dynamodb:UpdateItem` and `dynamodb:PutItem` on Inventory).
pub trait WriteCatalog: Sync {
    /// Writes title, price and weight, and the entry of the audit history, or does neither;
    /// the initial stock only if the SKU is new. Writes nothing if nothing changes.
    fn add_product(
        &self,
        product: &NewProduct,
        actor: &str,
        at: Timestamp,
    ) -> impl Future<Output = Result<AddProductResult, StoreUnavailable>> + Send;
}

/// A change of the stock of a product by a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockChange {
    /// Goods came in.
    Restock,
    /// Goods are not there: a count found fewer, or they were damaged.
    Removal {
        /// Why, in the person's words.
        reason: String,
    },
}

/// The result of a change of stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockChangeResult {
    /// The stock was changed; this is the product now.
    Changed(StockItem),
    /// The same request changed it before; this is the product now.
    Replayed(StockItem),
    /// The caller used the idempotency key for another quantity.
    KeyReused,
    /// Less than the quantity is available; nothing was removed.
    NotAvailable,
    /// The catalog has no such SKU.
    UnknownSku,
    /// Another write of the same SKU was under way.
    Contended,
}

/// Changes the stock of a product (`dynamodb:BatchGetItem`, and in one transaction
/// `dynamodb:UpdateItem` and `dynamodb:PutItem` on Inventory).
pub trait ChangeStock: Sync {
    /// Adds or removes a quantity, once for each idempotency key of an actor, and the entry of
    /// the audit history. `available` and `received` change by the same quantity.
    fn change_stock(
        &self,
        sku: &Sku,
        change: &StockChange,
        quantity: u32,
        key: &str,
        actor: &str,
        at: Timestamp,
    ) -> impl Future<Output = Result<StockChangeResult, StoreUnavailable>> + Send;
}

/// Reads the audit history of a product (`dynamodb:BatchGetItem` on Inventory).
pub trait ReadProductAudit: Sync {
    /// The latest entries, at most 100, the oldest first. None for an unknown SKU.
    fn product_audit(
        &self,
        sku: &Sku,
    ) -> impl Future<Output = Result<Vec<AuditEntry>, StoreUnavailable>> + Send;
}
