//! `cancel`: the function records what the shipping provider shows, and nothing else.

use domain::order::Attention;
use domain::ports::ShippingRejection;
use domain::settlement::{Claims, LabelClaim};
use domain::shipment::{LabelRefund, LabelRefundState, ProviderShipment};
use domain::{ErrorName, Order, Status, StepError};
use serde_json::{Value, json};
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{
    compensating, error_name, invoke, now, perform, stored_order, superseded_input,
};

fn cancel(test_bed: &TestBed, order: &Order) -> Result<Value, StepError> {
    perform(test_bed, "cancel", order)
}

fn bought(refund: LabelRefundState) -> ProviderShipment {
    let code = Some(samples::bought_label("TRACK7"));
    ProviderShipment { bought: code, refund, ..samples::provider_shipment() }
}

/// An order with a label that the provider knows as bought.
fn labeled() -> (TestBed, Order) {
    let order = samples::labeled();
    (TestBed::with(&order).shipment(bought(LabelRefundState::NotRequested)), order)
}

fn recorded_refund(test_bed: &TestBed, order: &Order) -> Option<LabelRefund> {
    stored_order(test_bed, order).shipment.unwrap().refund
}

#[test]
fn a_label_is_refunded_after_the_compensation_is_recorded() {
    let (test_bed, order) = labeled();
    let output = cancel(&test_bed, &order).unwrap();
    assert_eq!(output, json!({"orderId": order.order_id, "labelRefund": "SUBMITTED"}));
    assert_eq!(
        test_bed.calls(),
        ["orders.load", "orders.save", "shipping.retrieve", "shipping.refund", "orders.save"]
    );
    assert!(stored_order(&test_bed, &order).compensation.is_some());
    assert_eq!(test_bed.live_labels(), 0);

    assert_eq!(cancel(&test_bed, &order).unwrap(), output, "a repeat answers from the record");
    assert_eq!(test_bed.count("shipping."), 2);
}

#[test]
fn the_shipment_at_the_provider_decides_the_result() {
    let check = |shipment: ProviderShipment, expected: &str, calls: usize| {
        let order = samples::shipping();
        let test_bed = TestBed::with(&order).shipment(shipment);
        assert_eq!(cancel(&test_bed, &order).unwrap()["labelRefund"], expected);
        assert_eq!(test_bed.count("shipping."), calls, "{expected}");
        let recorded = recorded_refund(&test_bed, &order).unwrap();
        assert_eq!(recorded.name(), expected);
        let raised = stored_order(&test_bed, &order).attention == Some(Attention::Operator);
        assert_eq!(raised, expected == "REFUSED");
    };
    check(samples::provider_shipment(), "NONE", 1);
    // The label was bought, but the purchase was never recorded.
    check(bought(LabelRefundState::NotRequested), "SUBMITTED", 2);
    check(bought(LabelRefundState::Submitted), "SUBMITTED", 1);
    // The reconciler submits it again.
    check(bought(LabelRefundState::Rejected), "SUBMITTED", 1);
    check(bought(LabelRefundState::NotApplicable), "NONE", 1);
}

#[test]
fn an_order_without_a_shipment_begins_compensation_without_a_call() {
    let order = samples::reserved();
    let test_bed = TestBed::with(&order);
    assert_eq!(cancel(&test_bed, &order).unwrap()["labelRefund"], "NONE");
    assert!(stored_order(&test_bed, &order).compensation.is_some());
    assert_eq!(test_bed.count("shipping."), 0);
}

#[test]
fn a_refused_refund_raises_attention_and_compensation_continues() {
    let (test_bed, order) = labeled();
    let test_bed = test_bed.rejecting_label_refunds();
    assert_eq!(cancel(&test_bed, &order).unwrap()["labelRefund"], "REFUSED");
    let order = stored_order(&test_bed, &order);
    assert_eq!(order.attention, Some(Attention::Operator));
    assert!(!order.has_open_shipment(), "the next step may proceed");
    assert_eq!(cancel(&test_bed, &order).unwrap()["labelRefund"], "REFUSED");
    assert_eq!(test_bed.count("shipping.refund"), 1);
}

#[test]
fn a_rejected_refund_of_a_label_already_refunded_counts_as_submitted() {
    let order = samples::labeled();
    let live = InjectedFault::ShipmentIs(bought(LabelRefundState::NotRequested));
    let test_bed = TestBed::with(&order).shipment(bought(LabelRefundState::Submitted)).on(
        "shipping.retrieve",
        1,
        live,
    );
    assert_eq!(cancel(&test_bed, &order).unwrap()["labelRefund"], "SUBMITTED");
    assert_eq!(test_bed.count("shipping.refund"), 1);
    assert_eq!(stored_order(&test_bed, &order).attention, None);
}

#[test]
fn an_answer_that_shows_no_refund_is_not_recorded() {
    let (test_bed, order) = labeled();
    let unchanged = InjectedFault::ShipmentIs(bought(LabelRefundState::NotRequested));
    let test_bed = test_bed.on("shipping.refund", 1, unchanged);
    assert_eq!(error_name(cancel(&test_bed, &order)), ErrorName::CarrierUnavailable);
    assert_eq!(cancel(&test_bed, &order).unwrap()["labelRefund"], "SUBMITTED");
}

#[test]
fn a_superseded_execution_changes_nothing() {
    let (test_bed, order) = labeled();
    let output = invoke(&test_bed, superseded_input("cancel", &order)).unwrap();
    assert_eq!(output["labelRefund"], "SUPERSEDED");
    assert_eq!(stored_order(&test_bed, &order), order);
    assert_eq!(test_bed.live_labels(), 1);
}

