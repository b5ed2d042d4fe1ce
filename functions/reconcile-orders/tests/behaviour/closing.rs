//! A closed order is looked after until its money and its label are final, as the
//! providers show it.

use domain::Order;
use domain::order::Attention;
use domain::payment::{PaymentIntent, PaymentIntentState, PaymentStatus};
use domain::ports::RefundState;
use domain::shipment::{LabelRefund, LabelRefundState};
use reconcile_orders::event::Looked;
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{
    after, bought, closed, closed_early, codes, due, look_at, now, refunded, stored_order, tick,
    ticks, voided,
};

fn is_settled(world: &TestBed, order: &Order) -> bool {
    let order = stored_order(world, order);
    assert_eq!(order.open.is_none(), order.check_at.is_none());
    order.open.is_none()
}

#[test]
fn a_fulfilled_order_is_settled_without_asking_anybody() {
    let order = samples::fulfilled();
    let world = after(&order);
    let seen = look_at(&world, &order, now());
    assert_eq!(seen, Looked { looked: 1, settled: 1, ..Looked::default() });
    assert_eq!((world.count("payment."), world.count("shipping.")), (0, 0));
    let settled = stored_order(&world, &order);
    assert_eq!((settled.updated_at, settled.timeline), (order.updated_at, order.timeline));
}

#[test]
fn an_order_whose_money_and_label_are_final_is_settled() {
    let order = closed_early(PaymentStatus::Voided);
    let world = after(&order).intent(voided());
    assert_eq!(look_at(&world, &order, now()).settled, 1);
    let order = closed(LabelRefund::Submitted, PaymentStatus::Voided);
    let world = after(&order).intent(voided()).shipment(bought(LabelRefundState::Refunded));
    assert_eq!(look_at(&world, &order, now()).settled, 1);
    // A confirmation never came to pass: there is nothing to look up.
    let order = domain::Order {
        payment: domain::payment::Payment::initial(),
        ..closed_early(PaymentStatus::Voided)
    };
    assert_eq!(look_at(&after(&order), &order, now()).settled, 1);
}

#[test]
fn a_hold_that_is_left_on_a_closed_order_is_given_up() {
    let order = closed_early(PaymentStatus::Voided);
    let world = after(&order).intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
    assert_eq!(look_at(&world, &order, now()).settled, 1);
    assert_eq!(world.payment_intents_in(PaymentIntentState::Canceled), 1);
}

#[test]
fn money_that_is_left_on_a_closed_order_is_given_back_and_waited_for() {
    let order = closed_early(PaymentStatus::Voided);
    let world = after(&order)
        .intent(samples::payment_intent(PaymentIntentState::Succeeded))
        .pending_refunds();
    look_at(&world, &order, now());
    assert_eq!((world.refunds(), is_settled(&world, &order)), (1, false));
    assert_eq!(stored_order(&world, &order).payment.status, PaymentStatus::Refunded);
    ticks(&world, &order, 4);
    assert_eq!((world.refunds(), is_settled(&world, &order)), (1, false), "once");
    world.resolve_refunds(RefundState::Succeeded);
    ticks(&world, &order, 1);
    assert!(is_settled(&world, &order));
}

#[test]
fn a_void_without_effect_is_tried_again_with_another_key() {
    let order = closed_early(PaymentStatus::Voided);
    let world = after(&order)
        .intent(samples::payment_intent(PaymentIntentState::RequiresCapture))
        .on("payment.cancel", 1, InjectedFault::StoredFailure);
    look_at(&world, &order, now());
    assert_eq!(stored_order(&world, &order).payment.attempt, order.payment.attempt + 1);
    ticks(&world, &order, 1);
    assert_eq!(world.payment_intents_in(PaymentIntentState::Canceled), 1);
    assert!(is_settled(&world, &order));
}

#[test]
fn a_refund_is_looked_up_until_it_has_arrived() {
    let order = closed_early(PaymentStatus::Refunded);
    let world = after(&order).intent(refunded()).refund(RefundState::Pending);
    let closed = order.closed_at();
    for hours in [1, 24] {
        ticks(&world, &order, 1);
        assert_eq!(due(&world, &order), closed.plus_hours(hours));
    }
    ticks(&world, &order, 3);
    assert_eq!(due(&world, &order), closed.plus_hours(24 * 4), "daily from then on");
    world.resolve_refunds(RefundState::Succeeded);
    ticks(&world, &order, 1);
    assert!(is_settled(&world, &order));
    assert_eq!(stored_order(&world, &order).attention, None);
}

#[test]
fn a_refund_that_fails_calls_a_person_once() {
    let order = closed_early(PaymentStatus::Refunded);
    let world = after(&order).intent(refunded()).refund(RefundState::Pending);
    ticks(&world, &order, 2);
    world.resolve_refunds(RefundState::Failed);
    let seen = tick(&world, due(&world, &order));
    assert_eq!((seen.raised, seen.settled), (1, 1));
    let raised = stored_order(&world, &order);
    assert_eq!(raised.attention, Some(Attention::Operator));
    assert_eq!(raised.payment.status, PaymentStatus::RefundFailed);
    assert_eq!(codes(&raised).last().unwrap(), "REFUND_FAILED");
    assert_eq!(world.refunds(), 1, "another one is the person's to make");
    // Hinted at again, it calls nobody twice.
    world.put(&raised.with_webhook("evt_1", now().plus_hours(50)).unwrap());
    let seen = tick(&world, due(&world, &order));
    assert_eq!((seen.raised, seen.settled), (0, 1));
    // And when the person has given it back, the record learns that too.
    let world = world.refund(RefundState::Succeeded);
    world.put(&stored_order(&world, &order).with_webhook("evt_2", now().plus_hours(60)).unwrap());
    tick(&world, due(&world, &order));
    assert_eq!(stored_order(&world, &order).payment.status, PaymentStatus::Refunded);
}

