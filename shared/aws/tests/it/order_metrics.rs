//! The metrics of an order: each write is measured once, by what it changed.

use aws::metrics::{AttentionReason, Metric, RejectionReason};
use aws::order_metrics::order_metrics;
use domain::compensation::{FailedState, FailedStates, Outcome};
use domain::decision::{OperatorAction, ReviewDecision};
use domain::order::{Attention, DecisionError, NewOrder, TimelineCode};
use domain::payment::PaymentStatus;
use domain::ports::{NewProduct, PlaceOrder, ReleaseStock, ReserveStock, SaveOrder, WriteCatalog};
use domain::shipment::LabelRefund;
use domain::{ErrorName, Order, Sku, Status, Timestamp};
use testing::samples;

use crate::log_capture::LogCapture;
use crate::test_bed::{INVENTORY, Injected, ORDERS, TestBed};

fn at() -> Timestamp {
    samples::placed_at().plus_minutes(3)
}

fn failed(state: &str, error: &str) -> FailedStates {
    let failed = FailedState { error: error.to_owned(), shortages: vec![] };
    [(state.parse().unwrap(), failed)].into()
}

/// The order, compensating after this state failed with this error.
fn compensate(order: &Order, state: &str, error: &str) -> Order {
    order.begin_compensation(&failed(state, error), at())
}

/// As a waiting task writes it: due from the time at which the state was entered.
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
fn each_write_is_measured_by_what_it_changed() {
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

    let declined = compensate(&received, "ProcessPayment", ErrorName::PaymentDeclined.as_str());
    let begun = M::CompensationsBegun(O::PaymentFailed);
    check(&received, declined.clone(), &[M::PaymentsDeclined, begun]);
    let rejected = M::OrdersRejected(RejectionReason::Status(Status::PaymentFailed));
    let ended = M::CompensationsEnded(O::PaymentFailed);
    check(&declined, declined.closed(PaymentStatus::Voided, at()).unwrap(), &[rejected, ended]);
    check(&received, compensate(&received, "ProcessPayment", "States.Timeout"), &[begun]);

    let refused = reviewed(ReviewDecision::Reject);
    let compensating = compensate(&refused, "AwaitReview", ErrorName::ReviewRejected.as_str());
    let ended = M::CompensationsEnded(O::Rejected);
    let by_operator = M::OrdersRejected(RejectionReason::Status(Status::Rejected));
    check(
        &compensating,
        compensating.closed(PaymentStatus::Voided, at()).unwrap(),
        &[by_operator, ended],
    );
    let expired = compensate(&samples::in_review(), "AwaitReview", "States.Timeout");
    let by_timeout = M::OrdersRejected(RejectionReason::ReviewExpired);
    check(&expired, expired.closed(PaymentStatus::Voided, at()).unwrap(), &[by_timeout, ended]);

    let scheduled = NewOrder { scheduled_for: Some(at()), ..samples::new_order() };
    let scheduled = Order::accept(scheduled, samples::placed_at());
    let canceled = scheduled.request_cancellation("customer-1", at()).unwrap().unwrap();
    check(&scheduled, canceled, &[M::OrdersRejected(RejectionReason::Status(Status::Cancelled))]);
}

#[test]
fn a_wait_is_measured_once_by_the_first_write_that_finds_it() {
    let check = |waiting: Order, expected: &[Metric]| {
        let first = waiting.with_next_attempt(at());
        assert_eq!(order_metrics(Some(&waiting), &first), expected, "{}", waiting.status);
        assert_eq!(
            order_metrics(Some(&first), &first.with_next_attempt(at())),
            [],
            "{}",
            waiting.status
        );
    };
    let raised = Metric::AttentionRaised;
    let review = waiting(samples::authorized(), Status::InReview, Attention::Review);
    check(review, &[raised(AttentionReason::Review)]);
    let backorder = waiting(samples::authorized(), Status::Backordered, Attention::Backorder);
    check(backorder, &[raised(AttentionReason::Backorder)]);
    check(stuck(samples::labeled()), &[raised(AttentionReason::Stuck)]);
    let compensating = compensate(&samples::labeled(), "CapturePayment", "States.Timeout");
    check(
        stuck(compensating),
        &[raised(AttentionReason::Stuck), Metric::CompensationsFailed(AttentionReason::Stuck)],
    );
    check(samples::reserved(), &[]);
}

