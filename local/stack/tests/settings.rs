//! A changed setting and a rotated secret reach the running functions: real processes that
//! read Secrets Manager, and `PutSecretValue` on the running stack.
//!
//! Needs cargo, which builds the functions.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use emulators::webhooks::stripe_signature;
use local_stack::clock::ClockSettings;
use local_stack::functions::{self, Profile};
use local_stack::scenarios::client::{Client, Response};
use local_stack::scenarios::stock_levels::load_stock;
use local_stack::stack::{STRIPE_WEBHOOK_SECRET, Settings, Stack};
use local_stack::workspace;
use serde_json::{Value, json};

/// How old a setting may be in the first test.
const MAX_AGE: Duration = Duration::from_secs(1);
/// A function that does not read a change within this time never will.
const LIMIT: Duration = Duration::from_mins(1);

struct Shop {
    stack: Stack,
    client: Client,
    orders: u32,
}

impl Shop {
    /// A stack whose clock is wall time, because what is measured here is the age of what
    /// real processes have read.
    async fn start(max_age: Option<Duration>) -> Self {
        let root = workspace::root();
        let binaries = functions::build_in(&root, Profile::Dev).unwrap();
        let settings = Settings::temporary(&root, binaries).with_clock(ClockSettings::default());
        let settings = match max_age {
            Some(age) => settings.with_settings_max_age(age),
            None => settings,
        };
        let stack = Stack::start(settings).await.unwrap();
        load_stock(&stack, &root).await.unwrap();
        let client = Client::new(stack.urls());
        Self { stack, client, orders: 0 }
    }

    async fn place(&mut self, file: &str) -> String {
        let path = workspace::root().join("events/orders").join(file);
        let order: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        self.orders += 1;
        let placed = self.client.place_order(&order, &format!("settings-{}", self.orders)).await;
        let placed = placed.unwrap().into_success("placing the order").unwrap();
        placed["orderId"].as_str().unwrap().to_owned()
    }

    /// Waits until the order has this status.
    async fn reaches(&self, order: &str, status: &str) {
        let mut writes = self.stack.order_writes();
        let reached = async {
            while self.client.order(order).await.unwrap()["status"] != status {
                drop(writes.recv().await);
            }
        };
        let in_time = tokio::time::timeout(LIMIT, reached).await;
        let now = self.client.order(order).await.unwrap()["status"].clone();
        assert!(in_time.is_ok(), "{order} is {now}, not {status}");
    }

    async fn put(&self, secret: &str, value: &str) {
        let body = json!({"SecretId": secret, "SecretString": value});
        let put = self.client.secrets_manager("PutSecretValue", &body).await.unwrap();
        put.into_success("PutSecretValue").unwrap();
    }

    /// Changes one setting. When this returns, every value that was read before is too old.
    async fn change(&self, name: &str, value: Value) {
        let body = json!({"SecretId": "Settings"});
        let current = self.client.secrets_manager("GetSecretValue", &body).await.unwrap();
        let text = current.body["SecretString"].as_str().unwrap().to_owned();
        let mut settings: Value = serde_json::from_str(&text).unwrap();
        settings[name] = value;
        self.put("Settings", &settings.to_string()).await;
        // The passing of time is what this test is about.
        tokio::time::sleep(MAX_AGE).await;
    }

    async fn item(&self, order: &str) -> Value {
        self.stack.item("Orders", &json!({"orderId": {"S": order}})).await.unwrap()
    }

    /// The city that the order's parcel is sent from.
    async fn ships_from(&self, order: &str) -> String {
        let item = self.item(order).await;
        let id = item["shipment"]["M"]["shipmentId"]["S"].as_str().unwrap();
        let shipment = self.client.easypost_shipment(id).await.unwrap();
        shipment["from_address"]["city"].as_str().unwrap().to_lowercase()
    }

    async fn retry(&self, order: &str) -> Response {
        self.client.operate(order, "resume", &json!({"action": "retry"})).await.unwrap()
    }
}

fn ship_from(city: &str) -> Value {
    json!({"name": "The \"New\" Shop", "phone": "+14155550100", "street1": "1 Main Street",
        "city": city, "state": "NV", "postalCode": "89501", "country": "US"})
}

