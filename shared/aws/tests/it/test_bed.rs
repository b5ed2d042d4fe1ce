//! AWS inside the test's process: a `DynamoDB` emulator behind the SDK's HTTP connector,
//! and injected responses where the emulator cannot produce them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws::AwsClients;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// The name of the Orders table.
pub(crate) const ORDERS: &str = "Orders";
/// The name of the Inventory table.
pub(crate) const INVENTORY: &str = "Inventory";
/// The name of the table of recent orders.
pub(crate) const RECENT_ORDERS: &str = "RecentOrders";

/// What happens to a call in place of a plain pass to the emulator.
#[derive(Debug, Clone)]
pub(crate) enum Injected {
    /// The emulator handles the call; the next injection is for the call after it.
    Pass,
    /// The call gets this status and body.
    Response(u16, Value),
    /// No connection is made.
    ConnectionError,
    /// The emulator handles the call, and its response is lost.
    LostResponse,
}

/// The AWS of one test.
#[derive(Debug, Clone)]
pub(crate) struct TestBed(Arc<Inner>);

struct Inner {
    database: Database,
    injected: Mutex<VecDeque<Injected>>,
    calls: Mutex<Vec<(String, Value)>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TestBed")
    }
}

impl TestBed {
    /// Empty tables.
    pub(crate) fn new() -> Self {
        let database = Database::memory().unwrap();
        for request in [
            orders_table(),
            simple_table(INVENTORY, "sku"),
            simple_table(RECENT_ORDERS, "customerId"),
        ] {
            database.create_table(serde_json::from_value(request).unwrap()).unwrap();
        }
        let (injected, calls) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { database, injected, calls }))
    }

    /// Clients with two attempts per call, as the functions have.
    pub(crate) fn aws(&self) -> AwsClients {
        self.aws_with_attempts(2)
    }

    /// Clients with this number of attempts per call.
    pub(crate) fn aws_with_attempts(&self, attempts: u32) -> AwsClients {
        let bed = self.clone();
        let http = http_client_fn(move |_, _| SharedHttpConnector::new(bed.clone()));
        let credentials = Credentials::new("test", "test", None, None, "test");
        AwsClients::from_config(
            SdkConfig::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::new("us-east-1"))
                .credentials_provider(SharedCredentialsProvider::new(credentials))
                .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
                .time_source(aws_smithy_async::time::SystemTimeSource::new())
                .retry_config(RetryConfig::standard().with_max_attempts(attempts))
                .http_client(http)
                .build(),
        )
    }

    /// Injects an outcome into the next call that has none yet.
    pub(crate) fn inject(&self, injected: Injected) {
        self.0.injected.lock().unwrap().push_back(injected);
    }

    /// Rejects the next call with this error code.
    pub(crate) fn reject_with(&self, code: &str) {
        self.inject(Injected::Response(400, json!({"__type": code, "message": "secret"})));
    }

    /// Cancels the next transaction for these reasons.
    pub(crate) fn cancel_with(&self, codes: &[&str]) {
        let reasons: Vec<_> = codes.iter().map(|code| json!({"Code": code})).collect();
        let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
        let body = json!({"__type": kind, "Message": "canceled", "CancellationReasons": reasons});
        self.inject(Injected::Response(400, body));
    }

    /// The operations that were called, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.0.calls.lock().unwrap().iter().map(|(name, _)| name.clone()).collect()
    }

    /// The body of the latest call.
    pub(crate) fn last_request(&self) -> Value {
        self.0.calls.lock().unwrap().last().unwrap().1.clone()
    }

    /// Calls the emulator directly.
    pub(crate) fn call(&self, operation: &str, body: &Value) -> Value {
        dispatch(&self.0.database, operation, body.clone()).unwrap()
    }

    /// Handles a call of the SDK; `Err` if no response arrives.
    fn handle(&self, target: &str, body: Value) -> Result<(u16, Value), ()> {
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        self.0.calls.lock().unwrap().push((operation.clone(), body.clone()));
        let injected = self.0.injected.lock().unwrap().pop_front();
        match injected {
            Some(Injected::Response(status, body)) => return Ok((status, body)),
            Some(Injected::ConnectionError) => return Err(()),
            Some(Injected::LostResponse) => {
                let _lost = dispatch(&self.0.database, &operation, body);
                return Err(());
            }
            Some(Injected::Pass) | None => {}
        }
        Ok(match dispatch(&self.0.database, &operation, body) {
            Ok(body) => (200, body),
            Err(error) => (error.status_code(), serde_json::from_str(&error.to_json()).unwrap()),
        })
    }
}

impl HttpConnector for TestBed {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let response = match self.handle(&target, body) {
            Ok((status, body)) => {
                Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string())))
            }
            Err(()) => Err(ConnectorError::io("no connection, secret".into())),
        };
        // As over a network, other tasks go on before the response arrives.
        HttpConnectorFuture::new(async {
            tokio::task::yield_now().await;
            response
        })
    }
}

/// The Orders table with its sparse indexes, as the template declares it.
fn orders_table() -> Value {
    let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let index_with = |name: &str, sort_key: &str, more: &[&str]| {
        let projection = match more {
            [] => json!({"ProjectionType": "KEYS_ONLY"}),
            more => json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": more}),
        };
        json!({
            "IndexName": name, "KeySchema": [key(name, "HASH"), key(sort_key, "RANGE")],
            "Projection": projection,
        })
    };
    let index = |name: &str, sort_key: &str| index_with(name, sort_key, &[]);
    let by_id = |name: &str| {
        json!({
            "IndexName": name, "KeySchema": [key(name, "HASH")],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        })
    };
    let names = [
        "orderId",
        "open",
        "checkAt",
        "attention",
        "createdAt",
        "waitsFor",
        "customerId",
        "intentId",
        "shipmentId",
        "closedDay",
        "closedAt",
        "retention",
        "finalizedAt",
    ];
    json!({
        "TableName": ORDERS,
        "KeySchema": [key("orderId", "HASH")],
        "AttributeDefinitions":
            names.map(|name| json!({"AttributeName": name, "AttributeType": "S"})),
        "GlobalSecondaryIndexes": [
            index_with("open", "checkAt", &["status", "createdAt", "compensation"]),
            index("attention", "createdAt"),
            index("waitsFor", "createdAt"), index("customerId", "createdAt"),
            index("retention", "finalizedAt"), by_id("intentId"), by_id("shipmentId"),
            index_with("closedDay", "closedAt", &["status"]),
        ],
        "BillingMode": "PAY_PER_REQUEST",
    })
}

fn simple_table(name: &str, key: &str) -> Value {
    json!({
        "TableName": name,
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    })
}

fn dispatch(db: &Database, operation: &str, body: Value) -> Result<Value, DynoxideError> {
    match operation {
        "GetItem" => typed(body, |request| db.get_item(request)),
        "PutItem" => typed(body, |request| db.put_item(request)),
        "UpdateItem" => typed(body, |request| db.update_item(request)),
        "BatchGetItem" => typed(body, |request| db.batch_get_item(request)),
        "Scan" => typed(body, |request| db.scan(request)),
        "Query" => typed(body, |request| db.query(request)),
        "TransactWriteItems" => typed(body, |request| db.transact_write_items(request)),
        other => panic!("the test bed does not support {other}"),
    }
}

fn typed<Request: DeserializeOwned, Response: Serialize>(
    body: Value,
    handle: impl FnOnce(Request) -> Result<Response, DynoxideError>,
) -> Result<Value, DynoxideError> {
    let response = handle(serde_json::from_value(body).unwrap())?;
    Ok(serde_json::to_value(response).unwrap())
}
