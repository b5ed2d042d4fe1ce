//! What the reconciler may do to an order, and when it looks again.

use domain::decision::{OperatorAction, ReviewDecision};
use domain::order::Recovery::{Escalate, Restart, Skip};
use domain::order::*;
use domain::*;
use testing::samples;

fn now() -> Timestamp {
    samples::placed_at().plus_minutes(1)
}

/// An order that was approved, reserved, and taken over so often.
fn taken_over(times: u32) -> Order {
    let approve = samples::in_review().decide_review(ReviewDecision::Approve, "op", None, now());
    let order = approve.unwrap().reserved(now()).unwrap();
    (0..times).fold(order, |order, _| order.restarted(now()))
}

#[test]
fn an_order_is_taken_over_three_times_and_then_given_up() {
    for times in 0..MAX_RESTARTS {
        let Restart(next) = taken_over(times).recovery(now()).unwrap() else {
            panic!("not the {times}th time");
        };
        assert_eq!(next.execution, next.order_id.restart_execution(times + 1));
        assert_eq!(next.previous_execution(), Some(next.order_id.restart_execution(times)));
        assert_eq!(next.status, Status::Reserved, "what it has come to stays");
    }
    let Escalate(given_up) = taken_over(3).recovery(now()).unwrap() else { panic!("again") };
    assert_eq!(given_up.status, Status::NeedsAttention);
    assert_eq!(given_up.attention, Some(Attention::Operator));
    assert_eq!(given_up.task_decision, None);
    assert_eq!(given_up.timeline.last().unwrap().detail.as_deref(), Some("GIVEN_UP"));
    assert_eq!(given_up.recovery(now()).unwrap(), Skip);
}

#[test]
fn an_order_that_was_given_up_goes_on_once_a_person_answers() {
    let given_up = taken_over(3).escalated(now()).unwrap();
    let answered = given_up
        .apply_operator_action(OperatorAction::Compensate, false, "op-1", None, now())
        .unwrap();
    let Restart(next) = answered.recovery(now()).unwrap() else { panic!("a person asked") };
    assert_eq!(next.execution, next.order_id.restart_execution(4));
    assert_eq!(next.task_token, None, "one answer, one restart");
    assert!(next.compensation.is_some());
    assert!(matches!(next.recovery(now()).unwrap(), Escalate(_)));
}

#[test]
fn an_order_that_asks_a_person_waits_for_the_person() {
    let stuck = samples::needs_attention();
    assert_eq!(stuck.recovery(now()).unwrap(), Skip);
    let answered =
        stuck.apply_operator_action(OperatorAction::Capture, false, "op-1", None, now()).unwrap();
    assert!(matches!(answered.recovery(now()).unwrap(), Restart(_)));
}

#[test]
fn a_take_over_ends_the_wait_of_the_execution_before() {
    let order = samples::in_review().restarted(now());
    assert_eq!((&order.task_token, order.attention), (&None, None));
    assert_eq!(order.timeline.last().unwrap().detail.as_deref(), Some("TAKEN_OVER"));
    assert!(!order.is_owned_by(Some(&samples::in_review().execution)));
}

#[test]
fn a_decision_and_a_cancellation_hold_for_a_new_token_and_an_operators_action_does_not() {
    let again = |order: &Order, status, attention| {
        samples::waiting(order.restarted(now()), status, attention).undelivered_decision()
    };
    let review = samples::in_review();
    let rejected = review.decide_review(ReviewDecision::Reject, "op", None, now()).unwrap();
    let (token, message) = again(&rejected, Status::InReview, Attention::Review).unwrap();
    assert_ne!(Some(token), rejected.task_token);
    assert_eq!(
        message,
        domain::decision::DecisionKind::Review(ReviewDecision::Reject).task_result()
    );

    let cancelled = review.request_cancellation("c", now()).unwrap().unwrap();
    let (_, message) = again(&cancelled, Status::InReview, Attention::Review).unwrap();
    assert_eq!(message, domain::decision::DecisionKind::Cancellation.task_result());

    let captured = samples::needs_attention()
        .apply_operator_action(OperatorAction::Capture, false, "op", None, now())
        .unwrap();
    assert!(
        captured.undelivered_decision().is_some(),
        "it is said to the wait that it was given to"
    );
    assert_eq!(again(&captured, Status::NeedsAttention, Attention::Operator), None);
}

#[test]
fn the_wait_of_a_closed_order_is_told_to_undo() {
    let closed = samples::needs_attention().fulfilled(now()).unwrap();
    let (token, message) = closed.undelivered_decision().unwrap();
    assert_eq!(Some(token), samples::needs_attention().task_token);
    assert_eq!(
        message,
        domain::decision::DecisionKind::Operator(OperatorAction::Compensate).task_result()
    );
    assert_eq!(closed.finalized(&[], now()).undelivered_decision(), None);
}

#[test]
fn the_wait_of_an_order_that_turned_round_behind_its_back_is_told_to_undo() {
    let waiting = samples::in_review();
    let failed = domain::compensation::FailedStates::new();
    let turned = Order {
        task_token: waiting.task_token.clone(),
        ..waiting.begin_compensation(&failed, now())
    };
    let (_, message) = turned.undelivered_decision().unwrap();
    assert_eq!(
        message,
        domain::decision::DecisionKind::Operator(OperatorAction::Compensate).task_result()
    );
    // Who waits for an operator waits on: the operator decides.
    let stuck = samples::needs_attention().begin_compensation(&failed, now());
    let stuck = samples::waiting(stuck, Status::NeedsAttention, Attention::Operator);
    assert_eq!(stuck.undelivered_decision(), None);
}