#[test]
fn a_webhook_does_not_measure_a_wait_but_the_next_inspection_does() {
    let waiting = stuck(samples::labeled());
    let with_webhook = waiting.with_webhook("evt_1", at()).unwrap();
    assert_eq!(order_metrics(Some(&waiting), &with_webhook), []);
    let inspected = with_webhook.inspected(&[], at());
    assert_eq!(
        order_metrics(Some(&with_webhook), &inspected),
        [Metric::AttentionRaised(AttentionReason::Stuck)]
    );
    assert_eq!(
        order_metrics(Some(&inspected), &inspected.inspected(&[], at().plus_minutes(1))),
        []
    );
}

#[test]
fn an_escalated_order_is_measured_as_attention_raised() {
    let order = samples::labeled();
    let escalated = order.escalated(at()).unwrap();
    let raised = Metric::AttentionRaised(AttentionReason::Escalated);
    assert_eq!(order_metrics(Some(&order), &escalated), [raised]);
    let compensating = compensate(&order, "CapturePayment", "States.Timeout");
    let failed = Metric::CompensationsFailed(AttentionReason::Escalated);
    let escalated = compensating.escalated(at()).unwrap();
    assert_eq!(order_metrics(Some(&compensating), &escalated), [raised, failed]);
}

#[test]
fn a_decision_measures_a_wait_that_no_earlier_write_has_found() -> Result<(), DecisionError> {
    let waiting = stuck(samples::labeled());
    let decided = waiting.apply_operator_action(
        OperatorAction::Compensate,
        true,
        "operator-1",
        None,
        at(),
    )?;
    let begun = Metric::CompensationsBegun(Outcome::PaymentFailed);
    let found = Metric::AttentionRaised(AttentionReason::Stuck);
    let failed = Metric::CompensationsFailed(AttentionReason::Stuck);
    let seen = order_metrics(Some(&waiting), &decided);
    assert_eq!(seen[..2], [begun, found]);
    // The compensating begins with this write, so it cannot have failed.
    assert!(!seen.contains(&failed), "{seen:?}");
    Ok(())
}

#[test]
fn attention_is_measured_by_its_timeline_code() {
    let check = |before: &Order, after: &Order, expected: &[Metric]| {
        assert_eq!(order_metrics(Some(before), after), expected, "{:?}", after.timeline.last());
    };
    let raised = Metric::AttentionRaised;
    for (code, why) in [
        (TimelineCode::PaymentAmountMismatch, AttentionReason::PaymentAmountMismatch),
        (TimelineCode::Disputed, AttentionReason::Disputed),
        (TimelineCode::LedgerMismatch, AttentionReason::LedgerMismatch),
    ] {
        let order = samples::fulfilled();
        check(&order, &order.with_attention(code, at()), &[raised(why)]);
    }
    let order = samples::labeled();
    let expiring = raised(AttentionReason::AuthorizationExpiring);
    check(
        &order,
        &order.with_attention(TimelineCode::AuthorizationExpiring, at()),
        &[expiring, Metric::AuthorizationsExpiring],
    );
    // A code that only a newer release knows.
    let order = samples::fulfilled();
    let mut later = order.with_attention(TimelineCode::Disputed, at());
    later.timeline.last_mut().unwrap().detail = Some("A_NEW_ONE".to_owned());
    check(&order, &later, &[raised(AttentionReason::Other)]);
    let compensating = compensate(&samples::labeled(), "CapturePayment", "PaymentNotCapturable");
    let refused = compensating.with_label_refund(LabelRefund::Refused, at());
    let why = AttentionReason::LabelRefundRefused;
    check(&compensating, &refused, &[raised(why), Metric::CompensationsFailed(why)]);
    // Closing the order keeps the attention but does not raise it again.
    let closed = refused.closed(PaymentStatus::Voided, at()).unwrap();
    let again = order_metrics(Some(&refused), &closed);
    assert!(!again.iter().any(|metric| matches!(metric, Metric::AttentionRaised(_))), "{again:?}");

    let failed = compensating.closed(PaymentStatus::RefundFailed, at()).unwrap();
    let seen = order_metrics(Some(&compensating), &failed);
    let why = AttentionReason::RefundFailed;
    assert!(seen.contains(&raised(why)) && seen.contains(&Metric::CompensationsFailed(why)));
    let acknowledged =
        failed.apply_operator_action(OperatorAction::Acknowledge, false, "op", None, at()).unwrap();
    check(&failed, &acknowledged, &[]);
}

