//! Every kind of difference, planted by hand among orders at all ends: it is found,
//! and nothing else.

use std::collections::BTreeSet;

use domain::ledger::{LabelEntry, PaymentIntentEntry};
use domain::payment::{PaymentIntentState, PaymentStatus};
use domain::shipment::LabelRefundState;
use domain::{Currency, Money, Order, OrderId, PaymentIntentId, ShipmentId, Sku, Status};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use reconcile_orders::compare::Kind;
use testing::samples;

use crate::ends::{End, Made, make};
use crate::world::{Found, State, World, found, now};

/// What a difference is about.
#[derive(Debug, Clone, Copy)]
enum About {
    TheOrder,
    Shelf(&'static str),
    UnknownOrder,
    Nobody,
}

use About::{Nobody, Shelf, TheOrder, UnknownOrder};

/// An edit by hand, and all that it must be found by.
struct Plant {
    /// Where the order was that it is done to.
    end: End,
    edit: fn(&mut State, &OrderId),
    expected: &'static [(Kind, About)],
}

const fn plant(
    end: End,
    expected: &'static [(Kind, About)],
    edit: fn(&mut State, &OrderId),
) -> Plant {
    Plant { end, edit, expected }
}

/// The number of the order that is edited; no other has it.
const EDITED: usize = 999;
const UNKNOWN: &str = "ord_00000000000000000000000000000000";

fn order<'a>(state: &'a mut State, id: &OrderId) -> &'a mut Order {
    state.orders.get_mut(id).unwrap()
}

fn intent(state: &mut State) -> &mut PaymentIntentEntry {
    state.intent(&PaymentIntentId::parse(format!("pi_{EDITED}")).unwrap())
}

fn spare_intent(state: &mut State) -> &mut PaymentIntentEntry {
    state.intent(&PaymentIntentId::parse(format!("pi_spare{EDITED}")).unwrap())
}

fn label(state: &mut State) -> &mut LabelEntry {
    state.label(&ShipmentId::parse(format!("shp_{EDITED}")).unwrap())
}

fn spare_label(state: &mut State) -> &mut LabelEntry {
    state.label(&ShipmentId::parse(format!("shp_spare{EDITED}")).unwrap())
}

fn at_the_gateway() -> Vec<Plant> {
    vec![
        plant(End::Fulfilled, &[(Kind::NotCaptured, TheOrder)], |state, _| {
            intent(state).state = PaymentIntentState::RequiresCapture;
            intent(state).captured_minor = 0;
        }),
        plant(End::Fulfilled, &[(Kind::NotCaptured, TheOrder)], |state, _| {
            intent(state).state = PaymentIntentState::Canceled;
            intent(state).captured_minor = 0;
        }),
        plant(End::Fulfilled, &[(Kind::CapturedAmountDiffers, TheOrder)], |state, _| {
            intent(state).captured_minor -= 1;
        }),
        plant(End::Fulfilled, &[(Kind::CapturedAmountDiffers, TheOrder)], |state, _| {
            intent(state).amount = Money::new(4499, Currency::Eur);
        }),
        plant(End::Fulfilled, &[(Kind::RefundedThoughFulfilled, TheOrder)], |state, _| {
            intent(state).refunded_minor = 1;
        }),
        plant(End::Refunded, &[(Kind::RefundedTooMuch, TheOrder)], |state, _| {
            intent(state).refunded_minor += 1;
        }),
        plant(End::Cancelled, &[(Kind::AuthorisationLive, TheOrder)], |state, _| {
            intent(state).state = PaymentIntentState::RequiresCapture;
        }),
        plant(End::Declined, &[(Kind::AuthorisationLive, TheOrder)], |state, _| {
            intent(state).state = PaymentIntentState::Processing;
        }),
        plant(End::Refunded, &[(Kind::MoneyKept, TheOrder)], |state, _| {
            intent(state).refunded_minor -= 1;
        }),
        plant(
            End::Cancelled,
            &[(Kind::MoneyKept, TheOrder), (Kind::PaymentRecordDiffers, TheOrder)],
            |state, _| {
                intent(state).state = PaymentIntentState::Succeeded;
                intent(state).captured_minor = 4499;
            },
        ),
        plant(End::Fulfilled, &[(Kind::StrayIntent, TheOrder)], |state, _| {
            spare_intent(state).state = PaymentIntentState::RequiresCapture;
            spare_intent(state).confirmed = true;
        }),
        plant(End::Rejected, &[(Kind::StrayIntent, TheOrder)], |state, _| {
            spare_intent(state).state = PaymentIntentState::Canceled;
            spare_intent(state).confirmed = true;
        }),
        plant(End::Fulfilled, &[(Kind::IntentOfUnknownOrder, UnknownOrder)], |state, _| {
            spare_intent(state).order = Some(UNKNOWN.to_owned());
            spare_intent(state).confirmed = true;
        }),
        plant(End::Fulfilled, &[(Kind::IntentMissing, TheOrder)], |state, _| {
            let id = intent(state).id.clone();
            state.intents.retain(|entry| entry.id != id);
        }),
        plant(End::Fulfilled, &[(Kind::IntentOfAnother, TheOrder)], |state, _| {
            intent(state).order = None;
        }),
    ]
}

