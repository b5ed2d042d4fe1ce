//! The history events of a task attempt, which AWS names after the kind of resource.

use serde_json::{Map, Value, json};

use crate::definition::Resource;
use crate::history::{self, EventType};

/// The event types of a task attempt and the names of their details.
pub(super) struct TaskEvents {
    pub(super) scheduled: EventType,
    pub(super) scheduled_key: &'static str,
    pub(super) started: EventType,
    pub(super) succeeded: EventType,
    pub(super) succeeded_key: &'static str,
    pub(super) failed: EventType,
    pub(super) failed_key: &'static str,
    pub(super) timed_out: EventType,
    pub(super) timed_out_key: &'static str,
}

pub(super) fn task_events(resource: &Resource) -> &'static TaskEvents {
    match resource {
        Resource::Lambda { .. } => &TaskEvents {
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
        Resource::Activity { .. } => &TaskEvents {
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
        Resource::Service { .. } => &TaskEvents {
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

pub(super) fn output_details(output: &str) -> Map<String, Value> {
    let mut details = Map::new();
    details.insert("output".to_owned(), output.into());
    details.insert("outputDetails".to_owned(), json!({ "truncated": false }));
    details
}

/// The details of a failure or timeout. AWS names the resource only for service integrations.
pub(super) fn failure_details(
    key: &str,
    resource: &Resource,
    error: Option<&str>,
    cause: Option<&str>,
) -> Value {
    let mut details = history::failure_details(key, error, cause);
    if let (Resource::Service { .. }, Some(Value::Object(fields))) =
        (resource, details.get_mut(key))
    {
        *fields = with_resource(resource, std::mem::take(fields));
    }
    details
}

pub(super) fn with_resource(
    resource: &Resource,
    mut details: Map<String, Value>,
) -> Map<String, Value> {
    if let Resource::Service { service, api, sdk, pattern } = resource {
        let suffix = pattern.suffix();
        let prefix = if *sdk { "aws-sdk:" } else { "" };
        details.insert("resource".to_owned(), format!("{api}{suffix}").into());
        details.insert("resourceType".to_owned(), format!("{prefix}{service}").into());
    }
    details
}
