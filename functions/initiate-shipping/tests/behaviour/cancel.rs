//! Giving the label back: what the carrier shows is believed, and nothing else.

use domain::order::Attention;
use domain::ports::CarrierRefusal;
use domain::shipment::{CarrierRefund, CarrierShipment, LabelRefund};
use domain::{Failure, Fault, Order, Status};
use serde_json::{Value, json};
use testing::fakes::{Trouble, World};
use testing::sample;

use crate::support::{ask, fault, now, on_record, perform, turned_round, zombie};

fn cancel(world: &World, order: &Order) -> Result<Value, Failure> {
    perform(world, "cancel", order)
}

fn bought(refund: CarrierRefund) -> CarrierShipment {
    let code = Some(("TRACK7".to_owned(), None));
    CarrierShipment { bought: code, refund, ..sample::carrier_shipment() }
}

/// An order with a label, and a carrier that sold it.
fn labelled() -> (World, Order) {
    let order = sample::labelled();
    (World::with(&order).shipment(bought(CarrierRefund::NotAsked)), order)
}

fn refund_on_record(world: &World, order: &Order) -> Option<LabelRefund> {
    on_record(world, order).shipment.unwrap().refund
}

#[test]
fn a_label_is_given_back_after_the_turn_is_on_record() {
    let (world, order) = labelled();
    let output = cancel(&world, &order).unwrap();
    assert_eq!(output, json!({"orderId": order.order_id, "labelRefund": "SUBMITTED"}));
    assert_eq!(
        world.calls(),
        ["orders.load", "orders.save", "carrier.look_up", "carrier.refund", "orders.save"]
    );
    assert!(on_record(&world, &order).compensation.is_some());
    assert_eq!(world.live_labels(), 0);

    assert_eq!(cancel(&world, &order).unwrap(), output, "again: the same, from the record");
    assert_eq!(world.count("carrier."), 2);
}

#[test]
fn what_the_carrier_shows_decides() {
    let check = |shipment: CarrierShipment, expected: &str, calls: usize| {
        let order = sample::shipping();
        let world = World::with(&order).shipment(shipment);
        assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], expected);
        assert_eq!(world.count("carrier."), calls, "{expected}");
        let recorded = refund_on_record(&world, &order).unwrap();
        assert_eq!(recorded.name(), expected);
        let raised = on_record(&world, &order).attention == Some(Attention::Operator);
        assert_eq!(raised, expected == "REFUSED");
    };
    check(sample::carrier_shipment(), "NONE", 1);
    // Bought, though we never recorded it.
    check(bought(CarrierRefund::NotAsked), "SUBMITTED", 2);
    check(bought(CarrierRefund::Submitted), "SUBMITTED", 1);
    check(bought(CarrierRefund::Rejected), "REFUSED", 1);
}

#[test]
fn an_order_without_a_shipment_turns_round_without_a_call() {
    let order = sample::reserved();
    let world = World::with(&order);
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "NONE");
    assert!(on_record(&world, &order).compensation.is_some());
    assert_eq!(world.count("carrier."), 0);
}

#[test]
fn a_refusal_calls_a_person_and_the_compensation_goes_on() {
    let (world, order) = labelled();
    let world = world.refusing_label_refunds();
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "REFUSED");
    let order = on_record(&world, &order);
    assert_eq!(order.attention, Some(Attention::Operator));
    assert!(!order.has_open_shipment(), "the next step may go on");
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "REFUSED");
    assert_eq!(world.count("carrier.refund"), 1);
}

#[test]
fn a_refusal_of_what_was_given_back_meanwhile_is_none() {
    let order = sample::labelled();
    let live = Trouble::CarrierShows(bought(CarrierRefund::NotAsked));
    let world = World::with(&order).shipment(bought(CarrierRefund::Submitted)).on(
        "carrier.look_up",
        1,
        live,
    );
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "SUBMITTED");
    assert_eq!(world.count("carrier.refund"), 1);
    assert_eq!(on_record(&world, &order).attention, None);
}

