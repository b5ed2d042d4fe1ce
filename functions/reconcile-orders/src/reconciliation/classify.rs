//! The rules: what each ledger must say about an order at rest, given the others.
//!
//! Every function here is pure. The caller makes sure that the order is at rest and that
//! nothing changed between the reads; see [`reconciliation`](super).
//!
//! What costs nothing is no discrepancy: an unconfirmed intent, an unbought shipment, a
//! refunded label. Nor is what an operator already knows of: a failed refund, a label whose
//! refund was rejected.

use domain::ledger::{LabelEntry, PaymentIntentEntry};
use domain::order::TimelineCode;
use domain::payment::{PaymentIntentState, PaymentStatus};
use domain::settlement::MoneyClaim;
use domain::shipment::LabelRefund;
use domain::{Money, Order, OrderId, PaymentIntentId, ShipmentId, Status, Timestamp};

use super::discrepancy::{Discrepancy, DiscrepancyKind as Kind};

/// How long an order must be unchanged: longer than any invocation lasts (300 s).
const QUIET_MINUTES: i64 = 15;

/// Whether the order is at rest: finalized, and unchanged for 15 minutes. A sweep finalizes
/// an order once it is closed, its payment and label are final, and its execution has ended.
pub fn is_at_rest(order: &Order, at: Timestamp) -> bool {
    order.open.is_none() && order.updated_at <= at.plus_minutes(-QUIET_MINUTES)
}

/// Compares an intent with the order that it names.
pub fn intent(entry: &PaymentIntentEntry, order: &Order) -> Vec<Discrepancy> {
    let discrepancy = |kind, detail| Discrepancy::of_order(kind, &order.order_id, detail);
    if order.payment.intent_id.as_ref() != Some(&entry.id) {
        let stray =
            || discrepancy(Kind::StrayIntent, format!("{} {}", entry.id, describe_intent(entry)));
        return entry.confirmed.then(stray).into_iter().collect();
    }
    let kinds = match order.status {
        Status::Fulfilled => intent_of_fulfilled(entry, order),
        _ => intent_of_unfulfilled(entry, order),
    };
    let too_much = entry.refunded_minor > entry.captured_minor;
    let too_much = too_much.then_some(Kind::RefundedTooMuch);
    let detail = || format!("{} {}, total {}", entry.id, describe_intent(entry), order.total);
    kinds.into_iter().chain(too_much).map(|kind| discrepancy(kind, detail())).collect()
}

fn intent_of_fulfilled(entry: &PaymentIntentEntry, order: &Order) -> Vec<Kind> {
    if entry.state != PaymentIntentState::Succeeded {
        return vec![Kind::NotCaptured];
    }
    let captured = Money::new(entry.captured_minor, entry.amount.currency());
    let wrong = [
        (captured != order.total).then_some(Kind::CapturedAmountMismatch),
        // A refund by hand is on the record once its webhook was followed up.
        (entry.refunded_minor != order.payment.refunded).then_some(Kind::RefundedThoughFulfilled),
    ];
    wrong.into_iter().flatten().collect()
}

fn intent_of_unfulfilled(entry: &PaymentIntentEntry, order: &Order) -> Vec<Kind> {
    let is_live =
        matches!(entry.state, PaymentIntentState::RequiresCapture | PaymentIntentState::Processing);
    let is_raised = order.payment.status == PaymentStatus::RefundFailed
        || order.has_timeline_code(TimelineCode::RefundFailed);
    let record_agrees = match order.payment.status {
        PaymentStatus::None | PaymentStatus::Voided => entry.captured_minor == 0,
        PaymentStatus::Refunded | PaymentStatus::RefundFailed => entry.captured_minor > 0,
        // Wrong by itself, which `record` reports.
        PaymentStatus::Authorized | PaymentStatus::Captured => true,
    };
    let wrong = [
        is_live.then_some(Kind::AuthorizationLive),
        (entry.net_captured_minor() > 0 && !is_raised).then_some(Kind::MoneyKept),
        (!record_agrees).then_some(Kind::PaymentRecordMismatch),
    ];
    wrong.into_iter().flatten().collect()
}

/// Checks an intent whose order is not on record.
pub fn intent_of_unknown_order(
    entry: &PaymentIntentEntry,
    order_id: &OrderId,
) -> Option<Discrepancy> {
    let detail = || format!("{} {}", entry.id, describe_intent(entry));
    let wrong = || Discrepancy::of_order(Kind::IntentOfUnknownOrder, order_id, detail());
    entry.confirmed.then(wrong)
}

