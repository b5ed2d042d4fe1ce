//! The ports of the API over a [`TestBed`].

use std::collections::BTreeMap;

use domain::audit::AuditEntry;
use domain::catalog::StockItem;
use domain::decision::TaskResult;
use domain::order::Attention;
use domain::ports::{
    AddProductResult, CatalogPage, ChangeStock, CountOrders, ExecutionView, FindOrder, ListOrders,
    LoadOrder, LoadOrders, NewProduct, OpenOrder, OrderList, OrderPage, PageCursor, PlaceOrder,
    PlaceResult, ReadCatalog, ReadExecution, ReadProductAudit, SaveOrder, SaveResult,
    SendTaskResult, StartExecution, StateVisit, StockChange, StockChangeResult, StopExecution,
    StoreUnavailable, TaskDelivery, WorkflowUnavailable, WriteCatalog,
};
use domain::{
    ExecutionName, Order, OrderId, PaymentIntentId, ShipmentId, Sku, Status, TaskToken, Timestamp,
};
use serde_json::Value;
use testing::samples;

use super::TestBed;

impl TestBed {
    fn find(&self, matches: impl Fn(&Order) -> bool) -> Result<Option<OrderId>, StoreUnavailable> {
        self.reach_store()?;
        let orders = self.orders.lock().unwrap();
        Ok(orders.values().find(|order| matches(order)).map(|order| order.order_id.clone()))
    }

    fn append_audit(&self, sku: &Sku, entry: Option<AuditEntry>) {
        self.product_audits.lock().unwrap().entry(sku.clone()).or_default().extend(entry);
    }

    fn reach_store(&self) -> Result<(), StoreUnavailable> {
        if *self.store_is_down.lock().unwrap() {
            return Err(StoreUnavailable("GetItem: no connection".to_owned()));
        }
        Ok(())
    }

    fn reach_workflow(&self) -> Result<(), WorkflowUnavailable> {
        if *self.workflow_is_down.lock().unwrap() {
            return Err(WorkflowUnavailable("StartExecution: no connection".to_owned()));
        }
        Ok(())
    }
}

impl LoadOrder for TestBed {
    async fn load(&self, id: &OrderId) -> Result<Option<Order>, StoreUnavailable> {
        self.reach_store()?;
        Ok(self.order(id))
    }
}

impl SaveOrder for TestBed {
    async fn save(&self, before: &Order, after: &Order) -> Result<SaveResult, StoreUnavailable> {
        self.reach_store()?;
        let mut orders = self.orders.lock().unwrap();
        if let Some(written) = self.concurrent_write.lock().unwrap().take() {
            orders.insert(written.order_id.clone(), written);
        }
        let held = orders.get_mut(&before.order_id).filter(|held| held.version == before.version);
        Ok(match held {
            Some(held) => {
                *held = after.clone();
                SaveResult::Saved
            }
            None => SaveResult::Conflict,
        })
    }
}

impl FindOrder for TestBed {
    async fn by_payment_intent(
        &self,
        id: &PaymentIntentId,
    ) -> Result<Option<OrderId>, StoreUnavailable> {
        self.find(|order| order.payment.intent_id.as_ref() == Some(id))
    }

    async fn by_shipment(&self, id: &ShipmentId) -> Result<Option<OrderId>, StoreUnavailable> {
        self.find(|order| order.shipment.as_ref().is_some_and(|held| held.shipment_id == *id))
    }
}

impl PlaceOrder for TestBed {
    async fn place(&self, order: &Order) -> Result<PlaceResult, StoreUnavailable> {
        self.reach_store()?;
        let mut orders = self.orders.lock().unwrap();
        if let Some(earlier) = orders.get(&order.order_id) {
            return Ok(PlaceResult::Exists(Box::new(earlier.clone())));
        }
        orders.insert(order.order_id.clone(), order.clone());
        Ok(PlaceResult::Created)
    }
}

