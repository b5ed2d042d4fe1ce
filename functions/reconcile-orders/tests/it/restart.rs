//! An order whose execution ended without closing it is restarted, at most three times
//! without an operator, and only after the execution was seen to have ended.

use domain::decision::OperatorAction;
use domain::order::Attention;
use domain::{Order, Status};
use reconcile_orders::event::SweepOutput;
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{
    compensating, due_at, inspect, now, stored_order, sweep, timeline_codes, with_ended_execution,
    with_running_execution,
};

#[test]
fn an_order_whose_execution_was_aborted_is_restarted() {
    for order in
        [samples::received(), samples::authorized(), samples::reserved(), samples::labeled()]
    {
        let test_bed = with_ended_execution(&order);
        let output = inspect(&test_bed, &order, now());
        assert_eq!(output, SweepOutput { inspected: 1, restarted: 1, ..SweepOutput::default() });
        let next = stored_order(&test_bed, &order);
        assert_eq!(next.execution, order.order_id.restart_execution(1));
        assert!(test_bed.is_running(&next.execution));
        assert_eq!(test_bed.started()[&next.execution], order.execution_input());
        assert_eq!(
            (next.status, timeline_codes(&next)),
            (order.status, vec!["TAKEN_OVER".to_owned()])
        );
    }
}

#[test]
fn a_restarted_order_keeps_its_compensation() {
    let order = compensating(&samples::labeled());
    let test_bed = with_ended_execution(&order);
    inspect(&test_bed, &order, now());
    let next = stored_order(&test_bed, &order);
    assert_eq!(next.compensation, order.compensation);
    assert!(test_bed.is_running(&order.order_id.restart_execution(1)));
}

#[test]
fn the_order_names_its_new_execution_before_the_old_one_is_stopped_and_the_new_one_started() {
    let order = samples::reserved();
    let test_bed = with_ended_execution(&order);
    inspect(&test_bed, &order, now());
    assert_eq!(
        test_bed.calls(),
        ["orders.load", "workflow.status", "orders.save", "workflow.stop", "workflow.start"]
    );
    // An operator may have redriven the old execution since it ended.
    assert_eq!(test_bed.stopped(), [order.execution]);
}

#[test]
fn an_order_is_restarted_three_times_and_then_escalated() {
    let order = samples::reserved();
    let mut test_bed = with_ended_execution(&order);
    for n in 1..=3 {
        assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)).restarted, 1, "{n}");
        test_bed = test_bed.ended(&order.order_id.restart_execution(n));
    }
    let output = sweep(&test_bed, due_at(&test_bed, &order));
    assert_eq!(output, SweepOutput { inspected: 1, raised: 1, ..SweepOutput::default() });
    let escalated = stored_order(&test_bed, &order);
    assert_eq!(escalated.status, Status::NeedsAttention);
    assert_eq!(escalated.attention, Some(Attention::Operator));
    assert_eq!(timeline_codes(&escalated).last().unwrap(), "GIVEN_UP");
    // From now on the operator decides.
    for _ in 0..3 {
        let output = sweep(&test_bed, due_at(&test_bed, &order));
        assert_eq!(output, SweepOutput { inspected: 1, ..SweepOutput::default() });
    }
    assert_eq!(test_bed.started().len(), 4);
}

#[test]
fn an_escalated_order_is_restarted_once_per_operator_action() {
    let order = samples::labeled();
    let order = (0..3).fold(order, |order, _| order.restarted(now()));
    let order = order.escalated(now()).unwrap();
    let answered =
        order.apply_operator_action(OperatorAction::Capture, false, "op-1", None, now()).unwrap();
    let test_bed = with_ended_execution(&answered);
    assert_eq!(sweep(&test_bed, due_at(&test_bed, &answered)).restarted, 1);
    let fourth = order.order_id.restart_execution(4);
    assert_eq!(stored_order(&test_bed, &order).execution, fourth);
    let test_bed = test_bed.ended(&fourth);
    assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)).raised, 1, "escalated again");
    assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)).restarted, 0);
}

