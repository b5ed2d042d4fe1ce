//! The limits per customer hold when 64 requests of one customer arrive at once: real
//! processes, real HTTP, policies enforced.
//!
//! Needs cargo, which builds the functions.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints what it saw"
)]

use std::collections::BTreeMap;

use local_stack::functions::{self, Profile};
use local_stack::scenarios::client::Client;
use local_stack::scenarios::read_json;
use local_stack::scenarios::stock_levels::load_stock;
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const REQUESTS: usize = 64;

struct Shop {
    stack: Stack,
    client: Client,
}

impl Shop {
    /// A stack with these limits, before any function has read its settings.
    async fn with_limits(limits: &[(&str, u32)]) -> Self {
        let root = workspace::root();
        let binaries = functions::build_in(&root, Profile::Dev).unwrap();
        let settings = Settings::temporary(&root, binaries).with_policies(true);
        let stack = Stack::start(settings).await.unwrap();
        let client = Client::new(stack.urls());
        let read = json!({"SecretId": "Settings"});
        let stored = client.secrets_manager("GetSecretValue", &read).await.unwrap();
        let text = stored.body["SecretString"].as_str().unwrap();
        let mut values: Value = serde_json::from_str(text).unwrap();
        for (name, max) in limits {
            values[*name] = json!(max);
        }
        let put = json!({"SecretId": "Settings", "SecretString": values.to_string()});
        let put = client.secrets_manager("PutSecretValue", &put).await.unwrap();
        put.into_success("PutSecretValue").unwrap();
        load_stock(&stack, &root).await.unwrap();
        Self { stack, client }
    }

    /// Places so many orders at once. Returns how often each status was answered.
    async fn place_at_once(&self, order: &Value, name: &str) -> BTreeMap<u16, usize> {
        let mut requests = JoinSet::new();
        for number in 0..REQUESTS {
            let (client, order) = (self.client.clone(), order.clone());
            let key = format!("{name}-{number}");
            requests.spawn(async move { place(&client, &order, &key).await });
        }
        let mut statuses = BTreeMap::new();
        for status in requests.join_all().await {
            *statuses.entry(status).or_default() += 1;
        }
        statuses
    }

    async fn placed(&self) -> usize {
        self.stack.items("Orders").await.unwrap().len()
    }
}

/// Places an order, and sends the request again while it is not answered, as a client does: 64
/// processes start at once, and some are too late for the API's time limit. A request that is
/// sent again counts once.
async fn place(client: &Client, order: &Value, key: &str) -> u16 {
    loop {
        let response = client.place_order(order, key).await.unwrap();
        if response.status != 503 {
            return response.status;
        }
        println!("{key}: {}", response.body);
    }
}

fn order(file: &str) -> Value {
    read_json(&workspace::root().join("events/orders").join(file)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_orders_that_a_customer_places_at_once_only_the_hourly_limit_is_accepted() {
    let shop = Shop::with_limits(&[("MAX_ORDERS_PER_HOUR", 20)]).await;
    let statuses = shop.place_at_once(&order("two-items.json"), "hourly").await;
    assert_eq!(statuses, [(202, 20), (429, 44)].into());
    assert_eq!(shop.placed().await, 20);
    shop.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_scheduled_orders_only_the_limit_of_scheduled_ones_is_accepted() {
    let shop = Shop::with_limits(&[("MAX_SCHEDULED_ORDERS", 10), ("MAX_OPEN_ORDERS", 12)]).await;
    let mut scheduled = order("scheduled.json");
    let date = shop.stack.clock().now().saturating_add(jiff::SignedDuration::from_hours(48));
    scheduled["scheduledFor"] = json!(format!("{:.0}", date.unwrap()));
    let statuses = shop.place_at_once(&scheduled, "scheduled").await;
    assert_eq!(statuses, [(202, 10), (429, 54)].into());
    assert_eq!(shop.placed().await, 10);
    // These stay open, because they need a review.
    let statuses = shop.place_at_once(&order("needs-review.json"), "open").await;
    assert_eq!(statuses, [(202, 2), (429, 62)].into(), "open orders, scheduled ones included");
    assert_eq!(shop.placed().await, 12);
    shop.stack.shutdown().await;
}
