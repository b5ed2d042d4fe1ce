//! What is measured of an order: by which write, and exactly once.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use aws::measures::measures;
use aws::metrics::{Metric, Raised, Rejection};
use domain::answer::{Action, Decision};
use domain::compensation::{FailedState, FailedStates, Outcome};
use domain::order::{AnswerRefused, Attention, NewOrder};
use domain::payment::PaymentStatus;
use domain::ports::{Listing, PlaceOrder, ReleaseStock, ReserveStock, SaveOrder, WriteCatalogue};
use domain::shipment::LabelRefund;
use domain::{Fault, Moment, Order, Sku, Status};
use support::page::Page;
use support::{INVENTORY, Instead, ORDERS, World};
use testing::sample;

fn at() -> Moment {
    sample::placed_at().plus_minutes(3)
}

fn failed(state: &str, error: &str) -> FailedStates {
    let failed = FailedState { error: error.to_owned(), shortages: vec![] };
    [(state.to_owned(), failed)].into()
}

/// An order that turned round at this state by this error.
fn undoing(order: &Order, state: &str, error: &str) -> Order {
    order.begin_compensation(&failed(state, error), at())
}

/// As a waiting task writes it: to be looked at from the moment it was entered on.
fn waiting(order: Order, status: Status, attention: Attention) -> Order {
    let order = sample::waiting(order, status, attention);
    Order { check_at: order.timeline.last().map(|entry| entry.at), ..order }
}

fn stuck(order: Order) -> Order {
    waiting(order, Status::NeedsAttention, Attention::Operator)
}

fn reviewed(decision: Decision) -> Order {
    let order = sample::in_review();
    order.decide_review(decision, "operator-1", None, sample::placed_at()).unwrap()
}

#[test]
fn each_write_is_measured_as_what_it_changed() {
    use Metric as M;
    use Outcome as O;
    let check = |before: &Order, after: Order, expected: &[Metric]| {
        assert_eq!(measures(Some(before), &after), expected, "{:?}", after.timeline);
    };
    assert_eq!(measures(None, &sample::received()), [M::OrdersAccepted]);
    let received = sample::received();
    check(&received, sample::authorised(), &[]);
    check(&sample::authorised(), sample::reserved(), &[]);
    check(&sample::labelled(), sample::fulfilled(), &[M::OrdersFulfilled]);

    let declined = undoing(&received, "ProcessPayment", Fault::PaymentDeclined.name());
    let begun = M::CompensationsBegun(O::PaymentFailed);
    check(&received, declined.clone(), &[M::PaymentsDeclined, begun]);
    let rejected = M::OrdersRejected(Rejection::Status(Status::PaymentFailed));
    let ended = M::CompensationsEnded(O::PaymentFailed);
    check(&declined, declined.closed(PaymentStatus::Voided, at()).unwrap(), &[rejected, ended]);
    check(&received, undoing(&received, "ProcessPayment", "States.Timeout"), &[begun]);

    let refused = reviewed(Decision::Reject);
    let undone = undoing(&refused, "AwaitReview", Fault::ReviewRejected.name());
    let ended = M::CompensationsEnded(O::Rejected);
    let by_a_person = M::OrdersRejected(Rejection::Status(Status::Rejected));
    check(&undone, undone.closed(PaymentStatus::Voided, at()).unwrap(), &[by_a_person, ended]);
    let expired = undoing(&sample::in_review(), "AwaitReview", "States.Timeout");
    let by_nobody = M::OrdersRejected(Rejection::ReviewExpired);
    check(&expired, expired.closed(PaymentStatus::Voided, at()).unwrap(), &[by_nobody, ended]);

    let scheduled = NewOrder { scheduled_for: Some(at()), ..sample::request() };
    let scheduled = Order::accept(scheduled, sample::placed_at());
    let cancelled = scheduled.request_cancellation("customer-1", at()).unwrap().unwrap();
    check(&scheduled, cancelled, &[M::OrdersRejected(Rejection::Status(Status::Cancelled))]);
}

#[test]
fn a_wait_is_measured_by_the_first_write_that_finds_it_and_by_no_other() {
    let check = |waits: Order, expected: &[Metric]| {
        let first = waits.with_next_try(at());
        assert_eq!(measures(Some(&waits), &first), expected, "{}", waits.status);
        assert_eq!(measures(Some(&first), &first.with_next_try(at())), [], "{}", waits.status);
    };
    let raised = Metric::AttentionRaised;
    let review = waiting(sample::authorised(), Status::InReview, Attention::Review);
    check(review, &[raised(Raised::Review)]);
    let backorder = waiting(sample::authorised(), Status::Backordered, Attention::Backorder);
    check(backorder, &[raised(Raised::Backorder)]);
    check(stuck(sample::labelled()), &[raised(Raised::Stuck)]);
    let undone = undoing(&sample::labelled(), "CapturePayment", "States.Timeout");
    check(stuck(undone), &[raised(Raised::Stuck), Metric::CompensationsFailed(Raised::Stuck)]);
    check(sample::reserved(), &[]);
}

