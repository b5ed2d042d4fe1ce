//! A recorded decision is sent to the waiting task until it is delivered.

use domain::decision::{DecisionKind, OperatorAction, ReviewDecision};
use domain::order::Attention;
use domain::payment::PaymentStatus;
use domain::{Order, Status, TaskToken};
use reconcile_orders::event::SweepOutput;
use testing::fakes::InjectedFault;
use testing::samples;

use crate::support::{
    compensating, due_at, inspect, now, stored_order, sweep, voided_intent, with_ended_execution,
    with_running_execution,
};

fn token(order: &Order) -> TaskToken {
    order.task_token.clone().expect("a task waits")
}

#[test]
fn a_recorded_decision_that_was_never_sent_is_sent() {
    let review = samples::in_review();
    let check = |order: Order, kind: DecisionKind| {
        let test_bed = with_running_execution(&order);
        let output = sweep(&test_bed, due_at(&test_bed, &order));
        assert_eq!(output, SweepOutput { inspected: 1, delivered: 1, ..SweepOutput::default() });
        assert_eq!(test_bed.task_results(), [(token(&order), kind.task_result())]);
        assert!(due_at(&test_bed, &order) <= now().plus_minutes(2));
    };
    let approve = review.decide_review(ReviewDecision::Approve, "op", None, now()).unwrap();
    check(approve, DecisionKind::Review(ReviewDecision::Approve));
    let canceled = review.request_cancellation("c", now()).unwrap().unwrap();
    check(canceled, DecisionKind::Cancellation);
    let capture = samples::needs_attention()
        .apply_operator_action(OperatorAction::Capture, false, "op", None, now())
        .unwrap();
    check(capture, DecisionKind::Operator(OperatorAction::Capture));
}

#[test]
fn an_order_whose_task_has_ended_is_only_inspected_again() {
    let order =
        samples::in_review().decide_review(ReviewDecision::Approve, "op", None, now()).unwrap();
    let test_bed = with_running_execution(&order).with_ended_task(token(&order));
    let at = due_at(&test_bed, &order);
    assert_eq!(sweep(&test_bed, at), SweepOutput { inspected: 1, ..SweepOutput::default() });
    assert_eq!(due_at(&test_bed, &order), at.plus_minutes(2));
}

#[test]
fn a_task_without_a_decision_is_sent_nothing() {
    for order in [samples::in_review(), samples::needs_attention()] {
        let test_bed = with_running_execution(&order);
        inspect(&test_bed, &order, now());
        assert_eq!(test_bed.count("workflow.send"), 0);
    }
}

/// The order as a task of the next execution waits, after a restart.
fn waiting_after_restart(order: &Order, attention: Attention) -> Order {
    let restarted = Order { status: order.status, ..order.restarted(now()) };
    samples::waiting(restarted, order.status, attention)
}

#[test]
fn after_a_restart_a_review_decision_holds_and_an_operators_action_does_not() {
    let rejected =
        samples::in_review().decide_review(ReviewDecision::Reject, "op", None, now()).unwrap();
    let waiting = waiting_after_restart(&rejected, Attention::Review);
    let test_bed = with_running_execution(&waiting);
    assert_eq!(inspect(&test_bed, &waiting, now()).delivered, 1);
    assert_eq!(
        test_bed.task_results(),
        [(token(&waiting), DecisionKind::Review(ReviewDecision::Reject).task_result())]
    );

    let capture = samples::needs_attention()
        .apply_operator_action(OperatorAction::Capture, false, "op", None, now())
        .unwrap();
    let waiting = waiting_after_restart(&capture, Attention::Operator);
    let test_bed = with_running_execution(&waiting);
    assert_eq!(inspect(&test_bed, &waiting, now()).delivered, 0);
    assert_eq!(test_bed.task_results(), []);
}

/// An order that a superseded process closed while a task of its execution waits.
fn closed_while_waiting() -> Order {
    let waiting = samples::in_review();
    let compensating = Order { task_token: waiting.task_token.clone(), ..compensating(&waiting) };
    compensating.closed(PaymentStatus::Voided, now()).unwrap()
}

#[test]
fn a_waiting_execution_of_a_closed_order_is_sent_compensate() {
    let order = closed_while_waiting();
    let test_bed = with_running_execution(&order).intent(voided_intent());
    assert_eq!(inspect(&test_bed, &order, now()).delivered, 1);
    let compensate = DecisionKind::Operator(OperatorAction::Compensate).task_result();
    assert_eq!(test_bed.task_results(), [(token(&order), compensate)]);
    assert!(stored_order(&test_bed, &order).open.is_some(), "the execution has not ended yet");
    let test_bed = test_bed.ended(&order.execution);
    assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)).finalized, 1);
    let finalized = stored_order(&test_bed, &order);
    assert_eq!((finalized.open, finalized.check_at, finalized.task_token), (None, None, None));
}

#[test]
fn an_order_is_not_finalized_while_its_execution_runs() {
    let order = closed_while_waiting();
    let test_bed =
        with_running_execution(&order).intent(voided_intent()).with_ended_task(token(&order));
    let output = inspect(&test_bed, &order, now());
    assert_eq!(output, SweepOutput { inspected: 1, ..SweepOutput::default() });
    assert_eq!(
        due_at(&test_bed, &order),
        now().plus_minutes(2),
        "the execution may end at any time"
    );
    assert_eq!(test_bed.stopped(), []);
}

#[test]
fn an_execution_of_a_closed_order_without_a_waiting_task_is_stopped_after_15_minutes() {
    let order = closed_while_waiting();
    let test_bed =
        with_running_execution(&order).intent(voided_intent()).with_ended_task(token(&order));
    inspect(&test_bed, &order, order.closed_at().plus_minutes(15));
    assert_eq!(test_bed.stopped(), std::slice::from_ref(&order.execution));
    assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)).finalized, 1);
}

#[test]
fn the_execution_of_an_order_canceled_before_it_began_is_stopped() {
    let mut request = samples::new_order();
    request.scheduled_for = Some(now().plus_hours(240));
    let order = Order::accept(request, samples::placed_at());
    let order = order.request_cancellation("c", now()).unwrap().unwrap();
    assert_eq!(order.status, Status::Cancelled);
    let test_bed = with_running_execution(&order);
    inspect(&test_bed, &order, now());
    assert_eq!(test_bed.stopped(), std::slice::from_ref(&order.execution));
    assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)).finalized, 1);
}

#[test]
fn a_canceled_order_whose_execution_has_ended_is_finalized_at_once() {
    let mut request = samples::new_order();
    request.scheduled_for = Some(now().plus_hours(240));
    let order = Order::accept(request, samples::placed_at());
    let order = order.request_cancellation("c", now()).unwrap().unwrap();
    let test_bed = with_ended_execution(&order);
    assert_eq!(inspect(&test_bed, &order, now()).finalized, 1);
}

#[test]
fn a_decision_that_could_not_be_sent_is_sent_by_a_later_sweep() {
    let order =
        samples::in_review().decide_review(ReviewDecision::Approve, "op", None, now()).unwrap();
    let test_bed = with_running_execution(&order).on("workflow.send", 1, InjectedFault::NotSent);
    assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)).failed, 1);
    assert_eq!(sweep(&test_bed, due_at(&test_bed, &order)).delivered, 1);
}
