//! Reserving: every line or none, once, and only while there is time.

use domain::decision::ReviewDecision;
use domain::order::{Attention, OutOfStockPolicy};
use domain::{ErrorName, Order, Sku, Status, StepError};
use serde_json::{Value, json};
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{
    ask, error_name, input, now, perform, stored_order, superseded_input, turned_round,
};

fn reserve(world: &TestBed, order: &Order) -> Result<Value, StepError> {
    perform(world, "reserve", order)
}

/// The sample order (two mugs, one shirt) in a shop with so many of each.
fn shop(order: &Order, mugs: u64, shirts: u64) -> TestBed {
    let world = TestBed::with(order);
    world.stock("MUG", mugs);
    world.stock("TEE", shirts);
    world
}

fn patient(order: Order) -> Order {
    Order { when_out_of_stock: OutOfStockPolicy::Wait, ..order }
}

#[test]
fn every_line_is_set_aside_in_one_read_and_one_transaction() {
    let order = samples::authorized();
    let world = shop(&order, 2, 1);
    let output = reserve(&world, &order).unwrap();
    let expected = json!({
        "orderId": order.order_id, "inventoryResult": true, "waitForRestock": false,
        "restockDeadlineSeconds": 1, "shortages": [],
    });
    assert_eq!(output, expected);
    assert_eq!(world.calls(), ["orders.load", "stock.reserve"]);
    assert_eq!((world.available("MUG"), world.available("TEE")), (Some(0), Some(0)));
    assert_eq!(stored_order(&world, &order).status, Status::Reserved);
    assert!(world.stock_discrepancies().is_empty());

    assert_eq!(reserve(&world, &order).unwrap(), expected, "again: the same, from the record");
    assert_eq!(world.count("stock."), 1);
}

#[test]
fn one_short_line_leaves_every_shelf_as_it_was() {
    let order = samples::authorized();
    let world = shop(&order, 10, 0);
    assert_eq!(
        reserve(&world, &order).unwrap(),
        json!({
            "orderId": order.order_id, "inventoryResult": false, "waitForRestock": false,
            "restockDeadlineSeconds": 1,
            "shortages": [{"sku": "TEE", "requested": 1, "available": 0}],
        })
    );
    assert_eq!(world.available("MUG"), Some(10));
    assert_eq!(stored_order(&world, &order), order, "nothing is recorded");
}

#[test]
fn an_order_that_waits_keeps_its_place_and_its_first_deadline() {
    let order = patient(samples::authorized());
    let world = shop(&order, 1, 0);
    let output = reserve(&world, &order).unwrap();
    assert_eq!(output["waitForRestock"], true);
    // Four days after the first shortage; the authorisation lapses in seven.
    assert_eq!(output["restockDeadlineSeconds"], 96 * 3600);
    let waiting = stored_order(&world, &order);
    assert_eq!(waiting.waits_for, Some(Sku::parse("MUG").unwrap()), "the first that is short");
    assert_eq!(waiting.status, Status::Authorized, "the waiting task sets BACKORDERED");

    let waiting = samples::waiting(waiting, Status::Backordered, Attention::Backorder);
    world.put(&waiting);
    let mut later = input("reserve", &waiting);
    later["enteredAt"] = json!(now().plus_hours(90));
    let output = ask(&world, later).unwrap();
    assert_eq!(output["restockDeadlineSeconds"], 6 * 3600);
    assert_eq!(stored_order(&world, &order).backorder, waiting.backorder);
}

#[test]
fn after_its_deadline_an_order_waits_no_more_but_is_served_if_it_can_be() {
    let waiting = patient(samples::authorized()).backordered(&Sku::parse("MUG").unwrap(), now());
    let waiting = samples::waiting(waiting, Status::Backordered, Attention::Backorder);
    let deadline = waiting.backorder.as_ref().unwrap().deadline;
    let ask_at = |world: &TestBed, at| {
        let mut request = input("reserve", &waiting);
        request["enteredAt"] = json!(at);
        ask(world, request).unwrap()
    };
    let empty = shop(&waiting, 0, 0);
    let output = ask_at(&empty, deadline.plus_minutes(1));
    assert_eq!(output["waitForRestock"], false);
    assert_eq!(output["restockDeadlineSeconds"], 1);
    assert_eq!(stored_order(&empty, &waiting), waiting);
    assert_eq!(ask_at(&empty, deadline)["waitForRestock"], true);

    let full = shop(&waiting, 9, 9);
    assert_eq!(ask_at(&full, deadline.plus_minutes(1))["inventoryResult"], true);
}

#[test]
fn an_authorisation_that_is_about_to_lapse_leaves_no_time_to_wait() {
    let mut order = patient(samples::authorized());
    order.payment.capture_before = Some(now().plus_hours(23));
    let world = shop(&order, 0, 0);
    assert_eq!(reserve(&world, &order).unwrap()["waitForRestock"], false);
    assert_eq!(stored_order(&world, &order).backorder, None);
}