fn at_the_carrier() -> Vec<Plant> {
    vec![
        plant(End::Fulfilled, &[(Kind::LabelMissing, TheOrder)], |state, _| {
            let id = label(state).id.clone();
            state.labels.retain(|entry| entry.id != id);
        }),
        plant(End::Fulfilled, &[(Kind::LabelMissing, TheOrder)], |state, _| {
            label(state).tracking_code = None;
        }),
        plant(End::Fulfilled, &[(Kind::LabelGivenBack, TheOrder)], |state, _| {
            label(state).refund = LabelRefundState::Submitted;
        }),
        plant(End::Fulfilled, &[(Kind::LabelGivenBack, TheOrder)], |state, _| {
            label(state).refund = LabelRefundState::Refunded;
        }),
        plant(End::LabelGivenBack, &[(Kind::LabelKept, TheOrder)], |state, _| {
            label(state).refund = LabelRefundState::NotRequested;
        }),
        plant(End::LabelGivenBack, &[(Kind::LabelKept, TheOrder)], |state, _| {
            label(state).refund = LabelRefundState::Rejected;
        }),
        plant(End::ShippingFailed, &[(Kind::LabelKept, TheOrder)], |state, _| {
            label(state).tracking_code = Some("TRACK".to_owned());
        }),
        plant(End::Fulfilled, &[(Kind::StrayLabel, TheOrder)], |state, _| {
            spare_label(state).tracking_code = Some("TRACK".to_owned());
        }),
        plant(End::Fulfilled, &[(Kind::LabelOfUnknownOrder, UnknownOrder)], |state, _| {
            spare_label(state).tracking_code = Some("TRACK".to_owned());
            spare_label(state).reference = Some(UNKNOWN.to_owned());
        }),
        plant(End::Fulfilled, &[(Kind::LabelOfAnother, TheOrder)], |state, _| {
            label(state).reference = None;
        }),
        plant(End::Fulfilled, &[(Kind::LabelRecordDiffers, TheOrder)], |state, _| {
            label(state).tracking_code = Some("ANOTHER".to_owned());
        }),
    ]
}

fn on_the_shelves() -> Vec<Plant> {
    vec![
        plant(End::Fulfilled, &[(Kind::ShelfDiffers, Shelf("MUG"))], |state, _| {
            state.shelves[0].available += 1;
        }),
        plant(End::Fulfilled, &[(Kind::ShelfDiffers, Shelf("CAP"))], |state, _| {
            state.shelves[2].received += 1;
        }),
        plant(End::Fulfilled, &[(Kind::ShelfNegative, Shelf("TEE"))], |state, _| {
            state.shelves[1].available = -1;
        }),
        plant(End::Fulfilled, &[(Kind::ShelfMissing, Shelf("MUG"))], |state, _| {
            state.shelves.remove(0);
        }),
        plant(End::Fulfilled, &[(Kind::ShelfUnreadable, Nobody)], |state, _| {
            state.shelves.remove(0);
            state.unread_shelves = 1;
        }),
    ]
}

