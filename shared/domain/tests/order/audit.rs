//! The audit history of an order: each decision of an operator appends one entry, and none
//! changes an earlier one.

use domain::audit::{AuditAction, AuditEntry, MAX_ORDER_ENTRIES};
use domain::decision::{OperatorAction, ReviewDecision};
use domain::order::*;
use domain::payment::PaymentStatus;
use domain::{Order, Status};
use testing::samples;

use super::now;

const OWNER: &str = "customer-1";

/// Actor, action and note of each entry.
fn history(order: &Order) -> Vec<(&str, AuditAction, Option<&str>)> {
    let entries = order.audit.iter().map(|entry| {
        assert_eq!(entry.at, now());
        let note = entry.note.as_ref().map(|note| note.expose().as_str());
        (entry.actor.as_str(), entry.action, note)
    });
    entries.collect()
}

/// The order as it waits for an operator again.
fn waits_again(order: Order) -> Order {
    samples::waiting(order, Status::NeedsAttention, Attention::Operator)
}

fn resume(order: &Order, action: OperatorAction, refund: bool) -> Result<Order, DecisionError> {
    order.apply_operator_action(action, refund, "op-1", Some("a note"), now())
}

#[test]
fn each_decision_of_an_operator_is_one_entry_with_actor_and_note() {
    let review = samples::in_review();
    let decide = |decision| review.decide_review(decision, "op-1", Some("a note"), now()).unwrap();
    let stuck = samples::needs_attention();
    let mut captured = stuck.clone();
    captured.payment.status = PaymentStatus::Captured;
    let disputed = samples::fulfilled().with_attention(TimelineCode::Disputed, now());
    let act = |order: &Order, action, refund| resume(order, action, refund).unwrap();
    for (order, action) in [
        (decide(ReviewDecision::Approve), AuditAction::Approve),
        (decide(ReviewDecision::Reject), AuditAction::Reject),
        (act(&stuck, OperatorAction::Capture, false), AuditAction::Capture),
        (act(&stuck, OperatorAction::Compensate, false), AuditAction::Compensate),
        (act(&captured, OperatorAction::Compensate, true), AuditAction::CompensateWithRefund),
        (act(&disputed, OperatorAction::Acknowledge, false), AuditAction::Acknowledge),
    ] {
        assert_eq!(history(&order), [("op-1", action, Some("a note"))]);
    }
}

#[test]
fn a_later_decision_is_appended_and_the_earlier_ones_stay() {
    let mut order = samples::needs_attention();
    for attempt in 1..=3 {
        order = waits_again(resume(&order, OperatorAction::Capture, false).unwrap());
        assert_eq!(order.audit.len(), attempt);
    }
    let by_another = order
        .apply_operator_action(OperatorAction::Compensate, false, "op-2", None, now())
        .unwrap();
    let capture = ("op-1", AuditAction::Capture, Some("a note"));
    let compensate = ("op-2", AuditAction::Compensate, None);
    assert_eq!(history(&by_another), [capture, capture, capture, compensate]);
    // Neither a restart nor an escalation, which clears the answer, touches the history.
    let restarted = by_another.restarted(now()).escalated(now()).unwrap();
    assert_eq!(restarted.audit, by_another.audit);
}

#[test]
fn a_cancellation_by_an_operator_is_an_entry_and_one_by_the_customer_is_none() {
    let mut request = samples::new_order();
    request.scheduled_for = Some(now().plus_hours(24));
    let scheduled = Order::accept(request, samples::placed_at());
    for order in [samples::received(), samples::in_review(), scheduled] {
        let by_customer = order.request_cancellation(OWNER, now()).unwrap().unwrap();
        assert_eq!(history(&by_customer), []);
        let by_operator = order.request_cancellation("op-1", now()).unwrap().unwrap();
        assert_eq!(history(&by_operator), [("op-1", AuditAction::Cancel, None)]);
    }
}

#[test]
fn operators_do_not_review_their_own_orders() {
    let order = samples::in_review();
    for decision in [ReviewDecision::Approve, ReviewDecision::Reject] {
        let own = order.decide_review(decision, OWNER, None, now());
        assert_eq!(own, Err(DecisionError::OwnOrder));
    }
}

#[test]
fn a_full_history_refuses_decisions_and_drops_no_entry() {
    let mut order = samples::needs_attention();
    let entry = AuditEntry::new(AuditAction::Capture, "script", now());
    order.audit = vec![entry; MAX_ORDER_ENTRIES - 10];
    let full = resume(&order, OperatorAction::Capture, false);
    assert_eq!(full, Err(DecisionError::HistoryFull));
    let compensated = resume(&order, OperatorAction::Compensate, false).unwrap();
    assert_eq!(compensated.audit.len(), MAX_ORDER_ENTRIES - 9, "an order can still be finished");
    order.audit.resize(MAX_ORDER_ENTRIES, AuditEntry::new(AuditAction::Capture, "script", now()));
    let full = resume(&order, OperatorAction::Compensate, false);
    assert_eq!(full, Err(DecisionError::HistoryFull));
}

#[test]
fn the_largest_history_fits_the_item_of_an_order() {
    let mut order = samples::fulfilled();
    let entry = AuditEntry::new(AuditAction::CompensateWithRefund, &"s".repeat(255), now());
    let longest = entry.with_note(Some(&"\u{1f600}".repeat(500)));
    order.audit = vec![longest; MAX_ORDER_ENTRIES + 1];
    let bytes = serde_json::to_vec(&order).unwrap().len();
    assert!(bytes < 250_000, "{bytes} bytes of the 400,000 that an item may have");
}
