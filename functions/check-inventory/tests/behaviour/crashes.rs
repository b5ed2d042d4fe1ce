//! The process dies: before or after the effect of any call. What runs
//! afterwards finds everything it needs, and nothing moves twice.

use domain::Order;
use testing::fakes::{TestBed, run};
use testing::samples;

use crate::support::{function, input, now, perform, stored_order};

/// Runs the operation and lets it die at its `n`th crash point, for every `n`.
fn dying(
    operation: &str,
    order: &Order,
    world: impl Fn() -> TestBed,
    afterwards: impl Fn(&TestBed, &str),
) {
    for steps in 0.. {
        let world = world();
        world.crashes_after(Some(steps));
        let lived = run(function(&world).handle(input(operation, order), now)).is_some();
        world.crashes_after(None);
        afterwards(&world, &format!("{operation} dies at {steps}"));
        if lived {
            assert!(steps >= 4, "{operation} has few crash points: {steps}");
            break;
        }
    }
}

#[test]
fn wherever_reserving_dies_the_goods_are_taken_once() {
    let order = samples::authorized();
    dying(
        "reserve",
        &order,
        || TestBed::with(&order),
        |world, at| {
            assert!(world.stock_discrepancies().is_empty(), "{at}");
            perform(world, "reserve", &order).expect(at);
            assert_eq!(world.available("MUG"), Some(8), "{at}");
            assert!(world.stock_discrepancies().is_empty(), "{at}");
        },
    );
}

#[test]
fn wherever_reserving_died_releasing_leaves_nothing_taken() {
    let order = samples::authorized();
    dying(
        "reserve",
        &order,
        || TestBed::with(&order),
        |world, at| {
            perform(world, "release", &order).expect(at);
            assert_eq!(world.available("MUG"), Some(10), "{at}");
            assert!(!stored_order(world, &order).holds_stock(), "{at}");
        },
    );
}

#[test]
fn wherever_releasing_dies_the_goods_go_back_once() {
    let order = samples::reserved();
    let world = || {
        let world = TestBed::with(&order);
        world.stock("MUG", 8);
        world
    };
    dying("release", &order, world, |world, at| {
        perform(world, "release", &order).expect(at);
        assert_eq!(world.available("MUG"), Some(10), "{at}");
        assert!(stored_order(world, &order).compensation.is_some(), "{at}");
    });
}
