//! Booking: one shipment, one label, whatever the carrier answers.

use domain::payment::{Payment, PaymentStatus};
use domain::ports::CarrierRefusal;
use domain::shipment::{CarrierRefund, CarrierShipment, LabelRefund, ShippingService};
use domain::{Failure, Fault, Order, Status};
use serde_json::{Value, json};
use testing::fakes::{Trouble, World};
use testing::sample;

use crate::support::{ask, fault, input, now, on_record, perform, turned_round, zombie};

fn book(world: &World, order: &Order) -> Result<Value, Failure> {
    perform(world, "book", order)
}

/// An order whose shipment is stored, and a carrier that knows it.
fn stored() -> (World, Order) {
    let order = sample::shipping();
    (World::with(&order).shipment(sample::carrier_shipment()), order)
}

fn bought() -> CarrierShipment {
    let code = Some(("TRACK7".to_owned(), None));
    CarrierShipment { bought: code, ..sample::carrier_shipment() }
}

#[test]
fn the_label_is_bought_in_two_calls_one_read_and_two_writes() {
    let order = sample::reserved();
    let world = World::with(&order);
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
        ["orders.load", "carrier.create", "orders.save", "carrier.buy", "orders.save"]
    );
    let order = on_record(&world, &order);
    assert_eq!(order.status, Status::Shipping);
    assert!(order.has_live_label());

    assert_eq!(book(&world, &order).unwrap(), output, "again: the same, from the record");
    assert_eq!(world.count("carrier."), 2);
}

#[test]
fn an_express_parcel_takes_the_cheapest_rate_that_is_fast() {
    let order = Order { shipping_service: ShippingService::Express, ..sample::reserved() };
    let output = book(&World::with(&order), &order).unwrap();
    assert_eq!(output["service"], "Express");
}

#[test]
fn without_a_rate_the_parcel_is_rejected_and_nothing_is_stored() {
    let order = sample::reserved();
    let world = World::with(&order).offering_no_rate();
    assert_eq!(fault(book(&world, &order)), Fault::ShippingRejected);
    assert_eq!(on_record(&world, &order), order);
}

#[test]
fn only_a_stored_shipment_is_bought_and_it_is_looked_up_first() {
    let (world, order) = stored();
    assert_eq!(book(&world, &order).unwrap()["shipmentId"], "shp_sample");
    assert_eq!(world.calls()[1..], ["carrier.look_up", "carrier.buy", "orders.save"]);

    let world = World::with(&order).shipment(bought());
    assert_eq!(book(&world, &order).unwrap()["trackingCode"], "TRACK7");
    assert_eq!(world.count("carrier.buy"), 0, "it was bought before the process died");
}

#[test]
fn goods_that_are_not_set_aside_are_not_shipped() {
    for order in [sample::received(), sample::authorised(), sample::reserved().released(now())] {
        let world = World::with(&order);
        assert_eq!(fault(book(&world, &order)), Fault::InvalidRequest);
        assert_eq!(world.count("carrier."), 0);
    }
}

#[test]
fn a_label_is_bought_only_with_twelve_hours_left() {
    let check = |minutes: i64, expected: Option<Fault>| {
        let mut order = sample::reserved();
        order.payment.capture_before = Some(now().plus_minutes(minutes));
        let world = World::with(&order);
        assert_eq!(book(&world, &order).err().map(|failure| failure.fault), expected);
        assert_eq!(world.labels(), usize::from(expected.is_none()));
    };
    check(12 * 60, None);
    check(12 * 60 - 1, Some(Fault::PaymentNotCapturable));
    check(-1, Some(Fault::PaymentNotCapturable));
    // However much time is left: only of money that is held, and known to be.
    for payment in [
        sample::received().payment,
        Payment { capture_before: None, ..sample::reserved().payment },
        Payment { status: PaymentStatus::None, ..sample::reserved().payment },
        Payment { status: PaymentStatus::Voided, ..sample::reserved().payment },
    ] {
        let order = Order { payment, ..sample::reserved() };
        assert_eq!(fault(book(&World::with(&order), &order)), Fault::PaymentNotCapturable);
    }
}

#[test]
fn a_carrier_that_is_down_is_tried_again_later() {
    let check = |point, trouble: Trouble| {
        let order = sample::reserved();
        let world = World::with(&order).on(point, 1, trouble);
        assert_eq!(fault(book(&world, &order)), Fault::CarrierUnavailable, "{point}");
        assert!(book(&world, &order).is_ok());
        assert_eq!(world.labels(), 1, "{point}");
    };
    check("carrier.create", Trouble::Down);
    // A shipment that nobody buys costs nothing.
    check("carrier.create", Trouble::LostBefore);
    check("carrier.create", Trouble::LostAfter);
    check("carrier.buy", Trouble::Down);
    check("carrier.buy", Trouble::LostBefore);
}

#[test]
fn a_purchase_whose_answer_is_lost_is_looked_up_at_once() {
    let order = sample::reserved();
    let world = World::with(&order).on("carrier.buy", 1, Trouble::LostAfter);
    assert_eq!(book(&world, &order).unwrap()["trackingCode"], "TRACK1");
    assert_eq!(world.count("carrier."), 3, "create, buy, look up");
    assert_eq!(world.labels(), 1);
}

#[test]
fn an_outcome_that_cannot_be_looked_up_stays_unknown() {
    for trouble in [Trouble::Down, Trouble::LostBefore] {
        let order = sample::reserved();
        let world = World::with(&order).on("carrier.buy", 1, Trouble::LostAfter).on(
            "carrier.look_up",
            1,
            trouble,
        );
        assert_eq!(fault(book(&world, &order)), Fault::ShipmentOutcomeUnknown);
        assert!(book(&world, &order).is_ok());
        assert_eq!(world.labels(), 1);
    }
}

