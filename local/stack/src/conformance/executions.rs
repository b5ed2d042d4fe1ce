//! Runs recorded executions and compares the results with the recordings.

use serde_json::{Map, Value, json};

use super::compare::{Pair, pair_histories};
use super::drive;
use super::report::{Group, Part, Verdict};
use super::vectors::{Event, Recording, Unrecognized};

/// Runs a recording and pairs the result with AWS's.
pub(super) fn compare(recording: &Recording) -> Verdict {
    let group = Group::Tier {
        tier: recording.tier.clone(),
        query_language: recording.query_language.clone(),
    };
    let mut verdict =
        Verdict { name: recording.name.clone(), group, parts: Vec::new(), skipped: None };
    match drive::run(recording) {
        Err(not_runnable) => verdict.skipped = Some(not_runnable.0),
        Ok(run) => match run.missing_result.filter(|_| !recording.mocks_complete) {
            Some(missing) => verdict.skipped = Some(missing),
            None => verdict.parts = pairs(recording, run.outcome, &run.history),
        },
    }
    verdict
}

/// A recording with an unknown format counts as one that disagrees.
pub(super) fn skip(unrecognized: &Unrecognized) -> Verdict {
    let Unrecognized { name, tier, query_language, why } = unrecognized;
    let group = Group::Tier { tier: tier.clone(), query_language: query_language.clone() };
    let skipped = Some(format!("unknown format: {why}"));
    Verdict { name: name.clone(), group, parts: Vec::new(), skipped }
}

fn pairs(recording: &Recording, outcome: Value, history: &[Value]) -> Vec<(Part, Pair)> {
    let mut parts = vec![(Part::Outcome, outcomes(recording, outcome))];
    if let Some(recorded) = recorded_history(recording) {
        // If the recording stops before the end, only the beginning is compared.
        let incomplete = recording.has_flag("no_final_status_recorded");
        let length = if incomplete { recorded.len().min(history.len()) } else { history.len() };
        let sorted = recording.has_flag("parallel_history_sorted_by_localstack");
        parts.push((Part::History, pair_histories(&recorded, &history[..length], sorted)));
    }
    parts
}

/// Status, output, error and cause; nothing for a recording without a status.
fn outcomes(recording: &Recording, mut actual: Value) -> Pair {
    let mut recorded = recording.expected.clone();
    recorded.remove("describe");
    if recorded.get("status").is_none_or(Value::is_null) {
        recorded.remove("status");
        actual = json!({});
    }
    let mut recorded = Value::Object(recorded);
    mark_placeholders(recording, &mut recorded);
    Pair { recorded, actual }
}

fn recorded_history(recording: &Recording) -> Option<Vec<Value>> {
    let events = recording.expected_history.as_ref()?;
    let mut events: Vec<Value> = events.iter().map(event).collect();
    if recording.has_flag("history_recorded_reversed") {
        events.reverse();
    }
    for event in &mut events {
        mark_placeholders(recording, event);
    }
    Some(events)
}

fn event(event: &Event) -> Value {
    let details = match &event.details {
        Value::Null => Value::Object(Map::new()),
        details => details.clone(),
    };
    json!({"id": event.id, "prev": event.prev, "type": event.kind, "details": details})
}

/// Rewrites three kinds of text that stand for an omitted value into placeholders: the name of a
/// detail (`stateExitedEventDetails.output`), the word for a random number, and a placeholder
/// within a placeholder (`<<task_token>:1>`).
fn mark_placeholders(recording: &Recording, value: &mut Value) {
    let random = recording.has_flag("random");
    match value {
        Value::String(text) if text.ends_with("EventDetails.output") => {
            *value = json!("<output>");
        }
        Value::String(text) if random && text.ends_with("NumberGenerated") => {
            *value = json!("<number>");
        }
        Value::String(text) if text.starts_with("<<") && text.ends_with('>') => {
            *text = format!("<{}>", text.replace(['<', '>'], ""));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mark_placeholders(recording, item)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|field| mark_placeholders(recording, field));
        }
        _ => {}
    }
}
