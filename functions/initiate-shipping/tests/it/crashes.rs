//! The process crashes once or twice, before or after the effect of any call. The next run
//! finds all that it needs, and no label is bought twice.

use domain::shipment::{LabelRefundState, ProviderShipment};
use testing::crash::crash_twice;
use testing::fakes::TestBed;
use testing::samples;

use crate::support::{attempt, perform, stored_order};

#[test]
fn wherever_book_crashes_one_label_is_bought() {
    let order = samples::reserved();
    crash_twice(
        10,
        || TestBed::with(&order),
        |test_bed| attempt(test_bed, "book", &order),
        |test_bed, at| {
            perform(test_bed, "book", &order).expect(at);
            assert_eq!(test_bed.labels(), 1, "{at}");
            assert!(stored_order(test_bed, &order).has_live_label(), "{at}");
        },
    );
}

#[test]
fn wherever_book_crashed_cancel_leaves_no_live_label() {
    let order = samples::reserved();
    crash_twice(
        10,
        || TestBed::with(&order),
        |test_bed| attempt(test_bed, "book", &order),
        |test_bed, at| {
            perform(test_bed, "cancel", &order).expect(at);
            assert_eq!(test_bed.live_labels(), 0, "{at}");
            let order = stored_order(test_bed, &order);
            assert!(!order.has_open_shipment() && order.compensation.is_some(), "{at}");
        },
    );
}

#[test]
fn wherever_a_label_refund_crashes_it_is_recorded_only_once_it_is_true() {
    let order = samples::labeled();
    let bought = ProviderShipment {
        bought: Some(samples::bought_label("TRACK7")),
        refund: LabelRefundState::NotRequested,
        ..samples::provider_shipment()
    };
    let test_bed = || TestBed::with(&order).shipment(bought.clone());
    crash_twice(
        10,
        test_bed,
        |test_bed| attempt(test_bed, "cancel", &order),
        |test_bed, at| {
            if !stored_order(test_bed, &order).has_open_shipment() {
                assert_eq!(test_bed.live_labels(), 0, "{at}: not recorded earlier");
            }
            perform(test_bed, "cancel", &order).expect(at);
            assert_eq!(test_bed.live_labels(), 0, "{at}");
        },
    );
}