/// Compares an order with the intent that was retrieved by this id. `None` means that the
/// payment provider does not know the id.
pub fn retrieved_intent(
    id: &PaymentIntentId,
    entry: Option<&PaymentIntentEntry>,
    order: &Order,
) -> Vec<Discrepancy> {
    let is_stored = order.payment.intent_id.as_ref() == Some(id);
    let of_stored = |kind, detail| {
        let wrong = || Discrepancy::of_order(kind, &order.order_id, detail);
        is_stored.then(wrong).into_iter().collect()
    };
    match entry {
        None => of_stored(Kind::IntentMissing, format!("the payment provider does not know {id}")),
        Some(entry) if entry.order_id().as_ref() != Some(&order.order_id) => {
            of_stored(Kind::IntentOfAnotherOrder, format!("{id} names another order"))
        }
        Some(entry) => intent(entry, order),
    }
}

fn describe_intent(entry: &PaymentIntentEntry) -> String {
    let currency = entry.amount.currency();
    let state = match entry.state {
        PaymentIntentState::RequiresPaymentMethod => "requires_payment_method",
        PaymentIntentState::RequiresConfirmation => "requires_confirmation",
        PaymentIntentState::RequiresAction => "requires_action",
        PaymentIntentState::Processing => "processing",
        PaymentIntentState::RequiresCapture => "requires_capture",
        PaymentIntentState::Succeeded => "succeeded",
        PaymentIntentState::Canceled => "canceled",
    };
    let money = |minor| Money::new(minor, currency);
    let (captured, refunded) = (money(entry.captured_minor), money(entry.refunded_minor));
    format!("is {state} for {}: captured {captured}, refunded {refunded}", entry.amount)
}

/// Compares a shipment with the order that it names.
pub fn label(entry: &LabelEntry, order: &Order) -> Vec<Discrepancy> {
    let Some(stored) = order.shipment.as_ref().filter(|stored| stored.shipment_id == entry.id)
    else {
        let stray =
            || Discrepancy::of_order(Kind::StrayLabel, &order.order_id, describe_label(entry));
        return entry.is_live().then(stray).into_iter().collect();
    };
    let recorded = stored.label.as_ref().map(|label| &label.tracking_code);
    let is_raised = matches!(stored.refund, Some(LabelRefund::Refused | LabelRefund::Kept))
        || order.has_timeline_code(TimelineCode::LabelRefundRefused);
    let kind = match (order.status, entry.is_live()) {
        (Status::Fulfilled, false) if !entry.is_bought => Some(Kind::LabelMissing),
        (Status::Fulfilled, false) => Some(Kind::LabelRefunded),
        (Status::Fulfilled, true) if recorded != entry.tracking_code.as_ref() => {
            Some(Kind::LabelRecordMismatch)
        }
        (Status::Fulfilled, true) | (_, false) => None,
        (_, true) => (!is_raised).then_some(Kind::LabelKept),
    };
    kind.map(|kind| Discrepancy::of_order(kind, &order.order_id, describe_label(entry)))
        .into_iter()
        .collect()
}

/// Checks a shipment whose order is not on record.
pub fn label_of_unknown_order(entry: &LabelEntry, order_id: &OrderId) -> Option<Discrepancy> {
    let wrong =
        || Discrepancy::of_order(Kind::LabelOfUnknownOrder, order_id, describe_label(entry));
    entry.is_live().then(wrong)
}

/// Compares an order with the shipment that was retrieved by this id. `None` means that the
/// shipping provider does not know the id.
pub fn retrieved_label(
    id: &ShipmentId,
    entry: Option<&LabelEntry>,
    order: &Order,
) -> Vec<Discrepancy> {
    let is_stored = order.shipment.as_ref().is_some_and(|stored| stored.shipment_id == *id);
    let of_stored = |kind, detail| {
        let wrong = || Discrepancy::of_order(kind, &order.order_id, detail);
        is_stored.then(wrong).into_iter().collect()
    };
    match entry {
        None => of_stored(Kind::LabelMissing, format!("the shipping provider does not know {id}")),
        Some(entry) if entry.order_id().as_ref() != Some(&order.order_id) => {
            of_stored(Kind::LabelOfAnotherOrder, format!("{id} names another order"))
        }
        Some(entry) => label(entry, order),
    }
}