impl ReadCatalog for TestBed {
    async fn items(&self, skus: &[Sku]) -> Result<Vec<StockItem>, StoreUnavailable> {
        self.reach_store()?;
        let stock = self.stock.lock().unwrap();
        Ok(skus.iter().filter_map(|sku| stock.get(sku).cloned()).collect())
    }

    async fn page(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<CatalogPage, StoreUnavailable> {
        self.reach_store()?;
        let stock = self.stock.lock().unwrap();
        let rest = stock.values().filter(|item| after.is_none_or(|sku| item.sku.as_str() > sku));
        let mut items: Vec<_> = rest.cloned().collect();
        let is_last = items.len() <= limit;
        items.truncate(limit);
        let next = items.last().filter(|_| !is_last).map(|item| item.sku.to_string());
        Ok(CatalogPage { items, next })
    }
}

impl WriteCatalog for TestBed {
    async fn add_product(
        &self,
        product: &NewProduct,
        actor: &str,
        at: Timestamp,
    ) -> Result<AddProductResult, StoreUnavailable> {
        self.reach_store()?;
        let mut stock = self.stock.lock().unwrap();
        let held = stock.get(&product.sku);
        if held.is_some() && product.available.is_some() {
            return Ok(AddProductResult::AlreadyExists);
        }
        let entry = AuditEntry::for_product(held, product, actor, at);
        self.append_audit(&product.sku, entry);
        let opening = product.available.unwrap_or(0);
        let item = StockItem {
            sku: product.sku.clone(),
            title: product.title.clone(),
            unit_price: product.unit_price,
            weight_grams: product.weight_grams,
            available: held.map_or(opening, |held| held.available),
            received: held.map_or(opening, |held| held.received),
        };
        stock.insert(product.sku.clone(), item.clone());
        Ok(AddProductResult::Added(item))
    }
}

impl ReadProductAudit for TestBed {
    async fn product_audit(&self, sku: &Sku) -> Result<Vec<AuditEntry>, StoreUnavailable> {
        self.reach_store()?;
        Ok(self.product_audits.lock().unwrap().get(sku).cloned().unwrap_or_default())
    }
}

impl StartExecution for TestBed {
    async fn start(&self, name: &ExecutionName, input: &Value) -> Result<(), WorkflowUnavailable> {
        self.reach_workflow()?;
        self.started.lock().unwrap().push((name.to_string(), input.clone()));
        Ok(())
    }
}

impl SendTaskResult for TestBed {
    async fn send(
        &self,
        token: &TaskToken,
        result: &TaskResult,
    ) -> Result<TaskDelivery, WorkflowUnavailable> {
        self.reach_workflow()?;
        self.task_results.lock().unwrap().push((token.clone(), result.clone()));
        Ok(TaskDelivery::Delivered)
    }
}

impl ReadExecution for TestBed {
    async fn read(
        &self,
        name: &ExecutionName,
    ) -> Result<Option<ExecutionView>, WorkflowUnavailable> {
        self.reach_workflow()?;
        let started = self.started.lock().unwrap();
        let found = started.iter().find(|(started, _)| *started == name.as_str());
        Ok(found.map(|_| ExecutionView {
            status: "RUNNING".to_owned(),
            started_at: samples::placed_at(),
            stopped_at: None,
            states: vec![StateVisit {
                name: "ProcessPayment".to_owned(),
                kind: "Task".to_owned(),
                entered_at: samples::placed_at(),
                exited_at: None,
                attempts: 1,
                error: None,
            }],
        }))
    }
}

impl ListOrders for TestBed {
    async fn list(
        &self,
        list: &OrderList,
        after: Option<&PageCursor>,
        limit: u32,
    ) -> Result<OrderPage, StoreUnavailable> {
        self.reach_store()?;
        let mut found: Vec<Order> = self.orders.lock().unwrap().values().cloned().collect();
        found.retain(|order| match list {
            OrderList::Customer(id) => order.customer_id == *id,
            OrderList::Attention(attention) => order.attention == Some(*attention),
            OrderList::Open(bucket) => order.open.as_deref() == Some(&bucket.to_string()),
            OrderList::WaitingFor(sku) => order.waits_for.as_ref() == Some(sku),
            OrderList::ClosedOn(day) => order.closed_day.as_ref() == Some(day),
        });
        let place =
            |order: &Order| PageCursor { order_id: order.order_id.clone(), at: order.created_at };
        found.sort_by_key(|order| (order.created_at, order.order_id.clone()));
        if matches!(list, OrderList::Customer(_) | OrderList::ClosedOn(_)) {
            found.reverse();
        }
        if let Some(after) = after {
            let passed = found.iter().position(|order| place(order) == *after);
            found.drain(..=passed.unwrap_or(found.len() - 1));
        }
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next = found.last().filter(|_| more).map(place);
        Ok(OrderPage { orders: found, next })
    }
}

impl LoadOrders for TestBed {
    async fn load_all(&self, ids: &[OrderId]) -> Result<Vec<Order>, StoreUnavailable> {
        self.reach_store()?;
        Ok(ids.iter().filter_map(|id| self.order(id)).collect())
    }
}

impl CountOrders for TestBed {
    async fn open_orders(&self) -> Result<Vec<OpenOrder>, StoreUnavailable> {
        self.reach_store()?;
        let orders = self.orders.lock().unwrap();
        let open = orders.values().filter(|order| order.open.is_some());
        let entry = |order: &Order| OpenOrder {
            order_id: order.order_id.clone(),
            status: order.status,
            created_at: order.created_at,
            compensates: order.compensation.is_some(),
        };
        Ok(open.map(entry).collect())
    }

