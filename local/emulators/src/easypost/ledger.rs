//! The carrier's book: every shipment with its history, and the labels of each order.
//!
//! It is made from the objects that the model keeps, so nothing that a caller sends can
//! write it. `labels` is how many were ever bought; `labelRefunds` how many of them were given
//! back, or are on their way: a refund that was refused in the end is none.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::history::LabelTotals;
use super::shipments::Shipment;

/// What the carrier knows of one order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderLabels {
    /// Its labels.
    #[serde(flatten)]
    pub labels: LabelTotals,
    /// Shipments that were created for it.
    pub shipments: usize,
    /// Refunds of its labels that were refused in the end.
    pub refused_refunds: usize,
}

impl OrderLabels {
    fn add(&mut self, shipment: &Shipment) {
        self.labels += shipment.labels();
        self.shipments += 1;
        self.refused_refunds +=
            usize::from(shipment.refund == Some(super::shipments::LabelRefundStatus::Rejected));
    }
}

/// A view of the book.
#[derive(Debug, Clone, Copy)]
pub struct Ledger<'a> {
    pub(crate) shipments: &'a [Shipment],
}

impl<'a> Ledger<'a> {
    /// Every shipment, oldest first.
    pub fn shipments(&self) -> impl Iterator<Item = &'a Shipment> {
        self.shipments.iter()
    }

    /// The shipments of an order, oldest first.
    pub fn shipments_of(&self, order: &str) -> impl Iterator<Item = &'a Shipment> {
        self.shipments.iter().filter(move |shipment| shipment.order.as_deref() == Some(order))
    }

    /// The labels of all shipments.
    pub fn totals(&self) -> LabelTotals {
        let mut totals = LabelTotals::default();
        for shipment in self.shipments {
            totals += shipment.labels();
        }
        totals
    }

    /// What is known of one order; all zero where it never called.
    pub fn order(&self, order: &str) -> OrderLabels {
        let mut labels = OrderLabels::default();
        for shipment in self.shipments_of(order) {
            labels.add(shipment);
        }
        labels
    }

    /// The same for every order that ever called.
    pub fn orders(&self) -> BTreeMap<String, OrderLabels> {
        let mut orders: BTreeMap<String, OrderLabels> = BTreeMap::new();
        for shipment in self.shipments {
            if let Some(order) = &shipment.order {
                orders.entry(order.clone()).or_default().add(shipment);
            }
        }
        orders
    }

    /// As `GET /_ledger` shows it, for one order or for all.
    pub fn to_json(&self, order: Option<&str>) -> Value {
        let requested = |of: Option<&str>| order.is_none() || of == order;
        let shipments: Vec<Value> = self
            .shipments
            .iter()
            .filter(|shipment| requested(shipment.order.as_deref()))
            .map(Shipment::to_ledger)
            .collect();
        let mut orders = self.orders();
        orders.retain(|id, _| requested(Some(id)));
        let totals = order.map_or_else(|| self.totals(), |order| self.order(order).labels);
        json!({ "provider": "carrier", "totals": totals, "orders": orders, "shipments": shipments })
    }
}
