//! The process crashes once or twice, before or after the effect of any call. The next run
//! finds all that it needs, and nothing happens twice.

use domain::payment::{PaymentIntentState, PaymentStatus};
use domain::{Order, Status};
use testing::crash::crash_twice;
use testing::fakes::{TestBed, run};
use testing::samples;

use crate::support::{function, input, now, perform, stored_order};

/// Crashes an operation at every pair of its crash points, of which it has `points`, and
/// checks what is left each time.
fn crash(
    operation: &str,
    points: usize,
    order: &Order,
    test_bed: impl Fn() -> TestBed,
    check: impl Fn(&TestBed, &str),
) {
    let operation =
        |test_bed: &TestBed| run(function(test_bed).handle(input(operation, order), now));
    crash_twice(points, test_bed, operation, check);
}

#[test]
fn wherever_authorize_crashes_one_intent_is_confirmed_once() {
    let order = samples::received();
    crash(
        "authorize",
        10,
        &order,
        || TestBed::with(&order),
        |test_bed, at| {
            perform(test_bed, "authorize", &order).expect(at);
            assert_eq!(test_bed.authorization_requests(), 1, "{at}");
            assert_eq!(test_bed.payment_intents_in(PaymentIntentState::RequiresCapture), 1, "{at}");
            assert_eq!(stored_order(test_bed, &order).status, Status::Authorized, "{at}");
        },
    );
}

#[test]
fn wherever_authorize_crashed_cancel_leaves_no_authorization() {
    let order = samples::received();
    crash(
        "authorize",
        10,
        &order,
        || TestBed::with(&order),
        |test_bed, at| {
            perform(test_bed, "cancel", &order).expect(at);
            assert_eq!(test_bed.payment_intents_in(PaymentIntentState::RequiresCapture), 0, "{at}");
            let closed = stored_order(test_bed, &order);
            assert!(closed.status.is_closed(), "{at}");
            assert_eq!(closed.payment.status, PaymentStatus::Voided, "{at}");
        },
    );
}

#[test]
fn wherever_capture_crashes_the_payment_is_captured_once() {
    let order = samples::labeled();
    let test_bed = || {
        TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::RequiresCapture))
    };
    crash("capture", 6, &order, test_bed, |test_bed, at| {
        perform(test_bed, "capture", &order).expect(at);
        assert_eq!(test_bed.payment_intents_in(PaymentIntentState::Succeeded), 1, "{at}");
        assert_eq!(stored_order(test_bed, &order).status, Status::Fulfilled, "{at}");
        assert_eq!(test_bed.refunds(), 0, "{at}");
    });
}

#[test]
fn wherever_a_void_crashes_the_order_is_closed_only_once_the_intent_is_canceled() {
    let order = samples::authorized();
    let test_bed = || {
        TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::RequiresCapture))
    };
    crash("cancel", 10, &order, test_bed, |test_bed, at| {
        if stored_order(test_bed, &order).status.is_closed() {
            assert_eq!(
                test_bed.payment_intents_in(PaymentIntentState::Canceled),
                1,
                "{at}: not closed earlier"
            );
        }
        perform(test_bed, "cancel", &order).expect(at);
        assert_eq!(test_bed.payment_intents_in(PaymentIntentState::Canceled), 1, "{at}");
        assert_eq!(stored_order(test_bed, &order).status, Status::ShippingFailed, "{at}");
    });
}

#[test]
fn wherever_a_refund_crashes_the_payment_is_refunded_once() {
    let order = samples::authorized();
    let test_bed =
        || TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::Succeeded));
    crash("cancel", 10, &order, test_bed, |test_bed, at| {
        perform(test_bed, "cancel", &order).expect(at);
        assert_eq!(test_bed.refunds(), 1, "{at}");
        assert_eq!(stored_order(test_bed, &order).payment.status, PaymentStatus::Refunded, "{at}");
    });
}
