//! What the books must say of an order that is at rest: the record, the gateway's
//! ledger and the carrier's, one against the other.
//!
//! [`wrong`] judges one order by its row of the Orders table and by what both
//! providers wrote down of it, which our code cannot write. It speaks of orders at
//! rest: settled, or in an operator's hands. [`at_rest`] waits until all are.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, bail};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::dynamodb::OrderWritten;
use crate::scenarios::Ledger;
use crate::stack::Stack;

/// The statuses that nothing leaves.
pub const CLOSED: [&str; 7] = [
    "FULFILLED",
    "PAYMENT_FAILED",
    "OUT_OF_STOCK",
    "INVENTORY_FAILED",
    "SHIPPING_FAILED",
    "REJECTED",
    "CANCELLED",
];

/// Whether an order is at rest: in an operator's hands, or closed and settled, so
/// that the reconciler no longer looks after it.
pub fn is_at_rest(row: &Value) -> bool {
    let status = text(row, "status");
    status == "NEEDS_ATTENTION" || (CLOSED.contains(&status) && row["open"].is_null())
}

/// Waits until every order is at rest, and gives the rows of all. Gives up when
/// nothing was written for `patience` of real time, or when the stack's clock has
/// run on for [`LONGEST`] and one is still not.
pub async fn at_rest(stack: &Stack, patience: Duration) -> Result<Vec<Value>> {
    // Watched before the table is read, so that no write falls in between.
    let mut writes = stack.order_writes();
    let until = stack.clock().now().saturating_add(LONGEST)?;
    loop {
        let rows = stack.rows("Orders").await?;
        let mut restless: BTreeSet<_> =
            rows.iter().filter(|row| !is_at_rest(row)).map(|row| text(row, "orderId")).collect();
        if restless.is_empty() {
            return Ok(rows);
        }
        while !restless.is_empty() {
            let Some(written) = next(&mut writes, patience).await? else { break };
            if stack.clock().now() > until {
                bail!("after {LONGEST:?}, these are not at rest: {restless:?}");
            }
            let row = stack.row("Orders", &json!({"orderId": {"S": written}})).await?;
            if is_at_rest(&row) {
                restless.remove(&*written);
            }
        }
    }
}

/// Nothing that an order waits for takes longer, on the stack's clock: a schedule
/// of 90 days, and what comes after it.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 120);

/// The next order that is written; none when some were missed.
async fn next(writes: &mut Receiver<OrderWritten>, patience: Duration) -> Result<Option<String>> {
    match tokio::time::timeout(patience, writes.recv()).await {
        Err(_elapsed) => bail!("orders are not at rest, and nothing was written for {patience:?}"),
        Ok(Err(RecvError::Closed)) => bail!("orders are not at rest, and the stack has ended"),
        Ok(Err(RecvError::Lagged(_))) => Ok(None),
        Ok(Ok(written)) => Ok(Some(written.order_id)),
    }
}

/// Everything that is wrong about an order at rest, one sentence each. `row` is
/// its item of the Orders table, in DynamoDB's JSON.
pub fn wrong(row: &Value, ledger: &Ledger) -> Vec<String> {
    let order = Order::of(row);
    let rules = match order.status {
        "FULFILLED" => fulfilled(&order, ledger),
        "NEEDS_ATTENTION" => stuck(&order),
        status if CLOSED.contains(&status) => given_up(&order, ledger),
        _ => vec![(false, "is not at rest")],
    };
    let broken = always(&order, ledger).into_iter().chain(rules).filter(|(holds, _)| !holds);
    let told = |(_, what)| format!("{} ({}) {what}: {ledger:?}", order.id, order.status);
    broken.map(told).collect()
}

/// A rule and whether it holds.
type Rule = (bool, &'static str);

fn always(order: &Order<'_>, ledger: &Ledger) -> Vec<Rule> {
    vec![
        (ledger.captured <= order.total, "was charged more than its total"),
        (ledger.refunded <= ledger.captured, "got more back than it paid"),
        (ledger.labels <= 1, "has two labels"),
    ]
}

fn fulfilled(order: &Order<'_>, ledger: &Ledger) -> Vec<Rule> {
    vec![
        (ledger.captured == order.total, "was not paid in full"),
        (ledger.refunded == 0, "was paid back"),
        (ledger.labels - ledger.label_refunds == 1, "has no live label"),
        (order.holds_stock, "holds no goods"),
        (!order.needs_approval || order.approved, "was not approved"),
        (!order.cancellation_asked, "was cancelled"),
    ]
}

fn given_up(order: &Order<'_>, ledger: &Ledger) -> Vec<Rule> {
    let held = ledger.authorized - ledger.captured;
    vec![
        (ledger.captured == ledger.refunded || order.raised, "keeps money, and nobody is told"),
        (held == ledger.voided, "holds an authorisation"),
        (ledger.labels == ledger.label_refunds || order.raised, "has a label, and nobody is told"),
        (!order.holds_stock, "holds goods"),
        (order.status != "CANCELLED" || ledger.labels == 0, "was cancelled and shipped"),
    ]
}

fn stuck(order: &Order<'_>) -> Vec<Rule> {
    vec![(order.raised, "is stuck, and nobody is told")]
}

/// The facts of a row that the rules speak of.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Order<'a> {
    id: &'a str,
    status: &'a str,
    total: i64,
    holds_stock: bool,
    raised: bool,
    needs_approval: bool,
    approved: bool,
    cancellation_asked: bool,
}

