//! An execution that ended without closing its order is replaced, at most three
//! times without a person, and only once it is seen to have ended.

use domain::decision::OperatorAction;
use domain::order::Attention;
use domain::{Order, Status};
use reconcile_orders::event::Looked;
use testing::fakes::{InjectedFault, TestBed};
use testing::samples;

use crate::support::{
    after, codes, due, look_at, now, stored_order, tick, turned_round, under_way,
};

#[test]
fn an_order_whose_execution_was_aborted_goes_on_in_another() {
    for order in
        [samples::received(), samples::authorized(), samples::reserved(), samples::labeled()]
    {
        let world = after(&order);
        let seen = look_at(&world, &order, now());
        assert_eq!(seen, Looked { looked: 1, taken_over: 1, ..Looked::default() });
        let next = stored_order(&world, &order);
        assert_eq!(next.execution, order.order_id.restart_execution(1));
        assert!(world.is_running(&next.execution));
        assert_eq!(world.started()[&next.execution], order.execution_input());
        assert_eq!((next.status, codes(&next)), (order.status, vec!["TAKEN_OVER".to_owned()]));
    }
}

#[test]
fn an_order_that_was_turning_round_goes_on_turning_round() {
    let order = turned_round(&samples::labeled());
    let world = after(&order);
    look_at(&world, &order, now());
    let next = stored_order(&world, &order);
    assert_eq!(next.compensation, order.compensation);
    assert!(world.is_running(&order.order_id.restart_execution(1)));
}

#[test]
fn the_record_names_its_owner_before_the_old_one_is_stopped_and_the_new_one_started() {
    let order = samples::reserved();
    let world = after(&order);
    look_at(&world, &order, now());
    assert_eq!(
        world.calls(),
        ["orders.load", "workflow.status", "orders.save", "workflow.stop", "workflow.start"]
    );
    // Somebody may have woken it since it was seen to have ended.
    assert_eq!(world.stopped(), [order.execution]);
}

#[test]
fn an_order_is_taken_over_three_times_and_then_a_person_is_called() {
    let order = samples::reserved();
    let mut world = after(&order);
    for n in 1..=3 {
        assert_eq!(tick(&world, due(&world, &order)).taken_over, 1, "{n}");
        world = world.ended(&order.order_id.restart_execution(n));
    }
    let seen = tick(&world, due(&world, &order));
    assert_eq!(seen, Looked { looked: 1, raised: 1, ..Looked::default() });
    let given_up = stored_order(&world, &order);
    assert_eq!(given_up.status, Status::NeedsAttention);
    assert_eq!(given_up.attention, Some(Attention::Operator));
    assert_eq!(codes(&given_up).last().unwrap(), "GIVEN_UP");
    // From now on it is the person's.
    for _ in 0..3 {
        let seen = tick(&world, due(&world, &order));
        assert_eq!(seen, Looked { looked: 1, ..Looked::default() });
    }
    assert_eq!(world.started().len(), 4);
}

#[test]
fn an_order_that_was_given_up_is_restarted_once_for_each_answer() {
    let order = samples::labeled();
    let order = (0..3).fold(order, |order, _| order.restarted(now()));
    let order = order.escalated(now()).unwrap();
    let answered =
        order.apply_operator_action(OperatorAction::Capture, false, "op-1", None, now()).unwrap();
    let world = after(&answered);
    assert_eq!(tick(&world, due(&world, &answered)).taken_over, 1);
    let fourth = order.order_id.restart_execution(4);
    assert_eq!(stored_order(&world, &order).execution, fourth);
    let world = world.ended(&fourth);
    assert_eq!(tick(&world, due(&world, &order)).raised, 1, "given up again");
    assert_eq!(tick(&world, due(&world, &order)).taken_over, 0);
}

#[test]
fn an_order_that_waits_for_a_person_is_not_restarted_by_itself() {
    let order = samples::needs_attention();
    for world in [after(&order), TestBed::with(&order)] {
        let seen = look_at(&world, &order, now());
        assert_eq!(seen, Looked { looked: 1, ..Looked::default() });
        let same = stored_order(&world, &order);
        assert_eq!(
            (same.execution, same.task_token),
            (order.execution.clone(), order.task_token.clone())
        );
        assert_eq!(due(&world, &order), now().plus_hours(24));
        assert!(!world.is_running(&order.execution));
    }
}

#[test]
fn an_answer_to_an_execution_that_ended_restarts_the_order() {
    for action in [OperatorAction::Capture, OperatorAction::Compensate] {
        let order = samples::needs_attention()
            .apply_operator_action(action, false, "op-1", None, now())
            .unwrap();
        let world = after(&order);
        assert_eq!(tick(&world, due(&world, &order)).taken_over, 1);
        assert!(world.is_running(&order.order_id.restart_execution(1)));
    }
}

#[test]
fn an_order_that_was_closed_meanwhile_is_not_taken_over() {
    // Read as open, seen to have ended: and closed in between.
    let order = turned_round(&samples::authorized());
    let closes = InjectedFault::ConcurrentWrite(|order| {
        order.closed(domain::payment::PaymentStatus::Voided, now()).unwrap_or(order.clone())
    });
    let world = after(&order).on("orders.save", 1, closes).intent(crate::support::voided());
    let seen = look_at(&world, &order, now());
    assert_eq!((seen.taken_over, seen.settled), (0, 1));
    assert_eq!(stored_order(&world, &order).execution, order.execution);
    assert_eq!(world.started().len(), 1);
}

#[test]
fn an_execution_that_runs_or_that_cannot_be_asked_is_not_replaced() {
    let order = samples::reserved();
    assert_eq!(look_at(&under_way(&order), &order, now()).taken_over, 0);
    let world = after(&order).on("workflow.status", 1, InjectedFault::NotSent);
    let seen = tick(&world, due(&world, &order));
    assert_eq!((seen.taken_over, seen.failed), (0, 1));
    assert_eq!(stored_order(&world, &order).execution, order.execution);
}

#[test]
fn a_take_over_that_died_before_its_start_is_started() {
    let order = samples::reserved();
    let next = order.order_id.restart_execution(1);
    for point in ["workflow.stop", "workflow.start"] {
        let world = after(&order).on(point, 1, InjectedFault::NotSent);
        assert_eq!(look_at(&world, &order, now()).failed, 1);
        assert_eq!(stored_order(&world, &order).execution, next);
        assert!(!world.is_running(&next));
        // The old one, woken by hand in the meantime, is stopped first.
        let world = world.running(&order.execution);
        let seen = tick(&world, due(&world, &order));
        assert_eq!(seen, Looked { looked: 1, started: 1, ..Looked::default() });
        assert!(world.is_running(&next) && !world.is_running(&order.execution), "{point}");
        assert_eq!(stored_order(&world, &order).restart_count(), 1, "no other take-over");
    }
}

#[test]
fn a_take_over_decides_by_the_record_as_it_is() {
    // An answer is recorded between the read and the write.
    let order = samples::in_review();
    let decided = InjectedFault::ConcurrentWrite(|order: &Order| {
        let reject = domain::decision::ReviewDecision::Reject;
        order.decide_review(reject, "op-1", None, now()).unwrap_or(order.clone())
    });
    let world = after(&order).on("orders.save", 1, decided);
    assert_eq!(look_at(&world, &order, now()).taken_over, 1);
    let next = stored_order(&world, &order);
    assert_eq!(
        next.review_decision(),
        Some(domain::decision::ReviewDecision::Reject),
        "nothing is lost"
    );
    assert_eq!(next.execution, order.order_id.restart_execution(1));
}
