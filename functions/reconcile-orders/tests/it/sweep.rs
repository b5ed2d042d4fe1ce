//! A sweep starts missing executions, leaves running orders alone, and survives failures.

use domain::Order;
use reconcile_orders::event::SweepOutput;
use serde_json::json;
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{due_at, inspect, now, stored_order, sweep, with_running_execution};

#[test]
fn a_missing_execution_is_started() {
    let order = samples::received();
    let test_bed = TestBed::with(&order);
    assert_eq!(sweep(&test_bed, now()), SweepOutput::default(), "its start may be in progress");
    let output = sweep(&test_bed, due_at(&test_bed, &order));
    assert_eq!(output, SweepOutput { inspected: 1, started: 1, ..SweepOutput::default() });
    assert_eq!(
        test_bed.started(),
        [(order.execution.clone(), json!({"orderId": order.order_id}))].into()
    );
    assert_eq!(stored_order(&test_bed, &order), order);
}

#[test]
fn a_scheduled_order_is_started_with_its_date() {
    let mut request = samples::new_order();
    request.scheduled_for = Some(now().plus_hours(48));
    let order = Order::accept(request, samples::placed_at());
    let test_bed = TestBed::with(&order);
    sweep(&test_bed, due_at(&test_bed, &order));
    assert_eq!(test_bed.started()[&order.execution]["scheduledFor"], json!(order.scheduled_for));
    // The execution runs. The next inspection is due after the order's date.
    sweep(&test_bed, due_at(&test_bed, &order));
    assert_eq!(due_at(&test_bed, &order), now().plus_hours(48).plus_minutes(15));
}

#[test]
fn an_order_in_progress_gets_a_new_inspection_time_and_no_other_change() {
    let order = samples::authorized();
    let test_bed = with_running_execution(&order);
    let at = due_at(&test_bed, &order);
    assert_eq!(sweep(&test_bed, at), SweepOutput { inspected: 1, ..SweepOutput::default() });
    let inspected = stored_order(&test_bed, &order);
    assert_eq!(inspected.check_at, Some(at.plus_minutes(15)));
    let reverted = Order { check_at: order.check_at, version: order.version, ..inspected };
    assert_eq!(reverted, order);
    assert_eq!((test_bed.count("payment."), test_bed.count("shipping.")), (0, 0));
    assert_eq!(test_bed.count("workflow.status"), 1);
    assert_eq!(test_bed.started().len(), 1);
}

#[test]
fn a_sweep_with_nothing_due_only_reads_the_indexes() {
    let order = samples::authorized();
    let test_bed = with_running_execution(&order);
    assert_eq!(sweep(&test_bed, now()), SweepOutput::default());
    let calls = test_bed.calls();
    assert_eq!(calls.iter().filter(|call| **call == "orders.due").count(), 8);
    assert!(
        calls.iter().all(|call| matches!(*call, "orders.due" | "orders.list" | "orders.retained")),
        "{calls:?}"
    );
    assert_eq!(calls.iter().filter(|call| **call == "orders.retained").count(), 1);
}

#[test]
fn the_record_and_not_a_stale_index_decides_whether_an_order_is_due() {
    // Another process wrote the order after the index was read. It is not due any more.
    let order = samples::authorized();
    let later = InjectedFault::ConcurrentWrite(|order| order.inspected(&[], now().plus_hours(1)));
    let test_bed = with_running_execution(&order).on("orders.load", 1, later);
    assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)), SweepOutput::default());
    assert_eq!(test_bed.count("workflow."), 0);
}

#[test]
fn a_failing_order_does_not_stop_the_others_and_is_inspected_again_soon() {
    let mut request = samples::new_order();
    request.order_id = domain::OrderId::for_request(&request.customer_id, "another");
    let (one, other) = (samples::received(), Order::accept(request, samples::placed_at()));
    let test_bed = TestBed::with(&one).on("workflow.start", 1, InjectedFault::NotSent);
    test_bed.put(&other);
    let at = due_at(&test_bed, &one);
    let output = sweep(&test_bed, at);
    assert_eq!((output.inspected, output.started, output.failed), (2, 1, 1));
    let failed = if test_bed.is_running(&one.execution) { &other } else { &one };
    assert_eq!(due_at(&test_bed, failed), at.plus_minutes(5));
    assert_eq!(sweep(&test_bed, at.plus_minutes(5)).started, 1);
}

#[test]
fn a_finalized_or_unknown_order_is_skipped() {
    let finalized = samples::fulfilled().finalized(&[], now());
    let test_bed = TestBed::with(&finalized);
    assert_eq!(inspect(&test_bed, &finalized, now()), SweepOutput::default());
    assert_eq!(inspect(&TestBed::default(), &finalized, now()), SweepOutput::default());
    assert_eq!(stored_order(&test_bed, &finalized), finalized);
}
