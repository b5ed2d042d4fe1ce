//! The process dies: before or after the effect of any call, once or twice. What
//! runs afterwards finds everything it needs, and nothing happens twice.

use domain::payment::{PaymentIntentState, PaymentStatus};
use domain::{Order, Status};
use serde_json::Value;
use testing::fakes::{TestBed, run};
use testing::samples;

use crate::support::{function, input, now, perform, stored_order};

/// Runs the operation and lets it die at its `n`th crash point, for every `n`;
/// and then again at every `m`th. `afterwards` is given each world that is left.
fn dying(
    operation: &str,
    order: &Order,
    world: impl Fn() -> TestBed,
    afterwards: impl Fn(&TestBed, &str),
) {
    let mut deaths = 0;
    for first in 0.. {
        let survived = dies(&world(), operation, order, first);
        for second in 0.. {
            let world = world();
            dies(&world, operation, order, first);
            let lived = dies(&world, operation, order, second);
            world.crashes_after(None);
            afterwards(&world, &format!("{operation} dies at {first}, then at {second}"));
            deaths += 1;
            if lived {
                break;
            }
        }
        if survived {
            break;
        }
    }
    assert!(deaths > 8, "{operation} has few crash points: {deaths}");
}

/// Whether the operation came to its end before it died.
fn dies(world: &TestBed, operation: &str, order: &Order, steps: usize) -> bool {
    world.crashes_after(Some(steps));
    let handled: Option<Result<Value, _>> =
        run(function(world).handle(input(operation, order), now));
    handled.is_some()
}

#[test]
fn however_often_authorising_dies_the_bank_is_asked_once() {
    let order = samples::received();
    dying(
        "authorize",
        &order,
        || TestBed::with(&order),
        |world, at| {
            perform(world, "authorize", &order).expect(at);
            assert_eq!(world.authorization_requests(), 1, "{at}");
            assert_eq!(world.payment_intents_in(PaymentIntentState::RequiresCapture), 1, "{at}");
            assert_eq!(stored_order(world, &order).status, Status::Authorized, "{at}");
        },
    );
}

#[test]
fn wherever_authorising_died_cancelling_leaves_no_hold() {
    let order = samples::received();
    dying(
        "authorize",
        &order,
        || TestBed::with(&order),
        |world, at| {
            perform(world, "cancel", &order).expect(at);
            assert_eq!(world.payment_intents_in(PaymentIntentState::RequiresCapture), 0, "{at}");
            let closed = stored_order(world, &order);
            assert!(closed.status.is_closed(), "{at}");
            assert_eq!(closed.payment.status, PaymentStatus::Voided, "{at}");
        },
    );
}

#[test]
fn however_often_capturing_dies_the_money_is_taken_once() {
    let order = samples::labeled();
    let world = || {
        TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::RequiresCapture))
    };
    dying("capture", &order, world, |world, at| {
        perform(world, "capture", &order).expect(at);
        assert_eq!(world.payment_intents_in(PaymentIntentState::Succeeded), 1, "{at}");
        assert_eq!(stored_order(world, &order).status, Status::Fulfilled, "{at}");
        assert_eq!(world.refunds(), 0, "{at}");
    });
}

#[test]
fn however_often_voiding_dies_the_order_is_closed_once_the_hold_is_gone() {
    let order = samples::authorized();
    let world = || {
        TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::RequiresCapture))
    };
    dying("cancel", &order, world, |world, at| {
        if stored_order(world, &order).status.is_closed() {
            assert_eq!(
                world.payment_intents_in(PaymentIntentState::Canceled),
                1,
                "{at}: never before"
            );
        }
        perform(world, "cancel", &order).expect(at);
        assert_eq!(world.payment_intents_in(PaymentIntentState::Canceled), 1, "{at}");
        assert_eq!(stored_order(world, &order).status, Status::ShippingFailed, "{at}");
    });
}

#[test]
fn however_often_refunding_dies_the_money_goes_back_once() {
    let order = samples::authorized();
    let world =
        || TestBed::with(&order).intent(samples::payment_intent(PaymentIntentState::Succeeded));
    dying("cancel", &order, world, |world, at| {
        perform(world, "cancel", &order).expect(at);
        assert_eq!(world.refunds(), 1, "{at}");
        assert_eq!(stored_order(world, &order).payment.status, PaymentStatus::Refunded, "{at}");
    });
}
