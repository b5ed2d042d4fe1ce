//! Personal data is removed a number of days after an order is final, once, and from no other
//! order. What the ledgers and the audit history need stays.

use domain::audit::AuditAction;
use domain::decision::{OperatorAction, ReviewDecision};
use domain::ledger::{OrderEntry, ScanOrders};
use domain::order::{Attention, Observation, TimelineCode};
use domain::payment::PaymentStatus;
use domain::shipment::LabelRefund;
use domain::{Order, Timestamp};
use reconcile_orders::event::{Scope, SweepOutput};
use reconcile_orders::reconciliation::classify;
use testing::crash::crash_twice;
use testing::fakes::{InjectedFault, TestBed, run};
use testing::samples;

use crate::support::{RETENTION_DAYS, closed, function, now, stored_order, sweep};

/// Every value of the sample order that leads to a person.
const PERSONAL: [&str; 7] =
    ["Ada", "ada@", "4155550123", "Montgomery", "94104", "pm_card", "track.example"];
/// The note of every decision.
const NOTE: &str = "Ada called";

/// The sample orders whose money and label are final, at `now()`: one that shipped after a
/// review, and one that was compensated by an operator.
fn final_orders() -> [Order; 2] {
    let reviewed = samples::in_review();
    let approve = ReviewDecision::Approve;
    let approved = reviewed.decide_review(approve, "op-1", Some(NOTE), now()).expect("it waits");
    let shipped = Order { review: approved.review, audit: approved.audit, ..samples::fulfilled() };
    let stuck = samples::needs_attention();
    let compensate = OperatorAction::Compensate;
    let decided = stuck
        .apply_operator_action(compensate, false, "op-1", Some(NOTE), now())
        .expect("it waits");
    let undone = decided.with_label_refund(LabelRefund::Submitted, now()).released(now());
    let compensated = undone.closed(PaymentStatus::Voided, now()).expect("it compensates");
    [shipped.finalized(&[], now()), compensated.finalized(&[], now())]
}

/// The moment at which the personal data expires.
fn expiry() -> Timestamp {
    now().plus_hours(24 * i64::from(RETENTION_DAYS))
}

fn erased(count: u32) -> SweepOutput {
    SweepOutput { erased: count, ..SweepOutput::default() }
}

fn text(order: &Order) -> String {
    serde_json::to_string(order).expect("an order is JSON")
}

fn assert_erased(order: &Order, before: &Order) {
    for private in PERSONAL.iter().chain([&NOTE, &"requestHash"]) {
        assert!(!text(order).contains(private), "{private} in {}", text(order));
    }
    assert_eq!(order.retention, None, "it is in the index no more");
    assert!(order.personal_data_removed_at.is_some());
    // What the ledgers and the audit history need is as it was.
    assert_eq!((order.status, order.total), (before.status, before.total));
    assert_eq!((&order.items, &order.payment), (&before.items, &before.payment));
    assert_eq!((&order.reservation, &order.timeline), (&before.reservation, &before.timeline));
    assert_eq!((&order.customer_id, order.updated_at), (&before.customer_id, before.updated_at));
    let author = |order: &Order| -> Vec<(Timestamp, String, AuditAction)> {
        let entries = order.audit.iter();
        entries.map(|entry| (entry.at, entry.actor.clone(), entry.action)).collect()
    };
    assert_eq!(author(order), author(before));
    let later = order.updated_at.plus_minutes(15);
    assert!(classify::is_at_rest(order, later));
    assert_eq!(classify::record(order), []);
}

#[test]
fn personal_data_is_removed_on_the_day_and_not_before() {
    for order in final_orders() {
        for private in PERSONAL {
            assert!(text(&order).contains(private), "the sample has {private}");
        }
        assert!(text(&order).contains(NOTE));
        let test_bed = TestBed::with(&order);
        assert_eq!(sweep(&test_bed, expiry().plus_minutes(-1)), erased(0));
        assert_eq!(stored_order(&test_bed, &order), order);
        assert_eq!(sweep(&test_bed, expiry()), erased(1));
        let after = stored_order(&test_bed, &order);
        assert_erased(&after, &order);
        assert_eq!(after.personal_data_removed_at, Some(expiry()));
        assert_eq!(after.version, order.version + 1);
        // Once is enough.
        assert_eq!(sweep(&test_bed, expiry().plus_minutes(1)), erased(0));
        assert_eq!(stored_order(&test_bed, &order), after);
    }
}

#[test]
fn an_order_that_is_not_final_keeps_its_personal_data_for_years() {
    let refund_failed = closed(LabelRefund::Submitted, PaymentStatus::Voided)
        .finalized(&[Observation::Payment(PaymentStatus::RefundFailed)], now());
    let [shipped, _] = final_orders();
    let ledgers_differ = shipped.with_attention(TimelineCode::LedgerMismatch, now());
    let reopened = shipped.with_webhook("evt_1", now()).expect("it is new");
    for order in [
        samples::received(),
        samples::in_review(),
        samples::needs_attention(),
        samples::fulfilled(),
        closed(LabelRefund::Submitted, PaymentStatus::Refunded),
        refund_failed,
        ledgers_differ,
        reopened,
    ] {
        assert_eq!(order.retention, None, "{:?}", order.status);
        let ten_years = now().plus_hours(24 * 3_650);
        assert!(!order.is_personal_data_expired(1, ten_years), "{:?}", order.status);
        // Nor if the index is stale and lists it all the same.
        let listed = Order {
            retention: Some(domain::order::Retention::PersonalData),
            finalized_at: Some(now()),
            check_at: order.open.as_ref().map(|_| ten_years.plus_hours(1)),
            ..order.clone()
        };
        let test_bed = TestBed::with(&listed);
        assert_eq!(sweep(&test_bed, ten_years).erased, 0, "{:?}", order.status);
        assert!(stored_order(&test_bed, &order).customer.is_some());
    }
}

