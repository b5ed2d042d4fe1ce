//! Execution traces: the history of an execution as a text tree, reviewed like code.
//!
//! A trace has a line for each state in the order in which states were entered. Below it
//! are the attempts with their results, the waits, and the states inside a Parallel or Map
//! state. A trace is deterministic: it contains no ids and no tokens; of results only
//! booleans and words in capitals; and of times only the waits on the stack's clock.

mod describe;
mod tree;

use asl::{EventType, HistoryEvent};
use jiff::SignedDuration;

use crate::stepfunctions::{event_detail, is_failure};
use describe::{duration, error_name, is_schedule};
use tree::Tree;

/// A state that an execution entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnteredState {
    /// The state's name.
    pub name: String,
    /// The state's type: `Task`, `Choice`, ….
    pub state_type: String,
}

/// Lists the states of an execution in the order in which they were entered. A state that
/// is retried is entered once.
pub fn entered_states(history: &[HistoryEvent]) -> Vec<EnteredState> {
    history.iter().filter_map(entered_state).collect()
}

fn entered_state(event: &HistoryEvent) -> Option<EnteredState> {
    let state_type = event.event_type.as_str().strip_suffix("StateEntered")?.to_owned();
    let name = event_detail(event, "stateEnteredEventDetails", "name")?;
    Some(EnteredState { name, state_type })
}

/// Renders the trace of an execution.
pub fn render(history: &[HistoryEvent]) -> String {
    let tree = Tree::from_history(history);
    let waits = waits(history).collect();
    let mut text = headline(history);
    text.push('\n');
    tree.write(history, &waits, &mut text);
    text
}

fn headline(history: &[HistoryEvent]) -> String {
    let Some(last) = history.last() else { return "no events".to_owned() };
    let waited = waits(history).map(|(_, seconds)| seconds).sum::<i64>();
    let end = match last.event_type {
        EventType::ExecutionSucceeded => "succeeded".to_owned(),
        EventType::ExecutionFailed => format!("failed with {}", error_name(last)),
        EventType::ExecutionTimedOut => "timed out".to_owned(),
        EventType::ExecutionAborted => "aborted".to_owned(),
        _ => "still running".to_owned(),
    };
    if waited == 0 { end } else { format!("{end}, after waiting {}", duration(waited)) }
}

/// Returns each wait of at least a second: the index of the event before it, and its
/// seconds. Shorter ones are processing time, which differs between machines.
fn waits(history: &[HistoryEvent]) -> impl Iterator<Item = (usize, i64)> + '_ {
    history.iter().filter_map(|after| {
        let (index, before) = previous(history, after)?;
        let seconds = waited_seconds(history, before, after)?;
        (seconds > 0).then_some((index, seconds))
    })
}

fn previous<'a>(
    history: &'a [HistoryEvent],
    event: &HistoryEvent,
) -> Option<(usize, &'a HistoryEvent)> {
    let index = usize::try_from(event.previous_event_id.checked_sub(1)?).ok()?;
    Some((index, history.get(index)?))
}

/// Returns the seconds between two events where the execution waits between them: before
/// a retry, in a Wait state, for a task token, or for a redrive.
///
/// Processing time makes a wait longer, and a wait for a date shorter; the latter is
/// rounded. A task token or a redrive comes from outside, so its wait is rounded to hours.
fn waited_seconds(
    history: &[HistoryEvent],
    before: &HistoryEvent,
    after: &HistoryEvent,
) -> Option<i64> {
    let since = |event: &HistoryEvent| after.timestamp.duration_since(event.timestamp);
    if before.event_type == EventType::WaitStateEntered {
        return Some(rounded_to_seconds(since(before)));
    }
    if before.event_type == EventType::TaskSubmitted {
        let seconds = since(scheduled_event(history, before)?).as_secs();
        let expired = after.event_type == EventType::TaskTimedOut;
        return Some(if expired { seconds } else { rounded_to_hours(seconds) });
    }
    if after.event_type == EventType::ExecutionRedriven {
        return Some(rounded_to_hours(since(before).as_secs()));
    }
    let retried = is_failure(before.event_type) && is_schedule(after.event_type);
    retried.then(|| since(before).as_secs())
}

/// Finds the event that scheduled the task of this event.
fn scheduled_event<'a>(
    history: &'a [HistoryEvent],
    event: &'a HistoryEvent,
) -> Option<&'a HistoryEvent> {
    let mut event = event;
    while !is_schedule(event.event_type) {
        event = previous(history, event)?.1;
    }
    Some(event)
}

const fn rounded_to_hours(seconds: i64) -> i64 {
    (seconds + 1800) / 3600 * 3600
}

fn rounded_to_seconds(span: SignedDuration) -> i64 {
    span.as_secs() + i64::from(span.subsec_millis() >= 500)
}
