//! The two equations that must hold after all scenarios, and the audit of each order.
//!
//! They are those of the panel ([`crate::panel`]), except that nothing is in progress any
//! more: captured − refunded = value shipped + to be given back. Stock, for each SKU:
//! received = available + reserved.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use super::money::format_money;
use crate::audit;
use crate::commands::output::Styles;
use crate::panel::MoneyBalance;
use crate::scenarios::client::Client;
use crate::scenarios::stock_levels::StockLevel;
use crate::stack::Stack;

/// The ledgers of all orders, as the panel reads them.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Balance {
    money: Vec<MoneyBalance>,
    stock: Vec<StockLevel>,
    #[serde(skip)]
    violations: Vec<String>,
}

impl Balance {
    /// Reads the ledgers, the tables and the stock levels.
    pub(super) async fn read(stack: &Stack) -> Result<Self> {
        let client = Client::new(stack.urls());
        let ledger = client.panel("GET", "ledger", None).await?;
        let ledger = ledger.into_success("reading the ledgers")?;
        let mut balance: Self = serde_json::from_value(ledger)?;
        for order in stack.items("Orders").await? {
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

    fn check_equations(&mut self) {
        let unbalanced = self.money.iter().filter(|money| !holds(money)).map(|money| {
            format!(
                "money does not balance: captured − refunded is {}, shipped + to be given back is {}",
                format_money(money.net, &money.currency),
                format_money(money.shipped + money.to_give_back, &money.currency)
            )
        });
        let levels = self.stock.iter().filter(|level| !level.balances());
        let unbalanced: Vec<_> = unbalanced
            .chain(levels.map(|level| format!("stock does not balance: {level:?}")))
            .collect();
        self.violations.extend(unbalanced);
    }

    /// The equations, one line each.
    pub(super) fn render(&self, styles: &Styles) -> String {
        let mut lines = vec![format!("\n{}", styles.heading.apply_to("Ledgers"))];
        lines.extend(self.money.iter().map(|money| money_line(money, styles)));
        let widest = self.stock.iter().map(|level| level.sku.len()).max().unwrap_or_default();
        lines.extend(self.stock.iter().map(|level| {
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

/// Whether the money balances with nothing in progress.
fn holds(money: &MoneyBalance) -> bool {
    money.balances && money.in_progress == 0
}

fn money_line(money: &MoneyBalance, styles: &Styles) -> String {
    let amount = |minor| format_money(minor, &money.currency);
    format!(
        "{} captured − refunded {} {} {} shipped + {} to be given back",
        styles.mark(holds(money)),
        amount(money.net),
        equal(holds(money)),
        amount(money.shipped),
        amount(money.to_give_back),
    )
}

const fn equal(balances: bool) -> &'static str {
    if balances { "=" } else { "≠" }
}

fn order_id(order: &Value) -> Result<&str> {
    order["orderId"]["S"].as_str().context("an order has no orderId")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(net: i64, in_progress: i64, balances: bool) -> MoneyBalance {
        MoneyBalance {
            currency: "USD".to_owned(),
            net,
            shipped: 4499,
            to_give_back: 1999,
            in_progress,
            balances,
            ..MoneyBalance::default()
        }
    }

    #[test]
    fn money_that_does_not_balance_or_is_in_progress_is_a_violation() {
        let check = |money: MoneyBalance, violations: usize| {
            let mut balance = Balance { money: vec![money], ..Balance::default() };
            balance.check_equations();
            assert_eq!(balance.violations.len(), violations, "{balance:?}");
        };
        check(money(6498, 0, true), 0);
        check(money(6499, 0, false), 1);
        check(money(6998, 500, true), 1);
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
            money: vec![money(6498, 0, true)],
            stock: vec![level(498), level(499)],
            violations: Vec::new(),
        };
        let expected = "\nLedgers\n\
            ✓ captured − refunded $64.98 = $44.99 shipped + $19.99 to be given back\n\
            ✓ MUG-01 received  500 =  498 available +  2 reserved\n\
            ✗ MUG-01 received  500 ≠  499 available +  2 reserved";
        assert_eq!(balance.render(&Styles::plain()), expected);
    }
}