#[test]
fn a_hint_that_nobody_followed_outlives_the_writes_of_others() {
    let order = samples::authorized().with_webhook("evt_1", now()).unwrap();
    let later = now().plus_minutes(1);
    let written = order.reserved(later).unwrap();
    assert!(written.is_due(later));
    assert_eq!(written.webhook_pending_at, Some(now()));
    assert!(!written.inspected(&[], later).is_due(later), "followed");
}

#[test]
fn a_hint_opens_the_order_and_changes_nothing_else() {
    let settled = samples::fulfilled().finalized(&[], now());
    assert_eq!((&settled.open, settled.check_at), (&None, None));
    let hinted = settled.with_webhook("evt_1", now()).unwrap();
    assert!(hinted.is_due(now()));
    let back = Order {
        open: None,
        check_at: None,
        webhook_pending_at: None,
        seen_webhooks: Vec::new(),
        version: settled.version,
        ..hinted.clone()
    };
    assert_eq!(back, settled);
    assert_eq!(hinted.with_webhook("evt_1", now()), None, "a repeat");
    assert!(hinted.with_webhook("evt_2", now()).is_some());
}

#[test]
fn the_last_hints_are_remembered_and_the_oldest_forgotten() {
    let mut order = samples::fulfilled();
    for n in 0..40 {
        order = order.with_webhook(&format!("evt_{n}"), now()).unwrap();
    }
    assert_eq!(order.seen_webhooks.len(), 32);
    assert_eq!(order.with_webhook("evt_39", now()), None);
    assert!(order.with_webhook("evt_0", now()).is_some());
}

#[test]
fn a_check_that_finds_nothing_changes_nothing_but_the_next_look() {
    let order = samples::authorized();
    let later = now().plus_hours(1);
    let checked = order.inspected(&[], later);
    let back = Order { check_at: order.check_at, version: order.version, ..checked.clone() };
    assert_eq!(back, order);
    assert_eq!(checked.check_at, Some(later.plus_minutes(15)));
}

#[test]
fn what_was_found_is_recorded_once() {
    let findings = [Observation::Disputed, Observation::Tracking("in_transit".to_owned())];
    let order = samples::fulfilled();
    assert_eq!(order.new_observations(&findings).len(), 2);
    let once = order.inspected(&findings, now());
    let notes = |order: &Order| -> Vec<String> {
        order.timeline.iter().filter_map(|entry| entry.detail.clone()).collect()
    };
    assert_eq!(notes(&once), ["DISPUTED", "TRACKING in_transit"]);
    assert_eq!(once.attention, Some(Attention::Operator));
    assert_eq!(once.new_observations(&findings), Vec::<&Observation>::new());
    assert_eq!(notes(&once.inspected(&findings, now())), notes(&once));
    let moved_on = [Observation::Tracking("delivered".to_owned())];
    assert_eq!(notes(&once.inspected(&moved_on, now())).len(), 3);
}

#[test]
fn a_person_who_is_called_already_is_not_called_away() {
    let order = samples::in_review().inspected(&[Observation::AuthorizationExpiring], now());
    assert_eq!(order.attention, Some(Attention::Review));
    let next = order.reserved(now()).unwrap();
    assert_eq!(next.attention, Some(Attention::Operator), "but afterwards");
    // What is shipped and paid for lapses no more.
    let shipment = samples::provider_shipment();
    let done = next.with_shipment(&shipment, &shipment.rates[0], now()).unwrap();
    let done = done.with_label("T", None, now()).fulfilled(now()).unwrap();
    assert_eq!(done.attention, None);
}

#[test]
fn the_next_look_is_when_there_may_be_something_to_do() {
    let look = |order: &Order, at| order.inspected(&[], at).check_at.unwrap();
    let review = samples::in_review();
    let deadline = review.review.as_ref().unwrap().deadline.unwrap();
    assert_eq!(look(&review, now()), deadline.plus_minutes(2));
    let overdue = deadline.plus_minutes(3);
    assert_eq!(look(&review, overdue), overdue.plus_minutes(15));
    let answered = review.decide_review(ReviewDecision::Approve, "op", None, now()).unwrap();
    assert_eq!(answered.check_at, Some(now().plus_minutes(2)));
    assert_eq!(look(&samples::needs_attention(), now()), now().plus_hours(24));
    let until = samples::authorized().payment.capture_before.unwrap();
    let eve = until.plus_hours(-24);
    assert_eq!(look(&samples::needs_attention(), until.plus_hours(-30)), eve);
    assert_eq!(look(&samples::needs_attention(), eve), eve.plus_hours(24));
    assert!(!samples::needs_attention().is_authorization_expiring(eve.plus_minutes(-1)));
    assert!(samples::needs_attention().is_authorization_expiring(eve));
    let mut later = samples::new_order();
    later.scheduled_for = Some(now().plus_hours(240));
    let scheduled = Order::accept(later, now());
    assert_eq!(scheduled.check_at, Some(now().plus_minutes(2)), "should its start be lost");
    assert_eq!(look(&scheduled, now()), now().plus_hours(240).plus_minutes(15));
}

#[test]
fn a_closed_order_is_looked_at_after_an_hour_after_a_day_and_then_daily() {
    let order = samples::fulfilled();
    let closed = order.closed_at();
    let look = |at: Timestamp| order.inspected(&[], at).check_at.unwrap();
    assert_eq!(order.check_at, Some(closed.plus_minutes(15)));
    assert_eq!(look(closed.plus_minutes(15)), closed.plus_hours(1));
    assert_eq!(look(closed.plus_hours(1)), closed.plus_hours(24));
    assert_eq!(look(closed.plus_hours(30)), closed.plus_hours(54));
}
