//! Lists of orders, by the sparse indexes of the Orders table.
//!
//! An index gives keys only, and a little late; the orders are read by them as
//! they are now, and one that has left the list meanwhile is left out.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::order::Attention;
use domain::ports::{
    FindOrder, ListDueOrders, ListOrders, OrderList, OrderPage, PageCursor, StoreUnavailable,
};
use domain::{Order, OrderId, PaymentIntentId, ShipmentId, Timestamp};

use crate::Orders;
use crate::clients::describe;
use crate::order_item::{self, Item};

/// How a list is kept: its index, which is named by its key; the key's value;
/// the attribute that it is sorted by; and from which end it is read.
struct Index {
    name: &'static str,
    key: String,
    sorted_by: &'static str,
    oldest_first: bool,
}

impl Index {
    fn of(list: &OrderList) -> Self {
        let (name, key, sorted_by, oldest_first) = match list {
            OrderList::Customer(id) => ("customerId", id.to_string(), "createdAt", false),
            OrderList::Attention(why) => ("attention", name_of(*why), "createdAt", true),
            OrderList::Open(bucket) => ("open", bucket.to_string(), "checkAt", true),
            OrderList::WaitingFor(sku) => ("waitsFor", sku.to_string(), "createdAt", true),
        };
        Self { name, key, sorted_by, oldest_first }
    }

    /// Where to begin after a place. The key is always the list's own, so that a
    /// place can lead nowhere but into the list.
    fn after(&self, place: &PageCursor) -> Item {
        let text = |text: String| AttributeValue::S(text);
        Item::from([
            ("orderId".to_owned(), text(place.order_id.to_string())),
            (self.name.to_owned(), text(self.key.clone())),
            (self.sorted_by.to_owned(), text(place.at.to_string())),
        ])
    }

    fn place(&self, key: &Item) -> Option<PageCursor> {
        let order_id = order_id(key)?;
        let at = key.get(self.sorted_by)?.as_s().ok()?.parse().ok()?;
        Some(PageCursor { order_id, at })
    }
}

fn name_of(why: Attention) -> String {
    let name = match why {
        Attention::Review => "REVIEW",
        Attention::Backorder => "BACKORDER",
        Attention::Operator => "OPERATOR",
    };
    name.to_owned()
}

fn is_on(list: &OrderList, order: &Order) -> bool {
    match list {
        OrderList::Customer(id) => order.customer_id == *id,
        OrderList::Attention(why) => order.attention == Some(*why),
        OrderList::Open(bucket) => order.open.as_deref() == Some(&bucket.to_string()),
        OrderList::WaitingFor(sku) => order.waits_for.as_ref() == Some(sku),
    }
}

impl ListOrders for Orders {
    async fn list(
        &self,
        list: &OrderList,
        after: Option<&PageCursor>,
        limit: u32,
    ) -> Result<OrderPage, StoreUnavailable> {
        let index = Index::of(list);
        let found = self
            .client()
            .query()
            .table_name(self.table())
            .index_name(index.name)
            .key_condition_expression("#key = :key")
            .expression_attribute_names("#key", index.name)
            .expression_attribute_values(":key", AttributeValue::S(index.key.clone()))
            .scan_index_forward(index.oldest_first)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after.map(|place| index.after(place)))
            .send()
            .await
            .map_err(|error| StoreUnavailable(describe("Query", &error)))?;
        let next = found.last_evaluated_key.as_ref().and_then(|key| index.place(key));
        let ids: Vec<_> =
            found.items().iter().filter_map(|key| key.get("orderId")).cloned().collect();
        let mut orders = self.read_all(&ids).await?;
        let in_order = ids.iter().filter_map(|id| orders.remove(id.as_s().ok()?));
        Ok(OrderPage { orders: in_order.filter(|order| is_on(list, order)).collect(), next })
    }
}

impl Orders {
    async fn read_all(
        &self,
        ids: &[AttributeValue],
    ) -> Result<BTreeMap<String, Order>, StoreUnavailable> {
        let keys = ids.iter().map(|id| Item::from([("orderId".to_owned(), id.clone())]));
        let mut orders = BTreeMap::new();
        for found in self.batch(keys.collect(), false).await? {
            let order = order_item::read(found)?;
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
        limit: u32,
    ) -> Result<Vec<OrderId>, StoreUnavailable> {
        let found = self
            .client()
            .query()
            .table_name(self.table())
            .index_name("open")
            .key_condition_expression("#open = :bucket AND #checkAt <= :at")
            .expression_attribute_names("#open", "open")
            .expression_attribute_names("#checkAt", "checkAt")
            .expression_attribute_values(":bucket", AttributeValue::S(bucket.to_string()))
            .expression_attribute_values(":at", AttributeValue::S(at.to_string()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| StoreUnavailable(describe("Query", &error)))?;
        Ok(found.items().iter().filter_map(order_id).collect())
    }
}

fn order_id(key: &Item) -> Option<OrderId> {
    OrderId::parse(key.get("orderId")?.as_s().ok()?.as_str()).ok()
}

impl FindOrder for Orders {
    async fn by_payment_intent(
        &self,
        id: &PaymentIntentId,
    ) -> Result<Option<OrderId>, StoreUnavailable> {
        self.find(order_item::INTENT_ID, id.as_str()).await
    }

    async fn by_shipment(&self, id: &ShipmentId) -> Result<Option<OrderId>, StoreUnavailable> {
        self.find(order_item::SHIPMENT_ID, id.as_str()).await
    }
}

impl Orders {
    /// The order that has this id of a provider's, by the index that is named as
    /// the attribute is.
    async fn find(&self, index: &str, id: &str) -> Result<Option<OrderId>, StoreUnavailable> {
        let found = self
            .client()
            .query()
            .table_name(self.table())
            .index_name(index)
            .key_condition_expression("#id = :id")
            .expression_attribute_names("#id", index)
            .expression_attribute_values(":id", AttributeValue::S(id.to_owned()))
            .limit(1)
            .send()
            .await
            .map_err(|error| StoreUnavailable(describe("Query", &error)))?;
        Ok(found.items().first().and_then(order_id))
    }
}
