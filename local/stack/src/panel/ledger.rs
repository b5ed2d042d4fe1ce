//! The ledgers and the two balances: of all orders, and of one.
//!
//! - Money: captured − refunded = value shipped + to be given back + in progress. Captured
//!   and refunded come from the payment provider's ledger, which only the provider writes.
//!   The other side comes from the orders: a fulfilled order has shipped its total; what an
//!   order that is raised to an operator still holds is to be given back; what an open
//!   order holds is in progress.
//! - Stock, for each SKU: received = available + reserved. The orders hold the reservations.

use std::collections::BTreeMap;

use emulators::easypost::EasyPostEmulator;
use emulators::easypost::ledger::OrderLabels;
use emulators::emulator::Emulator as _;
use emulators::http::SharedEmulator;
use emulators::stripe::StripeEmulator;
use emulators::stripe::ledger::OrderPayments;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::order_index::{OrderFacts, OrderIndex, number};
use super::reply::{Problem, failed, problem};
use crate::audit;
use crate::aws::AwsError;
use crate::http::{Request, StatusCode};
use crate::scenarios::Ledger;
use crate::scenarios::stock_levels::StockLevel;
use crate::stack_handle::StackHandle;

/// How often the ledgers are read again because an order was written meanwhile.
const MAX_READS: u32 = 4;

/// The readers of both ledgers and both tables.
#[derive(Debug)]
pub(super) struct Ledgers {
    stack: StackHandle,
    stripe: SharedEmulator<StripeEmulator>,
    easypost: SharedEmulator<EasyPostEmulator>,
    index: Mutex<OrderIndex>,
}

/// The money of one order, or of all orders in one currency, in minor units.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MoneyBalance {
    pub(crate) currency: String,
    pub(crate) authorized: i64,
    pub(crate) captured: i64,
    pub(crate) voided: i64,
    pub(crate) refunded: i64,
    /// Captured and not refunded: the left side.
    pub(crate) net: i64,
    pub(crate) shipped: i64,
    pub(crate) to_give_back: i64,
    pub(crate) in_progress: i64,
    pub(crate) balances: bool,
}

impl MoneyBalance {
    /// Adds an order. Without facts, the payment belongs to no order.
    fn add(&mut self, facts: Option<&OrderFacts>, payments: OrderPayments) {
        let totals = payments.totals;
        let net = totals.captured - totals.refunded;
        self.authorized += totals.authorized;
        self.captured += totals.captured;
        self.voided += totals.voided;
        self.refunded += totals.refunded;
        self.net += net;
        match facts {
            Some(facts) if facts.status == "FULFILLED" => {
                self.shipped += facts.total - facts.refunded;
            }
            Some(facts) if facts.raised => self.to_give_back += net,
            Some(facts) if !facts.closed => self.in_progress += net,
            _ => {}
        }
        self.balances = self.net == self.shipped + self.to_give_back + self.in_progress;
    }
}

impl Ledgers {
    pub(super) fn start(
        stack: StackHandle,
        stripe: SharedEmulator<StripeEmulator>,
        easypost: SharedEmulator<EasyPostEmulator>,
    ) -> Self {
        let index = Mutex::new(OrderIndex::start(stack.clone()));
        Self { stack, stripe, easypost, index }
    }

    /// The ledger of all orders, or of the order that the request names.
    pub(super) async fn read(&self, request: &Request) -> Result<Value, Problem> {
        let query = request.uri().query().unwrap_or_default();
        let query: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        match query.into_iter().find(|(name, _)| name == "orderId") {
            Some((_, order_id)) => self.of_order(&order_id).await,
            None => self.of_all_orders().await.map_err(failed),
        }
    }

