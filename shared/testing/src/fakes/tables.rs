//! The fake tables, with the conditions that the real writes have.

use super::{InjectedFault, State, TestBed};
use domain::audit::AuditEntry;
use domain::catalog::StockItem;
use domain::ports::{
    AddProductResult, CatalogPage, DueOrder, DuePage, FindOrder, ListDueOrders, ListOrders,
    ListRetainedOrders, LoadOrder, NewProduct, OrderList, OrderPage, PageCursor, PlaceOrder,
    PlaceResult, ReadCatalog, ReadProductAudit, ReleaseResult, ReleaseStock, ReserveResult,
    ReserveStock, SaveOrder, SaveResult, StoreUnavailable, SweepLease, WriteCatalog,
};
use domain::stock::{ReservedLine, Shortage};
use domain::{Currency, Money, Order, OrderId, PaymentIntentId, ShipmentId, Sku, Timestamp};

/// The Orders table and the Inventory table.
#[derive(Debug, Clone)]
pub struct FakeTables(pub(super) TestBed);

impl TestBed {
    /// Stores an order, without a condition.
    pub fn put(&self, order: &Order) {
        self.state().orders.insert(order.order_id.clone(), serialized(order));
    }

    /// The order as it is on record.
    pub fn order(&self, id: &OrderId) -> Option<Order> {
        self.state().orders.get(id).cloned()
    }

    /// Stores a product with this stock, without a condition.
    pub fn stock(&self, sku: &str, available: u64) {
        let Ok(sku) = Sku::parse(sku) else { return };
        let item = StockItem {
            title: sku.to_string(),
            unit_price: Money::new(1250, Currency::Usd),
            weight_grams: 350,
            available,
            received: available,
            sku: sku.clone(),
        };
        self.state().stock_levels.insert(sku, item);
    }

    /// The available stock of a SKU.
    pub fn available(&self, sku: &str) -> Option<u64> {
        self.state()
            .stock_levels
            .values()
            .find(|item| item.sku.as_str() == sku)
            .map(|i| i.available)
    }

    /// The SKUs whose `received` is not `available` plus what orders hold.
    pub fn stock_discrepancies(&self) -> Vec<Sku> {
        let state = self.state();
        let held = |sku: &Sku| -> u64 {
            let reservations = state.orders.values().filter(|order| order.holds_stock());
            let lines = reservations.flat_map(|order| order.reservation.iter());
            let lines = lines.flat_map(|taken| taken.lines.iter());
            lines.filter(|line| line.sku == *sku).map(|line| u64::from(line.quantity)).sum()
        };
        let differs = |item: &&StockItem| item.received != item.available + held(&item.sku);
        state.stock_levels.values().filter(differs).map(|item| item.sku.clone()).collect()
    }
}

/// The order as it is read back: what is not serialized is lost.
fn serialized(order: &Order) -> Order {
    let text = serde_json::to_vec(order).unwrap_or_default();
    #[expect(clippy::expect_used, reason = "a record that cannot be read again fails the test")]
    serde_json::from_slice(&text).expect("an order is read as it was written")
}

#[expect(clippy::needless_pass_by_value, reason = "taken as `map_err` gives it")]
fn unavailable(fault: InjectedFault) -> StoreUnavailable {
    StoreUnavailable(format!("{fault:?}"))
}

impl State {
    fn is_as_read(&self, before: &Order) -> bool {
        self.orders.get(&before.order_id).is_some_and(|now| now.version == before.version)
    }

    fn write(&mut self, after: &Order) {
        self.orders.insert(after.order_id.clone(), serialized(after));
    }
}

impl LoadOrder for FakeTables {
    async fn load(&self, id: &OrderId) -> Result<Option<Order>, StoreUnavailable> {
        self.0.call("orders.load", |state| state.orders.get(id).cloned()).await.map_err(unavailable)
    }
}

impl SaveOrder for FakeTables {
    async fn save(&self, before: &Order, after: &Order) -> Result<SaveResult, StoreUnavailable> {
        let save = |state: &mut State| {
            if !state.is_as_read(before) {
                return SaveResult::Conflict;
            }
            state.write(after);
            SaveResult::Saved
        };
        self.0.call("orders.save", save).await.map_err(unavailable)
    }
}

impl SweepLease for FakeTables {
    async fn take(&self, at: Timestamp, until: Timestamp) -> Result<Option<u64>, StoreUnavailable> {
        let take = |state: &mut State| {
            let free = state.lease.is_none_or(|(_, end)| end <= at);
            let number = state.lease.map_or(1, |(number, _)| number + 1);
            free.then(|| {
                state.lease = Some((number, until));
                number
            })
        };
        self.0.call("lease.take", take).await.map_err(unavailable)
    }

