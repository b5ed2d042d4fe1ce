//! The process crashes before or after the effect of any call. The next run finds all that it
//! needs, and no stock moves twice.

use domain::Order;
use testing::crash::crash_once;
use testing::fakes::{TestBed, run};
use testing::samples;

use crate::support::{function, input, now, perform, stored_order};

/// Crashes an operation at each of its crash points, of which it has `points`, and checks what
/// is left each time.
fn crash(
    operation: &str,
    points: usize,
    order: &Order,
    test_bed: impl Fn() -> TestBed,
    check: impl Fn(&TestBed, &str),
) {
    let operation =
        |test_bed: &TestBed| run(function(test_bed).handle(input(operation, order), now));
    crash_once(points, test_bed, operation, check);
}

#[test]
fn wherever_reserve_crashes_the_stock_is_reserved_once() {
    let order = samples::authorized();
    crash(
        "reserve",
        4,
        &order,
        || TestBed::with(&order),
        |test_bed, at| {
            assert!(test_bed.stock_discrepancies().is_empty(), "{at}");
            perform(test_bed, "reserve", &order).expect(at);
            assert_eq!(test_bed.available("MUG"), Some(8), "{at}");
            assert!(test_bed.stock_discrepancies().is_empty(), "{at}");
        },
    );
}

#[test]
fn wherever_reserve_crashed_release_leaves_nothing_reserved() {
    let order = samples::authorized();
    crash(
        "reserve",
        4,
        &order,
        || TestBed::with(&order),
        |test_bed, at| {
            perform(test_bed, "release", &order).expect(at);
            assert_eq!(test_bed.available("MUG"), Some(10), "{at}");
            assert!(!stored_order(test_bed, &order).holds_stock(), "{at}");
        },
    );
}

#[test]
fn wherever_release_crashes_the_stock_is_released_once() {
    let order = samples::reserved();
    let test_bed = || {
        let test_bed = TestBed::with(&order);
        test_bed.stock("MUG", 8);
        test_bed
    };
    crash("release", 6, &order, test_bed, |test_bed, at| {
        perform(test_bed, "release", &order).expect(at);
        assert_eq!(test_bed.available("MUG"), Some(10), "{at}");
        assert!(stored_order(test_bed, &order).compensation.is_some(), "{at}");
    });
}
