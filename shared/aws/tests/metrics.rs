//! What is measured of an order: by which write, and exactly once.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use aws::emf::{AttentionReason, Metric, RejectionReason};
use aws::metrics::order_metrics;
use domain::compensation::{FailedState, FailedStates, Outcome};
use domain::decision::{OperatorAction, ReviewDecision};
use domain::order::{Attention, DecisionError, NewOrder, TimelineCode};
use domain::payment::PaymentStatus;
use domain::ports::{NewProduct, PlaceOrder, ReleaseStock, ReserveStock, SaveOrder, WriteCatalog};
use domain::shipment::LabelRefund;
use domain::{ErrorName, Order, Sku, Status, Timestamp};
use support::page::Page;
use support::{INVENTORY, Instead, ORDERS, World};
use testing::samples;

fn at() -> Timestamp {
    samples::placed_at().plus_minutes(3)
}

fn failed(state: &str, error: &str) -> FailedStates {
    let failed = FailedState { error: error.to_owned(), shortages: vec![] };
    [(state.parse().unwrap(), failed)].into()
}

/// An order that turned round at this state by this error.
fn undoing(order: &Order, state: &str, error: &str) -> Order {
    order.begin_compensation(&failed(state, error), at())
}

/// As a waiting task writes it: to be looked at from the moment it was entered on.
fn waiting(order: Order, status: Status, attention: Attention) -> Order {
    let order = samples::waiting(order, status, attention);
    Order { check_at: order.timeline.last().map(|entry| entry.at), ..order }
}

fn stuck(order: Order) -> Order {
    waiting(order, Status::NeedsAttention, Attention::Operator)
}

fn reviewed(decision: ReviewDecision) -> Order {
    let order = samples::in_review();
    order.decide_review(decision, "operator-1", None, samples::placed_at()).unwrap()
}

#[test]
fn each_write_is_measured_as_what_it_changed() {
    use Metric as M;
    use Outcome as O;
    let check = |before: &Order, after: Order, expected: &[Metric]| {
        assert_eq!(order_metrics(Some(before), &after), expected, "{:?}", after.timeline);
    };
    assert_eq!(order_metrics(None, &samples::received()), [M::OrdersAccepted]);
    let received = samples::received();
    check(&received, samples::authorized(), &[]);
    check(&samples::authorized(), samples::reserved(), &[]);
    check(&samples::labeled(), samples::fulfilled(), &[M::OrdersFulfilled]);

    let declined = undoing(&received, "ProcessPayment", ErrorName::PaymentDeclined.as_str());
    let begun = M::CompensationsBegun(O::PaymentFailed);
    check(&received, declined.clone(), &[M::PaymentsDeclined, begun]);
    let rejected = M::OrdersRejected(RejectionReason::Status(Status::PaymentFailed));
    let ended = M::CompensationsEnded(O::PaymentFailed);
    check(&declined, declined.closed(PaymentStatus::Voided, at()).unwrap(), &[rejected, ended]);
    check(&received, undoing(&received, "ProcessPayment", "States.Timeout"), &[begun]);

    let refused = reviewed(ReviewDecision::Reject);
    let undone = undoing(&refused, "AwaitReview", ErrorName::ReviewRejected.as_str());
    let ended = M::CompensationsEnded(O::Rejected);
    let by_a_person = M::OrdersRejected(RejectionReason::Status(Status::Rejected));
    check(&undone, undone.closed(PaymentStatus::Voided, at()).unwrap(), &[by_a_person, ended]);
    let expired = undoing(&samples::in_review(), "AwaitReview", "States.Timeout");
    let by_nobody = M::OrdersRejected(RejectionReason::ReviewExpired);
    check(&expired, expired.closed(PaymentStatus::Voided, at()).unwrap(), &[by_nobody, ended]);

    let scheduled = NewOrder { scheduled_for: Some(at()), ..samples::new_order() };
    let scheduled = Order::accept(scheduled, samples::placed_at());
    let cancelled = scheduled.request_cancellation("customer-1", at()).unwrap().unwrap();
    check(&scheduled, cancelled, &[M::OrdersRejected(RejectionReason::Status(Status::Cancelled))]);
}

