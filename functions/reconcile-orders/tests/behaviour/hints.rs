//! A hint has the truth looked up; and what a person must know is raised once.

use domain::Order;
use domain::order::Attention;
use domain::payment::{PaymentIntent, PaymentIntentState, PaymentStatus};
use domain::shipment::{LabelRefundState, ProviderShipment};
use reconcile_orders::event::Looked;
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{
    after, bought, closed_early, codes, due, look_at, now, stored_order, tick, under_way, voided,
};

/// A settled order about which a provider says that something happened.
fn hinted(order: &Order) -> Order {
    order.finalized(&[], now()).with_webhook("evt_1", now()).unwrap()
}

fn disputed() -> PaymentIntent {
    PaymentIntent { disputed: true, ..samples::payment_intent(PaymentIntentState::Succeeded) }
}

fn at(word: &str) -> ProviderShipment {
    let tracking = Some(word.to_owned());
    ProviderShipment { tracking, ..bought(LabelRefundState::NotRequested) }
}

fn shipped(intent: PaymentIntent, word: &str) -> (TestBed, Order) {
    let order = hinted(&samples::fulfilled());
    (after(&order).intent(intent).shipment(at(word)), order)
}

#[test]
fn a_hint_about_a_settled_order_has_it_looked_up_and_settled_again() {
    let paid = samples::payment_intent(PaymentIntentState::Succeeded);
    let (world, order) = shipped(paid, "in_transit");
    let seen = tick(&world, now());
    assert_eq!(seen, Looked { looked: 1, settled: 1, ..Looked::default() });
    let settled = stored_order(&world, &order);
    assert_eq!((settled.open.clone(), settled.webhook_pending_at), (None, None));
    assert_eq!(settled.shipment.as_ref().unwrap().tracking.as_deref(), Some("in_transit"));
    assert_eq!(codes(&settled), ["TRACKING in_transit"]);
    assert_eq!(settled.attention, None);
    // The next hint, nothing new: nothing is written but that it was looked at.
    world.put(&settled.with_webhook("evt_2", now()).unwrap());
    tick(&world, now());
    assert_eq!(stored_order(&world, &order).timeline, settled.timeline);
}

#[test]
fn a_dispute_calls_a_person_once_and_again_only_once_acknowledged() {
    let (world, order) = shipped(disputed(), "delivered");
    assert_eq!(tick(&world, now()).raised, 1);
    let raised = stored_order(&world, &order);
    assert_eq!(raised.attention, Some(Attention::Operator));
    assert_eq!(codes(&raised), ["DISPUTED", "TRACKING delivered"]);
    world.put(&raised.with_webhook("evt_2", now()).unwrap());
    assert_eq!(tick(&world, now()).raised, 0);
    let acknowledge = domain::decision::OperatorAction::Acknowledge;
    let seen = stored_order(&world, &order)
        .apply_operator_action(acknowledge, false, "op", None, now())
        .unwrap();
    world.put(&seen.with_webhook("evt_3", now()).unwrap());
    assert_eq!(tick(&world, now()).raised, 0);
    assert_eq!(stored_order(&world, &order).attention, None);
}

#[test]
fn a_dispute_of_an_order_that_is_under_way_survives_its_steps() {
    let order = samples::labeled().with_webhook("evt_1", now()).unwrap();
    let world = under_way(&order).intent(disputed()).shipment(at("pre_transit"));
    assert_eq!(tick(&world, now()).raised, 1);
    let stuck = samples::waiting(
        stored_order(&world, &order),
        domain::Status::NeedsAttention,
        Attention::Operator,
    );
    assert_eq!(stuck.fulfilled(now()).unwrap().attention, Some(Attention::Operator));
}

#[test]
fn nothing_that_a_hint_says_is_believed() {
    // The refund that it tells of did not happen.
    let order = hinted(&closed_early(PaymentStatus::Voided));
    let world = after(&order).intent(voided());
    let seen = tick(&world, now());
    assert_eq!((seen.settled, seen.raised), (1, 0));
    assert_eq!(stored_order(&world, &order).payment.status, PaymentStatus::Voided);
}

#[test]
fn a_hint_is_followed_when_the_provider_can_be_asked_again() {
    let (world, order) = shipped(disputed(), "delivered");
    let world = world.on("payment.retrieve", 1, InjectedFault::NotSent);
    assert_eq!(tick(&world, now()).failed, 1);
    assert!(stored_order(&world, &order).webhook_pending_at.is_some());
    assert_eq!(tick(&world, due(&world, &order)).raised, 1);
}

#[test]
fn an_authorisation_that_is_about_to_lapse_calls_a_person_once() {
    let order = samples::needs_attention();
    let world =
        under_way(&order).intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
    let lapse = order.payment.capture_before.unwrap();
    let mut at = now();
    look_at(&world, &order, at);
    for _ in 0..10 {
        at = due(&world, &order);
        let seen = tick(&world, at);
        if seen.raised > 0 {
            break;
        }
    }
    assert_eq!(at, lapse.plus_hours(-24), "a day before, to the minute");
    let raised = stored_order(&world, &order);
    assert_eq!(codes(&raised), ["AUTHORIZATION_EXPIRING"]);
    assert_eq!(raised.attention, Some(Attention::Operator));
    assert_eq!(tick(&world, due(&world, &order)).raised, 0);
}

#[test]
fn what_is_captured_or_given_up_lapses_no_more() {
    for order in [samples::fulfilled(), closed_early(PaymentStatus::Voided)] {
        let world = after(&order).intent(voided());
        let late = order.payment.capture_before.unwrap();
        assert_eq!(look_at(&world, &order, late).raised, 0);
    }
}
