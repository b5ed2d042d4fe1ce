//! A running stack with the real binaries, and calls of its panel.

use std::sync::OnceLock;

use local_stack::functions::{self, Binaries, Profile};
use local_stack::scenarios::client::Client;
use local_stack::scenarios::read_json;
use local_stack::scenarios::stock_levels::load_stock;
use local_stack::stack::{Settings, Stack};
use local_stack::workspace;
use serde_json::{Value, json};

/// Built once for all tests.
static BINARIES: OnceLock<Binaries> = OnceLock::new();

pub(crate) struct TestBed {
    pub(crate) stack: Stack,
    pub(crate) client: Client,
}

impl TestBed {
    pub(crate) async fn start() -> Self {
        let root = workspace::root();
        let binaries = BINARIES.get_or_init(|| functions::build_in(&root, Profile::Dev).unwrap());
        let settings = Settings::temporary(&root, binaries.clone());
        let stack = Stack::start(settings).await.unwrap();
        load_stock(&stack, &root).await.unwrap();
        let client = Client::new(stack.urls());
        Self { stack, client }
    }

    /// Calls the panel. Returns the status and the body.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = (!body.is_null()).then_some(&body);
        let response = self.client.panel(method, path, body).await.unwrap();
        (response.status, response.body)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Plants a fault, which must succeed. Without an order, for the next one.
    pub(crate) async fn plant(&self, fault: &str, order_id: Option<&str>) -> Value {
        let mut body = json!({ "fault": fault });
        if let Some(order_id) = order_id {
            body["orderId"] = json!(order_id);
        }
        let (status, state) = self.call("POST", "faults", body).await;
        assert_eq!(status, 200, "{fault}: {state}");
        state
    }

    /// Places a sample order and returns its id.
    pub(crate) async fn place(&self, sample: &str, key: &str) -> String {
        let placed = self.try_place(sample, key).await;
        assert_eq!(placed.0, 202, "{sample}: {}", placed.1);
        placed.1["orderId"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn try_place(&self, sample: &str, key: &str) -> (u16, Value) {
        let response = self.client.place_order(&sample_order(sample), key).await.unwrap();
        (response.status, response.body)
    }
}

pub(crate) fn sample_order(name: &str) -> Value {
    read_json(&workspace::root().join("events/orders").join(name)).unwrap()
}
