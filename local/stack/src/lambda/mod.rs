//! The Lambda host: runs the real function binaries as Lambda runs them.
//!
//! Each function has a pool of processes; each process handles one invocation at
//! a time, is reused, and speaks Lambda's runtime API over loopback. What the
//! host promises is what callers of Lambda rely on:
//!
//! - a function's time limit kills its process and answers `Sandbox.Timedout`,
//!   a process that ends answers `Runtime.ExitError`, both in AWS's words;
//! - over its limit of processes a function is throttled;
//! - an invocation once begun goes on although its caller went away;
//! - no process outlives the host: it kills them when it ends, and a host that
//!   is itself killed closes the runtime API, upon which a function's next poll
//!   fails and the process ends.
//!
//! Time limits bind running processes, so they are real time; see
//! [`crate::clock`]. Read [`pool`] for who works on what, [`process`] for the
//! life of one process, [`runtime_api`] for what it sees.

mod event;
mod fault;
mod function;
mod invocation;
mod log;
mod pool;
mod process;
mod runtime_api;

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use crate::clock::{Busy, StackClock};
use crate::counters::{Count, Counters, RECONCILER};
use crate::faults::Faults;
use function::{Function, Target};
use invocation::Invocation;
use runtime_api::RuntimeApi;

pub use event::Delivered;
pub use function::FunctionSettings;
pub use invocation::{InvokeError, InvokeOutcome};
pub use log::{LogBook, LogLine};
pub(crate) use process::{ACCESS_KEY_PREFIX, SESSION_PREFIX};

/// What the host is to run.
#[derive(Debug, Default)]
pub struct HostSettings {
    /// The functions.
    pub functions: Vec<FunctionSettings>,
    /// The file to which everything that the functions print is added.
    pub log_file: Option<PathBuf>,
}

/// All functions and their processes.
#[derive(Debug)]
pub struct LambdaHost {
    functions: Vec<Arc<Function>>,
    /// Crate names and logical ids.
    by_name: BTreeMap<String, Arc<Function>>,
    clock: StackClock,
    counters: Counters,
    faults: Faults,
    logs: LogBook,
    ended: Arc<AtomicBool>,
}

impl LambdaHost {
    /// Opens the runtime API on a free loopback port. Processes start when the
    /// first invocation needs them.
    pub async fn start(
        settings: HostSettings,
        clock: StackClock,
        counters: Counters,
        faults: Faults,
    ) -> io::Result<Arc<Self>> {
        let logs = LogBook::open(settings.log_file.as_deref())?;
        let runtime_api = Arc::new(RuntimeApi::open().await?);
        let functions: Vec<_> = settings
            .functions
            .into_iter()
            .map(|function| Arc::new(Function::new(function, &runtime_api, &logs)))
            .collect();
        let by_name = functions.iter().flat_map(names).collect();
        let ended = Arc::default();
        Ok(Arc::new(Self { functions, by_name, clock, counters, faults, logs, ended }))
    }

    /// Invokes a function, waits for its answer, and returns it.
    ///
    /// `function` is a name, a logical id of the template or an ARN, each with or
    /// without a qualifier. A function that fails is an `Ok` whose
    /// [`InvokeOutcome::function_error`] is set, as on AWS. Dropping the future
    /// does not end the invocation.
    pub async fn invoke(
        &self,
        function: &str,
        payload: Bytes,
    ) -> Result<InvokeOutcome, InvokeError> {
        let busy = self.clock.busy("an invocation");
        let (function, invocation) = self.accept(function, payload)?;
        self.run(function, invocation, busy).await
    }

    /// Invokes a function as Lambda does for events: accepted at once, run in the
    /// background, and twice more if the function fails.
    pub fn invoke_event(
        self: &Arc<Self>,
        function: &str,
        payload: Bytes,
    ) -> Result<String, InvokeError> {
        let busy = self.clock.busy("an event");
        let (function, invocation) = self.accept(function, payload)?;
        let (host, request_id) = (Arc::clone(self), invocation.request_id.clone());
        tokio::spawn(async move {
            event::deliver(&host, function, invocation, busy).await;
        });
        Ok(request_id)
    }

