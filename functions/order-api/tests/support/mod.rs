//! The API over ports in memory, and requests as the gateway hands them on.

#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its own part of this")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use domain::catalog::StockItem;
use domain::decision::TaskResult;
use domain::ports::{
    AddProductResult, ExecutionView, FindOrder, ListOrders, LoadOrder, NewProduct, OrderList,
    OrderPage, PageCursor, PlaceOrder, PlaceResult, ProviderMode, ReadCatalog, ReadExecution,
    RestockItem, RestockResult, SaveOrder, SaveResult, SendTaskResult, StartExecution, StateVisit,
    StopExecution, StoreUnavailable, TaskDelivery, WorkflowUnavailable, WriteCatalog,
};
use domain::{
    Currency, CustomerId, ExecutionName, Money, Order, OrderId, PaymentIntentId, Private,
    ShipmentId, Sku, TaskToken, Timestamp,
};
use easypost::EasyPostWebhooks;
use hmac::{Hmac, KeyInit as _, Mac as _};
use order_api::Api;
use order_api::webhooks::WebhookSources;
use serde_json::{Value, json};
use sha2::Sha256;
use stripe::StripeWebhooks;
use testing::samples;

/// Who places the sample orders.
pub(crate) const ADA: &str = "customer-1";
/// Somebody else.
pub(crate) const BOB: &str = "customer-2";
/// An operator.
pub(crate) const OP: &str = "op-1";

/// What the gateway signs its events with: the new secret, and the old one.
pub(crate) const STRIPE: [&str; 2] = ["whsec_new", "whsec_old"];
/// What the carrier signs its events with.
pub(crate) const EASYPOST: [&str; 2] = ["nouveau s\u{e9}cret", "old secret"];

/// The world that the API works in.
#[derive(Default)]
pub(crate) struct World {
    /// The Orders table.
    pub(crate) orders: Mutex<BTreeMap<OrderId, Order>>,
    /// The Inventory table.
    pub(crate) shelves: Mutex<BTreeMap<Sku, StockItem>>,
    /// What was started, by name, with its input.
    pub(crate) started: Mutex<Vec<(String, Value)>>,
    /// What was stopped.
    pub(crate) stopped: Mutex<Vec<String>>,
    /// The requests of restocks, by SKU and key, with their quantity.
    pub(crate) restocks: Mutex<BTreeMap<String, u32>>,
    /// What waits were told.
    pub(crate) answered: Mutex<Vec<(TaskToken, TaskResult)>>,
    /// The tables are away.
    pub(crate) store_is_down: Mutex<bool>,
    /// Step Functions is away.
    pub(crate) workflow_is_down: Mutex<bool>,
    /// What happens to the order just before the next save: somebody was faster.
    pub(crate) meanwhile: Mutex<Option<Order>>,
}

/// A response of the function, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    pub(crate) headers: Value,
    pub(crate) body: Value,
    pub(crate) text: String,
}

/// A request, as a client makes it.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) event: Value,
}

impl Call {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        let at = samples::placed_at().to_jiff().as_millisecond();
        Self {
            event: json!({
                "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
                "headers": {"host": "api.example"},
                "requestContext": {
                    "http": {"method": method, "path": path}, "stage": "$default", "timeEpoch": at,
                },
                "isBase64Encoded": false,
            }),
        }
    }

    /// With the token of this caller, which has these scopes.
    pub(crate) fn by(mut self, sub: &str, scopes: &str) -> Self {
        let claims = json!({"sub": sub, "scope": scopes});
        self.event["requestContext"]["authorizer"] =
            json!({"jwt": {"claims": claims, "scopes": null}});
        self
    }

    /// The same request to another path.
    pub(crate) fn path(mut self, path: &str) -> Self {
        self.event["rawPath"] = json!(path);
        self
    }

    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.event["queryStringParameters"][name] = json!(value);
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.event["headers"][name] = json!(value);
        self
    }

    pub(crate) fn at(mut self, at: Timestamp) -> Self {
        self.event["requestContext"]["timeEpoch"] = json!(at.to_jiff().as_millisecond());
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text(&body.to_string())
    }

    pub(crate) fn text(mut self, body: &str) -> Self {
        self.event["body"] = json!(body);
        self.header("content-type", "application/json")
    }

    pub(crate) fn without(mut self, header: &str) -> Self {
        self.event["headers"].as_object_mut().unwrap().remove(header);
        self
    }
}