#[tokio::test]
async fn a_write_is_measured_once_and_a_failed_write_is_not_measured() {
    let (log, _guard) = LogCapture::start();
    let bed = TestBed::new();
    let aws = bed.aws();
    let orders = aws.orders(ORDERS);
    let received = samples::received();
    orders.place(&received).await.unwrap();
    assert_eq!(log.metric_names(), ["OrdersAccepted"]);
    orders.place(&received).await.unwrap();
    assert_eq!(log.metric_names(), [""; 0], "a repeat accepts no order");

    let declined = compensate(&received, "ProcessPayment", "PaymentDeclined");
    let _saved = orders.save(&received, &declined).await.unwrap();
    assert_eq!(log.metric_names(), ["PaymentsDeclined", "CompensationsBegun"]);
    let _conflict = orders.save(&received, &declined).await.unwrap();
    assert_eq!(log.metric_names(), [""; 0], "another writer was first");
    bed.inject(Injected::ConnectionError);
    bed.inject(Injected::ConnectionError);
    let closed = declined.closed(PaymentStatus::Voided, at()).unwrap();
    assert!(orders.save(&declined, &closed).await.is_err());
    assert_eq!(log.metric_names(), [""; 0], "nothing was written");
    let _saved = orders.save(&declined, &closed).await.unwrap();
    assert_eq!(log.metric_names(), ["OrdersRejected", "CompensationsEnded"]);
}

#[tokio::test]
async fn a_metric_is_dated_when_it_is_written_and_not_by_the_event() {
    let (log, _guard) = LogCapture::start();
    let bed = TestBed::new();
    let aws = bed.aws();
    let began = aws::clock::now();
    let long_ago = Order { updated_at: began.plus_hours(-30), ..samples::received() };
    aws.orders(ORDERS).place(&long_ago).await.unwrap();
    let dated = log.lines()[0]["_aws"]["Timestamp"].as_i64().unwrap();
    assert!(Timestamp::from_millis(dated).unwrap() >= began, "no alarm looks 30 hours back");
}

#[tokio::test]
async fn a_transaction_is_measured_like_a_single_write() {
    let (log, _guard) = LogCapture::start();
    let bed = TestBed::new();
    let aws = bed.aws();
    let (orders, inventory) = (aws.orders(ORDERS), aws.inventory(ORDERS, INVENTORY));
    for sku in ["MUG", "TEE"] {
        let product = NewProduct {
            sku: Sku::parse(sku).unwrap(),
            title: sku.to_owned(),
            unit_price: samples::received().total,
            weight_grams: 1,
            available: Some(2),
        };
        inventory.add_product(&product, "clerk", samples::placed_at()).await.unwrap();
    }
    let backordered = waiting(samples::authorized(), Status::Backordered, Attention::Backorder);
    orders.place(&backordered).await.unwrap();
    log.metric_names();
    let reserved = backordered.reserved(at()).unwrap();
    let _saved = inventory.reserve(&backordered, &reserved).await.unwrap();
    assert_eq!(log.metric_names(), ["AttentionRaised"]);
    let _conflict = inventory.reserve(&backordered, &reserved).await.unwrap();
    assert_eq!(log.metric_names(), [""; 0]);
    // An operator's wait that timed out: the release is the first write to find it.
    let stuck = stuck(compensate(&reserved, "InitiateShipping", "ShippingRejected"));
    let _saved = orders.save(&reserved, &stuck).await.unwrap();
    log.metric_names();
    let _saved = inventory.release(&stuck, &stuck.released(at())).await.unwrap();
    assert_eq!(log.metric_names(), ["AttentionRaised", "CompensationsFailed"]);
}
