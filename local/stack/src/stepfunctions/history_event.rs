//! Fields and kinds of history events that several readers of a history need.

use asl::{EventType, HistoryEvent};

/// Whether the event reports a failed attempt of a task, or a failed evaluation.
pub(crate) fn is_failure(event_type: EventType) -> bool {
    matches!(
        event_type,
        EventType::ActivityFailed
            | EventType::ActivityTimedOut
            | EventType::ActivityScheduleFailed
            | EventType::LambdaFunctionFailed
            | EventType::LambdaFunctionTimedOut
            | EventType::LambdaFunctionScheduleFailed
            | EventType::LambdaFunctionStartFailed
            | EventType::TaskFailed
            | EventType::TaskTimedOut
            | EventType::TaskStartFailed
            | EventType::TaskSubmitFailed
            | EventType::EvaluationFailed
    )
}

/// The error of an event. The name of the details object depends on the event's type; an
/// event has one at most.
pub(crate) fn event_error(event: &HistoryEvent) -> Option<String> {
    let details = event.details.as_object()?.values().next()?;
    Some(details.get("error")?.as_str()?.to_owned())
}

/// A text field of the event's details object of this name.
pub(crate) fn event_detail(event: &HistoryEvent, details: &str, field: &str) -> Option<String> {
    Some(event.details.get(details)?.get(field)?.as_str()?.to_owned())
}
