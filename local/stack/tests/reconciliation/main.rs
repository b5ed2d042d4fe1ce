//! The reconciliation of the ledgers on a real stack. After orders have reached every
//! outcome that a scenario covers, it reports no discrepancy. Then the test changes one
//! record after another, at the providers and in the tables. Each change must be reported,
//! and nothing else.
//!
//! [`discrepancies`] lists the changes, and [`tampering`] makes them. The test builds the
//! functions with cargo.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints what it saw"
)]

mod discrepancies;
mod tampering;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use domain::{CustomerId, OrderId};
use jiff::SignedDuration;
use local_stack::audit::is_closed;
use local_stack::functions::{self, Profile};
use local_stack::scenarios::client::Client;
use local_stack::scenarios::stock_levels::load_stock;
use local_stack::scenarios::{self, runner};
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::discrepancies::{Change, Discrepancies, Orders, reported};
use crate::tampering::Tamperer;

/// Longer than an order takes to be finalized, its scheduled date apart.
const FINALIZATION_TIME: SignedDuration = SignedDuration::from_hours(9 * 24);

/// The number of orders that run during a reconciliation.
const RUNNING_ORDERS: usize = 32;
/// How often the ledgers are reconciled, at least, while orders run.
const MIN_RECONCILIATIONS: usize = 8;
/// The real time in which [`FINALIZATION_TIME`] passes on the stack's clock.
const PATIENCE: Duration = Duration::from_mins(5);

#[tokio::test(flavor = "multi_thread")]
async fn the_ledgers_agree_after_every_scenario_and_every_change_of_a_record_is_reported() {
    let root = workspace::root();
    let binaries = functions::build_in(&root, Profile::Dev).unwrap();
    let stack = Stack::start(Settings::temporary(&root, binaries)).await.unwrap();
    load_stock(&stack, &root).await.unwrap();
    let tamperer = Tamperer::new(&stack);
    let errors = run_all_scenarios(&stack, &root).await;
    reconcile_while_orders_run(&stack, &tamperer).await;
    let orders = place_orders(&stack).await;
    let finalized = stack.clock().now().saturating_add(FINALIZATION_TIME).unwrap();
    let reached = stack.clock().sleep_until(finalized);
    // While this guard is held, the clock does not skip ahead.
    let _clock_guard = tokio::time::timeout(PATIENCE, reached).await.unwrap();

    Client::new(stack.urls()).clear_faults().await.unwrap();

    assert_no_discrepancy(&stack, &tamperer).await;
    discrepancies::make_harmless_changes(&tamperer, &orders).await;
    assert_no_discrepancy(&stack, &tamperer).await;
    assert_every_change_is_reported(&tamperer, &orders).await;
    stack.shutdown().await;
    assert!(errors.is_empty(), "{errors:?}");
}

/// Runs every scenario and returns the errors of those that did not end. Whether a
/// scenario ends as expected is tested elsewhere.
async fn run_all_scenarios(stack: &Stack, root: &Path) -> Vec<String> {
    let mut errors = Vec::new();
    for scenario in scenarios::load(root).unwrap() {
        match runner::run(stack, &scenario, &mut |_| {}).await {
            Ok(report) => println!("{}: {}", report.name, report.status),
            Err(error) => errors.push(format!("{error:#}")),
        }
    }
    errors
}

/// Reconciles while orders run, as if a day had passed: an order is compared only once it
/// is finalized, however old it is.
async fn reconcile_while_orders_run(stack: &Stack, tamperer: &Tamperer<'_>) {
    let client = Client::new(stack.urls());
    let mut orders = JoinSet::new();
    for number in 0..RUNNING_ORDERS {
        let client = client.clone();
        let key = format!("moving-{number}");
        orders.spawn(async move { place_order(&client, &key, &[], &order_body()).await });
    }
    let mut reconciliations = 0;
    while reconciliations < MIN_RECONCILIATIONS || !orders.is_empty() {
        let tomorrow = stack.clock().now().saturating_add(SignedDuration::from_hours(24)).unwrap();
        let report = tamperer.reconcile_at(tomorrow).await;
        assert_eq!(report["differences"], json!([]), "{report}");
        assert_eq!(report["complete"], true, "{report}");
        reconciliations += 1;
        while orders.try_join_next().is_some() {}
    }
    println!("{reconciliations} reconciliations while {RUNNING_ORDERS} orders ran");
}

