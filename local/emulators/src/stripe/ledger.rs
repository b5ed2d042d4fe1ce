//! Stripe's ledger: every intent with its history, and the totals of each order.
//!
//! It is a view of the emulator's objects, so no caller can write it. All amounts are cumulative
//! and in minor units. `authorized` counts an intent once, when it is confirmed. `voided` counts
//! what an authorized intent releases by cancellation, expiration or partial capture. `refunded`
//! counts refunds that have not failed.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::history::PaymentTotals;
use super::payment_intents::{Intent, IntentStatus};
use super::refunds::Refund;

/// The payments of one order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct OrderPayments {
    /// The amounts.
    #[serde(flatten)]
    pub totals: PaymentTotals,
    /// Intents created.
    pub intents: usize,
    /// Intents ever confirmed, with any response of the issuer.
    pub confirmed: usize,
    /// How often its intents were confirmed.
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

/// A view of the ledger.
#[derive(Debug, Clone, Copy)]
pub struct Ledger<'a> {
    pub(crate) intents: &'a [Intent],
    pub(crate) refunds: &'a [Refund],
}

impl<'a> Ledger<'a> {
    /// All intents, oldest first.
    pub fn intents(&self) -> impl Iterator<Item = &'a Intent> {
        self.intents.iter()
    }

    /// All refunds, oldest first.
    pub fn refunds(&self) -> impl Iterator<Item = &'a Refund> {
        self.refunds.iter()
    }

    /// The intents of an order, oldest first.
    pub fn intents_of(&self, order: &str) -> impl Iterator<Item = &'a Intent> {
        self.intents.iter().filter(move |intent| intent.order.as_deref() == Some(order))
    }

    /// The totals of all intents.
    pub fn totals(&self) -> PaymentTotals {
        let mut totals = PaymentTotals::default();
        for intent in self.intents {
            totals += intent.totals;
        }
        totals
    }

    /// The figures of one order; all zero if it has no intent.
    pub fn order(&self, order: &str) -> OrderPayments {
        let mut money = OrderPayments::default();
        for intent in self.intents_of(order) {
            money.add(intent);
        }
        money
    }

    /// The figures of every order with an intent.
    pub fn orders(&self) -> BTreeMap<String, OrderPayments> {
        Self::orders_among(self.intents())
    }

    fn orders_among(intents: impl Iterator<Item = &'a Intent>) -> BTreeMap<String, OrderPayments> {
        let mut orders: BTreeMap<String, OrderPayments> = BTreeMap::new();
        for intent in intents {
            if let Some(order) = &intent.order {
                orders.entry(order.clone()).or_default().add(intent);
            }
        }
        orders
    }

    /// The JSON of `GET /_ledger`, for one order or for all.
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
        let orders = match order {
            Some(order) => Self::orders_among(self.intents_of(order)),
            None => self.orders(),
        };
        let totals = order.map_or_else(|| self.totals(), |order| self.order(order).totals);
        json!({ "provider": "gateway", "totals": totals, "orders": orders, "intents": intents, "refunds": refunds })
    }
}