#[test]
fn a_label_that_was_bought_already_is_recorded() {
    let (world, order) = stored();
    let already = Trouble::CarrierRefuses(CarrierRefusal::BoughtAlready);
    let world = world.on("carrier.buy", 1, already.clone());
    // The look-up is the authority: it says that nothing was bought.
    assert_eq!(fault(book(&world, &order)), Fault::CarrierUnavailable);
    let world = world.shipment(bought()).on("carrier.look_up", 3, Trouble::Down);
    assert_eq!(fault(book(&world, &order)), Fault::ShipmentOutcomeUnknown);
    assert_eq!(book(&world, &order).unwrap()["trackingCode"], "TRACK7");
}

#[test]
fn what_the_carrier_refuses_is_told_apart() {
    let check = |point, refusal: CarrierRefusal, expected| {
        let order = sample::reserved();
        let world = World::with(&order).on(point, 1, Trouble::CarrierRefuses(refusal));
        assert_eq!(fault(book(&world, &order)), expected, "{point}");
        assert_eq!(world.labels(), 0);
    };
    for point in ["carrier.create", "carrier.buy"] {
        let text = || "answered 422".to_owned();
        check(point, CarrierRefusal::Rejected(text()), Fault::ShippingRejected);
        check(point, CarrierRefusal::Misconfigured(text()), Fault::CarrierMisconfigured);
        check(point, CarrierRefusal::NotFound, Fault::CarrierMisconfigured);
    }
    let (world, order) = stored();
    let unknown = Trouble::CarrierRefuses(CarrierRefusal::NotFound);
    let world = world.on("carrier.look_up", 1, unknown);
    assert_eq!(fault(book(&world, &order)), Fault::CarrierMisconfigured);
}

#[test]
fn a_label_that_was_given_back_is_not_called_bought() {
    let (world, order) = stored();
    let world = world.shipment(CarrierShipment { refund: CarrierRefund::Submitted, ..bought() });
    assert_eq!(fault(book(&world, &order)), Fault::ShippingRejected);
    let back = sample::labelled().with_label_refund(LabelRefund::Submitted, now());
    assert_eq!(fault(book(&World::with(&back), &back)), Fault::CompensationBegun);
}

#[test]
fn an_order_that_turned_round_or_was_cancelled_or_taken_over_is_not_shipped() {
    let order = sample::reserved();
    let turned = turned_round(&order);
    let cancelled = Order { cancel_requested_at: Some(now()), ..order.clone() };
    for (order, request, expected) in [
        (&turned, input("book", &turned), Fault::CompensationBegun),
        (&cancelled, input("book", &cancelled), Fault::OrderCancelled),
        (&order, zombie("book", &order), Fault::Superseded),
    ] {
        let world = World::with(order);
        assert_eq!(fault(ask(&world, request)), expected);
        assert_eq!(world.calls(), ["orders.load"]);
    }
}

#[test]
fn of_a_cancellation_and_a_shipment_exactly_one_wins() {
    let order = sample::reserved();
    let cancel = Trouble::Meanwhile(|order| {
        let mut order = order.with_next_try(now());
        order.cancel_requested_at = Some(now());
        order
    });
    let world = World::with(&order).on("orders.save", 1, cancel);
    assert_eq!(fault(book(&world, &order)), Fault::OrderCancelled);
    assert_eq!(world.labels(), 0);
    assert!(on_record(&world, &order).shipment.is_none());
}

#[test]
fn two_that_create_at_once_buy_one_shipment() {
    let order = sample::reserved();
    let store = Trouble::Meanwhile(|order| {
        let shipment = sample::carrier_shipment();
        order.with_shipment(&shipment, &shipment.rates[0], now()).unwrap()
    });
    let world =
        World::with(&order).shipment(sample::carrier_shipment()).on("orders.save", 1, store);
    assert_eq!(book(&world, &order).unwrap()["shipmentId"], "shp_sample", "the winner's");
    assert_eq!(world.labels(), 1);
}

#[test]
fn a_compensation_that_begins_during_the_purchase_wins_the_record() {
    let order = sample::reserved();
    let world = World::with(&order).on("orders.save", 2, Trouble::Meanwhile(turned_round));
    assert_eq!(fault(book(&world, &order)), Fault::CompensationBegun);
    assert!(on_record(&world, &order).shipment.unwrap().label.is_none());
    // The label is live at the carrier; the compensation finds it there.
    assert_eq!(perform(&world, "cancel", &order).unwrap()["labelRefund"], "SUBMITTED");
    assert_eq!(world.live_labels(), 0);
}

#[test]
fn an_order_that_is_not_there_is_not_found() {
    assert_eq!(fault(book(&World::default(), &sample::received())), Fault::OrderNotFound);
}

#[test]
fn garbage_is_an_invalid_request_and_calls_nobody() {
    let order = sample::reserved();
    let world = World::with(&order);
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
        assert_eq!(fault(ask(&world, input)), Fault::InvalidRequest);
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
        match ask(&World::default(), input) {
            Err(failure) => assert_eq!(failure.fault, Fault::OrderNotFound, "{name}"),
            Ok(output) => assert_eq!(output["outcome"], "SUPERSEDED", "{name}"),
        }
    }
    assert!(seen >= 2, "{seen} sample inputs in {folder}");
}
