//! Reserves stock for an order and releases it, each in one transaction over both
//! tables.
//!
//! A reservation takes every line and writes the order, or does neither; a release gives
//! every line back and writes the order, or does neither. The order is the first write
//! of the transaction, so its condition is the first cancellation reason. A transaction
//! that meets contention is tried again after a short random pause.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    Update,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use domain::Order;
use domain::ports::{ReleaseResult, ReleaseStock, ReserveResult, ReserveStock, StoreUnavailable};
use domain::stock::{ReservedLine, Shortage};

use crate::Inventory;
use crate::attributes::{Item, number};
use crate::service_error::{describe, is_contention};
use crate::{backoff, order_item, order_metrics};

impl ReserveStock for Inventory {
    async fn reserve(
        &self,
        before: &Order,
        after: &Order,
    ) -> Result<ReserveResult, StoreUnavailable> {
        let lines = after.reservation.as_ref().map_or(&[][..], |reserved| &reserved.lines);
        let writes = self.writes(before, after, lines, StockChange::Take)?;
        Ok(match self.transact(writes).await? {
            TransactionResult::Written => {
                order_metrics::record(Some(before), after);
                ReserveResult::Reserved
            }
            TransactionResult::OrderConflict => ReserveResult::OrderConflict,
            TransactionResult::Contended => ReserveResult::Contended,
            TransactionResult::StockRejected(rejected) => {
                ReserveResult::OutOfStock(shortages(lines, &rejected))
            }
            TransactionResult::Failed(code) => return Err(transaction_failed(&code)),
        })
    }
}

fn shortages(lines: &[ReservedLine], rejected: &[RejectedLine]) -> Vec<Shortage> {
    let shortage = |rejected: &RejectedLine| {
        let line = lines.get(rejected.index)?;
        // An unknown SKU is short by the whole quantity.
        let available =
            rejected.item.as_ref().and_then(|item| number(item, "available")).unwrap_or(0);
        Some(Shortage { sku: line.sku.clone(), requested: line.quantity, available })
    };
    rejected.iter().filter_map(shortage).collect()
}

impl ReleaseStock for Inventory {
    async fn release(
        &self,
        before: &Order,
        after: &Order,
    ) -> Result<ReleaseResult, StoreUnavailable> {
        let lines = before.reservation.as_ref().map_or(&[][..], |reserved| &reserved.lines);
        let writes = self.writes(before, after, lines, StockChange::GiveBack)?;
        Ok(match self.transact(writes).await? {
            TransactionResult::Written => {
                order_metrics::record(Some(before), after);
                ReleaseResult::Released
            }
            TransactionResult::OrderConflict => ReleaseResult::OrderConflict,
            TransactionResult::Contended => ReleaseResult::Contended,
            TransactionResult::StockRejected(_) => {
                return Err(transaction_failed("a product of the order is not on record"));
            }
            TransactionResult::Failed(code) => return Err(transaction_failed(&code)),
        })
    }
}

fn transaction_failed(reason: &str) -> StoreUnavailable {
    StoreUnavailable(format!("TransactWriteItems: {reason}"))
}

/// The direction in which stock moves.
#[derive(Debug, Clone, Copy)]
enum StockChange {
    Take,
    GiveBack,
}

impl StockChange {
    const fn expression(self) -> &'static str {
        match self {
            Self::Take => "SET #available = #available - :n",
            Self::GiveBack => "SET #available = #available + :n",
        }
    }

    const fn condition(self) -> &'static str {
        match self {
            Self::Take => "#available >= :n",
            Self::GiveBack => "attribute_exists(#available)",
        }
    }
}

impl Inventory {
    /// The writes of a transaction: the order first, then each line.
    fn writes(
        &self,
        before: &Order,
        after: &Order,
        lines: &[ReservedLine],
        change: StockChange,
    ) -> Result<Vec<TransactWriteItem>, StoreUnavailable> {
        let mut writes = vec![self.order_write(before, after)?];
        for line in lines {
            writes.push(self.stock_write(line, change)?);
        }
        Ok(writes)
    }

    fn order_write(
        &self,
        before: &Order,
        after: &Order,
    ) -> Result<TransactWriteItem, StoreUnavailable> {
        let update = order_item::difference(before, after)?;
        let write = Update::builder()
            .table_name(self.orders_table())
            .key("orderId", AttributeValue::S(before.order_id.to_string()))
            .update_expression(update.expression)
            .condition_expression(update.condition)
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values));
        build(write)
    }

    fn stock_write(
        &self,
        line: &ReservedLine,
        change: StockChange,
    ) -> Result<TransactWriteItem, StoreUnavailable> {
        let write = Update::builder()
            .table_name(self.table())
            .key("sku", AttributeValue::S(line.sku.to_string()))
            .update_expression(change.expression())
            .condition_expression(change.condition())
            .expression_attribute_names("#available", "available")
            .expression_attribute_values(":n", AttributeValue::N(line.quantity.to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        build(write)
    }

    /// Writes a transaction, and again after a pause while it meets contention.
    async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> Result<TransactionResult, StoreUnavailable> {
        for pause in 0..backoff::PAUSES {
            match self.transact_once(writes.clone()).await? {
                TransactionResult::Contended => backoff::wait(pause).await,
                result => return Ok(result),
            }
        }
        self.transact_once(writes).await
    }

    async fn transact_once(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> Result<TransactionResult, StoreUnavailable> {
        let call = self.client().transact_write_items().set_transact_items(Some(writes));
        let Err(error) = call.send().await else { return Ok(TransactionResult::Written) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                Ok(TransactionResult::from_reasons(canceled.cancellation_reasons()))
            }
            Some(other) if is_contention(other.code()) => Ok(TransactionResult::Contended),
            _ => Err(StoreUnavailable(describe("TransactWriteItems", &error))),
        }
    }
}

fn build(write: UpdateBuilder) -> Result<TransactWriteItem, StoreUnavailable> {
    let write = write.build().or(Err(StoreUnavailable("a write has no key".to_owned())))?;
    Ok(TransactWriteItem::builder().update(write).build())
}

/// How a transaction ended.
enum TransactionResult {
    Written,
    /// The order's condition failed: another writer changed it.
    OrderConflict,
    /// Another transaction held an item, or the table was throttled.
    Contended,
    /// The conditions of these lines failed.
    StockRejected(Vec<RejectedLine>),
    /// Any other cancellation, by its code.
    Failed(String),
}

/// A line whose condition failed.
struct RejectedLine {
    /// The line's position in the order.
    index: usize,
    /// The product as it was; `None` if it is not on record.
    item: Option<Item>,
}

impl TransactionResult {
    /// Interprets the reasons of a canceled transaction, one per write: the order's
    /// first, then one for each line.
    fn from_reasons(reasons: &[CancellationReason]) -> Self {
        let failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
        let Some((order, lines)) = reasons.split_first() else {
            return Self::Failed("canceled without a reason".to_owned());
        };
        if failed(order) {
            return Self::OrderConflict;
        }
        if reasons.iter().any(|reason| is_contention(reason.code())) {
            return Self::Contended;
        }
        let rejected: Vec<_> = lines
            .iter()
            .enumerate()
            .filter(|(_, reason)| failed(reason))
            .map(|(index, reason)| RejectedLine { index, item: reason.item().cloned() })
            .collect();
        if !rejected.is_empty() {
            return Self::StockRejected(rejected);
        }
        let code = reasons.iter().filter_map(CancellationReason::code).find(|code| *code != "None");
        Self::Failed(code.unwrap_or("canceled without a reason").to_owned())
    }
}
