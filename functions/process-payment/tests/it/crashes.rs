//! The process crashes once or twice, before or after the effect of any call. The next run
//! finds all that it needs, and nothing happens twice.

use domain::Status;
use domain::payment::{PaymentIntentState, PaymentStatus};
use testing::crash::crash_twice;
use testing::fakes::TestBed;
use testing::samples;

use crate::support::{attempt, perform, stored_order};

#[test]
fn wherever_authorize_crashes_one_intent_is_confirmed_once() {
    let order = samples::received();
    crash_twice(
        10,
        || TestBed::with(&order),
        |test_bed| attempt(test_bed, "authorize", &order),
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
    crash_twice(
        10,
        || TestBed::with(&order),
        |test_bed| attempt(test_bed, "authorize", &order),
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
    crash_twice(
        6,
        test_bed,
        |test_bed| attempt(test_bed, "capture", &order),
        |test_bed, at| {
            perform(test_bed, "capture", &order).expect(at);
            assert_eq!(test_bed.payment_intents_in(PaymentIntentState::Succeeded), 1, "{at}");
            assert_eq!(stored_order(test_bed, &order).status, Status::Fulfilled, "{at}");
            assert_eq!(test_bed.refunds(), 0, "{at}");
        },
    );
}

#[test]
fn wherever_a_void_crashes_the_order_is_closed_only_once_the_intent_is_canceled() {
    let order = samples::authorized();
    let test_bed = || {
        TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::RequiresCapture))
    };
    crash_twice(
        10,
        test_bed,
        |test_bed| attempt(test_bed, "cancel", &order),
        |test_bed, at| {
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
        },
    );
}

#[test]
fn wherever_a_refund_crashes_the_payment_is_refunded_once() {
    let order = samples::authorized();
    let test_bed =
        || TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::Succeeded));
    crash_twice(
        10,
        test_bed,
        |test_bed| attempt(test_bed, "cancel", &order),
        |test_bed, at| {
            perform(test_bed, "cancel", &order).expect(at);
            assert_eq!(test_bed.refunds(), 1, "{at}");
            assert_eq!(
                stored_order(test_bed, &order).payment.status,
                PaymentStatus::Refunded,
                "{at}"
            );
        },
    );
}