#[test]
fn a_wait_is_measured_by_the_first_write_that_finds_it_and_by_no_other() {
    let check = |waits: Order, expected: &[Metric]| {
        let first = waits.with_next_attempt(at());
        assert_eq!(order_metrics(Some(&waits), &first), expected, "{}", waits.status);
        assert_eq!(
            order_metrics(Some(&first), &first.with_next_attempt(at())),
            [],
            "{}",
            waits.status
        );
    };
    let raised = Metric::AttentionRaised;
    let review = waiting(samples::authorized(), Status::InReview, Attention::Review);
    check(review, &[raised(AttentionReason::Review)]);
    let backorder = waiting(samples::authorized(), Status::Backordered, Attention::Backorder);
    check(backorder, &[raised(AttentionReason::Backorder)]);
    check(stuck(samples::labeled()), &[raised(AttentionReason::Stuck)]);
    let undone = undoing(&samples::labeled(), "CapturePayment", "States.Timeout");
    check(
        stuck(undone),
        &[raised(AttentionReason::Stuck), Metric::CompensationsFailed(AttentionReason::Stuck)],
    );
    check(samples::reserved(), &[]);
}

#[test]
fn a_hint_does_not_measure_a_wait_and_the_look_that_follows_does() {
    let waits = stuck(samples::labeled());
    let hinted = waits.with_webhook("evt_1", at()).unwrap();
    assert_eq!(order_metrics(Some(&waits), &hinted), []);
    let looked = hinted.inspected(&[], at());
    assert_eq!(
        order_metrics(Some(&hinted), &looked),
        [Metric::AttentionRaised(AttentionReason::Stuck)]
    );
    assert_eq!(order_metrics(Some(&looked), &looked.inspected(&[], at().plus_minutes(1))), []);
}

#[test]
fn an_order_that_is_given_up_is_measured_like_any_other_that_is_raised() {
    let order = samples::labeled();
    let given_up = order.escalated(at()).unwrap();
    let raised = Metric::AttentionRaised(AttentionReason::GivenUp);
    assert_eq!(order_metrics(Some(&order), &given_up), [raised]);
    let undone = undoing(&order, "CapturePayment", "States.Timeout");
    let failed = Metric::CompensationsFailed(AttentionReason::GivenUp);
    let given_up = undone.escalated(at()).unwrap();
    assert_eq!(order_metrics(Some(&undone), &given_up), [raised, failed]);
}

#[test]
fn the_answer_to_a_wait_finds_it_when_nobody_else_has() -> Result<(), DecisionError> {
    let waits = stuck(samples::labeled());
    let answered =
        waits.apply_operator_action(OperatorAction::Compensate, true, "operator-1", None, at())?;
    let begun = Metric::CompensationsBegun(Outcome::PaymentFailed);
    let found = Metric::AttentionRaised(AttentionReason::Stuck);
    let failed = Metric::CompensationsFailed(AttentionReason::Stuck);
    let seen = order_metrics(Some(&waits), &answered);
    assert_eq!(seen[..2], [begun, found]);
    // It began to be undone with this very write: nothing of that has failed.
    assert!(!seen.contains(&failed), "{seen:?}");
    Ok(())
}

