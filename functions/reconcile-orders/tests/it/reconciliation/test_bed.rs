//! The four ledgers in memory, served in small pages, and events that change them during a
//! reconciliation.

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
use reconcile_orders::reconciliation::{
    Discrepancy, DiscrepancyKind, Ledgers, Range, Reconciliation, Report,
};
use testing::fakes;
use testing::samples;

use super::histories::History;

/// When the reconciliation runs: long after the sample orders were placed.
pub(crate) fn now() -> Timestamp {
    samples::placed_at().plus_hours(24)
}

/// A change just before the nth call of a point.
type Event = (&'static str, usize, Box<dyn FnOnce(&mut State) + Send>);

pub(crate) struct State {
    pub(crate) orders: BTreeMap<OrderId, Order>,
    /// Keys of the Orders table with a record that is not an order.
    pub(crate) malformed: BTreeSet<String>,
    /// As the payment provider lists them.
    pub(crate) intents: Vec<PaymentIntentEntry>,
    pub(crate) labels: Vec<LabelEntry>,
    pub(crate) stock_levels: Vec<StockLevel>,
    pub(crate) unreadable_stock_levels: usize,
    /// Points that never answer.
    pub(crate) unreachable: BTreeSet<&'static str>,
    page_size: usize,
    calls: Vec<&'static str>,
    events: Vec<Event>,
}

/// The four ledgers, behind their ports.
#[derive(Clone)]
pub(crate) struct TestBed(Arc<Mutex<State>>);

impl TestBed {
    /// These orders with what the providers know of them and stock levels that agree, in
    /// pages of this size.
    pub(crate) fn of(histories: Vec<History>, page: usize) -> Self {
        let mut state = State {
            orders: BTreeMap::new(),
            malformed: BTreeSet::new(),
            intents: Vec::new(),
            labels: Vec::new(),
            stock_levels: Vec::new(),
            unreadable_stock_levels: 0,
            unreachable: BTreeSet::new(),
            page_size: page,
            calls: Vec::new(),
            events: Vec::new(),
        };
        for history in histories {
            state.intents.extend(history.intents);
            state.labels.extend(history.labels);
            state.orders.insert(history.order.order_id.clone(), history.order);
        }
        state.stock_levels =
            ["MUG", "TEE", "CAP"].map(|sku| state.consistent_stock_level(sku)).to_vec();
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Runs `event` just before the nth call of this point.
    pub(crate) fn on(
        &self,
        point: &'static str,
        nth: usize,
        event: impl FnOnce(&mut State) + Send + 'static,
    ) {
        self.state().events.push((point, nth, Box::new(event)));
    }

    pub(crate) fn reconcile(&self) -> Report {
        self.reconcile_with(Range { at: now(), days: None }, &|| true)
    }

    pub(crate) fn reconcile_with(
        &self,
        range: Range,
        has_time: &(dyn Fn() -> bool + Sync),
    ) -> Report {
        let ledgers =
            Ledgers { orders: self, stock: self, payment_provider: self, shipping_provider: self };
        fakes::run(Reconciliation { ledgers, range, has_time }.run()).unwrap()
    }

    /// What a reconciliation finds.
    pub(crate) fn found(&self) -> Found {
        found(&self.reconcile())
    }

    fn call<T>(&self, point: &'static str, read: impl FnOnce(&State) -> T) -> Option<T> {
        let mut state = self.state();
        state.calls.push(point);
        let nth = state.calls.iter().filter(|call| **call == point).count();
        let is_due = |event: &Event| event.0 == point && event.1 == nth;
        while let Some(place) = state.events.iter().position(is_due) {
            let (.., event) = state.events.remove(place);
            event(&mut state);
        }
        (!state.unreachable.contains(point)).then(|| read(&state))
    }

    pub(crate) fn calls(&self, point: &str) -> usize {
        self.state().calls.iter().filter(|call| **call == point).count()
    }
}

/// The kinds of discrepancy found, each with its order or SKU.
pub(crate) type Found = BTreeSet<(DiscrepancyKind, String)>;

/// What a report contains.
pub(crate) fn found(report: &Report) -> Found {
    let names = |it: &Discrepancy| {
        let order = it.order_id.as_ref().map(ToString::to_string);
        (it.kind, order.or(it.sku.as_ref().map(ToString::to_string)).unwrap_or_default())
    };
    report.discrepancies.iter().map(names).collect()
}

impl State {
    /// A stock level that agrees with what orders hold, with seven available.
    fn consistent_stock_level(&self, sku: &str) -> StockLevel {
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
        let end = all.len().min(begin + self.page_size);
        let next = (end < all.len()).then(|| id(&all[end - 1]).to_owned());
        LedgerPage { entries: all[begin..end].to_vec(), unreadable: 0, next }
    }
}

fn outcome<T, R>(answer: Option<Result<T, R>>) -> CallOutcome<T, R> {
    match answer {
        None => CallOutcome::Unknown("no answer".to_owned()),
        Some(Err(refusal)) => CallOutcome::Rejected(refusal),
        Some(Ok(found)) => CallOutcome::Succeeded(found),
    }
}

impl ListPaymentIntents for TestBed {
    async fn list_payment_intents(
        &self,
        _since: Option<Timestamp>,
        after: Option<&str>,
    ) -> CallOutcome<LedgerPage<PaymentIntentEntry>, PaymentRejection> {
        let list = |state: &State| Ok(state.page(&state.intents, after, |it| it.id.as_str()));
        outcome(self.call("intents", list))
    }

    async fn entry(
        &self,
        id: &PaymentIntentId,
    ) -> CallOutcome<PaymentIntentEntry, PaymentRejection> {
        let get = |state: &State| state.intents.iter().find(|it| it.id == *id).cloned();
        let found = |state: &State| get(state).ok_or(PaymentRejection::NotFound);
        outcome(self.call("intent", found))
    }
}

impl ListLabels for TestBed {
    async fn list_labels(
        &self,
        _since: Option<Timestamp>,
        _until: Timestamp,
        after: Option<&str>,
    ) -> CallOutcome<LedgerPage<LabelEntry>, ShippingRejection> {
        let list = |state: &State| {
            let bought = state.labels.iter().filter(|it| it.is_bought);
            let bought: Vec<_> = bought.cloned().collect();
            Ok(state.page(&bought, after, |it| it.id.as_str()))
        };
        outcome(self.call("labels", list))
    }

    async fn entry(&self, id: &ShipmentId) -> CallOutcome<LabelEntry, ShippingRejection> {
        let get = |state: &State| state.labels.iter().find(|it| it.id == *id).cloned();
        let found = |state: &State| get(state).ok_or(ShippingRejection::NotFound);
        outcome(self.call("label", found))
    }
}

fn unavailable() -> StoreUnavailable {
    StoreUnavailable("no answer".to_owned())
}

impl State {
    fn record(&self, key: &str) -> Option<OrderEntry> {
        if self.malformed.contains(key) {
            return Some(OrderEntry::Malformed(key.to_owned()));
        }
        let order = self.orders.values().find(|order| order.order_id.as_str() == key)?;
        Some(OrderEntry::Order(Box::new(order.clone())))
    }
}

impl ScanOrders for TestBed {
    async fn scan(&self, after: Option<&str>) -> Result<LedgerPage<OrderEntry>, StoreUnavailable> {
        let scan = |state: &State| {
            let keys: BTreeSet<String> = state
                .orders
                .keys()
                .map(ToString::to_string)
                .chain(state.malformed.clone())
                .collect();
            let keys: Vec<String> = keys.into_iter().collect();
            let page = state.page(&keys, after, |key| key);
            let entries = page.entries.iter().filter_map(|key| state.record(key)).collect();
            LedgerPage { entries, unreadable: 0, next: page.next }
        };
        self.call("scan", scan).ok_or_else(unavailable)
    }

    async fn load_all(&self, ids: &[OrderId]) -> Result<Vec<OrderEntry>, StoreUnavailable> {
        let load = |state: &State| ids.iter().filter_map(|id| state.record(id.as_str())).collect();
        self.call("orders", load).ok_or_else(unavailable)
    }
}

impl ReadStockLevels for TestBed {
    async fn stock_levels(&self) -> Result<LedgerPage<StockLevel>, StoreUnavailable> {
        let read = |state: &State| LedgerPage {
            entries: state.stock_levels.clone(),
            unreadable: state.unreadable_stock_levels,
            next: None,
        };
        self.call("stock_levels", read).ok_or_else(unavailable)
    }
}

impl LoadOrder for TestBed {
    async fn load(&self, id: &OrderId) -> Result<Option<Order>, StoreUnavailable> {
        self.call("load", |state| state.orders.get(id).cloned()).ok_or_else(unavailable)
    }
}

impl SaveOrder for TestBed {
    async fn save(&self, before: &Order, after: &Order) -> Result<SaveResult, StoreUnavailable> {
        let unchanged = |state: &State| state.orders[&before.order_id].version == before.version;
        if !self.call("save", unchanged).ok_or_else(unavailable)? {
            return Ok(SaveResult::Conflict);
        }
        self.state().orders.insert(after.order_id.clone(), after.clone());
        Ok(SaveResult::Saved)
    }
}
