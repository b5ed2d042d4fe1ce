//! An execution that was never started is started, and nothing else is touched.

use domain::Order;
use reconcile_orders::event::Looked;
use serde_json::json;
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{due, look_at, now, stored_order, tick, under_way};

#[test]
fn an_order_whose_execution_was_never_started_is_started() {
    let order = samples::received();
    let world = TestBed::with(&order);
    assert_eq!(tick(&world, now()), Looked::default(), "its start may be under way");
    let seen = tick(&world, due(&world, &order));
    assert_eq!(seen, Looked { looked: 1, started: 1, ..Looked::default() });
    assert_eq!(
        world.started(),
        [(order.execution.clone(), json!({"orderId": order.order_id}))].into()
    );
    assert_eq!(stored_order(&world, &order), order);
}

#[test]
fn an_order_for_later_is_started_with_its_date() {
    let mut request = samples::new_order();
    request.scheduled_for = Some(now().plus_hours(48));
    let order = Order::accept(request, samples::placed_at());
    let world = TestBed::with(&order);
    tick(&world, due(&world, &order));
    assert_eq!(world.started()[&order.execution]["scheduledFor"], json!(order.scheduled_for));
    // It runs now, and is looked at again when it should have begun.
    tick(&world, due(&world, &order));
    assert_eq!(due(&world, &order), now().plus_hours(48).plus_minutes(15));
}

#[test]
fn an_order_that_is_under_way_is_left_alone_and_only_its_next_look_written() {
    let order = samples::authorized();
    let world = under_way(&order);
    let at = due(&world, &order);
    assert_eq!(tick(&world, at), Looked { looked: 1, ..Looked::default() });
    let seen = stored_order(&world, &order);
    assert_eq!(seen.check_at, Some(at.plus_minutes(15)));
    let back = Order { check_at: order.check_at, version: order.version, ..seen };
    assert_eq!(back, order);
    assert_eq!((world.count("payment."), world.count("shipping.")), (0, 0));
    assert_eq!(world.count("workflow.status"), 1);
    assert_eq!(world.started().len(), 1);
}

#[test]
fn a_tick_with_nothing_due_reads_the_indexes_and_does_nothing() {
    let order = samples::authorized();
    let world = under_way(&order);
    assert_eq!(tick(&world, now()), Looked::default());
    let calls = world.calls();
    assert_eq!(calls.iter().filter(|call| **call == "orders.due").count(), 8);
    assert!(calls.iter().all(|call| matches!(*call, "orders.due" | "orders.list")), "{calls:?}");
}

#[test]
fn an_order_is_looked_at_by_the_record_and_not_by_a_late_index() {
    // Somebody wrote it after the index was read: it is not due any more.
    let order = samples::authorized();
    let later = InjectedFault::ConcurrentWrite(|order| order.inspected(&[], now().plus_hours(1)));
    let world = under_way(&order).on("orders.load", 1, later);
    assert_eq!(tick(&world, due(&world, &order)), Looked::default());
    assert_eq!(world.count("workflow."), 0);
}

#[test]
fn one_orders_failure_stops_no_other_and_is_looked_at_again_soon() {
    let mut request = samples::new_order();
    request.order_id = domain::OrderId::for_request(&request.customer_id, "another");
    let (one, other) = (samples::received(), Order::accept(request, samples::placed_at()));
    let world = TestBed::with(&one).on("workflow.start", 1, InjectedFault::NotSent);
    world.put(&other);
    let at = due(&world, &one);
    let seen = tick(&world, at);
    assert_eq!((seen.looked, seen.started, seen.failed), (2, 1, 1));
    let failed = if world.is_running(&one.execution) { &other } else { &one };
    assert_eq!(due(&world, failed), at.plus_minutes(5));
    assert_eq!(tick(&world, at.plus_minutes(5)).started, 1);
}

/// The `n`th order that was closed and whose money is to be looked up.
fn closed_nth(n: i64) -> Order {
    let mut request = samples::new_order();
    request.order_id = domain::OrderId::for_request(&request.customer_id, &n.to_string());
    let placed = Order::accept(request, samples::placed_at());
    let closed = crate::support::closed_early(domain::payment::PaymentStatus::Voided);
    Order {
        open: placed.open.clone(),
        order_id: placed.order_id.clone(),
        execution: placed.execution,
        ..closed
    }
}

#[test]
fn a_provider_that_is_away_does_not_take_the_time_of_the_orders_that_need_none() {
    let closed: Vec<_> = (0..15).map(closed_nth).collect();
    let mut world = (1..=15).fold(TestBed::default(), |world, nth| {
        world.on("payment.retrieve", nth, InjectedFault::NotSent)
    });
    for order in &closed {
        world.put(order);
        world = world.ended(&order.execution);
    }
    let at = closed[0].check_at.unwrap();
    assert_eq!(tick(&world, at).failed, 10);
    assert_eq!(tick(&world, at.plus_minutes(1)).failed, 5, "the next look goes on with the rest");
    assert_eq!(
        tick(&world, at.plus_minutes(2)),
        Looked::default(),
        "all of them are looked at later"
    );
}

#[test]
fn an_order_that_is_settled_or_not_there_is_nobodys_business() {
    let settled = samples::fulfilled().finalized(&[], now());
    let world = TestBed::with(&settled);
    assert_eq!(look_at(&world, &settled, now()), Looked::default());
    assert_eq!(look_at(&TestBed::default(), &settled, now()), Looked::default());
    assert_eq!(stored_order(&world, &settled), settled);
}
