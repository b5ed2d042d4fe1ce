//! The test bed: the API over in-memory ports, and the requests and responses of a test.

mod ports;
mod recent_orders;
mod request;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use aws::configuration::SignIn;
use domain::audit::AuditEntry;
use domain::catalog::StockItem;
use domain::decision::TaskResult;
use domain::ports::{ProviderMode, SettingFuture, ShopSettings, WebhookKeys};
use domain::recent_orders::OrderLimits;
use domain::{Country, Currency, Money, Order, OrderId, Private, Sku, TaskToken};
use easypost::EasyPostWebhooks;
use order_api::{Api, PaymentIdPrefixes, WebhookSources};
use serde_json::Value;
use stripe::StripeWebhooks;

pub(crate) use self::recent_orders::FakeRecentOrders;
pub(crate) use self::request::{
    TestRequest, TestResponse, hmac, id_of, order_body, place_order, send,
};

/// The customer who places the sample orders.
pub(crate) const ADA: &str = "customer-1";
/// Another customer.
pub(crate) const BOB: &str = "customer-2";
/// An operator.
pub(crate) const OP: &str = "op-1";

/// Stripe's webhook secrets: the new one and the old one.
pub(crate) const STRIPE: [&str; 2] = ["whsec_new", "whsec_old"];
/// EasyPost's webhook secrets: the new one and the old one.
pub(crate) const EASYPOST: [&str; 2] = ["nouveau s\u{e9}cret", "old secret"];

/// The API over test beds: one instance per port.
pub(crate) type TestApi = Api<TestBed, TestBed, TestBed>;

/// In-memory state behind a port.
#[derive(Default)]
pub(crate) struct TestBed {
    /// The Orders table.
    pub(crate) orders: Mutex<BTreeMap<OrderId, Order>>,
    /// The Inventory table.
    pub(crate) stock: Mutex<BTreeMap<Sku, StockItem>>,
    /// The audit histories of the products.
    pub(crate) product_audits: Mutex<BTreeMap<Sku, Vec<AuditEntry>>>,
    /// The names and inputs of the started executions.
    pub(crate) started: Mutex<Vec<(String, Value)>>,
    /// The names of the stopped executions.
    pub(crate) stopped: Mutex<Vec<String>>,
    /// The quantities of earlier changes of stock, by kind, SKU, actor and idempotency key.
    pub(crate) stock_requests: Mutex<BTreeMap<String, u32>>,
    /// The results that were sent to waiting tasks.
    pub(crate) task_results: Mutex<Vec<(TaskToken, TaskResult)>>,
    /// Whether the tables are unavailable.
    pub(crate) store_is_down: Mutex<bool>,
    /// Whether Step Functions is unavailable.
    pub(crate) workflow_is_down: Mutex<bool>,
    /// The order that another writer saves just before the next save.
    pub(crate) concurrent_write: Mutex<Option<Order>>,
}

impl TestBed {
    /// A shop that sells mugs, shirts and pins in dollars, a cup in euros and a fan in yen.
    pub(crate) fn new() -> TestApi {
        let inventory = Self::default();
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
            inventory.stock.lock().unwrap().insert(sku, item);
        }
        Api {
            orders: Self::default(),
            inventory,
            workflow: Self::default(),
            recent_orders: Arc::new(FakeRecentOrders::default()),
            settings: Arc::new(TestSettings::default()),
            payment_ids: PaymentIdPrefixes { payment_method: "pm_", customer: "cus_" },
            webhooks: WebhookSources::from([
                ("stripe", Arc::new(StripeWebhooks) as _),
                ("easypost", Arc::new(EasyPostWebhooks) as _),
            ]),
            sign_in: SignIn::Development,
        }
    }

    /// The same shop, with this order on record.
    pub(crate) fn with(order: &Order) -> TestApi {
        let api = Self::new();
        api.orders.insert(order.clone());
        api
    }

    /// Puts an order on record.
    pub(crate) fn insert(&self, order: Order) {
        self.orders.lock().unwrap().insert(order.order_id.clone(), order);
    }

    /// The order of this id.
    pub(crate) fn order(&self, id: &OrderId) -> Option<Order> {
        self.orders.lock().unwrap().get(id).cloned()
    }

    /// The number of orders.
    pub(crate) fn count(&self) -> usize {
        self.orders.lock().unwrap().len()
    }
}

/// The recorded state of an order that is on record.
pub(crate) fn recorded(api: &TestApi, order: &Order) -> Order {
    api.orders.order(&order.order_id).unwrap()
}

/// The currencies of the shop.
pub(crate) const CURRENCIES: [Currency; 2] = [Currency::Usd, Currency::Eur];

/// The limits per customer.
pub(crate) const LIMITS: OrderLimits =
    OrderLimits { per_hour: 6, open: 5, scheduled: 2, failed_per_hour: 3 };

/// Settings that a test may change. `newer` are those that are stored but not read yet.
#[derive(Debug)]
pub(crate) struct TestSettings {
    known: Mutex<BTreeMap<&'static str, WebhookKeys>>,
    pub(crate) newer: Mutex<BTreeMap<&'static str, WebhookKeys>>,
    /// How often a bad signature led to a read.
    pub(crate) read_again: Mutex<u32>,
}

impl Default for TestSettings {
    fn default() -> Self {
        Self::with_webhooks(&STRIPE, &EASYPOST, ProviderMode::Test)
    }
}

impl TestSettings {
    /// Settings with these webhook secrets.
    pub(crate) fn with_webhooks(stripe: &[&str], easypost: &[&str], mode: ProviderMode) -> Self {
        let known = [("stripe", keys(stripe, mode)), ("easypost", keys(easypost, mode))].into();
        Self { known: Mutex::new(known), newer: Mutex::default(), read_again: Mutex::default() }
    }
}

/// The keys with these secrets.
pub(crate) fn keys(secrets: &[&str], mode: ProviderMode) -> WebhookKeys {
    let secrets = secrets.iter().map(|text| Private::new((*text).to_owned())).collect();
    WebhookKeys { secrets, mode }
}

impl ShopSettings for TestSettings {
    fn currencies(&self) -> SettingFuture<'_, Vec<Currency>> {
        Box::pin(async { Ok(CURRENCIES.to_vec()) })
    }

    fn ship_to_countries(&self) -> SettingFuture<'_, Vec<Country>> {
        let countries = ["US", "CA", "DE"].into_iter().filter_map(Country::from_code).collect();
        Box::pin(async { Ok(countries) })
    }

    fn order_limits(&self) -> SettingFuture<'_, OrderLimits> {
        Box::pin(async { Ok(LIMITS) })
    }

    fn webhook_keys<'a>(&'a self, provider: &'a str) -> SettingFuture<'a, WebhookKeys> {
        let keys = self.known.lock().unwrap()[provider].clone();
        Box::pin(async move { Ok(keys) })
    }

    fn newer_webhook_keys<'a>(
        &'a self,
        provider: &'a str,
        _: &'a WebhookKeys,
    ) -> SettingFuture<'a, Option<WebhookKeys>> {
        *self.read_again.lock().unwrap() += 1;
        let newer = self.newer.lock().unwrap().get(provider).cloned();
        Box::pin(async move { Ok(newer) })
    }
}

/// The OpenAPI document that the API serves.
pub(crate) fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let response = order_api::document::serve(&TestBed::new(), &CURRENCIES);
        serde_json::from_str(&response.body).unwrap()
    })
}
