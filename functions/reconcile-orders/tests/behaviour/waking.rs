//! Back-orders are woken, oldest first and no more than the shelves can serve,
//! whatever brought the goods.

use domain::order::{Attention, OutOfStockPolicy};
use domain::payment::PaymentIntentState;
use domain::policy::ReviewPolicy;
use domain::{Order, OrderId, Quantity, Sku, Status, TaskToken};
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{now, stored_order, tick, under_way};

/// The `n`th order that waits for so many mugs and shirts.
fn waiting(n: i64, mugs: u32, shirts: u32) -> Order {
    let at = samples::placed_at().plus_minutes(n);
    let mut request = samples::new_order();
    request.order_id = OrderId::for_request(&request.customer_id, &n.to_string());
    request.when_out_of_stock = OutOfStockPolicy::Wait;
    let mut lines = request.items.into_iter().zip([mugs, shirts]);
    request.items = lines
        .by_ref()
        .filter_map(|(line, n)| {
            Some(domain::catalog::LineItem { quantity: Quantity::try_from(n).ok()?, ..line })
        })
        .collect();
    let held = samples::payment_intent(PaymentIntentState::RequiresCapture);
    let order = Order::accept(request, at).authorized(&held, &ReviewPolicy::default(), at);
    let order = order.unwrap().backordered(&Sku::parse("MUG").unwrap(), at);
    let mut order = samples::waiting(order, Status::Backordered, Attention::Backorder);
    order.task_token = Some(TaskToken::parse(format!("token-{n}")).unwrap());
    // The reconciler looked at it already; only the shelves call it.
    order.inspected(&[], at)
}

fn shop(orders: &[Order], mugs: u64, shirts: u64) -> TestBed {
    let world = orders.iter().fold(TestBed::default(), |world, order| {
        world.put(order);
        world.running(&order.execution)
    });
    world.stock("MUG", mugs);
    world.stock("TEE", shirts);
    world
}

fn told(world: &TestBed) -> Vec<String> {
    world.task_results().iter().map(|(token, _)| token.to_string()).collect()
}

#[test]
fn of_three_that_wait_the_two_oldest_are_served_by_two() {
    let world = shop(&[waiting(3, 1, 0), waiting(1, 1, 0), waiting(2, 1, 0)], 2, 0);
    assert_eq!(tick(&world, now()).woken, 2);
    assert_eq!(told(&world), ["token-1", "token-2"]);
}

#[test]
fn an_order_is_woken_when_every_line_is_there() {
    let order = waiting(1, 2, 1);
    let world = shop(std::slice::from_ref(&order), 2, 0);
    assert_eq!(tick(&world, now()).woken, 0);
    assert_eq!(stored_order(&world, &order), order, "nothing to do, nothing written");
    world.stock("TEE", 1);
    assert_eq!(tick(&world, now()).woken, 1);
}

#[test]
fn one_that_is_too_large_does_not_hold_up_a_smaller_one_and_is_promised_nothing() {
    let world = shop(&[waiting(1, 5, 0), waiting(2, 2, 1), waiting(3, 1, 0)], 3, 1);
    assert_eq!(tick(&world, now()).woken, 2);
    assert_eq!(told(&world), ["token-2", "token-3"]);
}

#[test]
fn what_another_order_gives_back_wakes_one() {
    let waits = waiting(1, 2, 1);
    let world = shop(std::slice::from_ref(&waits), 0, 0);
    assert_eq!(tick(&world, now()).woken, 0);
    world.stock("MUG", 2);
    world.stock("TEE", 1);
    assert_eq!(tick(&world, now().plus_minutes(1)).woken, 1);
}

#[test]
fn one_that_holds_its_goods_already_needs_no_shelf() {
    let waits = waiting(1, 2, 1);
    let holds = Order { reservation: samples::reserved().reservation, ..waits };
    let world = shop(std::slice::from_ref(&holds), 0, 0);
    assert_eq!(tick(&world, now()).woken, 1);
}

#[test]
fn one_that_was_told_and_still_waits_is_told_again_and_keeps_its_share() {
    let first = waiting(1, 1, 0).restocked(now()).unwrap();
    let world = shop(&[first, waiting(2, 1, 0)], 1, 0);
    let seen = tick(&world, now());
    assert_eq!(seen.woken, 0, "the second is not woken for the same mug");
    assert_eq!(told(&world), ["token-1"]);
    assert_eq!(tick(&world, now()).woken, 0);
    assert_eq!(told(&world), ["token-1"], "it has moved on");
}

#[test]
fn who_is_cancelled_or_turned_round_is_not_woken() {
    let cancelled = waiting(1, 1, 0).request_cancellation("c", now()).unwrap().unwrap();
    let world = shop(&[cancelled, waiting(2, 1, 0)], 1, 0);
    tick(&world, now());
    assert_eq!(told(&world), ["token-2"]);
}

#[test]
fn one_that_cannot_be_woken_does_not_stop_the_others() {
    let world = shop(&[waiting(1, 1, 0), waiting(2, 1, 0)], 2, 0);
    let world = world.on("workflow.send", 1, InjectedFault::NotSent);
    let seen = tick(&world, now());
    assert_eq!((seen.woken, seen.failed), (1, 1));
    assert_eq!(told(&world), ["token-2"]);
    tick(&world, now().plus_minutes(1));
    assert_eq!(told(&world), ["token-2", "token-1"]);
}

#[test]
fn a_back_order_wakes_only_by_a_wait_that_it_is_in() {
    let order = Order { task_token: None, ..waiting(1, 1, 0) };
    let world = under_way(&order);
    assert_eq!(tick(&world, now()).woken, 0);
}
