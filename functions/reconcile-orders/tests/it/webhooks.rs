//! A webhook only makes the sweep look the order up, and attention is raised once.

use domain::Order;
use domain::order::Attention;
use domain::payment::{PaymentIntent, PaymentIntentState, PaymentStatus};
use domain::shipment::{LabelRefundState, ProviderShipment, Tracking};
use reconcile_orders::event::SweepOutput;
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{
    bought_shipment, closed_unshipped, due_at, inspect, now, stored_order, sweep, timeline_codes,
    voided_intent, with_ended_execution, with_running_execution,
};

/// A finalized order with a pending webhook.
fn with_pending_webhook(order: &Order) -> Order {
    order.finalized(&[], now()).with_webhook("evt_1", now()).unwrap()
}

fn disputed_intent() -> PaymentIntent {
    PaymentIntent { disputed: true, ..samples::payment_intent(PaymentIntentState::Succeeded) }
}

fn tracked_as(status: &str) -> ProviderShipment {
    let is_failed = matches!(status, "return_to_sender" | "failure");
    let tracking = Some(Tracking { word: status.to_owned(), is_failed });
    ProviderShipment { tracking, ..bought_shipment(LabelRefundState::NotRequested) }
}

fn shipped(intent: PaymentIntent, tracking: &str) -> (TestBed, Order) {
    let order = with_pending_webhook(&samples::fulfilled());
    (with_ended_execution(&order).intent(intent).shipment(tracked_as(tracking)), order)
}

#[test]
fn a_webhook_about_a_finalized_order_is_followed_and_the_order_finalized_again() {
    let paid = samples::payment_intent(PaymentIntentState::Succeeded);
    let (test_bed, order) = shipped(paid, "in_transit");
    let output = sweep(&test_bed, now());
    assert_eq!(output, SweepOutput { inspected: 1, finalized: 1, ..SweepOutput::default() });
    let finalized = stored_order(&test_bed, &order);
    assert_eq!((finalized.open.clone(), finalized.webhook_pending_at), (None, None));
    assert_eq!(finalized.shipment.as_ref().unwrap().tracking.as_deref(), Some("in_transit"));
    assert_eq!(timeline_codes(&finalized), ["TRACKING in_transit"]);
    assert_eq!(finalized.attention, None);
    // A second webhook without news adds nothing to the timeline.
    test_bed.put(&finalized.with_webhook("evt_2", now()).unwrap());
    sweep(&test_bed, now());
    assert_eq!(stored_order(&test_bed, &order).timeline, finalized.timeline);
}

#[test]
fn a_dispute_raises_attention_once_and_not_again_after_acknowledgment() {
    let (test_bed, order) = shipped(disputed_intent(), "delivered");
    assert_eq!(sweep(&test_bed, now()).raised, 1);
    let raised = stored_order(&test_bed, &order);
    assert_eq!(raised.attention, Some(Attention::Operator));
    assert_eq!(timeline_codes(&raised), ["DISPUTED", "TRACKING delivered"]);
    test_bed.put(&raised.with_webhook("evt_2", now()).unwrap());
    assert_eq!(sweep(&test_bed, now()).raised, 0);
    let acknowledge = domain::decision::OperatorAction::Acknowledge;
    let acknowledged = stored_order(&test_bed, &order)
        .apply_operator_action(acknowledge, false, "op", None, now())
        .unwrap();
    test_bed.put(&acknowledged.with_webhook("evt_3", now()).unwrap());
    assert_eq!(sweep(&test_bed, now()).raised, 0);
    assert_eq!(stored_order(&test_bed, &order).attention, None);
}

