//! Lists and finds orders through the sparse indexes of the Orders table.
//!
//! The indexes hold little more than keys and are eventually consistent. A list reads each order
//! from the table and leaves out those that no longer belong to it.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::order::{Attention, Retention};
use domain::ports::{
    DueOrder, DuePage, FindOrder, ListDueOrders, ListOrders, ListRetainedOrders, LoadOrders,
    OrderList, OrderPage, PageCursor, StoreUnavailable,
};
use domain::{Order, OrderId, PaymentIntentId, ShipmentId, Status, Timestamp};

use crate::Orders;
use crate::attributes::{Item, key, string};
use crate::batch_get::batch_get_items;
use crate::order_item;
use crate::service_error::describe;

/// The query that serves a list. An index has the name of its partition key.
struct ListQuery {
    index: &'static str,
    partition: String,
    sort_key: &'static str,
    ascending: bool,
}

impl ListQuery {
    fn new(list: &OrderList) -> Self {
        let (index, partition, sort_key, ascending) = match list {
            OrderList::Customer(id) => ("customerId", id.to_string(), "createdAt", false),
            OrderList::Attention(why) => {
                ("attention", attention_value(*why).to_owned(), "createdAt", true)
            }
            OrderList::Open(bucket) => ("open", bucket.to_string(), "checkAt", true),
            OrderList::WaitingFor(sku) => ("waitsFor", sku.to_string(), "createdAt", true),
            OrderList::ClosedOn(day) => ("closedDay", day.clone(), "closedAt", false),
        };
        Self { index, partition, sort_key, ascending }
    }

    /// The start key for a cursor. The partition is always the list's, so a cursor of
    /// another list cannot lead out of this one.
    fn start_key(&self, cursor: &PageCursor) -> Item {
        let mut start = key("orderId", cursor.order_id.as_str());
        start.extend(key(self.index, self.partition.clone()));
        start.extend(key(self.sort_key, cursor.at.to_string()));
        start
    }

    fn cursor(&self, last: &Item) -> Option<PageCursor> {
        let order_id = order_id(last)?;
        let at = string(last, self.sort_key)?.parse().ok()?;
        Some(PageCursor { order_id, at })
    }
}

pub(crate) const fn attention_value(attention: Attention) -> &'static str {
    match attention {
        Attention::Review => "REVIEW",
        Attention::Backorder => "BACKORDER",
        Attention::Operator => "OPERATOR",
    }
}

fn belongs_to(list: &OrderList, order: &Order) -> bool {
    match list {
        OrderList::Customer(id) => order.customer_id == *id,
        OrderList::Attention(why) => order.attention == Some(*why),
        OrderList::Open(bucket) => order.open.as_deref() == Some(&bucket.to_string()),
        OrderList::WaitingFor(sku) => order.waits_for.as_ref() == Some(sku),
        OrderList::ClosedOn(day) => order.closed_day.as_ref() == Some(day),
    }
}

impl ListOrders for Orders {
    async fn list(
        &self,
        list: &OrderList,
        after: Option<&PageCursor>,
        limit: u32,
    ) -> Result<OrderPage, StoreUnavailable> {
        let query = ListQuery::new(list);
        let page = self
            .client()
            .query()
            .table_name(self.table())
            .index_name(query.index)
            .key_condition_expression("#key = :key")
            .expression_attribute_names("#key", query.index)
            .expression_attribute_values(":key", AttributeValue::S(query.partition.clone()))
            .scan_index_forward(query.ascending)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after.map(|cursor| query.start_key(cursor)))
            .send()
            .await
            .map_err(|error| StoreUnavailable(describe("Query", &error)))?;
        let next = page.last_evaluated_key.as_ref().and_then(|last| query.cursor(last));
        let ids: Vec<_> = page.items().iter().filter_map(|key| string(key, "orderId")).collect();
        let mut orders = self.load_by_id(&ids).await?;
        let in_order = ids.iter().filter_map(|id| orders.remove(*id));
        Ok(OrderPage { orders: in_order.filter(|order| belongs_to(list, order)).collect(), next })
    }
}

