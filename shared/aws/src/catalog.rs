//! Reads and writes the products in the Inventory table.
//!
//! Every read is strongly consistent. Changing a product keeps its stock; an opening
//! stock is accepted only for a new SKU. One transaction writes the product and the entry of
//! its audit history.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, TransactWriteItem, Update};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use domain::audit::AuditEntry;
use domain::catalog::StockItem;
use domain::ports::{
    AddProductResult, CatalogPage, NewProduct, ReadCatalog, StoreUnavailable, WriteCatalog,
};
use domain::{Currency, Money, Sku, Timestamp};

use crate::Inventory;
use crate::attributes::{Item, key, number, string};
use crate::batch_get::batch_get_items;
use crate::product_audit::{AUDIT_COUNT, ProductRecord, same_count};
use crate::scan::scan_page;
use crate::service_error::{describe, is_contention};

/// How many scans of 1 MB are made at most for one page of the catalog.
const MAX_SCANS: usize = 4;
/// The filter for products: restock requests and audit entries are in the same table.
const IS_PRODUCT: &str = "attribute_exists(unitPrice)";

impl ReadCatalog for Inventory {
    async fn items(&self, skus: &[Sku]) -> Result<Vec<StockItem>, StoreUnavailable> {
        // BatchGetItem rejects duplicate keys.
        let distinct: BTreeSet<&Sku> = skus.iter().collect();
        let keys: Vec<Item> = distinct.into_iter().map(|sku| key("sku", sku.as_str())).collect();
        let found = batch_get_items(self.client(), self.table(), &keys, true).await?;
        found.iter().map(parse).collect()
    }

