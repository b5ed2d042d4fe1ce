//! Giving the label back: what the carrier shows is believed, and nothing else.

use domain::order::Attention;
use domain::ports::ShippingRejection;
use domain::shipment::{LabelRefund, LabelRefundState, ProviderShipment};
use domain::{ErrorName, Order, Status, StepError};
use serde_json::{Value, json};
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{ask, error_name, now, perform, stored_order, superseded_input, turned_round};

fn cancel(world: &TestBed, order: &Order) -> Result<Value, StepError> {
    perform(world, "cancel", order)
}

fn bought(refund: LabelRefundState) -> ProviderShipment {
    let code = Some(("TRACK7".to_owned(), None));
    ProviderShipment { bought: code, refund, ..samples::provider_shipment() }
}

/// An order with a label, and a carrier that sold it.
fn labelled() -> (TestBed, Order) {
    let order = samples::labeled();
    (TestBed::with(&order).shipment(bought(LabelRefundState::NotRequested)), order)
}

fn refund_on_record(world: &TestBed, order: &Order) -> Option<LabelRefund> {
    stored_order(world, order).shipment.unwrap().refund
}

#[test]
fn a_label_is_given_back_after_the_turn_is_on_record() {
    let (world, order) = labelled();
    let output = cancel(&world, &order).unwrap();
    assert_eq!(output, json!({"orderId": order.order_id, "labelRefund": "SUBMITTED"}));
    assert_eq!(
        world.calls(),
        ["orders.load", "orders.save", "shipping.retrieve", "shipping.refund", "orders.save"]
    );
    assert!(stored_order(&world, &order).compensation.is_some());
    assert_eq!(world.live_labels(), 0);

    assert_eq!(cancel(&world, &order).unwrap(), output, "again: the same, from the record");
    assert_eq!(world.count("shipping."), 2);
}

#[test]
fn what_the_carrier_shows_decides() {
    let check = |shipment: ProviderShipment, expected: &str, calls: usize| {
        let order = samples::shipping();
        let world = TestBed::with(&order).shipment(shipment);
        assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], expected);
        assert_eq!(world.count("shipping."), calls, "{expected}");
        let recorded = refund_on_record(&world, &order).unwrap();
        assert_eq!(recorded.name(), expected);
        let raised = stored_order(&world, &order).attention == Some(Attention::Operator);
        assert_eq!(raised, expected == "REFUSED");
    };
    check(samples::provider_shipment(), "NONE", 1);
    // Bought, though we never recorded it.
    check(bought(LabelRefundState::NotRequested), "SUBMITTED", 2);
    check(bought(LabelRefundState::Submitted), "SUBMITTED", 1);
    check(bought(LabelRefundState::Rejected), "REFUSED", 1);
}

#[test]
fn an_order_without_a_shipment_turns_round_without_a_call() {
    let order = samples::reserved();
    let world = TestBed::with(&order);
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "NONE");
    assert!(stored_order(&world, &order).compensation.is_some());
    assert_eq!(world.count("shipping."), 0);
}

#[test]
fn a_refusal_calls_a_person_and_the_compensation_goes_on() {
    let (world, order) = labelled();
    let world = world.rejecting_label_refunds();
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "REFUSED");
    let order = stored_order(&world, &order);
    assert_eq!(order.attention, Some(Attention::Operator));
    assert!(!order.has_open_shipment(), "the next step may go on");
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "REFUSED");
    assert_eq!(world.count("shipping.refund"), 1);
}

#[test]
fn a_refusal_of_what_was_given_back_meanwhile_is_none() {
    let order = samples::labeled();
    let live = InjectedFault::ShipmentIs(bought(LabelRefundState::NotRequested));
    let world = TestBed::with(&order).shipment(bought(LabelRefundState::Submitted)).on(
        "shipping.retrieve",
        1,
        live,
    );
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "SUBMITTED");
    assert_eq!(world.count("shipping.refund"), 1);
    assert_eq!(stored_order(&world, &order).attention, None);
}

