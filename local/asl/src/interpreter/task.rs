//! Task states: the call, its answer, and what happens when none comes.
//!
//! One entry of a Task state is one or more attempts. Each attempt has its own
//! id, token and timers, so an answer that comes after a timeout means nothing.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::error_handling::Failure;
use super::states::seconds;
use super::thread::{Doing, LARGEST_PAYLOAD, ThreadId};
use super::{
    Alarm, Command, Execution, IntegrationPattern, Resource, TaskId, TaskRequest, TimerId,
    TimerKind,
};
use crate::definition::{Seconds, State, Task};
use crate::history::{self, EventType};

/// One call that is under way.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) thread: ThreadId,
    resource: Resource,
    token: Option<String>,
    started: bool,
    submitted: bool,
    timeout: Option<TimerId>,
    heartbeat_seconds: Option<u64>,
    heartbeat: Option<TimerId>,
}

impl Execution {
    /// Begins an attempt.
    pub(super) fn call(&mut self, id: ThreadId, state: &State, task: &Task) -> Result<(), Failure> {
        let request = self.request(id, state, task)?;
        self.last_task += 1;
        let attempt = TaskId(self.last_task);
        let details = self.scheduled(id, &request)?;
        self.record(id, events(&task.resource).scheduled, details);
        // The whole wait counts, also that for a worker to take an activity up.
        let timeout = request.timeout_seconds.map(|seconds| {
            let after_ms = seconds.saturating_mul(1000);
            self.set_timer(after_ms, TimerKind::TaskTimeout, Some(attempt), Alarm::TimeOut(attempt))
        });
        self.attempts.insert(
            attempt,
            Attempt {
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
        self.set_doing(id, Doing::Calling(attempt));
        Ok(())
    }

    fn request(&self, id: ThreadId, state: &State, task: &Task) -> Result<TaskRequest, Failure> {
        let thread = &self.threads[&id];
        let token = self.new_token(&task.resource);
        let mut view = self.view(thread);
        if let Some(token) = &token {
            view = view.with_token(token);
        }
        let fault = |fault| self.fault(id, &fault);
        let input = state.flow.input.of(&view.scope(&thread.step.input.value)).map_err(fault)?;
        let scope = view.scope(&input);
        let number = |field: &str, number: &Option<Seconds>| match number {
            None => Ok(None),
            Some(Seconds::Fixed(number)) => Ok(Some(*number)),
            Some(Seconds::At(path)) => self.parameter(id, field, path, &scope, seconds).map(Some),
        };
        let credentials = task.credentials.as_ref().map(|template| template.evaluate(&scope));
        Ok(TaskRequest {
            state: state.name.clone(),
            attempt: u32::try_from(thread.step.retries).unwrap_or(u32::MAX).saturating_add(1),
            resource: task.resource.clone(),
            timeout_seconds: number("TimeoutSecondsPath", &task.timeout)?,
            heartbeat_seconds: number("HeartbeatSecondsPath", &task.heartbeat)?,
            credentials: credentials.transpose().map_err(fault)?,
            parameters: state.flow.payload(&scope).map_err(fault)?,
            token,
        })
    }

    /// The token that answers the next attempt, where something else than the call
    /// itself may answer it.
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
        let Some(attempt) = self.attempts.get_mut(&task) else { return };
        if std::mem::replace(&mut attempt.started, true) {
            return;
        }
        let (id, resource) = (attempt.thread, attempt.resource.clone());
        let details = match (&resource, worker) {
            (Resource::Lambda { .. }, _) | (Resource::Activity { .. }, None) => history::none(),
            (Resource::Activity { .. }, Some(worker)) => {
                json!({ "activityStartedEventDetails": { "workerName": worker } })
            }
            (Resource::Service { .. }, _) => {
                json!({ "taskStartedEventDetails": with_resource(&resource, Map::new()) })
            }
        };
        self.record(id, events(&resource).started, details);
        self.expect_heartbeat(task);
    }

    pub(super) fn task_submitted(&mut self, task: TaskId, output: &str) {
        let Some(attempt) = self.attempts.get(&task) else { return };
        if attempt.submitted || !is_submitted(&attempt.resource) {
            return;
        }
        self.task_started(task, None);
        let Some(attempt) = self.attempts.get_mut(&task) else { return };
        attempt.submitted = true;
        let (id, resource) = (attempt.thread, attempt.resource.clone());
        let details = with_resource(&resource, output_details(output));
        let details = json!({ "taskSubmittedEventDetails": details });
        self.record(id, EventType::TaskSubmitted, details);
    }

    pub(super) fn task_succeeded(&mut self, task: TaskId, output: &str) {
        if !self.attempts.contains_key(&task) {
            return;
        }
        self.task_started(task, None);
        let Some(attempt) = self.attempts.get(&task) else { return };
        let resource = attempt.resource.clone();
        if output.len() > LARGEST_PAYLOAD {
            let failure = Failure::too_large(resource_name(&resource));
            return self.task_failed(task, failure.error, failure.cause);
        }
        let result = match serde_json::from_str::<Value>(output) {
            Ok(result) => result,
            Err(error) => {
                let cause = format!("The task's output is not JSON: {error}");
                return self.task_failed(task, Some("States.Runtime".to_owned()), Some(cause));
            }
        };
        let Some(id) = self.release(task) else { return };
        let events = events(&resource);
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
        if !self.attempts.contains_key(&task) {
            return;
        }
        self.task_started(task, None);
        let Some(attempt) = self.attempts.get(&task) else { return };
        let resource = attempt.resource.clone();
        let never_submitted = is_submitted(&resource) && !attempt.submitted;
        let Some(id) = self.release(task) else { return };
        let events = events(&resource);
        let (event_type, key) = if never_submitted {
            (EventType::TaskSubmitFailed, "taskSubmitFailedEventDetails")
        } else {
            (events.failed, events.failed_key)
        };
        self.record(
            id,
            event_type,
            end_details(key, &resource, error.as_deref(), cause.as_deref()),
        );
        self.fail(id, Failure::named(error, cause));
    }

    pub(super) fn task_alive(&mut self, task: TaskId) {
        if self.attempts.get(&task).is_some_and(|attempt| attempt.started) {
            self.expect_heartbeat(task);
        }
    }

    pub(super) fn task_timed_out(&mut self, task: TaskId, silent: bool) {
        let Some(attempt) = self.attempts.get(&task) else { return };
        let resource = attempt.resource.clone();
        let Some(id) = self.abandon(task) else { return };
        let events = events(&resource);
        let failure = Failure::timeout(silent);
        let details = end_details(events.timed_out_key, &resource, failure.error.as_deref(), None);
        self.record(id, events.timed_out, details);
        self.fail(id, failure);
    }

    /// Sets the heartbeat's timer anew, where there is one.
    fn expect_heartbeat(&mut self, task: TaskId) {
        let Some(attempt) = self.attempts.get_mut(&task) else { return };
        let Some(seconds) = attempt.heartbeat_seconds else { return };
        if let Some(timer) = attempt.heartbeat.take() {
            self.cancel_timer(timer);
        }
        let after_ms = seconds.saturating_mul(1000);
        let timer =
            self.set_timer(after_ms, TimerKind::Heartbeat, Some(task), Alarm::Silence(task));
        if let Some(attempt) = self.attempts.get_mut(&task) {
            attempt.heartbeat = Some(timer);
        }
    }

    /// Forgets an attempt that was answered, and gives its thread.
    fn release(&mut self, task: TaskId) -> Option<ThreadId> {
        let attempt = self.attempts.remove(&task)?;
        for timer in [attempt.timeout, attempt.heartbeat].into_iter().flatten() {
            self.cancel_timer(timer);
        }
        if let Some(token) = &attempt.token {
            self.tokens.remove(token);
        }
        Some(attempt.thread)
    }

    /// Forgets an attempt that was not answered, and tells the driver.
    pub(super) fn abandon(&mut self, task: TaskId) -> Option<ThreadId> {
        let thread = self.release(task)?;
        self.commands.push(Command::CancelTask { task });
        Some(thread)
    }

    fn scheduled(&self, id: ThreadId, request: &TaskRequest) -> Result<Value, Failure> {
        let resource = &request.resource;
        let parameters = self.data(id, request.parameters.clone())?;
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
        if let Some(role) = request.credentials.as_ref().and_then(|given| given.get("RoleArn")) {
            details.insert("taskCredentials".to_owned(), json!({ "roleArn": role }));
        }
        Ok(json!({ events(resource).scheduled_key: details }))
    }

    fn region(&self) -> &str {
        self.start.execution_arn.split(':').nth(3).unwrap_or_default()
    }
}

/// The names of the events that an attempt leaves, by what it calls.
struct Events {
    scheduled: EventType,
    scheduled_key: &'static str,
    started: EventType,
    succeeded: EventType,
    succeeded_key: &'static str,
    failed: EventType,
    failed_key: &'static str,
    timed_out: EventType,
    timed_out_key: &'static str,
}

fn events(resource: &Resource) -> &'static Events {
    match resource {
        Resource::Lambda { .. } => &Events {
            scheduled: EventType::LambdaFunctionScheduled,
            scheduled_key: "lambdaFunctionScheduledEventDetails",
            started: EventType::LambdaFunctionStarted,
            succeeded: EventType::LambdaFunctionSucceeded,
            succeeded_key: "lambdaFunctionSucceededEventDetails",
            failed: EventType::LambdaFunctionFailed,
            failed_key: "lambdaFunctionFailedEventDetails",
            timed_out: EventType::LambdaFunctionTimedOut,
            timed_out_key: "lambdaFunctionTimedOutEventDetails",
        },
        Resource::Activity { .. } => &Events {
            scheduled: EventType::ActivityScheduled,
            scheduled_key: "activityScheduledEventDetails",
            started: EventType::ActivityStarted,
            succeeded: EventType::ActivitySucceeded,
            succeeded_key: "activitySucceededEventDetails",
            failed: EventType::ActivityFailed,
            failed_key: "activityFailedEventDetails",
            timed_out: EventType::ActivityTimedOut,
            timed_out_key: "activityTimedOutEventDetails",
        },
        Resource::Service { .. } => &Events {
            scheduled: EventType::TaskScheduled,
            scheduled_key: "taskScheduledEventDetails",
            started: EventType::TaskStarted,
            succeeded: EventType::TaskSucceeded,
            succeeded_key: "taskSucceededEventDetails",
            failed: EventType::TaskFailed,
            failed_key: "taskFailedEventDetails",
            timed_out: EventType::TaskTimedOut,
            timed_out_key: "taskTimedOutEventDetails",
        },
    }
}