#[test]
fn a_hint_does_not_measure_a_wait_and_the_look_that_follows_does() {
    let waits = stuck(sample::labelled());
    let hinted = waits.hinted("evt_1", at()).unwrap();
    assert_eq!(measures(Some(&waits), &hinted), []);
    let looked = hinted.checked(&[], at());
    assert_eq!(measures(Some(&hinted), &looked), [Metric::AttentionRaised(Raised::Stuck)]);
    assert_eq!(measures(Some(&looked), &looked.checked(&[], at().plus_minutes(1))), []);
}

#[test]
fn an_order_that_is_given_up_is_measured_like_any_other_that_is_raised() {
    let order = sample::labelled();
    let given_up = order.give_up(at()).unwrap();
    let raised = Metric::AttentionRaised(Raised::GivenUp);
    assert_eq!(measures(Some(&order), &given_up), [raised]);
    let undone = undoing(&order, "CapturePayment", "States.Timeout");
    let failed = Metric::CompensationsFailed(Raised::GivenUp);
    let given_up = undone.give_up(at()).unwrap();
    assert_eq!(measures(Some(&undone), &given_up), [raised, failed]);
}

#[test]
fn the_answer_to_a_wait_finds_it_when_nobody_else_has() -> Result<(), AnswerRefused> {
    let waits = stuck(sample::labelled());
    let answered = waits.resume(Action::Compensate, true, "operator-1", None, at())?;
    let begun = Metric::CompensationsBegun(Outcome::PaymentFailed);
    let found = Metric::AttentionRaised(Raised::Stuck);
    let failed = Metric::CompensationsFailed(Raised::Stuck);
    let seen = measures(Some(&waits), &answered);
    assert_eq!(seen[..2], [begun, found]);
    // It began to be undone with this very write: nothing of that has failed.
    assert!(!seen.contains(&failed), "{seen:?}");
    Ok(())
}

#[test]
fn what_a_person_must_look_at_is_measured_by_its_code() {
    let check = |before: &Order, after: &Order, expected: &[Metric]| {
        assert_eq!(measures(Some(before), after), expected, "{:?}", after.timeline.last());
    };
    let raised = Metric::AttentionRaised;
    for (code, why) in [
        ("PAYMENT_AMOUNT_DIFFERS", Raised::PaymentAmountDiffers),
        ("AUTHORIZATION_EXPIRING", Raised::AuthorisationLapses),
        ("DISPUTED", Raised::Disputed),
        ("BOOKS_DIFFER", Raised::BooksDiffer),
        ("A_NEW_ONE", Raised::Other),
    ] {
        let order = sample::fulfilled();
        check(&order, &order.with_attention(code, at()), &[raised(why)]);
    }
    let undone = undoing(&sample::labelled(), "CapturePayment", "PaymentNotCapturable");
    let refused = undone.with_label_refund(LabelRefund::Refused, at());
    let why = Raised::LabelRefundRefused;
    check(&undone, &refused, &[raised(why), Metric::CompensationsFailed(why)]);
    // It stays raised when the order is closed; that is not another time.
    let closed = refused.closed(PaymentStatus::Voided, at()).unwrap();
    let again = measures(Some(&refused), &closed);
    assert!(!again.iter().any(|metric| matches!(metric, Metric::AttentionRaised(_))), "{again:?}");

    let failed = undone.closed(PaymentStatus::RefundFailed, at()).unwrap();
    let seen = measures(Some(&undone), &failed);
    let why = Raised::RefundFailed;
    assert!(seen.contains(&raised(why)) && seen.contains(&Metric::CompensationsFailed(why)));
    let seen_by_a_person = failed.resume(Action::Acknowledge, false, "op", None, at()).unwrap();
    check(&failed, &seen_by_a_person, &[]);
}

#[tokio::test]
async fn a_write_is_measured_once_and_one_that_did_not_happen_is_not() {
    let (page, _until_the_end) = Page::open();
    let world = World::new();
    let aws = world.aws();
    let orders = aws.orders(ORDERS);
    let received = sample::received();
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
        let listing = Listing {
            sku: Sku::parse(sku).unwrap(),
            title: sku.to_owned(),
            unit_price: sample::received().total,
            weight_grams: 1,
            available: Some(2),
        };
        inventory.list(&listing).await.unwrap();
    }
    let waits = waiting(sample::authorised(), Status::Backordered, Attention::Backorder);
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
