//! What each book must say of an order at rest, given what the others say.
//!
//! Every function here is a pure judgement of what was read at one time; that it
//! may be judged at all (the order is at rest, nothing moved between the readings)
//! is [`compare`](super)'s to see to.
//!
//! What costs nothing is no difference: an intent that was never confirmed, a
//! shipment that was not bought, a stray label that was given back. Nor is what a
//! person was called to already: a refund that failed, a label that the carrier
//! does not take back.

use domain::ledger::{LabelEntry, PaymentIntentEntry};
use domain::order::timeline_code;
use domain::payment::{PaymentIntentState, PaymentStatus};
use domain::shipment::LabelRefund;
use domain::{Money, Order, OrderId, PaymentIntentId, ShipmentId, Status, Timestamp};

use super::difference::{Difference, Kind};

/// How long an order must have been left alone.
const QUIET_MINUTES: i64 = 15;

/// Whether the order is at rest: whoever settled it saw that it is closed, that its
/// money and its label are final and that its execution has ended, and nobody has
/// changed it for a while.
pub fn is_at_rest(order: &Order, at: Timestamp) -> bool {
    order.open.is_none() && order.updated_at <= at.plus_minutes(-QUIET_MINUTES)
}

/// What differs between an intent and the order that it names.
pub fn intent(entry: &PaymentIntentEntry, order: &Order) -> Vec<Difference> {
    let differs = |kind, detail| Difference::of_order(kind, &order.order_id, detail);
    if order.payment.intent_id.as_ref() != Some(&entry.id) {
        let stray = || differs(Kind::StrayIntent, format!("{} {}", entry.id, said(entry)));
        return entry.confirmed.then(stray).into_iter().collect();
    }
    let kinds = match order.status {
        Status::Fulfilled => paid(entry, order.total),
        _ => unpaid(entry, order),
    };
    let too_much = entry.refunded_minor > entry.captured_minor;
    let too_much = too_much.then_some(Kind::RefundedTooMuch);
    let detail = || format!("{} {}, total {}", entry.id, said(entry), order.total);
    kinds.into_iter().chain(too_much).map(|kind| differs(kind, detail())).collect()
}

fn paid(entry: &PaymentIntentEntry, total: Money) -> Vec<Kind> {
    if entry.state != PaymentIntentState::Succeeded {
        return vec![Kind::NotCaptured];
    }
    let captured = Money::new(entry.captured_minor, entry.amount.currency());
    let wrong = [
        (captured != total).then_some(Kind::CapturedAmountDiffers),
        (entry.refunded_minor > 0).then_some(Kind::RefundedThoughFulfilled),
    ];
    wrong.into_iter().flatten().collect()
}

fn unpaid(entry: &PaymentIntentEntry, order: &Order) -> Vec<Kind> {
    let live =
        matches!(entry.state, PaymentIntentState::RequiresCapture | PaymentIntentState::Processing);
    let is_raised = order.payment.status == PaymentStatus::RefundFailed
        || order.has_timeline_code(timeline_code::REFUND_FAILED);
    let record_agrees = match order.payment.status {
        PaymentStatus::None | PaymentStatus::Voided => entry.captured_minor == 0,
        PaymentStatus::Refunded | PaymentStatus::RefundFailed => entry.captured_minor > 0,
        // Wrong in itself: the record's own judgement says so.
        PaymentStatus::Authorized | PaymentStatus::Captured => true,
    };
    let wrong = [
        live.then_some(Kind::AuthorisationLive),
        (entry.net_captured_minor() > 0 && !is_raised).then_some(Kind::MoneyKept),
        (!record_agrees).then_some(Kind::PaymentRecordDiffers),
    ];
    wrong.into_iter().flatten().collect()
}

/// What is wrong about an intent that names an order of which there is no record.
pub fn intent_of_nobody(entry: &PaymentIntentEntry, named: &OrderId) -> Option<Difference> {
    let detail = || format!("{} {}", entry.id, said(entry));
    let wrong = || Difference::of_order(Kind::IntentOfUnknownOrder, named, detail());
    entry.confirmed.then(wrong)
}

/// What differs between an order and an intent that is said to be of it, by either
/// of the two, given what the gateway has under its id.
pub fn intent_of(
    id: &PaymentIntentId,
    entry: Option<&PaymentIntentEntry>,
    order: &Order,
) -> Vec<Difference> {
    let is_claimed = order.payment.intent_id.as_ref() == Some(id);
    let claimed = |kind, detail| {
        let differs = || Difference::of_order(kind, &order.order_id, detail);
        is_claimed.then(differs).into_iter().collect()
    };
    match entry {
        None => claimed(Kind::IntentMissing, format!("the gateway knows no {id}")),
        Some(entry) if entry.order_id().as_ref() != Some(&order.order_id) => {
            claimed(Kind::IntentOfAnother, format!("{id} names another order"))
        }
        Some(entry) => intent(entry, order),
    }
}

