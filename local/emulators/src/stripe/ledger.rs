//! The gateway's book: every intent with its history, and the sums of each order.
//!
//! It is made from the objects that the model keeps, so nothing that a caller sends can
//! write it. All figures are cumulative and in minor units: what was authorised counts once,
//! when the intent was confirmed; voided is what an authorised intent gave back by being
//! cancelled, by lapsing, or by being captured for less; refunded is what a refund that has
//! not failed gives back.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::history::PaymentTotals;
use super::payment_intents::{Intent, IntentStatus};
use super::refunds::Refund;

/// What the gateway knows of one order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct OrderPayments {
    /// The order's money.
    #[serde(flatten)]
    pub totals: PaymentTotals,
    /// Intents that were created for it.
    pub intents: usize,
    /// Intents that were ever confirmed, whatever the issuer said.
    pub confirmed: usize,
    /// How often any of them was confirmed.
    pub confirms: u32,
    /// Intents that hold money now.
    pub live: usize,
    /// Refunds that failed.
    pub failed_refunds: usize,
}

impl OrderPayments {
    fn add(&mut self, intent: &Intent) {
        self.totals += intent.totals;
        self.intents += 1;
        self.confirmed += usize::from(intent.confirms > 0);
        self.confirms += intent.confirms;
        self.live += usize::from(intent.status == IntentStatus::RequiresCapture);
        self.failed_refunds += intent.failed_refunds;
    }
}

/// A view of the book.
#[derive(Debug, Clone, Copy)]
pub struct Ledger<'a> {
    pub(crate) intents: &'a [Intent],
    pub(crate) refunds: &'a [Refund],
}

impl<'a> Ledger<'a> {
    /// Every intent, oldest first.
    pub fn intents(&self) -> impl Iterator<Item = &'a Intent> {
        self.intents.iter()
    }

    /// Every refund, oldest first.
    pub fn refunds(&self) -> impl Iterator<Item = &'a Refund> {
        self.refunds.iter()
    }

    /// The intents of an order, oldest first.
    pub fn intents_of(&self, order: &str) -> impl Iterator<Item = &'a Intent> {
        self.intents.iter().filter(move |intent| intent.order.as_deref() == Some(order))
    }

    /// The sums over all intents.
    pub fn totals(&self) -> PaymentTotals {
        let mut totals = PaymentTotals::default();
        for intent in self.intents {
            totals += intent.totals;
        }
        totals
    }

    /// What is known of one order; all zero where it never called.
    pub fn order(&self, order: &str) -> OrderPayments {
        let mut money = OrderPayments::default();
        for intent in self.intents_of(order) {
            money.add(intent);
        }
        money
    }

    /// The same for every order that ever called.
    pub fn orders(&self) -> BTreeMap<String, OrderPayments> {
        let mut orders: BTreeMap<String, OrderPayments> = BTreeMap::new();
        for intent in self.intents {
            if let Some(order) = &intent.order {
                orders.entry(order.clone()).or_default().add(intent);
            }
        }
        orders
    }

    /// As `GET /_ledger` shows it, for one order or for all.
    pub fn to_json(&self, order: Option<&str>) -> Value {
        let requested = |of: Option<&str>| order.is_none() || of == order;
        let intents: Vec<Value> = self
            .intents
            .iter()
            .filter(|intent| requested(intent.order.as_deref()))
            .map(Intent::to_ledger)
            .collect();
        let refunds: Vec<Value> = self
            .refunds
            .iter()
            .filter(|refund| requested(refund.order.as_deref()))
            .map(Refund::to_ledger)
            .collect();
        let mut orders = self.orders();
        orders.retain(|id, _| requested(Some(id)));
        let totals = order.map_or_else(|| self.totals(), |order| self.order(order).totals);
        json!({ "provider": "gateway", "totals": totals, "orders": orders, "intents": intents, "refunds": refunds })
    }
}
