//! `release`: once, after the label, and never for a fulfilled order.

use domain::shipment::LabelRefund;
use domain::{ErrorName, Order, Status, StepError};
use serde_json::{Value, json};
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{
    compensating, error_name, invoke, now, perform, stored_order, superseded_input,
};

fn release(test_bed: &TestBed, order: &Order) -> Result<Value, StepError> {
    perform(test_bed, "release", order)
}

/// A test bed in which this order has reserved its two mugs and one shirt.
fn with_reserved_stock(order: &Order) -> TestBed {
    let test_bed = TestBed::with(order);
    test_bed.stock("MUG", 8);
    test_bed.stock("TEE", 9);
    test_bed
}

#[test]
fn the_stock_is_released_in_one_transaction_after_the_compensation_is_recorded() {
    let order = samples::reserved();
    let test_bed = with_reserved_stock(&order);
    let output = release(&test_bed, &order).unwrap();
    assert_eq!(output, json!({"orderId": order.order_id, "released": true}));
    assert_eq!(test_bed.calls(), ["orders.load", "orders.save", "stock.release"]);
    assert_eq!((test_bed.available("MUG"), test_bed.available("TEE")), (Some(10), Some(10)));
    let order = stored_order(&test_bed, &order);
    assert!(order.compensation.is_some() && !order.holds_stock());

    assert_eq!(release(&test_bed, &order).unwrap(), output, "a repeat answers from the record");
    assert_eq!(test_bed.available("MUG"), Some(10), "released once");
}

#[test]
fn an_order_without_a_reservation_begins_compensation_all_the_same() {
    let order = samples::authorized();
    let test_bed = with_reserved_stock(&order);
    assert_eq!(release(&test_bed, &order).unwrap()["released"], false);
    assert!(stored_order(&test_bed, &order).compensation.is_some());
    assert_eq!(test_bed.count("stock."), 0);
}

#[test]
fn no_stock_is_released_while_a_label_may_be_live() {
    for order in [samples::shipping(), samples::labeled(), samples::needs_attention()] {
        let test_bed = with_reserved_stock(&order);
        assert_eq!(error_name(release(&test_bed, &order)), ErrorName::CompensationIncomplete);
        assert_eq!(stored_order(&test_bed, &order), order);
    }
    for refund in [LabelRefund::Submitted, LabelRefund::None, LabelRefund::Refused] {
        let order = compensating(&samples::labeled()).with_label_refund(refund, now());
        assert_eq!(release(&with_reserved_stock(&order), &order).unwrap()["released"], true);
    }
}

#[test]
fn a_fulfilled_order_keeps_its_stock() {
    let order = samples::fulfilled();
    let test_bed = with_reserved_stock(&order);
    assert_eq!(release(&test_bed, &order).unwrap()["released"], false);
    assert_eq!(stored_order(&test_bed, &order), order);
    assert_eq!(test_bed.calls(), ["orders.load"]);
}

#[test]
fn a_superseded_execution_changes_nothing() {
    let order = samples::reserved();
    let test_bed = with_reserved_stock(&order);
    assert_eq!(invoke(&test_bed, superseded_input("release", &order)).unwrap()["released"], false);
    assert_eq!(stored_order(&test_bed, &order), order);
}

#[test]
fn a_closed_order_is_left_unchanged() {
    let order = Order { status: Status::Cancelled, ..samples::received() };
    let test_bed = with_reserved_stock(&order);
    assert_eq!(release(&test_bed, &order).unwrap()["released"], false);
    assert_eq!(stored_order(&test_bed, &order), order);
}

#[test]
fn a_concurrent_reservation_is_released_too() {
    // The reservation is made between the read of the order and the write of the compensation.
    let order = samples::authorized();
    let test_bed = with_reserved_stock(&order).on(
        "orders.save",
        1,
        InjectedFault::ConcurrentWrite(|o| o.reserved(now()).unwrap()),
    );
    assert_eq!(release(&test_bed, &order).unwrap()["released"], true);
    assert!(!stored_order(&test_bed, &order).holds_stock());
}

#[test]
fn contended_stock_and_an_unreachable_table_are_transient_errors() {
    let check = |point, fault: InjectedFault, expected| {
        let order = samples::reserved();
        let test_bed = with_reserved_stock(&order).on(point, 1, fault);
        assert_eq!(error_name(release(&test_bed, &order)), expected);
        assert_eq!(release(&test_bed, &order).unwrap()["released"], true);
        assert_eq!(test_bed.available("MUG"), Some(10), "released once");
    };
    check("stock.release", InjectedFault::Contended, ErrorName::StockContended);
    check("stock.release", InjectedFault::NotSent, ErrorName::StoreUnavailable);
    check("stock.release", InjectedFault::ResponseLost, ErrorName::StoreUnavailable);
    check("orders.save", InjectedFault::ResponseLost, ErrorName::StoreUnavailable);
}

#[test]
fn an_unknown_order_is_not_found() {
    assert_eq!(
        error_name(release(&TestBed::default(), &samples::received())),
        ErrorName::OrderNotFound
    );
}
