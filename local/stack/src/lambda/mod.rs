//! The Lambda host: runs the function binaries as Lambda runs them.
//!
//! Each function has a pool of worker processes. A worker runs one invocation at a time,
//! is reused, and speaks Lambda's runtime API over loopback. The host guarantees what
//! callers of Lambda rely on:
//!
//! - An invocation that exceeds its time limit kills the worker and returns
//!   `Sandbox.Timedout`; a worker that exits returns `Runtime.ExitError`. Both use AWS's
//!   messages.
//! - A function at its concurrency limit is throttled.
//! - An invocation that has started continues after its caller has gone.
//! - No worker outlives the host. The host kills its workers when it stops. If the host
//!   is killed, the runtime API closes, the next request of each worker fails, and the
//!   workers exit.
//! - A worker that is idle for a while ends ([`HostSettings::idle_time`]).
//!
//! Time limits apply to running processes, so they are real time (see [`crate::clock`]).
//! Start with [`pool`], then [`worker`] and [`runtime_api`].

mod async_invocation;
mod fault;
mod function;
mod function_name;
mod invocation;
mod logs;
mod pool;
mod runtime_api;
mod settings;
mod worker;

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::clock::{BusyGuard, StackClock};
use crate::counters::{Count, Counters, RECONCILER};
use crate::faults::Faults;
use crate::iam::credentials::IssuedCredentials;
use function::Function;
use function_name::FunctionName;
use invocation::{Invocation, InvocationType};

pub use async_invocation::EventDelivery;
pub use invocation::{InvokeError, InvokeOutcome};
pub use logs::{FunctionLogs, LogLine};
pub use settings::{EventRetries, FunctionSettings};

/// How long workers stay idle, unless a test sets another time. AWS states no time; after a
/// burst of 20 orders, this frees the memory of 60 processes within a minute.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// The settings of the host.
#[derive(Debug)]
pub struct HostSettings {
    /// The functions.
    pub functions: Vec<FunctionSettings>,
    /// The file to which the output of all functions is appended.
    pub log_file: Option<PathBuf>,
    /// A worker without an invocation ends after one to two of these times, in real time.
    pub idle_time: Duration,
}

impl Default for HostSettings {
    fn default() -> Self {
        Self { functions: Vec::new(), log_file: None, idle_time: IDLE_TIME }
    }
}

/// All functions and their workers.
#[derive(Debug)]
pub struct LambdaHost {
    functions: Vec<Arc<Function>>,
    /// By crate name and by logical id.
    by_name: BTreeMap<String, Arc<Function>>,
    clock: StackClock,
    counters: Counters,
    faults: Faults,
    logs: FunctionLogs,
    credentials: IssuedCredentials,
    shut_down: Arc<AtomicBool>,
}

impl LambdaHost {
    /// Starts the host. A worker starts when the first invocation needs it.
    ///
    /// # Errors
    /// When the log file cannot be opened.
    pub fn start(
        settings: HostSettings,
        clock: StackClock,
        counters: Counters,
        faults: Faults,
    ) -> io::Result<Arc<Self>> {
        let logs = FunctionLogs::open(settings.log_file.as_deref())?;
        let credentials = IssuedCredentials::default();
        let functions: Vec<_> = settings
            .functions
            .into_iter()
            .map(|function| {
                Arc::new(Function::new(function, settings.idle_time, &logs, &credentials))
            })
            .collect();
        let by_name = functions.iter().flat_map(names).collect();
        let shut_down = Arc::default();
        Ok(Arc::new(Self {
            functions,
            by_name,
            clock,
            counters,
            faults,
            logs,
            credentials,
            shut_down,
        }))
    }

    /// Invokes a function synchronously (`RequestResponse`).
    ///
    /// `function` is a name, a logical id of the template or an ARN, with or without a
    /// qualifier. A function error is an `Ok` with [`InvokeOutcome::function_error`] set,
    /// as on AWS. Dropping the future does not end the invocation.
    ///
    /// # Errors
    /// When Lambda rejects the invocation or fails itself.
    pub async fn invoke(
        &self,
        function: &str,
        payload: Bytes,
    ) -> Result<InvokeOutcome, InvokeError> {
        let busy = self.clock.busy("an invocation");
        let (function, invocation) = self.accept(function, payload, InvocationType::Synchronous)?;
        self.run(function, invocation, busy).await
    }

    /// Invokes a function asynchronously (`Event`): returns the request id at once, and
    /// retries in the background when the function fails.
    ///
    /// # Errors
    /// When Lambda rejects the invocation.
    pub fn invoke_async(
        self: &Arc<Self>,
        function: &str,
        payload: Bytes,
    ) -> Result<String, InvokeError> {
        let busy = self.clock.busy("an event");
        let (function, invocation) =
            self.accept(function, payload, InvocationType::Asynchronous)?;
        let (host, request_id) = (Arc::clone(self), invocation.request_id.clone());
        tokio::spawn(async move {
            async_invocation::deliver(&host, function, invocation, busy).await;
        });
        Ok(request_id)
    }

