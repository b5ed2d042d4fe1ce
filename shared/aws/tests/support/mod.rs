//! AWS in a test's own process: the emulator of `DynamoDB` behind the SDK's HTTP
//! seam, and answers written by hand where the emulator never gives them.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]
#![allow(dead_code, reason = "each test file uses its own part of this")]

pub(crate) mod page;

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

/// The tables' names.
pub(crate) const ORDERS: &str = "Orders";
/// See [`ORDERS`].
pub(crate) const INVENTORY: &str = "Inventory";

/// What happens to a call instead of reaching the emulator.
#[derive(Debug, Clone)]
pub(crate) enum Instead {
    /// This answer.
    Answer(u16, Value),
    /// No connection.
    Refuse,
    /// It has its effect, and the answer is lost.
    LoseAnswer,
}

/// An AWS of one's own.
#[derive(Debug, Clone)]
pub(crate) struct World(Arc<Inner>);

struct Inner {
    database: Database,
    instead: Mutex<VecDeque<Instead>>,
    calls: Mutex<Vec<(String, Value)>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

impl World {
    /// Empty tables.
    pub(crate) fn new() -> Self {
        let database = Database::memory().unwrap();
        for request in [orders_table(), inventory_table()] {
            database.create_table(serde_json::from_value(request).unwrap()).unwrap();
        }
        let (instead, calls) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { database, instead, calls }))
    }

    /// The clients of this world; two attempts a call, as the functions have.
    pub(crate) fn aws(&self) -> AwsClients {
        self.aws_trying(2)
    }

    /// The clients of this world, with so many attempts a call.
    pub(crate) fn aws_trying(&self, attempts: u32) -> AwsClients {
        let world = self.clone();
        let http = http_client_fn(move |_, _| SharedHttpConnector::new(world.clone()));
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

    /// What happens to the next call.
    pub(crate) fn next(&self, instead: Instead) {
        self.0.instead.lock().unwrap().push_back(instead);
    }

    /// The next call is refused with this error of the service.
    pub(crate) fn refuse_with(&self, code: &str) {
        self.next(Instead::Answer(400, json!({"__type": code, "message": "secret"})));
    }

    /// The next transaction is cancelled for these reasons.
    pub(crate) fn cancel_with(&self, codes: &[&str]) {
        let reasons: Vec<_> = codes.iter().map(|code| json!({"Code": code})).collect();
        let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
        let answer =
            json!({"__type": kind, "Message": "cancelled", "CancellationReasons": reasons});
        self.next(Instead::Answer(400, answer));
    }

    /// The operations that were called, in their order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.0.calls.lock().unwrap().iter().map(|(name, _)| name.clone()).collect()
    }

    /// What the latest call sent.
    pub(crate) fn last_request(&self) -> Value {
        self.0.calls.lock().unwrap().last().unwrap().1.clone()
    }

    /// One call of the emulator, past the aws.
    pub(crate) fn call(&self, operation: &str, body: &Value) -> Value {
        dispatch(&self.0.database, operation, body.clone()).unwrap()
    }

    fn meet(&self, target: &str, body: Value) -> Result<(u16, Value), ()> {
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        self.0.calls.lock().unwrap().push((operation.clone(), body.clone()));
        let instead = self.0.instead.lock().unwrap().pop_front();
        match instead {
            Some(Instead::Answer(status, answer)) => return Ok((status, answer)),
            Some(Instead::Refuse) => return Err(()),
            Some(Instead::LoseAnswer) => {
                let _lost = dispatch(&self.0.database, &operation, body);
                return Err(());
            }
            None => {}
        }
        Ok(match dispatch(&self.0.database, &operation, body) {
            Ok(answer) => (200, answer),
            Err(error) => (error.status_code(), serde_json::from_str(&error.to_json()).unwrap()),
        })
    }
}

impl HttpConnector for World {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let met = self.meet(&target, body);
        HttpConnectorFuture::ready(match met {
            Ok((status, answer)) => {
                Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(answer.to_string())))
            }
            Err(()) => Err(ConnectorError::io("the line is dead, secret".into())),
        })
    }
}

/// The Orders table with its sparse indexes, as the template declares it.
fn orders_table() -> Value {
    let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let index = |name: &str, sorted_by: &str| {
        json!({
            "IndexName": name, "KeySchema": [key(name, "HASH"), key(sorted_by, "RANGE")],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        })
    };
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
    ];
    json!({
        "TableName": ORDERS,
        "KeySchema": [key("orderId", "HASH")],
        "AttributeDefinitions":
            names.map(|name| json!({"AttributeName": name, "AttributeType": "S"})),
        "GlobalSecondaryIndexes": [
            index("open", "checkAt"), index("attention", "createdAt"),
            index("waitsFor", "createdAt"), index("customerId", "createdAt"),
            by_id("intentId"), by_id("shipmentId"),
        ],
        "BillingMode": "PAY_PER_REQUEST",
    })
}

fn inventory_table() -> Value {
    json!({
        "TableName": INVENTORY,
        "KeySchema": [{"AttributeName": "sku", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "sku", "AttributeType": "S"}],
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
        other => panic!("the emulator was asked for {other}"),
    }
}

fn typed<Request: DeserializeOwned, Answer: Serialize>(
    body: Value,
    act: impl FnOnce(Request) -> Result<Answer, DynoxideError>,
) -> Result<Value, DynoxideError> {
    let answer = act(serde_json::from_value(body).unwrap())?;
    Ok(serde_json::to_value(answer).unwrap())
}
