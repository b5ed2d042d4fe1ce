//! The Orders table: load, save, place.
//!
//! A load is strongly consistent. A save is conditional on the version that was
//! read, so that every fact that a decision rests on is still true when it is
//! written. A place is conditional on there being no such order. Lists of orders
//! are in [`order_queries`](crate::order_queries).

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure,
};
use domain::ports::{LoadOrder, PlaceOrder, PlaceResult, SaveOrder, SaveResult, StoreUnavailable};
use domain::{Order, OrderId};

use crate::clients::describe;
use crate::metrics;
use crate::order_item::{self, Item};

/// A batch that is answered in part is asked for the rest this often.
const BATCH_ROUNDS: usize = 8;

/// The Orders table.
#[derive(Debug, Clone)]
pub struct Orders {
    client: Client,
    table: String,
}

impl Orders {
    /// The table of this name, through this client.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    /// The items of these keys, at most 100, in any order; one that is not there is
    /// left out.
    pub(crate) async fn batch(
        &self,
        mut keys: Vec<Item>,
        consistent: bool,
    ) -> Result<Vec<Item>, StoreUnavailable> {
        let mut found = Vec::with_capacity(keys.len());
        for _ in 0..BATCH_ROUNDS {
            if keys.is_empty() {
                return Ok(found);
            }
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys));
            let wanted = wanted.consistent_read(consistent).build();
            let wanted = wanted.or(Err(StoreUnavailable("BatchGetItem: no keys".to_owned())))?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.table, wanted)
                .send()
                .await
                .map_err(|error| StoreUnavailable(describe("BatchGetItem", &error)))?;
            let items = answer.responses.unwrap_or_default().remove(&self.table);
            found.extend(items.unwrap_or_default());
            let left = answer.unprocessed_keys.unwrap_or_default().remove(&self.table);
            keys = left.map(|left| left.keys).unwrap_or_default();
        }
        if keys.is_empty() {
            return Ok(found);
        }
        Err(StoreUnavailable("BatchGetItem: too much was left out, too often".to_owned()))
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
            .map(order_item::read)
            .transpose()
    }
}

impl SaveOrder for Orders {
    async fn save(&self, before: &Order, after: &Order) -> Result<SaveResult, StoreUnavailable> {
        let update = order_item::difference(before, after)?;
        let sent = self
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
        match sent {
            Ok(_) => {
                metrics::record(Some(before), after);
                Ok(SaveResult::Saved)
            }
            Err(error) if is_changed(&error) => Ok(SaveResult::Conflict),
            Err(error) => Err(StoreUnavailable(describe("UpdateItem", &error))),
        }
    }
}

fn is_changed<R>(error: &SdkError<UpdateItemError, R>) -> bool {
    error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}

impl PlaceOrder for Orders {
    async fn place(&self, order: &Order) -> Result<PlaceResult, StoreUnavailable> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(order_item::of(order)?))
            .condition_expression("attribute_not_exists(orderId)")
            // What is there already comes with the refusal: a repeat costs no read.
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(_) => {
                metrics::record(None, order);
                Ok(PlaceResult::Created)
            }
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                    let item = refused.item().cloned().unwrap_or_default();
                    Ok(PlaceResult::Exists(Box::new(order_item::read(item)?)))
                }
                _ => Err(StoreUnavailable(describe("PutItem", &error))),
            },
        }
    }
}
