//! Adds stock to a product, once per request.
//!
//! One transaction adds the stock and writes a record of the request under the request's
//! key, so a repeated request finds its own record and changes nothing.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use domain::catalog::StockItem;
use domain::ports::{ReadCatalog, RestockItem, RestockResult, StoreUnavailable};
use domain::{Sku, Timestamp};

use crate::Inventory;
use crate::attributes::number;
use crate::service_error::{describe, is_contention};

impl RestockItem for Inventory {
    async fn restock(
        &self,
        sku: &Sku,
        quantity: u32,
        key: &str,
        at: Timestamp,
    ) -> Result<RestockResult, StoreUnavailable> {
        let writes =
            [self.request_write(sku, quantity, key, at)?, self.increase_write(sku, quantity)?];
        let call = self.client().transact_write_items();
        let result = call.set_transact_items(Some(writes.to_vec())).send().await;
        let Err(error) = result else {
            let item = self.stock_item(sku).await?;
            return Ok(item.map_or(RestockResult::UnknownSku, RestockResult::Restocked));
        };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                self.canceled(sku, quantity, canceled.cancellation_reasons()).await
            }
            Some(other) if is_contention(other.code()) => Ok(RestockResult::Contended),
            _ => Err(StoreUnavailable(describe("TransactWriteItems", &error))),
        }
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
        let put = Put::builder()
            .table_name(self.table())
            // A SKU contains no `#`, so no record can be taken for a product.
            .item("sku", AttributeValue::S(format!("RESTOCK#{sku}#{key}")))
            .item("quantity", AttributeValue::N(quantity.to_string()))
            .item("at", AttributeValue::S(at.to_string()))
            .condition_expression("attribute_not_exists(sku)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .or(Err(incomplete()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// The increase of the stock; fails if there is no such product.
    fn increase_write(
        &self,
        sku: &Sku,
        quantity: u32,
    ) -> Result<TransactWriteItem, StoreUnavailable> {
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

    /// Interprets the reasons of a canceled transaction: the request's, then the stock's.
    async fn canceled(
        &self,
        sku: &Sku,
        quantity: u32,
        reasons: &[CancellationReason],
    ) -> Result<RestockResult, StoreUnavailable> {
        let failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
        let (request, stock) = (reasons.first(), reasons.get(1));
        if let Some(request) = request.filter(|reason| failed(reason)) {
            let recorded = request.item().and_then(|item| number(item, "quantity"));
            if recorded != Some(quantity) {
                return Ok(RestockResult::KeyReused);
            }
            let item = self.stock_item(sku).await?;
            return Ok(item.map_or(RestockResult::UnknownSku, RestockResult::Replayed));
        }
        if reasons.iter().any(|reason| is_contention(reason.code())) {
            return Ok(RestockResult::Contended);
        }
        if stock.is_some_and(failed) {
            return Ok(RestockResult::UnknownSku);
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
