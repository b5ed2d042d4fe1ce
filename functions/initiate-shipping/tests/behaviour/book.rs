//! Booking: one shipment, one label, whatever the carrier answers.

use domain::payment::{Payment, PaymentStatus};
use domain::ports::ShippingRejection;
use domain::shipment::{LabelRefund, LabelRefundState, ProviderShipment, ShippingService};
use domain::{ErrorName, Order, Status, StepError};
use serde_json::{Value, json};
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{
    ask, error_name, input, now, perform, stored_order, superseded_input, turned_round,
};

fn book(world: &TestBed, order: &Order) -> Result<Value, StepError> {
    perform(world, "book", order)
}

/// An order whose shipment is stored, and a carrier that knows it.
fn stored() -> (TestBed, Order) {
    let order = samples::shipping();
    (TestBed::with(&order).shipment(samples::provider_shipment()), order)
}

fn bought() -> ProviderShipment {
    let code = Some(("TRACK7".to_owned(), None));
    ProviderShipment { bought: code, ..samples::provider_shipment() }
}

#[test]
fn the_label_is_bought_in_two_calls_one_read_and_two_writes() {
    let order = samples::reserved();
    let world = TestBed::with(&order);
    let output = book(&world, &order).unwrap();
    assert_eq!(
        output,
        json!({
            "orderId": order.order_id, "shipmentId": "shp_1", "carrier": "USPS",
            "service": "GroundAdvantage", "trackingCode": "TRACK1",
        })
    );
    assert_eq!(
        world.calls(),
        ["orders.load", "shipping.create", "orders.save", "shipping.buy", "orders.save"]
    );
    let order = stored_order(&world, &order);
    assert_eq!(order.status, Status::Shipping);
    assert!(order.has_live_label());

    assert_eq!(book(&world, &order).unwrap(), output, "again: the same, from the record");
    assert_eq!(world.count("shipping."), 2);
}

#[test]
fn an_express_parcel_takes_the_cheapest_rate_that_is_fast() {
    let order = Order { shipping_service: ShippingService::Express, ..samples::reserved() };
    let output = book(&TestBed::with(&order), &order).unwrap();
    assert_eq!(output["service"], "Express");
}

#[test]
fn without_a_rate_the_parcel_is_rejected_and_nothing_is_stored() {
    let order = samples::reserved();
    let world = TestBed::with(&order).offering_no_rate();
    assert_eq!(error_name(book(&world, &order)), ErrorName::ShippingRejected);
    assert_eq!(stored_order(&world, &order), order);
}

#[test]
fn only_a_stored_shipment_is_bought_and_it_is_looked_up_first() {
    let (world, order) = stored();
    assert_eq!(book(&world, &order).unwrap()["shipmentId"], "shp_sample");
    assert_eq!(world.calls()[1..], ["shipping.retrieve", "shipping.buy", "orders.save"]);

    let world = TestBed::with(&order).shipment(bought());
    assert_eq!(book(&world, &order).unwrap()["trackingCode"], "TRACK7");
    assert_eq!(world.count("shipping.buy"), 0, "it was bought before the process died");
}

#[test]
fn goods_that_are_not_set_aside_are_not_shipped() {
    for order in [samples::received(), samples::authorized(), samples::reserved().released(now())] {
        let world = TestBed::with(&order);
        assert_eq!(error_name(book(&world, &order)), ErrorName::InvalidRequest);
        assert_eq!(world.count("shipping."), 0);
    }
}

