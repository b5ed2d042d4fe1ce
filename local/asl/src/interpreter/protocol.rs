//! The messages between a driver and an execution: [`Event`]s go in, [`Command`]s come out.
//!
//! Events are serializable, because a stored execution consists of its [`StartParameters`] and the
//! events it has handled.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::definition::Resource;

/// The parameters of a new execution: everything it knows about its environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartParameters {
    /// `arn:aws:states:…:execution:…`, read as `$$.Execution.Id`.
    pub execution_arn: String,
    /// Read as `$$.Execution.Name`.
    pub execution_name: String,
    /// Read as `$$.StateMachine.Id`.
    pub state_machine_arn: String,
    /// Read as `$$.StateMachine.Name`.
    pub state_machine_name: String,
    /// The role of the state machine, read as `$$.Execution.RoleArn`.
    pub role_arn: String,
    /// The input as sent: JSON text.
    pub input: String,
    /// Whether the execution can be redriven: true for Standard, false for Express. Only redrivable
    /// executions have `RedriveCount` in their context object.
    #[serde(default = "redrivable")]
    pub redrivable: bool,
    /// The seed for jitter, UUIDs, random numbers and task tokens.
    pub seed: u64,
}

fn redrivable() -> bool {
    true
}

/// Identifies an attempt of a Task state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub u64);

/// Identifies a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimerId(pub u64);

/// An event that the driver reports to an execution.
///
/// An event that is late, repeated or about an unknown task or timer changes nothing and produces
/// no commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub enum Event {
    /// The task started: the call was made, or a worker polled the activity task.
    TaskStarted {
        /// The attempt.
        task: TaskId,
        /// The name of the activity worker, if it gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        worker: Option<String>,
    },
    /// The service accepted the job; the result comes later (`.sync`, `.waitForTaskToken`).
    TaskSubmitted {
        /// The attempt.
        task: TaskId,
        /// The response of the service, JSON text.
        output: String,
    },
    /// The task succeeded.
    TaskSucceeded {
        /// The attempt.
        task: TaskId,
        /// The result, JSON text.
        output: String,
    },
    /// The task failed.
    TaskFailed {
        /// The attempt.
        task: TaskId,
        /// The error name, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// The cause, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
    },
    /// The worker sent a heartbeat.
    TaskHeartbeat {
        /// The attempt.
        task: TaskId,
    },
    /// A timer is due.
    TimerFired {
        /// The timer.
        timer: TimerId,
    },
    /// A client called `StopExecution`.
    StopRequested {
        /// The error name given in the call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// The cause given in the call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
    },
    /// A client called `RedriveExecution`.
    Redriven,
}

/// A command that an execution gives to its driver.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "commands are few and short-lived")]
pub enum Command {
    /// Make the call and report [`Event::TaskSucceeded`] or [`Event::TaskFailed`]. For `.sync` and
    /// `.waitForTaskToken`, report [`Event::TaskSubmitted`] when the service accepts the job.
    StartTask {
        /// The attempt; events about it carry this id.
        task: TaskId,
        /// What to call.
        request: TaskRequest,
    },
    /// The attempt timed out or was aborted. Its result is ignored.
    CancelTask {
        /// The attempt.
        task: TaskId,
    },
    /// Report [`Event::TimerFired`] when the timer is due.
    SetTimer {
        /// The timer; the event carries this id.
        timer: TimerId,
        /// When the timer is due.
        due: Timestamp,
        /// The purpose of the timer.
        kind: TimerKind,
        /// The attempt it belongs to, if any.
        task: Option<TaskId>,
    },
    /// The timer is no longer needed.
    CancelTimer {
        /// The timer.
        timer: TimerId,
    },
}

/// The purpose of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TimerKind {
    /// A Wait state.
    Wait,
    /// The delay before the next attempt.
    RetryDelay,
    /// `TimeoutSeconds` of a Task state.
    TaskTimeout,
    /// `HeartbeatSeconds` of a Task state.
    Heartbeat,
    /// `TimeoutSeconds` of the state machine.
    ExecutionTimeout,
}

/// A task to run.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRequest {
    /// The name of the Task state.
    pub state: String,
    /// The number of the attempt in this visit of the state; the first is 1.
    pub attempt: u32,
    /// What to call.
    pub resource: Resource,
    /// The payload: the Lambda event, the API parameters or the activity input.
    pub parameters: Value,
    /// The task token, for `.waitForTaskToken` and activities.
    pub token: Option<String>,
    /// `TimeoutSeconds` of the state. The execution also sets a timer for it.
    pub timeout_seconds: Option<u64>,
    /// `HeartbeatSeconds` of the state. The execution also sets a timer for it.
    pub heartbeat_seconds: Option<u64>,
    /// The evaluated `Credentials` of the state.
    pub credentials: Option<Value>,
}

/// The status of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecutionStatus {
    /// Not ended.
    Running,
    /// Succeeded.
    Succeeded {
        /// The output, JSON text.
        output: String,
    },
    /// Failed.
    Failed {
        /// The error name, if there is one.
        error: Option<String>,
        /// The cause, if there is one.
        cause: Option<String>,
    },
    /// Ran longer than `TimeoutSeconds` of the state machine.
    TimedOut,
    /// Aborted by `StopExecution`.
    Aborted {
        /// The error name given in the call.
        error: Option<String>,
        /// The cause given in the call.
        cause: Option<String>,
    },
}
