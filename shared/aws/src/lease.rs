//! The lease of the sweep: one item of the Orders table, whose key is no order id.

use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::Timestamp;
use domain::ports::{StoreUnavailable, SweepLease};

use crate::Orders;
use crate::attributes::{Item, number, string};
use crate::orders::is_conflict;
use crate::service_error::describe;

/// The key of the item. An order id contains no `#`.
const KEY: &str = "lease#sweep";

impl SweepLease for Orders {
    async fn take(&self, at: Timestamp, until: Timestamp) -> Result<Option<u64>, StoreUnavailable> {
        let update = update(self, until)
            .update_expression("SET leaseUntil = :until ADD leaseNumber :one")
            .condition_expression("attribute_not_exists(orderId) OR leaseUntil <= :at")
            .expression_attribute_values(":at", AttributeValue::S(at.to_string()))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .return_values(ReturnValue::UpdatedNew);
        let Some(output) = send(update).await? else { return Ok(None) };
        let taken = output.attributes().and_then(|item| number(item, "leaseNumber"));
        taken.map(Some).ok_or_else(|| StoreUnavailable("the lease has no number".to_owned()))
    }

    async fn end_at(&self, held: u64, until: Timestamp) -> Result<bool, StoreUnavailable> {
        let update = update(self, until)
            .update_expression("SET leaseUntil = :until")
            .condition_expression("leaseNumber = :held")
            .expression_attribute_values(":held", AttributeValue::N(held.to_string()));
        Ok(send(update).await?.is_some())
    }
}

fn update(orders: &Orders, until: Timestamp) -> UpdateItemFluentBuilder {
    orders
        .client()
        .update_item()
        .table_name(orders.table())
        .key("orderId", AttributeValue::S(KEY.to_owned()))
        .expression_attribute_values(":until", AttributeValue::S(until.to_string()))
}

/// `None` if the condition does not hold.
async fn send(
    update: UpdateItemFluentBuilder,
) -> Result<Option<UpdateItemOutput>, StoreUnavailable> {
    match update.send().await {
        Ok(output) => Ok(Some(output)),
        Err(error) if is_conflict(&error) => Ok(None),
        Err(error) => Err(StoreUnavailable(describe("UpdateItem", &error))),
    }
}

/// Whether an item of the Orders table is an order.
pub(crate) fn is_order(item: &Item) -> bool {
    string(item, "orderId").is_none_or(|key| key != KEY)
}
