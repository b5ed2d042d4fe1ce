//! Changes records behind the product's back: at the providers with their test keys, and
//! in the tables.

use std::time::Duration;

use domain::ports::{Method, Request, Transport as _};
use http_client::{HttpClient, Timeouts};
use jiff::Timestamp;
use local_stack::stack::Stack;
use local_stack::urls::Urls;
use serde_json::{Value, json};

/// Someone with the providers' dashboards and the console of the tables.
pub(crate) struct Tamperer<'a> {
    stack: &'a Stack,
    urls: Urls,
    http: HttpClient,
}

impl<'a> Tamperer<'a> {
    pub(crate) fn new(stack: &'a Stack) -> Self {
        let timeouts = Timeouts { connect: Duration::from_secs(3), total: Duration::from_mins(2) };
        Self { stack, urls: stack.urls(), http: HttpClient::new(timeouts).unwrap() }
    }

    /// Sends a request to Stripe with a test key.
    pub(crate) async fn stripe(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let headers = vec![
            ("authorization", "Bearer sk_test_hand".to_owned()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ];
        let body = serde_urlencoded::to_string(form).unwrap();
        self.post(format!("{}/v1/{path}", self.urls.stripe), headers, body).await
    }

    /// Sends a request to EasyPost with the test key `EZTKhand`.
    pub(crate) async fn easypost(&self, path: &str, body: &Value) -> Value {
        let headers = vec![
            ("authorization", "Basic RVpUS2hhbmQ6".to_owned()),
            ("content-type", "application/json".to_owned()),
        ];
        self.post(format!("{}/v2/{path}", self.urls.easypost), headers, body.to_string()).await
    }

    /// Updates an item of the Orders table.
    pub(crate) async fn update_order(&self, id: &str, update: &str, values: Value) {
        self.update_item("Orders", &json!({"orderId": {"S": id}}), update, values).await;
    }

    /// Updates an item of the Inventory table.
    pub(crate) async fn update_stock(&self, sku: &str, update: &str, values: Value) {
        self.update_item("Inventory", &json!({"sku": {"S": sku}}), update, values).await;
    }

    async fn update_item(&self, table: &str, key: &Value, update: &str, values: Value) {
        let mut body = json!({"TableName": table, "Key": key, "UpdateExpression": update});
        // An attribute's name may be a reserved word, so each name is a placeholder.
        let names = update.split(|c: char| !c.is_ascii_alphanumeric() && c != '#');
        let names = names.filter_map(|word| word.strip_prefix('#'));
        body["ExpressionAttributeNames"] =
            names.map(|name| (format!("#{name}"), json!(name))).collect();
        if values.as_object().is_some_and(|values| !values.is_empty()) {
            body["ExpressionAttributeValues"] = values;
        }
        self.dynamodb("UpdateItem", &body).await;
    }

    /// Calls DynamoDB.
    pub(crate) async fn dynamodb(&self, operation: &str, body: &Value) -> Value {
        let headers = vec![
            ("x-amz-target", format!("DynamoDB_20120810.{operation}")),
            ("content-type", "application/x-amz-json-1.0".to_owned()),
        ];
        self.post(self.urls.aws.clone(), headers, body.to_string()).await
    }

    /// Reconciles the ledgers at the stack's current time, and returns the report.
    pub(crate) async fn reconcile(&self) -> Value {
        self.reconcile_at(self.stack.clock().now()).await
    }

    /// Reconciles the ledgers at another time.
    pub(crate) async fn reconcile_at(&self, at: Timestamp) -> Value {
        let path = "2015-03-31/functions/reconcile-orders/invocations";
        let event = json!({"operation": "compare", "time": format!("{at:.3}")});
        self.post(format!("{}/{path}", self.urls.aws), Vec::new(), event.to_string()).await
    }

    /// Reads an order's item.
    pub(crate) async fn order(&self, id: &str) -> Value {
        let items = self.stack.items("Orders").await.unwrap();
        items.into_iter().find(|item| item["orderId"]["S"] == id).unwrap()
    }

    async fn post(&self, url: String, headers: Vec<(&'static str, String)>, body: String) -> Value {
        let request = Request { method: Method::Post, url, headers, body: body.into_bytes() };
        let response = self.http.send(request.clone()).await.unwrap();
        let text = String::from_utf8_lossy(&response.body).into_owned();
        assert!((200..300).contains(&response.status), "{request:?}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}
