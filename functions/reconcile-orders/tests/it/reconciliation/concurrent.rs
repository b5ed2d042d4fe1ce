//! Changes during a reconciliation and unreadable ledgers cause no false discrepancy, and an
//! incomplete run says so.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::payment::PaymentIntentState;
use domain::shipment::LabelRefundState;
use domain::{PaymentIntentId, ShipmentId};
use reconcile_orders::reconciliation::{DiscrepancyKind as Kind, Range};
use testing::samples;

use super::histories::{Situation, make};
use super::test_bed::{State, TestBed, found, now};

fn first(state: &mut State) -> &mut domain::ledger::PaymentIntentEntry {
    state.intent(&PaymentIntentId::parse("pi_0").unwrap())
}

fn kinds(test_bed: &TestBed) -> BTreeSet<Kind> {
    test_bed.found().into_iter().map(|(kind, _)| kind).collect()
}

#[test]
fn a_stale_page_costs_a_look_up_and_causes_no_false_alarm() {
    let test_bed = TestBed::of(vec![make(0, Situation::Fulfilled)], 1);
    let captured = first(&mut test_bed.state()).captured_minor;
    first(&mut test_bed.state()).captured_minor = 0;
    test_bed.on("intent", 1, move |state| first(state).captured_minor = captured);
    assert_eq!(kinds(&test_bed), BTreeSet::new());
    assert_eq!(test_bed.calls("intent"), 1);
}

#[test]
fn an_order_that_changes_between_two_reads_is_not_compared() {
    let changes: [fn(&mut State); 2] = [
        // A webhook arrived, so a sweep is about to inspect the order.
        |state| {
            let order = state.orders.values_mut().next().unwrap();
            *order = order.with_webhook("evt_1", now()).unwrap();
        },
        // A sweep inspected the order meanwhile and finalized it again.
        |state| {
            let order = state.orders.values_mut().next().unwrap();
            *order = order.with_webhook("evt_1", now()).unwrap().finalized(&[], now());
        },
    ];
    for (nth, change) in changes.into_iter().enumerate() {
        let test_bed = TestBed::of(vec![make(0, Situation::Canceled)], 1);
        first(&mut test_bed.state()).state = PaymentIntentState::RequiresCapture;
        // Two pages of intents and one of labels read the order by id. The fourth read verifies.
        test_bed.on("orders", 4, change);
        assert_eq!(kinds(&test_bed), BTreeSet::new(), "change {nth}");
    }
}

#[test]
fn an_order_placed_during_the_run_is_not_unknown() {
    let test_bed = TestBed::of(vec![make(0, Situation::Fulfilled)], 1);
    // The first page lists its intent. Its order was written before.
    test_bed.on("intents", 1, |state| {
        let made = make(1, Situation::Authorized);
        state.intents.splice(0..0, made.intents);
        state.orders.insert(made.order.order_id.clone(), made.order);
    });
    assert_eq!(kinds(&test_bed), BTreeSet::new());
}

#[test]
fn no_entry_of_an_unreachable_provider_is_treated_as_missing() {
    for (point, through) in [("intents", "gateway"), ("labels", "carrier")] {
        let test_bed =
            TestBed::of(vec![make(0, Situation::Fulfilled), make(1, Situation::Fulfilled)], 1);
        test_bed.state().unreachable.insert(point);
        let report = test_bed.reconcile();
        assert_eq!(found(&report), BTreeSet::new(), "{point}");
        assert!(!report.complete);
        let read = serde_json::json!(report.coverage);
        assert_eq!(read[through], false, "{read}");
        assert_eq!(read["orders"], true, "{read}");
        assert_eq!(test_bed.calls("intent") + test_bed.calls("label"), 0, "nor is it retrieved");
    }
}

#[test]
fn an_unverifiable_suspect_is_not_reported_and_makes_the_run_incomplete() {
    let test_bed = TestBed::of(vec![make(0, Situation::Fulfilled)], 1);
    first(&mut test_bed.state()).captured_minor = 0;
    test_bed.state().unreachable.insert("intent");
    let report = test_bed.reconcile();
    assert_eq!(found(&report), BTreeSet::new());
    assert!(!report.complete && !report.coverage.suspects && report.coverage.payment_provider);
}

