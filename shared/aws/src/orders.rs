//! The Orders table: loads, saves and places single orders.
//!
//! A load is strongly consistent. A save succeeds only if the order still has the
//! version that was read, so every fact behind a decision still holds when the decision
//! is written. A place succeeds only if there is no such order. Lists of orders are in
//! [`order_queries`](crate::order_queries).

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use domain::ports::{LoadOrder, PlaceOrder, PlaceResult, SaveOrder, SaveResult, StoreUnavailable};
use domain::{Order, OrderId};

use crate::order_item;
use crate::order_metrics;
use crate::service_error::describe;

/// The Orders table.
#[derive(Debug, Clone)]
pub struct Orders {
    client: Client,
    table: String,
}

impl Orders {
    /// The table of this name, called through this client.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn table(&self) -> &str {
        &self.table
    }
}

impl LoadOrder for Orders {
    async fn load(&self, id: &OrderId) -> Result<Option<Order>, StoreUnavailable> {
        self.client
            .get_item()
            .table_name(&self.table)
            .key("orderId", AttributeValue::S(id.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreUnavailable(describe("GetItem", &error)))?
            .item
            .map(order_item::parse)
            .transpose()
    }
}

impl SaveOrder for Orders {
    async fn save(&self, before: &Order, after: &Order) -> Result<SaveResult, StoreUnavailable> {
        let update = order_item::difference(before, after)?;
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("orderId", AttributeValue::S(before.order_id.to_string()))
            .update_expression(update.expression)
            .condition_expression(update.condition)
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values))
            .send()
            .await;
        match result {
            Ok(_) => {
                order_metrics::record(Some(before), after);
                Ok(SaveResult::Saved)
            }
            Err(error) if is_conflict(&error) => Ok(SaveResult::Conflict),
            Err(error) => Err(StoreUnavailable(describe("UpdateItem", &error))),
        }
    }
}

pub(crate) fn is_conflict<R>(error: &SdkError<UpdateItemError, R>) -> bool {
    error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}

impl PlaceOrder for Orders {
    async fn place(&self, order: &Order) -> Result<PlaceResult, StoreUnavailable> {
        let result = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(order_item::to_item(order)?))
            .condition_expression("attribute_not_exists(orderId)")
            // The response then holds the existing order: a repeat costs no read.
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = result else {
            order_metrics::record(None, order);
            return Ok(PlaceResult::Created);
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let existing = failed.item().cloned().unwrap_or_default();
                Ok(PlaceResult::Exists(Box::new(order_item::parse(existing)?)))
            }
            _ => Err(StoreUnavailable(describe("PutItem", &error))),
        }
    }
}