    async fn page(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<CatalogPage, StoreUnavailable> {
        let mut items = Vec::new();
        let mut start = after.map(str::to_owned);
        for _ in 0..MAX_SCANS {
            let start_key = start.as_ref().map(|name| key("sku", name));
            let page = scan_page(self.client(), self.table(), start_key, Some(IS_PRODUCT)).await?;
            for item in page.items() {
                if items.len() == limit {
                    let last = items.last().map(|item: &StockItem| item.sku.to_string());
                    return Ok(CatalogPage { items, next: last });
                }
                items.push(parse(item)?);
            }
            let last = page.last_evaluated_key();
            start = last.and_then(|last| string(last, "sku")).map(str::to_owned);
            if start.is_none() {
                break;
            }
        }
        Ok(CatalogPage { items, next: start })
    }
}

/// Changes a product; its stock stays.
const CHANGE: &str = "SET #title = :title, #unitPrice = :price, #currency = :currency, \
     #weightGrams = :weight, #auditCount = :auditCount";

/// Creates a product with its opening stock.
const CREATE: &str = "SET #title = :title, #unitPrice = :price, #currency = :currency, \
     #weightGrams = :weight, #auditCount = :auditCount, #available = :stock, #received = :stock";

/// How often a write is tried again after another writer changed the product.
const MAX_ATTEMPTS: usize = 4;

/// A placeholder for each attribute, because some names are reserved words of `DynamoDB`.
fn placeholders(names: &[&str]) -> HashMap<String, String> {
    names.iter().map(|name| (format!("#{name}"), (*name).to_owned())).collect()
}

impl WriteCatalog for Inventory {
    async fn add_product(
        &self,
        product: &NewProduct,
        actor: &str,
        at: Timestamp,
    ) -> Result<AddProductResult, StoreUnavailable> {
        for _ in 0..MAX_ATTEMPTS {
            let record = self.product_record(&product.sku).await?;
            let before = record.item.as_ref().map(parse).transpose()?;
            if before.is_some() && product.available.is_some() {
                return Ok(AddProductResult::AlreadyExists);
            }
            let Some(entry) = AuditEntry::for_product(before.as_ref(), product, actor, at) else {
                return before.map_or_else(unreadable, |item| Ok(AddProductResult::Added(item)));
            };
            let writes = [
                product_write(self.table(), product, &record)?,
                self.audit_write(&product.sku, record.audit_count, &entry)?,
            ];
            match self.write_product(writes.to_vec()).await? {
                ProductWrite::Written => {
                    let item = self.product_record(&product.sku).await?.item;
                    return item
                        .map_or_else(unreadable, |item| parse(&item).map(AddProductResult::Added));
                }
                ProductWrite::Changed => {}
                ProductWrite::Contended => return Ok(AddProductResult::Contended),
            }
        }
        Ok(AddProductResult::Contended)
    }
}

fn unreadable<T>() -> Result<T, StoreUnavailable> {
    Err(StoreUnavailable("a product was not on record after it was written".to_owned()))
}

/// The write of a product. It fails if an audit entry was added since the product was read:
/// every change adds one.
fn product_write(
    table: &str,
    product: &NewProduct,
    before: &ProductRecord,
) -> Result<TransactWriteItem, StoreUnavailable> {
    let is_new = before.item.is_none();
    let (same_count, counts) = same_count(before.audit_count);
    let number = |n: u64| AttributeValue::N(n.to_string());
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let names = ["title", "unitPrice", "currency", "weightGrams", AUDIT_COUNT];
    let stock = ["available", "received"];
    let mut write = Update::builder()
        .table_name(table)
        .key("sku", text(product.sku.as_str()))
        .update_expression(if is_new { CREATE } else { CHANGE })
        .condition_expression(if is_new { "attribute_not_exists(sku)" } else { same_count })
        .set_expression_attribute_names(Some(placeholders(&names)))
        .set_expression_attribute_values(Some(counts))
        .expression_attribute_values(":title", text(&product.title))
        .expression_attribute_values(":price", number(product.unit_price.amount_minor()))
        .expression_attribute_values(":currency", text(product.unit_price.currency().code()))
        .expression_attribute_values(":weight", number(product.weight_grams.into()));
    if is_new {
        write = write.expression_attribute_values(":stock", number(product.available.unwrap_or(0)));
        for name in stock {
            write = write.expression_attribute_names(format!("#{name}"), name);
        }
    }
    let write = write.build().or(Err(StoreUnavailable("a write has no key".to_owned())))?;
    Ok(TransactWriteItem::builder().update(write).build())
}

/// How the transaction of a product and its audit entry ended.
enum ProductWrite {
    Written,
    /// Another writer changed the product since it was read.
    Changed,
    /// Another transaction held the product, or the table was throttled.
    Contended,
}

impl Inventory {
    async fn write_product(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> Result<ProductWrite, StoreUnavailable> {
        let call = self.client().transact_write_items().set_transact_items(Some(writes));
        let Err(error) = call.send().await else { return Ok(ProductWrite::Written) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                let reasons = canceled.cancellation_reasons();
                if reasons.iter().any(|reason| is_contention(reason.code())) {
                    return Ok(ProductWrite::Contended);
                }
                let is_changed =
                    |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
                if reasons.iter().any(is_changed) {
                    return Ok(ProductWrite::Changed);
                }
                Err(StoreUnavailable("TransactWriteItems: canceled".to_owned()))
            }
            Some(other) if is_contention(other.code()) => Ok(ProductWrite::Contended),
            _ => Err(StoreUnavailable(describe("TransactWriteItems", &error))),
        }
    }
}

/// The product of an item. The error names the SKU and quotes nothing else.
fn parse(item: &Item) -> Result<StockItem, StoreUnavailable> {
    let sku = string(item, "sku").unwrap_or("a product without a SKU");
    let parse = || {
        let currency = Currency::from_code(string(item, "currency")?)?;
        Some(StockItem {
            sku: Sku::parse(sku).ok()?,
            title: string(item, "title")?.to_owned(),
            unit_price: Money::new(number(item, "unitPrice")?, currency),
            weight_grams: number(item, "weightGrams")?,
            available: number(item, "available")?,
            received: number(item, "received")?,
        })
    };
    parse().ok_or_else(|| StoreUnavailable(format!("the record of {sku} is malformed")))
}
