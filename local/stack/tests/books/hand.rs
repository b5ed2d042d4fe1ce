//! A hand in the books: what somebody with the providers' dashboards and the tables'
//! console can do behind the product's back.

use std::time::Duration;

use domain::ports::{Method, Request, Transport as _};
use http_client::{HttpClient, Timeouts};
use jiff::Timestamp;
use local_stack::stack::Stack;
use local_stack::urls::Urls;
use serde_json::{Value, json};

/// The hand.
pub(crate) struct Hand<'a> {
    stack: &'a Stack,
    urls: Urls,
    https: HttpClient,
}

impl<'a> Hand<'a> {
    pub(crate) fn of(stack: &'a Stack) -> Self {
        let limits = Timeouts { connect: Duration::from_secs(3), total: Duration::from_mins(2) };
        Self { stack, urls: stack.urls(), https: HttpClient::new(limits).unwrap() }
    }

    /// Asks the gateway with its test key.
    pub(crate) async fn gateway(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let headers = vec![
            ("authorization", "Bearer sk_test_hand".to_owned()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ];
        let body = serde_urlencoded::to_string(form).unwrap();
        self.post(format!("{}/v1/{path}", self.urls.gateway), headers, body).await
    }

    /// Asks the carrier with its test key, `EZTKhand`.
    pub(crate) async fn carrier(&self, path: &str, body: &Value) -> Value {
        let headers = vec![
            ("authorization", "Basic RVpUS2hhbmQ6".to_owned()),
            ("content-type", "application/json".to_owned()),
        ];
        self.post(format!("{}/v2/{path}", self.urls.carrier), headers, body.to_string()).await
    }

    /// Writes into a record of the Orders table.
    pub(crate) async fn order(&self, id: &str, update: &str, values: Value) {
        self.record("Orders", &json!({"orderId": {"S": id}}), update, values).await;
    }

    /// Writes into a shelf.
    pub(crate) async fn shelf(&self, sku: &str, update: &str, values: Value) {
        self.record("Inventory", &json!({"sku": {"S": sku}}), update, values).await;
    }

    async fn record(&self, table: &str, key: &Value, update: &str, values: Value) {
        let mut body = json!({"TableName": table, "Key": key, "UpdateExpression": update});
        // Every name of an attribute may be a reserved word, so each stands for itself.
        let names = update.split(|c: char| !c.is_ascii_alphanumeric() && c != '#');
        let names = names.filter_map(|word| word.strip_prefix('#'));
        body["ExpressionAttributeNames"] =
            names.map(|name| (format!("#{name}"), json!(name))).collect();
        if values.as_object().is_some_and(|values| !values.is_empty()) {
            body["ExpressionAttributeValues"] = values;
        }
        self.dynamodb("UpdateItem", &body).await;
    }

    /// Asks DynamoDB.
    pub(crate) async fn dynamodb(&self, operation: &str, body: &Value) -> Value {
        let headers = vec![
            ("x-amz-target", format!("DynamoDB_20120810.{operation}")),
            ("content-type", "application/x-amz-json-1.0".to_owned()),
        ];
        self.post(self.urls.aws.clone(), headers, body.to_string()).await
    }

    /// Has the books compared, as of the stack's now.
    pub(crate) async fn compare(&self) -> Value {
        self.compare_at(self.stack.clock().now()).await
    }

    /// The same as of another moment.
    pub(crate) async fn compare_at(&self, at: Timestamp) -> Value {
        let path = "2015-03-31/functions/reconcile-orders/invocations";
        let event = json!({"operation": "compare", "time": format!("{at:.3}")});
        self.post(format!("{}/{path}", self.urls.aws), Vec::new(), event.to_string()).await
    }

    /// The record of an order.
    pub(crate) async fn row(&self, id: &str) -> Value {
        let rows = self.stack.items("Orders").await.unwrap();
        rows.into_iter().find(|row| row["orderId"]["S"] == id).unwrap()
    }

    async fn post(&self, url: String, headers: Vec<(&'static str, String)>, body: String) -> Value {
        let request = Request { method: Method::Post, url, headers, body: body.into_bytes() };
        let response = self.https.send(request.clone()).await.unwrap();
        let said = String::from_utf8_lossy(&response.body).into_owned();
        assert!((200..300).contains(&response.status), "{request:?}: {said}");
        serde_json::from_str(&said).unwrap()
    }
}
