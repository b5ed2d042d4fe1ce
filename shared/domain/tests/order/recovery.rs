//! What the reconciler records on an order, and when it checks the order next.

use domain::decision::{OperatorAction, ReviewDecision};
use domain::order::Recovery::{Escalate, Restart, Skip};
use domain::order::*;
use domain::shipment::Tracking;
use domain::*;
use testing::samples;

fn now() -> Timestamp {
    samples::placed_at().plus_minutes(1)
}

/// An order that was approved, reserved, and restarted this often.
fn restarted(times: u32) -> Order {
    let approve = samples::in_review().decide_review(ReviewDecision::Approve, "op", None, now());
    let order = approve.unwrap().reserved(now()).unwrap();
    (0..times).fold(order, |order, _| order.restarted(now()))
}

#[test]
fn an_order_is_restarted_three_times_and_then_escalated() {
    for times in 0..MAX_RESTARTS {
        let Restart(next) = restarted(times).recovery(now()).unwrap() else {
            panic!("not the {times}th time");
        };
        assert_eq!(next.execution, next.order_id.restart_execution(times + 1));
        assert_eq!(next.previous_execution(), Some(next.order_id.restart_execution(times)));
        assert_eq!(next.status, Status::Reserved, "its progress stays");
    }
    let Escalate(escalated) = restarted(3).recovery(now()).unwrap() else { panic!("again") };
    assert_eq!(escalated.status, Status::NeedsAttention);
    assert_eq!(escalated.attention, Some(Attention::Operator));
    assert_eq!(escalated.task_decision, None);
    assert_eq!(escalated.timeline.last().unwrap().detail.as_deref(), Some("GIVEN_UP"));
    assert_eq!(escalated.recovery(now()).unwrap(), Skip);
}

#[test]
fn an_escalated_order_is_restarted_once_an_operator_decides() {
    let escalated = restarted(3).escalated(now()).unwrap();
    let answered = escalated
        .apply_operator_action(OperatorAction::Compensate, false, "op-1", None, now())
        .unwrap();
    let Restart(next) = answered.recovery(now()).unwrap() else { panic!("an operator decided") };
    assert_eq!(next.execution, next.order_id.restart_execution(4));
    assert_eq!(next.task_token, None, "one decision, one restart");
    assert!(next.compensation.is_some());
    assert!(matches!(next.recovery(now()).unwrap(), Escalate(_)));
}

#[test]
fn an_order_that_waits_for_an_operator_is_not_restarted_without_a_decision() {
    let stuck = samples::needs_attention();
    assert_eq!(stuck.recovery(now()).unwrap(), Skip);
    let answered =
        stuck.apply_operator_action(OperatorAction::Capture, false, "op-1", None, now()).unwrap();
    assert!(matches!(answered.recovery(now()).unwrap(), Restart(_)));
}

#[test]
fn a_restart_ends_the_wait_of_the_previous_execution() {
    let order = samples::in_review().restarted(now());
    assert_eq!((&order.task_token, order.attention), (&None, None));
    assert_eq!(order.timeline.last().unwrap().detail.as_deref(), Some("TAKEN_OVER"));
    assert!(!order.is_owned_by(Some(&samples::in_review().execution)));
}

#[test]
fn a_review_and_a_cancellation_hold_for_a_new_token_and_an_operators_action_does_not() {
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

    let canceled = review.request_cancellation("c", now()).unwrap().unwrap();
    let (_, message) = again(&canceled, Status::InReview, Attention::Review).unwrap();
    assert_eq!(message, domain::decision::DecisionKind::Cancellation.task_result());

    let captured = samples::needs_attention()
        .apply_operator_action(OperatorAction::Capture, false, "op", None, now())
        .unwrap();
    assert!(captured.undelivered_decision().is_some(), "it is for the wait that it was made for");
    assert_eq!(again(&captured, Status::NeedsAttention, Attention::Operator), None);
}