#[test]
fn money_that_went_back_only_in_part_calls_a_person() {
    let order = closed_early(PaymentStatus::Refunded);
    let part = PaymentIntent { refunded_minor: 1, ..refunded() };
    let world = after(&order).intent(part).refund(RefundState::Succeeded);
    assert_eq!(look_at(&world, &order, now()).raised, 1);
}

#[test]
fn a_label_refund_is_looked_up_until_it_is_decided() {
    let order = closed(LabelRefund::Submitted, PaymentStatus::Voided);
    let world = after(&order).intent(voided()).shipment(bought(LabelRefundState::Submitted));
    ticks(&world, &order, 4);
    assert!(!is_settled(&world, &order));
    let done = world.clone().shipment(bought(LabelRefundState::Refunded));
    ticks(&done, &order, 1);
    assert!(is_settled(&done, &order));
    assert_eq!(stored_order(&done, &order).attention, None);
}

#[test]
fn a_label_refund_that_is_rejected_calls_a_person() {
    let order = closed(LabelRefund::Submitted, PaymentStatus::Voided);
    let world = after(&order).intent(voided()).shipment(bought(LabelRefundState::Submitted));
    ticks(&world, &order, 2);
    let world = world.shipment(bought(LabelRefundState::Rejected));
    let seen = tick(&world, due(&world, &order));
    assert_eq!((seen.raised, seen.settled), (1, 1));
    let raised = stored_order(&world, &order);
    assert_eq!(raised.shipment.as_ref().unwrap().refund, Some(LabelRefund::Refused));
    assert_eq!(raised.attention, Some(Attention::Operator));
    assert_eq!(codes(&raised).last().unwrap(), "LABEL_REFUND_REFUSED");
}

#[test]
fn a_shipment_that_was_unbought_is_looked_up_after_an_hour_and_after_a_day() {
    let order = closed(LabelRefund::None, PaymentStatus::Voided);
    let world = after(&order).intent(voided()).shipment(samples::provider_shipment());
    look_at(&world, &order, now());
    let closed = order.closed_at();
    let mut looks = Vec::new();
    for _ in 0..10 {
        if is_settled(&world, &order) {
            break;
        }
        looks.push(due(&world, &order));
        ticks(&world, &order, 1);
    }
    assert!(looks.contains(&closed.plus_hours(1)), "{looks:?}");
    assert_eq!(looks.last(), Some(&closed.plus_hours(24)));
    assert_eq!((world.labels(), stored_order(&world, &order).attention), (0, None));
}

#[test]
fn a_label_that_was_bought_late_is_given_back() {
    for hours in [1, 24] {
        let order = closed(LabelRefund::None, PaymentStatus::Voided);
        let world = after(&order).intent(voided()).shipment(samples::provider_shipment());
        for _ in 0..10 {
            if due(&world, &order) >= order.closed_at().plus_hours(hours) {
                break;
            }
            ticks(&world, &order, 1);
        }
        // The purchase of a zombie comes through at last.
        let world = world.shipment(bought(LabelRefundState::NotRequested));
        assert_eq!(world.live_labels(), 1);
        ticks(&world, &order, 1);
        assert_eq!(world.live_labels(), 0, "after {hours} hours");
        let order = stored_order(&world, &order);
        assert_eq!(order.shipment.as_ref().unwrap().refund, Some(LabelRefund::Submitted));
        assert!(order.open.is_some(), "until the refund is decided");
    }
}

#[test]
fn a_late_label_that_the_carrier_keeps_calls_a_person() {
    let order = closed(LabelRefund::None, PaymentStatus::Voided);
    let late = bought(LabelRefundState::NotRequested);
    let world = after(&order).intent(voided()).shipment(late).rejecting_label_refunds();
    assert_eq!(look_at(&world, &order, now()).raised, 1);
    ticks(&world, &order, 1);
    assert!(is_settled(&world, &order));
}

#[test]
fn nothing_is_settled_while_a_provider_cannot_be_asked() {
    for point in ["payment.retrieve", "payment.refunds", "shipping.retrieve"] {
        let order = closed(LabelRefund::Submitted, PaymentStatus::Refunded);
        let world = after(&order)
            .intent(refunded())
            .refund(RefundState::Succeeded)
            .shipment(bought(LabelRefundState::Refunded))
            .on(point, 1, InjectedFault::NotSent);
        let at = due(&world, &order);
        let seen = tick(&world, at);
        assert_eq!((seen.failed, seen.settled), (1, 0), "{point}");
        assert_eq!(due(&world, &order), at.plus_minutes(5));
        assert_eq!(tick(&world, at.plus_minutes(5)).settled, 1);
    }
}