#[test]
fn what_was_raised_about_a_closed_order_holds_its_personal_data_until_it_is_acknowledged() {
    let [shipped, _] = final_orders();
    let raised = shipped.with_attention(TimelineCode::LedgerMismatch, now());
    let acknowledged_at = expiry().plus_hours(5);
    let acknowledged = raised
        .apply_operator_action(
            OperatorAction::Acknowledge,
            false,
            "op-1",
            Some(NOTE),
            acknowledged_at,
        )
        .expect("there is something to acknowledge");
    let test_bed = TestBed::with(&acknowledged);
    let expires = acknowledged_at.plus_hours(24 * i64::from(RETENTION_DAYS));
    assert_eq!(sweep(&test_bed, expires.plus_minutes(-1)), erased(0));
    assert_eq!(sweep(&test_bed, expires), erased(1));
    assert_erased(&stored_order(&test_bed, &shipped), &acknowledged);
}

#[test]
fn a_note_about_an_order_whose_personal_data_is_gone_is_removed_too() {
    let [shipped, _] = final_orders();
    let test_bed = TestBed::with(&shipped);
    sweep(&test_bed, expiry());
    let raised_at = expiry().plus_hours(1);
    let raised =
        stored_order(&test_bed, &shipped).with_attention(TimelineCode::Disputed, raised_at);
    let noted = raised
        .apply_operator_action(OperatorAction::Acknowledge, false, "op-1", Some(NOTE), raised_at)
        .expect("there is something to acknowledge");
    test_bed.put(&noted);
    let expires = raised_at.plus_hours(24 * i64::from(RETENTION_DAYS));
    assert_eq!(sweep(&test_bed, expires), erased(1));
    let after = stored_order(&test_bed, &shipped);
    assert_erased(&after, &noted);
    assert_eq!(after.personal_data_removed_at, Some(expiry()), "the first time counts");
}

#[test]
fn a_webhook_that_reopens_an_order_starts_its_time_anew() {
    let [shipped, _] = final_orders();
    let reopened_at = expiry().plus_hours(-1);
    let reopened = shipped.with_webhook("evt_1", reopened_at).expect("it is new");
    assert_eq!((reopened.retention, reopened.attention), (None, None::<Attention>));
    let again = reopened.finalized(&[], reopened_at);
    let test_bed = TestBed::with(&again);
    assert_eq!(sweep(&test_bed, expiry()), erased(0));
    let expires = reopened_at.plus_hours(24 * i64::from(RETENTION_DAYS));
    assert_eq!(sweep(&test_bed, expires), erased(1));
}

#[test]
fn wherever_a_sweep_crashes_the_personal_data_is_removed_once() {
    for order in final_orders() {
        let operation = |test_bed: &TestBed| run(function(test_bed).sweep(Scope::Due, expiry()));
        crash_twice(
            21,
            || TestBed::with(&order),
            operation,
            |test_bed, crashed_at| {
                sweep(test_bed, expiry().plus_minutes(1));
                let after = stored_order(test_bed, &order);
                assert_erased(&after, &order);
                assert_eq!(after.version, order.version + 1, "{crashed_at}");
            },
        );
    }
}

#[test]
fn a_concurrent_write_is_kept_and_decides() {
    let [shipped, _] = final_orders();
    // A tracking update arrives between the read and the write: the order is not final any more.
    let webhook = |order: &Order| order.with_webhook("evt_2", expiry()).unwrap_or(order.clone());
    let test_bed =
        TestBed::with(&shipped).on("orders.save", 1, InjectedFault::ConcurrentWrite(webhook));
    assert_eq!(sweep(&test_bed, expiry()), erased(0));
    let after = stored_order(&test_bed, &shipped);
    assert!(after.customer.is_some() && after.open.is_some(), "the webhook is on record");
}

#[test]
fn one_order_that_cannot_be_written_holds_up_no_other_and_a_sweep_takes_a_limited_number() {
    let [shipped, compensated] = final_orders();
    let other = |n: usize| {
        let key = n.to_string();
        let order_id = domain::OrderId::for_request(&shipped.customer_id, &key);
        Order { order_id, ..shipped.clone() }
    };
    let test_bed = TestBed::with(&shipped).on("orders.save", 1, InjectedFault::NotSent);
    (0..60).for_each(|n| test_bed.put(&other(n)));
    let first = sweep(&test_bed, expiry());
    assert_eq!(first, SweepOutput { erased: 49, failed: 1, ..SweepOutput::default() });
    assert_eq!(sweep(&test_bed, expiry().plus_minutes(1)), erased(12));
    let page = run(test_bed.tables().scan(None)).expect("no crash").expect("it is read");
    for entry in page.entries {
        let OrderEntry::Order(order) = entry else { panic!("it is readable") };
        assert_eq!(order.customer, None);
    }
    assert_eq!(compensated.audit.len(), 1);
}
