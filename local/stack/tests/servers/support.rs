//! Shared fixtures: a Lambda host with the probe function, and an AWS endpoint.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use local_stack::aws::{AwsError, Endpoint, ServiceReply, Services, StepFunctionsApi};
use local_stack::clock::{ClockSettings, StackClock};
use local_stack::counters::Counters;
use local_stack::dynamodb::{Deps, DynamoDb, Store};
use local_stack::faults::Faults;
use local_stack::lambda::{
    EventRetries, FunctionSettings, HostSettings, InvokeOutcome, LambdaHost,
};
use local_stack::secretsmanager::SecretsManager;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A Lambda host with its clock, its counters and its fault plan.
pub(crate) struct TestHost {
    pub(crate) host: Arc<LambdaHost>,
    pub(crate) clock: StackClock,
    pub(crate) counters: Counters,
    pub(crate) faults: Faults,
}

/// The probe function under the name of a real function.
pub(crate) fn probe() -> FunctionSettings {
    FunctionSettings {
        name: "process-payment".to_owned(),
        logical_id: "ProcessPaymentFunction".to_owned(),
        alias: Some("live".to_owned()),
        binary: PathBuf::from(env!("CARGO_BIN_EXE_probe-function")),
        timeout: Duration::from_secs(30),
        memory_mb: 512,
        environment: [("ORDERS_TABLE".to_owned(), "Orders".to_owned())].into(),
        max_concurrency: 8,
        retries: EventRetries::default(),
    }
}

pub(crate) fn host(function: FunctionSettings) -> TestHost {
    host_on(ClockSettings::default(), function)
}

pub(crate) fn host_on(clock: ClockSettings, function: FunctionSettings) -> TestHost {
    let functions = vec![function];
    start_host(clock, HostSettings { functions, ..HostSettings::default() })
}

/// A host whose workers end as soon as they were idle for this time.
pub(crate) fn host_with_idle_time(function: FunctionSettings, idle: Duration) -> TestHost {
    let settings = HostSettings { functions: vec![function], idle_time: idle, log_file: None };
    start_host(ClockSettings::default(), settings)
}

fn start_host(clock: ClockSettings, settings: HostSettings) -> TestHost {
    let (clock, counters, faults) = (StackClock::new(clock), Counters::new(), Faults::new());
    let host = LambdaHost::start(settings, clock.clone(), counters.clone(), faults.clone());
    TestHost { host: host.expect("the host starts"), clock, counters, faults }
}

impl TestHost {
    /// Invokes the probe. Returns the outcome and its payload as JSON.
    pub(crate) async fn invoke(&self, event: Value) -> (InvokeOutcome, Value) {
        let payload = Bytes::from(event.to_string());
        let outcome =
            self.host.invoke("process-payment", payload).await.expect("an accepted invocation");
        let answer = serde_json::from_slice(&outcome.payload).expect("JSON");
        (outcome, answer)
    }

    /// Empty tables in memory.
    pub(crate) async fn tables(&self) -> Arc<DynamoDb> {
        let deps = Deps {
            clock: self.clock.clone(),
            counters: self.counters.clone(),
            faults: self.faults.clone(),
            functions: Some(Arc::clone(&self.host)),
        };
        let tables = DynamoDb::open(Store::Memory, deps).expect("the tables open");
        for (name, key) in [("Orders", "orderId"), ("Inventory", "sku")] {
            tables.create_table(&table(name, key)).await.expect("the table is new");
        }
        Arc::new(tables)
    }

    /// An AWS endpoint with this host, and a fake Step Functions that echoes its requests.
    pub(crate) async fn endpoint(&self) -> Endpoint {
        let step_functions: StepFunctionsApi = Arc::new(|operation, body, _signer| {
            Box::pin(async move {
                match operation.as_str() {
                    "DescribeExecution" => {
                        let text = "Execution Does Not Exist: 'x'";
                        ServiceReply::Error(AwsError::client("ExecutionDoesNotExist", text))
                    }
                    _ => ServiceReply::Success(json!({ "operation": operation, "body": body })),
                }
            })
        });
        let services = Services {
            lambda: Arc::clone(&self.host),
            dynamodb: self.tables().await,
            step_functions,
            secrets: secrets(&self.clock),
            clock: self.clock.clone(),
            faults: self.faults.clone(),
            permissions: None,
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        Endpoint::start(listener, services).expect("the endpoint starts")
    }
}

/// Secrets Manager without a secret.
fn secrets(clock: &StackClock) -> Arc<SecretsManager> {
    let secrets = SecretsManager::open(None, Vec::new(), &[], clock.clone());
    Arc::new(secrets.expect("a stack in memory"))
}

fn table(name: &str, key: &str) -> Value {
    json!({
        "TableName": name,
        "KeySchema": [{ "AttributeName": key, "KeyType": "HASH" }],
        "AttributeDefinitions": [{ "AttributeName": key, "AttributeType": "S" }],
        "BillingMode": "PAY_PER_REQUEST",
    })
}