fn on_record() -> Vec<Plant> {
    vec![
        plant(End::Refunded, &[(Kind::PaymentRecordDiffers, TheOrder)], |state, id| {
            order(state, id).payment.status = PaymentStatus::Voided;
        }),
        plant(End::Fulfilled, &[(Kind::PaymentRecordDiffers, TheOrder)], |state, id| {
            order(state, id).payment.status = PaymentStatus::Authorized;
        }),
        plant(End::Cancelled, &[(Kind::PaymentRecordDiffers, TheOrder)], |state, id| {
            order(state, id).payment.status = PaymentStatus::Captured;
        }),
        plant(
            End::Fulfilled,
            &[(Kind::NotCaptured, TheOrder), (Kind::StrayIntent, TheOrder)],
            |state, id| order(state, id).payment.intent_id = None,
        ),
        plant(End::Fulfilled, &[(Kind::LabelMissing, TheOrder)], |state, id| {
            order(state, id).shipment.as_mut().unwrap().label = None;
            label(state).tracking_code = None;
        }),
        plant(End::LabelGivenBack, &[(Kind::LabelRecordDiffers, TheOrder)], |state, id| {
            order(state, id).shipment.as_mut().unwrap().refund = None;
        }),
        plant(
            End::ShippingFailed,
            &[
                (Kind::StockHeld, TheOrder),
                (Kind::ShelfDiffers, Shelf("MUG")),
                (Kind::ShelfDiffers, Shelf("TEE")),
            ],
            |state, id| order(state, id).reservation.as_mut().unwrap().released_at = None,
        ),
        plant(
            End::Fulfilled,
            &[
                (Kind::StockNotHeld, TheOrder),
                (Kind::ShelfDiffers, Shelf("MUG")),
                (Kind::ShelfDiffers, Shelf("TEE")),
            ],
            |state, id| order(state, id).reservation = None,
        ),
        plant(
            End::Fulfilled,
            &[(Kind::ReservationDiffers, TheOrder), (Kind::ShelfDiffers, Shelf("MUG"))],
            |state, id| order(state, id).reservation.as_mut().unwrap().lines[0].quantity += 1,
        ),
        plant(End::Fulfilled, &[(Kind::TotalDiffers, TheOrder)], |state, id| {
            order(state, id).items[0].unit_price = Money::new(1, Currency::Usd);
        }),
        plant(
            End::Fulfilled,
            &[(Kind::TotalDiffers, TheOrder), (Kind::CapturedAmountDiffers, TheOrder)],
            |state, id| order(state, id).total = Money::new(4500, Currency::Usd),
        ),
        plant(End::Rejected, &[(Kind::OutcomeDiffers, TheOrder)], |state, id| {
            order(state, id).status = Status::OutOfStock;
        }),
        plant(End::Fulfilled, &[(Kind::OutcomeDiffers, TheOrder)], |state, id| {
            order(state, id).cancel_requested_at = Some(samples::placed_at());
        }),
        plant(End::FulfilledAfterReview, &[(Kind::NotApproved, TheOrder)], |state, id| {
            order(state, id).review.as_mut().unwrap().decision = None;
        }),
        plant(End::Received, &[(Kind::Unwatched, TheOrder)], |state, id| {
            order(state, id).open = None;
        }),
        plant(End::Cancelled, &[(Kind::WaitLeft, TheOrder)], |state, id| {
            order(state, id).task_token = Some(domain::TaskToken::parse("token").unwrap());
        }),
    ]
}

/// A fulfilled order by hand of one that was given up: everything about it is wrong.
fn turned_into_another() -> Plant {
    let expected = &[
        (Kind::NotCaptured, TheOrder),
        (Kind::PaymentRecordDiffers, TheOrder),
        (Kind::LabelMissing, TheOrder),
        (Kind::StockNotHeld, TheOrder),
        (Kind::OutcomeDiffers, TheOrder),
    ];
    plant(End::OutOfStock, expected, |state, id| order(state, id).status = Status::Fulfilled)
}

fn spoilt() -> Plant {
    plant(End::Fulfilled, &[(Kind::OrderUnreadable, TheOrder)], |state, id| {
        state.orders.remove(id);
        state.spoilt.insert(id.to_string());
    })
}

fn plants() -> Vec<Plant> {
    let mut plants = at_the_gateway();
    plants.extend(at_the_carrier());
    plants.extend(on_the_shelves());
    plants.extend(on_record());
    plants.extend([turned_into_another(), spoilt()]);
    plants
}