/// The body of an order: two mugs and a shirt.
pub(crate) fn order_body() -> Value {
    json!({
        "customer": {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+14155550123"},
        "shippingAddress": {
            "street1": "417 Montgomery St", "city": "San Francisco", "state": "CA",
            "postalCode": "94104", "country": "US",
        },
        "items": [{"sku": "MUG", "quantity": 2}, {"sku": "TEE", "quantity": 1}],
        "paymentMethod": "pm_card_visa",
        "shippingService": "standard",
    })
}

/// The request of an order with this body and this key.
pub(crate) fn post(body: &Value, key: &str) -> Call {
    Call::new("POST", "/orders").by(ADA, "orders/write").header("idempotency-key", key).json(body)
}

/// The id that the order of this key has.
pub(crate) fn id_of(key: &str) -> OrderId {
    OrderId::for_request(&CustomerId::parse(ADA).unwrap(), key)
}

/// The HMAC-SHA256 in hexadecimal digits, as both providers sign.
pub(crate) fn hmac(secret: &str, signed: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed);
    hex::encode(mac.finalize().into_bytes())
}

impl World {
    /// A shop that sells mugs, shirts, and a cup in euros.
    pub(crate) fn new() -> Api<Self, Self, Self> {
        let world = Self::default();
        for (sku, price, currency) in [
            ("MUG", 1250, Currency::Usd),
            ("TEE", 1999, Currency::Usd),
            ("CUP", 1250, Currency::Eur),
            ("FAN", 1250, Currency::Jpy),
            ("PIN", 1, Currency::Usd),
        ] {
            let sku = Sku::parse(sku).unwrap();
            let item = StockItem {
                sku: sku.clone(),
                title: sku.as_str().to_lowercase(),
                unit_price: Money::new(price, currency),
                weight_grams: 100,
                available: 5,
                received: 7,
            };
            world.shelves.lock().unwrap().insert(sku, item);
        }
        let api = Api {
            orders: world,
            inventory: Self::default(),
            workflow: Self::default(),
            currencies: vec![Currency::Usd, Currency::Eur],
            webhooks: webhooks(&STRIPE, &EASYPOST, ProviderMode::Test),
        };
        // One world plays each part: the shelves are the inventory's.
        std::mem::swap(
            &mut *api.orders.shelves.lock().unwrap(),
            &mut *api.inventory.shelves.lock().unwrap(),
        );
        api
    }

    /// The same shop, with this order on record.
    pub(crate) fn with(order: &Order) -> Api<Self, Self, Self> {
        let api = Self::new();
        api.orders.orders.lock().unwrap().insert(order.order_id.clone(), order.clone());
        api
    }

    pub(crate) fn order(&self, id: &OrderId) -> Option<Order> {
        self.orders.lock().unwrap().get(id).cloned()
    }

    pub(crate) fn count(&self) -> usize {
        self.orders.lock().unwrap().len()
    }

    fn find(&self, is_it: impl Fn(&Order) -> bool) -> Result<Option<OrderId>, StoreUnavailable> {
        self.open()?;
        let orders = self.orders.lock().unwrap();
        Ok(orders.values().find(|order| is_it(order)).map(|order| order.order_id.clone()))
    }

    fn open(&self) -> Result<(), StoreUnavailable> {
        if *self.store_is_down.lock().unwrap() {
            return Err(StoreUnavailable("GetItem: no connection".to_owned()));
        }
        Ok(())
    }

    fn reach(&self) -> Result<(), WorkflowUnavailable> {
        if *self.workflow_is_down.lock().unwrap() {
            return Err(WorkflowUnavailable("StartExecution: no connection".to_owned()));
        }
        Ok(())
    }
}

