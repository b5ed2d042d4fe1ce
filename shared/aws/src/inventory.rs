//! The Inventory table: what is sold, and the two transactions that move stock
//! between a shelf and an order.
//!
//! To reserve takes every line and writes the order, or does neither; to release
//! is the same the other way round. `received` = `available` + what orders hold,
//! for each SKU, after every write.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError as TransactError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, KeysAndAttributes, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use domain::catalog::StockItem;
use domain::ports::{
    AddProductResult, NewProduct, ReadCatalog, ReleaseResult, ReleaseStock, ReserveResult,
    ReserveStock, StoreUnavailable, WriteCatalog,
};
use domain::stock::{ReservedLine, Shortage};
use domain::{Currency, Money, Order, Sku};

use crate::clients::describe;
use crate::metrics;
use crate::order_item::{self, Item};

/// `DynamoDB` gives at most 100 items a call; an order has at most 50 lines.
const BATCH: usize = 100;
/// A batch that is answered in part is asked for the rest this often.
const BATCH_ROUNDS: usize = 8;
/// A catalogue longer than this many pages of 1 MB is not for one answer.
const PAGES: usize = 64;

/// The Inventory table, and the Orders table for what is written in both.
#[derive(Debug, Clone)]
pub struct Inventory {
    client: Client,
    orders: String,
    table: String,
}

impl Inventory {
    /// The tables of these names, through this client.
    pub fn new(client: Client, orders: impl Into<String>, inventory: impl Into<String>) -> Self {
        Self { client, orders: orders.into(), table: inventory.into() }
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> Result<Transacted, StoreUnavailable> {
        let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        match sent {
            Ok(_) => Ok(Transacted::Done),
            Err(error) => match error.as_service_error() {
                Some(TransactError::TransactionCanceledException(cancelled)) => {
                    Ok(sort(cancelled.cancellation_reasons()))
                }
                Some(other) if is_crowded(other.code()) => Ok(Transacted::Contended),
                _ => Err(StoreUnavailable(describe("TransactWriteItems", &error))),
            },
        }
    }

    fn of_order(
        &self,
        before: &Order,
        after: &Order,
    ) -> Result<TransactWriteItem, StoreUnavailable> {
        let update = order_item::difference(before, after)?;
        let write = Update::builder()
            .table_name(&self.orders)
            .key("orderId", AttributeValue::S(before.order_id.to_string()))
            .update_expression(update.expression)
            .condition_expression(update.condition)
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values));
        finish(write)
    }

    fn of_shelf(
        &self,
        line: &ReservedLine,
        verb: Verb,
    ) -> Result<TransactWriteItem, StoreUnavailable> {
        let write = Update::builder()
            .table_name(&self.table)
            .key("sku", AttributeValue::S(line.sku.to_string()))
            .update_expression(verb.expression())
            .condition_expression(verb.condition())
            .expression_attribute_names("#available", "available")
            .expression_attribute_values(":n", AttributeValue::N(line.quantity.to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        finish(write)
    }

    fn writes(
        &self,
        before: &Order,
        after: &Order,
        lines: &[ReservedLine],
        verb: Verb,
    ) -> Result<Vec<TransactWriteItem>, StoreUnavailable> {
        let mut writes = vec![self.of_order(before, after)?];
        for line in lines {
            writes.push(self.of_shelf(line, verb)?);
        }
        Ok(writes)
    }
}

/// Which way stock moves.
#[derive(Debug, Clone, Copy)]
enum Verb {
    Take,
    GiveBack,
}

impl Verb {
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

fn finish(
    write: aws_sdk_dynamodb::types::builders::UpdateBuilder,
) -> Result<TransactWriteItem, StoreUnavailable> {
    let write = write.build().or(Err(StoreUnavailable("a write has no key".to_owned())))?;
    Ok(TransactWriteItem::builder().update(write).build())
}

/// How a transaction ended.
enum Transacted {
    Done,
    /// The order's own condition failed.
    OrderChanged,
    /// Somebody else was there at the same moment, or there were too many of us.
    Contended,
    /// These shelves' conditions failed: the position of each, and what it held.
    Refused(Vec<(usize, Option<Item>)>),
    /// Anything else, by its code.
    Failed(String),
}

/// What the reasons of a cancelled transaction mean; the first is the order's,
/// the others the shelves'.
fn sort(reasons: &[CancellationReason]) -> Transacted {
    let failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
    let Some((order, shelves)) = reasons.split_first() else {
        return Transacted::Failed("cancelled without a reason".to_owned());
    };
    if failed(order) {
        return Transacted::OrderChanged;
    }
    if reasons.iter().any(|reason| is_crowded(reason.code())) {
        return Transacted::Contended;
    }
    let refused: Vec<_> = shelves
        .iter()
        .enumerate()
        .filter(|(_, reason)| failed(reason))
        .map(|(index, reason)| (index, reason.item().cloned()))
        .collect();
    if refused.is_empty() {
        let codes =
            reasons.iter().filter_map(CancellationReason::code).find(|code| *code != "None");
        return Transacted::Failed(codes.unwrap_or("cancelled without a reason").to_owned());
    }
    Transacted::Refused(refused)
}

/// Whether a code means that the same transaction may well pass in a moment.
pub(crate) fn is_crowded(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            "TransactionConflict"
                | "TransactionInProgressException"
                | "ThrottlingError"
                | "ThrottlingException"
                | "ProvisionedThroughputExceeded"
                | "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
        )
    )
}