    /// Invokes a function like [`LambdaHost::invoke_async`], but waits until it succeeds
    /// or the retries are exhausted. A rejected event counts as lost.
    pub async fn deliver_event(
        &self,
        function: &str,
        payload: Bytes,
        busy: BusyGuard,
    ) -> EventDelivery {
        match self.accept(function, payload, InvocationType::Asynchronous) {
            Ok((function, invocation)) => {
                async_invocation::deliver(self, function, invocation, busy).await
            }
            Err(error) => {
                tracing::warn!(function, %error, "an event was rejected");
                EventDelivery { succeeded: false, busy }
            }
        }
    }

    /// Checks whether an invocation with this payload would be accepted (`DryRun`).
    ///
    /// # Errors
    /// When Lambda would reject the invocation.
    pub fn dry_run(&self, function: &str, payload: Bytes) -> Result<(), InvokeError> {
        self.accept(function, payload, InvocationType::Synchronous).map(|_| ())
    }

    /// Ends the idle workers of all functions, so that the next invocations start new ones.
    pub fn end_idle_workers(&self) {
        for function in &self.functions {
            function.pool.end_idle_workers();
        }
    }

    /// Kills (SIGKILL) the workers that run an invocation whose payload has this
    /// `orderId`.
    pub fn kill_worker_for_order(&self, order_id: &str) {
        for function in &self.functions {
            function.pool.kill_worker_for_order(order_id);
        }
    }

    /// Kills (SIGKILL) this worker if it is busy.
    pub fn kill_worker(&self, worker: u64) {
        for function in &self.functions {
            function.pool.kill_worker(worker);
        }
    }

    /// The output of the functions.
    pub fn logs(&self) -> &FunctionLogs {
        &self.logs
    }

    /// The credentials of all workers.
    pub fn credentials(&self) -> &IssuedCredentials {
        &self.credentials
    }

    /// Kills all workers and waits until they are gone.
    ///
    /// Running and later invocations never return. Their callers see what they would see
    /// if the whole stack had been killed, and no caller takes the shutdown for a failure
    /// of the function.
    pub async fn shutdown(&self) {
        self.shut_down.store(true, Ordering::SeqCst);
        for function in &self.functions {
            function.pool.shutdown().await;
        }
    }

    fn accept(
        &self,
        function: &str,
        payload: Bytes,
        invocation_type: InvocationType,
    ) -> Result<(Arc<Function>, Invocation), InvokeError> {
        let name = FunctionName::parse(function);
        let exists = |found: &&Arc<Function>| {
            name.qualifier.is_none_or(|qualifier| found.has_qualifier(qualifier))
        };
        let Some(found) = self.by_name.get(name.name).filter(exists) else {
            return Err(InvokeError::NotFound { function: name.arn() });
        };
        invocation_type.check_size(&payload)?;
        let invocation = Invocation::new(payload, &found.arn(name.qualifier), name.version())?;
        Ok((Arc::clone(found), invocation))
    }

    /// Runs an accepted invocation with the planned fault, if any.
    async fn run(
        &self,
        function: Arc<Function>,
        invocation: Invocation,
        busy: BusyGuard,
    ) -> Result<InvokeOutcome, InvokeError> {
        let name = &function.settings.name;
        let fault = fault::for_invocation(&self.faults, name, &invocation);
        if let Some(rejection) = fault.as_ref().and_then(fault::rejection) {
            return Err(rejection);
        }
        hang_after(&self.shut_down).await;
        let lease = function.pool.lease()?;
        if let Some(order_id) = invocation.order_id.as_ref().filter(|_| name != RECONCILER) {
            self.counters.add(order_id, Count::Invocation(name));
        }
        let shut_down = Arc::clone(&self.shut_down);
        run_detached(async move {
            let result = fault::run(fault, &function, &lease, invocation).await;
            hang_after(&shut_down).await;
            drop(busy);
            result
        })
        .await
    }
}

/// Runs the work to its end even if the caller goes away.
async fn run_detached(
    work: impl Future<Output = Result<InvokeOutcome, InvokeError>> + Send + 'static,
) -> Result<InvokeOutcome, InvokeError> {
    match tokio::spawn(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => Err(InvokeError::Service),
        Err(_runtime_shutdown) => pending().await,
    }
}

/// Never returns once the host has shut down.
async fn hang_after(shut_down: &AtomicBool) {
    if shut_down.load(Ordering::SeqCst) {
        pending::<()>().await;
    }
}

/// The ARN of a function, from its name, a logical id or an ARN, with the qualifier if the
/// text has one.
pub fn function_arn(function: &str) -> String {
    FunctionName::parse(function).arn()
}

fn names(function: &Arc<Function>) -> [(String, Arc<Function>); 2] {
    let settings = &function.settings;
    [settings.name.clone(), settings.logical_id.clone()].map(|name| (name, Arc::clone(function)))
}