    async fn end_at(&self, number: u64, until: Timestamp) -> Result<bool, StoreUnavailable> {
        let end = |state: &mut State| {
            let is_held = state.lease.is_some_and(|(held, _)| held == number);
            if is_held {
                state.lease = Some((number, until));
            }
            is_held
        };
        self.0.call("lease.end_at", end).await.map_err(unavailable)
    }
}

/// The sort value of an order on a list; none if it is not on it.
fn position_on(list: &OrderList, order: &Order) -> Option<Timestamp> {
    let on = match list {
        OrderList::Customer(id) => order.customer_id == *id,
        OrderList::Attention(why) => order.attention == Some(*why),
        OrderList::Open(bucket) => order.open.as_deref() == Some(&bucket.to_string()),
        OrderList::WaitingFor(sku) => order.waits_for.as_ref() == Some(sku),
        OrderList::ClosedOn(day) => order.closed_day.as_ref() == Some(day),
    };
    let by_check = matches!(list, OrderList::Open(_));
    on.then_some(if by_check { order.check_at? } else { order.created_at })
}

impl State {
    /// A page of the orders of a list whose sort value is in range.
    fn page_of(
        &self,
        list: &OrderList,
        after: Option<&PageCursor>,
        limit: u32,
        in_range: impl Fn(&Timestamp) -> bool,
    ) -> OrderPage {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found: Vec<(Timestamp, &Order)> = self
            .orders
            .values()
            .filter_map(|order| Some((position_on(list, order)?, order)))
            .filter(|(at, order)| {
                in_range(at)
                    && after
                        .is_none_or(|place| (*at, &order.order_id) > (place.at, &place.order_id))
            })
            .collect();
        found.sort_by(|a, b| (a.0, &a.1.order_id).cmp(&(b.0, &b.1.order_id)));
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more);
        let next = next.map(|(at, order)| PageCursor { order_id: order.order_id.clone(), at: *at });
        OrderPage { orders: found.into_iter().map(|(_, order)| order.clone()).collect(), next }
    }
}

impl ListOrders for FakeTables {
    async fn list(
        &self,
        list: &OrderList,
        after: Option<&PageCursor>,
        limit: u32,
    ) -> Result<OrderPage, StoreUnavailable> {
        let find = |state: &mut State| state.page_of(list, after, limit, |_| true);
        self.0.call("orders.list", find).await.map_err(unavailable)
    }
}

impl ListDueOrders for FakeTables {
    async fn due_orders(
        &self,
        bucket: u8,
        at: Timestamp,
        after: Option<&PageCursor>,
        limit: u32,
    ) -> Result<DuePage, StoreUnavailable> {
        let find = |state: &mut State| {
            let page = state.page_of(&OrderList::Open(bucket), after, limit, |due| *due <= at);
            let due = |order: Order| DueOrder { order_id: order.order_id, status: order.status };
            DuePage { orders: page.orders.into_iter().map(due).collect(), next: page.next }
        };
        self.0.call("orders.due", find).await.map_err(unavailable)
    }
}

impl ListRetainedOrders for FakeTables {
    async fn retained_orders(
        &self,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<OrderId>, StoreUnavailable> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let find = |state: &mut State| {
            let retained = state.orders.values().filter(|order| order.retention.is_some());
            let mut found: Vec<(Timestamp, OrderId)> = retained
                .filter_map(|order| Some((order.finalized_at?, order.order_id.clone())))
                .filter(|(finalized, _)| *finalized <= until)
                .collect();
            found.sort();
            found.into_iter().take(limit).map(|(_, id)| id).collect()
        };
        self.0.call("orders.retained", find).await.map_err(unavailable)
    }
}

impl FindOrder for FakeTables {
    async fn by_payment_intent(
        &self,
        id: &PaymentIntentId,
    ) -> Result<Option<OrderId>, StoreUnavailable> {
        let ours = |order: &&Order| order.payment.intent_id.as_ref() == Some(id);
        let find = |state: &mut State| state.orders.values().find(ours).map(|o| o.order_id.clone());
        self.0.call("orders.find", find).await.map_err(unavailable)
    }

    async fn by_shipment(&self, id: &ShipmentId) -> Result<Option<OrderId>, StoreUnavailable> {
        let ours = |order: &&Order| order.shipment.as_ref().is_some_and(|s| s.shipment_id == *id);
        let find = |state: &mut State| state.orders.values().find(ours).map(|o| o.order_id.clone());
        self.0.call("orders.find", find).await.map_err(unavailable)
    }
}

