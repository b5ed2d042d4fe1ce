//! An order as an item of the table, and the difference between two of them.
//!
//! An item is the order's own JSON form, attribute for attribute, and beside it the
//! providers' ids once more at the top, where an index can see them. A save writes
//! only the top-level attributes that differ, so that what a newer release
//! added to the item outlives a write by this one.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ports::StoreUnavailable;
use domain::{Order, PaymentIntentId};

/// An item as the SDK takes it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The attribute, and its index, by which an order is found by its intent.
pub(crate) const INTENT_ID: &str = "intentId";
/// The attribute, and its index, by which an order is found by its shipment.
pub(crate) const SHIPMENT_ID: &str = "shipmentId";

/// The item of an order.
pub(crate) fn of(order: &Order) -> Result<Item, StoreUnavailable> {
    let mut item: Item =
        serde_dynamo::to_item(order).or_else(|_| unreadable(order.order_id.as_str()))?;
    let intent = order.payment.intent_id.as_ref().map(PaymentIntentId::to_string);
    let shipment = order.shipment.as_ref().map(|stored| stored.shipment_id.to_string());
    for (name, id) in [(INTENT_ID, intent), (SHIPMENT_ID, shipment)] {
        if let Some(id) = id {
            item.insert(name.to_owned(), AttributeValue::S(id));
        }
    }
    Ok(item)
}

/// The order of an item. The reason why one cannot be read is left out: it may
/// quote what is in it.
pub(crate) fn read(item: Item) -> Result<Order, StoreUnavailable> {
    let id = match item.get("orderId") {
        Some(AttributeValue::S(id)) => id.clone(),
        _ => "an order without an id".to_owned(),
    };
    serde_dynamo::from_item(item).or_else(|_| unreadable(&id))
}

fn unreadable<T>(id: &str) -> Result<T, StoreUnavailable> {
    Err(StoreUnavailable(format!("the record of {id} has not the form of an order")))
}

/// An update of an order: what to write, on which condition.
#[derive(Debug)]
pub(crate) struct Update {
    /// `SET … REMOVE …`.
    pub(crate) expression: String,
    /// The version is still the one that was read.
    pub(crate) condition: &'static str,
    /// The attributes' names.
    pub(crate) names: HashMap<String, String>,
    /// Their values.
    pub(crate) values: Item,
}

/// The condition of every save.
const UNCHANGED: &str = "#version = :before";

/// The update that makes the item of `before` into that of `after`.
pub(crate) fn difference(before: &Order, after: &Order) -> Result<Update, StoreUnavailable> {
    let old: BTreeMap<_, _> = of(before)?.into_iter().collect();
    let new: BTreeMap<_, _> = of(after)?.into_iter().collect();
    let mut update = Update {
        expression: String::new(),
        condition: UNCHANGED,
        names: HashMap::from([("#version".to_owned(), "version".to_owned())]),
        values: HashMap::from([(
            ":before".to_owned(),
            AttributeValue::N(before.version.to_string()),
        )]),
    };
    let removed: Vec<_> = old.keys().filter(|name| !new.contains_key(*name)).cloned().collect();
    let set: Vec<_> = new
        .into_iter()
        .filter(|(name, value)| old.get(name) != Some(value))
        .map(|(name, value)| update.set(&name, value))
        .collect();
    let removed: Vec<_> = removed.iter().map(|name| update.name(name)).collect();
    for (verb, parts) in [("SET ", set), (" REMOVE ", removed)] {
        if !parts.is_empty() {
            update.expression.push_str(verb);
            update.expression.push_str(&parts.join(", "));
        }
    }
    Ok(update)
}

impl Update {
    fn set(&mut self, name: &str, value: AttributeValue) -> String {
        self.values.insert(format!(":{name}"), value);
        format!("{} = :{name}", self.name(name))
    }

    fn name(&mut self, name: &str) -> String {
        let alias = format!("#{name}");
        self.names.insert(alias.clone(), name.to_owned());
        alias
    }
}