#[test]
fn a_fulfilled_order_keeps_its_label() {
    let order = samples::fulfilled();
    let test_bed = TestBed::with(&order).shipment(bought(LabelRefundState::NotRequested));
    assert_eq!(cancel(&test_bed, &order).unwrap()["labelRefund"], "NONE");
    assert_eq!(stored_order(&test_bed, &order), order);
    assert_eq!((test_bed.count("shipping."), test_bed.live_labels()), (0, 1));
}

#[test]
fn a_closed_order_is_left_unchanged() {
    let order = Order { status: Status::Cancelled, ..samples::received() };
    let test_bed = TestBed::with(&order);
    assert_eq!(cancel(&test_bed, &order).unwrap()["labelRefund"], "NONE");
    assert_eq!(stored_order(&test_bed, &order), order);
}

#[test]
fn a_refund_without_an_answer_is_looked_up_at_once() {
    let (test_bed, order) = labeled();
    let test_bed = test_bed.on("shipping.refund", 1, InjectedFault::ResponseLost);
    assert_eq!(cancel(&test_bed, &order).unwrap()["labelRefund"], "SUBMITTED");
    assert_eq!(test_bed.count("shipping.retrieve"), 2);
}

#[test]
fn an_unproven_refund_is_not_recorded() {
    let check = |point, fault: InjectedFault, expected| {
        let (test_bed, order) = labeled();
        let test_bed = test_bed.on(point, 1, fault);
        assert_eq!(error_name(cancel(&test_bed, &order)), expected, "{point}");
        assert_eq!(recorded_refund(&test_bed, &order), None, "{point}");
        assert_eq!(cancel(&test_bed, &order).unwrap()["labelRefund"], "SUBMITTED", "{point}");
        assert_eq!(test_bed.live_labels(), 0);
    };
    let reject = InjectedFault::ShippingRejected;
    check("shipping.retrieve", InjectedFault::NotSent, ErrorName::ShipmentOutcomeUnknown);
    check("shipping.retrieve", InjectedFault::Throttled, ErrorName::CarrierThrottled);
    check("shipping.refund", InjectedFault::Throttled, ErrorName::CarrierThrottled);
    check("shipping.retrieve", InjectedFault::RequestLost, ErrorName::ShipmentOutcomeUnknown);
    check(
        "shipping.retrieve",
        reject(ShippingRejection::NotFound),
        ErrorName::CarrierMisconfigured,
    );
    check("shipping.refund", InjectedFault::NotSent, ErrorName::CarrierUnavailable);
    check("shipping.refund", InjectedFault::RequestLost, ErrorName::CarrierUnavailable);
    let forbidden = ShippingRejection::Misconfigured("answered 403".into());
    check("shipping.refund", reject(forbidden), ErrorName::CarrierMisconfigured);
}

#[test]
fn the_compensation_is_decided_from_the_current_record() {
    // The label is recorded between the read of the order and the write of the compensation.
    let order = samples::shipping();
    let test_bed = TestBed::with(&order).shipment(bought(LabelRefundState::NotRequested)).on(
        "orders.save",
        1,
        InjectedFault::ConcurrentWrite(|order| order.with_label("TRACK7", None, now())),
    );
    assert_eq!(cancel(&test_bed, &order).unwrap()["labelRefund"], "SUBMITTED");
    let order = stored_order(&test_bed, &order);
    assert!(order.shipment.unwrap().label.is_some());
}

#[test]
fn an_earlier_compensation_keeps_its_outcome() {
    let (_, order) = labeled();
    let compensating = compensating(&order);
    let test_bed = TestBed::with(&compensating).shipment(bought(LabelRefundState::NotRequested));
    assert!(cancel(&test_bed, &compensating).is_ok());
    assert_eq!(stored_order(&test_bed, &compensating).compensation, compensating.compensation);
}

#[test]
fn an_unknown_order_is_not_found() {
    assert_eq!(
        error_name(cancel(&TestBed::default(), &samples::received())),
        ErrorName::OrderNotFound
    );
}

/// An order that an operator settled by hand.
fn settled(label: LabelClaim) -> Order {
    let claims = Claims { money: None, label: Some(label) };
    let order = samples::needs_attention();
    order.settle(claims, false, "op-1", "Support says so.", now()).unwrap()
}

#[test]
fn a_claim_about_the_label_counts_only_where_the_provider_gives_no_answer() {
    for (claim, recorded, raised) in [
        (LabelClaim::Refunded, LabelRefund::Submitted, false),
        (LabelClaim::Kept, LabelRefund::Kept, true),
        (LabelClaim::None, LabelRefund::None, false),
    ] {
        let order = settled(claim);
        let test_bed = TestBed::with(&order).on(
            "shipping.retrieve",
            1,
            InjectedFault::ShippingRejected(ShippingRejection::NotFound),
        );
        assert!(cancel(&test_bed, &order).is_ok());
        assert_eq!(recorded_refund(&test_bed, &order), Some(recorded));
        assert_eq!(stored_order(&test_bed, &order).attention.is_some(), raised);
    }
    // The label is live: it is refunded, unless the operator has it kept.
    for (claim, recorded, live) in [
        (LabelClaim::Refunded, LabelRefund::Submitted, 0),
        (LabelClaim::Kept, LabelRefund::Kept, 1),
        (LabelClaim::None, LabelRefund::Submitted, 0),
    ] {
        let order = settled(claim);
        let test_bed = TestBed::with(&order).shipment(bought(LabelRefundState::NotRequested));
        assert!(cancel(&test_bed, &order).is_ok());
        assert_eq!(recorded_refund(&test_bed, &order), Some(recorded));
        assert_eq!(test_bed.live_labels(), live);
    }
}
