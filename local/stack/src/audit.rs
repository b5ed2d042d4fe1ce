//! Audits orders at rest: the order's record against both providers' ledgers.
//!
//! [`violations`] checks one order. The ledgers are independent evidence, because only
//! the emulators write them. An order is at rest when it is closed and finalized, or
//! waits for an operator; [`wait_until_at_rest`] waits until all orders are.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, bail};
use domain::Status;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::dynamodb::OrderWrite;
use crate::scenarios::Ledger;
use crate::stack::Stack;

/// Whether the order is at rest: it waits for an operator, or it is closed and the
/// reconciler has finalized it.
pub fn is_at_rest(item: &Value) -> bool {
    text(item, "status") == "NEEDS_ATTENTION" || (is_closed(item) && item["open"].is_null())
}

/// What the order's record says was refunded by hand after it was fulfilled, in minor units.
pub fn refunded_by_hand(item: &Value) -> i64 {
    let refunded = item["payment"]["M"]["refunded"]["N"].as_str();
    refunded.and_then(|minor| minor.parse().ok()).unwrap_or(0)
}

/// Whether the order's status is final. An unknown status is not.
pub fn is_closed(item: &Value) -> bool {
    Status::deserialize(&item["status"]["S"]).is_ok_and(Status::is_closed)
}

/// Waits until every order is at rest, and returns the items of all orders.
///
/// # Errors
/// No order is written for `patience` of real time, or the stack's clock advances by
/// [`STACK_TIME_LIMIT`], and an order is not at rest.
pub async fn wait_until_at_rest(stack: &Stack, patience: Duration) -> Result<Vec<Value>> {
    // Subscribed before the table is read, so that no write is missed.
    let mut writes = stack.order_writes();
    let deadline = stack.clock().now().saturating_add(STACK_TIME_LIMIT)?;
    loop {
        let items = stack.items("Orders").await?;
        let unfinished = items.iter().filter(|item| !is_at_rest(item));
        let mut unfinished: BTreeSet<_> = unfinished.map(|item| text(item, "orderId")).collect();
        if unfinished.is_empty() {
            return Ok(items);
        }
        while !unfinished.is_empty() {
            let Some(written) = next_written(&mut writes, patience).await? else { break };
            if stack.clock().now() > deadline {
                bail!("not at rest after {STACK_TIME_LIMIT:?}: {unfinished:?}");
            }
            let item = stack.item("Orders", &json!({"orderId": {"S": written}})).await?;
            if is_at_rest(&item) {
                unfinished.remove(&*written);
            }
        }
    }
}

/// Longer than any order lives on the stack's clock: a schedule of 90 days, and the
/// month that may follow the order's end.
const STACK_TIME_LIMIT: SignedDuration = SignedDuration::from_hours(24 * 120);

/// Waits for the next write and returns the order's id; none, when writes were missed.
async fn next_written(
    writes: &mut Receiver<OrderWrite>,
    patience: Duration,
) -> Result<Option<String>> {
    match tokio::time::timeout(patience, writes.recv()).await {
        Err(_elapsed) => {
            bail!("orders are not at rest, and none was written for {patience:?}")
        }
        Ok(Err(RecvError::Closed)) => bail!("orders are not at rest, and the stack has shut down"),
        Ok(Err(RecvError::Lagged(_))) => Ok(None),
        Ok(Ok(written)) => Ok(Some(written.order_id)),
    }
}

/// Returns every rule that an order at rest violates, one sentence each. `item` is its
/// item in the Orders table, in DynamoDB's JSON.
pub fn violations(item: &Value, ledger: &Ledger) -> Vec<String> {
    let order = AuditedOrder::from_item(item);
    let rules = if order.status == "FULFILLED" {
        fulfilled_rules(&order, ledger)
    } else if order.status == "NEEDS_ATTENTION" {
        vec![(order.raised, "needs attention, but is not raised to an operator")]
    } else if is_closed(item) {
        failed_rules(&order, ledger)
    } else {
        vec![(false, "is not at rest")]
    };
    let violated =
        common_rules(&order, ledger).into_iter().chain(rules).filter(|(holds, _)| !holds);
    let describe = |(_, what)| format!("{} ({}) {what}: {ledger:?}", order.id, order.status);
    violated.map(describe).collect()
}

/// Whether the rule holds, and what is wrong if not.
type Rule = (bool, &'static str);

fn common_rules(order: &AuditedOrder<'_>, ledger: &Ledger) -> Vec<Rule> {
    vec![
        (ledger.captured <= order.total, "was charged more than its total"),
        (ledger.refunded <= ledger.captured, "was refunded more than was captured"),
        (ledger.labels <= 1, "has two labels"),
    ]
}

fn fulfilled_rules(order: &AuditedOrder<'_>, ledger: &Ledger) -> Vec<Rule> {
    vec![
        (ledger.captured == order.total, "was not captured in full"),
        (ledger.refunded == order.refunded, "was refunded, and its record does not say so"),
        (ledger.labels - ledger.label_refunds == 1, "has no valid label"),
        (order.holds_stock, "holds no stock"),
        (!order.needs_approval || order.approved, "was not approved"),
        (!order.cancellation_requested, "was canceled"),
    ]
}

fn failed_rules(order: &AuditedOrder<'_>, ledger: &Ledger) -> Vec<Rule> {
    let held = ledger.authorized - ledger.captured;
    let money_returned = ledger.captured == ledger.refunded;
    let label_returned = ledger.labels == ledger.label_refunds;
    vec![
        (
            money_returned || order.raised || order.keeps_money,
            "keeps money and is not raised to an operator",
        ),
        (held == ledger.voided, "holds an authorization"),
        (
            label_returned || order.raised || order.keeps_label,
            "has a label and is not raised to an operator",
        ),
        (!order.holds_stock, "holds stock"),
        (order.status != "CANCELLED" || ledger.labels == 0, "was canceled and shipped"),
    ]
}

/// The facts of an order that the rules need.
#[expect(clippy::struct_excessive_bools, reason = "each is a separate fact")]
struct AuditedOrder<'a> {
    id: &'a str,
    status: &'a str,
    total: i64,
    holds_stock: bool,
    /// Whether it is raised to an operator.
    raised: bool,
    needs_approval: bool,
    approved: bool,
    cancellation_requested: bool,
    /// What its record says was refunded by hand after it was fulfilled.
    refunded: i64,
    /// Whether an operator had the money kept.
    keeps_money: bool,
    /// Whether an operator had the label kept.
    keeps_label: bool,
}