fn describe_label(entry: &LabelEntry) -> String {
    let state = match (entry.is_bought, entry.is_live()) {
        (false, _) => "was not bought",
        (true, true) => "is live",
        (true, false) => "was refunded",
    };
    format!("{} {state}", entry.id)
}

/// Checks an order's own record.
pub fn record(order: &Order) -> Vec<Discrepancy> {
    let discrepancy = |kind, detail| Discrepancy::of_order(kind, &order.order_id, detail);
    if !order.status.is_closed() {
        let detail = format!("in status {} and not in the index of open orders", order.status);
        return vec![discrepancy(Kind::Unwatched, detail)];
    }
    let rules = match order.status {
        Status::Fulfilled => rules_of_fulfilled(order).to_vec(),
        _ => rules_of_unfulfilled(order).to_vec(),
    };
    let broken = rules.into_iter().chain(rules_of_closed(order)).filter(|rule| !rule.holds);
    broken.map(|rule| discrepancy(rule.kind, rule.detail.to_owned())).collect()
}

/// A rule about a record.
#[derive(Clone, Copy)]
struct Rule {
    holds: bool,
    /// The discrepancy if the rule does not hold.
    kind: Kind,
    detail: &'static str,
}

const fn rule(holds: bool, kind: Kind, detail: &'static str) -> Rule {
    Rule { holds, kind, detail }
}

fn rules_of_fulfilled(order: &Order) -> [Rule; 6] {
    let is_captured = order.payment.status == PaymentStatus::Captured;
    let is_undone = order.compensation.is_some() || order.cancel_requested_at.is_some();
    [
        rule(is_captured, Kind::PaymentRecordMismatch, "fulfilled and not recorded as captured"),
        rule(
            order.payment.intent_id.is_some(),
            Kind::NotCaptured,
            "fulfilled without a payment intent",
        ),
        rule(order.has_live_label(), Kind::LabelMissing, "fulfilled without a recorded live label"),
        rule(order.holds_stock(), Kind::StockNotHeld, "fulfilled without reserved stock"),
        rule(!is_undone, Kind::OutcomeMismatch, "fulfilled although compensated or canceled"),
        rule(
            !order.needs_approval(),
            Kind::NotApproved,
            "fulfilled without the approval that it needs",
        ),
    ]
}

fn rules_of_unfulfilled(order: &Order) -> [Rule; 4] {
    let is_returned =
        !matches!(order.payment.status, PaymentStatus::Authorized | PaymentStatus::Captured);
    // Only a canceled order that had not begun is closed without a compensation.
    let is_decided = match &order.compensation {
        Some(compensation) => compensation.outcome.status() == order.status,
        None => order.status == Status::Cancelled,
    };
    // Known to an operator, and still money of a customer who got nothing.
    let unreturned = if order.money_claim() == Some(MoneyClaim::Captured) {
        Kind::MoneyKept
    } else {
        Kind::PaymentRecordMismatch
    };
    [
        rule(
            is_returned,
            unreturned,
            "not fulfilled, and its payment not recorded as voided or refunded",
        ),
        rule(!order.holds_stock(), Kind::StockHeld, "not fulfilled, and holds stock"),
        rule(
            !order.has_open_shipment(),
            Kind::LabelRecordMismatch,
            "not fulfilled, and has an open shipment",
        ),
        rule(is_decided, Kind::OutcomeMismatch, "closed with another status than was decided"),
    ]
}

fn rules_of_closed(order: &Order) -> [Rule; 3] {
    let reserved = order.reservation.as_ref().map(|reservation| &reservation.lines);
    [
        rule(
            reserved.is_none_or(|lines| *lines == order.required_stock()),
            Kind::ReservationMismatch,
            "reserved other quantities than were ordered",
        ),
        rule(
            sum_of_lines(order) == Some(order.total),
            Kind::TotalMismatch,
            "the lines add up to another total",
        ),
        rule(
            order.task_token.is_none(),
            Kind::TaskTokenLeft,
            "finalized, and still has a task token",
        ),
    ]
}

/// The sum of the lines, or `None` if they cannot be added.
fn sum_of_lines(order: &Order) -> Option<Money> {
    let mut lines = order.items.iter().map(|line| line.unit_price.checked_mul(line.quantity).ok());
    let first = lines.next()??;
    lines.try_fold(first, |sum, line| sum.checked_add(line?).ok())
}
