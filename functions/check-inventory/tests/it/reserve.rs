//! `reserve`: every line or none, once, and a backorder only before its deadline.

use domain::decision::ReviewDecision;
use domain::order::{Attention, OutOfStockPolicy, TimelineCode};
use domain::{ErrorName, Order, Sku, Status, StepError};
use serde_json::{Value, json};
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{
    compensating, error_name, input, invoke, now, perform, stored_order, superseded_input,
};

fn reserve(test_bed: &TestBed, order: &Order) -> Result<Value, StepError> {
    perform(test_bed, "reserve", order)
}

/// The sample order (two mugs, one shirt) with these quantities available.
fn with_stock(order: &Order, mugs: u64, shirts: u64) -> TestBed {
    let test_bed = TestBed::with(order);
    test_bed.stock("MUG", mugs);
    test_bed.stock("TEE", shirts);
    test_bed
}

fn waiting_for_restock(order: Order) -> Order {
    Order { when_out_of_stock: OutOfStockPolicy::Wait, ..order }
}

#[test]
fn every_line_is_reserved_with_one_read_and_one_transaction() {
    let order = samples::authorized();
    let test_bed = with_stock(&order, 2, 1);
    let output = reserve(&test_bed, &order).unwrap();
    let expected = json!({
        "orderId": order.order_id, "inventoryResult": true, "waitForRestock": false,
        "restockDeadlineSeconds": 1, "shortages": [],
    });
    assert_eq!(output, expected);
    assert_eq!(test_bed.calls(), ["orders.load", "stock.reserve"]);
    assert_eq!((test_bed.available("MUG"), test_bed.available("TEE")), (Some(0), Some(0)));
    assert_eq!(stored_order(&test_bed, &order).status, Status::Reserved);
    assert!(test_bed.stock_discrepancies().is_empty());

    assert_eq!(reserve(&test_bed, &order).unwrap(), expected, "a repeat answers from the record");
    assert_eq!(test_bed.count("stock."), 1);
}

#[test]
fn one_short_line_leaves_every_stock_level_unchanged() {
    let order = samples::authorized();
    let test_bed = with_stock(&order, 10, 0);
    assert_eq!(
        reserve(&test_bed, &order).unwrap(),
        json!({
            "orderId": order.order_id, "inventoryResult": false, "waitForRestock": false,
            "restockDeadlineSeconds": 1,
            "shortages": [{"sku": "TEE", "requested": 1, "available": 0}],
        })
    );
    assert_eq!(test_bed.available("MUG"), Some(10));
    assert_eq!(stored_order(&test_bed, &order), order, "nothing is recorded");
}

#[test]
fn a_back_order_keeps_its_first_deadline() {
    let order = waiting_for_restock(samples::authorized());
    let test_bed = with_stock(&order, 1, 0);
    let output = reserve(&test_bed, &order).unwrap();
    assert_eq!(output["waitForRestock"], true);
    // Four days after the first shortage; the authorization expires in seven.
    assert_eq!(output["restockDeadlineSeconds"], 96 * 3600);
    let waiting = stored_order(&test_bed, &order);
    assert_eq!(waiting.waits_for, Some(Sku::parse("MUG").unwrap()), "the first SKU that is short");
    assert_eq!(waiting.status, Status::Authorized, "the waiting task sets BACKORDERED");

    let waiting = samples::waiting(waiting, Status::Backordered, Attention::Backorder);
    test_bed.put(&waiting);
    let mut later = input("reserve", &waiting);
    later["enteredAt"] = json!(now().plus_hours(90));
    let output = invoke(&test_bed, later).unwrap();
    assert_eq!(output["restockDeadlineSeconds"], 6 * 3600);
    assert_eq!(stored_order(&test_bed, &order).backorder, waiting.backorder);
}

#[test]
fn after_its_deadline_an_order_stops_waiting_but_still_reserves_available_stock() {
    let waiting =
        waiting_for_restock(samples::authorized()).backordered(&Sku::parse("MUG").unwrap(), now());
    let waiting = samples::waiting(waiting, Status::Backordered, Attention::Backorder);
    let deadline = waiting.backorder.as_ref().unwrap().deadline;
    let reserve_at = |test_bed: &TestBed, at| {
        let mut request = input("reserve", &waiting);
        request["enteredAt"] = json!(at);
        invoke(test_bed, request).unwrap()
    };
    let without_stock = with_stock(&waiting, 0, 0);
    let output = reserve_at(&without_stock, deadline.plus_minutes(1));
    assert_eq!(output["waitForRestock"], false);
    assert_eq!(output["restockDeadlineSeconds"], 1);
    assert_eq!(stored_order(&without_stock, &waiting), waiting);
    assert_eq!(reserve_at(&without_stock, deadline)["waitForRestock"], true);

    let enough_stock = with_stock(&waiting, 9, 9);
    assert_eq!(reserve_at(&enough_stock, deadline.plus_minutes(1))["inventoryResult"], true);
}