impl ReserveStock for Inventory {
    async fn reserve(
        &self,
        before: &Order,
        after: &Order,
    ) -> Result<ReserveResult, StoreUnavailable> {
        let lines = after.reservation.as_ref().map_or(&[][..], |taken| &taken.lines);
        let writes = self.writes(before, after, lines, Verb::Take)?;
        Ok(match self.transact(writes).await? {
            Transacted::Done => {
                metrics::record(Some(before), after);
                ReserveResult::Reserved
            }
            Transacted::OrderChanged => ReserveResult::OrderConflict,
            Transacted::Contended => ReserveResult::Contended,
            Transacted::Refused(shelves) => ReserveResult::OutOfStock(shortages(lines, &shelves)),
            Transacted::Failed(code) => return Err(failed(&code)),
        })
    }
}

fn shortages(lines: &[ReservedLine], shelves: &[(usize, Option<Item>)]) -> Vec<Shortage> {
    let short = |(index, held): &(usize, Option<Item>)| {
        let line = lines.get(*index)?;
        // A SKU that is not on record is short by all of it.
        let available = held.as_ref().and_then(|item| whole(item, "available")).unwrap_or(0);
        Some(Shortage { sku: line.sku.clone(), requested: line.quantity, available })
    };
    shelves.iter().filter_map(short).collect()
}

impl ReleaseStock for Inventory {
    async fn release(
        &self,
        before: &Order,
        after: &Order,
    ) -> Result<ReleaseResult, StoreUnavailable> {
        let lines = before.reservation.as_ref().map_or(&[][..], |taken| &taken.lines);
        let writes = self.writes(before, after, lines, Verb::GiveBack)?;
        Ok(match self.transact(writes).await? {
            Transacted::Done => {
                metrics::record(Some(before), after);
                ReleaseResult::Released
            }
            Transacted::OrderChanged => ReleaseResult::OrderConflict,
            Transacted::Contended => ReleaseResult::Contended,
            Transacted::Refused(_) => return Err(failed("a shelf is not on record")),
            Transacted::Failed(code) => return Err(failed(&code)),
        })
    }
}

fn failed(why: &str) -> StoreUnavailable {
    StoreUnavailable(format!("TransactWriteItems: {why}"))
}

impl ReadCatalog for Inventory {
    async fn items(&self, skus: &[Sku]) -> Result<Vec<StockItem>, StoreUnavailable> {
        let wanted: BTreeSet<&Sku> = skus.iter().collect();
        let keys: Vec<Item> = wanted
            .into_iter()
            .map(|sku| HashMap::from([("sku".to_owned(), AttributeValue::S(sku.to_string()))]))
            .collect();
        let mut found = Vec::with_capacity(keys.len());
        for batch in keys.chunks(BATCH) {
            self.batch(batch.to_vec(), &mut found).await?;
        }
        found.iter().map(read).collect()
    }