/// Plants it among these orders, and says what is found and what should be.
fn tried(plant: &Plant, others: Vec<Made>, page: usize) -> (Found, Found) {
    let edited = make(EDITED, plant.end);
    let id = edited.order.order_id.clone();
    let world = World::of(others.into_iter().chain([edited]).collect(), page);
    (plant.edit)(&mut world.state(), &id);
    let name = |about| match about {
        TheOrder => id.to_string(),
        Shelf(sku) => Sku::parse(sku).unwrap().to_string(),
        UnknownOrder => UNKNOWN.to_owned(),
        Nobody => String::new(),
    };
    let expected = plant.expected.iter().map(|(kind, about)| (*kind, name(*about))).collect();
    (world.found(), expected)
}

#[test]
fn every_kind_of_difference_is_found_alone_where_it_is_planted() {
    for (number, plant) in plants().iter().enumerate() {
        let (seen, expected) = tried(plant, Vec::new(), 1);
        assert_eq!(seen, expected, "plant {number}");
    }
}

#[test]
fn every_kind_of_difference_is_planted() {
    let planted: BTreeSet<Kind> =
        plants().iter().flat_map(|plant| plant.expected.iter().map(|(kind, _)| *kind)).collect();
    assert_eq!(planted, Kind::ALL.iter().copied().collect());
}

#[test]
fn orders_that_are_open_or_were_changed_lately_are_left_alone() {
    for plant in plants() {
        let about_the_order = plant.expected.iter().all(|(_, about)| matches!(about, TheOrder));
        let is_spoilt = plant.expected.iter().any(|(kind, _)| *kind == Kind::OrderUnreadable);
        if !about_the_order || is_spoilt {
            continue;
        }
        let edited = make(EDITED, plant.end);
        let id = edited.order.order_id.clone();
        let world = World::of(vec![edited], 1);
        (plant.edit)(&mut world.state(), &id);
        order(&mut world.state(), &id).updated_at = now().plus_minutes(-14);
        assert_eq!(world.found(), BTreeSet::new(), "changed 14 minutes ago");
        order(&mut world.state(), &id).updated_at = now().plus_minutes(-15);
        assert_ne!(world.found(), BTreeSet::new(), "changed 15 minutes ago");
        order(&mut world.state(), &id).open = Some("1".to_owned());
        order(&mut world.state(), &id).updated_at = samples::placed_at();
        assert_eq!(world.found(), BTreeSet::new(), "open");
    }
}

fn ends() -> impl Strategy<Value = Vec<End>> {
    let all: Vec<End> = End::SETTLED.into_iter().chain(End::OPEN).collect();
    proptest::collection::vec(select(all), 0..24)
}

fn made(ends: &[End]) -> Vec<Made> {
    ends.iter().enumerate().map(|(number, end)| make(number, *end)).collect()
}

proptest! {
    #[test]
    fn consistent_books_show_no_difference(ends in ends(), page in 1_usize..7) {
        let world = World::of(made(&ends), page);
        let report = world.compare();
        prop_assert!(report.differences.is_empty(), "{:?}", report.differences);
        prop_assert!(report.complete);
        prop_assert_eq!(report.compared.orders, ends.len());
        let settled = ends.iter().filter(|end| End::SETTLED.contains(end)).count();
        prop_assert_eq!(report.compared.settled, settled);
    }

    #[test]
    fn among_any_orders_what_is_planted_is_found_and_nothing_else(
        ends in ends(),
        page in 1_usize..7,
        which in any::<Index>(),
    ) {
        let plants = plants();
        let (seen, expected) = tried(which.get(&plants), made(&ends), page);
        prop_assert_eq!(seen, expected);
    }
}

#[test]
fn an_order_that_the_books_differ_about_calls_a_person_once() {
    let edited = make(EDITED, End::Cancelled);
    let id = edited.order.order_id.clone();
    let world = World::of(vec![edited], 1);
    intent(&mut world.state()).state = PaymentIntentState::RequiresCapture;
    let report = world.compare();
    assert_eq!((report.raised, found(&report).len()), (1, 1));
    let raised = world.state().orders[&id].clone();
    assert!(raised.has_timeline_code(domain::order::TimelineCode::LedgerMismatch));
    assert!(raised.attention.is_some());
    // A day later it still differs; the person has been called.
    let later = reconcile_orders::compare::Range { at: now().plus_hours(24), days: None };
    let report = world.compare_with(later, &|| true);
    assert_eq!((report.raised, found(&report).len()), (0, 1));
    assert_eq!(world.state().orders[&id], raised);
}
