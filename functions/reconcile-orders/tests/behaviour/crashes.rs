//! The process dies: before or after the effect of any call. The next ticks find
//! everything they need, and nothing happens twice.

use domain::decision::{OperatorAction, ReviewDecision};
use domain::payment::{PaymentIntentState, PaymentStatus};
use domain::shipment::{LabelRefund, LabelRefundState};
use domain::{Order, Status, Timestamp};
use reconcile_orders::event::Which;
use testing::fakes::{TestBed, run};
use testing::samples;

use crate::support::{
    after, bought, closed, closed_early, due, function, stored_order, tick, turned_round,
    under_way, voided,
};

/// Lets a tick die at its `n`th crash point, for every `n`, ticks on for hours, and
/// checks what is left.
fn dying(order: &Order, world: impl Fn() -> TestBed, check: impl Fn(&TestBed, &str)) {
    let mut deaths = 0;
    for n in 0.. {
        let world = world();
        let at = due(&world, order);
        world.crashes_after(Some(n));
        let lived = run(function(&world).look(Which::Due, at)).is_some();
        world.crashes_after(None);
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
fn go_on(world: &TestBed, order: &Order, at: Timestamp) {
    let (mut minute, until) = (at, at.plus_hours(3));
    while minute <= until {
        let Some(next) = stored_order(world, order).check_at else { break };
        minute = minute.plus_minutes(1).max(next);
        tick(world, minute);
    }
}

#[test]
fn wherever_it_dies_a_missing_execution_is_started_once() {
    let order = samples::received();
    dying(
        &order,
        || TestBed::with(&order),
        |world, at| {
            assert!(world.is_running(&order.execution), "{at}");
            assert_eq!(world.started().len(), 1, "{at}");
            assert_eq!(stored_order(world, &order).status, Status::Received, "{at}");
        },
    );
}

#[test]
fn wherever_it_dies_an_order_has_one_new_owner_which_runs_and_the_old_one_does_not() {
    for order in [samples::reserved(), turned_round(&samples::labeled())] {
        dying(
            &order,
            || after(&order),
            |world, at| {
                let next = stored_order(world, &order);
                assert_eq!(next.execution, order.order_id.restart_execution(1), "{at}");
                assert!(world.is_running(&next.execution), "{at}");
                assert!(!world.is_running(&order.execution), "{at}");
                assert_eq!(next.compensation, order.compensation, "{at}");
            },
        );
    }
}

#[test]
fn wherever_it_dies_an_order_is_given_up_once() {
    let order = (0..3).fold(samples::reserved(), |order, _| order.restarted(samples::placed_at()));
    dying(
        &order,
        || after(&order),
        |world, at| {
            let given_up = stored_order(world, &order);
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
    let at = samples::placed_at();
    let approved =
        samples::in_review().decide_review(ReviewDecision::Approve, "op", None, at).unwrap();
    let stuck = samples::needs_attention()
        .apply_operator_action(OperatorAction::Capture, false, "op", None, at)
        .unwrap();
    for order in [approved, stuck] {
        dying(
            &order,
            || under_way(&order),
            |world, at| {
                assert_eq!(world.task_results().len(), 1, "{at}");
                assert_eq!(world.task_results()[0].0, order.task_token.clone().unwrap(), "{at}");
            },
        );
    }
}

#[test]
fn wherever_it_dies_what_is_left_on_a_closed_order_is_undone_once() {
    let order = closed_early(PaymentStatus::Voided);
    let paid = || after(&order).intent(samples::payment_intent(PaymentIntentState::Succeeded));
    dying(&order, paid, |world, at| {
        assert_eq!(world.refunds(), 1, "{at}");
        assert!(stored_order(world, &order).open.is_none(), "{at}");
    });
    let held =
        || after(&order).intent(samples::payment_intent(PaymentIntentState::RequiresCapture));
    dying(&order, held, |world, at| {
        assert_eq!(world.payment_intents_in(PaymentIntentState::Canceled), 1, "{at}");
        assert!(stored_order(world, &order).open.is_none(), "{at}");
    });
    let order = closed(LabelRefund::None, PaymentStatus::Voided);
    let late = || after(&order).intent(voided()).shipment(bought(LabelRefundState::NotRequested));
    dying(&order, late, |world, at| {
        assert_eq!(world.live_labels(), 0, "{at}");
        let refund = stored_order(world, &order).shipment.unwrap().refund;
        assert_eq!(refund, Some(LabelRefund::Submitted), "{at}");
    });
}
