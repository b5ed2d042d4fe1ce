//! The ledgers of the fakes, each as one page.

use super::{FakePaymentProvider, FakeShippingProvider, FakeTables, InjectedFault, State};
use domain::ledger::{
    LabelEntry, LedgerPage, ListLabels, ListPaymentIntents, OrderEntry, PaymentIntentEntry,
    ReadStockLevels, ScanOrders, StockLevel,
};
use domain::payment::{PaymentIntent, PaymentIntentState};
use domain::ports::{CallOutcome, PaymentRejection, ShippingRejection, StoreUnavailable};
use domain::shipment::ProviderShipment;
use domain::{Order, OrderId, PaymentIntentId, ShipmentId, Timestamp};

const fn whole<T>(entries: Vec<T>) -> LedgerPage<T> {
    LedgerPage { entries, unreadable: 0, next: None }
}

#[expect(clippy::needless_pass_by_value, reason = "taken as `map_err` gives it")]
fn lost(fault: InjectedFault) -> StoreUnavailable {
    StoreUnavailable(format!("{fault:?}"))
}

#[expect(clippy::needless_pass_by_value, reason = "taken as `unwrap_or_else` gives it")]
fn unknown<T, R>(fault: InjectedFault) -> CallOutcome<T, R> {
    match fault {
        InjectedFault::NotSent => CallOutcome::NotSent("down".to_owned()),
        InjectedFault::Throttled => CallOutcome::Throttled("answered 429".to_owned()),
        _ => CallOutcome::Unknown("no response".to_owned()),
    }
}

impl State {
    /// The order that an object names: here, the order that has it on record.
    fn owner(&self, owns: impl Fn(&Order) -> bool) -> Option<String> {
        let order = self.orders.values().find(|order| owns(order))?;
        Some(order.order_id.to_string())
    }

    fn intent_entry(&self, intent: &PaymentIntent) -> PaymentIntentEntry {
        use PaymentIntentState::{RequiresConfirmation, RequiresPaymentMethod, Succeeded};
        let captured = intent.state == Succeeded;
        let order = self.owner(|order| order.payment.intent_id.as_ref() == Some(&intent.id));
        PaymentIntentEntry {
            id: intent.id.clone(),
            order,
            state: intent.state,
            amount: intent.amount,
            captured_minor: if captured { intent.amount.amount_minor() } else { 0 },
            refunded_minor: intent.refunded_minor,
            confirmed: !matches!(intent.state, RequiresConfirmation | RequiresPaymentMethod),
        }
    }

    fn label_entry(&self, shipment: &ProviderShipment) -> LabelEntry {
        let owns = |order: &Order| {
            order.shipment.as_ref().is_some_and(|stored| stored.shipment_id == shipment.id)
        };
        LabelEntry {
            id: shipment.id.clone(),
            reference: self.owner(owns),
            is_bought: shipment.bought.is_some(),
            tracking_code: shipment.bought.as_ref().and_then(|label| label.tracking_code.clone()),
            refund: shipment.refund,
        }
    }
}

impl ListPaymentIntents for FakePaymentProvider {
    async fn list_payment_intents(
        &self,
        _since: Option<Timestamp>,
        _after: Option<&str>,
    ) -> CallOutcome<LedgerPage<PaymentIntentEntry>, PaymentRejection> {
        let list = |state: &mut State| {
            let entries =
                state.payment_provider.intents.values().map(|intent| state.intent_entry(intent));
            CallOutcome::Succeeded(whole(entries.collect()))
        };
        self.0.call("payment.list", list).await.unwrap_or_else(unknown)
    }

    async fn entry(
        &self,
        id: &PaymentIntentId,
    ) -> CallOutcome<PaymentIntentEntry, PaymentRejection> {
        let get = |state: &mut State| match state.payment_provider.intents.get(id) {
            Some(intent) => CallOutcome::Succeeded(state.intent_entry(intent)),
            None => CallOutcome::Rejected(PaymentRejection::NotFound),
        };
        self.0.call("payment.entry", get).await.unwrap_or_else(unknown)
    }
}

impl ListLabels for FakeShippingProvider {
    async fn list_labels(
        &self,
        _since: Option<Timestamp>,
        _until: Timestamp,
        _after: Option<&str>,
    ) -> CallOutcome<LedgerPage<LabelEntry>, ShippingRejection> {
        let list = |state: &mut State| {
            let bought =
                state.shipping_provider.shipments.values().filter(|it| it.bought.is_some());
            CallOutcome::Succeeded(whole(
                bought.map(|shipment| state.label_entry(shipment)).collect(),
            ))
        };
        self.0.call("shipping.list", list).await.unwrap_or_else(unknown)
    }

    async fn entry(&self, id: &ShipmentId) -> CallOutcome<LabelEntry, ShippingRejection> {
        let get = |state: &mut State| match state.shipping_provider.shipments.get(id) {
            Some(shipment) => CallOutcome::Succeeded(state.label_entry(shipment)),
            None => CallOutcome::Rejected(ShippingRejection::NotFound),
        };
        self.0.call("shipping.entry", get).await.unwrap_or_else(unknown)
    }
}

impl ScanOrders for FakeTables {
    async fn scan(&self, _after: Option<&str>) -> Result<LedgerPage<OrderEntry>, StoreUnavailable> {
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

impl ReadStockLevels for FakeTables {
    async fn stock_levels(&self) -> Result<LedgerPage<StockLevel>, StoreUnavailable> {
        let all = |state: &mut State| {
            let entry = |item: &domain::catalog::StockItem| StockLevel {
                sku: item.sku.clone(),
                available: i64::try_from(item.available).unwrap_or(i64::MAX),
                received: i64::try_from(item.received).unwrap_or(i64::MAX),
            };
            whole(state.stock_levels.values().map(entry).collect())
        };
        self.0.call("store.stock-levels", all).await.map_err(lost)
    }
}
