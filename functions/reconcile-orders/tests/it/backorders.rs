//! Backorders are resumed, oldest first and only as many as the stock can serve.

use domain::order::{Attention, OutOfStockPolicy};
use domain::payment::PaymentIntentState;
use domain::policy::ReviewPolicy;
use domain::{Order, OrderId, Quantity, Sku, Status, TaskToken};
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{now, stored_order, sweep, with_running_execution};

/// The `n`th backorder, for these quantities.
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
    // An earlier sweep inspected the order, so it is not due.
    order.inspected(&[], at)
}

fn with_stock(orders: &[Order], mugs: u64, shirts: u64) -> TestBed {
    let test_bed = orders.iter().fold(TestBed::default(), |test_bed, order| {
        test_bed.put(order);
        test_bed.running(&order.execution)
    });
    test_bed.stock("MUG", mugs);
    test_bed.stock("TEE", shirts);
    test_bed
}

fn resumed_tokens(test_bed: &TestBed) -> Vec<String> {
    test_bed.task_results().iter().map(|(token, _)| token.to_string()).collect()
}

#[test]
fn with_stock_for_two_the_two_oldest_back_orders_are_resumed() {
    let test_bed = with_stock(&[waiting(3, 1, 0), waiting(1, 1, 0), waiting(2, 1, 0)], 2, 0);
    assert_eq!(sweep(&test_bed, now()).resumed, 2);
    assert_eq!(resumed_tokens(&test_bed), ["token-1", "token-2"]);
}

#[test]
fn a_back_order_is_resumed_when_every_line_is_available() {
    let order = waiting(1, 2, 1);
    let test_bed = with_stock(std::slice::from_ref(&order), 2, 0);
    assert_eq!(sweep(&test_bed, now()).resumed, 0);
    assert_eq!(stored_order(&test_bed, &order), order, "no write without a resumption");
    test_bed.stock("TEE", 1);
    assert_eq!(sweep(&test_bed, now()).resumed, 1);
}

#[test]
fn a_large_back_order_does_not_hold_up_a_smaller_one() {
    let test_bed = with_stock(&[waiting(1, 5, 0), waiting(2, 2, 1), waiting(3, 1, 0)], 3, 1);
    assert_eq!(sweep(&test_bed, now()).resumed, 2);
    assert_eq!(resumed_tokens(&test_bed), ["token-2", "token-3"]);
}

#[test]
fn stock_released_by_another_order_resumes_a_back_order() {
    let backorder = waiting(1, 2, 1);
    let test_bed = with_stock(std::slice::from_ref(&backorder), 0, 0);
    assert_eq!(sweep(&test_bed, now()).resumed, 0);
    test_bed.stock("MUG", 2);
    test_bed.stock("TEE", 1);
    assert_eq!(sweep(&test_bed, now().plus_minutes(1)).resumed, 1);
}

#[test]
fn a_back_order_with_a_reservation_needs_no_stock() {
    let backorder = waiting(1, 2, 1);
    let reserved = Order { reservation: samples::reserved().reservation, ..backorder };
    let test_bed = with_stock(std::slice::from_ref(&reserved), 0, 0);
    assert_eq!(sweep(&test_bed, now()).resumed, 1);
}

#[test]
fn an_undelivered_resumption_is_sent_again_and_keeps_its_stock() {
    let first = waiting(1, 1, 0).restocked(now()).unwrap();
    let test_bed = with_stock(&[first, waiting(2, 1, 0)], 1, 0);
    let output = sweep(&test_bed, now());
    assert_eq!(output.resumed, 0, "the second order is not resumed for the same mug");
    assert_eq!(resumed_tokens(&test_bed), ["token-1"]);
    assert_eq!(sweep(&test_bed, now()).resumed, 0);
    assert_eq!(resumed_tokens(&test_bed), ["token-1"], "its task has ended");
}

#[test]
fn a_canceled_back_order_is_not_resumed() {
    let canceled = waiting(1, 1, 0).request_cancellation("c", now()).unwrap().unwrap();
    let test_bed = with_stock(&[canceled, waiting(2, 1, 0)], 1, 0);
    sweep(&test_bed, now());
    assert_eq!(resumed_tokens(&test_bed), ["token-2"]);
}

#[test]
fn a_failed_resumption_does_not_stop_the_others() {
    let test_bed = with_stock(&[waiting(1, 1, 0), waiting(2, 1, 0)], 2, 0);
    let test_bed = test_bed.on("workflow.send", 1, InjectedFault::NotSent);
    let output = sweep(&test_bed, now());
    assert_eq!((output.resumed, output.failed), (1, 1));
    assert_eq!(resumed_tokens(&test_bed), ["token-2"]);
    sweep(&test_bed, now().plus_minutes(1));
    assert_eq!(resumed_tokens(&test_bed), ["token-2", "token-1"]);
}

#[test]
fn a_back_order_without_a_waiting_task_is_not_resumed() {
    let order = Order { task_token: None, ..waiting(1, 1, 0) };
    let test_bed = with_running_execution(&order);
    assert_eq!(sweep(&test_bed, now()).resumed, 0);
}
