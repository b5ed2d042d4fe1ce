//! Releasing: once, after the label, and never from a fulfilled order.

use domain::shipment::LabelRefund;
use domain::{ErrorName, Order, Status, StepError};
use serde_json::{Value, json};
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{ask, error_name, now, perform, stored_order, superseded_input, turned_round};

fn release(world: &TestBed, order: &Order) -> Result<Value, StepError> {
    perform(world, "release", order)
}

/// A shop in which this order has taken its two mugs and one shirt.
fn taken(order: &Order) -> TestBed {
    let world = TestBed::with(order);
    world.stock("MUG", 8);
    world.stock("TEE", 9);
    world
}

#[test]
fn what_was_set_aside_goes_back_in_one_transaction_after_the_turn_is_on_record() {
    let order = samples::reserved();
    let world = taken(&order);
    let output = release(&world, &order).unwrap();
    assert_eq!(output, json!({"orderId": order.order_id, "released": true}));
    assert_eq!(world.calls(), ["orders.load", "orders.save", "stock.release"]);
    assert_eq!((world.available("MUG"), world.available("TEE")), (Some(10), Some(10)));
    let order = stored_order(&world, &order);
    assert!(order.compensation.is_some() && !order.holds_stock());

    assert_eq!(release(&world, &order).unwrap(), output, "again: the same, from the record");
    assert_eq!(world.available("MUG"), Some(10), "given back once");
}

#[test]
fn an_order_that_holds_nothing_turns_round_all_the_same() {
    let order = samples::authorized();
    let world = taken(&order);
    assert_eq!(release(&world, &order).unwrap()["released"], false);
    assert!(stored_order(&world, &order).compensation.is_some());
    assert_eq!(world.count("stock."), 0);
}

#[test]
fn goods_stay_while_a_label_may_be_live() {
    for order in [samples::shipping(), samples::labeled(), samples::needs_attention()] {
        let world = taken(&order);
        assert_eq!(error_name(release(&world, &order)), ErrorName::CompensationIncomplete);
        assert_eq!(stored_order(&world, &order), order);
    }
    for refund in [LabelRefund::Submitted, LabelRefund::None, LabelRefund::Refused] {
        let order = turned_round(&samples::labeled()).with_label_refund(refund, now());
        assert_eq!(release(&taken(&order), &order).unwrap()["released"], true);
    }
}

#[test]
fn a_fulfilled_order_keeps_its_goods() {
    let order = samples::fulfilled();
    let world = taken(&order);
    assert_eq!(release(&world, &order).unwrap()["released"], false);
    assert_eq!(stored_order(&world, &order), order);
    assert_eq!(world.calls(), ["orders.load"]);
}

#[test]
fn an_execution_that_lost_the_order_changes_nothing() {
    let order = samples::reserved();
    let world = taken(&order);
    assert_eq!(ask(&world, superseded_input("release", &order)).unwrap()["released"], false);
    assert_eq!(stored_order(&world, &order), order);
}

#[test]
fn a_closed_order_stays_as_it_is_and_is_not_turned_round_again() {
    let order = Order { status: Status::Cancelled, ..samples::received() };
    let world = taken(&order);
    assert_eq!(release(&world, &order).unwrap()["released"], false);
    assert_eq!(stored_order(&world, &order), order);
}

#[test]
fn a_forward_step_that_was_faster_is_seen() {
    // The reservation is made between the read and the write of the turn.
    let order = samples::authorized();
    let world = taken(&order).on(
        "orders.save",
        1,
        InjectedFault::ConcurrentWrite(|o| o.reserved(now()).unwrap()),
    );
    assert_eq!(release(&world, &order).unwrap()["released"], true);
    assert!(!stored_order(&world, &order).holds_stock());
}

#[test]
fn a_crowded_shelf_or_a_table_out_of_reach_is_tried_again_later() {
    let check = |point, trouble: InjectedFault, expected| {
        let order = samples::reserved();
        let world = taken(&order).on(point, 1, trouble);
        assert_eq!(error_name(release(&world, &order)), expected);
        assert_eq!(release(&world, &order).unwrap()["released"], true);
        assert_eq!(world.available("MUG"), Some(10), "given back once");
    };
    check("stock.release", InjectedFault::Contended, ErrorName::StockContended);
    check("stock.release", InjectedFault::NotSent, ErrorName::StoreUnavailable);
    check("stock.release", InjectedFault::ResponseLost, ErrorName::StoreUnavailable);
    check("orders.save", InjectedFault::ResponseLost, ErrorName::StoreUnavailable);
}

#[test]
fn an_order_that_is_not_there_is_not_found() {
    assert_eq!(
        error_name(release(&TestBed::default(), &samples::received())),
        ErrorName::OrderNotFound
    );
}
