//! EasyPost's ledger: every shipment with its history, and the labels of each order.
//!
//! It is a view of the emulator's objects, so no caller can write it. `labels` counts the labels
//! ever bought. `labelRefunds` counts those refunded or submitted for a refund; a rejected refund
//! does not count.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::history::LabelTotals;
use super::shipments::{LabelRefundStatus, Shipment};

/// The shipments of one order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderLabels {
    /// Its labels.
    #[serde(flatten)]
    pub labels: LabelTotals,
    /// Shipments created.
    pub shipments: usize,
    /// Label refunds rejected.
    pub refused_refunds: usize,
}

impl OrderLabels {
    fn add(&mut self, shipment: &Shipment) {
        self.labels += shipment.labels();
        self.shipments += 1;
        self.refused_refunds += usize::from(shipment.refund == Some(LabelRefundStatus::Rejected));
    }
}

/// A view of the ledger.
#[derive(Debug, Clone, Copy)]
pub struct Ledger<'a> {
    pub(crate) shipments: &'a [Shipment],
}

impl<'a> Ledger<'a> {
    /// All shipments, oldest first.
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

    /// The figures of one order; all zero if it has no shipment.
    pub fn order(&self, order: &str) -> OrderLabels {
        let mut labels = OrderLabels::default();
        for shipment in self.shipments_of(order) {
            labels.add(shipment);
        }
        labels
    }

    /// The figures of every order with a shipment.
    pub fn orders(&self) -> BTreeMap<String, OrderLabels> {
        Self::orders_among(self.shipments())
    }

    fn orders_among(
        shipments: impl Iterator<Item = &'a Shipment>,
    ) -> BTreeMap<String, OrderLabels> {
        let mut orders: BTreeMap<String, OrderLabels> = BTreeMap::new();
        for shipment in shipments {
            if let Some(order) = &shipment.order {
                orders.entry(order.clone()).or_default().add(shipment);
            }
        }
        orders
    }

    /// The JSON of `GET /_ledger`, for one order or for all.
    pub fn to_json(&self, order: Option<&str>) -> Value {
        let requested = |of: Option<&str>| order.is_none() || of == order;
        let shipments: Vec<Value> = self
            .shipments
            .iter()
            .filter(|shipment| requested(shipment.order.as_deref()))
            .map(Shipment::to_ledger)
            .collect();
        let orders = match order {
            Some(order) => Self::orders_among(self.shipments_of(order)),
            None => self.orders(),
        };
        let totals = order.map_or_else(|| self.totals(), |order| self.order(order).labels);
        json!({ "provider": "carrier", "totals": totals, "orders": orders, "shipments": shipments })
    }
}
