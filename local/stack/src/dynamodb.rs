//! The tables: DynamoDB as the crate `dynoxide-rs` emulates it, embedded.
//!
//! [`DynamoDb::call`] is the whole of it: one operation in DynamoDB's own JSON, by
//! whoever calls. Around the emulator it adds what the emulator has not:
//!
//! - planned faults, at the point `store.` and the operation's name; the emulator
//!   serialises, so throttling and conflicts never happen by themselves;
//! - the counts of what each order costs, by [`request`];
//! - transaction tokens on the stack's clock, by [`transaction_tokens`];
//! - word of every write to whoever waits for one, by [`write_events`].

mod capacity;
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

pub use write_events::OrderWrite;
pub(crate) use write_events::TableWrite;

/// Who makes a call, as far as counting and faults need to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A function of ours, by its crate's name.
    Function(String),
    /// An integration of the state machine.
    StateMachine,
    /// Anyone else: the AWS CLI, a test, the demo itself.
    Other,
}

/// Where the tables are kept.
#[derive(Debug, Clone, Copy)]
pub enum Store<'a> {
    /// In memory: gone with the stack.
    Memory,
    /// In this SQLite file.
    File(&'a Path),
}

/// What the tables stand beside.
#[derive(Debug, Clone)]
pub struct Deps {
    /// The stack's clock.
    pub clock: StackClock,
    /// Where calls are counted.
    pub counters: Counters,
    /// What is to go wrong.
    pub faults: Faults,
    /// The functions, of which a fault may kill one.
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

    /// Creates a table from `CreateTable`'s JSON, unless it is there already.
    pub async fn create_table(&self, definition: &Value) -> Result<(), AwsError> {
        match operations::run(&self.database, "CreateTable", definition.clone()).await {
            Err(error) if error.code != "ResourceInUseException" => Err(error),
            _ => Ok(()),
        }
    }

    /// Every write of an order from now on, as it happens. With `--skip` the clock
    /// waits for whoever watches; one that lags far behind misses some.
    pub fn order_writes(&self) -> broadcast::Receiver<OrderWrite> {
        self.write_events.subscribe()
    }

    /// Every write of any table from now on.
    pub(crate) fn subscribe_to_writes(&self) -> UnboundedReceiver<TableWrite> {
        self.write_events.subscribe_to_writes()
    }

    /// Reads what the stack itself needs to know: no fault meets it, nothing counts it.
    pub(crate) async fn read_uncounted(
        &self,
        operation: &str,
        body: Value,
    ) -> Result<Value, AwsError> {
        operations::run(&self.database, operation, body).await
    }

    /// Carries out one operation, such as `UpdateItem`, with its JSON body.
    pub async fn call(
        &self,
        operation: &str,
        body: &Value,
        caller: Caller,
    ) -> Result<Value, AwsError> {
        self.serve(operation, body, &caller, None).await.into_result()
    }

    /// The same, with the ends that only a connection can have. `process` is the process
    /// of a function that calls, where one does.
    pub(crate) async fn serve(
        &self,
        operation: &str,
        body: &Value,
        caller: &Caller,
        process: Option<u64>,
    ) -> ServiceReply {
        let request = Request { operation, body, caller };
        let order = request.order();
        let fault = self.deps.faults.next_fault(&format!("store.{operation}"), order);
        let kill = || match (&self.deps.functions, process, order) {
            (Some(functions), Some(process), _) => functions.kill_worker(process),
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

/// DynamoDB's words for the errors that a plan can ask for.
fn service_errors(request: &Request<'_>) -> ServiceErrors {
    ServiceErrors {
        throttled: AwsError::client(
            "ProvisionedThroughputExceededException",
            "The level of configured provisioned throughput for the table was exceeded. Consider \
             increasing your provisioning level with the UpdateTable API.",
        ),
        conflict: request.conflict(),
        internal: AwsError::server("InternalServerError", "Internal server error"),
    }
}
