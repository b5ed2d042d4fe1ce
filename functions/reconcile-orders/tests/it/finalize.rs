//! A closed order is followed until its payment and label are final at the providers.

use domain::Order;
use domain::decision::OperatorAction;
use domain::order::{Attention, DecisionError};
use domain::payment::{PaymentIntent, PaymentIntentState, PaymentStatus, RefundPermission};
use domain::ports::{PaymentRejection, RefundState};
use domain::settlement::{Claims, LabelClaim, MoneyClaim};
use domain::shipment::{LabelRefund, LabelRefundState};
use reconcile_orders::event::SweepOutput;
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{
    bought_shipment, closed, closed_unshipped, due_at, inspect, now, refunded_intent, stored_order,
    sweep, sweep_when_due, timeline_codes, voided_intent, with_ended_execution,
};

fn is_finalized(test_bed: &TestBed, order: &Order) -> bool {
    let order = stored_order(test_bed, order);
    assert_eq!(order.open.is_none(), order.check_at.is_none());
    order.open.is_none()
}

#[test]
fn a_fulfilled_order_is_finalized_without_a_provider_call() {
    let order = samples::fulfilled();
    let test_bed = with_ended_execution(&order);
    let output = inspect(&test_bed, &order, now());
    assert_eq!(output, SweepOutput { inspected: 1, finalized: 1, ..SweepOutput::default() });
    assert_eq!((test_bed.count("payment."), test_bed.count("shipping.")), (0, 0));
    let finalized = stored_order(&test_bed, &order);
    assert_eq!((finalized.updated_at, finalized.timeline), (order.updated_at, order.timeline));
}

#[test]
fn an_order_whose_payment_and_label_are_final_is_finalized() {
    let order = closed_unshipped(PaymentStatus::Voided);
    let test_bed = with_ended_execution(&order).intent(voided_intent());
    assert_eq!(inspect(&test_bed, &order, now()).finalized, 1);
    let order = closed(LabelRefund::Submitted, PaymentStatus::Voided);
    let test_bed = with_ended_execution(&order)
        .intent(voided_intent())
        .shipment(bought_shipment(LabelRefundState::Refunded));
    assert_eq!(inspect(&test_bed, &order, now()).finalized, 1);
    // Without an intent there is nothing to look up.
    let order = domain::Order {
        payment: domain::payment::Payment::initial(),
        ..closed_unshipped(PaymentStatus::Voided)
    };
    assert_eq!(inspect(&with_ended_execution(&order), &order, now()).finalized, 1);
}

#[test]
fn an_authorization_left_on_a_closed_order_is_voided() {
    let order = closed_unshipped(PaymentStatus::Voided);
    let test_bed = with_ended_execution(&order)
        .intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
    assert_eq!(inspect(&test_bed, &order, now()).finalized, 1);
    assert_eq!(test_bed.payment_intents_in(PaymentIntentState::Canceled), 1);
}

#[test]
fn a_captured_payment_left_on_a_closed_order_is_refunded_and_followed() {
    let order = closed_unshipped(PaymentStatus::Voided);
    let test_bed = with_ended_execution(&order)
        .intent(samples::payment_intent(PaymentIntentState::Succeeded))
        .pending_refunds();
    inspect(&test_bed, &order, now());
    assert_eq!((test_bed.refunds(), is_finalized(&test_bed, &order)), (1, false));
    assert_eq!(stored_order(&test_bed, &order).payment.status, PaymentStatus::Refunded);
    sweep_when_due(&test_bed, &order, 4);
    assert_eq!((test_bed.refunds(), is_finalized(&test_bed, &order)), (1, false), "once");
    test_bed.resolve_refunds(RefundState::Succeeded);
    sweep_when_due(&test_bed, &order, 1);
    assert!(is_finalized(&test_bed, &order));
}

#[test]
fn a_void_without_effect_is_repeated_under_a_new_key() {
    let order = closed_unshipped(PaymentStatus::Voided);
    let test_bed = with_ended_execution(&order)
        .intent(samples::payment_intent(PaymentIntentState::RequiresCapture))
        .on("payment.cancel", 1, InjectedFault::StoredFailure);
    inspect(&test_bed, &order, now());
    assert_eq!(stored_order(&test_bed, &order).payment.attempt, order.payment.attempt + 1);
    sweep_when_due(&test_bed, &order, 1);
    assert_eq!(test_bed.payment_intents_in(PaymentIntentState::Canceled), 1);
    assert!(is_finalized(&test_bed, &order));
}