impl<'a> Order<'a> {
    fn of(row: &'a Value) -> Self {
        let reservation = &row["reservation"]["M"];
        let review = &row["review"]["M"];
        Self {
            id: text(row, "orderId"),
            status: text(row, "status"),
            total: row["total"]["M"]["amount"]["N"].as_str().map_or(-1, minor),
            holds_stock: !reservation.is_null() && reservation["releasedAt"].is_null(),
            raised: text(row, "attention") == "OPERATOR",
            needs_approval: review["required"]["BOOL"] == true,
            approved: text(review, "decision") == "approve",
            cancellation_asked: !row["cancelRequestedAt"].is_null(),
        }
    }
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name]["S"].as_str().unwrap_or_default()
}

fn minor(text: &str) -> i64 {
    text.parse().unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(status: &str) -> Value {
        json!({
            "orderId": {"S": "ord_1"},
            "status": {"S": status},
            "total": {"M": {"amount": {"N": "500"}}},
        })
    }

    fn with(mut row: Value, name: &str, value: Value) -> Value {
        row[name] = value;
        row
    }

    const PAID: Ledger = Ledger {
        authorized: 500,
        captured: 500,
        voided: 0,
        refunded: 0,
        labels: 1,
        label_refunds: 0,
    };
    const NOTHING: Ledger = Ledger { authorized: 500, captured: 0, voided: 500, labels: 0, ..PAID };

    fn fulfilled() -> Value {
        with(row("FULFILLED"), "reservation", json!({"M": {"at": {"S": "now"}}}))
    }

    #[test]
    fn books_that_agree_have_nothing_wrong() {
        let check = |row: &Value, ledger: &Ledger| {
            assert_eq!(wrong(row, ledger), Vec::<String>::new());
        };
        check(&fulfilled(), &PAID);
        check(&row("CANCELLED"), &NOTHING);
        check(&row("PAYMENT_FAILED"), &Ledger { voided: 0, authorized: 0, ..NOTHING });
        check(&row("SHIPPING_FAILED"), &Ledger { refunded: 500, label_refunds: 1, ..PAID });
        let raised = with(row("SHIPPING_FAILED"), "attention", json!({"S": "OPERATOR"}));
        check(&raised, &PAID);
    }

    #[test]
    fn whatever_does_not_agree_is_told() {
        let check = |row: &Value, ledger: Ledger, expected: &str| {
            let told = wrong(row, &ledger).join("; ");
            assert!(told.contains(expected), "{told} lacks {expected}");
        };
        check(&fulfilled(), Ledger { captured: 499, ..PAID }, "not paid in full");
        check(&fulfilled(), Ledger { captured: 1000, ..PAID }, "charged more");
        check(&fulfilled(), Ledger { refunded: 500, ..PAID }, "paid back");
        check(&fulfilled(), Ledger { labels: 2, ..PAID }, "two labels");
        check(&fulfilled(), Ledger { labels: 0, ..PAID }, "no live label");
        check(&row("FULFILLED"), PAID, "holds no goods");
        let unapproved = json!({"M": {"required": {"BOOL": true}}});
        check(&with(fulfilled(), "review", unapproved), PAID, "not approved");
        let asked = with(fulfilled(), "cancelRequestedAt", json!({"S": "now"}));
        check(&asked, PAID, "was cancelled");
        check(&row("PAYMENT_FAILED"), PAID, "keeps money");
        check(&row("PAYMENT_FAILED"), Ledger { voided: 0, ..NOTHING }, "holds an authorisation");
        check(&row("SHIPPING_FAILED"), Ledger { labels: 1, ..NOTHING }, "has a label");
        check(&row("CANCELLED"), Ledger { labels: 1, label_refunds: 1, ..NOTHING }, "and shipped");
        let holding = with(row("REJECTED"), "reservation", json!({"M": {"at": {"S": "now"}}}));
        check(&holding, NOTHING, "holds goods");
        check(&row("NEEDS_ATTENTION"), PAID, "is stuck");
        check(&row("RESERVED"), NOTHING, "not at rest");
        check(&row("CANCELLED"), Ledger { refunded: 1, ..NOTHING }, "more back");
    }
}
