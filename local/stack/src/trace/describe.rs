//! Describes single events of a history: what a task calls, what it returned, how long a
//! wait was.

use asl::{EventType, HistoryEvent};
use serde_json::{Map, Value};

use crate::stepfunctions::event_error;

/// Formats seconds: `3 s`, `15 min`, `2 h 30 min`, `4 d 1 h`. From an hour on, they are
/// rounded to minutes.
pub(super) fn duration(seconds: i64) -> String {
    let seconds = if seconds < 3600 { seconds } else { (seconds + 30) / 60 * 60 };
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts.map(|(count, unit)| format!("{count} {unit}")).collect();
    parts.join(" ")
}

/// Whether a state was entered.
pub(super) fn is_entry(event: &HistoryEvent) -> bool {
    event.event_type.as_str().ends_with("StateEntered")
}

/// Whether a state was exited.
pub(super) fn is_exit(event: &HistoryEvent) -> bool {
    event.event_type.as_str().ends_with("StateExited")
}

/// Whether an attempt of a task was scheduled.
pub(super) const fn is_schedule(event_type: EventType) -> bool {
    matches!(
        event_type,
        EventType::LambdaFunctionScheduled
            | EventType::TaskScheduled
            | EventType::ActivityScheduled
    )
}

/// Returns the name of the error that an event carries.
pub(super) fn error_name(event: &HistoryEvent) -> String {
    event_error(event).unwrap_or_else(|| "an unnamed error".to_owned())
}

/// Returns what a task calls: the function or the API, and the operation in its input.
pub(super) fn call(scheduled: &HistoryEvent) -> Option<String> {
    let details = scheduled.details.as_object()?.values().next()?;
    let text = |field: &str| details.get(field).and_then(Value::as_str);
    let resource = text("resource")?;
    let input = text("input").or_else(|| text("parameters"));
    let input: Option<Value> = input.and_then(|input| serde_json::from_str(input).ok());
    let operation = input.as_ref().and_then(|input| input.get("operation")?.as_str());
    let callee = match text("resourceType") {
        Some(service) => format!("{service}:{resource}"),
        None => function_name(resource).to_owned(),
    };
    Some(operation.map_or_else(|| callee.clone(), |operation| format!("{callee} {operation}")))
}

/// Returns the function's name in an ARN, which may end with a version or an alias.
fn function_name(arn: &str) -> &str {
    arn.split(':').nth(6).unwrap_or(arn)
}

/// Returns the fields of a task's result that are the same on every run: booleans and
/// words in capitals.
pub(super) fn result(event: &HistoryEvent) -> String {
    let output = event.details.as_object().and_then(|details| {
        let output = details.values().next()?.get("output")?.as_str()?;
        serde_json::from_str::<Map<String, Value>>(output).ok()
    });
    let fields = output.into_iter().flatten().filter_map(|(name, value)| match value {
        Value::Bool(flag) => Some(format!("{name} {flag}")),
        Value::String(word) if is_constant(&word) => Some(format!("{name} {word}")),
        _ => None,
    });
    let fields: Vec<_> = fields.collect();
    if fields.is_empty() { "done".to_owned() } else { fields.join(", ") }
}

fn is_constant(word: &str) -> bool {
    word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}
