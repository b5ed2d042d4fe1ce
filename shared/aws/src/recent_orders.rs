//! The table of recent orders: one item for each customer, with an attribute for each order.
//!
//! An order is added in one update on condition of the number of orders that were ever added.
//! So requests that run at the same time add their orders without reading again, until one
//! limit is reached. `DynamoDB` deletes the item after 100 days without an order (attribute
//! `expiresAt`, the table's time to live).

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ports::{
    AddRecentOrderResult, RecentOrdersFuture, StoreUnavailable, TrackRecentOrders,
};
use domain::recent_orders::{RecentOrder, RecentOrders as Record, RecentOrdersUpdate};
use domain::{CustomerId, Order, OrderId};

use crate::attributes::{Item, key, number};
use crate::batch_get::batch_get_items;
use crate::order_item;
use crate::service_error::describe;

/// The key of the table.
const CUSTOMER_ID: &str = "customerId";
/// How many orders were ever added.
const ADDED: &str = "added";
/// The attribute of the table's time to live: seconds since 1970, as `DynamoDB` requires.
const EXPIRES_AT: &str = "expiresAt";

/// The table of recent orders, and the Orders table that says which of them ended.
#[derive(Debug, Clone)]
pub struct RecentOrders {
    client: Client,
    table: String,
    orders_table: String,
}

impl RecentOrders {
    /// The tables of these names, called through this client.
    pub fn new(client: Client, table: impl Into<String>, orders_table: impl Into<String>) -> Self {
        Self { client, table: table.into(), orders_table: orders_table.into() }
    }
}

impl TrackRecentOrders for RecentOrders {
    fn recent_orders<'a>(&'a self, customer: &'a CustomerId) -> RecentOrdersFuture<'a, Record> {
        Box::pin(async move {
            let read = self
                .client
                .get_item()
                .table_name(&self.table)
                .set_key(Some(key(CUSTOMER_ID, customer.as_str())))
                .consistent_read(true)
                .send()
                .await
                .map_err(|error| StoreUnavailable(describe("GetItem", &error)))?;
            read.item.map_or_else(|| Ok(Record::default()), parse)
        })
    }

    fn current_orders<'a>(&'a self, ids: &'a [OrderId]) -> RecentOrdersFuture<'a, Vec<Order>> {
        Box::pin(async move {
            let keys: Vec<_> = ids.iter().map(|id| key("orderId", id.as_str())).collect();
            let found = batch_get_items(&self.client, &self.orders_table, &keys, true).await?;
            found.into_iter().map(order_item::parse).collect()
        })
    }

    fn add_recent_order<'a>(
        &'a self,
        customer: &'a CustomerId,
        update: &'a RecentOrdersUpdate,
    ) -> RecentOrdersFuture<'a, AddRecentOrderResult> {
        Box::pin(async move {
            let Expression { text, names, values } = expression(update)?;
            let result = self
                .client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(key(CUSTOMER_ID, customer.as_str())))
                .update_expression(text)
                .condition_expression("attribute_not_exists(#added) OR #added <= :maxAdded")
                .set_expression_attribute_names(Some(names))
                .set_expression_attribute_values(Some(values))
                .send()
                .await;
            let Err(error) = result else { return Ok(AddRecentOrderResult::Added) };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => {
                    Ok(AddRecentOrderResult::Conflict)
                }
                _ => Err(StoreUnavailable(describe("UpdateItem", &error))),
            }
        })
    }
}

/// An update expression with its placeholders.
struct Expression {
    text: String,
    names: HashMap<String, String>,
    values: Item,
}

fn expression(update: &RecentOrdersUpdate) -> Result<Expression, StoreUnavailable> {
    let number = |n: String| AttributeValue::N(n);
    let expires_at = update.expires_at.to_jiff().as_second();
    let mut names = HashMap::from([
        ("#added".to_owned(), ADDED.to_owned()),
        ("#expiresAt".to_owned(), EXPIRES_AT.to_owned()),
    ]);
    let mut values = Item::from([
        (":one".to_owned(), number(1.to_string())),
        (":maxAdded".to_owned(), number(update.max_added.to_string())),
        (":expiresAt".to_owned(), number(expires_at.to_string())),
    ]);
    let mut set = vec!["#expiresAt = :expiresAt".to_owned()];
    for (id, order) in &update.set {
        let value = serde_dynamo::to_attribute_value(order).or_else(|_| malformed())?;
        names.insert(format!("#{id}"), id.to_string());
        values.insert(format!(":{id}"), value);
        set.push(format!("#{id} = :{id}"));
    }
    let removed: Vec<_> = update.removed.iter().map(|id| format!("#{id}")).collect();
    names.extend(update.removed.iter().map(|id| (format!("#{id}"), id.to_string())));
    let remove =
        if removed.is_empty() { String::new() } else { format!(" REMOVE {}", removed.join(", ")) };
    let text = format!("SET {} ADD #added :one{remove}", set.join(", "));
    Ok(Expression { text, names, values })
}

/// The record of an item: each attribute whose name is the id of an order is an order.
fn parse(item: Item) -> Result<Record, StoreUnavailable> {
    let added = number(&item, ADDED).unwrap_or_default();
    let orders = item.into_iter().filter_map(|(name, value)| {
        let id = OrderId::parse(name).ok()?;
        let order: Result<RecentOrder, _> = serde_dynamo::from_attribute_value(value);
        Some(order.map_or_else(|_| malformed(), |order| Ok((id, order))))
    });
    Ok(Record { added, orders: orders.collect::<Result<_, _>>()? })
}

fn malformed<T>() -> Result<T, StoreUnavailable> {
    Err(StoreUnavailable("a record of recent orders is malformed".to_owned()))
}
