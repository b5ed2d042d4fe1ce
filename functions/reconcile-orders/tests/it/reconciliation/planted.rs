//! Every kind of discrepancy, planted among orders in all situations, is found, and nothing
//! else.

use std::collections::BTreeSet;

use domain::ledger::{LabelEntry, PaymentIntentEntry};
use domain::order::TimelineCode;
use domain::payment::{PaymentIntentState, PaymentStatus};
use domain::shipment::LabelRefundState;
use domain::{Currency, Money, Order, OrderId, PaymentIntentId, ShipmentId, Sku, Status};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use reconcile_orders::reconciliation::DiscrepancyKind as Kind;
use testing::samples;

use super::histories::{History, Situation, make};
use super::test_bed::{Found, State, TestBed, found, now};

/// What a discrepancy is about.
#[derive(Debug, Clone, Copy)]
enum About {
    TheOrder,
    StockLevel(&'static str),
    UnknownOrder,
    Unnamed,
}

use About::{StockLevel, TheOrder, UnknownOrder, Unnamed};

/// An edit, and the discrepancies that it must cause.
struct Plant {
    /// The situation of the edited order.
    situation: Situation,
    edit: fn(&mut State, &OrderId),
    expected: &'static [(Kind, About)],
}

const fn plant(
    situation: Situation,
    expected: &'static [(Kind, About)],
    edit: fn(&mut State, &OrderId),
) -> Plant {
    Plant { situation, edit, expected }
}

/// The number of the edited order. No other order has it.
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

fn at_the_payment_provider() -> Vec<Plant> {
    vec![
        plant(Situation::Fulfilled, &[(Kind::NotCaptured, TheOrder)], |state, _| {
            intent(state).state = PaymentIntentState::RequiresCapture;
            intent(state).captured_minor = 0;
        }),
        plant(Situation::Fulfilled, &[(Kind::NotCaptured, TheOrder)], |state, _| {
            intent(state).state = PaymentIntentState::Canceled;
            intent(state).captured_minor = 0;
        }),
        plant(Situation::Fulfilled, &[(Kind::CapturedAmountMismatch, TheOrder)], |state, _| {
            intent(state).captured_minor -= 1;
        }),
        plant(Situation::Fulfilled, &[(Kind::CapturedAmountMismatch, TheOrder)], |state, _| {
            intent(state).amount = Money::new(4499, Currency::Eur);
        }),
        plant(Situation::Fulfilled, &[(Kind::RefundedThoughFulfilled, TheOrder)], |state, _| {
            intent(state).refunded_minor = 1;
        }),
        plant(Situation::Refunded, &[(Kind::RefundedTooMuch, TheOrder)], |state, _| {
            intent(state).refunded_minor += 1;
        }),
        plant(Situation::Canceled, &[(Kind::AuthorizationLive, TheOrder)], |state, _| {
            intent(state).state = PaymentIntentState::RequiresCapture;
        }),
        plant(Situation::Declined, &[(Kind::AuthorizationLive, TheOrder)], |state, _| {
            intent(state).state = PaymentIntentState::Processing;
        }),
        plant(Situation::Refunded, &[(Kind::MoneyKept, TheOrder)], |state, _| {
            intent(state).refunded_minor -= 1;
        }),
        plant(
            Situation::Canceled,
            &[(Kind::MoneyKept, TheOrder), (Kind::PaymentRecordMismatch, TheOrder)],
            |state, _| {
                intent(state).state = PaymentIntentState::Succeeded;
                intent(state).captured_minor = 4499;
            },
        ),
        plant(Situation::Fulfilled, &[(Kind::StrayIntent, TheOrder)], |state, _| {
            spare_intent(state).state = PaymentIntentState::RequiresCapture;
            spare_intent(state).confirmed = true;
        }),
        plant(Situation::Rejected, &[(Kind::StrayIntent, TheOrder)], |state, _| {
            spare_intent(state).state = PaymentIntentState::Canceled;
            spare_intent(state).confirmed = true;
        }),
        plant(Situation::Fulfilled, &[(Kind::IntentOfUnknownOrder, UnknownOrder)], |state, _| {
            spare_intent(state).order = Some(UNKNOWN.to_owned());
            spare_intent(state).confirmed = true;
        }),
        plant(Situation::Fulfilled, &[(Kind::IntentMissing, TheOrder)], |state, _| {
            let id = intent(state).id.clone();
            state.intents.retain(|entry| entry.id != id);
        }),
        plant(Situation::Fulfilled, &[(Kind::IntentOfAnotherOrder, TheOrder)], |state, _| {
            intent(state).order = None;
        }),
    ]
}

fn at_the_shipping_provider() -> Vec<Plant> {
    vec![
        plant(Situation::Fulfilled, &[(Kind::LabelMissing, TheOrder)], |state, _| {
            let id = label(state).id.clone();
            state.labels.retain(|entry| entry.id != id);
        }),
        plant(Situation::Fulfilled, &[(Kind::LabelMissing, TheOrder)], |state, _| {
            label(state).is_bought = false;
        }),
        plant(Situation::Fulfilled, &[(Kind::LabelRefunded, TheOrder)], |state, _| {
            label(state).refund = LabelRefundState::Submitted;
        }),
        plant(Situation::Fulfilled, &[(Kind::LabelRefunded, TheOrder)], |state, _| {
            label(state).refund = LabelRefundState::Refunded;
        }),
        plant(Situation::LabelRefunded, &[(Kind::LabelKept, TheOrder)], |state, _| {
            label(state).refund = LabelRefundState::NotRequested;
        }),
        plant(Situation::LabelRefunded, &[(Kind::LabelKept, TheOrder)], |state, _| {
            label(state).refund = LabelRefundState::Rejected;
        }),
        plant(Situation::ShippingFailed, &[(Kind::LabelKept, TheOrder)], |state, _| {
            label(state).is_bought = true;
        }),
        plant(Situation::Fulfilled, &[(Kind::StrayLabel, TheOrder)], |state, _| {
            spare_label(state).is_bought = true;
        }),
        plant(Situation::Fulfilled, &[(Kind::LabelOfUnknownOrder, UnknownOrder)], |state, _| {
            spare_label(state).is_bought = true;
            spare_label(state).reference = Some(UNKNOWN.to_owned());
        }),
        plant(Situation::Fulfilled, &[(Kind::LabelOfAnotherOrder, TheOrder)], |state, _| {
            label(state).reference = None;
        }),
        plant(Situation::Fulfilled, &[(Kind::LabelRecordMismatch, TheOrder)], |state, _| {
            label(state).tracking_code = Some("ANOTHER".to_owned());
        }),
    ]
}

fn in_the_stock_levels() -> Vec<Plant> {
    vec![
        plant(
            Situation::Fulfilled,
            &[(Kind::StockLevelMismatch, StockLevel("MUG"))],
            |state, _| {
                state.stock_levels[0].available += 1;
            },
        ),
        plant(
            Situation::Fulfilled,
            &[(Kind::StockLevelMismatch, StockLevel("CAP"))],
            |state, _| {
                state.stock_levels[2].received += 1;
            },
        ),
        plant(
            Situation::Fulfilled,
            &[(Kind::StockLevelNegative, StockLevel("TEE"))],
            |state, _| {
                state.stock_levels[1].available = -1;
            },
        ),
        plant(Situation::Fulfilled, &[(Kind::StockLevelMissing, StockLevel("MUG"))], |state, _| {
            state.stock_levels.remove(0);
        }),
        plant(Situation::Fulfilled, &[(Kind::StockLevelUnreadable, Unnamed)], |state, _| {
            state.stock_levels.remove(0);
            state.unreadable_stock_levels = 1;
        }),
    ]
}

fn in_payments_and_shipments_of_orders() -> Vec<Plant> {
    vec![
        // A part of it is on the record.
        plant(Situation::Fulfilled, &[(Kind::RefundedThoughFulfilled, TheOrder)], |state, id| {
            intent(state).refunded_minor = 4499;
            order(state, id).payment.refunded = 1000;
        }),
        plant(Situation::Refunded, &[(Kind::PaymentRecordMismatch, TheOrder)], |state, id| {
            order(state, id).payment.status = PaymentStatus::Voided;
        }),
        plant(Situation::Fulfilled, &[(Kind::PaymentRecordMismatch, TheOrder)], |state, id| {
            order(state, id).payment.status = PaymentStatus::Authorized;
        }),
        plant(Situation::Canceled, &[(Kind::PaymentRecordMismatch, TheOrder)], |state, id| {
            order(state, id).payment.status = PaymentStatus::Captured;
        }),
        plant(
            Situation::Fulfilled,
            &[(Kind::NotCaptured, TheOrder), (Kind::StrayIntent, TheOrder)],
            |state, id| order(state, id).payment.intent_id = None,
        ),
        plant(Situation::Fulfilled, &[(Kind::LabelMissing, TheOrder)], |state, id| {
            order(state, id).shipment.as_mut().unwrap().label = None;
            label(state).is_bought = false;
        }),
        plant(Situation::LabelRefunded, &[(Kind::LabelRecordMismatch, TheOrder)], |state, id| {
            order(state, id).shipment.as_mut().unwrap().refund = None;
        }),
    ]
}

fn in_other_fields_of_orders() -> Vec<Plant> {
    vec![
        plant(
            Situation::ShippingFailed,
            &[
                (Kind::StockHeld, TheOrder),
                (Kind::StockLevelMismatch, StockLevel("MUG")),
                (Kind::StockLevelMismatch, StockLevel("TEE")),
            ],
            |state, id| order(state, id).reservation.as_mut().unwrap().released_at = None,
        ),
        plant(
            Situation::Fulfilled,
            &[
                (Kind::StockNotHeld, TheOrder),
                (Kind::StockLevelMismatch, StockLevel("MUG")),
                (Kind::StockLevelMismatch, StockLevel("TEE")),
            ],
            |state, id| order(state, id).reservation = None,
        ),
        plant(
            Situation::Fulfilled,
            &[(Kind::ReservationMismatch, TheOrder), (Kind::StockLevelMismatch, StockLevel("MUG"))],
            |state, id| order(state, id).reservation.as_mut().unwrap().lines[0].quantity += 1,
        ),
        plant(Situation::Fulfilled, &[(Kind::TotalMismatch, TheOrder)], |state, id| {
            order(state, id).items[0].unit_price = Money::new(1, Currency::Usd);
        }),
        plant(
            Situation::Fulfilled,
            &[(Kind::TotalMismatch, TheOrder), (Kind::CapturedAmountMismatch, TheOrder)],
            |state, id| order(state, id).total = Money::new(4500, Currency::Usd),
        ),
        plant(Situation::Rejected, &[(Kind::OutcomeMismatch, TheOrder)], |state, id| {
            order(state, id).status = Status::OutOfStock;
        }),
        plant(Situation::Fulfilled, &[(Kind::OutcomeMismatch, TheOrder)], |state, id| {
            order(state, id).cancel_requested_at = Some(samples::placed_at());
        }),
        plant(Situation::FulfilledAfterReview, &[(Kind::NotApproved, TheOrder)], |state, id| {
            order(state, id).review.as_mut().unwrap().decision = None;
        }),
        plant(Situation::Received, &[(Kind::Unwatched, TheOrder)], |state, id| {
            order(state, id).open = None;
        }),
        plant(Situation::Canceled, &[(Kind::TaskTokenLeft, TheOrder)], |state, id| {
            order(state, id).task_token = Some(domain::TaskToken::parse("token").unwrap());
        }),
    ]
}

/// An unfulfilled order edited to be fulfilled: everything about it is wrong.
fn edited_to_fulfilled() -> Plant {
    let expected = &[
        (Kind::NotCaptured, TheOrder),
        (Kind::PaymentRecordMismatch, TheOrder),
        (Kind::LabelMissing, TheOrder),
        (Kind::StockNotHeld, TheOrder),
        (Kind::OutcomeMismatch, TheOrder),
    ];
    plant(Situation::OutOfStock, expected, |state, id| order(state, id).status = Status::Fulfilled)
}

fn malformed() -> Plant {
    plant(Situation::Fulfilled, &[(Kind::OrderUnreadable, TheOrder)], |state, id| {
        state.orders.remove(id);
        state.malformed.insert(id.to_string());
    })
}

fn plants() -> Vec<Plant> {
    let mut plants = at_the_payment_provider();
    plants.extend(at_the_shipping_provider());
    plants.extend(in_the_stock_levels());
    plants.extend(in_payments_and_shipments_of_orders());
    plants.extend(in_other_fields_of_orders());
    plants.extend([edited_to_fulfilled(), malformed()]);
    plants
}

/// Plants the edit among these orders. Returns what is found and what is expected.
fn found_and_expected(plant: &Plant, others: Vec<History>, page: usize) -> (Found, Found) {
    let edited = make(EDITED, plant.situation);
    let id = edited.order.order_id.clone();
    let test_bed = TestBed::of(others.into_iter().chain([edited]).collect(), page);
    (plant.edit)(&mut test_bed.state(), &id);
    let name = |about| match about {
        TheOrder => id.to_string(),
        StockLevel(sku) => Sku::parse(sku).unwrap().to_string(),
        UnknownOrder => UNKNOWN.to_owned(),
        Unnamed => String::new(),
    };
    let expected = plant.expected.iter().map(|(kind, about)| (*kind, name(*about))).collect();
    (test_bed.found(), expected)
}

#[test]
fn every_planted_discrepancy_is_found_alone() {
    for (number, plant) in plants().iter().enumerate() {
        let (seen, expected) = found_and_expected(plant, Vec::new(), 1);
        assert_eq!(seen, expected, "plant {number}");
    }
}

#[test]
fn every_kind_of_discrepancy_is_planted() {
    let planted: BTreeSet<Kind> =
        plants().iter().flat_map(|plant| plant.expected.iter().map(|(kind, _)| *kind)).collect();
    assert_eq!(planted, Kind::ALL.iter().copied().collect());
}

#[test]
fn open_and_recently_changed_orders_are_not_compared() {
    for plant in plants() {
        let about_the_order = plant.expected.iter().all(|(_, about)| matches!(about, TheOrder));
        let is_malformed = plant.expected.iter().any(|(kind, _)| *kind == Kind::OrderUnreadable);
        if !about_the_order || is_malformed {
            continue;
        }
        let edited = make(EDITED, plant.situation);
        let id = edited.order.order_id.clone();
        let test_bed = TestBed::of(vec![edited], 1);
        (plant.edit)(&mut test_bed.state(), &id);
        order(&mut test_bed.state(), &id).updated_at = now().plus_minutes(-14);
        assert_eq!(test_bed.found(), BTreeSet::new(), "changed 14 minutes ago");
        order(&mut test_bed.state(), &id).updated_at = now().plus_minutes(-15);
        assert_ne!(test_bed.found(), BTreeSet::new(), "changed 15 minutes ago");
        order(&mut test_bed.state(), &id).open = Some("1".to_owned());
        order(&mut test_bed.state(), &id).updated_at = samples::placed_at();
        assert_eq!(test_bed.found(), BTreeSet::new(), "open");
    }
}

fn situations() -> impl Strategy<Value = Vec<Situation>> {
    let all: Vec<Situation> = Situation::AT_REST.into_iter().chain(Situation::OPEN).collect();
    proptest::collection::vec(select(all), 0..24)
}

fn histories(situations: &[Situation]) -> Vec<History> {
    situations.iter().enumerate().map(|(number, situation)| make(number, *situation)).collect()
}

proptest! {
    #[test]
    fn consistent_ledgers_have_no_discrepancy(situations in situations(), page in 1_usize..7) {
        let test_bed = TestBed::of(histories(&situations), page);
        let report = test_bed.reconcile();
        prop_assert!(report.discrepancies.is_empty(), "{:?}", report.discrepancies);
        prop_assert!(report.complete);
        prop_assert_eq!(report.counts.orders, situations.len());
        let at_rest = situations.iter().filter(|it| Situation::AT_REST.contains(it)).count();
        prop_assert_eq!(report.counts.at_rest, at_rest);
    }

    #[test]
    fn among_any_orders_the_planted_discrepancies_are_found_and_nothing_else(
        situations in situations(),
        page in 1_usize..7,
        which in any::<Index>(),
    ) {
        let plants = plants();
        let (seen, expected) = found_and_expected(which.get(&plants), histories(&situations), page);
        prop_assert_eq!(seen, expected);
    }
}

#[test]
fn an_order_with_a_discrepancy_raises_attention_once() {
    let edited = make(EDITED, Situation::Canceled);
    let id = edited.order.order_id.clone();
    let test_bed = TestBed::of(vec![edited], 1);
    intent(&mut test_bed.state()).state = PaymentIntentState::RequiresCapture;
    let report = test_bed.reconcile();
    assert_eq!((report.raised, found(&report).len()), (1, 1));
    let raised = test_bed.state().orders[&id].clone();
    assert!(raised.has_timeline_code(TimelineCode::LedgerMismatch));
    assert!(raised.attention.is_some());
    // A day later the discrepancy is still there, and attention is not raised again.
    let later = reconcile_orders::reconciliation::Range { at: now().plus_hours(24), days: None };
    let report = test_bed.reconcile_with(later, &|| true);
    assert_eq!((report.raised, found(&report).len()), (0, 1));
    assert_eq!(test_bed.state().orders[&id], raised);
}

#[test]
fn the_kinds_keep_their_names_in_the_report() {
    let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    let expected = [
        "NOT_CAPTURED",
        "CAPTURED_AMOUNT_DIFFERS",
        "REFUNDED_THOUGH_FULFILLED",
        "REFUNDED_TOO_MUCH",
        "AUTHORIZATION_LIVE",
        "MONEY_KEPT",
        "STRAY_INTENT",
        "INTENT_OF_UNKNOWN_ORDER",
        "INTENT_MISSING",
        "INTENT_OF_ANOTHER",
        "PAYMENT_RECORD_DIFFERS",
        "LABEL_MISSING",
        "LABEL_GIVEN_BACK",
        "LABEL_KEPT",
        "STRAY_LABEL",
        "LABEL_OF_UNKNOWN_ORDER",
        "LABEL_OF_ANOTHER",
        "LABEL_RECORD_DIFFERS",
        "SHELF_DIFFERS",
        "SHELF_NEGATIVE",
        "SHELF_MISSING",
        "SHELF_UNREADABLE",
        "STOCK_HELD",
        "STOCK_NOT_HELD",
        "RESERVATION_DIFFERS",
        "TOTAL_DIFFERS",
        "OUTCOME_DIFFERS",
        "NOT_APPROVED",
        "UNWATCHED",
        "WAIT_LEFT",
        "ORDER_UNREADABLE",
    ];
    assert_eq!(names, expected);
    assert_eq!(serde_json::json!(Kind::ALL), serde_json::json!(expected));
}
