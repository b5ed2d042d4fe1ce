//! Task states: starting an attempt, its progress, and its end.
//!
//! One visit of a Task state makes one or more attempts. Each attempt has its own id, task token
//! and timers, so a response that arrives after a timeout has no effect.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::execution::{Execution, TimerAction};
use super::failure::{Failure, STATES_RUNTIME};
use super::payload::{MAX_PAYLOAD_BYTES, seconds};
use super::protocol::{Command, TaskId, TaskRequest, TimerKind};
use super::task_attempt::TaskAttempt;
use super::task_events::{failure_details, output_details, task_events, with_resource};
use super::thread::{Phase, ThreadId};
use crate::definition::{IntegrationPattern, NumberOrPath, Resource, State, Task};
use crate::history::{self, EventType};

impl Execution {
    /// Starts an attempt.
    pub(super) fn start_task(
        &mut self,
        id: ThreadId,
        state: &State,
        task: &Task,
    ) -> Result<(), Failure> {
        let request = self.task_request(id, state, task)?;
        self.last_task += 1;
        let attempt = TaskId(self.last_task);
        let details = self.scheduled_details(id, &request)?;
        self.record(id, task_events(&task.resource).scheduled, details);
        // The timeout includes the time until a worker polls an activity task.
        let timeout = request.timeout_seconds.map(|seconds| {
            let after_ms = seconds.saturating_mul(1000);
            self.set_timer(
                after_ms,
                TimerKind::TaskTimeout,
                Some(attempt),
                TimerAction::TimeOutTask(attempt),
            )
        });
        self.task_attempts.insert(
            attempt,
            TaskAttempt {
                thread: id,
                resource: request.resource.clone(),
                token: request.token.clone(),
                started: false,
                submitted: false,
                timeout,
                heartbeat_seconds: request.heartbeat_seconds,
                heartbeat: None,
            },
        );
        self.tokens.extend(request.token.clone().map(|token| (token, attempt)));
        self.commands.push(Command::StartTask { task: attempt, request });
        self.set_phase(id, Phase::RunningTask(attempt));
        Ok(())
    }

    fn task_request(
        &self,
        id: ThreadId,
        state: &State,
        task: &Task,
    ) -> Result<TaskRequest, Failure> {
        let thread = &self.threads[&id];
        let token = self.new_token(&task.resource);
        let mut evaluation = self.evaluation_context(thread);
        if let Some(token) = &token {
            evaluation = evaluation.with_token(token);
        }
        let to_failure = |error| self.evaluation_failure(id, &error);
        let input = state
            .data_flow
            .input_path
            .select(&evaluation.scope(&thread.visit.input.value))
            .map_err(to_failure)?;
        let scope = evaluation.scope(&input);
        let read_number = |field: &str, number: &Option<NumberOrPath>| match number {
            None => Ok(None),
            Some(NumberOrPath::Number(number)) => Ok(Some(*number)),
            Some(NumberOrPath::Path(path)) => {
                // AWS names these fields in the cause only if there is a value.
                path.read(&scope).map_err(|error| self.evaluation_failure(id, &error.into()))?;
                self.read_path_field(id, field, path, &scope, seconds).map(Some)
            }
        };
        let credentials = task.credentials.as_ref().map(|template| template.evaluate(&scope));
        Ok(TaskRequest {
            state: state.name.clone(),
            attempt: u32::try_from(thread.visit.retries).unwrap_or(u32::MAX).saturating_add(1),
            resource: task.resource.clone(),
            timeout_seconds: read_number("TimeoutSecondsPath", &task.timeout)?,
            heartbeat_seconds: read_number("HeartbeatSecondsPath", &task.heartbeat)?,
            credentials: credentials.transpose().map_err(to_failure)?,
            parameters: state.data_flow.effective_input(&scope).map_err(to_failure)?,
            token,
        })
    }

