//! The process dies: before or after the effect of any call. The next ticks find
//! everything they need, and nothing happens twice.

use domain::answer::{Action, Decision};
use domain::payment::{IntentState, PaymentStatus};
use domain::shipment::{CarrierRefund, LabelRefund};
use domain::{Moment, Order, Status};
use reconcile_orders::event::Which;
use testing::fakes::{World, run};
use testing::sample;

use crate::support::{
    after, bought, closed, closed_early, due, function, on_record, tick, turned_round, under_way,
    voided,
};

/// Lets a tick die at its `n`th crash point, for every `n`, ticks on for hours, and
/// checks what is left.
fn dying(order: &Order, world: impl Fn() -> World, check: impl Fn(&World, &str)) {
    let mut deaths = 0;
    for n in 0.. {
        let world = world();
        let at = due(&world, order);
        world.dies_after(Some(n));
        let lived = run(function(&world).look(Which::Due, at)).is_some();
        world.dies_after(None);
        go_on(&world, order, at);
        check(&world, &format!("died at {n}"));
        if lived {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 20, "few crash points: {deaths}");
}

/// Ticks from this minute on for hours, whenever the order is due.
fn go_on(world: &World, order: &Order, at: Moment) {
    let (mut minute, until) = (at, at.plus_hours(3));
    while minute <= until {
        let Some(next) = on_record(world, order).check_at else { break };
        minute = minute.plus_minutes(1).max(next);
        tick(world, minute);
    }
}

#[test]
fn wherever_it_dies_a_missing_execution_is_started_once() {
    let order = sample::received();
    dying(
        &order,
        || World::with(&order),
        |world, at| {
            assert!(world.runs(&order.execution), "{at}");
            assert_eq!(world.started().len(), 1, "{at}");
            assert_eq!(on_record(world, &order).status, Status::Received, "{at}");
        },
    );
}

#[test]
fn wherever_it_dies_an_order_has_one_new_owner_which_runs_and_the_old_one_does_not() {
    for order in [sample::reserved(), turned_round(&sample::labelled())] {
        dying(
            &order,
            || after(&order),
            |world, at| {
                let next = on_record(world, &order);
                assert_eq!(next.execution, order.order_id.take_over(1), "{at}");
                assert!(world.runs(&next.execution), "{at}");
                assert!(!world.runs(&order.execution), "{at}");
                assert_eq!(next.compensation, order.compensation, "{at}");
            },
        );
    }
}

#[test]
fn wherever_it_dies_an_order_is_given_up_once() {
    let order = (0..3).fold(sample::reserved(), |order, _| order.take_over(sample::placed_at()));
    dying(
        &order,
        || after(&order),
        |world, at| {
            let given_up = on_record(world, &order);
            assert_eq!(given_up.status, Status::NeedsAttention, "{at}");
            assert_eq!(given_up.execution, order.execution, "{at}");
            let notes =
                given_up.timeline.iter().filter(|e| e.detail.as_deref() == Some("GIVEN_UP"));
            assert_eq!(notes.count(), 1, "{at}");
        },
    );
}

#[test]
fn wherever_it_dies_an_answer_reaches_its_wait_once() {
    let at = sample::placed_at();
    let approved = sample::in_review().decide_review(Decision::Approve, "op", None, at).unwrap();
    let stuck = sample::stuck().resume(Action::Capture, false, "op", None, at).unwrap();
    for order in [approved, stuck] {
        dying(
            &order,
            || under_way(&order),
            |world, at| {
                assert_eq!(world.answers().len(), 1, "{at}");
                assert_eq!(world.answers()[0].0, order.task_token.clone().unwrap(), "{at}");
            },
        );
    }
}

#[test]
fn wherever_it_dies_what_is_left_on_a_closed_order_is_undone_once() {
    let order = closed_early(PaymentStatus::Voided);
    let paid = || after(&order).intent(sample::intent(IntentState::Succeeded));
    dying(&order, paid, |world, at| {
        assert_eq!(world.refunds(), 1, "{at}");
        assert!(on_record(world, &order).open.is_none(), "{at}");
    });
    let held = || after(&order).intent(sample::intent(IntentState::RequiresCapture));
    dying(&order, held, |world, at| {
        assert_eq!(world.intents_in(IntentState::Canceled), 1, "{at}");
        assert!(on_record(world, &order).open.is_none(), "{at}");
    });
    let order = closed(LabelRefund::None, PaymentStatus::Voided);
    let late = || after(&order).intent(voided()).shipment(bought(CarrierRefund::NotAsked));
    dying(&order, late, |world, at| {
        assert_eq!(world.live_labels(), 0, "{at}");
        let refund = on_record(world, &order).shipment.unwrap().refund;
        assert_eq!(refund, Some(LabelRefund::Submitted), "{at}");
    });
}