#[test]
fn a_rejected_refund_of_a_closed_order_is_raised_once_and_repeated_under_a_new_key() {
    let order = closed_unshipped(PaymentStatus::Voided);
    let rejection = || {
        let rejection = PaymentRejection::Misconfigured("answered 400".into());
        InjectedFault::PaymentRejected(rejection)
    };
    let test_bed = with_ended_execution(&order)
        .intent(samples::payment_intent(PaymentIntentState::Succeeded))
        .on("payment.refund", 1, rejection())
        .on("payment.refund", 2, rejection());
    assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)).raised, 1);
    assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)).raised, 0);
    let raised = stored_order(&test_bed, &order);
    assert_eq!(raised.payment.attempt, order.payment.attempt + 2);
    assert_eq!(timeline_codes(&raised).last().unwrap(), "PAYMENT_UNSETTLED");
    sweep_when_due(&test_bed, &order, 1);
    assert_eq!((test_bed.refunds(), is_finalized(&test_bed, &order)), (1, false));
}

#[test]
fn a_capture_that_may_not_be_refunded_is_raised_and_watched_on_a_closed_order() {
    let mut order = closed_unshipped(PaymentStatus::Voided);
    order.payment.refund_permission = RefundPermission::Refused;
    let test_bed =
        with_ended_execution(&order).intent(samples::payment_intent(PaymentIntentState::Succeeded));
    assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)).raised, 1);
    assert_eq!((test_bed.refunds(), is_finalized(&test_bed, &order)), (0, false));
    assert_eq!(stored_order(&test_bed, &order).payment.status, PaymentStatus::Captured);
    // Refunded in the provider's dashboard.
    let test_bed = test_bed.intent(refunded_intent()).refund(RefundState::Succeeded);
    sweep_when_due(&test_bed, &order, 1);
    assert!(is_finalized(&test_bed, &order));
}

#[test]
fn a_refund_is_looked_up_until_it_succeeds() {
    let order = closed_unshipped(PaymentStatus::Refunded);
    let test_bed =
        with_ended_execution(&order).intent(refunded_intent()).refund(RefundState::Pending);
    let closed = order.closed_at();
    for hours in [1, 24] {
        sweep_when_due(&test_bed, &order, 1);
        assert_eq!(due_at(&test_bed, &order), closed.plus_hours(hours));
    }
    sweep_when_due(&test_bed, &order, 3);
    assert_eq!(due_at(&test_bed, &order), closed.plus_hours(24 * 4), "daily from then on");
    test_bed.resolve_refunds(RefundState::Succeeded);
    sweep_when_due(&test_bed, &order, 1);
    assert!(is_finalized(&test_bed, &order));
    assert_eq!(stored_order(&test_bed, &order).attention, None);
}

#[test]
fn a_failed_refund_raises_attention_once() {
    let order = closed_unshipped(PaymentStatus::Refunded);
    let test_bed =
        with_ended_execution(&order).intent(refunded_intent()).refund(RefundState::Pending);
    sweep_when_due(&test_bed, &order, 2);
    test_bed.resolve_refunds(RefundState::Failed);
    let output = sweep(&test_bed, due_at(&test_bed, &order));
    assert_eq!((output.raised, output.finalized), (1, 1));
    let raised = stored_order(&test_bed, &order);
    assert_eq!(raised.attention, Some(Attention::Operator));
    assert_eq!(raised.payment.status, PaymentStatus::RefundFailed);
    assert_eq!(timeline_codes(&raised).last().unwrap(), "REFUND_FAILED");
    assert_eq!(test_bed.refunds(), 1, "the operator makes the next refund");
    // Another webhook does not raise attention again.
    test_bed.put(&raised.with_webhook("evt_1", now().plus_hours(50)).unwrap());
    let output = sweep(&test_bed, due_at(&test_bed, &order));
    assert_eq!((output.raised, output.finalized), (0, 1));
    // Once the operator has refunded it, the record shows that too.
    let test_bed = test_bed.refund(RefundState::Succeeded);
    test_bed
        .put(&stored_order(&test_bed, &order).with_webhook("evt_2", now().plus_hours(60)).unwrap());
    sweep(&test_bed, due_at(&test_bed, &order));
    assert_eq!(stored_order(&test_bed, &order).payment.status, PaymentStatus::Refunded);
}