#[test]
fn the_wait_of_a_closed_order_gets_compensate() {
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
fn a_wait_is_answered_with_compensate_when_another_execution_compensates() {
    let waiting = samples::in_review();
    let failed = domain::compensation::FailedStates::new();
    let compensating = Order {
        task_token: waiting.task_token.clone(),
        ..waiting.begin_compensation(&failed, now())
    };
    let (_, message) = compensating.undelivered_decision().unwrap();
    assert_eq!(
        message,
        domain::decision::DecisionKind::Operator(OperatorAction::Compensate).task_result()
    );
    // An order that waits for an operator goes on waiting: the operator decides.
    let stuck = samples::needs_attention().begin_compensation(&failed, now());
    let stuck = samples::waiting(stuck, Status::NeedsAttention, Attention::Operator);
    assert_eq!(stuck.undelivered_decision(), None);
}

#[test]
fn a_pending_webhook_outlives_other_writes() {
    let order = samples::authorized().with_webhook("evt_1", now()).unwrap();
    let later = now().plus_minutes(1);
    let written = order.reserved(later).unwrap();
    assert!(written.is_due(later));
    assert_eq!(written.webhook_pending_at, Some(now()));
    assert!(!written.inspected(&[], later).is_due(later), "followed up");
}

#[test]
fn a_webhook_makes_the_order_due_stops_its_retention_and_changes_nothing_else() {
    let finalized = samples::fulfilled().finalized(&[], now());
    assert_eq!((&finalized.open, finalized.check_at), (&None, None));
    let notified = finalized.with_webhook("evt_1", now()).unwrap();
    assert!(notified.is_due(now()));
    assert_eq!(notified.retention, None);
    let back = Order {
        open: None,
        check_at: None,
        webhook_pending_at: None,
        seen_webhooks: Vec::new(),
        retention: finalized.retention,
        version: finalized.version,
        ..notified.clone()
    };
    assert_eq!(back, finalized);
    assert_eq!(notified.with_webhook("evt_1", now()), None, "a repeat");
    assert!(notified.with_webhook("evt_2", now()).is_some());
}

#[test]
fn the_latest_webhooks_are_remembered_and_the_oldest_forgotten() {
    let mut order = samples::fulfilled();
    for n in 0..40 {
        order = order.with_webhook(&format!("evt_{n}"), now()).unwrap();
    }
    assert_eq!(order.seen_webhooks.len(), 32);
    assert_eq!(order.with_webhook("evt_39", now()), None);
    assert!(order.with_webhook("evt_0", now()).is_some());
}

#[test]
fn a_check_without_observations_changes_nothing_but_the_next_check() {
    let order = samples::authorized();
    let later = now().plus_hours(1);
    let checked = order.inspected(&[], later);
    let back = Order { check_at: order.check_at, version: order.version, ..checked.clone() };
    assert_eq!(back, order);
    assert_eq!(checked.check_at, Some(later.plus_minutes(15)));
}

fn tracking(word: &str, is_failed: bool) -> Observation {
    Observation::Tracking(Tracking { word: word.to_owned(), is_failed })
}

#[test]
fn an_observation_is_recorded_once() {
    let observations = [Observation::Disputed, tracking("in_transit", false)];
    let order = samples::fulfilled();
    assert_eq!(order.new_observations(&observations).len(), 2);
    let once = order.inspected(&observations, now());
    let notes = |order: &Order| -> Vec<String> {
        order.timeline.iter().filter_map(|entry| entry.detail.clone()).collect()
    };
    assert_eq!(notes(&once), ["DISPUTED", "TRACKING in_transit"]);
    assert_eq!(once.attention, Some(Attention::Operator));
    assert_eq!(once.new_observations(&observations), Vec::<&Observation>::new());
    assert_eq!(notes(&once.inspected(&observations, now())), notes(&once));
    let moved_on = [tracking("delivered", false)];
    assert_eq!(notes(&once.inspected(&moved_on, now())).len(), 3);
}

#[test]
fn an_order_under_review_keeps_that_attention_until_the_review_ends() {
    let order = samples::in_review().inspected(&[Observation::AuthorizationExpiring], now());
    assert_eq!(order.attention, Some(Attention::Review));
    let next = order.reserved(now()).unwrap();
    assert_eq!(next.attention, Some(Attention::Operator), "but afterwards");
    // The authorization of a fulfilled order does not matter any more.
    let shipment = samples::provider_shipment();
    let done = next.with_shipment(&shipment, &shipment.rates[0], now()).unwrap();
    let done = done.with_label("T", None, now()).fulfilled(now()).unwrap();
    assert_eq!(done.attention, None);
}

#[test]
fn the_next_check_is_when_there_may_be_something_to_do() {
    let next_check = |order: &Order, at| order.inspected(&[], at).check_at.unwrap();
    let review = samples::in_review();
    let deadline = review.review.as_ref().unwrap().deadline.unwrap();
    assert_eq!(next_check(&review, now()), deadline.plus_minutes(2));
    let overdue = deadline.plus_minutes(3);
    assert_eq!(next_check(&review, overdue), overdue.plus_minutes(15));
    let answered = review.decide_review(ReviewDecision::Approve, "op", None, now()).unwrap();
    assert_eq!(answered.check_at, Some(now().plus_minutes(2)));
    assert_eq!(next_check(&samples::needs_attention(), now()), now().plus_hours(24));
    let until = samples::authorized().payment.capture_before.unwrap();
    let a_day_before = until.plus_hours(-24);
    assert_eq!(next_check(&samples::needs_attention(), until.plus_hours(-30)), a_day_before);
    assert_eq!(next_check(&samples::needs_attention(), a_day_before), a_day_before.plus_hours(24));
    assert!(!samples::needs_attention().is_authorization_expiring(a_day_before.plus_minutes(-1)));
    assert!(samples::needs_attention().is_authorization_expiring(a_day_before));
    let mut later = samples::new_order();
    later.scheduled_for = Some(now().plus_hours(240));
    let scheduled = Order::accept(later, now());
    assert_eq!(scheduled.check_at, Some(now().plus_minutes(2)), "in case its start is lost");
    assert_eq!(next_check(&scheduled, now()), now().plus_hours(240).plus_minutes(15));
}

#[test]
fn a_closed_order_is_checked_after_an_hour_after_a_day_and_then_daily() {
    let order = samples::fulfilled();
    let closed = order.closed_at();
    let next_check = |at: Timestamp| order.inspected(&[], at).check_at.unwrap();
    assert_eq!(order.check_at, Some(closed.plus_minutes(15)));
    assert_eq!(next_check(closed.plus_minutes(15)), closed.plus_hours(1));
    assert_eq!(next_check(closed.plus_hours(1)), closed.plus_hours(24));
    assert_eq!(next_check(closed.plus_hours(30)), closed.plus_hours(54));
}

#[test]
fn attention_lasts_from_the_beginning_of_the_wait_or_from_when_it_was_raised() {
    let minutes = |n| samples::placed_at().plus_minutes(n);
    assert_eq!(samples::reserved().attention_since(), None);
    let waiting = samples::waiting(samples::authorized(), Status::InReview, Attention::Review);
    let since = waiting.timeline.last().map(|entry| entry.at);
    assert_eq!(waiting.attention_since(), since);
    // A waiting task that is retried writes its status again; the wait is the same.
    let retried = Order { updated_at: minutes(30), ..waiting };
    let retried = samples::waiting(retried, Status::InReview, Attention::Review);
    assert_eq!(retried.attention_since(), since);
    // What was raised on a closed order counts from when it was raised.
    let disputed = samples::fulfilled().with_attention(TimelineCode::Disputed, minutes(50));
    assert_eq!(disputed.attention_since(), Some(minutes(50)));
}
