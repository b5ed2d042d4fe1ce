//! Whatever moves while the books are read, and whatever cannot be read: nothing is
//! reported that is not so, and a run that did not get through says it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::payment::PaymentIntentState;
use domain::shipment::LabelRefundState;
use domain::{PaymentIntentId, ShipmentId};
use reconcile_orders::compare::{Kind, Range};
use testing::samples;

use crate::ends::{End, make};
use crate::world::{State, World, found, now};

fn first(state: &mut State) -> &mut domain::ledger::PaymentIntentEntry {
    state.intent(&PaymentIntentId::parse("pi_0").unwrap())
}

fn kinds(world: &World) -> BTreeSet<Kind> {
    world.found().into_iter().map(|(kind, _)| kind).collect()
}

#[test]
fn a_page_that_was_old_costs_a_look_up_and_no_false_alarm() {
    let world = World::of(vec![make(0, End::Fulfilled)], 1);
    let captured = first(&mut world.state()).captured_minor;
    first(&mut world.state()).captured_minor = 0;
    world.on("intent", 1, move |state| first(state).captured_minor = captured);
    assert_eq!(kinds(&world), BTreeSet::new());
    assert_eq!(world.calls("intent"), 1);
}

#[test]
fn an_order_that_moves_between_two_readings_is_not_judged() {
    let moves: [fn(&mut State); 2] = [
        // Somebody hinted: the reconciler is about to look what happened.
        |state| {
            let order = state.orders.values_mut().next().unwrap();
            *order = order.with_webhook("evt_1", now()).unwrap();
        },
        // It was looked after meanwhile, and settled again.
        |state| {
            let order = state.orders.values_mut().next().unwrap();
            *order = order.with_webhook("evt_1", now()).unwrap().finalized(&[], now());
        },
    ];
    for (nth, what_moves) in moves.into_iter().enumerate() {
        let world = World::of(vec![make(0, End::Cancelled)], 1);
        first(&mut world.state()).state = PaymentIntentState::RequiresCapture;
        // Asked for by id with two pages of intents, one of labels, and then again.
        world.on("orders", 4, what_moves);
        assert_eq!(kinds(&world), BTreeSet::new(), "move {nth}");
    }
}

#[test]
fn an_order_that_is_placed_while_the_books_are_read_is_no_unknown_one() {
    let world = World::of(vec![make(0, End::Fulfilled)], 1);
    // Listed with the first page, its order on record: it was written before.
    world.on("intents", 1, |state| {
        let made = make(1, End::Authorised);
        state.intents.splice(0..0, made.intents);
        state.orders.insert(made.order.order_id.clone(), made.order);
    });
    assert_eq!(kinds(&world), BTreeSet::new());
}

#[test]
fn of_a_provider_that_is_silent_nothing_is_thought_to_be_missing() {
    for (point, through) in [("intents", "gateway"), ("labels", "carrier")] {
        let world = World::of(vec![make(0, End::Fulfilled), make(1, End::Fulfilled)], 1);
        world.state().silent.insert(point);
        let report = world.compare();
        assert_eq!(found(&report), BTreeSet::new(), "{point}");
        assert!(!report.complete);
        let read = serde_json::json!(report.through);
        assert_eq!(read[through], false, "{read}");
        assert_eq!(read["orders"], true, "{read}");
        assert_eq!(world.calls("intent") + world.calls("label"), 0, "nor is it looked for");
    }
}

#[test]
fn a_doubt_that_nobody_can_look_into_is_not_reported_and_said_to_be_left() {
    let world = World::of(vec![make(0, End::Fulfilled)], 1);
    first(&mut world.state()).captured_minor = 0;
    world.state().silent.insert("intent");
    let report = world.compare();
    assert_eq!(found(&report), BTreeSet::new());
    assert!(!report.complete && !report.through.doubts && report.through.gateway);
}

#[test]
fn a_run_without_time_says_so_and_what_it_reports_is_true() {
    let made = (0..12).map(|number| make(number, End::Fulfilled)).collect();
    let world = World::of(made, 1);
    first(&mut world.state()).captured_minor = 0;
    for pages in 0..80 {
        let left = AtomicUsize::new(pages);
        let has_time = || {
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
        };
        let report = world.compare_with(Range { at: now(), days: None }, &has_time);
        let expected = BTreeSet::from([Kind::CapturedAmountDiffers]);
        let seen: BTreeSet<Kind> = report.differences.iter().map(|it| it.kind).collect();
        assert!(seen.is_subset(&expected), "{seen:?}");
        assert!(!report.complete || seen == expected, "{report:?}");
        // Raised once; undone, so that the next run is like the first.
        for order in world.state().orders.values_mut() {
            order.updated_at = samples::placed_at();
        }
        if pages == 79 {
            assert!(report.complete, "{report:?}");
        }
    }
}

#[test]
fn without_time_no_further_page_is_asked_for() {
    let made = (0..3).map(|number| make(number, End::Fulfilled)).collect();
    let world = World::of(made, 1);
    let report = world.compare_with(Range { at: now(), days: None }, &|| false);
    assert!(!report.complete && found(&report).is_empty());
    let through = report.through;
    assert!(!through.gateway && !through.carrier && !through.orders && !through.stock);
    let calls = ["intents", "labels", "scan", "shelves"].map(|point| world.calls(point));
    assert_eq!(calls, [1, 1, 1, 0]);
}

