//! The comparison of the books on a real stack: after orders have gone to every end
//! that there is a scenario for, it finds no difference; then a hand meddles with
//! each book, at the providers over HTTP and in the tables, and each time what it did
//! is found, and nothing else.
//!
//! Needs cargo, which builds the functions.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it saw"
)]

mod hand;
mod plants;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use domain::{CustomerId, OrderId};
use jiff::SignedDuration;
use local_stack::audit::is_closed;
use local_stack::functions::{self, Profile};
use local_stack::scenarios;
use local_stack::scenarios::client::Client;
use local_stack::scenarios::runner::run;
use local_stack::scenarios::stock_levels::load_stock;
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::hand::Hand;
use crate::plants::{Found, Orders, plants};

/// Longer than anything but the date of a scheduled order takes to become final.
const REST: SignedDuration = SignedDuration::from_hours(9 * 24);

/// Orders that move while the books are compared.
const MOVING: usize = 32;
/// In real time, for all of that to pass on the stack's clock.
const PATIENCE: Duration = Duration::from_mins(5);

#[tokio::test(flavor = "multi_thread")]
async fn the_books_agree_after_every_scenario_and_whatever_a_hand_changes_is_found() {
    let root = workspace::root();
    let binaries = functions::build_in(&root, Profile::Dev).unwrap();
    let stack = Stack::start(Settings::temporary(&root, binaries)).await.unwrap();
    load_stock(&stack, &root).await.unwrap();
    let hand = Hand::of(&stack);
    let unended = play_all(&stack, &root).await;
    while_orders_move(&stack, &hand).await;
    let orders = place(&stack).await;
    // From here on the clock does not leap: the guard that comes back is kept.
    let rest = stack.clock().now().saturating_add(REST).unwrap();
    let held = stack.clock().sleep_until(rest);
    let _held = tokio::time::timeout(PATIENCE, held).await.unwrap();

    Client::new(stack.urls()).clear_faults().await.unwrap();

    agree(&stack, &hand).await;
    plants::harmless(&hand, &orders).await;
    agree(&stack, &hand).await;
    meddle(&hand, &orders).await;
    stack.shutdown().await;
    assert!(unended.is_empty(), "{unended:?}");
}

/// Plays every scenario there is; those that did not end. Whether one ends as it
/// should is another test's to judge.
async fn play_all(stack: &Stack, root: &Path) -> Vec<String> {
    let mut unended = Vec::new();
    for scenario in scenarios::load(root).unwrap() {
        match run(stack, &scenario, &mut |_| {}).await {
            Ok(report) => println!("{}: {}", report.name, report.status),
            Err(error) => unended.push(format!("{error:#}")),
        }
    }
    unended
}

/// No difference while orders are on their way, even if somebody thinks that a day
/// has passed: only that it is settled makes an order one at rest.
async fn while_orders_move(stack: &Stack, hand: &Hand<'_>) {
    let client = Client::new(stack.urls());
    let mut orders = JoinSet::new();
    for number in 0..MOVING {
        let client = client.clone();
        orders.spawn(async move { one(&client, &format!("moving-{number}"), &[], &plain()).await });
    }
    let mut compared = 0;
    while compared < 8 || !orders.is_empty() {
        let later = stack.clock().now().saturating_add(SignedDuration::from_hours(24)).unwrap();
        let report = hand.compare_at(later).await;
        assert_eq!(report["differences"], json!([]), "{report}");
        assert_eq!(report["complete"], true, "{report}");
        compared += 1;
        while orders.try_join_next().is_some() {}
    }
    println!("compared {compared} times while {MOVING} orders moved");
}