#[test]
fn a_run_out_of_time_is_incomplete_and_its_report_is_true() {
    let made = (0..12).map(|number| make(number, Situation::Fulfilled)).collect();
    let test_bed = TestBed::of(made, 1);
    first(&mut test_bed.state()).captured_minor = 0;
    for pages in 0..80 {
        let left = AtomicUsize::new(pages);
        let has_time = || {
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
        };
        let report = test_bed.reconcile_with(Range { at: now(), days: None }, &has_time);
        let expected = BTreeSet::from([Kind::CapturedAmountMismatch]);
        let seen: BTreeSet<Kind> = report.discrepancies.iter().map(|it| it.kind).collect();
        assert!(seen.is_subset(&expected), "{seen:?}");
        assert!(!report.complete || seen == expected, "{report:?}");
        // The run wrote the order. Reset it so that the next run compares it too.
        for order in test_bed.state().orders.values_mut() {
            order.updated_at = samples::placed_at();
        }
        if pages == 79 {
            assert!(report.complete, "{report:?}");
        }
    }
}

#[test]
fn without_time_no_further_page_is_read() {
    let made = (0..3).map(|number| make(number, Situation::Fulfilled)).collect();
    let test_bed = TestBed::of(made, 1);
    let report = test_bed.reconcile_with(Range { at: now(), days: None }, &|| false);
    assert!(!report.complete && found(&report).is_empty());
    let coverage = report.coverage;
    assert!(!coverage.payment_provider && !coverage.shipping_provider);
    assert!(!coverage.orders && !coverage.stock);
    let calls = ["intents", "labels", "scan", "stock_levels"].map(|point| test_bed.calls(point));
    assert_eq!(calls, [1, 1, 1, 0]);
}

#[test]
fn stock_that_moves_during_the_run_is_no_discrepancy() {
    // A reservation, a release or a restock, or two of them, at each point of the run.
    let reserve: fn(&mut State) = |state| {
        let order = state.orders.values_mut().find(|order| order.reservation.is_none()).unwrap();
        *order = order.reserved(now()).unwrap();
        state.stock_levels[0].available -= 2;
        state.stock_levels[1].available -= 1;
    };
    let release: fn(&mut State) = |state| {
        let order =
            state.orders.values_mut().find(|order| order.open.is_some() && order.holds_stock());
        let order = order.unwrap();
        *order = order.released(now());
        state.stock_levels[0].available += 2;
        state.stock_levels[1].available += 1;
    };
    let restock: fn(&mut State) = |state| {
        state.stock_levels[0].available += 5;
        state.stock_levels[0].received += 5;
    };
    // Five orders, one per page: five pages in the first read of the orders, five in the second.
    let points = [
        ("scan", 1),
        ("scan", 3),
        ("scan", 5),
        ("stock_levels", 1),
        ("stock_levels", 2),
        ("scan", 6),
        ("scan", 8),
        ("scan", 10),
    ];
    let ends = [
        Situation::Authorized,
        Situation::Reserved,
        Situation::Fulfilled,
        Situation::Authorized,
        Situation::Reserved,
    ];
    let moves = [reserve, release, restock];
    for (one, other) in moves.iter().flat_map(|one| moves.map(|other| (*one, other))) {
        for (first, second) in points.iter().flat_map(|one| points.map(|other| (*one, other))) {
            let made = ends.iter().enumerate().map(|(number, end)| make(number, *end)).collect();
            let test_bed = TestBed::of(made, 1);
            test_bed.on(first.0, first.1, one);
            test_bed.on(second.0, second.1, other);
            assert_eq!(kinds(&test_bed), BTreeSet::new(), "{first:?} {second:?}");
        }
    }
}

#[test]
fn a_discrepancy_larger_than_the_concurrent_movement_is_found() {
    let test_bed =
        TestBed::of(vec![make(0, Situation::Authorized), make(1, Situation::Fulfilled)], 1);
    test_bed.state().stock_levels[0].available += 10;
    test_bed.on("stock_levels", 1, |state| {
        let order = state.orders.values_mut().find(|order| order.reservation.is_none()).unwrap();
        *order = order.reserved(now()).unwrap();
        state.stock_levels[0].available -= 2;
        state.stock_levels[1].available -= 1;
    });
    assert_eq!(test_bed.found(), BTreeSet::from([(Kind::StockLevelMismatch, "MUG".to_owned())]));
}

