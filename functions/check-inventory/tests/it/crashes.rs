//! The process crashes before or after the effect of any call. The next run finds all that it
//! needs, and no stock moves twice.

use testing::crash::crash_once;
use testing::fakes::TestBed;
use testing::samples;

use crate::support::{attempt, perform, stored_order};

#[test]
fn wherever_reserve_crashes_the_stock_is_reserved_once() {
    let order = samples::authorized();
    crash_once(
        4,
        || TestBed::with(&order),
        |test_bed| attempt(test_bed, "reserve", &order),
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
    crash_once(
        4,
        || TestBed::with(&order),
        |test_bed| attempt(test_bed, "reserve", &order),
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
    crash_once(
        6,
        test_bed,
        |test_bed| attempt(test_bed, "release", &order),
        |test_bed, at| {
            perform(test_bed, "release", &order).expect(at);
            assert_eq!(test_bed.available("MUG"), Some(10), "{at}");
            assert!(stored_order(test_bed, &order).compensation.is_some(), "{at}");
        },
    );
}