    /// The same, waiting until the function has succeeded or the event is given up,
    /// as one is at once that no function takes.
    pub async fn deliver(&self, function: &str, payload: Bytes, busy: Busy) -> Delivered {
        match self.accept(function, payload) {
            Ok((function, invocation)) => event::deliver(self, function, invocation, busy).await,
            Err(error) => {
                tracing::warn!(function, %error, "an event was not taken");
                Delivered { succeeded: false, busy }
            }
        }
    }

    /// Whether an invocation with this payload would be accepted (`DryRun`).
    pub fn check(&self, function: &str, payload: Bytes) -> Result<(), InvokeError> {
        self.accept(function, payload).map(|_| ())
    }

    /// Kills (SIGKILL) the process that is at work on an invocation whose payload
    /// has this `orderId`. Nothing happens when there is none.
    pub fn kill_order(&self, order_id: &str) {
        for function in &self.functions {
            function.pool.kill_order(order_id);
        }
    }

    /// Kills (SIGKILL) this process, if it is at work.
    pub fn kill(&self, process: u64) {
        for function in &self.functions {
            function.pool.kill(process);
        }
    }

    /// What the functions have printed.
    pub fn logs(&self) -> &LogBook {
        &self.logs
    }

    /// Kills every process and returns when none is left.
    ///
    /// Invocations under way, and later ones, are never answered: whoever waits for
    /// one sees what it would see if the whole stack had been killed, and nobody
    /// takes the end of the stack for a failure of the function.
    pub async fn shutdown(&self) {
        self.ended.store(true, Ordering::SeqCst);
        for function in &self.functions {
            function.pool.shutdown().await;
        }
    }

    fn accept(
        &self,
        function: &str,
        payload: Bytes,
    ) -> Result<(Arc<Function>, Invocation), InvokeError> {
        let target = Target::parse(function);
        let Some(found) = self.by_name.get(target.name) else {
            return Err(InvokeError::NotFound { function: target.arn() });
        };
        let invocation = Invocation::new(payload, &found.arn(target.qualifier), target.version())?;
        Ok((Arc::clone(found), invocation))
    }

    /// Runs an accepted invocation, with the fault that a plan holds for it.
    async fn run(
        &self,
        function: Arc<Function>,
        invocation: Invocation,
        busy: Busy,
    ) -> Result<InvokeOutcome, InvokeError> {
        let name = &function.settings.name;
        let fault = fault::for_invocation(&self.faults, name, &invocation);
        if let Some(refusal) = fault.as_ref().and_then(fault::refusal) {
            return Err(refusal);
        }
        silent_after(&self.ended).await;
        let lease = function.pool.lease()?;
        if let Some(order_id) = invocation.order_id.as_ref().filter(|_| name != RECONCILER) {
            self.counters.add(order_id, Count::Invocation(name));
        }
        let ended = Arc::clone(&self.ended);
        detached(async move {
            let result = fault::run(fault, &function, &lease, invocation).await;
            silent_after(&ended).await;
            drop(busy);
            result
        })
        .await
    }
}

/// Does the work to its end, although whoever waits for it may go away.
async fn detached(
    work: impl Future<Output = Result<InvokeOutcome, InvokeError>> + Send + 'static,
) -> Result<InvokeOutcome, InvokeError> {
    match tokio::spawn(work).await {
        Ok(result) => result,
        Err(broken) if broken.is_panic() => Err(InvokeError::Service),
        Err(_the_runtime_ends) => pending().await,
    }
}

/// Lets nothing pass once the host has ended.
async fn silent_after(ended: &AtomicBool) {
    if ended.load(Ordering::SeqCst) {
        pending::<()>().await;
    }
}

fn names(function: &Arc<Function>) -> [(String, Arc<Function>); 2] {
    let settings = &function.settings;
    [settings.name.clone(), settings.logical_id.clone()].map(|name| (name, Arc::clone(function)))
}