impl PlaceOrder for FakeTables {
    async fn place(&self, order: &Order) -> Result<PlaceResult, StoreUnavailable> {
        let place = |state: &mut State| {
            if let Some(there) = state.orders.get(&order.order_id) {
                return PlaceResult::Exists(Box::new(there.clone()));
            }
            state.write(order);
            PlaceResult::Created
        };
        self.0.call("orders.place", place).await.map_err(unavailable)
    }
}

impl ReserveStock for FakeTables {
    async fn reserve(
        &self,
        before: &Order,
        after: &Order,
    ) -> Result<ReserveResult, StoreUnavailable> {
        let lines = after.reservation.as_ref().map_or(&[][..], |taken| &taken.lines);
        let reserve = |state: &mut State| {
            if !state.is_as_read(before) {
                return ReserveResult::OrderConflict;
            }
            let short: Vec<_> = lines.iter().filter_map(|line| state.shortage(line)).collect();
            if !short.is_empty() {
                return ReserveResult::OutOfStock(short);
            }
            state.write(after);
            for line in lines {
                if let Some(item) = state.stock_levels.get_mut(&line.sku) {
                    item.available -= u64::from(line.quantity);
                }
            }
            ReserveResult::Reserved
        };
        match self.0.call("stock.reserve", reserve).await {
            Err(InjectedFault::Contended) => Ok(ReserveResult::Contended),
            other => other.map_err(unavailable),
        }
    }
}

impl State {
    fn shortage(&self, line: &ReservedLine) -> Option<Shortage> {
        let available = self.stock_levels.get(&line.sku).map_or(0, |item| item.available);
        let short = available < u64::from(line.quantity);
        short.then(|| Shortage { sku: line.sku.clone(), requested: line.quantity, available })
    }
}

impl ReleaseStock for FakeTables {
    async fn release(
        &self,
        before: &Order,
        after: &Order,
    ) -> Result<ReleaseResult, StoreUnavailable> {
        let lines = before.reservation.as_ref().map_or(&[][..], |taken| &taken.lines);
        let release = |state: &mut State| {
            if !state.is_as_read(before) {
                return ReleaseResult::OrderConflict;
            }
            state.write(after);
            for line in lines {
                if let Some(item) = state.stock_levels.get_mut(&line.sku) {
                    item.available += u64::from(line.quantity);
                }
            }
            ReleaseResult::Released
        };
        match self.0.call("stock.release", release).await {
            Err(InjectedFault::Contended) => Ok(ReleaseResult::Contended),
            other => other.map_err(unavailable),
        }
    }
}

impl ReadCatalog for FakeTables {
    async fn items(&self, skus: &[Sku]) -> Result<Vec<StockItem>, StoreUnavailable> {
        let items = |state: &mut State| {
            state.stock_levels.values().filter(|item| skus.contains(&item.sku)).cloned().collect()
        };
        self.0.call("catalog.items", items).await.map_err(unavailable)
    }

    async fn page(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<CatalogPage, StoreUnavailable> {
        let page = |state: &mut State| {
            let mut items = state.stock_levels.values();
            let items =
                items.by_ref().filter(|item| after.is_none_or(|sku| item.sku.as_str() > sku));
            let mut items: Vec<_> = items.cloned().collect();
            let is_last = items.len() <= limit;
            items.truncate(limit);
            let next = items.last().filter(|_| !is_last).map(|item| item.sku.to_string());
            CatalogPage { items, next }
        };
        self.0.call("catalog.page", page).await.map_err(unavailable)
    }
}

impl WriteCatalog for FakeTables {
    async fn add_product(
        &self,
        product: &NewProduct,
        actor: &str,
        at: Timestamp,
    ) -> Result<AddProductResult, StoreUnavailable> {
        let list = |state: &mut State| {
            let there = state.stock_levels.get(&product.sku);
            if there.is_some() && product.available.is_some() {
                return AddProductResult::AlreadyExists;
            }
            let opening = product.available.unwrap_or(0);
            let item = StockItem {
                sku: product.sku.clone(),
                title: product.title.clone(),
                unit_price: product.unit_price,
                weight_grams: product.weight_grams,
                available: there.map_or(opening, |item| item.available),
                received: there.map_or(opening, |item| item.received),
            };
            let entry = AuditEntry::for_product(there, product, actor, at);
            state.product_audits.entry(product.sku.clone()).or_default().extend(entry);
            state.stock_levels.insert(product.sku.clone(), item.clone());
            AddProductResult::Added(item)
        };
        self.0.call("catalog.add_product", list).await.map_err(unavailable)
    }
}

impl ReadProductAudit for FakeTables {
    async fn product_audit(&self, sku: &Sku) -> Result<Vec<AuditEntry>, StoreUnavailable> {
        let read = |state: &mut State| state.product_audits.get(sku).cloned().unwrap_or_default();
        self.0.call("catalog.audit", read).await.map_err(unavailable)
    }
}
