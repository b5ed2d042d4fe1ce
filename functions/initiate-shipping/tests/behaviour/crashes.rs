//! The process dies: before or after the effect of any call, once or twice. What
//! runs afterwards finds everything it needs, and nothing is bought twice.

use domain::Order;
use domain::shipment::{LabelRefundState, ProviderShipment};
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
    for first in 0.. {
        let survived = dies(&world(), operation, order, first);
        for second in 0.. {
            let world = world();
            dies(&world, operation, order, first);
            let lived = dies(&world, operation, order, second);
            world.crashes_after(None);
            afterwards(&world, &format!("{operation} dies at {first}, then at {second}"));
            if lived {
                break;
            }
        }
        if survived {
            assert!(first >= 8, "{operation} has few crash points: {first}");
            break;
        }
    }
}

/// Whether the operation came to its end before it died.
fn dies(world: &TestBed, operation: &str, order: &Order, steps: usize) -> bool {
    world.crashes_after(Some(steps));
    run(function(world).handle(input(operation, order), now)).is_some()
}

#[test]
fn however_often_booking_dies_one_label_is_bought() {
    let order = samples::reserved();
    dying(
        "book",
        &order,
        || TestBed::with(&order),
        |world, at| {
            perform(world, "book", &order).expect(at);
            assert_eq!(world.labels(), 1, "{at}");
            assert!(stored_order(world, &order).has_live_label(), "{at}");
        },
    );
}

#[test]
fn wherever_booking_died_cancelling_leaves_no_label() {
    let order = samples::reserved();
    dying(
        "book",
        &order,
        || TestBed::with(&order),
        |world, at| {
            perform(world, "cancel", &order).expect(at);
            assert_eq!(world.live_labels(), 0, "{at}");
            let order = stored_order(world, &order);
            assert!(!order.has_open_shipment() && order.compensation.is_some(), "{at}");
        },
    );
}

#[test]
fn however_often_giving_back_dies_it_is_recorded_once_it_is_true() {
    let order = samples::labeled();
    let sold = ProviderShipment {
        bought: Some(("TRACK7".to_owned(), None)),
        refund: LabelRefundState::NotRequested,
        ..samples::provider_shipment()
    };
    let world = || TestBed::with(&order).shipment(sold.clone());
    dying("cancel", &order, world, |world, at| {
        if !stored_order(world, &order).has_open_shipment() {
            assert_eq!(world.live_labels(), 0, "{at}: never before");
        }
        perform(world, "cancel", &order).expect(at);
        assert_eq!(world.live_labels(), 0, "{at}");
    });
}
