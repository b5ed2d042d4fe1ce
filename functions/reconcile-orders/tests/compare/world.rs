//! The four books in memory, handed out in small pages, and what happens to them
//! while they are read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use domain::ledger::{
    LabelEntry, LedgerPage, ListLabels, ListPaymentIntents, OrderEntry, PaymentIntentEntry,
    ReadStockLevels, ScanOrders, StockLevel,
};
use domain::ports::{
    CallOutcome, LoadOrder, PaymentRejection, SaveOrder, SaveResult, ShippingRejection,
    StoreUnavailable,
};
use domain::{Order, OrderId, PaymentIntentId, ShipmentId, Sku, Timestamp};
use reconcile_orders::compare::{Compare, Kind, Range, Report};
use testing::fakes;
use testing::samples;

use crate::ends::Made;

/// When the books are compared: long after the sample orders were placed.
pub(crate) fn now() -> Timestamp {
    samples::placed_at().plus_hours(24)
}

/// Something that happens just before the nth call at a point.
type Event = (&'static str, usize, Box<dyn FnOnce(&mut State) + Send>);

/// All that there is.
pub(crate) struct State {
    pub(crate) orders: BTreeMap<OrderId, Order>,
    /// Keys of the orders' table under which there is something else.
    pub(crate) spoilt: BTreeSet<String>,
    /// As they are listed; they may be changed while they are read.
    pub(crate) intents: Vec<PaymentIntentEntry>,
    pub(crate) labels: Vec<LabelEntry>,
    pub(crate) shelves: Vec<StockLevel>,
    pub(crate) unread_shelves: usize,
    /// Points that never answer.
    pub(crate) silent: BTreeSet<&'static str>,
    page: usize,
    calls: Vec<&'static str>,
    events: Vec<Event>,
}

/// The four books.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<State>>);

impl World {
    /// These orders with what the providers know of them, and shelves that agree,
    /// in pages of so many.
    pub(crate) fn of(made: Vec<Made>, page: usize) -> Self {
        let mut state = State {
            orders: BTreeMap::new(),
            spoilt: BTreeSet::new(),
            intents: Vec::new(),
            labels: Vec::new(),
            shelves: Vec::new(),
            unread_shelves: 0,
            silent: BTreeSet::new(),
            page,
            calls: Vec::new(),
            events: Vec::new(),
        };
        for made in made {
            state.intents.extend(made.intents);
            state.labels.extend(made.labels);
            state.orders.insert(made.order.order_id.clone(), made.order);
        }
        state.shelves = ["MUG", "TEE", "CAP"].map(|sku| state.shelf(sku)).to_vec();
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Just before the nth call at this point, this happens.
    pub(crate) fn on(
        &self,
        point: &'static str,
        nth: usize,
        event: impl FnOnce(&mut State) + Send + 'static,
    ) {
        self.state().events.push((point, nth, Box::new(event)));
    }

    pub(crate) fn compare(&self) -> Report {
        self.compare_with(Range { at: now(), days: None }, &|| true)
    }

    pub(crate) fn compare_with(
        &self,
        range: Range,
        has_time: &(dyn Fn() -> bool + Sync),
    ) -> Report {
        let compare = Compare { orders: self, stock: self, gateway: self, carrier: self };
        fakes::run(compare.run(range, has_time)).unwrap()
    }

    /// What a comparison finds.
    pub(crate) fn found(&self) -> Found {
        found(&self.compare())
    }

    fn call<T>(&self, point: &'static str, read: impl FnOnce(&State) -> T) -> Option<T> {
        let mut state = self.state();
        state.calls.push(point);
        let nth = state.calls.iter().filter(|call| **call == point).count();
        let due = |event: &Event| event.0 == point && event.1 == nth;
        while let Some(place) = state.events.iter().position(due) {
            let (.., event) = state.events.remove(place);
            event(&mut state);
        }
        (!state.silent.contains(point)).then(|| read(&state))
    }

    pub(crate) fn calls(&self, point: &str) -> usize {
        self.state().calls.iter().filter(|call| **call == point).count()
    }
}

/// Kinds of difference, with the order or the shelf.
pub(crate) type Found = BTreeSet<(Kind, String)>;

/// What a report says.
pub(crate) fn found(report: &Report) -> Found {
    let names = |it: &reconcile_orders::compare::Difference| {
        let order = it.order_id.as_ref().map(ToString::to_string);
        (it.kind, order.or(it.sku.as_ref().map(ToString::to_string)).unwrap_or_default())
    };
    report.differences.iter().map(names).collect()
}

impl State {
    /// A shelf that agrees with what orders hold, with seven to spare.
    fn shelf(&self, sku: &str) -> StockLevel {
        let orders = self.orders.values().filter(|order| order.holds_stock());
        let lines = orders.flat_map(domain::Order::required_stock);
        let held =
            lines.filter(|line| line.sku.as_str() == sku).map(|line| i64::from(line.quantity));
        StockLevel { sku: Sku::parse(sku).unwrap(), available: 7, received: 7 + held.sum::<i64>() }
    }

    pub(crate) fn intent(&mut self, id: &PaymentIntentId) -> &mut PaymentIntentEntry {
        self.intents.iter_mut().find(|entry| entry.id == *id).unwrap()
    }

    pub(crate) fn label(&mut self, id: &ShipmentId) -> &mut LabelEntry {
        self.labels.iter_mut().find(|entry| entry.id == *id).unwrap()
    }

    fn page<T: Clone>(
        &self,
        all: &[T],
        after: Option<&str>,
        id: impl Fn(&T) -> &str,
    ) -> LedgerPage<T> {
        let begin = after.map_or(0, |after| all.iter().position(|it| id(it) == after).unwrap() + 1);
        let end = all.len().min(begin + self.page);
        let next = (end < all.len()).then(|| id(&all[end - 1]).to_owned());
        LedgerPage { entries: all[begin..end].to_vec(), unreadable: 0, next }
    }
}

fn answered<T, R>(answer: Option<Result<T, R>>) -> CallOutcome<T, R> {
    match answer {
        None => CallOutcome::Unknown("no answer".to_owned()),
        Some(Err(refusal)) => CallOutcome::Rejected(refusal),
        Some(Ok(found)) => CallOutcome::Succeeded(found),
    }
}

impl ListPaymentIntents for World {
    async fn list_payment_intents(
        &self,
        _since: Option<Timestamp>,
        after: Option<&str>,
    ) -> CallOutcome<LedgerPage<PaymentIntentEntry>, PaymentRejection> {
        let list = |state: &State| Ok(state.page(&state.intents, after, |it| it.id.as_str()));
        answered(self.call("intents", list))
    }

    async fn entry(
        &self,
        id: &PaymentIntentId,
    ) -> CallOutcome<PaymentIntentEntry, PaymentRejection> {
        let get = |state: &State| state.intents.iter().find(|it| it.id == *id).cloned();
        let found = |state: &State| get(state).ok_or(PaymentRejection::NotFound);
        answered(self.call("intent", found))
    }
}

impl ListLabels for World {
    async fn list_labels(
        &self,
        _since: Option<Timestamp>,
        _until: Timestamp,
        after: Option<&str>,
    ) -> CallOutcome<LedgerPage<LabelEntry>, ShippingRejection> {
        let list = |state: &State| {
            let bought = state.labels.iter().filter(|it| it.tracking_code.is_some());
            let bought: Vec<_> = bought.cloned().collect();
            Ok(state.page(&bought, after, |it| it.id.as_str()))
        };
        answered(self.call("labels", list))
    }

    async fn entry(&self, id: &ShipmentId) -> CallOutcome<LabelEntry, ShippingRejection> {
        let get = |state: &State| state.labels.iter().find(|it| it.id == *id).cloned();
        let found = |state: &State| get(state).ok_or(ShippingRejection::NotFound);
        answered(self.call("label", found))
    }
}

fn silent() -> StoreUnavailable {
    StoreUnavailable("no answer".to_owned())
}

impl State {
    fn under(&self, key: &str) -> Option<OrderEntry> {
        if self.spoilt.contains(key) {
            return Some(OrderEntry::Malformed(key.to_owned()));
        }
        let order = self.orders.values().find(|order| order.order_id.as_str() == key)?;
        Some(OrderEntry::Order(Box::new(order.clone())))
    }
}

impl ScanOrders for World {
    async fn scan(&self, after: Option<&str>) -> Result<LedgerPage<OrderEntry>, StoreUnavailable> {
        let scan = |state: &State| {
            let keys: BTreeSet<String> =
                state.orders.keys().map(ToString::to_string).chain(state.spoilt.clone()).collect();
            let keys: Vec<String> = keys.into_iter().collect();
            let part = state.page(&keys, after, |key| key);
            let entries = part.entries.iter().filter_map(|key| state.under(key)).collect();
            LedgerPage { entries, unreadable: 0, next: part.next }
        };
        self.call("scan", scan).ok_or_else(silent)
    }

    async fn load_all(&self, ids: &[OrderId]) -> Result<Vec<OrderEntry>, StoreUnavailable> {
        let load = |state: &State| ids.iter().filter_map(|id| state.under(id.as_str())).collect();
        self.call("orders", load).ok_or_else(silent)
    }
}

impl ReadStockLevels for World {
    async fn stock_levels(&self) -> Result<LedgerPage<StockLevel>, StoreUnavailable> {
        let read = |state: &State| LedgerPage {
            entries: state.shelves.clone(),
            unreadable: state.unread_shelves,
            next: None,
        };
        self.call("shelves", read).ok_or_else(silent)
    }
}

impl LoadOrder for World {
    async fn load(&self, id: &OrderId) -> Result<Option<Order>, StoreUnavailable> {
        self.call("load", |state| state.orders.get(id).cloned()).ok_or_else(silent)
    }
}

impl SaveOrder for World {
    async fn save(&self, before: &Order, after: &Order) -> Result<SaveResult, StoreUnavailable> {
        let unchanged = |state: &State| state.orders[&before.order_id].version == before.version;
        if !self.call("save", unchanged).ok_or_else(silent)? {
            return Ok(SaveResult::Conflict);
        }
        self.state().orders.insert(after.order_id.clone(), after.clone());
        Ok(SaveResult::Saved)
    }
}
