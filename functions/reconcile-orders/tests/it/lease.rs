//! Two sweeps never overlap, and one that died holds up none.

use std::cell::Cell;

use aws::clock::Clock;
use domain::Timestamp;
use domain::ports::SweepLease as _;
use reconcile_orders::lease::{EXTEND_AFTER_SECONDS, LEASE_SECONDS};
use serde_json::{Value, json};
use testing::crash::crash_once;
use testing::fakes::{TestBed, run};
use testing::samples;

use crate::support::{due_at, function, with_running_execution};

/// A clock that a test sets.
#[derive(Debug, Default)]
struct TestClock(std::sync::atomic::AtomicU64);

impl TestClock {
    fn advance(&self, seconds: u32) {
        self.0.fetch_add(u64::from(seconds) * 1000, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        samples::placed_at()
    }

    fn monotonic_ms(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

fn input(at: Timestamp) -> Value {
    json!({"operation": "look", "time": at.to_string()})
}

/// Runs a sweep that never gets as far as to extend its lease. `None` if it died.
fn sweep(test_bed: &TestBed, at: Timestamp) -> Option<Value> {
    let clock = TestClock::default();
    let pause = async || std::future::pending::<()>().await;
    let result = run(function(test_bed).handle_alone(input(at), &clock, pause));
    result.map(|output| output.expect("the sweep succeeds"))
}

fn take(test_bed: &TestBed, at: Timestamp) -> Option<u64> {
    let until = at.plus_seconds(LEASE_SECONDS.into());
    run(test_bed.tables().take(at, until)).expect("no crash").expect("the table answers")
}

#[test]
fn a_sweep_does_nothing_while_another_holds_the_lease() {
    let order = samples::authorized();
    let test_bed = with_running_execution(&order);
    let at = due_at(&test_bed, &order);
    assert!(take(&test_bed, at).is_some());
    test_bed.clear_calls();
    let output = sweep(&test_bed, at.plus_seconds(1)).unwrap();
    assert_eq!(output["looked"], 0);
    assert_eq!(test_bed.calls(), ["lease.take"], "it reads and writes nothing else");
    let output = sweep(&test_bed, at.plus_seconds(LEASE_SECONDS.into())).unwrap();
    assert_eq!(output["looked"], 1, "the lease has ended");
}

#[test]
fn a_sweep_returns_its_lease() {
    let order = samples::authorized();
    let test_bed = with_running_execution(&order);
    let at = due_at(&test_bed, &order);
    sweep(&test_bed, at).unwrap();
    assert!(take(&test_bed, at).is_some());
}

#[test]
fn the_next_scheduled_sweep_runs_wherever_the_last_one_died() {
    let order = samples::authorized();
    let test_bed = || with_running_execution(&order);
    let at = due_at(&test_bed(), &order);
    crash_once(
        20,
        test_bed,
        |test_bed| sweep(test_bed, at),
        |test_bed, died| {
            test_bed.clear_calls();
            sweep(test_bed, at.plus_minutes(1)).unwrap();
            assert!(test_bed.count("orders.") > 0, "{died}");
        },
    );
}

#[test]
fn a_sweep_that_takes_longer_keeps_its_lease() {
    let test_bed = with_running_execution(&samples::authorized());
    let at = samples::placed_at();
    let (clock, extended) = (TestClock::default(), Cell::new(0));
    // Five pauses of 15 s last longer than the lease.
    let pause = async || {
        if extended.get() == 5 {
            return std::future::pending().await;
        }
        clock.advance(EXTEND_AFTER_SECONDS);
        let present = at.plus_seconds(clock.monotonic_ms() / 1000);
        assert_eq!(take(&test_bed, present), None, "after {} extensions", extended.get());
        extended.set(extended.get() + 1);
    };
    run(function(&test_bed).handle_alone(input(at), &clock, pause)).unwrap().unwrap();
    assert_eq!(extended.get(), 5);
    assert!(extended.get() * EXTEND_AFTER_SECONDS > LEASE_SECONDS);
}

#[test]
fn a_sweep_whose_lease_was_taken_stops() {
    let order = samples::authorized();
    let test_bed = with_running_execution(&order);
    let at = due_at(&test_bed, &order);
    let clock = TestClock::default();
    // As if the process had been frozen for two minutes.
    let pause = async || assert!(take(&test_bed, at.plus_minutes(2)).is_some());
    let output = run(function(&test_bed).handle_alone(input(at), &clock, pause)).unwrap().unwrap();
    assert_eq!(output["looked"], 0);
    assert_eq!(test_bed.count("orders."), 0);
    assert_eq!(take(&test_bed, at.plus_minutes(2)), None, "it returns only its own lease");
}

#[test]
fn one_order_is_inspected_although_a_sweep_runs() {
    let order = samples::authorized();
    let test_bed = with_running_execution(&order);
    let at = due_at(&test_bed, &order);
    assert!(take(&test_bed, at).is_some());
    let input = json!({"orderId": order.order_id.as_str(), "time": at.to_string()});
    let pause = async || std::future::pending::<()>().await;
    let run = run(function(&test_bed).handle_alone(input, &TestClock::default(), pause));
    assert_eq!(run.unwrap().unwrap()["looked"], 1);
}

#[test]
fn a_lease_ends_before_the_next_scheduled_sweep() {
    let template = include_str!("../../../../template.yaml");
    assert!(template.contains("Schedule: rate(1 minute)"));
    const { assert!(LEASE_SECONDS < 60 && 3 * EXTEND_AFTER_SECONDS < LEASE_SECONDS) }
}
