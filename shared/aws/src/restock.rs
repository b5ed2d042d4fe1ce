//! Puts goods on a shelf: the stock and an entry of the request, in one
//! transaction, so that a repeated request is met by its own entry.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError as TransactError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use domain::catalog::StockItem;
use domain::ports::{ReadCatalog, RestockItem, RestockResult, StoreUnavailable};
use domain::{Sku, Timestamp};

use crate::Inventory;
use crate::clients::describe;
use crate::inventory::{is_crowded, whole};

impl RestockItem for Inventory {
    async fn restock(
        &self,
        sku: &Sku,
        quantity: u32,
        key: &str,
        at: Timestamp,
    ) -> Result<RestockResult, StoreUnavailable> {
        let writes = [self.entry(sku, quantity, key, at)?, self.more(sku, quantity)?];
        let call = self.client().transact_write_items();
        let sent = call.set_transact_items(Some(writes.to_vec())).send().await;
        let Err(error) = sent else {
            let item = self.item(sku).await?;
            return Ok(item.map_or(RestockResult::UnknownSku, RestockResult::Restocked));
        };
        match error.as_service_error() {
            Some(TransactError::TransactionCanceledException(cancelled)) => {
                self.refused(sku, quantity, cancelled.cancellation_reasons()).await
            }
            Some(other) if is_crowded(other.code()) => Ok(RestockResult::Contended),
            _ => Err(StoreUnavailable(describe("TransactWriteItems", &error))),
        }
    }
}

impl Inventory {
    /// The entry of the request; it is there once.
    fn entry(
        &self,
        sku: &Sku,
        quantity: u32,
        key: &str,
        at: Timestamp,
    ) -> Result<TransactWriteItem, StoreUnavailable> {
        let put = Put::builder()
            .table_name(self.table())
            // No SKU has a `#`, so no entry can pass for an item.
            .item("sku", AttributeValue::S(format!("RESTOCK#{sku}#{key}")))
            .item("quantity", AttributeValue::N(quantity.to_string()))
            .item("at", AttributeValue::S(at.to_string()))
            .condition_expression("attribute_not_exists(sku)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .or(Err(incomplete()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// More of what is on the shelf already.
    fn more(&self, sku: &Sku, quantity: u32) -> Result<TransactWriteItem, StoreUnavailable> {
        let update = Update::builder()
            .table_name(self.table())
            .key("sku", AttributeValue::S(sku.to_string()))
            .update_expression("SET #available = #available + :n, #received = #received + :n")
            .condition_expression("attribute_exists(#available)")
            .expression_attribute_names("#available", "available")
            .expression_attribute_names("#received", "received")
            .expression_attribute_values(":n", AttributeValue::N(quantity.to_string()))
            .build()
            .or(Err(incomplete()))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    async fn refused(
        &self,
        sku: &Sku,
        quantity: u32,
        reasons: &[CancellationReason],
    ) -> Result<RestockResult, StoreUnavailable> {
        let failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
        let (entry, stock) = (reasons.first(), reasons.get(1));
        if let Some(entry) = entry.filter(|reason| failed(reason)) {
            let before = entry.item().and_then(|item| whole(item, "quantity"));
            if before != Some(quantity.into()) {
                return Ok(RestockResult::KeyReused);
            }
            let item = self.item(sku).await?;
            return Ok(item.map_or(RestockResult::UnknownSku, RestockResult::Replayed));
        }
        if reasons.iter().any(|reason| is_crowded(reason.code())) {
            return Ok(RestockResult::Contended);
        }
        if stock.is_some_and(failed) {
            return Ok(RestockResult::UnknownSku);
        }
        Err(StoreUnavailable("TransactWriteItems: cancelled".to_owned()))
    }

    async fn item(&self, sku: &Sku) -> Result<Option<StockItem>, StoreUnavailable> {
        Ok(self.items(std::slice::from_ref(sku)).await?.into_iter().next())
    }
}

fn incomplete() -> StoreUnavailable {
    StoreUnavailable("TransactWriteItems: a write is incomplete".to_owned())
}