/// Whether the call's own answer is the task's result.
fn is_request_response(resource: &Resource) -> bool {
    match resource {
        Resource::Lambda { .. } => true,
        Resource::Service { pattern, .. } => *pattern == IntegrationPattern::RequestResponse,
        Resource::Activity { .. } => false,
    }
}

/// Whether the call's own answer only says that the job was taken on.
fn is_submitted(resource: &Resource) -> bool {
    matches!(resource, Resource::Service { .. }) && !is_request_response(resource)
}

/// How AWS's causes call it.
fn resource_name(resource: &Resource) -> &str {
    match resource {
        Resource::Lambda { arn } | Resource::Activity { arn } => arn,
        Resource::Service { service, .. } => service,
    }
}

fn output_details(output: &str) -> Map<String, Value> {
    let mut details = Map::new();
    details.insert("output".to_owned(), output.into());
    details.insert("outputDetails".to_owned(), json!({ "truncated": false }));
    details
}

/// The details of a failure or a timeout, which name the resource only for services.
fn end_details(key: &str, resource: &Resource, error: Option<&str>, cause: Option<&str>) -> Value {
    let mut details = history::failure(key, error, cause);
    if let (Resource::Service { .. }, Some(Value::Object(fields))) =
        (resource, details.get_mut(key))
    {
        *fields = with_resource(resource, std::mem::take(fields));
    }
    details
}

fn with_resource(resource: &Resource, mut details: Map<String, Value>) -> Map<String, Value> {
    if let Resource::Service { service, api, sdk, pattern } = resource {
        let suffix = match pattern {
            IntegrationPattern::RequestResponse => "",
            IntegrationPattern::Sync => ".sync",
            IntegrationPattern::Sync2 => ".sync:2",
            IntegrationPattern::WaitForTaskToken => ".waitForTaskToken",
        };
        let prefix = if *sdk { "aws-sdk:" } else { "" };
        details.insert("resource".to_owned(), format!("{api}{suffix}").into());
        details.insert("resourceType".to_owned(), format!("{prefix}{service}").into());
    }
    details
}