#[test]
fn an_answer_that_shows_no_refund_is_not_believed() {
    let (world, order) = labelled();
    let unmoved = Trouble::CarrierShows(bought(CarrierRefund::NotAsked));
    let world = world.on("carrier.refund", 1, unmoved);
    assert_eq!(fault(cancel(&world, &order)), Fault::CarrierUnavailable);
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "SUBMITTED");
}

#[test]
fn an_execution_that_lost_the_order_changes_nothing() {
    let (world, order) = labelled();
    let output = ask(&world, zombie("cancel", &order)).unwrap();
    assert_eq!(output["labelRefund"], "SUPERSEDED");
    assert_eq!(on_record(&world, &order), order);
    assert_eq!(world.live_labels(), 1);
}

#[test]
fn a_fulfilled_order_keeps_its_label() {
    let order = sample::fulfilled();
    let world = World::with(&order).shipment(bought(CarrierRefund::NotAsked));
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "NONE");
    assert_eq!(on_record(&world, &order), order);
    assert_eq!((world.count("carrier."), world.live_labels()), (0, 1));
}

#[test]
fn a_closed_order_is_not_turned_round_again() {
    let order = Order { status: Status::Cancelled, ..sample::received() };
    let world = World::with(&order);
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "NONE");
    assert_eq!(on_record(&world, &order), order);
}

#[test]
fn a_refund_whose_answer_is_lost_is_looked_up_at_once() {
    let (world, order) = labelled();
    let world = world.on("carrier.refund", 1, Trouble::LostAfter);
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "SUBMITTED");
    assert_eq!(world.count("carrier.look_up"), 2);
}

#[test]
fn what_is_not_proven_is_not_recorded() {
    let check = |point, trouble: Trouble, expected| {
        let (world, order) = labelled();
        let world = world.on(point, 1, trouble);
        assert_eq!(fault(cancel(&world, &order)), expected, "{point}");
        assert_eq!(refund_on_record(&world, &order), None, "{point}");
        assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "SUBMITTED", "{point}");
        assert_eq!(world.live_labels(), 0);
    };
    let refuse = Trouble::CarrierRefuses;
    check("carrier.look_up", Trouble::Down, Fault::ShipmentOutcomeUnknown);
    check("carrier.look_up", Trouble::LostBefore, Fault::ShipmentOutcomeUnknown);
    check("carrier.look_up", refuse(CarrierRefusal::NotFound), Fault::CarrierMisconfigured);
    check("carrier.refund", Trouble::Down, Fault::CarrierUnavailable);
    check("carrier.refund", Trouble::LostBefore, Fault::CarrierUnavailable);
    let keys = CarrierRefusal::Misconfigured("answered 403".into());
    check("carrier.refund", refuse(keys), Fault::CarrierMisconfigured);
}

#[test]
fn the_turn_is_decided_on_the_record_as_it_is() {
    // The label is recorded between the read and the write of the turn.
    let order = sample::shipping();
    let world = World::with(&order).shipment(bought(CarrierRefund::NotAsked)).on(
        "orders.save",
        1,
        Trouble::Meanwhile(|order| order.with_label("TRACK7", None, now())),
    );
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "SUBMITTED");
    let order = on_record(&world, &order);
    assert!(order.shipment.unwrap().label.is_some());
}

#[test]
fn a_turn_that_was_made_before_keeps_its_outcome() {
    let (_, order) = labelled();
    let turned = turned_round(&order);
    let world = World::with(&turned).shipment(bought(CarrierRefund::NotAsked));
    assert!(cancel(&world, &turned).is_ok());
    assert_eq!(on_record(&world, &turned).compensation, turned.compensation);
}

#[test]
fn an_order_that_is_not_there_is_not_found() {
    assert_eq!(fault(cancel(&World::default(), &sample::received())), Fault::OrderNotFound);
}