#[test]
fn an_authorization_about_to_expire_leaves_no_time_to_wait() {
    let mut order = waiting_for_restock(samples::authorized());
    order.payment.capture_before = Some(now().plus_hours(23));
    let test_bed = with_stock(&order, 0, 0);
    assert_eq!(reserve(&test_bed, &order).unwrap()["waitForRestock"], false);
    assert_eq!(stored_order(&test_bed, &order).backorder, None);
}

#[test]
fn an_order_under_review_reserves_stock_only_once_it_is_approved() {
    let order = samples::in_review();
    let decided = |decision| order.decide_review(decision, "op-1", None, now()).unwrap();
    for unapproved in [order.clone(), decided(ReviewDecision::Reject)] {
        let test_bed = with_stock(&unapproved, 9, 9);
        assert_eq!(error_name(reserve(&test_bed, &unapproved)), ErrorName::ReviewRejected);
        assert_eq!(test_bed.available("MUG"), Some(9));
    }
    // Also before the order waits: no execution may skip the review.
    let not_waiting_yet = Order { status: Status::Authorized, task_token: None, ..order.clone() };
    assert_eq!(
        error_name(reserve(&with_stock(&not_waiting_yet, 9, 9), &not_waiting_yet)),
        ErrorName::ReviewRejected
    );

    let approved = decided(ReviewDecision::Approve);
    let test_bed = with_stock(&approved, 9, 9);
    assert_eq!(reserve(&test_bed, &approved).unwrap()["inventoryResult"], true);
    assert_eq!(stored_order(&test_bed, &approved).task_token, None, "the wait is over");
}

#[test]
fn no_stock_is_reserved_for_an_unauthorized_order() {
    for order in [samples::received(), Order::accept(samples::new_order(), now())] {
        let test_bed = with_stock(&order, 9, 9);
        assert_eq!(error_name(reserve(&test_bed, &order)), ErrorName::InvalidRequest);
        assert_eq!(test_bed.count("stock."), 0);
    }
}

#[test]
fn a_released_reservation_is_never_made_again() {
    // Even if the compensation were missing from the record.
    let order = Order { compensation: None, ..compensating(&samples::reserved()).released(now()) };
    let test_bed = with_stock(&order, 9, 9);
    assert_eq!(error_name(reserve(&test_bed, &order)), ErrorName::CompensationBegun);
    assert_eq!(test_bed.available("MUG"), Some(9));
}

#[test]
fn a_compensating_canceled_or_restarted_order_reserves_nothing() {
    let order = samples::authorized();
    let compensating = compensating(&order);
    let canceled = Order { cancel_requested_at: Some(now()), ..order.clone() };
    for (order, request, expected) in [
        (&compensating, input("reserve", &compensating), ErrorName::CompensationBegun),
        (&canceled, input("reserve", &canceled), ErrorName::OrderCancelled),
        (&order, superseded_input("reserve", &order), ErrorName::Superseded),
    ] {
        let test_bed = with_stock(order, 9, 9);
        assert_eq!(error_name(invoke(&test_bed, request)), expected);
        assert_eq!(test_bed.calls(), ["orders.load"]);
    }
}

#[test]
fn a_concurrent_write_before_the_transaction_is_seen() {
    let order = samples::authorized();
    let compensation = InjectedFault::ConcurrentWrite(compensating);
    let test_bed = with_stock(&order, 9, 9).on("stock.reserve", 1, compensation);
    assert_eq!(error_name(reserve(&test_bed, &order)), ErrorName::CompensationBegun);
    assert_eq!(test_bed.available("MUG"), Some(9));

    let harmless =
        InjectedFault::ConcurrentWrite(|order| order.with_attention(TimelineCode::Disputed, now()));
    let test_bed = with_stock(&order, 9, 9).on("stock.reserve", 1, harmless);
    assert_eq!(reserve(&test_bed, &order).unwrap()["inventoryResult"], true);
    assert_eq!(test_bed.available("MUG"), Some(7));
}

#[test]
fn contended_stock_and_an_unreachable_table_are_transient_errors() {
    let check = |point, fault: InjectedFault, expected| {
        let order = samples::authorized();
        let test_bed = with_stock(&order, 9, 9).on(point, 1, fault);
        assert_eq!(error_name(reserve(&test_bed, &order)), expected);
        assert_eq!(reserve(&test_bed, &order).unwrap()["inventoryResult"], true);
        assert_eq!(test_bed.available("MUG"), Some(7), "reserved once");
        assert!(test_bed.stock_discrepancies().is_empty());
    };
    check("stock.reserve", InjectedFault::Contended, ErrorName::StockContended);
    check("stock.reserve", InjectedFault::NotSent, ErrorName::StoreUnavailable);
    check("stock.reserve", InjectedFault::ResponseLost, ErrorName::StoreUnavailable);
    check("orders.load", InjectedFault::NotSent, ErrorName::StoreUnavailable);
}

#[test]
fn an_unknown_order_is_not_found() {
    let order = samples::received();
    assert_eq!(error_name(reserve(&TestBed::default(), &order)), ErrorName::OrderNotFound);
    let plain = json!({"orderId": order.order_id});
    assert_eq!(error_name(invoke(&TestBed::default(), plain)), ErrorName::OrderNotFound);
}