/// The webhooks of both providers, signed with these secrets.
pub(crate) fn webhooks(stripe: &[&str], easypost: &[&str], mode: ProviderMode) -> WebhookSources {
    let secrets = |texts: &[&str]| -> Vec<_> {
        texts.iter().map(|text| Private::new((*text).to_owned())).collect()
    };
    WebhookSources::from([
        ("stripe", Arc::new(StripeWebhooks::new(secrets(stripe), mode)) as _),
        ("easypost", Arc::new(EasyPostWebhooks::new(secrets(easypost), mode)) as _),
    ])
}

/// Sends a request.
pub(crate) async fn send(api: &Api<World, World, World>, call: Call) -> Answer {
    let response =
        order_api::handle(&call.event, api, || panic!("the event brings its time")).await.unwrap();
    let text = response["body"].as_str().unwrap().to_owned();
    let answer = Answer {
        status: response["statusCode"].as_u64().unwrap(),
        headers: response["headers"].clone(),
        body: serde_json::from_str(&text).unwrap_or_default(),
        text,
    };
    is_documented(&call, &answer);
    answer
}

/// The OpenAPI document that the API serves.
pub(crate) fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let served = order_api::document::serve(
            &[Currency::Usd, Currency::Eur],
            &webhooks(&STRIPE, &EASYPOST, ProviderMode::Test),
        );
        serde_json::from_str(&served.body).unwrap()
    })
}

/// Whatever any test is answered is in the document: the status, the type of the
/// body, and the headers that say more.
#[track_caller]
fn is_documented(call: &Call, answer: &Answer) {
    let path = call.event["rawPath"].as_str().unwrap();
    let method = call.event["requestContext"]["http"]["method"].as_str().unwrap();
    let fits = |template: &str| {
        let parts = template.split('/').zip(path.split('/'));
        template.split('/').count() == path.split('/').count() && { parts }
            .all(|(part, given)| part == given || part.starts_with('{'))
    };
    let paths = document()["paths"].as_object().unwrap();
    let Some((template, item)) = paths.iter().find(|(template, _)| fits(template)) else { return };
    let Some(operation) = item.get(method.to_lowercase()) else { return };
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{method} {template} does not document {}", answer.status);
    let content_type = answer.headers["content-type"].as_str();
    let contents = response["content"].as_object().cloned().unwrap_or_default();
    let documented = content_type.is_none_or(|one| contents.contains_key(one));
    assert!(documented, "{method} {template} {} {content_type:?}", answer.status);
    for header in ["ETag", "Location", "Retry-After", "WWW-Authenticate"] {
        let sent = answer.headers.get(header.to_lowercase()).is_some();
        let named = response["headers"].get(header).is_some();
        assert!(named || !sent, "{method} {template} {} {header}", answer.status);
    }
}

impl Answer {
    /// The fields at fault.
    pub(crate) fn fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array();
        errors.into_iter().flatten().filter_map(|error| error["field"].as_str()).collect()
    }

    /// It is a problem of this status and kind, in the form of RFC 9457.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u64, kind: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["type"], format!("urn:problem-type:order-api:{kind}"));
        assert_eq!(self.body["status"], status);
        for name in ["title", "detail"] {
            assert!(self.body[name].as_str().is_some_and(|text| !text.is_empty()), "{name}");
        }
    }
}

impl LoadOrder for World {
    async fn load(&self, id: &OrderId) -> Result<Option<Order>, StoreUnavailable> {
        self.open()?;
        Ok(self.order(id))
    }
}