    async fn of_order(&self, order_id: &str) -> Result<Value, Problem> {
        let item = self.stack.order(order_id).await.map_err(failed)?;
        if item.is_null() {
            let detail = format!("orderId: there is no order {order_id:?}.");
            return Err(problem(StatusCode::NOT_FOUND, detail));
        }
        self.advance();
        let payments = self.stripe.lock().ledger().order(order_id);
        let labels = self.easypost.lock().ledger().order(order_id);
        let facts = OrderFacts::from_item(&item);
        let currency = facts.currency.clone();
        let mut money = MoneyBalance { currency, ..MoneyBalance::default() };
        money.add(Some(&facts), payments);
        let at_rest = audit::is_at_rest(&item);
        let violations =
            if at_rest { audit::violations(&item, &ledger(payments, labels)) } else { Vec::new() };
        let reserved =
            facts.reserved.iter().map(|(sku, units)| json!({ "sku": sku, "quantity": units }));
        Ok(json!({
            "orderId": order_id,
            "status": facts.status,
            "total": { "amount": facts.total, "currency": facts.currency },
            "balances": money.balances && violations.is_empty(),
            "money": money,
            "labels": labels_json(labels),
            "reserved": reserved.collect::<Vec<_>>(),
            "atRest": at_rest,
            "violations": violations,
        }))
    }

    /// Reads until no order was written meanwhile. On a stack that is never quiet, the last
    /// reading says that it is not of one moment.
    async fn of_all_orders(&self) -> Result<Value, AwsError> {
        let mut index = self.index.lock().await;
        let mut reads = 0;
        loop {
            let written = self.stack.dynamodb().published_writes();
            let mut reading = self.read_once(&mut index).await?;
            reads += 1;
            let of_one_moment = self.stack.dynamodb().published_writes() == written;
            if of_one_moment || reads == MAX_READS {
                reading["ofOneMoment"] = json!(of_one_moment);
                return Ok(reading);
            }
        }
    }

    async fn read_once(&self, index: &mut OrderIndex) -> Result<Value, AwsError> {
        self.advance();
        let inventory = self.stack.items("Inventory").await?;
        let orders = index.refresh().await?;
        let payments = self.stripe.lock().ledger().orders();
        let labels = self.easypost.lock().ledger().orders();
        let money = money_by_currency(orders, &payments);
        let stock = stock(&inventory, orders);
        let open = orders.values().filter(|facts| !facts.closed).count();
        let balances =
            money.iter().all(|money| money.balances) && stock.iter().all(StockLevel::balances);
        let mut bought = OrderLabels::default();
        for labels in labels.values() {
            bought.labels += labels.labels;
        }
        Ok(json!({
            "orders": orders.len(),
            "open": open,
            "balances": balances,
            "money": money,
            "labels": labels_json(bought),
            "stock": stock.iter().map(stock_json).collect::<Vec<_>>(),
        }))
    }

    /// Applies what is due in the emulators, such as a lapsed authorization.
    fn advance(&self) {
        // The clock is read under the lock, so that an emulator's time never goes back.
        let mut stripe = self.stripe.lock();
        stripe.advance_to(self.stack.clock().now());
        drop(stripe);
        let mut easypost = self.easypost.lock();
        easypost.advance_to(self.stack.clock().now());
    }
}

/// The balance of each currency. The orders decide the currency.
fn money_by_currency(
    orders: &BTreeMap<String, OrderFacts>,
    payments: &BTreeMap<String, OrderPayments>,
) -> Vec<MoneyBalance> {
    let mut balances: BTreeMap<&str, MoneyBalance> = BTreeMap::new();
    for (order_id, facts) in orders {
        let payments = payments.get(order_id).copied().unwrap_or_default();
        balances.entry(&facts.currency).or_default().add(Some(facts), payments);
    }
    for (_, payments) in payments.iter().filter(|(id, _)| !orders.contains_key(*id)) {
        balances.entry("unknown").or_default().add(None, *payments);
    }
    let named = |(currency, balance): (&str, MoneyBalance)| MoneyBalance {
        currency: currency.to_owned(),
        ..balance
    };
    balances.into_iter().map(named).collect()
}

