//! Ports of the Inventory table.

use std::future::Future;

use super::StoreUnavailable;
use crate::catalog::StockItem;
use crate::stock::Shortage;
use crate::{Order, Sku, Timestamp};

/// How taking stock from the shelves ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum ReserveResult {
    /// Every line is set aside, and the order says so.
    Reserved,
    /// Nothing was taken: these were short.
    OutOfStock(Vec<Shortage>),
    /// Nothing was taken: the order changed since it was read.
    OrderConflict,
    /// Nothing was taken: another order was at the same shelf.
    Contended,
}

/// Takes stock from the shelves (`dynamodb:UpdateItem` on both tables, in one
/// transaction).
pub trait ReserveStock: Sync {
    /// Takes what `after.reservation` says and writes the order, or does neither.
    fn reserve(
        &self,
        before: &Order,
        after: &Order,
    ) -> impl Future<Output = Result<ReserveResult, StoreUnavailable>> + Send;
}

/// How giving stock back ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum ReleaseResult {
    /// Every line is back on its shelf, and the order says so.
    Released,
    /// Nothing was given back: the order changed since it was read.
    OrderConflict,
    /// Nothing was given back: another order was at the same shelf.
    Contended,
}

/// Gives stock back to the shelves (`dynamodb:UpdateItem` on both tables, in
/// one transaction).
pub trait ReleaseStock: Sync {
    /// Gives back what `before.reservation` says and writes the order, or does neither.
    fn release(
        &self,
        before: &Order,
        after: &Order,
    ) -> impl Future<Output = Result<ReleaseResult, StoreUnavailable>> + Send;
}

/// Reads what is sold (`dynamodb:BatchGetItem` and `dynamodb:Scan` on Inventory).
pub trait ReadCatalog: Sync {
    /// The items of these SKUs, as far as there are any, in any order.
    fn items(
        &self,
        skus: &[Sku],
    ) -> impl Future<Output = Result<Vec<StockItem>, StoreUnavailable>> + Send;

    /// Everything that is sold, sorted by SKU.
    fn all(&self) -> impl Future<Output = Result<Vec<StockItem>, StoreUnavailable>> + Send;
}

/// How writing an item of the catalogue ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddProductResult {
    /// It is on record, as this.
    Added(StockItem),
    /// An opening stock was given for a SKU that is on record already.
    AlreadyExists,
}

/// What is to be sold under a SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProduct {
    /// The SKU.
    pub sku: Sku,
    /// What people call it.
    pub title: String,
    /// The price of one.
    pub unit_price: crate::Money,
    /// The weight of one, in grams.
    pub weight_grams: u32,
    /// How many there are to begin with; only for a new SKU.
    pub available: Option<u64>,
}

/// Writes what is sold (`dynamodb:PutItem` and `dynamodb:UpdateItem` on Inventory).
pub trait WriteCatalog: Sync {
    /// Writes title, price and weight; the opening stock only when the SKU is new.
    fn add_product(
        &self,
        listing: &NewProduct,
    ) -> impl Future<Output = Result<AddProductResult, StoreUnavailable>> + Send;
}

/// How putting goods on a shelf ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestockResult {
    /// They are there now; this is the item.
    Restocked(StockItem),
    /// They were put there before, by the same request; this is the item.
    Replayed(StockItem),
    /// The key was used for another quantity.
    KeyReused,
    /// Nothing is sold under that SKU.
    UnknownSku,
    /// Somebody else was at the same shelf.
    Contended,
}

/// Puts goods on a shelf (`dynamodb:UpdateItem` and `dynamodb:PutItem` on
/// Inventory, in one transaction).
pub trait RestockItem: Sync {
    /// Puts so many there, once for each `key`.
    fn restock(
        &self,
        sku: &Sku,
        quantity: u32,
        key: &str,
        at: Timestamp,
    ) -> impl Future<Output = Result<RestockResult, StoreUnavailable>> + Send;
}