impl LoadOrders for Orders {
    async fn load_all(&self, ids: &[OrderId]) -> Result<Vec<Order>, StoreUnavailable> {
        let ids: Vec<_> = ids.iter().map(OrderId::as_str).collect();
        let mut orders = self.load_by_id(&ids).await?;
        Ok(ids.iter().filter_map(|id| orders.remove(*id)).collect())
    }
}

impl Orders {
    async fn load_by_id(&self, ids: &[&str]) -> Result<BTreeMap<String, Order>, StoreUnavailable> {
        let keys: Vec<_> = ids.iter().map(|id| key("orderId", *id)).collect();
        let mut orders = BTreeMap::new();
        for item in batch_get_items(self.client(), self.table(), &keys, false).await? {
            let order = order_item::parse(item)?;
            orders.insert(order.order_id.to_string(), order);
        }
        Ok(orders)
    }
}

impl ListDueOrders for Orders {
    async fn due_orders(
        &self,
        bucket: u8,
        at: Timestamp,
        after: Option<&PageCursor>,
        limit: u32,
    ) -> Result<DuePage, StoreUnavailable> {
        let query = ListQuery::new(&OrderList::Open(bucket));
        let page = self
            .client()
            .query()
            .table_name(self.table())
            .index_name(query.index)
            .key_condition_expression("#open = :bucket AND #checkAt <= :at")
            .expression_attribute_names("#open", query.index)
            .expression_attribute_names("#checkAt", query.sort_key)
            .expression_attribute_values(":bucket", AttributeValue::S(query.partition.clone()))
            .expression_attribute_values(":at", AttributeValue::S(at.to_string()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after.map(|cursor| query.start_key(cursor)))
            .send()
            .await
            .map_err(|error| StoreUnavailable(describe("Query", &error)))?;
        let next = page.last_evaluated_key.as_ref().and_then(|last| query.cursor(last));
        Ok(DuePage { orders: page.items().iter().filter_map(due_order).collect(), next })
    }
}

impl ListRetainedOrders for Orders {
    async fn retained_orders(
        &self,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<OrderId>, StoreUnavailable> {
        let partition = Retention::PersonalData.to_string();
        let page = self
            .client()
            .query()
            .table_name(self.table())
            .index_name("retention")
            .key_condition_expression("#retention = :retention AND #finalizedAt <= :until")
            .expression_attribute_names("#retention", "retention")
            .expression_attribute_names("#finalizedAt", "finalizedAt")
            .expression_attribute_values(":retention", AttributeValue::S(partition))
            .expression_attribute_values(":until", AttributeValue::S(until.to_string()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| StoreUnavailable(describe("Query", &error)))?;
        Ok(page.items().iter().filter_map(order_id).collect())
    }
}

/// The status only decides about the order of work, so one that cannot be parsed counts as
/// not closed.
fn due_order(item: &Item) -> Option<DueOrder> {
    let status = string(item, "status").and_then(|status| status.parse().ok());
    Some(DueOrder { order_id: order_id(item)?, status: status.unwrap_or(Status::Received) })
}

fn order_id(key: &Item) -> Option<OrderId> {
    OrderId::parse(string(key, "orderId")?).ok()
}

impl FindOrder for Orders {
    async fn by_payment_intent(
        &self,
        id: &PaymentIntentId,
    ) -> Result<Option<OrderId>, StoreUnavailable> {
        self.find_by(order_item::INTENT_ID, id.as_str()).await
    }

    async fn by_shipment(&self, id: &ShipmentId) -> Result<Option<OrderId>, StoreUnavailable> {
        self.find_by(order_item::SHIPMENT_ID, id.as_str()).await
    }
}

impl Orders {
    /// The order with this provider id; `attribute` is also the name of the index.
    async fn find_by(
        &self,
        attribute: &str,
        id: &str,
    ) -> Result<Option<OrderId>, StoreUnavailable> {
        let page = self
            .client()
            .query()
            .table_name(self.table())
            .index_name(attribute)
            .key_condition_expression("#id = :id")
            .expression_attribute_names("#id", attribute)
            .expression_attribute_values(":id", AttributeValue::S(id.to_owned()))
            .limit(1)
            .send()
            .await
            .map_err(|error| StoreUnavailable(describe("Query", &error)))?;
        Ok(page.items().first().and_then(order_id))
    }
}
