//! `book`: one shipment and one label, for every answer of the shipping provider.

use domain::payment::{Payment, PaymentStatus};
use domain::ports::ShippingRejection;
use domain::shipment::{LabelRefund, LabelRefundState, ProviderShipment, ShippingService};
use domain::{Currency, ErrorName, Money, Order, Status, StepError};
use serde_json::{Value, json};
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{
    CEILING, compensating, error_name, input, invoke, now, perform, stored_order, superseded_input,
};

fn book(test_bed: &TestBed, order: &Order) -> Result<Value, StepError> {
    perform(test_bed, "book", order)
}

/// An order whose stored shipment is not bought yet.
fn with_stored_shipment() -> (TestBed, Order) {
    let order = samples::shipping();
    (TestBed::with(&order).shipment(samples::provider_shipment()), order)
}

fn bought() -> ProviderShipment {
    let code = Some(samples::bought_label("TRACK7"));
    ProviderShipment { bought: code, ..samples::provider_shipment() }
}

#[test]
fn a_label_is_bought_with_two_calls_one_read_and_two_writes() {
    let order = samples::reserved();
    let test_bed = TestBed::with(&order);
    let output = book(&test_bed, &order).unwrap();
    assert_eq!(
        output,
        json!({
            "orderId": order.order_id, "shipmentId": "shp_1", "carrier": "USPS",
            "service": "GroundAdvantage", "trackingCode": "TRACK1",
        })
    );
    assert_eq!(
        test_bed.calls(),
        ["orders.load", "shipping.create", "orders.save", "shipping.buy", "orders.save"]
    );
    let order = stored_order(&test_bed, &order);
    assert_eq!(order.status, Status::Shipping);
    assert!(order.has_live_label());

    assert_eq!(book(&test_bed, &order).unwrap(), output, "a repeat answers from the record");
    assert_eq!(test_bed.count("shipping."), 2);
}

#[test]
fn an_express_order_gets_the_cheapest_fast_rate() {
    let order = Order { shipping_service: ShippingService::Express, ..samples::reserved() };
    let output = book(&TestBed::with(&order), &order).unwrap();
    assert_eq!(output["service"], "Express");
}

#[test]
fn an_order_without_a_rate_is_rejected_and_nothing_is_stored() {
    let order = samples::reserved();
    let test_bed = TestBed::with(&order).offering_no_rate();
    assert_eq!(error_name(book(&test_bed, &order)), ErrorName::ShippingRejected);
    assert_eq!(stored_order(&test_bed, &order), order);
}

#[test]
fn only_the_stored_shipment_is_bought_and_it_is_retrieved_first() {
    let (test_bed, order) = with_stored_shipment();
    assert_eq!(book(&test_bed, &order).unwrap()["shipmentId"], "shp_sample");
    assert_eq!(test_bed.calls()[1..], ["shipping.retrieve", "shipping.buy", "orders.save"]);

    let test_bed = TestBed::with(&order).shipment(bought());
    assert_eq!(book(&test_bed, &order).unwrap()["trackingCode"], "TRACK7");
    assert_eq!(test_bed.count("shipping.buy"), 0, "an earlier process bought it before it crashed");
}

#[test]
fn an_order_without_reserved_stock_is_not_shipped() {
    for order in [samples::received(), samples::authorized(), samples::reserved().released(now())] {
        let test_bed = TestBed::with(&order);
        assert_eq!(error_name(book(&test_bed, &order)), ErrorName::InvalidRequest);
        assert_eq!(test_bed.count("shipping."), 0);
    }
}