impl<'a> AuditedOrder<'a> {
    fn from_item(item: &'a Value) -> Self {
        let reservation = &item["reservation"]["M"];
        let review = &item["review"]["M"];
        let total = item["total"]["M"]["amount"]["N"].as_str();
        Self {
            id: text(item, "orderId"),
            status: text(item, "status"),
            // Without a readable total, every capture is a violation.
            total: total.and_then(|total| total.parse().ok()).unwrap_or(-1),
            holds_stock: !reservation.is_null() && reservation["releasedAt"].is_null(),
            raised: text(item, "attention") == "OPERATOR",
            needs_approval: review["required"]["BOOL"] == true,
            approved: text(review, "decision") == "approve",
            cancellation_requested: !item["cancelRequestedAt"].is_null(),
            refunded: refunded_by_hand(item),
            keeps_money: text(&item["settlement"]["M"], "money") == "captured",
            keeps_label: text(&item["shipment"]["M"], "refund") == "KEPT",
        }
    }
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name]["S"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(status: &str) -> Value {
        json!({
            "orderId": {"S": "ord_1"},
            "status": {"S": status},
            "total": {"M": {"amount": {"N": "500"}}},
        })
    }

    fn with(mut item: Value, name: &str, value: Value) -> Value {
        item[name] = value;
        item
    }

    const SHIPPED: Ledger = Ledger {
        authorized: 500,
        captured: 500,
        voided: 0,
        refunded: 0,
        labels: 1,
        label_refunds: 0,
    };
    const VOIDED: Ledger =
        Ledger { authorized: 500, captured: 0, voided: 500, labels: 0, ..SHIPPED };

    fn fulfilled() -> Value {
        with(item("FULFILLED"), "reservation", json!({"M": {"at": {"S": "now"}}}))
    }

    #[test]
    fn an_order_that_agrees_with_the_ledgers_has_no_violations() {
        let check = |item: &Value, ledger: &Ledger| {
            assert_eq!(violations(item, ledger), Vec::<String>::new());
        };
        check(&fulfilled(), &SHIPPED);
        check(&item("CANCELLED"), &VOIDED);
        check(&item("PAYMENT_FAILED"), &Ledger { voided: 0, authorized: 0, ..VOIDED });
        check(&item("SHIPPING_FAILED"), &Ledger { refunded: 500, label_refunds: 1, ..SHIPPED });
        let raised = with(item("SHIPPING_FAILED"), "attention", json!({"S": "OPERATOR"}));
        check(&raised, &SHIPPED);
    }

    #[test]
    fn every_violation_is_reported() {
        let check = |item: &Value, ledger: Ledger, expected: &str| {
            let reported = violations(item, &ledger).join("; ");
            assert!(reported.contains(expected), "{reported} lacks {expected}");
        };
        check(&fulfilled(), Ledger { captured: 499, ..SHIPPED }, "not captured in full");
        check(&fulfilled(), Ledger { captured: 1000, ..SHIPPED }, "charged more");
        check(&fulfilled(), Ledger { refunded: 500, ..SHIPPED }, "was refunded");
        check(&fulfilled(), Ledger { labels: 2, ..SHIPPED }, "two labels");
        check(&fulfilled(), Ledger { labels: 0, ..SHIPPED }, "no valid label");
        check(&item("FULFILLED"), SHIPPED, "holds no stock");
        let unapproved = json!({"M": {"required": {"BOOL": true}}});
        check(&with(fulfilled(), "review", unapproved), SHIPPED, "not approved");
        let requested = with(fulfilled(), "cancelRequestedAt", json!({"S": "now"}));
        check(&requested, SHIPPED, "was canceled");
        check(&item("PAYMENT_FAILED"), SHIPPED, "keeps money");
        check(&item("PAYMENT_FAILED"), Ledger { voided: 0, ..VOIDED }, "holds an authorization");
        check(&item("SHIPPING_FAILED"), Ledger { labels: 1, ..VOIDED }, "has a label");
        let shipped_and_returned = Ledger { labels: 1, label_refunds: 1, ..VOIDED };
        check(&item("CANCELLED"), shipped_and_returned, "and shipped");
        let holding = with(item("REJECTED"), "reservation", json!({"M": {"at": {"S": "now"}}}));
        check(&holding, VOIDED, "holds stock");
        check(&item("NEEDS_ATTENTION"), SHIPPED, "is not raised");
        check(&item("RESERVED"), VOIDED, "not at rest");
        check(&item("UNKNOWN"), VOIDED, "not at rest");
        check(&item("CANCELLED"), Ledger { refunded: 1, ..VOIDED }, "refunded more");
    }
}
