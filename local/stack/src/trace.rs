//! The transcript of an execution: a tree of text that is read in review like code.
//!
//! A line for each state, in the order in which they were entered; under it each
//! attempt, what came of it, how long was waited, and, for Parallel and Map, the
//! states inside. It is deterministic: no ids, no tokens; of results only answers
//! of the yes-or-no and the OUTCOME kind; and of times only the waits, whose sum is
//! the time of the execution on the stack's clock.

mod tree;

use asl::{EventType, HistoryEvent};
use jiff::SignedDuration;
use serde_json::{Map, Value};

use crate::stepfunctions::{detail, error, is_failure};
use tree::Tree;

/// The names of the states in the order in which they were entered. A state that
/// is tried again was entered once.
pub fn states_entered(history: &[HistoryEvent]) -> Vec<String> {
    history.iter().filter(|event| is_entry(event)).filter_map(entered).collect()
}

/// The transcript of an execution.
pub fn render(history: &[HistoryEvent]) -> String {
    let tree = Tree::grow(history);
    let mut text = String::new();
    text.push_str(&headline(history));
    text.push('\n');
    tree.write(history, &mut text);
    text
}

fn headline(history: &[HistoryEvent]) -> String {
    let Some(last) = history.last() else { return "nothing happened".to_owned() };
    let waited = waits(history).map(|(_, wait)| wait).sum::<i64>();
    let end = match last.event_type {
        EventType::ExecutionSucceeded => "succeeded".to_owned(),
        EventType::ExecutionFailed => format!("failed with {}", named(last)),
        EventType::ExecutionTimedOut => "timed out".to_owned(),
        EventType::ExecutionAborted => "was stopped".to_owned(),
        _ => "still runs".to_owned(),
    };
    if waited == 0 { end } else { format!("{end}, after waiting {}", duration(waited)) }
}

/// Each wait of at least a second: after which event (by index), and how long.
/// Whatever is shorter is work, and not the same on every machine.
fn waits(history: &[HistoryEvent]) -> impl Iterator<Item = (usize, i64)> + '_ {
    history.iter().filter_map(|after| {
        let (index, before) = before(history, after)?;
        let seconds = waited(history, before, after)?;
        (seconds > 0).then_some((index, seconds))
    })
}

fn before<'a>(
    history: &'a [HistoryEvent],
    event: &HistoryEvent,
) -> Option<(usize, &'a HistoryEvent)> {
    let index = usize::try_from(event.previous_event_id.checked_sub(1)?).ok()?;
    Some((index, history.get(index)?))
}

/// How long was waited between two events, where an execution waits between them
/// and does not work: a pause before a retry, a Wait state, an answer from outside,
/// a redrive. Work makes a wait longer, and the one for a date shorter. When an
/// answer or a redrive comes is somebody else's doing: it is told to the hour.
fn waited(history: &[HistoryEvent], before: &HistoryEvent, after: &HistoryEvent) -> Option<i64> {
    let since = |event: &HistoryEvent| after.timestamp.duration_since(event.timestamp);
    if before.event_type == EventType::WaitStateEntered {
        return Some(nearest(since(before)));
    }
    if before.event_type == EventType::TaskSubmitted {
        let seconds = since(scheduled(history, before)?).as_secs();
        let expired = after.event_type == EventType::TaskTimedOut;
        return Some(if expired { seconds } else { to_the_hour(seconds) });
    }
    let tried_again = is_failure(before.event_type) && is_schedule(after.event_type);
    if after.event_type == EventType::ExecutionRedriven {
        return Some(to_the_hour(since(before).as_secs()));
    }
    tried_again.then(|| since(before).as_secs())
}

/// The event with which the task of this event began.
fn scheduled<'a>(history: &'a [HistoryEvent], event: &'a HistoryEvent) -> Option<&'a HistoryEvent> {
    let mut event = event;
    while !is_schedule(event.event_type) {
        event = before(history, event)?.1;
    }
    Some(event)
}

fn is_schedule(event_type: EventType) -> bool {
    matches!(
        event_type,
        EventType::LambdaFunctionScheduled
            | EventType::TaskScheduled
            | EventType::ActivityScheduled
    )
}

fn to_the_hour(seconds: i64) -> i64 {
    (seconds + 1800) / 3600 * 3600
}

fn nearest(span: SignedDuration) -> i64 {
    span.as_secs() + i64::from(span.subsec_millis() >= 500)
}

/// `3 s`, `15 min`, `2 h 30 min`, `4 d 1 h`; to the minute where it is over an hour.
fn duration(seconds: i64) -> String {
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

fn is_entry(event: &HistoryEvent) -> bool {
    event.event_type.as_str().ends_with("StateEntered")
}

fn is_exit(event: &HistoryEvent) -> bool {
    event.event_type.as_str().ends_with("StateExited")
}

fn entered(event: &HistoryEvent) -> Option<String> {
    detail(event, "stateEnteredEventDetails", "name")
}

fn named(event: &HistoryEvent) -> String {
    error(event).unwrap_or_else(|| "an error without a name".to_owned())
}

/// What a task calls, without what varies: the function's name, or the API's, and
/// the operation that it is asked for.
fn called(scheduled: &HistoryEvent) -> Option<String> {
    let details = scheduled.details.as_object()?.values().next()?;
    let text = |field: &str| details.get(field).and_then(Value::as_str);
    let resource = text("resource")?;
    let sent = text("input").or_else(|| text("parameters"));
    let sent: Option<Value> = sent.and_then(|sent| serde_json::from_str(sent).ok());
    let operation = sent.as_ref().and_then(|sent| sent.get("operation")?.as_str());
    let callee = match text("resourceType") {
        Some(service) => format!("{service}:{resource}"),
        None => function_name(resource).to_owned(),
    };
    Some(operation.map_or_else(|| callee.clone(), |operation| format!("{callee} {operation}")))
}

/// The name in a function's ARN; an ARN of a version or an alias ends with it.
fn function_name(arn: &str) -> &str {
    arn.split(':').nth(6).unwrap_or(arn)
}

/// What a result says, of the things that are the same on every run: yes and no,
/// and words in capitals.
fn told(event: &HistoryEvent) -> String {
    let output = event.details.as_object().and_then(|details| {
        let output = details.values().next()?.get("output")?.as_str()?;
        serde_json::from_str::<Map<String, Value>>(output).ok()
    });
    let told = output.into_iter().flatten().filter_map(|(name, value)| match value {
        Value::Bool(flag) => Some(format!("{name} {flag}")),
        Value::String(word) if is_outcome(&word) => Some(format!("{name} {word}")),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    if told.is_empty() { "done".to_owned() } else { told.join(", ") }
}

fn is_outcome(word: &str) -> bool {
    word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}