fn said(entry: &PaymentIntentEntry) -> String {
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

/// What differs between a shipment whose label was bought and the order that it names.
pub fn label(entry: &LabelEntry, order: &Order) -> Vec<Difference> {
    let Some(stored) = order.shipment.as_ref().filter(|stored| stored.shipment_id == entry.id)
    else {
        let stray = || Difference::of_order(Kind::StrayLabel, &order.order_id, sold(entry));
        return entry.is_live().then(stray).into_iter().collect();
    };
    let recorded = stored.label.as_ref().map(|label| &label.tracking_code);
    let is_raised = stored.refund == Some(LabelRefund::Refused)
        || order.has_timeline_code(timeline_code::LABEL_REFUND_REFUSED);
    let kind = match (order.status, entry.is_live()) {
        (Status::Fulfilled, false) if entry.tracking_code.is_none() => Some(Kind::LabelMissing),
        (Status::Fulfilled, false) => Some(Kind::LabelGivenBack),
        (Status::Fulfilled, true) if recorded != entry.tracking_code.as_ref() => {
            Some(Kind::LabelRecordDiffers)
        }
        (Status::Fulfilled, true) | (_, false) => None,
        (_, true) => (!is_raised).then_some(Kind::LabelKept),
    };
    kind.map(|kind| Difference::of_order(kind, &order.order_id, sold(entry))).into_iter().collect()
}

/// What is wrong about a shipment that names an order of which there is no record.
pub fn label_of_nobody(entry: &LabelEntry, named: &OrderId) -> Option<Difference> {
    let wrong = || Difference::of_order(Kind::LabelOfUnknownOrder, named, sold(entry));
    entry.is_live().then(wrong)
}

/// What differs between an order and a shipment that is said to be of it, by either
/// of the two, given what the carrier has under its id.
pub fn label_of(id: &ShipmentId, entry: Option<&LabelEntry>, order: &Order) -> Vec<Difference> {
    let is_claimed = order.shipment.as_ref().is_some_and(|stored| stored.shipment_id == *id);
    let claimed = |kind, detail| {
        let differs = || Difference::of_order(kind, &order.order_id, detail);
        is_claimed.then(differs).into_iter().collect()
    };
    match entry {
        None => claimed(Kind::LabelMissing, format!("the carrier knows no {id}")),
        Some(entry) if entry.order_id().as_ref() != Some(&order.order_id) => {
            claimed(Kind::LabelOfAnother, format!("{id} names another order"))
        }
        Some(entry) => label(entry, order),
    }
}

fn sold(entry: &LabelEntry) -> String {
    let state = match (&entry.tracking_code, entry.is_live()) {
        (None, _) => "was not bought",
        (Some(_), true) => "is live",
        (Some(_), false) => "was given back",
    };
    format!("{} {state}", entry.id)
}

/// What is wrong about an order in its own record.
pub fn record(order: &Order) -> Vec<Difference> {
    let differs = |(kind, detail)| Difference::of_order(kind, &order.order_id, detail);
    if !order.status.is_closed() {
        let detail = format!("{} and in no bucket of the open ones", order.status);
        return vec![differs((Kind::Unwatched, detail))];
    }
    let rules = match order.status {
        Status::Fulfilled => fulfilled(order).to_vec(),
        _ => given_up(order).to_vec(),
    };
    let broken = rules.into_iter().chain(always(order)).filter(|(holds, ..)| !holds);
    broken.map(|(_, kind, detail)| differs((kind, detail.to_owned()))).collect()
}

/// A rule: whether it holds, what it is called when not, and why.
type Rule = (bool, Kind, &'static str);

fn fulfilled(order: &Order) -> [Rule; 6] {
    let turned = order.compensation.is_some() || order.cancel_requested_at.is_some();
    [
        (
            order.payment.status == PaymentStatus::Captured,
            Kind::PaymentRecordDiffers,
            "fulfilled, and not on record as captured",
        ),
        (order.payment.intent_id.is_some(), Kind::NotCaptured, "fulfilled without an intent"),
        (order.has_live_label(), Kind::LabelMissing, "fulfilled without a live label on record"),
        (order.holds_stock(), Kind::StockNotHeld, "fulfilled without goods"),
        (!turned, Kind::OutcomeDiffers, "fulfilled, though it turned round or was cancelled"),
        (!order.needs_approval(), Kind::NotApproved, "fulfilled without the approval it needs"),
    ]
}

fn given_up(order: &Order) -> [Rule; 4] {
    let undone =
        !matches!(order.payment.status, PaymentStatus::Authorized | PaymentStatus::Captured);
    // Only an order that had not begun is closed without a compensation: cancelled.
    let decided = match &order.compensation {
        Some(compensation) => compensation.outcome.status() == order.status,
        None => order.status == Status::Cancelled,
    };
    [
        (undone, Kind::PaymentRecordDiffers, "given up, and its money is not on record as undone"),
        (!order.holds_stock(), Kind::StockHeld, "given up, and holds goods"),
        (!order.has_open_shipment(), Kind::LabelRecordDiffers, "given up with an open shipment"),
        (decided, Kind::OutcomeDiffers, "ended otherwise than it was decided"),
    ]
}

fn always(order: &Order) -> [Rule; 3] {
    let reserved = order.reservation.as_ref().map(|reservation| &reservation.lines);
    [
        (
            reserved.is_none_or(|lines| *lines == order.required_stock()),
            Kind::ReservationDiffers,
            "reserved other goods than were ordered",
        ),
        (sum(order) == Some(order.total), Kind::TotalDiffers, "the lines add up to another total"),
        (order.task_token.is_none(), Kind::WaitLeft, "settled with the token of a wait"),
    ]
}

/// What the lines add up to; none when they cannot be added.
fn sum(order: &Order) -> Option<Money> {
    let mut lines = order.items.iter().map(|line| line.unit_price.checked_mul(line.quantity).ok());
    let first = lines.next()??;
    lines.try_fold(first, |sum, line| sum.checked_add(line?).ok())
}