/// The orders that a hand will meddle with, each at its end.
async fn place(stack: &Stack) -> Orders {
    let client = Client::new(stack.urls());
    let lapsed = [json!({"at": "gateway.capture", "calls": {"from": 1}, "kind": "refuse"})];
    let unsold = [json!({"at": "carrier.buy", "calls": {"from": 1}, "kind": "refuse"})];
    let mut orders = Orders::default();
    for number in 0..plants::FULFILLED {
        orders.fulfilled.push(one(&client, &format!("plain-{number}"), &[], &plain()).await);
    }
    orders.undone = one(&client, "undone", &lapsed, &plain()).await;
    orders.unsold = one(&client, "unsold", &unsold, &plain()).await;
    let mut declined = plain();
    declined["paymentMethod"] = json!("pm_card_visa_chargeDeclined");
    for number in 0..3 {
        orders.declined.push(one(&client, &format!("declined-{number}"), &[], &declined).await);
    }
    let mut scheduled = plain();
    let date = stack.clock().now().saturating_add(SignedDuration::from_hours(80 * 24)).unwrap();
    scheduled["scheduledFor"] = json!(format!("{date:.0}"));
    scheduled["paymentCustomer"] = json!("cus_ada");
    orders.scheduled = one(&client, "scheduled", &[], &scheduled).await;
    orders
}

/// Places an order to which these things go wrong.
async fn one(client: &Client, key: &str, faults: &[Value], body: &Value) -> String {
    let id = OrderId::for_request(&CustomerId::parse("customer-1").unwrap(), key);
    client.inject_faults(faults, Some(id.as_str())).await.unwrap();
    let placed = client.place_order(body, key).await.unwrap().into_success("the order").unwrap();
    assert_eq!(placed["orderId"], id.as_str());
    id.to_string()
}

fn plain() -> Value {
    json!({
        "customer": {"name": "Ada Lovelace", "email": "ada@example.com"},
        "shippingAddress": {
            "street1": "388 Townsend St", "city": "San Francisco", "state": "CA",
            "postalCode": "94107", "country": "US",
        },
        "items": [{"sku": "PEN-01", "quantity": 2}],
        "paymentMethod": "pm_card_visa",
        "shippingService": "standard",
    })
}

/// No difference, in the whole of all books.
async fn agree(stack: &Stack, hand: &Hand<'_>) {
    let report = hand.compare().await;
    println!("{} {}", report["compared"], report["through"]);
    assert_eq!(report["differences"], json!([]));
    assert_eq!(report["complete"], true, "{report}");
    let rows = stack.items("Orders").await.unwrap();
    let closed = |row: &&Value| is_closed(row);
    assert_eq!(report["compared"]["orders"], rows.len());
    let open: Vec<_> = rows.iter().filter(closed).filter(|row| !row["open"].is_null()).collect();
    assert!(open.is_empty(), "closed and not settled after nine days: {open:?}");
    let ends: BTreeSet<_> = rows.iter().map(|row| row["status"]["S"].as_str().unwrap()).collect();
    println!("{} orders: {ends:?}", rows.len());
    assert_eq!(report["compared"]["settled"], rows.iter().filter(closed).count());
}

/// Each plant, one after the other: it is found, and besides it only what was found
/// before and is still so.
async fn meddle(hand: &Hand<'_>, orders: &Orders) {
    let mut known = Found::new();
    for plant in plants() {
        let expected = plant.plant(hand, orders).await;
        let report = hand.compare().await;
        let found = plants::found(&report);
        let missed: Found = expected.difference(&found).cloned().collect();
        assert!(missed.is_empty(), "{plant:?}: {missed:?} are not found: {report}");
        known.extend(expected.clone());
        let more: Found = found.difference(&known).cloned().collect();
        assert!(more.is_empty(), "{plant:?}: {more:?} are not there: {report}");
        println!("{plant:?}: {} found", expected.len());
        for (_, name) in expected.iter().filter(|(_, name)| name.starts_with("ord_")) {
            is_raised(hand, name).await;
        }
    }
}

/// Whether a person was called to the order, if there is one of that name.
async fn is_raised(hand: &Hand<'_>, id: &str) {
    if id == plants::UNKNOWN || id == plants::SPOILT {
        return;
    }
    let row = hand.row(id).await;
    assert_eq!(row["attention"]["S"], "OPERATOR", "{row}");
    let noted = |entry: &&Value| entry["M"]["detail"]["S"] == "BOOKS_DIFFER";
    let timeline = row["timeline"]["L"].as_array().unwrap();
    assert_eq!(timeline.iter().filter(noted).count(), 1, "{row}");
}
