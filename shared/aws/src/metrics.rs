//! What a write of an order is measured as: the difference between the order
//! before and after it.
//!
//! A metric is not counted where something is decided, but where it is on record:
//! whichever function writes, each write that succeeds is measured once, here. A
//! write whose answer was lost is not measured; one that did not happen is not
//! either.
//!
//! The state machine's waiting tasks write an order without a function of ours.
//! Such a wait is measured by the first write of a function that finds it: at the
//! latest the reconciler's, which looks within a minute.

use domain::decision::ReviewDecision;
use domain::order::{Attention, TimelineEntry};
use domain::{ErrorName, Order, Status};

use crate::emf::{AttentionReason, Metric, RejectionReason};

/// Measures a write that succeeded; `before` is none for an order's first.
pub(crate) fn record(before: Option<&Order>, after: &Order) {
    for metric in order_metrics(before, after) {
        metric.emit(after.updated_at);
    }
}

/// What a write is measured as.
pub fn order_metrics(before: Option<&Order>, after: &Order) -> Vec<Metric> {
    let Some(before) = before else {
        return vec![Metric::OrdersAccepted];
    };
    let raised = raised(before, after);
    let was_undone = |why: &AttentionReason| match why {
        // What it was stuck with is what it was, not what this write makes of it.
        AttentionReason::Stuck => before.compensation.is_some(),
        why => after.compensation.is_some() && why.is_compensation_failure(),
    };
    let failed = raised.iter().filter(|why| was_undone(why));
    let failed: Vec<_> = failed.map(|why| Metric::CompensationsFailed(*why)).collect();
    turned_round(before, after)
        .into_iter()
        .chain(closed(before, after))
        .chain(raised.iter().map(|why| Metric::AttentionRaised(*why)))
        .chain(failed)
        .collect()
}

fn turned_round(before: &Order, after: &Order) -> Vec<Metric> {
    let Some(compensation) = after.compensation.as_ref().filter(|_| before.compensation.is_none())
    else {
        return vec![];
    };
    let declined = ErrorName::PaymentDeclined.as_str();
    let is_declined = compensation.failed.values().any(|state| state.error == declined);
    let begun = Metric::CompensationsBegun(compensation.outcome);
    if is_declined { vec![Metric::PaymentsDeclined, begun] } else { vec![begun] }
}

fn closed(before: &Order, after: &Order) -> Vec<Metric> {
    if before.status.is_closed() || !after.status.is_closed() {
        return vec![];
    }
    if after.status == Status::Fulfilled {
        return vec![Metric::OrdersFulfilled];
    }
    let rejected = Metric::OrdersRejected(rejection(after));
    let ended = after.compensation.as_ref().map(|c| Metric::CompensationsEnded(c.outcome));
    [rejected].into_iter().chain(ended).collect()
}

fn rejection(order: &Order) -> RejectionReason {
    let by_a_person = order.review_decision() == Some(ReviewDecision::Reject);
    if order.status == Status::Rejected && !by_a_person {
        RejectionReason::ReviewExpired
    } else {
        RejectionReason::Status(order.status)
    }
}

/// Why a person is asked to look, as far as nobody was told yet.
fn raised(before: &Order, after: &Order) -> Vec<AttentionReason> {
    let noted = after.timeline.get(before.timeline.len()..).unwrap_or_default();
    wait_begun(before, after).into_iter().chain(codes(before, after, noted)).collect()
}

/// The wait that the order is found in, by the first write that finds it there.
///
/// A waiting task sets `checkAt` to the moment at which it was entered; whoever
/// looks at the order or answers it moves that on, and a mere hint does not.
fn wait_begun(before: &Order, after: &Order) -> Option<AttentionReason> {
    let entered = before.timeline.last()?;
    let unseen = entered.status == before.status && before.check_at == Some(entered.at);
    if !unseen || after.check_at == before.check_at {
        return None;
    }
    match before.status {
        Status::InReview => Some(AttentionReason::Review),
        Status::Backordered => Some(AttentionReason::Backorder),
        Status::NeedsAttention => Some(AttentionReason::Stuck),
        _ => None,
    }
}

/// The codes of the new entries of the timeline for which attention is raised.
fn codes(before: &Order, after: &Order, noted: &[TimelineEntry]) -> Vec<AttentionReason> {
    if after.attention != Some(Attention::Operator) {
        return vec![];
    }
    let codes = || noted.iter().filter_map(|entry| entry.detail.as_deref());
    let known: Vec<_> = codes().filter_map(AttentionReason::from_code).collect();
    let new = before.attention != Some(Attention::Operator);
    if known.is_empty() && new && codes().next().is_some() {
        vec![AttentionReason::Other]
    } else {
        known
    }
}
