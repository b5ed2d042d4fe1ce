//! What a sweep measures: how late it is, what it could not inspect, how long orders have
//! needed attention, and executions that ended without closing their order.

use domain::order::Attention;
use domain::{Order, Status};
use serde_json::Value;
use testing::fakes::{InjectedFault, TestBed};
use testing::log_buffer::LogBuffer;
use testing::samples;

use crate::support::{
    closed_unshipped, due_at, now, sweep, with_ended_execution, with_running_execution,
};

/// The metric lines that are written while `run` runs.
fn metrics_of<T>(run: impl FnOnce() -> T) -> Vec<Value> {
    let log = LogBuffer::new();
    let writer = log.clone();
    let subscriber = aws::telemetry::subscriber(tracing::Level::ERROR, move || writer.clone());
    let _output = tracing::subscriber::with_default(subscriber, run);
    let text = log.take_text();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["_aws"].is_object()).collect()
}

/// The values of a metric, in the order of its lines.
fn values(lines: &[Value], name: &str) -> Vec<u64> {
    lines.iter().filter_map(|line| line[name].as_u64()).collect()
}

#[test]
fn a_sweep_measures_how_long_the_latest_order_had_been_due() {
    let order = samples::reserved();
    let test_bed = with_running_execution(&order);
    let late = due_at(&test_bed, &order).plus_minutes(12);
    let lines = metrics_of(|| sweep(&test_bed, late));
    assert_eq!(values(&lines, "SweepDelay"), [12 * 60]);
    // Nothing is due any more.
    let lines = metrics_of(|| sweep(&test_bed, late));
    assert_eq!(values(&lines, "SweepDelay"), [0]);
    assert_eq!(values(&lines, "InspectionsFailed"), [0; 0]);
}

#[test]
fn a_sweep_counts_the_orders_that_it_could_not_inspect() {
    let order = samples::reserved();
    let test_bed = with_running_execution(&order).on("workflow.status", 1, InjectedFault::NotSent);
    let lines = metrics_of(|| sweep(&test_bed, due_at(&test_bed, &order)));
    assert_eq!(values(&lines, "InspectionsFailed"), [1]);
}

#[test]
fn a_sweep_measures_how_long_orders_have_needed_attention() {
    let waiting = |status, attention| samples::waiting(samples::authorized(), status, attention);
    let age = |order: &Order, minutes: i64| {
        let test_bed = TestBed::with(order).running(&order.execution);
        let lines = metrics_of(|| sweep(&test_bed, order.updated_at.plus_minutes(minutes)));
        let age = |line: &Value| {
            let age = line["AttentionAge"].as_u64()?;
            Some((line["Attention"].as_str()?.to_owned(), age))
        };
        lines.iter().filter_map(age).collect::<Vec<_>>()
    };
    let check = |order: &Order, minutes, ages: [u64; 3]| {
        let queues = ["REVIEW", "BACKORDER", "OPERATOR"].map(str::to_owned).into_iter();
        let expected: Vec<_> = queues.zip(ages).collect();
        assert_eq!(age(order, minutes), expected, "{}", order.status);
    };
    check(&waiting(Status::InReview, Attention::Review), 90, [90 * 60, 0, 0]);
    check(&waiting(Status::NeedsAttention, Attention::Operator), 30, [0, 0, 30 * 60]);
    check(&samples::reserved(), 30, [0, 0, 0]);
}

#[test]
fn an_execution_that_ended_without_closing_its_order_is_counted_once() {
    let ended_early = |order: &Order, times: usize| {
        let test_bed = with_ended_execution(order);
        let sweep_when_due = || {
            for _ in 0..times {
                sweep(&test_bed, due_at(&test_bed, order));
            }
        };
        values(&metrics_of(sweep_when_due), "ExecutionsEndedEarly")
    };
    // The second sweep finds the new execution running.
    assert_eq!(ended_early(&samples::reserved(), 2), [1]);
    let escalated = (0..3).fold(samples::reserved(), |order, _| order.restarted(now()));
    assert_eq!(ended_early(&escalated, 1), [1]);
    // A declined order ends in a Fail state, as it should.
    let closed = closed_unshipped(domain::payment::PaymentStatus::Voided);
    assert_eq!(ended_early(&closed, 1), [0; 0]);
}
