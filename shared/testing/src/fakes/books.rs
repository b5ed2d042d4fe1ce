//! The books of the world in memory, each as one part, as they are.

use super::{Depot, State, Tables, Till, Trouble};
use domain::books::{
    IntentEntry, LabelEntry, ListIntents, ListLabels, OrderEntry, Part, ReadShelves, ScanOrders,
    ShelfEntry,
};
use domain::payment::{Intent, IntentState};
use domain::ports::{Called, CarrierRefusal, GatewayRefusal, StoreUnavailable};
use domain::shipment::CarrierShipment;
use domain::{IntentId, Moment, Order, OrderId, ShipmentId};

const fn whole<T>(entries: Vec<T>) -> Part<T> {
    Part { entries, unread: 0, next: None }
}

#[expect(clippy::needless_pass_by_value, reason = "taken as `map_err` gives it")]
fn lost(trouble: Trouble) -> StoreUnavailable {
    StoreUnavailable(format!("{trouble:?}"))
}

#[expect(clippy::needless_pass_by_value, reason = "taken as `unwrap_or_else` gives it")]
fn unknown<T, R>(trouble: Trouble) -> Called<T, R> {
    match trouble {
        Trouble::Down => Called::NotBegun("down".to_owned()),
        _ => Called::Unknown("no answer".to_owned()),
    }
}

impl State {
    /// The order that an object names: here, the one that has it on record.
    fn owner(&self, owns: impl Fn(&Order) -> bool) -> Option<String> {
        let order = self.orders.values().find(|order| owns(order))?;
        Some(order.order_id.to_string())
    }

    fn intent_entry(&self, intent: &Intent) -> IntentEntry {
        use IntentState::{RequiresConfirmation, RequiresPaymentMethod, Succeeded};
        let captured = intent.state == Succeeded;
        let order = self.owner(|order| order.payment.intent_id.as_ref() == Some(&intent.id));
        IntentEntry {
            id: intent.id.clone(),
            order,
            state: intent.state,
            amount: intent.amount,
            captured_minor: if captured { intent.amount.amount_minor() } else { 0 },
            refunded_minor: intent.refunded_minor,
            confirmed: !matches!(intent.state, RequiresConfirmation | RequiresPaymentMethod),
        }
    }

    fn label_entry(&self, shipment: &CarrierShipment) -> LabelEntry {
        let owns = |order: &Order| {
            order.shipment.as_ref().is_some_and(|stored| stored.shipment_id == shipment.id)
        };
        LabelEntry {
            id: shipment.id.clone(),
            reference: self.owner(owns),
            tracking_code: shipment.bought.as_ref().map(|(code, _)| code.clone()),
            refund: shipment.refund,
        }
    }
}

impl ListIntents for Till {
    async fn intents(
        &self,
        _since: Option<Moment>,
        _after: Option<&str>,
    ) -> Called<Part<IntentEntry>, GatewayRefusal> {
        let list = |state: &mut State| {
            let entries = state.till.intents.values().map(|intent| state.intent_entry(intent));
            Called::Done(whole(entries.collect()))
        };
        self.0.call("gateway.list", list).await.unwrap_or_else(unknown)
    }

    async fn entry(&self, id: &IntentId) -> Called<IntentEntry, GatewayRefusal> {
        let get = |state: &mut State| match state.till.intents.get(id) {
            Some(intent) => Called::Done(state.intent_entry(intent)),
            None => Called::Refused(GatewayRefusal::NotFound),
        };
        self.0.call("gateway.entry", get).await.unwrap_or_else(unknown)
    }
}

impl ListLabels for Depot {
    async fn labels(
        &self,
        _since: Option<Moment>,
        _until: Moment,
        _after: Option<&str>,
    ) -> Called<Part<LabelEntry>, CarrierRefusal> {
        let list = |state: &mut State| {
            let bought = state.depot.shipments.values().filter(|it| it.bought.is_some());
            Called::Done(whole(bought.map(|shipment| state.label_entry(shipment)).collect()))
        };
        self.0.call("carrier.list", list).await.unwrap_or_else(unknown)
    }

    async fn entry(&self, id: &ShipmentId) -> Called<LabelEntry, CarrierRefusal> {
        let get = |state: &mut State| match state.depot.shipments.get(id) {
            Some(shipment) => Called::Done(state.label_entry(shipment)),
            None => Called::Refused(CarrierRefusal::NotFound),
        };
        self.0.call("carrier.entry", get).await.unwrap_or_else(unknown)
    }
}

impl ScanOrders for Tables {
    async fn scan(&self, _after: Option<&str>) -> Result<Part<OrderEntry>, StoreUnavailable> {
        let all = |state: &mut State| {
            let entry = |order: &Order| OrderEntry::Order(Box::new(order.clone()));
            whole(state.orders.values().map(entry).collect())
        };
        self.0.call("store.scan", all).await.map_err(lost)
    }

    async fn load_all(&self, ids: &[OrderId]) -> Result<Vec<OrderEntry>, StoreUnavailable> {
        let some = |state: &mut State| {
            let found = ids.iter().filter_map(|id| state.orders.get(id));
            found.map(|order| OrderEntry::Order(Box::new(order.clone()))).collect()
        };
        self.0.call("store.load-all", some).await.map_err(lost)
    }
}

impl ReadShelves for Tables {
    async fn shelves(&self) -> Result<Part<ShelfEntry>, StoreUnavailable> {
        let all = |state: &mut State| {
            let entry = |item: &domain::catalogue::StockItem| ShelfEntry {
                sku: item.sku.clone(),
                available: i64::try_from(item.available).unwrap_or(i64::MAX),
                received: i64::try_from(item.received).unwrap_or(i64::MAX),
            };
            whole(state.shelves.values().map(entry).collect())
        };
        self.0.call("store.shelves", all).await.map_err(lost)
    }
}
