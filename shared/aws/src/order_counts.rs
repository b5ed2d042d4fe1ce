//! Counts orders through the indexes of the Orders table, without reading the orders.
//!
//! The index `open` holds `status`, `createdAt` and `compensation` besides its keys, and
//! `closedDay` holds `status`. A query reads 1 MB a page, which is about 4,000 entries.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use domain::order::{Attention, OPEN_ORDER_BUCKETS};
use domain::ports::{CountOrders, OpenOrder, StoreUnavailable};
use domain::{OrderId, Status};

use crate::Orders;
use crate::attributes::{Item, string};
use crate::order_queries::attention_value;
use crate::service_error::describe;

/// The maximum number of pages of one query: beyond some 200,000 orders in one bucket the
/// counts are too low, and the response still comes in time.
const MAX_PAGES: usize = 50;

impl CountOrders for Orders {
    async fn open_orders(&self) -> Result<Vec<OpenOrder>, StoreUnavailable> {
        // All buckets at once: each is a separate partition.
        let mut reading = tokio::task::JoinSet::new();
        for bucket in 0..OPEN_ORDER_BUCKETS {
            let orders = self.clone();
            reading.spawn(async move { orders.open_orders_of(bucket).await });
        }
        let mut found = Vec::new();
        while let Some(read) = reading.join_next().await {
            found.extend(read.map_err(|error| StoreUnavailable(error.to_string()))??);
        }
        Ok(found)
    }

    async fn attention_count(&self, attention: Attention) -> Result<u64, StoreUnavailable> {
        let query = self.query_index("attention", attention_value(attention)).select(Select::Count);
        let pages = pages(query).await?;
        Ok(pages.iter().filter_map(|page| u64::try_from(page.count()).ok()).sum())
    }

    async fn closed_on(&self, day: &str) -> Result<BTreeMap<Status, u64>, StoreUnavailable> {
        let query = self
            .query_index("closedDay", day)
            .projection_expression("#status")
            .expression_attribute_names("#status", "status");
        let mut counts = BTreeMap::new();
        for item in pages(query).await?.iter().flat_map(QueryOutput::items) {
            if let Some(status) = status(item) {
                *counts.entry(status).or_default() += 1;
            }
        }
        Ok(counts)
    }
}

impl Orders {
    async fn open_orders_of(&self, bucket: u8) -> Result<Vec<OpenOrder>, StoreUnavailable> {
        let query = self
            .query_index("open", &bucket.to_string())
            .projection_expression("orderId, #status, createdAt, compensation")
            .expression_attribute_names("#status", "status");
        Ok(pages(query).await?.iter().flat_map(QueryOutput::items).filter_map(open_order).collect())
    }

    /// A query of an index for one value of its partition key, which has its name.
    fn query_index(&self, index: &str, partition: &str) -> QueryFluentBuilder {
        self.client()
            .query()
            .table_name(self.table())
            .index_name(index)
            .key_condition_expression("#key = :key")
            .expression_attribute_names("#key", index)
            .expression_attribute_values(":key", AttributeValue::S(partition.to_owned()))
    }
}

/// All pages of a query.
async fn pages(query: QueryFluentBuilder) -> Result<Vec<QueryOutput>, StoreUnavailable> {
    let mut pages = Vec::new();
    let mut start = None;
    for _ in 0..MAX_PAGES {
        let page = query
            .clone()
            .set_exclusive_start_key(start.take())
            .send()
            .await
            .map_err(|error| StoreUnavailable(describe("Query", &error)))?;
        start.clone_from(&page.last_evaluated_key);
        pages.push(page);
        if start.is_none() {
            break;
        }
    }
    Ok(pages)
}

fn open_order(item: &Item) -> Option<OpenOrder> {
    Some(OpenOrder {
        order_id: OrderId::parse(string(item, "orderId")?).ok()?,
        status: status(item)?,
        created_at: string(item, "createdAt")?.parse().ok()?,
        compensates: item.contains_key("compensation"),
    })
}

fn status(item: &Item) -> Option<Status> {
    string(item, "status")?.parse().ok()
}
