//! An execution that ended without closing its order is replaced, at most three
//! times without a person, and only once it is seen to have ended.

use domain::answer::Action;
use domain::order::Attention;
use domain::{Order, Status};
use reconcile_orders::event::Looked;
use testing::fakes::{Trouble, World};
use testing::sample;

use crate::support::{after, codes, due, look_at, now, on_record, tick, turned_round, under_way};

#[test]
fn an_order_whose_execution_was_aborted_goes_on_in_another() {
    for order in [sample::received(), sample::authorised(), sample::reserved(), sample::labelled()]
    {
        let world = after(&order);
        let seen = look_at(&world, &order, now());
        assert_eq!(seen, Looked { looked: 1, taken_over: 1, ..Looked::default() });
        let next = on_record(&world, &order);
        assert_eq!(next.execution, order.order_id.take_over(1));
        assert!(world.runs(&next.execution));
        assert_eq!(world.started()[&next.execution], order.execution_input());
        assert_eq!((next.status, codes(&next)), (order.status, vec!["TAKEN_OVER".to_owned()]));
    }
}

#[test]
fn an_order_that_was_turning_round_goes_on_turning_round() {
    let order = turned_round(&sample::labelled());
    let world = after(&order);
    look_at(&world, &order, now());
    let next = on_record(&world, &order);
    assert_eq!(next.compensation, order.compensation);
    assert!(world.runs(&order.order_id.take_over(1)));
}

#[test]
fn the_record_names_its_owner_before_the_old_one_is_stopped_and_the_new_one_started() {
    let order = sample::reserved();
    let world = after(&order);
    look_at(&world, &order, now());
    assert_eq!(
        world.calls(),
        ["orders.load", "workflow.state", "orders.save", "workflow.stop", "workflow.start"]
    );
    // Somebody may have woken it since it was seen to have ended.
    assert_eq!(world.stopped(), [order.execution]);
}

#[test]
fn an_order_is_taken_over_three_times_and_then_a_person_is_called() {
    let order = sample::reserved();
    let mut world = after(&order);
    for n in 1..=3 {
        assert_eq!(tick(&world, due(&world, &order)).taken_over, 1, "{n}");
        world = world.ended(&order.order_id.take_over(n));
    }
    let seen = tick(&world, due(&world, &order));
    assert_eq!(seen, Looked { looked: 1, raised: 1, ..Looked::default() });
    let given_up = on_record(&world, &order);
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
    let order = sample::labelled();
    let order = (0..3).fold(order, |order, _| order.take_over(now()));
    let order = order.give_up(now()).unwrap();
    let answered = order.resume(Action::Capture, false, "op-1", None, now()).unwrap();
    let world = after(&answered);
    assert_eq!(tick(&world, due(&world, &answered)).taken_over, 1);
    let fourth = order.order_id.take_over(4);
    assert_eq!(on_record(&world, &order).execution, fourth);
    let world = world.ended(&fourth);
    assert_eq!(tick(&world, due(&world, &order)).raised, 1, "given up again");
    assert_eq!(tick(&world, due(&world, &order)).taken_over, 0);
}

#[test]
fn an_order_that_waits_for_a_person_is_not_restarted_by_itself() {
    let order = sample::stuck();
    for world in [after(&order), World::with(&order)] {
        let seen = look_at(&world, &order, now());
        assert_eq!(seen, Looked { looked: 1, ..Looked::default() });
        let same = on_record(&world, &order);
        assert_eq!(
            (same.execution, same.task_token),
            (order.execution.clone(), order.task_token.clone())
        );
        assert_eq!(due(&world, &order), now().plus_hours(24));
        assert!(!world.runs(&order.execution));
    }
}

#[test]
fn an_answer_to_an_execution_that_ended_restarts_the_order() {
    for action in [Action::Capture, Action::Compensate] {
        let order = sample::stuck().resume(action, false, "op-1", None, now()).unwrap();
        let world = after(&order);
        assert_eq!(tick(&world, due(&world, &order)).taken_over, 1);
        assert!(world.runs(&order.order_id.take_over(1)));
    }
}

#[test]
fn an_order_that_was_closed_meanwhile_is_not_taken_over() {
    // Read as open, seen to have ended: and closed in between.
    let order = turned_round(&sample::authorised());
    let closes = Trouble::Meanwhile(|order| {
        order.closed(domain::payment::PaymentStatus::Voided, now()).unwrap_or(order.clone())
    });
    let world = after(&order).on("orders.save", 1, closes).intent(crate::support::voided());
    let seen = look_at(&world, &order, now());
    assert_eq!((seen.taken_over, seen.settled), (0, 1));
    assert_eq!(on_record(&world, &order).execution, order.execution);
    assert_eq!(world.started().len(), 1);
}

#[test]
fn an_execution_that_runs_or_that_cannot_be_asked_is_not_replaced() {
    let order = sample::reserved();
    assert_eq!(look_at(&under_way(&order), &order, now()).taken_over, 0);
    let world = after(&order).on("workflow.state", 1, Trouble::Down);
    let seen = tick(&world, due(&world, &order));
    assert_eq!((seen.taken_over, seen.failed), (0, 1));
    assert_eq!(on_record(&world, &order).execution, order.execution);
}

#[test]
fn a_take_over_that_died_before_its_start_is_started() {
    let order = sample::reserved();
    let next = order.order_id.take_over(1);
    for point in ["workflow.stop", "workflow.start"] {
        let world = after(&order).on(point, 1, Trouble::Down);
        assert_eq!(look_at(&world, &order, now()).failed, 1);
        assert_eq!(on_record(&world, &order).execution, next);
        assert!(!world.runs(&next));
        // The old one, woken by hand in the meantime, is stopped first.
        let world = world.running(&order.execution);
        let seen = tick(&world, due(&world, &order));
        assert_eq!(seen, Looked { looked: 1, started: 1, ..Looked::default() });
        assert!(world.runs(&next) && !world.runs(&order.execution), "{point}");
        assert_eq!(on_record(&world, &order).times_taken_over(), 1, "no other take-over");
    }
}

#[test]
fn a_take_over_decides_by_the_record_as_it_is() {
    // An answer is recorded between the read and the write.
    let order = sample::in_review();
    let decided = Trouble::Meanwhile(|order: &Order| {
        let reject = domain::answer::Decision::Reject;
        order.decide_review(reject, "op-1", None, now()).unwrap_or(order.clone())
    });
    let world = after(&order).on("orders.save", 1, decided);
    assert_eq!(look_at(&world, &order, now()).taken_over, 1);
    let next = on_record(&world, &order);
    assert_eq!(next.decision(), Some(domain::answer::Decision::Reject), "nothing is lost");
    assert_eq!(next.execution, order.order_id.take_over(1));
}