#[test]
fn a_malformed_order_hides_no_stock_that_others_hold_without_having_taken_it() {
    let test_bed =
        TestBed::of(vec![make(0, Situation::Fulfilled), make(1, Situation::Fulfilled)], 1);
    let id = test_bed.state().orders.keys().next().unwrap().clone();
    test_bed.state().orders.remove(&id);
    test_bed.state().malformed.insert(id.to_string());
    let unreadable = (Kind::OrderUnreadable, id.to_string());
    let report = test_bed.reconcile();
    // What the malformed order holds is unknown, and no false alarm.
    assert_eq!(found(&report), BTreeSet::from([unreadable.clone()]));
    assert!(report.complete, "{:?}", report.coverage);
    // The mugs of both orders are back in stock.
    let mugs = test_bed.state().stock_levels[0].received;
    test_bed.state().stock_levels[0].available = mugs;
    let mismatch = (Kind::StockLevelMismatch, "MUG".to_owned());
    assert_eq!(test_bed.found(), BTreeSet::from([unreadable, mismatch]));
}

#[test]
fn an_order_that_becomes_malformed_during_the_run_ends_the_comparison_of_the_stock() {
    let test_bed =
        TestBed::of(vec![make(0, Situation::Fulfilled), make(1, Situation::Fulfilled)], 1);
    let mugs = test_bed.state().stock_levels[0].received;
    test_bed.state().stock_levels[0].available = mugs;
    test_bed.on("stock_levels", 2, |state| {
        let (id, _) = state.orders.pop_first().unwrap();
        state.malformed.insert(id.to_string());
    });
    let report = test_bed.reconcile();
    assert_eq!(found(&report), BTreeSet::new());
    assert!(!report.complete && !report.coverage.stock);
}

#[test]
fn an_entry_that_names_no_order_is_foreign() {
    let test_bed = TestBed::of(vec![make(0, Situation::Fulfilled)], 1);
    let mut foreign = first(&mut test_bed.state()).clone();
    foreign.id = PaymentIntentId::parse("pi_foreign").unwrap();
    let mut foreign_label = test_bed.state().labels[0].clone();
    foreign_label.id = ShipmentId::parse("shp_foreign").unwrap();
    for name in [None, Some("invoice 7".to_owned())] {
        foreign.order.clone_from(&name);
        foreign_label.reference = name;
        test_bed.state().intents.push(foreign.clone());
        test_bed.state().labels.push(foreign_label.clone());
        let report = test_bed.reconcile();
        assert_eq!((found(&report).len(), report.counts.foreign), (0, 2));
        test_bed.state().intents.pop();
        test_bed.state().labels.pop();
    }
}

#[test]
fn only_entries_of_orders_created_within_the_days_are_missed() {
    let test_bed = TestBed::of(vec![make(0, Situation::Fulfilled)], 1);
    test_bed.state().intents.clear();
    let older = Range { at: now().plus_hours(48), days: Some(1) };
    assert!(test_bed.reconcile_with(older, &|| true).discrepancies.is_empty());
    let younger = Range { at: now(), days: Some(2) };
    let report = test_bed.reconcile_with(younger, &|| true);
    assert_eq!(report.discrepancies[0].kind, Kind::IntentMissing);
}

#[test]
fn a_label_whose_refund_was_refused_is_no_discrepancy() {
    let test_bed = TestBed::of(vec![make(0, Situation::LabelRefused)], 1);
    for refund in [LabelRefundState::NotRequested, LabelRefundState::Rejected] {
        test_bed.state().label(&ShipmentId::parse("shp_0").unwrap()).refund = refund;
        assert_eq!(kinds(&test_bed), BTreeSet::new());
    }
}

#[test]
fn a_refunded_stray_label_is_no_discrepancy() {
    let test_bed = TestBed::of(vec![make(0, Situation::Fulfilled)], 1);
    let id = ShipmentId::parse("shp_spare0").unwrap();
    test_bed.state().label(&id).is_bought = true;
    assert_eq!(kinds(&test_bed), BTreeSet::from([Kind::StrayLabel]));
    for order in test_bed.state().orders.values_mut() {
        order.updated_at = samples::placed_at();
    }
    for refund in [LabelRefundState::Submitted, LabelRefundState::Refunded] {
        test_bed.state().label(&id).refund = refund;
        assert_eq!(kinds(&test_bed), BTreeSet::new());
    }
}

#[test]
fn days_must_be_a_whole_number() {
    let days = |input| Range::parse(&input, now()).map(|range| range.days);
    assert_eq!(days(serde_json::json!({})).unwrap(), None);
    assert_eq!(days(serde_json::json!({"days": 90})).unwrap(), Some(90));
    for bad in [serde_json::json!("90"), serde_json::json!(-1), serde_json::json!(1.5)] {
        assert!(days(serde_json::json!({ "days": bad })).is_err());
    }
}