#[test]
fn an_order_under_review_takes_goods_only_once_it_is_approved() {
    let order = samples::in_review();
    let decided = |decision| order.decide_review(decision, "op-1", None, now()).unwrap();
    for refused in [order.clone(), decided(ReviewDecision::Reject)] {
        let world = shop(&refused, 9, 9);
        assert_eq!(error_name(reserve(&world, &refused)), ErrorName::ReviewRejected);
        assert_eq!(world.available("MUG"), Some(9));
    }
    // Also before it waits: an execution may not walk past the review.
    let ahead = Order { status: Status::Authorized, task_token: None, ..order.clone() };
    assert_eq!(error_name(reserve(&shop(&ahead, 9, 9), &ahead)), ErrorName::ReviewRejected);

    let approved = decided(ReviewDecision::Approve);
    let world = shop(&approved, 9, 9);
    assert_eq!(reserve(&world, &approved).unwrap()["inventoryResult"], true);
    assert_eq!(stored_order(&world, &approved).task_token, None, "the wait is over");
}

#[test]
fn goods_are_not_set_aside_for_an_order_without_money() {
    for order in [samples::received(), Order::accept(samples::new_order(), now())] {
        let world = shop(&order, 9, 9);
        assert_eq!(error_name(reserve(&world, &order)), ErrorName::InvalidRequest);
        assert_eq!(world.count("stock."), 0);
    }
}

#[test]
fn a_reservation_that_was_given_back_is_never_made_again() {
    // Even if its compensation were lost from the record.
    let order = Order { compensation: None, ..turned_round(&samples::reserved()).released(now()) };
    let world = shop(&order, 9, 9);
    assert_eq!(error_name(reserve(&world, &order)), ErrorName::CompensationBegun);
    assert_eq!(world.available("MUG"), Some(9));
}

#[test]
fn an_order_that_turned_round_or_was_cancelled_or_taken_over_takes_nothing() {
    let order = samples::authorized();
    let turned = turned_round(&order);
    let cancelled = Order { cancel_requested_at: Some(now()), ..order.clone() };
    for (order, request, expected) in [
        (&turned, input("reserve", &turned), ErrorName::CompensationBegun),
        (&cancelled, input("reserve", &cancelled), ErrorName::OrderCancelled),
        (&order, superseded_input("reserve", &order), ErrorName::Superseded),
    ] {
        let world = shop(order, 9, 9);
        assert_eq!(error_name(ask(&world, request)), expected);
        assert_eq!(world.calls(), ["orders.load"]);
    }
}

#[test]
fn a_fact_that_changes_before_the_transaction_is_seen() {
    let order = samples::authorized();
    let turn = InjectedFault::ConcurrentWrite(turned_round);
    let world = shop(&order, 9, 9).on("stock.reserve", 1, turn);
    assert_eq!(error_name(reserve(&world, &order)), ErrorName::CompensationBegun);
    assert_eq!(world.available("MUG"), Some(9));

    let harmless = InjectedFault::ConcurrentWrite(|order| {
        order.with_attention(domain::order::TimelineCode::Disputed, now())
    });
    let world = shop(&order, 9, 9).on("stock.reserve", 1, harmless);
    assert_eq!(reserve(&world, &order).unwrap()["inventoryResult"], true);
    assert_eq!(world.available("MUG"), Some(7));
}

#[test]
fn a_crowded_shelf_or_a_table_out_of_reach_is_tried_again_later() {
    let check = |point, trouble: InjectedFault, expected| {
        let order = samples::authorized();
        let world = shop(&order, 9, 9).on(point, 1, trouble);
        assert_eq!(error_name(reserve(&world, &order)), expected);
        assert_eq!(reserve(&world, &order).unwrap()["inventoryResult"], true);
        assert_eq!(world.available("MUG"), Some(7), "taken once");
        assert!(world.stock_discrepancies().is_empty());
    };
    check("stock.reserve", InjectedFault::Contended, ErrorName::StockContended);
    check("stock.reserve", InjectedFault::NotSent, ErrorName::StoreUnavailable);
    check("stock.reserve", InjectedFault::ResponseLost, ErrorName::StoreUnavailable);
    check("orders.load", InjectedFault::NotSent, ErrorName::StoreUnavailable);
}

#[test]
fn an_order_that_is_not_there_is_not_found() {
    let order = samples::received();
    assert_eq!(error_name(reserve(&TestBed::default(), &order)), ErrorName::OrderNotFound);
    let plain = json!({"orderId": order.order_id});
    assert_eq!(error_name(ask(&TestBed::default(), plain)), ErrorName::OrderNotFound);
}

#[test]
fn garbage_is_an_invalid_request_and_calls_nobody() {
    let order = samples::authorized();
    let world = TestBed::with(&order);
    let id = &order.order_id;
    for input in [
        Value::Null,
        json!([]),
        json!({}),
        json!({"orderId": 1}),
        json!({"orderId": id, "operation": "book"}),
        json!({"orderId": id, "execution": 1}),
        json!({"orderId": id, "enteredAt": "now"}),
        json!({"orderId": id, "failed": "no"}),
    ] {
        assert_eq!(error_name(ask(&world, input)), ErrorName::InvalidRequest);
    }
    assert!(world.calls().is_empty());
}

/// The sample inputs of this function are ones that it understands: what it lacks
/// is only the order.
#[test]
fn every_sample_input_is_understood() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/functions");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("check-inventory-") {
            continue;
        }
        seen += 1;
        let input: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        match ask(&TestBed::default(), input) {
            Err(failure) => assert_eq!(failure.name, ErrorName::OrderNotFound, "{name}"),
            Ok(output) => assert_eq!(output["outcome"], "SUPERSEDED", "{name}"),
        }
    }
    assert!(seen >= 2, "{seen} sample inputs in {folder}");
}