#[test]
fn stock_that_moves_while_it_is_counted_is_no_difference() {
    // A reservation, a release, or both, at each moment of the reading.
    let take: fn(&mut State) = |state| {
        let order = state.orders.values_mut().find(|order| order.reservation.is_none()).unwrap();
        *order = order.reserved(now()).unwrap();
        state.shelves[0].available -= 2;
        state.shelves[1].available -= 1;
    };
    let give_back: fn(&mut State) = |state| {
        let order =
            state.orders.values_mut().find(|order| order.open.is_some() && order.holds_stock());
        let order = order.unwrap();
        *order = order.released(now());
        state.shelves[0].available += 2;
        state.shelves[1].available += 1;
    };
    let restock: fn(&mut State) = |state| {
        state.shelves[0].available += 5;
        state.shelves[0].received += 5;
    };
    // Five orders, a page each: five pages of the first reading, five of the second.
    let points = [
        ("scan", 1),
        ("scan", 3),
        ("scan", 5),
        ("shelves", 1),
        ("shelves", 2),
        ("scan", 6),
        ("scan", 8),
        ("scan", 10),
    ];
    let ends = [End::Authorised, End::Reserved, End::Fulfilled, End::Authorised, End::Reserved];
    let moves = [take, give_back, restock];
    for (one, other) in moves.iter().flat_map(|one| moves.map(|other| (*one, other))) {
        for (first, second) in points.iter().flat_map(|one| points.map(|other| (*one, other))) {
            let made = ends.iter().enumerate().map(|(number, end)| make(number, *end)).collect();
            let world = World::of(made, 1);
            world.on(first.0, first.1, one);
            world.on(second.0, second.1, other);
            assert_eq!(kinds(&world), BTreeSet::new(), "{first:?} {second:?}");
        }
    }
}

#[test]
fn a_shelf_that_differs_by_more_than_moves_is_found_while_it_is_busy() {
    let world = World::of(vec![make(0, End::Authorised), make(1, End::Fulfilled)], 1);
    world.state().shelves[0].available += 10;
    world.on("shelves", 1, |state| {
        let order = state.orders.values_mut().find(|order| order.reservation.is_none()).unwrap();
        *order = order.reserved(now()).unwrap();
        state.shelves[0].available -= 2;
        state.shelves[1].available -= 1;
    });
    assert_eq!(world.found(), BTreeSet::from([(Kind::ShelfDiffers, "MUG".to_owned())]));
}

#[test]
fn with_a_spoilt_order_the_stock_is_not_judged() {
    let world = World::of(vec![make(0, End::Fulfilled), make(1, End::Fulfilled)], 1);
    let id = world.state().orders.keys().next().unwrap().clone();
    world.state().orders.remove(&id);
    world.state().spoilt.insert(id.to_string());
    let report = world.compare();
    assert_eq!(found(&report), BTreeSet::from([(Kind::OrderUnreadable, id.to_string())]));
    assert!(!report.complete && !report.through.stock);
}

#[test]
fn what_names_no_order_is_not_ours() {
    let world = World::of(vec![make(0, End::Fulfilled)], 1);
    let mut foreign = first(&mut world.state()).clone();
    foreign.id = PaymentIntentId::parse("pi_foreign").unwrap();
    let mut foreign_label = world.state().labels[0].clone();
    foreign_label.id = ShipmentId::parse("shp_foreign").unwrap();
    for name in [None, Some("invoice 7".to_owned())] {
        foreign.order.clone_from(&name);
        foreign_label.reference = name;
        world.state().intents.push(foreign.clone());
        world.state().labels.push(foreign_label.clone());
        let report = world.compare();
        assert_eq!((found(&report).len(), report.compared.foreign), (0, 2));
        world.state().intents.pop();
        world.state().labels.pop();
    }
}

#[test]
fn within_days_only_what_was_created_in_them_is_missed() {
    let world = World::of(vec![make(0, End::Fulfilled)], 1);
    world.state().intents.clear();
    let older = Range { at: now().plus_hours(48), days: Some(1) };
    assert!(world.compare_with(older, &|| true).differences.is_empty());
    let younger = Range { at: now(), days: Some(2) };
    let report = world.compare_with(younger, &|| true);
    assert_eq!(report.differences[0].kind, Kind::IntentMissing);
}

#[test]
fn a_label_whose_refund_the_carrier_refused_was_raised_and_is_no_difference() {
    let world = World::of(vec![make(0, End::LabelRefused)], 1);
    for refund in [LabelRefundState::NotRequested, LabelRefundState::Rejected] {
        world.state().label(&ShipmentId::parse("shp_0").unwrap()).refund = refund;
        assert_eq!(kinds(&world), BTreeSet::new());
    }
}

#[test]
fn a_stray_label_that_was_given_back_costs_nothing() {
    let world = World::of(vec![make(0, End::Fulfilled)], 1);
    let id = ShipmentId::parse("shp_spare0").unwrap();
    world.state().label(&id).tracking_code = Some("TRACK".to_owned());
    assert_eq!(kinds(&world), BTreeSet::from([Kind::StrayLabel]));
    for order in world.state().orders.values_mut() {
        order.updated_at = samples::placed_at();
    }
    for refund in [LabelRefundState::Submitted, LabelRefundState::Refunded] {
        world.state().label(&id).refund = refund;
        assert_eq!(kinds(&world), BTreeSet::new());
    }
}

#[test]
fn days_are_a_whole_number() {
    let days = |input| Range::of(&input, now()).map(|range| range.days);
    assert_eq!(days(serde_json::json!({})).unwrap(), None);
    assert_eq!(days(serde_json::json!({"days": 90})).unwrap(), Some(90));
    for bad in [serde_json::json!("90"), serde_json::json!(-1), serde_json::json!(1.5)] {
        assert!(days(serde_json::json!({ "days": bad })).is_err());
    }
}