    async fn all(&self) -> Result<Vec<StockItem>, StoreUnavailable> {
        let mut found = Vec::new();
        let mut from = None;
        for _ in 0..PAGES {
            let page = self
                .client
                .scan()
                .table_name(&self.table)
                .consistent_read(true)
                // The entries of restock requests stand in the same table.
                .filter_expression("attribute_exists(unitPrice)")
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(|error| StoreUnavailable(describe("Scan", &error)))?;
            found.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        let mut items: Vec<_> = found.iter().map(read).collect::<Result<_, _>>()?;
        items.sort_by(|a, b| a.sku.cmp(&b.sku));
        Ok(items)
    }
}

impl Inventory {
    /// Reads these keys into `found`, asking again for what was left out.
    async fn batch(
        &self,
        mut keys: Vec<Item>,
        found: &mut Vec<Item>,
    ) -> Result<(), StoreUnavailable> {
        for _ in 0..BATCH_ROUNDS {
            if keys.is_empty() {
                return Ok(());
            }
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(true)
                .build()
                .or(Err(StoreUnavailable("BatchGetItem: no keys".to_owned())))?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.table, wanted)
                .send()
                .await
                .map_err(|error| StoreUnavailable(describe("BatchGetItem", &error)))?;
            found.extend(
                answer.responses.unwrap_or_default().remove(&self.table).unwrap_or_default(),
            );
            keys = answer
                .unprocessed_keys
                .unwrap_or_default()
                .remove(&self.table)
                .map(|left| left.keys)
                .unwrap_or_default();
        }
        if keys.is_empty() {
            return Ok(());
        }
        Err(StoreUnavailable("BatchGetItem: too much was left out, too often".to_owned()))
    }
}

/// Writes an item whether there is one or not; its stock stays as it is.
const LIST: &str = "SET #title = :title, #unitPrice = :price, #currency = :currency, \
     #weightGrams = :weight, #available = if_not_exists(#available, :stock), \
     #received = if_not_exists(#received, :stock)";

/// Writes a new item and its opening stock.
const LIST_NEW: &str = "SET #title = :title, #unitPrice = :price, #currency = :currency, \
     #weightGrams = :weight, #available = :stock, #received = :stock";

/// Names in expressions stand for themselves, so that none is taken for a reserved word.
fn aliases() -> HashMap<String, String> {
    ["title", "unitPrice", "currency", "weightGrams", "available", "received"]
        .into_iter()
        .map(|name| (format!("#{name}"), name.to_owned()))
        .collect()
}

impl WriteCatalog for Inventory {
    async fn add_product(
        &self,
        listing: &NewProduct,
    ) -> Result<AddProductResult, StoreUnavailable> {
        let new_only = listing.available.is_some();
        let expression = if new_only { LIST_NEW } else { LIST };
        let number = |n: u64| AttributeValue::N(n.to_string());
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("sku", text(listing.sku.as_str()))
            .update_expression(expression)
            .set_condition_expression(new_only.then(|| "attribute_not_exists(sku)".to_owned()))
            .expression_attribute_values(":title", text(&listing.title))
            .expression_attribute_values(":price", number(listing.unit_price.amount_minor()))
            .expression_attribute_values(":currency", text(listing.unit_price.currency().code()))
            .expression_attribute_values(":weight", number(listing.weight_grams.into()))
            .expression_attribute_values(":stock", number(listing.available.unwrap_or(0)))
            .set_expression_attribute_names(Some(aliases()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match sent {
            Ok(written) => {
                read(&written.attributes.unwrap_or_default()).map(AddProductResult::Added)
            }
            Err(error) if is_listed(&error) => Ok(AddProductResult::AlreadyExists),
            Err(error) => Err(StoreUnavailable(describe("UpdateItem", &error))),
        }
    }
}

fn is_listed<R>(error: &SdkError<UpdateItemError, R>) -> bool {
    error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}

/// An item of the catalogue, as it is on record.
fn read(item: &Item) -> Result<StockItem, StoreUnavailable> {
    let sku = text(item, "sku").unwrap_or("an item without a SKU");
    let parse = || {
        let currency = Currency::from_code(text(item, "currency")?)?;
        Some(StockItem {
            sku: Sku::parse(sku).ok()?,
            title: text(item, "title")?.to_owned(),
            unit_price: Money::new(whole(item, "unitPrice")?, currency),
            weight_grams: u32::try_from(whole(item, "weightGrams")?).ok()?,
            available: whole(item, "available")?,
            received: whole(item, "received")?,
        })
    };
    parse()
        .ok_or_else(|| StoreUnavailable(format!("the record of {sku} has not the form of an item")))
}

fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(crate) fn whole(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}
