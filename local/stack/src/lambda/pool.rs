//! The workers of one function: which are idle, which are busy, and how many invocations
//! may run at once.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::invocation::{Invocation, InvokeError, InvokeOutcome};
use super::logs::FunctionLogs;
use super::settings::FunctionSettings;
use super::worker::{Worker, WorkerResult};
use crate::iam::credentials::IssuedCredentials;

/// The pool. At most `settings.max_concurrency` leases exist at any time.
#[derive(Debug)]
pub(super) struct WorkerPool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Arc<FunctionSettings>,
    logs: FunctionLogs,
    credentials: IssuedCredentials,
    state: Mutex<PoolState>,
}

#[derive(Debug, Default)]
struct PoolState {
    /// Idle workers. The one used last is at the end and is reused first.
    idle: Vec<IdleWorker>,
    busy: BTreeMap<u64, Arc<Worker>>,
    leases: usize,
    closed: bool,
}

#[derive(Debug)]
struct IdleWorker {
    worker: Arc<Worker>,
    /// Whether an idle time began while the worker was idle.
    seen_idle: bool,
}

/// The next worker id, unique among all functions of this program.
static NEXT_WORKER: AtomicU64 = AtomicU64::new(1);

impl WorkerPool {
    pub(super) fn new(
        settings: &Arc<FunctionSettings>,
        idle_time: Duration,
        logs: FunctionLogs,
        credentials: IssuedCredentials,
    ) -> Self {
        let (settings, state) = (Arc::clone(settings), Mutex::new(PoolState::default()));
        let shared = Arc::new(Shared { settings, logs, credentials, state });
        tokio::spawn(end_unused_workers(Arc::downgrade(&shared), idle_time));
        Self { shared }
    }

    /// Leases a worker for one invocation.
    ///
    /// # Errors
    /// `Throttled` at the concurrency limit, `Service` after the shutdown.
    pub(super) fn lease(&self) -> Result<WorkerLease, InvokeError> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(InvokeError::Service);
        }
        if state.leases >= self.shared.settings.max_concurrency {
            return Err(InvokeError::Throttled);
        }
        state.leases += 1;
        Ok(WorkerLease { shared: Arc::clone(&self.shared) })
    }

    /// Kills the idle workers. The next invocations start new ones.
    pub(super) fn end_idle_workers(&self) {
        for idle in self.shared.lock().idle.drain(..) {
            idle.worker.kill();
        }
    }

    /// Kills this worker if it is busy.
    pub(super) fn kill_worker(&self, worker: u64) {
        if let Some(worker) = self.shared.lock().busy.get(&worker) {
            worker.kill();
        }
    }

    /// Kills the workers that run an invocation for this order.
    pub(super) fn kill_worker_for_order(&self, order_id: &str) {
        for worker in self.shared.lock().busy.values() {
            if worker.order_id().as_deref() == Some(order_id) {
                worker.kill();
            }
        }
    }

    /// Refuses new leases, kills all workers, and waits until they are gone.
    pub(super) async fn shutdown(&self) {
        let all = self.shared.lock().close();
        for worker in &all {
            worker.kill();
        }
        for worker in all {
            worker.exited().await;
        }
    }
}

/// The right to run one invocation on one worker.
#[derive(Debug)]
pub(super) struct WorkerLease {
    shared: Arc<Shared>,
}

impl WorkerLease {
    /// Runs the invocation on an idle worker or on a new one.
    pub(super) async fn run(&self, invocation: Invocation) -> InvokeOutcome {
        let (outcome, worker) = self.run_on_worker(invocation).await;
        if let Some(worker) = worker {
            self.shared.release(worker);
        }
        outcome
    }

    /// Kills a worker before it starts the invocation.
    pub(super) async fn kill_before(&self, invocation: &Invocation) -> InvokeOutcome {
        match self.take_worker() {
            Ok((worker, _)) => self.kill(worker, invocation).await,
            Err(error) => invocation.not_started(&error),
        }
    }

    /// Runs the invocation, then kills the worker and discards the response.
    pub(super) async fn kill_after(&self, invocation: Invocation) -> InvokeOutcome {
        match self.run_on_worker(invocation.clone()).await {
            (_, Some(worker)) => self.kill(worker, &invocation).await,
            (outcome, None) => outcome,
        }
    }

    async fn kill(&self, worker: Arc<Worker>, invocation: &Invocation) -> InvokeOutcome {
        worker.kill();
        let status = worker.exited().await;
        self.shared.release(worker);
        invocation.exited(status)
    }

    /// Runs the invocation. Returns the outcome and the worker that produced it, if one
    /// could be started.
    async fn run_on_worker(
        &self,
        mut invocation: Invocation,
    ) -> (InvokeOutcome, Option<Arc<Worker>>) {
        loop {
            let (worker, warm) = match self.take_worker() {
                Ok(taken) => taken,
                Err(error) => return (invocation.not_started(&error), None),
            };
            match worker.run(invocation, warm).await {
                WorkerResult::Finished(outcome) => return (outcome, Some(worker)),
                WorkerResult::NotStarted(returned) => invocation = returned,
            }
            self.shared.release(worker);
        }
    }

    /// Takes an idle worker or starts a new one. Returns whether the worker is warm.
    fn take_worker(&self) -> io::Result<(Arc<Worker>, bool)> {
        let mut state = self.shared.lock();
        state.idle.retain(|idle| idle.worker.is_alive());
        let idle = state.idle.pop();
        let warm = idle.is_some();
        let worker = match idle {
            Some(idle) => idle.worker,
            None if state.closed => return Err(io::Error::other("the host is shutting down")),
            None => self.shared.start()?,
        };
        state.busy.insert(worker.id, Arc::clone(&worker));
        Ok((worker, warm))
    }
}

impl Drop for WorkerLease {
    fn drop(&mut self) {
        self.shared.lock().leases -= 1;
    }
}

impl Shared {
    fn start(&self) -> io::Result<Arc<Worker>> {
        let id = NEXT_WORKER.fetch_add(1, Ordering::Relaxed);
        let credentials = self.credentials.issue(&self.settings.name, id);
        Worker::start(&credentials, &self.settings, &self.logs)
    }

    fn release(&self, worker: Arc<Worker>) {
        let mut state = self.lock();
        state.busy.remove(&worker.id);
        if worker.is_alive() && !state.closed {
            state.idle.push(IdleWorker { worker, seen_idle: false });
        }
    }

    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PoolState {
    /// Closes the pool and returns all workers.
    fn close(&mut self) -> Vec<Arc<Worker>> {
        self.closed = true;
        let idle = std::mem::take(&mut self.idle).into_iter().map(|idle| idle.worker);
        idle.chain(self.busy.values().cloned()).collect()
    }

    /// Removes the workers that were idle since the last call, at least.
    fn take_unused(&mut self) -> Vec<Arc<Worker>> {
        let unused = self.idle.extract_if(.., |idle| std::mem::replace(&mut idle.seen_idle, true));
        unused.map(|idle| idle.worker).collect()
    }
}

/// Kills each worker that was idle for a whole idle time.
async fn end_unused_workers(pool: Weak<Shared>, idle_time: Duration) {
    loop {
        tokio::time::sleep(idle_time).await;
        let Some(pool) = pool.upgrade() else { return };
        for worker in pool.lock().take_unused() {
            worker.kill();
        }
    }
}
