//! Step Functions in a sweep: each execution is described once, and an end that is known from
//! an event is not asked for.
//!
//! `DescribeExecution` has the lowest quota of the calls of a sweep, 15 a second in the larger
//! regions. Once it fails, it is refused for the rest of the sweep, and the orders stay due.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::decision::TaskResult;
use domain::ports::{
    DescribeExecution, ExecutionState, SendTaskResult, StartExecution, StopExecution, TaskDelivery,
    WorkflowUnavailable,
};
use domain::{ExecutionName, TaskToken};
use serde_json::Value;

use crate::circuit_breaker::{CircuitBreaker, Refusal, Service};

/// The states of executions that a sweep learned. A clone shares them.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownStates(Arc<Mutex<States>>);

type States = BTreeMap<ExecutionName, Option<ExecutionState>>;

impl KnownStates {
    pub(crate) fn insert(&self, name: &ExecutionName, state: Option<ExecutionState>) {
        self.lock().insert(name.clone(), state);
    }

    fn lock(&self) -> MutexGuard<'_, States> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Step Functions, described from what is known.
#[derive(Debug, Clone)]
pub(crate) struct DescribedOnce<W> {
    pub(crate) workflow: W,
    pub(crate) known: KnownStates,
    pub(crate) breaker: Arc<CircuitBreaker>,
    pub(crate) refusal: Refusal,
}

impl<W: DescribeExecution> DescribeExecution for DescribedOnce<W> {
    async fn execution_state(
        &self,
        name: &ExecutionName,
    ) -> Result<Option<ExecutionState>, WorkflowUnavailable> {
        let known = self.known.lock().get(name).copied();
        if let Some(state) = known {
            return Ok(state);
        }
        if self.breaker.is_open() {
            return self.refusal.refuse(Service::StepFunctions).await;
        }
        let result = self.workflow.execution_state(name).await;
        if self.breaker.record(result.is_err()) {
            tracing::warn!("executions cannot be described; the rest is left to the next sweep");
        }
        let state = result?;
        self.known.insert(name, state);
        Ok(state)
    }
}

impl<W: StartExecution> StartExecution for DescribedOnce<W> {
    async fn start(&self, name: &ExecutionName, input: &Value) -> Result<(), WorkflowUnavailable> {
        self.workflow.start(name, input).await
    }
}

impl<W: StopExecution> StopExecution for DescribedOnce<W> {
    async fn stop(
        &self,
        name: &ExecutionName,
        cause: &'static str,
    ) -> Result<(), WorkflowUnavailable> {
        self.workflow.stop(name, cause).await
    }
}

impl<W: SendTaskResult> SendTaskResult for DescribedOnce<W> {
    async fn send(
        &self,
        token: &TaskToken,
        result: &TaskResult,
    ) -> Result<TaskDelivery, WorkflowUnavailable> {
        self.workflow.send(token, result).await
    }
}