#[test]
fn an_answer_that_shows_no_refund_is_not_believed() {
    let (world, order) = labelled();
    let unmoved = InjectedFault::ShipmentIs(bought(LabelRefundState::NotRequested));
    let world = world.on("shipping.refund", 1, unmoved);
    assert_eq!(error_name(cancel(&world, &order)), ErrorName::CarrierUnavailable);
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "SUBMITTED");
}

#[test]
fn an_execution_that_lost_the_order_changes_nothing() {
    let (world, order) = labelled();
    let output = ask(&world, superseded_input("cancel", &order)).unwrap();
    assert_eq!(output["labelRefund"], "SUPERSEDED");
    assert_eq!(stored_order(&world, &order), order);
    assert_eq!(world.live_labels(), 1);
}

#[test]
fn a_fulfilled_order_keeps_its_label() {
    let order = samples::fulfilled();
    let world = TestBed::with(&order).shipment(bought(LabelRefundState::NotRequested));
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "NONE");
    assert_eq!(stored_order(&world, &order), order);
    assert_eq!((world.count("shipping."), world.live_labels()), (0, 1));
}

#[test]
fn a_closed_order_is_not_turned_round_again() {
    let order = Order { status: Status::Cancelled, ..samples::received() };
    let world = TestBed::with(&order);
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "NONE");
    assert_eq!(stored_order(&world, &order), order);
}

#[test]
fn a_refund_whose_answer_is_lost_is_looked_up_at_once() {
    let (world, order) = labelled();
    let world = world.on("shipping.refund", 1, InjectedFault::ResponseLost);
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "SUBMITTED");
    assert_eq!(world.count("shipping.retrieve"), 2);
}

#[test]
fn what_is_not_proven_is_not_recorded() {
    let check = |point, trouble: InjectedFault, expected| {
        let (world, order) = labelled();
        let world = world.on(point, 1, trouble);
        assert_eq!(error_name(cancel(&world, &order)), expected, "{point}");
        assert_eq!(refund_on_record(&world, &order), None, "{point}");
        assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "SUBMITTED", "{point}");
        assert_eq!(world.live_labels(), 0);
    };
    let refuse = InjectedFault::ShippingRejected;
    check("shipping.retrieve", InjectedFault::NotSent, ErrorName::ShipmentOutcomeUnknown);
    check("shipping.retrieve", InjectedFault::RequestLost, ErrorName::ShipmentOutcomeUnknown);
    check(
        "shipping.retrieve",
        refuse(ShippingRejection::NotFound),
        ErrorName::CarrierMisconfigured,
    );
    check("shipping.refund", InjectedFault::NotSent, ErrorName::CarrierUnavailable);
    check("shipping.refund", InjectedFault::RequestLost, ErrorName::CarrierUnavailable);
    let keys = ShippingRejection::Misconfigured("answered 403".into());
    check("shipping.refund", refuse(keys), ErrorName::CarrierMisconfigured);
}

#[test]
fn the_turn_is_decided_on_the_record_as_it_is() {
    // The label is recorded between the read and the write of the turn.
    let order = samples::shipping();
    let world = TestBed::with(&order).shipment(bought(LabelRefundState::NotRequested)).on(
        "orders.save",
        1,
        InjectedFault::ConcurrentWrite(|order| order.with_label("TRACK7", None, now())),
    );
    assert_eq!(cancel(&world, &order).unwrap()["labelRefund"], "SUBMITTED");
    let order = stored_order(&world, &order);
    assert!(order.shipment.unwrap().label.is_some());
}

#[test]
fn a_turn_that_was_made_before_keeps_its_outcome() {
    let (_, order) = labelled();
    let turned = turned_round(&order);
    let world = TestBed::with(&turned).shipment(bought(LabelRefundState::NotRequested));
    assert!(cancel(&world, &turned).is_ok());
    assert_eq!(stored_order(&world, &turned).compensation, turned.compensation);
}

#[test]
fn an_order_that_is_not_there_is_not_found() {
    assert_eq!(
        error_name(cancel(&TestBed::default(), &samples::received())),
        ErrorName::OrderNotFound
    );
}