    async fn attention_count(&self, attention: Attention) -> Result<u64, StoreUnavailable> {
        self.reach_store()?;
        let orders = self.orders.lock().unwrap();
        let count = orders.values().filter(|order| order.attention == Some(attention)).count();
        Ok(u64::try_from(count).unwrap())
    }

    async fn closed_on(&self, day: &str) -> Result<BTreeMap<Status, u64>, StoreUnavailable> {
        self.reach_store()?;
        let mut counts = BTreeMap::new();
        for order in self.orders.lock().unwrap().values() {
            if order.closed_day.as_deref() == Some(day) {
                *counts.entry(order.status).or_default() += 1;
            }
        }
        Ok(counts)
    }
}

impl ChangeStock for TestBed {
    async fn change_stock(
        &self,
        sku: &Sku,
        change: &StockChange,
        quantity: u32,
        key: &str,
        actor: &str,
        at: Timestamp,
    ) -> Result<StockChangeResult, StoreUnavailable> {
        self.reach_store()?;
        let mut stock = self.stock.lock().unwrap();
        let Some(item) = stock.get_mut(sku) else { return Ok(StockChangeResult::UnknownSku) };
        let mut requests = self.stock_requests.lock().unwrap();
        let is_removal = matches!(change, StockChange::Removal { .. });
        let request = format!("{is_removal}#{sku}#{actor}#{key}");
        match requests.get(&request) {
            Some(before) if *before == quantity => {
                return Ok(StockChangeResult::Replayed(item.clone()));
            }
            Some(_) => return Ok(StockChangeResult::KeyReused),
            None => {}
        }
        let quantity_u64 = u64::from(quantity);
        if is_removal && item.available < quantity_u64 {
            return Ok(StockChangeResult::NotAvailable);
        }
        requests.insert(request, quantity);
        self.append_audit(sku, Some(AuditEntry::for_stock_change(change, quantity, actor, at)));
        for count in [&mut item.available, &mut item.received] {
            *count = if is_removal { *count - quantity_u64 } else { *count + quantity_u64 };
        }
        Ok(StockChangeResult::Changed(item.clone()))
    }
}

impl StopExecution for TestBed {
    async fn stop(
        &self,
        name: &ExecutionName,
        _cause: &'static str,
    ) -> Result<(), WorkflowUnavailable> {
        self.reach_workflow()?;
        self.stopped.lock().unwrap().push(name.to_string());
        Ok(())
    }
}