#[test]
fn a_partial_refund_raises_attention() {
    let order = closed_unshipped(PaymentStatus::Refunded);
    let partly_refunded = PaymentIntent { refunded_minor: 1, ..refunded_intent() };
    let test_bed =
        with_ended_execution(&order).intent(partly_refunded).refund(RefundState::Succeeded);
    assert_eq!(inspect(&test_bed, &order, now()).raised, 1);
}

#[test]
fn a_label_refund_is_looked_up_until_it_is_final() {
    let order = closed(LabelRefund::Submitted, PaymentStatus::Voided);
    let test_bed = with_ended_execution(&order)
        .intent(voided_intent())
        .shipment(bought_shipment(LabelRefundState::Submitted));
    sweep_when_due(&test_bed, &order, 4);
    assert!(!is_finalized(&test_bed, &order));
    let refunded = test_bed.clone().shipment(bought_shipment(LabelRefundState::Refunded));
    sweep_when_due(&refunded, &order, 1);
    assert!(is_finalized(&refunded, &order));
    assert_eq!(stored_order(&refunded, &order).attention, None);
}

/// A closed order whose label refund was rejected.
fn with_rejected_label_refund() -> (TestBed, Order) {
    let order = closed(LabelRefund::Submitted, PaymentStatus::Voided);
    let test_bed = with_ended_execution(&order)
        .intent(voided_intent())
        .shipment(bought_shipment(LabelRefundState::Rejected));
    (test_bed, order)
}

#[test]
fn a_rejected_label_refund_is_submitted_again_a_day_later() {
    let (test_bed, order) = with_rejected_label_refund();
    let mut at = now();
    while test_bed.count("shipping.refund") == 0 {
        at = due_at(&test_bed, &order);
        assert_eq!(sweep(&test_bed, at).raised, 0);
    }
    assert_eq!(at, order.closed_at().plus_hours(24));
    assert!(!is_finalized(&test_bed, &order));
    let resubmitted = stored_order(&test_bed, &order);
    assert_eq!(timeline_codes(&resubmitted).last().unwrap(), "LABEL_REFUND_RESUBMITTED");
    let test_bed = test_bed.shipment(bought_shipment(LabelRefundState::Refunded));
    sweep_when_due(&test_bed, &order, 1);
    assert!(is_finalized(&test_bed, &order));
    assert_eq!(stored_order(&test_bed, &order).attention, None);
}

#[test]
fn an_unreachable_provider_does_not_use_up_a_resubmission() {
    let (test_bed, order) = with_rejected_label_refund();
    let test_bed = test_bed.on("shipping.refund", 1, InjectedFault::Throttled);
    let late = order.closed_at().plus_hours(24);
    assert_eq!(sweep(&test_bed, late).failed, 1);
    assert!(stored_order(&test_bed, &order).shipment.unwrap().refund_resubmissions.is_empty());
}

#[test]
fn a_label_refund_that_does_not_apply_is_final() {
    let order = closed(LabelRefund::Submitted, PaymentStatus::Voided);
    let test_bed = with_ended_execution(&order)
        .intent(voided_intent())
        .shipment(bought_shipment(LabelRefundState::NotApplicable));
    let output = sweep(&test_bed, due_at(&test_bed, &order));
    assert_eq!((output.raised, output.finalized), (0, 1));
    let shipment = stored_order(&test_bed, &order).shipment.unwrap();
    assert_eq!(shipment.refund, Some(LabelRefund::NotApplicable));
}

#[test]
fn a_label_refund_that_stays_rejected_raises_attention_after_three_days() {
    let (test_bed, order) = with_rejected_label_refund();
    let mut output = SweepOutput::default();
    while output.finalized == 0 {
        let test_bed = test_bed.clone().shipment(bought_shipment(LabelRefundState::Rejected));
        output = sweep(&test_bed, due_at(&test_bed, &order));
    }
    assert_eq!((output.raised, test_bed.count("shipping.refund")), (1, 3));
    let raised = stored_order(&test_bed, &order);
    assert_eq!(raised.shipment.as_ref().unwrap().refund, Some(LabelRefund::Refused));
    assert_eq!(raised.attention, Some(Attention::Operator));
    assert_eq!(timeline_codes(&raised).last().unwrap(), "LABEL_REFUND_REFUSED");
}