#[test]
fn an_order_that_waits_for_an_operator_is_not_restarted_without_an_action() {
    let order = samples::needs_attention();
    for test_bed in [with_ended_execution(&order), TestBed::with(&order)] {
        let output = inspect(&test_bed, &order, now());
        assert_eq!(output, SweepOutput { inspected: 1, ..SweepOutput::default() });
        let same = stored_order(&test_bed, &order);
        assert_eq!(
            (same.execution, same.task_token),
            (order.execution.clone(), order.task_token.clone())
        );
        assert_eq!(due_at(&test_bed, &order), now().plus_hours(24));
        assert!(!test_bed.is_running(&order.execution));
    }
}

#[test]
fn an_operator_action_for_an_ended_execution_restarts_the_order() {
    for action in [OperatorAction::Capture, OperatorAction::Compensate] {
        let order = samples::needs_attention()
            .apply_operator_action(action, false, "op-1", None, now())
            .unwrap();
        let test_bed = with_ended_execution(&order);
        assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)).restarted, 1);
        assert!(test_bed.is_running(&order.order_id.restart_execution(1)));
    }
}

#[test]
fn an_order_closed_concurrently_is_not_restarted() {
    // Another process closes the order between the read and the write.
    let order = compensating(&samples::authorized());
    let closes = InjectedFault::ConcurrentWrite(|order| {
        order.closed(domain::payment::PaymentStatus::Voided, now()).unwrap_or(order.clone())
    });
    let test_bed = with_ended_execution(&order)
        .on("orders.save", 1, closes)
        .intent(crate::support::voided_intent());
    let output = inspect(&test_bed, &order, now());
    assert_eq!((output.restarted, output.finalized), (0, 1));
    assert_eq!(stored_order(&test_bed, &order).execution, order.execution);
    assert_eq!(test_bed.started().len(), 1);
}

#[test]
fn a_running_or_unreachable_execution_is_not_replaced() {
    let order = samples::reserved();
    assert_eq!(inspect(&with_running_execution(&order), &order, now()).restarted, 0);
    let test_bed = with_ended_execution(&order).on("workflow.status", 1, InjectedFault::NotSent);
    let output = sweep(&test_bed, due_at(&test_bed, &order));
    assert_eq!((output.restarted, output.failed), (0, 1));
    assert_eq!(stored_order(&test_bed, &order).execution, order.execution);
}

#[test]
fn a_restart_that_crashed_before_its_start_is_started() {
    let order = samples::reserved();
    let next = order.order_id.restart_execution(1);
    for point in ["workflow.stop", "workflow.start"] {
        let test_bed = with_ended_execution(&order).on(point, 1, InjectedFault::NotSent);
        assert_eq!(inspect(&test_bed, &order, now()).failed, 1);
        assert_eq!(stored_order(&test_bed, &order).execution, next);
        assert!(!test_bed.is_running(&next));
        // The old execution, redriven by hand since, is stopped first.
        let test_bed = test_bed.running(&order.execution);
        let output = sweep(&test_bed, due_at(&test_bed, &order));
        assert_eq!(output, SweepOutput { inspected: 1, started: 1, ..SweepOutput::default() });
        assert!(test_bed.is_running(&next) && !test_bed.is_running(&order.execution), "{point}");
        assert_eq!(stored_order(&test_bed, &order).restart_count(), 1, "no second restart");
    }
}

#[test]
fn a_restart_keeps_a_decision_recorded_concurrently() {
    // An operator decides between the read and the write.
    let order = samples::in_review();
    let decided = InjectedFault::ConcurrentWrite(|order: &Order| {
        let reject = domain::decision::ReviewDecision::Reject;
        order.decide_review(reject, "op-1", None, now()).unwrap_or(order.clone())
    });
    let test_bed = with_ended_execution(&order).on("orders.save", 1, decided);
    assert_eq!(inspect(&test_bed, &order, now()).restarted, 1);
    let next = stored_order(&test_bed, &order);
    assert_eq!(
        next.review_decision(),
        Some(domain::decision::ReviewDecision::Reject),
        "the decision is kept"
    );
    assert_eq!(next.execution, order.order_id.restart_execution(1));
}