#[test]
fn what_a_person_must_look_at_is_measured_by_its_code() {
    let check = |before: &Order, after: &Order, expected: &[Metric]| {
        assert_eq!(order_metrics(Some(before), after), expected, "{:?}", after.timeline.last());
    };
    let raised = Metric::AttentionRaised;
    for (code, why) in [
        (TimelineCode::PaymentAmountMismatch, AttentionReason::PaymentAmountDiffers),
        (TimelineCode::AuthorizationExpiring, AttentionReason::AuthorizationExpiring),
        (TimelineCode::Disputed, AttentionReason::Disputed),
        (TimelineCode::LedgerMismatch, AttentionReason::BooksDiffer),
    ] {
        let order = samples::fulfilled();
        check(&order, &order.with_attention(code, at()), &[raised(why)]);
    }
    // A code that only a later release knows.
    let order = samples::fulfilled();
    let mut later = order.with_attention(TimelineCode::Disputed, at());
    later.timeline.last_mut().unwrap().detail = Some("A_NEW_ONE".to_owned());
    check(&order, &later, &[raised(AttentionReason::Other)]);
    let undone = undoing(&samples::labeled(), "CapturePayment", "PaymentNotCapturable");
    let refused = undone.with_label_refund(LabelRefund::Refused, at());
    let why = AttentionReason::LabelRefundRefused;
    check(&undone, &refused, &[raised(why), Metric::CompensationsFailed(why)]);
    // It stays raised when the order is closed; that is not another time.
    let closed = refused.closed(PaymentStatus::Voided, at()).unwrap();
    let again = order_metrics(Some(&refused), &closed);
    assert!(!again.iter().any(|metric| matches!(metric, Metric::AttentionRaised(_))), "{again:?}");

    let failed = undone.closed(PaymentStatus::RefundFailed, at()).unwrap();
    let seen = order_metrics(Some(&undone), &failed);
    let why = AttentionReason::RefundFailed;
    assert!(seen.contains(&raised(why)) && seen.contains(&Metric::CompensationsFailed(why)));
    let seen_by_a_person =
        failed.apply_operator_action(OperatorAction::Acknowledge, false, "op", None, at()).unwrap();
    check(&failed, &seen_by_a_person, &[]);
}

#[tokio::test]
async fn a_write_is_measured_once_and_one_that_did_not_happen_is_not() {
    let (page, _until_the_end) = Page::open();
    let world = World::new();
    let aws = world.aws();
    let orders = aws.orders(ORDERS);
    let received = samples::received();
    orders.place(&received).await.unwrap();
    assert_eq!(page.names(), ["OrdersAccepted"]);
    orders.place(&received).await.unwrap();
    assert_eq!(page.names(), [""; 0], "a repeat is not accepted again");

    let declined = undoing(&received, "ProcessPayment", "PaymentDeclined");
    let _done = orders.save(&received, &declined).await.unwrap();
    assert_eq!(page.names(), ["PaymentsDeclined", "CompensationsBegun"]);
    let _changed = orders.save(&received, &declined).await.unwrap();
    assert_eq!(page.names(), [""; 0], "somebody else was first");
    world.next(Instead::Refuse);
    world.next(Instead::Refuse);
    let closed = declined.closed(PaymentStatus::Voided, at()).unwrap();
    assert!(orders.save(&declined, &closed).await.is_err());
    assert_eq!(page.names(), [""; 0], "nothing was written");
    let _done = orders.save(&declined, &closed).await.unwrap();
    assert_eq!(page.names(), ["OrdersRejected", "CompensationsEnded"]);
}

#[tokio::test]
async fn a_transaction_is_measured_like_any_other_write() {
    let (page, _until_the_end) = Page::open();
    let world = World::new();
    let aws = world.aws();
    let (orders, inventory) = (aws.orders(ORDERS), aws.inventory(ORDERS, INVENTORY));
    for sku in ["MUG", "TEE"] {
        let listing = NewProduct {
            sku: Sku::parse(sku).unwrap(),
            title: sku.to_owned(),
            unit_price: samples::received().total,
            weight_grams: 1,
            available: Some(2),
        };
        inventory.add_product(&listing).await.unwrap();
    }
    let waits = waiting(samples::authorized(), Status::Backordered, Attention::Backorder);
    orders.place(&waits).await.unwrap();
    page.names();
    let reserved = waits.reserved(at()).unwrap();
    let _done = inventory.reserve(&waits, &reserved).await.unwrap();
    assert_eq!(page.names(), ["AttentionRaised"]);
    let _changed = inventory.reserve(&waits, &reserved).await.unwrap();
    assert_eq!(page.names(), [""; 0]);
    // As an operator's wait leaves it, whom nobody answers: the release finds it.
    let stuck = stuck(undoing(&reserved, "InitiateShipping", "ShippingRejected"));
    let _done = orders.save(&reserved, &stuck).await.unwrap();
    page.names();
    let _done = inventory.release(&stuck, &stuck.released(at())).await.unwrap();
    assert_eq!(page.names(), ["AttentionRaised", "CompensationsFailed"]);
}
