//! The processes of one function: who is idle, who is at work, how many there
//! may be.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::function::FunctionSettings;
use super::invocation::{Invocation, InvokeError, InvokeOutcome};
use super::log::LogBook;
use super::process::{Handled, Process};
use super::runtime_api::RuntimeApi;

/// The pool; at any time at most `settings.limit` invocations hold a [`Lease`].
#[derive(Debug)]
pub(super) struct Pool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Arc<FunctionSettings>,
    runtime_api: Arc<RuntimeApi>,
    logs: LogBook,
    crew: Mutex<Crew>,
}

#[derive(Debug, Default)]
struct Crew {
    /// Alive and without work; the one used last is at the end and is taken first.
    idle: Vec<Arc<Process>>,
    at_work: BTreeMap<u64, Arc<Process>>,
    leases: usize,
    closed: bool,
}

/// Process ids of the runtime API, over all functions of this program.
static NEXT_PROCESS: AtomicU64 = AtomicU64::new(1);

impl Pool {
    pub(super) fn new(
        settings: Arc<FunctionSettings>,
        runtime_api: Arc<RuntimeApi>,
        logs: LogBook,
    ) -> Self {
        let crew = Mutex::new(Crew::default());
        Self { shared: Arc::new(Shared { settings, runtime_api, logs, crew }) }
    }

    /// The right to run one invocation, unless the limit is reached.
    pub(super) fn lease(&self) -> Result<Lease, InvokeError> {
        let mut crew = self.shared.lock();
        if crew.closed {
            return Err(InvokeError::Service);
        }
        if crew.leases >= self.shared.settings.limit {
            return Err(InvokeError::Throttled);
        }
        crew.leases += 1;
        Ok(Lease { shared: Arc::clone(&self.shared) })
    }

    /// Kills this process, if it is at work.
    pub(super) fn kill(&self, process: u64) {
        if let Some(process) = self.shared.lock().at_work.get(&process) {
            process.kill();
        }
    }

    /// Kills the processes at work on this order.
    pub(super) fn kill_order(&self, order_id: &str) {
        for process in self.shared.lock().at_work.values() {
            if process.order_id().as_deref() == Some(order_id) {
                process.kill();
            }
        }
    }

    /// Kills all processes, gives out no more leases, and waits until all are gone.
    pub(super) async fn shutdown(&self) {
        let all = self.shared.lock().close();
        for process in &all {
            process.kill();
        }
        for process in all {
            process.ended().await;
        }
    }
}

/// The right to run one invocation on one process.
#[derive(Debug)]
pub(super) struct Lease {
    shared: Arc<Shared>,
}

impl Lease {
    /// Runs the invocation: on an idle process, or on a new one.
    pub(super) async fn run(&self, invocation: Invocation) -> InvokeOutcome {
        let (outcome, process) = self.handle(invocation).await;
        if let Some(process) = process {
            self.shared.give_back(process);
        }
        outcome
    }

    /// Lets a process die with the invocation in hand, before it has done anything.
    pub(super) async fn kill_before(&self, invocation: &Invocation) -> InvokeOutcome {
        match self.process() {
            Ok((process, _)) => self.kill(process, invocation).await,
            Err(error) => invocation.not_started(&error),
        }
    }

    /// Runs the invocation, then kills its process and loses the answer.
    pub(super) async fn kill_after(&self, invocation: Invocation) -> InvokeOutcome {
        match self.handle(invocation.clone()).await {
            (_, Some(process)) => self.kill(process, &invocation).await,
            (outcome, None) => outcome,
        }
    }

    async fn kill(&self, process: Arc<Process>, invocation: &Invocation) -> InvokeOutcome {
        process.kill();
        let status = process.ended().await;
        self.shared.give_back(process);
        invocation.exited(status)
    }

    /// Has a process handle the invocation, and gives both back.
    async fn handle(&self, mut invocation: Invocation) -> (InvokeOutcome, Option<Arc<Process>>) {
        loop {
            let (process, warm) = match self.process() {
                Ok(found) => found,
                Err(error) => return (invocation.not_started(&error), None),
            };
            match process.handle(invocation, warm).await {
                Handled::Outcome(outcome) => return (self.with_tail(outcome), Some(process)),
                Handled::NotTaken(back) => invocation = back,
            }
            self.shared.give_back(process);
        }
    }

    /// An idle process, or a new one; and whether it has worked before.
    fn process(&self) -> io::Result<(Arc<Process>, bool)> {
        let mut crew = self.shared.lock();
        crew.idle.retain(|process| process.is_alive());
        let idle = crew.idle.pop();
        let warm = idle.is_some();
        let process = match idle {
            Some(process) => process,
            None if crew.closed => return Err(io::Error::other("the host is shutting down")),
            None => self.shared.start()?,
        };
        crew.at_work.insert(process.id, Arc::clone(&process));
        Ok((process, warm))
    }

    fn with_tail(&self, mut outcome: InvokeOutcome) -> InvokeOutcome {
        outcome.log_tail = self.shared.logs.tail(&outcome.request_id);
        outcome
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.lock().leases -= 1;
    }
}

impl Shared {
    fn start(&self) -> io::Result<Arc<Process>> {
        let id = NEXT_PROCESS.fetch_add(1, Ordering::Relaxed);
        Process::start(id, &self.settings, &self.runtime_api, &self.logs)
    }

    fn give_back(&self, process: Arc<Process>) {
        let mut crew = self.lock();
        crew.at_work.remove(&process.id);
        if process.is_alive() && !crew.closed {
            crew.idle.push(process);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Crew> {
        self.crew.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Crew {
    fn close(&mut self) -> Vec<Arc<Process>> {
        self.closed = true;
        let mut all = std::mem::take(&mut self.idle);
        all.extend(self.at_work.values().cloned());
        all
    }
}
