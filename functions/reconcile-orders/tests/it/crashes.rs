//! The process crashes before or after the effect of any call of a sweep. The next sweeps find
//! all that they need, and nothing happens twice.

use domain::decision::{OperatorAction, ReviewDecision};
use domain::payment::{PaymentIntentState, PaymentStatus};
use domain::shipment::{LabelRefund, LabelRefundState};
use domain::{Order, Status, Timestamp};
use reconcile_orders::event::Scope;
use testing::crash::crash_once;
use testing::fakes::{TestBed, run};
use testing::samples;

use crate::support::{
    bought_shipment, closed, closed_unshipped, compensating, due_at, function, stored_order, sweep,
    voided_intent, with_ended_execution, with_running_execution,
};

/// A sweep reads an index per bucket and the backorders before it inspects an order.
const MIN_CRASH_POINTS: usize = 21;

/// Crashes a sweep at each of its crash points, sweeps on for hours, and checks what is left.
fn crash(order: &Order, test_bed: impl Fn() -> TestBed, check: impl Fn(&TestBed, &str)) {
    let at = due_at(&test_bed(), order);
    let operation = |test_bed: &TestBed| run(function(test_bed).sweep(Scope::Due, at));
    crash_once(MIN_CRASH_POINTS, test_bed, operation, |test_bed, crashed_at| {
        sweep_for_hours(test_bed, order, at);
        check(test_bed, crashed_at);
    });
}

/// Sweeps for three hours, whenever the order is due.
fn sweep_for_hours(test_bed: &TestBed, order: &Order, at: Timestamp) {
    let (mut minute, until) = (at, at.plus_hours(3));
    while minute <= until {
        let Some(next) = stored_order(test_bed, order).check_at else { break };
        minute = minute.plus_minutes(1).max(next);
        sweep(test_bed, minute);
    }
}

#[test]
fn wherever_a_sweep_crashes_a_missing_execution_is_started_once() {
    let order = samples::received();
    crash(
        &order,
        || TestBed::with(&order),
        |test_bed, at| {
            assert!(test_bed.is_running(&order.execution), "{at}");
            assert_eq!(test_bed.started().len(), 1, "{at}");
            assert_eq!(stored_order(test_bed, &order).status, Status::Received, "{at}");
        },
    );
}

#[test]
fn wherever_a_sweep_crashes_only_the_new_execution_of_a_restarted_order_runs() {
    for order in [samples::reserved(), compensating(&samples::labeled())] {
        crash(
            &order,
            || with_ended_execution(&order),
            |test_bed, at| {
                let next = stored_order(test_bed, &order);
                assert_eq!(next.execution, order.order_id.restart_execution(1), "{at}");
                assert!(test_bed.is_running(&next.execution), "{at}");
                assert!(!test_bed.is_running(&order.execution), "{at}");
                assert_eq!(next.compensation, order.compensation, "{at}");
            },
        );
    }
}

#[test]
fn wherever_a_sweep_crashes_an_order_is_escalated_once() {
    let order = (0..3).fold(samples::reserved(), |order, _| order.restarted(samples::placed_at()));
    crash(
        &order,
        || with_ended_execution(&order),
        |test_bed, at| {
            let escalated = stored_order(test_bed, &order);
            assert_eq!(escalated.status, Status::NeedsAttention, "{at}");
            assert_eq!(escalated.execution, order.execution, "{at}");
            let entries =
                escalated.timeline.iter().filter(|e| e.detail.as_deref() == Some("GIVEN_UP"));
            assert_eq!(entries.count(), 1, "{at}");
        },
    );
}

#[test]
fn wherever_a_sweep_crashes_a_decision_is_delivered_once() {
    let at = samples::placed_at();
    let approved =
        samples::in_review().decide_review(ReviewDecision::Approve, "op", None, at).unwrap();
    let resumed = samples::needs_attention()
        .apply_operator_action(OperatorAction::Capture, false, "op", None, at)
        .unwrap();
    for order in [approved, resumed] {
        crash(
            &order,
            || with_running_execution(&order),
            |test_bed, at| {
                assert_eq!(test_bed.task_results().len(), 1, "{at}");
                assert_eq!(test_bed.task_results()[0].0, order.task_token.clone().unwrap(), "{at}");
            },
        );
    }
}

#[test]
fn wherever_a_sweep_crashes_what_is_left_on_a_closed_order_is_returned_once() {
    let order = closed_unshipped(PaymentStatus::Voided);
    let paid = || {
        with_ended_execution(&order).intent(samples::payment_intent(PaymentIntentState::Succeeded))
    };
    crash(&order, paid, |test_bed, at| {
        assert_eq!(test_bed.refunds(), 1, "{at}");
        assert!(stored_order(test_bed, &order).open.is_none(), "{at}");
    });
    let held = || {
        with_ended_execution(&order)
            .intent(samples::payment_intent(PaymentIntentState::RequiresCapture))
    };
    crash(&order, held, |test_bed, at| {
        assert_eq!(test_bed.payment_intents_in(PaymentIntentState::Canceled), 1, "{at}");
        assert!(stored_order(test_bed, &order).open.is_none(), "{at}");
    });
    let order = closed(LabelRefund::None, PaymentStatus::Voided);
    let late = || {
        with_ended_execution(&order)
            .intent(voided_intent())
            .shipment(bought_shipment(LabelRefundState::NotRequested))
    };
    crash(&order, late, |test_bed, at| {
        assert_eq!(test_bed.live_labels(), 0, "{at}");
        let refund = stored_order(test_bed, &order).shipment.unwrap().refund;
        assert_eq!(refund, Some(LabelRefund::Submitted), "{at}");
    });
}
