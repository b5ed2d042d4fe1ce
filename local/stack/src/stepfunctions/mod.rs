//! Step Functions: executions of state machines, over crate `asl`.
//!
//! The engine decides; this module keeps, carries out and answers. An execution is
//! stored as what happened to it, and what happens is stored before anything is
//! done about it, so a process that is killed at any moment loses nothing that it
//! had acknowledged, repeats no recorded result, and delivers again a task whose
//! answer was not recorded.
//!
//! An execution that waits costs a timer in a heap, about 650 bytes with all that is
//! around it, and a row on disk; a transition takes the same time, 0.6 ms in a debug
//! build with each one on disk, whether it is alone or 10,000 others wait
//! (`tests/waiting.rs` measures both; two cores, Linux).
//!
//! Read `driver.rs` first; then `store.rs` (what is kept), `live.rs` (an execution
//! in memory), `timers.rs`, `integrations.rs` (what tasks call), `api.rs` (what
//! callers may ask), `faults.rs` (what can be told to go wrong), `progress.rs` (what
//! watchers see).

mod api;
mod arn;
mod driver;
mod faults;
mod integrations;
mod live;
mod machines;
mod progress;
mod store;
mod timers;

use std::sync::Arc;

use asl::HistoryEvent;
use serde_json::Value;
use tokio::sync::broadcast;

pub use integrations::{Functions, Invocation};
pub use progress::{Moved, Progress, Watched};
pub(crate) use progress::{detail, error, is_failure};
pub use store::{Place, StoreError};

use crate::aws::AwsError;
use crate::clock::StackClock;
use crate::counters::Counters;
use crate::dynamodb::DynamoDb;
use crate::faults::Faults;
use driver::Driver;
pub(crate) use driver::order_of;
use integrations::Services;

/// What the service stands on.
#[derive(Debug)]
pub struct Deps {
    /// The stack's clock.
    pub clock: StackClock,
    /// Who runs functions.
    pub lambda: Arc<dyn Functions>,
    /// The tables that integrations reach.
    pub dynamodb: Arc<DynamoDb>,
    /// Where executions are kept.
    pub store: Place,
    /// Where transitions are counted.
    pub counters: Counters,
    /// What is to go wrong.
    pub faults: Faults,
}

/// The service. It goes on with every execution that had not ended as soon as it
/// is started.
#[derive(Debug, Clone)]
pub struct StepFunctions {
    driver: Arc<Driver>,
    faults: Faults,
    functions: Arc<dyn Functions>,
}

impl StepFunctions {
    /// Opens the store and takes up what had not ended.
    pub async fn start(deps: Deps) -> Result<Self, StoreError> {
        let store = store::Store::open(&deps.store)?;
        let services = Services { functions: Arc::clone(&deps.lambda), dynamodb: deps.dynamodb };
        let driver = Driver::new(store, deps.clock, services, deps.counters).await?;
        driver.resume().await?;
        Ok(Self { driver, faults: deps.faults, functions: deps.lambda })
    }

    /// Ends it as `kill -9` would, but for this: what was being written is on disk.
    /// Whatever comes back from calls under way is no longer heard; the next service
    /// on the same store makes them again.
    pub async fn halt(&self) {
        self.driver.store.close().await;
    }

    /// Carries out one operation of the API, such as `StartExecution`.
    pub async fn api(&self, operation: &str, body: Value) -> Result<Value, AwsError> {
        let (driver, operation) = (Arc::clone(&self.driver), operation.to_owned());
        // On its own, so that what was begun is carried out although its caller goes away.
        let call = tokio::spawn(async move { api::call(&driver, &operation, body).await });
        let lost = |_| Err(AwsError::server("InternalServerError", "The call was cut off."));
        call.await.unwrap_or_else(lost)
    }

    /// The history of an execution, by its ARN.
    pub async fn history(&self, execution_arn: &str) -> Result<Vec<HistoryEvent>, AwsError> {
        let record = api::find(&self.driver, execution_arn).await?;
        Ok(self.driver.read(record.id, |live| live.execution.history().to_vec()).await?)
    }

    /// The ARN of the order workflow's state machine.
    pub fn state_machine_arn(&self) -> String {
        arn::MachineArn::unqualified(WORKFLOW).to_string()
    }

    /// The ARN that an execution of the order workflow has by its name.
    pub fn execution_arn(&self, name: &str) -> String {
        arn::ExecutionArn { machine: WORKFLOW.to_owned(), name: name.to_owned() }.to_string()
    }

    /// Every move of every execution from now on. With `--skip` the clock waits for
    /// whoever watches; one that lags far behind misses some.
    pub fn subscribe(&self) -> broadcast::Receiver<Watched> {
        self.driver.subscribe()
    }
}

/// The state machine that ships.
const WORKFLOW: &str = "OrderWorkflow";

/// A number that a text always leads to, the same on every machine and in every
/// release (FNV-1a): jitter and tokens of an execution are drawn from its ARN's.
fn seed(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests;