impl SaveOrder for World {
    async fn save(&self, before: &Order, after: &Order) -> Result<SaveResult, StoreUnavailable> {
        self.open()?;
        let mut orders = self.orders.lock().unwrap();
        if let Some(theirs) = self.meanwhile.lock().unwrap().take() {
            orders.insert(theirs.order_id.clone(), theirs);
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

impl FindOrder for World {
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

impl PlaceOrder for World {
    async fn place(&self, order: &Order) -> Result<PlaceResult, StoreUnavailable> {
        self.open()?;
        let mut orders = self.orders.lock().unwrap();
        if let Some(earlier) = orders.get(&order.order_id) {
            return Ok(PlaceResult::Exists(Box::new(earlier.clone())));
        }
        orders.insert(order.order_id.clone(), order.clone());
        Ok(PlaceResult::Created)
    }
}

impl ReadCatalog for World {
    async fn items(&self, skus: &[Sku]) -> Result<Vec<StockItem>, StoreUnavailable> {
        self.open()?;
        let shelves = self.shelves.lock().unwrap();
        Ok(skus.iter().filter_map(|sku| shelves.get(sku).cloned()).collect())
    }

    async fn all(&self) -> Result<Vec<StockItem>, StoreUnavailable> {
        self.open()?;
        Ok(self.shelves.lock().unwrap().values().cloned().collect())
    }
}

impl WriteCatalog for World {
    async fn add_product(
        &self,
        listing: &NewProduct,
    ) -> Result<AddProductResult, StoreUnavailable> {
        self.open()?;
        let mut shelves = self.shelves.lock().unwrap();
        let held = shelves.get(&listing.sku);
        if held.is_some() && listing.available.is_some() {
            return Ok(AddProductResult::AlreadyExists);
        }
        let opening = listing.available.unwrap_or(0);
        let item = StockItem {
            sku: listing.sku.clone(),
            title: listing.title.clone(),
            unit_price: listing.unit_price,
            weight_grams: listing.weight_grams,
            available: held.map_or(opening, |held| held.available),
            received: held.map_or(opening, |held| held.received),
        };
        shelves.insert(listing.sku.clone(), item.clone());
        Ok(AddProductResult::Added(item))
    }
}

impl StartExecution for World {
    async fn start(&self, name: &ExecutionName, input: &Value) -> Result<(), WorkflowUnavailable> {
        self.reach()?;
        self.started.lock().unwrap().push((name.to_string(), input.clone()));
        Ok(())
    }
}

impl SendTaskResult for World {
    async fn send(
        &self,
        token: &TaskToken,
        message: &TaskResult,
    ) -> Result<TaskDelivery, WorkflowUnavailable> {
        self.reach()?;
        self.answered.lock().unwrap().push((token.clone(), message.clone()));
        Ok(TaskDelivery::Delivered)
    }
}

impl ReadExecution for World {
    async fn read(
        &self,
        name: &ExecutionName,
    ) -> Result<Option<ExecutionView>, WorkflowUnavailable> {
        self.reach()?;
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

impl ListOrders for World {
    async fn list(
        &self,
        list: &OrderList,
        after: Option<&PageCursor>,
        limit: u32,
    ) -> Result<OrderPage, StoreUnavailable> {
        self.open()?;
        let mut found: Vec<Order> = self.orders.lock().unwrap().values().cloned().collect();
        found.retain(|order| match list {
            OrderList::Customer(id) => order.customer_id == *id,
            OrderList::Attention(why) => order.attention == Some(*why),
            OrderList::Open(bucket) => order.open.as_deref() == Some(&bucket.to_string()),
            OrderList::WaitingFor(sku) => order.waits_for.as_ref() == Some(sku),
        });
        let place =
            |order: &Order| PageCursor { order_id: order.order_id.clone(), at: order.created_at };
        found.sort_by_key(|order| (order.created_at, order.order_id.clone()));
        if matches!(list, OrderList::Customer(_)) {
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

impl RestockItem for World {
    async fn restock(
        &self,
        sku: &Sku,
        quantity: u32,
        key: &str,
        _at: Timestamp,
    ) -> Result<RestockResult, StoreUnavailable> {
        self.open()?;
        let mut shelves = self.shelves.lock().unwrap();
        let Some(item) = shelves.get_mut(sku) else { return Ok(RestockResult::UnknownSku) };
        let mut restocks = self.restocks.lock().unwrap();
        match restocks.insert(format!("{sku}#{key}"), quantity) {
            Some(before) if before == quantity => return Ok(RestockResult::Replayed(item.clone())),
            Some(before) => {
                restocks.insert(format!("{sku}#{key}"), before);
                return Ok(RestockResult::KeyReused);
            }
            None => {}
        }
        item.available += u64::from(quantity);
        item.received += u64::from(quantity);
        Ok(RestockResult::Restocked(item.clone()))
    }
}

impl StopExecution for World {
    async fn stop(
        &self,
        name: &ExecutionName,
        _cause: &'static str,
    ) -> Result<(), WorkflowUnavailable> {
        self.reach()?;
        self.stopped.lock().unwrap().push(name.to_string());
        Ok(())
    }
}
