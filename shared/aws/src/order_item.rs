//! An order as a `DynamoDB` item, and the update from one order to the next.
//!
//! An item is the order's JSON form, attribute for attribute. The providers' ids are
//! repeated at the top level, where an index can see them. An update writes only the
//! top-level attributes that differ, so it keeps what a newer release added to the item.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ports::StoreUnavailable;
use domain::{Order, PaymentIntentId};

use crate::attributes::{Item, string};

/// The attribute, and the index of the same name, that holds the payment intent's id.
pub(crate) const INTENT_ID: &str = "intentId";
/// The attribute, and the index of the same name, that holds the shipment's id.
pub(crate) const SHIPMENT_ID: &str = "shipmentId";

/// The item of an order.
///
/// # Errors
/// If the order cannot be serialized.
pub(crate) fn to_item(order: &Order) -> Result<Item, StoreUnavailable> {
    let mut item: Item =
        serde_dynamo::to_item(order).or_else(|_| malformed(order.order_id.as_str()))?;
    let intent = order.payment.intent_id.as_ref().map(PaymentIntentId::to_string);
    let shipment = order.shipment.as_ref().map(|stored| stored.shipment_id.to_string());
    for (name, id) in [(INTENT_ID, intent), (SHIPMENT_ID, shipment)] {
        if let Some(id) = id {
            item.insert(name.to_owned(), AttributeValue::S(id));
        }
    }
    Ok(item)
}

/// The order of an item.
///
/// # Errors
/// If the item is malformed. The error names only the order, because serde's reason may
/// quote the item.
pub(crate) fn parse(item: Item) -> Result<Order, StoreUnavailable> {
    let id = string(&item, "orderId").unwrap_or("an order without an id").to_owned();
    serde_dynamo::from_item(item).or_else(|_| malformed(&id))
}

fn malformed<T>(id: &str) -> Result<T, StoreUnavailable> {
    Err(StoreUnavailable(format!("the record of {id} is malformed")))
}

/// A conditional update of an order.
#[derive(Debug)]
pub(crate) struct OrderUpdate {
    /// `SET … REMOVE …`.
    pub(crate) expression: String,
    /// Holds while the order has the version that was read.
    pub(crate) condition: &'static str,
    /// The attribute of each placeholder `#name`.
    pub(crate) names: HashMap<String, String>,
    /// The value of each placeholder `:name`.
    pub(crate) values: Item,
}

/// The condition of every update.
const SAME_VERSION: &str = "#version = :before";

/// The update that turns the item of `before` into that of `after`.
///
/// # Errors
/// If an order cannot be serialized.
pub(crate) fn difference(before: &Order, after: &Order) -> Result<OrderUpdate, StoreUnavailable> {
    let old: BTreeMap<_, _> = to_item(before)?.into_iter().collect();
    let new: BTreeMap<_, _> = to_item(after)?.into_iter().collect();
    let version = AttributeValue::N(before.version.to_string());
    let mut update = OrderUpdate {
        expression: String::new(),
        condition: SAME_VERSION,
        names: HashMap::from([("#version".to_owned(), "version".to_owned())]),
        values: HashMap::from([(":before".to_owned(), version)]),
    };
    let removed: Vec<_> = old.keys().filter(|name| !new.contains_key(*name)).cloned().collect();
    let set: Vec<_> = new
        .into_iter()
        .filter(|(name, value)| old.get(name) != Some(value))
        .map(|(name, value)| update.set(&name, value))
        .collect();
    let removed: Vec<_> = removed.iter().map(|name| update.placeholder(name)).collect();
    for (clause, parts) in [("SET ", set), (" REMOVE ", removed)] {
        if !parts.is_empty() {
            update.expression.push_str(clause);
            update.expression.push_str(&parts.join(", "));
        }
    }
    Ok(update)
}

impl OrderUpdate {
    fn set(&mut self, name: &str, value: AttributeValue) -> String {
        self.values.insert(format!(":{name}"), value);
        format!("{} = :{name}", self.placeholder(name))
    }

    fn placeholder(&mut self, name: &str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }
}
