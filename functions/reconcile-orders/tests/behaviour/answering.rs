//! What is on record for a wait is told to it for as long as it waits.

use domain::decision::{DecisionKind, OperatorAction, ReviewDecision};
use domain::order::Attention;
use domain::payment::PaymentStatus;
use domain::{Order, Status, TaskToken};
use reconcile_orders::event::Looked;
use testing::fakes::InjectedFault;
use testing::samples;

use crate::support::{
    after, due, look_at, now, stored_order, tick, turned_round, under_way, voided,
};

fn token(order: &Order) -> TaskToken {
    order.task_token.clone().expect("it waits")
}

#[test]
fn an_answer_that_was_recorded_and_never_sent_is_sent() {
    let review = samples::in_review();
    let check = |order: Order, kind: DecisionKind| {
        let world = under_way(&order);
        let seen = tick(&world, due(&world, &order));
        assert_eq!(seen, Looked { looked: 1, answered: 1, ..Looked::default() });
        assert_eq!(world.task_results(), [(token(&order), kind.task_result())]);
        assert!(due(&world, &order) <= now().plus_minutes(2));
    };
    let approve = review.decide_review(ReviewDecision::Approve, "op", None, now()).unwrap();
    check(approve, DecisionKind::Review(ReviewDecision::Approve));
    let cancelled = review.request_cancellation("c", now()).unwrap().unwrap();
    check(cancelled, DecisionKind::Cancellation);
    let capture = samples::needs_attention()
        .apply_operator_action(OperatorAction::Capture, false, "op", None, now())
        .unwrap();
    check(capture, DecisionKind::Operator(OperatorAction::Capture));
}

#[test]
fn a_wait_that_was_told_already_is_only_looked_at_again() {
    let order =
        samples::in_review().decide_review(ReviewDecision::Approve, "op", None, now()).unwrap();
    let world = under_way(&order).with_ended_task(token(&order));
    let at = due(&world, &order);
    assert_eq!(tick(&world, at), Looked { looked: 1, ..Looked::default() });
    assert_eq!(due(&world, &order), at.plus_minutes(2));
}

#[test]
fn a_wait_that_nobody_answered_is_told_nothing() {
    for order in [samples::in_review(), samples::needs_attention()] {
        let world = under_way(&order);
        look_at(&world, &order, now());
        assert_eq!(world.count("workflow.send"), 0);
    }
}

/// The order as the next execution waits, after a take-over.
fn waiting_again(order: &Order, attention: Attention) -> Order {
    let taken = Order { status: order.status, ..order.restarted(now()) };
    samples::waiting(taken, order.status, attention)
}

#[test]
fn after_a_take_over_a_decision_holds_and_an_operators_action_does_not() {
    let rejected =
        samples::in_review().decide_review(ReviewDecision::Reject, "op", None, now()).unwrap();
    let again = waiting_again(&rejected, Attention::Review);
    let world = under_way(&again);
    assert_eq!(look_at(&world, &again, now()).answered, 1);
    assert_eq!(
        world.task_results(),
        [(token(&again), DecisionKind::Review(ReviewDecision::Reject).task_result())]
    );

    let capture = samples::needs_attention()
        .apply_operator_action(OperatorAction::Capture, false, "op", None, now())
        .unwrap();
    let again = waiting_again(&capture, Attention::Operator);
    let world = under_way(&again);
    assert_eq!(look_at(&world, &again, now()).answered, 0);
    assert_eq!(world.task_results(), []);
}

/// An order that a zombie closed while its own execution waits.
fn closed_behind_its_back() -> Order {
    let waiting = samples::in_review();
    let turned = Order { task_token: waiting.task_token.clone(), ..turned_round(&waiting) };
    turned.closed(PaymentStatus::Voided, now()).unwrap()
}

#[test]
fn an_execution_that_waits_for_a_closed_order_is_told_to_undo() {
    let order = closed_behind_its_back();
    let world = under_way(&order).intent(voided());
    assert_eq!(look_at(&world, &order, now()).answered, 1);
    let compensate = DecisionKind::Operator(OperatorAction::Compensate).task_result();
    assert_eq!(world.task_results(), [(token(&order), compensate)]);
    assert!(stored_order(&world, &order).open.is_some(), "not before it has ended");
    let world = world.ended(&order.execution);
    assert_eq!(tick(&world, due(&world, &order)).settled, 1);
    let settled = stored_order(&world, &order);
    assert_eq!((settled.open, settled.check_at, settled.task_token), (None, None, None));
}

#[test]
fn an_order_is_not_settled_while_its_execution_runs() {
    let order = closed_behind_its_back();
    let world = under_way(&order).intent(voided()).with_ended_task(token(&order));
    let seen = look_at(&world, &order, now());
    assert_eq!(seen, Looked { looked: 1, ..Looked::default() });
    assert_eq!(due(&world, &order), now().plus_minutes(2), "it may end at any moment");
    assert_eq!(world.stopped(), []);
}

#[test]
fn an_execution_to_which_nothing_can_be_said_is_stopped_after_a_while() {
    let order = closed_behind_its_back();
    let world = under_way(&order).intent(voided()).with_ended_task(token(&order));
    look_at(&world, &order, order.closed_at().plus_minutes(15));
    assert_eq!(world.stopped(), std::slice::from_ref(&order.execution));
    assert_eq!(tick(&world, due(&world, &order)).settled, 1);
}

#[test]
fn the_execution_of_an_order_that_was_cancelled_before_it_began_is_stopped() {
    let mut request = samples::new_order();
    request.scheduled_for = Some(now().plus_hours(240));
    let order = Order::accept(request, samples::placed_at());
    let order = order.request_cancellation("c", now()).unwrap().unwrap();
    assert_eq!(order.status, Status::Cancelled);
    let world = under_way(&order);
    look_at(&world, &order, now());
    assert_eq!(world.stopped(), std::slice::from_ref(&order.execution));
    assert_eq!(tick(&world, due(&world, &order)).settled, 1);
}

#[test]
fn a_cancellation_whose_execution_is_gone_is_settled_at_once() {
    let mut request = samples::new_order();
    request.scheduled_for = Some(now().plus_hours(240));
    let order = Order::accept(request, samples::placed_at());
    let order = order.request_cancellation("c", now()).unwrap().unwrap();
    let world = after(&order);
    assert_eq!(look_at(&world, &order, now()).settled, 1);
}

#[test]
fn an_answer_that_could_not_be_sent_is_sent_by_a_later_tick() {
    let order =
        samples::in_review().decide_review(ReviewDecision::Approve, "op", None, now()).unwrap();
    let world = under_way(&order).on("workflow.send", 1, InjectedFault::NotSent);
    assert_eq!(tick(&world, due(&world, &order)).failed, 1);
    assert_eq!(tick(&world, due(&world, &order)).answered, 1);
}
