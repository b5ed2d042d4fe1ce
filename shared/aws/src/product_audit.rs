//! The audit history of a product in the Inventory table.
//!
//! Each entry is a separate item, `AUDIT#sku#number`, numbered from 1. The product has the
//! number of its latest entry in `auditCount`. A write of the product puts the next entry in
//! the same transaction, on condition that the number is still the one that was read and that
//! there is no entry with the next number. So no entry is lost, and none is overwritten.
//!
//! The entries are not a list on the product, because each reservation writes the product,
//! and a write costs by the size of the item.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use domain::Sku;
use domain::audit::AuditEntry;
use domain::ports::{ReadProductAudit, StoreUnavailable};

use crate::Inventory;
use crate::attributes::{Item, key, number};
use crate::batch_get::batch_get_items;

/// The attribute of a product that has the number of its latest entry.
pub(crate) const AUDIT_COUNT: &str = "auditCount";
/// The maximum number of entries that are read at once.
const MAX_READ: u64 = 100;

/// A product as it was read: its item, and the number of its latest entry.
#[derive(Debug)]
pub(crate) struct ProductRecord {
    pub(crate) item: Option<Item>,
    pub(crate) audit_count: u64,
}

/// The condition, with its placeholders, that no entry was added since the product was read.
pub(crate) fn same_count(before: u64) -> (&'static str, HashMap<String, AttributeValue>) {
    let values = |pairs: &[(&str, u64)]| {
        let value = |n: u64| AttributeValue::N(n.to_string());
        pairs.iter().map(|(name, n)| ((*name).to_owned(), value(*n))).collect()
    };
    match before {
        0 => ("attribute_not_exists(#auditCount)", values(&[(":auditCount", 1)])),
        _ => (
            "#auditCount = :auditsBefore",
            values(&[(":auditsBefore", before), (":auditCount", before + 1)]),
        ),
    }
}

impl Inventory {
    /// Reads a product, strongly consistent.
    pub(crate) async fn product_record(
        &self,
        sku: &Sku,
    ) -> Result<ProductRecord, StoreUnavailable> {
        let keys = [key("sku", sku.as_str())];
        let item = batch_get_items(self.client(), self.table(), &keys, true).await?.pop();
        let audit_count = item.as_ref().and_then(|item| number(item, AUDIT_COUNT)).unwrap_or(0);
        Ok(ProductRecord { item, audit_count })
    }

    /// The put of the entry after `before` entries; fails if it exists.
    pub(crate) fn audit_write(
        &self,
        sku: &Sku,
        before: u64,
        entry: &AuditEntry,
    ) -> Result<TransactWriteItem, StoreUnavailable> {
        let malformed = || StoreUnavailable("TransactWriteItems: a write is incomplete".to_owned());
        let mut item: Item = serde_dynamo::to_item(entry).or(Err(malformed()))?;
        item.extend(audit_key(sku, before + 1));
        let put = Put::builder()
            .table_name(self.table())
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(sku)")
            .build()
            .or(Err(malformed()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// A SKU contains no `#`, so no entry can be taken for a product.
fn audit_key(sku: &Sku, number: u64) -> Item {
    key("sku", format!("AUDIT#{sku}#{number}"))
}

impl ReadProductAudit for Inventory {
    async fn product_audit(&self, sku: &Sku) -> Result<Vec<AuditEntry>, StoreUnavailable> {
        let count = self.product_record(sku).await?.audit_count;
        let first = count.saturating_sub(MAX_READ) + 1;
        let keys: Vec<Item> = (first..=count).map(|number| audit_key(sku, number)).collect();
        let mut found: HashMap<String, AuditEntry> = HashMap::new();
        for mut item in batch_get_items(self.client(), self.table(), &keys, true).await? {
            let Some(AttributeValue::S(name)) = item.remove("sku") else { continue };
            let malformed = || StoreUnavailable(format!("the record of {name} is malformed"));
            let entry = serde_dynamo::from_item(item).or(Err(malformed()))?;
            found.insert(name, entry);
        }
        let in_order = (first..=count).filter_map(|n| found.remove(&format!("AUDIT#{sku}#{n}")));
        Ok(in_order.collect())
    }
}
