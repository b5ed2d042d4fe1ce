//! Adds stock to a product, or removes it, once per request.
//!
//! One transaction changes the stock, writes the entry of the audit history, and writes a
//! record of the request under the caller and the request's key. A repeated request finds
//! that record and changes nothing. DynamoDB deletes the record after [`RECORD_DAYS`] (attribute `expiresAt`,
//! the table's time to live).

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use domain::audit::AuditEntry;
use domain::catalog::StockItem;
use domain::ports::{ChangeStock, ReadCatalog, StockChange, StockChangeResult, StoreUnavailable};
use domain::{Sku, Timestamp};

use crate::Inventory;
use crate::attributes::number;
use crate::product_audit::{AUDIT_COUNT, same_count};
use crate::service_error::{describe, is_contention};

/// How often a change is tried again after another writer changed the product.
const MAX_ATTEMPTS: usize = 4;

/// How long the record of a request is kept. A client that repeats a request repeats it
/// within minutes; a person who does so by hand, within days.
const RECORD_DAYS: i64 = 30;
/// The attribute of the table's time to live: seconds since 1970, as DynamoDB requires.
const EXPIRES_AT: &str = "expiresAt";

/// A request to change the stock of a product.
struct StockRequest<'a> {
    sku: &'a Sku,
    change: &'a StockChange,
    quantity: u32,
    key: &'a str,
    actor: &'a str,
    at: Timestamp,
}

impl StockRequest<'_> {
    /// The key of the record of the request. A SKU contains no `#`, so no record can be taken
    /// for a product; the actor's length tells where the actor ends.
    fn record_key(&self) -> String {
        let kind = match self.change {
            StockChange::Restock => "RESTOCK",
            StockChange::Removal { .. } => "REMOVAL",
        };
        let Self { sku, actor, key, .. } = self;
        format!("{kind}#{sku}#{}#{actor}#{key}", actor.len())
    }
}

impl ChangeStock for Inventory {
    async fn change_stock(
        &self,
        sku: &Sku,
        change: &StockChange,
        quantity: u32,
        key: &str,
        actor: &str,
        at: Timestamp,
    ) -> Result<StockChangeResult, StoreUnavailable> {
        let request = StockRequest { sku, change, quantity, key, actor, at };
        let entry = AuditEntry::for_stock_change(change, quantity, actor, at);
        for _ in 0..MAX_ATTEMPTS {
            let record = self.product_record(sku).await?;
            if record.item.is_none() {
                return Ok(StockChangeResult::UnknownSku);
            }
            let writes = [
                self.request_write(&request)?,
                self.change_write(&request, record.audit_count)?,
                self.audit_write(sku, record.audit_count, &entry)?,
            ];
            let call = self.client().transact_write_items();
            let result = call.set_transact_items(Some(writes.to_vec())).send().await;
            let Err(error) = result else {
                let item = self.stock_item(sku).await?;
                return Ok(item.map_or(StockChangeResult::UnknownSku, StockChangeResult::Changed));
            };
            match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                    let reasons = canceled.cancellation_reasons();
                    if let Some(result) = self.canceled(&request, reasons).await? {
                        return Ok(result);
                    }
                }
                Some(other) if is_contention(other.code()) => {
                    return Ok(StockChangeResult::Contended);
                }
                _ => return Err(StoreUnavailable(describe("TransactWriteItems", &error))),
            }
        }
        Ok(StockChangeResult::Contended)
    }
}

impl Inventory {
    /// The record of the request; fails if it exists.
    fn request_write(
        &self,
        request: &StockRequest<'_>,
    ) -> Result<TransactWriteItem, StoreUnavailable> {
        let expires_at = request.at.plus_hours(24 * RECORD_DAYS).to_jiff().as_second();
        let put = Put::builder()
            .table_name(self.table())
            .item("sku", AttributeValue::S(request.record_key()))
            .item("quantity", AttributeValue::N(request.quantity.to_string()))
            .item("at", AttributeValue::S(request.at.to_string()))
            .item(EXPIRES_AT, AttributeValue::N(expires_at.to_string()))
            .condition_expression("attribute_not_exists(sku)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .or(Err(incomplete()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// The change of the stock; fails if an audit entry was added since the product was read,
    /// or if less than the quantity to remove is available.
    fn change_write(
        &self,
        request: &StockRequest<'_>,
        audit_count: u64,
    ) -> Result<TransactWriteItem, StoreUnavailable> {
        let (same_count, counts) = same_count(audit_count);
        let (sign, is_possible) = match request.change {
            StockChange::Restock => ("+", "attribute_exists(#available)"),
            StockChange::Removal { .. } => ("-", "#available >= :n"),
        };
        let update = Update::builder()
            .table_name(self.table())
            .key("sku", AttributeValue::S(request.sku.to_string()))
            .update_expression(format!(
                "SET #available = #available {sign} :n, #received = #received {sign} :n, \
                 #auditCount = :auditCount"
            ))
            .condition_expression(format!("{is_possible} AND {same_count}"))
            .expression_attribute_names("#available", "available")
            .expression_attribute_names("#received", "received")
            .expression_attribute_names("#auditCount", AUDIT_COUNT)
            .set_expression_attribute_values(Some(counts))
            .expression_attribute_values(":n", AttributeValue::N(request.quantity.to_string()))
            .build()
            .or(Err(incomplete()))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Interprets the reasons of a canceled transaction: the request's, then those of the
    /// stock and its audit entry. `None` if another writer changed the product.
    async fn canceled(
        &self,
        request: &StockRequest<'_>,
        reasons: &[CancellationReason],
    ) -> Result<Option<StockChangeResult>, StoreUnavailable> {
        let failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
        if let Some(earlier) = reasons.first().filter(|reason| failed(reason)) {
            let recorded = earlier.item().and_then(|item| number(item, "quantity"));
            if recorded != Some(request.quantity) {
                return Ok(Some(StockChangeResult::KeyReused));
            }
            let item = self.stock_item(request.sku).await?;
            return Ok(Some(
                item.map_or(StockChangeResult::UnknownSku, StockChangeResult::Replayed),
            ));
        }
        if reasons.iter().any(|reason| is_contention(reason.code())) {
            return Ok(Some(StockChangeResult::Contended));
        }
        if !reasons.iter().any(failed) {
            return Err(StoreUnavailable("TransactWriteItems: canceled".to_owned()));
        }
        self.is_short(request).await.map(|short| short.then_some(StockChangeResult::NotAvailable))
    }

    /// Whether less than the quantity to remove is available now.
    async fn is_short(&self, request: &StockRequest<'_>) -> Result<bool, StoreUnavailable> {
        if *request.change == StockChange::Restock {
            return Ok(false);
        }
        let item = self.stock_item(request.sku).await?;
        Ok(item.is_some_and(|item| item.available < u64::from(request.quantity)))
    }

    async fn stock_item(&self, sku: &Sku) -> Result<Option<StockItem>, StoreUnavailable> {
        Ok(self.items(std::slice::from_ref(sku)).await?.into_iter().next())
    }
}

fn incomplete() -> StoreUnavailable {
    StoreUnavailable("TransactWriteItems: a write is incomplete".to_owned())
}
