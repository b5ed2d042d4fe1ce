//! The tables: DynamoDB as the crate `dynoxide-rs` emulates it, embedded.
//!
//! [`DynamoDb::call`] is the whole of it: one operation in DynamoDB's own JSON, by
//! whoever calls. Around the emulator it adds what the emulator has not:
//!
//! - planned faults, at the point `store.` and the operation's name; the emulator
//!   serialises, so throttling and conflicts never happen by themselves;
//! - the counts of what each order costs, by [`request`];
//! - transaction tokens on the stack's clock, by [`tokens`];
//! - word of every write to whoever waits for one, by [`writes`].

mod operations;
mod request;
mod tokens;
mod units;
mod writes;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::broadcast;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::aws::AwsError;
use crate::aws::served::{self, Served, Words};
use crate::clock::StackClock;
use crate::counters::Counters;
use crate::faults::Faults;
use crate::lambda::LambdaHost;
use request::Request;
use tokens::Tokens;
use writes::Writes;

pub use writes::OrderWritten;
pub(crate) use writes::Written;

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
    tokens: Tokens,
    writes: Writes,
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
        let database = database.map_err(|error| operations::refusal(&error))?;
        let (tokens, writes) = (Tokens::new(deps.clock.clone()), Writes::new(deps.clock.clone()));
        Ok(Self { database, tokens, writes, deps })
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
    pub fn order_writes(&self) -> broadcast::Receiver<OrderWritten> {
        self.writes.subscribe()
    }

    /// Every write of any table from now on.
    pub(crate) fn watch(&self) -> UnboundedReceiver<Written> {
        self.writes.watch()
    }

    /// Reads what the stack itself needs to know: no fault meets it, nothing counts it.
    pub(crate) async fn look(&self, operation: &str, body: Value) -> Result<Value, AwsError> {
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
    ) -> Served {
        let request = Request { operation, body, caller };
        let order = request.order();
        let fault = self.deps.faults.decide(&format!("store.{operation}"), order);
        let kill = || match (&self.deps.functions, process, order) {
            (Some(functions), Some(process), _) => functions.kill(process),
            (Some(functions), None, Some(order)) => functions.kill_order(order),
            _ => (),
        };
        served::serve(fault, self.carry_out(&request), || words(&request), kill).await
    }

    async fn carry_out(&self, request: &Request<'_>) -> Result<Value, AwsError> {
        request.count(&self.deps.counters);
        let mut body = request.body.clone();
        let bill = units::Bill::open(request, &mut body);
        let run = |body| async {
            let answer = operations::run(&self.database, request.operation, body).await?;
            self.writes.tell(request);
            Ok(answer)
        };
        let answer = match tokens::take(request.operation, &mut body) {
            Some(token) => self.tokens.once(token, body, run).await,
            None => run(body).await,
        };
        match bill {
            Some(bill) => bill.settle(answer, &self.deps.counters),
            None => answer,
        }
    }
}

/// DynamoDB's words for the errors that a plan can ask for.
fn words(request: &Request<'_>) -> Words {
    Words {
        throttled: AwsError::client(
            "ProvisionedThroughputExceededException",
            "The level of configured provisioned throughput for the table was exceeded. Consider \
             increasing your provisioning level with the UpdateTable API.",
        ),
        conflict: request.conflict(),
        broken: AwsError::server("InternalServerError", "Internal server error"),
    }
}