#[tokio::test(flavor = "multi_thread")]
async fn each_setting_reaches_new_and_waiting_orders_within_the_maximum_age() {
    let mut shop = Shop::start(Some(MAX_AGE)).await;
    // Every function has read the settings as they are deployed, and one order waits.
    let before = shop.place("two-items.json").await;
    shop.reaches(&before, "FULFILLED").await;
    assert_eq!(shop.ships_from(&before).await, "san francisco");
    let waiting = shop.place("back-ordered.json").await;
    shop.reaches(&waiting, "BACKORDERED").await;

    shop.change("SHIP_FROM", ship_from("Reno")).await;
    let response = shop.client.restock("GLOBE-01", 1, "settings-restock").await.unwrap();
    response.into_success("restocking").unwrap();
    shop.reaches(&waiting, "FULFILLED").await;
    assert_eq!(shop.ships_from(&waiting).await, "reno", "the running order");
    let new = shop.place("two-items.json").await;
    shop.reaches(&new, "FULFILLED").await;
    assert_eq!(shop.ships_from(&new).await, "reno", "a new order");

    shop.change("REVIEW_THRESHOLD", json!("USD=1,EUR=1,GBP=1")).await;
    let reviewed = shop.place("two-items.json").await;
    shop.reaches(&reviewed, "IN_REVIEW").await;

    shop.change("CURRENCIES", json!("EUR")).await;
    let body = json!({"SecretId": "Settings"});
    let order = std::fs::read(workspace::root().join("events/orders/two-items.json")).unwrap();
    let order: Value = serde_json::from_slice(&order).unwrap();
    let refused = shop.client.place_order(&order, "settings-refused").await.unwrap();
    assert_eq!(refused.status, 422, "dollars are not accepted any more: {:?}", refused.body);
    shop.change("CURRENCIES", json!("USD,EUR")).await;

    // The keys are test keys: in live mode none of them is used, and nothing is charged.
    shop.change("REVIEW_THRESHOLD", json!("USD=100000000,EUR=100000000")).await;
    shop.change("PROVIDER_MODE", json!("live")).await;
    let stopped = shop.place("two-items.json").await;
    shop.reaches(&stopped, "NEEDS_ATTENTION").await;
    let cause = &shop.item(&stopped).await["attentionCause"]["M"];
    assert_eq!(cause["problem"]["S"], "WRONG_MODE");
    shop.change("PROVIDER_MODE", json!("test")).await;
    shop.retry(&stopped).await.into_success("retry").unwrap();
    shop.reaches(&stopped, "FULFILLED").await;

    // A value that is invalid replaces no valid one.
    shop.put("Settings", "not JSON").await;
    tokio::time::sleep(MAX_AGE).await;
    let unharmed = shop.place("two-items.json").await;
    shop.reaches(&unharmed, "FULFILLED").await;
    let described = shop.client.secrets_manager("DescribeSecret", &body).await.unwrap();
    assert_eq!(described.status, 200);
    shop.stack.shutdown().await;
}

/// Delivers a genuine event that is about no order, signed with this secret.
async fn deliver(shop: &Shop, secret: &str) -> u16 {
    let event = json!({"id": "evt_1", "livemode": false,
        "data": {"object": {"object": "payment_intent", "id": "pi_foreign"}}});
    let body = event.to_string().into_bytes();
    let signature = stripe_signature(secret, shop.stack.clock().now(), &body);
    let header = ("stripe-signature", signature.as_str());
    shop.client.deliver_webhook("/webhooks/stripe", header, body).await.unwrap().status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_webhook_secret_is_accepted_at_once_and_a_flood_of_forgeries_reads_nothing() {
    // The maximum age is the real one: five minutes.
    let shop = Shop::start(None).await;
    assert_eq!(deliver(&shop, STRIPE_WEBHOOK_SECRET).await, 200);
    shop.put("StripeWebhookSecret", "whsec_new").await;
    assert_eq!(deliver(&shop, STRIPE_WEBHOOK_SECRET).await, 200, "the old one is still known");
    assert_eq!(deliver(&shop, "whsec_new").await, 200, "the first bad signature reads it");
    assert_eq!(deliver(&shop, STRIPE_WEBHOOK_SECRET).await, 400);
    let reads = |shop: &Shop| -> u64 {
        let reads = shop.stack.secrets().reads();
        let of_secret = reads.iter().filter(|((secret, _), _)| secret == "StripeWebhookSecret");
        of_secret.map(|(_, count)| count).sum()
    };
    let before = reads(&shop);
    for _ in 0..50 {
        assert_eq!(deliver(&shop, "forged").await, 400);
    }
    // A pause of ten seconds lies between two reads, and 50 requests take a few.
    assert!(reads(&shop) <= before + 3, "{before} and then {}", reads(&shop));
    shop.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_a_busy_shop_share_what_was_read() {
    let mut shop = Shop::start(None).await;
    for _ in 0..10 {
        let order = shop.place("one-item.json").await;
        shop.reaches(&order, "FULFILLED").await;
    }
    let reads = shop.stack.secrets().reads();
    let of = |function: &str| -> u64 {
        let read = reads.iter().filter(|((_, caller), _)| caller == function);
        read.map(|(_, count)| count).sum()
    };
    // One process of each function served them, one after another.
    assert_eq!(of("process-payment"), 2, "its key and the settings: {reads:?}");
    assert_eq!(of("initiate-shipping"), 2, "{reads:?}");
    // The emulators deliver webhooks concurrently, to several processes.
    assert!(of("order-api") < 3 * 10, "fewer than each secret for each order: {reads:?}");
    assert_eq!(of("check-inventory"), 0);
    shop.stack.shutdown().await;
}
