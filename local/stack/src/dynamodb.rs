//! DynamoDB: the emulator of crate `dynoxide-rs`, embedded.
//!
//! [`DynamoDb::call`] runs one operation in DynamoDB's JSON. This module adds what the
//! emulator lacks:
//!
//! - injected faults, at the point `store.` plus the name of the operation (the emulator
//!   serializes all calls, so throttling and conflicts never occur by themselves);
//! - the counts and request units of each order ([`request`], [`capacity`]);
//! - transaction tokens on the stack's clock ([`transaction_tokens`]);
//! - an event for every write ([`write_events`]).

mod capacity;
mod invalid_text;
mod operations;
mod request;
mod transaction_tokens;
mod write_events;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::broadcast;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::aws::error::AwsError;
use crate::aws::service_reply::{self, ServiceErrors, ServiceReply};
use crate::clock::StackClock;
use crate::counters::Counters;
use crate::faults::Faults;
use crate::lambda::LambdaHost;
use request::Request;
use transaction_tokens::TransactionTokens;
use write_events::WriteEvents;

pub(crate) use request::is_order_id;
pub use write_events::OrderWrite;
pub(crate) use write_events::TableWrite;

/// The caller of an operation, for the counts and the faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The function with this crate name.
    Function(String),
    /// A Step Functions integration.
    StateMachine,
    /// Any other client: the AWS CLI, a test, the demo.
    Other,
}

/// Where the tables are stored.
#[derive(Debug, Clone, Copy)]
pub enum Store<'a> {
    /// In memory.
    Memory,
    /// In this SQLite file.
    File(&'a Path),
}

/// The services that DynamoDB uses.
#[derive(Debug, Clone)]
pub struct Deps {
    /// The stack's clock.
    pub clock: StackClock,
    /// The counts of each order.
    pub counters: Counters,
    /// The fault plan.
    pub faults: Faults,
    /// The functions. A fault may kill one of their workers.
    pub functions: Option<Arc<LambdaHost>>,
}

/// The tables of one stack.
pub struct DynamoDb {
    database: dynoxide::Database,
    transaction_tokens: TransactionTokens,
    write_events: WriteEvents,
    deps: Deps,
}

impl fmt::Debug for DynamoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoDb").finish_non_exhaustive()
    }
}

impl DynamoDb {
    /// Opens the tables.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(store: Store<'_>, deps: Deps) -> Result<Self, AwsError> {
        let database = match store {
            Store::Memory => dynoxide::Database::memory(),
            Store::File(path) => dynoxide::Database::new(&path.to_string_lossy()),
        };
        let database = database.map_err(|error| operations::to_aws_error(&error))?;
        let (transaction_tokens, write_events) =
            (TransactionTokens::new(deps.clock.clone()), WriteEvents::new(deps.clock.clone()));
        Ok(Self { database, transaction_tokens, write_events, deps })
    }

    /// Creates a table from the JSON of `CreateTable`, unless it exists.
    ///
    /// # Errors
    /// When DynamoDB rejects the definition.
    pub async fn create_table(&self, definition: &Value) -> Result<(), AwsError> {
        match operations::run(&self.database, "CreateTable", definition.clone()).await {
            Err(error) if error.code != "ResourceInUseException" => Err(error),
            _ => Ok(()),
        }
    }

    /// Subscribes to all later writes of orders. Each message holds a guard that keeps the
    /// clock from skipping ahead. A receiver that lags far behind misses messages.
    pub fn order_writes(&self) -> broadcast::Receiver<OrderWrite> {
        self.write_events.subscribe()
    }

    /// Subscribes to all later writes of any table.
    pub(crate) fn subscribe_to_writes(&self) -> UnboundedReceiver<TableWrite> {
        self.write_events.subscribe_to_writes()
    }

    /// How many writes have been published to the subscribers.
    pub(crate) fn published_writes(&self) -> u64 {
        self.write_events.published()
    }

    /// Reads for the stack itself, without faults and counts.
    pub(crate) async fn read_uncounted(
        &self,
        operation: &str,
        body: Value,
    ) -> Result<Value, AwsError> {
        operations::run(&self.database, operation, body).await
    }

    /// Runs one operation, such as `UpdateItem`, with its JSON body.
    ///
    /// # Errors
    /// DynamoDB's error, or `SdkClientException` when an injected fault loses the response.
    pub async fn call(
        &self,
        operation: &str,
        body: &Value,
        caller: Caller,
    ) -> Result<Value, AwsError> {
        self.serve(operation, body, &caller, None).await.into_result()
    }

    /// Runs one operation for a client on the wire. `worker` is the id of the calling
    /// worker, if a function calls.
    pub(crate) async fn serve(
        &self,
        operation: &str,
        body: &Value,
        caller: &Caller,
        worker: Option<u64>,
    ) -> ServiceReply {
        let request = Request { operation, body, caller };
        let order = request.order();
        let fault = self.deps.faults.next_fault(&format!("store.{operation}"), order);
        let kill = || match (&self.deps.functions, worker, order) {
            (Some(functions), Some(worker), _) => functions.kill_worker(worker),
            (Some(functions), None, Some(order)) => functions.kill_worker_for_order(order),
            _ => (),
        };
        service_reply::reply_with_fault(
            fault,
            self.execute(&request),
            || service_errors(&request),
            kill,
        )
        .await
    }

    async fn execute(&self, request: &Request<'_>) -> Result<Value, AwsError> {
        request.count(&self.deps.counters);
        let mut body = request.body.clone();
        let meter = capacity::CapacityMeter::attach(request, &mut body);
        let run = |body| async {
            let answer = operations::run(&self.database, request.operation, body).await?;
            self.write_events.publish(request);
            Ok(answer)
        };
        let answer = match transaction_tokens::take(request.operation, &mut body) {
            Some(token) => self.transaction_tokens.run_once(token, body, run).await,
            None => run(body).await,
        };
        match meter {
            Some(meter) => meter.record(answer, &self.deps.counters),
            None => answer,
        }
    }
}

/// DynamoDB's errors for the injected faults.
fn service_errors(request: &Request<'_>) -> ServiceErrors {
    ServiceErrors {
        throttled: AwsError::client(
            "ProvisionedThroughputExceededException",
            "The level of configured provisioned throughput for the table was exceeded. Consider \
             increasing your provisioning level with the UpdateTable API.",
        ),
        conflict: request.conflict(),
        rejected: request.failed_condition(),
        internal: AwsError::server("InternalServerError", "Internal server error"),
    }
}