#[test]
fn a_parcel_that_comes_back_raises_attention_once_and_not_again_after_acknowledgment() {
    let paid = samples::payment_intent(PaymentIntentState::Succeeded);
    let (test_bed, order) = shipped(paid, "return_to_sender");
    assert_eq!(sweep(&test_bed, now()).raised, 1);
    let raised = stored_order(&test_bed, &order);
    assert_eq!(raised.attention, Some(Attention::Operator));
    assert_eq!(timeline_codes(&raised), ["TRACKING return_to_sender", "DELIVERY_FAILED"]);
    let acknowledge = domain::decision::OperatorAction::Acknowledge;
    let acknowledged = raised.apply_operator_action(acknowledge, false, "op", None, now()).unwrap();
    test_bed.put(&acknowledged.with_webhook("evt_2", now()).unwrap());
    assert_eq!(sweep(&test_bed, now()).raised, 0);
    assert_eq!(stored_order(&test_bed, &order).attention, None);
}

#[test]
fn a_dispute_of_an_order_in_progress_survives_its_steps() {
    let order = samples::labeled().with_webhook("evt_1", now()).unwrap();
    let test_bed = with_running_execution(&order)
        .intent(disputed_intent())
        .shipment(tracked_as("pre_transit"));
    assert_eq!(sweep(&test_bed, now()).raised, 1);
    let stuck = samples::waiting(
        stored_order(&test_bed, &order),
        domain::Status::NeedsAttention,
        Attention::Operator,
    );
    assert_eq!(stuck.fulfilled(now()).unwrap().attention, Some(Attention::Operator));
}

#[test]
fn the_content_of_a_webhook_is_never_believed() {
    // The refund that the webhook reports did not happen.
    let order = with_pending_webhook(&closed_unshipped(PaymentStatus::Voided));
    let test_bed = with_ended_execution(&order).intent(voided_intent());
    let output = sweep(&test_bed, now());
    assert_eq!((output.finalized, output.raised), (1, 0));
    assert_eq!(stored_order(&test_bed, &order).payment.status, PaymentStatus::Voided);
}

#[test]
fn a_webhook_is_followed_once_the_provider_is_reachable() {
    let (test_bed, order) = shipped(disputed_intent(), "delivered");
    let test_bed = test_bed.on("payment.retrieve", 1, InjectedFault::NotSent);
    assert_eq!(sweep(&test_bed, now()).failed, 1);
    assert!(stored_order(&test_bed, &order).webhook_pending_at.is_some());
    assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)).raised, 1);
}

#[test]
fn an_authorization_about_to_expire_raises_attention_once() {
    let order = samples::needs_attention();
    let test_bed = with_running_execution(&order)
        .intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
    let expires_at = order.payment.capture_before.unwrap();
    let mut at = now();
    inspect(&test_bed, &order, at);
    for _ in 0..10 {
        at = due_at(&test_bed, &order);
        let output = sweep(&test_bed, at);
        if output.raised > 0 {
            break;
        }
    }
    assert_eq!(at, expires_at.plus_hours(-24), "a day before, to the minute");
    let raised = stored_order(&test_bed, &order);
    assert_eq!(timeline_codes(&raised), ["AUTHORIZATION_EXPIRING"]);
    assert_eq!(raised.attention, Some(Attention::Operator));
    assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)).raised, 0);
}

#[test]
fn a_captured_or_voided_payment_raises_no_expiry_attention() {
    for order in [samples::fulfilled(), closed_unshipped(PaymentStatus::Voided)] {
        let test_bed = with_ended_execution(&order).intent(voided_intent());
        let late = order.payment.capture_before.unwrap();
        assert_eq!(inspect(&test_bed, &order, late).raised, 0);
    }
}

#[test]
fn a_refund_by_hand_is_recorded_and_shown_once() {
    let refunded = PaymentIntent {
        refunded_minor: 4499,
        ..samples::payment_intent(PaymentIntentState::Succeeded)
    };
    let (test_bed, order) = shipped(refunded, "delivered");
    inspect(&test_bed, &order, now());
    let recorded = stored_order(&test_bed, &order);
    assert_eq!((recorded.payment.refunded, recorded.attention), (4499, None));
    assert_eq!(recorded.payment.status, PaymentStatus::Captured);
    let count = timeline_codes(&recorded).iter().filter(|code| *code == "PAYMENT_REFUNDED").count();
    assert_eq!(count, 1);
}
