//! The fake workflow: executions that were started, and task tokens that got a result.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{InjectedFault, TestBed};
use domain::decision::TaskResult;
use domain::ports::{
    DescribeExecution, ExecutionState, ExecutionView, ReadExecution, SendTaskResult,
    StartExecution, StopExecution, TaskDelivery, WorkflowUnavailable,
};
use domain::{ExecutionName, TaskToken};

/// The fake of Step Functions.
#[derive(Debug, Clone)]
pub struct FakeWorkflow(pub(super) TestBed);

#[derive(Debug, Default)]
pub(super) struct Ledger {
    started: BTreeMap<ExecutionName, Value>,
    ended: BTreeSet<ExecutionName>,
    stopped: Vec<ExecutionName>,
    views: BTreeMap<ExecutionName, ExecutionView>,
    ended_tasks: BTreeSet<TaskToken>,
    task_results: Vec<(TaskToken, TaskResult)>,
}

impl TestBed {
    /// The started executions, with their inputs.
    pub fn started(&self) -> BTreeMap<ExecutionName, Value> {
        self.state().workflow.started.clone()
    }

    /// Adds an execution that is running.
    #[must_use]
    pub fn running(self, name: &ExecutionName) -> Self {
        let input = serde_json::json!({"orderId": name});
        let mut state = self.state();
        state.workflow.started.insert(name.clone(), input);
        state.workflow.ended.remove(name);
        drop(state);
        self
    }

    /// Adds an execution that has ended.
    #[must_use]
    pub fn ended(self, name: &ExecutionName) -> Self {
        let bed = self.running(name);
        bed.state().workflow.ended.insert(name.clone());
        bed
    }

    /// The executions for which a stop was requested, in order.
    pub fn stopped(&self) -> Vec<ExecutionName> {
        self.state().workflow.stopped.clone()
    }

    /// Whether an execution is running.
    pub fn is_running(&self, name: &ExecutionName) -> bool {
        let state = self.state();
        state.workflow.started.contains_key(name) && !state.workflow.ended.contains(name)
    }

    /// The task results that reached their task.
    pub fn task_results(&self) -> Vec<(TaskToken, TaskResult)> {
        self.state().workflow.task_results.clone()
    }

    /// Ends the task of this token.
    #[must_use]
    pub fn with_ended_task(self, token: TaskToken) -> Self {
        self.state().workflow.ended_tasks.insert(token);
        self
    }

    /// Sets the view of an execution.
    #[must_use]
    pub fn execution(self, name: ExecutionName, view: ExecutionView) -> Self {
        self.state().workflow.views.insert(name, view);
        self
    }
}

#[expect(clippy::needless_pass_by_value, reason = "taken as `map_err` gives it")]
fn unavailable(fault: InjectedFault) -> WorkflowUnavailable {
    WorkflowUnavailable(format!("{fault:?}"))
}

impl StartExecution for FakeWorkflow {
    async fn start(&self, name: &ExecutionName, input: &Value) -> Result<(), WorkflowUnavailable> {
        let start = |state: &mut super::State| {
            state.workflow.started.entry(name.clone()).or_insert_with(|| input.clone());
        };
        self.0.call("workflow.start", start).await.map_err(unavailable)
    }
}

impl StopExecution for FakeWorkflow {
    async fn stop(
        &self,
        name: &ExecutionName,
        _cause: &'static str,
    ) -> Result<(), WorkflowUnavailable> {
        let stop = |state: &mut super::State| {
            state.workflow.stopped.push(name.clone());
            if state.workflow.started.contains_key(name) {
                state.workflow.ended.insert(name.clone());
            }
        };
        self.0.call("workflow.stop", stop).await.map_err(unavailable)
    }
}

impl DescribeExecution for FakeWorkflow {
    async fn execution_state(
        &self,
        name: &ExecutionName,
    ) -> Result<Option<ExecutionState>, WorkflowUnavailable> {
        let read = |state: &mut super::State| {
            state.workflow.started.contains_key(name).then(|| {
                let ended = state.workflow.ended.contains(name);
                if ended { ExecutionState::Ended } else { ExecutionState::Running }
            })
        };
        self.0.call("workflow.status", read).await.map_err(unavailable)
    }
}

impl SendTaskResult for FakeWorkflow {
    async fn send(
        &self,
        token: &TaskToken,
        result: &TaskResult,
    ) -> Result<TaskDelivery, WorkflowUnavailable> {
        let send = |state: &mut super::State| {
            if !state.workflow.ended_tasks.insert(token.clone()) {
                return TaskDelivery::TaskEnded;
            }
            state.workflow.task_results.push((token.clone(), result.clone()));
            TaskDelivery::Delivered
        };
        self.0.call("workflow.send", send).await.map_err(unavailable)
    }
}

impl ReadExecution for FakeWorkflow {
    async fn read(
        &self,
        name: &ExecutionName,
    ) -> Result<Option<ExecutionView>, WorkflowUnavailable> {
        let read = |state: &mut super::State| state.workflow.views.get(name).cloned();
        self.0.call("workflow.read", read).await.map_err(unavailable)
    }
}