#[test]
fn a_label_is_bought_only_with_twelve_hours_left() {
    let check = |minutes: i64, expected: Option<ErrorName>| {
        let mut order = samples::reserved();
        order.payment.capture_before = Some(now().plus_minutes(minutes));
        let world = TestBed::with(&order);
        assert_eq!(book(&world, &order).err().map(|failure| failure.name), expected);
        assert_eq!(world.labels(), usize::from(expected.is_none()));
    };
    check(12 * 60, None);
    check(12 * 60 - 1, Some(ErrorName::PaymentNotCapturable));
    check(-1, Some(ErrorName::PaymentNotCapturable));
    // However much time is left: only of money that is held, and known to be.
    for payment in [
        samples::received().payment,
        Payment { capture_before: None, ..samples::reserved().payment },
        Payment { status: PaymentStatus::None, ..samples::reserved().payment },
        Payment { status: PaymentStatus::Voided, ..samples::reserved().payment },
    ] {
        let order = Order { payment, ..samples::reserved() };
        assert_eq!(
            error_name(book(&TestBed::with(&order), &order)),
            ErrorName::PaymentNotCapturable
        );
    }
}

#[test]
fn a_carrier_that_is_down_is_tried_again_later() {
    let check = |point, trouble: InjectedFault| {
        let order = samples::reserved();
        let world = TestBed::with(&order).on(point, 1, trouble);
        assert_eq!(error_name(book(&world, &order)), ErrorName::CarrierUnavailable, "{point}");
        assert!(book(&world, &order).is_ok());
        assert_eq!(world.labels(), 1, "{point}");
    };
    check("shipping.create", InjectedFault::NotSent);
    // A shipment that nobody buys costs nothing.
    check("shipping.create", InjectedFault::RequestLost);
    check("shipping.create", InjectedFault::ResponseLost);
    check("shipping.buy", InjectedFault::NotSent);
    check("shipping.buy", InjectedFault::RequestLost);
}

#[test]
fn a_purchase_whose_answer_is_lost_is_looked_up_at_once() {
    let order = samples::reserved();
    let world = TestBed::with(&order).on("shipping.buy", 1, InjectedFault::ResponseLost);
    assert_eq!(book(&world, &order).unwrap()["trackingCode"], "TRACK1");
    assert_eq!(world.count("shipping."), 3, "create, buy, look up");
    assert_eq!(world.labels(), 1);
}

#[test]
fn an_outcome_that_cannot_be_looked_up_stays_unknown() {
    for trouble in [InjectedFault::NotSent, InjectedFault::RequestLost] {
        let order = samples::reserved();
        let world = TestBed::with(&order).on("shipping.buy", 1, InjectedFault::ResponseLost).on(
            "shipping.retrieve",
            1,
            trouble,
        );
        assert_eq!(error_name(book(&world, &order)), ErrorName::ShipmentOutcomeUnknown);
        assert!(book(&world, &order).is_ok());
        assert_eq!(world.labels(), 1);
    }
}

#[test]
fn a_label_that_was_bought_already_is_recorded() {
    let (world, order) = stored();
    let already = InjectedFault::ShippingRejected(ShippingRejection::AlreadyBought);
    let world = world.on("shipping.buy", 1, already.clone());
    // The look-up is the authority: it says that nothing was bought.
    assert_eq!(error_name(book(&world, &order)), ErrorName::CarrierUnavailable);
    let world = world.shipment(bought()).on("shipping.retrieve", 3, InjectedFault::NotSent);
    assert_eq!(error_name(book(&world, &order)), ErrorName::ShipmentOutcomeUnknown);
    assert_eq!(book(&world, &order).unwrap()["trackingCode"], "TRACK7");
}

#[test]
fn what_the_carrier_refuses_is_told_apart() {
    let check = |point, refusal: ShippingRejection, expected| {
        let order = samples::reserved();
        let world = TestBed::with(&order).on(point, 1, InjectedFault::ShippingRejected(refusal));
        assert_eq!(error_name(book(&world, &order)), expected, "{point}");
        assert_eq!(world.labels(), 0);
    };
    for point in ["shipping.create", "shipping.buy"] {
        let text = || "answered 422".to_owned();
        check(point, ShippingRejection::Rejected(text()), ErrorName::ShippingRejected);
        check(point, ShippingRejection::Misconfigured(text()), ErrorName::CarrierMisconfigured);
        check(point, ShippingRejection::NotFound, ErrorName::CarrierMisconfigured);
    }
    let (world, order) = stored();
    let unknown = InjectedFault::ShippingRejected(ShippingRejection::NotFound);
    let world = world.on("shipping.retrieve", 1, unknown);
    assert_eq!(error_name(book(&world, &order)), ErrorName::CarrierMisconfigured);
}