#[test]
fn an_unbought_shipment_is_looked_up_after_an_hour_and_after_a_day() {
    let order = closed(LabelRefund::None, PaymentStatus::Voided);
    let test_bed =
        with_ended_execution(&order).intent(voided_intent()).shipment(samples::provider_shipment());
    inspect(&test_bed, &order, now());
    let closed = order.closed_at();
    let mut inspections = Vec::new();
    for _ in 0..10 {
        if is_finalized(&test_bed, &order) {
            break;
        }
        inspections.push(due_at(&test_bed, &order));
        sweep_when_due(&test_bed, &order, 1);
    }
    assert!(inspections.contains(&closed.plus_hours(1)), "{inspections:?}");
    assert_eq!(inspections.last(), Some(&closed.plus_hours(24)));
    assert_eq!((test_bed.labels(), stored_order(&test_bed, &order).attention), (0, None));
}

#[test]
fn a_label_bought_late_is_refunded() {
    for hours in [1, 24] {
        let order = closed(LabelRefund::None, PaymentStatus::Voided);
        let test_bed = with_ended_execution(&order)
            .intent(voided_intent())
            .shipment(samples::provider_shipment());
        for _ in 0..10 {
            if due_at(&test_bed, &order) >= order.closed_at().plus_hours(hours) {
                break;
            }
            sweep_when_due(&test_bed, &order, 1);
        }
        // The purchase of a superseded process takes effect late.
        let test_bed = test_bed.shipment(bought_shipment(LabelRefundState::NotRequested));
        assert_eq!(test_bed.live_labels(), 1);
        sweep_when_due(&test_bed, &order, 1);
        assert_eq!(test_bed.live_labels(), 0, "after {hours} hours");
        let order = stored_order(&test_bed, &order);
        assert_eq!(order.shipment.as_ref().unwrap().refund, Some(LabelRefund::Submitted));
        assert!(order.open.is_some(), "until the refund is final");
    }
}

#[test]
fn a_late_label_whose_refund_is_refused_raises_attention() {
    let order = closed(LabelRefund::None, PaymentStatus::Voided);
    let late = bought_shipment(LabelRefundState::NotRequested);
    let test_bed = with_ended_execution(&order)
        .intent(voided_intent())
        .shipment(late)
        .rejecting_label_refunds();
    assert_eq!(inspect(&test_bed, &order, now()).raised, 1);
    sweep_when_due(&test_bed, &order, 1);
    assert!(is_finalized(&test_bed, &order));
}

#[test]
fn no_order_is_finalized_while_a_provider_is_unreachable() {
    for point in ["payment.retrieve", "payment.refunds", "shipping.retrieve"] {
        let order = closed(LabelRefund::Submitted, PaymentStatus::Refunded);
        let test_bed = with_ended_execution(&order)
            .intent(refunded_intent())
            .refund(RefundState::Succeeded)
            .shipment(bought_shipment(LabelRefundState::Refunded))
            .on(point, 1, InjectedFault::NotSent);
        let at = due_at(&test_bed, &order);
        let output = sweep(&test_bed, at);
        assert_eq!((output.failed, output.finalized), (1, 0), "{point}");
        assert_eq!(due_at(&test_bed, &order), at.plus_minutes(5));
        assert_eq!(sweep(&test_bed, at.plus_minutes(5)).finalized, 1);
    }
}

/// A closed order that was settled by hand while it waited for an operator.
fn settled(claims: Claims, order: &Order) -> Order {
    let settled = samples::needs_attention().settle(claims, false, "op-1", "Seen.", now()).unwrap();
    Order { settlement: settled.settlement, ..order.clone() }
}

fn settled_money(claim: MoneyClaim) -> Order {
    let claims = Claims { money: Some(claim), label: None };
    settled(claims, &closed_unshipped(claim.status()))
}

#[test]
fn a_claim_is_watched_until_the_provider_agrees() {
    for (claim, intent) in [
        (MoneyClaim::Voided, voided_intent()),
        (MoneyClaim::Refunded, refunded_intent()),
        (MoneyClaim::Captured, samples::payment_intent(PaymentIntentState::Succeeded)),
    ] {
        let order = settled_money(claim);
        let test_bed = with_ended_execution(&order).refund(RefundState::Succeeded);
        sweep_when_due(&test_bed, &order, 5);
        assert!(!is_finalized(&test_bed, &order), "404 for ever");
        let test_bed = test_bed.intent(intent);
        sweep_when_due(&test_bed, &order, 1);
        assert!(is_finalized(&test_bed, &order), "{claim}");
        let codes = timeline_codes(&stored_order(&test_bed, &order));
        assert!(!codes.contains(&"SETTLEMENT_DIFFERS".to_owned()), "{codes:?}");
    }
}

