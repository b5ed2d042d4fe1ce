//! What the driver and an execution say to each other.
//!
//! [`Event`]s go in, [`Command`]s come out. Events are serialisable, because
//! an execution is stored as its [`StartParameters`] and the events that it was told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How an execution begins: everything that it knows of the world outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartParameters {
    /// `arn:aws:states:…:execution:…`, seen as `$$.Execution.Id`.
    pub execution_arn: String,
    /// Seen as `$$.Execution.Name`.
    pub execution_name: String,
    /// Seen as `$$.StateMachine.Id`.
    pub state_machine_arn: String,
    /// Seen as `$$.StateMachine.Name`.
    pub state_machine_name: String,
    /// The role of the state machine, seen as `$$.Execution.RoleArn`.
    pub role_arn: String,
    /// The input as it was sent: JSON text.
    pub input: String,
    /// Whether it can be redriven, as Standard executions can and Express ones
    /// cannot: only then the context object counts the redrives.
    #[serde(default = "redrivable")]
    pub redrivable: bool,
    /// Where jitter, UUIDs, random numbers and task tokens are drawn from.
    pub seed: u64,
}

fn redrivable() -> bool {
    true
}

/// One attempt of one Task state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub u64);

/// One timer that an execution has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimerId(pub u64);

/// What the driver tells an execution.
///
/// An event that is late, repeated, or about something that the execution does
/// not know changes nothing and is answered with no command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub enum Event {
    /// The task was taken up: the call was begun, or a worker fetched it.
    TaskStarted {
        /// Which attempt.
        task: TaskId,
        /// The activity worker's name, where it gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        worker: Option<String>,
    },
    /// The service took the job, and the result comes later (`.sync`, `.waitForTaskToken`).
    TaskSubmitted {
        /// Which attempt.
        task: TaskId,
        /// The service's answer, JSON text.
        output: String,
    },
    /// The task's result is there.
    TaskSucceeded {
        /// Which attempt.
        task: TaskId,
        /// The result, JSON text.
        output: String,
    },
    /// The task failed.
    TaskFailed {
        /// Which attempt.
        task: TaskId,
        /// The error's name, where one was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// The error's cause, where one was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
    },
    /// The worker is still alive.
    TaskHeartbeat {
        /// Which attempt.
        task: TaskId,
    },
    /// A timer is due.
    TimerFired {
        /// Which timer.
        timer: TimerId,
    },
    /// Somebody called `StopExecution`.
    StopRequested {
        /// As given in the call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// As given in the call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
    },
    /// Somebody called `RedriveExecution`.
    Redriven,
}

/// What an execution asks of the driver.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "commands are few and are used up at once")]
pub enum Command {
    /// Call it, and answer with [`Event::TaskSucceeded`] or [`Event::TaskFailed`]
    /// (or [`Event::TaskSubmitted`] first, where the pattern waits for more).
    StartTask {
        /// To be named in the answer.
        task: TaskId,
        /// What to call.
        request: TaskRequest,
    },
    /// The attempt timed out or was aborted: its answer no longer counts.
    CancelTask {
        /// Which attempt.
        task: TaskId,
    },
    /// Send [`Event::TimerFired`] when it is due.
    SetTimer {
        /// To be named in the event.
        timer: TimerId,
        /// When.
        due: Timestamp,
        /// What for.
        kind: TimerKind,
        /// The attempt that it belongs to, where there is one.
        task: Option<TaskId>,
    },
    /// The timer is of no more use.
    CancelTimer {
        /// Which timer.
        timer: TimerId,
    },
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TimerKind {
    /// A Wait state.
    Wait,
    /// The pause before the next attempt.
    RetryDelay,
    /// A Task's `TimeoutSeconds`.
    TaskTimeout,
    /// A Task's `HeartbeatSeconds`.
    Heartbeat,
    /// The state machine's `TimeoutSeconds`.
    ExecutionTimeout,
}

/// A task to run.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRequest {
    /// The name of the Task state.
    pub state: String,
    /// Which attempt of this entry of the state; the first is 1.
    pub attempt: u32,
    /// What to call.
    pub resource: Resource,
    /// What to pass: the Lambda's payload, the API's parameters, the activity's input.
    pub parameters: Value,
    /// The token that answers it, for `.waitForTaskToken` and activities.
    pub token: Option<String>,
    /// The state's `TimeoutSeconds`. The execution sets a timer for it as well.
    pub timeout_seconds: Option<u64>,
    /// The state's `HeartbeatSeconds`. The execution sets a timer for it as well.
    pub heartbeat_seconds: Option<u64>,
    /// The state's `Credentials`, evaluated.
    pub credentials: Option<Value>,
}

/// What a Task state calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A Lambda function by its ARN.
    Lambda {
        /// The function's ARN, with or without a qualifier.
        arn: String,
    },
    /// An API: `arn:aws:states:::dynamodb:putItem`, `arn:aws:states:::aws-sdk:s3:getObject`, ….
    Service {
        /// The service, without the `aws-sdk:` prefix.
        service: String,
        /// The API's name as written in the ARN, without the pattern.
        api: String,
        /// An `aws-sdk:` integration, not an optimised one.
        sdk: bool,
        /// When the task is done.
        pattern: IntegrationPattern,
    },
    /// An activity by its ARN.
    Activity {
        /// The activity's ARN.
        arn: String,
    },
}

/// When a service task is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntegrationPattern {
    /// When the call has answered.
    RequestResponse,
    /// When the job that the call began has ended (`.sync`).
    Sync,
    /// As [`IntegrationPattern::Sync`], with the job's output as JSON (`.sync:2`).
    Sync2,
    /// When somebody answers the task's token (`.waitForTaskToken`).
    WaitForTaskToken,
}

/// Where an execution stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecutionStatus {
    /// Not yet ended.
    Running,
    /// Ended well.
    Succeeded {
        /// JSON text.
        output: String,
    },
    /// Ended with an error.
    Failed {
        /// The error's name, where there is one.
        error: Option<String>,
        /// The error's cause, where there is one.
        cause: Option<String>,
    },
    /// Ran longer than the state machine's `TimeoutSeconds`.
    TimedOut,
    /// Was stopped.
    Aborted {
        /// As given in the call.
        error: Option<String>,
        /// As given in the call.
        cause: Option<String>,
    },
}
