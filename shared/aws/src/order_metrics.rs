//! Derives the metrics of an order from the difference between the order before and
//! after a write.
//!
//! A metric is counted when it is on record, not when it is decided: each successful
//! write is measured once, here, whichever function makes it. A write whose response
//! was lost is not measured.
//!
//! The state machine's waiting tasks write an order without a function. The first write
//! by a function that finds the order waiting measures the wait; the reconciler makes it
//! within a minute.

use domain::decision::ReviewDecision;
use domain::order::{Attention, TimelineEntry};
use domain::{ErrorName, Order, Status};

use crate::metrics::{AttentionReason, Metric, RejectionReason};

/// Emits the metrics of a successful write; `before` is `None` for a new order.
pub(crate) fn record(before: Option<&Order>, after: &Order) {
    for metric in order_metrics(before, after) {
        metric.emit_now();
    }
}

/// The metrics of a write; `before` is `None` for a new order.
pub fn order_metrics(before: Option<&Order>, after: &Order) -> Vec<Metric> {
    let Some(before) = before else {
        return vec![Metric::OrdersAccepted];
    };
    let raised = attention_raised(before, after);
    let is_failed_compensation = |reason: &AttentionReason| match reason {
        // The order was stuck before this write, so only an earlier compensation counts.
        AttentionReason::Stuck => before.compensation.is_some(),
        reason => after.compensation.is_some() && reason.is_compensation_failure(),
    };
    let failed = raised.iter().filter(|reason| is_failed_compensation(reason));
    let failed: Vec<_> = failed.map(|reason| Metric::CompensationsFailed(*reason)).collect();
    let is_expiring =
        |reason: &&AttentionReason| **reason == AttentionReason::AuthorizationExpiring;
    let expiring: Vec<_> =
        raised.iter().filter(is_expiring).map(|_| Metric::AuthorizationsExpiring).collect();
    compensation_begun(before, after)
        .into_iter()
        .chain(order_closed(before, after))
        .chain(raised.iter().map(|reason| Metric::AttentionRaised(*reason)))
        .chain(failed)
        .chain(expiring)
        .collect()
}

fn compensation_begun(before: &Order, after: &Order) -> Vec<Metric> {
    let Some(compensation) = after.compensation.as_ref().filter(|_| before.compensation.is_none())
    else {
        return vec![];
    };
    let declined = ErrorName::PaymentDeclined.as_str();
    let is_declined = compensation.failed.values().any(|state| state.error == declined);
    let begun = Metric::CompensationsBegun(compensation.outcome);
    if is_declined { vec![Metric::PaymentsDeclined, begun] } else { vec![begun] }
}

fn order_closed(before: &Order, after: &Order) -> Vec<Metric> {
    if before.status.is_closed() || !after.status.is_closed() {
        return vec![];
    }
    if after.status == Status::Fulfilled {
        return vec![Metric::OrdersFulfilled];
    }
    let rejected = Metric::OrdersRejected(rejection_reason(after));
    let ended = after.compensation.as_ref().map(|c| Metric::CompensationsEnded(c.outcome));
    [rejected].into_iter().chain(ended).collect()
}

fn rejection_reason(order: &Order) -> RejectionReason {
    let by_operator = order.review_decision() == Some(ReviewDecision::Reject);
    if order.status == Status::Rejected && !by_operator {
        RejectionReason::ReviewExpired
    } else {
        RejectionReason::Status(order.status)
    }
}

/// The reasons for attention that this write raises or is the first to find.
fn attention_raised(before: &Order, after: &Order) -> Vec<AttentionReason> {
    let added = after.timeline.get(before.timeline.len()..).unwrap_or_default();
    new_wait(before, after).into_iter().chain(raised_codes(before, after, added)).collect()
}

/// The reason for the wait that this write is the first to find.
///
/// A waiting task sets `checkAt` to the time at which the state was entered. Inspecting
/// or answering the order moves `checkAt` on; recording a webhook does not.
fn new_wait(before: &Order, after: &Order) -> Option<AttentionReason> {
    let entered = before.timeline.last()?;
    let is_new = entered.status == before.status && before.check_at == Some(entered.at);
    if !is_new || after.check_at == before.check_at {
        return None;
    }
    match before.status {
        Status::InReview => Some(AttentionReason::Review),
        Status::Backordered => Some(AttentionReason::Backorder),
        Status::NeedsAttention => Some(AttentionReason::Stuck),
        _ => None,
    }
}

/// The reasons among the codes that were added to the timeline.
fn raised_codes(before: &Order, after: &Order, added: &[TimelineEntry]) -> Vec<AttentionReason> {
    if after.attention != Some(Attention::Operator) {
        return vec![];
    }
    let codes = || added.iter().filter_map(|entry| entry.detail.as_deref());
    let known: Vec<_> = codes().filter_map(AttentionReason::from_code).collect();
    let is_new = before.attention != Some(Attention::Operator);
    if known.is_empty() && is_new && codes().next().is_some() {
        vec![AttentionReason::Other]
    } else {
        known
    }
}