fn stock(inventory: &[Value], orders: &BTreeMap<String, OrderFacts>) -> Vec<StockLevel> {
    let mut reserved: BTreeMap<&str, i64> = BTreeMap::new();
    for (sku, units) in orders.values().flat_map(|facts| &facts.reserved) {
        *reserved.entry(sku).or_default() += units;
    }
    let level = |item: &Value| {
        let sku = item["sku"]["S"].as_str().unwrap_or_default();
        StockLevel {
            sku: sku.to_owned(),
            received: number(&item["received"]),
            available: number(&item["available"]),
            reserved: reserved.get(sku).copied().unwrap_or_default(),
        }
    };
    // A name with `#` is the record of a restock.
    let mut levels: Vec<_> =
        inventory.iter().map(level).filter(|level| !level.sku.contains('#')).collect();
    levels.sort_by(|a, b| a.sku.cmp(&b.sku));
    levels
}

fn stock_json(level: &StockLevel) -> Value {
    let mut shown = json!(level);
    shown["balances"] = json!(level.balances());
    shown
}

fn labels_json(labels: OrderLabels) -> Value {
    json!({ "bought": labels.labels.labels, "refunded": labels.labels.label_refunds })
}

fn ledger(payments: OrderPayments, labels: OrderLabels) -> Ledger {
    let totals = payments.totals;
    Ledger {
        authorized: totals.authorized,
        captured: totals.captured,
        voided: totals.voided,
        refunded: totals.refunded,
        labels: labels.labels.labels,
        label_refunds: labels.labels.label_refunds,
    }
}

#[cfg(test)]
mod tests {
    use emulators::stripe::history::PaymentTotals;

    use super::*;

    fn facts(status: &str, closed: bool, raised: bool) -> OrderFacts {
        let (status, currency) = (status.to_owned(), "USD".to_owned());
        let reserved = Vec::new();
        OrderFacts { status, closed, raised, total: 500, refunded: 0, currency, reserved }
    }

    fn paid(captured: i64, refunded: i64) -> OrderPayments {
        let totals = PaymentTotals { authorized: captured, captured, voided: 0, refunded };
        OrderPayments { totals, ..OrderPayments::default() }
    }

    #[test]
    fn money_balances_only_if_it_is_shipped_raised_or_in_progress() {
        fn check(facts: Option<&OrderFacts>, payments: OrderPayments, balances: bool) {
            let mut money = MoneyBalance::default();
            money.add(facts, payments);
            assert_eq!(money.balances, balances, "{facts:?} {payments:?}: {money:?}");
        }
        check(Some(&facts("FULFILLED", true, false)), paid(500, 0), true);
        check(Some(&facts("FULFILLED", true, false)), paid(499, 0), false);
        check(Some(&facts("FULFILLED", true, false)), paid(1000, 0), false);
        check(Some(&facts("FULFILLED", true, false)), paid(500, 500), false);
        // A fulfilled order counts as shipped also when it needs an operator.
        check(Some(&facts("FULFILLED", true, true)), paid(500, 0), true);
        check(Some(&facts("SHIPPING", false, false)), paid(500, 0), true);
        check(Some(&facts("PAYMENT_FAILED", true, false)), paid(500, 0), false);
        check(Some(&facts("PAYMENT_FAILED", true, false)), paid(500, 500), true);
        check(Some(&facts("PAYMENT_FAILED", true, true)), paid(500, 0), true);
        check(Some(&facts("NEEDS_ATTENTION", false, true)), paid(500, 0), true);
        check(None, paid(500, 0), false);
        check(None, paid(0, 0), true);
    }

    #[test]
    fn currencies_are_never_added_to_each_other() {
        let yen = OrderFacts { currency: "JPY".to_owned(), ..facts("FULFILLED", true, false) };
        let orders =
            [("o1".to_owned(), facts("FULFILLED", true, false)), ("o2".to_owned(), yen)].into();
        let payments = [("o1".to_owned(), paid(500, 0)), ("o2".to_owned(), paid(400, 0))].into();
        let money = money_by_currency(&orders, &payments);
        let seen: Vec<_> = money.iter().map(|m| (m.currency.as_str(), m.net, m.balances)).collect();
        assert_eq!(seen, [("JPY", 400, false), ("USD", 500, true)]);
    }
}
