//! The two equations that must hold after all scenarios, and the audit of each order.
//!
//! Money: captured − refunded = value shipped + to be given back. Stock, for each SKU:
//! received = available + reserved.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use super::money::format_money;
use crate::audit;
use crate::commands::output::Styles;
use crate::scenarios::client::Client;
use crate::scenarios::stock_levels::{StockLevel, stock_levels};
use crate::stack::Stack;

/// The totals over all orders of the stack, in minor units of its one currency.
#[derive(Debug, Default)]
pub(super) struct Balance {
    currency: String,
    /// Captured and not refunded, by the payment provider's ledger.
    net_captured: i64,
    /// The totals of the fulfilled orders.
    shipped: i64,
    /// The net captured money of orders that were not shipped and are raised to an
    /// operator, who refunds it.
    to_give_back: i64,
    levels: Vec<StockLevel>,
    violations: Vec<String>,
}

impl Balance {
    /// Reads the ledgers, the tables and the stock levels.
    pub(super) async fn read(stack: &Stack) -> Result<Self> {
        let client = Client::new(stack.urls());
        let net = client.net_captured_by_order().await?;
        let mut balance = Self {
            net_captured: net.values().sum(),
            levels: stock_levels(stack).await?,
            ..Self::default()
        };
        for order in stack.items("Orders").await? {
            balance.add(&order, &net)?;
            let ledger = client.ledger(order_id(&order)?).await?;
            balance.violations.extend(audit::violations(&order, &ledger));
        }
        balance.check_equations();
        Ok(balance)
    }

    /// What does not hold, one sentence each.
    pub(super) fn violations(&self) -> &[String] {
        &self.violations
    }

    /// Adds an order to what was shipped, or to what is to be given back.
    fn add(&mut self, order: &Value, net: &BTreeMap<String, i64>) -> Result<()> {
        let total = &order["total"]["M"];
        total["currency"]["S"].as_str().unwrap_or_default().clone_into(&mut self.currency);
        if order["status"]["S"] == "FULFILLED" {
            let amount = total["amount"]["N"].as_str();
            self.shipped += amount.context("an order has no total")?.parse::<i64>()?;
        } else if order["attention"]["S"] == "OPERATOR" {
            self.to_give_back += net.get(order_id(order)?).copied().unwrap_or_default();
        }
        Ok(())
    }

    fn check_equations(&mut self) {
        if !self.money_balances() {
            self.violations.push(format!(
                "money does not balance: captured − refunded is {}, shipped + to be given back is {}",
                self.money(self.net_captured),
                self.money(self.shipped + self.to_give_back)
            ));
        }
        let unbalanced = self.levels.iter().filter(|level| !level.balances());
        let unbalanced: Vec<_> =
            unbalanced.map(|level| format!("stock does not balance: {level:?}")).collect();
        self.violations.extend(unbalanced);
    }

    const fn money_balances(&self) -> bool {
        self.net_captured == self.shipped + self.to_give_back
    }

    fn money(&self, minor: i64) -> String {
        format_money(minor, &self.currency)
    }

    /// The equations, one line each.
    pub(super) fn render(&self, styles: &Styles) -> String {
        let equal = |balances| if balances { "=" } else { "≠" };
        let heading = styles.heading.apply_to("Ledgers");
        let mut lines = vec![format!(
            "\n{heading}\n{} captured − refunded {} {} {} shipped + {} to be given back",
            styles.mark(self.money_balances()),
            self.money(self.net_captured),
            equal(self.money_balances()),
            self.money(self.shipped),
            self.money(self.to_give_back),
        )];
        let widest = self.levels.iter().map(|level| level.sku.len()).max().unwrap_or_default();
        lines.extend(self.levels.iter().map(|level| {
            format!(
                "{} {:widest$} received {:4} {} {:4} available + {:2} reserved",
                styles.mark(level.balances()),
                level.sku,
                level.received,
                equal(level.balances()),
                level.available,
                level.reserved,
            )
        }));
        lines.join("\n")
    }
}

fn order_id(order: &Value) -> Result<&str> {
    order["orderId"]["S"].as_str().context("an order has no orderId")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order(status: &str, attention: Option<&str>) -> Value {
        let mut order = json!({
            "orderId": {"S": "ord_1"},
            "status": {"S": status},
            "total": {"M": {"amount": {"N": "500"}, "currency": {"S": "USD"}}},
        });
        if let Some(attention) = attention {
            order["attention"] = json!({ "S": attention });
        }
        order
    }

    #[test]
    fn money_that_is_neither_shipped_nor_raised_is_a_violation() {
        let check = |net_captured: i64, order: &Value, balances: bool| {
            let mut balance = Balance { net_captured, ..Balance::default() };
            balance.add(order, &BTreeMap::from([("ord_1".to_owned(), net_captured)])).unwrap();
            balance.check_equations();
            assert_eq!(balance.violations.is_empty(), balances, "{order}: {balance:?}");
        };
        check(500, &order("FULFILLED", None), true);
        check(0, &order("FULFILLED", None), false);
        check(0, &order("CANCELLED", None), true);
        check(500, &order("PAYMENT_FAILED", None), false);
        check(500, &order("PAYMENT_FAILED", Some("OPERATOR")), true);
        check(500, &order("NEEDS_ATTENTION", Some("OPERATOR")), true);
        // A fulfilled order counts as shipped also when it needs an operator.
        check(500, &order("FULFILLED", Some("OPERATOR")), true);
    }

    #[test]
    fn the_equations_are_written_as_people_write_money() {
        let level = |available| StockLevel {
            sku: "MUG-01".to_owned(),
            received: 500,
            available,
            reserved: 2,
        };
        let balance = Balance {
            currency: "USD".to_owned(),
            net_captured: 6498,
            shipped: 4499,
            to_give_back: 1999,
            levels: vec![level(498), level(499)],
            violations: Vec::new(),
        };
        let expected = "\nLedgers\n\
            ✓ captured − refunded $64.98 = $44.99 shipped + $19.99 to be given back\n\
            ✓ MUG-01 received  500 =  498 available +  2 reserved\n\
            ✗ MUG-01 received  500 ≠  499 available +  2 reserved";
        assert_eq!(balance.render(&Styles::plain()), expected);
    }
}
