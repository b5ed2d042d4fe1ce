//! Adds stock to a product, once per request.
//!
//! One transaction adds the stock, writes the entry of the audit history, and writes a record
//! of the request under the request's key, so a repeated request finds its own record and
//! changes nothing. DynamoDB deletes the record after [`RECORD_DAYS`] (attribute `expiresAt`,
//! the table's time to live).

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use domain::audit::AuditEntry;
use domain::catalog::StockItem;
use domain::ports::{ReadCatalog, RestockItem, RestockResult, StoreUnavailable};
use domain::{Sku, Timestamp};

use crate::Inventory;
use crate::attributes::number;
use crate::product_audit::{AUDIT_COUNT, same_count};
use crate::service_error::{describe, is_contention};

/// How often a restock is tried again after another writer changed the product.
const MAX_ATTEMPTS: usize = 4;

/// How long the record of a request is kept. A client that repeats a request repeats it
/// within minutes; a person who does so by hand, within days.
const RECORD_DAYS: i64 = 30;
/// The attribute of the table's time to live: seconds since 1970, as DynamoDB requires.
const EXPIRES_AT: &str = "expiresAt";

impl RestockItem for Inventory {
    async fn restock(
        &self,
        sku: &Sku,
        quantity: u32,
        key: &str,
        actor: &str,
        at: Timestamp,
    ) -> Result<RestockResult, StoreUnavailable> {
        let entry = AuditEntry::for_restock(quantity, actor, at);
        for _ in 0..MAX_ATTEMPTS {
            let record = self.product_record(sku).await?;
            if record.item.is_none() {
                return Ok(RestockResult::UnknownSku);
            }
            let writes = [
                self.request_write(sku, quantity, key, at)?,
                self.increase_write(sku, quantity, record.audit_count)?,
                self.audit_write(sku, record.audit_count, &entry)?,
            ];
            let call = self.client().transact_write_items();
            let result = call.set_transact_items(Some(writes.to_vec())).send().await;
            let Err(error) = result else {
                let item = self.stock_item(sku).await?;
                return Ok(item.map_or(RestockResult::UnknownSku, RestockResult::Restocked));
            };
            match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                    let reasons = canceled.cancellation_reasons();
                    if let Some(result) = self.canceled(sku, quantity, reasons).await? {
                        return Ok(result);
                    }
                }
                Some(other) if is_contention(other.code()) => return Ok(RestockResult::Contended),
                _ => return Err(StoreUnavailable(describe("TransactWriteItems", &error))),
            }
        }
        Ok(RestockResult::Contended)
    }
}

impl Inventory {
    /// The record of the request; fails if it exists.
    fn request_write(
        &self,
        sku: &Sku,
        quantity: u32,
        key: &str,
        at: Timestamp,
    ) -> Result<TransactWriteItem, StoreUnavailable> {
        let expires_at = at.plus_hours(24 * RECORD_DAYS).to_jiff().as_second();
        let put = Put::builder()
            .table_name(self.table())
            // A SKU contains no `#`, so no record can be taken for a product.
            .item("sku", AttributeValue::S(format!("RESTOCK#{sku}#{key}")))
            .item("quantity", AttributeValue::N(quantity.to_string()))
            .item("at", AttributeValue::S(at.to_string()))
            .item(EXPIRES_AT, AttributeValue::N(expires_at.to_string()))
            .condition_expression("attribute_not_exists(sku)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .or(Err(incomplete()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// The increase of the stock; fails if an audit entry was added since the product was
    /// read.
    fn increase_write(
        &self,
        sku: &Sku,
        quantity: u32,
        audit_count: u64,
    ) -> Result<TransactWriteItem, StoreUnavailable> {
        let (same_count, counts) = same_count(audit_count);
        let update = Update::builder()
            .table_name(self.table())
            .key("sku", AttributeValue::S(sku.to_string()))
            .update_expression(
                "SET #available = #available + :n, #received = #received + :n, \
                 #auditCount = :auditCount",
            )
            .condition_expression(format!("attribute_exists(#available) AND {same_count}"))
            .expression_attribute_names("#available", "available")
            .expression_attribute_names("#received", "received")
            .expression_attribute_names("#auditCount", AUDIT_COUNT)
            .set_expression_attribute_values(Some(counts))
            .expression_attribute_values(":n", AttributeValue::N(quantity.to_string()))
            .build()
            .or(Err(incomplete()))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Interprets the reasons of a canceled transaction: the request's, then those of the
    /// stock and its audit entry. `None` if another writer changed the product.
    async fn canceled(
        &self,
        sku: &Sku,
        quantity: u32,
        reasons: &[CancellationReason],
    ) -> Result<Option<RestockResult>, StoreUnavailable> {
        let failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
        if let Some(request) = reasons.first().filter(|reason| failed(reason)) {
            let recorded = request.item().and_then(|item| number(item, "quantity"));
            if recorded != Some(quantity) {
                return Ok(Some(RestockResult::KeyReused));
            }
            let item = self.stock_item(sku).await?;
            return Ok(Some(item.map_or(RestockResult::UnknownSku, RestockResult::Replayed)));
        }
        if reasons.iter().any(|reason| is_contention(reason.code())) {
            return Ok(Some(RestockResult::Contended));
        }
        if reasons.iter().any(failed) {
            return Ok(None);
        }
        Err(StoreUnavailable("TransactWriteItems: canceled".to_owned()))
    }

    async fn stock_item(&self, sku: &Sku) -> Result<Option<StockItem>, StoreUnavailable> {
        Ok(self.items(std::slice::from_ref(sku)).await?.into_iter().next())
    }
}

fn incomplete() -> StoreUnavailable {
    StoreUnavailable("TransactWriteItems: a write is incomplete".to_owned())
}