/// Places the orders that are changed later.
async fn place_orders(stack: &Stack) -> Orders {
    let client = Client::new(stack.urls());
    let fault = |point: &str| json!({"at": point, "calls": {"from": 1}, "kind": "refuse"});
    let (capture_refused, buy_refused) = ([fault("gateway.capture")], [fault("carrier.buy")]);
    let mut orders = Orders::default();
    for number in 0..discrepancies::FULFILLED_ORDERS {
        let key = format!("plain-{number}");
        orders.fulfilled.push(place_order(&client, &key, &[], &order_body()).await);
    }
    orders.compensated = place_order(&client, "undone", &capture_refused, &order_body()).await;
    orders.without_label = place_order(&client, "unsold", &buy_refused, &order_body()).await;
    let mut declined = order_body();
    declined["paymentMethod"] = json!("pm_card_visa_chargeDeclined");
    for number in 0..3 {
        let key = format!("declined-{number}");
        orders.declined.push(place_order(&client, &key, &[], &declined).await);
    }
    let mut scheduled = order_body();
    let date = stack.clock().now().saturating_add(SignedDuration::from_hours(80 * 24)).unwrap();
    scheduled["scheduledFor"] = json!(format!("{date:.0}"));
    scheduled["paymentCustomer"] = json!("cus_ada");
    orders.scheduled = place_order(&client, "scheduled", &[], &scheduled).await;
    orders
}

/// Places an order with these faults, and returns its id.
async fn place_order(client: &Client, key: &str, faults: &[Value], body: &Value) -> String {
    let id = OrderId::for_request(&CustomerId::parse("customer-1").unwrap(), key);
    client.inject_faults(faults, Some(id.as_str())).await.unwrap();
    let response = client.place_order(body, key).await.unwrap();
    let placed = response.into_success("placing the order").unwrap();
    assert_eq!(placed["orderId"], id.as_str());
    id.to_string()
}

fn order_body() -> Value {
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

/// Reconciles, and checks that every order was compared and none differs.
async fn assert_no_discrepancy(stack: &Stack, tamperer: &Tamperer<'_>) {
    let report = tamperer.reconcile().await;
    println!("{} {}", report["compared"], report["through"]);
    assert_eq!(report["differences"], json!([]));
    assert_eq!(report["complete"], true, "{report}");
    let items = stack.items("Orders").await.unwrap();
    let closed: Vec<_> = items.iter().filter(|item| is_closed(item)).collect();
    assert_eq!(report["compared"]["orders"], items.len());
    let open: Vec<_> = closed.iter().filter(|item| !item["open"].is_null()).collect();
    assert!(open.is_empty(), "closed and not finalized after nine days: {open:?}");
    let statuses: BTreeSet<_> =
        items.iter().map(|item| item["status"]["S"].as_str().unwrap()).collect();
    println!("{} orders: {statuses:?}", items.len());
    assert_eq!(report["compared"]["settled"], closed.len());
}

/// Makes one change after another. Each reconciliation must report the new discrepancies,
/// and besides them only earlier ones that still exist.
async fn assert_every_change_is_reported(tamperer: &Tamperer<'_>, orders: &Orders) {
    let mut known = Discrepancies::new();
    for change in Change::ALL {
        let expected = change.make(tamperer, orders).await;
        let report = tamperer.reconcile().await;
        let reported = reported(&report);
        let missed: Discrepancies = expected.difference(&reported).cloned().collect();
        assert!(missed.is_empty(), "{change:?}: {missed:?} are not reported: {report}");
        known.extend(expected.clone());
        let unexpected: Discrepancies = reported.difference(&known).cloned().collect();
        assert!(unexpected.is_empty(), "{change:?}: {unexpected:?} do not exist: {report}");
        println!("{change:?}: {} reported", expected.len());
        for (_, name) in expected.iter().filter(|(_, name)| name.starts_with("ord_")) {
            assert_raised_once(tamperer, name).await;
        }
    }
}

/// Checks that the order is raised to an operator, if it has a readable item.
async fn assert_raised_once(tamperer: &Tamperer<'_>, id: &str) {
    if id == discrepancies::UNKNOWN_ORDER || id == discrepancies::MALFORMED_ORDER {
        return;
    }
    let item = tamperer.order(id).await;
    assert_eq!(item["attention"]["S"], "OPERATOR", "{item}");
    let raised = |entry: &&Value| entry["M"]["detail"]["S"] == "BOOKS_DIFFER";
    let timeline = item["timeline"]["L"].as_array().unwrap();
    assert_eq!(timeline.iter().filter(raised).count(), 1, "{item}");
}