#[test]
fn a_label_that_was_given_back_is_not_called_bought() {
    let (world, order) = stored();
    let world =
        world.shipment(ProviderShipment { refund: LabelRefundState::Submitted, ..bought() });
    assert_eq!(error_name(book(&world, &order)), ErrorName::ShippingRejected);
    let back = samples::labeled().with_label_refund(LabelRefund::Submitted, now());
    assert_eq!(error_name(book(&TestBed::with(&back), &back)), ErrorName::CompensationBegun);
}

#[test]
fn an_order_that_turned_round_or_was_cancelled_or_taken_over_is_not_shipped() {
    let order = samples::reserved();
    let turned = turned_round(&order);
    let cancelled = Order { cancel_requested_at: Some(now()), ..order.clone() };
    for (order, request, expected) in [
        (&turned, input("book", &turned), ErrorName::CompensationBegun),
        (&cancelled, input("book", &cancelled), ErrorName::OrderCancelled),
        (&order, superseded_input("book", &order), ErrorName::Superseded),
    ] {
        let world = TestBed::with(order);
        assert_eq!(error_name(ask(&world, request)), expected);
        assert_eq!(world.calls(), ["orders.load"]);
    }
}

#[test]
fn of_a_cancellation_and_a_shipment_exactly_one_wins() {
    let order = samples::reserved();
    let cancel = InjectedFault::ConcurrentWrite(|order| {
        let mut order = order.with_next_attempt(now());
        order.cancel_requested_at = Some(now());
        order
    });
    let world = TestBed::with(&order).on("orders.save", 1, cancel);
    assert_eq!(error_name(book(&world, &order)), ErrorName::OrderCancelled);
    assert_eq!(world.labels(), 0);
    assert!(stored_order(&world, &order).shipment.is_none());
}

#[test]
fn two_that_create_at_once_buy_one_shipment() {
    let order = samples::reserved();
    let store = InjectedFault::ConcurrentWrite(|order| {
        let shipment = samples::provider_shipment();
        order.with_shipment(&shipment, &shipment.rates[0], now()).unwrap()
    });
    let world =
        TestBed::with(&order).shipment(samples::provider_shipment()).on("orders.save", 1, store);
    assert_eq!(book(&world, &order).unwrap()["shipmentId"], "shp_sample", "the winner's");
    assert_eq!(world.labels(), 1);
}

#[test]
fn a_compensation_that_begins_during_the_purchase_wins_the_record() {
    let order = samples::reserved();
    let world =
        TestBed::with(&order).on("orders.save", 2, InjectedFault::ConcurrentWrite(turned_round));
    assert_eq!(error_name(book(&world, &order)), ErrorName::CompensationBegun);
    assert!(stored_order(&world, &order).shipment.unwrap().label.is_none());
    // The label is live at the carrier; the compensation finds it there.
    assert_eq!(perform(&world, "cancel", &order).unwrap()["labelRefund"], "SUBMITTED");
    assert_eq!(world.live_labels(), 0);
}

#[test]
fn an_order_that_is_not_there_is_not_found() {
    assert_eq!(
        error_name(book(&TestBed::default(), &samples::received())),
        ErrorName::OrderNotFound
    );
}

#[test]
fn garbage_is_an_invalid_request_and_calls_nobody() {
    let order = samples::reserved();
    let world = TestBed::with(&order);
    let id = &order.order_id;
    for input in [
        Value::Null,
        json!([]),
        json!({}),
        json!({"orderId": 1}),
        json!({"orderId": id, "operation": "capture"}),
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
        if !name.starts_with("initiate-shipping-") {
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