#[test]
fn a_hold_that_was_claimed_away_is_released_and_raised() {
    let order = settled_money(MoneyClaim::Voided);
    let test_bed = with_ended_execution(&order)
        .intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
    assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)).raised, 1);
    assert_eq!(test_bed.payment_intents_in(PaymentIntentState::Canceled), 1);
    let raised = stored_order(&test_bed, &order);
    assert_eq!(raised.attention, Some(Attention::Operator));
    assert_eq!(timeline_codes(&raised).last().unwrap(), "SETTLEMENT_DIFFERS");
}

#[test]
fn a_wrong_claim_about_captured_money_is_raised_and_refunds_nothing() {
    let mut order = settled_money(MoneyClaim::Refunded);
    order.payment.refund_permission = RefundPermission::Refused;
    let test_bed =
        with_ended_execution(&order).intent(samples::payment_intent(PaymentIntentState::Succeeded));
    assert!(sweep(&test_bed, due_at(&test_bed, &order)).raised > 0);
    assert_eq!((test_bed.refunds(), is_finalized(&test_bed, &order)), (0, false));
    let raised = stored_order(&test_bed, &order);
    let at = due_at(&test_bed, &order);
    let acknowledge = OperatorAction::Acknowledge;
    test_bed.put(&raised.apply_operator_action(acknowledge, false, "op-1", None, at).unwrap());
    sweep_when_due(&test_bed, &order, 1);
    assert!(is_finalized(&test_bed, &order), "a person acknowledged the difference");
    assert_eq!(test_bed.refunds(), 0);
}

#[test]
fn an_acknowledgment_ends_the_watch_over_a_silent_provider() {
    let claims = Claims { money: None, label: Some(LabelClaim::None) };
    let order = settled(claims, &closed(LabelRefund::None, PaymentStatus::Voided));
    let test_bed = with_ended_execution(&order).intent(voided_intent());
    sweep_when_due(&test_bed, &order, 3);
    assert!(!is_finalized(&test_bed, &order));
    let watched = stored_order(&test_bed, &order);
    assert_eq!(watched.attention, None, "a silent provider is no difference");
    let at = due_at(&test_bed, &order);
    let acknowledge = OperatorAction::Acknowledge;
    test_bed.put(&watched.apply_operator_action(acknowledge, false, "op-1", None, at).unwrap());
    sweep_when_due(&test_bed, &order, 1);
    assert!(is_finalized(&test_bed, &order));
}

#[test]
fn a_closed_order_is_settled_and_watched_again() {
    let order = closed_unshipped(PaymentStatus::Refunded);
    let test_bed =
        with_ended_execution(&order).intent(refunded_intent()).refund(RefundState::Failed);
    sweep_when_due(&test_bed, &order, 1);
    assert!(is_finalized(&test_bed, &order));
    let raised = stored_order(&test_bed, &order);
    let claims = Claims { money: Some(MoneyClaim::Refunded), label: None };
    let settled = raised.settle(claims, false, "op-1", "Bank transfer.", now()).unwrap();
    assert_eq!((settled.attention, settled.open.is_some()), (None, true));
    assert_eq!(settled.payment.status, PaymentStatus::Refunded);
    test_bed.put(&settled);
    test_bed.resolve_refunds(RefundState::Succeeded);
    sweep_when_due(&test_bed, &order, 1);
    assert!(is_finalized(&test_bed, &order));
    let done = stored_order(&test_bed, &order);
    let again = done.settle(claims, false, "op-1", "Again.", now());
    assert_eq!(again, Err(DecisionError::NothingToSettle), "nothing is open");
}

#[test]
fn an_object_that_a_provider_does_not_know_is_raised_once_and_watched() {
    let order = closed(LabelRefund::Submitted, PaymentStatus::Voided);
    let test_bed = with_ended_execution(&order);
    assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)).raised, 2, "payment and label");
    assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)).raised, 0);
    assert!(!is_finalized(&test_bed, &order));
    let raised = stored_order(&test_bed, &order);
    let claims = Claims { money: Some(MoneyClaim::Voided), label: Some(LabelClaim::Refunded) };
    let settled = raised.settle(claims, false, "op-1", "Support says so.", now()).unwrap();
    assert_eq!(settled.attention, None, "an operator can finish it");
}
