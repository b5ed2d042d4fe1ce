//! The process dies: before or after the effect of any call. What runs
//! afterwards finds everything it needs, and nothing moves twice.

use domain::Order;
use testing::fakes::{World, run};
use testing::sample;

use crate::support::{function, input, now, on_record, perform};

/// Runs the operation and lets it die at its `n`th crash point, for every `n`.
fn dying(
    operation: &str,
    order: &Order,
    world: impl Fn() -> World,
    afterwards: impl Fn(&World, &str),
) {
    for steps in 0.. {
        let world = world();
        world.dies_after(Some(steps));
        let lived = run(function(&world).handle(input(operation, order), now)).is_some();
        world.dies_after(None);
        afterwards(&world, &format!("{operation} dies at {steps}"));
        if lived {
            assert!(steps >= 4, "{operation} has few crash points: {steps}");
            break;
        }
    }
}

#[test]
fn wherever_reserving_dies_the_goods_are_taken_once() {
    let order = sample::authorised();
    dying(
        "reserve",
        &order,
        || World::with(&order),
        |world, at| {
            assert!(world.books_that_differ().is_empty(), "{at}");
            perform(world, "reserve", &order).expect(at);
            assert_eq!(world.available("MUG"), Some(8), "{at}");
            assert!(world.books_that_differ().is_empty(), "{at}");
        },
    );
}

#[test]
fn wherever_reserving_died_releasing_leaves_nothing_taken() {
    let order = sample::authorised();
    dying(
        "reserve",
        &order,
        || World::with(&order),
        |world, at| {
            perform(world, "release", &order).expect(at);
            assert_eq!(world.available("MUG"), Some(10), "{at}");
            assert!(!on_record(world, &order).holds_stock(), "{at}");
        },
    );
}

#[test]
fn wherever_releasing_dies_the_goods_go_back_once() {
    let order = sample::reserved();
    let world = || {
        let world = World::with(&order);
        world.stock("MUG", 8);
        world
    };
    dying("release", &order, world, |world, at| {
        perform(world, "release", &order).expect(at);
        assert_eq!(world.available("MUG"), Some(10), "{at}");
        assert!(on_record(world, &order).compensation.is_some(), "{at}");
    });
}