    /// The task token of the next attempt, if anything other than the call's own response can
    /// complete it.
    fn new_token(&self, resource: &Resource) -> Option<String> {
        if is_request_response(resource) {
            return None;
        }
        let mut hash = Sha256::new();
        hash.update(self.start.seed.to_be_bytes());
        hash.update((self.last_task + 1).to_be_bytes());
        hash.update(self.start.execution_arn.as_bytes());
        let digest = hash.finalize();
        Some(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest))
    }

    pub(super) fn task_started(&mut self, task: TaskId, worker: Option<&str>) {
        let Some(attempt) = self.task_attempts.get_mut(&task) else { return };
        if std::mem::replace(&mut attempt.started, true) {
            return;
        }
        let (id, resource) = (attempt.thread, attempt.resource.clone());
        let details = match (&resource, worker) {
            (Resource::Lambda { .. }, _) | (Resource::Activity { .. }, None) => {
                history::no_details()
            }
            (Resource::Activity { .. }, Some(worker)) => {
                json!({ "activityStartedEventDetails": { "workerName": worker } })
            }
            (Resource::Service { .. }, _) => {
                json!({ "taskStartedEventDetails": with_resource(&resource, Map::new()) })
            }
        };
        self.record(id, task_events(&resource).started, details);
        self.restart_heartbeat_timer(task);
    }

    pub(super) fn task_submitted(&mut self, task: TaskId, output: &str) {
        let Some(attempt) = self.task_attempts.get(&task) else { return };
        if attempt.submitted || !waits_after_submission(&attempt.resource) {
            return;
        }
        self.task_started(task, None);
        let Some(attempt) = self.task_attempts.get_mut(&task) else { return };
        attempt.submitted = true;
        let (id, resource) = (attempt.thread, attempt.resource.clone());
        let details = with_resource(&resource, output_details(output));
        let details = json!({ "taskSubmittedEventDetails": details });
        self.record(id, EventType::TaskSubmitted, details);
    }

    pub(super) fn task_succeeded(&mut self, task: TaskId, output: &str) {
        if !self.task_attempts.contains_key(&task) {
            return;
        }
        self.task_started(task, None);
        let Some(attempt) = self.task_attempts.get(&task) else { return };
        let resource = attempt.resource.clone();
        if output.len() > MAX_PAYLOAD_BYTES {
            let failure = Failure::too_large(resource_name(&resource));
            return self.task_failed(task, failure.error, failure.cause);
        }
        let result = match serde_json::from_str::<Value>(output) {
            Ok(result) => result,
            Err(error) => {
                let cause = format!("The task's output is not JSON: {error}");
                return self.task_failed(task, Some(STATES_RUNTIME.to_owned()), Some(cause));
            }
        };
        let Some(id) = self.finish_attempt(task) else { return };
        let events = task_events(&resource);
        let mut details = output_details(output);
        if let Resource::Service { .. } = resource {
            details = with_resource(&resource, details);
        }
        self.record(id, events.succeeded, json!({ events.succeeded_key: details }));
        if let Err(failure) = self.complete(id, &result) {
            self.fail(id, failure);
        }
    }

    pub(super) fn task_failed(
        &mut self,
        task: TaskId,
        error: Option<String>,
        cause: Option<String>,
    ) {
        if !self.task_attempts.contains_key(&task) {
            return;
        }
        self.task_started(task, None);
        let Some(attempt) = self.task_attempts.get(&task) else { return };
        let resource = attempt.resource.clone();
        let submission_failed = waits_after_submission(&resource) && !attempt.submitted;
        let Some(id) = self.finish_attempt(task) else { return };
        let events = task_events(&resource);
        let (event_type, key) = if submission_failed {
            (EventType::TaskSubmitFailed, "taskSubmitFailedEventDetails")
        } else {
            (events.failed, events.failed_key)
        };
        self.record(
            id,
            event_type,
            failure_details(key, &resource, error.as_deref(), cause.as_deref()),
        );
        self.fail(id, Failure::new(error, cause));
    }

    pub(super) fn task_heartbeat(&mut self, task: TaskId) {
        if self.task_attempts.get(&task).is_some_and(|attempt| attempt.started) {
            self.restart_heartbeat_timer(task);
        }
    }

    pub(super) fn task_timed_out(&mut self, task: TaskId, heartbeat_missed: bool) {
        let Some(attempt) = self.task_attempts.get(&task) else { return };
        let resource = attempt.resource.clone();
        let Some(id) = self.cancel_task(task) else { return };
        let events = task_events(&resource);
        let failure = Failure::timeout(heartbeat_missed);
        let details =
            failure_details(events.timed_out_key, &resource, failure.error.as_deref(), None);
        self.record(id, events.timed_out, details);
        self.fail(id, failure);
    }

    /// Restarts the heartbeat timer, if the task has one.
    fn restart_heartbeat_timer(&mut self, task: TaskId) {
        let Some(attempt) = self.task_attempts.get_mut(&task) else { return };
        let Some(seconds) = attempt.heartbeat_seconds else { return };
        if let Some(timer) = attempt.heartbeat.take() {
            self.cancel_timer(timer);
        }
        let after_ms = seconds.saturating_mul(1000);
        let timer = self.set_timer(
            after_ms,
            TimerKind::Heartbeat,
            Some(task),
            TimerAction::TimeOutHeartbeat(task),
        );
        if let Some(attempt) = self.task_attempts.get_mut(&task) {
            attempt.heartbeat = Some(timer);
        }
    }

    /// Removes a completed attempt with its timers and token. Returns its thread.
    fn finish_attempt(&mut self, task: TaskId) -> Option<ThreadId> {
        let attempt = self.task_attempts.remove(&task)?;
        for timer in [attempt.timeout, attempt.heartbeat].into_iter().flatten() {
            self.cancel_timer(timer);
        }
        if let Some(token) = &attempt.token {
            self.tokens.remove(token);
        }
        Some(attempt.thread)
    }

    /// Removes an attempt that has not completed and tells the driver to cancel it.
    pub(super) fn cancel_task(&mut self, task: TaskId) -> Option<ThreadId> {
        let thread = self.finish_attempt(task)?;
        self.commands.push(Command::CancelTask { task });
        Some(thread)
    }

    fn scheduled_details(&self, id: ThreadId, request: &TaskRequest) -> Result<Value, Failure> {
        let resource = &request.resource;
        let parameters = self.payload_within_limits(id, request.parameters.clone())?;
        let mut details = Map::new();
        if let Resource::Lambda { arn } | Resource::Activity { arn } = resource {
            details.insert("input".to_owned(), parameters.text.into());
            details.insert("inputDetails".to_owned(), json!({ "truncated": false }));
            details.insert("resource".to_owned(), arn.as_str().into());
        } else {
            details = with_resource(resource, details);
            details.insert("region".to_owned(), self.region().into());
            details.insert("parameters".to_owned(), parameters.text.into());
        }
        let seconds = [
            ("timeoutInSeconds", request.timeout_seconds),
            ("heartbeatInSeconds", request.heartbeat_seconds),
        ];
        for (field, seconds) in seconds {
            details.extend(seconds.map(|seconds| (field.to_owned(), seconds.into())));
        }
        if let Some(role) =
            request.credentials.as_ref().and_then(|credentials| credentials.get("RoleArn"))
        {
            details.insert("taskCredentials".to_owned(), json!({ "roleArn": role }));
        }
        Ok(json!({ task_events(resource).scheduled_key: details }))
    }

    fn region(&self) -> &str {
        self.start.execution_arn.split(':').nth(3).unwrap_or_default()
    }
}

/// Whether the response of the call is the result of the task.
fn is_request_response(resource: &Resource) -> bool {
    match resource {
        Resource::Lambda { .. } => true,
        Resource::Service { pattern, .. } => *pattern == IntegrationPattern::RequestResponse,
        Resource::Activity { .. } => false,
    }
}

/// Whether the response of the call only confirms that the job was accepted.
fn waits_after_submission(resource: &Resource) -> bool {
    matches!(resource, Resource::Service { .. }) && !is_request_response(resource)
}

/// The name of a resource in AWS's causes.
fn resource_name(resource: &Resource) -> &str {
    match resource {
        Resource::Lambda { arn } | Resource::Activity { arn } => arn,
        Resource::Service { service, .. } => service,
    }
}