#[test]
fn a_label_is_bought_only_with_twelve_hours_left() {
    let check = |minutes: i64, expected: Option<ErrorName>| {
        let mut order = samples::reserved();
        order.payment.capture_before = Some(now().plus_minutes(minutes));
        let test_bed = TestBed::with(&order);
        assert_eq!(book(&test_bed, &order).err().map(|failure| failure.name), expected);
        assert_eq!(test_bed.labels(), usize::from(expected.is_none()));
    };
    check(12 * 60, None);
    check(12 * 60 - 1, Some(ErrorName::PaymentNotCapturable));
    check(-1, Some(ErrorName::PaymentNotCapturable));
    // Also with time left, the payment must be authorized and its expiry known.
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
fn an_unreachable_provider_is_a_transient_error() {
    let check = |point, fault: InjectedFault| {
        let order = samples::reserved();
        let test_bed = TestBed::with(&order).on(point, 1, fault);
        assert_eq!(error_name(book(&test_bed, &order)), ErrorName::CarrierUnavailable, "{point}");
        assert!(book(&test_bed, &order).is_ok());
        assert_eq!(test_bed.labels(), 1, "{point}");
    };
    check("shipping.create", InjectedFault::NotSent);
    // An unbought shipment costs nothing.
    check("shipping.create", InjectedFault::RequestLost);
    check("shipping.create", InjectedFault::ResponseLost);
    check("shipping.buy", InjectedFault::NotSent);
    check("shipping.buy", InjectedFault::RequestLost);
}

#[test]
fn a_rate_limit_makes_the_order_late_and_has_no_effect() {
    let check = |test_bed: TestBed, order: &Order, point| {
        let test_bed = test_bed.on(point, 1, InjectedFault::Throttled);
        assert_eq!(error_name(book(&test_bed, order)), ErrorName::CarrierThrottled, "{point}");
        assert!(book(&test_bed, order).is_ok(), "{point}");
        assert_eq!(test_bed.labels(), 1, "{point}");
    };
    let order = samples::reserved();
    check(TestBed::with(&order), &order, "shipping.create");
    check(TestBed::with(&order), &order, "shipping.buy");
    let (test_bed, order) = with_stored_shipment();
    check(test_bed, &order, "shipping.retrieve");
}

#[test]
fn a_purchase_without_an_answer_is_looked_up_at_once() {
    let order = samples::reserved();
    let test_bed = TestBed::with(&order).on("shipping.buy", 1, InjectedFault::ResponseLost);
    assert_eq!(book(&test_bed, &order).unwrap()["trackingCode"], "TRACK1");
    assert_eq!(test_bed.count("shipping."), 3, "create, buy, retrieve");
    assert_eq!(test_bed.labels(), 1);
}

#[test]
fn an_outcome_that_cannot_be_looked_up_stays_unknown() {
    for fault in [InjectedFault::NotSent, InjectedFault::RequestLost] {
        let order = samples::reserved();
        let test_bed = TestBed::with(&order).on("shipping.buy", 1, InjectedFault::ResponseLost).on(
            "shipping.retrieve",
            1,
            fault,
        );
        assert_eq!(error_name(book(&test_bed, &order)), ErrorName::ShipmentOutcomeUnknown);
        assert!(book(&test_bed, &order).is_ok());
        assert_eq!(test_bed.labels(), 1);
    }
}

#[test]
fn a_label_bought_earlier_is_recorded() {
    let (test_bed, order) = with_stored_shipment();
    let already = InjectedFault::ShippingRejected(ShippingRejection::AlreadyBought);
    let test_bed = test_bed.on("shipping.buy", 1, already.clone());
    // The lookup is believed. It shows that no label was bought.
    assert_eq!(error_name(book(&test_bed, &order)), ErrorName::CarrierUnavailable);
    let test_bed = test_bed.shipment(bought()).on("shipping.retrieve", 3, InjectedFault::NotSent);
    assert_eq!(error_name(book(&test_bed, &order)), ErrorName::ShipmentOutcomeUnknown);
    assert_eq!(book(&test_bed, &order).unwrap()["trackingCode"], "TRACK7");
}

#[test]
fn each_rejection_of_the_provider_has_its_own_error() {
    let check = |point, rejection: ShippingRejection, expected| {
        let order = samples::reserved();
        let test_bed =
            TestBed::with(&order).on(point, 1, InjectedFault::ShippingRejected(rejection));
        assert_eq!(error_name(book(&test_bed, &order)), expected, "{point}");
        assert_eq!(test_bed.labels(), 0);
    };
    for point in ["shipping.create", "shipping.buy"] {
        let text = || "answered 422".to_owned();
        check(point, ShippingRejection::Rejected(text()), ErrorName::ShippingRejected);
        check(point, ShippingRejection::Misconfigured(text()), ErrorName::CarrierMisconfigured);
        check(point, ShippingRejection::NotFound, ErrorName::CarrierMisconfigured);
    }
    let (test_bed, order) = with_stored_shipment();
    let unknown = InjectedFault::ShippingRejected(ShippingRejection::NotFound);
    let test_bed = test_bed.on("shipping.retrieve", 1, unknown);
    assert_eq!(error_name(book(&test_bed, &order)), ErrorName::CarrierMisconfigured);
}

fn rate_refused() -> InjectedFault {
    InjectedFault::ShippingRejected(ShippingRejection::RateRefused("POSTAGE.FAILURE".to_owned()))
}

#[test]
fn a_carrier_that_refuses_to_sell_is_followed_by_one_purchase_at_the_next_rate() {
    let order = samples::reserved();
    let test_bed = TestBed::with(&order).on("shipping.buy", 1, rate_refused());
    assert_eq!(book(&test_bed, &order).unwrap()["service"], "Express");
    let mut calls = test_bed.calls();
    calls.retain(|call| call.starts_with("shipping."));
    assert_eq!(calls, ["shipping.create", "shipping.buy", "shipping.rerate", "shipping.buy"]);
    let stored = stored_order(&test_bed, &order).shipment.unwrap();
    assert_eq!(stored.refused_service.as_deref(), Some("GroundAdvantage"));
    assert_eq!(test_bed.labels(), 1);
}

#[test]
fn a_second_refusal_to_sell_is_final_also_after_a_crash_in_between() {
    let order = samples::reserved();
    let refused_twice = || {
        let test_bed = TestBed::with(&order).on("shipping.buy", 1, rate_refused());
        test_bed.on("shipping.buy", 2, rate_refused())
    };
    assert_eq!(error_name(book(&refused_twice(), &order)), ErrorName::ShippingRejected);
    // The second purchase is answered late: the next attempt finds the stored second rate.
    let test_bed = TestBed::with(&order)
        .on("shipping.buy", 1, rate_refused())
        .on("shipping.buy", 2, InjectedFault::NotSent)
        .on("shipping.buy", 3, rate_refused());
    assert_eq!(error_name(book(&test_bed, &order)), ErrorName::CarrierUnavailable);
    assert_eq!(error_name(book(&test_bed, &order)), ErrorName::ShippingRejected);
    assert_eq!((test_bed.count("shipping.rerate"), test_bed.labels()), (1, 0));
}

#[test]
fn postage_above_the_ceiling_is_rejected_before_a_shipment_is_stored() {
    let order = samples::reserved();
    let mut dear = samples::provider_shipment();
    for rate in &mut dear.rates {
        rate.price = Money::new(CEILING + 1, Currency::Usd);
    }
    let test_bed = TestBed::with(&order).on("shipping.create", 1, InjectedFault::ShipmentIs(dear));
    assert_eq!(error_name(book(&test_bed, &order)), ErrorName::ShippingRejected);
    assert_eq!(stored_order(&test_bed, &order).shipment, None);
}

#[test]
fn a_label_without_a_tracking_code_is_bought_and_waits_for_its_code() {
    let (test_bed, order) = with_stored_shipment();
    let bought = Some(domain::shipment::BoughtLabel::default());
    let test_bed = test_bed.shipment(ProviderShipment { bought, ..samples::provider_shipment() });
    assert_eq!(error_name(book(&test_bed, &order)), ErrorName::CarrierUnavailable);
    assert_eq!(test_bed.count("shipping.buy"), 0, "it is not bought twice");
}

#[test]
fn a_refunded_label_is_not_recorded_as_bought() {
    let (test_bed, order) = with_stored_shipment();
    let test_bed =
        test_bed.shipment(ProviderShipment { refund: LabelRefundState::Submitted, ..bought() });
    assert_eq!(error_name(book(&test_bed, &order)), ErrorName::ShippingRejected);
    let refunded = samples::labeled().with_label_refund(LabelRefund::Submitted, now());
    assert_eq!(
        error_name(book(&TestBed::with(&refunded), &refunded)),
        ErrorName::CompensationBegun
    );
}

#[test]
fn a_compensating_canceled_or_restarted_order_is_not_shipped() {
    let order = samples::reserved();
    let compensating = compensating(&order);
    let canceled = Order { cancel_requested_at: Some(now()), ..order.clone() };
    for (order, request, expected) in [
        (&compensating, input("book", &compensating), ErrorName::CompensationBegun),
        (&canceled, input("book", &canceled), ErrorName::OrderCancelled),
        (&order, superseded_input("book", &order), ErrorName::Superseded),
    ] {
        let test_bed = TestBed::with(order);
        assert_eq!(error_name(invoke(&test_bed, request)), expected);
        assert_eq!(test_bed.calls(), ["orders.load"]);
    }
}

#[test]
fn a_concurrent_cancellation_wins_before_the_shipment_is_stored() {
    let order = samples::reserved();
    let cancel = InjectedFault::ConcurrentWrite(|order| {
        let mut order = order.with_next_attempt(now());
        order.cancel_requested_at = Some(now());
        order
    });
    let test_bed = TestBed::with(&order).on("orders.save", 1, cancel);
    assert_eq!(error_name(book(&test_bed, &order)), ErrorName::OrderCancelled);
    assert_eq!(test_bed.labels(), 0);
    assert!(stored_order(&test_bed, &order).shipment.is_none());
}

#[test]
fn two_concurrent_creations_buy_one_shipment() {
    let order = samples::reserved();
    let store = InjectedFault::ConcurrentWrite(|order| {
        let shipment = samples::provider_shipment();
        order.with_shipment(&shipment, &shipment.rates[0], now()).unwrap()
    });
    let test_bed =
        TestBed::with(&order).shipment(samples::provider_shipment()).on("orders.save", 1, store);
    assert_eq!(book(&test_bed, &order).unwrap()["shipmentId"], "shp_sample", "the stored one");
    assert_eq!(test_bed.labels(), 1);
}

#[test]
fn a_compensation_that_begins_during_the_purchase_wins() {
    let order = samples::reserved();
    let test_bed =
        TestBed::with(&order).on("orders.save", 2, InjectedFault::ConcurrentWrite(compensating));
    assert_eq!(error_name(book(&test_bed, &order)), ErrorName::CompensationBegun);
    assert!(stored_order(&test_bed, &order).shipment.unwrap().label.is_none());
    // The label is live at the provider. The compensation finds and refunds it.
    assert_eq!(perform(&test_bed, "cancel", &order).unwrap()["labelRefund"], "SUBMITTED");
    assert_eq!(test_bed.live_labels(), 0);
}

#[test]
fn an_unknown_order_is_not_found() {
    assert_eq!(
        error_name(book(&TestBed::default(), &samples::received())),
        ErrorName::OrderNotFound
    );
}
